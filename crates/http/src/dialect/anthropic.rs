//! Anthropic: messages.
//!
//! Tokens are taken as the provider reports them: `input_tokens` leaves out what was written to or read from its cache.

use super::{
    Dialect, Framing, Part, PartialUsage, Reading, error_message, is_blank,
    json::{Cursor, NotJson, walk},
};
use loadgen_engine::Usage;

/// The dialect `anthropic`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Anthropic;

/// What the members of an event tell, whatever their order.
#[derive(Default)]
struct Found {
    visible: bool,
    reasoning: bool,
    blank: bool,
    stopped: bool,
    /// The block that begins is neither text nor thinking: a tool is called, or a result is given.
    calls_tool: bool,
    error: Option<String>,
}

impl Dialect for Anthropic {
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
        let mut found = Found::default();
        let mut kind = None;
        let walked = walk(data, |cursor, key| match &*key.bytes() {
            b"type" => cursor.string().map(|text| kind = text),
            b"delta" => delta(cursor, &mut found, reading),
            b"usage" => usage(cursor, &mut reading.usage),
            b"message" => message(cursor, reading),
            b"content_block" => content_block(cursor, &mut found),
            b"error" => error_message(cursor).map(|message| found.error = message),
            _ => cursor.skip(),
        });
        if name == b"error" {
            reading.fail(
                &found
                    .error
                    .unwrap_or_else(|| String::from_utf8_lossy(data).into_owned()),
            );
            return Ok(());
        }
        walked?;
        let kind = kind.map(|kind| kind.bytes());
        judge(kind.as_deref().unwrap_or(name), found, reading);
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

fn judge(kind: &[u8], found: Found, reading: &mut Reading) {
    let Found {
        visible,
        reasoning,
        blank,
        stopped,
        calls_tool,
        error,
    } = found;
    match kind {
        b"content_block_delta" => reading.add(Part {
            visible,
            reasoning,
            blank,
            ..Part::default()
        }),
        b"content_block_start" => reading.substance = calls_tool,
        b"message_delta" => reading.add(Part {
            finished: stopped,
            ..Part::default()
        }),
        b"message_stop" => reading.terminator = true,
        b"error" => reading.fail(&error.unwrap_or_else(|| "error without a message".to_owned())),
        _ => {
            if let Some(message) = error {
                reading.fail(&message);
            }
        }
    }
}

/// Told by its keys rather than by its `type`, which may come last.
fn delta(cursor: &mut Cursor<'_>, found: &mut Found, reading: &mut Reading) -> Result<(), NotJson> {
    cursor.object(|cursor, key| {
        let channel = match &*key.bytes() {
            b"text" | b"partial_json" => &mut found.visible,
            b"thinking" => &mut found.reasoning,
            b"stop_reason" => &mut found.stopped,
            _ => return cursor.skip(),
        };
        if let Some(text) = cursor.string()? {
            *channel = !text.is_empty();
            found.blank |= text.is_empty();
            reading.text = Some(text.place()).filter(|_| !text.is_empty());
        }
        Ok(())
    })
}

fn content_block(cursor: &mut Cursor<'_>, found: &mut Found) -> Result<(), NotJson> {
    cursor.object(|cursor, key| match &*key.bytes() {
        b"type" => {
            let kind = cursor.string()?;
            found.calls_tool =
                kind.is_some_and(|kind| !matches!(&*kind.bytes(), b"text" | b"thinking"));
            Ok(())
        }
        _ => cursor.skip(),
    })
}

fn message(cursor: &mut Cursor<'_>, reading: &mut Reading) -> Result<(), NotJson> {
    cursor.object(|cursor, key| match &*key.bytes() {
        b"usage" => usage(cursor, &mut reading.usage),
        _ => cursor.skip(),
    })
}

fn usage(cursor: &mut Cursor<'_>, tokens: &mut PartialUsage) -> Result<(), NotJson> {
    cursor.object(|cursor, key| {
        match &*key.bytes() {
            b"input_tokens" => tokens.input = cursor.count()?.or(tokens.input),
            b"output_tokens" => tokens.output = cursor.count()?.or(tokens.output),
            _ => cursor.skip()?,
        }
        Ok(())
    })
}
