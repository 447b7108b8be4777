//! What stands where, and under which name.

use std::collections::BTreeSet;

use crate::tree::Texts;

const FOLDERS: &[&str] = &[
    ".ci",
    ".config",
    ".github",
    "benches",
    "crates",
    "docs",
    "scenarios",
    "scripts",
];

const ROOT_FILES: &[&str] = &[
    ".gitignore",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "clippy.toml",
    "deny.toml",
    "rustfmt.toml",
];

const SCHEMA_LINE: &str = "#:schema ../docs/scenario.schema.json";

/// Folders and files at the top that a newcomer must ask about.
pub(crate) fn unexpected_at_the_top(paths: &[String]) -> Vec<String> {
    let tops: BTreeSet<_> = paths
        .iter()
        .map(|path| {
            path.split_once('/')
                .map_or((path.as_str(), false), |(top, _)| (top, true))
        })
        .collect();
    let strange = tops
        .iter()
        .filter(|(name, folder)| !if *folder { FOLDERS } else { ROOT_FILES }.contains(name));
    let strange = strange.map(|(name, _)| {
        format!("{name} is not known at the top level (crates/testkit/tests/house/layout.rs)")
    });
    let missing = ROOT_FILES
        .iter()
        .filter(|name| !tops.contains(&(**name, false)));
    strange
        .chain(missing.map(|name| format!("{name} is missing")))
        .collect()
}

/// Names that say nothing, under which everything gathers.
pub(crate) fn bad_package_names(names: &[&str]) -> Vec<String> {
    const EMPTY: [&str; 6] = ["common", "core", "helpers", "shared", "util", "utils"];
    let says_nothing = |name: &&&str| name.split(['-', '_']).any(|part| EMPTY.contains(&part));
    names
        .iter()
        .filter(says_nothing)
        .map(|name| format!("{name}: name it for what it does"))
        .collect()
}

/// Manifests that step out of the workspace's lints, or that a slip could publish.
pub(crate) fn bad_manifests(manifests: &Texts) -> Vec<String> {
    let mut complaints = Vec::new();
    for (path, text) in manifests {
        let Ok(manifest) = text.parse::<toml::Table>() else {
            complaints.push(format!("{path} does not parse"));
            continue;
        };
        let lints = manifest
            .get("lints")
            .and_then(|lints| lints.get("workspace"))
            .and_then(toml::Value::as_bool);
        if lints != Some(true) {
            complaints.push(format!("{path} lacks `[lints] workspace = true`"));
        }
        let package = manifest.get("package");
        if package
            .and_then(|package| package.get("publish"))
            .and_then(toml::Value::as_bool)
            != Some(false)
        {
            complaints.push(format!("{path} lacks `publish = false`"));
        }
        if !package
            .and_then(|package| package.get("description"))
            .is_some_and(toml::Value::is_str)
        {
            complaints.push(format!(
                "{path} has no description: say in one sentence what the crate does"
            ));
        }
    }
    complaints
}

/// Scenarios that an editor cannot check, because their first line does not name the schema.
pub(crate) fn without_schema_line(files: &Texts) -> Vec<String> {
    let bad = files
        .iter()
        .filter(|(_, text)| text.lines().next() != Some(SCHEMA_LINE));
    bad.map(|(path, _)| format!("{path} does not begin with `{SCHEMA_LINE}`"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(path: &str, text: &str) -> Texts {
        Texts::from([(path.to_owned(), text.to_owned())])
    }

    #[test]
    fn a_seventh_folder_or_a_lost_file_is_a_complaint() {
        let mut paths: Vec<_> = ROOT_FILES.iter().map(|&name| name.to_owned()).collect();
        paths.push("crates/x/src/lib.rs".into());
        assert_eq!(unexpected_at_the_top(&paths), [""; 0]);
        paths.push("tools/x.py".into());
        paths.push("notes.txt".into());
        paths.retain(|path| path != "deny.toml");
        let found = unexpected_at_the_top(&paths).join("\n");
        assert!(
            ["tools is not", "notes.txt is not", "deny.toml is missing"]
                .iter()
                .all(|part| found.contains(part)),
            "{found}"
        );
    }

    #[test]
    fn a_name_that_says_nothing_is_a_complaint() {
        assert_eq!(
            bad_package_names(&["loadgen-score", "loadgen", "loadgen-http"]),
            [""; 0]
        );
        for name in [
            "loadgen-core",
            "common",
            "loadgen_util",
            "loadgen-test-utils",
        ] {
            assert_eq!(bad_package_names(&[name]).len(), 1, "{name}");
        }
    }

    #[test]
    fn a_manifest_that_steps_out_is_a_complaint() {
        let check = |text: &str, expected: usize| {
            assert_eq!(
                bad_manifests(&one("Cargo.toml", text)).len(),
                expected,
                "{text}"
            );
        };
        check(
            "[package]\npublish = false\ndescription = 'x'\n[lints]\nworkspace = true",
            0,
        );
        check(
            "[package]\npublish = false\ndescription = 'x'\n[lints]\nworkspace = false",
            1,
        );
        check("[package]\ndescription = 'x'\n[lints]\nworkspace = true", 1);
        check("[package]\npublish = false", 2);
        check("not toml", 1);
    }

    #[test]
    fn a_scenario_without_the_schema_line_is_a_complaint() {
        let check = |text: &str, expected: usize| {
            assert_eq!(
                without_schema_line(&one("scenarios/a.toml", text)).len(),
                expected
            );
        };
        check("#:schema ../docs/scenario.schema.json\nname = 'a'\n", 0);
        check("# a comment\n#:schema ../docs/scenario.schema.json\n", 1);
        check("", 1);
    }
}
