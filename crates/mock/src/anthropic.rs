//! Speaks Anthropic's messages.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::dialect::{Answer, Ask, Delta, Dialect, Took, flag, input_tokens, model, most_tokens};

/// `POST /v1/messages`.
pub(crate) struct Messages;

impl Dialect for Messages {
    fn ask(&self, body: &Value) -> Result<Ask, String> {
        Ok(Ask {
            model: model(body)?,
            stream: flag(body, "stream", false)?,
            most_tokens: most_tokens(body, &["max_tokens"])?,
            input_tokens: input_tokens(body, &["system", "messages"]),
            include_usage: true,
        })
    }

    fn opening(&self, answer: &Answer) -> Vec<Bytes> {
        let message = message(answer, &[], None, 0);
        vec![
            event("message_start", json!({ "message": message })),
            event(
                "content_block_start",
                json!({ "index": 0, "content_block": { "type": "text", "text": "" } }),
            ),
            event("ping", json!({})),
        ]
    }

    fn delta(&self, _: &Answer) -> Delta {
        Delta {
            head:
                "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\
                   \"delta\":{\"type\":\"text_delta\",\"text\":\""
                    .to_owned(),
            tail: "\"}}\n\n",
            numbered_from: None,
        }
    }

    fn closing(&self, answer: &Answer, _: &Took) -> Vec<Bytes> {
        let delta = json!({ "stop_reason": stop_reason(answer), "stop_sequence": null });
        let usage = json!({ "output_tokens": answer.tokens });
        vec![
            event("content_block_stop", json!({ "index": 0 })),
            event("message_delta", json!({ "delta": delta, "usage": usage })),
            event("message_stop", json!({})),
        ]
    }

    fn whole(&self, answer: &Answer, _: &Took) -> Value {
        let content = [json!({ "type": "text", "text": answer.text() })];
        message(answer, &content, Some(stop_reason(answer)), answer.tokens)
    }

    fn error(&self, status: u16, message: &str) -> Value {
        let kind = match status {
            401 => "authentication_error",
            404 => "not_found_error",
            413 => "request_too_large",
            429 => "rate_limit_error",
            500.. => "api_error",
            _ => "invalid_request_error",
        };
        json!({ "type": "error", "error": { "type": kind, "message": message } })
    }

    fn error_event(&self, message: &str) -> Bytes {
        event(
            "error",
            json!({ "error": { "type": "overloaded_error", "message": message } }),
        )
    }

    fn garbage(&self) -> Bytes {
        Bytes::from_static(
            b"event: content_block_delta\ndata: {\"type\": \"content_block_delta\", oops\n\n",
        )
    }
}

fn stop_reason(answer: &Answer) -> &'static str {
    answer.reason("end_turn", "max_tokens")
}

fn message(
    answer: &Answer,
    content: &[Value],
    stop_reason: Option<&str>,
    output_tokens: u32,
) -> Value {
    json!({
        "id": format!("msg_{}", answer.number),
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": null,
        "usage": { "input_tokens": answer.input_tokens, "output_tokens": output_tokens },
    })
}

fn event(name: &str, fields: Value) -> Bytes {
    let mut data = json!({ "type": name });
    if let (Value::Object(data), Value::Object(fields)) = (&mut data, fields) {
        data.extend(fields);
    }
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::tests::three_tokens;

    #[test]
    fn a_stream() {
        let answer = Answer {
            tokens: 1,
            ..three_tokens()
        };
        let mut events = Messages.opening(&answer);
        events.push(Messages.delta(&answer).event(&answer, 0));
        events.extend(Messages.closing(&answer, &Took::default()));
        let expected = r#"event: message_start
data: {"type":"message_start","message":{"id":"msg_24","type":"message","role":"assistant","model":"m \"q\"","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":5,"output_tokens":0}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: ping
data: {"type":"ping"}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"the "}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"max_tokens","stop_sequence":null},"usage":{"output_tokens":1}}

event: message_stop
data: {"type":"message_stop"}

"#;
        assert_eq!(String::from_utf8(events.concat()).unwrap(), expected);
    }

    #[test]
    fn a_whole_answer() {
        let whole = Messages.whole(&three_tokens(), &Took::default());
        assert_eq!(
            whole["content"],
            json!([{ "type": "text", "text": "the river is " }])
        );
        assert_eq!(
            whole["usage"],
            json!({ "input_tokens": 5, "output_tokens": 3 })
        );
    }
}
