//! How source files look: purpose first, small, silent, and no lint put to sleep without a reason.

use std::collections::BTreeMap;

use crate::tree::Texts;

const HARD_FILE: usize = 500;
const HARD_FUNCTION: usize = 80;
/// Nine functions of ten in a crate are at most this long.
const TAIL_FUNCTION: usize = 30;

/// Files that are longer, each with the reason. A file that has become short must leave the list.
pub(crate) const LONG_FILES: &[(&str, &str)] = &[];

/// Functions that are longer, as `path::name`, each with the reason.
pub(crate) const LONG_FUNCTIONS: &[(&str, &str)] = &[];

/// A function of a source file.
#[derive(Debug, PartialEq, Eq)]
struct Function<'a> {
    name: &'a str,
    lines: usize,
}

/// Whether the whole file is tests, fuzzing or a bench, whose tables may be long.
pub(crate) fn is_test_file(path: &str) -> bool {
    let folders = ["/tests/", "/fuzz/", "/benches/", "/examples/"];
    path.ends_with("/tests.rs")
        || path.ends_with("_tests.rs")
        || path.starts_with("benches/")
        || folders.iter().any(|folder| path.contains(folder))
}

/// Files whose first line does not say what they are for. Beside a module, `tests.rs` needs no second word.
pub(crate) fn without_purpose(files: &Texts) -> Vec<String> {
    let says = |path: &str, text: &str| {
        let doc = text
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("//! "));
        let words = if path.ends_with("/tests.rs") { 1 } else { 2 };
        doc.is_some_and(|doc| doc.split_whitespace().count() >= words)
    };
    let bad = files.iter().filter(|(path, text)| !says(path, text));
    bad.map(|(path, _)| format!("{path} does not begin with a module doc that says its purpose"))
        .collect()
}

/// Lines that print. The lint sees most of them; this also sees those that a macro or an `expect` hides.
pub(crate) fn printing(files: &Texts) -> Vec<String> {
    let macros = ["print", "println", "eprint", "eprintln", "dbg"].map(|name| format!("{name}!("));
    let prints = |line: &str| {
        macros.iter().any(|call| {
            let mut found = line.match_indices(call.as_str());
            found.any(|(at, _)| {
                !line[..at].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '"'))
            })
        })
    };
    complaints(files, |line| {
        prints(line).then_some("prints; only crates/cli does")
    })
}

/// Lints allowed for ever, or expected without saying why.
pub(crate) fn silenced(files: &Texts) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in files {
        for (at, attribute) in attributes(text) {
            let complaint = if attribute.contains("allow(") {
                "use #[expect(lint, reason = \"…\")], which ends when its cause does"
            } else if attribute.contains("expect(") && !attribute.contains("reason") {
                "say why: #[expect(lint, reason = \"…\")]"
            } else {
                continue;
            };
            found.push(format!("{path}:{}: {complaint}", at + 1));
        }
    }
    found
}

/// The attributes of a formatted text, each whole and with the line it begins on.
fn attributes(text: &str) -> impl Iterator<Item = (usize, String)> {
    let lines: Vec<_> = text.lines().collect();
    let begins = |line: &str| {
        ["#[", "#!["]
            .iter()
            .any(|start| line.trim_start().starts_with(start))
    };
    let starts = (0..lines.len())
        .filter(|at| begins(lines[*at]))
        .collect::<Vec<_>>();
    starts.into_iter().map(move |at| {
        let length = lines[at..]
            .iter()
            .position(|line| line.trim_end().ends_with(']'))
            .map_or(1, |n| n + 1);
        (at, lines[at..at + length].concat())
    })
}

/// Files over the hard limit that the list does not excuse, and excuses that are no longer needed.
pub(crate) fn long_files(files: &Texts, excused: &[(&str, &str)]) -> Vec<String> {
    let length = |text: &str| without_tests(text).lines().count();
    let lengths = files
        .iter()
        .map(|(path, text)| (path.clone(), length(text)));
    over("lines", &lengths.collect::<Vec<_>>(), HARD_FILE, excused)
}

