//! Tests of the schema: it knows the keys of the reader, and says what each of them means.

use super::*;
use crate::document::keys;
use std::{collections::BTreeSet, fs, path::Path};

/// The keys of an object of the schema, which may stand behind references and choices.
fn keys_of(schema: &Value, object: &Value) -> BTreeSet<String> {
    let object = resolve(schema, object);
    let mut keys = BTreeSet::new();
    if let Some(properties) = object["properties"].as_object() {
        keys.extend(properties.keys().cloned());
    }
    for choice in ["anyOf", "oneOf"] {
        for part in object[choice].as_array().into_iter().flatten() {
            keys.extend(keys_of(schema, part));
        }
    }
    keys
}

fn resolve<'a>(schema: &'a Value, object: &'a Value) -> &'a Value {
    match object["$ref"].as_str() {
        Some(reference) => schema.pointer(reference.trim_start_matches('#')).unwrap(),
        None => object,
    }
}

fn property<'a>(schema: &'a Value, object: &'a Value, key: &str) -> &'a Value {
    &resolve(schema, object)["properties"][key]
}

/// Whether the schema takes a scenario.
fn takes(text: &str) -> bool {
    let (document, problems) = crate::document::to_json(text);
    assert!(problems.is_empty(), "{problems:?}");
    jsonschema::validator_for(&value())
        .unwrap()
        .is_valid(&document)
}

#[test]
fn the_schema_takes_what_the_reader_takes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("README.md") {
            continue;
        }
        assert!(
            takes(&fs::read_to_string(&path).unwrap()),
            "{}",
            path.display()
        );
    }
    let good = [
        "load = { vus = 1, iterations = 5, max_duration = \"1m30s\", executor = \"shared-iterations\" }",
        "load = { rate = \"500/min\", duration = \"6h\", max_vus = 9, arrivals = \"gamma\", burstiness = 0.5 }",
        "load = { rate = 0.5, duration = \"6h\", start_after = \"5s\", warm_up = \"1m\", arrivals = \"poisson\" }",
        "load = { start_vus = 0, stages = [{ duration = \"0s\", target = 9 }], graceful_ramp_down = \"1s\" }",
        "load = { start_rate = \"1.5 / h\", stages = [{ duration = \"1m\", target = \"100/s\" }] }",
        "defaults = { connection = \"new\", resolve = { a = \"127.0.0.1\", \"b:80\" = [\"::1\"] } }",
        "defaults = { source_addresses = [\"127.0.0.2\", \"::1\"] }",
        "defaults = { timeout = { total = \"1s\", idle = \"250ms\" }, headers = { a = \"b\", c = 1, d = true } }",
        "data = { a = { file = \"a.csv\", columns = [\"x\"], delimiter = \";\", pick = \"unique\", at_end = \"stop\", per = \"user\" }, b = { rows = [1, { c = 2 }] } }",
        "slo = { ttft = \"2s\" }\nthresholds = { ttft = \"p95 < 2s\", vus = [\"max < 5\"] }",
        "mock = { ttft = \"5ms\", error_rate = \"10%\", stall_rate = 0.1, seed = 7 }",
        "load = { vus = 1, duration = \"1s\", start_after = \"scenario:warm up\" }",
    ];
    for text in good {
        assert!(takes(&format!("{text}\n[[step]]\nget = \"/\"\n")), "{text}");
    }
    let scenarios = [
        "[[scenario]]\nname = \"a\"\nweight = 0.5\nstep = [{ get = \"/\" }]",
        "[[scenario]]\nname = \"a\"\nload = { vus = 1, duration = \"1s\" }\n[[scenario.step]]\nthink = \"1s\"\n\
         [[scenario]]\nname = \"b\"\nload = { rate = 1, duration = \"1s\", start_after = \"scenario:a\" }\n\
         [[scenario.step]]\nget = \"/\"",
    ];
    for text in scenarios {
        assert!(takes(text), "{text}");
    }
    let steps = [
        "post = \"/\"\nquery = { a = [1, \"b\"], c = true }\nbody = \"x\"",
        "post = \"/\"\njson = [1, { a = \"b\" }]\nstream = \"sse\"",
        "get = \"/\"\nstream = { dialect = \"openai\", first_token = \"any_delta\", include_usage = false }",
        "get = \"/\"\nextract = { a = \"$.b\", c = { regex = \"x\", all = true, default = 1 }, d = { text = true } }",
        "get = \"/\"\nexpect = { headers = { a = \"b\", c = { exists = true } }, body_matches = [\"x\"], json = { \"$.a\" = [1], \"$.b\" = { min = 1 } }, body_size = 5, tokens = { max = 1 }, within = \"1s\" }",
        "get = \"/\"\nexpect = { status = [200, \"4xx\"], body_contains = [\"a\"] }\nhttp_version = \"2\"",
        "think = \"1s..3s\"",
        "think = \"500ms\"",
        "post = \"/\"\nform = { a = 1, b = [\"x\", true] }\ncompress = \"gzip\"",
        "post = \"/\"\nmultipart = [{ name = \"a\", value = 5 }, { name = \"b\", file = \"f\", content_type = \"x/y\" }]",
        "post = \"/\"\nbody_file = \"f\"\ncancel = { after_tokens = 3, probability = \"5%\" }\nredirects = 0",
    ];
    for text in steps {
        assert!(takes(&format!("[[step]]\n{text}\n")), "{text}");
    }
}

