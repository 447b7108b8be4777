//! Is the engine's connection over HTTP/1.1, HTTP/2 and server-sent events.

mod alarm;
mod answer;
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
mod proxy;
mod request;
mod resolve;
pub mod response;
mod shard;
mod socket;
pub mod sse;
mod stamp;
pub mod stream;
mod tls;
mod wire;

pub use connect::{HttpConnect, HttpConnector};
pub use connection::HttpConnection;
pub use error::Error;
pub use options::{ClientCertificate, ConnectTo, Family, Options};
pub use proxy::Proxies;
