//! Reads and encodes URLs: the target, whole URLs of steps, paths and queries.

use crate::{plan::Origin, quantity::Misread};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use std::{borrow::Cow, net::Ipv6Addr, ops::Range};

/// What cannot stand in a path or a query as it is; `%` is looked at apart.
const LOCATION: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'|')
    .add(b'\\')
    .add(b'^');
/// What cannot stand in a key or a value of a query.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Whether the text begins with a scheme, and so is a whole URL.
pub(crate) fn is_whole(text: &str) -> bool {
    scheme(text).is_some()
}

/// Reads a whole URL: where it goes, and the rest with path and query as written (empty, or beginning with `/` or `?`).
pub(crate) fn parse(text: &str) -> Result<(Origin, &str), Misread> {
    let Some((name, start)) = scheme(text) else {
        let help = if text.starts_with('/') || text.is_empty() || text.contains(char::is_whitespace)
        {
            "a URL begins with `http://` or `https://`".to_owned()
        } else {
            format!("write `http://{}`", without_userinfo(text))
        };
        return Err(misread(
            "a URL without `http://` or `https://`",
            0..text.len(),
            help,
        ));
    };
    let tls = match name.to_ascii_lowercase().as_str() {
        "http" => false,
        "https" => true,
        _ => {
            let message = format!("the scheme `{name}` is not known");
            return Err(misread(
                message,
                0..name.len(),
                "use `http://` or `https://`".to_owned(),
            ));
        }
    };
    let end = text[start..]
        .find(['/', '?', '#', '\\'])
        .map_or(text.len(), |found| start + found);
    let authority = &text[start..end];
    if let Some(at) = authority.rfind('@') {
        let help = "give them as a header: authorization = \"Basic …\"".to_owned();
        return Err(misread(
            "a URL cannot hold a user and a password",
            start..start + at,
            help,
        ));
    }
    let (host, port) = host_and_port(authority, start)?;
    Ok((
        Origin {
            tls,
            host,
            port: port.unwrap_or(if tls { 443 } else { 80 }),
        },
        &text[end..],
    ))
}

/// Reads a base URL: where it goes, and the path before every relative path, without a slash at its end.
pub(crate) fn parse_base(text: &str) -> Result<(Origin, String), Misread> {
    let (origin, rest) = parse(text)?;
    if let Some(query) = rest.find(['?', '#']) {
        let span = text.len() - rest.len() + query..text.len();
        let help = "give it in the steps, with `query`".to_owned();
        return Err(misread(
            "a target cannot have a query or a fragment",
            span,
            help,
        ));
    }
    Ok((
        origin,
        encode_location(rest.trim_end_matches('/')).into_owned(),
    ))
}

/// A path with its query so that it can stand in a request line: what must be encoded is, the fragment is left out.
pub(crate) fn encode_location(text: &str) -> Cow<'_, str> {
    let text = text.split('#').next().unwrap_or_default();
    let clean = |byte: u8| byte.is_ascii() && !LOCATION_BYTES[usize::from(byte)] && byte != b'%';
    if text.bytes().all(clean) {
        return Cow::Borrowed(text);
    }
    let mut encoded = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(percent) = rest.find('%') {
        encoded.extend(utf8_percent_encode(&rest[..percent], LOCATION));
        let digits = rest.as_bytes().get(percent + 1..percent + 3);
        let escape = digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        encoded.push_str(if escape { "%" } else { "%25" });
        rest = &rest[percent + 1..];
    }
    encoded.extend(utf8_percent_encode(rest, LOCATION));
    Cow::Owned(encoded)
}

/// A key or a value of a query, encoded.
pub(crate) fn encode_component(text: &str) -> String {
    utf8_percent_encode(text, COMPONENT).to_string()
}

/// The URL without user and password, to be shown.
pub(crate) fn without_userinfo(text: &str) -> Cow<'_, str> {
    let start = scheme(text).map_or(0, |(_, start)| start);
    let end = text[start..]
        .find(['/', '?', '#'])
        .map_or(text.len(), |found| start + found);
    match text[start..end].rfind('@') {
        Some(at) => Cow::Owned(format!("{}***{}", &text[..start], &text[start + at..])),
        None => Cow::Borrowed(text),
    }
}