#[test]
fn the_schema_refuses_what_the_reader_refuses() {
    let bad = [
        "nmae = \"x\"",
        "name = 5",
        "load = { vus = 0 }",
        "load = { vus = 1.5 }",
        "load = { duration = 30 }",
        "load = { duration = \"5 sec\" }",
        "load = { executor = \"ramping-vu\" }",
        "load = { rate = \"5/day\" }",
        "load = { rate = -1 }",
        "load = { start_vus = -1 }",
        "load = { max_vus = 0 }",
        "load = { stages = [] }",
        "load = { stages = [{ target = 5 }] }",
        "load = { stages = [{ duration = \"1s\", target = 5, more = 1 }] }",
        "load = { stages = [{ duration = \"1s\", target = -5 }] }",
        "load = { arrivals = \"random\" }",
        "load = { burstiness = 0 }",
        "defaults = { on_failure = \"abort\" }",
        "defaults = { http_version = 2 }",
        "defaults = { get = \"/\" }",
        "defaults = { source_addresses = [] }",
        "defaults = { source_addresses = \"10.0.0.5\" }",
        "slo = { itl = \"1s\" }",
        "data = { a = { pick = \"unique\" } }",
        "data = { a = { file = \"a.csv\", format = \"xml\" } }",
        "thresholds = { ttft = [] }",
        "mock = { jitter = 1.5 }",
        "mock = { workers = 0 }",
    ];
    for text in bad {
        assert!(
            !takes(&format!("{text}\n[[step]]\nget = \"/\"\n")),
            "{text}"
        );
    }
    for text in [
        "",
        "step = []",
        "scenario = []",
        "[[scenario]]\nname = \"a\"",
        "[[scenario]]\nname = \"\"\nstep = [{ get = \"/\" }]",
        "[[scenario]]\nstep = [{ get = \"/\" }]",
        "[[scenario]]\nname = \"a\"\nweight = -1\nstep = [{ get = \"/\" }]",
        "[[scenario]]\nname = \"a\"\nweight = 1\nload = { vus = 1 }\nstep = [{ get = \"/\" }]",
        "[[step]]\nget = \"/\"\n[[scenario]]\nname = \"a\"\nstep = [{ get = \"/\" }]",
        "[[scenario]]\nname = \"a\"\nload = { start_after = \"after b\" }\nstep = [{ get = \"/\" }]",
        "[[step]]\ngett = \"/\"",
        "[[step]]\nget = 5",
        "[[step]]\nget = \"/\"\nextract = { a = \"b\" }",
        "[[step]]\nget = \"/\"\nextract = { a = { jsn = \"$.b\" } }",
        "[[step]]\nget = \"/\"\nextract = { a = { text = false } }",
        "[[step]]\nget = \"/\"\nexpect = { json = { \"$.a\" = {} } }",
        "[[step]]\nget = \"/\"\nexpect = { tokens = \"5\" }",
        "[[step]]\nstream = \"x\"\nget = \"/\"",
    ] {
        assert!(!takes(text), "{text}");
    }
}

