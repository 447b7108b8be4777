//! Holds the walk over JSON and the reading of deltas to what a tree of serde_json says.

use super::{
    Dialect, MAX_MESSAGE, Part, Reading,
    json::{Cursor, MAX_DEPTH, value, walk},
    of, openai, shorten,
};
use loadgen_engine::{DialectName, StreamSpec, Usage};
use proptest::{collection::vec, prelude::*, sample};
use serde_json::{Value, json};

#[test]
fn only_json_is_walked_to_its_end() {
    for (text, good) in [
        ("{}", true),
        (
            " { \"a\" : [ 1 , -2.5e+3 , true , false , null , \"x\" ] , \"b\" : { } }\r\n\t",
            true,
        ),
        ("[]", true),
        ("0", true),
        ("-0.0E-0", true),
        ("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"", true),
        ("\"\u{7f}\u{2028}\"", true),
        ("", false),
        (" ", false),
        ("{", false),
        ("}", false),
        ("{}}", false),
        ("{} {}", false),
        ("{\"a\"}", false),
        ("{\"a\":}", false),
        ("{\"a\":1,}", false),
        ("{,}", false),
        ("{a:1}", false),
        ("{'a':1}", false),
        ("{\"a\":1 \"b\":2}", false),
        ("[1,]", false),
        ("[,1]", false),
        ("[1 2]", false),
        ("[1}", false),
        ("01", false),
        ("1.", false),
        (".5", false),
        ("-", false),
        ("+1", false),
        ("1e", false),
        ("1e+", false),
        ("0x10", false),
        ("NaN", false),
        ("tru", false),
        ("nulll", false),
        ("True", false),
        ("\"", false),
        ("\"a", false),
        ("\"\\", false),
        ("\"\\x\"", false),
        ("\"\\u12g4\"", false),
        ("\"\\u123\"", false),
        ("\"a\nb\"", false),
        ("\"12345678\u{1}\"", false),
        ("\"1234567\u{1f}8\"", false),
        ("\u{feff}{}", false),
    ] {
        assert_eq!(is_json(text.as_bytes()), good, "{text}");
        assert_eq!(
            serde_json::from_str::<Value>(text).is_ok(),
            good,
            "{text}: serde_json"
        );
    }
}

#[test]
fn nesting_is_walked_to_a_depth_and_no_further() {
    let nested = |depth: u32| "[".repeat(depth as usize) + &"]".repeat(depth as usize);
    assert!(is_json(nested(MAX_DEPTH).as_bytes()));
    assert!(!is_json(nested(MAX_DEPTH + 1).as_bytes()));
    assert!(!is_json("[".repeat(1 << 20).as_bytes()));
    assert!(!is_json("{\"a\":".repeat(1 << 20).as_bytes()));
    assert!(is_json(
        format!("[{}]", vec![nested(MAX_DEPTH - 1); 50].join(",")).as_bytes()
    ));
}

#[test]
fn whole_numbers_are_read() {
    for (text, count) in [
        ("0", Some(0)),
        ("42", Some(42)),
        ("18446744073709551615", Some(u64::MAX)),
        ("18446744073709551616", None),
        ("12.0", Some(12)),
        ("12.5", None),
        ("1e3", None),
        ("-1", None),
        ("null", None),
        ("\"7\"", None),
        ("[7]", None),
    ] {
        assert_eq!(value(text.as_bytes(), Cursor::count), Ok(count), "{text}");
    }
}

#[test]
fn surrogates_are_joined_or_replaced() {
    for (text, plain) in [
        (r#""\ud83d\ude00""#, "\u{1F600}"),
        (r#""a\ud83db""#, "a\u{FFFD}b"),
        (r#""\ude00\ud83d""#, "\u{FFFD}\u{FFFD}"),
        (r#""\ud83d\ud83d\ude00""#, "\u{FFFD}\u{1F600}"),
        (r#""\ud83d\n""#, "\u{FFFD}\n"),
        (r#""\u0000\u005c""#, "\0\\"),
    ] {
        let read = value(text.as_bytes(), Cursor::string).unwrap().unwrap();
        assert_eq!(read.to_text(), plain, "{text}");
    }
}

#[test]
fn a_json_pointer_finds_its_value() {
    let check = |pointer: &str, text: &str, output: bool, blank: bool| {
        let (read, got) = read_with(DialectName::Ndjson, Some(pointer), text);
        assert!(read, "{text}");
        let part = got.parts().next().copied().unwrap_or_default();
        assert_eq!(
            (part.visible, part.blank),
            (output, blank),
            "{pointer} in {text}"
        );
    };
    check("/a", r#"{"a":"x"}"#, true, false);
    check("/a", r#"{"a":""}"#, false, true);
    check("/a", r#"{"a":null}"#, false, false);
    check("/a", r#"{"b":"x"}"#, false, false);
    check("/a", r#"{"a":0}"#, true, false);
    check("/a", r#"{"a":false}"#, true, false);
    check("/a", r#"{"a":[ ]}"#, false, true);
    check("/a", r#"{"a":[1]}"#, true, false);
    check("/a/b", r#"{"a":{"b":"x"}}"#, true, false);
    check("/a/b", r#"{"b":{"a":"x"},"a":1}"#, false, false);
    check("/1/0", r#"[1,["x"]]"#, true, false);
    check("/01", r#"[1,"x"]"#, false, false);
    check("/-", r#"[1]"#, false, false);
    check("/2", r#"[1,2]"#, false, false);
    check("/~01/~1", r#"{"~1":{"/":"x"}}"#, true, false);
    check("/", r#"{"":"x"}"#, true, false);
    check("", r#""x""#, true, false);
    check("/\u{e9}", r#"{"\u00e9":"x"}"#, true, false);
    check("a", r#"{"a":"x"}"#, true, false);
}

#[test]
fn usage_of_plain_answers() {
    let check = |dialect: DialectName, body: &str, expected: Option<(u64, u64, u64)>| {
        let usage = expected.map(|(input, output, reasoning)| Usage {
            input,
            output,
            reasoning,
        });
        assert_eq!(
            of(&spec(dialect, None)).usage_of_body(body.as_bytes()),
            usage,
            "{body}"
        );
    };
    let chat = r#"{"object":"chat.completion","choices":[{"message":{"content":"\"usage\":{}"}}],
        "usage":{"prompt_tokens":9,"completion_tokens":12,"completion_tokens_details":{"reasoning_tokens":4}}}"#;
    check(DialectName::OpenAi, chat, Some((9, 12, 4)));
    check(
        DialectName::OpenAi,
        r#"{"usage":{"input_tokens":3,"output_tokens":5}}"#,
        Some((3, 5, 0)),
    );
    check(
        DialectName::OpenAi,
        r#"{"object":"embeddings","usage":{"prompt_tokens":8,"total_tokens":8}}"#,
        Some((8, 0, 0)),
    );
    check(DialectName::OpenAi, r#"{"usage":null}"#, None);
    check(
        DialectName::OpenAi,
        r#"{"usage":{"completion_tokens":5}"#,
        None,
    );
    check(DialectName::OpenAi, r#"{"error":{"message":"no"}}"#, None);
    check(DialectName::OpenAi, "<html>", None);
    check(DialectName::OpenAi, "", None);
    let message = r#"{"type":"message","content":[],"usage":{"input_tokens":7,"cache_read_input_tokens":5,"output_tokens":6}}"#;
    check(DialectName::Anthropic, message, Some((7, 6, 0)));
    check(DialectName::Anthropic, "[]", None);
    let generate = r#"{"response":"x","done":true,"prompt_eval_count":26,"eval_count":298}"#;
    check(DialectName::Ollama, generate, Some((26, 298, 0)));
    check(DialectName::Ollama, "{}", None);
    check(DialectName::Sse, chat, None);
}

#[test]
fn errors_keep_their_message() {
    let check = |dialect: DialectName, data: &str, message: Option<&str>| {
        let (_, reading) = read_with(dialect, None, data);
        assert_eq!(reading.error.as_deref(), message, "{data}");
    };
    check(
        DialectName::OpenAi,
        r#"{"error":{"message":"a","type":"b"}}"#,
        Some("a"),
    );
    check(
        DialectName::OpenAi,
        r#"{"error":{"type":"b","code":"c"}}"#,
        Some("b"),
    );
    check(DialectName::OpenAi, r#"{"error":{"code":"c"}}"#, Some("c"));
    check(
        DialectName::OpenAi,
        r#"{"error":{"message":"","code":500}}"#,
        Some(r#"{"message":"","code":500}"#),
    );
    check(
        DialectName::OpenAi,
        r#"{"error":{"a":1}}"#,
        Some(r#"{"a":1}"#),
    );
    check(DialectName::OpenAi, r#"{"error":"a\nb"}"#, Some("a\nb"));
    check(DialectName::OpenAi, r#"{"error":true}"#, Some("true"));
    for nothing in [
        r#"{"error":null}"#,
        r#"{"error":false}"#,
        r#"{"error":""}"#,
        r#"{"error":{}}"#,
        r#"{"error":[]}"#,
    ] {
        check(DialectName::OpenAi, nothing, None);
        check(DialectName::Anthropic, nothing, None);
        check(DialectName::Ollama, nothing, None);
    }
    check(
        DialectName::OpenAi,
        r#"{"choices":[{"delta":{"content":"\"error\":{}"}}]}"#,
        None,
    );
    check(
        DialectName::OpenAi,
        r#"{"choices":[{"delta":{},"finish_reason":"error"}]}"#,
        Some("finish reason \"error\""),
    );
    let later = r#"{"choices":[{"delta":{},"finish_reason":"error"}],"error":{"message":"why"}}"#;
    check(DialectName::OpenAi, later, Some("why"));
    check(
        DialectName::OpenAi,
        r#"{"type":"error","message":"m"}"#,
        Some("m"),
    );
    check(
        DialectName::OpenAi,
        r#"{"type":"response.failed","response":{}}"#,
        Some("the response failed"),
    );
    check(
        DialectName::Anthropic,
        r#"{"type":"error","error":{"type":"t","message":"m"}}"#,
        Some("m"),
    );
    check(
        DialectName::Anthropic,
        r#"{"type":"error"}"#,
        Some("error without a message"),
    );
    check(DialectName::Ollama, r#"{"error":"m"}"#, Some("m"));
}

#[test]
fn long_messages_are_cut_between_characters() {
    assert_eq!(shorten("  short "), "short");
    for unit in ["x", "\u{e9}", "\u{20ac}", "\u{1F600}"] {
        let short = shorten(&unit.repeat(MAX_MESSAGE));
        assert!(
            short.len() <= MAX_MESSAGE && short.len() > MAX_MESSAGE - 8,
            "{unit}: {}",
            short.len()
        );
        assert_eq!(
            short.ends_with('…'),
            unit.len() > 1 || short.len() < MAX_MESSAGE,
            "{unit}"
        );
    }
    assert_eq!(shorten(&"x".repeat(MAX_MESSAGE)).len(), MAX_MESSAGE);
    assert!(shorten(&"x".repeat(MAX_MESSAGE + 1)).ends_with('…'));
}

proptest! {
    #[test]
    fn walking_agrees_with_serde_json(
        tokens in vec(sample::select(TOKENS), 0..12),
        mut text in any_json(),
        change in (any::<prop::sample::Index>(), sample::select(&b"{}[]\",:\\0e. \x01tnu"[..]), any::<bool>()),
    ) {
        same_verdict(&tokens.concat());
        same_verdict(&text);
        let (at, byte, remove) = change;
        let at = at.index(text.len());
        if remove { text.remove(at); } else { text.insert(at, byte); }
        same_verdict(&text);
    }

    #[test]
    fn strings_are_read_as_serde_json_reads_them(text in ".{0,20}", ascii in any::<bool>()) {
        let mut written = serde_json::to_string(&text).unwrap();
        if ascii {
            let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
            written = format!("\"{}\"", units.collect::<String>());
        }
        let read = value(written.as_bytes(), Cursor::string).unwrap().unwrap();
        prop_assert_eq!(read.to_text(), &*text);
        prop_assert_eq!(read.is_empty(), text.is_empty());
    }

    #[test]
    fn deltas_are_read_as_a_tree_would_be(choices in vec(any_choice(), 0..4), top in any_noise()) {
        let mut chunk = json!({ "id": "x", "noise": top, "choices": choices });
        chunk["object"] = json!("chat.completion.chunk");
        let mut reading = Reading::default();
        openai::OpenAi.read(b"message", chunk.to_string().as_bytes(), &mut reading).unwrap();
        let expected: Vec<Part> = choices.iter().filter_map(by_tree).collect();
        prop_assert_eq!(reading.parts().copied().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn no_dialect_panics(data in vec(sample::select(TOKENS), 0..30), name in sample::select(&["message", "error", "x"][..])) {
        for dialect in [DialectName::OpenAi, DialectName::Anthropic, DialectName::Ollama, DialectName::Sse, DialectName::Ndjson] {
            for pointer in [None, Some("/a/0")] {
                let dialect = of(&spec(dialect, pointer));
                let mut reading = Reading::default();
                let read = dialect.read(name.as_bytes(), data.concat().as_bytes(), &mut reading);
                prop_assert!(read.is_err() || reading.error.is_none_or(|message| message.len() <= MAX_MESSAGE));
                dialect.usage_of_body(data.concat().as_bytes());
            }
        }
    }
}

const TOKENS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\"a\"",
    "\"choices\":[",
    "{\"delta\":{",
    "\"content\":\"x\"",
    "0",
    "-1",
    "1.5",
    "1e5",
    "true",
    "false",
    "null",
    " ",
    "\n",
    "\"\\u00e9\"",
    "\u{e9}",
    "\"error\":",
    "\"type\":",
    "\"usage\":{",
    "\"index\":",
    "\u{1}",
    "[DONE]",
];

fn same_verdict(text: &(impl AsRef<[u8]> + ?Sized)) {
    let text = text.as_ref();
    if std::str::from_utf8(text).is_err() {
        return;
    }
    let ours = is_json(text);
    match serde_json::from_slice::<Value>(text) {
        Ok(_) => assert!(ours, "{}", String::from_utf8_lossy(text)),
        Err(error) => {
            // What a tree cannot hold may be JSON all the same.
            let why = error.to_string();
            let of_the_tree = why.contains("out of range")
                || why.contains("surrogate")
                || why.contains("hex escape");
            assert!(
                !ours || of_the_tree,
                "{}: {why}",
                String::from_utf8_lossy(text)
            );
        }
    }
}

fn any_noise() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f32>().prop_map(|number| json!(number)),
        ".{0,12}".prop_map(Value::from),
        sample::select(&["\"", "\\", "{\"content\":\"x\"}", "\u{2028}", "\0"][..])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec(
                (
                    sample::select(&["content", "delta", "choices", "error", "a", "\"", "\\u"][..]),
                    inner
                ),
                0..4
            )
            .prop_map(|members| members
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect()),
        ]
    })
}

fn any_json() -> impl Strategy<Value = Vec<u8>> {
    (any_noise(), any::<bool>()).prop_map(|(value, pretty)| {
        if pretty {
            serde_json::to_vec_pretty(&value).unwrap()
        } else {
            value.to_string().into_bytes()
        }
    })
}

/// A choice with some of the members that servers send, and some they do not.
fn any_choice() -> impl Strategy<Value = Value> {
    let texts = || {
        prop_oneof![
            Just(Value::Null),
            Just(json!("")),
            ".{1,8}".prop_map(Value::from)
        ]
    };
    let key = sample::select(
        &[
            "content",
            "refusal",
            "reasoning",
            "reasoning_content",
            "role",
            "extra",
        ][..],
    );
    let finish = sample::select(vec![Value::Null, json!("stop"), json!("length")]);
    (0_u32..4, vec((key, texts()), 0..4), finish, any_noise()).prop_map(
        |(index, delta, finish, noise)| {
            let delta: Value = delta
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect();
            json!({ "logprobs": noise, "delta": delta, "index": index, "finish_reason": finish })
        },
    )
}

fn by_tree(choice: &Value) -> Option<Part> {
    let delta = &choice["delta"];
    let filled = |key: &str| delta[key].as_str().is_some_and(|text| !text.is_empty());
    let empty = |key: &str| delta[key] == "";
    let visible = filled("content") || filled("refusal");
    let reasoning = filled("reasoning") || filled("reasoning_content");
    let finished = choice["finish_reason"].is_string();
    let hollow = ["content", "refusal", "reasoning", "reasoning_content"]
        .into_iter()
        .any(empty);
    let blank = hollow && !visible && !reasoning && !finished && !filled("role");
    let index = u32::try_from(choice["index"].as_u64().unwrap()).unwrap();
    (visible || reasoning || finished || blank).then_some(Part {
        choice: index,
        visible,
        reasoning,
        blank,
        finished,
    })
}

fn is_json(text: &[u8]) -> bool {
    let skipped = value(text, Cursor::skip).is_ok();
    assert_eq!(
        skipped,
        walk(text, |cursor, _| cursor.skip()).is_ok(),
        "both ways of walking agree"
    );
    skipped
}

fn read_with(dialect: DialectName, pointer: Option<&str>, data: &str) -> (bool, Reading) {
    let mut reading = Reading::default();
    let read = of(&spec(dialect, pointer)).read(b"message", data.as_bytes(), &mut reading);
    (read.is_ok(), reading)
}

fn spec(dialect: DialectName, pointer: Option<&str>) -> StreamSpec {
    StreamSpec {
        dialect,
        any_delta: false,
        pointer: pointer.map(str::to_owned),
        stall: None,
    }
}
