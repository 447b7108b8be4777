//! Lines of coloured pieces that know how wide they are on a terminal.

use std::fmt::Write as _;

/// A blank that keeps a number and its unit on one line.
pub(crate) const NO_BREAK: char = '\u{a0}';

/// How a piece looks where colour was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Paint {
    /// As the terminal has it.
    #[default]
    Plain,
    /// Headings.
    Bold,
    /// What matters less.
    Dim,
    /// Good.
    Green,
    /// Bad.
    Red,
    /// Doubtful.
    Yellow,
    /// Bars.
    Cyan,
    /// Good, and a heading.
    BoldGreen,
    /// Bad, and a heading.
    BoldRed,
    /// Doubtful, and a heading.
    BoldYellow,
}

/// A piece of a line in one colour, free of control characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    text: String,
    paint: Paint,
}

/// One line of output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line(Vec<Span>);

impl Paint {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Green => "32",
            Self::Red => "31",
            Self::Yellow => "33",
            Self::Cyan => "36",
            Self::BoldGreen => "1;32",
            Self::BoldRed => "1;31",
            Self::BoldYellow => "1;33",
        }
    }

    /// This colour for the text.
    pub(crate) fn on(self, text: impl AsRef<str>) -> Span {
        Span {
            text: plain(text.as_ref()),
            paint: self,
        }
    }
}

impl Span {
    /// The text without its colour.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Columns it takes.
    pub(crate) fn width(&self) -> usize {
        width(&self.text)
    }

    /// The same, shortened to `columns` with an ellipsis where it is longer.
    pub(crate) fn fit(self, columns: usize) -> Self {
        Self {
            text: fit(&self.text, columns),
            paint: self.paint,
        }
    }

    /// The same, filled up with blanks to `columns`, before or behind the text.
    pub(crate) fn pad(self, columns: usize, right: bool) -> Self {
        let blanks = " ".repeat(columns.saturating_sub(self.width()));
        let text = if right {
            blanks + &self.text
        } else {
            self.text + &blanks
        };
        Self { text, ..self }
    }
}

impl From<&str> for Span {
    fn from(text: &str) -> Self {
        Paint::Plain.on(text)
    }
}

impl From<String> for Span {
    fn from(text: String) -> Self {
        Paint::Plain.on(text)
    }
}

impl Line {
    /// An empty line.
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// The line with one more piece.
    #[must_use]
    pub(crate) fn with(mut self, span: impl Into<Span>) -> Self {
        self.push(span);
        self
    }

    /// Appends a piece.
    pub(crate) fn push(&mut self, span: impl Into<Span>) {
        self.0.push(span.into());
    }

    /// Columns it takes.
    #[cfg(test)]
    pub(crate) fn width(&self) -> usize {
        self.0.iter().map(Span::width).sum()
    }

    /// Writes the line into `out`: in at most `columns`, without blanks at the end, in colour if asked for.
    pub(crate) fn render(&self, columns: usize, color: bool, out: &mut String) {
        let texts: String = self.0.iter().map(|span| span.text.as_str()).collect();
        let is_cut = width(texts.trim_end()) > columns;
        let mut left = if is_cut {
            columns.saturating_sub(1)
        } else {
            columns
        };
        let start = out.len();
        for span in &self.0 {
            let kept = head(&span.text, left);
            left -= width(kept);
            let code = span.paint.code();
            if color && !code.is_empty() && !kept.trim().is_empty() {
                // Writing to a string does not fail.
                let _ = write!(out, "\u{1b}[{code}m{kept}\u{1b}[0m");
            } else {
                out.push_str(kept);
            }
            if kept.len() < span.text.len() {
                break;
            }
        }
        let end = out.trim_end_matches(' ').len().max(start);
        out.truncate(end);
        if is_cut && columns > 0 {
            out.push('…');
        }
        out.push('\n');
    }
}

/// Columns that a text takes on a terminal.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

/// The text, shortened to `columns` with an ellipsis where it is longer.
pub(crate) fn fit(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    if columns == 0 {
        return String::new();
    }
    let mut short = head(text, columns - 1).trim_end().to_owned();
    short.push('…');
    short
}

/// As much of the text as takes at most `columns`.
fn head(text: &str, columns: usize) -> &str {
    let mut used = 0;
    let over = text.char_indices().find(|&(_, char)| {
        used += char_width(char);
        used > columns
    });
    &text[..over.map_or(text.len(), |(at, _)| at)]
}

/// The text cut into lines of at most `columns` at blanks (not at no-break ones); a word that is longer is cut anywhere.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(2);
    let mut lines = vec![String::new()];
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let mut word = word;
        let line = lines.last().map_or(0, |line| width(line));
        let needed = width(word) + usize::from(line > 0);
        if line > 0 && line + needed > columns {
            lines.push(String::new());
        }
        while width(word) > columns {
            let (part, rest) = word.split_at(head(word, columns).len());
            push_word(&mut lines, part);
            lines.push(String::new());
            word = rest;
        }
        push_word(&mut lines, word);
    }
    lines.retain(|line| !line.is_empty());
    for line in &mut lines {
        *line = line.replace(NO_BREAK, " ");
    }
    lines
}

