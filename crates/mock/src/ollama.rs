//! Speaks Ollama's chat and generate: one JSON object a line.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::dialect::{
    Answer, Ask, Delta, Dialect, Took, field, flag, input_tokens, model, most_tokens,
};

/// `POST /api/chat`.
pub(crate) struct Chat;

/// `POST /api/generate`.
pub(crate) struct Generate;

const GARBAGE: Bytes = Bytes::from_static(b"{\"model\": oops\n");

impl Dialect for Chat {
    fn media_type(&self) -> &'static str {
        "application/x-ndjson"
    }

    fn ask(&self, body: &Value) -> Result<Ask, String> {
        ask(body, &["messages"])
    }

    fn opening(&self, _: &Answer) -> Vec<Bytes> {
        Vec::new()
    }

    fn delta(&self, answer: &Answer) -> Delta {
        Delta {
            head: format!(
                r#"{},"message":{{"role":"assistant","content":""#,
                head(answer)
            ),
            tail: "\"},\"done\":false}\n",
            numbered_from: None,
        }
    }

    fn closing(&self, answer: &Answer, took: &Took) -> Vec<Bytes> {
        let message = json!({ "role": "assistant", "content": "" });
        vec![line(&done(answer, took, "message", message))]
    }

    fn whole(&self, answer: &Answer, took: &Took) -> Value {
        let message = json!({ "role": "assistant", "content": answer.text() });
        done(answer, took, "message", message)
    }

    fn error(&self, _: u16, message: &str) -> Value {
        json!({ "error": message })
    }

    fn error_event(&self, message: &str) -> Bytes {
        line(&json!({ "error": message }))
    }

    fn garbage(&self) -> Bytes {
        GARBAGE
    }
}

impl Dialect for Generate {
    fn media_type(&self) -> &'static str {
        "application/x-ndjson"
    }

    fn ask(&self, body: &Value) -> Result<Ask, String> {
        ask(body, &["system", "prompt"])
    }

    fn opening(&self, _: &Answer) -> Vec<Bytes> {
        Vec::new()
    }

    fn delta(&self, answer: &Answer) -> Delta {
        Delta {
            head: format!(r#"{},"response":""#, head(answer)),
            tail: "\",\"done\":false}\n",
            numbered_from: None,
        }
    }

    fn closing(&self, answer: &Answer, took: &Took) -> Vec<Bytes> {
        vec![line(&done(answer, took, "response", Value::from("")))]
    }

    fn whole(&self, answer: &Answer, took: &Took) -> Value {
        done(answer, took, "response", Value::from(answer.text()))
    }

    fn error(&self, _: u16, message: &str) -> Value {
        json!({ "error": message })
    }

    fn error_event(&self, message: &str) -> Bytes {
        line(&json!({ "error": message }))
    }

    fn garbage(&self) -> Bytes {
        GARBAGE
    }
}

fn ask(body: &Value, prompt: &[&str]) -> Result<Ask, String> {
    let options = field(body, "options").unwrap_or(&Value::Null);
    Ok(Ask {
        model: model(body)?,
        stream: flag(body, "stream", true)?,
        most_tokens: predict(body)?.into_iter().chain(predict(options)?).min(),
        input_tokens: input_tokens(body, prompt),
        include_usage: true,
    })
}

/// Ollama takes a negative limit for none.
fn predict(options: &Value) -> Result<Option<u32>, String> {
    let negative = options
        .get("num_predict")
        .and_then(Value::as_i64)
        .is_some_and(|limit| limit < 0);
    if negative {
        Ok(None)
    } else {
        most_tokens(options, &["num_predict"])
    }
}

fn head(answer: &Answer) -> String {
    let created = utc(answer.created);
    format!(
        r#"{{"model":{},"created_at":"{created}""#,
        answer.quoted_model()
    )
}

