//! How long an answer asks to be left alone: the field `retry-after` (RFC 9110, section 10.2.3).

use std::time::Duration;

/// No wait is longer.
const LONGEST: u64 = 24 * 3600;

/// The wait that a head asks for: a number of seconds, or a date as against the answer's own.
pub(crate) fn retry_after(head: &[u8]) -> Option<Duration> {
    let value = field(head, "retry-after")?;
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are longer than anyone waits.
        return Some(Duration::from_secs(
            value.parse().unwrap_or(LONGEST).min(LONGEST),
        ));
    }
    let (until, now) = (seconds(value)?, seconds(field(head, "date")?)?);
    let wait = u64::try_from(until.saturating_sub(now)).unwrap_or(0);
    Some(Duration::from_secs(wait.min(LONGEST)))
}

/// The value of the first field of that name.
fn field<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(head).ok()?;
    let pairs = text.lines().filter_map(|line| line.split_once(':'));
    let mut own = pairs.filter(|(known, _)| known.trim().eq_ignore_ascii_case(name));
    own.next().map(|(_, value)| value.trim())
}

/// Seconds since 1970 of a date such as `Sun, 06 Nov 1994 08:49:37 GMT`.
fn seconds(date: &str) -> Option<i64> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let (_, rest) = date.split_once(", ")?;
    let mut words = rest.split(' ');
    let day: i64 = words.next()?.parse().ok()?;
    let month = words.next().filter(|month| month.len() == 3)?;
    let month = i64::try_from(MONTHS.find(month)? / 3).ok()?;
    let year: i64 = words
        .next()?
        .parse()
        .ok()
        .filter(|year| (1970..10_000).contains(year))?;
    let mut clock = words
        .next()?
        .split(':')
        .map(|part| part.parse::<i64>().ok());
    let mut part = |most: i64| clock.next()?.filter(|part| (0..=most).contains(part));
    let (hours, minutes, seconds) = (part(23)?, part(59)?, part(60)?);
    if !(1..=31).contains(&day) {
        return None;
    }
    // Years begin in March, so that a leap day is the last of its year.
    let (year, month) = if month < 2 {
        (year - 1, month + 10)
    } else {
        (year, month - 2)
    };
    let days =
        365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 719_469;
    Some(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_seconds_since_1970() {
        for (date, expected) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Thu, 29 Feb 2024 12:00:00 GMT", Some(1_709_208_000)),
            ("Fri, 01 Mar 2024 00:00:00 GMT", Some(1_709_251_200)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", None),
            ("Sun, 99 Nov 1994 08:49:37 GMT", None),
            ("soon", None),
        ] {
            assert_eq!(seconds(date), expected, "{date}");
        }
    }

    #[test]
    fn waits_are_seconds_or_dates() {
        let date = "Date: Sun, 06 Nov 1994 08:49:37 GMT";
        for (fields, expected) in [
            ("Retry-After: 3", Some(3)),
            ("retry-after:  120 ", Some(120)),
            ("Retry-After: 99999999999999999999", Some(LONGEST)),
            ("Retry-After: -1", None),
            ("Retry-After: soon", None),
            ("Retry-After:", None),
            ("x-retry-after: 3", None),
            ("Retry-After: Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
            ("Retry-After: Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
        ] {
            let head = format!("HTTP/1.1 429 Too Many Requests\r\n{fields}\r\n{date}\r\n\r\n");
            let wait = retry_after(head.as_bytes()).map(|wait| wait.as_secs());
            assert_eq!(wait, expected, "{fields}");
        }
        let undated = b"HTTP/1.1 503 x\r\nretry-after: Sun, 06 Nov 1994 08:50:07 GMT\r\n\r\n";
        assert_eq!(retry_after(undated), None);
    }
}
