//! Reads the small languages of values: durations, shares, statuses.

mod count;
mod rate;

pub use count::parse_count_range;
pub use rate::{format_rate, parse_rate};

use std::{ops::Range, time::Duration};

/// The longest duration anywhere: a year.
pub(crate) const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// What a duration looks like.
const UNITS: &str =
    "a duration is a number with its unit: us, ms, s, m, h, d; for example `30s` or `1m30s`";

/// Why a text is not the value it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misread {
    /// What is wrong.
    pub message: String,
    /// The part of the text that is meant, in bytes.
    pub span: Range<usize>,
    /// What to write instead.
    pub help: Option<String>,
}

/// Reads a duration such as `500ms`, `30s`, `1m30s` or `1.5h`.
pub fn parse_duration(text: &str) -> Result<Duration, Misread> {
    let whole = 0..text.len();
    if text.trim().is_empty() {
        return Err(misread("an empty duration".to_owned(), whole, UNITS));
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let start = text.len() - rest.len();
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let letters = rest[digits..]
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len() - digits);
        let (number, unit) = (&rest[..digits], &rest[digits..digits + letters]);
        let Some(seconds) = plain_number(number)
            .zip(unit_seconds(unit))
            .map(|(number, unit)| number * unit)
        else {
            let part = if start == 0 {
                whole
            } else {
                start..start + digits + letters
            };
            return Err(no_duration(text, part));
        };
        // Rounded to whole nanoseconds: 0.1 s times a unit is not exact in binary.
        let length = Duration::try_from_secs_f64(seconds).ok();
        match length
            .and_then(|length| total.checked_add(length))
            .filter(|sum| *sum <= LONGEST)
        {
            Some(sum) => total = sum,
            None => {
                return Err(misread(
                    format!("`{text}` is longer than a year"),
                    whole,
                    "write a shorter duration",
                ));
            }
        }
        rest = &rest[digits + letters..];
    }
    Ok(total)
}

/// Digits, perhaps with a fraction: nothing else that Rust takes for a number.
pub(crate) fn plain_number(text: &str) -> Option<f64> {
    let digits = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if digits(whole) && digits(fraction) {
        text.parse().ok()
    } else {
        None
    }
}

fn no_duration(text: &str, part: Range<usize>) -> Misread {
    if text
        .parse::<f64>()
        .is_ok_and(|number| number.is_finite() && number >= 0.0)
    {
        return misread(
            format!("`{text}` has no unit"),
            part,
            &format!("write `{text}s` for seconds"),
        );
    }
    let help = spelled_out(text);
    misread(
        format!("`{text}` is no duration"),
        part,
        help.as_deref().unwrap_or(UNITS),
    )
}

fn misread(message: String, span: Range<usize>, help: &str) -> Misread {
    Misread {
        message,
        span,
        help: Some(help.to_owned()),
    }
}

fn unit_seconds(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1e-9,
        "us" | "µs" | "μs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return None,
    })
}

/// The right spelling of `5 sec`, `10 minutes`, `30S` and the like.
fn spelled_out(text: &str) -> Option<String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = (&text[..digits], text[digits..].trim());
    number.parse::<f64>().ok()?;
    let unit = match unit.to_lowercase().as_str() {
        "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "m" | "min" | "mins" | "minute" | "minutes" => "m",
        "h" | "hr" | "hrs" | "hour" | "hours" => "h",
        "ms" | "msec" | "millis" | "millisecond" | "milliseconds" => "ms",
        "us" | "usec" | "micros" | "microsecond" | "microseconds" => "us",
        "d" | "day" | "days" => "d",
        _ => return None,
    };
    Some(format!("write `{number}{unit}`"))
}

/// Reads a fixed duration (`2s`) or a range (`1s..3s`).
pub fn parse_duration_range(text: &str) -> Result<(Duration, Duration), Misread> {
    let Some(dots) = text.find("..") else {
        return parse_duration(text).map(|fixed| (fixed, fixed));
    };
    let part = |start: usize, part: &str| {
        let lead = part.len() - part.trim_start().len();
        parse_duration(part.trim()).map_err(|error| Misread {
            span: start + lead + error.span.start..start + lead + error.span.end,
            ..error
        })
    };
    let min = part(0, &text[..dots])?;
    let max = part(dots + 2, &text[dots + 2..])?;
    if min > max {
        return Err(Misread {
            message: "the range ends before it begins".to_owned(),
            span: 0..text.len(),
            help: Some(format!(
                "write `{}..{}`",
                text[dots + 2..].trim(),
                text[..dots].trim()
            )),
        });
    }
    Ok((min, max))
}

/// Reads a share: `10%` or `0.1`.
pub fn parse_share(text: &str) -> Result<f64, Misread> {
    let value = match text.strip_suffix('%') {
        Some(number) => number.trim().parse::<f64>().map(|percent| percent / 100.0),
        None => text.trim().parse::<f64>(),
    };
    match value {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        Ok(_) => Err(Misread {
            message: format!("`{text}` is not between 0 and 1"),
            span: 0..text.len(),
            help: Some("a share is written `10%` or `0.1`".to_owned()),
        }),
        Err(_) => Err(Misread {
            message: format!("`{text}` is no share"),
            span: 0..text.len(),
            help: Some("a share is written `10%` or `0.1`".to_owned()),
        }),
    }
}

