//! What the docs must define, and that what they point at is there.

use std::collections::BTreeSet;

use crate::tree::Texts;

/// Names that scripts and other people's pipelines hold on to: metrics, kinds of errors, warnings.
pub(crate) const PUBLIC_NAMES: &[&[&str]] = &[METRICS, ERRORS, WARNINGS];

const METRICS: &[&str] = &[
    // trends
    "http_req_duration",
    "http_req_blocked",
    "http_req_dns",
    "http_req_connecting",
    "http_req_tls_handshaking",
    "http_req_sending",
    "http_req_waiting",
    "http_req_receiving",
    "http_req_latency",
    "rate_limit_wait",
    "iteration_duration",
    "schedule_lag",
    "ttft",
    "ttft_service",
    "ttft_text",
    "itl",
    "tpot",
    "stream_duration",
    "stream_tail",
    // counters
    "http_reqs",
    "iterations",
    "iterations_failed",
    "dropped_iterations",
    "interrupted_iterations",
    "data_sent",
    "data_received",
    "input_tokens",
    "output_tokens",
    "stream_events",
    "retries",
    "redirects",
    "cancelled",
    // rates and gauges
    "http_req_failed",
    "checks",
    "stream_failed",
    "goodput",
    "vus",
];

const ERRORS: &[&str] = &[
    "dns",
    "connect_refused",
    "connect_timeout",
    "connect",
    "tls",
    "timeout",
    "reset",
    "closed_early",
    "protocol",
    "too_large",
    "http_4xx",
    "http_5xx",
    "stream_truncated",
    "stream_empty",
    "stream_stalled",
    "stream_malformed",
    "stream_error",
    "check",
    "template",
    "auth",
    "no_ports",
    "no_files",
];

const WARNINGS: &[&str] = &[
    "generator-late",
    "generator-busy",
    "dropped-iterations",
    "too-few-samples",
    "probe-failed",
    "teardown-failed",
    "ports-exhausted",
    "files-exhausted",
    "log-incomplete",
    "arrival-uncertain",
    "cut-requests",
    "cut-in-line",
];

/// The names of metrics in the table of `crates/stats/src/metric.rs`, whose lines read `Variant = "name",`.
pub(crate) fn names_in_table(source: &str) -> Vec<&str> {
    let name = |line| -> Option<&str> { str::split_once(line, " = \"")?.1.strip_suffix("\",") };
    source
        .lines()
        .filter_map(|line| name(line.trim()))
        .collect()
}

/// Public names that the page never sets in backticks.
pub(crate) fn undefined(page: &str, names: &[&[&str]]) -> Vec<String> {
    let missing = names
        .iter()
        .copied()
        .flatten()
        .filter(|name| !page.contains(&format!("`{name}`")));
    missing
        .map(|name| format!("`{name}` is not defined"))
        .collect()
}

/// Links to files that are not there, and to headings that no page has.
pub(crate) fn broken_links(pages: &Texts, paths: &[String]) -> Vec<String> {
    let known: BTreeSet<_> = paths.iter().map(String::as_str).collect();
    let mut broken = Vec::new();
    for (page, text) in pages {
        for link in links(text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, heading) = link
                .split_once('#')
                .map_or((link, None), |(file, heading)| (file, Some(heading)));
            let target = resolve(page, file);
            let folder = format!("{target}/");
            let there = known.contains(target.as_str())
                || paths.iter().any(|path| path.starts_with(&folder));
            let text = pages.get(&target);
            let heading_there = heading
                .is_none_or(|heading| text.is_none_or(|text| anchors(text).contains(heading)));
            if !there || !heading_there {
                broken.push(format!("{page}: ({link}) leads nowhere"));
            }
        }
    }
    broken
}

/// Pages of the folder `docs/` to which its list has no link.
pub(crate) fn unlisted(list: &str, paths: &[String]) -> Vec<String> {
    let linked = links(list);
    let pages = paths.iter().filter_map(|path| path.strip_prefix("docs/"));
    let pages = pages.filter(|page| page.ends_with(".md") && !page.contains('/'));
    let missing = pages.filter(|page| *page != "README.md" && !linked.contains(page));
    missing
        .map(|page| format!("docs/README.md does not list {page}"))
        .collect()
}

