//! Turns the bytes of an event stream into events, by the rules of the WHATWG HTML standard, section 9.2.
//!
//! Bytes go in as they are read, cut anywhere; events come out borrowed. An event that lies in one read and has one
//! line of data is handed out as a slice of the caller's buffer, without a copy. What a read leaves open is kept in one
//! reused buffer. The result does not depend on where the reads were cut, and the time taken is linear in the bytes.
//!
//! Two things differ from a browser, because this parser measures and must not lose what was sent: an event that the end
//! of the stream leaves without its blank line is delivered and marked, and bytes that are not UTF-8 are passed
//! through as they are.

mod field;
#[cfg(test)]
mod tests;

use field::Field;
use memchr::memchr2;

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The type: the value of the last `event` field, `message` where there is none or where it is empty.
    pub name: &'a [u8],
    /// The values of the `data` fields, joined by LF. Empty where the event had one empty `data` field.
    pub data: &'a [u8],
    /// The last event ID of the stream so far: the value of the newest `id` field, of this event or an earlier one.
    pub id: &'a [u8],
    /// Whether the stream ended before the blank line that closes the event. The last line may be torn.
    pub unterminated: bool,
}

/// A line, or the joined data of one event, is longer than allowed. The parser reads no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a line of the event stream, or the data of one event, is over {limit} bytes")]
pub struct TooLong {
    /// The most bytes allowed.
    pub limit: usize,
}

/// An incremental parser of one event stream.
#[derive(Clone, Debug)]
pub struct Parser {
    max_line: usize,
    /// What reads left open, and what the stream said of itself. In a box: most streams never need it.
    kept: Option<Box<Kept>>,
    /// How many bytes of a leading byte order mark were read; [`BOM_DONE`] once it is decided.
    bom: u8,
    /// Whether the last byte read was a CR that ended a line, so that an LF after it ends none.
    after_cr: bool,
    too_long: bool,
}

/// What outlives a read.
#[derive(Clone, Debug, Default)]
struct Kept {
    /// The beginning of a line whose end has not been read yet.
    line: Vec<u8>,
    /// The open event's data from earlier reads (or of several lines), from `data_from` on.
    data: Vec<u8>,
    data_from: usize,
    /// Whether the open event has a `data` field in `data`; the field may be empty.
    has_data: bool,
    /// The open event's type, as far as it came with earlier reads.
    name: Vec<u8>,
    id: Vec<u8>,
    retry: Option<u64>,
}

/// The byte order mark in UTF-8.
const BOM: [u8; 3] = [0xEF, 0xBB, 0xBF];
const BOM_DONE: u8 = u8::MAX;

/// The type of an event that names none.
const DEFAULT_NAME: &[u8] = b"message";

/// A buffer larger than this is given back once it is empty, so that one long event does not pin memory.
const KEPT_CAPACITY: usize = 16 * 1024;

/// What the open event has, of the read at hand.
struct Open<'b> {
    data: Option<&'b [u8]>,
    name: Option<&'b [u8]>,
}

impl Parser {
    /// A parser at the beginning of a stream, which refuses lines (and joined data of one event) over `max_line` bytes.
    #[must_use]
    pub const fn new(max_line: usize) -> Self {
        Self {
            max_line,
            kept: None,
            bom: 0,
            after_cr: false,
            too_long: false,
        }
    }

