"""`loadgen stress` against a real uvicorn with a small pool of threads, watched by a real Prometheus and by probes.

The pool is what gives way: of four threads that are busy for 50 ms with each request, 80 requests a second can come, and
with more than about forty users each waits for over half a second. The search must find that, and the probes must say
what was used up. Part of scripts/e2e.
"""

import json
import pathlib
import shutil
import subprocess

POOL, WORK_MS, SLOW_MS = 4, 50, 500
#: Users for which the answer takes SLOW_MS, all waiting in one line before the pool.
LIMIT = SLOW_MS * POOL / WORK_MS
LIMIT_S = 300

PROMETHEUS = """
global: { scrape_interval: 1s }
scrape_configs:
  - job_name: pool
    static_configs: [{ targets: ["@TARGET@"] }]
"""

SCENARIO = """
name = "pool"
target = "{{ env.TARGET }}"

[[step]]
name = "work"
get = "/work"

[[probe]]
name = "pool"
prometheus = "{{ env.PROMETHEUS }}"
query = "100 * avg_over_time(pool_busy[5s]) / pool_threads"
every = "1s"
warn = "70%"
critical = "90%"

[[probe]]
name = "busy"
http = "{{ env.TARGET }}/stats"
pointer = "/pool/busy"
every = "500ms"

[[probe]]
name = "cpu"
process = "{{ env.PID }}"
warn = "70%"
critical = "95%"

[[probe]]
name = "threads"
process = "{{ env.PID }}"
figure = "threads"

[[probe]]
name = "memory"
process = "{{ env.PID }}"
figure = "memory"
"""


def prometheus_files(folder, target):
    """The configuration of a Prometheus that watches the pool; and its arguments without the port."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config = folder / "prometheus.yml"
    config.write_text(PROMETHEUS.replace("@TARGET@", target.removeprefix("http://")))
    return [f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}", "--log.level=warn"]


def search(loadgen, folder, pool, prometheus):
    """One search; its exit code, its summary, and what it printed."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "pool.toml").write_text(SCENARIO)
    names = ("json=summary.json", "svg=chart.svg", "markdown=result.md", "csv=levels.csv", "junit=junit.xml")
    given = {"TARGET": pool.url, "PROMETHEUS": prometheus.url, "PID": pool.process.pid}
    command = [loadgen, "stress", "pool.toml", "--start", 10, "--step", 10, "--max", 120, "--hold", "8s", "--settle", "3s"]
    command += ["--until", f"http_req_latency: p95 < {SLOW_MS}ms", "--until", "http_req_failed: rate < 1%", "--recover"]
    command += [word for name in names for word in ("--out", name)]
    command += [word for name, value in given.items() for word in ("-e", f"{name}={value}")]
    done = subprocess.run(
        [str(word) for word in command], cwd=folder, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    (folder / "output.txt").write_text(done.stdout + done.stderr)
    if not (folder / "summary.json").exists():
        raise RuntimeError(f"exit {done.returncode} and no summary: {done.stderr[-2000:]}")
    return done, json.loads((folder / "summary.json").read_text())


def judge_stress(loadgen, home, pool, prometheus, judge):
    """The search finds the pool's limit, and the probes tell what was used up there."""
    done, summary = search(loadgen, pathlib.Path(home, "runs", "stress"), pool, prometheus)
    print(done.stdout, flush=True)
    stress = summary["stress"]
    held, broke = stress["highest_held"] or 0, stress["lowest_broke"] or 0
    judge.equal("stress: exit code", done.returncode, 0)
    judge.equal("stress: limited by", stress["limited_by"], "service")
    judge.equal("stress: first broken", stress["first_broken"], f"http_req_latency: p95 < {SLOW_MS}ms")
    # uvicorn itself takes a little of the time of each request.
    judge.holds(f"stress: held at {held:g} of about {LIMIT:g}", 0.7 * LIMIT <= held <= 1.05 * LIMIT)
    judge.holds(f"stress: broke at {broke:g}", held < broke <= held * 1.05 + 1)
    judge.holds("stress: recovered", (stress["recovery"] or {}).get("after_s") is not None)
    for name in ("pool", "busy", "cpu", "threads", "memory"):
        probe = summary["probes"][name]
        judge.holds(f"stress: probe {name} told something: {probe}", probe["count"] >= 5)
    at_limit = {row["probe"]: row for row in stress["headroom"]}
    judge.holds(f"stress: the pool is used up: {at_limit['pool']}", at_limit["pool"]["used"] > 90)
    judge.equal("stress: the pool is critical", at_limit["pool"]["status"], "critical")
    judge.holds(f"stress: as many threads are busy: {at_limit['busy']}", 3 <= at_limit["busy"]["most"] <= POOL)
    judge.holds(f"stress: uvicorn works: {at_limit['cpu']}", 1 < at_limit["cpu"]["used"] < 150)
    judge.holds(f"stress: uvicorn has threads: {at_limit['threads']}", at_limit["threads"]["used"] > POOL)
    return summary
