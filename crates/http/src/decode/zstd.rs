//! Takes the Zstandard coding (RFC 8878) off.

use super::{Taker, Trouble};
use ruzstd::decoding::FrameDecoder;
use std::io::Read;

/// How much is decoded between two hand-overs.
const OUTPUT: usize = 16 * 1024;

/// The longest header of a frame, and the longest block with its own header.
const HEADER: usize = 18;
const BLOCK: usize = 128 * 1024 + 3;

/// The greatest window: RFC 9659 allows servers no more than 8 MiB.
const WINDOW: u64 = 8 * 1024 * 1024;

/// A decoder of Zstandard frames.
///
/// It gives decoded bytes out only once the window behind them is full, or the frame is over.
pub(crate) struct Zstd {
    frame: FrameDecoder,
    in_frame: bool,
    /// Input that makes no whole block yet.
    pending: Vec<u8>,
}

impl Zstd {
    pub(crate) fn new() -> Self {
        let mut frame = FrameDecoder::new();
        frame.set_max_window_size(WINDOW);
        Self {
            frame,
            in_frame: false,
            pending: Vec::new(),
        }
    }

    pub(crate) fn is_whole(&self) -> bool {
        !self.in_frame && self.pending.is_empty()
    }

    pub(crate) fn feed(&mut self, input: &[u8], take: Taker<'_>) -> Result<(), Trouble> {
        self.pending.extend_from_slice(input);
        while self.advance(take)? {}
        if self.pending.len() > BLOCK + HEADER {
            return Err(Trouble::Coding("zstd"));
        }
        Ok(())
    }

    /// Begins a frame or decodes the next blocks; whether anything could be done.
    fn advance(&mut self, take: Taker<'_>) -> Result<bool, Trouble> {
        if !self.in_frame {
            return self.begin();
        }
        let mut output = [0; OUTPUT];
        let (used, made) = self
            .frame
            .decode_from_to(&self.pending, &mut output)
            .map_err(|_| coding())?;
        // While the sum at the end of a frame is cut in two, the decoder claims all four bytes of it.
        let used = if used > self.pending.len() { 0 } else { used };
        self.pending.drain(..used);
        let mut made = made;
        while made > 0 {
            take(&output[..made]).map_err(Trouble::Taker)?;
            made = self.frame.read(&mut output).map_err(|_| coding())?;
        }
        if self.frame.is_finished() {
            self.in_frame = false;
            return match (
                self.frame.get_checksum_from_data(),
                self.frame.get_calculated_checksum(),
            ) {
                (Some(told), Some(sum)) if told != sum => Err(coding()),
                _ => Ok(true),
            };
        }
        Ok(used > 0)
    }

    fn begin(&mut self) -> Result<bool, Trouble> {
        if self.pending.len() < header_length(&self.pending) {
            return Ok(false);
        }
        let mut rest = self.pending.as_slice();
        self.frame.reset(&mut rest).map_err(|_| coding())?;
        let used = self.pending.len() - rest.len();
        self.pending.drain(..used);
        self.in_frame = true;
        Ok(true)
    }
}

/// The length of the header at the front of `bytes`, as far as it can be told.
fn header_length(bytes: &[u8]) -> usize {
    const MAGIC: usize = 4;
    let Some(descriptor) = bytes.get(MAGIC) else {
        return MAGIC + 1;
    };
    let single = descriptor & 0b10_0000 != 0;
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 0b11)];
    let size = match descriptor >> 6 {
        0 => usize::from(single),
        power => 1 << power,
    };
    MAGIC + 1 + usize::from(!single) + dictionary + size
}

const fn coding() -> Trouble {
    Trouble::Coding("zstd")
}
