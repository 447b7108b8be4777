"""benches/results/DATE.json and .md, and the tables in both READMEs made from them."""

import json

from . import figures
from .cases import CASES

BEGIN, END = "<!-- made by scripts/bench -->", "<!-- end -->"
DATED = (
    "vLLM's Rust client 477,000–528,000 events/s and SGLang's 243,000–364,000 in a flood of 64-event replies; both report a "
    "p99 time to first token 20–100 ms above the truth when 256–512 streams start at once; AIPerf 0.13 takes 136 and "
    "GuideLLM 0.8 215 CPU seconds per million events at 1,000 streams"
)


def summarised(rounds):
    """The median of every figure of the rounds, each by itself."""
    medians = {}
    for name, value in rounds[0].items():
        values = [one.get(name) for one in rounds]
        if isinstance(value, dict):
            medians[name] = summarised([one.get(name) or {} for one in rounds]) if value else {}
        elif isinstance(value, (int, float)) or value is None:
            medians[name] = figures.median([v for v in values if isinstance(v, (int, float))])
        else:
            medians[name] = value
    return medians


def merged(path, new):
    """Adds what was measured to the day's file; a case measured again replaces the older one."""
    old = json.loads(path.read_text()) if path.exists() else {}
    parts = {name: {**old.get(name, {}), **new[name]} for name in ("cases", "examples", "versions")}
    order = [name for name in CASES if name in parts["cases"]]
    parts["cases"] = {name: parts["cases"][name] for name in order}
    return {**old, **new, **parts}


def write(path, results):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_rounded(results), indent=1, ensure_ascii=False) + "\n")
    path.with_suffix(".md").write_text(document(results))


def into_readme(readme, made):
    text = readme.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    readme.write_text(f"{before}{BEGIN}\n\n{made}\n{END}{after}")


def document(results):
    """Everything, a table per case."""
    parts = [f"# Measured on {results['date']}", _set_up(results)]
    for name, case in results["cases"].items():
        parts.append(f"## {name}: {case['title']}\n\n{_case_table(case)}")
    if "sustained" in results:
        parts.append(f"## sustained\n\n{_sustained(results['sustained'])}")
    parts += [f"## {name}\n\n{_verbatim(text)}" for name, text in results["examples"].items()]
    return "\n\n".join(parts) + "\n"


def overview(results):
    """What the README of the benches shows."""
    cases = results["cases"]
    parts = [_set_up(results)]
    costs = [name for name, case in cases.items() if case["kind"] == "closed"]
    if costs:
        parts.append("CPU seconds of the generator per million requests or events; in brackets, how many times loadgen's:")
        parts.append(_grid(cases, costs, _cost_cell))
        parts.append("Peak memory of the whole generator per connection, KiB:")
        many = [name for name in costs if cases[name]["users"] >= 1_000]
        parts.append(_grid(cases, many, lambda _, one: _text(one["median"].get("kib_per_connection"))))
        parts.append(_further(cases))
    parts += [f"{case['title'].capitalize()}:\n\n{_case_table(case)}" for case in cases.values() if case["kind"] != "closed"]
    if "sustained" in results:
        parts.append(_sustained(results["sustained"]))
    parts += [f"`{name}`:\n\n{_verbatim(text)}" for name, text in results["examples"].items()]
    parts.append(f"Not installed by the script, measured earlier on the same kind of machine: {DATED}.")
    return "\n\n".join(part for part in parts if part) + "\n"


# The front page's rows: what a row says, of which case, from which figure.
HEADLINE = [
    ("CPU s per million plain requests, 50 connections", "plain50", "cpu_s_per_million"),
    ("CPU s per million plain requests to nginx, 50 connections", "nginx50", "cpu_s_per_million"),
    ("CPU s per million plain requests, 500 connections", "plain500", "cpu_s_per_million"),
    ("CPU s per million events, 1,000 streams", "sse1000", "cpu_s_per_million"),
    ("CPU s per million events, 10,000 streams", "sse10000", "cpu_s_per_million"),
    ("KiB of memory per stream, 10,000 streams", "sse10000", "kib_per_connection"),
    ("million events/s where 64 come in one write", "flood", "per_second"),
    ("p99 time to first token less the truth, 512 streams at once, ms", "burst", "first_token_p99_off_ms"),
    ("p99 distance of arrivals from their schedule, 5,000/s, ms", "open5000", "error_p99_ms"),
    ("p99 latency reported of a service that stalls (450 by arithmetic), ms", "stall", "latency_p99_ms"),
]


def headline(results):
    """What the front page shows: a row for each claim, also where another is ahead."""
    rows = [(title, results["cases"][case], key) for title, case, key in HEADLINE if case in results["cases"]]
    clients = list(dict.fromkeys(client for _, case, _ in rows for client in case["clients"]))
    lines = ["| | " + " | ".join(clients) + " |", "|---" * (len(clients) + 1) + "|"]
    for title, case, key in rows:
        found = case["clients"]
        cells = [_headline_cell(case, found[client], key) if client in found else "" for client in clients]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    note = "In brackets: how many times loadgen's. sat.: its core was full, so that it was slower than what was offered."
    return "\n".join([_set_up(results), note, "", *lines]) + "\n"


def _headline_cell(case, one, key):
    if key == "cpu_s_per_million":
        return _cost_cell(case, one)
    value = one["median"].get(key)
    return _text(1e-6 * value if key == "per_second" and value else value)


