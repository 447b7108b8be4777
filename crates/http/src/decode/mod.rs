//! Takes the content coding off a body as it comes: every byte that can be known is given out at once.

mod brotli;
mod deflate;
mod zstd;

use crate::{failure::protocol, response::Coding};
use loadgen_engine::Failure;

/// The most input that is decoded in one go: bounds what a bomb can make of it before the limit of the body is looked
/// at again.
const PIECE: usize = 4 * 1024;

/// A decoder of one body.
pub struct Decoder(Inner);

enum Inner {
    Gzip(deflate::Gzip),
    Deflate(deflate::Deflate),
    Brotli(Box<brotli::Brotli>),
    Zstd(zstd::Zstd),
}

/// Why decoding ended.
#[derive(Debug)]
pub enum Trouble {
    /// The bytes are not of the coding of this name.
    Coding(&'static str),
    /// The taker of the decoded bytes wants no more.
    Taker(Failure),
}

/// Takes decoded bytes.
pub type Taker<'a> = &'a mut dyn FnMut(&[u8]) -> Result<(), Failure>;

impl Decoder {
    /// A decoder for a body with that coding; none for one without.
    pub fn new(coding: Coding) -> Result<Option<Self>, Failure> {
        Ok(Some(Self(match coding {
            Coding::Identity => return Ok(None),
            Coding::Gzip => Inner::Gzip(deflate::Gzip::new()),
            Coding::Deflate => Inner::Deflate(deflate::Deflate::new()),
            Coding::Brotli => Inner::Brotli(Box::new(brotli::Brotli::new())),
            Coding::Zstd => {
                let decoder = zstd::Zstd::new();
                Inner::Zstd(decoder.ok_or_else(|| protocol("no memory for a zstd decoder"))?)
            }
            Coding::Unknown => return Err(protocol("unsupported content-encoding")),
        })))
    }

    /// Decodes on.
    pub fn feed(&mut self, input: &[u8], take: Taker<'_>) -> Result<(), Trouble> {
        for piece in input.chunks(PIECE) {
            match &mut self.0 {
                Inner::Gzip(decoder) => decoder.feed(piece, take)?,
                Inner::Deflate(decoder) => decoder.feed(piece, take)?,
                Inner::Brotli(decoder) => decoder.feed(piece, take)?,
                Inner::Zstd(decoder) => decoder.feed(piece, take)?,
            }
        }
        Ok(())
    }

