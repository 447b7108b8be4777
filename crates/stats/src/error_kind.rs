//! The kinds of failure that a request can end in.

/// Why a request failed: the tag `error` and `errors[].kind` of the summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorKind {
    /// The name did not resolve.
    Dns,
    /// The peer refused the connection.
    ConnectRefused,
    /// The connection was not there in time.
    ConnectTimeout,
    /// The connection failed in another way.
    Connect,
    /// The TLS handshake or a record failed.
    Tls,
    /// The request took longer than one of its timeouts.
    Timeout,
    /// The peer reset the connection.
    Reset,
    /// The peer closed the connection before the answer was whole.
    ClosedEarly,
    /// The answer breaks the rules of HTTP.
    Protocol,
    /// The head or body passed a limit of size.
    TooLarge,
    /// It was sent on too often, or to where nothing can be asked.
    Redirect,
    /// A status from 400 to 499 that `expect` does not allow.
    Http4xx,
    /// A status from 500 on that `expect` does not allow.
    Http5xx,
    /// The stream ended without finish reason and terminator.
    StreamTruncated,
    /// The stream ended well but carried no output.
    StreamEmpty,
    /// The stream was silent for longer than the step's `stall`.
    StreamStalled,
    /// An event was not what the dialect demands.
    StreamMalformed,
    /// The provider sent an error.
    StreamError,
    /// A check of `expect` did not hold: another status than the one it names, or the body.
    Check,
    /// A template failed while the request was built.
    Template,
    /// The token that a request needs could not be had.
    Auth,
    /// No free local port was left.
    NoPorts,
    /// No free file descriptor was left.
    NoFiles,
}

impl ErrorKind {
    /// Every kind, in the order of the contract.
    pub const ALL: [Self; 23] = [
        Self::Dns,
        Self::ConnectRefused,
        Self::ConnectTimeout,
        Self::Connect,
        Self::Tls,
        Self::Timeout,
        Self::Reset,
        Self::ClosedEarly,
        Self::Protocol,
        Self::TooLarge,
        Self::Redirect,
        Self::Http4xx,
        Self::Http5xx,
        Self::StreamTruncated,
        Self::StreamEmpty,
        Self::StreamStalled,
        Self::StreamMalformed,
        Self::StreamError,
        Self::Check,
        Self::Template,
        Self::Auth,
        Self::NoPorts,
        Self::NoFiles,
    ];

    /// The public name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::ConnectRefused => "connect_refused",
            Self::ConnectTimeout => "connect_timeout",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Reset => "reset",
            Self::ClosedEarly => "closed_early",
            Self::Protocol => "protocol",
            Self::TooLarge => "too_large",
            Self::Redirect => "redirect",
            Self::Http4xx => "http_4xx",
            Self::Http5xx => "http_5xx",
            Self::StreamTruncated => "stream_truncated",
            Self::StreamEmpty => "stream_empty",
            Self::StreamStalled => "stream_stalled",
            Self::StreamMalformed => "stream_malformed",
            Self::StreamError => "stream_error",
            Self::Check => "check",
            Self::Template => "template",
            Self::Auth => "auth",
            Self::NoPorts => "no_ports",
            Self::NoFiles => "no_files",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}
