//! Says what a provider's API must tell, so that each dialect is one file.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

/// The text of an answer goes round these; the first of an answer depends on its request.
const WORDS: [&str; 24] = [
    "the ", "river ", "is ", "wide ", "and ", "a ", "slow ", "boat ", "carries ", "seven ",
    "grey ", "geese ", "past ", "old ", "mills ", "where ", "water ", "turns ", "stone ", "into ",
    "flour, ", "day ", "by ", "day. ",
];

/// One provider's API: how its requests are read and its answers written.
pub(crate) trait Dialect: Sync {
    /// The media type of a streamed answer.
    fn media_type(&self) -> &'static str {
        "text/event-stream; charset=utf-8"
    }

    /// What a request asks for, or what is wrong with it.
    fn ask(&self, body: &Value) -> Result<Ask, String>;

    /// Events that are sent at once, before the first token.
    fn opening(&self, answer: &Answer) -> Vec<Bytes>;

    /// The event of one token.
    fn delta(&self, answer: &Answer) -> Delta;

    /// Events after the last token; the last of them ends the stream.
    fn closing(&self, answer: &Answer, took: &Took) -> Vec<Bytes>;

    /// The whole answer to a request that is not streamed.
    fn whole(&self, answer: &Answer, took: &Took) -> Value;

    /// The body of an answer that is no success.
    fn error(&self, status: u16, message: &str) -> Value;

    /// An event that says that the stream has failed.
    fn error_event(&self, message: &str) -> Bytes;

    /// An event whose data is not JSON.
    fn garbage(&self) -> Bytes {
        Bytes::from_static(b"data: {\"choices\": [{\"delta\": oops\n\n")
    }
}

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) model: String,
    pub(crate) stream: bool,
    /// The most tokens the client wants.
    pub(crate) most_tokens: Option<u32>,
    pub(crate) input_tokens: u32,
    pub(crate) include_usage: bool,
}

/// What is answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Number of the request.
    pub(crate) number: u64,
    pub(crate) model: String,
    /// Seconds since 1970.
    pub(crate) created: u64,
    pub(crate) tokens: u32,
    pub(crate) input_tokens: u32,
    /// Whether the request's own limit made the answer shorter.
    pub(crate) shortened: bool,
    pub(crate) include_usage: bool,
}

/// How long an answer took so far.
#[derive(Debug, Default)]
pub(crate) struct Took {
    /// From the request to its first token.
    pub(crate) first: Duration,
    /// From the request to now.
    pub(crate) total: Duration,
}

/// The bytes of a token's event, but for the token.
#[derive(Debug)]
pub(crate) struct Delta {
    pub(crate) head: String,
    pub(crate) tail: &'static str,
    /// For events that are numbered: the number of the first, put between token and tail.
    pub(crate) numbered_from: Option<u64>,
}

impl Answer {
    pub(crate) fn new(ask: Ask, number: u64, created: u64, tokens: u32) -> Self {
        let most = ask.most_tokens.unwrap_or(u32::MAX);
        Self {
            number,
            model: ask.model,
            created,
            tokens: tokens.min(most),
            input_tokens: ask.input_tokens,
            shortened: most < tokens,
            include_usage: ask.include_usage,
        }
    }

    /// Token number `index`, from 0: plain ASCII that needs no escaping in JSON.
    pub(crate) fn word(&self, index: u32) -> &'static str {
        // The remainder is far below the limits of either type.
        let first = (self.number % WORDS.len() as u64) as usize;
        WORDS[(first + index as usize) % WORDS.len()]
    }

    pub(crate) fn text(&self) -> String {
        (0..self.tokens).map(|index| self.word(index)).collect()
    }

    /// `stopped` or `shortened`, as the answer ends of itself or at the request's limit.
    pub(crate) fn reason(&self, stopped: &'static str, shortened: &'static str) -> &'static str {
        if self.shortened { shortened } else { stopped }
    }

    /// The model's name as JSON, quotes included.
    pub(crate) fn quoted_model(&self) -> String {
        Value::from(self.model.as_str()).to_string()
    }

    pub(crate) fn total_tokens(&self) -> u64 {
        u64::from(self.input_tokens) + u64::from(self.tokens)
    }
}

impl Delta {
    /// The event of token number `index`.
    pub(crate) fn event(&self, answer: &Answer, index: u32) -> Bytes {
        let word = answer.word(index);
        let mut event = String::with_capacity(self.head.len() + word.len() + self.tail.len() + 48);
        event.push_str(&self.head);
        event.push_str(word);
        if let Some(first) = self.numbered_from {
            // Writing to a string cannot fail.
            let _ = write!(event, "\",\"sequence_number\":{}", first + u64::from(index));
        }
        event.push_str(self.tail);
        Bytes::from(event)
    }
}

/// The field `name`, unless it is absent or null.
pub(crate) fn field<'a>(body: &'a Value, name: &str) -> Option<&'a Value> {
    body.get(name).filter(|value| !value.is_null())
}

