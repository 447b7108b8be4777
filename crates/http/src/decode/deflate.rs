//! Takes the gzip (RFC 1952) and deflate codings off.

use super::{Taker, Trouble};
use flate2::{Crc, Decompress, FlushDecompress, Status};

/// How much is decoded between two hand-overs.
const OUTPUT: usize = 16 * 1024;

/// A decoder of gzip, of one or several members.
pub(crate) struct Gzip {
    at: At,
    inflate: Decompress,
    sum: Crc,
    /// The fixed part of the header, or the trailer, as far as it has come.
    fixed: [u8; 10],
}

/// Where in a member the next byte stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// In the fixed part of the header; so many bytes have come.
    Fixed(usize),
    /// In a part of the header that its flags announce.
    Optional(Optional),
    Body,
    /// In the trailer; so many bytes have come.
    Trailer(usize),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Optional {
    ExtraLength(Option<u8>),
    Extra(usize),
    Name,
    Comment,
    Sum(usize),
}

/// A decoder of deflate, in the zlib format or bare.
pub(crate) struct Deflate {
    inflate: Option<Decompress>,
    /// The first byte, until the second comes: both together tell the format.
    first: Option<u8>,
    ended: bool,
}

impl Gzip {
    pub(crate) fn new() -> Self {
        Self {
            at: At::Fixed(0),
            inflate: Decompress::new(false),
            sum: Crc::new(),
            fixed: [0; 10],
        }
    }

    /// Whether the end of a member was the end of the input, or there was none.
    pub(crate) fn is_whole(&self) -> bool {
        self.at == At::Fixed(0)
    }

    pub(crate) fn feed(&mut self, mut input: &[u8], take: Taker<'_>) -> Result<(), Trouble> {
        while let Some((byte, rest)) = input.split_first() {
            if self.at != At::Body {
                self.mark(*byte).ok_or(Trouble::Coding("gzip"))?;
                input = rest;
                continue;
            }
            let sum = &mut self.sum;
            let (used, ended) = inflate(&mut self.inflate, input, "gzip", &mut |bytes| {
                sum.update(bytes);
                take(bytes)
            })?;
            if ended {
                self.at = At::Trailer(0);
            }
            input = &input[used..];
        }
        Ok(())
    }

    /// Takes a byte of the header or trailer; nothing where it cannot be there.
    fn mark(&mut self, byte: u8) -> Option<()> {
        self.at = match self.at {
            At::Fixed(at) => {
                self.fixed[at] = byte;
                let expected = [0x1f, 0x8b, 8]
                    .get(at)
                    .is_none_or(|expected| *expected == byte);
                let known_flags = at != 3 || byte & 0xe0 == 0;
                (expected && known_flags).then_some(())?;
                if at < 9 {
                    At::Fixed(at + 1)
                } else {
                    self.next_part(0)
                }
            }
            At::Optional(part) => self.mark_optional(part, byte),
            At::Trailer(at) => {
                self.fixed[at] = byte;
                if at < 7 {
                    At::Trailer(at + 1)
                } else {
                    self.end_member()?
                }
            }
            At::Body => At::Body,
        };
        Some(())
    }

    fn mark_optional(&self, part: Optional, byte: u8) -> At {
        match part {
            Optional::ExtraLength(None) => At::Optional(Optional::ExtraLength(Some(byte))),
            Optional::ExtraLength(Some(low)) => {
                match usize::from(u16::from_le_bytes([low, byte])) {
                    0 => self.next_part(1),
                    length => At::Optional(Optional::Extra(length)),
                }
            }
            Optional::Extra(left) if left > 1 => At::Optional(Optional::Extra(left - 1)),
            Optional::Extra(_) => self.next_part(1),
            Optional::Name if byte == 0 => self.next_part(2),
            Optional::Comment if byte == 0 => self.next_part(3),
            Optional::Sum(0) => At::Optional(Optional::Sum(1)),
            Optional::Sum(_) => self.next_part(4),
            Optional::Name | Optional::Comment => At::Optional(part),
        }
    }

    /// The first part from number `from` on that the flags announce, else the body.
    fn next_part(&self, from: usize) -> At {
        let parts = [
            (0b0_0100, Optional::ExtraLength(None)),
            (0b0_1000, Optional::Name),
            (0b1_0000, Optional::Comment),
            (0b0_0010, Optional::Sum(0)),
        ];
        let announced = parts
            .iter()
            .skip(from)
            .find(|(flag, _)| self.fixed[3] & flag != 0);
        announced.map_or(At::Body, |(_, part)| At::Optional(*part))
    }

    fn end_member(&mut self) -> Option<At> {
        let number = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|byte| self.fixed[at + byte]));
        let right = number(0) == self.sum.sum() && number(4) == self.sum.amount();
        self.sum.reset();
        self.inflate.reset(false);
        right.then_some(At::Fixed(0))
    }
}

impl Deflate {
    pub(crate) const fn new() -> Self {
        Self {
            inflate: None,
            first: None,
            ended: false,
        }
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.ended || self.first.is_none() && self.inflate.is_none()
    }

    pub(crate) fn feed(&mut self, mut input: &[u8], take: Taker<'_>) -> Result<(), Trouble> {
        while let Some((byte, rest)) = input.split_first() {
            // Bytes after the end mean nothing; some servers send them.
            if self.ended {
                break;
            }
            let Some(inflate_with) = &mut self.inflate else {
                input = rest;
                let Some(first) = self.first.replace(*byte) else {
                    continue;
                };
                let zlib =
                    first & 0x0f == 8 && u16::from_be_bytes([first, *byte]).is_multiple_of(31);
                let mut inflate_with = Decompress::new(zlib);
                let (_, ended) = inflate(&mut inflate_with, &[first, *byte], "deflate", take)?;
                self.ended = ended;
                self.inflate = Some(inflate_with);
                continue;
            };
            let (used, ended) = inflate(inflate_with, input, "deflate", take)?;
            self.ended = ended;
            input = &input[used..];
        }
        Ok(())
    }
}

/// Inflates as far as it goes: the bytes of `input` that are used up, and whether the data is over.
fn inflate(
    decompress: &mut Decompress,
    input: &[u8],
    coding: &'static str,
    take: Taker<'_>,
) -> Result<(usize, bool), Trouble> {
    let mut output = [0; OUTPUT];
    let mut used = 0;
    loop {
        let (before_in, before_out) = (decompress.total_in(), decompress.total_out());
        let status = decompress
            .decompress(&input[used..], &mut output, FlushDecompress::None)
            .map_err(|_| Trouble::Coding(coding))?;
        let taken = usize::try_from(decompress.total_in() - before_in).unwrap_or(input.len());
        let made = usize::try_from(decompress.total_out() - before_out).unwrap_or(OUTPUT);
        used += taken;
        if made > 0 {
            take(&output[..made]).map_err(Trouble::Taker)?;
        }
        let stuck = taken == 0 && made == 0;
        match status {
            Status::StreamEnd => return Ok((used, true)),
            _ if stuck || used == input.len() && made < OUTPUT => return Ok((input.len(), false)),
            _ => {}
        }
    }
}
