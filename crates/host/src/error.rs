//! What can fail when the machine is asked.

use std::io;

/// Why a figure of the machine could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the kernel could not be read.
    #[error("read {path}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file of the kernel held something else than expected.
    #[error("understand {path}")]
    Format {
        /// The file.
        path: String,
    },
    /// The thread of the probes could not be started.
    #[error("start the probes")]
    Probes(#[source] io::Error),
    /// The thread that asks for tokens could not be started.
    #[error("ask for tokens")]
    Credentials(#[source] io::Error),
    /// A token could not be had.
    #[error("get a token from {name}: {reason}")]
    Token {
        /// Who was asked.
        name: String,
        /// Why there is none.
        reason: String,
    },
    /// A signal came before all tokens were there.
    #[error("get all tokens before a signal came")]
    Stopped,
    /// The limit of open files could not be read or raised.
    #[error("set the limit of open files")]
    FileLimit(#[source] io::Error),
    /// The processors of a thread could not be told or chosen.
    #[error("choose the processors of a thread")]
    Affinity(#[source] io::Error),
}