fn push_word(lines: &mut [String], word: &str) {
    if let Some(line) = lines.last_mut() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
}

/// The text without what could drive a terminal or turn the order of the writing: messages come from services.
pub(crate) fn plain(text: &str) -> String {
    let unfit = |char: char| {
        char.is_control()
            || matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let mut cleaned = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\n' | '\r' | '\t' => cleaned.push(' '),
            char if unfit(char) => cleaned.push('\u{fffd}'),
            char => cleaned.push(char),
        }
    }
    cleaned
}

/// Columns of one character: 2 for East Asian wide ones and emoji, 0 for marks that join the one before.
const fn char_width(char: char) -> usize {
    match char as u32 {
        0x300..=0x36f
        | 0x483..=0x489
        | 0x591..=0x5bd
        | 0x610..=0x61a
        | 0x64b..=0x65f
        | 0x1ab0..=0x1aff => 0,
        0x1dc0..=0x1dff
        | 0x20d0..=0x20ff
        | 0xfe00..=0xfe0f
        | 0xfe20..=0xfe2f
        | 0xe0100..=0xe01ef => 0,
        0x1100..=0x115f | 0x231a..=0x231b | 0x23e9..=0x23ec | 0x25fd..=0x25fe | 0x2614..=0x2615 => {
            2
        }
        0x2648..=0x2653
        | 0x26aa..=0x26ab
        | 0x26bd..=0x26be
        | 0x26c4..=0x26c5
        | 0x2705
        | 0x270a..=0x270b => 2,
        0x2728
        | 0x274c
        | 0x274e
        | 0x2753..=0x2755
        | 0x2757
        | 0x2795..=0x2797
        | 0x2b1b..=0x2b1c
        | 0x2b50 => 2,
        0x2e80..=0x303e | 0x3041..=0xa4cf | 0xa960..=0xa97f | 0xac00..=0xd7a3 | 0xf900..=0xfaff => {
            2
        }
        0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f
        | 0x1f680..=0x1f6ff => 2,
        0x1f900..=0x1faff | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_shortened_to_columns() {
        let cases = [
            ("chat", 10, "chat"),
            ("chat", 4, "chat"),
            ("chatter", 4, "cha…"),
            ("a b c", 3, "a…"),
            ("チャット", 8, "チャット"),
            ("チャット", 7, "チャッ…"),
            ("チャット", 6, "チャ…"),
            ("e\u{301}tude", 5, "e\u{301}tude"),
            ("chat", 1, "…"),
            ("chat", 0, ""),
            ("", 0, ""),
        ];
        for (text, columns, expected) in cases {
            assert_eq!(fit(text, columns), expected, "{text:?} in {columns}");
            assert!(width(expected) <= columns);
        }
    }

    #[test]
    fn words_are_wrapped() {
        let cases: [(&str, usize, &[&str]); 7] = [
            ("", 10, &[]),
            ("one two three", 7, &["one two", "three"]),
            ("one  two three", 80, &["one two three"]),
            ("after 6.0\u{a0}s", 8, &["after", "6.0 s"]),
            ("abcdefghij k", 4, &["abcd", "efgh", "ij k"]),
            ("ab cdefgh", 4, &["ab", "cdef", "gh"]),
            ("チャット", 4, &["チャ", "ット"]),
        ];
        for (text, columns, expected) in cases {
            assert_eq!(wrap(text, columns), expected, "{text:?} in {columns}");
        }
    }

    #[test]
    fn lines_are_cut_and_coloured() {
        let line = Line::new()
            .with(Paint::Green.on("passed"))
            .with("  ")
            .with(Paint::Dim.on("all well"))
            .with("   ");
        let cases = [
            (80, false, "passed  all well\n"),
            (
                80,
                true,
                "\u{1b}[32mpassed\u{1b}[0m  \u{1b}[2mall well\u{1b}[0m\n",
            ),
            (16, false, "passed  all well\n"),
            (15, false, "passed  all we…\n"),
            (8, false, "passed…\n"),
            (7, false, "passed…\n"),
            (6, false, "passe…\n"),
        ];
        for (columns, color, expected) in cases {
            let mut out = String::new();
            line.render(columns, color, &mut out);
            assert_eq!(out, expected, "{columns}");
        }
    }

    #[test]
    fn nothing_reaches_the_terminal_that_could_drive_it() {
        let line = Line::new().with("a\u{1b}[2Jb\u{7}c\nd\u{202e}e\u{9b}f");
        let mut out = String::new();
        line.render(80, true, &mut out);
        assert_eq!(out, "a\u{fffd}[2Jb\u{fffd}c d\u{fffd}e\u{fffd}f\n");
    }
}
