//! Requests and answers over HTTP/2, which hyper speaks over our own reads and writes.

mod io;
mod message;

use crate::{
    alarm::Alarm,
    answer::Answer,
    failure::{failure, protocol},
    http1::Broken,
    limits::{Limits, Passed, Progress},
    response::Receive,
    shard::Shard,
    wire::{Counted, Wire, within},
};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    body::{Body, Incoming},
    client::conn::http2::{Builder, SendRequest},
};
use io::{Http2Io, LocalTasks, Shared};
use loadgen_engine::{ErrorKind, Failure};
use std::{
    error::Error,
    future::poll_fn,
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll},
};

pub(crate) use message::{not_agreed, request};

/// The most bytes of a head, as over HTTP/1.1.
const HEAD_LIMIT: u32 = 64 * 1024;

/// A request, ready to be sent.
pub(crate) type Request = hyper::Request<Full<Bytes>>;

/// A connection that speaks HTTP/2. Dropping it closes it at once.
pub(crate) struct Http2 {
    sender: SendRequest<Full<Bytes>>,
    shared: Rc<Shared>,
    /// Bytes on the socket when the request at hand began, and those of the exchange before it.
    begun: Counted,
    base: Counted,
}

impl Http2 {
    /// Begins to speak HTTP/2; nothing is awaited from the peer.
    pub(crate) async fn begin(wire: Wire, shard: &Rc<Shard>) -> Result<Self, Failure> {
        let shared = Rc::<Shared>::default();
        let io = Http2Io::new(wire, Rc::clone(shard), Rc::clone(&shared));
        let begun = Builder::new(LocalTasks)
            .max_header_list_size(HEAD_LIMIT)
            .handshake(io)
            .await;
        let (sender, connection) = begun.map_err(|error| told(&error, &shared))?;
        let ended = Rc::clone(&shared);
        tokio::task::spawn_local(async move {
            if let Err(error) = connection.await {
                let reason = told(&error, &ended);
                ended.break_off(reason);
            }
        });
        Ok(Self {
            sender,
            shared,
            begun: Counted::default(),
            base: Counted::default(),
        })
    }

