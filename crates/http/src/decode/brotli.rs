//! Takes the Brotli coding (RFC 7932) off.

use super::{Taker, Trouble};
use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

/// How much is decoded between two hand-overs.
const OUTPUT: usize = 16 * 1024;

/// A decoder of Brotli.
pub(crate) struct Brotli {
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    begun: bool,
    ended: bool,
}

impl Brotli {
    pub(crate) fn new() -> Self {
        let alloc = StandardAlloc::default;
        Self {
            state: BrotliState::new(alloc(), alloc(), alloc()),
            begun: false,
            ended: false,
        }
    }

    pub(crate) const fn is_whole(&self) -> bool {
        self.ended || !self.begun
    }

    pub(crate) fn feed(&mut self, input: &[u8], take: Taker<'_>) -> Result<(), Trouble> {
        self.begun = true;
        let mut output = [0; OUTPUT];
        let (mut left, mut at, mut total) = (input.len(), 0, 0);
        // Bytes after the end mean nothing.
        while !self.ended {
            let (mut room, mut made) = (OUTPUT, 0);
            let state = &mut self.state;
            let result = BrotliDecompressStream(
                &mut left,
                &mut at,
                input,
                &mut room,
                &mut made,
                &mut output,
                &mut total,
                state,
            );
            if made > 0 {
                take(&output[..made]).map_err(Trouble::Taker)?;
            }
            match result {
                BrotliResult::NeedsMoreInput => return Ok(()),
                BrotliResult::NeedsMoreOutput => {}
                BrotliResult::ResultSuccess => self.ended = true,
                BrotliResult::ResultFailure => return Err(Trouble::Coding("brotli")),
            }
        }
        Ok(())
    }
}
