//! Scripted servers on loopback and the house rules as tests; used by tests only.
//!
//! A [`ScriptedServer`] says exactly what a script tells it to, byte by byte, so that a client can
//! be held against answers no honest server would give:
//!
//! ```
//! use loadgen_testkit::{ScriptedServer, Step};
//! use std::io::{Read, Write};
//!
//! let server = ScriptedServer::start([vec![
//!     Step::ReadRequest,
//!     Step::write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
//!     Step::Close,
//! ]])?;
//! let mut client = std::net::TcpStream::connect(server.address())?;
//! client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")?;
//! let mut answer = String::new();
//! client.read_to_string(&mut answer)?;
//! assert!(answer.ends_with("hi"));
//! assert!(server.received()[0].starts_with(b"GET /"));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! [`redact`] takes out of a text what differs from run to run, so that the rest can be a snapshot.
//! The rules of the house (who may depend on whom, what stands where) are `tests/house.rs`.

mod play;
mod redact;
mod server;

pub use play::{Gate, Step};
pub use redact::redact;
pub use server::{Connection, ScriptedServer, refused_address};
