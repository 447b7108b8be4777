//! Reads a stream in a small task of its own, while its user waits for the end of it.
//!
//! Of thousands of streams each event is another one's, so that what it costs is the places in memory that it has to look
//! at. On the way through the futures of a user these lie far apart; here they lie together.

use crate::{
    alarm::Alarm,
    answer::{Answer, Wanted},
    http1::{Broken, Http1, State},
    limits::Limits,
    shard::Shard,
    wire::Wire,
};
use loadgen_engine::{Exchange, StreamSink, StreamSpec};
use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    mem,
    panic::resume_unwind,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};
use tokio::task::{JoinHandle, spawn_local};

/// All that it takes to read a stream, what every read looks at together.
#[repr(C)]
pub(crate) struct Stream {
    /// Absent once it has been given up.
    pub(crate) wire: Option<Wire>,
    pub(crate) alarm: Alarm,
    pub(crate) shard: Rc<Shard>,
    pub(crate) state: State,
    pub(crate) sink: Box<dyn StreamSink>,
    pub(crate) exchange: Exchange,
    pub(crate) limits: Limits,
    pub(crate) spec: StreamSpec,
    pub(crate) wanted: Wanted,
}

/// A stream that is read by its task. Comes to its connection, and whether that may be used again as far as the answer can
/// tell.
///
/// Dropped, it takes back what it was lent, so that what came counts, and closes the connection where that is still there.
pub(crate) struct Lent<'a> {
    stream: Rc<RefCell<Stream>>,
    task: JoinHandle<Result<bool, Broken>>,
    exchange: &'a mut Exchange,
    alarm: &'a mut Alarm,
}

impl Stream {
    /// Has a task read it to its end. What is there of the exchange and the alarm is lent to it meanwhile.
    pub(crate) fn read<'a>(mut self, exchange: &'a mut Exchange, alarm: &'a mut Alarm) -> Lent<'a> {
        mem::swap(&mut self.exchange, exchange);
        mem::swap(&mut self.alarm, alarm);
        let stream = Rc::new(RefCell::new(self));
        let read = Rc::clone(&stream);
        Lent {
            stream,
            task: spawn_local(poll_fn(move |cx| read.borrow_mut().poll(cx))),
            exchange,
            alarm,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Broken>> {
        let Some(wire) = &mut self.wire else {
            return Poll::Pending;
        };
        let State { course, taken } = &mut self.state;
        let mut http1 = Http1 {
            wire,
            shard: &self.shard,
            alarm: &mut self.alarm,
            limits: &self.limits,
            answer: Answer {
                wanted: self.wanted,
                stream: Some(&self.spec),
                exchange: &mut self.exchange,
                sink: &mut *self.sink,
                taken,
            },
            course,
        };
        let ended = ready!(http1.poll_rest(cx));
        if ended.is_err() {
            // Its user may have its turn much later.
            let now = self.limits.clock.now();
            self.exchange.done.get_or_insert(now);
        }
        Poll::Ready(ended)
    }
}

impl Future for Lent<'_> {
    type Output = Result<(Wire, bool), Broken>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let ended = match ready!(Pin::new(&mut self.task).poll(cx)) {
            Ok(ended) => ended,
            // As if it had been read here.
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(_) => Err(Broken::Cancelled),
            },
        };
        let wire = self.stream.borrow_mut().wire.take();
        Poll::Ready(ended.and_then(|reusable| Ok((wire.ok_or(Broken::Cancelled)?, reusable))))
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.task.abort();
        let mut stream = self.stream.borrow_mut();
        mem::swap(&mut stream.exchange, self.exchange);
        mem::swap(&mut stream.alarm, self.alarm);
        stream.wire = None;
    }
}
