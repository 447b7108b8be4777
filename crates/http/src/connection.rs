//! The connections of one user: kept per origin, opened when needed, replaced when they have gone.

use crate::{
    alarm::Alarm,
    answer::{Answer, Wanted},
    dial::{Dial, Dialled},
    http1::{Broken, Http1},
    limits::Limits,
    response::Response,
    shard::Shard,
    wire::Wire,
};
use loadgen_engine::{Call, Connection, Exchange, Failure, HttpVersion, Origin, StreamSink};
use std::rc::Rc;

/// The most connections that one user keeps; the one that was not used for longest goes first.
const KEPT: usize = 32;

/// The connections of one user.
pub struct HttpConnection {
    shard: Rc<Shard>,
    alarm: Alarm,
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

/// A connection that a request can be sent on.
pub(crate) enum Link {
    Http1(Wire),
}

impl HttpConnection {
    pub(crate) const fn new(shard: Rc<Shard>) -> Self {
        Self {
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
        let limits = Limits::new(call, call.clock.now());
        let mut kept = self.take(call);
        loop {
            let (link, reused) = match kept.take() {
                Some(link) => {
                    exchange.connected = Some(limits.clock.now());
                    (link, true)
                }
                None => (self.open(call, &limits, exchange).await?, false),
            };
            match self.attempt(link, call, &limits, exchange, sink).await {
                Ok(link) => {
                    self.keep(call, link);
                    return Ok(());
                }
                // As browsers do: the peer may close a kept connection at any time, also just when a request goes out.
                Err(Broken::Gone(_)) if reused => {
                    exchange.resent += 1;
                    exchange.sent_last = None;
                }
                Err(Broken::Gone(reason) | Broken::Failed(reason)) => return Err(reason),
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
            limits,
            origin,
            version,
            exchange,
        };
        let Dialled { wire, .. } = dial.open().await?;
        Ok(Link::Http1(wire))
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
        let Link::Http1(mut wire) = link;
        let request = self.shard.wire(call);
        let traits = request.wired().traits;
        let wanted = Wanted::new(call, traits, self.shard.shared.options.body_limit);
        let mut http1 = Http1 {
            wire: &mut wire,
            shard: &self.shard,
            alarm: &mut self.alarm,
            limits,
            answer: Answer::new(wanted, exchange, sink),
            response: Response::new(traits.head),
            surplus: false,
            last_read: None,
        };
        let reusable = http1.run(&request).await?;
        self.shard.recycle(request);
        Ok(reusable.then_some(Link::Http1(wire)))
    }

    /// The kept connection for a call, if it is still good.
    ///
    /// It is taken out while the call runs: a call that is dropped half-way takes it along.
    fn take(&mut self, call: &Call<'_>) -> Option<Link> {
        let at = self.places.iter().position(|place| place.fits(call))?;
        let Link::Http1(mut wire) = self.places[at].link.take()?;
        wire.is_alive(&self.shard).then_some(Link::Http1(wire))
    }

    fn keep(&mut self, call: &Call<'_>, link: Option<Link>) {
        let Some(link) = link.filter(|_| self.shard.shared.options.keep_alive) else {
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
            exchange.done = Some(call.clock.now());
        }
    }
}
