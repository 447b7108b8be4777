//! Cuts newline-delimited JSON (NDJSON, JSON Lines) into its lines.
//!
//! A line ends with LF or CRLF; lines of nothing but white space are skipped, and so is a leading byte order mark. A
//! last line without its end is delivered and marked. A line that lies in one read is handed out as a slice of the
//! caller's buffer. The result does not depend on where the reads were cut, and the time taken is linear in the bytes.

#[cfg(test)]
mod tests;

use memchr::memchr;

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Its bytes, without the line end.
    pub bytes: &'a [u8],
    /// Whether the stream ended before the line did. It may be torn.
    pub unterminated: bool,
}

/// A line is longer than allowed. The parser reads no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a line of the stream is over {limit} bytes")]
pub struct TooLong {
    /// The most bytes allowed.
    pub limit: usize,
}

/// An incremental parser of one stream of lines.
#[derive(Clone, Debug)]
pub struct Parser {
    max_line: usize,
    /// The beginning of a line whose end has not been read yet.
    line: Vec<u8>,
    /// Whether the first line is still to come.
    first: bool,
    too_long: bool,
}

/// The byte order mark in UTF-8.
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// A buffer larger than this is given back once it is empty, so that one long line does not pin memory.
const KEPT_CAPACITY: usize = 16 * 1024;

impl Parser {
    /// A parser at the beginning of a stream, which refuses lines over `max_line` bytes (line end not counted).
    #[must_use]
    pub const fn new(max_line: usize) -> Self {
        Self {
            max_line,
            line: Vec::new(),
            first: true,
            too_long: false,
        }
    }

    /// Reads on, and calls `on_line` for every line that `bytes` completes.
    pub fn feed(
        &mut self,
        bytes: &[u8],
        on_line: &mut impl FnMut(Line<'_>),
    ) -> Result<(), TooLong> {
        if self.too_long {
            return Err(self.refuse());
        }
        let mut rest = bytes;
        while let Some(end) = memchr(b'\n', rest) {
            let (part, after) = rest.split_at(end);
            rest = after.get(1..).unwrap_or_default();
            if self.line.is_empty() {
                self.deliver(part, false, on_line)?;
            } else {
                self.keep(part)?;
                self.deliver_kept(false, on_line)?;
            }
        }
        self.keep(rest)
    }

    /// Ends the stream: what is left is delivered as one last line, marked [`Line::unterminated`].
    ///
    /// The parser then stands at the beginning of a new stream.
    pub fn finish(&mut self, on_line: &mut impl FnMut(Line<'_>)) -> Result<(), TooLong> {
        let ended = if self.too_long {
            Err(self.refuse())
        } else {
            self.deliver_kept(true, on_line)
        };
        *self = Self::new(self.max_line);
        ended
    }

    /// Hands out a whole line, unless it is blank.
    #[inline]
    fn deliver(
        &mut self,
        line: &[u8],
        unterminated: bool,
        on_line: &mut impl FnMut(Line<'_>),
    ) -> Result<(), TooLong> {
        let mut bytes = line.strip_suffix(b"\r").unwrap_or(line);
        if bytes.len() > self.max_line {
            return Err(self.refuse());
        }
        if std::mem::take(&mut self.first) {
            bytes = bytes.strip_prefix(BOM).unwrap_or(bytes);
        }
        if !bytes.iter().all(u8::is_ascii_whitespace) {
            on_line(Line {
                bytes,
                unterminated,
            });
        }
        Ok(())
    }

    fn deliver_kept(
        &mut self,
        unterminated: bool,
        on_line: &mut impl FnMut(Line<'_>),
    ) -> Result<(), TooLong> {
        let line = std::mem::take(&mut self.line);
        self.deliver(&line, unterminated, on_line)?;
        self.line = line;
        self.line.clear();
        if self.line.capacity() > KEPT_CAPACITY {
            self.line = Vec::new();
        }
        Ok(())
    }

    fn keep(&mut self, part: &[u8]) -> Result<(), TooLong> {
        // One more byte than the cap may be the CR of the line end.
        let length = self.line.len() + part.len();
        let ends_in_cr = part.last().or(self.line.last()) == Some(&b'\r');
        if length > self.max_line + usize::from(ends_in_cr) {
            return Err(self.refuse());
        }
        self.line.extend_from_slice(part);
        Ok(())
    }

    fn refuse(&mut self) -> TooLong {
        self.too_long = true;
        self.line = Vec::new();
        TooLong {
            limit: self.max_line,
        }
    }
}
