//! OpenAI and all that speak like it: chat completions, completions and Responses.

use super::{
    Dialect, Framing, Part, PartialUsage, Reading, error_message, is_blank,
    json::{Cursor, NotJson, Text, walk},
};
use loadgen_engine::Usage;

/// The dialect `openai`.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenAi;

/// What a delta of a choice carries.
#[derive(Clone, Copy, Default)]
struct Delta {
    visible: bool,
    reasoning: bool,
    /// An empty string stands where output would.
    blank: bool,
    /// It names the role: the first of a choice.
    role: bool,
    /// Where the text stands that was found last.
    text: Option<(usize, usize)>,
}

/// The members of an event that mean something only together.
#[derive(Default)]
struct Loose<'a> {
    /// `type`: the kind of a Responses event, or `error`.
    kind: Option<Text<'a>>,
    /// `delta` of a Responses event: whether it holds anything.
    delta: Option<bool>,
    /// `item.type` and `item.name` of a Responses event.
    calls_tool: bool,
    /// `message` of an error that is spread over the event itself.
    message: Option<Text<'a>>,
    /// `object` is `error`, as some servers say it.
    object_is_error: bool,
    /// A choice finished for the reason `error`.
    finished_by_error: bool,
}

impl Dialect for OpenAi {
    fn framing(&self) -> Framing {
        Framing::Sse
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
        if data.trim_ascii() == b"[DONE]" {
            reading.terminator = true;
            return Ok(());
        }
        let mut loose = Loose::default();
        let walked = walk(data, |cursor, key| {
            member(cursor, &key, &mut loose, reading)
        });
        if name == b"error" {
            let said = loose.message.map_or_else(
                || String::from_utf8_lossy(data).into_owned(),
                |text| text.to_text(),
            );
            reading.fail(&said);
            return Ok(());
        }
        walked?;
        if loose.object_is_error {
            reading.fail(&loose.message.map_or_else(
                || "error without a message".to_owned(),
                |text| text.to_text(),
            ));
        }
        if loose.finished_by_error {
            reading.fail("finish reason \"error\"");
        }
        responses_event(name, &loose, reading);
        Ok(())
    }

    fn usage_of_body(&self, body: &[u8]) -> Option<Usage> {
        let mut tokens = PartialUsage::default();
        walk(body, |cursor, key| match &*key.bytes() {
            b"usage" => usage(cursor, &mut tokens),
            _ => cursor.skip(),
        })
        .ok()?;
        tokens.total()
    }
}

/// A member of the event itself.
#[inline]
fn member<'a>(
    cursor: &mut Cursor<'a>,
    key: &Text<'a>,
    loose: &mut Loose<'a>,
    reading: &mut Reading,
) -> Result<(), NotJson> {
    match &*key.bytes() {
        b"choices" => cursor.array(|cursor| choice(cursor, loose, reading)),
        b"usage" => usage(cursor, &mut reading.usage),
        b"error" => error(cursor, reading),
        b"object" => {
            loose.object_is_error = cursor
                .string()?
                .is_some_and(|text| &*text.bytes() == b"error");
            Ok(())
        }
        b"type" => cursor.string().map(|text| loose.kind = text),
        b"message" => cursor.string().map(|text| loose.message = text),
        b"delta" => holds_text(cursor).map(|found| loose.delta = found),
        b"response" => response(cursor, reading),
        b"item" => calls_tool(cursor).map(|found| loose.calls_tool = found),
        // Groq reports usage here unless asked for it elsewhere.
        b"x_groq" => cursor.object(|cursor, key| match &*key.bytes() {
            b"usage" => usage(cursor, &mut reading.usage),
            b"error" => error(cursor, reading),
            _ => cursor.skip(),
        }),
        _ => cursor.skip(),
    }
}

