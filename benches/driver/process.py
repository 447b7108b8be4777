"""Runs a target on one core and a generator on another, and reads what they cost.

Everything started here is a child that is ended here: the target lives as long as its standard input,
a generator as long as its limit.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import time

from . import machine

SAMPLE_S = 0.1
END_LIMIT_S = 60


class Failed(Exception):
    """A process that did not do what it was started for."""


@dataclasses.dataclass
class Cost:
    """What one run of a generator cost, and what it wrote."""

    wall_s: float
    cpu_s: float
    peak_kib: int
    code: int
    output: str


def pinned(core, command):
    return ["taskset", "-c", str(core), *map(str, command)]


def cpu_seconds(pid):
    """CPU seconds of a living process, all its threads."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def run(command, core, limit_s, folder, environment=None):
    """Runs a generator to its end; after the limit it is ended, and that is a failure."""
    began = time.monotonic()
    log = folder / "output.txt"
    with log.open("wb") as output:
        child = subprocess.Popen(
            pinned(core, command),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
        )
        peak, usage, status = 0, None, None
        try:
            while usage is None:
                peak = max(peak, _peak_kib(child.pid))
                time.sleep(SAMPLE_S)
                pid, status, spent = os.wait4(child.pid, os.WNOHANG)
                if pid:
                    usage = spent
                elif time.monotonic() - began > limit_s:
                    raise Failed(f"{command[0]} did not end within {limit_s:.0f} s")
        finally:
            if usage is None:
                child.send_signal(signal.SIGKILL)
                child.wait()
            else:
                child.returncode = os.waitstatus_to_exitcode(status)
    return Cost(
        wall_s=time.monotonic() - began,
        cpu_s=usage.ru_utime + usage.ru_stime,
        peak_kib=peak,
        code=child.returncode,
        output=log.read_text(errors="replace"),
    )


def _peak_kib(pid):
    # Not the resource usage of the ended child: that begins with the peak of who started it.
    with contextlib.suppress(OSError):
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0


class Target:
    """One or more servers on one port, on one core, with their truth at the end."""

    def __init__(self, program, core, folder, processes=1, stall=None):
        self.program, self.core, self.folder, self.stall = program, core, folder, stall
        self.processes, self.children, self.url = processes, [], None
        self.counts, self.records = None, None

    def __enter__(self):
        port = 0
        for number in range(self.processes):
            command = [self.program, "--port", port, "--truth", self.folder / f"truth-{number}.csv"]
            if self.stall:
                command += ["--stall", "/".join(str(round(part * 1000)) for part in self.stall)]
            child = subprocess.Popen(
                pinned(self.core, command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            self.children.append(child)
            self.url = child.stdout.readline().strip()
            if not self.url:
                raise Failed("the target did not start")
            port = self.url.rsplit(":", 1)[1]
        return self

    def cpu_s(self):
        return sum(cpu_seconds(child.pid) for child in self.children)

    def __exit__(self, *_):
        counts = []
        for child in self.children:
            try:
                answer, _ = child.communicate(timeout=END_LIMIT_S)
                counts.append(json.loads(answer))
            except (subprocess.TimeoutExpired, ValueError):
                child.kill()
                child.wait()
        if len(counts) == self.processes:
            self.counts = _merged(counts)
            self.records = self._records()

    def _records(self):
        """Instants of each stream and arrival: received, first event, last event; 0 where it did not happen."""
        records = []
        for number in range(self.processes):
            text = (self.folder / f"truth-{number}.csv").read_text()
            records += [tuple(map(int, line.split(","))) for line in text.splitlines()]
        return records


def _merged(counts):
    merged = {}
    for count in counts:
        for key, value in count.items():
            if isinstance(value, dict):
                old = merged.setdefault(key, dict.fromkeys(value, 0.0))
                merged[key] = {name: max(old[name], value[name]) for name in value}
            else:
                merged[key] = merged.get(key, 0) + value
    return merged


def measured(target, command, core, limit_s, folder, environment=None):
    """A generator's cost, with the shares of a core that the target and everybody else used meanwhile."""
    served, all_of_it = target.cpu_s(), machine.busy_seconds()
    cost = run(command, core, limit_s, folder, environment)
    served, all_of_it = target.cpu_s() - served, machine.busy_seconds() - all_of_it
    others = max(0.0, all_of_it - served - cost.cpu_s)
    return cost, served / cost.wall_s, others / cost.wall_s
