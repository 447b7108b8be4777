"""Against httpbin under gunicorn, which nobody here wrote: redirects, bodies, cookies, credentials, connections, cancelling."""

import collections
import json
import pathlib
import shutil
import subprocess
import time
import urllib.parse

ROUNDS = 4
RUN_LIMIT_S = 120
# gunicorn's line for each request: status, method, path with query.
LOG_FORMAT = "%(s)s %(m)s %(U)s?%(q)s"

# (name, the step, requests that the service sees, redirects that are followed)
STEPS = [
    ("chain", 'get = "/redirect/3"\nexpect = { status = "2xx", body_contains = "/get" }', 4, 3),
    ("absolute chain", 'get = "/absolute-redirect/2"\nexpect = { status = 200 }', 3, 2),
    ("not followed", 'get = "/redirect/3"\nredirects = 0\nexpect = { status = 302 }', 1, 0),
    (
        "method kept",
        'post = "/redirect-to"\nquery = { url = "/post", status_code = 307 }\nform = { note = "hello" }\n'
        'expect = { status = 200, body_contains = "\\"note\\": \\"hello\\"" }',
        2,
        1,
    ),
    (
        "method changed",
        'post = "/redirect-to"\nquery = { url = "/get?a=1", status_code = 303 }\nform = { note = "hello" }\n'
        'expect = { status = 200, body_contains = "\\"a\\": \\"1\\"" }',
        2,
        1,
    ),
    ("same origin", 'get = "/redirect-to"\nquery = { url = "/bearer" }\nexpect = { status = 200 }', 2, 1),
    # The other name of the same server is another origin: without the token it refuses.
    ("other origin", 'get = "/redirect-to"\nquery = { url = "OTHER/bearer" }\nexpect = { status = 401 }', 2, 1),
    (
        "form",
        'post = "/post"\nform = { "a&b" = "c d=ü", list = ["x", "y"] }\n'
        'expect = { status = 200, body_contains = ["\\"a&b\\": \\"c d=\\\\u00fc\\"", "\\"x\\"", "\\"y\\""] }',
        1,
        0,
    ),
    (
        "parts",
        'post = "/post"\nmultipart = [{ name = "note", value = "it is {{ 1 + 1 }}" }, '
        '{ name = "doc", file = "doc.txt" }]\n'
        'expect = { status = 200, body_contains = ["\\"note\\": \\"it is 2\\"", "\\"doc\\": \\"a small file\\""] }',
        1,
        0,
    ),
    (
        "file",
        'put = "/put"\nbody_file = "doc.txt"\nexpect = { status = 200, body_contains = "\\"data\\": \\"a small file\\"" }',
        1,
        0,
    ),
    (
        "compressed",
        'post = "/post"\nbody = "hello hello hello"\ncompress = "gzip"\n'
        'expect = { status = 200, body_contains = ["\\"Content-Encoding\\": \\"gzip\\"", "base64,H4sI"] }',
        1,
        0,
    ),
    ("cookie set", 'get = "/cookies/set"\nquery = { kind = "oat" }\ncookies = true\nexpect = { json = { "$.cookies.kind" = "oat" } }', 2, 1),
    ("cookie sent", 'get = "/cookies"\ncookies = true\nexpect = { json = { "$.cookies.kind" = "oat" } }', 1, 0),
    ("cookie withheld", 'get = "/cookies"\nexpect = { json = { "$.cookies.kind" = { exists = false } } }', 1, 0),
    (
        "cookie elsewhere",
        'get = "OTHER/cookies"\ncookies = true\nexpect = { json = { "$.cookies.kind" = { exists = false } } }',
        1,
        0,
    ),
    (
        "cookie ended",
        'get = "/cookies/delete"\nquery = { kind = "" }\ncookies = true\n'
        'expect = { json = { "$.cookies.kind" = { exists = false } } }',
        2,
        1,
    ),
    (
        "basic",
        'get = "/basic-auth/ann/p%3Aw"\nauth = { basic = { user = "ann", password = "p:w" } }\n'
        'expect = { json = { "$.authenticated" = true, "$.user" = "ann" } }',
        1,
        0,
    ),
    (
        "basic refused",
        'get = "/basic-auth/ann/right"\nauth = { basic = { user = "ann", password = "wrong" } }\nexpect = { status = 401 }',
        1,
        0,
    ),
    ("bearer", 'get = "/bearer"\nauth = { bearer = "tok-{{ vu }}" }\nexpect = { json = { "$.token" = "tok-1" } }', 1, 0),
    ("header", 'get = "/bearer"\nauth = { header = { x-other = "1" } }\nexpect = { status = [200] }', 1, 0),
    (
        "from a command",
        'get = "/redirect-to"\nquery = { url = "/bearer" }\nauth = { token_command = "cat token.txt" }\n'
        'expect = { json = { "$.token" = "of-a-file" } }',
        2,
        1,
    ),
    (
        "command elsewhere",
        'get = "/redirect-to"\nquery = { url = "OTHER/bearer" }\nauth = { token_command = "cat token.txt" }\n'
        'expect = { status = 401 }',
        2,
        1,
    ),
    ("new connection", 'get = "/get"\nconnection = "new"\nexpect = { body_contains = "\\"Connection\\": \\"close\\"" }', 1, 0),
    ("given up", 'get = "/drip"\nquery = { duration = 20, numbytes = 40, delay = 0 }\ncancel = { after = "500ms" }', 1, 0),
]