/// Reads statuses: `200`, `2xx`, `200-299`, or several of them with commas.
pub fn parse_statuses(text: &str) -> Result<Vec<(u16, u16)>, Misread> {
    let mut start = 0;
    let mut ranges = Vec::new();
    for part in text.split(',') {
        let lead = part.len() - part.trim_start().len();
        let span = start + lead..start + lead + part.trim().len();
        ranges.push(status_range(part.trim()).ok_or_else(|| Misread {
            message: format!("`{}` is no status", part.trim()),
            span,
            help: Some("a status is 100 to 599; several are `2xx` or `200-299`".to_owned()),
        })?);
        start += part.len() + 1;
    }
    Ok(ranges)
}

fn status_range(text: &str) -> Option<(u16, u16)> {
    if let Some(class) = text.strip_suffix("xx").or_else(|| text.strip_suffix("XX")) {
        let class: u16 = class.parse().ok().filter(|class| (1..=5).contains(class))?;
        return Some((class * 100, class * 100 + 99));
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let status = |text: &str| {
        text.trim()
            .parse()
            .ok()
            .filter(|status| (100..=599).contains(status))
    };
    let (first, last) = (status(first)?, status(last)?);
    (first <= last).then_some((first, last))
}

/// Writes a duration as briefly as a person would.
#[must_use]
pub fn format_duration(length: Duration) -> String {
    let nanos = length.as_nanos();
    let whole = |unit: u128| nanos.is_multiple_of(unit);
    if nanos == 0 {
        return "0s".to_owned();
    }
    if !whole(1_000_000_000) {
        return match () {
            () if nanos > 1_000_000_000 => format!("{}s", length.as_secs_f64()),
            () if whole(1_000_000) => format!("{}ms", nanos / 1_000_000),
            () if whole(1_000) => format!("{}us", nanos / 1_000),
            () => format!("{nanos}ns"),
        };
    }
    let seconds = length.as_secs();
    let (hours, minutes, rest) = (seconds / 3600, seconds % 3600 / 60, seconds % 60);
    let part = |count: u64, unit: &str| {
        if count == 0 {
            String::new()
        } else {
            format!("{count}{unit}")
        }
    };
    format!(
        "{}{}{}",
        part(hours, "h"),
        part(minutes, "m"),
        part(rest, "s")
    )
}

/// Writes a share as a percentage with at most two decimals.
#[must_use]
pub(crate) fn format_share(share: f64) -> String {
    let percent = (share * 10_000.0).round() / 100.0;
    match percent {
        _ if percent > 0.0 || share <= 0.0 => format!("{percent}%"),
        _ => "<0.01%".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written() {
        let cases = [
            ("0s", 0, "0s"),
            ("500ns", 500, "500ns"),
            ("1us", 1_000, "1us"),
            ("2µs", 2_000, "2us"),
            ("0.1ms", 100_000, "100us"),
            ("250ms", 250_000_000, "250ms"),
            ("1500ms", 1_500_000_000, "1.5s"),
            ("90s", 90_000_000_000, "1m30s"),
            ("1m30s", 90_000_000_000, "1m30s"),
            ("1.5h", 5_400_000_000_000, "1h30m"),
            ("1d", 86_400_000_000_000, "24h"),
            ("1h1s", 3_601_000_000_000, "1h1s"),
        ];
        for (text, nanos, written) in cases {
            let length = parse_duration(text).unwrap();
            assert_eq!(length, Duration::from_nanos(nanos), "{text}");
            assert_eq!(format_duration(length), written, "{text}");
            assert_eq!(parse_duration(written).unwrap(), length, "{text}");
        }
        for text in [
            ".5s", "5.s", "1e3s", "+5s", "-5s", "5 s", " 5s", "s", "1..2s", "infs", "५s",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn shares_and_statuses_are_read() {
        for (text, share) in [
            ("10%", 0.1),
            ("0.1", 0.1),
            ("0", 0.0),
            ("100 %", 1.0),
            ("1", 1.0),
        ] {
            assert_eq!(
                parse_share(text).unwrap().to_string(),
                share.to_string(),
                "{text}"
            );
        }
        for text in ["", "%", "101%", "-1%", "1.1", "NaN", "nan%", "x"] {
            assert!(parse_share(text).is_err(), "{text}");
        }
        let cases: [(&str, &[(u16, u16)]); 4] = [
            ("200", &[(200, 200)]),
            ("2xx", &[(200, 299)]),
            ("200-204, 4XX", &[(200, 204), (400, 499)]),
            ("200,429", &[(200, 200), (429, 429)]),
        ];
        for (text, ranges) in cases {
            assert_eq!(parse_statuses(text).unwrap(), ranges, "{text}");
        }
        for text in [
            "", "99", "600", "200,", "x", "xx", "0xx", "2x", "204-200", "-200", "20000",
        ] {
            assert!(parse_statuses(text).is_err(), "{text}");
        }
    }
}
