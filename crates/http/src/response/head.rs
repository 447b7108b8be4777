//! Reads the head of an answer and says how its body is framed (RFC 9112, sections 4 to 6).

use crate::failure::protocol;
use httparse::{Header, ParserConfig, Status};
use loadgen_engine::Failure;
use std::mem::MaybeUninit;

/// The most header fields of one head.
const FIELDS: usize = 128;

/// How many heads are remembered, and the longest of them.
const KNOWN: usize = 4;
const LONGEST_KNOWN: usize = 2 * 1024;

/// So many unknown heads in a row are learned one by one; then only one of eight times as many.
const PATIENCE: u32 = 8;

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// After that many bytes; 0 where there is no body.
    Length(u64),
    /// By the chunked coding.
    Chunked,
    /// With the connection.
    UntilClose,
}

/// How a body is coded (RFC 9110, section 8.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Coding {
    /// Not at all.
    #[default]
    Identity,
    /// gzip.
    Gzip,
    /// zlib, or bare deflate as some servers send it.
    Deflate,
    /// Brotli.
    Brotli,
    /// Zstandard.
    Zstd,
    /// Another one, or several.
    Unknown,
}

/// What the connection needs to know of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// The status.
    pub status: u16,
    /// How the body ends.
    pub framing: Framing,
    /// Whether the connection may be used again after the body.
    pub keep_alive: bool,
    /// How the body is coded.
    pub coding: Coding,
    /// What the body calls itself: the value of `content-type`.
    pub content_type: Option<&'a [u8]>,
}

/// Heads that were read before. Most answers of a service begin with the same bytes within a second; what those say is
/// known without reading them again.
#[derive(Debug, Default)]
pub struct KnownHeads {
    heads: [KnownHead; KNOWN],
    /// Which one the next new head replaces.
    next: usize,
    /// Heads in a row that were not known.
    unknown: u32,
}

#[derive(Debug, Default)]
struct KnownHead {
    /// All of the head, with the empty line at its end; empty where there is none.
    raw: Vec<u8>,
    head_asked: bool,
    known: Option<Known>,
}

/// A head apart from its bytes.
#[derive(Clone, Copy, Debug)]
struct Known {
    status: u16,
    framing: Framing,
    keep_alive: bool,
    coding: Coding,
    /// Where the value stands in the head.
    content_type: Option<(usize, usize)>,
}

impl KnownHeads {
    /// As [`parse`], whose outcome for a whole head depends on the bytes of that head only.
    pub(super) fn parse<'a>(
        &mut self,
        bytes: &'a [u8],
        head_asked: bool,
    ) -> Result<Option<(Head<'a>, usize)>, Failure> {
        if let Some(found) = self
            .heads
            .iter()
            .find_map(|head| head.recognise(bytes, head_asked))
        {
            self.unknown = 0;
            return Ok(Some(found));
        }
        let parsed = parse(bytes, head_asked)?;
        self.unknown = self.unknown.wrapping_add(1);
        // A service whose heads all differ (by a number of the request, say) is not worth learning from each time.
        let worth_it = self.unknown <= PATIENCE || self.unknown.is_multiple_of(PATIENCE * 8);
        if let Some((head, length)) = &parsed
            && worth_it
            && *length <= LONGEST_KNOWN
        {
            self.heads[self.next].learn(&bytes[..*length], head_asked, head);
            self.next = (self.next + 1) % KNOWN;
        }
        Ok(parsed)
    }
}

impl KnownHead {
    #[inline]
    fn recognise<'a>(&self, bytes: &'a [u8], head_asked: bool) -> Option<(Head<'a>, usize)> {
        let known = self.known?;
        if self.head_asked != head_asked || !bytes.starts_with(&self.raw) {
            return None;
        }
        let content_type = match known.content_type {
            Some((from, to)) => Some(bytes.get(from..to)?),
            None => None,
        };
        let head = Head {
            status: known.status,
            framing: known.framing,
            keep_alive: known.keep_alive,
            coding: known.coding,
            content_type,
        };
        Some((head, self.raw.len()))
    }

    fn learn(&mut self, raw: &[u8], head_asked: bool, head: &Head<'_>) {
        self.raw.clear();
        self.raw.extend_from_slice(raw);
        self.head_asked = head_asked;
        let place = |value: &[u8]| {
            let from = (value.as_ptr() as usize).checked_sub(raw.as_ptr() as usize)?;
            (raw.get(from..from + value.len())? == value).then_some((from, from + value.len()))
        };
        let content_type = head.content_type.map(place);
        self.known = (content_type != Some(None)).then(|| Known {
            status: head.status,
            framing: head.framing,
            keep_alive: head.keep_alive,
            coding: head.coding,
            content_type: content_type.flatten(),
        });
    }
}

