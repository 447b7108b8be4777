"""The command line of scripts/bench."""

import argparse
import datetime
import pathlib
import shutil
import sys

from . import cases, examples, machine, process, results, setup, sustained
from .nginx import Nginx

README = setup.ROOT / "benches" / "README.md"
FRONT_PAGE = setup.ROOT / "README.md"
RESULTS = setup.ROOT / "benches" / "results"
ROUNDS = 3
# Only where it is named: it takes its time.
SUSTAINED = "sustained"


class Setting:
    """Where things run: the cores, the programs, a folder to write into."""

    def __init__(self, programs, target_core, generator_core, folder):
        self.programs, self.folder = programs, folder
        self.target_core, self.generator_core = target_core, generator_core

    def fresh_folder(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        return self.folder

    def target(self, case, folder):
        if case.nginx:
            return Nginx(self.target_core, folder)
        program = self.programs / "bench-target"
        return process.Target(program, self.target_core, folder, case.processes, case.stall)


def main(arguments=None):
    options = _options(arguments)
    machine.raise_file_limit()
    programs = pathlib.Path(options.programs).resolve() if options.programs else setup.build()
    there, missing = setup.clients(programs, options.only)
    setting = Setting(programs, *options.cores, setup.TARGET / "bench" / "run")
    rounds = options.rounds or (1 if options.quick else ROUNDS)
    found = {
        "date": datetime.date.today().isoformat(),
        "machine": machine.facts(),
        "versions": setup.versions(there),
        "missing": missing,
        "rounds": rounds,
        "cores": {"target": options.cores[0], "generator": options.cores[1]},
        "cases": {},
        "examples": {},
    }
    for name in options.cases:
        _measure(name, found, there, setting, rounds, options)
    path = setup.TARGET / "bench" / "quick.json" if options.quick else RESULTS / f"{found['date']}.json"
    if not options.quick:
        found = results.merged(path, found)
        results.into_readme(README, results.overview(found))
        results.into_readme(FRONT_PAGE, results.headline(found))
    results.write(path, found)
    print(f"\n{results.document(found)}\nwritten to {path}")
    failed = [f"{name}: {client}" for name, case in found["cases"].items() for client in case["failed"]]
    failed += [name for name, text in found["examples"].items() if text is None]
    return f"failed: {', '.join(failed)}" if failed else 0


def _measure(name, found, there, setting, rounds, options):
    if name in cases.CASES:
        found["cases"][name] = _case(name, there, setting, rounds, options)
    elif name == SUSTAINED:
        print(f"{name}: 50 runs a second for {options.minutes:g} minutes", flush=True)
        found[SUSTAINED] = sustained.measure(setting, options.minutes)
    else:
        print(f"{name}: an example", flush=True)
        try:
            found["examples"][name] = examples.run(name, setting.programs)
            print(found["examples"][name], flush=True)
        except (process.Failed, OSError) as error:
            found["examples"][name] = None
            print(f"  failed, {error}", flush=True)


def _case(name, there, setting, rounds, options):
    case = cases.CASES[name]
    seconds = case.quick_s if options.quick else case.load.seconds
    chosen = [there[client] for client in case.clients if client in there and cases.can(there[client], case)]
    chosen = [client for client in chosen if not options.only or client.name in options.only]
    print(f"{name}: {case.title}", flush=True)
    rows, failed = {client.name: [] for client in chosen}, {}
    # Round by round, so that what changes on the machine meanwhile meets every client.
    for number in range(rounds):
        for client in chosen:
            try:
                row = cases.measure(case, client, setting, seconds)
            except (process.Failed, OSError, KeyError, ValueError) as error:
                failed[client.name] = f"{type(error).__name__}: {error}"
                print(f"  {client.name:8} round {number + 1}: failed, {error}", flush=True)
                continue
            rows[client.name].append(row)
            print(f"  {client.name:8} round {number + 1}: {_line(row)}", flush=True)
    return {
        "title": case.title,
        "kind": case.load.kind,
        "unit": case.unit,
        "users": case.load.users,
        "seconds": seconds,
        "stall": list(case.stall) if case.stall else None,
        "clients": {
            client: {"median": results.summarised(of), "rounds": of} for client, of in rows.items() if of
        },
        "failed": failed,
    }


def _line(row):
    shown = {
        "cpu_s_per_million": "CPU s per million {:.2f}",
        "per_second": "{:,.0f}/s",
        "achieved_rate": "{:.1f}/s",
        "error_p99_ms": "off schedule p99 {:.3f} ms",
        "latency_p95_ms": "p95 {:.1f}",
        "latency_p99_ms": "p99 {:.1f} ms",
        "first_token_p99_off_ms": "first token p99 off by {:.2f} ms",
        "target_core": "target {:.0%}",
        "others_cores": "others {:.0%}",
        "peak_kib": "peak {:,} KiB",
        "errors": "errors {}",
    }
    return ", ".join(form.format(row[key]) for key, form in shown.items() if row.get(key) is not None)


def _options(arguments):
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measures loadgen beside its peers: target on one core, generator on another.",
        epilog="Cases: "
        + ", ".join(f"{name} ({case.title})" for name, case in cases.CASES.items())
        + f"; {SUSTAINED}, only where it is named (memory, run log and drift over --minutes); and the examples of "
        "benches/examples: " + ", ".join(examples.names()),
    )
    parser.add_argument("cases", nargs="*", metavar="CASE", help="all where none is given")
    parser.add_argument("--quick", action="store_true", help="one short round each; nothing is kept in benches/")
    parser.add_argument("--rounds", type=int, metavar="N", help=f"{ROUNDS} where not given")
    parser.add_argument("--only", action="append", metavar="CLIENT", help="leave the other clients out (repeatable)")
    parser.add_argument("--minutes", type=float, default=30, metavar="N", help=f"of {SUSTAINED}: 30 where not given")
    parser.add_argument("--cores", default="0,1", metavar="T,G", help="cores of target and generator: 0,1")
    parser.add_argument("--programs", metavar="DIR", help="do not build; take loadgen and bench-target from here")
    options = parser.parse_args(arguments)
    known = [*cases.CASES, SUSTAINED, *examples.names()]
    unknown = [name for name in options.cases if name not in known]
    if unknown:
        parser.error(f"no case {', '.join(unknown)}; there are {', '.join(known)}")
    try:
        target, generator = map(int, options.cores.split(","))
    except ValueError:
        parser.error("--cores takes two numbers, as 0,1")
    options.cores = (target, generator)
    usual = [name for name in examples.names() if name in examples.USUAL]
    options.cases = options.cases or [*cases.CASES, *usual]
    return options


if __name__ == "__main__":
    sys.exit(main())