#[test]
fn the_schema_and_the_reader_know_the_same_keys() {
    let schema = value();
    let step = resolve(&schema, &property(&schema, &schema, "step")["items"]).clone();
    let defaults = property(&schema, &schema, "defaults").clone();
    let slo: Vec<&str> = keys::slo().map(loadgen_stats::Trend::name).collect();
    let of = |object: &Value, key: &str| property(&schema, object, key).clone();
    let scenario = resolve(&schema, &of(&schema, "scenario")["items"]).clone();
    let stage = of(&of(&schema, "load"), "stages")["items"].clone();
    let cases = [
        ("file", schema.clone(), keys::ROOT.to_vec()),
        ("load", of(&schema, "load"), keys::LOAD.to_vec()),
        (
            "data",
            of(&schema, "data")["additionalProperties"].clone(),
            keys::DATA.to_vec(),
        ),
        ("scenario", scenario.clone(), keys::SCENARIO.to_vec()),
        ("scenario.load", of(&scenario, "load"), keys::LOAD.to_vec()),
        (
            "scenario.step",
            of(&scenario, "step")["items"].clone(),
            keys::step(),
        ),
        ("stage", stage, keys::STAGE.to_vec()),
        ("defaults", defaults.clone(), keys::defaults()),
        ("step", step.clone(), keys::step()),
        ("expect", of(&step, "expect"), keys::EXPECT.to_vec()),
        (
            "expect of defaults",
            of(&defaults, "expect"),
            keys::EXPECT.to_vec(),
        ),
        ("timeout", of(&step, "timeout"), keys::TIMEOUT.to_vec()),
        (
            "multipart",
            of(&step, "multipart")["items"].clone(),
            keys::PART.to_vec(),
        ),
        ("cancel", of(&step, "cancel"), keys::CANCEL.to_vec()),
        ("stream", of(&step, "stream"), keys::STREAM.to_vec()),
        ("slo", of(&schema, "slo"), slo.clone()),
        ("slo of a step", of(&step, "slo"), slo),
        ("mock", of(&schema, "mock"), keys::MOCK.to_vec()),
    ];
    for (what, object, keys) in cases {
        let keys: BTreeSet<String> = keys.into_iter().map(ToOwned::to_owned).collect();
        assert_eq!(keys_of(&schema, &object), keys, "{what}");
    }
}

#[test]
fn every_key_is_described_and_no_other_is_allowed() {
    fn walk(object: &Value, path: &str) {
        if let Some(properties) = object["properties"].as_object() {
            assert_eq!(object["additionalProperties"], false, "{path}");
            for (key, property) in properties {
                let words = property["description"].as_str().unwrap_or_default();
                assert!(words.len() > 8, "{path}.{key} has no description");
            }
        }
        match object {
            Value::Object(entries) => entries
                .iter()
                .for_each(|(key, value)| walk(value, &format!("{path}.{key}"))),
            Value::Array(values) => values.iter().for_each(|value| walk(value, path)),
            _ => {}
        }
    }
    walk(&value(), "");
}

