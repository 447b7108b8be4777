"""The peers that registries carry."""

import json
import pathlib
import re

from . import Call, Unable

HERE = pathlib.Path(__file__).parent


def _number(pattern, text, default=0):
    found = re.search(pattern, text)
    return int(found.group(1)) if found else default


class Wrk:
    name = "wrk"
    reads = "bytes"

    def __init__(self, program):
        self.program = program

    def call(self, url, load):
        if load.kind != "closed":
            raise Unable("wrk has closed loads only")
        command = [self.program, "-t1", f"-c{load.users}", f"-d{load.seconds}s", "--timeout", "60s", "--latency"]
        return Call([*command, url + load.path], self._read)

    @staticmethod
    def _read(cost, _folder):
        socket_errors = re.search(r"Socket errors: (.*)", cost.output)
        errors = sum(map(int, re.findall(r"\d+", socket_errors.group(1)))) if socket_errors else 0
        errors += _number(r"Non-2xx or 3xx responses: (\d+)", cost.output)
        return {"requests": _number(r"(\d+) requests in", cost.output), "errors": errors}


class H2load:
    name = "h2load"
    reads = "bytes"

    def __init__(self, program):
        self.program = program

    def call(self, url, load):
        if load.kind != "closed":
            raise Unable("h2load has closed loads only")
        command = [self.program, "--h1", "-t", 1, "-c", load.users, "-D", round(load.seconds)]
        return Call([*command, url + load.path], self._read)

    @staticmethod
    def _read(cost, _folder):
        failed = re.search(r"(\d+) failed, (\d+) errored, (\d+) timeout", cost.output)
        errors = sum(map(int, failed.groups())) if failed else None
        return {"requests": _number(r"requests: (\d+) total", cost.output), "errors": errors}


class Hey:
    name = "hey"
    reads = "bytes"

    def __init__(self, program):
        self.program = program

    def call(self, url, load):
        if load.kind != "closed":
            raise Unable("hey has closed loads only")
        # It counts at most a million answers.
        command = [self.program, "-cpus", 1, "-t", 0, "-c", load.users, "-z", f"{load.seconds}s"]
        return Call([*command, url + load.path], self._read)

    @staticmethod
    def _read(cost, _folder):
        answers = re.findall(r"\[(\d+)\]\s+(\d+) responses", cost.output)
        errors = sum(int(count) for status, count in answers if status != "200")
        after = cost.output.split("Error distribution:")
        if len(after) > 1:
            errors += sum(map(int, re.findall(r"\[(\d+)\]", after[1])))
        return {"requests": sum(int(count) for _, count in answers), "errors": errors}


class Oha:
    name = "oha"
    reads = "bytes"

    def __init__(self, program):
        self.program = program

    def call(self, url, load):
        command = [self.program, "--no-tui", "--output-format", "json", "-o", "oha.json"]
        match load.kind:
            case "closed":
                command += ["-c", load.users, "-z", f"{load.seconds}s"]
            case "once":
                command += ["-c", load.users, "-n", load.users]
            case "open":
                # As many users as are busy when the target stands still, and some more.
                command += ["-c", load.users, "-q", load.rate, "-z", f"{load.seconds}s"]
                command += ["-w", "--latency-correction"]
        return Call([*command, url + load.path], self._read)

    @staticmethod
    def _read(_cost, folder):
        report = json.loads((folder / "oha.json").read_text())
        errors = dict(report["errorDistribution"])
        # What its end cut is no error.
        errors.pop("aborted due to deadline", None)
        statuses = report["statusCodeDistribution"]

        def trend(part):
            found = report.get(part) or {}
            return {q: 1e3 * found[q] for q in ("p50", "p95", "p99") if found.get(q) is not None} or None

        return {
            "requests": sum(statuses.values()),
            "errors": sum(errors.values()) + sum(n for code, n in statuses.items() if code != "200"),
            "latency_ms": trend("latencyPercentiles"),
            "first_token_ms": trend("firstBytePercentiles"),
        }


class K6:
    name = "k6"
    reads = "bytes"

    def __init__(self, program):
        self.program = program

    def call(self, url, load):
        settings = {
            "LOAD": load.kind,
            "URL": url + load.path,
            "USERS": load.users,
            "RATE": load.rate,
            "DURATION": f"{load.seconds or 60}s",
        }
        command = [self.program, "run", "--quiet", "--no-usage-report", "--summary-export=k6.json"]
        for name, value in settings.items():
            command += ["-e", f"{name}={value}"]
        return Call([*command, HERE / "k6.js"], self._read, {"GOMAXPROCS": "1"})

    @staticmethod
    def _read(_cost, folder):
        metrics = json.loads((folder / "k6.json").read_text())["metrics"]

        def trend(name):
            found = metrics.get(name) or {}
            return {f"p{q}": found[f"p({q})"] for q in (50, 95, 99) if f"p({q})" in found} or None

        return {
            "requests": metrics.get("http_reqs", {}).get("count", 0),
            "errors": metrics.get("http_req_failed", {}).get("passes", 0),
            "dropped": metrics.get("dropped_iterations", {}).get("count", 0),
            "latency_ms": trend("http_req_duration"),
            "first_token_ms": trend("http_req_waiting"),
        }


class Locust:
    name = "locust"
    reads = "lines"

    def __init__(self, program):
        self.program = program

    def call(self, url, load):
        if load.kind != "closed":
            raise Unable("Locust has closed loads only")
        command = [self.program, "-f", HERE / "locustfile.py", "--headless", "--only-summary", "--host", url]
        command += ["-u", load.users, "-r", load.users, "-t", f"{round(load.seconds)}s", "--json-file", "locust"]
        environment = {"BENCH_PATH": load.path, "BENCH_STREAM": "1" if load.stream else "0"}
        return Call(command, self._read, environment)

    @staticmethod
    def _read(_cost, folder):
        rows = json.loads((folder / "locust.json").read_text())
        return {
            "requests": sum(row["num_requests"] for row in rows),
            "errors": sum(row["num_failures"] for row in rows),
        }


PEERS = [Wrk, H2load, Hey, Oha, K6, Locust]
