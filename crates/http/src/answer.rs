//! Takes an answer's head and body: counts, decodes, keeps what is asked for, and feeds the reader of the stream.

use crate::{
    decode::{Decoder, Trouble},
    dialect::add_text,
    failure::{failure, protocol},
    redirect::is_redirection,
    request::Traits,
    response::{Coding, Head, Receive},
    retry_after::retry_after,
    stamp::Dated,
    stream::{BodyEnd, StreamReader, error_of_plain, is_stream, usage_of_plain},
};
use loadgen_engine::{
    Call, ErrorKind, Exchange, Failure, Offset, StreamSink, StreamSpec, watch_wake_ups,
};
use std::mem;

/// How much is kept of the body of an answer that is no success, for the text of the error.
const ERROR_BODY: usize = 512;

/// From this status on an answer may ask to be left alone for a while.
const REFUSED: u16 = 400;

/// The longest plain answer of a streaming step whose usage, or error, is looked for.
const USAGE_BODY: usize = 1024 * 1024;

/// What is wanted of an answer.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    keep_body: usize,
    keep_text: usize,
    keep_head: bool,
    heed: bool,
    follow: bool,
    body_limit: u64,
    /// Whether a coded body is decoded.
    decode: bool,
}

/// What becomes of one answer.
pub(crate) struct Answer<'a> {
    pub(crate) wanted: Wanted,
    /// How it is read as a stream, where its step has one.
    pub(crate) stream: Option<&'a StreamSpec>,
    pub(crate) exchange: &'a mut Exchange,
    pub(crate) sink: &'a mut dyn StreamSink,
    pub(crate) taken: &'a mut Taken,
}

/// What has been taken of an answer so far, but for what the exchange holds.
///
/// What every read of a stream looks at comes first, so that it lies together.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Taken {
    /// The read at hand.
    dated: Option<Dated>,
    /// Bytes of the body before content decoding.
    coded: u64,
    /// How many bytes of the body are kept.
    keep: usize,
    /// In a box, as few bodies have one.
    decoder: Option<Box<Decoder>>,
    /// The body of a plain answer of a streaming step, for its usage or error.
    plain: Option<Vec<u8>>,
    /// Whether the read that brought the first byte of the head is still to be reported to the sink.
    unreported: bool,
    reader: Option<StreamReader>,
    /// The read that brought the first byte of the head at hand.
    began: Option<Dated>,
}

impl Taken {
    /// As if nothing had been taken; field by field, as most of it is not in use.
    pub(crate) fn clear(&mut self) {
        let Self {
            dated,
            coded,
            keep,
            decoder,
            plain,
            unreported,
            reader,
            began,
        } = self;
        (*dated, *began) = (None, None);
        (*coded, *keep, *unreported) = (0, 0, false);
        *decoder = None;
        *plain = None;
        *reader = None;
    }
}

impl Wanted {
    /// As the call says.
    pub(crate) const fn new(call: &Call<'_>, traits: Traits, body_limit: u64) -> Self {
        let Call {
            keep_body,
            keep_text,
            keep_head,
            heed,
            follow,
            ..
        } = *call;
        Self {
            keep_body,
            keep_text,
            keep_head,
            heed,
            follow,
            body_limit,
            decode: traits.decode,
        }
    }
}

