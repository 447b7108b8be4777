//! Holds the parsers to the conformance corpus, however its bytes are cut.

#[path = "corpus/cases.rs"]
mod cases;
#[path = "corpus/chat.rs"]
mod chat;
#[path = "corpus/differential.rs"]
mod differential;
#[path = "corpus/framing.rs"]
mod framing;
