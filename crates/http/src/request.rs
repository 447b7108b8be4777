//! Renders a request to the bytes that HTTP/1.1 sends.

use crate::{failure::Authority, proxy::Proxy};
use loadgen_engine::{Method, Rendered};

/// A request as bytes, with what must be remembered of it for its answer.
#[derive(Debug, Default)]
pub(crate) struct Wired {
    /// Head and body.
    pub(crate) bytes: Vec<u8>,
    /// What its answer needs to know of it.
    pub(crate) traits: Traits,
}

/// What of a request decides how its answer is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traits {
    /// Its method is HEAD: the answer has no body.
    pub(crate) head: bool,
    /// It names codings that it accepts: a coded body is decoded.
    pub(crate) decode: bool,
    /// It says that it is the last one of its connection.
    pub(crate) close: bool,
}

/// What is the same for all requests of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habits<'a> {
    /// The value of `user-agent`.
    pub(crate) user_agent: &'a str,
    /// Whether connections are kept after an answer.
    pub(crate) keep_alive: bool,
}

/// Fields that the connection alone decides on: they say how the message is framed.
pub(crate) const FRAMING_FIELDS: [&str; 2] = ["content-length", "transfer-encoding"];

/// The name of a method.
pub(crate) const fn method_name(method: Method) -> &'static str {
    match method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Patch => "PATCH",
        Method::Delete => "DELETE",
        Method::Head => "HEAD",
        Method::Options => "OPTIONS",
    }
}

/// Whether a request without a body says so by a length of 0 (RFC 9110, section 8.6).
pub(crate) const fn expects_body(method: Method) -> bool {
    matches!(method, Method::Post | Method::Put | Method::Patch)
}

impl Wired {
    /// Renders a request into `self`, whose memory is used again. `proxy` is the one that is asked to pass it on.
    pub(crate) fn render(
        &mut self,
        method: Method,
        message: &Rendered<'_>,
        habits: Habits<'_>,
        proxy: Option<&Proxy>,
    ) {
        let out = &mut self.bytes;
        out.clear();
        self.traits = Traits {
            head: method == Method::Head,
            decode: false,
            close: !habits.keep_alive,
        };
        put(out, &[method_name(method), " "]);
        if proxy.is_some() {
            put(out, &["http://", &host(message)]);
        }
        put(out, &[&message.path, " HTTP/1.1\r\n"]);
        let named = |name: &str| {
            message
                .headers
                .iter()
                .find(|(other, _)| other == name)
                .map(|(_, value)| value)
        };
        match named("host") {
            Some(host) => put(out, &["host: ", host, "\r\n"]),
            None => put(out, &["host: ", &host(message), "\r\n"]),
        }
        if named("user-agent").is_none() && !habits.user_agent.is_empty() {
            put(out, &["user-agent: ", habits.user_agent, "\r\n"]);
        }
        if named("accept").is_none() {
            put(out, &["accept: */*\r\n"]);
        }
        if !habits.keep_alive && named("connection").is_none() {
            put(out, &["connection: close\r\n"]);
        }
        if let Some(authorization) = proxy.and_then(Proxy::authorization) {
            put(out, &["proxy-authorization: ", authorization, "\r\n"]);
        }
        for (name, value) in message.headers.iter() {
            if name == "host" || FRAMING_FIELDS.contains(&name.as_ref()) {
                continue;
            }
            self.traits.notice(name, value);
            put(out, &[name, ": ", value, "\r\n"]);
        }
        if !message.body.is_empty() || expects_body(method) {
            put(out, &["content-length: "]);
            put_number(out, message.body.len());
            put(out, &["\r\n"]);
        }
        put(out, &["\r\n"]);
        out.extend_from_slice(&message.body);
    }
}

impl Traits {
    /// Notes a field that the request sends.
    pub(crate) fn notice(&mut self, name: &str, value: &str) {
        match name {
            "accept-encoding" => self.decode = true,
            "connection" => {
                self.close |= value
                    .split(',')
                    .any(|option| option.trim().eq_ignore_ascii_case("close"));
            }
            _ => {}
        }
    }
}

/// The host as the field `host` tells it: without the port that the scheme implies.
pub(crate) fn host(message: &Rendered<'_>) -> String {
    let origin = &message.origin;
    let implied = if origin.tls { 443 } else { 80 };
    match (origin.port == implied, origin.host.contains(':')) {
        (false, _) => Authority::of(origin).to_string(),
        (true, true) => format!("[{}]", origin.host),
        (true, false) => origin.host.clone(),
    }
}

