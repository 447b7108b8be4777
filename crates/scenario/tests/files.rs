//! Every scenario of the folder `scenarios/` gives the plan that is kept beside this test.

use loadgen_scenario::{Body, Overrides, Plan, Rendered, SourceText, load};
use std::{fmt::Write as _, fs, path::Path};

/// Set to write the plans anew: `LOADGEN_UPDATE=1 cargo test -p loadgen-scenario`.
const UPDATE: Option<&str> = option_env!("LOADGEN_UPDATE");

#[test]
fn the_plans_of_all_files_are_as_kept() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = fs::read_to_string(root.join("../../scenarios/README.md")).unwrap();
    let mut seen = 0;
    for entry in fs::read_dir(root.join("../../scenarios")).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("README.md") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        assert!(
            text.starts_with("#:schema ../docs/scenario.schema.json\n"),
            "{stem}"
        );
        assert!(
            list.contains(&format!("| [{stem}.toml]({stem}.toml) | ")),
            "scenarios/README.md does not list {stem}.toml"
        );
        let source = SourceText {
            path: stem,
            text: &text,
            stem,
        };
        let lowered =
            load(source, &Overrides::default()).unwrap_or_else(|problems| panic!("{problems}"));
        let plan = portrait(&lowered.plan);
        let kept = root.join("tests/plans").join(stem).with_extension("txt");
        if UPDATE.is_some() {
            fs::write(&kept, &plan).unwrap();
        }
        assert_eq!(
            plan,
            fs::read_to_string(&kept).unwrap_or_default(),
            "{stem}: see LOADGEN_UPDATE"
        );
        seen += 1;
    }
    assert!(seen >= 4, "{seen}");
}

/// All of a plan that matters, as text.
fn portrait(plan: &Plan) -> String {
    let mut text = plan.describe(2);
    _ = writeln!(text, "\n{}\n", plan.canonical);
    let scope = plan.scope(3, 42);
    scope.begin_iteration(1);
    (0..plan.data.len()).for_each(|set| scope.give_row(set, 0));
    for request in plan.requests() {
        _ = writeln!(
            text,
            "{:?} {:?} {:?}",
            request.timeouts, request.stream, request.expect
        );
        let target = loadgen_scenario::Target::parse("http://127.0.0.1:9").expect("a URL");
        match request.message.render(&target, &scope) {
            Ok(rendered) => text.push_str(&wire(request.method.name(), &rendered)),
            // What answers give is known only in the run.
            Err(error) => _ = writeln!(text, "{} {error}\n", request.method.name()),
        }
        assert!(!matches!(request.message.body, Body::Bytes(_)));
    }
    text
}

fn wire(method: &str, rendered: &Rendered<'_>) -> String {
    let mut text = format!("{method} {}{}\n", rendered.origin, rendered.path);
    for (name, value) in rendered.headers.iter() {
        _ = writeln!(text, "{name}: {value}");
    }
    _ = writeln!(text, "{}\n", String::from_utf8_lossy(&rendered.body));
    text
}
