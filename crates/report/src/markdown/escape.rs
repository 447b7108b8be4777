//! Foreign words in Markdown: names and messages may hold anything, and must not become markup.

use crate::text::plain;

/// The text as code, in which nothing is a link, a mention or an emphasis; also inside a table.
pub(crate) fn code(text: &str) -> String {
    let text = plain(text);
    let text = text.trim();
    if text.is_empty() {
        return String::new();
    }
    let runs = text.split(|char| char != '`').map(str::len);
    let fence = "`".repeat(runs.max().unwrap_or(0) + 1);
    let edge = text.starts_with('`') || text.ends_with('`');
    let blank = if edge { " " } else { "" };
    // A table is cut at every bar, also at those in code.
    format!("{fence}{blank}{}{blank}{fence}", text.replace('|', "\\|"))
}

/// The text as it is, with everything that Markdown would read in it escaped.
pub(crate) fn words(text: &str) -> String {
    let text = plain(text);
    let mut escaped = String::with_capacity(text.len());
    for (at, char) in text.char_indices() {
        match char {
            // Neither a person nor an issue is meant.
            '@' | '#' => escaped.push_str(&format!("&#{};", char as u32)),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' => {
                escaped.push('\\');
                escaped.push(char);
            }
            // At the beginning it would make a list.
            '-' | '+' if at == 0 && text[1..].starts_with(' ') => {
                escaped.push('\\');
                escaped.push(char);
            }
            char => escaped.push(char),
        }
    }
    // Addresses become links by themselves.
    escaped.replace("://", "&#58;//")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_holds_anything() {
        let cases = [
            ("", ""),
            ("   ", ""),
            ("chat", "`chat`"),
            ("a|b", "`a\\|b`"),
            ("a`b", "``a`b``"),
            ("``", "``` `` ```"),
            ("`a", "`` `a ``"),
            ("a\nb\u{1b}[31m", "`a b\u{fffd}[31m`"),
            ("@you <b> #1", "`@you <b> #1`"),
            ("\u{202e}x", "`\u{fffd}x`"),
        ];
        for (given, expected) in cases {
            assert_eq!(code(given), expected, "{given:?}");
        }
    }

    #[test]
    fn words_are_no_markup() {
        let cases = [
            ("plain words, 5 % of 12.3 ms", "plain words, 5 % of 12.3 ms"),
            ("a_b*c*[d](e)", "a\\_b\\*c\\*\\[d\\](e)"),
            ("a | b", "a \\| b"),
            (
                "<img src=x> & @you, #7",
                "&lt;img src=x&gt; &amp; &#64;you, &#35;7",
            ),
            ("see http://x.y", "see http&#58;//x.y"),
            ("- no list - at all", "\\- no list - at all"),
            ("+13.8% -1", "+13.8% -1"),
            ("a\r\nb", "a  b"),
            ("$x$ ~y~ `z` \\", "\\$x\\$ \\~y\\~ \\`z\\` \\\\"),
        ];
        for (given, expected) in cases {
            assert_eq!(words(given), expected, "{given:?}");
        }
    }
}
