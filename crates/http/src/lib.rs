//! Is the engine's connection over HTTP/1.1, HTTP/2 and server-sent events.

pub mod dialect;
pub mod lines;
pub mod sse;
pub mod stream;
