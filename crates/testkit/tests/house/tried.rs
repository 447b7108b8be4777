//! Every option of the command line and every key of the scenario file stands in some test.
//!
//! That a test sees the right effect no list can say; that nobody wrote one, it can.

use crate::tree::Texts;

/// The options of a page made like `docs/cli.md`, each with all its names.
pub(crate) fn options(page: &str) -> Vec<Vec<&str>> {
    let usages = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    usages
        .map(|(usage, _)| {
            usage
                .split([' ', ',', '[', '='])
                .filter(|word| word.starts_with('-'))
                .collect::<Vec<_>>()
        })
        .filter(|names| !names.is_empty())
        .collect()
}

/// The keys of a JSON Schema that is written with one member a line, two columns a level.
pub(crate) fn keys(schema: &str) -> Vec<&str> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut within: Option<usize> = None;
    let mut found = Vec::new();
    for line in schema.lines() {
        let text = line.trim_start();
        match within {
            None if text == "\"properties\": {" => within = Some(indent(line)),
            Some(outer) if indent(line) == outer => within = None,
            Some(outer) if indent(line) == outer + 2 => {
                found.extend(
                    text.strip_prefix('"')
                        .and_then(|text| text.split_once("\": {"))
                        .map(|(key, _)| key),
                );
            }
            _ => {}
        }
    }
    found
}

/// The parts of the sources that are tests, of crates whose folders begin so.
pub(crate) fn tests(sources: &Texts, folders: &[&str]) -> String {
    let wanted = |path: &str| folders.iter().any(|folder| path.starts_with(folder));
    sources
        .iter()
        .filter(|(path, _)| wanted(path))
        .map(|(path, text)| {
            if path.contains("/tests/") || path.ends_with("tests.rs") {
                text.as_str()
            } else {
                text.find("#[cfg(test)]").map_or("", |at| &text[at..])
            }
        })
        .collect::<Vec<_>>()
        .join("\n")
}

/// Options of which no name stands in the tests as a word of a command line.
pub(crate) fn untried_options(options: &[Vec<&str>], tests: &str) -> Vec<String> {
    let begins = |c: char| c == '"' || c.is_whitespace();
    let ends = |c: char| begins(c) || c == '=';
    options
        .iter()
        .filter(|names| !names.iter().any(|name| stands(tests, name, begins, ends)))
        .map(|names| format!("no test gives {}", names.join(", ")))
        .collect()
}

/// Keys that the tests never set, as `key = …`, as a table, or as a word of a list.
pub(crate) fn untried_keys(keys: &[&str], tests: &str) -> Vec<String> {
    // The `n` of a line's end in a string literal is no part of the key behind it.
    let tests = tests.replace("\\n", " ");
    let apart = |c: char| !c.is_alphanumeric() && c != '_';
    let sets = |key: &str| {
        tests.contains(&format!("[{key}]"))
            || tests.contains(&format!("\"{key}\","))
            || stands(&tests, &format!("{key} ="), apart, char::is_whitespace)
    };
    keys.iter()
        .filter(|key| !sets(key))
        .map(|key| format!("no test sets `{key}`"))
        .collect()
}

/// Whether a word stands in a text between characters that set it apart.
fn stands(
    text: &str,
    word: &str,
    begins: impl Fn(char) -> bool,
    ends: impl Fn(char) -> bool,
) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        before.is_none_or(&begins) && after.is_none_or(&ends)
    })
}

#[cfg(test)]
mod tests_of_the_rule {
    use super::*;

    #[test]
    fn options_are_found_with_their_names() {
        let page = "| Options | |\n|---|---|\n| `-c, --vus N` | Users |\n| `--stream[=DIALECT]` | x `-y` |\n\
                    | `SHELL` | no option |\n- `LOADGEN_VUS` is `--vus`\n";
        assert_eq!(options(page), [vec!["-c", "--vus"], vec!["--stream"]]);
    }

    #[test]
    fn keys_are_found_at_their_own_level_only() {
        let schema = "{\n  \"properties\": {\n    \"load\": {\n      \"type\": \"x\"\n    },\n    \"vars\": {\n    }\n  },\n\
                      \x20 \"$defs\": {\n    \"Load\": {\n      \"properties\": {\n        \"vus\": {\n        }\n      }\n    }\n  }\n}";
        assert_eq!(keys(schema), ["load", "vars", "vus"]);
    }

    #[test]
    fn what_no_test_gives_is_a_complaint() {
        let check = |tests: &str, expected: usize| {
            assert_eq!(
                untried_options(&[vec!["-c", "--vus"]], tests).len(),
                expected,
                "{tests}"
            );
        };
        check("&[\"run\", \"--vus\", \"3\"]", 0);
        check("\"run -c 3\"", 0);
        check("\"--vus=3\"", 0);
        check("\"--vuss\"", 1);
        check("\"a-c\"", 1);
    }

    #[test]
    fn what_no_test_sets_is_a_complaint() {
        let check = |tests: &str, expected: usize| {
            assert_eq!(untried_keys(&["slo"], tests).len(), expected, "{tests}");
        };
        check("\"slo = { }\"", 0);
        check("\"\\n[slo]\\n\"", 0);
        check("[\"slo\", \"load\"]", 0);
        check("\"[load]\\nslo = 3\"", 0);
        check("oslo = 3", 1);
        check("slow = 3", 1);
    }

    #[test]
    fn only_tests_are_looked_at() {
        let sources = Texts::from([
            (
                "crates/a/src/x.rs".to_owned(),
                "one #[cfg(test)] two".to_owned(),
            ),
            ("crates/a/src/tests/y.rs".to_owned(), "three".to_owned()),
            ("crates/a/src/z.rs".to_owned(), "four".to_owned()),
            ("crates/b/tests/y.rs".to_owned(), "five".to_owned()),
        ]);
        let tests = tests(&sources, &["crates/a/"]);
        assert!(tests.contains("two") && tests.contains("three"));
        assert!(!tests.contains("one") && !tests.contains("four") && !tests.contains("five"));
    }
}
