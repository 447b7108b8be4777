"""A user that asks again as soon as it has its answer: whole, or event by event."""

import os
import time

from locust import FastHttpUser, constant, task

PATH = os.environ["BENCH_PATH"]
STREAM = os.environ.get("BENCH_STREAM") == "1"


class User(FastHttpUser):
    wait_time = constant(0)

    @task
    def ask(self):
        if not STREAM:
            self.client.get(PATH)
            return
        first, last, events = None, None, 0
        for line in self.client.iter_lines(PATH):
            if line.startswith("data:"):
                last = time.perf_counter()
                first = first or last
                events += 1
