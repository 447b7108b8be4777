//! Speaks OpenAI's Responses API, whose events are named and numbered.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::dialect::{Answer, Ask, Delta, Dialect, Took, flag, input_tokens, model, most_tokens};
use crate::openai;

/// `POST /v1/responses`.
pub(crate) struct Responses;

/// Events before the first delta.
const OPENING: u64 = 4;

impl Dialect for Responses {
    fn ask(&self, body: &Value) -> Result<Ask, String> {
        Ok(Ask {
            model: model(body)?,
            stream: flag(body, "stream", false)?,
            most_tokens: most_tokens(body, &["max_output_tokens"])?,
            input_tokens: input_tokens(body, &["instructions", "input"]),
            include_usage: true,
        })
    }

    fn opening(&self, answer: &Answer) -> Vec<Bytes> {
        let begun = response(answer, "in_progress", &[], &Value::Null);
        let item = message(answer, "in_progress", &[]);
        let events = [
            ("response.created", json!({ "response": begun })),
            ("response.in_progress", json!({ "response": begun })),
            (
                "response.output_item.added",
                json!({ "output_index": 0, "item": item }),
            ),
            (
                "response.content_part.added",
                part(answer, "part", text_part("")),
            ),
        ];
        numbered(0, events)
    }

    fn delta(&self, answer: &Answer) -> Delta {
        let item = item_id(answer);
        Delta {
            head: format!(
                "event: response.output_text.delta\ndata: {{\"type\":\"response.output_text.delta\",\
                 \"item_id\":\"{item}\",\"output_index\":0,\"content_index\":0,\"delta\":\""
            ),
            tail: "}\n\n",
            numbered_from: Some(OPENING),
        }
    }

    fn closing(&self, answer: &Answer, _: &Took) -> Vec<Bytes> {
        let text = answer.text();
        let status = answer.reason("completed", "incomplete");
        let item = message(answer, status, &[text_part(&text)]);
        let ended = finished(answer);
        let events = [
            (
                "response.output_text.done",
                part(answer, "text", Value::from(text.as_str())),
            ),
            (
                "response.content_part.done",
                part(answer, "part", text_part(&text)),
            ),
            (
                "response.output_item.done",
                json!({ "output_index": 0, "item": item }),
            ),
            (
                answer.reason("response.completed", "response.incomplete"),
                json!({ "response": ended }),
            ),
        ];
        numbered(OPENING + u64::from(answer.tokens), events)
    }

    fn whole(&self, answer: &Answer, _: &Took) -> Value {
        finished(answer)
    }

    fn error(&self, status: u16, message: &str) -> Value {
        openai::error(status, message)
    }

    fn error_event(&self, message: &str) -> Bytes {
        let data =
            json!({ "type": "error", "code": "server_error", "message": message, "param": null });
        Bytes::from(format!("event: error\ndata: {data}\n\n"))
    }
}

fn item_id(answer: &Answer) -> String {
    format!("msg_{}", answer.number)
}

fn text_part(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [] })
}

fn part(answer: &Answer, key: &str, value: Value) -> Value {
    let mut part = json!({ "item_id": item_id(answer), "output_index": 0, "content_index": 0 });
    part[key] = value;
    part
}

fn message(answer: &Answer, status: &str, content: &[Value]) -> Value {
    json!({ "id": item_id(answer), "type": "message", "status": status, "role": "assistant", "content": content })
}

fn finished(answer: &Answer) -> Value {
    let status = answer.reason("completed", "incomplete");
    let usage = json!({
        "input_tokens": answer.input_tokens,
        "output_tokens": answer.tokens,
        "output_tokens_details": { "reasoning_tokens": 0 },
        "total_tokens": answer.total_tokens(),
    });
    let message = message(answer, status, &[text_part(&answer.text())]);
    response(answer, status, &[message], &usage)
}

fn response(answer: &Answer, status: &str, output: &[Value], usage: &Value) -> Value {
    let details = (status == "incomplete").then(|| json!({ "reason": "max_output_tokens" }));
    json!({
        "id": format!("resp_{}", answer.number),
        "object": "response",
        "created_at": answer.created,
        "status": status,
        "error": null,
        "incomplete_details": details,
        "model": answer.model,
        "output": output,
        "usage": usage,
    })
}

/// Events of a name and fields, numbered from `first`.
fn numbered<const N: usize>(first: u64, events: [(&str, Value); N]) -> Vec<Bytes> {
    let events = (first..).zip(events).map(|(number, (name, fields))| {
        let mut data = json!({ "type": name, "sequence_number": number });
        if let (Value::Object(data), Value::Object(fields)) = (&mut data, fields) {
            data.extend(fields);
        }
        Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
    });
    events.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::tests::three_tokens;

    /// The name of each event and its data.
    fn told(answer: &Answer) -> Vec<(String, Value)> {
        let delta = Responses.delta(answer);
        let mut events = Responses.opening(answer);
        events.extend((0..answer.tokens).map(|index| delta.event(answer, index)));
        events.extend(Responses.closing(answer, &Took::default()));
        let read = |event: &Bytes| {
            let text = std::str::from_utf8(event).unwrap();
            let text = text
                .strip_prefix("event: ")
                .unwrap()
                .strip_suffix("\n\n")
                .unwrap();
            let (name, data) = text.split_once("\ndata: ").unwrap();
            (name.to_owned(), serde_json::from_str(data).unwrap())
        };
        events.iter().map(read).collect()
    }

    #[test]
    fn events_are_named_and_numbered_in_order() {
        let events = told(&three_tokens());
        let names: Vec<&str> = events
            .iter()
            .map(|(name, _)| name.trim_start_matches("response."))
            .collect();
        let expected = [
            "created",
            "in_progress",
            "output_item.added",
            "content_part.added",
            "output_text.delta",
            "output_text.delta",
            "output_text.delta",
            "output_text.done",
            "content_part.done",
            "output_item.done",
            "incomplete",
        ];
        assert_eq!(names, expected);
        for (number, (name, data)) in events.iter().enumerate() {
            assert_eq!(
                (&data["type"], &data["sequence_number"]),
                (&json!(name), &json!(number))
            );
        }
    }

    #[test]
    fn the_text_is_told_in_deltas_and_whole() {
        let answer = Answer {
            shortened: false,
            ..three_tokens()
        };
        let events = told(&answer);
        let deltas: String = events
            .iter()
            .filter_map(|(_, data)| data["delta"].as_str())
            .collect();
        assert_eq!(deltas, "the river is ");
        assert_eq!(events[7].1["text"], "the river is ");
        let (name, last) = events.last().unwrap();
        assert_eq!(name, "response.completed");
        assert_eq!(last["response"], Responses.whole(&answer, &Took::default()));
        assert_eq!(last["response"]["usage"]["output_tokens"], 3);
        assert_eq!(
            last["response"]["output"][0]["content"][0]["text"],
            "the river is "
        );
    }
}
