//! Tells the fields of an event stream apart.

use memchr::memchr;

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field<'a> {
    /// `data`.
    Data(&'a [u8]),
    /// `event`.
    Name(&'a [u8]),
    /// `id`, without a NUL.
    Id(&'a [u8]),
    /// `retry`, in milliseconds.
    Retry(u64),
    /// A comment, an unknown field, or a value that the standard says to ignore.
    Ignored,
}

impl<'a> Field<'a> {
    /// The field of a line that is not empty.
    #[inline]
    pub(super) fn of(line: &'a [u8]) -> Self {
        match line.strip_prefix(b"data:") {
            Some(value) => Self::Data(without_space(value)),
            None => Self::other(line),
        }
    }

    fn other(line: &'a [u8]) -> Self {
        let (name, value) = match memchr(b':', line) {
            Some(colon) => line.split_at(colon),
            None => (line, &b":"[..]),
        };
        let value = without_space(value.get(1..).unwrap_or_default());
        match name {
            b"data" => Self::Data(value),
            b"event" => Self::Name(value),
            b"id" if memchr(0, value).is_none() => Self::Id(value),
            b"retry" => milliseconds(value).map_or(Self::Ignored, Self::Retry),
            _ => Self::Ignored,
        }
    }
}

/// The value without the one space that may follow the colon.
#[inline]
fn without_space(value: &[u8]) -> &[u8] {
    value.strip_prefix(b" ").unwrap_or(value)
}

/// A number of ASCII digits only; one too large to hold counts as the largest.
fn milliseconds(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0_u64, |number, byte| {
        byte.is_ascii_digit().then(|| {
            number
                .saturating_mul(10)
                .saturating_add(u64::from(byte - b'0'))
        })
    })
}
