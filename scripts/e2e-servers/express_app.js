// An Express service that streams like an LLM server, and counts what it accepts.
//
// It behaves as `fastapi_app.py` does, and does one thing more: with errors on it closes some
// reused connections after reading a request and before any answer, which a client may send again.
// The counts are taken in the server's own "request" event, before Express sees the request.
"use strict";

const http = require("node:http");
const express = require("express");

const FIRST_TOKEN_MS = Number(process.env.FIRST_TOKEN_MS ?? 40);
const GAP_MS = Number(process.env.GAP_MS ?? 8);
const TOKEN = "e2e-token";

const fresh = (errors = false, slow = false) => ({
  errors,
  gap_ms: GAP_MS * (slow ? 20 : 1),
  accepted: 0,
  by_path: {},
  statuses: {},
  chats: 0,
  streams_finished: 0,
  streams_cut: 0,
  dropped: 0,
  tokens: 0,
  events: 0,
});
let counts = fresh();

const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const add = (table, key) => (table[key] = (table[key] ?? 0) + 1);

/** What becomes of the nth chat request when errors are on. */
function fate(number, reused) {
  if (!counts.errors) return "good";
  if (number % 7 === 3) return "error";
  if (number % 11 === 5) return "busy";
  if (number % 17 === 9) return "cut";
  if (number % 5 === 4 && reused) return "drop";
  return "good";
}

/** The contents of the events of the nth chat, and their tokens: every third event holds two. */
function pieces(number, limit) {
  const total = Math.min(4 + (number % 13), limit);
  const events = [];
  let tokens = 0;
  while (tokens < total) {
    const size = events.length % 3 === 2 && tokens + 2 <= total ? 2 : 1;
    events.push(Array.from({ length: size }, (_, i) => ` wört${tokens + i}`).join(""));
    tokens += size;
  }
  return [events, tokens];
}

function chunk(choices, usage) {
  const body = { id: "c-1", object: "chat.completion.chunk", created: 1, model: "e2e", choices };
  if (usage) body.usage = usage;
  return `data: ${JSON.stringify(body)}\n\n`;
}

const delta = (content, finish = null) => [{ index: 0, delta: content, finish_reason: finish }];

async function stream(answer, events, usage, withUsage, cut) {
  answer.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  answer.write(chunk(delta({ role: "assistant", content: "" })));
  await wait(FIRST_TOKEN_MS);
  for (const [at, content] of events.entries()) {
    if (at) await wait(counts.gap_ms);
    if (answer.destroyed) return;
    if (cut && at === 2) {
      counts.streams_cut += 1;
      answer.socket.destroy();
      return;
    }
    counts.events += 1;
    answer.write(chunk(delta({ content })));
  }
  answer.write(chunk(delta({}, "stop")));
  if (withUsage) answer.write(chunk([], usage));
  counts.streams_finished += 1;
  counts.tokens += usage.completion_tokens;
  answer.end("data: [DONE]\n\n");
}

const app = express();
app.disable("x-powered-by");
app.use(express.json({ limit: "10mb" }));

app.post("/v1/chat/completions", async (request, answer) => {
  const body = request.body;
  const number = counts.chats++;
  const what = fate(number, request.socket.requestsSeen > 1);
  if (what === "drop") {
    counts.dropped += 1;
    request.socket.destroy();
    return;
  }
  if (what === "error") {
    answer.status(500).json({ error: { message: "broken on purpose", type: "server_error" } });
    return;
  }
  if (what === "busy") {
    answer.status(429).json({ error: { message: "busy on purpose", type: "rate_limit" } });
    return;
  }
  const [events, tokens] = pieces(number, body.max_tokens ?? body.max_completion_tokens ?? 10000);
  const words = body.messages
    .map((message) => String(message.content ?? "").split(/\s+/).filter(Boolean).length)
    .reduce((sum, n) => sum + n, 0);
  const usage = { prompt_tokens: words, completion_tokens: tokens, total_tokens: words + tokens };
  if (!body.stream) {
    counts.tokens += tokens;
    const message = { role: "assistant", content: events.join("") };
    answer.json({
      id: "c-1",
      object: "chat.completion",
      model: "e2e",
      choices: [{ index: 0, message, finish_reason: "stop" }],
      usage,
    });
    return;
  }
  await stream(answer, events, usage, Boolean(body.stream_options?.include_usage), what === "cut");
});

app.all(["/analytics", "/analytics/*rest"], (request, answer) => {
  const rows = Array.from({ length: 30 }, (_, day) => ({ day, visits: (day * 17) % 101 }));
  answer.json({ report: request.params.rest?.join("/") ?? "overview", status: "ok", rows, total: rows.length });
});

app.post("/login", (_, answer) => {
  answer.json({ token: TOKEN, access_token: TOKEN, token_type: "bearer", user: { id: 1, name: "e2e" } });
});

app.get("/me", (request, answer) => {
  if (!String(request.headers.authorization ?? "").startsWith("Bearer ")) {
    answer.status(401).json({ error: "who are you?" });
    return;
  }
  answer.json({ id: 1, name: "e2e", status: "ok" });
});

app.get("/plain", (_, answer) => answer.type("text/plain").send("plain text, always the same\n"));

app.get("/_count", (_, answer) => answer.json(counts));

app.post("/_reset", (request, answer) => {
  counts = fresh(Boolean(request.body?.errors), Boolean(request.body?.slow));
  answer.json(counts);
});

const server = http.createServer((request, answer) => {
  request.socket.requestsSeen = (request.socket.requestsSeen ?? 0) + 1;
  if (!request.url.startsWith("/_")) {
    counts.accepted += 1;
    add(counts.by_path, request.url.split("?")[0]);
    const writeHead = answer.writeHead;
    answer.writeHead = function (status, ...rest) {
      add(counts.statuses, String(status));
      return writeHead.call(this, status, ...rest);
    };
  }
  app(request, answer);
});
// Nobody but the test closes an idle connection, so that its sums are exact.
server.keepAliveTimeout = Number(process.env.KEEP_ALIVE_MS ?? 120000);
server.listen(Number(process.env.PORT), "127.0.0.1");