/// Decision records without a number of their own in sequence, or without one of the four parts.
pub(crate) fn bad_decisions(records: &Texts) -> Vec<String> {
    let mut complaints = Vec::new();
    for (at, (path, text)) in records.iter().enumerate() {
        let name = path.rsplit('/').next().unwrap_or_default();
        if !name.starts_with(&format!("{:04}-", at + 1)) {
            complaints.push(format!(
                "{path} breaks the sequence: {:04} comes next",
                at + 1
            ));
        }
        for part in ["Context", "Decision", "Consequences", "Rejected"] {
            if !text.lines().any(|line| line == format!("## {part}")) {
                complaints.push(format!("{path} has no part `## {part}`"));
            }
        }
    }
    complaints
}

/// Targets of Markdown links, outside code.
fn links(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for line in prose(text) {
        // Every second piece between backticks is code.
        for piece in line.split('`').step_by(2) {
            found.extend(
                piece
                    .split("](")
                    .skip(1)
                    .filter_map(|rest| rest.split_once(')'))
                    .map(|(link, _)| link),
            );
        }
    }
    found
}

/// The headings of a page, as GitHub turns them into anchors.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text)
        .filter(|line| line.starts_with('#'))
        .map(|line| line.trim_start_matches('#').trim());
    let slug = |heading: &str| {
        let kept = heading
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    };
    headings.map(slug).collect()
}

/// Lines outside fenced code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// A link's file, relative to the root.
fn resolve(page: &str, file: &str) -> String {
    if file.is_empty() {
        return page.to_owned();
    }
    let mut parts: Vec<_> = page.split('/').collect();
    parts.pop();
    for part in file.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_a_definition_is_a_complaint() {
        let names: &[&[&str]] = &[&["ttft", "itl"], &["tls"]];
        assert_eq!(undefined("`ttft`, `itl` and `tls`", names), [""; 0]);
        assert_eq!(
            undefined("`ttft_service`, itl and `tls`", names),
            ["`ttft` is not defined", "`itl` is not defined"]
        );
    }

    #[test]
    fn the_names_of_a_table_are_found() {
        let source = "    Trend {\n        /// Doc = \"no\" x.\n        Ttft = \"ttft\",\n        Itl = \"itl\",\n    }\n";
        assert_eq!(names_in_table(source), ["ttft", "itl"]);
    }

    #[test]
    fn a_link_that_leads_nowhere_is_a_complaint() {
        let check = |link: &str, expected: usize| {
            let pages = Texts::from([
                ("README.md".to_owned(), "# Top\n".to_owned()),
                (
                    "docs/a.md".to_owned(),
                    format!("# A page\n## What `it` is, exactly\n{link}\n"),
                ),
            ]);
            let paths = [
                "README.md",
                "docs/a.md",
                "docs/adr/0001-x.md",
                "scenarios/chat.toml",
            ]
            .map(str::to_owned);
            assert_eq!(broken_links(&pages, &paths).len(), expected, "{link}");
        };
        check(
            "[x](../README.md) [y](adr/) [z](../scenarios/chat.toml) [w](https://example.com/x)",
            0,
        );
        check("[x](#what-it-is-exactly) [y](../README.md#top)", 0);
        check("[x](README.md)", 1);
        check("[x](../README.md#bottom)", 1);
        check("[`x`](b.md)", 1);
        check("[x](gone.md) and [y](gone/)", 2);
        check("`[x](gone.md)`", 0);
        check("```\n[x](gone.md)\n```", 0);
    }

    #[test]
    fn a_page_that_is_not_listed_is_a_complaint() {
        let paths = [
            "docs/README.md",
            "docs/a.md",
            "docs/adr/0001-x.md",
            "docs/a.svg",
        ];
        let paths = paths.map(str::to_owned);
        assert_eq!(unlisted("| [A](a.md) | what it is |", &paths), [""; 0]);
        assert_eq!(unlisted("| [A](b.md) | a.md |", &paths).len(), 1);
    }

    #[test]
    fn a_decision_out_of_sequence_or_incomplete_is_a_complaint() {
        let whole = "# t\n\n## Context\n\n## Decision\n\n## Consequences\n\n## Rejected\n";
        let check = |records: &[(&str, &str)], expected: usize| {
            let records = records
                .iter()
                .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
                .collect();
            assert_eq!(bad_decisions(&records).len(), expected);
        };
        check(
            &[("docs/adr/0001-a.md", whole), ("docs/adr/0002-b.md", whole)],
            0,
        );
        check(
            &[("docs/adr/0001-a.md", whole), ("docs/adr/0003-b.md", whole)],
            1,
        );
        check(&[("docs/adr/0001-a.md", "# t\n\n## Context\n")], 3);
    }
}
