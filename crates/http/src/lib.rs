//! Is the engine's connection over HTTP/1.1, HTTP/2 and server-sent events.
//!
//! [`HttpConnect`] is made once, of [`Options`]; it makes a connector for each shard of the engine, which makes an
//! [`HttpConnection`] for each user. A user keeps one connection per origin; there is no pool.
//!
//! HTTP/1.1 is spoken here, over reads that the kernel dates: a request is rendered to bytes and written in one go, its
//! answer is read in place by [`response`], its codings are taken off by [`decode`], its events are found by [`stream`].
//! HTTP/2 is hyper's, over the same reads and writes.
//!
//! # Instants
//!
//! - Where a kept connection had gone before any byte of the answer, the request is sent again once on a new one; all
//!   instants of the exchange are then those of the second sending, bytes are those of both.
//! - An answer whose end is the end of the connection is done when that end was read: the kernel does not date it.
//! - Over HTTP/2 the last byte of a request is not dated.
//!
//! # Limits
//!
//! - Heads of 64 KiB and 128 fields, bodies of [`Options::body_limit`], 32 kept connections per user.
//! - Proxies are HTTP proxies, spoken to without TLS. SOCKS is absent, and so are cookies and caches. Redirections are
//!   told ([`loadgen_engine::Exchange::onward`]), and followed by who calls.
//! - No environment is read, but where the TLS library looks for the system's certificates (`SSL_CERT_FILE`).
//!
//! Nothing here panics on what a server sends.

mod alarm;
mod answer;
mod apart;
mod connect;
mod connection;
pub mod decode;
mod dial;
pub mod dialect;
mod error;
mod failure;
mod http1;
mod http2;
mod limits;
pub mod lines;
mod options;
mod ports;
mod proxy;
mod redirect;
mod request;
mod resolve;
pub mod response;
mod retry_after;
mod shard;
mod socket;
mod sources;
pub mod sse;
mod stamp;
pub mod stream;
mod tls;
mod wire;

pub use connect::{HttpConnect, HttpConnector};
pub use connection::HttpConnection;
pub use error::Error;
pub use options::{ClientCertificate, ConnectTo, Family, Options};
pub use ports::OpenPorts;
pub use proxy::Proxies;
pub use sources::{LOOPBACKS, Sources};
