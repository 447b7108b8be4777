//! What ended in the holds of a level: how many requests, how many of them badly, and how many well.

use loadgen_stats::{Counter, Layout, Rate, StepRole, Tally, Totals};

/// Requests of iterations that ended in the holds of a level, whenever they were due.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Answered {
    /// All of them: each attempt, and each redirection that was followed.
    pub(crate) finished: u64,
    /// Those that failed.
    pub(crate) failed: u64,
    /// Those that were answered for good and well: no refusal, no redirection, none that was sent again, none that missed
    /// a limit of `[slo]`.
    pub(crate) good: f64,
}

impl Answered {
    /// What `totals` hold of the requests of iterations.
    pub(crate) fn of(totals: &Totals, layout: &Layout) -> Self {
        let mut sum = Self::default();
        let steps = layout.steps.iter().zip(&totals.steps);
        for (step, counted) in steps.filter(|(step, _)| step.role == StepRole::Request) {
            for tally in &counted.tallies {
                let finished = in_hold(tally, Counter::HttpReqs);
                sum.finished += finished;
                if tally.error.is_some() {
                    sum.failed += finished;
                } else if is_answer(tally, step.stream) {
                    sum.good += good(tally, finished);
                }
            }
        }
        sum
    }

    /// The share of what finished that failed; none where nothing did.
    pub(crate) fn failed_share(self) -> Option<f64> {
        (self.finished > 0).then(|| self.failed as f64 / self.finished as f64)
    }
}

fn in_hold(tally: &Tally, counter: Counter) -> u64 {
    tally.in_window[counter.index()]
}

/// A refusal that `expect` allows is none, and neither is what never came to a status.
fn is_answer(tally: &Tally, streams: bool) -> bool {
    let most = if streams { 300 } else { 400 };
    tally
        .status
        .is_some_and(|status| (200..most).contains(&status))
}

/// Redirections come to what follows them, and so does what is sent again. Whether a limit was met is known of those that
/// were due in the hold.
fn good(tally: &Tally, finished: u64) -> f64 {
    let followed = in_hold(tally, Counter::Redirects) + in_hold(tally, Counter::Retries);
    let met = tally.rates[Rate::Goodput.index()].share().unwrap_or(1.0);
    finished.saturating_sub(followed) as f64 * met
}

#[cfg(test)]
mod tests {
    use super::*;
    use loadgen_stats::{
        Ending, ErrorKind, Offset, Outcome, Recorder, Sample, ScenarioIndex, ScenarioLayout,
        SloLimit, StepIndex, StepLayout, Trend,
    };
    use std::{sync::Arc, time::Duration};

    fn at(seconds: f64) -> Offset {
        Offset::from(Duration::from_secs_f64(seconds))
    }

    fn layout(role: StepRole, slo: Option<f64>) -> Arc<Layout> {
        let slo = slo.map(|limit| SloLimit {
            trend: Trend::HttpReqLatency,
            limit: Duration::from_secs_f64(limit),
        });
        Arc::new(Layout {
            scenarios: vec![ScenarioLayout {
                name: "s".to_owned(),
                steps: 0..1,
                closed: true,
            }],
            steps: vec![StepLayout {
                name: "get".to_owned(),
                scenario: ScenarioIndex(0),
                stream: false,
                slo: slo.into_iter().collect(),
                role,
            }],
            ..Layout::default()
        })
    }

    /// A request that was due at an instant, took so long, and ended so with that status.
    type Request = (f64, f64, u16, Outcome);

    fn record(recorder: &mut Recorder, (due, took, status, outcome): Request) {
        let (due, done) = (at(due), at(due + took));
        recorder.request(&Sample {
            follows: false,
            retried: false,
            step: StepIndex(0),
            due,
            started: due,
            connected: Some(due),
            dns: Duration::ZERO,
            connecting: Duration::ZERO,
            tls: Duration::ZERO,
            sent_first: Some(due),
            sent_last: Some(due),
            first_byte: Some(done),
            done,
            status: Some(status),
            ending: Ending::Whole,
            outcome,
            error: (outcome == Outcome::Failed).then_some((ErrorKind::Http4xx, "no")),
            bytes_sent: 0,
            bytes_received: 0,
            bytes_decoded: 0,
            checks_held: 0,
            checks_made: 0,
            resent: 0,
            usage: None,
            stream: None,
        });
        // An attempt that is given up for the next one is judged as a refusal that is expected.
        if outcome == Outcome::Rejected && status == 429 {
            recorder.retry(StepIndex(0), due, done, Some(status));
        }
    }

    #[test]
    fn good_is_what_was_answered_for_good() {
        use Outcome::{Failed, Ok, Redirected, Rejected};
        let check = |role, slo, requests: &[Request], expected: (u64, u64, f64)| {
            let layout = layout(role, slo);
            let mut recorder = Recorder::new(Arc::clone(&layout));
            recorder.measure_next(ScenarioIndex(0), at(10.0), at(20.0));
            requests
                .iter()
                .for_each(|request| record(&mut recorder, *request));
            let answered = Answered::of(recorder.totals(), &layout);
            assert_eq!(
                (answered.finished, answered.failed, answered.good),
                expected,
                "{requests:?}"
            );
        };
        let (ok, failed) = ((12.0, 0.1, 200, Ok), (12.0, 0.1, 429, Failed));
        let (again, redirected) = ((11.0, 0.1, 429, Rejected), (11.0, 0.1, 302, Redirected));
        let request = StepRole::Request;
        check(request, None, &[ok, ok, failed], (3, 1, 2.0));
        check(request, None, &[again, again, ok, failed], (4, 1, 1.0));
        check(request, None, &[redirected, ok], (2, 0, 1.0));
        // A redirection that is not followed is an answer; a refusal that is expected is none.
        check(
            request,
            None,
            &[(12.0, 0.1, 302, Ok), (12.0, 0.1, 404, Rejected)],
            (2, 0, 1.0),
        );
        // Due before the hold and done in it, and the other way round.
        check(
            request,
            None,
            &[(9.0, 2.0, 200, Ok), (9.0, 2.0, 429, Rejected)],
            (2, 0, 1.0),
        );
        check(request, None, &[(19.0, 2.0, 200, Ok)], (0, 0, 0.0));
        // One of two is slower than is good.
        let slow = (12.0, 0.5, 200, Ok);
        check(request, Some(0.2), &[ok, slow, again], (3, 0, 1.0));
        // Who logs in does so before the load.
        check(StepRole::Before, None, &[ok, ok, failed], (0, 0, 0.0));
    }
}
