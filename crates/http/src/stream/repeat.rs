//! Recognises an event that differs from an earlier one in the text of its delta only.
//!
//! Most servers send the same bytes around every piece of text. Such an event says what the earlier one said, so it is
//! enough to compare the bytes around the text, and to see that the text is the inside of a JSON string: a fraction of
//! the cost of a walk. Whatever is not the same is walked.
//!
//! Their lengths are compared, and a hash of 64 bits with a seed of the process: of thousands of streams the bytes
//! themselves would have to come from memory for each event, which takes longer than to hash those that have just been
//! read. Two that differ are taken for the same once in 10^19 times.

use crate::dialect::{Part, Reading, json::is_inside_of_string};
use foldhash::{SharedSeed, quality::FoldHasher};
use std::hash::Hasher as _;

/// The bytes around the text of an event, and what the event said.
#[derive(Debug, Default)]
pub(super) struct Repeat {
    /// The hash of the event's name, what stands before its text, and what stands after it.
    around: u64,
    before: u32,
    after: u32,
    part: Option<Part>,
}

impl Repeat {
    /// What the event says, where it is like the one that was learned.
    #[inline]
    pub(super) fn recognise(&self, name: &[u8], data: &[u8]) -> Option<Part> {
        let part = self.part?;
        let (before, rest) = data.split_at_checked(self.before as usize)?;
        let text = rest.len().checked_sub(self.after as usize)?;
        let (text, after) = rest.split_at(text);
        let same = !text.is_empty()
            && is_inside_of_string(text)
            && around(name, before, after) == self.around;
        same.then_some(part)
    }

    /// Learns an event that was walked, if all it said was output.
    #[inline]
    pub(super) fn learn(&mut self, name: &[u8], data: &[u8], reading: &Reading) {
        let Some((part, (from, to))) = reading.only_output().zip(reading.text) else {
            return;
        };
        let (Some(before), Some(after)) = (data.get(..from), data.get(to..)) else {
            return;
        };
        let (Ok(length_before), Ok(length_after)) =
            (u32::try_from(before.len()), u32::try_from(after.len()))
        else {
            return;
        };
        *self = Self {
            around: around(name, before, after),
            before: length_before,
            after: length_after,
            part: Some(part),
        };
    }
}

/// A hash of the bytes around a text. Where that stands, `before` and `after` are as long as those they are compared with.
#[inline]
fn around(name: &[u8], before: &[u8], after: &[u8]) -> u64 {
    let mut hasher = FoldHasher::with_seed(name.len() as u64, SharedSeed::global_random());
    for bytes in [name, before, after] {
        hasher.write(bytes);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::Repeat;
    use crate::dialect::{Reading, of};
    use loadgen_engine::{DialectName, StreamSpec};
    use proptest::{collection::vec, prelude::*, sample};

    /// Events with a hole for text, at places where two of them are easily taken for one another.
    const EVENTS: &[(&str, &str, &str)] = &[
        (
            "message",
            r#"{"choices":[{"delta":{"content":""#,
            r#""}}]}"#,
        ),
        (
            "message",
            r#"{"choices":[{"delta":{"content":""#,
            r#""},"finish_reason":null}]}"#,
        ),
        (
            "message",
            r#"{"choices":[{"delta":{"content":""#,
            r#""},"finish_reason":"stop"}]}"#,
        ),
        (
            "message",
            r#"{"choices":[{"delta":{"reasoning":""#,
            r#""}}]}"#,
        ),
        (
            "message",
            r#"{"choices":[{"delta":{"content":"a","reasoning":""#,
            r#""}}]}"#,
        ),
        (
            "message",
            r#"{"choices":[{"delta":{"content":""#,
            r#"","reasoning":""}}]}"#,
        ),
        (
            "message",
            r#"{"choices":[{"delta":{"content":""#,
            r#""}}],"usage":{"prompt_tokens":1}}"#,
        ),
        (
            "message",
            r#"{"choices":[{"delta":{"content":""#,
            r#""}}],"error":"x"}"#,
        ),
        (
            "message",
            r#"{"choices":[{"text":""#,
            r#""},{"index":1,"text":"b"}]}"#,
        ),
        ("message", r#"{"choices":[{"index":1,"text":""#, r#""}]"#),
        ("error", r#"{"choices":[{"delta":{"content":""#, r#""}}]}"#),
        (
            "message",
            r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":""#,
            r#""}}"#,
        ),
        (
            "message",
            r#"{"delta":{"thinking":""#,
            r#""},"type":"content_block_delta"}"#,
        ),
        (
            "message",
            r#"{"type":"message_delta","delta":{"stop_reason":""#,
            r#""}}"#,
        ),
    ];

    const TEXTS: &[&str] = &[
        "",
        "a",
        "Hello there, world",
        "\\n",
        "\\\"",
        "\\",
        "\"",
        "\n",
        "\",\"finish_reason\":\"stop\",\"x\":\"",
        "\"}}]}",
        "\u{20ac}",
        "\\u20ac",
        "\\u20",
    ];

    proptest! {
        #[test]
        fn a_recognised_event_says_what_a_walk_finds(
            anthropic in any::<bool>(),
            events in vec((sample::select(EVENTS), sample::select(TEXTS)), 1..30),
        ) {
            let dialect = if anthropic { DialectName::Anthropic } else { DialectName::OpenAi };
            let dialect = of(&StreamSpec { dialect, any_delta: false, pointer: None, stall: None });
            let mut repeat = Repeat::default();
            for ((name, before, after), text) in events {
                let data = [before, text, after].concat();
                let mut reading = Reading::default();
                let read = dialect.read(name.as_bytes(), data.as_bytes(), &mut reading);
                if let Some(part) = repeat.recognise(name.as_bytes(), data.as_bytes()) {
                    prop_assert!(read.is_ok(), "{}", data);
                    prop_assert_eq!(reading.only_output(), Some(part), "{}", data);
                }
                if read.is_ok() {
                    repeat.learn(name.as_bytes(), data.as_bytes(), &reading);
                }
            }
        }
    }

    #[test]
    fn the_next_piece_of_text_is_recognised() {
        for dialect in [DialectName::OpenAi, DialectName::Anthropic] {
            let dialect = of(&StreamSpec {
                dialect,
                any_delta: false,
                pointer: None,
                stall: None,
            });
            let mut learned = 0;
            for (name, before, after) in EVENTS {
                let mut repeat = Repeat::default();
                let event = |text: &str| [before, text, after].concat();
                let mut reading = Reading::default();
                let read = dialect.read(name.as_bytes(), event("a").as_bytes(), &mut reading);
                if read.is_ok() {
                    repeat.learn(name.as_bytes(), event("a").as_bytes(), &reading);
                }
                let said = reading.only_output().filter(|_| read.is_ok());
                let recognised = repeat.recognise(name.as_bytes(), event("b c \\n").as_bytes());
                assert_eq!(recognised, said, "{before}");
                assert_eq!(repeat.recognise(b"other", event("b").as_bytes()), None);
                assert_eq!(
                    repeat.recognise(name.as_bytes(), event("").as_bytes()),
                    None
                );
                learned += usize::from(recognised.is_some());
            }
            assert!(learned > 1);
        }
    }
}
