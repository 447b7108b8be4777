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
use loadgen_engine::{Exchange, RecorderSink, StreamSpec};
use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    mem,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker, ready},
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
    pub(crate) sink: RecorderSink,
    pub(crate) exchange: Exchange,
    pub(crate) limits: Limits,
    pub(crate) spec: StreamSpec,
    pub(crate) wanted: Wanted<'static>,
}

/// A stream that is being read, and who waits for its end.
struct Apart {
    stream: Stream,
    ended: Option<Result<bool, Broken>>,
    waiter: Option<Waker>,
}

/// A stream that is read by its task. Comes to its connection, and whether that may be used again as far as the answer can
/// tell.
///
/// Dropped, it takes back what it was lent, so that what came counts, and closes the connection where that is still there.
pub(crate) struct Lent<'a> {
    apart: Rc<RefCell<Apart>>,
    task: JoinHandle<()>,
    exchange: &'a mut Exchange,
    alarm: &'a mut Alarm,
}

impl Stream {
    /// Has a task read it to its end. What is there of the exchange and the alarm is lent to it meanwhile.
    pub(crate) fn read<'a>(mut self, exchange: &'a mut Exchange, alarm: &'a mut Alarm) -> Lent<'a> {
        mem::swap(&mut self.exchange, exchange);
        mem::swap(&mut self.alarm, alarm);
        let apart = Rc::new(RefCell::new(Apart {
            stream: self,
            ended: None,
            waiter: None,
        }));
        let read = Rc::clone(&apart);
        Lent {
            apart,
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
                wanted: self.wanted.of_stream(Some(&self.spec)),
                exchange: &mut self.exchange,
                sink: &mut self.sink,
                taken,
            },
            course,
        };
        http1.poll_rest(cx)
    }
}

impl Apart {
    /// Reads on; ready at the end.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.ended = Some(ready!(self.stream.poll(cx)));
        if let Some(waiter) = self.waiter.take() {
            waiter.wake();
        }
        Poll::Ready(())
    }
}

impl Future for Lent<'_> {
    type Output = Result<(Wire, bool), Broken>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Apart {
            stream,
            ended,
            waiter,
        } = &mut *self.apart.borrow_mut();
        let Some(ended) = ended.take() else {
            *waiter = Some(cx.waker().clone());
            return Poll::Pending;
        };
        Poll::Ready(ended.and_then(|reusable| {
            let wire = stream.wire.take().ok_or(Broken::Cancelled)?;
            Ok((wire, reusable))
        }))
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.task.abort();
        let stream = &mut self.apart.borrow_mut().stream;
        mem::swap(&mut stream.exchange, self.exchange);
        mem::swap(&mut stream.alarm, self.alarm);
        stream.wire = None;
    }
}
