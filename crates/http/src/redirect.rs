//! What a redirection asks for next (RFC 9110, section 15.4).

use crate::failure::failure;
use loadgen_engine::{
    Call, ErrorKind, Exchange, Method, Onward, Rendered, is_secret_header, resolve_reference,
};
use std::borrow::Cow;

/// Whether answers with this status can send a request on.
pub(crate) const fn is_redirection(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// Tells the request that a whole answer sends on to; fails where nothing can be asked there. A redirection without a
/// `location` is an answer like any.
pub(crate) fn tell(call: &Call<'_>, exchange: &mut Exchange) {
    let Some(status) = exchange.status.filter(|status| is_redirection(*status)) else {
        return;
    };
    let head = if call.keep_head {
        exchange.head.clone()
    } else {
        std::mem::take(&mut exchange.head)
    };
    let Some(location) = location(&head).filter(|_| exchange.whole && exchange.failure.is_none())
    else {
        return;
    };
    match onward(call, status, &location) {
        Some(onward) => exchange.onward = Some(Box::new(onward)),
        None => {
            // What it led to may hold a secret of the service's.
            let message = format!("status {status} leads to where nothing can be asked");
            exchange.failure = Some(failure(ErrorKind::Redirect, message));
        }
    }
}

fn onward(call: &Call<'_>, status: u16, location: &str) -> Option<Onward> {
    let message = call.message;
    let (origin, path) = resolve_reference(&message.origin, &message.path, location).ok()?;
    let method = method(status, call.method);
    let (away, bodiless) = (origin != *message.origin, method != call.method);
    let kept = message.headers.iter().filter(|(name, _)| {
        let of_body = name.starts_with("content-") || name == "transfer-encoding";
        // The name of a host is no name of another; credentials are for who asked for them.
        let of_origin = name == "host" || is_secret_header(name);
        !(bodiless && of_body || away && of_origin)
    });
    let own = |text: &Cow<'_, str>| Cow::Owned(text.clone().into_owned());
    let headers = kept.map(|(name, value)| (own(name), own(value))).collect();
    let body = if bodiless {
        Vec::new()
    } else {
        message.body.to_vec()
    };
    Some(Onward {
        method,
        message: Rendered {
            origin: Cow::Owned(origin),
            path: Cow::Owned(path),
            headers,
            body: Cow::Owned(body),
        },
    })
}

/// The method of the next request: 303 asks for another page; after 301 and 302 a POST becomes a GET, as everywhere.
const fn method(status: u16, asked: Method) -> Method {
    match (status, asked) {
        (_, Method::Head) => Method::Head,
        (303, _) | (301 | 302, Method::Post) => Method::Get,
        _ => asked,
    }
}

/// The value of `location`; of several the first.
fn location(head: &[u8]) -> Option<String> {
    let mut lines = head.split(|byte| *byte == b'\n').skip(1);
    let value = lines.find_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = line.split_at(colon);
        name.eq_ignore_ascii_case(b"location")
            .then_some(&value[1..])
    })?;
    let value = String::from_utf8_lossy(value.trim_ascii()).into_owned();
    (!value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_change_as_the_standard_says() {
        use Method::{Delete, Get, Head, Post, Put};
        for (status, asked, next) in [
            (301, Get, Get),
            (301, Post, Get),
            (302, Post, Get),
            (302, Put, Put),
            (303, Post, Get),
            (303, Put, Get),
            (303, Delete, Get),
            (303, Head, Head),
            (307, Post, Post),
            (308, Post, Post),
            (308, Head, Head),
        ] {
            assert_eq!(method(status, asked), next, "{status} {asked:?}");
        }
    }

    #[test]
    fn a_location_is_found_in_a_head() {
        for (head, expected) in [
            ("HTTP/1.1 302 Found\r\nLocation: /a\r\n\r\n", Some("/a")),
            (
                "HTTP/1.1 302 x\r\na: b\r\nlocation:  /a b \r\nlocation: /c\r\n\r\n",
                Some("/a b"),
            ),
            ("HTTP/1.1 302 location: /x\r\nx-location: /y\r\n\r\n", None),
            ("HTTP/1.1 302 x\r\nlocation:\r\n\r\n", None),
            ("", None),
        ] {
            assert_eq!(location(head.as_bytes()).as_deref(), expected, "{head}");
        }
    }
}
