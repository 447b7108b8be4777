//! The walk over JSON takes for JSON what serde_json does, and reads strings as it does.
#![no_main]

use libfuzzer_sys::fuzz_target;
use loadgen_http::dialect::json::{Cursor, value, walk};
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let walked = value(data, Cursor::skip).is_ok();
    assert_eq!(walked, walk(data, |cursor, _| cursor.skip()).is_ok());
    if std::str::from_utf8(data).is_err() {
        return;
    }
    match serde_json::from_slice::<Value>(data) {
        Ok(tree) => {
            assert!(walked);
            if let Value::String(text) = tree {
                let ours = value(data, Cursor::string)
                    .ok()
                    .flatten()
                    .map(|text| text.to_text());
                assert_eq!(ours, Some(text));
            }
        }
        Err(error) => {
            // What a tree cannot hold may be JSON all the same.
            let why = error.to_string();
            assert!(
                !walked
                    || why.contains("out of range")
                    || why.contains("surrogate")
                    || why.contains("hex escape")
            );
        }
    }
});
