//! Takes the chunked transfer coding off a body (RFC 9112, section 7.1), whatever the boundaries of the reads.

use crate::failure::protocol;
use loadgen_engine::Failure;

/// The longest line of a chunk's size with its extensions, and the most bytes of trailers.
const LINE_LIMIT: u32 = 16 * 1024;

/// Where in the coding the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// In the digits of a size; `digits` have been seen.
    Size { digits: u32 },
    /// In blanks after the size.
    Blank,
    /// In the extensions.
    Extension,
    /// After the CR that ends the line of a size.
    SizeEnd,
    /// In the data; `size` bytes are left.
    Data,
    /// After the data, before CR LF.
    DataEnd,
    /// After the CR that follows the data.
    DataEndLf,
    /// At the beginning of a line of the trailers.
    Trailer,
    /// Inside a line of the trailers.
    TrailerLine,
    /// After a CR at the beginning of a line: LF ends the body.
    End,
    /// Past the body.
    Done,
}

/// A decoder of the chunked coding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunked {
    at: At,
    /// Bytes of the chunk that are still to come.
    size: u64,
    /// Bytes of the line of a size, or of all trailers, so far.
    line: u32,
}

impl Chunked {
    pub(crate) const fn new() -> Self {
        Self {
            at: At::Size { digits: 0 },
            size: 0,
            line: 0,
        }
    }

    /// Whether the body is over.
    pub(crate) fn is_done(&self) -> bool {
        self.at == At::Done
    }

    /// Takes the next piece of data off `input`: how many bytes of `input` are used up, of which the last
    /// `data` ones are data. Nothing is used up once the body is over.
    pub(crate) fn step(&mut self, input: &[u8]) -> Result<Step, Failure> {
        let mut used = self.begin_at_once(input);
        while let Some(byte) = input.get(used) {
            match self.at {
                At::Data => {
                    let rest = input.len() - used;
                    let data = usize::try_from(self.size).map_or(rest, |size| size.min(rest));
                    self.size -= data as u64;
                    if self.size == 0 {
                        self.at = At::DataEnd;
                    }
                    return Ok(Step {
                        used: used + data,
                        data,
                    });
                }
                At::Done => break,
                _ => self.mark(*byte)?,
            }
            used += 1;
        }
        Ok(Step { used, data: 0 })
    }

    /// Takes what most servers put between two pieces of data, where all of it is in `input`: CR LF, and a line that is
    /// a size and nothing else. How many bytes that were; all else is left to [`Self::mark`], and so are errors.
    #[inline]
    fn begin_at_once(&mut self, input: &[u8]) -> usize {
        let before = match self.at {
            // As most reads of a stream end.
            At::DataEnd if input == b"\r\n" => {
                (self.at, self.line) = (At::Size { digits: 0 }, 0);
                return input.len();
            }
            At::DataEnd if input.starts_with(b"\r\n") => 2,
            At::Size { digits: 0 } => 0,
            _ => return 0,
        };
        let Some((line, size)) = plain_size(&input[before..]) else {
            return 0;
        };
        (self.at, self.size, self.line) = (At::Data, size, 0);
        before + line
    }

    /// Takes a byte that is not data.
    fn mark(&mut self, byte: u8) -> Result<(), Failure> {
        self.at = match (self.at, byte) {
            (At::Size { digits }, _) if byte.is_ascii_hexdigit() => self.digit(byte, digits)?,
            (At::Size { digits: 1.. } | At::Blank, b' ' | b'\t') => At::Blank,
            (At::Size { digits: 1.. } | At::Blank, b';') => At::Extension,
            (At::Size { digits: 1.. } | At::Blank | At::Extension, b'\r') => At::SizeEnd,
            (At::Size { digits: 1.. } | At::Blank | At::Extension | At::SizeEnd, b'\n') => {
                self.begin_chunk()
            }
            (At::Extension, _) => At::Extension,
            (At::DataEnd, b'\r') => At::DataEndLf,
            (At::DataEnd | At::DataEndLf, b'\n') => At::Size { digits: 0 },
            (At::Trailer, b'\r') => At::End,
            (At::Trailer | At::End, b'\n') => At::Done,
            (At::TrailerLine, b'\n') => At::Trailer,
            (At::Trailer | At::TrailerLine, _) => At::TrailerLine,
            (At::DataEnd | At::DataEndLf, _) => {
                return Err(protocol("a chunk is longer than its size"));
            }
            (At::End, _) => return Err(protocol("a bare carriage return in the trailers")),
            _ => return Err(protocol("invalid size of a chunk")),
        };
        self.limit_line()
    }

