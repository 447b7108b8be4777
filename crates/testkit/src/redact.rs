//! Takes out of a text what differs from run to run: durations, ports and times of day.

/// Replaces durations (`12.3 ms`, `1m30s`) by `[duration]`, ports of loopback addresses by `[port]`
/// and times of day in ISO 8601 (`2026-01-31T10:20:30.5Z`, `20260131T102030Z`) by `[time]`.
#[must_use]
pub fn redact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let fresh =
            !out.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | ':' | '-'));
        let found = if first.is_ascii_digit() && fresh {
            time_of_day(rest)
                .map(|n| (n, "[time]"))
                .or_else(|| duration(rest).map(|n| (n, "[duration]")))
        } else if first.is_ascii_digit() && LOOPBACK.iter().any(|host| out.ends_with(host)) {
            Some((digits(rest), "[port]"))
        } else {
            None
        };
        if let Some((length, mark)) = found {
            out.push_str(mark);
            rest = &rest[length..];
        } else {
            // A number that is none of these is passed over whole, lest its tail be taken for one.
            let length = if first.is_ascii_digit() {
                number(rest)
            } else {
                first.len_utf8()
            };
            out.push_str(&rest[..length]);
            rest = &rest[length..];
        }
    }
    out
}

const LOOPBACK: [&str; 3] = ["127.0.0.1:", "localhost:", "[::1]:"];
const UNITS: [&str; 8] = ["ns", "µs", "us", "ms", "min", "s", "m", "h"];

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// Length of a number such as `1,234.5`; a separator counts only before another digit.
fn number(text: &str) -> usize {
    let mut length = digits(text);
    while matches!(text.as_bytes().get(length), Some(b'.' | b',')) {
        let more = digits(&text[length + 1..]);
        if more == 0 {
            break;
        }
        length += 1 + more;
    }
    length
}

/// Length of a duration such as `1.5 s` or `1m 30s`: one or more numbers, each with its unit.
fn duration(text: &str) -> Option<usize> {
    let mut length = one_duration(text)?;
    loop {
        let rest = &text[length..];
        let gap = usize::from(rest.starts_with(' '));
        match one_duration(&rest[gap..]) {
            Some(more) => length += gap + more,
            None => return Some(length),
        }
    }
}

fn one_duration(text: &str) -> Option<usize> {
    let number = match number(text) {
        0 => return None,
        length => length,
    };
    let gap = usize::from(text[number..].starts_with(' '));
    let unit = UNITS
        .iter()
        .find(|unit| text[number + gap..].starts_with(**unit))?;
    let length = number + gap + unit.len();
    // "30s" may be followed by another number ("1m30s"), but "3 sockets" is no duration.
    (!text[length..].starts_with(|c: char| c.is_alphabetic() || c == '_')).then_some(length)
}

/// Length of a time in ISO 8601, extended or basic.
fn time_of_day(text: &str) -> Option<usize> {
    let pattern = |pattern: &str| {
        let bytes = text.as_bytes();
        let fits = |(at, p): (usize, u8)| match p {
            b'0' => bytes.get(at).is_some_and(u8::is_ascii_digit),
            p => bytes.get(at) == Some(&p),
        };
        pattern
            .bytes()
            .enumerate()
            .all(fits)
            .then_some(pattern.len())
    };
    let mut length = pattern("0000-00-00T00:00:00").or_else(|| pattern("00000000T000000"))?;
    if text[length..].starts_with('.') {
        length += 1 + digits(&text[length + 1..]);
    }
    Some(length + usize::from(text[length..].starts_with('Z')))
}

#[cfg(test)]
mod tests {
    use super::redact;

    #[test]
    fn takes_out_what_changes_and_nothing_else() {
        let check = |text: &str, expected: &str| assert_eq!(redact(text), expected, "of {text:?}");
        check("took 12.3 ms, then 4s", "took [duration], then [duration]");
        check("p99=1,204.5µs", "p99=[duration]");
        check("1m30s 2 h", "[duration]");
        check("after 30s.", "after [duration].");
        check("3 sockets, 12 min left", "3 sockets, [duration] left");
        check("3 streams 7 males", "3 streams 7 males");
        check(
            "http://127.0.0.1:43211/x and localhost:80",
            "http://127.0.0.1:[port]/x and localhost:[port]",
        );
        check("[::1]:8080", "[::1]:[port]");
        check("example.com:8080", "example.com:8080");
        check("at 2026-01-31T10:20:30.123Z", "at [time]");
        check("chat-20260131T102030Z.jsonl", "chat-20260131T102030Z.jsonl");
        check("runs/20260131T102030Z.jsonl", "runs/[time].jsonl");
        check("HTTP/1.1 200 OK", "HTTP/1.1 200 OK");
        check("v1.2.3s", "v1.2.3s");
        check("50 % of 1000", "50 % of 1000");
        check("", "");
        check("é1s", "é1s");
    }
}
