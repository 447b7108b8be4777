//! What the command line may set about connections.

use crate::{
    error::Error,
    proxy::{Proxies, split_port},
    sources::Sources,
};
use loadgen_engine::{Origin, Pinned};
use std::{fmt, net::SocketAddr, path::PathBuf};

/// How connections are made, for all requests of a run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Certificates of servers are not verified.
    pub insecure: bool,
    /// Certificates, as PEM, that are trusted beside those of the system.
    pub authority: Option<Vec<u8>>,
    /// What the client shows to servers that ask who it is.
    pub client_certificate: Option<ClientCertificate>,
    /// Where connections for certain hosts really go.
    pub connect_to: Vec<ConnectTo>,
    /// The addresses of names, in the place of those that they resolve to.
    pub pinned: Vec<Pinned>,
    /// A Unix socket that all connections go to.
    pub unix_socket: Option<PathBuf>,
    /// From which local addresses TCP connections come.
    pub sources: Sources,
    /// The proxies.
    pub proxies: Proxies,
    /// Whether a connection is kept for the next request of its user.
    pub keep_alive: bool,
    /// The longest body of an answer, before and after decoding, in bytes; a longer one fails as `too_large`.
    pub body_limit: u64,
    /// Whether arrivals are dated by the kernel, where it does so.
    pub kernel_stamps: bool,
    /// The value of `user-agent`, unless the request has one of its own; empty for none.
    pub user_agent: String,
    /// Which addresses of a name are used.
    pub family: Family,
}

/// A certificate of the client.
#[derive(Clone)]
pub struct ClientCertificate {
    /// The chain, as PEM, beginning with the client's own.
    pub chain: Vec<u8>,
    /// The private key, as PEM.
    pub key: Vec<u8>,
}

/// Sends connections for one host and port to another, as `curl --connect-to` does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectTo {
    /// For this host; any where absent.
    pub host: Option<String>,
    /// For this port; any where absent.
    pub port: Option<u16>,
    /// To this host; the same where absent.
    pub to_host: Option<String>,
    /// To this port; the same where absent.
    pub to_port: Option<u16>,
}

/// Which addresses of a name are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    /// All of them, in the order of the resolver.
    #[default]
    Any,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            insecure: false,
            authority: None,
            client_certificate: None,
            connect_to: Vec::new(),
            pinned: Vec::new(),
            unix_socket: None,
            sources: Sources::System,
            proxies: Proxies::default(),
            keep_alive: true,
            body_limit: 1 << 30,
            kernel_stamps: true,
            user_agent: concat!("loadgen/", env!("CARGO_PKG_VERSION")).to_owned(),
            family: Family::Any,
        }
    }
}

impl Options {
    /// Where connections for an origin go.
    pub(crate) fn redirect<'a>(&'a self, origin: &'a Origin) -> (&'a str, u16) {
        let (host, port) = (origin.host.as_str(), origin.port);
        let redirected = self
            .connect_to
            .iter()
            .find_map(|rule| rule.redirect(host, port));
        redirected.unwrap_or((host, port))
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate").finish_non_exhaustive()
    }
}

impl ConnectTo {
    /// Reads `HOST1:PORT1:HOST2:PORT2`, where each part may be empty and IPv6 addresses stand in brackets.
    ///
    /// # Errors
    /// When the text has another form.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let read = || {
            let (host, rest) = part(text)?;
            let (port, rest) = part(rest)?;
            let (to_host, to_port) = part(rest)?;
            Some(Self {
                host: named(host),
                port: number(port)?,
                to_host: named(to_host),
                to_port: number(to_port)?,
            })
        };
        read().ok_or_else(|| Error::ConnectTo(text.to_owned()))
    }

    /// Where a connection for `host` and `port` goes, if this rule has a say in it.
    pub(crate) fn redirect<'a>(&'a self, host: &'a str, port: u16) -> Option<(&'a str, u16)> {
        let applies = self
            .host
            .as_ref()
            .is_none_or(|own| own.eq_ignore_ascii_case(host))
            && self.port.is_none_or(|own| own == port);
        applies.then(|| {
            (
                self.to_host.as_deref().unwrap_or(host),
                self.to_port.unwrap_or(port),
            )
        })
    }
}

impl Family {
    pub(crate) fn admits(self, address: &SocketAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
        }
    }
}

/// The part up to the next colon outside brackets, and what follows the colon.
fn part(text: &str) -> Option<(&str, &str)> {
    let from = if text.starts_with('[') {
        text.find(']')?
    } else {
        0
    };
    let colon = text[from..].find(':')? + from;
    Some((&text[..colon], &text[colon + 1..]))
}

fn named(text: &str) -> Option<String> {
    let host = split_port(text)
        .filter(|(_, port)| port.is_none())
        .map_or(text, |(host, _)| host);
    (!host.is_empty()).then(|| host.to_owned())
}

/// Nothing for an empty text, the number of another; no answer where it is none.
#[expect(clippy::option_option, reason = "the outer one is the error")]
fn number(text: &str) -> Option<Option<u16>> {
    if text.is_empty() {
        Some(None)
    } else {
        text.parse().ok().map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connect_to_is_read_as_curl_reads_it() {
        // (rule, host, port, where it goes)
        let cases = [
            ("a:80:b:81", "a", 80, Some(("b", 81))),
            ("a:80:b:81", "A", 80, Some(("b", 81))),
            ("a:80:b:81", "a", 443, None),
            ("a:80:b:81", "c", 80, None),
            ("::b:81", "anything", 9, Some(("b", 81))),
            (":443:127.0.0.1:", "anything", 443, Some(("127.0.0.1", 443))),
            ("a:::8080", "a", 80, Some(("a", 8080))),
            ("[::1]:80:[fe80::1]:81", "::1", 80, Some(("fe80::1", 81))),
            ("a:80:[::1]:", "a", 80, Some(("::1", 80))),
        ];
        for (rule, host, port, want) in cases {
            let rule = ConnectTo::parse(rule).unwrap();
            assert_eq!(rule.redirect(host, port), want, "{rule:?} {host} {port}");
        }
        for bad in [
            "",
            "a",
            "a:80",
            "a:80:b",
            "a:x:b:81",
            "a:80:b:99999",
            "a:80:b:81:c",
            "[::1:80:b:81",
        ] {
            assert!(ConnectTo::parse(bad).is_err(), "{bad}");
        }
    }
}
