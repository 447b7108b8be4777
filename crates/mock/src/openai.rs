//! Speaks OpenAI's chat completions and plain completions.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::dialect::{
    Answer, Ask, Delta, Dialect, Took, field, flag, input_tokens, model, most_tokens,
};

/// `POST /v1/chat/completions`.
pub(crate) struct Chat;

/// `POST /v1/completions`.
pub(crate) struct Completions;

const DONE: Bytes = Bytes::from_static(b"data: [DONE]\n\n");

impl Dialect for Chat {
    fn ask(&self, body: &Value) -> Result<Ask, String> {
        ask(body, "messages")
    }

    /// The event that names the role, and carries no token.
    fn opening(&self, answer: &Answer) -> Vec<Bytes> {
        let choice =
            r#"{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}"#;
        vec![chunk(
            &chat_head(answer),
            choice,
            "null",
            answer.include_usage,
        )]
    }

    fn delta(&self, answer: &Answer) -> Delta {
        let head = chat_head(answer);
        Delta {
            head: format!(r#"data: {head},"choices":[{{"index":0,"delta":{{"content":""#),
            tail: tail(
                answer,
                [
                    "\"},\"finish_reason\":null}]}\n\n",
                    "\"},\"finish_reason\":null}],\"usage\":null}\n\n",
                ],
            ),
            numbered_from: None,
        }
    }

    fn closing(&self, answer: &Answer, _: &Took) -> Vec<Bytes> {
        let reason = answer.reason("stop", "length");
        let choice = format!(r#"{{"index":0,"delta":{{}},"finish_reason":"{reason}"}}"#);
        closing(&chat_head(answer), &choice, answer)
    }

    fn whole(&self, answer: &Answer, _: &Took) -> Value {
        let message = json!({ "role": "assistant", "content": answer.text() });
        whole(answer, "chatcmpl", "chat.completion", "message", message)
    }

    fn error(&self, status: u16, message: &str) -> Value {
        error(status, message)
    }

    fn error_event(&self, message: &str) -> Bytes {
        Bytes::from(format!("data: {}\n\n", error(500, message)))
    }
}

impl Dialect for Completions {
    fn ask(&self, body: &Value) -> Result<Ask, String> {
        ask(body, "prompt")
    }

    fn opening(&self, _: &Answer) -> Vec<Bytes> {
        Vec::new()
    }

    fn delta(&self, answer: &Answer) -> Delta {
        let head = completion_head(answer);
        Delta {
            head: format!(r#"data: {head},"choices":[{{"index":0,"text":""#),
            tail: tail(
                answer,
                [
                    "\",\"logprobs\":null,\"finish_reason\":null}]}\n\n",
                    "\",\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n",
                ],
            ),
            numbered_from: None,
        }
    }

    fn closing(&self, answer: &Answer, _: &Took) -> Vec<Bytes> {
        let reason = answer.reason("stop", "length");
        let choice =
            format!(r#"{{"index":0,"text":"","logprobs":null,"finish_reason":"{reason}"}}"#);
        closing(&completion_head(answer), &choice, answer)
    }

    fn whole(&self, answer: &Answer, _: &Took) -> Value {
        whole(
            answer,
            "cmpl",
            "text_completion",
            "text",
            Value::from(answer.text()),
        )
    }

    fn error(&self, status: u16, message: &str) -> Value {
        error(status, message)
    }

    fn error_event(&self, message: &str) -> Bytes {
        Bytes::from(format!("data: {}\n\n", error(500, message)))
    }
}

/// An error in OpenAI's shape.
pub(crate) fn error(status: u16, message: &str) -> Value {
    let (kind, code) = match status {
        401 => ("authentication_error", Some("invalid_api_key")),
        429 => ("rate_limit_error", Some("rate_limit_exceeded")),
        500.. => ("server_error", None),
        _ => ("invalid_request_error", None),
    };
    json!({ "error": { "message": message, "type": kind, "param": null, "code": code } })
}

fn ask(body: &Value, prompt: &str) -> Result<Ask, String> {
    let options = field(body, "stream_options").unwrap_or(&Value::Null);
    Ok(Ask {
        model: model(body)?,
        stream: flag(body, "stream", false)?,
        most_tokens: most_tokens(body, &["max_tokens", "max_completion_tokens"])?,
        input_tokens: input_tokens(body, &[prompt]),
        include_usage: flag(options, "include_usage", false)?,
    })
}

fn chat_head(answer: &Answer) -> String {
    let Answer {
        number, created, ..
    } = answer;
    let model = answer.quoted_model();
    format!(
        r#"{{"id":"chatcmpl-{number}","object":"chat.completion.chunk","created":{created},"model":{model}"#
    )
}

fn completion_head(answer: &Answer) -> String {
    let Answer {
        number, created, ..
    } = answer;
    let model = answer.quoted_model();
    format!(
        r#"{{"id":"cmpl-{number}","object":"text_completion","created":{created},"model":{model}"#
    )
}

/// Servers that are asked for usage say `"usage":null` in all events but the last.
fn tail(answer: &Answer, [without, with]: [&'static str; 2]) -> &'static str {
    if answer.include_usage { with } else { without }
}

fn chunk(head: &str, choices: &str, usage: &str, with_usage: bool) -> Bytes {
    let usage = if with_usage {
        format!(r#","usage":{usage}"#)
    } else {
        String::new()
    };
    Bytes::from(format!("data: {head},\"choices\":[{choices}]{usage}}}\n\n"))
}

fn closing(head: &str, choice: &str, answer: &Answer) -> Vec<Bytes> {
    let mut events = vec![chunk(head, choice, "null", answer.include_usage)];
    if answer.include_usage {
        events.push(chunk(head, "", &usage(answer).to_string(), true));
    }
    events.push(DONE);
    events
}

fn usage(answer: &Answer) -> Value {
    json!({
        "prompt_tokens": answer.input_tokens,
        "completion_tokens": answer.tokens,
        "total_tokens": answer.total_tokens(),
    })
}

fn whole(answer: &Answer, id: &str, object: &str, key: &str, content: Value) -> Value {
    let mut choice = json!({ "index": 0 });
    choice[key] = content;
    choice["logprobs"] = Value::Null;
    choice["finish_reason"] = answer.reason("stop", "length").into();
    json!({
        "id": format!("{id}-{}", answer.number),
        "object": object,
        "created": answer.created,
        "model": answer.model,
        "choices": [choice],
        "usage": usage(answer),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::tests::three_tokens;

    fn told(dialect: &dyn Dialect, answer: &Answer) -> String {
        let delta = dialect.delta(answer);
        let mut events = dialect.opening(answer);
        events.extend((0..answer.tokens).map(|index| delta.event(answer, index)));
        events.extend(dialect.closing(answer, &Took::default()));
        String::from_utf8(events.concat()).unwrap()
    }

    #[test]
    fn chat_with_usage() {
        let expected = r#"data: {"id":"chatcmpl-24","object":"chat.completion.chunk","created":1700000000,"model":"m \"q\"","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}

data: {"id":"chatcmpl-24","object":"chat.completion.chunk","created":1700000000,"model":"m \"q\"","choices":[{"index":0,"delta":{"content":"the "},"finish_reason":null}],"usage":null}

data: {"id":"chatcmpl-24","object":"chat.completion.chunk","created":1700000000,"model":"m \"q\"","choices":[{"index":0,"delta":{"content":"river "},"finish_reason":null}],"usage":null}

data: {"id":"chatcmpl-24","object":"chat.completion.chunk","created":1700000000,"model":"m \"q\"","choices":[{"index":0,"delta":{"content":"is "},"finish_reason":null}],"usage":null}

data: {"id":"chatcmpl-24","object":"chat.completion.chunk","created":1700000000,"model":"m \"q\"","choices":[{"index":0,"delta":{},"finish_reason":"length"}],"usage":null}

data: {"id":"chatcmpl-24","object":"chat.completion.chunk","created":1700000000,"model":"m \"q\"","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":3,"total_tokens":8}}

data: [DONE]

"#;
        assert_eq!(told(&Chat, &three_tokens()), expected);
    }

    #[test]
    fn completions_without_usage() {
        let answer = Answer {
            include_usage: false,
            shortened: false,
            tokens: 1,
            ..three_tokens()
        };
        let expected = r#"data: {"id":"cmpl-24","object":"text_completion","created":1700000000,"model":"m \"q\"","choices":[{"index":0,"text":"the ","logprobs":null,"finish_reason":null}]}

data: {"id":"cmpl-24","object":"text_completion","created":1700000000,"model":"m \"q\"","choices":[{"index":0,"text":"","logprobs":null,"finish_reason":"stop"}]}

data: [DONE]

"#;
        assert_eq!(told(&Completions, &answer), expected);
    }

    #[test]
    fn whole_answers() {
        let chat = Chat.whole(&three_tokens(), &Took::default());
        assert_eq!(
            chat["choices"][0]["message"],
            json!({ "role": "assistant", "content": "the river is " })
        );
        assert_eq!(chat["model"], "m \"q\"");
        assert_eq!(chat["usage"]["completion_tokens"], 3);
        let text = Completions.whole(&three_tokens(), &Took::default());
        assert_eq!(text["choices"][0]["text"], "the river is ");
        assert_eq!(text["choices"][0]["finish_reason"], "length");
    }

    #[test]
    fn requests() {
        let check = |body: Value, expected: Result<(bool, bool), &str>| {
            let said = Chat.ask(&body).map(|ask| (ask.stream, ask.include_usage));
            assert_eq!(said, expected.map_err(str::to_owned), "{body}");
        };
        check(json!({}), Ok((false, false)));
        check(json!({ "stream": true }), Ok((true, false)));
        check(
            json!({ "stream": null, "stream_options": null }),
            Ok((false, false)),
        );
        check(
            json!({ "stream": true, "stream_options": { "include_usage": true } }),
            Ok((true, true)),
        );
        check(
            json!({ "stream": "true" }),
            Err("'stream' must be a boolean, not \"true\""),
        );
        check(
            json!({ "model": 3 }),
            Err("'model' must be a string, not 3"),
        );
    }
}
