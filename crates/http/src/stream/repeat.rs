//! Recognises an event that differs from an earlier one in the text of its delta only.
//!
//! Most servers send the same bytes around every piece of text. Such an event says what the earlier one said, so it is
//! enough to compare the bytes around the text, and to see that the text is the inside of a JSON string: a fraction of
//! the cost of a walk. No guess is made: whatever is not the same is walked.

use crate::dialect::{Part, Reading, json::is_inside_of_string};

/// More bytes than this around a text are not kept.
const MOST: usize = 1024;

/// The bytes around the text of an event, and what the event said.
#[derive(Debug, Default)]
pub(super) struct Repeat {
    /// The event's name, what stands before its text, and what stands after it.
    around: Vec<u8>,
    name_end: usize,
    text_at: usize,
    part: Option<Part>,
}

impl Repeat {
    /// What the event says, where it is like the one that was learned.
    #[inline]
    pub(super) fn recognise(&self, name: &[u8], data: &[u8]) -> Option<Part> {
        let part = self.part?;
        let (before, after) = self.around.split_at_checked(self.text_at)?;
        let (known_name, before) = before.split_at_checked(self.name_end)?;
        let text = data.strip_prefix(before)?.strip_suffix(after)?;
        let same = name == known_name && !text.is_empty() && is_inside_of_string(text);
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
        if name.len() + before.len() + after.len() > MOST {
            return;
        }
        self.around.clear();
        // As many as these, and no more: each stream has its own.
        self.around
            .reserve_exact(name.len() + before.len() + after.len());
        for bytes in [name, before, after] {
            self.around.extend_from_slice(bytes);
        }
        self.name_end = name.len();
        self.text_at = name.len() + before.len();
        self.part = Some(part);
    }
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
