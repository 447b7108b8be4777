//! The connections of one user: kept per origin, opened when needed, replaced when they have gone.

use crate::{
    alarm::Alarm,
    answer::{Answer, Taken, Wanted},
    apart::Stream,
    dial::{Dial, Dialled},
    http1::{Broken, Http1, Ran, State},
    http2::{self, Http2},
    limits::Limits,
    redirect,
    request::Traits,
    shard::Shard,
    sources::Seat,
    wire::Wire,
};
use loadgen_engine::{Call, Connection, Exchange, Failure, HttpVersion, Origin, StreamSink};
use std::{mem, rc::Rc};

/// The most connections that one user keeps; the one that was not used for longest goes first.
const KEPT: usize = 32;

/// The connections of one user.
pub struct HttpConnection {
    shard: Rc<Shard>,
    alarm: Alarm,
    seat: Seat,
    /// One place for each origin and version that was used.
    places: Vec<Place>,
    calls: u64,
}

/// Where the connection to an origin waits for the next request.
struct Place {
    origin: Origin,
    version: HttpVersion,
    /// The number of the call that used it last.
    used: u64,
    /// Absent while a call uses it, and where there is none.
    link: Option<Link>,
}

/// A connection that a request can be sent on; in a box, as it is handed on from state to state of each call.
enum Link {
    Http1(Box<Wire>),
    Http2(Box<Http2>),
}

impl HttpConnection {
    pub(crate) fn new(shard: Rc<Shard>) -> Self {
        Self {
            seat: shard.shared.seats.take(),
            shard,
            alarm: Alarm::new(),
            places: Vec::new(),
            calls: 0,
        }
    }

    async fn perform(
        &mut self,
        call: &Call<'_>,
        exchange: &mut Exchange,
        sink: &mut dyn StreamSink,
    ) -> Result<(), Failure> {
        let mut kept = if call.new_connection {
            None
        } else {
            self.take(call)
        };
        let begun = call.started;
        let limits = Limits::new(call, begun);
        let mut lost = false;
        loop {
            let (link, reused) = match kept.take() {
                Some(link) => {
                    exchange.connected = Some(begun);
                    (link, true)
                }
                // In a box, as what it takes to open a connection would make every request larger.
                None => (Box::pin(self.open(call, &limits, exchange)).await?, false),
            };
            exchange.resent += u32::from(lost);
            match self.attempt(link, call, &limits, exchange, sink).await {
                Ok(link) => {
                    self.keep(call, link);
                    return Ok(());
                }
                // As browsers do: the peer may close a kept connection at any time, also just when a request goes out.
                Err(Broken::Gone(_)) if reused => {
                    lost = true;
                    (exchange.connected, exchange.sent_first) = (None, None);
                    (exchange.sent_last, exchange.done) = (None, None);
                }
                Err(Broken::Gone(reason) | Broken::Failed(reason)) => return Err(reason),
                Err(Broken::Cancelled) => return Ok(()),
            }
        }
    }

    async fn open(
        &mut self,
        call: &Call<'_>,
        limits: &Limits,
        exchange: &mut Exchange,
    ) -> Result<Link, Failure> {
        let (origin, version) = (&*call.message.origin, call.http_version);
        let mut dial = Dial {
            shard: &self.shard,
            alarm: &mut self.alarm,
            seat: &mut self.seat,
            limits,
            origin,
            version,
            exchange,
        };
        let Dialled { wire, http2 } = dial.open().await?;
        match (version, http2) {
            (HttpVersion::Http2, false) if origin.tls => Err(http2::not_agreed()),
            (HttpVersion::Http2, _) | (_, true) => {
                // In a box, as most connections are of HTTP/1.1, and thousands may be opened at once.
                let http2 = Box::pin(Http2::begin(wire, &self.shard)).await?;
                Ok(Link::Http2(Box::new(http2)))
            }
            _ => Ok(Link::Http1(Box::new(wire))),
        }
    }

    /// Sends the request on `link` and reads the answer; the link again where it can be used again.
    async fn attempt(
        &mut self,
        link: Link,
        call: &Call<'_>,
        limits: &Limits,
        exchange: &mut Exchange,
        sink: &mut dyn StreamSink,
    ) -> Result<Option<Link>, Broken> {
        match link {
            Link::Http1(wire) => self.over_http1(wire, call, limits, exchange, sink).await,
            // In a box, as it is twice as large as a request of HTTP/1.1.
            Link::Http2(http2) => {
                Box::pin(self.over_http2(http2, call, limits, exchange, sink)).await
            }
        }
    }

    async fn over_http1(
        &mut self,
        mut wire: Box<Wire>,
        call: &Call<'_>,
        limits: &Limits,
        exchange: &mut Exchange,
        sink: &mut dyn StreamSink,
    ) -> Result<Option<Link>, Broken> {
        let mut request = self.shard.wire(call);
        let traits = request.wired().traits;
        let mut state = self.shard.state(traits);
        let wanted = self.wanted(call, traits);
        let own = call.stream.zip(sink.of_its_own());
        let State { course, taken } = &mut *state;
        let mut http1 = Http1 {
            wire: &mut wire,
            shard: &self.shard,
            alarm: &mut self.alarm,
            limits,
            answer: Answer {
                wanted,
                stream: call.stream,
                exchange,
                sink,
                taken,
            },
            course,
        };
        let ran = http1.run(&mut request, own.is_some()).await?;
        let (wire, reusable) = match (ran, own) {
            (Ran::Waits, Some((spec, sink))) => {
                let stream = Stream {
                    wire: Some(*wire),
                    alarm: Alarm::new(),
                    shard: Rc::clone(&self.shard),
                    state: mem::take(&mut *state),
                    sink,
                    exchange: Exchange::default(),
                    limits: *limits,
                    spec: spec.clone(),
                    wanted,
                };
                self.shard.is_over(state);
                let (wire, reusable) = stream.read(exchange, &mut self.alarm).await?;
                (Box::new(wire), reusable)
            }
            (ran, _) => {
                self.shard.is_over(state);
                (wire, matches!(ran, Ran::Whole(true)))
            }
        };
        Ok((reusable && !traits.close).then_some(Link::Http1(wire)))
    }