    fn digit(&mut self, byte: u8, digits: u32) -> Result<At, Failure> {
        let digit = char::from(byte).to_digit(16).unwrap_or_default();
        let shifted = self
            .size
            .checked_mul(16)
            .ok_or_else(|| protocol("the size of a chunk is too great"))?;
        self.size = shifted + u64::from(digit);
        Ok(At::Size { digits: digits + 1 })
    }

    fn begin_chunk(&mut self) -> At {
        self.line = 0;
        if self.size == 0 {
            At::Trailer
        } else {
            At::Data
        }
    }

    fn limit_line(&mut self) -> Result<(), Failure> {
        match self.at {
            At::Data | At::DataEnd | At::DataEndLf | At::Done => self.line = 0,
            _ => self.line += 1,
        }
        if self.line > LINE_LIMIT {
            return Err(crate::failure::failure(
                loadgen_engine::ErrorKind::TooLarge,
                "the extensions or trailers of a chunked body are too long",
            ));
        }
        Ok(())
    }
}

/// The size, not 0, that is the whole of the first line of `input`; with the length of that line.
#[inline]
fn plain_size(input: &[u8]) -> Option<(usize, u64)> {
    /// A size of so many digits fits into 64 bits.
    const DIGITS: usize = 16;
    let mut size = 0;
    for (at, byte) in input.iter().enumerate().take(DIGITS + 1) {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            b'\r' if size > 0 && input.get(at + 1) == Some(&b'\n') => return Some((at + 2, size)),
            _ => return None,
        };
        if at == DIGITS {
            return None;
        }
        size = size << 4 | u64::from(digit);
    }
    None
}

