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

/// A JSON value in TOML; none where TOML has no word for it: null, or a number beyond its range.
pub(super) fn value(json: &Value) -> Option<String> {
    written(json, 0)
}

fn written(json: &Value, depth: usize) -> Option<String> {
    Some(match json {
        Value::Null => return None,
        Value::Bool(value) => value.to_string(),
        Value::Number(number) if number.is_f64() || number.as_i64().is_some() => number.to_string(),
        Value::Number(_) => return None,
        Value::String(text) => string(text),
        Value::Array(list) => array(list, depth)?,
        Value::Object(members) if members.is_empty() => "{}".to_owned(),
        Value::Object(members) => {
            let pairs: Option<Vec<String>> = members
                .iter()
                .map(|(name, value)| Some(format!("{} = {}", key(name), written(value, depth)?)))
                .collect();
            format!("{{ {} }}", pairs?.join(", "))
        }
    })
}

/// An array: over several lines where it is long, the only place where TOML 1.0 lets a table in line be broken.
fn array(list: &[Value], depth: usize) -> Option<String> {
    let items: Option<Vec<String>> = list.iter().map(|value| written(value, depth + 1)).collect();
    let items = items?;
    let one_line = format!("[{}]", items.join(", "));
    if one_line.chars().count() <= WIDTH || items.is_empty() {
        return Some(one_line);
    }
    let indent = "  ".repeat(depth + 1);
    let lines: Vec<String> = items
        .iter()
        .map(|item| format!("{indent}{item},\n"))
        .collect();
    Some(format!("[\n{}{}]", lines.concat(), "  ".repeat(depth)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_toml_cannot_say_is_none() {
        let cases = [
            ("null", None),
            ("[1,null]", None),
            (r#"{"a":{"b":null}}"#, None),
            ("18446744073709551615", None),
            (
                r#"{"a b":[true,-2.5],"c":{}}"#,
                Some(r#"{ "a b" = [true, -2.5], c = {} }"#),
            ),
            (r#""q\"\\\n\u0001ü""#, Some(r#""q\"\\\n\u0001ü""#)),
        ];
        for (json, expected) in cases {
            let json = serde_json::from_str(json).unwrap();
            assert_eq!(value(&json).as_deref(), expected, "{json}");
        }
    }
}
