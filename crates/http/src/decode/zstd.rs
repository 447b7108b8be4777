//! Takes the Zstandard coding (RFC 8878) off.

use super::{Taker, Trouble};
use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation as _, OutBuffer};

/// How much is decoded between two hand-overs.
const OUTPUT: usize = 16 * 1024;

/// The greatest window as a power of two: RFC 9659 allows servers no more than 8 MiB.
const WINDOW_LOG: u32 = 23;

/// A decoder of Zstandard frames.
pub(crate) struct Zstd {
    decoder: Decoder<'static>,
    in_frame: bool,
}

impl Zstd {
    /// A decoder; none where there is no memory for it.
    pub(crate) fn new() -> Option<Self> {
        let mut decoder = Decoder::new().ok()?;
        decoder
            .set_parameter(DParameter::WindowLogMax(WINDOW_LOG))
            .ok()?;
        Some(Self {
            decoder,
            in_frame: false,
        })
    }

    pub(crate) const fn is_whole(&self) -> bool {
        !self.in_frame
    }

    pub(crate) fn feed(&mut self, mut input: &[u8], take: Taker<'_>) -> Result<(), Trouble> {
        let mut output = [0; OUTPUT];
        loop {
            // A frame that begins gets one byte by itself: whole frames go another way through the library, which is stricter
            // about those without content, and an answer must not be judged by how it was cut.
            let most = if self.in_frame { input.len() } else { 1 };
            let (piece, rest) = input.split_at(most.min(input.len()));
            let mut piece = InBuffer::around(piece);
            let mut room = OutBuffer::around(&mut output[..]);
            let left = self
                .decoder
                .run(&mut piece, &mut room)
                .map_err(|_| coding())?;
            let made = room.pos();
            let used = piece.pos();
            let all_read = used == piece.src.len() && rest.is_empty();
            input = &input[used..];
            // Nothing is left of a frame that has ended; another may follow.
            self.in_frame = left > 0 && (self.in_frame || used > 0);
            if made > 0 {
                take(&output[..made]).map_err(Trouble::Taker)?;
            }
            if all_read && made < OUTPUT {
                return Ok(());
            }
        }
    }
}

const fn coding() -> Trouble {
    Trouble::Coding("zstd")
}
