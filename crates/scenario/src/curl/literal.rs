//! Writes values as TOML.

use serde_json::Value;

/// Lines of a file are broken beyond this.
const WIDTH: usize = 100;

/// A basic string.
pub(super) fn string(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A key: bare where it can be.
pub(super) fn key(name: &str) -> String {
    let bare = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if bare { name.to_owned() } else { string(name) }
}

/// A JSON value in TOML, for a key whose strings are templates: so is what TOML has no word for, which is null and numbers
/// beyond its range.
pub(super) fn value(json: &Value) -> String {
    written(json, 0)
}

fn written(json: &Value, depth: usize) -> String {
    match json {
        Value::Null => "\"{{ none }}\"".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) if number.is_f64() || number.as_i64().is_some() => number.to_string(),
        Value::Number(number) => format!("\"{{{{ {number} }}}}\""),
        Value::String(text) => string(text),
        Value::Array(list) => array(list, depth),
        Value::Object(members) if members.is_empty() => "{}".to_owned(),
        Value::Object(members) => {
            let pair = |(name, value): (&String, &Value)| {
                format!("{} = {}", key(name), written(value, depth))
            };
            let pairs: Vec<String> = members.iter().map(pair).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
    }
}

/// An array: over several lines where it is long, the only place where TOML 1.0 lets a table in line be broken.
fn array(list: &[Value], depth: usize) -> String {
    let items: Vec<String> = list.iter().map(|value| written(value, depth + 1)).collect();
    let one_line = format!("[{}]", items.join(", "));
    if one_line.chars().count() <= WIDTH || items.is_empty() {
        return one_line;
    }
    let indent = "  ".repeat(depth + 1);
    let lines: Vec<String> = items
        .iter()
        .map(|item| format!("{indent}{item},\n"))
        .collect();
    format!("[\n{}{}]", lines.concat(), "  ".repeat(depth))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_toml_cannot_say_is_a_template() {
        let cases = [
            ("null", r#""{{ none }}""#),
            ("[1,null]", r#"[1, "{{ none }}"]"#),
            (r#"{"a":{"b":null}}"#, r#"{ a = { b = "{{ none }}" } }"#),
            ("18446744073709551615", r#""{{ 18446744073709551615 }}""#),
            (
                r#"{"a b":[true,-2.5],"c":{}}"#,
                r#"{ "a b" = [true, -2.5], c = {} }"#,
            ),
            (r#""q\"\\\n\u0001ü""#, r#""q\"\\\n\u0001ü""#),
        ];
        for (json, expected) in cases {
            let json = serde_json::from_str(json).unwrap();
            assert_eq!(value(&json), expected, "{json}");
        }
    }
}