    async fn over_http2(
        &mut self,
        mut http2: Box<Http2>,
        call: &Call<'_>,
        limits: &Limits,
        exchange: &mut Exchange,
        sink: &mut dyn StreamSink,
    ) -> Result<Option<Link>, Broken> {
        let (request, traits) = self.shard.frame(call).map_err(Broken::Failed)?;
        let mut answer = Answer {
            wanted: self.wanted(call, traits),
            stream: call.stream,
            exchange,
            sink,
            taken: &mut Taken::default(),
        };
        match http2
            .run(request, &mut answer, limits, &mut self.alarm)
            .await
        {
            // Given up, its stream alone has been reset.
            Ok(()) | Err(Broken::Cancelled) => Ok((!traits.close).then_some(Link::Http2(http2))),
            Err(broken) => Err(broken),
        }
    }

    fn wanted(&self, call: &Call<'_>, traits: Traits) -> Wanted {
        Wanted::new(call, traits, self.shard.shared.options.body_limit)
    }

    /// The kept connection for a call, if it is still good.
    ///
    /// It is taken out while the call runs: a call that is dropped half-way takes it along.
    fn take(&mut self, call: &Call<'_>) -> Option<Link> {
        let at = self.places.iter().position(|place| place.fits(call))?;
        let mut link = self.places[at].link.take()?;
        let alive = match &mut link {
            Link::Http1(wire) => wire.is_alive(&self.shard),
            Link::Http2(http2) => http2.is_alive(),
        };
        alive.then_some(link)
    }

    fn keep(&mut self, call: &Call<'_>, link: Option<Link>) {
        let keep_alive = self.shard.shared.options.keep_alive && !call.new_connection;
        let Some(link) = link.filter(|_| keep_alive) else {
            return;
        };
        self.calls += 1;
        if let Some(place) = self.places.iter_mut().find(|place| place.fits(call)) {
            place.link = Some(link);
            place.used = self.calls;
            return;
        }
        if self.places.len() >= KEPT {
            let oldest = self
                .places
                .iter()
                .enumerate()
                .min_by_key(|(_, place)| place.used);
            let oldest = oldest.map_or(0, |(at, _)| at);
            self.places.swap_remove(oldest);
        }
        let origin = call.message.origin.clone().into_owned();
        // Most users have one for good.
        self.places.reserve_exact(1);
        self.places.push(Place {
            origin,
            version: call.http_version,
            used: self.calls,
            link: Some(link),
        });
    }
}

impl Place {
    fn fits(&self, call: &Call<'_>) -> bool {
        self.version == call.http_version && self.origin == *call.message.origin
    }
}

impl Connection for HttpConnection {
    async fn call(&mut self, call: &Call<'_>, exchange: &mut Exchange, sink: &mut dyn StreamSink) {
        if let Err(reason) = self.perform(call, exchange, sink).await {
            exchange.failure = Some(reason);
            exchange.done.get_or_insert_with(|| call.clock.now());
        } else if call.follow {
            redirect::tell(call, exchange);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{HttpConnect, Options};
    use loadgen_engine::{
        Call, Clock, Connect, Connection, Connector, Exchange, HttpVersion, Method, Offset, Origin,
        Rendered, StepIndex, Timeouts,
    };
    use std::{borrow::Cow, time::Duration};
    use tokio::time::Instant;

    /// What only some calls need is in boxes: there may be ten thousands of streams at once.
    #[test]
    fn a_call_takes_little_memory() {
        let connect = HttpConnect::new(Options::default()).unwrap();
        let mut connection = connect.connector(0).unwrap().connection();
        let origin = Origin {
            tls: false,
            host: "localhost".into(),
            port: 80,
        };
        let message = Rendered {
            origin: Cow::Owned(origin),
            path: "/".into(),
            headers: Vec::new().into(),
            body: Cow::Borrowed(b""),
        };
        let second = Duration::from_secs(1);
        let call = Call {
            step: StepIndex(0),
            method: Method::Get,
            message: &message,
            fixed: true,
            timeouts: Timeouts {
                total: second,
                connect: second,
                tls: second,
                first_byte: None,
                idle: None,
                first_token: None,
            },
            http_version: HttpVersion::Http1,
            stream: None,
            new_connection: false,
            cancel: None,
            follow: false,
            keep_body: 0,
            keep_text: 0,
            keep_head: false,
            heed: false,
            started: Offset::ZERO,
            clock: Clock::starting_at(Instant::now()),
        };
        let (mut exchange, mut nobody) = (Exchange::default(), ());
        let call = connection.call(&call, &mut exchange, &mut nobody);
        let bytes = size_of_val(&call);
        assert!(bytes <= 1_280, "{bytes} bytes");
    }
}
