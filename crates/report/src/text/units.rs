//! Numbers as people read them: three digits that count, and the unit beside them.

use loadgen_stats::Figure;
use std::time::Duration;

/// A time with its marks: `≥` where timed-out requests reach, `~` where few samples lie beyond.
pub(crate) fn figure(figure: Figure) -> String {
    let rough = if figure.rough { "~" } else { "" };
    let at_least = if figure.at_least { "≥" } else { "" };
    format!("{rough}{at_least}{}", time(figure.value))
}

/// A time: `0 ms`, `812 µs`, `12.3 ms`, `1.05 s`, `2m 03s`, `1h 02m`. At most seven characters below 100 hours.
pub(crate) fn time(value: Duration) -> String {
    let nanos = value.as_nanos() as f64;
    if value.is_zero() {
        return "0 ms".to_owned();
    }
    // Bounds lie where three digits round up to the next unit, so that `1000 µs` is never shown.
    if nanos < 999.5e3 {
        format!("{} µs", three_digits(nanos / 1e3))
    } else if nanos < 999.5e6 {
        format!("{} ms", three_digits(nanos / 1e6))
    } else if nanos < 59.95e9 {
        format!("{} s", three_digits(nanos / 1e9))
    } else {
        long_time((nanos / 1e9).round() as u64)
    }
}

/// A time with so many digits behind the point, in the unit that [`time`] would choose.
pub(crate) fn time_with(value: Duration, decimals: usize) -> String {
    let nanos = value.as_nanos() as f64;
    let (scale, unit) = match nanos {
        small if small < 999.5e3 => (1e3, "µs"),
        middle if middle < 999.5e6 => (1e6, "ms"),
        _ => (1e9, "s"),
    };
    format!("{:.decimals$} {unit}", nanos / scale)
}

/// A span of the run: whole and tenth seconds below a minute, then as [`time`].
pub(crate) fn span(seconds: f64) -> String {
    if seconds < 59.95 {
        format!("{seconds:.1} s")
    } else {
        long_time(seconds.round() as u64)
    }
}

/// Bytes in powers of a thousand: `812 B`, `1.20 kB`, `3.45 MB`.
pub(crate) fn bytes(count: u64) -> String {
    scaled(count as f64, 1, &["B", "kB", "MB", "GB", "TB", "PB", "EB"])
}

/// A count with its thousands apart: `12,345`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count that takes at most six characters: `99,999`, then `123k`, `1.23M`.
pub(crate) fn short_count(number: u64) -> String {
    if number < 100_000 {
        return count(number);
    }
    scaled(number as f64, 0, &["", "k", "M", "G", "T", "P", "E"])
}

/// A frequency: `0.12/s`, `41.1/s`, `12,345/s`.
pub(crate) fn rate(per_second: f64) -> String {
    if per_second >= 999.5 {
        format!("{}/s", count(per_second.round() as u64))
    } else {
        format!("{}/s", three_digits(per_second))
    }
}

/// A frequency that takes at most seven characters: `9,999/s`, then `12.3k/s`.
pub(crate) fn short_rate(per_second: f64) -> String {
    if per_second < 9_999.5 {
        return rate(per_second);
    }
    let short = scaled(per_second, 0, &["", "k", "M", "G", "T", "P", "E"]);
    format!("{short}/s")
}

/// A share of 1 in percent: `0%`, `0.12%`, `97.6%`, `100%`. Never rounds to a 0 or 100 that it is not.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent <= 0.0 {
        "0%".to_owned()
    } else if percent < 0.01 {
        "<0.01%".to_owned()
    } else if percent < 9.995 {
        format!("{percent:.2}%")
    } else if percent < 99.95 {
        format!("{percent:.1}%")
    } else if percent < 100.0 {
        ">99.9%".to_owned()
    } else {
        "100%".to_owned()
    }
}

/// Three digits that count, without an exponent: `0.123`, `1.23`, `12.3`, `123`.
pub(crate) fn three_digits(number: f64) -> String {
    let digits = match number.abs() {
        0.0 => return "0".to_owned(),
        small if small < 0.9995 => 3,
        small if small < 9.995 => 2,
        small if small < 99.95 => 1,
        _ => 0,
    };
    format!("{number:.digits$}")
}

