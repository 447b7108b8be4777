//! One user's connection for tests: calls as a scenario would make them, and what came of them.
#![expect(dead_code, reason = "each test file uses its own part")]

pub(crate) mod tls;

use loadgen_engine::{
    Arrival, Call, Cancel, Clock, Connect, Connection, Connector, ErrorKind, Exchange, HttpVersion,
    Method, Offset, Origin, Rendered, StepIndex, StreamSink, StreamSpec, Timeouts,
};
use loadgen_http::{HttpConnect, HttpConnection, Options};
use loadgen_testkit::Step;
use std::{borrow::Cow, cell::RefCell, net::SocketAddr, rc::Rc, time::Duration};
use tokio::{task::LocalSet, time::Instant};

/// What a sink was told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) first_output: Option<(Offset, Offset)>,
    pub(crate) gaps: Vec<Duration>,
    pub(crate) outputs: u32,
    pub(crate) arrivals: Vec<Arrival>,
}

impl StreamSink for Told {
    fn first_output(&mut self, sent_first: Offset, at: Offset, _uncertainty: Duration) {
        assert!(
            self.first_output.replace((sent_first, at)).is_none(),
            "told twice"
        );
    }

    fn first_text(&mut self, _at: Offset) {}

    fn gap(&mut self, gap: Duration) {
        self.gaps.push(gap);
    }

    fn output_events(&mut self, _at: Offset, events: u32) {
        self.outputs += events;
    }

    fn coalesced(&mut self, _events: u32, _late: bool) {}

    fn arrival(&mut self, arrival: &Arrival) {
        self.arrivals.push(*arrival);
    }
}

/// A sink that a stream may be told to by a task of its own, as those of a run are.
#[derive(Clone, Default)]
struct Shared(Rc<RefCell<Told>>);

impl StreamSink for Shared {
    fn first_output(&mut self, sent_first: Offset, at: Offset, uncertainty: Duration) {
        let mut told = self.0.borrow_mut();
        told.first_output(sent_first, at, uncertainty);
    }

    fn first_text(&mut self, _at: Offset) {}

    fn gap(&mut self, gap: Duration) {
        self.0.borrow_mut().gap(gap);
    }

    fn output_events(&mut self, at: Offset, events: u32) {
        self.0.borrow_mut().output_events(at, events);
    }

    fn coalesced(&mut self, _events: u32, _late: bool) {}

    fn arrival(&mut self, arrival: &Arrival) {
        self.0.borrow_mut().arrival(arrival);
    }

    fn of_its_own(&self) -> Option<Box<dyn StreamSink>> {
        Some(Box::new(self.clone()))
    }
}

/// One virtual user.
pub(crate) struct User {
    pub(crate) connection: HttpConnection,
    pub(crate) clock: Clock,
}

/// A request as a test writes it down.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) step: usize,
    pub(crate) method: Method,
    pub(crate) origin: Origin,
    pub(crate) path: &'static str,
    pub(crate) headers: Vec<(&'static str, &'static str)>,
    pub(crate) body: Vec<u8>,
    pub(crate) fixed: bool,
    pub(crate) timeouts: Timeouts,
    pub(crate) version: HttpVersion,
    pub(crate) stream: Option<StreamSpec>,
    pub(crate) cancel: Option<Cancel>,
    pub(crate) follow: bool,
    pub(crate) new_connection: bool,
    pub(crate) keep_body: usize,
    pub(crate) keep_text: usize,
    pub(crate) keep_head: bool,
    pub(crate) heed: bool,
}

impl User {
    pub(crate) fn new(options: Options) -> Self {
        let connect = HttpConnect::new(options).expect("good options");
        Self::of(&connect)
    }

    pub(crate) fn of(connect: &HttpConnect) -> Self {
        let connector = connect.connector(0).expect("a runtime");
        Self {
            connection: connector.connection(),
            clock: Clock::starting_at(Instant::now() - Duration::from_secs(1)),
        }
    }

    pub(crate) async fn ask(&mut self, ask: &Ask) -> Exchange {
        self.ask_and_tell(ask).await.0
    }

    pub(crate) async fn ask_and_tell(&mut self, ask: &Ask) -> (Exchange, Told) {
        let (mut exchange, mut told) = (Exchange::default(), Shared::default());
        let asked = self.ask_into(ask, &mut exchange, &mut told);
        match ask.version {
            // A stream is read apart.
            HttpVersion::Http1 => LocalSet::new().run_until(asked).await,
            _ => asked.await,
        }
        let begun = exchange.done.expect("set at the end");
        assert!(begun <= self.clock.now());
        let told = told.0.take();
        (exchange, told)
    }

    pub(crate) async fn ask_into(
        &mut self,
        ask: &Ask,
        exchange: &mut Exchange,
        told: &mut impl StreamSink,
    ) {
        let headers: Vec<_> = ask
            .headers
            .iter()
            .map(|(n, v)| (Cow::Borrowed(*n), Cow::Borrowed(*v)))
            .collect();
        let message = Rendered {
            origin: Cow::Borrowed(&ask.origin),
            path: ask.path.into(),
            headers: headers.into(),
            body: Cow::Borrowed(&ask.body),
        };
        let call = Call {
            step: StepIndex(ask.step),
            method: ask.method,
            message: &message,
            fixed: ask.fixed,
            timeouts: ask.timeouts,
            http_version: ask.version,
            stream: ask.stream.as_ref(),
            cancel: ask.cancel.as_ref(),
            follow: ask.follow,
            new_connection: ask.new_connection,
            keep_body: ask.keep_body,
            keep_text: ask.keep_text,
            keep_head: ask.keep_head,
            heed: ask.heed,
            started: self.clock.now(),
            clock: self.clock,
        };
        self.connection.call(&call, exchange, told).await;
    }
}

impl Ask {
    pub(crate) fn get(address: SocketAddr) -> Self {
        Self::of(&address.ip().to_string(), address.port())
    }

    pub(crate) fn of(host: &str, port: u16) -> Self {
        Self {
            step: 0,
            method: Method::Get,
            origin: Origin {
                tls: false,
                host: host.to_owned(),
                port,
            },
            path: "/",
            headers: Vec::new(),
            body: Vec::new(),
            fixed: false,
            timeouts: Timeouts {
                total: Duration::from_secs(20),
                connect: Duration::from_secs(10),
                tls: Duration::from_secs(10),
                first_byte: None,
                idle: None,
                first_token: None,
            },
            version: HttpVersion::Http1,
            stream: None,
            cancel: None,
            follow: false,
            new_connection: false,
            keep_body: 1 << 20,
            keep_text: 0,
            keep_head: false,
            heed: false,
        }
    }

    pub(crate) fn tls(mut self) -> Self {
        self.origin.tls = true;
        self
    }
}

pub(crate) fn answer(text: &str) -> Step {
    Step::write(text.as_bytes())
}

/// An answer with that body.
pub(crate) fn ok(body: &str) -> Step {
    answer(&format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    ))
}

/// The kind of failure and its text.
pub(crate) fn failed(exchange: &Exchange) -> Option<(ErrorKind, &str)> {
    exchange
        .failure
        .as_ref()
        .map(|failure| (failure.kind, failure.message.as_str()))
}

pub(crate) fn text(exchange: &Exchange) -> &str {
    std::str::from_utf8(&exchange.body).expect("text")
}

/// The same steps several times.
pub(crate) fn times(count: usize, steps: &[Step]) -> Vec<Step> {
    std::iter::repeat_n(steps, count)
        .flatten()
        .cloned()
        .collect()
}
