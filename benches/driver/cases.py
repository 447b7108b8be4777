"""What is measured: every case with its load, its clients, and what is made of a run's figures."""

import contextlib
import dataclasses

from . import figures, process
from .clients import Load, Unable, reported

ALL = ("loadgen", "wrk", "h2load", "hey", "oha", "k6", "locust")
STREAMING = ("loadgen", "wrk", "oha", "k6", "locust")

# 100 events in 9.1 s: 10,000 streams are offered 109,000 events a second, near the most that one core sends.
STREAM = "/v1/chat/completions?n=100&ttft=200&itl=90&jitter=30"
# The same rate of events for twice the streams.
SLOW_STREAM = "/v1/chat/completions?n=100&ttft=200&itl=182&jitter=30"
# The same 50,000 events a second by 100, 1,000 and 10,000 streams: what an event costs where only their number grows.
EVEN_STREAM = "/v1/chat/completions?n=100&ttft={gap}&itl={gap}&jitter=30"
BURST_STREAM = "/v1/chat/completions?n=20&ttft=200&itl=50&jitter=30"


@dataclasses.dataclass(frozen=True)
class Case:
    """One row of the tables."""

    title: str
    load: Load
    clients: tuple
    unit: str = "requests"
    quick_s: float = 3
    processes: int = 1
    stall: tuple | None = None
    nginx: bool = False


def _closed(path, users, seconds, stream=False):
    return Load("closed", path, users=users, seconds=seconds, stream=stream)


def _streams(users, clients, path=STREAM, **more):
    title = f"{users:,} event streams"
    return Case(title, _closed(path, users, 20, True), clients, unit="events", quick_s=4, **more)


def _even(users):
    path = EVEN_STREAM.format(gap=users // 50)
    case = _streams(users, ("loadgen", "wrk"), path)
    return dataclasses.replace(case, title=f"{users:,} event streams, 50,000 events/s together")


def _open(rate):
    return Case(
        f"open load, {rate:,} requests/s",
        Load("open", "/arrive", users=100, rate=rate, seconds=10),
        ("loadgen", "oha", "k6"),
    )


CASES = {
    "plain50": Case("plain GET, 50 connections", _closed("/plain", 50, 10), ALL),
    "plain500": Case("plain GET, 500 connections", _closed("/plain", 500, 10), ALL),
    "nginx50": Case("plain GET of nginx, 50 connections", _closed("/plain", 50, 10), ALL, nginx=True),
    "sse100": _streams(100, ("loadgen",)),
    "sse1000": _streams(1_000, STREAMING),
    "sse10000": _streams(10_000, STREAMING),
    "sse19500": _streams(19_500, ("loadgen", "wrk", "oha", "k6"), SLOW_STREAM, processes=2),
    "even100": _even(100),
    "even1000": _even(1_000),
    "even10000": _even(10_000),
    "flood": Case(
        "replies of 64 events in one write, 64 in flight",
        _closed("/flood?n=64", 64, 10, True),
        ("loadgen", "wrk", "oha", "k6"),
        unit="events",
    ),
    "burst": Case(
        "512 streams that start at once",
        Load("once", BURST_STREAM, users=512, stream=True),
        ("loadgen", "oha", "k6"),
        unit="events",
    ),
    "open1000": _open(1_000),
    "open5000": _open(5_000),
    "stall": Case(
        "open load, 1,000 requests/s, on a target that stands still for 500 ms of every 5 s",
        Load("open", "/arrive", users=1_000, rate=1_000, seconds=20),
        ("loadgen", "oha", "k6"),
        quick_s=10,
        stall=(0.5, 5.0),
    ),
}


def measure(case, client, setting, seconds):
    """One round of one client: what it cost, what the target saw, what the client said."""
    load = dataclasses.replace(case.load, seconds=seconds)
    limit = seconds * 3 + 90
    folder = setting.fresh_folder()
    with setting.target(case, folder) as target:
        call = client.call(target.url, load)
        cost, served, others = process.measured(
            target, call.command, setting.generator_core, limit, folder, call.environment
        )
    said = reported(call, cost, folder)
    units = _units(case, target, said)
    row = {
        "wall_s": cost.wall_s,
        "cpu_s": cost.cpu_s,
        "generator_core": cost.cpu_s / cost.wall_s,
        "target_core": served,
        "others_cores": others,
        "units": units,
        "peak_kib": cost.peak_kib,
        "errors": said.get("errors"),
        "said": said,
    }
    if load.kind == "closed":
        row |= {
            "per_second": units / seconds,
            "cpu_s_per_million": 1e6 * cost.cpu_s / units if units else None,
            "kib_per_connection": cost.peak_kib / load.users,
        }
    if target.counts:
        row["target"] = target.counts
        row |= _truth(case, load, target.records, said)
    return row


def _units(case, target, said):
    if target.counts is None:
        return said["requests"]
    counts = target.counts
    return counts["events"] if case.unit == "events" else counts["plain"] + counts["arrivals"]


def _truth(case, load, records, said):
    """What the target's own notes say of what the client reported."""
    received = [record[0] for record in records]
    if load.kind == "once":
        truth = [(first - at) / 1e6 for at, first, _ in records if first]
        row = {f"truth_{q}_ms": figures.quantile(truth, p) for q, p in (("p50", 0.5), ("p99", 0.99))}
        for q in ("p50", "p99"):
            with contextlib.suppress(KeyError, TypeError):
                row[f"first_token_{q}_off_ms"] = said["first_token_ms"][q] - row[f"truth_{q}_ms"]
        return row
    if load.kind != "open":
        return {}
    expected = load.rate * load.seconds
    row = {"missing": round(expected - len(received)), "achieved_rate": figures.achieved_rate(received)}
    if case.stall is None:
        return row | (figures.schedule_error(received, load.rate) or {})
    for q, p in (("p95", 0.95), ("p99", 0.99)):
        row[f"arithmetic_{q}_ms"] = 1e3 * figures.stalled_share(*case.stall, p)
        with contextlib.suppress(KeyError, TypeError):
            row[f"latency_{q}_ms"] = said["latency_ms"][q]
    return row


def can(client, case):
    """Whether a client has a way to make the case's load."""
    try:
        client.call("http://127.0.0.1:1", case.load)
    except Unable:
        return False
    return True
