"""loadgen itself, as anyone would call it, with all statistics and its run log."""

import json

from . import Call


class Loadgen:
    name = "loadgen"
    reads = "events"

    def __init__(self, program):
        self.program = program

    def call(self, url, load):
        command = [self.program, "run", url + load.path, "-X", "GET", "--workers", 1, "--seed", 1]
        command += ["--quiet", "--out", "json=summary.json", "--graceful-stop"]
        command += ["30s" if load.kind in ("open", "once") else "0s"]
        if load.stream:
            command += ["--stream=openai"]
        if load.kind != "open":
            # As the others, all at once: who comes later is spared their wave, or has less time to be measured in.
            command += ["--connect-rate", "off"]
        match load.kind:
            case "closed":
                command += ["-c", load.users, "-z", f"{load.seconds}s"]
            case "once":
                command += ["-c", load.users, "-n", load.users]
            case "open":
                command += ["--rate", f"{load.rate}/s", "-z", f"{load.seconds}s"]
        return Call(command, _read)


def _read(_cost, folder):
    summary = json.loads((folder / "summary.json").read_text())
    metrics, generator = summary["metrics"], summary["generator"]

    def trend(name):
        found = metrics.get(name) or {}
        return {q: found.get(q) for q in ("p50", "p95", "p99")} if found.get("count") else None

    return {
        "requests": metrics["http_reqs"]["count"],
        "errors": metrics["http_req_failed"]["hits"],
        "dropped": metrics["dropped_iterations"]["count"],
        "latency_ms": trend("http_req_latency"),
        "first_token_ms": trend("ttft_service"),
        "first_token_due_ms": trend("ttft"),
        "warnings": [warning["code"] for warning in summary["warnings"]],
        "clock": generator.get("arrival_clock"),
    }
