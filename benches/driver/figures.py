"""Arithmetic: quantiles, medians, and how far arrivals lie from their schedule."""

import math
import statistics


def quantile(values, q):
    """By nearest rank, as in docs/measurement.md; nothing of nothing."""
    ordered = sorted(values)
    if not ordered:
        return None
    return ordered[max(0, math.ceil(q * len(ordered)) - 1)]


def median(values):
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def schedule_error(received_ns, per_second):
    """Distances of arrivals from an even schedule, in milliseconds.

    Nobody knows when a peer's schedule began, so the start is placed where the median distance is
    nothing; a constant offset is no error, everything else is.
    """
    ordered = sorted(received_ns)
    raw = [at / 1e6 - number * 1e3 / per_second for number, at in enumerate(ordered)]
    if not raw:
        return None
    start = statistics.median(raw)
    distances = [abs(value - start) for value in raw]
    return {
        "error_p50_ms": quantile(distances, 0.5),
        "error_p99_ms": quantile(distances, 0.99),
        "error_max_ms": quantile(distances, 1),
    }


def achieved_rate(received_ns):
    """Arrivals a second between the first and the last."""
    if len(received_ns) < 2:
        return None
    span = (max(received_ns) - min(received_ns)) / 1e9
    return (len(received_ns) - 1) / span if span > 0 else None


def stalled_share(length_s, period_s, q):
    """What the quantile of latency is, by arithmetic, when all stands still for `length_s` of every `period_s`.

    A share of the arrivals waits, evenly between nothing and the whole stall; the others do not wait.
    """
    share = length_s / period_s
    return max(0.0, 1 - (1 - q) / share) * length_s
