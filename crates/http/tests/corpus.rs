//! Holds the parsers to the conformance corpus, however its bytes are cut.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "corpus/cases.rs"]
mod cases;
#[path = "corpus/chat.rs"]
mod chat;
#[path = "corpus/differential.rs"]
mod differential;
#[path = "corpus/framing.rs"]
mod framing;
