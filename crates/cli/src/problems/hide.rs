//! Hides what a scenario's text says of secrets before it is drawn, byte for byte, so that marks stay where they are.

use loadgen_scenario::is_secret_header;
use std::ops::Range;

/// Words before a secret that are none themselves.
const SCHEMES: [&str; 4] = ["bearer", "basic", "token", "digest"];

/// The text with stars for the users of URLs, and for the literal values of what has a secret's name. It is read as
/// characters, not as TOML: what is drawn may be no TOML at all.
pub(super) fn hide(text: &str) -> String {
    let mut shown = text.as_bytes().to_vec();
    for span in secrets(text) {
        for byte in &mut shown[span] {
            if !matches!(byte, b'\n' | b'\r') {
                *byte = b'*';
            }
        }
    }
    String::from_utf8_lossy(&shown).into_owned()
}

fn secrets(text: &str) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    let mut done = 0;
    for (at, _) in text.match_indices(['=', ':']) {
        if at < done {
            continue;
        }
        if text[at..].starts_with("://") {
            spans.extend(user(text, at + "://".len()));
        } else if is_secret_header(name_before(&text[..at])) {
            done = values(text, at + 1, &mut spans);
        }
    }
    spans
}

/// The user, and the password, of the URL whose authority begins there.
fn user(text: &str, start: usize) -> Option<Range<usize>> {
    let ends = |c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\'' | '\\');
    let authority = text[start..].split(ends).next()?;
    authority.rfind('@').map(|length| start..start + length)
}

/// The name at the end of a text, without quotes.
fn name_before(text: &str) -> &str {
    let text = text
        .trim_end_matches([' ', '\t'])
        .trim_end_matches(['"', '\'', '\\']);
    let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    &text[text.trim_end_matches(part).len()..]
}

/// Adds the literal parts of the value that begins there, and tells where it ends.
fn values(text: &str, start: usize, spans: &mut Vec<Range<usize>>) -> usize {
    let start = skip_blanks(text, start);
    let rest = &text[start..];
    let Some(closing) = ['[', '{']
        .iter()
        .position(|open| rest.starts_with(*open))
        .filter(|_| !rest.starts_with("{{"))
        .map(|which| [']', '}'][which])
    else {
        let value = value(text, start);
        literals(text, value.clone(), spans);
        return value.end;
    };
    // A list or a table: every string in it.
    let mut at = start + 1;
    while let Some(found) = text[at..].find(['"', '\'', closing]) {
        at += found;
        if text[at..].starts_with(closing) {
            break;
        }
        let string = value(text, at);
        literals(text, string.clone(), spans);
        at = (string.end + 1).min(text.len());
        at = text.floor_char_boundary(at);
    }
    at
}

/// A value without its quotes: a string, or a word and the scheme before it.
fn value(text: &str, start: usize) -> Range<usize> {
    let rest = &text[start..];
    for quotes in ["\"\"\"", "'''", "\\\"", "\"", "'"] {
        if let Some(inside) = rest.strip_prefix(quotes) {
            let begin = start + quotes.len();
            return begin..begin + string_length(inside, quotes);
        }
    }
    let word = |from: usize| {
        let ends = |c: char| c.is_whitespace() || "\"'\\&,;}]#".contains(c);
        from + text[from..].find(ends).unwrap_or(text.len() - from)
    };
    if rest.starts_with("{{") {
        let end = rest.find("}}").map_or(rest.len(), |at| at + 2);
        return start..word(start + end);
    }
    let end = word(start);
    if is_scheme(&text[start..end]) {
        return start..word(skip_blanks(text, end));
    }
    start..end
}

/// The bytes before the closing quotes, or before the end of the line where they are missing.
fn string_length(inside: &str, quotes: &str) -> usize {
    let lines = quotes.len() == 3;
    let mut escaped = false;
    for (at, c) in inside.char_indices() {
        if escaped {
            escaped = false;
        } else if inside[at..].starts_with(quotes) || c == '\n' && !lines {
            return at;
        } else {
            escaped = c == '\\' && quotes.starts_with('"');
        }
    }
    inside.len()
}