impl Answer<'_> {
    /// A read of the socket has returned; what follows came with it.
    pub(crate) fn begin_read(&mut self, dated: Dated) {
        self.taken.dated = Some(dated);
    }

    /// All of the read has been taken.
    pub(crate) fn end_read(&mut self) {
        let Some(dated) = self.taken.dated else {
            return;
        };
        let arrival = dated.arrival();
        let outputs = match &mut self.taken.reader {
            Some(reader) => reader.end_read(&arrival, self.exchange, self.sink),
            None => 0,
        };
        let head = match mem::take(&mut self.taken.unreported) {
            true => self.taken.began,
            false => None,
        };
        if let Some(head) = head {
            self.sink.arrival(&head.arrival());
        }
        if outputs > 0 && head.is_none_or(|head| head.read != dated.read) {
            self.sink.arrival(&arrival);
        }
    }

    /// Whether the head of an answer with that status must be there as text.
    pub(crate) const fn needs_head(&self, status: u16) -> bool {
        self.wants_head(status) || self.heeds(status)
    }

    /// Whether it matters how long an answer with that status asks to be left alone.
    const fn heeds(&self, status: u16) -> bool {
        self.wanted.heed && status >= REFUSED
    }

    /// Whether the head of an answer with that status is to be kept.
    pub(crate) const fn wants_head(&self, status: u16) -> bool {
        self.wanted.keep_head || (self.wanted.follow && is_redirection(status))
    }

    /// Arrival of the first byte of the head at hand, whether it is the final one or not.
    pub(crate) fn has_begun(&self) -> bool {
        self.exchange.first_byte.is_some()
    }

    /// When the stream was last heard of; nothing where there is none to wait for.
    pub(crate) fn last_event(&self) -> Option<Offset> {
        let reader = self
            .taken
            .reader
            .as_ref()
            .filter(|reader| !reader.terminated())?;
        reader.last_event().or(self.exchange.first_byte)
    }

    /// Whether the first output of a stream may still come.
    pub(crate) fn awaits_output(&self) -> bool {
        match &self.exchange.stream {
            Some(stream) => stream.first_output.is_none(),
            // Without a head a stream may still come; an answer that is none keeps nobody waiting for one.
            None => self.exchange.status.is_none(),
        }
    }

    /// Output events so far.
    pub(crate) fn output_events(&self) -> u64 {
        let stream = self.exchange.stream.as_ref();
        stream.map_or(0, |stream| stream.output_events)
    }

    /// The answer is whole by HTTP's framing. `at` is the arrival of its end.
    pub(crate) fn end(&mut self, at: Offset) {
        self.exchange.done = Some(at);
        self.exchange.whole = true;
        let decoder = self.taken.decoder.as_ref();
        let decoded = decoder.map_or(Ok(()), |decoder| decoder.check_end());
        let judged = self
            .taken
            .reader
            .as_mut()
            .and_then(|reader| reader.finish(BodyEnd::Clean, at, self.exchange, self.sink));
        self.exchange.failure = decoded.err().or(judged);
        if let (Some(spec), Some(body)) = (self.stream, self.taken.plain.take()) {
            self.exchange.usage = usage_of_plain(spec, &body);
            if self.wanted.keep_text > 0 {
                add_text(spec, b"message", &body, &mut self.exchange.text);
            }
            let failure = self.exchange.failure.take();
            self.exchange.failure = failure.or_else(|| error_of_plain(spec, &body));
        }
    }

    /// The answer was cut, for the reason given; the reason that counts.
    pub(crate) fn cut(&mut self, reason: Failure, at: Offset) -> Failure {
        let Some(reader) = &mut self.taken.reader else {
            return reason;
        };
        let verdict = reader.finish(BodyEnd::Cut, at, self.exchange, self.sink);
        let Some(verdict) = verdict else {
            return reason;
        };
        // What was wrong with the stream before the cut is the cause; that it is cut says no more than why it is.
        let by_peer = matches!(reason.kind, ErrorKind::ClosedEarly | ErrorKind::Reset);
        if by_peer || verdict.kind != ErrorKind::StreamTruncated {
            verdict
        } else {
            reason
        }
    }

    /// The call is given up on purpose; what had been wrong with the stream before that, if anything had.
    pub(crate) fn cancel(&mut self, at: Offset) -> Option<Failure> {
        let verdict = self
            .taken
            .reader
            .as_mut()
            .and_then(|reader| reader.finish(BodyEnd::Cut, at, self.exchange, self.sink));
        let by_ourselves =
            |kind| matches!(kind, ErrorKind::StreamTruncated | ErrorKind::StreamEmpty);
        let failure = verdict.filter(|verdict| !by_ourselves(verdict.kind));
        self.exchange.cancelled = failure.is_none();
        self.exchange.done = Some(at);
        failure
    }

    /// Not inlined: decoders take 50 KiB of the stack, which every read would have to make sure of.
    #[inline(never)]
    fn begin_decoding(&mut self, coding: Coding) -> Result<(), Failure> {
        self.taken.decoder = Decoder::new(coding)?.map(Box::new);
        Ok(())
    }

    /// Not inlined, as [`Self::begin_decoding`].
    #[inline(never)]
    fn decode(&mut self, mut decoder: Box<Decoder>, bytes: &[u8]) -> Result<(), Failure> {
        let result = decoder.feed(bytes, &mut |decoded| self.decoded(decoded));
        self.taken.decoder = Some(decoder);
        result.map_err(|error| match error {
            Trouble::Coding(name) => protocol(format!("invalid {name} body")),
            Trouble::Taker(failure) => failure,
        })
    }

    fn decoded(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.exchange.bytes_decoded += bytes.len() as u64;
        if self.exchange.bytes_decoded > self.wanted.body_limit {
            return Err(self.too_large());
        }
        if self.taken.keep > 0 {
            let body = &mut self.exchange.body;
            let room = self.taken.keep.saturating_sub(body.len());
            body.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        if let Some(plain) = &mut self.taken.plain {
            if plain.len() + bytes.len() > USAGE_BODY {
                self.taken.plain = None;
            } else {
                plain.extend_from_slice(bytes);
            }
        }
        match (&mut self.taken.reader, self.taken.dated) {
            (Some(reader), Some(dated)) => {
                reader.feed(bytes, &dated.arrival(), self.exchange, self.sink)
            }
            _ => Ok(()),
        }
    }

    fn begin_stream(&mut self, content_type: Option<&[u8]>) {
        let Some(spec) = self.stream else {
            return;
        };
        if is_stream(spec, content_type) {
            watch_wake_ups();
            let mut reader = StreamReader::new(spec, content_type);
            if self.wanted.keep_text > 0 {
                reader.keep_text(spec, self.wanted.keep_text);
            }
            self.taken.reader = Some(reader);
            self.exchange.stream = Some(loadgen_engine::StreamSample::default());
        } else {
            self.taken.plain = Some(Vec::new());
        }
    }

    fn too_large(&self) -> Failure {
        failure(
            ErrorKind::TooLarge,
            format!("the body is longer than {}", size(self.wanted.body_limit)),
        )
    }
}

