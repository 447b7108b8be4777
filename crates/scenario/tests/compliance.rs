//! The compliance suite of RFC 9535, through the paths that `extract` and `expect` use.
//!
//! The suite is other people's work and no part of this project: `scripts/setup` installs a package that carries it.

use loadgen_scenario::Path;
use serde_json::Value;

/// Where it is, from the folder that tests may write to.
const SUITE: &str = concat!(
    env!("CARGO_TARGET_TMPDIR"),
    "/../e2e/node/node_modules/jsonpath-rfc9535/src/__tests__/jsonpath-compliance-test-suite/cts.json"
);

#[test]
#[ignore = "needs what scripts/setup installs: scripts/test compliance"]
fn paths_are_as_rfc_9535_has_them() {
    let text = std::fs::read_to_string(SUITE).expect("scripts/setup installs it");
    let suite: Value = serde_json::from_str(&text).unwrap();
    let cases = suite["tests"].as_array().unwrap();
    let wrong: Vec<String> = cases.iter().filter_map(|case| check(case).err()).collect();
    assert!(cases.len() > 600, "{} cases", cases.len());
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
}

/// Holds one case against what we make of it.
fn check(case: &Value) -> Result<(), String> {
    let (name, selector) = (&case["name"], case["selector"].as_str().unwrap_or_default());
    let path = Path::parse(selector);
    if case["invalid_selector"] == true {
        return path.map_or(Ok(()), |_| Err(format!("{name}: {selector} is no path")));
    }
    let path = path.map_err(|error| format!("{name}: {selector}: {}", error.message))?;
    let found = path.all(&case["document"]);
    let found: Value = found.into_iter().cloned().collect();
    // Where the order is free, the case has several.
    let one = case.get("result").into_iter();
    let several = case.get("results").and_then(Value::as_array);
    let mut right = one.chain(several.into_iter().flatten());
    if right.any(|right| *right == found) {
        Ok(())
    } else {
        Err(format!("{name}: {selector} leads to {found}"))
    }
}
