//! Cuts a copied command line into words, as a POSIX shell, bash's `$'…'` or Windows' caret would.

use super::CurlError;
use std::{iter::Peekable, str::Chars};

/// The words of a command line.
pub(super) fn words(line: &str) -> Result<Vec<String>, CurlError> {
    let line = if is_caret_quoted(line) {
        without_carets(line)
    } else {
        line.to_owned()
    };
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\n' | '\r' => words.extend(word.take()),
            '\\' => match chars.next() {
                Some('\n') | None => {}
                Some('\r') => {
                    chars.next_if_eq(&'\n');
                }
                Some(other) => word.get_or_insert_default().push(other),
            },
            '\'' => single(&mut chars, word.get_or_insert_default())?,
            '"' => double(&mut chars, word.get_or_insert_default())?,
            '$' if chars.next_if_eq(&'\'').is_some() => {
                ansi(&mut chars, word.get_or_insert_default())?;
            }
            ';' | '|' | '&' | '<' | '>' => return Err(CurlError::MoreThanCurl(c)),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

/// Whether the line was copied for Windows' command prompt, where a caret hides the character after it.
fn is_caret_quoted(line: &str) -> bool {
    line.contains("^\"") || line.contains("^\n") || line.contains("^\r\n")
}

/// The line as the command prompt hands it on: the character after a caret stands for itself.
fn without_carets(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '^' {
            plain.push(c);
            continue;
        }
        match chars.next() {
            Some('\r') => {
                chars.next_if_eq(&'\n');
            }
            Some('\n') | None => {}
            Some(other) => plain.push(other),
        }
    }
    plain
}

fn single(chars: &mut Peekable<Chars<'_>>, word: &mut String) -> Result<(), CurlError> {
    for c in chars {
        if c == '\'' {
            return Ok(());
        }
        word.push(c);
    }
    Err(CurlError::OpenQuote('\''))
}

fn double(chars: &mut Peekable<Chars<'_>>, word: &mut String) -> Result<(), CurlError> {
    while let Some(c) = chars.next() {
        match c {
            '"' => return Ok(()),
            '\\' => match chars.next() {
                Some(escaped @ ('"' | '\\' | '$' | '`')) => word.push(escaped),
                Some('\n') | None => {}
                Some(other) => {
                    word.push('\\');
                    word.push(other);
                }
            },
            _ => word.push(c),
        }
    }
    Err(CurlError::OpenQuote('"'))
}

/// Bash's `$'…'`, as browsers write bodies with line breaks or characters beyond ASCII.
fn ansi(chars: &mut Peekable<Chars<'_>>, word: &mut String) -> Result<(), CurlError> {
    while let Some(c) = chars.next() {
        match c {
            '\'' => return Ok(()),
            '\\' => match chars.next() {
                Some('n') => word.push('\n'),
                Some('r') => word.push('\r'),
                Some('t') => word.push('\t'),
                Some('x') => word.push(code(chars, 2)?),
                Some('u') => word.push(unicode(chars)?),
                Some('U') => word.push(code(chars, 8)?),
                Some(other) => word.push(other),
                None => {}
            },
            _ => word.push(c),
        }
    }
    Err(CurlError::OpenQuote('\''))
}

/// Four digits, or two such escapes that are halves of one character.
fn unicode(chars: &mut Peekable<Chars<'_>>) -> Result<char, CurlError> {
    let high = digits(chars, 4);
    if !(0xD800..0xDC00).contains(&high) {
        return char::from_u32(high).ok_or(CurlError::BadEscape);
    }
    if chars.next() != Some('\\') || chars.next() != Some('u') {
        return Err(CurlError::BadEscape);
    }
    let low = digits(chars, 4)
        .checked_sub(0xDC00)
        .filter(|low| *low < 0x400);
    low.and_then(|low| char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + low))
        .ok_or(CurlError::BadEscape)
}

fn code(chars: &mut Peekable<Chars<'_>>, most: usize) -> Result<char, CurlError> {
    char::from_u32(digits(chars, most)).ok_or(CurlError::BadEscape)
}

/// The number that up to `most` hexadecimal digits make.
fn digits(chars: &mut Peekable<Chars<'_>>, most: usize) -> u32 {
    let mut number = 0_u32;
    for _ in 0..most {
        let Some(digit) = chars.peek().and_then(|c| c.to_digit(16)) else {
            break;
        };
        chars.next();
        number = number.wrapping_mul(16).wrapping_add(digit);
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_as_shells_cut_them() {
        let cases: [(&str, &[&str]); 14] = [
            ("curl http://a/", &["curl", "http://a/"]),
            ("  curl   a\tb\r\n", &["curl", "a", "b"]),
            ("curl 'a b' \"c d\"", &["curl", "a b", "c d"]),
            (
                r#"curl "say \"hi\" \\ \n $5""#,
                &["curl", r#"say "hi" \ \n $5"#],
            ),
            (r"curl 'it'\''s'", &["curl", "it's"]),
            ("curl \\\n  -X POST \\\r\n b", &["curl", "-X", "POST", "b"]),
            (r"curl $'a\nb\tc\'d\\'", &["curl", "a\nb\tc'd\\"]),
            (
                r"curl $'\u00fc\x41\u2713\U0001F600'",
                &["curl", "ü\u{41}✓😀"],
            ),
            (r"curl $'\ud83d\ude00!'", &["curl", "😀!"]),
            ("curl ''", &["curl", ""]),
            ("curl a'b'\"c\"d", &["curl", "abcd"]),
            (
                "curl ^\"http://a/?b=1^&c=2^\" ^\n -H ^\"x: y^\"",
                &["curl", "http://a/?b=1&c=2", "-H", "x: y"],
            ),
            (
                "curl ^\"http://a/^\" ^\r\n --data-raw ^\"^{^\\^\"a^\\^\":1^}^\"",
                &["curl", "http://a/", "--data-raw", "{\"a\":1}"],
            ),
            ("", &[]),
        ];
        for (line, expected) in cases {
            assert_eq!(words(line).unwrap(), expected, "{line}");
        }
    }

    #[test]
    fn lines_that_are_torn_or_do_more_are_refused() {
        let cases = [
            ("curl 'a", CurlError::OpenQuote('\'')),
            ("curl \"a", CurlError::OpenQuote('"')),
            ("curl $'a", CurlError::OpenQuote('\'')),
            ("curl a | jq .", CurlError::MoreThanCurl('|')),
            ("curl a; rm b", CurlError::MoreThanCurl(';')),
            ("curl a > b", CurlError::MoreThanCurl('>')),
            (r"curl $'\ud83d'", CurlError::BadEscape),
            (r"curl $'\ude00'", CurlError::BadEscape),
            (r"curl $'\UFFFFFFFF'", CurlError::BadEscape),
        ];
        for (line, expected) in cases {
            assert_eq!(words(line).unwrap_err(), expected, "{line}");
        }
    }
}