fn put(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

fn put_number(out: &mut Vec<u8>, number: usize) {
    use std::io::Write;
    write!(out, "{number}").expect("a vector takes all that is written");
}

#[cfg(test)]
mod tests {
    use super::*;
    use loadgen_engine::Origin;
    use std::borrow::Cow;

    struct Case {
        method: Method,
        url: (bool, &'static str, u16, &'static str),
        headers: &'static [(&'static str, &'static str)],
        body: &'static str,
        keep_alive: bool,
        proxy: Option<&'static str>,
        want: &'static str,
        traits: Traits,
    }

    const PLAIN: Case = Case {
        method: Method::Get,
        url: (false, "example.org", 80, "/"),
        headers: &[],
        body: "",
        keep_alive: true,
        proxy: None,
        want: "",
        traits: Traits {
            head: false,
            decode: false,
            close: false,
        },
    };

    fn check(case: &Case) {
        let (tls, host, port, path) = case.url;
        let headers: Vec<_> = case
            .headers
            .iter()
            .map(|(n, v)| (Cow::Borrowed(*n), Cow::Borrowed(*v)))
            .collect();
        let message = Rendered {
            origin: Cow::Owned(Origin {
                tls,
                host: host.to_owned(),
                port,
            }),
            path: path.into(),
            headers: headers.into(),
            body: Cow::Borrowed(case.body.as_bytes()),
        };
        let habits = Habits {
            user_agent: "loadgen/1",
            keep_alive: case.keep_alive,
        };
        let proxy = case.proxy.map(|url| Proxy::parse(url).unwrap());
        let mut wired = Wired {
            bytes: b"left over".to_vec(),
            traits: Traits {
                head: true,
                decode: true,
                close: true,
            },
        };
        wired.render(case.method, &message, habits, proxy.as_ref());
        let want = case.want.replace('\n', "\r\n");
        assert_eq!(String::from_utf8_lossy(&wired.bytes), want);
        assert_eq!(wired.traits, case.traits, "{want}");
    }

    #[test]
    fn requests_are_rendered() {
        let (head, decode, close) = (true, true, true);
        let none = Traits::default();
        let cases = [
            Case {
                want: "GET / HTTP/1.1\nhost: example.org\nuser-agent: loadgen/1\naccept: */*\n\n",
                ..PLAIN
            },
            Case {
                url: (true, "example.org", 443, "/a?b=c"),
                want: "GET /a?b=c HTTP/1.1\nhost: example.org\nuser-agent: loadgen/1\naccept: */*\n\n",
                ..PLAIN
            },
            Case {
                url: (true, "::1", 80, "/"),
                want: "GET / HTTP/1.1\nhost: [::1]:80\nuser-agent: loadgen/1\naccept: */*\n\n",
                ..PLAIN
            },
            Case {
                url: (false, "::1", 80, "/"),
                method: Method::Head,
                want: "HEAD / HTTP/1.1\nhost: [::1]\nuser-agent: loadgen/1\naccept: */*\n\n",
                traits: Traits { head, ..none },
                ..PLAIN
            },
            Case {
                method: Method::Post,
                headers: &[
                    ("host", "h"),
                    ("user-agent", "u"),
                    ("accept", "text/plain"),
                    ("x", "1"),
                    ("x", "2"),
                ],
                want: "POST / HTTP/1.1\nhost: h\nuser-agent: u\naccept: text/plain\nx: 1\nx: 2\ncontent-length: 0\n\n",
                ..PLAIN
            },
            Case {
                method: Method::Put,
                headers: &[
                    ("content-length", "99"),
                    ("transfer-encoding", "chunked"),
                    ("accept-encoding", "gzip"),
                ],
                body: "hello",
                want: "PUT / HTTP/1.1\nhost: example.org\nuser-agent: loadgen/1\naccept: */*\naccept-encoding: gzip\ncontent-length: 5\n\nhello",
                traits: Traits { decode, ..none },
                ..PLAIN
            },
            Case {
                method: Method::Delete,
                body: "x",
                want: "DELETE / HTTP/1.1\nhost: example.org\nuser-agent: loadgen/1\naccept: */*\ncontent-length: 1\n\nx",
                ..PLAIN
            },
            Case {
                keep_alive: false,
                want: "GET / HTTP/1.1\nhost: example.org\nuser-agent: loadgen/1\naccept: */*\nconnection: close\n\n",
                traits: Traits { close, ..none },
                ..PLAIN
            },
            Case {
                headers: &[("connection", "TE, Close")],
                want: "GET / HTTP/1.1\nhost: example.org\nuser-agent: loadgen/1\naccept: */*\nconnection: TE, Close\n\n",
                traits: Traits { close, ..none },
                ..PLAIN
            },
            Case {
                proxy: Some("http://proxy:3128"),
                url: (false, "example.org", 8080, "/x"),
                want: "GET http://example.org:8080/x HTTP/1.1\nhost: example.org:8080\nuser-agent: loadgen/1\naccept: */*\n\n",
                ..PLAIN
            },
            Case {
                proxy: Some("http://Aladdin:open%20sesame@proxy:3128"),
                want: "GET http://example.org/ HTTP/1.1\nhost: example.org\nuser-agent: loadgen/1\naccept: */*\nproxy-authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\n\n",
                ..PLAIN
            },
        ];
        for case in &cases {
            check(case);
        }
    }
}
