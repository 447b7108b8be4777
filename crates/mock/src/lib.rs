//! Is the embedded target: an LLM chat server over SSE beside plain and faulty endpoints.
//!
//! [`Mock::start`] serves from threads of its own, inside the process, and knows nothing of who
//! calls it. It answers as model servers do (OpenAI, Anthropic, Ollama, streamed or whole), at a
//! pace and with faults that [`Settings`] give and a seed repeats, and it keeps its own truth:
//! when each request was read, the instant before each event was written, how it ended. The truth
//! is what happened at the sockets, never what the settings should have brought about.
//!
//! ```
//! use std::io::{Read, Write};
//! use std::net::TcpStream;
//! use std::time::Duration;
//!
//! use loadgen_mock::{Ended, Mock, Settings};
//!
//! let wait = Duration::from_millis(1);
//! let settings = Settings { ttft: wait, itl: wait, tokens: 3, ..Settings::default() };
//! let mock = Mock::start(settings, "127.0.0.1:0".parse()?)?;
//!
//! let body = r#"{ "model": "any", "stream": true, "messages": [] }"#;
//! let mut client = TcpStream::connect(mock.address())?;
//! write!(client, "POST /v1/chat/completions HTTP/1.1\r\nhost: mock\r\nconnection: close\r\n")?;
//! write!(client, "content-length: {}\r\n\r\n{body}", body.len())?;
//! let mut answer = String::new();
//! client.read_to_string(&mut answer)?;
//! assert!(answer.contains("data: [DONE]"));
//!
//! let truth = mock.truth();
//! // The role, three tokens, the finish, the terminator.
//! assert_eq!((truth[0].events, truth[0].output_events), (6, 3));
//! assert_eq!(truth[0].ended, Ended::Complete);
//! mock.stop();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Endpoints
//!
//! | path | answers |
//! |---|---|
//! | `POST /v1/chat/completions`, `/v1/completions`, `/v1/responses` | as OpenAI does; usage in a stream of the first two if `stream_options.include_usage` asks for it |
//! | `POST /v1/messages` | as Anthropic does |
//! | `POST /api/chat`, `/api/generate` | as Ollama does: a line of JSON per token, unless `"stream": false` |
//! | `/plain` | a small object after `plain_time`; `?bytes=N` gives N bytes of JSON, up to 16 MiB |
//! | `GET /analytics` | a list |
//! | `POST /login` | `{"user", "password"}` gives a token and a cookie; 401 if the password is "wrong" |
//! | `POST /oauth/token` | client credentials give a token of OAuth 2, `?expires_in=N` one of N seconds; 401 if the secret is "wrong" |
//! | `GET /me` | the user; 401 without an `Authorization` header or a cookie |
//! | `GET /search?q=…` | three documents with `id`, `title`, `text` and `rank`; the same for the same words |
//! | `POST /feedback` | 201 where `rating` is a whole number from 1 to 5 |
//! | `GET /health` | that all is well |
//! | `/status/CODE` | that status, from 200 to 599 |
//! | `/echo` | the request as it arrived: method, path, query, headers, body |
//! | `GET /_truth` | one [`TruthRecord`] a line, as JSON; `DELETE` forgets them |
//!
//! A streamed answer sends what comes before the first token at once, token n (from 0) at
//! `ttft + n * itl` after the request was read, and the rest right after the last token. Each
//! event is a write of its own. An answer that is not streamed takes `ttft + tokens * itl`.
//!
//! Every answer but that of `/_truth` carries `x-mock-request`, the request's number in the truth.
//! `GET /_truth` says in its headers how many requests were received since the last `DELETE`
//! (`x-truth-received`), how many of them were dropped for want of room (`x-truth-dropped`), and
//! what its instants count from (`x-truth-clock`: `monotonic` or `start`).
//!
//! The end of an exchange is noted right after its last write. So a client that has just read the
//! last byte may find its record still open for some microseconds: look again until it has
//! `ended_ns`.
//!
//! # A service that has a limit
//!
//! | mode | settings | what breaks |
//! |---|---|---|
//! | queueing | `service_time`, `servers` | M/M/c: each request waits its turn for one of c servers and is served for an exponential time, before its answer begins; above `servers / service_time` requests a second the queue grows without end |
//! | contention | `contention`, `coherency` beside `service_time` | service takes `1 + contention (n-1) + coherency n (n-1)` times as long, n being served at the time: the Universal Scalability Law, with throughput that falls beyond its peak |
//! | concurrency limit | `max_concurrent` | 429 above so many requests at a time |
//! | rate limit | `rate_limit` | 429 above so many requests a second; a tenth of a second of them may come at once |
//! | leak | `leak` beside `service_time` | the service time grows by this share with each 100 requests served |
//! | noise | `noise` | all waits of a second are scaled by one factor between `1 - noise` and `1 + noise` |
//!
//! All of it is drawn from the seed: service times by the request's number, noise by the second
//! since the start. Timers that are late do not add up: a service that took too long is made up
//! for by the next ones, so that a station serves at its nominal rate. The modes leave `/health`,
//! `/status` and `/echo` alone.
//!
//! # Limits
//!
//! - HTTP/1.1 and 1.0 without TLS. Bodies of requests are limited to 16 MiB (413).
//! - Waits are as precise as tokio's timer: up to about 2 ms late, never early. The truth holds
//!   the real instants.
//! - A head that is no HTTP is answered 400 by the HTTP library and is not in the truth.
//! - The truth keeps the newest [`Settings::truth_requests`] requests, 8,000,000 instants in all
//!   and 100,000 of one request.
//!
//! Nothing here panics on what a client sends.

mod anthropic;
mod auth;
mod body;
mod brake;
mod clock;
mod connections;
mod dialect;
mod error;
mod exchange;
mod faults;
mod ollama;
mod openai;
mod plain;
mod rag;
mod reply;
mod request;
mod responses;
mod route;
mod serve;
mod server;
mod settings;
mod station;
mod stream;
mod tap;
mod telling;
mod truth;
mod weather;

pub use error::Error;
pub use server::Mock;
pub use settings::Settings;
pub use truth::{Ended, Fault, TruthRecord};
