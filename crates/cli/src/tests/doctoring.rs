//! `loadgen doctor`: what it measures is told and kept, and later plans are held against it.

use super::*;

/// Levels so low that any machine holds them.
const LOW: [&str; 4] = ["doctor", "--quick", "--most", "40"];

#[test]
fn the_doctor_measures_and_keeps_it() {
    let words = [&LOW[..], &["--json"]].concat();
    let played = on(Stage::new(&words)
        .var("XDG_CACHE_HOME", "nowhere")
        .var("HOME", "home"));
    assert_eq!(played.code, 0, "{}{}", played.out, played.err);
    let told: serde_json::Value = serde_json::from_str(&played.out).unwrap();
    let ceilings = told["ceilings"].as_array().unwrap();
    // On one processor there is no second crew.
    assert!([3, 6].contains(&ceilings.len()), "{told}");
    for one in ceilings {
        assert!(one["held"].as_u64().unwrap() <= 40, "{one}");
    }
    let findings = told["findings"].as_array().unwrap();
    assert!(findings.iter().any(|one| one["name"] == "timer"), "{told}");
    let path = Path::new("home/.cache/loadgen/doctor.json");
    let text = played.stage.environment.read_text(path).unwrap();
    let mut kept: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(kept["ceilings"], told["ceilings"]);

    // A plan that asks for more than was measured is told so; one that does not is not.
    for one in kept["ceilings"].as_array_mut().unwrap() {
        one["limited_by"] = "generator".into();
        one["held"] = 50.into();
    }
    for (rate, warned) in [("60/s", true), ("50/s", false)] {
        let scenario = "load = { rate = \"1/s\", duration = \"1s\" }\ntarget = \"mock\"\n[[step]]\nget = \"/plain\"\n";
        let words = ["check", "a.toml", "--rate", rate];
        let stage = Stage::new(&words)
            .var("HOME", "home")
            .file("a.toml", scenario);
        let stage = stage.file("home/.cache/loadgen/doctor.json", &kept.to_string());
        let played = on(stage);
        assert_eq!(played.code, 0, "{}", played.err);
        let told = played.err.contains("asks for up to 60 requests a second");
        assert_eq!(told, warned, "{}", played.err);
    }
}

#[test]
fn the_doctor_tells_in_words() {
    let words = [&LOW[..], &["--no-save"]].concat();
    let played = on(Stage::new(&words).var("HOME", "home"));
    assert_eq!(played.code, 0, "{}{}", played.out, played.err);
    for part in [
        "Ceilings",
        "requests/s",
        "streams",
        "events/s",
        "open files",
        "timer",
    ] {
        assert!(played.out.contains(part), "{part}: {}", played.out);
    }
    let path = Path::new("home/.cache/loadgen/doctor.json");
    assert!(played.stage.environment.read_text(path).is_err());
    assert!(
        played.out.lines().all(|line| line.chars().count() <= 100),
        "{}",
        played.out
    );
}