    /// The body is over: fails where the coded data is not. A body without a single byte is no failure.
    pub fn check_end(&self) -> Result<(), Failure> {
        let (name, whole) = match &self.0 {
            Inner::Gzip(decoder) => ("gzip", decoder.is_whole()),
            Inner::Deflate(decoder) => ("deflate", decoder.is_whole()),
            Inner::Brotli(decoder) => ("brotli", decoder.is_whole()),
            Inner::Zstd(decoder) => ("zstd", decoder.is_whole()),
        };
        if whole {
            Ok(())
        } else {
            Err(protocol(format!("the {name} body ends too early")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::failure;
    use flate2::{Compression, write};
    use loadgen_engine::ErrorKind;
    use std::io::Write;

    fn text() -> Vec<u8> {
        (0..20_000_u32)
            .flat_map(|n| format!("{} ", n.wrapping_mul(2_654_435_761)).into_bytes())
            .collect()
    }

    fn coded(coding: &str, plain: &[u8]) -> Vec<u8> {
        match coding {
            "gzip" => {
                let mut out = write::GzEncoder::new(Vec::new(), Compression::default());
                out.write_all(plain).unwrap();
                out.finish().unwrap()
            }
            "deflate" => {
                let mut out = write::ZlibEncoder::new(Vec::new(), Compression::default());
                out.write_all(plain).unwrap();
                out.finish().unwrap()
            }
            "bare deflate" => {
                let mut out = write::DeflateEncoder::new(Vec::new(), Compression::default());
                out.write_all(plain).unwrap();
                out.finish().unwrap()
            }
            "zstd" => ::zstd::encode_all(plain, 1).unwrap(),
            other => panic!("{other}"),
        }
    }

    /// `brotli.compress(b"hello brotli " * 20)` of Python's brotli.
    const BROTLI: &[u8] = include_bytes!("hello.br");

    fn decode(coding: Coding, input: &[u8], piece: usize) -> Result<Vec<u8>, String> {
        let mut decoder = Decoder::new(coding).unwrap().unwrap();
        let mut out = Vec::new();
        for piece in input.chunks(piece) {
            let fed = decoder.feed(piece, &mut |bytes| {
                out.extend_from_slice(bytes);
                Ok(())
            });
            fed.map_err(|trouble| format!("{trouble:?}"))?;
        }
        decoder.check_end().map_err(|failure| failure.message)?;
        Ok(out)
    }

    fn cases() -> Vec<(Coding, &'static str, Vec<u8>, Vec<u8>)> {
        let plain = text();
        let brotli = "hello brotli ".repeat(20).into_bytes();
        vec![
            (Coding::Gzip, "gzip", coded("gzip", &plain), plain.clone()),
            (
                Coding::Gzip,
                "gzip",
                [coded("gzip", b"one "), coded("gzip", b"two")].concat(),
                b"one two".to_vec(),
            ),
            (Coding::Gzip, "gzip", coded("gzip", b""), Vec::new()),
            (
                Coding::Deflate,
                "deflate",
                coded("deflate", &plain),
                plain.clone(),
            ),
            (
                Coding::Deflate,
                "deflate",
                coded("bare deflate", &plain),
                plain.clone(),
            ),
            (Coding::Zstd, "zstd", coded("zstd", &plain), plain.clone()),
            (
                Coding::Zstd,
                "zstd",
                [coded("zstd", b"one "), coded("zstd", b"two")].concat(),
                b"one two".to_vec(),
            ),
            (Coding::Brotli, "brotli", BROTLI.to_vec(), brotli),
        ]
    }

    #[test]
    fn bodies_are_decoded_however_they_are_cut() {
        for (coding, _, input, plain) in cases() {
            for piece in [1, 2, 7, 1000, input.len().max(1)] {
                assert_eq!(
                    decode(coding, &input, piece).as_ref(),
                    Ok(&plain),
                    "{coding:?} by {piece}"
                );
            }
            assert_eq!(decode(coding, b"", 1), Ok(Vec::new()), "{coding:?}");
        }
    }

    #[test]
    fn bodies_that_end_early_are_refused() {
        for (coding, name, input, _) in cases() {
            for length in [1, input.len() / 3, input.len() - 1] {
                let want = Err(format!("the {name} body ends too early"));
                let got = decode(coding, &input[..length], 100);
                // A cut between two members is none.
                if got != Ok(b"one ".to_vec()) {
                    assert_eq!(got, want, "{coding:?} cut at {length}");
                }
            }
        }
    }

    #[test]
    fn a_frame_is_judged_alike_however_it_is_cut() {
        // Says that it holds seven bytes, and holds none.
        let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x07, 0x05, 0x00, 0x00];
        let whole = decode(Coding::Zstd, &frame, frame.len());
        for piece in 1..frame.len() {
            assert_eq!(decode(Coding::Zstd, &frame, piece), whole, "by {piece}");
        }
    }

    #[test]
    fn garbage_is_refused() {
        for coding in [Coding::Gzip, Coding::Deflate, Coding::Zstd, Coding::Brotli] {
            let garbage = [0xff_u8; 64];
            assert!(decode(coding, &garbage, 64).is_err(), "{coding:?}");
            assert!(decode(coding, &garbage, 1).is_err(), "{coding:?}");
        }
        let mut wrong_sum = coded("gzip", b"hello");
        let last = wrong_sum.len() - 8;
        wrong_sum[last] ^= 1;
        assert!(decode(Coding::Gzip, &wrong_sum, 100).is_err());
        assert!(Decoder::new(Coding::Unknown).is_err());
    }

    #[test]
    fn what_zstd_flushed_comes_at_once() {
        let mut encoder = ::zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        let mut decoder = Decoder::new(Coding::Zstd).unwrap().unwrap();
        for event in ["data: one\n\n", "data: two\n\n", "data: three\n\n"] {
            encoder.write_all(event.as_bytes()).unwrap();
            encoder.flush().unwrap();
            let piece = std::mem::take(encoder.get_mut());
            let mut out = Vec::new();
            let fed = decoder.feed(&piece, &mut |bytes| {
                out.extend_from_slice(bytes);
                Ok(())
            });
            assert!(fed.is_ok());
            assert_eq!(String::from_utf8_lossy(&out), event);
        }
    }

    #[test]
    fn what_was_flushed_comes_at_once() {
        let mut encoder = write::GzEncoder::new(Vec::new(), Compression::default());
        let mut decoder = Decoder::new(Coding::Gzip).unwrap().unwrap();
        for event in ["data: one\n\n", "data: two\n\n", "data: three\n\n"] {
            encoder.write_all(event.as_bytes()).unwrap();
            encoder.flush().unwrap();
            let piece = std::mem::take(encoder.get_mut());
            let mut out = Vec::new();
            let fed = decoder.feed(&piece, &mut |bytes| {
                out.extend_from_slice(bytes);
                Ok(())
            });
            assert!(fed.is_ok());
            assert_eq!(String::from_utf8_lossy(&out), event);
        }
    }

    #[test]
    fn a_bomb_is_stopped_by_its_taker_in_good_time() {
        let zeros = vec![0; 64 << 20];
        for (coding, name) in [
            (Coding::Gzip, "gzip"),
            (Coding::Deflate, "deflate"),
            (Coding::Zstd, "zstd"),
        ] {
            let bomb = coded(name, &zeros);
            let mut decoder = Decoder::new(coding).unwrap().unwrap();
            let mut taken = 0;
            let fed = decoder.feed(&bomb, &mut |bytes| {
                taken += bytes.len();
                if taken > 1 << 20 {
                    Err(failure(ErrorKind::TooLarge, "enough"))
                } else {
                    Ok(())
                }
            });
            assert!(
                matches!(fed, Err(Trouble::Taker(failure)) if failure.message == "enough"),
                "{name}"
            );
            assert!(taken <= 16 << 20, "{name}: {taken}");
        }
    }
}