/// The bytes of [`LOCATION`], for a quick look.
static LOCATION_BYTES: [bool; 128] = {
    let mut bytes = [false; 128];
    let mut byte = 0;
    while byte < 128 {
        bytes[byte] = matches!(
            byte as u8,
            0..=32 | b'"' | b'<' | b'>' | b'`' | b'{' | b'}' | b'|' | b'\\' | b'^' | 127
        );
        byte += 1;
    }
    bytes
};

/// The scheme and where the authority begins.
fn scheme(text: &str) -> Option<(&str, usize)> {
    let colon = text.find("://")?;
    let name = &text[..colon];
    let valid = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    valid.then_some((name, colon + 3))
}

fn host_and_port(authority: &str, start: usize) -> Result<(String, Option<u16>), Misread> {
    let whole = start..start + authority.len();
    if let Some(inside) = authority.strip_prefix('[') {
        return address_and_port(inside, start + 1);
    }
    if authority.matches(':').count() > 1 && authority.parse::<Ipv6Addr>().is_ok() {
        return Err(misread(
            "an IPv6 address needs brackets",
            whole,
            format!("write `[{authority}]`"),
        ));
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, parse_port(port, whole.end)?),
        None => (authority, None),
    };
    let span = start..start + host.len();
    let (message, span, help) = match () {
        () if host.is_empty() => (
            "the URL has no host".to_owned(),
            whole,
            "write for example `http://localhost:8080`",
        ),
        () if !host.is_ascii() => (
            format!("the host `{host}` is not ASCII"),
            span,
            "write the name in its ASCII form (`xn--…`)",
        ),
        () if !host
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) =>
        {
            (
                format!("`{}` is no host", host.escape_default()),
                span,
                "a host is a name or an address",
            )
        }
        () => return Ok((host.to_ascii_lowercase(), port)),
    };
    Err(misread(message, span, help.to_owned()))
}

/// An IPv6 address behind its opening bracket, and the port.
fn address_and_port(inside: &str, start: usize) -> Result<(String, Option<u16>), Misread> {
    let whole = start - 1..start + inside.len();
    let Some((address, rest)) = inside.split_once(']') else {
        let help = "write `[::1]`".to_owned();
        return Err(misread(
            "the bracket of an IPv6 address is not closed",
            whole,
            help,
        ));
    };
    if address.parse::<Ipv6Addr>().is_err() {
        let help = "write for example `[::1]`".to_owned();
        return Err(misread(
            format!("`{address}` is no IPv6 address"),
            start..start + address.len(),
            help,
        ));
    }
    let port = match rest.strip_prefix(':') {
        Some(port) => parse_port(port, whole.end)?,
        None if rest.is_empty() => None,
        None => {
            return Err(misread(
                "something stands between host and port",
                whole,
                "write `[::1]:8080`".to_owned(),
            ));
        }
    };
    Ok((address.to_ascii_lowercase(), port))
}

fn parse_port(text: &str, end: usize) -> Result<Option<u16>, Misread> {
    if text.is_empty() {
        return Ok(None);
    }
    let digits = text.chars().all(|c| c.is_ascii_digit());
    match text.parse::<u16>() {
        Ok(port) if port > 0 && digits => Ok(Some(port)),
        _ => {
            let message = format!("`{}` is no port", text.escape_default());
            Err(misread(
                message,
                end - text.len()..end,
                "a port is 1 to 65535".to_owned(),
            ))
        }
    }
}

