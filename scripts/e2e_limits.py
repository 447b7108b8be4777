"""Runs that lack files or ports, for real: what is said before them, and what is counted in them."""

import json
import pathlib
import resource
import shutil
import subprocess

import e2e_gate

SCENARIO = """
name = "limits"
target = "mock"
load = { vus = 40, duration = "2s" }
[[step]]
get = "/plain"
"""
FILES = 48
PORTS = 10
RUN_LIMIT_S = 60


class Run:
    """One run in a folder of its own: exit code, what it said, and its summary (empty where it gave none)."""

    def __init__(self, loadgen, home, name, arguments, files=None, ports=None):
        folder = home / f"limits-{name}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "limits.toml").write_text(SCENARIO)
        command = [str(loadgen), "run", "limits.toml", "--out", "json=summary.json", "--no-log", *arguments]
        if ports:
            command = in_namespace(ports, command)
        limit = (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))) if files else None
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=RUN_LIMIT_S, preexec_fn=limit, check=False
        )
        self.exit = done.returncode
        self.said = done.stdout + done.stderr
        path = folder / "summary.json"
        self.summary = json.loads(path.read_text()) if path.exists() and path.stat().st_size else {}

    def errors(self, kind):
        return sum(error["count"] for error in self.summary.get("errors", []) if error["kind"] == kind)

    def warned(self, code):
        return any(warning["code"] == code for warning in self.summary.get("warnings", []))

    def succeeded(self):
        rate = self.summary.get("metrics", {}).get("http_req_failed", {"hits": 0, "total": 0})
        return rate["total"] - rate["hits"]


def in_namespace(ports, command):
    """The command in a network of its own, with so few ports."""
    span = f"{40000} {40000 + ports - 1}"
    setup = f'ip link set lo up && echo "{span}" > /proc/sys/net/ipv4/ip_local_port_range && exec "$@"'
    return ["unshare", "--map-root-user", "--net", "sh", "-c", setup, "sh", *command]


def has_namespaces():
    try:
        return subprocess.run(in_namespace(PORTS, ["true"]), capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def judge_limits(loadgen, home, judge):
    loadgen, home = pathlib.Path(loadgen), pathlib.Path(home)
    folder = home / "limits-mock"
    folder.mkdir(parents=True, exist_ok=True)
    # In a process of its own, with files of its own.
    mock, url = e2e_gate.start_mock(loadgen, [], folder)
    try:
        run = Run(loadgen, home, "files", ["--target", url], files=FILES)
    finally:
        e2e_gate.stop(mock)
    judge.holds(f"files: said before the run: {run.said}", f"open files, and may have {FILES}" in run.said)
    judge.holds("files: requests failed for want of files", run.errors("no_files") > 0)
    judge.holds("files: a warning says so", run.warned("files-exhausted"))
    judge.holds("files: the others went on", run.succeeded() > 0)

    if not has_namespaces():
        print("  limits: no network namespaces on this machine (unshare, ip): ports are left out", flush=True)
        return
    one = ["--source-address", "127.0.0.1"]
    run = Run(loadgen, home, "refused", one, ports=PORTS)
    judge.equal("ports: too many users are refused", run.exit, 2)
    judge.holds(f"ports: and why: {run.said}", f"40 users at a time are more than the {PORTS} ports" in run.said)
    judge.holds("ports: where the file says so", "limits.toml:4:16" in run.said)
    run = Run(loadgen, home, "ports", [*one, "--vus", "5", "--disable-keepalive"], ports=PORTS)
    judge.holds("ports: requests failed for want of ports", run.errors("no_ports") > 0)
    judge.holds("ports: a warning says so", run.warned("ports-exhausted"))
    judge.holds("ports: the others went on", run.succeeded() > 0)
    run = Run(loadgen, home, "spread", [], ports=PORTS)
    judge.equal(f"ports: users are spread over loopback: {run.said}", run.errors("no_ports"), 0)
    judge.equal("ports: and pass", run.exit, 0)
