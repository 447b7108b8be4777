//! The rules of the house, held against the repository as it stands.
//!
//! Each rule is a function from data to a list of complaints, and lives in `house/` beside the
//! tests that show it can fail. Here the rules meet the real files.

#[path = "house/docs.rs"]
mod docs;
#[path = "house/edges.rs"]
mod edges;
#[path = "house/layout.rs"]
mod layout;
#[path = "house/source.rs"]
mod source;
#[path = "house/tree.rs"]
mod tree;
#[path = "house/tried.rs"]
mod tried;

use tree::Tree;

/// Fails with every complaint at once, so that one run shows all there is to mend.
fn none(rule: &str, complaints: &[String]) {
    assert!(
        complaints.is_empty(),
        "{rule}:\n  {}\n",
        complaints.join("\n  ")
    );
}

#[test]
fn crates_use_only_what_the_table_of_edges_allows() {
    let metadata = edges::metadata();
    none(
        "edges that the table does not allow",
        &edges::unlisted(&edges::of_workspace(&metadata)),
    );
}

#[test]
fn tokio_is_out_of_reach_of_the_pure_crates() {
    let graph = edges::normal_graph(&edges::metadata());
    for pure in edges::PURE {
        none(
            "a pure crate reaches tokio",
            &edges::path(&graph, pure, "tokio")
                .into_iter()
                .collect::<Vec<_>>(),
        );
    }
}

#[test]
fn crates_are_named_for_what_they_are() {
    let metadata = edges::metadata();
    let packages = metadata.workspace_packages();
    let names: Vec<_> = packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    none("names", &layout::bad_package_names(&names));
}

#[test]
fn every_manifest_takes_the_lints_and_is_not_published_by_accident() {
    let manifests =
        Tree::read().texts(|path| path.ends_with("/Cargo.toml") && path.starts_with("crates/"));
    assert!(
        manifests.len() > 5,
        "found only {} manifests",
        manifests.len()
    );
    none("manifests", &layout::bad_manifests(&manifests));
}

#[test]
fn the_top_level_asks_no_newcomer_a_riddle() {
    none(
        "top level",
        &layout::unexpected_at_the_top(&Tree::read().paths),
    );
}

#[test]
fn every_source_file_says_its_purpose_first() {
    let files = Tree::read().texts(|path| path.ends_with(".rs"));
    assert!(files.len() > 10, "found only {} source files", files.len());
    none("first lines", &source::without_purpose(&files));
}

#[test]
fn only_the_command_line_prints() {
    let printing = |path: &str| path.starts_with("crates/cli/") || path.starts_with("benches/");
    let files = Tree::read().texts(|path| path.ends_with(".rs") && !printing(path));
    none("print macros", &source::printing(&files));
}

#[test]
fn a_lint_is_silenced_only_with_a_reason() {
    let files = Tree::read().texts(|path| path.ends_with(".rs"));
    none("silenced lints", &source::silenced(&files));
}

#[test]
fn files_and_functions_stay_small() {
    let files = Tree::read().texts(|path| path.ends_with(".rs") && !source::is_test_file(path));
    none(
        "file lengths",
        &source::long_files(&files, source::LONG_FILES),
    );
    none(
        "function lengths",
        &source::long_functions(&files, source::LONG_FUNCTIONS),
    );
    none("the tail of function lengths", &source::heavy_tails(&files));
}

#[test]
fn every_scenario_names_its_schema() {
    let files =
        Tree::read().texts(|path| path.starts_with("scenarios/") && path.ends_with(".toml"));
    none("schema lines", &layout::without_schema_line(&files));
}

#[test]
fn the_docs_define_every_public_name() {
    let tree = Tree::read();
    let page = tree.text("docs/measurement.md");
    none(
        "docs/measurement.md",
        &docs::undefined(&page, docs::PUBLIC_NAMES),
    );
    let table = tree.text("crates/stats/src/metric.rs");
    let names = docs::names_in_table(&table);
    assert!(names.len() > 20, "found only {} metrics", names.len());
    none("docs/measurement.md", &docs::undefined(&page, &[&names]));
}

#[test]
fn links_in_the_docs_resolve() {
    let tree = Tree::read();
    let pages = tree.texts(|path| path.ends_with(".md"));
    assert!(pages.len() > 5, "found only {} pages", pages.len());
    none("links", &docs::broken_links(&pages, &tree.paths));
}

#[test]
fn every_page_of_the_docs_is_listed() {
    let tree = Tree::read();
    let list = tree.text("docs/README.md");
    none("docs/README.md", &docs::unlisted(&list, &tree.paths));
}

#[test]
fn decisions_are_numbered_and_complete() {
    let records = Tree::read().texts(|path| path.starts_with("docs/adr/"));
    assert!(!records.is_empty(), "no decision is recorded");
    none("decision records", &docs::bad_decisions(&records));
}

#[test]
fn every_option_and_every_key_is_tried() {
    let tree = Tree::read();
    let sources = tree.texts(|path| path.ends_with(".rs"));
    let page = tree.text("docs/cli.md");
    let options = tried::options(&page);
    assert!(options.len() > 40, "found only {} options", options.len());
    let cli = tried::tests(&sources, &["crates/cli/"]);
    none("options", &tried::untried_options(&options, &cli));

    let schema = tree.text("docs/scenario.schema.json");
    let keys = tried::keys(&schema);
    assert!(keys.len() > 60, "found only {} keys", keys.len());
    let folders = ["scenario", "engine", "http", "cli"].map(|name| format!("crates/{name}/"));
    let tests = tried::tests(&sources, &folders.each_ref().map(String::as_str));
    none("keys", &tried::untried_keys(&keys, &tests));
}
