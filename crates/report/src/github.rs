//! A run as lines that GitHub Actions turns into annotations.

use crate::findings::{self, Ending, Finding};
use crate::text::{plain, verdict};
use crate::{Header, Report, comparison};
use loadgen_stats::{Comparison, Summary};
use std::io::{self, Write};

/// GitHub shows no more of a kind for a step of a job.
const MOST: usize = 10;

/// Writes the run as workflow commands of GitHub Actions: an error for each threshold that does not hold, for each row of
/// the comparison that is worse, and for whatever else makes the exit code other than 0, else one notice; and a warning
/// for each warning. The runner finds them in what a step prints.
///
/// # Errors
///
/// Where `out` fails.
pub fn write_github(out: impl Write, report: &Report<'_>) -> io::Result<()> {
    let Report {
        header,
        summary,
        comparison,
    } = *report;
    let rows = comparison.into_iter().flat_map(comparison::findings);
    let findings = findings::of(header, summary).into_iter().chain(rows);
    let mut warnings = warnings(header, summary);
    warnings.extend(
        comparison
            .into_iter()
            .flat_map(|comparison| cautions(&header.name, comparison)),
    );
    let notice = (verdict::word(summary), verdict::why(summary));
    write(out, &header.name, findings, notice, warnings)
}

/// Writes a comparison as workflow commands of GitHub Actions.
///
/// # Errors
///
/// Where `out` fails.
pub fn write_comparison_github(out: impl Write, comparison: &Comparison) -> io::Result<()> {
    let name = comparison
        .current
        .first()
        .map_or("comparison", |run| &run.name);
    let notice = (comparison.verdict.name(), comparison::told(comparison));
    let findings = comparison::findings(comparison);
    write(out, name, findings, notice, cautions(name, comparison))
}

fn write(
    mut out: impl Write,
    name: &str,
    findings: impl Iterator<Item = Finding>,
    notice: (&str, String),
    warnings: Vec<(String, String)>,
) -> io::Result<()> {
    let mut text = String::new();
    for line in limited(errors(name, findings)) {
        text.push_str(&command("error", &line));
    }
    if text.is_empty() {
        let (word, why) = notice;
        text = command("notice", &(format!("{name}: {word}"), why));
    }
    for line in limited(warnings) {
        text.push_str(&command("warning", &line));
    }
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Titles and messages.
fn errors(name: &str, findings: impl Iterator<Item = Finding>) -> Vec<(String, String)> {
    let errors = findings.filter_map(|finding| {
        let title = format!("{name}: {}", finding.name);
        match finding.ending {
            Ending::Failed(reason) => Some((title, reason.message)),
            Ending::Error(reason) => Some((title, format!("{}: {}", reason.kind, reason.message))),
            Ending::Passed | Ending::Skipped(_) => None,
        }
    });
    errors.collect()
}

fn cautions(name: &str, comparison: &Comparison) -> Vec<(String, String)> {
    let remarks = comparison::remarks(comparison);
    remarks
        .map(|remark| (format!("{name}: comparison"), remark))
        .collect()
}

fn warnings(header: &Header, summary: &Summary) -> Vec<(String, String)> {
    let warnings = summary.warnings.iter().map(|warning| {
        let title = format!("{}: {}", header.name, warning.code());
        (
            title,
            format!("{}\n{}", warning.message(), warning.advice()),
        )
    });
    warnings.collect()
}

/// As many as are shown, the last of which tells of the others.
fn limited(mut all: Vec<(String, String)>) -> Vec<(String, String)> {
    if all.len() > MOST {
        let more = all.len() - MOST + 1;
        all.truncate(MOST - 1);
        all.push((
            format!("and {more} more"),
            "--out junit=PATH and json=PATH tell all of them".to_owned(),
        ));
    }
    all
}

pub(crate) fn command(kind: &str, (title, message): &(String, String)) -> String {
    let message: Vec<String> = message.lines().map(plain).collect();
    let message = escaped(&message.join("\n"));
    let title = escaped(&plain(title))
        .replace(':', "%3A")
        .replace(',', "%2C");
    format!("::{kind} title={title}::{message}\n")
}

/// A message may hold anything, and must stay one command.
fn escaped(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_hold_any_text() {
        let cases = [
            ("a", "b", "::error title=a::b\n"),
            ("a: b, c", "d: e, f", "::error title=a%3A b%2C c::d: e, f\n"),
            ("100%", "5 %\nmore", "::error title=100%25::5 %25%0Amore\n"),
            (
                "a\n::b",
                "c\r\n::error::d\u{1b}[31m",
                "::error title=a %3A%3Ab::c%0A::error::d\u{fffd}[31m\n",
            ),
        ];
        for (title, message, expected) in cases {
            assert_eq!(
                command("error", &(title.to_owned(), message.to_owned())),
                expected
            );
        }
    }

    #[test]
    fn no_more_than_are_shown() {
        for (count, last) in [(1, "0"), (10, "9"), (11, "and 2 more"), (40, "and 31 more")] {
            let all = (0..count).map(|n| (n.to_string(), String::new())).collect();
            let limited = limited(all);
            assert_eq!(limited.len(), count.min(MOST));
            assert_eq!(limited.last().unwrap().0, last);
        }
    }
}