/// Functions over the hard limit that the list does not excuse, and excuses that are no longer needed.
pub(crate) fn long_functions(files: &Texts, excused: &[(&str, &str)]) -> Vec<String> {
    let named = files.iter().flat_map(|(path, text)| {
        functions(without_tests(text))
            .into_iter()
            .map(move |function| (format!("{path}::{}", function.name), function.lines))
    });
    over(
        "lines in one function",
        &named.collect::<Vec<_>>(),
        HARD_FUNCTION,
        excused,
    )
}

/// Crates in which more than one function of ten is longer than [`TAIL_FUNCTION`].
pub(crate) fn heavy_tails(files: &Texts) -> Vec<String> {
    let mut by_crate = BTreeMap::<_, Vec<_>>::new();
    for (path, text) in files {
        let home = path.splitn(3, '/').take(2).collect::<Vec<_>>().join("/");
        by_crate.entry(home).or_default().extend(
            functions(without_tests(text))
                .iter()
                .map(|function| function.lines),
        );
    }
    let tails = by_crate.into_iter().filter_map(|(home, mut lengths)| {
        lengths.sort_unstable();
        let p90 = *lengths.get((lengths.len() * 9).div_ceil(10).checked_sub(1)?)?;
        (p90 > TAIL_FUNCTION).then(|| {
            format!(
                "{home}: one function in ten is longer than {p90} lines, {TAIL_FUNCTION} is the aim"
            )
        })
    });
    tails.collect()
}

fn over(
    what: &str,
    lengths: &[(String, usize)],
    limit: usize,
    excused: &[(&str, &str)],
) -> Vec<String> {
    let is_excused = |name: &str| excused.iter().any(|(path, _)| *path == name);
    let long = lengths
        .iter()
        .filter(|(name, length)| *length > limit && !is_excused(name));
    let long = long.map(|(name, length)| format!("{name}: {length} {what}, {limit} is the limit"));
    let idle = excused.iter().filter(|(path, _)| {
        !lengths
            .iter()
            .any(|(name, length)| name == path && *length > limit)
    });
    long.chain(idle.map(|(path, _)| format!("{path} needs no excuse any more")))
        .collect()
}

/// The text before the test module.
fn without_tests(text: &str) -> &str {
    text.split("\n#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or(text)
}

/// The functions of a text that rustfmt has formatted: one ends at the brace that stands under its beginning.
fn functions(text: &str) -> Vec<Function<'_>> {
    let lines: Vec<_> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(name) = function_name(code(line)) else {
            continue;
        };
        let indent = &line[..line.len() - line.trim_start().len()];
        let ends = |line: &&str| {
            line.strip_prefix(indent).is_some_and(|rest| {
                rest.starts_with('}') || rest.ends_with(';') && !rest.starts_with(' ')
            })
        };
        let opened_and_closed = line.ends_with('}') || line.ends_with(';');
        let lines = if opened_and_closed {
            Some(1)
        } else {
            lines[at + 1..].iter().position(ends).map(|n| n + 2)
        };
        found.extend(lines.map(|lines| Function { name, lines }));
    }
    found
}

fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.trim_start().split_once("fn ")?;
    let qualifies = |word: &str| {
        matches!(word, "pub" | "const" | "async" | "extern")
            || word.starts_with("pub(")
            || word.ends_with(')')
    };
    before
        .split_whitespace()
        .all(qualifies)
        .then(|| after.split(['(', '<']).next())?
        .filter(|name| !name.is_empty())
}

fn complaints(files: &Texts, complaint: impl Fn(&str) -> Option<&'static str>) -> Vec<String> {
    let lines = files.iter().flat_map(|(path, text)| {
        text.lines()
            .enumerate()
            .map(move |(at, line)| (path, at, line))
    });
    lines
        .filter_map(|(path, at, line)| {
            complaint(code(line)).map(|why| format!("{path}:{}: {why}", at + 1))
        })
        .collect()
}