impl Receive for Answer<'_> {
    fn head_begins(&mut self) {
        self.taken.began = self.taken.dated;
        self.exchange.first_byte = self.taken.dated.map(|dated| dated.at);
    }

    fn informational(&mut self) {
        self.exchange.first_byte = None;
    }

    fn head(&mut self, head: &Head<'_>, raw: &[u8]) -> Result<(), Failure> {
        self.taken.unreported = true;
        self.exchange.status = Some(head.status);
        if self.wants_head(head.status) {
            self.exchange.head = raw.to_vec();
        }
        if self.heeds(head.status) {
            self.exchange.retry_after = retry_after(raw);
        }
        let success = (200..300).contains(&head.status);
        self.taken.keep = if success {
            self.wanted.keep_body
        } else {
            self.wanted.keep_body.max(ERROR_BODY)
        };
        if self.wanted.decode && head.coding != Coding::Identity {
            self.begin_decoding(head.coding)?;
        }
        if success {
            self.begin_stream(head.content_type);
        }
        Ok(())
    }

    fn body(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.taken.coded += bytes.len() as u64;
        if self.taken.coded > self.wanted.body_limit {
            return Err(self.too_large());
        }
        match self.taken.decoder.take() {
            None => self.decoded(bytes),
            Some(decoder) => self.decode(decoder, bytes),
        }
    }
}

/// A number of bytes as people write it, where it is a whole one of a greater unit.
fn size(bytes: u64) -> String {
    for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] {
        let count = bytes >> shift;
        if count > 0 && count << shift == bytes {
            return format!("{count} {unit}");
        }
    }
    format!("{bytes} bytes")
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_are_told_in_their_greatest_whole_unit() {
        for (bytes, expected) in [
            (0, "0 bytes"),
            (1000, "1000 bytes"),
            (1 << 10, "1 KiB"),
            (1025, "1025 bytes"),
            (3 << 20, "3 MiB"),
            (1 << 30, "1 GiB"),
        ] {
            assert_eq!(size(bytes), expected);
        }
    }
}
