//! Shows how a run stands: a bar where a person looks on, a line every few seconds elsewhere.

use crate::environment::Output;
use indicatif::{ProgressBar, ProgressStyle};
use loadgen_stats::{Figure, Live, Offset};
use std::{fmt::Write as _, time::Duration};

/// Where nobody looks on, a line comes this often.
const EVERY: Duration = Duration::from_secs(5);

/// How the bar looks.
const TEMPLATE: &str = "{prefix:>4} {bar:12} {wide_msg}";

/// What the load of a run is done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// So much time.
    Time(Duration),
    /// So many iterations.
    Iterations(u64),
    /// The answer of a search, which comes when it comes.
    Search,
}

/// Shows how a run stands.
pub(crate) struct Progress<'a> {
    output: &'a Output,
    goal: Goal,
    /// What a search is at.
    note: String,
    view: View,
}

/// Says something beside the progress.
pub(crate) struct Teller<'a> {
    output: &'a Output,
    bar: Option<ProgressBar>,
}

impl Teller<'_> {
    /// Says a line.
    pub(crate) fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.output.say(line)),
            None => self.output.say(line),
        }
    }
}

enum View {
    None,
    Bar(ProgressBar),
    Lines { next: Offset },
}

impl<'a> Progress<'a> {
    /// Progress of a run that has not begun yet.
    pub(crate) fn new(output: &'a Output, goal: Goal, quiet: bool) -> Self {
        let view = match (quiet, output.terminal) {
            (true, _) => View::None,
            (false, true) => View::Bar(bar(output, goal)),
            (false, false) => View::Lines {
                next: Offset::from(EVERY),
            },
        };
        Self {
            output,
            goal,
            note: String::new(),
            view,
        }
    }

    /// Shows the state at the end of a window.
    pub(crate) fn show(&mut self, at: Offset, live: &Live) {
        let text = || {
            let figures = figures(live);
            let left = match self.goal {
                Goal::Search => self.note.clone(),
                goal => goal.left(at.as_duration(), live),
            };
            format!("{left}, {figures}")
        };
        match &mut self.view {
            View::None => {}
            View::Bar(bar) => {
                bar.set_position(self.goal.done(at.as_duration(), live));
                bar.set_prefix(clock(at.as_duration()));
                bar.set_message(text());
            }
            View::Lines { next } if at >= *next => {
                let text = text();
                self.output
                    .say(&format!("{}: {text}", clock(at.as_duration())));
                *next = next.after(EVERY).max(at);
            }
            View::Lines { .. } => {}
        }
    }

    /// Notes what a search is at, for the next state that is shown.
    pub(crate) fn note(&mut self, note: &str) {
        note.clone_into(&mut self.note);
    }

    /// Says something beside the progress.
    pub(crate) fn teller(&self) -> Teller<'a> {
        let bar = match &self.view {
            View::Bar(bar) => Some(bar.clone()),
            View::None | View::Lines { .. } => None,
        };
        Teller {
            output: self.output,
            bar,
        }
    }

    /// Says what the run is at, where anybody wants to know.
    pub(crate) fn tell(&self, line: &str) {
        if !matches!(self.view, View::None) {
            self.teller().say(line);
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        if let View::Bar(bar) = &self.view {
            bar.finish_and_clear();
        }
    }
}

impl Goal {
    /// How far it is, in a unit of its own.
    fn whole(self) -> u64 {
        match self {
            Self::Time(length) => whole_seconds(length).max(1),
            Self::Iterations(count) => count,
            Self::Search => u64::MAX,
        }
    }

    fn done(self, elapsed: Duration, live: &Live) -> u64 {
        match self {
            Self::Time(_) | Self::Search => whole_seconds(elapsed),
            Self::Iterations(_) => live.iterations,
        }
        .min(self.whole())
    }

    /// What is still to come.
    fn left(self, elapsed: Duration, live: &Live) -> String {
        match self {
            _ if self.done(elapsed, live) >= self.whole() => "finishing".to_owned(),
            Self::Time(length) => format!("{} left", clock(length.saturating_sub(elapsed))),
            Self::Iterations(count) => format!("{} of {count} iterations", live.iterations),
            Self::Search => "searching".to_owned(),
        }
    }
}