/// `one thing`, `2 things`.
pub(crate) fn plural(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

fn long_time(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, minutes, seconds) => format!("{minutes}m {seconds:02}s"),
        (hours, minutes, _) => format!("{hours}h {minutes:02}m"),
    }
}

fn scaled(number: f64, space: usize, units: &[&str]) -> String {
    let mut number = number;
    let mut unit = 0;
    while number >= 999.5 && unit + 1 < units.len() {
        number /= 1000.0;
        unit += 1;
    }
    let digits = if unit == 0 {
        format!("{number:.0}")
    } else {
        three_digits(number)
    };
    format!("{digits}{:space$}{}", "", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<T: Copy>(show: impl Fn(T) -> String, cases: &[(T, &str)]) {
        for &(value, expected) in cases {
            assert_eq!(show(value), expected);
        }
    }

    #[test]
    fn times_have_three_digits() {
        check(
            |nanos| time(Duration::from_nanos(nanos)),
            &[
                (0, "0 ms"),
                (1, "0.001 µs"),
                (500, "0.500 µs"),
                (999, "0.999 µs"),
                (1_000, "1.00 µs"),
                (9_994, "9.99 µs"),
                (9_996, "10.0 µs"),
                (812_400, "812 µs"),
                (999_499, "999 µs"),
                (999_500, "1.00 ms"),
                (12_345_678, "12.3 ms"),
                (999_499_999, "999 ms"),
                (999_500_000, "1.00 s"),
                (59_940_000_000, "59.9 s"),
                (59_950_000_000, "1m 00s"),
                (123_400_000_000, "2m 03s"),
                (3_599_600_000_000, "1h 00m"),
                (360_000_000_000_000, "100h 00m"),
            ],
        );
    }

    #[test]
    fn spans_of_a_run() {
        check(
            span,
            &[
                (0.0, "0.0 s"),
                (30.04, "30.0 s"),
                (59.94, "59.9 s"),
                (59.95, "1m 00s"),
                (3720.0, "1h 02m"),
            ],
        );
    }

    #[test]
    fn bytes_in_thousands() {
        check(
            bytes,
            &[
                (0, "0 B"),
                (999, "999 B"),
                (1_000, "1.00 kB"),
                (1_234_567, "1.23 MB"),
                (999_499, "999 kB"),
                (999_600, "1.00 MB"),
                (u64::MAX, "18.4 EB"),
            ],
        );
    }

    #[test]
    fn counts_are_grouped() {
        check(
            count,
            &[
                (0, "0"),
                (999, "999"),
                (1_000, "1,000"),
                (1_234_567, "1,234,567"),
            ],
        );
        check(
            short_count,
            &[
                (0, "0"),
                (99_999, "99,999"),
                (100_000, "100k"),
                (1_234_567, "1.23M"),
                (999_950_000, "1.00G"),
            ],
        );
        check(
            |number| plural(number, "stream", "streams"),
            &[(0, "0 streams"), (1, "1 stream"), (1_000, "1,000 streams")],
        );
    }

    #[test]
    fn rates_and_shares() {
        check(
            rate,
            &[
                (0.0, "0/s"),
                (0.1234, "0.123/s"),
                (41.14, "41.1/s"),
                (999.4, "999/s"),
                (999.5, "1,000/s"),
                (12_345.6, "12,346/s"),
            ],
        );
        check(
            short_rate,
            &[
                (41.14, "41.1/s"),
                (9_999.4, "9,999/s"),
                (9_999.5, "10.0k/s"),
                (1_234_567.0, "1.23M/s"),
            ],
        );
        check(
            percent,
            &[
                (0.0, "0%"),
                (0.000_001, "<0.01%"),
                (0.001_234, "0.12%"),
                (0.099_94, "9.99%"),
                (0.099_96, "10.0%"),
                (0.9994, "99.9%"),
                (0.999_99, ">99.9%"),
                (1.0, "100%"),
            ],
        );
    }
}
