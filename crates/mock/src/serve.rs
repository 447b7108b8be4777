//! Answers one request: reads it, decides its fate, and makes the response.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use hyper::body::Incoming;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue,
    RETRY_AFTER,
};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use crate::body::{Body, Content, Cut, Plain};
use crate::brake::Brake;
use crate::dialect::{Answer, Dialect, Took};
use crate::exchange::{Exchange, Gate};
use crate::faults::Lot;
use crate::reply::Reply;
use crate::request::{MOST_BODY, Unread, read};
use crate::route::Target;
use crate::station::Station;
use crate::stream::{EventStream, Script};
use crate::tap::Conn;
use crate::telling::tell;
use crate::truth::{Arrival, Fault, Log};
use crate::weather::Weather;
use crate::{Settings, auth, openai, plain, rag};

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) settings: Settings,
    pub(crate) log: Arc<Log>,
    pub(crate) gate: Arc<Gate>,
    brake: Option<Brake>,
    station: Option<Station>,
    weather: Weather,
    started: Instant,
}

impl Site {
    pub(crate) fn new(settings: Settings, log: Arc<Log>) -> Self {
        let started = Instant::now();
        Self {
            log,
            gate: Arc::new(Gate::new(settings.max_concurrent)),
            brake: Brake::new(settings.rate_limit, started),
            station: Station::new(&settings),
            weather: Weather::new(settings.noise, settings.seed),
            started,
            settings,
        }
    }
}

/// What is to be answered.
enum Verdict {
    Reply(Reply),
    Stream(Script),
}

/// One request being answered.
struct Call<'a> {
    site: &'a Site,
    head: Parts,
    exchange: Exchange,
    lot: Lot,
    start: Instant,
}

