# thousand.py <endpoint>
import sys, time, urllib.request
from concurrent.futures import ThreadPoolExecutor

def ask(_):
    began = time.perf_counter()
    with urllib.request.urlopen(sys.argv[1]) as answer:
        answer.read()
    return time.perf_counter() - began

with ThreadPoolExecutor(50) as pool:
    times = sorted(pool.map(ask, range(1000)))
print("p50", times[500], "p95", times[950], "max", times[-1])