/// The boolean `name`, or `default` if it is absent.
pub(crate) fn flag(body: &Value, name: &str, default: bool) -> Result<bool, String> {
    match field(body, name) {
        None => Ok(default),
        Some(value) => value
            .as_bool()
            .ok_or_else(|| format!("'{name}' must be a boolean, not {value}")),
    }
}

/// The model's name; a request without one gets that of the mock.
pub(crate) fn model(body: &Value) -> Result<String, String> {
    match field(body, "model") {
        None => Ok("mock".to_owned()),
        Some(Value::String(name)) => Ok(name.clone()),
        Some(other) => Err(format!("'model' must be a string, not {other}")),
    }
}

/// The smallest of the limits on tokens that `names` give.
pub(crate) fn most_tokens(body: &Value, names: &[&str]) -> Result<Option<u32>, String> {
    let mut most: Option<u32> = None;
    for name in names {
        let Some(value) = field(body, name) else {
            continue;
        };
        let Some(limit) = value.as_u64() else {
            return Err(format!(
                "'{name}' must be a whole number of tokens, not {value}"
            ));
        };
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        most = Some(most.map_or(limit, |most| most.min(limit)));
    }
    Ok(most)
}

/// Counts the prompt's tokens: the words of all its texts, and at least one.
pub(crate) fn input_tokens(body: &Value, names: &[&str]) -> u32 {
    let words: usize = names
        .iter()
        .filter_map(|name| body.get(name))
        .map(|value| words(value, 0))
        .sum();
    u32::try_from(words).unwrap_or(u32::MAX).max(1)
}

/// Texts stand in a prompt as strings, in lists, or in parts under these keys.
fn words(value: &Value, depth: u32) -> usize {
    match value {
        Value::String(text) => text.split_whitespace().count(),
        Value::Array(items) if depth < 8 => items.iter().map(|item| words(item, depth + 1)).sum(),
        Value::Object(part) if depth < 8 => {
            let texts = ["content", "text"].iter().filter_map(|key| part.get(*key));
            texts.map(|text| words(text, depth + 1)).sum()
        }
        _ => 0,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    /// An answer of three tokens to compare texts with.
    pub(crate) fn three_tokens() -> Answer {
        let ask = Ask {
            model: "m \"q\"".to_owned(),
            stream: true,
            most_tokens: Some(3),
            input_tokens: 5,
            include_usage: true,
        };
        Answer::new(ask, 24, 1_700_000_000, 32)
    }

    #[test]
    fn prompts_are_counted_in_words() {
        let check = |body: Value, expected: u32| {
            assert_eq!(
                input_tokens(&body, &["system", "messages", "prompt"]),
                expected,
                "{body}"
            );
        };
        check(json!({}), 1);
        check(json!({ "prompt": "" }), 1);
        check(json!({ "prompt": "one two  three" }), 3);
        check(json!({ "prompt": ["one two", "three"] }), 3);
        check(
            json!({ "messages": [{ "role": "user", "content": "one two" }] }),
            2,
        );
        check(
            json!({ "system": "be brief", "messages": [{ "content": [{ "text": "one" }] }] }),
            3,
        );
        check(json!({ "messages": 3 }), 1);
    }

    #[test]
    fn the_lowest_limit_counts() {
        let check = |body: Value, expected: Result<Option<u32>, &str>| {
            let said = most_tokens(&body, &["max_tokens", "max_completion_tokens"]);
            assert_eq!(said, expected.map_err(str::to_owned), "{body}");
        };
        check(json!({}), Ok(None));
        check(json!({ "max_tokens": null }), Ok(None));
        check(json!({ "max_tokens": 0 }), Ok(Some(0)));
        check(
            json!({ "max_tokens": 9, "max_completion_tokens": 4 }),
            Ok(Some(4)),
        );
        check(
            json!({ "max_tokens": 99_999_999_999u64 }),
            Ok(Some(u32::MAX)),
        );
        check(
            json!({ "max_tokens": -1 }),
            Err("'max_tokens' must be a whole number of tokens, not -1"),
        );
        check(
            json!({ "max_tokens": "9" }),
            Err("'max_tokens' must be a whole number of tokens, not \"9\""),
        );
    }

    #[test]
    fn words_need_no_escaping() {
        for word in WORDS {
            assert_eq!(Value::from(word).to_string(), format!("\"{word}\""));
        }
    }

    #[test]
    fn answers_are_as_long_as_asked_for() {
        let check = |most_tokens: Option<u32>, tokens: u32, shortened: bool| {
            let ask = Ask {
                model: String::new(),
                stream: true,
                most_tokens,
                input_tokens: 1,
                include_usage: false,
            };
            let answer = Answer::new(ask, 1, 0, 32);
            assert_eq!(
                (answer.tokens, answer.shortened),
                (tokens, shortened),
                "{most_tokens:?}"
            );
        };
        check(None, 32, false);
        check(Some(32), 32, false);
        check(Some(31), 31, true);
        check(Some(0), 0, true);
        check(Some(100), 32, false);
    }
}
