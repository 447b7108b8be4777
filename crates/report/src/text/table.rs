//! Rows whose columns stand under each other and never pass the edge of the terminal.

use super::style::{Line, Span};

/// Where rows begin.
const INDENT: usize = 2;
/// The first column keeps so many characters, however little room is left.
const LEAST: usize = 8;

/// A table: the first column is text and gives way where the terminal is narrow, the others are numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
    /// Columns after the first that are text as well.
    texts: usize,
    /// The least width of each column.
    least: Vec<usize>,
}

#[derive(Clone, Debug)]
struct Row {
    indent: usize,
    sign: Option<Span>,
    cells: Vec<Span>,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A table whose first `texts` columns are text.
    pub(crate) fn of_texts(texts: usize) -> Self {
        Self {
            texts: texts.saturating_sub(1),
            ..Self::default()
        }
    }

    /// The same with columns at least that wide, so that several tables share their edges.
    pub(crate) fn at_least(mut self, widths: &[usize]) -> Self {
        self.least = widths.to_vec();
        self
    }

    /// Appends the heading: it begins at the edge.
    pub(crate) fn head(&mut self, cells: impl IntoIterator<Item = Span>) {
        self.rows.push(Row {
            indent: 0,
            sign: None,
            cells: cells.into_iter().collect(),
        });
    }

    /// Appends a row, `level` steps further in.
    pub(crate) fn row(&mut self, level: usize, cells: impl IntoIterator<Item = Span>) {
        self.rows.push(Row {
            indent: INDENT * (level + 1),
            sign: None,
            cells: cells.into_iter().collect(),
        });
    }

    /// Appends a row behind a sign of one column.
    pub(crate) fn signed_row(&mut self, sign: Span, cells: impl IntoIterator<Item = Span>) {
        let (sign, cells) = (Some(sign), cells.into_iter().collect());
        self.rows.push(Row {
            indent: INDENT + 2,
            sign,
            cells,
        });
    }

    /// The table in lines of at most `columns`.
    pub(crate) fn lines(self, columns: usize) -> Vec<Line> {
        let widths = self.widths(columns);
        let texts = self.texts;
        self.rows
            .into_iter()
            .map(|row| row.line(&widths, texts))
            .collect()
    }

    /// The width of each column, the gap before it included.
    fn widths(&self, columns: usize) -> Vec<usize> {
        let count = self
            .rows
            .iter()
            .map(|row| row.cells.len())
            .max()
            .unwrap_or(0);
        let of = |column: usize, gap: usize| {
            let cells = self.rows.iter().filter_map(|row| {
                let indent = if column == 0 { row.indent } else { gap };
                Some(indent + row.cells.get(column)?.width())
            });
            cells
                .max()
                .unwrap_or(0)
                .max(self.least.get(column).copied().unwrap_or(0))
        };
        let all = |gap: usize| (0..count).map(|column| of(column, gap)).collect::<Vec<_>>();
        let mut widths = all(2);
        let over = |widths: &[usize]| widths.iter().sum::<usize>().saturating_sub(columns);
        // First the names give way, down to what still tells them apart; then the gaps.
        for column in (0..=self.texts).rev() {
            let excess = over(&widths);
            if let Some(width) = widths.get_mut(column) {
                let least = if column == 0 { 2 * LEAST } else { LEAST };
                *width = (*width).saturating_sub(excess).max(least.min(*width));
            }
        }
        if over(&widths) > 0 {
            let narrow = all(1);
            for (width, narrow) in widths.iter_mut().zip(narrow).skip(1) {
                *width = narrow.min(*width);
            }
        }
        let excess = over(&widths);
        if let Some(first) = widths.first_mut() {
            *first = first.saturating_sub(excess).max(LEAST.min(*first));
        }
        widths
    }
}

impl Row {
    fn line(self, widths: &[usize], texts: usize) -> Line {
        let mut line = match self.sign {
            Some(sign) => Line::new().with(" ".repeat(INDENT)).with(sign).with(" "),
            None => Line::new().with(" ".repeat(self.indent)),
        };
        for (column, (cell, &width)) in self.cells.into_iter().zip(widths).enumerate() {
            if column == 0 {
                let room = width.saturating_sub(self.indent);
                line.push(cell.fit(room).pad(room, false));
            } else if column <= texts {
                let room = width.saturating_sub(2);
                line.push("  ");
                line.push(cell.fit(room).pad(room, false));
            } else {
                line.push(cell.pad(width, true));
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(table: Table, columns: usize, expected: &str) {
        let mut text = String::new();
        for line in table.lines(columns) {
            assert!(line.width() <= columns, "{line:?}");
            line.render(columns, false, &mut text);
        }
        assert_eq!(text, expected);
    }

    fn times(names: &[&str]) -> Table {
        let mut table = Table::new();
        table.head(["Times", "p50", "max"].map(Span::from));
        for name in names {
            table.row(0, [*name, "1.00 ms", "12.3 s"].map(Span::from));
        }
        table
    }

    #[test]
    fn numbers_stand_under_each_other() {
        check(
            times(&["ttft", "itl"]),
            80,
            "Times       p50     max\n  ttft  1.00 ms  12.3 s\n  itl   1.00 ms  12.3 s\n",
        );
        check(
            times(&["itl"]).at_least(&[10, 9]),
            80,
            "Times           p50     max\n  itl       1.00 ms  12.3 s\n",
        );
    }

    #[test]
    fn names_give_way() {
        let name = "a_very_long_name_of_a_step";
        check(
            times(&[name]),
            36,
            "Times                    p50     max\n  a_very_long_name…  1.00 ms  12.3 s\n",
        );
        check(
            times(&[name]),
            24,
            "Times         p50    max\n  a_very… 1.00 ms 12.3 s\n",
        );
    }

    #[test]
    fn texts_stand_left() {
        let mut table = Table::of_texts(2);
        table.row(0, ["ttft", "p95 < 2s", "312 ms"].map(Span::from));
        table.row(0, ["http_req_failed", "rate < 1%", "0.12%"].map(Span::from));
        check(
            table,
            80,
            "  ttft             p95 < 2s   312 ms\n  http_req_failed  rate < 1%   0.12%\n",
        );
    }
}