/// Reads the head at the front of `bytes`: it and its length; nothing where it is not whole.
pub(super) fn parse(bytes: &[u8], head_asked: bool) -> Result<Option<(Head<'_>, usize)>, Failure> {
    let mut fields = [const { MaybeUninit::uninit() }; FIELDS];
    let mut response = httparse::Response::new(&mut []);
    let mut config = ParserConfig::default();
    config.allow_obsolete_multiline_headers_in_responses(true);
    match config.parse_response_with_uninit_headers(&mut response, bytes, &mut fields) {
        Ok(Status::Complete(length)) => {
            let old = response.version == Some(0);
            let status = response.code.unwrap_or_default();
            Ok(Some((
                read(status, old, response.headers, head_asked)?,
                length,
            )))
        }
        Ok(Status::Partial) => Ok(None),
        Err(error) => Err(garbled(error)),
    }
}

impl<'a> Head<'a> {
    /// That of HTTP/2, which frames bodies and keeps connections by itself.
    pub(crate) const fn of_frames(
        status: u16,
        coding: Coding,
        content_type: Option<&'a [u8]>,
    ) -> Self {
        Self {
            status,
            framing: Framing::UntilClose,
            keep_alive: true,
            coding,
            content_type,
        }
    }
}

impl Coding {
    /// By the value of `content-encoding`.
    pub fn of(value: &[u8]) -> Self {
        let value = value.trim_ascii();
        let is = |name: &str| value.eq_ignore_ascii_case(name.as_bytes());
        match () {
            () if is("gzip") || is("x-gzip") => Self::Gzip,
            () if is("deflate") => Self::Deflate,
            () if is("br") => Self::Brotli,
            () if is("zstd") => Self::Zstd,
            () if is("identity") || is("") => Self::Identity,
            () => Self::Unknown,
        }
    }
}

/// What the fields say, before they are weighed against each other.
#[derive(Default)]
struct Fields<'a> {
    length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    coding: Coding,
    content_type: Option<&'a [u8]>,
}

fn read<'a>(
    status: u16,
    old: bool,
    headers: &[Header<'a>],
    head_asked: bool,
) -> Result<Head<'a>, Failure> {
    let mut fields = Fields::default();
    for header in headers {
        fields.take(header)?;
    }
    let bodiless = head_asked || status < 200 || matches!(status, 204 | 304);
    let framing = match fields.length {
        _ if bodiless => Framing::Length(0),
        _ if fields.chunked => Framing::Chunked,
        Some(length) => Framing::Length(length),
        None => Framing::UntilClose,
    };
    // Both framings at once may be an attempt at smuggling: RFC 9112 wants such a connection closed.
    let doubtful = fields.chunked && (fields.length.is_some() || old);
    let lasting = if old { fields.keep_alive } else { true };
    Ok(Head {
        status,
        framing,
        keep_alive: lasting && !fields.close && !doubtful && framing != Framing::UntilClose,
        coding: fields.coding,
        content_type: fields.content_type,
    })
}

impl<'a> Fields<'a> {
    fn take(&mut self, header: &Header<'a>) -> Result<(), Failure> {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        // Most fields are of no interest, and their length alone says so.
        match header.name.len() {
            14 if is("content-length") => self.take_length(header.value)?,
            17 if is("transfer-encoding") => self.take_transfer(header.value)?,
            10 if is("connection") => self.take_connection(header.value),
            16 if is("content-encoding") => self.take_coding(header.value),
            12 if is("content-type") => self.content_type = Some(header.value),
            _ => {}
        }
        Ok(())
    }

    fn take_length(&mut self, value: &[u8]) -> Result<(), Failure> {
        for part in value.split(|byte| *byte == b',') {
            let length = parse_length(part.trim_ascii())
                .ok_or_else(|| protocol("invalid content-length"))?;
            if self.length.is_some_and(|other| other != length) {
                return Err(protocol("conflicting content-length"));
            }
            self.length = Some(length);
        }
        Ok(())
    }

    fn take_transfer(&mut self, value: &[u8]) -> Result<(), Failure> {
        if self.chunked || !value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
            return Err(protocol("unsupported transfer-encoding"));
        }
        self.chunked = true;
        Ok(())
    }

    fn take_connection(&mut self, value: &[u8]) {
        for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    fn take_coding(&mut self, value: &[u8]) {
        self.coding = match self.coding {
            Coding::Identity => Coding::of(value),
            _ => Coding::Unknown,
        };
    }
}

/// A length is digits and nothing else: no sign, no blanks inside.
fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0_u64, |length, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        length.checked_mul(10)?.checked_add(digit)
    })
}

fn garbled(error: httparse::Error) -> Failure {
    match error {
        httparse::Error::TooManyHeaders => crate::failure::failure(
            loadgen_engine::ErrorKind::TooLarge,
            "more than 128 header fields",
        ),
        httparse::Error::Status | httparse::Error::Version => protocol("invalid status line"),
        _ => protocol("invalid header field"),
    }
}