def scenario(url, other):
    steps = "".join(f'[[step]]\nname = "{name}"\n{text}\n\n' for name, text, _, _ in STEPS)
    return f"""
name = "httpbin"
target = "{url}"
load = {{ vus = 1, iterations = {ROUNDS} }}
[defaults]
timeout = "10s"
headers = {{ authorization = "Bearer some-token" }}

{steps.replace("OTHER", other)}"""


def settled(log):
    """The lines of the log, once none has been added for a while: answers are written down after they were given."""
    lines, since = None, time.monotonic()
    while time.monotonic() - since < 0.5:
        now = log.read_text().splitlines()
        if now != lines:
            lines, since = now, time.monotonic()
        time.sleep(0.05)
    return lines


def judge_httpbin(loadgen, server, home, judge):
    """`server` runs httpbin, and writes LOG_FORMAT to its log."""
    folder = pathlib.Path(home) / "httpbin"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "doc.txt").write_text("a small file")
    (folder / "token.txt").write_text("of-a-file\n")
    port = urllib.parse.urlsplit(server.url).port
    (folder / "httpbin.toml").write_text(scenario(server.url, f"http://localhost:{port}"))
    before = len(settled(server.log))
    command = [str(loadgen), "run", "httpbin.toml", "--no-log", "--out", "json=summary.json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=RUN_LIMIT_S, check=False)
    judge.equal(f"httpbin: exit code ({(done.stdout + done.stderr)[-2000:]})", done.returncode, 0)
    summary = json.loads((folder / "summary.json").read_text())
    steps = summary["scenarios"]["httpbin"]["steps"]
    count = lambda metrics, name: metrics.get(name, {}).get("count", 0)
    for name, _, requests, redirects in STEPS:
        metrics = steps[name]["metrics"]
        judge.equal(f"httpbin {name}: requests", count(metrics, "http_reqs"), ROUNDS * requests)
        judge.equal(f"httpbin {name}: redirects", count(metrics, "redirects"), ROUNDS * redirects)
        judge.equal(f"httpbin {name}: failed", metrics["http_req_failed"]["hits"], 0)
    judge.equal("httpbin: checks", summary["metrics"]["checks"]["rate"], 1)
    judge.equal("httpbin: cancelled", count(summary["metrics"], "cancelled"), ROUNDS)
    # The service wrote down every answer that it gave to its end.
    lines = [line.split(" ", 2) for line in settled(server.log)[before:]]
    seen = collections.Counter(line[0] for line in lines if len(line) == 3 and line[0].isdigit() and "/drip" not in line[2])
    ours = dict(summary["statuses"])
    ours["200"] -= ROUNDS  # those that were given up had a head
    judge.equal("httpbin: statuses", ours, dict(seen))
