//! The bytes of every answer, made once.

use super::connection::Part;

const PLAIN: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 13\r\n\r\nHello, World!";
const STREAM_HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
const TOKEN: &str = r#"data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,"model":"bench","choices":[{"index":0,"delta":{"content":" token"},"finish_reason":null}]}"#;
const FINISH: &str = r#"data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,"model":"bench","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;

/// What is sent, with what was last made for a number of events.
#[derive(Debug)]
pub(super) struct Replies {
    first: Vec<u8>,
    next: Vec<u8>,
    end: (u32, Vec<u8>),
    only: (u32, Vec<u8>),
    flood: (u32, Vec<u8>),
}

impl Default for Replies {
    fn default() -> Self {
        let token = chunk(TOKEN);
        Self {
            first: [STREAM_HEAD.as_bytes(), &token].concat(),
            next: token,
            end: (0, Vec::new()),
            only: (0, Vec::new()),
            flood: (0, Vec::new()),
        }
    }
}

impl Replies {
    #[expect(clippy::unused_self, reason = "asked like the other replies")]
    pub(super) fn plain(&self) -> &[u8] {
        PLAIN
    }

    /// One event of a stream; the last one brings the stream's end with it.
    pub(super) fn event(&mut self, part: Part) -> &[u8] {
        match (part.first, part.last) {
            (true, false) => &self.first,
            (false, false) => &self.next,
            (false, true) => made(&mut self.end, part.of, |of| {
                [chunk(TOKEN), end(of)].concat()
            }),
            (true, true) => made(&mut self.only, part.of, |of| {
                [STREAM_HEAD.as_bytes(), &chunk(TOKEN), &end(of)].concat()
            }),
        }
    }

    /// A whole stream at once.
    pub(super) fn flood(&mut self, events: u32) -> &[u8] {
        made(&mut self.flood, events, |of| {
            let tokens = chunk(TOKEN).repeat(of as usize);
            [STREAM_HEAD.as_bytes(), &tokens, &end(of)].concat()
        })
    }
}

fn made(kept: &mut (u32, Vec<u8>), of: u32, make: impl FnOnce(u32) -> Vec<u8>) -> &[u8] {
    if kept.0 != of {
        *kept = (of, make(of));
    }
    &kept.1
}

/// An event as a chunk of its own.
fn chunk(event: &str) -> Vec<u8> {
    format!("{:x}\r\n{event}\n\n\r\n", event.len() + 2).into_bytes()
}

/// What follows the last token: why it ended, how many there were, that it is done.
fn end(events: u32) -> Vec<u8> {
    let usage = format!(
        r#"data: {{"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,"model":"bench","choices":[],"usage":{{"prompt_tokens":9,"completion_tokens":{events},"total_tokens":{}}}}}"#,
        events + 9
    );
    let mut end = [FINISH, &usage, "data: [DONE]"].map(chunk).concat();
    end.extend_from_slice(b"0\r\n\r\n");
    end
}
