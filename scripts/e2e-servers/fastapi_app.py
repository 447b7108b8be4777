"""A FastAPI service that streams like an LLM server, and counts what it accepts.

The counts are taken below the framework, by an ASGI middleware, so that they hold whatever
becomes of a request afterwards. `express_app.js` behaves alike; docs/architecture.md says why.

Control: GET /_count, POST /_reset {"errors": bool, "slow": bool}; neither is counted.
With errors on, some chat requests fail, by their number: see `fate`.
"""

import asyncio
import json
import os

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse

FIRST_TOKEN_S = float(os.environ.get("FIRST_TOKEN_MS", "40")) / 1000
GAP_S = float(os.environ.get("GAP_MS", "8")) / 1000
# Long beside the start of a program.
ITEMS_S = 0.25
TOKEN = "e2e-token"


class Counts:
    """What the service has seen since the last reset."""

    def __init__(self, errors=False, slow=False):
        self.errors = errors
        self.gap_s = GAP_S * (20 if slow else 1)
        self.accepted = 0
        self.by_path = {}
        self.statuses = {}
        self.chats = 0
        self.streams_finished = 0
        self.streams_cut = 0
        self.tokens = 0
        self.events = 0

    def accept(self, path):
        self.accepted += 1
        self.by_path[path] = self.by_path.get(path, 0) + 1

    def answer(self, status):
        self.statuses[str(status)] = self.statuses.get(str(status), 0) + 1


counts = Counts()


class Counting:
    """Counts each request when its head has been read, and each status when it is sent."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http" or scope["path"].startswith("/_"):
            await self.app(scope, receive, send)
            return
        counts.accept(scope["path"])

        async def counted(message):
            if message["type"] == "http.response.start":
                counts.answer(message["status"])
            await send(message)

        await self.app(scope, receive, counted)


app = FastAPI()


def fate(number):
    """What becomes of the nth chat request when errors are on."""
    if not counts.errors:
        return "good"
    if number % 7 == 3:
        return "error"
    if number % 11 == 5:
        return "busy"
    if number % 17 == 9:
        return "cut"
    return "good"


def pieces(number, limit):
    """The contents of the events of the nth chat, and their tokens: every third event holds two."""
    total = min(4 + number % 13, limit)
    events, tokens = [], 0
    while tokens < total:
        size = 2 if len(events) % 3 == 2 and tokens + 2 <= total else 1
        events.append("".join(f" wört{tokens + i}" for i in range(size)))
        tokens += size
    return events, tokens


def chunk(choices, usage=None):
    body = {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "e2e", "choices": choices}
    if usage is not None:
        body["usage"] = usage
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n"


def delta(content, finish=None):
    return [{"index": 0, "delta": content, "finish_reason": finish}]


async def stream(events, usage, with_usage, cut):
    yield chunk(delta({"role": "assistant", "content": ""}))
    await asyncio.sleep(FIRST_TOKEN_S)
    for at, content in enumerate(events):
        if at:
            await asyncio.sleep(counts.gap_s)
        if cut and at == 2:
            counts.streams_cut += 1
            # Leaving without the last chunk makes uvicorn close the connection.
            raise ConnectionAbortedError("cut on purpose")
        counts.events += 1
        yield chunk(delta({"content": content}))
    yield chunk(delta({}, "stop"))
    if with_usage:
        yield chunk([], usage)
    counts.streams_finished += 1
    counts.tokens += usage["completion_tokens"]
    yield "data: [DONE]\n\n"


@app.post("/v1/chat/completions")
async def chat(request: Request):
    body = await request.json()
    number = counts.chats
    counts.chats += 1
    what = fate(number)
    if what == "error":
        return JSONResponse({"error": {"message": "broken on purpose", "type": "server_error"}}, 500)
    if what == "busy":
        return JSONResponse({"error": {"message": "busy on purpose", "type": "rate_limit"}}, 429)
    events, tokens = pieces(number, body.get("max_tokens") or body.get("max_completion_tokens") or 10_000)
    words = sum(len(str(message.get("content", "")).split()) for message in body["messages"])
    usage = {"prompt_tokens": words, "completion_tokens": tokens, "total_tokens": words + tokens}
    if not body.get("stream"):
        counts.tokens += tokens
        message = {"role": "assistant", "content": "".join(events)}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        return {"id": "c-1", "object": "chat.completion", "model": "e2e", "choices": choices, "usage": usage}
    with_usage = bool((body.get("stream_options") or {}).get("include_usage"))
    return StreamingResponse(stream(events, usage, with_usage, what == "cut"), media_type="text/event-stream")


@app.api_route("/analytics", methods=["GET", "POST"])
@app.api_route("/analytics/{rest:path}", methods=["GET", "POST"])
async def analytics(rest: str = ""):
    rows = [{"day": day, "visits": day * 17 % 101} for day in range(30)]
    return {"report": rest or "overview", "status": "ok", "rows": rows, "total": len(rows)}


@app.post("/login")
async def login(request: Request):
    await request.body()
    return {"token": TOKEN, "access_token": TOKEN, "token_type": "bearer", "user": {"id": 1, "name": "e2e"}}


@app.get("/me")
async def me(request: Request):
    if not request.headers.get("authorization", "").startswith("Bearer "):
        return JSONResponse({"error": "who are you?"}, 401)
    return {"id": 1, "name": "e2e", "status": "ok"}


@app.get("/plain")
async def plain():
    return PlainTextResponse("plain text, always the same\n")


@app.get("/items")
async def items():
    await asyncio.sleep(ITEMS_S)
    return [{"id": number, "name": f"item {number}"} for number in range(20)]


@app.get("/_count")
async def count():
    return vars(counts)


@app.post("/_reset")
async def reset(request: Request):
    global counts
    settings = json.loads(await request.body() or "{}")
    counts = Counts(bool(settings.get("errors")), bool(settings.get("slow")))
    return vars(counts)


app = Counting(app)
