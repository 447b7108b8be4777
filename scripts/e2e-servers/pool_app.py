"""A FastAPI service with a small pool of threads, which is what gives way first under load.

GET /work takes one of POOL threads for WORK_MS; whoever finds none free waits. GET /metrics tells Prometheus, and
GET /stats tells in JSON, how many threads are busy.
"""

import contextlib
import os
import threading
import time

import anyio.to_thread
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse

POOL = int(os.environ.get("POOL", "4"))
WORK_S = float(os.environ.get("WORK_MS", "50")) / 1000


class Counts:
    """What the pool does, counted by its threads."""

    def __init__(self):
        self.lock = threading.Lock()
        self.busy = 0
        self.done = 0

    @contextlib.contextmanager
    def working(self):
        with self.lock:
            self.busy += 1
        try:
            yield
        finally:
            with self.lock:
                self.busy -= 1
                self.done += 1


counts = Counts()


@contextlib.asynccontextmanager
async def small_pool(_app):
    anyio.to_thread.current_default_thread_limiter().total_tokens = POOL
    yield


app = FastAPI(lifespan=small_pool)


@app.get("/work")
def work():
    with counts.working():
        time.sleep(WORK_S)
    return {"ok": True}


@app.get("/stats")
async def stats():
    return {"pool": {"size": POOL, "busy": counts.busy, "share": 100 * counts.busy / POOL}, "done": counts.done}


@app.get("/metrics")
async def metrics():
    lines = [
        "# TYPE pool_threads gauge",
        f"pool_threads {POOL}",
        "# TYPE pool_busy gauge",
        f"pool_busy {counts.busy}",
        "# TYPE work_total counter",
        f"work_total {counts.done}",
    ]
    return PlainTextResponse("\n".join(lines) + "\n")


@app.get("/_count")
async def count():
    return {"accepted": counts.done}
