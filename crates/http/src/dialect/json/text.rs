//! The strings of a JSON text.

use std::borrow::Cow;

/// A string of a JSON text, as written there: without its quotes, with its escapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'a> {
    raw: &'a [u8],
    at: usize,
    escaped: bool,
}

impl<'a> Text<'a> {
    /// The string that stands `at` this byte of a text; its escapes were found to be well-formed.
    pub(super) const fn new(raw: &'a [u8], at: usize, escaped: bool) -> Self {
        Self { raw, at, escaped }
    }

    /// Whether it is the empty string.
    #[must_use]
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// Where it stands in the JSON text, without its quotes.
    #[must_use]
    pub const fn place(&self) -> (usize, usize) {
        (self.at, self.at + self.raw.len())
    }

    /// The bytes to match a name by: as written, unless it holds escapes.
    #[must_use]
    #[inline]
    pub fn bytes(&self) -> Cow<'a, [u8]> {
        if self.escaped {
            Cow::Owned(self.to_text().into_bytes())
        } else {
            Cow::Borrowed(self.raw)
        }
    }

    /// The text, escapes resolved; what is not Unicode is replaced by U+FFFD.
    #[must_use]
    pub fn to_text(&self) -> String {
        if self.escaped {
            unescape(self.raw)
        } else {
            String::from_utf8_lossy(self.raw).into_owned()
        }
    }
}

/// Resolves the escapes of a string that was found to be well-formed.
fn unescape(raw: &[u8]) -> String {
    let mut text = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            text.push(byte);
            continue;
        }
        let Some((&kind, after)) = rest.split_first() else {
            break;
        };
        rest = after;
        match kind {
            b'b' => text.push(8),
            b'f' => text.push(12),
            b'n' => text.push(b'\n'),
            b'r' => text.push(b'\r'),
            b't' => text.push(b'\t'),
            b'u' => {
                let (symbol, after) = unicode(rest);
                rest = after;
                text.extend_from_slice(symbol.encode_utf8(&mut [0; 4]).as_bytes());
            }
            other => text.push(other),
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// The character whose `\u` was just read, and the bytes after it; takes the second half of a surrogate pair along.
fn unicode(digits: &[u8]) -> (char, &[u8]) {
    let (first, rest) = unit(digits);
    if let (0xD800..0xDC00, [b'\\', b'u', second @ ..]) = (first, rest) {
        let (second, after) = unit(second);
        if let Some(Ok(symbol)) = char::decode_utf16([first, second]).next() {
            return (symbol, after);
        }
    }
    (
        char::from_u32(u32::from(first)).unwrap_or(char::REPLACEMENT_CHARACTER),
        rest,
    )
}

/// Four hexadecimal digits as a UTF-16 code unit, and the bytes after them.
fn unit(digits: &[u8]) -> (u16, &[u8]) {
    let (unit, rest) = digits.split_at_checked(4).unwrap_or((digits, &[]));
    let unit = std::str::from_utf8(unit)
        .ok()
        .and_then(|unit| u16::from_str_radix(unit, 16).ok());
    (unit.unwrap_or(0xFFFD), rest)
}
