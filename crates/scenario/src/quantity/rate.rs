//! Rates: how many in a second, a minute or an hour.

use super::{Misread, misread, plain_number};

/// What a rate looks like.
const FORMS: &str =
    "a rate is a number in a second, a minute or an hour: `100/s`, `500/min`, `1000/h`";

/// Reads a rate such as `100/s`, `500/min` or `0.5/h`; a bare number is one per second. The rate is per second.
///
/// # Errors
///
/// What is wrong with it; rates below zero and beyond all numbers are.
pub fn parse_rate(text: &str) -> Result<f64, Misread> {
    let whole = 0..text.len();
    let (number, unit) = text
        .split_once('/')
        .map_or((text.trim(), "s"), |(number, unit)| {
            (number.trim(), unit.trim())
        });
    if let Some(rate) = plain_number(number)
        .filter(|number| number.is_finite())
        .zip(unit_seconds(unit))
        .map(|(number, seconds)| number / seconds)
    {
        return Ok(rate);
    }
    if number.strip_prefix('-').and_then(plain_number).is_some() {
        return Err(misread(
            format!("`{text}` is below zero"),
            whole,
            "a rate is zero or more",
        ));
    }
    let help = spelled_out(text);
    Err(misread(
        format!("`{text}` is no rate"),
        whole,
        help.as_deref().unwrap_or(FORMS),
    ))
}

/// Writes a rate, given per second, in the largest unit in which it is a whole number.
#[must_use]
pub fn format_rate(rate: f64) -> String {
    let units = [("s", 1.0), ("min", 60.0), ("h", 3600.0)];
    let whole = |(_, seconds): &&(&str, f64)| {
        let count = rate * seconds;
        (count - count.round()).abs() <= 1e-9 * count.max(1.0)
    };
    match units.iter().find(whole) {
        Some((unit, seconds)) => format!("{}/{unit}", (rate * seconds).round()),
        None => {
            let digits = format!("{rate:.3}");
            let digits = digits.trim_end_matches('0').trim_end_matches('.');
            if digits == "0" {
                format!("{rate:e}/s")
            } else {
                format!("{digits}/s")
            }
        }
    }
}

fn unit_seconds(unit: &str) -> Option<f64> {
    Some(match unit {
        "s" => 1.0,
        "min" => 60.0,
        "h" => 3600.0,
        _ => return None,
    })
}

/// The right spelling of `100 rps`, `5/minute` and the like.
fn spelled_out(text: &str) -> Option<String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let number = plain_number(&text[..digits]).map(|_| &text[..digits])?;
    let unit = text[digits..].to_lowercase();
    let unit = unit.trim().trim_start_matches("per ");
    let unit = match unit.split_once('/') {
        Some((what, unit)) if what.trim().chars().all(char::is_alphabetic) => unit.trim(),
        _ => unit,
    };
    let unit = match unit {
        "s" | "sec" | "second" | "rps" | "tps" | "qps" | "hz" => "s",
        "m" | "min" | "mins" | "minute" | "rpm" | "qpm" => "min",
        "h" | "hr" | "hour" | "rph" => "h",
        _ => return None,
    };
    Some(format!("write `{number}/{unit}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_written() {
        let cases = [
            ("100/s", 100.0, "100/s"),
            ("100", 100.0, "100/s"),
            ("0", 0.0, "0/s"),
            ("500/min", 500.0 / 60.0, "500/min"),
            ("60/min", 1.0, "1/s"),
            ("1000/h", 1000.0 / 3600.0, "1000/h"),
            ("0.5/s", 0.5, "30/min"),
            ("0.5/min", 0.5 / 60.0, "30/h"),
            (" 100 / s ", 100.0, "100/s"),
            ("33.3333/s", 33.3333, "33.333/s"),
            ("0.0001/h", 0.0001 / 3600.0, "2.777777777777778e-8/s"),
        ];
        for (text, rate, written) in cases {
            let read = parse_rate(text).unwrap();
            assert!((read - rate).abs() <= 1e-12 * rate, "{text}: {read}");
            assert_eq!(format_rate(read), written, "{text}");
        }
    }

    #[test]
    fn what_is_no_rate_is_told_with_the_right_spelling() {
        let cases = [
            ("100 rps", "write `100/s`"),
            ("100rps", "write `100/s`"),
            ("5 per minute", "write `5/min`"),
            ("5/m", "write `5/min`"),
            ("5 requests/sec", "write `5/s`"),
            ("7/hour", "write `7/h`"),
            ("-5/s", "a rate is zero or more"),
            ("", FORMS),
            ("/s", FORMS),
            ("1e3/s", FORMS),
            ("5/day", FORMS),
            ("NaN/s", FORMS),
            ("inf", FORMS),
            ("5//s", FORMS),
            ("५/s", FORMS),
        ];
        for (text, help) in cases {
            let error = parse_rate(text).unwrap_err();
            assert_eq!(error.help.as_deref(), Some(help), "{text}");
        }
    }
}
