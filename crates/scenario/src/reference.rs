//! Resolves references against a URL (RFC 3986, section 5), as a redirection needs it.

use crate::{Misread, plan::Origin, url};

/// Where `reference` leads from a page of `origin` whose path and query are `path`: the origin, and path with query.
///
/// # Errors
///
/// Where it leads to no `http` or `https` URL.
pub fn resolve_reference(
    origin: &Origin,
    path: &str,
    reference: &str,
) -> Result<(Origin, String), Misread> {
    let reference = reference.split('#').next().unwrap_or_default();
    if let Some(rest) = reference.strip_prefix("//") {
        let scheme = if origin.tls { "https" } else { "http" };
        return whole(&format!("{scheme}://{rest}"));
    }
    if has_scheme(reference) {
        return whole(reference);
    }
    let (base, query) = path
        .split_once('?')
        .map_or((path, None), |(base, query)| (base, Some(query)));
    let (to, to_query) = match reference.split_once('?') {
        Some((to, query)) => (to, Some(query)),
        None => (reference, None),
    };
    let folder = &base[..base.rfind('/').map_or(0, |slash| slash + 1)];
    let (merged, query) = match to {
        "" => (base.to_owned(), to_query.or(query)),
        to if to.starts_with('/') => (to.to_owned(), to_query),
        to => (format!("{folder}{to}"), to_query),
    };
    Ok((origin.clone(), put_together(&merged, query)))
}

fn whole(text: &str) -> Result<(Origin, String), Misread> {
    let (origin, rest) = url::parse(text)?;
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (rest, None),
    };
    Ok((origin, put_together(path, query)))
}

fn put_together(path: &str, query: Option<&str>) -> String {
    let path = without_dots(path);
    let text = match query {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    url::encode_location(&text).into_owned()
}

/// Whether it begins with a scheme (RFC 3986, section 3.1).
fn has_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(name, _)| {
        name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    })
}

/// The path without `.` and `..` (RFC 3986, section 5.2.4); it begins with `/`.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut parts = path.strip_prefix('/').unwrap_or(path).split('/').peekable();
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        match part {
            "." => {}
            ".." => _ = kept.pop(),
            part => {
                kept.push(part);
                continue;
            }
        }
        if last {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_lead_where_the_standard_says() {
        let base = Origin {
            tls: false,
            host: "a".to_owned(),
            port: 80,
        };
        // The examples of RFC 3986, section 5.4, for `http://a/b/c/d;p?q`, and some of our own.
        let cases = [
            ("g:h", None),
            ("g", Some("http://a/b/c/g")),
            ("./g", Some("http://a/b/c/g")),
            ("g/", Some("http://a/b/c/g/")),
            ("/g", Some("http://a/g")),
            ("//g", Some("http://g/")),
            ("?y", Some("http://a/b/c/d;p?y")),
            ("g?y", Some("http://a/b/c/g?y")),
            ("#s", Some("http://a/b/c/d;p?q")),
            ("g#s", Some("http://a/b/c/g")),
            (";x", Some("http://a/b/c/;x")),
            ("", Some("http://a/b/c/d;p?q")),
            (".", Some("http://a/b/c/")),
            ("./", Some("http://a/b/c/")),
            ("..", Some("http://a/b/")),
            ("../g", Some("http://a/b/g")),
            ("../..", Some("http://a/")),
            ("../../g", Some("http://a/g")),
            ("../../../g", Some("http://a/g")),
            ("/./g", Some("http://a/g")),
            ("/../g", Some("http://a/g")),
            ("g.", Some("http://a/b/c/g.")),
            ("..g", Some("http://a/b/c/..g")),
            ("./../g", Some("http://a/b/g")),
            ("g/./h", Some("http://a/b/c/g/h")),
            ("g;x=1/../y", Some("http://a/b/c/y")),
            ("g?y/../x", Some("http://a/b/c/g?y/../x")),
            ("https://b:8443/x?y#z", Some("https://b:8443/x?y")),
            ("HTTPS://B", Some("https://b/")),
            ("http://b?x", Some("http://b/?x")),
            ("/ä b", Some("http://a/%C3%A4%20b")),
            ("mailto:me@b", None),
            ("javascript:alert(1)", None),
            ("http://", None),
            ("http://user:pass@b/", None),
        ];
        for (reference, expected) in cases {
            let led = resolve_reference(&base, "/b/c/d;p?q", reference);
            let led = led.map(|(origin, path)| format!("{origin}{path}")).ok();
            assert_eq!(led.as_deref(), expected, "{reference}");
        }
    }
}