    /// Reads on, and calls `on_event` for every event that `bytes` completes.
    ///
    /// A CR at the end of `bytes` ends its line at once; if an LF follows in the next read, it belongs to that CR.
    pub fn feed(
        &mut self,
        bytes: &[u8],
        on_event: &mut impl FnMut(Event<'_>),
    ) -> Result<(), TooLong> {
        if self.too_long {
            return Err(self.refuse());
        }
        let mut rest = self.after_bom(bytes);
        if self.after_cr && !rest.is_empty() {
            self.after_cr = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        if self.holds(|kept| !kept.line.is_empty()) {
            rest = self.close_kept_line(rest)?;
        }
        self.read_lines(rest, on_event)
    }

    /// Ends the stream: what is left is delivered as one last event, marked [`Event::unterminated`].
    ///
    /// The parser then stands at the beginning of a new stream, with the ID and the reconnection time of the old one,
    /// as a client that connects again.
    pub fn finish(&mut self, on_event: &mut impl FnMut(Event<'_>)) -> Result<(), TooLong> {
        let ended = self.close_stream(on_event);
        let kept = self.kept.take().map(|kept| {
            let Kept { id, retry, .. } = *kept;
            Box::new(Kept {
                id,
                retry,
                ..Kept::default()
            })
        });
        *self = Self {
            kept,
            ..Self::new(self.max_line)
        };
        ended
    }

    /// The reconnection time that the newest valid `retry` field asked for, in milliseconds.
    #[must_use]
    pub fn retry(&self) -> Option<u64> {
        self.kept.as_ref()?.retry
    }

    /// The value of the newest `id` field; empty where there was none.
    #[must_use]
    pub fn last_event_id(&self) -> &[u8] {
        self.kept.as_ref().map_or(&[], |kept| &kept.id)
    }

    fn kept(&mut self) -> &mut Kept {
        self.kept.get_or_insert_default()
    }

    /// Whether something is kept, and is as told.
    #[inline]
    fn holds(&self, is_so: impl Fn(&Kept) -> bool) -> bool {
        self.kept.as_ref().is_some_and(|kept| is_so(kept))
    }

    fn close_stream(&mut self, on_event: &mut impl FnMut(Event<'_>)) -> Result<(), TooLong> {
        if self.too_long {
            return Err(self.refuse());
        }
        if self.bom != BOM_DONE {
            let begun = BOM.get(..usize::from(self.bom)).unwrap_or_default();
            self.kept().line.extend_from_slice(begun);
        }
        if self.holds(|kept| !kept.line.is_empty()) {
            self.take_kept_line()?;
        }
        if let Some(kept) = self.kept.as_ref().filter(|kept| kept.has_data) {
            on_event(kept.event(true));
        }
        Ok(())
    }

    /// Reads whole lines out of `rest`, which begins at the beginning of a line, and keeps what is left.
    fn read_lines(
        &mut self,
        mut rest: &[u8],
        on_event: &mut impl FnMut(Event<'_>),
    ) -> Result<(), TooLong> {
        let mut open = Open {
            data: None,
            name: None,
        };
        while let Some(&first) = rest.first() {
            if first == b'\n' || first == b'\r' {
                self.dispatch(&mut open, on_event);
                rest = self.skip_line_end(rest, 0);
                continue;
            }
            let Some(end) = memchr2(b'\n', b'\r', rest) else {
                self.keep_line(rest)?;
                break;
            };
            let (line, _) = rest.split_at(end);
            if end > self.max_line {
                return Err(self.refuse());
            }
            match Field::of(line) {
                Field::Data(value) => self.add_data(value, &mut open)?,
                Field::Name(value) => open.name = Some(value),
                other => self.set(&other),
            }
            rest = self.skip_line_end(rest, end);
        }
        self.keep_open(&open);
        Ok(())
    }

    /// The bytes after the line end at `end`.
    #[inline]
    fn skip_line_end<'b>(&mut self, bytes: &'b [u8], end: usize) -> &'b [u8] {
        match bytes.get(end..) {
            Some([b'\r', b'\n', rest @ ..]) => rest,
            Some([b'\r']) => {
                self.after_cr = true;
                &[]
            }
            Some([_, rest @ ..]) => rest,
            _ => &[],
        }
    }

    /// Hands out the open event, if it has data, and opens the next.
    #[inline]
    fn dispatch(&mut self, open: &mut Open<'_>, on_event: &mut impl FnMut(Event<'_>)) {
        let (data, name) = (open.data.take(), open.name.take());
        match (data, &mut self.kept) {
            (Some(data), None) => on_event(Event {
                name: name.filter(|name| !name.is_empty()).unwrap_or(DEFAULT_NAME),
                data,
                id: &[],
                unterminated: false,
            }),
            (None, None) => {}
            (data, Some(kept)) => kept.dispatch(data, name, on_event),
        }
    }

    /// Adds a data field that lies in the read at hand.
    #[inline]
    fn add_data<'b>(&mut self, value: &'b [u8], open: &mut Open<'b>) -> Result<(), TooLong> {
        if open.data.is_none() && !self.holds(|kept| kept.has_data) {
            open.data = Some(value);
            return Ok(());
        }
        if let Some(first) = open.data.take() {
            let kept = self.kept();
            kept.data.extend_from_slice(first);
            kept.has_data = true;
        }
        self.join_data(value)
    }

    /// Adds a data field to the kept ones.
    fn join_data(&mut self, value: &[u8]) -> Result<(), TooLong> {
        let most = self.max_line;
        let kept = self.kept();
        if kept.has_data {
            let length = kept.data.len() - kept.data_from;
            if length + 1 + value.len() > most {
                return Err(self.refuse());
            }
            kept.data.push(b'\n');
        }
        kept.data.extend_from_slice(value);
        kept.has_data = true;
        Ok(())
    }

    /// Keeps what the open event has of a read that is over.
    fn keep_open(&mut self, open: &Open<'_>) {
        if let Some(data) = open.data {
            let kept = self.kept();
            kept.data.extend_from_slice(data);
            kept.has_data = true;
        }
        if let Some(name) = open.name {
            replace(&mut self.kept().name, name);
        }
    }

    /// Keeps a part of a line whose end has not been read.
    fn keep_line(&mut self, part: &[u8]) -> Result<(), TooLong> {
        let most = self.max_line;
        let kept = self.kept();
        if kept.line.len() + part.len() > most {
            return Err(self.refuse());
        }
        kept.line.extend_from_slice(part);
        Ok(())
    }

    /// Completes the kept line with the first bytes of a read; returns the bytes after it.
    fn close_kept_line<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8], TooLong> {
        let Some(end) = memchr2(b'\n', b'\r', bytes) else {
            self.keep_line(bytes)?;
            return Ok(&[]);
        };
        self.keep_line(bytes.get(..end).unwrap_or_default())?;
        self.take_kept_line()?;
        Ok(self.skip_line_end(bytes, end))
    }

