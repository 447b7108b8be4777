"""A long load that must be boring: memory minute by minute, the run log's size, the drift of due times."""

import contextlib
import json
import pathlib
import subprocess
import time

from . import figures, process

SCENARIO = pathlib.Path(__file__).with_name("sustained.toml")
RATE = 50
MEBIBYTE = 1 << 20


def measure(setting, minutes):
    """One run; gives the figures, and prints them minute by minute."""
    folder = setting.fresh_folder()
    with process.Target(setting.programs / "bench-target", setting.target_core, folder) as target:
        command = [setting.programs / "loadgen", "run", SCENARIO, "--target", target.url, "--workers", 1]
        command += ["--seed", 1, "--quiet", "--duration", f"{round(60 * minutes)}s"]
        command += ["--out", "json=summary.json", "--out", "log=run.jsonl"]
        samples, code = _watched(process.pinned(setting.generator_core, command), folder, 60 * minutes)
    summary = json.loads((folder / "summary.json").read_text())
    received = sorted(at for at, first, _ in target.records if not first)
    log = (folder / "run.jsonl").stat().st_size
    return {
        "minutes": minutes,
        "exit_code": code,
        "requests": summary["metrics"]["http_reqs"]["count"],
        "failed": summary["metrics"]["http_req_failed"]["hits"],
        "dropped": summary["metrics"]["dropped_iterations"]["count"],
        "missing": round(RATE * 60 * minutes) - len(received),
        "rss_mib_by_minute": [round(rss / 1024, 2) for rss, _ in samples],
        "cpu_s": samples[-1][1] if samples else None,
        "log_mib": log / MEBIBYTE,
        "log_bytes_per_record": log / (60 * minutes),
        **_drift(received, minutes),
    }


def _watched(command, folder, seconds):
    began, samples = time.monotonic(), []
    with (folder / "output.txt").open("wb") as output:
        child = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
        try:
            while child.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(timeout=max(0.1, began + 60 * (len(samples) + 1) - time.monotonic()))
                    break
                samples.append((_rss_kib(child.pid), process.cpu_seconds(child.pid)))
                print(f"  minute {len(samples)}: {samples[-1][0] / 1024:.1f} MiB", flush=True)
                if time.monotonic() > began + seconds + 120:
                    raise process.Failed("the run does not end")
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
    return samples, child.returncode


def _rss_kib(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS:"))


def _drift(received, minutes):
    """How late arrivals were at the target; and the most punctual arrival of each minute, which a drift would move."""
    late = [at / 1e6 - number * 1e3 / RATE for number, at in enumerate(received)]
    if not late:
        return {}
    earliest = min(late)
    late = [value - earliest for value in late]
    by_minute = [late[60 * RATE * minute : 60 * RATE * (minute + 1)] for minute in range(max(1, round(minutes)))]
    return {
        "late_p50_ms": figures.quantile(late, 0.5),
        "late_p99_ms": figures.quantile(late, 0.99),
        "most_punctual_ms_by_minute": [round(min(part), 4) for part in by_minute if part],
    }