/// Answers `request`, which came over `conn`.
///
/// # Errors
///
/// [`Cut`] when the client broke off its own request, which ends the connection.
pub(crate) async fn serve(
    site: Arc<Site>,
    conn: Arc<Conn>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Cut> {
    let (head, body) = request.into_parts();
    if head.uri.path() == "/_truth" {
        return tell(&site, conn, &head.method, body).await;
    }
    let start = Instant::now();
    let id = head
        .headers
        .get("x-request-id")
        .and_then(|id| id.to_str().ok());
    let (method, path) = (head.method.as_str(), head.uri.path());
    let arrival = Arrival {
        at: start.into_std(),
        connection: conn.number,
        method,
        path,
        id,
    };
    let exchange = Exchange::open(&site.log, &conn, &arrival);
    let mut lot = Lot::draw(&site.settings, exchange.number);
    lot.factor = site.weather.factor(start - site.started);
    let mut call = Call {
        site: &site,
        head,
        exchange,
        lot,
        start,
    };
    let verdict = call.judge(body).await?;
    Ok(call.respond(verdict))
}

impl Call<'_> {
    async fn judge(&mut self, body: Incoming) -> Result<Verdict, Cut> {
        let path = self.head.uri.path().to_owned();
        let admitted = self.admit(&path);
        // Bodies are read whatever the answer, so that the connection can be used again.
        let keep = admitted.as_ref().is_ok_and(|target| target.reads_body());
        let body = match read(body, keep).await {
            Ok(body) => body,
            Err(Unread::ClientLeft) => return Err(Cut),
            Err(Unread::TooLarge) => {
                let dialect = Target::find(&path).and_then(Target::dialect);
                return Ok(Verdict::Reply(too_large(dialect)));
            }
        };
        match admitted {
            Ok(target) => {
                if target.can_fail() {
                    self.be_served().await;
                }
                self.answer(target, &body).await
            }
            Err(refusal) => Ok(Verdict::Reply(refusal)),
        }
    }

    /// What the request asks for, unless its head is reason enough to refuse it.
    fn admit<'p>(&mut self, path: &'p str) -> Result<Target<'p>, Reply> {
        let Some(target) = Target::find(path) else {
            return Err(refuse(
                StatusCode::NOT_FOUND,
                None,
                &format!("there is no {path}"),
            ));
        };
        let dialect = target.dialect();
        if let Some(methods) = target.methods_without(&self.head.method) {
            let message = format!("{path} takes {methods}, not {}", self.head.method);
            let refusal = refuse(StatusCode::METHOD_NOT_ALLOWED, dialect, &message);
            return Err(refusal.with(ALLOW, HeaderValue::from_static(methods)));
        }
        if !target.can_fail() {
            return Ok(target);
        }
        if self
            .site
            .brake
            .as_ref()
            .is_some_and(|brake| !brake.pass(self.start))
        {
            return Err(too_many(dialect, "too many requests a second"));
        }
        let Some(pass) = self.site.gate.enter() else {
            return Err(too_many(dialect, "too many requests at a time"));
        };
        self.exchange.hold(pass);
        if self.lot.error {
            self.exchange.fault(Fault::Error);
            let message = "the mock failed this request on purpose";
            return Err(refuse(StatusCode::INTERNAL_SERVER_ERROR, dialect, message));
        }
        Ok(target)
    }

    /// Waits for a server and for the end of the service, where there is a queue. The answer's own pace begins after it.
    async fn be_served(&mut self) {
        if let Some(station) = &self.site.station {
            station.serve(self.lot.service * self.lot.factor).await;
            self.start = Instant::now();
        }
    }

    async fn answer(&mut self, target: Target<'_>, body: &[u8]) -> Result<Verdict, Cut> {
        let reply = match target {
            Target::Tokens(dialect) => return Ok(self.tokens(dialect, body).await),
            Target::Plain => {
                let time = self.lot.wait(self.site.settings.plain_time);
                if !time.is_zero() {
                    sleep_until(self.start + time).await;
                }
                plain::plain(self.head.uri.query())
            }
            Target::Analytics => plain::analytics(),
            Target::Login => auth::login(self.exchange.number, body),
            Target::Token => auth::token_of_client(self.exchange.number, &self.head, body),
            Target::Me => auth::me(&self.head.headers),
            Target::Search => rag::search(self.head.uri.query()),
            Target::Feedback => rag::feedback(self.exchange.number, body),
            Target::Health => plain::health(),
            Target::Status(code) => plain::status(code),
            Target::Echo => plain::echo(&self.head, self.exchange.conn.number, body),
            // Asked before a request is numbered.
            Target::Truth => return Err(Cut),
        };
        Ok(Verdict::Reply(reply))
    }

    async fn tokens(&mut self, dialect: &'static dyn Dialect, body: &[u8]) -> Verdict {
        let asked = match serde_json::from_slice::<Value>(body) {
            Ok(body) if body.is_object() => dialect.ask(&body),
            Ok(_) => Err("the body must be a JSON object".to_owned()),
            Err(error) => Err(format!("the body is not JSON: {error}")),
        };
        let ask = match asked {
            Ok(ask) => ask,
            Err(message) => {
                return Verdict::Reply(refuse(StatusCode::BAD_REQUEST, Some(dialect), &message));
            }
        };
        let settings = &self.site.settings;
        let stream = ask.stream;
        let created = unix_seconds();
        let answer = Answer::new(ask, self.exchange.number, created, settings.tokens);
        let (lot, start) = (self.lot.clone(), self.start);
        let mut script = Script {
            dialect,
            answer,
            lot,
            start,
            ttft: settings.ttft,
            itl: settings.itl,
        };
        if stream {
            return Verdict::Stream(script);
        }
        let total = script.whole_time();
        sleep_until(start + total).await;
        let took = Took {
            first: settings.ttft.min(total),
            total: start.elapsed(),
        };
        Verdict::Reply(Reply::json(
            StatusCode::OK,
            &dialect.whole(&script.answer, &took),
        ))
    }

    fn respond(mut self, verdict: Verdict) -> Response<Body> {
        let number = HeaderValue::from(self.exchange.number);
        let mut response = match verdict {
            Verdict::Reply(reply) => self.plain_response(reply),
            Verdict::Stream(script) => {
                self.exchange.status(StatusCode::OK.as_u16());
                let media_type = HeaderValue::from_static(script.dialect.media_type());
                let stream = EventStream::new(self.exchange, script);
                let mut response = Response::new(Body::Stream(Box::new(stream)));
                response.headers_mut().insert(CONTENT_TYPE, media_type);
                response
                    .headers_mut()
                    .insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
                response
            }
        };
        response
            .headers_mut()
            .insert(HeaderName::from_static("x-mock-request"), number);
        response
    }

    fn plain_response(mut self, reply: Reply) -> Response<Body> {
        self.exchange.status(reply.status.as_u16());
        self.exchange.ends_as(reply.ended);
        let length = reply.content.len();
        let head_only = self.head.method == Method::HEAD;
        let content = if head_only {
            Content::Fill(0)
        } else {
            reply.content
        };
        let mut response = Response::new(Body::Plain(Plain::new(self.exchange, content)));
        *response.status_mut() = reply.status;
        response.headers_mut().extend(reply.headers);
        if head_only && length > 0 {
            response
                .headers_mut()
                .insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        response
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the APIs say in wall-clock time when an answer was created"
)]
fn unix_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// A refusal in the shape of the API that was called, or of OpenAI's.
fn refuse(status: StatusCode, dialect: Option<&dyn Dialect>, message: &str) -> Reply {
    let code = status.as_u16();
    let body = dialect.map_or_else(
        || openai::error(code, message),
        |dialect| dialect.error(code, message),
    );
    Reply::json(status, &body)
}

fn too_many(dialect: Option<&dyn Dialect>, message: &str) -> Reply {
    refuse(StatusCode::TOO_MANY_REQUESTS, dialect, message)
        .with(RETRY_AFTER, HeaderValue::from_static("1"))
}

fn too_large(dialect: Option<&dyn Dialect>) -> Reply {
    let message = format!("the body is over {MOST_BODY} bytes");
    // What is left of the body is not read, so the connection ends here.
    refuse(StatusCode::PAYLOAD_TOO_LARGE, dialect, &message)
        .with(CONNECTION, HeaderValue::from_static("close"))
}