fn misread(message: impl Into<String>, span: Range<usize>, help: String) -> Misread {
    Misread {
        message: message.into(),
        span,
        help: Some(help),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read() {
        let cases = [
            ("http://localhost", "http localhost 80 []"),
            (
                "https://Example.COM/x?y=1",
                "https example.com 443 [/x?y=1]",
            ),
            ("HTTP://a_b:8080/", "http a_b 8080 [/]"),
            ("http://[::1]:9/p", "http ::1 9 [/p]"),
            ("http://[FE80::1]", "http fe80::1 80 []"),
            ("http://1.2.3.4:", "http 1.2.3.4 80 []"),
            ("http://h?q", "http h 80 [?q]"),
        ];
        for (text, want) in cases {
            let (origin, rest) = parse(text).unwrap();
            let scheme = if origin.tls { "https" } else { "http" };
            assert_eq!(
                format!("{scheme} {} {} [{rest}]", origin.host, origin.port),
                want,
                "{text}"
            );
        }
    }

    #[test]
    fn wrong_urls_are_told_without_passwords() {
        let cases = [
            (
                "localhost:8080",
                "a URL without `http://` or `https://`",
                "localhost:8080",
                "write `http://localhost:8080`",
            ),
            (
                "u:secret@h",
                "a URL without `http://` or `https://`",
                "u:secret@h",
                "write `http://***@h`",
            ),
            (
                "",
                "a URL without `http://` or `https://`",
                "",
                "a URL begins with `http://` or `https://`",
            ),
            (
                "ftp://h/",
                "the scheme `ftp` is not known",
                "ftp",
                "use `http://` or `https://`",
            ),
            (
                "http://u:secret@h/",
                "a URL cannot hold a user and a password",
                "u:secret",
                "give them as a header",
            ),
            ("http://h:0/", "`0` is no port", "0", "a port is 1 to 65535"),
            (
                "http://h:+5/",
                "`+5` is no port",
                "+5",
                "a port is 1 to 65535",
            ),
            (
                "http://h:99999",
                "`99999` is no port",
                "99999",
                "a port is 1 to 65535",
            ),
            (
                "http://:80/",
                "the URL has no host",
                ":80",
                "write for example `http://localhost:8080`",
            ),
            (
                "http://::1/",
                "an IPv6 address needs brackets",
                "::1",
                "write `[::1]`",
            ),
            (
                "http://[::1/",
                "the bracket of an IPv6 address is not closed",
                "[::1",
                "write `[::1]`",
            ),
            (
                "http://[::g]/",
                "`::g` is no IPv6 address",
                "::g",
                "write for example `[::1]`",
            ),
            (
                "http://a b/",
                "`a b` is no host",
                "a b",
                "a host is a name or an address",
            ),
            (
                "http://münchen/",
                "the host `münchen` is not ASCII",
                "münchen",
                "write the name in its ASCII form",
            ),
        ];
        for (text, message, marked, help) in cases {
            let error = parse(text).unwrap_err();
            assert_eq!(error.message, message, "{text}");
            assert_eq!(&text[error.span.clone()], marked, "{text}");
            assert!(
                error.help.as_deref().unwrap().starts_with(help),
                "{text}: {:?}",
                error.help
            );
            assert!(
                !format!("{}{:?}", error.message, error.help).contains("secret"),
                "{text}"
            );
        }
    }

    #[test]
    fn locations_are_encoded_once() {
        let cases = [
            ("/a/b?c=d&e", "/a/b?c=d&e"),
            ("/a b", "/a%20b"),
            ("/a%20b%zz%", "/a%20b%25zz%25"),
            ("/ä\r\nx: y", "/%C3%A4%0D%0Ax:%20y"),
            ("/x#frag", "/x"),
            ("/[1]{2}|\\^`<>\"", "/[1]%7B2%7D%7C%5C%5E%60%3C%3E%22"),
        ];
        for (text, want) in cases {
            assert_eq!(encode_location(text), want);
        }
        assert_eq!(encode_component("a b&c=d/é~"), "a%20b%26c%3Dd%2F%C3%A9~");
    }

    #[test]
    fn the_quick_look_and_the_set_agree() {
        for byte in 0..128_u8 {
            let encoded =
                utf8_percent_encode(std::str::from_utf8(&[byte]).unwrap(), LOCATION).to_string();
            assert_eq!(
                LOCATION_BYTES[usize::from(byte)],
                encoded.len() == 3,
                "{byte}"
            );
        }
    }

    #[test]
    fn bases_lose_their_last_slash() {
        for (text, want) in [
            ("http://h", ""),
            ("http://h/", ""),
            ("http://h/api/v1/", "/api/v1"),
            ("http://h/a b", "/a%20b"),
        ] {
            assert_eq!(parse_base(text).unwrap().1, want);
        }
        for text in ["http://h/?q", "http://h#f"] {
            assert_eq!(
                parse_base(text).unwrap_err().message,
                "a target cannot have a query or a fragment"
            );
        }
    }
}