/// A line without the comment it is or ends with.
fn code(line: &str) -> &str {
    if line.trim_start().starts_with("//") {
        ""
    } else {
        line.split(" // ").next().unwrap_or(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(path: &str, text: &str) -> Texts {
        Texts::from([(path.to_owned(), text.to_owned())])
    }

    #[test]
    fn a_file_without_a_purpose_is_a_complaint() {
        let check = |text: &str, expected: usize| {
            assert_eq!(
                without_purpose(&one("a.rs", text)).len(),
                expected,
                "{text:?}"
            );
        };
        check("//! Counts what came back.\n", 0);
        check("//! Counts.\n", 1);
        check("\n//! Counts what came back.\n", 1);
        check("// Counts what came back.\n", 1);
        check("use std::io;\n", 1);
        check("", 1);
    }

    #[test]
    fn a_print_is_a_complaint() {
        let check = |text: &str, expected: usize| {
            assert_eq!(printing(&one("a.rs", text)).len(), expected, "{text:?}");
        };
        check(concat!("    print", "ln!(\"x\");"), 1);
        check(concat!("let x = db", "g!(y);"), 1);
        check(concat!("std::eprint", "!(\"x\")"), 1);
        check(concat!("// never print", "ln!(here)"), 0);
        check("my_println!(x);", 0);
        check("write!(out, \"x\")", 0);
    }

    #[test]
    fn a_lint_silenced_without_a_reason_is_a_complaint() {
        let check = |text: &str, expected: usize| {
            assert_eq!(silenced(&one("a.rs", text)).len(), expected, "{text:?}");
        };
        check(concat!("#[al", "low(dead_code)]"), 1);
        check(concat!("#![al", "low(dead_code)]"), 1);
        check(concat!("#[exp", "ect(dead_code)]"), 1);
        check(concat!("#[exp", "ect(\n    dead_code,\n)]"), 1);
        check(
            concat!(
                "#[exp",
                "ect(dead_code, reason = \"a later step reads it\")]"
            ),
            0,
        );
        check("let allow = allow(x);", 0);
    }

    #[test]
    fn a_long_file_is_a_complaint_unless_excused_and_an_idle_excuse_is_one_too() {
        let lines = |n: usize| "x\n".repeat(n);
        let check = |text: String, excused: &[(&str, &str)], expected: usize| {
            assert_eq!(long_files(&one("a.rs", &text), excused).len(), expected);
        };
        check(lines(500), &[], 0);
        check(lines(501), &[], 1);
        check(lines(501), &[("a.rs", "a table")], 0);
        check(lines(500), &[("a.rs", "a table")], 1);
        check(
            lines(400) + "\n#[cfg(test)]\nmod tests {\n" + &lines(400),
            &[],
            0,
        );
    }

    #[test]
    fn functions_are_found_with_their_length() {
        let text = "\
impl A {
    pub(crate) async fn long<T>(
        &self,
    ) -> T {
        if x {
            y
        }
    }

    fn short(&self) {}
}
trait B {
    fn declared(&self);
    fn split(
        &self,
    );
}
// fn comment() {
const fn one() -> u8 { 1 }
let fn_like = call(fn_pointer);
";
        let found = functions(text);
        let found: Vec<_> = found
            .iter()
            .map(|function| (function.name, function.lines))
            .collect();
        assert_eq!(
            found,
            [
                ("long", 7),
                ("short", 1),
                ("declared", 1),
                ("split", 3),
                ("one", 1)
            ]
        );
    }

    #[test]
    fn a_long_function_and_a_heavy_tail_are_complaints() {
        let function = |lines: usize| format!("fn f() {{\n{}}}\n", "    x;\n".repeat(lines - 2));
        let check = |text: &str, long: usize, heavy: usize| {
            let files = one("crates/a/src/b.rs", text);
            assert_eq!(
                (long_functions(&files, &[]).len(), heavy_tails(&files).len()),
                (long, heavy)
            );
        };
        check(&function(30), 0, 0);
        check(&function(31), 0, 1);
        check(&(function(80) + &function(3).repeat(9)), 0, 0);
        check(&(function(81) + &function(3).repeat(9)), 1, 0);
        check(&(function(40).repeat(2) + &function(3).repeat(9)), 0, 1);
        check("", 0, 0);
        let excused = long_functions(&one("a.rs", &function(99)), &[("a.rs::f", "a table")]);
        assert_eq!(excused, [""; 0]);
    }
}