fn done(answer: &Answer, took: &Took, key: &str, content: Value) -> Value {
    let first = took.first.as_nanos();
    let total = took.total.as_nanos();
    let ns = |ns: u128| u64::try_from(ns).unwrap_or(u64::MAX);
    let mut done = json!({ "model": answer.model, "created_at": utc(answer.created) });
    done[key] = content;
    let counts = json!({
        "done": true,
        "done_reason": answer.reason("stop", "length"),
        "total_duration": ns(total),
        "load_duration": 0,
        "prompt_eval_count": answer.input_tokens,
        "prompt_eval_duration": ns(first),
        "eval_count": answer.tokens,
        "eval_duration": ns(total.saturating_sub(first)),
    });
    if let (Value::Object(done), Value::Object(counts)) = (&mut done, counts) {
        done.extend(counts);
    }
    done
}

fn line(value: &Value) -> Bytes {
    Bytes::from(format!("{value}\n"))
}

/// Seconds since 1970 as a date and time of the Gregorian calendar.
fn utc(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Years are counted from March, so that the leap day is the last of its year; eras are the
    // 400 years after which the calendar repeats.
    let since = days + 719_468;
    let (era, day) = (since / 146_097, since % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let march = (5 * day + 2) / 153;
    let date = day - (153 * march + 2) / 5 + 1;
    let month = if march < 10 { march + 3 } else { march - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::dialect::tests::three_tokens;

    #[test]
    fn streams() {
        let answer = Answer {
            tokens: 1,
            ..three_tokens()
        };
        let took = Took {
            first: Duration::from_nanos(5),
            total: Duration::from_nanos(12),
        };
        let told = |dialect: &dyn Dialect| {
            let mut events = vec![dialect.delta(&answer).event(&answer, 0)];
            events.extend(dialect.closing(&answer, &took));
            String::from_utf8(events.concat()).unwrap()
        };
        let chat = r#"{"model":"m \"q\"","created_at":"2023-11-14T22:13:20Z","message":{"role":"assistant","content":"the "},"done":false}
{"model":"m \"q\"","created_at":"2023-11-14T22:13:20Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"length","total_duration":12,"load_duration":0,"prompt_eval_count":5,"prompt_eval_duration":5,"eval_count":1,"eval_duration":7}
"#;
        assert_eq!(told(&Chat), chat);
        let generate = r#"{"model":"m \"q\"","created_at":"2023-11-14T22:13:20Z","response":"the ","done":false}
{"model":"m \"q\"","created_at":"2023-11-14T22:13:20Z","response":"","done":true,"done_reason":"length","total_duration":12,"load_duration":0,"prompt_eval_count":5,"prompt_eval_duration":5,"eval_count":1,"eval_duration":7}
"#;
        assert_eq!(told(&Generate), generate);
    }

    #[test]
    fn requests_stream_unless_they_say_no() {
        let check = |body: Value, stream: bool, most_tokens: Option<u32>| {
            let ask = Generate.ask(&body).unwrap();
            assert_eq!(
                (ask.stream, ask.most_tokens),
                (stream, most_tokens),
                "{body}"
            );
        };
        check(json!({}), true, None);
        check(json!({ "stream": false }), false, None);
        check(json!({ "options": { "num_predict": 4 } }), true, Some(4));
        check(
            json!({ "num_predict": 3, "options": { "num_predict": 4 } }),
            true,
            Some(3),
        );
        check(json!({ "num_predict": 3 }), true, Some(3));
        check(json!({ "options": { "num_predict": -1 } }), true, None);
    }

    #[test]
    fn dates() {
        let check = |seconds: u64, expected: &str| assert_eq!(utc(seconds), expected);
        check(0, "1970-01-01T00:00:00Z");
        check(951_782_399, "2000-02-28T23:59:59Z");
        check(951_782_400, "2000-02-29T00:00:00Z");
        check(951_868_800, "2000-03-01T00:00:00Z");
        check(1_735_689_599, "2024-12-31T23:59:59Z");
        check(4_107_542_400, "2100-03-01T00:00:00Z");
    }
}