    /// Reads the kept line as a field, and empties it.
    fn take_kept_line(&mut self) -> Result<(), TooLong> {
        let kept = self.kept();
        let line = std::mem::take(&mut kept.line);
        match Field::of(&line) {
            // The line becomes the data: a long one is not copied again, nor held twice.
            Field::Data(value) if !kept.has_data => {
                kept.data_from = line.len() - value.len();
                kept.has_data = true;
                kept.line = std::mem::replace(&mut kept.data, line);
                empty(&mut kept.line);
                return Ok(());
            }
            Field::Data(value) => self.join_data(value)?,
            Field::Name(value) => replace(&mut kept.name, value),
            other => self.set(&other),
        }
        let kept = self.kept();
        kept.line = line;
        empty(&mut kept.line);
        Ok(())
    }

    /// Takes over a field that belongs to the stream rather than to an event.
    fn set(&mut self, field: &Field<'_>) {
        match *field {
            Field::Id(value) => replace(&mut self.kept().id, value),
            Field::Retry(milliseconds) => self.kept().retry = Some(milliseconds),
            _ => {}
        }
    }

    /// The bytes after a leading byte order mark.
    #[inline]
    fn after_bom<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        if self.bom == BOM_DONE {
            bytes
        } else {
            self.match_bom(bytes)
        }
    }

    fn match_bom<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let known = usize::from(self.bom);
        let missing = BOM.get(known..).unwrap_or_default();
        let same = missing
            .iter()
            .zip(bytes)
            .take_while(|(wanted, got)| wanted == got)
            .count();
        if same == missing.len() {
            self.bom = BOM_DONE;
            return bytes.get(same..).unwrap_or_default();
        }
        if same == bytes.len() {
            self.bom += u8::try_from(same).unwrap_or_default();
            return &[];
        }
        // No mark after all: what was held back is the beginning of the first line.
        self.bom = BOM_DONE;
        if known > 0 {
            let begun = BOM.get(..known).unwrap_or_default();
            self.kept().line.extend_from_slice(begun);
        }
        bytes
    }

    fn refuse(&mut self) -> TooLong {
        self.too_long = true;
        let kept = self.kept();
        (kept.line, kept.data) = (Vec::new(), Vec::new());
        TooLong {
            limit: self.max_line,
        }
    }
}

impl Kept {
    /// Hands out the open event, if it has data, with what the read at hand has of it; and opens the next.
    fn dispatch(
        &mut self,
        data: Option<&[u8]>,
        name: Option<&[u8]>,
        on_event: &mut impl FnMut(Event<'_>),
    ) {
        if let Some(data) = data {
            let name = name.unwrap_or(&self.name);
            on_event(Event {
                name: if name.is_empty() { DEFAULT_NAME } else { name },
                data,
                id: &self.id,
                unterminated: false,
            });
            self.name.clear();
            return;
        }
        if let Some(name) = name {
            replace(&mut self.name, name);
        }
        if self.has_data {
            on_event(self.event(false));
        }
        self.has_data = false;
        self.data_from = 0;
        empty(&mut self.data);
        self.name.clear();
    }

    /// The open event, where all of it is kept here.
    fn event(&self, unterminated: bool) -> Event<'_> {
        let name: &[u8] = if self.name.is_empty() {
            DEFAULT_NAME
        } else {
            &self.name
        };
        Event {
            name,
            data: self.data.get(self.data_from..).unwrap_or_default(),
            id: &self.id,
            unterminated,
        }
    }
}

fn replace(buffer: &mut Vec<u8>, value: &[u8]) {
    buffer.clear();
    buffer.extend_from_slice(value);
}

fn empty(buffer: &mut Vec<u8>) {
    buffer.clear();
    if buffer.capacity() > KEPT_CAPACITY {
        *buffer = Vec::new();
    }
}
