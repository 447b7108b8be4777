//! Which requests go through a proxy, and how it is addressed.

use crate::error::Error;
use std::fmt;

/// The proxies of a run, as the variables `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` name them.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    http: Option<Proxy>,
    https: Option<Proxy>,
    /// Host names (a leading dot is dropped), or `*`; each may have a port.
    except: Vec<(String, Option<u16>)>,
}

/// One HTTP proxy.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Proxy {
    pub(crate) host: String,
    pub(crate) port: u16,
    authorization: Option<String>,
}

impl Proxies {
    /// Reads the values of the three variables. A value without a scheme is taken as `http://`; other schemes are
    /// refused.
    ///
    /// # Errors
    /// When the address of a proxy cannot be read or is not that of an HTTP proxy.
    pub fn parse(
        http: Option<&str>,
        https: Option<&str>,
        no_proxy: Option<&str>,
    ) -> Result<Self, Error> {
        let one = |value: Option<&str>| {
            value
                .filter(|value| !value.is_empty())
                .map(Proxy::parse)
                .transpose()
        };
        let names = no_proxy
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty());
        Ok(Self {
            http: one(http)?,
            https: one(https)?,
            except: names.map(exception).collect(),
        })
    }

    /// The proxy for a host; none where it is reached directly.
    pub(crate) fn of(&self, tls: bool, host: &str, port: u16) -> Option<&Proxy> {
        let proxy = if tls {
            self.https.as_ref()
        } else {
            self.http.as_ref()
        }?;
        let excepted = |(name, only): &(String, Option<u16>)| {
            only.is_none_or(|only| only == port) && (name == "*" || is_or_is_under(host, name))
        };
        (!self.except.iter().any(excepted)).then_some(proxy)
    }
}

impl Proxy {
    pub(crate) fn parse(url: &str) -> Result<Self, Error> {
        // The value may hold a password: it never goes into the error.
        let rest = match url.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
            Some(_) => return Err(Error::ProxyScheme),
            None => url,
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (user, address) = match authority.rsplit_once('@') {
            Some((user, address)) => (Some(user), address),
            None => (None, authority),
        };
        let (host, port) = split_port(address).ok_or(Error::ProxyAddress)?;
        let port = port.unwrap_or(80);
        let authorization = user.map(|user| format!("Basic {}", base64(&percent_decoded(user))));
        Ok(Self {
            host: host.to_owned(),
            port,
            authorization,
        })
    }

    /// The value of `proxy-authorization`.
    pub(crate) fn authorization(&self) -> Option<&str> {
        self.authorization.as_deref()
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// Host (without brackets) and port of `host`, `host:port`, `[v6]`, `[v6]:port` or a bare IPv6 address.
pub(crate) fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        match rest.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if rest.is_empty() => (host, None),
            None => return None,
        }
    } else {
        match text.split_once(':') {
            Some((host, port)) if !port.contains(':') => (host, Some(port)),
            _ => (text, None),
        }
    };
    let port = port
        .map(|port| port.parse().ok())
        .map_or(Some(None), |port| port.map(Some))?;
    (!host.is_empty()).then_some((host, port))
}

fn exception(name: &str) -> (String, Option<u16>) {
    let (host, port) = split_port(name).unwrap_or((name, None));
    (
        host.trim_start_matches("*.")
            .trim_start_matches('.')
            .to_ascii_lowercase(),
        port,
    )
}

fn is_or_is_under(host: &str, name: &str) -> bool {
    let host = host.to_ascii_lowercase();
    host.strip_suffix(name)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let coded = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten();
        match coded.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    out
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let value = usize::try_from(bits >> (18 - 6 * digit) & 63).unwrap_or_default();
            out.push(if digit <= group.len() {
                char::from(DIGITS[value])
            } else {
                '='
            });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_chosen_by_scheme_and_host() {
        let proxies = Proxies::parse(
            Some("plain:3128"),
            Some("http://user:pass@secure/"),
            Some("localhost, .internal,*.corp ,10.0.0.1,special:8443,[::1]"),
        )
        .unwrap();
        let cases = [
            (false, "example.org", 80, Some(("plain", 3128))),
            (true, "example.org", 443, Some(("secure", 80))),
            (false, "localhost", 80, None),
            (false, "LOCALHOST", 80, None),
            (true, "a.internal", 443, None),
            (true, "internal", 443, None),
            (true, "notinternal", 443, Some(("secure", 80))),
            (true, "x.corp", 443, None),
            (false, "10.0.0.1", 80, None),
            (false, "110.0.0.1", 80, Some(("plain", 3128))),
            (true, "special", 8443, None),
            (true, "special", 443, Some(("secure", 80))),
            (false, "::1", 80, None),
        ];
        for (tls, host, port, want) in cases {
            let got = proxies
                .of(tls, host, port)
                .map(|proxy| (proxy.host.as_str(), proxy.port));
            assert_eq!(got, want, "{tls} {host} {port}");
        }
        let none = Proxies::parse(Some("p"), Some(""), Some("*")).unwrap();
        assert!(none.of(false, "a", 80).is_none() && none.of(true, "a", 443).is_none());
    }

    #[test]
    fn what_is_no_http_proxy_is_refused_without_telling_the_password() {
        for url in [
            "socks5://u:secret@p:1080",
            "https://u:secret@p",
            "http://u:secret@",
            "http://u:secret@p:x",
            "http://u:secret@[::1",
        ] {
            let error = Proxies::parse(Some(url), None, None).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("secret"), "{url}");
        }
        let proxies = Proxies::parse(Some("http://u:secret@p"), None, None).unwrap();
        assert!(!format!("{proxies:?}").contains("secret"));
    }

    #[test]
    fn credentials_are_coded() {
        for (text, want) in [
            ("", ""),
            ("a", "YQ=="),
            ("ab", "YWI="),
            ("abc", "YWJj"),
            ("a%3Ab%zz%", "YTpiJXp6JQ=="),
            ("\u{fb}", "w7s="),
        ] {
            assert_eq!(base64(&percent_decoded(text)), want, "{text}");
        }
    }
}
