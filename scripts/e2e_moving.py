"""The files of docs/moving: each old tool and what replaces it, against one server that counts."""

import json
import os
import shutil
import subprocess
import sys

RUN_LIMIT_S = 120
TOKEN = "e2e-token"

# Users and seconds of each, far fewer than the page says.
CURL_USERS, CURL_S = 4, 8
LOCUST_USERS, LOCUST_S = 40, 12
K6_STAGES = (("2s", 10), ("6s", 10), ("1s", 0))


class Side:
    """One tool that has run: what the server counted, and what the tool said itself."""

    def __init__(self, server, folder, command, environment=None):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.folder = folder
        server.reset()
        done = subprocess.run(
            [str(word) for word in command],
            cwd=folder,
            env={**os.environ, "NO_COLOR": "1", **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=RUN_LIMIT_S,
            check=False,
        )
        self.exit, self.said = done.returncode, done.stdout
        (folder / "output.txt").write_text(self.said)
        self.counts = server.settled()
        self.accepted = self.counts["accepted"]

    def summary(self):
        return json.loads((self.folder / "summary.json").read_text())


def judge_moving(loadgen, root, home, server, judge):
    """Runs every pair of the page; `server` is the counting FastAPI service."""
    pages, folder = root / "docs" / "moving", home / "runs"

    def new(name, words, environment=None):
        command = [loadgen, "run", *words, "--no-log", "--out", "json=summary.json"]
        side = Side(server, folder / f"moving-{name}-new", command, environment)
        judge.equal(f"{name}: exit code of loadgen ({side.folder})", side.exit, 0)
        metrics = side.summary()["metrics"]
        judge.equal(f"{name}: requests of loadgen", metrics["http_reqs"]["count"], side.accepted)
        judge.equal(f"{name}: failed requests of loadgen", metrics["http_req_failed"]["hits"], 0)
        return side

    def old(name, command, environment=None):
        side = Side(server, folder / f"moving-{name}-old", command, environment)
        judge.equal(f"{name}: exit code of the old one ({side.folder})", side.exit, 0)
        return side

    def alike(name, before, after, share):
        print(f"  {name}: {before.accepted} requests before, {after.accepted} after", flush=True)
        near = abs(before.accepted - after.accepted) <= share * max(before.accepted, after.accepted)
        judge.holds(f"{name}: {before.accepted} and {after.accepted} are alike", before.accepted > 0 and near)
        # What they ask for is the same, not only how often.
        judge.equal(f"{name}: paths", sorted(after.counts["by_path"]), sorted(before.counts["by_path"]))

    items = f"{server.url}/items"
    bearer = {"TOKEN": TOKEN, "BASE_URL": server.url}
    target = ["--target", server.url]

    before = old("load-test", ["bash", pages / "load-test.sh", items, TOKEN, CURL_USERS, CURL_S])
    lines = (before.folder / "results.txt").read_text().splitlines()
    judge.equal("load-test: lines of curl", len(lines), before.accepted)
    words = [pages / "load-test.toml", *target, "--vus", CURL_USERS, "--duration", f"{CURL_S}s"]
    # The old one starts a program and opens a connection for each request.
    alike("load-test", before, new("load-test", words, bearer), 0.5)
    script = root / "scripts" / "load-test.sh"
    kept = Side(
        server,
        folder / "moving-load-test-kept",
        ["bash", script, items, TOKEN, CURL_USERS, CURL_S],
        {"LOADGEN": str(loadgen), "LOADGEN_OPTIONS": "--no-log"},
    )
    judge.equal("load-test: exit code of the new script", kept.exit, 0)
    alike("load-test, the script", before, kept, 0.5)

    before = old("thousand", [sys.executable, pages / "thousand.py", items])
    after = new("thousand", [items, "--iterations", 1000, "--vus", 50])
    judge.equal("thousand: requests before", before.accepted, 1000)
    judge.equal("thousand: requests after", after.accepted, 1000)

    tools = home / "old-tools" / "bin"
    command = [tools / "locust", "-f", pages / "locustfile.py", "--headless", "--only-summary", "--host", server.url]
    command += ["--users", LOCUST_USERS, "--spawn-rate", LOCUST_USERS, "--run-time", f"{LOCUST_S}s"]
    stages = ["--stage", f"1s:{LOCUST_USERS}", "--stage", f"{LOCUST_S - 1}s:{LOCUST_USERS}"]
    before = old("locustfile", command)
    alike("locustfile", before, new("locustfile", [pages / "locustfile.toml", *target, *stages]), 0.2)

    stages = ",".join(f"{length}:{users}" for length, users in K6_STAGES)
    command = [tools / "k6", "run", "--quiet", "--no-usage-report", "--stage", stages, pages / "report.js"]
    before = old("report", command, bearer)
    stages = [word for length, users in K6_STAGES for word in ("--stage", f"{length}:{users}")]
    alike("report", before, new("report", [pages / "report.toml", *target, *stages], bearer), 0.2)
