//! Says why the mock could not start.

use std::io;
use std::net::SocketAddr;

/// Why the mock could not start. The text reads well after "failed to".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting has a value that cannot be used.
    #[error("use the mock's setting {name}: {problem}")]
    Setting {
        /// Name of the field of [`Settings`](crate::Settings).
        name: &'static str,
        /// What is wrong with its value.
        problem: String,
    },
    /// The address could not be listened on.
    #[error("listen on {address} for the mock")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A worker thread or its runtime could not be made.
    #[error("start a worker of the mock")]
    Worker {
        /// What the system said.
        source: io::Error,
    },
}