/// What one step used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Bytes of the input that are used up.
    pub(crate) used: usize,
    /// How many of them, at their end, are data.
    pub(crate) data: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Feeds `pieces`; the data, and what is left after the end where it came.
    fn decode(pieces: &[&[u8]]) -> Result<(Vec<u8>, Option<Vec<u8>>), String> {
        let mut chunked = Chunked::new();
        let (mut data, mut rest) = (Vec::new(), Vec::new());
        for piece in pieces {
            let mut input = *piece;
            while !input.is_empty() && !chunked.is_done() {
                let step = chunked.step(input).map_err(|failure| failure.message)?;
                assert!(step.used > 0, "no progress on {input:?}");
                data.extend_from_slice(&input[step.used - step.data..step.used]);
                input = &input[step.used..];
            }
            rest.extend_from_slice(input);
        }
        Ok((data, chunked.is_done().then_some(rest)))
    }

    /// A body, and the data with what follows its end (where that came), or the failure.
    type Case<'a> = (&'a str, Result<(&'a str, Option<&'a str>), &'a str>);

    #[test]
    fn bodies_are_decoded_by_the_rules() {
        let long = format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(20_000));
        let endless = format!("0\r\n{}", "a: b\r\n".repeat(5_000));
        let cases: &[Case<'_>] = &[
            ("0\r\n\r\n", Ok(("", Some("")))),
            ("5\r\nhello\r\n0\r\n\r\n", Ok(("hello", Some("")))),
            (
                "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\nHTTP",
                Ok(("hello world", Some("HTTP"))),
            ),
            ("00005\r\nhello\r\n000\r\n\r\n", Ok(("hello", Some("")))),
            ("A\r\n0123456789\r\n0\r\n\r\n", Ok(("0123456789", Some("")))),
            (
                "5;name=value;q=\"a;b\"\r\nhello\r\n0;last\r\n\r\n",
                Ok(("hello", Some(""))),
            ),
            ("5 \t\r\nhello\r\n0 \r\n\r\n", Ok(("hello", Some("")))),
            ("5 ; a=b\r\nhello\r\n0\r\n\r\n", Ok(("hello", Some("")))),
            (
                "5\r\nhello\r\n0\r\nserver-timing: a\r\nx: y\r\n\r\nz",
                Ok(("hello", Some("z"))),
            ),
            ("5\nhello\n0\n\n", Ok(("hello", Some("")))),
            ("5\r\nhello\r\n0\r\nx: y\n\n", Ok(("hello", Some("")))),
            ("5\r\nhel", Ok(("hel", None))),
            ("5\r\nhello\r\n0\r\n", Ok(("hello", None))),
            ("", Ok(("", None))),
            ("\r\n", Err("invalid size of a chunk")),
            (";a\r\n", Err("invalid size of a chunk")),
            ("x\r\n", Err("invalid size of a chunk")),
            ("-1\r\n", Err("invalid size of a chunk")),
            ("0x5\r\n", Err("invalid size of a chunk")),
            ("5 5\r\n", Err("invalid size of a chunk")),
            ("5\rX", Err("invalid size of a chunk")),
            ("5;a\rX", Err("invalid size of a chunk")),
            ("5\r\nhelloX", Err("a chunk is longer than its size")),
            ("5\r\nhello\rX", Err("a chunk is longer than its size")),
            ("FFFFFFFFFFFFFFFF\r\nab", Ok(("ab", None))),
            ("0000000000000002\r\nab\r\n2\r\nab\r\n", Ok(("abab", None))),
            ("00000000000000002\r\nab\r\n2\r\nab", Ok(("abab", None))),
            (
                "2\r\nab\r\n10000000000000000\r\n",
                Err("the size of a chunk is too great"),
            ),
            ("2\r\nab\n2\r\nab\r\n2\nab\r\n", Ok(("ababab", None))),
            ("2\r\nab\r\n\r\n", Err("invalid size of a chunk")),
            ("2\r\nab\r\n2\rX", Err("invalid size of a chunk")),
            ("2\r\nab\r\n2g\r\n", Err("invalid size of a chunk")),
            (
                "10000000000000000\r\n",
                Err("the size of a chunk is too great"),
            ),
            ("0\r\n\rX", Err("a bare carriage return in the trailers")),
            (
                &long,
                Err("the extensions or trailers of a chunked body are too long"),
            ),
            (
                &endless,
                Err("the extensions or trailers of a chunked body are too long"),
            ),
        ];
        for (input, want) in cases {
            let want = match want {
                Ok((data, rest)) => Ok((
                    data.as_bytes().to_vec(),
                    rest.map(|rest| rest.as_bytes().to_vec()),
                )),
                Err(message) => Err((*message).to_owned()),
            };
            let shown = &input[..input.len().min(60)];
            assert_eq!(decode(&[input.as_bytes()]), want, "{shown:?} in one piece");
            let bytes: Vec<_> = input.as_bytes().chunks(1).collect();
            assert_eq!(decode(&bytes), want, "{shown:?} byte by byte");
        }
    }

    proptest! {
        #[test]
        fn what_was_coded_comes_back(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..8),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let mut coded = Vec::new();
            for chunk in &chunks {
                coded.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                coded.extend_from_slice(chunk);
                coded.extend_from_slice(b"\r\n");
            }
            coded.extend_from_slice(b"0\r\n\r\nnext");
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(coded.len() + 1)).collect();
            cuts.extend([0, coded.len()]);
            cuts.sort_unstable();
            let pieces: Vec<_> = cuts.windows(2).map(|pair| &coded[pair[0]..pair[1]]).collect();
            prop_assert_eq!(decode(&pieces), Ok((chunks.concat(), Some(b"next".to_vec()))));
        }

        #[test]
        fn nothing_makes_it_panic(input in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&[&input]);
        }
    }
}
