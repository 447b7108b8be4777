//! The visible text of an event, where a step wants the text of its stream: only then is an event read as a tree.

use loadgen_engine::{DialectName, StreamSpec};
use serde_json::Value;

/// Adds the visible text that an event carries, or that an answer without a stream does: that of the first choice, without
/// reasoning. What is none adds nothing.
pub(crate) fn add_text(spec: &StreamSpec, name: &[u8], data: &[u8], out: &mut String) {
    let pointer = spec.pointer.as_deref();
    if let (DialectName::Sse | DialectName::Ndjson, None) = (spec.dialect, pointer) {
        return add_plain(spec.dialect, name, data, out);
    }
    let Ok(event) = serde_json::from_slice::<Value>(data) else {
        return;
    };
    match spec.dialect {
        DialectName::OpenAi => openai(name, &event, out),
        DialectName::Anthropic => anthropic(&event, out),
        DialectName::Ollama => {
            add(&event["message"]["content"], out);
            add(&event["response"], out);
        }
        DialectName::Sse | DialectName::Ndjson => {
            if let Some(value) = event.pointer(pointer.unwrap_or_default()) {
                match value {
                    Value::Null => {}
                    Value::String(text) => out.push_str(text),
                    other => out.push_str(&other.to_string()),
                }
            }
        }
    }
}

/// Every event is output: those of `sse` are pieces of a text, those of `ndjson` lines.
fn add_plain(dialect: DialectName, name: &[u8], data: &[u8], out: &mut String) {
    if data.trim_ascii() == b"[DONE]" || name == b"error" {
        return;
    }
    if dialect == DialectName::Ndjson && !out.is_empty() {
        out.push('\n');
    }
    out.push_str(&String::from_utf8_lossy(data));
}

/// Chat completions, completions, and responses.
fn openai(name: &[u8], event: &Value, out: &mut String) {
    for choice in list(&event["choices"]) {
        if choice["index"].as_u64().unwrap_or_default() > 0 {
            continue;
        }
        for message in [&choice["delta"], &choice["message"]] {
            add(&message["content"], out);
            add(&message["refusal"], out);
        }
        add(&choice["text"], out);
    }
    let kind = event["type"].as_str().map_or(name, str::as_bytes);
    if matches!(
        kind,
        b"response.output_text.delta" | b"response.refusal.delta"
    ) {
        add(&event["delta"], out);
    }
    for item in list(&event["output"])
        .iter()
        .filter(|item| item["type"] == "message")
    {
        add(&item["content"], out);
    }
}

fn anthropic(event: &Value, out: &mut String) {
    if event["type"] == "content_block_delta" {
        add(&event["delta"]["text"], out);
    }
    add(&event["content"], out);
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A text, or the texts of parts.
fn add(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => out.push_str(text),
        Value::Array(parts) => {
            for part in parts {
                for key in ["text", "refusal"] {
                    out.push_str(part[key].as_str().unwrap_or_default());
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(dialect: DialectName, pointer: Option<&str>, events: &[(&str, &str)], text: &str) {
        let spec = StreamSpec {
            dialect,
            any_delta: false,
            pointer: pointer.map(ToOwned::to_owned),
            stall: None,
        };
        let mut out = String::new();
        for (name, data) in events {
            add_text(&spec, name.as_bytes(), data.as_bytes(), &mut out);
        }
        assert_eq!(out, text, "{dialect:?} {events:?}");
    }

    #[test]
    fn the_visible_text_of_events_is_put_together() {
        use DialectName::{Anthropic, Ndjson, Ollama, OpenAi, Sse};
        let message = |data| ("message", data);
        let chat = [
            message(r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#),
            message(r#"{"choices":[{"delta":{"reasoning":"hm","content":null}}]}"#),
            message(r#"{"choices":[{"delta":{"content":"a\n\u20ac"}}]}"#),
            message(
                r#"{"choices":[{"delta":{"content":"x"},"index":1},{"delta":{"content":"b"}}]}"#,
            ),
            message(
                r#"{"choices":[{"delta":{"content":[{"type":"text","text":"c"},{"type":"thinking","thinking":[{"text":"no"}]}]}}]}"#,
            ),
            message(r#"{"choices":[],"usage":{}}"#),
            message("not json"),
            message("[DONE]"),
        ];
        check(OpenAi, None, &chat, "a\n\u{20ac}bc");
        let plain = [message(r#"{"choices":[{"message":{"content":"whole"}}]}"#)];
        check(OpenAi, None, &plain, "whole");
        check(
            OpenAi,
            None,
            &[message(r#"{"choices":[{"text":"old"}]}"#)],
            "old",
        );
        let responses = [
            ("response.reasoning_text.delta", r#"{"delta":"no"}"#),
            ("response.output_text.delta", r#"{"delta":"a"}"#),
            message(r#"{"type":"response.output_text.delta","delta":"b"}"#),
            message(r#"{"type":"response.function_call_arguments.delta","delta":"no"}"#),
        ];
        check(OpenAi, None, &responses, "ab");
        let whole = [message(
            r#"{"output":[{"type":"reasoning","content":[{"text":"no"}]},{"type":"message","content":[{"type":"output_text","text":"yes"}]}]}"#,
        )];
        check(OpenAi, None, &whole, "yes");
        let anthropic = [
            (
                "content_block_delta",
                r#"{"type":"content_block_delta","delta":{"type":"thinking_delta","thinking":"no"}}"#,
            ),
            (
                "content_block_delta",
                r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"a"}}"#,
            ),
            (
                "message_delta",
                r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#,
            ),
        ];
        check(Anthropic, None, &anthropic, "a");
        check(
            Anthropic,
            None,
            &[message(r#"{"content":[{"type":"text","text":"w"}]}"#)],
            "w",
        );
        let ollama = [
            message(r#"{"message":{"thinking":"no","content":"a"}}"#),
            message(r#"{"response":"b","done":true}"#),
        ];
        check(Ollama, None, &ollama, "ab");
        check(
            Sse,
            None,
            &[message("a"), message(" b"), message("[DONE]")],
            "a b",
        );
        check(
            Sse,
            Some("/t"),
            &[message(r#"{"t":"a"}"#), message(r#"{"t":5,"u":1}"#)],
            "a5",
        );
        check(
            Ndjson,
            None,
            &[message(r#"{"a":1}"#), message("2")],
            "{\"a\":1}\n2",
        );
        check(
            Ndjson,
            Some("/t"),
            &[message(r#"{"t":null}"#), message(r#"{"t":"b"}"#)],
            "b",
        );
    }
}
