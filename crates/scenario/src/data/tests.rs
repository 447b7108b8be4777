//! Tests of data sets: what is read, and what is refused.

use super::*;
use minijinja::Environment;

const CSV: Source = Source::Csv {
    delimiter: b',',
    columns: None,
};

fn set(bytes: &[u8], source: &Source) -> Result<Arc<DataSet>, String> {
    let rows = read(bytes, source, "f")?;
    Ok(Arc::new(DataSet::new(
        "s",
        rows,
        String::new(),
        String::new(),
    )))
}

/// All rows, each through this template.
fn rendered(bytes: &[u8], source: &Source, template: &str) -> Vec<String> {
    let set = set(bytes, source).unwrap_or_else(|error| panic!("{error}"));
    let environment = Environment::new();
    let row = |place| {
        let context = Value::from_pairs([("r", set.row(place))]);
        environment.render_str(template, context).unwrap()
    };
    (0..set.len()).map(row).collect()
}

#[test]
fn rows_are_read() {
    let columns = Source::Csv {
        delimiter: b';',
        columns: Some(vec!["a".to_owned(), "b".to_owned()]),
    };
    let talk = br#"[{"id":"x","conversations":[{"from":"system","value":"s"},{"from":"human","value":"one"},
        {"from":"gpt","value":"1"},{"from":"human","value":"two"}]},
        {"conversations":[{"from":"gpt","value":"alone"}]},
        {"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":""}]}]"#;
    let cases: [(&[u8], Source, &str, &[&str]); 8] = [
        (b"a,b\n1,x\n2,\"y, \"\"z\"\"\"\n", CSV, "{{ r.a }}={{ r.b }}", &["1=x", "2=y, \"z\""]),
        (b"\xef\xbb\xbfa, b \r\n1,\"x\ny\"\r\n", CSV, "{{ r.a }}={{ r['b'] }}", &["1=x\ny"]),
        (b"1;2\n3;\n", columns, "{{ r.a }}{{ r.b }}{{ r | length }}", &["122", "32"]),
        (b"[{\"a\":1},{\"a\":[2]}]", Source::Json, "{{ r.a }}", &["1", "[2]"]),
        (b"[1,\"x\"]", Source::Json, "{{ r }}", &["1", "x"]),
        (b"\n{\"a\":1}\r\n\n{\"a\":null}", Source::JsonLines, "{{ r.a }}", &["1", "None"]),
        (
            talk,
            Source::ShareGpt,
            "{{ r.id }}|{{ r.prompt }}|{{ r.turns | join(',') }}|{% for m in r.messages %}{{ m.role }}:{{ m.content }} {% endfor %}",
            &["x|one|one,two|system:s user:one assistant:1 user:two ", "None|hi|hi|user:hi "],
        ),
        (
            b"{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}\n{\"items\":[{\"from\":\"human\",\"value\":\"b\"}]}\n",
            Source::ShareGpt,
            "{{ r.prompt }}",
            &["a", "b"],
        ),
    ];
    for (bytes, source, template, rows) in cases {
        assert_eq!(rendered(bytes, &source, template), rows, "{source:?}");
    }
}

#[test]
fn what_is_no_data_is_told_with_its_line() {
    let cases: [(&[u8], Source, &str); 14] = [
        (b"", CSV, "f is empty: its first line names the columns"),
        (b"a,b\n", CSV, "f holds no rows"),
        (
            b"a,b\n1,2\n1\n",
            CSV,
            "line 3 of f has 1 field, and there are 2 columns",
        ),
        (
            b"a,b\n\"x\ny\",2\n1,2,3\n",
            CSV,
            "line 4 of f has 3 fields, and there are 2 columns",
        ),
        (b"a,b,a\n1,2,3\n", CSV, "f has two columns called `a`"),
        (b"a\nx\n\xff\n", CSV, "line 3 of f is not UTF-8"),
        (
            b"",
            Source::Json,
            "line 1 of f is no array of rows: EOF while parsing a value",
        ),
        (b"[]", Source::Json, "f holds no rows"),
        (
            b"{}",
            Source::Json,
            "line 1 of f is no array of rows: invalid type: map, expected an array of rows",
        ),
        (
            b"[1,\n2",
            Source::Json,
            "line 2 of f is no array of rows: EOF while parsing a list",
        ),
        (
            b"[1] 2",
            Source::Json,
            "line 1 of f is no array of rows: trailing characters",
        ),
        (
            b"{\"a\":1}\n{\"a\":\n",
            Source::JsonLines,
            "line 2 of f is not JSON: EOF while parsing a value",
        ),
        (b"\n \n", Source::JsonLines, "f holds no rows"),
        (
            b"[{\"conversations\":[]}]",
            Source::ShareGpt,
            "f holds no conversation with a turn of a person",
        ),
    ];
    for (bytes, source, told) in cases {
        let error = set(bytes, &source).map(|_| ()).expect_err(told);
        assert_eq!(error, told);
    }
}

#[test]
fn the_texts_of_a_row_have_their_names() {
    let table = set(b"user,password\nann,pw\n", &CSV).unwrap();
    let json = set(b"[{\"user\":\"ann\",\"n\":1}]", &Source::Json).unwrap();
    let pair = |key: &str, text: &str| (key.to_owned(), text.to_owned());
    assert_eq!(
        table.texts(0),
        [pair("user", "ann"), pair("password", "pw")]
    );
    assert_eq!(json.texts(0), [pair("user", "ann")]);
    assert_eq!(format!("{table:?}"), "DataSet { name: \"s\", rows: 1, .. }");
}
