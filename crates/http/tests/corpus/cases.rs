//! Reads the cases of the corpus, and cuts their bytes.

use serde_json::Value;
use std::{fs, path::Path};

/// One case: its bytes and what is expected of them.
pub(crate) struct Case {
    /// The name of its files, without the extension.
    pub(crate) name: String,
    /// What a reader gets.
    pub(crate) bytes: Vec<u8>,
    /// What the JSON file beside it says.
    pub(crate) expected: Value,
}

/// The cases of one folder of the corpus, by name.
pub(crate) fn load(folder: &str) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(folder);
    let mut cases: Vec<Case> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension != "json")
        })
        .map(|path| Case {
            name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
            bytes: fs::read(&path).unwrap(),
            expected: serde_json::from_slice(&fs::read(path.with_extension("json")).unwrap())
                .unwrap(),
        })
        .collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

impl Case {
    /// The bytes cut in many ways: whole, as the case asks, in two at every byte, byte by byte, with empty reads, and
    /// at random. Long cases are cut in two at fewer places.
    pub(crate) fn cuts(&self) -> Vec<Vec<&[u8]>> {
        let bytes = &self.bytes[..];
        let mut ways = vec![vec![bytes], bytes.chunks(1).collect()];
        ways.extend(self.asked_cut());
        let step = 1 + bytes.len() / 2_000;
        ways.extend(
            (0..=bytes.len())
                .step_by(step)
                .map(|at| vec![&bytes[..at], &bytes[at..]]),
        );
        ways.extend([2, 3, 7, 1024].map(|size| bytes.chunks(size).collect()));
        let mut chance = Chance(0x9E37_79B9_7F4A_7C15 ^ bytes.len() as u64);
        ways.extend((0..30).map(|_| {
            let most = 1 + chance.below(40);
            let at = (0..most)
                .map(|_| chance.below(bytes.len() + 1))
                .collect::<Vec<_>>();
            cut_at(bytes, &at)
        }));
        ways
    }

    /// The bytes cut as the case asks, if it does.
    pub(crate) fn asked_cut(&self) -> Option<Vec<&[u8]>> {
        let places = self.expected["cuts"].as_array()?;
        let places: Vec<usize> = places
            .iter()
            .map(|at| at.as_u64().unwrap() as usize)
            .collect();
        Some(cut_at(&self.bytes, &places))
    }

    /// What is expected under a key: text, or bytes in hexadecimal.
    pub(crate) fn bytes_of(value: &Value) -> Vec<u8> {
        match value {
            Value::String(text) => text.clone().into_bytes(),
            _ => {
                let hex = value["hex"].as_str().unwrap();
                (0..hex.len())
                    .step_by(2)
                    .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
                    .collect()
            }
        }
    }
}

/// Cuts bytes at some places; a place named twice makes an empty piece.
fn cut_at<'a>(bytes: &'a [u8], places: &[usize]) -> Vec<&'a [u8]> {
    let mut places = places.to_vec();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places
        .windows(2)
        .map(|pair| &bytes[pair[0]..pair[1]])
        .collect()
}

/// A small source of chance with a fixed seed (xorshift).
struct Chance(u64);

impl Chance {
    /// A number below `limit`.
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}