def _set_up(results):
    machine = results["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    others = [one["median"]["others_cores"] for case in results["cases"].values() for one in case["clients"].values()]
    lines = [
        f"{results['date']}: {machine['cpu']}, {machine['cores']} cores, {machine['system']}, kernel {machine['kernel']}; "
        f"target on core {results['cores']['target']}, generator on core {results['cores']['generator']}, loopback. "
        f"Commit {machine['commit']}. {versions}.",
    ]
    if others:
        lines.append(f"Medians of {results['rounds']} rounds. Meanwhile other programs used up to {max(others):.2f} cores.")
    for name, why in results.get("missing", {}).items():
        lines.append(f"{name} is left out: {why}.")
    return "\n".join(lines)


def _grid(cases, names, cell):
    clients = list(dict.fromkeys(client for name in names for client in cases[name]["clients"]))
    if not names or not clients:
        return ""
    lines = ["| | " + " | ".join(clients) + " |", "|---" * (len(clients) + 1) + "|"]
    for name in names:
        found = cases[name]["clients"]
        cells = [cell(cases[name], found[client]) if client in found else "" for client in clients]
        lines.append(f"| {cases[name]['title']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _further(cases):
    """What one more stream takes: the whole process has a part that does not grow."""
    few, many = cases.get("sse1000"), cases.get("sse10000")
    if not few or not many:
        return ""
    taken = []
    for client in many["clients"].keys() & few["clients"].keys():
        peaks = [case["clients"][client]["median"]["peak_kib"] for case in (few, many)]
        taken.append((client, (peaks[1] - peaks[0]) / (many["users"] - few["users"])))
    each = ", ".join(f"{client} {_text(kib)}" for client, kib in sorted(taken, key=lambda one: one[1]))
    return f"Each further stream between 1,000 and 10,000, KiB: {each}."


def _cost_cell(case, one):
    cost = one["median"].get("cpu_s_per_million")
    ours = case["clients"].get("loadgen", {}).get("median", {}).get("cpu_s_per_million")
    if cost is None:
        return "–"
    saturated = " sat." if one["median"]["generator_core"] > 0.97 and case["unit"] == "events" else ""
    ratio = f" ({cost / ours:.2f})" if ours and cost != ours else ""
    return f"{cost:.2f}{ratio}{saturated}"


COLUMNS = {
    "closed": [
        ("per second", "per_second"),
        ("CPU s per million", "cpu_s_per_million"),
        ("generator, cores", "generator_core"),
        ("target, cores", "target_core"),
        ("others, cores", "others_cores"),
        ("peak KiB", "peak_kib"),
        ("KiB per connection", "kib_per_connection"),
        ("errors", "errors"),
    ],
    "once": [
        ("truth p50, ms", "truth_p50_ms"),
        ("reported − truth, p50, ms", "first_token_p50_off_ms"),
        ("truth p99, ms", "truth_p99_ms"),
        ("reported − truth, p99, ms", "first_token_p99_off_ms"),
        ("others, cores", "others_cores"),
        ("errors", "errors"),
    ],
    "open": [
        ("rate reached", "achieved_rate"),
        ("missing", "missing"),
        ("arrivals off schedule p50, ms", "error_p50_ms"),
        ("p99", "error_p99_ms"),
        ("max", "error_max_ms"),
        ("generator, cores", "generator_core"),
        ("target, cores", "target_core"),
        ("others, cores", "others_cores"),
        ("errors", "errors"),
    ],
    "stall": [
        ("arithmetic p95, ms", "arithmetic_p95_ms"),
        ("reported p95", "latency_p95_ms"),
        ("arithmetic p99, ms", "arithmetic_p99_ms"),
        ("reported p99", "latency_p99_ms"),
        ("missing", "missing"),
        ("others, cores", "others_cores"),
        ("errors", "errors"),
    ],
}


def _case_table(case):
    kind = "stall" if case["stall"] else case["kind"]
    columns = COLUMNS[kind]
    lines = ["| | " + " | ".join(title for title, _ in columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for client, one in case["clients"].items():
        cells = [_text(one["median"].get(key)) for _, key in columns]
        lines.append(f"| {client} | " + " | ".join(cells) + " |")
    lines += [f"\n{client}: {why}" for client, why in case["failed"].items()]
    return "\n".join(lines)


def _sustained(one):
    memory, punctual = one["rss_mib_by_minute"], one["most_punctual_ms_by_minute"]
    return (
        f"A sustained load, {one['minutes']:g} minutes of 50 runs a second, each a plain request and a stream of 32 events: "
        f"{one['requests']:,} requests, {one['failed']} failed, {one['missing']} arrivals missing. Resident memory "
        f"{memory[0]:.1f} MiB after one minute, {memory[-1]:.1f} at the end, {max(memory):.1f} at most. The most punctual "
        f"arrival of each minute lies within {max(punctual) - min(punctual):.3f} ms of the others: nothing drifts. "
        f"Run log {one['log_mib']:.1f} MiB, {one['log_bytes_per_record'] / 1024:.1f} KiB a second."
    )


def _verbatim(text):
    return "failed" if text is None else f"```text\n{text}\n```"


def _text(value):
    if value is None:
        return "–"
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"


def _rounded(value):
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    return [_rounded(part) for part in value] if isinstance(value, list) else value