#[inline]
fn choice(
    cursor: &mut Cursor<'_>,
    loose: &mut Loose<'_>,
    reading: &mut Reading,
) -> Result<(), NotJson> {
    let mut part = Part::default();
    let mut found = Delta::default();
    cursor.object(|cursor, key| {
        match &*key.bytes() {
            b"index" => part.choice = index(cursor)?,
            b"delta" | b"message" => {
                cursor.object(|cursor, key| delta(cursor, &key, &mut found))?;
            }
            b"text" => text(cursor, &mut found)?,
            b"finish_reason" => part.finished = finish_reason(cursor, loose)?,
            b"error" => error(cursor, reading)?,
            _ => cursor.skip()?,
        }
        Ok(())
    })?;
    part.visible = found.visible;
    part.reasoning = found.reasoning;
    part.blank = found.blank && !found.visible && !found.reasoning && !found.role && !part.finished;
    reading.add(part);
    reading.text = found.text.or(reading.text);
    Ok(())
}

/// A member of a delta.
#[inline]
fn delta(cursor: &mut Cursor<'_>, key: &Text<'_>, found: &mut Delta) -> Result<(), NotJson> {
    match &*key.bytes() {
        b"content" | b"refusal" => text(cursor, found),
        b"role" => cursor.filled().map(|role| found.role |= role),
        b"reasoning" | b"reasoning_content" | b"reasoning_text" | b"reasoning_details"
        | b"thinking" | b"thinking_content" | b"thinking_blocks" => {
            let held = match cursor.peek() {
                Some(b'"') => Some(filled(cursor, found)?),
                _ => holds_text(cursor)?,
            };
            found.reasoning |= held == Some(true);
            found.blank |= held == Some(false);
            Ok(())
        }
        b"tool_calls" => cursor.array(|cursor| tool_call(cursor, found)),
        b"function_call" => function(cursor, found),
        b"audio" => cursor.object(|cursor, key| {
            match &*key.bytes() {
                b"data" | b"transcript" => found.visible |= cursor.filled()?,
                _ => cursor.skip()?,
            }
            Ok(())
        }),
        _ => cursor.skip(),
    }
}

/// Whether the string that comes next is not empty; notes its place.
#[inline]
fn filled(cursor: &mut Cursor<'_>, found: &mut Delta) -> Result<bool, NotJson> {
    let text = cursor.string()?.filter(|text| !text.is_empty());
    found.text = text.map(|text| text.place()).or(found.text);
    Ok(text.is_some())
}

/// Visible text: a string, or (of a few servers) an array of parts, some of which may be thinking.
#[inline]
fn text(cursor: &mut Cursor<'_>, found: &mut Delta) -> Result<(), NotJson> {
    match cursor.peek() {
        Some(b'"') => {
            let filled = filled(cursor, found)?;
            found.visible |= filled;
            found.blank |= !filled;
            Ok(())
        }
        Some(b'[') => cursor.array(|cursor| {
            cursor.object(|cursor, key| {
                let reasoning = &*key.bytes() == b"thinking";
                match &*key.bytes() {
                    b"text" | b"thinking" | b"refusal" => {
                        let held = holds_text(cursor)? == Some(true);
                        found.reasoning |= held && reasoning;
                        found.visible |= held && !reasoning;
                    }
                    _ => cursor.skip()?,
                }
                Ok(())
            })
        }),
        _ => cursor.skip(),
    }
}

fn tool_call(cursor: &mut Cursor<'_>, found: &mut Delta) -> Result<(), NotJson> {
    cursor.object(|cursor, key| match &*key.bytes() {
        b"function" | b"custom" => function(cursor, found),
        _ => cursor.skip(),
    })
}

fn function(cursor: &mut Cursor<'_>, found: &mut Delta) -> Result<(), NotJson> {
    cursor.object(|cursor, key| {
        match &*key.bytes() {
            b"name" | b"arguments" | b"input" => found.visible |= holds_text(cursor)? == Some(true),
            _ => cursor.skip()?,
        }
        Ok(())
    })
}

/// Whether a value holds text: a string that is not empty, or one inside an array or object of parts. Absent where the
/// value can hold none.
fn holds_text(cursor: &mut Cursor<'_>) -> Result<Option<bool>, NotJson> {
    let mut held = false;
    match cursor.peek() {
        Some(b'"') => held = cursor.filled()?,
        Some(b'[') => {
            cursor.array(|cursor| holds_text(cursor).map(|inner| held |= inner == Some(true)))?;
        }
        Some(b'{') => cursor.object(|cursor, key| match &*key.bytes() {
            b"type" | b"id" | b"format" | b"signature" | b"index" => cursor.skip(),
            _ => holds_text(cursor).map(|inner| held |= inner == Some(true)),
        })?,
        _ => return cursor.skip().map(|()| None),
    }
    Ok(Some(held))
}

