//! Shows how long each phase of a request took, as bars over its whole time.

use loadgen_engine::{Exchange, Offset};
use std::{fmt::Write as _, time::Duration};

/// How many characters the whole time takes.
const WIDTH: usize = 40;
/// The phase that is the service's: it is told also where it took no time.
const WAITING: &str = "waiting";

/// A phase: its name, when it began, when it ended, and what is said of it.
type Phase = (&'static str, Offset, Offset, &'static str);

/// A bar for each phase that took any time and for the wait for an answer, a mark for the first output of a stream, and the
/// bytes on the wire; `began` is when the request did.
pub(crate) fn times(exchange: &Exchange, first_output: Option<Offset>, began: Offset) -> String {
    let mut text = String::new();
    let whole = exchange.done.unwrap_or(began).since(began);
    // Writing to a string does not fail.
    for (name, from, to, note) in phases(exchange, began) {
        let bar = bar(from.since(began), to.since(began), whole);
        let _ = writeln!(
            text,
            "  {name:<12} {bar:<WIDTH$} {}{note}",
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
        phases.push((name, at, at.after(length), ""));
        at = at.after(length);
    }
    let mut push = |name, from: Option<Offset>, to: Option<Offset>, note| {
        phases.extend(from.zip(to).map(|(from, to)| (name, from, to, note)));
    };
    push("sending", exchange.sent_first, exchange.sent_last, "");
    let sent = exchange.sent_last.or(exchange.sent_first);
    let (first, done) = (exchange.first_byte, exchange.done);
    push(WAITING, sent, first.or(done), wait(sent, first));
    push("receiving", first, done, "");
    phases.retain(|(name, from, to, _)| to > from || *name == WAITING);
    phases
}

/// What is said of the wait for an answer.
fn wait(sent: Option<Offset>, first_byte: Option<Offset>) -> &'static str {
    match first_byte {
        None => ", and no byte came",
        Some(first) if sent.is_some_and(|sent| first < sent) => {
            " to the first byte: it came before all was sent"
        }
        Some(_) => " to the first byte",
    }
}

/// A bar from one instant to another; never empty, so that short phases are seen, and a line where no time is between.
fn bar(from: Duration, to: Duration, whole: Duration) -> String {
    let at = " ".repeat(column(from, whole).min(WIDTH - 1));
    if to <= from {
        return format!("{at}▏");
    }
    let to = column(to, whole).clamp(at.len() + 1, WIDTH);
    format!("{at}{}", "█".repeat(to - at.len()))
}

fn column(at: Duration, whole: Duration) -> usize {
    let share = at.as_secs_f64() / whole.as_secs_f64().max(1e-9);
    (share * WIDTH as f64).round() as usize
}

fn millis(length: Duration) -> String {
    format!("{:>10.3} ms", length.as_secs_f64() * 1000.0)
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
            "  connecting   ██████████                                    1.000 ms",
            "  sending                █                                   0.050 ms",
            "  waiting                ██████████                          0.950 ms to the first byte",
            "  receiving                        ████████████████████      2.000 ms",
            "  first output                         ▲                     1.400 ms",
            "  in all 4.000 ms; 10 bytes sent, 20 received",
        ];
        let told = times(&exchange, at(2400), BEGAN);
        assert_eq!(told.lines().collect::<Vec<_>>(), expected);
        assert_eq!(
            times(&Exchange::default(), None, BEGAN),
            "  in all 0.000 ms; 0 bytes sent, 0 received\n"
        );
    }

    #[test]
    fn the_wait_is_told_also_where_there_is_none() {
        let waiting = |sent_last, first_byte, done| {
            let exchange = Exchange {
                connected: at(0),
                sent_first: at(0),
                sent_last: at(sent_last),
                first_byte,
                done: at(done),
                ..Exchange::default()
            };
            let told = times(&exchange, None, BEGAN);
            let line = told.lines().find(|line| line.starts_with("  waiting"));
            line.unwrap_or_else(|| panic!("{told}")).to_owned()
        };
        let line = |bar: &str, rest: &str| format!("  waiting      {bar:<WIDTH$} {rest}");
        let halfway = " ".repeat(20);
        for (seen, wanted) in [
            // Some microseconds of a long answer.
            (
                waiting(20, at(24), 100_000),
                line("█", "     0.004 ms to the first byte"),
            ),
            (
                waiting(50, at(50), 100),
                line(&format!("{halfway}▏"), "     0.000 ms to the first byte"),
            ),
            (
                waiting(50, at(40), 100),
                line(
                    &format!("{halfway}▏"),
                    "     0.000 ms to the first byte: it came before all was sent",
                ),
            ),
            (
                waiting(0, None, 100),
                line(&"█".repeat(WIDTH), "     0.100 ms, and no byte came"),
            ),
        ] {
            assert_eq!(seen, wanted);
        }
    }
}
