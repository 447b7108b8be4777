//! Any bytes as a coded body: no panic, no more output than its taker allows, and the same output under any cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use loadgen_engine::{ErrorKind, Failure};
use loadgen_http::{decode::Decoder, response::Coding};

const CODINGS: [Coding; 4] = [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd];

const LIMIT: usize = 1 << 20;

fuzz_target!(|data: &[u8]| {
    let [choice, length, bytes @ ..] = data else {
        return;
    };
    let coding = CODINGS[usize::from(choice % 4)];
    let (whole, good) = read(bytes, bytes.len().max(1), coding);
    for length in [1, 1 + usize::from(*length)] {
        let (cut, also_good) = read(bytes, length, coding);
        assert_eq!(good, also_good);
        if good {
            assert_eq!(whole, cut);
        }
    }
});

fn read(bytes: &[u8], length: usize, coding: Coding) -> (Vec<u8>, bool) {
    let mut decoder = Decoder::new(coding)
        .expect("a known coding")
        .expect("no identity");
    let mut out = Vec::new();
    let mut good = true;
    for piece in bytes.chunks(length) {
        let fed = decoder.feed(piece, &mut |decoded| {
            out.extend_from_slice(decoded);
            if out.len() > LIMIT {
                let message = "too long".to_owned();
                return Err(Failure {
                    kind: ErrorKind::TooLarge,
                    message,
                });
            }
            Ok(())
        });
        good &= fed.is_ok();
        if !good {
            break;
        }
    }
    assert!(out.len() <= LIMIT + 128 * 1024);
    (out, good && decoder.check_end().is_ok())
}
