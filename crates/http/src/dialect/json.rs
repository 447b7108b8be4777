//! Walks JSON without building a tree.
//!
//! A [`Cursor`] stands before a value of a JSON text. The reader of a dialect asks for the members it knows and skips the
//! rest; nothing is allocated. All that is walked over is held to the grammar of RFC 8259, so that a whole walk is also
//! a proof that the text is JSON. Two freedoms are left: bytes in strings need not be UTF-8, and an escaped surrogate
//! may stand alone.

mod text;

pub use text::Text;

/// The text is not JSON (or is nested deeper than [`MAX_DEPTH`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not JSON at byte {at}")]
pub struct NotJson {
    /// Where it was noticed, counted from the beginning of the text.
    pub at: usize,
}

/// The deepest nesting that is walked.
pub const MAX_DEPTH: u32 = 128;

/// A place in a JSON text.
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: u32,
}

/// Walks a whole text: calls `member` for every member of its outermost object. A text that is no object has none.
#[inline]
pub fn walk<'a>(
    bytes: &'a [u8],
    member: impl FnMut(&mut Cursor<'a>, Text<'a>) -> Result<(), NotJson>,
) -> Result<(), NotJson> {
    value(bytes, |cursor| cursor.object(member))
}

/// Walks a whole text: `read` has to consume its value.
#[inline]
pub fn value<'a, T>(
    bytes: &'a [u8],
    read: impl FnOnce(&mut Cursor<'a>) -> Result<T, NotJson>,
) -> Result<T, NotJson> {
    let mut cursor = Cursor {
        bytes,
        at: 0,
        depth: 0,
    };
    let found = read(&mut cursor)?;
    match cursor.peek() {
        None => Ok(found),
        Some(_) => Err(cursor.wrong()),
    }
}

impl<'a> Cursor<'a> {
    /// Calls `member` for every member of the object that comes next; it has to consume the value. Another value is
    /// skipped.
    #[inline]
    pub fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, Text<'a>) -> Result<(), NotJson>,
    ) -> Result<(), NotJson> {
        if self.peek() != Some(b'{') {
            return self.skip();
        }
        self.enter()?;
        if self.peek() == Some(b'}') {
            return self.leave();
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.wrong());
            }
            let key = self.quoted()?;
            if self.peek() != Some(b':') {
                return Err(self.wrong());
            }
            self.at += 1;
            member(self, key)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => return self.leave(),
                _ => return Err(self.wrong()),
            }
        }
    }

    /// Calls `element` for every element of the array that comes next; it has to consume the value. Another value is
    /// skipped.
    #[inline]
    pub fn array(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), NotJson>,
    ) -> Result<(), NotJson> {
        if self.peek() != Some(b'[') {
            return self.skip();
        }
        self.enter()?;
        if self.peek() == Some(b']') {
            return self.leave();
        }
        loop {
            element(self)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => return self.leave(),
                _ => return Err(self.wrong()),
            }
        }
    }

    /// The string that comes next; another value is skipped.
    #[inline]
    pub fn string(&mut self) -> Result<Option<Text<'a>>, NotJson> {
        if self.peek() == Some(b'"') {
            self.quoted().map(Some)
        } else {
            self.skip().map(|()| None)
        }
    }

    /// Whether a string that is not empty comes next. The value is consumed.
    #[inline]
    pub fn filled(&mut self) -> Result<bool, NotJson> {
        Ok(self.string()?.is_some_and(|text| !text.is_empty()))
    }

    /// The whole number from 0 up that comes next; another value is skipped.
    pub fn count(&mut self) -> Result<Option<u64>, NotJson> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return self.skip().map(|()| None);
        }
        let digits = std::str::from_utf8(self.number()?).unwrap_or_default();
        let fraction_of_zeros = || {
            digits
                .split_once('.')
                .filter(|(_, rest)| rest.bytes().all(|digit| digit == b'0'))
        };
        Ok(digits
            .parse()
            .ok()
            .or_else(|| fraction_of_zeros()?.0.parse().ok()))
    }

    /// Whether `true` comes next. The value is consumed.
    pub fn is_true(&mut self) -> Result<bool, NotJson> {
        let found = self.peek() == Some(b't');
        self.skip().map(|()| found)
    }

    /// Whether `null` comes next. The value is not consumed.
    #[inline]
    pub fn at_null(&mut self) -> bool {
        self.peek() == Some(b'n')
    }

    /// The first byte of the value that comes next, which tells its kind. The value is not consumed.
    #[inline]
    pub fn peek(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                other => return other.copied(),
            }
        }
    }

    /// Skips a value of any kind.
    pub fn skip(&mut self) -> Result<(), NotJson> {
        match self.peek() {
            Some(b'"') => self.quoted().map(|_| ()),
            Some(b'{') => self.object(|cursor, _| cursor.skip()),
            Some(b'[') => self.array(Self::skip),
            Some(b'-' | b'0'..=b'9') => self.number().map(|_| ()),
            Some(b't') => self.word(b"true"),
            Some(b'f') => self.word(b"false"),
            Some(b'n') => self.word(b"null"),
            _ => Err(self.wrong()),
        }
    }

    /// Skips a value and returns its bytes.
    pub fn raw(&mut self) -> Result<&'a [u8], NotJson> {
        self.peek();
        let from = self.at;
        self.skip()?;
        Ok(self.bytes.get(from..self.at).unwrap_or_default())
    }

    fn enter(&mut self) -> Result<(), NotJson> {
        if self.depth == MAX_DEPTH {
            return Err(self.wrong());
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    fn leave(&mut self) -> Result<(), NotJson> {
        self.depth -= 1;
        self.at += 1;
        Ok(())
    }

    fn wrong(&self) -> NotJson {
        NotJson { at: self.at }
    }

    fn word(&mut self, word: &[u8]) -> Result<(), NotJson> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word) {
            return Err(self.wrong());
        }
        self.at += word.len();
        Ok(())
    }

    fn number(&mut self) -> Result<&'a [u8], NotJson> {
        let from = self.at;
        self.accept(b"-");
        if !self.accept(b"0") {
            self.digits()?;
        }
        if self.accept(b".") {
            self.digits()?;
        }
        if self.accept(b"eE") {
            self.accept(b"+-");
            self.digits()?;
        }
        Ok(self.bytes.get(from..self.at).unwrap_or_default())
    }

    /// Steps over the next byte if it is one of these.
    fn accept(&mut self, bytes: &[u8]) -> bool {
        let found = self
            .bytes
            .get(self.at)
            .is_some_and(|byte| bytes.contains(byte));
        self.at += usize::from(found);
        found
    }

    fn digits(&mut self) -> Result<(), NotJson> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if length == 0 {
            return Err(self.wrong());
        }
        self.at += length;
        Ok(())
    }

    /// The string whose opening quote comes next.
    #[inline]
    fn quoted(&mut self) -> Result<Text<'a>, NotJson> {
        let from = self.at + 1;
        let mut escaped = false;
        self.at = from;
        loop {
            self.at += plain_prefix(self.bytes.get(self.at..).unwrap_or_default());
            match self.bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                _ => return Err(self.wrong()),
            }
            escaped = true;
        }
        let raw = self.bytes.get(from..self.at).unwrap_or_default();
        self.at += 1;
        Ok(Text::new(raw, from, escaped))
    }

    /// Steps over an escape.
    fn escape(&mut self) -> Result<(), NotJson> {
        let rest = self.bytes.get(self.at + 1..).unwrap_or_default();
        let length = match rest {
            [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
            [b'u', a, b, c, d, ..]
                if [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()) =>
            {
                6
            }
            _ => return Err(self.wrong()),
        };
        self.at += length;
        Ok(())
    }
}

