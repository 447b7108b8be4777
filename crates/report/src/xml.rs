//! As much of XML as a report needs: elements, attributes, text, all of it escaped.

use std::fmt::Write as _;

/// An XML document that grows from its first element to its last.
#[derive(Debug)]
pub(crate) struct Document {
    text: String,
    open: Vec<&'static str>,
}

impl Document {
    /// A document with nothing but its declaration.
    pub(crate) fn new() -> Self {
        Self {
            text: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned(),
            open: Vec::new(),
        }
    }

    /// Begins an element that holds others.
    pub(crate) fn begin(&mut self, name: &'static str, attributes: &[(&str, &str)]) {
        self.tag(name, attributes);
        self.text.push_str(">\n");
        self.open.push(name);
    }

    /// Ends the element that was begun last.
    pub(crate) fn end(&mut self) {
        if let Some(name) = self.open.pop() {
            self.indent();
            // Writing to a string does not fail.
            let _ = writeln!(self.text, "</{name}>");
        }
    }

    /// An element that holds nothing.
    pub(crate) fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.tag(name, attributes);
        self.text.push_str("/>\n");
    }

    /// An element that holds text.
    pub(crate) fn text(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) {
        self.tag(name, attributes);
        self.text.push('>');
        escape(text, false, &mut self.text);
        let _ = writeln!(self.text, "</{name}>");
    }

    /// The document, every element ended.
    pub(crate) fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.end();
        }
        self.text
    }

    fn tag(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.indent();
        self.text.push('<');
        self.text.push_str(name);
        for (name, value) in attributes {
            let _ = write!(self.text, " {name}=\"");
            escape(value, true, &mut self.text);
            self.text.push('"');
        }
    }

    fn indent(&mut self) {
        for _ in &self.open {
            self.text.push_str("  ");
        }
    }
}

/// Appends `text` as XML 1.0 may hold it. What no document may hold, escaped or not, becomes U+FFFD.
fn escape(text: &str, in_attribute: bool, out: &mut String) {
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' if in_attribute => out.push_str("&quot;"),
            // A reader turns bare ones into blanks.
            '\n' | '\t' if in_attribute => {
                let _ = write!(out, "&#{};", char as u32);
            }
            '\n' | '\t' => out.push(char),
            // A reader turns a bare one into a line end.
            '\r' => out.push_str("&#13;"),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            // Allowed, but they drive the terminal of whoever prints the file.
            '\u{7f}'..='\u{9f}' => {
                let _ = write!(out, "&#{};", char as u32);
            }
            char => out.push(char),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_attributes_are_escaped() {
        let cases = [
            ("plain", "plain", "plain"),
            (
                "a < b & c > d",
                "a &lt; b &amp; c &gt; d",
                "a &lt; b &amp; c &gt; d",
            ),
            ("say \"no\"", "say \"no\"", "say &quot;no&quot;"),
            ("]]>", "]]&gt;", "]]&gt;"),
            ("a\nb\tc\rd", "a\nb\tc&#13;d", "a&#10;b&#9;c&#13;d"),
            (
                "\u{0}\u{1b}[31m\u{b}",
                "\u{fffd}\u{fffd}[31m\u{fffd}",
                "\u{fffd}\u{fffd}[31m\u{fffd}",
            ),
            (
                "\u{fffe}\u{ffff}\u{7f}\u{85}",
                "\u{fffd}\u{fffd}&#127;&#133;",
                "\u{fffd}\u{fffd}&#127;&#133;",
            ),
            ("größe 大 🦀", "größe 大 🦀", "größe 大 🦀"),
        ];
        for (given, in_text, in_attribute) in cases {
            let escaped = |in_attribute| {
                let mut out = String::new();
                escape(given, in_attribute, &mut out);
                out
            };
            assert_eq!(
                (escaped(false).as_str(), escaped(true).as_str()),
                (in_text, in_attribute),
                "{given:?}"
            );
        }
    }

    #[test]
    fn elements_nest_and_end() {
        let mut document = Document::new();
        document.begin("a", &[("b", "1")]);
        document.empty("c", &[]);
        document.begin("d", &[]);
        document.text("e", &[("f", "g")], "h\ni");
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a b=\"1\">\n  <c/>\n  <d>\n    <e f=\"g\">h\ni</e>\n  </d>\n</a>\n";
        assert_eq!(document.finish(), expected);
    }
}
