//! Shows how long each phase of a request took, as bars over its whole time.

use loadgen_engine::{Exchange, Offset};
use std::{fmt::Write as _, time::Duration};

/// How many characters the whole time takes.
const WIDTH: usize = 40;

/// A phase: its name, when it began, when it ended.
type Phase = (&'static str, Offset, Offset);

/// A bar for each phase that took any time, a mark for the first output of a stream, and the bytes on the wire; `began`
/// is when the request did.
pub(crate) fn times(exchange: &Exchange, first_output: Option<Offset>, began: Offset) -> String {
    let mut text = String::new();
    let whole = exchange.done.unwrap_or(began).since(began);
    // Writing to a string does not fail.
    for (name, from, to) in phases(exchange, began) {
        let bar = bar(from.since(began), to.since(began), whole);
        let _ = writeln!(
            text,
            "  {name:<12} {bar:<WIDTH$} {}",
            millis(to.since(from))
        );
    }
    if let (Some(at), Some(sent)) = (first_output, exchange.sent_first) {
        let mark = format!(
            "{}▲",
            " ".repeat(column(at.since(began), whole).min(WIDTH - 1))
        );
        let after = millis(at.since(sent));
        let _ = writeln!(text, "  {:<12} {mark:<WIDTH$} {after}", "first output");
    }
    let all = millis(whole);
    let (sent, received) = (exchange.bytes_sent, exchange.bytes_received);
    let _ = writeln!(
        text,
        "  in all {}; {sent} bytes sent, {received} received",
        all.trim_start()
    );
    text
}

/// The phases that are known, one after the other.
fn phases(exchange: &Exchange, began: Offset) -> Vec<Phase> {
    let opening = exchange.dns + exchange.connecting + exchange.tls;
    let mut at = exchange.connected.map_or(began, |connected| {
        Offset::from(connected.as_duration().saturating_sub(opening))
    });
    let mut phases = Vec::new();
    for (name, length) in [
        ("dns", exchange.dns),
        ("connecting", exchange.connecting),
        ("tls", exchange.tls),
    ] {
        phases.push((name, at, at.after(length)));
        at = at.after(length);
    }
    let sent = exchange.sent_last.or(exchange.sent_first);
    for (name, from, to) in [
        ("sending", exchange.sent_first, exchange.sent_last),
        ("waiting", sent, exchange.first_byte.or(exchange.done)),
        ("receiving", exchange.first_byte, exchange.done),
    ] {
        phases.extend(from.zip(to).map(|(from, to)| (name, from, to)));
    }
    phases.retain(|(_, from, to)| to > from);
    phases
}

/// A bar from one instant to another; never empty, so that short phases are seen.
fn bar(from: Duration, to: Duration, whole: Duration) -> String {
    let from = column(from, whole).min(WIDTH - 1);
    let to = column(to, whole).clamp(from + 1, WIDTH);
    format!("{}{}", " ".repeat(from), "█".repeat(to - from))
}

fn column(at: Duration, whole: Duration) -> usize {
    let share = at.as_secs_f64() / whole.as_secs_f64().max(1e-9);
    (share * WIDTH as f64).round() as usize
}

fn millis(length: Duration) -> String {
    format!("{:>9.2} ms", length.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When the requests of these tests began.
    const BEGAN: Offset = Offset::from_nanos(7_000_000_000);

    fn at(micros: u64) -> Option<Offset> {
        Some(BEGAN.after(Duration::from_micros(micros)))
    }

    #[test]
    fn phases_are_bars_over_the_whole_time() {
        let exchange = Exchange {
            connecting: Duration::from_micros(1000),
            connected: at(1000),
            sent_first: at(1000),
            sent_last: at(1050),
            first_byte: at(2000),
            done: at(4000),
            bytes_sent: 10,
            bytes_received: 20,
            ..Exchange::default()
        };
        let expected = [
            "  connecting   ██████████                                    1.00 ms",
            "  sending                █                                   0.05 ms",
            "  waiting                ██████████                          0.95 ms",
            "  receiving                        ████████████████████      2.00 ms",
            "  first output                         ▲                     1.40 ms",
            "  in all 4.00 ms; 10 bytes sent, 20 received",
        ];
        let told = times(&exchange, at(2400), BEGAN);
        assert_eq!(told.lines().collect::<Vec<_>>(), expected);
        assert_eq!(
            times(&Exchange::default(), None, BEGAN),
            "  in all 0.00 ms; 0 bytes sent, 0 received\n"
        );
    }

    #[test]
    fn what_never_came_was_waited_for() {
        let exchange = Exchange {
            connected: at(0),
            sent_first: at(0),
            sent_last: at(0),
            done: at(100),
            ..Exchange::default()
        };
        let waiting = format!("  waiting      {} {:>9.2} ms\n", "█".repeat(WIDTH), 0.1);
        assert!(times(&exchange, None, BEGAN).starts_with(&waiting));
    }
}