    /// Whether a request may still be sent on it.
    pub(crate) fn is_alive(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Sends the request and reads the answer to its end.
    pub(crate) async fn run(
        &mut self,
        request: Request,
        answer: &mut Answer<'_>,
        limits: &Limits,
        alarm: &mut Alarm,
    ) -> Result<(), Broken> {
        self.begun = self.shared.counted.get();
        self.base = Counted {
            sent: answer.exchange.bytes_sent,
            received: answer.exchange.bytes_received,
        };
        let sent = limits.clock.now();
        self.shared.sent.set(sent);
        self.shared.dated.take();
        answer.exchange.sent_first = Some(sent);
        let mut progress = Progress {
            sent: Some(sent),
            last_read: None,
        };
        // A call that is cut tells its bytes too.
        let counting = Counting {
            shared: Rc::clone(&self.shared),
            begun: self.begun,
            base: self.base,
            answer,
        };
        let result = self
            .exchange(request, counting.answer, limits, alarm, &mut progress)
            .await;
        drop(counting);
        let mut reason = match result {
            Ok(()) => return Ok(()),
            Err(Passed::Cancelled) => return Err(Broken::cancelled(answer, limits.clock.now())),
            Err(Passed::Failed(reason)) => reason,
        };
        // A call may learn that the connection is over before the connection could say why.
        tokio::task::yield_now().await;
        if reason.kind == ErrorKind::ClosedEarly
            && let Some(cause) = self.shared.cause()
        {
            reason = cause;
        }
        let silent = !answer.has_begun();
        if silent && matches!(reason.kind, ErrorKind::ClosedEarly | ErrorKind::Reset) {
            return Err(Broken::Gone(reason));
        }
        Err(Broken::Failed(answer.cut(reason, limits.clock.now())))
    }

    async fn exchange(
        &mut self,
        request: Request,
        answer: &mut Answer<'_>,
        limits: &Limits,
        alarm: &mut Alarm,
        progress: &mut Progress,
    ) -> Result<(), Passed> {
        let mut answered = pin!(self.sender.send_request(request));
        let response = loop {
            let (deadline, _) = limits.deadline(answer, *progress);
            match within(alarm, deadline, answered.as_mut()).await {
                Ok(response) => break response.map_err(|error| told(&error, &self.shared))?,
                Err(_) => self.check(answer, limits, *progress)?,
            }
        };
        let (parts, body) = response.into_parts();
        if let Some(dated) = self.shared.dated.get() {
            answer.begin_read(dated);
            progress.last_read = Some(dated.read);
        }
        answer.head_begins();
        message::take_head(&parts, answer)?;
        let mut reading = Reading {
            body,
            answer,
            limits,
            progress,
            shared: &self.shared,
        };
        loop {
            let (deadline, _) = limits.deadline(reading.answer, *reading.progress);
            let ended = poll_fn(|cx| match reading.poll(cx) {
                Poll::Ready(ended) => Poll::Ready(Some(ended)),
                Poll::Pending => alarm.poll(cx, deadline).map(|()| None),
            });
            match ended.await {
                Some(ended) => break ended?,
                None => self.check(reading.answer, limits, *reading.progress)?,
            }
        }
        let at = self
            .shared
            .dated
            .get()
            .map_or_else(|| limits.clock.now(), |dated| dated.at);
        answer.end(at);
        Ok(())
    }

    /// A timer rang: fails where a limit has really passed.
    fn check(
        &self,
        answer: &mut Answer<'_>,
        limits: &Limits,
        progress: Progress,
    ) -> Result<(), Passed> {
        self.count(answer);
        limits
            .passed(answer, progress, limits.clock.now())
            .map_or(Ok(()), Err)
    }

    fn count(&self, answer: &mut Answer<'_>) {
        let now = self.shared.counted.get();
        answer.exchange.bytes_sent = self.base.sent + now.sent - self.begun.sent;
        answer.exchange.bytes_received = self.base.received + now.received - self.begun.received;
    }
}

/// Counts the bytes of a call when it ends, however it ends.
struct Counting<'a, 'b> {
    shared: Rc<Shared>,
    begun: Counted,
    base: Counted,
    answer: &'a mut Answer<'b>,
}

impl Drop for Counting<'_, '_> {
    fn drop(&mut self) {
        let now = self.shared.counted.get();
        let exchange = &mut self.answer.exchange;
        exchange.bytes_sent = self.base.sent + now.sent - self.begun.sent;
        exchange.bytes_received = self.base.received + now.received - self.begun.received;
    }
}

impl Drop for Http2 {
    fn drop(&mut self) {
        self.shared.close();
    }
}

/// An answer whose body is being read.
struct Reading<'a, 'b> {
    body: Incoming,
    answer: &'a mut Answer<'b>,
    limits: &'a Limits,
    progress: &'a mut Progress,
    shared: &'a Shared,
}

impl Reading<'_, '_> {
    /// Takes what has come; ready at the end of the answer.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Passed>> {
        loop {
            let frame = match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(Some(frame)) => frame.map_err(|error| told(&error, self.shared)),
                Poll::Ready(None) => {
                    self.answer.end_read();
                    return Poll::Ready(Ok(()));
                }
                Poll::Pending => {
                    self.answer.end_read();
                    let enough = self.limits.enough(self.answer);
                    return if enough {
                        Poll::Ready(Err(Passed::Cancelled))
                    } else {
                        Poll::Pending
                    };
                }
            };
            if let Err(reason) = frame.and_then(|frame| self.take(frame.data_ref())) {
                self.answer.end_read();
                return Poll::Ready(Err(reason.into()));
            }
        }
    }

    fn take(&mut self, data: Option<&Bytes>) -> Result<(), Failure> {
        if let Some(dated) = self.shared.dated.get() {
            self.answer.begin_read(dated);
            self.progress.last_read = Some(dated.read);
        }
        if let Some(data) = data.filter(|data| !data.is_empty()) {
            self.answer.body(data)?;
        }
        self.limits
            .exhausted(self.progress.last_read)
            .map_or(Ok(()), Err)
    }
}

/// Tells a failure of hyper's by its causes.
fn told(error: &hyper::Error, shared: &Shared) -> Failure {
    let mut failure = shared.cause().unwrap_or_else(|| by_cause(error));
    let gone = matches!(failure.kind, ErrorKind::Reset | ErrorKind::ClosedEarly);
    if gone && shared.counted.get().received == 0 && !failure.message.ends_with('?') {
        failure.message.push_str(": does it speak HTTP/2?");
    }
    failure
}

fn by_cause(error: &hyper::Error) -> Failure {
    let mut cause: &dyn Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let text = cause.to_string();
    let after = |start: &str| text.strip_prefix(start).map(str::to_owned);
    if let Some(why) = after("stream error received: ") {
        failure(
            ErrorKind::Reset,
            format!("the peer reset the stream: {why}"),
        )
    } else if let Some(why) = after("connection error received: ") {
        failure(
            ErrorKind::ClosedEarly,
            format!("the peer ended the connection: {why}"),
        )
    } else if text.contains("error detected") {
        protocol(format!("the peer broke the rules of HTTP/2: {text}"))
    } else {
        failure(
            ErrorKind::ClosedEarly,
            "the peer closed the connection before the end of the answer",
        )
    }
}
