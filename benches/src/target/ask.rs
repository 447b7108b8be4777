//! Reads what a request asks for from its first line.

use std::time::Duration;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    Plain,
    Arrive,
    Flood { events: u32 },
    Stream(Shape),
}

/// How a stream is to flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) events: u32,
    pub(super) first: Duration,
    pub(super) gap: Duration,
    /// Each gap is scaled by a factor between 1 − this/100 and 1 + this/100.
    pub(super) jitter: u32,
}

impl Ask {
    /// Nothing where the path is unknown or a number is none.
    pub(super) fn parse(head: &[u8]) -> Option<Self> {
        let line = head.split(|byte| *byte == b'\r').next()?;
        let mut words = line.split(|byte| *byte == b' ');
        let target = words.nth(1)?;
        if target == b"/plain" {
            return Some(Self::Plain);
        }
        let target = std::str::from_utf8(target).ok()?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let number = |name: &str, default: u32| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            let found = pairs.find(|(key, _)| *key == name);
            found.map_or(Some(default), |(_, value)| value.parse().ok())
        };
        let milliseconds =
            |name, default| Some(Duration::from_millis(number(name, default)?.into()));
        match path {
            "/arrive" => Some(Self::Arrive),
            "/flood" => Some(Self::Flood {
                events: number("n", 64)?.max(1),
            }),
            "/v1/chat/completions" => Some(Self::Stream(Shape {
                events: number("n", 100)?.max(1),
                first: milliseconds("ttft", 200)?,
                gap: milliseconds("itl", 90)?,
                jitter: number("jitter", 0)?.min(100),
            })),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Option<Ask>) {
        let head = format!("{line}\r\nhost: a\r\n\r\n");
        assert_eq!(Ask::parse(head.as_bytes()), expected, "{line}");
    }

    #[test]
    fn the_query_says_what_is_wanted() {
        let shape = Shape {
            events: 100,
            first: Duration::from_millis(200),
            gap: Duration::from_millis(90),
            jitter: 0,
        };
        check("GET /plain HTTP/1.1", Some(Ask::Plain));
        check("GET /arrive?k=7 HTTP/1.1", Some(Ask::Arrive));
        check("GET /flood HTTP/1.1", Some(Ask::Flood { events: 64 }));
        check("GET /flood?n=0 HTTP/1.1", Some(Ask::Flood { events: 1 }));
        check(
            "POST /v1/chat/completions HTTP/1.1",
            Some(Ask::Stream(shape)),
        );
        check(
            "POST /v1/chat/completions?n=3&ttft=0&itl=1&jitter=30 HTTP/1.1",
            Some(Ask::Stream(Shape {
                events: 3,
                first: Duration::ZERO,
                gap: Duration::from_millis(1),
                jitter: 30,
            })),
        );
        check("GET /flood?n=x HTTP/1.1", None);
        check("GET / HTTP/1.1", None);
        check("nonsense", None);
    }
}
