//! Streams of no known provider: every event is output, or those with a value at a JSON pointer.

use super::{
    Dialect, Framing, Part, Reading,
    json::{Cursor, NotJson, value},
};
use loadgen_engine::Usage;

/// The dialects `sse` and `ndjson`.
#[derive(Clone, Debug)]
pub(super) struct Plain {
    framing: Framing,
    /// The reference tokens of a JSON pointer (RFC 6901), unescaped; the pointer to the whole value has none.
    pointer: Option<Vec<Vec<u8>>>,
}

/// What stands at the pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    Empty,
    Something,
}

impl Plain {
    /// A dialect with that framing, which takes the value at `pointer` for output.
    pub(super) fn new(framing: Framing, pointer: Option<&str>) -> Self {
        Self {
            framing,
            pointer: pointer.map(reference_tokens),
        }
    }
}

impl Dialect for Plain {
    fn framing(&self) -> Framing {
        self.framing
    }

    fn demands_end(&self) -> bool {
        false
    }

    fn tells_reasoning(&self) -> bool {
        false
    }

    fn read(&self, name: &[u8], data: &[u8], reading: &mut Reading) -> Result<(), NotJson> {
        if self.framing == Framing::Sse && data.trim_ascii() == b"[DONE]" {
            reading.terminator = true;
            return Ok(());
        }
        if name == b"error" {
            reading.fail(&String::from_utf8_lossy(data));
            return Ok(());
        }
        if data.is_empty() {
            reading.add(Part {
                blank: true,
                ..Part::default()
            });
            return Ok(());
        }
        let found = match (&self.pointer, self.framing) {
            (Some(pointer), _) => value(data, |cursor| find(cursor, pointer))?,
            (None, Framing::Lines) => {
                value(data, |cursor| cursor.skip().map(|()| Found::Something))?
            }
            (None, Framing::Sse) => Found::Something,
        };
        reading.add(Part {
            visible: found == Found::Something,
            blank: found == Found::Empty,
            ..Part::default()
        });
        Ok(())
    }

    fn usage_of_body(&self, _body: &[u8]) -> Option<Usage> {
        None
    }
}

/// The reference tokens of a pointer. One that does not begin with a slash is read as if it did.
fn reference_tokens(pointer: &str) -> Vec<Vec<u8>> {
    if pointer.is_empty() {
        return Vec::new();
    }
    let path = pointer.strip_prefix('/').unwrap_or(pointer);
    path.split('/')
        .map(|token| token.replace("~1", "/").replace("~0", "~").into_bytes())
        .collect()
}

/// Walks over a value and tells what stands at the place that `path` names inside it.
fn find(cursor: &mut Cursor<'_>, path: &[Vec<u8>]) -> Result<Found, NotJson> {
    let Some((token, path)) = path.split_first() else {
        return content(cursor);
    };
    let mut found = Found::Nothing;
    match cursor.peek() {
        Some(b'[') => {
            let wanted = array_index(token);
            let mut at = 0;
            cursor.array(|cursor| {
                if wanted == Some(at) {
                    found = find(cursor, path)?;
                } else {
                    cursor.skip()?;
                }
                at += 1;
                Ok(())
            })?;
        }
        _ => cursor.object(|cursor, key| {
            if *key.bytes() == **token {
                found = find(cursor, path)?;
                return Ok(());
            }
            cursor.skip()
        })?,
    }
    Ok(found)
}

/// An index by the pointer's rules: digits without a leading zero.
fn array_index(token: &[u8]) -> Option<usize> {
    if token.len() > 1 && token.starts_with(b"0") || !token.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(token).ok()?.parse().ok()
}

/// Whether a value is worth counting: null is nothing; an empty string, array or object is empty.
fn content(cursor: &mut Cursor<'_>) -> Result<Found, NotJson> {
    if cursor.at_null() {
        return cursor.skip().map(|()| Found::Nothing);
    }
    let raw = cursor.raw()?;
    let inside = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
    let hollow = matches!(raw.first(), Some(b'"')) && inside.is_empty()
        || matches!(raw.first(), Some(b'[' | b'{')) && inside.trim_ascii().is_empty();
    Ok(if hollow {
        Found::Empty
    } else {
        Found::Something
    })
}
