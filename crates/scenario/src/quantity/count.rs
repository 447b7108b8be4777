//! Numbers of times: one number, or a range.

use super::Misread;

/// Reads a number of times (`3`) or a range of them (`1..5`): the fewest and the most.
pub fn parse_count_range(text: &str) -> Result<(u64, u64), Misread> {
    let misread = |message: String, help: String| Misread {
        message,
        span: 0..text.len(),
        help: Some(help),
    };
    let count = |part: &str| {
        let part = part.trim();
        let digits = !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
        part.parse::<u64>().ok().filter(|_| digits)
    };
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let last = last.strip_prefix('=').unwrap_or(last);
    match (count(first), count(last)) {
        (Some(least), Some(most)) if least <= most => Ok((least, most)),
        (Some(least), Some(most)) => Err(misread(
            "the range ends before it begins".to_owned(),
            format!("write `{most}..{least}`"),
        )),
        _ => Err(misread(
            format!("`{text}` is no number of times"),
            "write a number such as `3`, or a range such as `1..5`".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_ranges_are_read() {
        for (text, counts) in [
            ("3", (3, 3)),
            ("1..5", (1, 5)),
            (" 0 .. 2 ", (0, 2)),
            ("1..=5", (1, 5)),
            ("7..7", (7, 7)),
        ] {
            assert_eq!(parse_count_range(text), Ok(counts), "{text}");
        }
    }

    #[test]
    fn what_is_no_count_is_told() {
        for (text, message, help) in [
            ("5..1", "the range ends before it begins", "write `1..5`"),
            ("", "`` is no number of times", "write a number"),
            ("-1", "`-1` is no number of times", "write a number"),
            ("1.5", "`1.5` is no number of times", "write a number"),
            ("1..", "`1..` is no number of times", "write a number"),
            (
                "1..2..3",
                "`1..2..3` is no number of times",
                "write a number",
            ),
            (
                "99999999999999999999",
                "`99999999999999999999` is no",
                "write a number",
            ),
        ] {
            let error = parse_count_range(text).unwrap_err();
            assert!(error.message.starts_with(message), "{error:?}");
            assert!(error.help.unwrap().starts_with(help), "{text}");
        }
    }
}