#[test]
fn every_key_has_an_example_that_it_takes() {
    fn walk(schema: &Value, object: &Value, path: &str) {
        let properties = object["properties"].as_object();
        for (key, property) in properties.into_iter().flatten() {
            let examples = page::examples(schema, property);
            assert!(!examples.is_empty(), "{path}.{key} has no example");
            let mut alone = property.clone();
            alone["$defs"] = schema["$defs"].clone();
            let takes = jsonschema::validator_for(&alone).unwrap();
            for example in examples {
                assert!(
                    takes.is_valid(&example),
                    "{path}.{key} does not take {example}"
                );
            }
        }
    }
    let schema = value();
    walk(&schema, &schema, "");
    for (name, def) in schema["$defs"].as_object().unwrap() {
        walk(&schema, def, name);
    }
}

/// Holds a page that is committed to the one that is made.
fn check_committed(name: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs")
        .join(name);
    if option_env!("LOADGEN_UPDATE").is_some() {
        fs::write(&path, made).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let how = "write it anew: LOADGEN_UPDATE=1 cargo test -p loadgen-scenario schema";
    assert!(
        committed == made,
        "docs/{name} is not what the code makes; {how}"
    );
}

#[test]
fn the_committed_reference_is_the_one_made() {
    check_committed("scenario-reference.md", &page::page());
}

#[test]
fn the_reference_explains_every_key_once_at_least() {
    let schema = value();
    let explained = page::explained(&schema);
    let defs = schema["$defs"].as_object().unwrap().iter();
    let defs = defs.map(|(name, def)| (name.as_str(), def));
    for (name, def) in defs.chain([("File", &schema)]) {
        for key in def["properties"].as_object().into_iter().flatten() {
            let key = format!("{name}.{}", key.0);
            assert!(explained.contains(&key), "{key} is not on the page");
        }
    }
}

#[test]
fn the_examples_of_the_reference_are_whole() {
    let page = page::page();
    let mut count = 0;
    for block in page.split("```toml\n").skip(1) {
        let text = block.split("```").next().unwrap();
        let source = crate::SourceText {
            path: "page.toml",
            text,
            stem: "page",
        };
        let loaded = crate::load(source, &crate::Overrides::default());
        assert!(loaded.is_ok(), "{text}\n{}", loaded.unwrap_err());
        assert!(takes(text), "{text}");
        count += 1;
    }
    assert!(count >= 15, "{count} examples");
}

#[test]
fn the_snippets_of_the_reference_are_right() {
    /// Not keys of ours: members of messages, names of variables and of metrics.
    const OTHERS: [&str; 3] = ["role", "accounts", "http_req_failed"];
    let schema = value();
    let tables = schema["$defs"].as_object().unwrap().values();
    let tables: Vec<&Value> = tables.chain([&schema]).collect();
    let validators = |key: &str| -> Vec<jsonschema::Validator> {
        let properties = tables.iter().map(|table| &table["properties"][key]);
        let known = properties.filter(|property| !property.is_null());
        let whole = known.cloned().map(|mut property| {
            property["$defs"] = schema["$defs"].clone();
            jsonschema::validator_for(&property).unwrap()
        });
        whole.collect()
    };
    let mut known = std::collections::BTreeMap::new();
    let page = page::page();
    let mut fenced = false;
    let mut count = 0;
    for line in page.lines() {
        fenced ^= line.starts_with("```");
        let snippets = line.split('`').skip(1).step_by(2);
        for snippet in snippets.filter(|text| !fenced && text.contains(" = ")) {
            let (document, problems) = crate::document::to_json(snippet);
            assert!(problems.is_empty(), "{snippet}: {problems:?}");
            for (key, value) in document.as_object().unwrap() {
                let known = known.entry(key.clone()).or_insert_with(|| validators(key));
                let takes = known.iter().any(|one| one.is_valid(value));
                assert!(takes || OTHERS.contains(&key.as_str()), "{snippet}");
                count += 1;
            }
        }
    }
    assert!(count > 200, "{count} snippets");
}

#[test]
fn the_committed_schema_is_the_one_made() {
    check_committed("scenario.schema.json", &schema());
}