/// Whether `bytes` may stand between the quotes of a string.
#[must_use]
pub fn is_inside_of_string(bytes: &[u8]) -> bool {
    let mut cursor = Cursor {
        bytes,
        at: 0,
        depth: 0,
    };
    loop {
        cursor.at += plain_prefix(bytes.get(cursor.at..).unwrap_or_default());
        match bytes.get(cursor.at) {
            None => return true,
            Some(b'\\') if cursor.escape().is_ok() => {}
            Some(_) => return false,
        }
    }
}

/// How many bytes at the beginning of `bytes` stand for themselves in a string: no quote, no backslash, no control.
///
/// Eight bytes at a time: most strings of a stream are too short for a search by vector instructions to pay.
#[inline]
fn plain_prefix(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = ONES << 7;
    /// Sets the high bit of each byte of `word` that is below `limit`, exactly up to the first such byte.
    const fn below(word: u64, limit: u64) -> u64 {
        word.wrapping_sub(ONES * limit) & !word & HIGHS
    }
    /// How many bytes of `word` come before the first that does not stand for itself; 8 where there is none.
    const fn plain(word: u64) -> usize {
        let quote = below(word ^ (ONES * 0x22), 1);
        let backslash = below(word ^ (ONES * 0x5C), 1);
        let found = below(word, 0x20) | quote | backslash;
        (found.trailing_zeros() / 8) as usize
    }
    let mut at = 0;
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let length = plain(u64::from_le_bytes(*chunk));
        at += length;
        if length < 8 {
            return at;
        }
    }
    at + plain(last_word(bytes, bytes.len() - at))
}

/// The last `length` bytes, fewer than eight, with zeros after them.
#[inline]
fn last_word(bytes: &[u8], length: usize) -> u64 {
    let rest = bytes.get(bytes.len() - length..).unwrap_or_default();
    // Two reads that overlap where both hold the same bytes, instead of a read for each byte.
    let (low, high, shift) =
        if let (Some(low), Some(high)) = (rest.first_chunk(), rest.last_chunk()) {
            let (low, high) = (u32::from_le_bytes(*low), u32::from_le_bytes(*high));
            (u64::from(low), u64::from(high), length - 4)
        } else if let (Some(low), Some(high)) = (rest.first_chunk(), rest.last_chunk()) {
            let (low, high) = (u16::from_le_bytes(*low), u16::from_le_bytes(*high));
            (u64::from(low), u64::from(high), length - 2)
        } else {
            (rest.first().copied().map_or(0, u64::from), 0, 0)
        };
    low | high << (8 * shift)
}

#[cfg(test)]
mod tests {
    use super::plain_prefix;
    use proptest::prelude::*;

    fn check(bytes: &[u8]) {
        let want = bytes
            .iter()
            .take_while(|byte| !matches!(byte, 0..0x20 | b'"' | b'\\'))
            .count();
        assert_eq!(plain_prefix(bytes), want, "{bytes:?}");
    }

    #[test]
    fn what_stands_for_itself_ends_at_every_place() {
        for length in 0..20 {
            for plain in [b'a', b' ', b'!', b'#', b'[', b']', 0x7f, 0x80, 0xa2, 0xff] {
                check(&vec![plain; length]);
                for at in 0..length {
                    for end in [b'"', b'\\', 0, 1, b'\n', 0x1f] {
                        let mut bytes = vec![plain; length];
                        bytes[at] = end;
                        check(&bytes);
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..24)) {
            check(&bytes);
        }
    }
}
