//! The files of the repository, without what `.gitignore` leaves out.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Texts by path, the path relative to the root and with `/`.
pub(crate) type Texts = BTreeMap<String, String>;

/// Every file of the repository.
pub(crate) struct Tree {
    root: PathBuf,
    /// Paths relative to the root, with `/`, sorted.
    pub paths: Vec<String>,
}

impl Tree {
    pub(crate) fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let ignored = ignored_names(
            &fs::read_to_string(root.join(".gitignore")).expect(".gitignore is there"),
        );
        let mut paths = Vec::new();
        walk(&root, "", &ignored, &mut paths);
        paths.sort();
        Self { root, paths }
    }

    /// The text of one file; empty when there is none, so that a rule can complain about its content.
    pub(crate) fn text(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap_or_default()
    }

    /// The texts of the files whose path is wanted.
    pub(crate) fn texts(&self, wanted: impl Fn(&str) -> bool) -> Texts {
        let paths = self.paths.iter().filter(|path| wanted(path));
        paths.map(|path| (path.clone(), self.text(path))).collect()
    }
}

/// The names that `.gitignore` leaves out, and git's own. Patterns with `*` are not used in this repository.
fn ignored_names(gitignore: &str) -> Vec<String> {
    let lines = gitignore.lines().map(|line| line.trim().trim_matches('/'));
    let names = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    names.chain([".git"]).map(str::to_owned).collect()
}

fn walk(folder: &Path, prefix: &str, ignored: &[String], paths: &mut Vec<String>) {
    // A file may vanish while a test runs beside this one; what is gone breaks no rule.
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if ignored.contains(&name) {
            continue;
        }
        let path = if prefix.is_empty() {
            name
        } else {
            format!("{prefix}/{name}")
        };
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(&entry.path(), &path, ignored, paths);
        } else {
            paths.push(path);
        }
    }
}

#[test]
fn gitignore_gives_names() {
    assert_eq!(
        ignored_names("/target\n# a comment\n\nnode_modules/\n"),
        ["target", "node_modules", ".git"]
    );
}
