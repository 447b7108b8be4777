"""The plain-shell recipe of docs/ci.md, scripts/ci-gate, against a good mock, bad ones and none at all.

Whatever is wrong, the gate must say that and nothing else: the exit code, the cases of the JUnit report and what is told
on the way are compared. Part of scripts/e2e.
"""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
GATE = ROOT / "scripts" / "ci-gate"

LIMIT_S = 120
START_LIMIT_S = 30

SCENARIO = """
name = "gate"

[load]
rate = "50/s"
duration = "3s"

[[step]]
name = "chat"
post = "/v1/chat/completions"
json = { model = "m", stream = true, messages = [{ role = "user", content = "Hello" }] }
stream = "openai"

[[step]]
name = "plain"
get = "/plain"

[thresholds]
ttft = "p95 < 1s"
http_req_failed = "rate < 5%"
"http_req_duration{step=plain}" = "p90 < 1s"
"""

RUN, TTFT, FAILED, PLAIN = (
    "run",
    "ttft: p95 < 1s",
    "http_req_failed: rate < 5%",
    "http_req_duration{step=plain}: p90 < 1s",
)
GOOD = ["--ttft", "20ms", "--itl", "2ms", "--tokens", "8"]

# Name, options of the mock (none: nobody listens), arguments of the gate, exit code, cases that fail, cases that err,
# and what must be told.
CASES = [
    ("good", GOOD, [], 0, set(), set(), "ci-gate: passed"),
    ("slow", ["--ttft", "1500ms", "--itl", "2ms", "--tokens", "8"], [], 99, {TTFT}, set(), "ttft"),
    ("failing", [*GOOD, "--error-rate", "0.2"], [], 99, {FAILED}, set(), "http_5xx"),
    ("slow-plain", [*GOOD, "--plain-time", "1500ms"], [], 99, {PLAIN}, set(), "http_req_duration{step=plain}"),
    ("dead", None, [], 99, {RUN, TTFT, FAILED, PLAIN}, set(), "connect_refused"),
    ("few", GOOD, ["--strict", "--duration", "200ms"], 97, set(), {TTFT, FAILED, PLAIN}, "try 2 of 2"),
    ("typo", GOOD, ["--threshold", "tfft: p95 < 1s"], 2, None, None, "ttft"),
]