fn index(cursor: &mut Cursor<'_>) -> Result<u32, NotJson> {
    let index = cursor.count()?.unwrap_or_default();
    Ok(u32::try_from(index).unwrap_or(u32::MAX))
}

/// Whether a finish reason is given. The reason `error` is an error too.
fn finish_reason(cursor: &mut Cursor<'_>, loose: &mut Loose<'_>) -> Result<bool, NotJson> {
    let reason = cursor.string()?.filter(|reason| !reason.is_empty());
    loose.finished_by_error |= reason.is_some_and(|reason| &*reason.bytes() == b"error");
    Ok(reason.is_some())
}

fn error(cursor: &mut Cursor<'_>, reading: &mut Reading) -> Result<(), NotJson> {
    if let Some(message) = error_message(cursor)? {
        reading.fail(&message);
    }
    Ok(())
}

/// Tokens in the words of chat completions or of Responses.
fn usage(cursor: &mut Cursor<'_>, tokens: &mut PartialUsage) -> Result<(), NotJson> {
    cursor.object(|cursor, key| {
        match &*key.bytes() {
            b"prompt_tokens" | b"input_tokens" => tokens.input = cursor.count()?.or(tokens.input),
            b"completion_tokens" | b"output_tokens" => {
                tokens.output = cursor.count()?.or(tokens.output);
            }
            b"reasoning_tokens" => tokens.reasoning = cursor.count()?.or(tokens.reasoning),
            b"completion_tokens_details" | b"output_tokens_details" => {
                cursor.object(|cursor, key| {
                    match &*key.bytes() {
                        b"reasoning_tokens" => {
                            tokens.reasoning = cursor.count()?.or(tokens.reasoning);
                        }
                        _ => cursor.skip()?,
                    }
                    Ok(())
                })?;
            }
            _ => cursor.skip()?,
        }
        Ok(())
    })
}

/// The `response` of a Responses event: its usage, and why it failed.
fn response(cursor: &mut Cursor<'_>, reading: &mut Reading) -> Result<(), NotJson> {
    cursor.object(|cursor, key| match &*key.bytes() {
        b"usage" => usage(cursor, &mut reading.usage),
        b"error" => error(cursor, reading),
        _ => cursor.skip(),
    })
}

/// Whether the `item` of a Responses event calls a tool.
fn calls_tool(cursor: &mut Cursor<'_>) -> Result<bool, NotJson> {
    let mut found = false;
    cursor.object(|cursor, key| {
        match &*key.bytes() {
            b"type" => {
                found = cursor
                    .string()?
                    .is_some_and(|kind| kind.bytes().ends_with(b"_call"));
            }
            _ => cursor.skip()?,
        }
        Ok(())
    })?;
    Ok(found)
}

/// Judges a Responses event by its type.
fn responses_event(name: &[u8], loose: &Loose<'_>, reading: &mut Reading) {
    let kind = loose.kind.map(|kind| kind.bytes());
    let kind = kind.as_deref().unwrap_or(name);
    if kind == b"error" {
        reading.fail(&loose.message.map_or_else(
            || "error without a message".to_owned(),
            |text| text.to_text(),
        ));
        return;
    }
    let Some(kind) = kind.strip_prefix(b"response.") else {
        return;
    };
    match kind {
        // Cut short by a limit of tokens or a filter: an end as good as a finish reason `length`.
        b"completed" | b"incomplete" => {
            reading.add(Part {
                finished: true,
                ..Part::default()
            });
            reading.terminator = true;
        }
        b"failed" | b"cancelled" => {
            reading.fail(&format!("the response {}", String::from_utf8_lossy(kind)));
            reading.terminator = true;
        }
        b"output_item.added" => reading.substance = loose.calls_tool,
        _ if kind.ends_with(b".delta") => {
            let held = loose.delta == Some(true);
            let reasoning = kind.starts_with(b"reasoning");
            let blank = loose.delta == Some(false);
            reading.add(Part {
                visible: held && !reasoning,
                reasoning: held && reasoning,
                blank,
                ..Part::default()
            });
        }
        _ => {}
    }
}
