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

    pub(crate) fn feed(&mut self, input: &[u8], take: Taker<'_>) -> Result<(), Trouble> {
        let mut output = [0; OUTPUT];
        let mut input = InBuffer::around(input);
        loop {
            let begun = input.pos();
            let mut room = OutBuffer::around(&mut output[..]);
            let left = self
                .decoder
                .run(&mut input, &mut room)
                .map_err(|_| coding())?;
            let made = room.pos();
            // Nothing is left of a frame that has ended; another may follow.
            self.in_frame = left > 0 && (self.in_frame || input.pos() > begun);
            if made > 0 {
                take(&output[..made]).map_err(Trouble::Taker)?;
            }
            let all_read = input.pos() == input.src.len();
            if all_read && made < OUTPUT {
                return Ok(());
            }
        }
    }
}

const fn coding() -> Trouble {
    Trouble::Coding("zstd")
}