/// Adds the parts of a value that are neither a scheme nor a template.
fn literals(text: &str, value: Range<usize>, spans: &mut Vec<Range<usize>>) {
    let whole = &text[value.clone()];
    let number = whole.len() < 8 && whole.chars().all(|c| c.is_ascii_digit() || c == '.');
    if number || matches!(whole, "true" | "false" | "null") {
        return;
    }
    let mut at = value.start;
    if let Some((scheme, _)) = whole.split_once(' ').filter(|(word, _)| is_scheme(word)) {
        at += scheme.len() + 1;
    }
    while let Some(found) = text[at..value.end].find("{{") {
        spans.push(at..at + found);
        at += found;
        let Some(end) = text[at..value.end].find("}}") else {
            return;
        };
        at += end + 2;
    }
    spans.push(at..value.end);
}

fn is_scheme(word: &str) -> bool {
    SCHEMES
        .iter()
        .any(|scheme| word.eq_ignore_ascii_case(scheme))
}

fn skip_blanks(text: &str, start: usize) -> usize {
    let rest = &text[start..];
    start + rest.len() - rest.trim_start_matches([' ', '\t']).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_give_way_to_stars() {
        for (text, expected) in [
            ("", ""),
            ("key", "key"),
            ("key =", "key ="),
            ("key = \"", "key = \""),
            (
                "authorization = \"Bearer sk-1\"",
                "authorization = \"Bearer ****\"",
            ),
            ("authorization = \"sk-1", "authorization = \"****"),
            (
                "authorization = 'sk\\' # b\nc",
                "authorization = '***' # b\nc",
            ),
            ("x-api-key = \"a\\\"b\" # c", "x-api-key = \"****\" # c"),
            (
                "headers = { cookie = \"a=b\", accept = \"c\" }",
                "headers = { cookie = \"***\", accept = \"c\" }",
            ),
            (
                "headers.'authorization'='x y'",
                "headers.'authorization'='***'",
            ),
            (
                "api_keys = [\"a\", 'bü'] # \"c\"",
                "api_keys = [\"*\", '***'] # \"c\"",
            ),
            ("auth = { user = \"bob\", ", "auth = { user = \"***\", "),
            ("auth = [\"", "auth = [\""),
            (
                "token = \"\"\"\nab\ncd\"\"\"\na = \"b\"",
                "token = \"\"\"\n**\n**\"\"\"\na = \"b\"",
            ),
            ("token = \"{{ env.A }}\"", "token = \"{{ env.A }}\""),
            (
                "token = \"Bearer a{{ env.A }}b\"",
                "token = \"Bearer *{{ env.A }}*\"",
            ),
            ("token = \"{{ env.A\"", "token = \"{{ env.A\""),
            ("tokens = 5", "tokens = 5"),
            ("max_tokens = \"5 x\"", "max_tokens = \"5 x\""),
            (
                "get = \"/x?api_key=abc&z=1\"",
                "get = \"/x?api_key=***&z=1\"",
            ),
            (
                "get = \"/x?token={{ vu }}&z=1\"",
                "get = \"/x?token={{ vu }}&z=1\"",
            ),
            (
                "body = '{\"password\": \"p w\", \"a\": 1}'",
                "body = '{\"password\": \"***\", \"a\": 1}'",
            ),
            (
                "body = \"{\\\"password\\\": \\\"pw\\\", \\\"a\\\"}\"",
                "body = \"{\\\"password\\\": \\\"**\\\", \\\"a\\\"}\"",
            ),
            ("authorization: Basic abc d", "authorization: Basic *** d"),
            (
                "target = \"http://bob:pw@h/@\"",
                "target = \"http://******@h/@\"",
            ),
            ("http://bob:p@w@h", "http://*******@h"),
            ("http://h/a@b", "http://h/a@b"),
            ("secret = \"ü", "secret = \"**"),
        ] {
            let hidden = hide(text);
            assert_eq!(hidden, expected, "{text}");
            assert_eq!(hidden.len(), text.len(), "{text}");
        }
    }
}