fn bar(output: &Output, goal: Goal) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(goal.whole()), output.draw_target());
    // The template is fixed, so it is either right or caught by the test below.
    if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
        bar.set_style(style.progress_chars("█▌ "));
    }
    bar.tick();
    bar
}

fn whole_seconds(length: Duration) -> u64 {
    (length + Duration::from_millis(500)).as_secs()
}

/// The figures of one line.
fn figures(live: &Live) -> String {
    let mut text = format!(
        "{} vus, {}/s, {} failed",
        live.vus.last,
        rate(live.requests_per_second),
        live.failed
    );
    let mut time = |name: &str, figure: Option<Figure>| {
        if let Some(figure) = figure {
            // Writing to a string does not fail.
            let _ = write!(text, ", {name} {}", millis(figure));
        }
    };
    time("p95", live.http_req_duration_p95);
    time("ttft p95", live.ttft_p95);
    text
}

fn rate(per_second: f64) -> String {
    if per_second < 100.0 {
        format!("{per_second:.1}")
    } else {
        format!("{per_second:.0}")
    }
}

fn millis(figure: Figure) -> String {
    let at_least = if figure.at_least { "≥" } else { "" };
    let millis = figure.value.as_secs_f64() * 1000.0;
    match millis {
        millis if millis < 10.0 => format!("{at_least}{millis:.2}ms"),
        millis if millis < 10_000.0 => format!("{at_least}{millis:.0}ms"),
        millis => format!("{at_least}{:.1}s", millis / 1000.0),
    }
}

/// A time to the second.
fn clock(time: Duration) -> String {
    let seconds = whole_seconds(time);
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds:02}s"),
        (hours, minutes, seconds) => format!("{hours}h{minutes:02}m{seconds:02}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::fake::Stage;
    use loadgen_stats::VusRange;

    fn figure(micros: u64, at_least: bool) -> Figure {
        Figure {
            value: Duration::from_micros(micros),
            at_least,
            rough: false,
        }
    }

    #[test]
    fn figures_fit_a_line() {
        let plain = Live {
            vus: VusRange::steady(50),
            failed: 3,
            requests_per_second: 99.94,
            http_req_duration_p95: Some(figure(1_234, false)),
            ..Live::default()
        };
        assert_eq!(figures(&plain), "50 vus, 99.9/s, 3 failed, p95 1.23ms");
        let streams = Live {
            vus: VusRange::steady(1_000_000),
            failed: 1_000_000,
            requests_per_second: 123_456.7,
            http_req_duration_p95: Some(figure(60_000_000, true)),
            ttft_p95: Some(figure(210_400, false)),
            ..Live::default()
        };
        let text = figures(&streams);
        assert_eq!(
            text,
            "1000000 vus, 123457/s, 1000000 failed, p95 ≥60.0s, ttft p95 210ms"
        );
        assert!(text.chars().count() <= 80);
        assert_eq!(figures(&Live::default()), "0 vus, 0.0/s, 0 failed");
    }

    #[test]
    fn clocks() {
        for (millis, expected) in [
            (0, "0s"),
            (499, "0s"),
            (1_000, "1s"),
            (59_600, "1m00s"),
            (61_000, "1m01s"),
            (3_661_000, "1h01m01s"),
        ] {
            assert_eq!(clock(Duration::from_millis(millis)), expected);
        }
    }

    #[test]
    fn lines_come_every_few_seconds() {
        let (time, count) = (Goal::Time(Duration::from_secs(9)), Goal::Iterations(7));
        for (goal, quiet, expected) in [
            (
                time,
                false,
                "5s: 4s left, 0 vus, 0.0/s, 0 failed\n10s: finishing, 0 vus, 0.0/s, 0 failed\n",
            ),
            (
                count,
                false,
                "5s: 3 of 7 iterations, 0 vus, 0.0/s, 0 failed\n10s: finishing, 0 vus, 0.0/s, 0 failed\n",
            ),
            (time, true, ""),
        ] {
            let stage = Stage::new(&[]);
            let mut progress = Progress::new(&stage.environment.err, goal, quiet);
            for second in 1..=12 {
                let iterations = if second < 8 { 3 } else { 7 };
                let live = Live {
                    iterations,
                    ..Live::default()
                };
                progress.show(Offset::from(Duration::from_secs(second)), &live);
            }
            progress.finish();
            assert_eq!(stage.err.text(), expected);
        }
    }

    #[test]
    fn the_bar_has_its_style() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }
}
