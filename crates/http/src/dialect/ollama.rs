//! Ollama: chat and generate, one JSON object a line.

use super::{
    Dialect, Framing, Part, PartialUsage, Reading, error_message, is_blank,
    json::{Cursor, NotJson, Text, walk},
};
use loadgen_engine::Usage;

/// The dialect `ollama`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ollama;

impl Dialect for Ollama {
    fn framing(&self) -> Framing {
        Framing::Lines
    }

    fn demands_end(&self) -> bool {
        true
    }

    fn tells_reasoning(&self) -> bool {
        true
    }

    fn read(&self, name: &[u8], data: &[u8], reading: &mut Reading) -> Result<(), NotJson> {
        if is_blank(name, data, reading) {
            return Ok(());
        }
        let mut part = Part::default();
        let mut done = false;
        walk(data, |cursor, key| match &*key.bytes() {
            b"message" => cursor.object(|cursor, key| output(cursor, &key, &mut part)),
            b"done" => cursor.is_true().map(|is| done = is),
            b"error" => error_message(cursor).map(|message| {
                if let Some(message) = message {
                    reading.fail(&message);
                }
            }),
            _ if is_count(&key) => count(cursor, &key, &mut reading.usage),
            _ => output(cursor, &key, &mut part),
        })?;
        part.blank &= !part.visible && !part.reasoning && !done;
        part.finished = done;
        reading.terminator = done;
        reading.add(part);
        Ok(())
    }

    fn usage_of_body(&self, body: &[u8]) -> Option<Usage> {
        let mut tokens = PartialUsage::default();
        walk(body, |cursor, key| count(cursor, &key, &mut tokens)).ok()?;
        tokens.total()
    }
}

/// A member of a chat's `message`, or of a line of generate.
fn output(cursor: &mut Cursor<'_>, key: &Text<'_>, part: &mut Part) -> Result<(), NotJson> {
    match &*key.bytes() {
        b"content" | b"response" => {
            if let Some(text) = cursor.string()? {
                part.visible |= !text.is_empty();
                part.blank |= text.is_empty();
            }
            Ok(())
        }
        b"thinking" => cursor.filled().map(|filled| part.reasoning |= filled),
        b"tool_calls" => cursor.array(|cursor| {
            part.visible = true;
            cursor.skip()
        }),
        _ => cursor.skip(),
    }
}

fn is_count(key: &Text<'_>) -> bool {
    matches!(&*key.bytes(), b"prompt_eval_count" | b"eval_count")
}

fn count(
    cursor: &mut Cursor<'_>,
    key: &Text<'_>,
    tokens: &mut PartialUsage,
) -> Result<(), NotJson> {
    match &*key.bytes() {
        b"prompt_eval_count" => tokens.input = cursor.count()?.or(tokens.input),
        b"eval_count" => tokens.output = cursor.count()?.or(tokens.output),
        _ => cursor.skip()?,
    }
    Ok(())
}
