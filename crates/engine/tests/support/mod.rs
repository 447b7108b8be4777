//! A plan from text.

use loadgen_scenario::{Overrides, Plan, SourceText, load};

/// The plan of a scenario that has no problems.
pub(crate) fn plan(text: &str) -> Plan {
    let source = SourceText {
        path: "test.toml",
        text,
        stem: "test",
    };
    match load(source, &Overrides::default()) {
        Ok(lowered) => lowered.plan,
        Err(problems) => panic!("{problems}"),
    }
}
