//! Tells failures apart: what the system reports, as the kinds and texts that users see.

use loadgen_engine::{ErrorKind, Failure, Origin};
use std::{fmt, io, time::Duration};

/// Builds a failure.
pub(crate) fn failure(kind: ErrorKind, message: impl Into<String>) -> Failure {
    Failure {
        kind,
        message: message.into(),
    }
}

/// The answer breaks the rules of HTTP.
pub(crate) fn protocol(message: impl Into<String>) -> Failure {
    failure(ErrorKind::Protocol, message)
}

/// Host and port as in a URL.
pub(crate) struct Authority<'a>(pub(crate) &'a str, pub(crate) u16);

impl<'a> Authority<'a> {
    pub(crate) fn of(origin: &'a Origin) -> Self {
        Self(&origin.host, origin.port)
    }
}

impl fmt::Display for Authority<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(host, port) = self;
        if host.contains(':') {
            write!(f, "[{host}]:{port}")
        } else {
            write!(f, "{host}:{port}")
        }
    }
}

/// A socket could not be opened or connected.
pub(crate) fn connecting(error: &io::Error, to: &dyn fmt::Display) -> Failure {
    let (kind, message) = match error.raw_os_error().map(nix::errno::Errno::from_raw) {
        Some(nix::errno::Errno::EADDRNOTAVAIL) => (
            ErrorKind::NoPorts,
            format!("no free local port to reach {to}"),
        ),
        Some(nix::errno::Errno::EMFILE | nix::errno::Errno::ENFILE) => (
            ErrorKind::NoFiles,
            "no free file descriptor for a connection".to_owned(),
        ),
        _ => match error.kind() {
            io::ErrorKind::ConnectionRefused => (
                ErrorKind::ConnectRefused,
                format!("connection refused by {to}"),
            ),
            io::ErrorKind::TimedOut => (ErrorKind::ConnectTimeout, format!("{to} does not answer")),
            io::ErrorKind::NotFound => (
                ErrorKind::ConnectRefused,
                format!("there is no socket at {to}"),
            ),
            _ => (
                ErrorKind::Connect,
                format!("no connection to {to}: {}", plain(error)),
            ),
        },
    };
    Failure { kind, message }
}

/// A read or write on a connection failed.
pub(crate) fn transfer(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::ConnectionAborted => {
            failure(ErrorKind::Reset, "the peer reset the connection")
        }
        // The kernel gave up on a peer that acknowledges nothing.
        io::ErrorKind::TimedOut => failure(ErrorKind::Timeout, "the peer no longer answers"),
        _ => failure(
            ErrorKind::Reset,
            format!("the connection failed: {}", plain(error)),
        ),
    }
}

/// One of the limits on time has passed.
pub(crate) fn timeout(limit: &str, length: Duration) -> Failure {
    failure(ErrorKind::Timeout, format!("{limit} within {length:?}"))
}

/// The system's text without its number, so that it reads and aggregates well.
fn plain(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => nix::errno::Errno::from_raw(number).desc().to_lowercase(),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::errno::Errno;

    #[test]
    fn the_systems_errors_are_told_by_kind_and_without_numbers() {
        let to = Authority("example.org", 80);
        let cases = [
            (
                Errno::EADDRNOTAVAIL,
                ErrorKind::NoPorts,
                "no free local port to reach example.org:80",
            ),
            (
                Errno::EMFILE,
                ErrorKind::NoFiles,
                "no free file descriptor for a connection",
            ),
            (
                Errno::ENFILE,
                ErrorKind::NoFiles,
                "no free file descriptor for a connection",
            ),
            (
                Errno::ECONNREFUSED,
                ErrorKind::ConnectRefused,
                "connection refused by example.org:80",
            ),
            (
                Errno::ETIMEDOUT,
                ErrorKind::ConnectTimeout,
                "example.org:80 does not answer",
            ),
            (
                Errno::EHOSTUNREACH,
                ErrorKind::Connect,
                "no connection to example.org:80: no route to host",
            ),
            (
                Errno::ENETUNREACH,
                ErrorKind::Connect,
                "no connection to example.org:80: network is unreachable",
            ),
        ];
        for (errno, kind, message) in cases {
            let told = connecting(&io::Error::from(errno), &to);
            assert_eq!(
                (told.kind, told.message.as_str()),
                (kind, message),
                "{errno}"
            );
        }
        let cases = [
            (
                Errno::ECONNRESET,
                ErrorKind::Reset,
                "the peer reset the connection",
            ),
            (
                Errno::EPIPE,
                ErrorKind::Reset,
                "the peer reset the connection",
            ),
            (
                Errno::ETIMEDOUT,
                ErrorKind::Timeout,
                "the peer no longer answers",
            ),
            (
                Errno::EHOSTUNREACH,
                ErrorKind::Reset,
                "the connection failed: no route to host",
            ),
        ];
        for (errno, kind, message) in cases {
            let told = transfer(&io::Error::from(errno));
            assert_eq!(
                (told.kind, told.message.as_str()),
                (kind, message),
                "{errno}"
            );
        }
    }

    #[test]
    fn authorities_are_written_as_in_urls() {
        assert_eq!(Authority("example.org", 80).to_string(), "example.org:80");
        assert_eq!(Authority("::1", 443).to_string(), "[::1]:443");
    }
}