# The same for a comparison: name, options of the mock, arguments, baseline, tolerances, exit code, rows among those that
# fail (none: there is no comparison), what is told. What the machine adds by being busy with other things is far below
# the tolerance, and the change far above.
SLOWER = ["--ttft", "600ms", "--itl", "2ms", "--tokens", "8"]
BASE, TORN, SHORT = "base", "torn", "short"
TOLERANCE = "300%\n300%,300ms"
COMPARED = [
    (BASE, GOOD, [], None, TOLERANCE, 0, None, "there is no baseline"),
    ("base-again", GOOD, [], BASE, TOLERANCE, 0, set(), "ci-gate: passed"),
    ("slower", SLOWER, [], BASE, TOLERANCE, 98, {"comparison: ttft{step=chat} p50"}, "worse than the baseline"),
    # A size for one metric alone, whose name has spaces in it.
    ("slower-ttft", SLOWER, [], BASE, TOLERANCE + "\n  ttft p50: 5s", 98, {"comparison: ttft{step=chat} p95"}, "worse than the baseline"),
    ("another-plan", GOOD, ["--rate", "40/s"], BASE, TOLERANCE, 0, None, "not compared with the baseline"),
    ("torn-baseline", GOOD, [], TORN, TOLERANCE, 2, None, "failed to read"),
    ("short-baseline", GOOD, [], SHORT, TOLERANCE, 2, None, "ends early"),
    ("misspelt-tolerance", GOOD, [], BASE, "--tolerence 10%", 2, None, "ci-gate: there was no test"),
    ("wrong-tolerance", GOOD, [], BASE, "tfft: 10%", 2, None, "did you mean `ttft`"),
]
COMPARED_FOR = ["--duration", "12s"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_mock(loadgen, options, folder):
    """A mock that listens, and its URL."""
    with open(folder / "mock.log", "wb") as log:
        command = [loadgen, "mock", "--port", "0", *options]
        process = subprocess.Popen([str(part) for part in command], stdout=log, stderr=log, cwd=folder)
    end = time.monotonic() + START_LIMIT_S
    while time.monotonic() < end and process.poll() is None:
        found = re.search(r"http://127\.0\.0\.1:\d+", (folder / "mock.log").read_text())
        if found:
            return process, found.group()
        time.sleep(0.02)
    stop(process)
    raise RuntimeError(f"the mock does not listen, see {folder}/mock.log")


def stop(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


class Gate:
    """One pass of the gate: its exit code, what it told, and the cases of its JUnit report by their end."""

    def __init__(self, loadgen, folder, target, arguments, tries=2, interrupt_s=None, baseline="", tolerance=""):
        reports = folder / "reports"
        (folder / "gate.toml").write_text(SCENARIO)
        environment = {
            **os.environ,
            "NO_COLOR": "1",
            "LOADGEN": str(loadgen),
            "OUT": str(reports),
            "TRIES": str(tries),
            "BASELINE": str(baseline),
            "TOLERANCE": tolerance,
            "GITHUB_STEP_SUMMARY": str(folder / "step.md"),
        }
        command = [str(GATE), "gate.toml", "--target", target, *arguments]
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
        try:
            if interrupt_s is not None:
                time.sleep(interrupt_s)
                # As a terminal does it: to the whole group.
                os.killpg(process.pid, signal.SIGINT)
            self.told, _ = process.communicate(timeout=LIMIT_S)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(10)
        self.code = process.returncode
        self.junit = reports / "junit.xml"
        self.comparison = reports / "comparison.json"
        self.passed = reports / "run.jsonl"
        self.summary = folder / "step.md"
        (folder / "told.txt").write_text(self.told)

    def cases(self, kind):
        """The cases of the report that ended so; none where there is no report."""
        if not self.junit.exists():
            return None
        suite = xml.etree.ElementTree.parse(self.junit).getroot().find("testsuite")
        return {case.get("name") for case in suite.findall("testcase") if case.find(kind) is not None}


def judge_gate(loadgen, home, judge):
    """Passes the gate with every mock and compares what it says."""
    reports = []
    for name, options, arguments, code, failing, erring, told in CASES:
        folder = fresh(home / f"gate-{name}")
        mock, target = None, f"http://127.0.0.1:{free_port()}"
        try:
            if options is not None:
                mock, target = start_mock(loadgen, options, folder)
            # A machine that is busy with other things makes a run inconclusive: once more is what the gate is for.
            gate = Gate(loadgen, folder, target, arguments, tries=2 if code == 97 else 5)
        finally:
            if mock:
                stop(mock)
        print(f"  gate {name}: exit {gate.code}", flush=True)
        judge.equal(f"gate {name}: exit code", gate.code, code)
        judge.equal(f"gate {name}: failures", gate.cases("failure"), failing)
        judge.equal(f"gate {name}: errors", gate.cases("error"), erring)
        judge.holds(f"gate {name}: tells of {told}", told in gate.told)
        judge.equal(f"gate {name}: a baseline for later runs", gate.passed.exists(), code == 0)
        if gate.junit.exists():
            reports.append(gate.junit)
        if failing is not None:
            sign = {0: "✅", 97: "⚠️"}.get(code, "❌")
            text = gate.summary.read_text() if gate.summary.exists() else ""
            judge.holds(f"gate {name}: summary of the job", f"### {sign} `gate` " in text)
            judge.equal(f"gate {name}: annotations", "::error " in gate.told, code != 0)
    reports += judge_comparisons(loadgen, home, judge)
    judge_trouble(loadgen, home, judge)
    return reports


def judge_comparisons(loadgen, home, judge):
    """Passes the gate with a baseline: thresholds hold throughout, so that nothing but the comparison decides."""
    reports = []
    kept = home / f"gate-{BASE}" / "reports" / "run.jsonl"
    for name, options, arguments, baseline, tolerance, code, failing, told in COMPARED:
        folder = fresh(home / f"gate-{name}")
        log = baseline_of(baseline, kept, folder)
        # What an earlier use left.
        (folder / "reports").mkdir()
        (folder / "reports" / "comparison.xml").write_text("old")
        mock, target = start_mock(loadgen, options, folder)
        try:
            arguments = [*COMPARED_FOR, *arguments]
            gate = Gate(loadgen, folder, target, arguments, tries=5, baseline=log, tolerance=tolerance)
        finally:
            stop(mock)
        print(f"  gate {name}: exit {gate.code}", flush=True)
        judge.equal(f"gate {name}: exit code", gate.code, code)
        judge.holds(f"gate {name}: tells of {told}", told in gate.told)
        judge.holds(f"gate {name}: nothing old is left", not (folder / "reports" / "comparison.xml").exists())
        judge.equal(f"gate {name}: was run", (folder / "reports" / "run-1.jsonl").exists(), code != 2)
        judge.equal(f"gate {name}: is compared", gate.comparison.exists(), failing is not None)
        found = gate.cases("failure") or set()
        rows = {case for case in found if case.startswith("comparison: ")}
        judge.holds(f"gate {name}: no threshold fails", not found - rows)
        judge.equal(f"gate {name}: worse", rows & (failing or set()), failing or set())
        judge.equal(f"gate {name}: nothing else decides", bool(rows), code == 98)
        if failing is not None:
            judge.holds(f"gate {name}: Markdown tells of it", "comparison" in gate.summary.read_text().lower())
            reports.append(gate.junit)
    return reports


def baseline_of(kind, kept, folder):
    """The baseline of a case: the log that was kept, half of it, what is no log, or none."""
    log = folder / "baseline.jsonl"
    if kind == TORN:
        log.write_text("{\n")
    elif kind == SHORT:
        lines = kept.read_text().splitlines(keepends=True)
        log.write_text("".join(lines[: len(lines) // 2]))
    elif kind == BASE:
        return kept
    return log


def judge_trouble(loadgen, home, judge):
    """What is no word on the service: no program, no place for the reports, an early end."""
    folder = fresh(home / "gate-trouble")
    mock, target = start_mock(loadgen, GOOD, folder)
    try:
        gate = Gate(folder / "nothing", folder, target, [])
        judge.equal("gate without a program: exit code", gate.code, 127)
        judge.holds("gate without a program: says so", "there was no test" in gate.told)
        gate = Gate(loadgen, folder, target, ["--out", "csv=missing/out.csv"])
        judge.equal("gate without a place: exit code", gate.code, 1)
        judge.equal("gate without a place: nothing was sent", "requests" in gate.told, False)
        gate = Gate(loadgen, folder, target, ["--duration", "60s"], interrupt_s=2)
        judge.equal("gate interrupted: exit code", gate.code, 130)
        judge.equal("gate interrupted: failures", gate.cases("failure"), set())
    finally:
        stop(mock)


def fresh(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def judge_schema(validator, schema, reports, judge):
    """JUnit reports against the schema, by a validator that is not ours."""
    command = [str(validator), "--schema", str(schema), *map(str, reports)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    print(f"  {len(reports)} JUnit reports against {schema.name}: exit {done.returncode}", flush=True)
    judge.equal(f"JUnit reports: {done.stdout}{done.stderr}", done.returncode, 0)


def commands_of(path):
    """The commands of an example for a CI server, in their order: what stands under `run: |` or `script:`."""
    commands, margin = [], None
    for line in path.read_text().splitlines():
        indent = len(line) - len(line.lstrip())
        if line.strip() in ("run: |", "script:"):
            margin = indent
        elif margin is not None and line.strip():
            if indent <= margin:
                margin = None
            elif not line.strip().startswith("#"):
                commands.append(line.strip().removeprefix("- "))
    return commands


def judge_recipe(path, loadgen, home, judge):
    """Carries out the commands of an example as its CI server does, but for the installation, a port and the length."""
    install, *commands = commands_of(path)
    judge.equal(f"{path.name}: installs", install, "cargo install --quiet --locked --path crates/cli")
    # Fetching a baseline takes the server of the project.
    commands = [command for command in commands if not command.strip("'").startswith(("gh ", "curl "))]
    judge.equal(f"{path.name}: commands", len(commands), 3)
    folder = fresh(home / path.stem)
    for name in ("scripts", "scenarios"):
        (folder / name).symlink_to(ROOT / name)
    tools = fresh(folder / "tools")
    (tools / "loadgen").symlink_to(loadgen)
    script = "\n".join(commands).replace("8080", str(free_port())).replace("--duration 30s", "--duration 3s")
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "NO_COLOR": "1", "TRIES": "5"}
    environment["GITHUB_STEP_SUMMARY"] = str(folder / "step.md")
    with open(folder / "told.txt", "wb") as told:
        process = subprocess.Popen(
            ["bash", "-e", "-o", "pipefail", "-c", script],
            stdin=subprocess.DEVNULL,
            stdout=told,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
        try:
            code = process.wait(LIMIT_S)
        finally:
            # With the service that it leaves running, as the server does when a job is over.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
    print(f"  {path.name}: exit {code}", flush=True)
    judge.equal(f"{path.name}: exit code (see {folder}/told.txt)", code, 0)
    found = sorted(file.name for file in (folder / "loadgen-reports").glob("*") if not file.name.startswith("run-"))
    judge.equal(f"{path.name}: reports", found, ["junit.xml", "run.jsonl", "summary.json", "summary.md"])
