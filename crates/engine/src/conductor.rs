//! Leads a run: merges what the shards hand over, tells the observer, begins loads and keeps their deadlines.

use crate::{
    crew::Crew,
    load::SharedLoad,
    observer::{Directive, Event, Observer, Standing},
    phase::{Phase, Starting, Stop},
    run::{Outcome, Settings},
    schedule::Level,
    seats::Change,
    shard::Common,
    windows::{Part, end_of_window},
};
use loadgen_stats::{DropReason, Ledger, Offset, Recorder, RunEnd, StopReason, Totals};
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, time::sleep_until};

/// How long a window waits for the hand-over of a busy shard before it is closed without it.
const PATIENCE: Duration = Duration::from_millis(250);

/// Leads a run.
pub(crate) struct Conductor<'a, O: Observer> {
    common: Arc<Common>,
    observer: &'a mut O,
    phases: watch::Sender<Vec<Phase>>,
    changes: watch::Sender<Vec<Change>>,
    courses: Vec<Course>,
    ledger: Ledger,
    /// The window that is open.
    window: u64,
    /// The windows that each shard has closed; `u64::MAX` once it is done.
    closed: Vec<u64>,
    /// The requests that each shard awaited when it last told.
    awaited: Vec<u64>,
    /// The time for which requests were under way in the open window, of all together.
    in_flight: Duration,
    stop_reason: StopReason,
    /// When the last user had ended.
    ended: Option<Offset>,
    /// The last event that was told.
    told: Option<Event>,
}

/// How far a load has come.
#[derive(Clone, Copy, Debug)]
struct Course {
    phase: Phase,
    /// When its last iteration had ended.
    ended: Option<Offset>,
}

impl Course {
    /// When the iterations were due that a load with a number of them has not begun, and why it has not. None where nothing
    /// more was due: it never began, or was stopped before it came to its own end.
    fn leaves_over(&self, load: &SharedLoad, now: Offset) -> Option<(Offset, DropReason)> {
        let start = self.phase.start()?;
        let end = load.end_of_starting(start);
        let over = self.ended.unwrap_or(now);
        let stopped = self.phase.ended_starting().filter(|stop| *stop < end);
        if stopped.is_some_and(|stop| stop <= over) {
            return None;
        }
        let reason = match load.has_ended_data() {
            _ if over >= end => DropReason::End,
            true => DropReason::Data,
            false => DropReason::StopUser,
        };
        Some((load.end_of_warm_up(start), reason))
    }
}

impl<'a, O: Observer> Conductor<'a, O> {
    /// A run that has not begun; publishes the phases that its loads begin in.
    pub(crate) fn new(common: &Arc<Common>, observer: &'a mut O, crew: &Crew) -> Self {
        let course = |phase| Course { phase, ended: None };
        let first: Vec<Phase> = common.loads.iter().map(SharedLoad::first_phase).collect();
        let conductor = Self {
            common: Arc::clone(common),
            observer,
            phases: crew.phases.clone(),
            changes: crew.changes.clone(),
            courses: first.into_iter().map(course).collect(),
            ledger: Ledger::new(Arc::clone(&common.layout), common.plan.thresholds.clone()),
            window: 0,
            closed: vec![0; common.shards],
            awaited: vec![0; common.shards],
            in_flight: Duration::ZERO,
            stop_reason: StopReason::Completed,
            ended: None,
            told: None,
        };
        conductor.publish();
        conductor
    }

    /// Takes in what was counted before the run: it stands in the first window.
    pub(crate) fn take_first(&mut self, totals: &Totals) {
        self.ledger.add(totals);
    }

    /// Begins no load at all, for this reason.
    pub(crate) fn give_up(&mut self, reason: StopReason) {
        self.common.users.nobody_came();
        self.drain(reason);
    }

    /// Tells whoever watches of a moment.
    pub(crate) fn tell_of(&mut self, event: &Event) {
        self.observer.event(event);
    }

    /// Takes in what was counted after the run had ended: it stands in a window of its own.
    pub(crate) fn take_last(&mut self, totals: &Totals) {
        self.ledger.add(totals);
        let end = self.now();
        self.close_span(end, end);
    }

    /// The present, or the end of the run where that has come.
    fn now(&self) -> Offset {
        self.ended.unwrap_or_else(|| self.common.clock.now())
    }

    /// Leads the run until every shard is done.
    pub(crate) async fn conduct(&mut self, crew: &mut Crew, mut stop: watch::Receiver<Stop>) {
        let mut stoppable = true;
        while self.closed.iter().any(|windows| *windows < u64::MAX) {
            let end = end_of_window(self.window);
            tokio::select! {
                part = crew.parts.recv() => match part {
                    Some(part) => self.take(part, crew),
                    None => break,
                },
                () = sleep_until(self.common.clock.instant(end) + PATIENCE) => self.close_window(end),
                () = self.common.load_ended.notified() => self.see_ends(),
                () = self.deadline() => self.pass_deadlines(),
                changed = stop.changed(), if stoppable => match changed {
                    Ok(()) => self.obey(*stop.borrow_and_update()),
                    Err(_) => stoppable = false,
                },
            }
        }
    }

    /// Counts the iterations that were never begun, and closes the window in which the run ended.
    pub(crate) fn close_last(&mut self) {
        let (start, now) = (self.start_of_window(), self.common.clock.now());
        self.ended = Some(now);
        let mut recorder = Recorder::new(Arc::clone(&self.common.layout));
        for (load, course) in self.common.loads.iter().zip(&self.courses) {
            let Some((due, reason)) = course.leaves_over(load, now) else {
                continue;
            };
            for (scenario, left) in load.left() {
                recorder.dropped_iterations(scenario, due, reason, left);
            }
        }
        self.ledger.add(recorder.totals());
        // A run may end in the instant in which a window was closed.
        if now > start || self.ledger.holds_more() {
            self.close_window(now.max(start));
        }
    }

    /// The summary of the run.
    pub(crate) fn finish(mut self, settings: Settings) -> Outcome {
        let ended = self.now();
        let end = RunEnd {
            allow_all_failed: settings.allow_all_failed,
            strict: settings.strict,
            ..RunEnd::new(self.stop_reason, self.measured(ended), ended)
        };
        Outcome {
            summary: self.ledger.finish(&end),
            end,
            setup_failed: None,
        }
    }

    fn take(&mut self, part: Part, crew: &Crew) {
        self.ledger.add(&part.totals);
        self.closed[part.shard] = part.window.saturating_add(1);
        self.awaited[part.shard] = part.awaited;
        self.in_flight = self.in_flight.saturating_add(part.in_flight);
        let mut totals = part.totals;
        totals.clear();
        crew.give_back(part.shard, totals);
        if self.closed.iter().all(|windows| *windows > self.window)
            && self.closed.iter().any(|closed| *closed < u64::MAX)
        {
            self.close_window(end_of_window(self.window));
        }
    }

    fn start_of_window(&self) -> Offset {
        match self.window.checked_sub(1) {
            Some(before) => end_of_window(before),
            None => Offset::ZERO,
        }
    }

    fn close_window(&mut self, end: Offset) {
        let start = self.start_of_window();
        self.close_span(start, end);
    }

    fn close_span(&mut self, start: Offset, end: Offset) {
        self.window += 1;
        let vus = self.common.users.look();
        let generator = self.observer.generator();
        for sample in self.observer.probes() {
            let outcome = sample.outcome.as_ref().map(|value| *value);
            self.ledger
                .probe(sample.probe, outcome.map_err(String::as_str));
        }
        self.ledger.close_window(start, end, vus, generator);
        let live = self.ledger.live();
        self.observer.standing(&Standing {
            now: self.common.clock.now(),
            awaited: self.awaited.iter().sum(),
            in_flight: std::mem::take(&mut self.in_flight),
            complete: self.closed.iter().all(|closed| *closed >= self.window),
        });
        match self.observer.window(self.ledger.last_window(), &live) {
            Directive::Continue => {}
            Directive::SetLoad(level) => self.steer(level),
            Directive::Stop(reason) => self.drain(reason),
        }
        let goes_on = |course: &Course| matches!(course.phase, Phase::Waiting | Phase::Running(_));
        if self.ledger.stops() && self.courses.iter().any(goes_on) {
            self.drain(StopReason::Threshold);
        }
    }

    /// Changes the loads that are steered, from now on.
    fn steer(&self, level: Level) {
        let at = self.common.clock.now();
        self.changes
            .send_modify(|changes| changes.push(Change { at, level }));
    }

    /// The next deadline of a load, and which load's it is.
    fn next_deadline(&self) -> Option<(Offset, usize)> {
        let deadline = |(place, course): (usize, &Course)| {
            let load = &self.common.loads[place];
            let at = match course.phase {
                Phase::Running(start) => load.end_of_starting(start),
                Phase::Draining(starting) => starting.ended.after(load.schedule.graceful_stop()),
                Phase::Waiting | Phase::Cut(_) | Phase::Never => return None,
            };
            (course.ended.is_none() && at < Offset::MAX).then_some((at, place))
        };
        let deadlines = self.courses.iter().enumerate().filter_map(deadline);
        deadlines.min()
    }

    /// Waits for the next deadline; forever where there is none.
    async fn deadline(&self) {
        match self.next_deadline() {
            Some((at, _)) => sleep_until(self.common.clock.instant(at)).await,
            None => std::future::pending().await,
        }
    }

    fn pass_deadlines(&mut self) {
        let now = self.common.clock.now();
        while let Some((at, place)) = self.next_deadline().filter(|(at, _)| *at <= now) {
            let phase = &mut self.courses[place].phase;
            *phase = match *phase {
                Phase::Running(began) => Phase::Draining(Starting { began, ended: at }),
                Phase::Draining(starting) => Phase::Cut(starting),
                other => other,
            };
        }
        self.publish();
        self.tell();
    }

    /// Notes the loads that have ended, and begins those that waited for them. All shards look again what is left to do.
    fn see_ends(&mut self) {
        let now = self.common.clock.now();
        for place in 0..self.courses.len() {
            if self.courses[place].ended.is_some() || !self.common.loads[place].has_ended() {
                continue;
            }
            self.courses[place].ended = Some(now);
            self.end_measuring(place);
            for (load, course) in self.common.loads.iter().zip(&mut self.courses) {
                if load.after == Some(place) && course.phase == Phase::Waiting {
                    course.phase = Phase::Running(now);
                }
            }
        }
        self.publish();
    }

    /// Notes that the scenarios of a load are measured no longer than it lasted.
    fn end_measuring(&mut self, place: usize) {
        let Some((from, until)) = self.measured_of(place) else {
            return;
        };
        let mut totals = Totals::new(&self.common.layout);
        for scenario in self.common.loads[place].roles.scenarios() {
            totals.scenarios[scenario.0].measured = Some((from, until));
        }
        self.ledger.add(&totals);
    }

    fn obey(&mut self, stop: Stop) {
        match stop {
            Stop::Run => {}
            Stop::Drain => self.drain(StopReason::Interrupted),
            Stop::Cut => {
                self.stop_reason = StopReason::Interrupted;
                self.change(Phase::cut);
            }
        }
    }

    fn drain(&mut self, reason: StopReason) {
        if self.stop_reason == StopReason::Completed {
            self.stop_reason = reason;
        }
        self.change(Phase::stopped);
    }

    fn change(&mut self, change: fn(Phase, Offset) -> Phase) {
        let now = self.common.clock.now();
        for course in &mut self.courses {
            course.phase = change(course.phase, now);
        }
        self.publish();
        self.tell();
    }

    fn publish(&self) {
        let phases = self.courses.iter().map(|course| course.phase).collect();
        self.phases.send_replace(phases);
    }

    /// Tells when no load begins any more iterations, and when all that run are cut.
    fn tell(&mut self) {
        let going_on = || self.courses.iter().filter(|course| course.ended.is_none());
        if going_on().any(|course| course.phase.may_begin()) {
            return;
        }
        let drains = going_on().any(|course| matches!(course.phase, Phase::Draining(_)));
        let event = if drains {
            Event::Draining
        } else {
            Event::Cutting
        };
        if self.told.as_ref() != Some(&event) {
            self.observer.event(&event);
            self.told = Some(event);
        }
    }

    /// The measured part of a load that has begun, as far as it is known.
    fn measured_of(&self, place: usize) -> Option<(Offset, Offset)> {
        let (load, course) = (&self.common.loads[place], &self.courses[place]);
        let start = course.phase.start()?;
        let from = load.end_of_warm_up(start);
        let ended_starting = course.phase.ended_starting();
        let until = ended_starting.unwrap_or_else(|| load.end_of_starting(start));
        let until = course.ended.map_or(until, |ended| until.min(ended));
        match load.schedule.steered() {
            None => Some((from, until)),
            Some(_) => {
                Some(measured_of_spans(&self.changes.borrow(), until).unwrap_or((from, from)))
            }
        }
    }

    /// From the first measured part to the end of the last.
    fn measured(&self, ended: Offset) -> (Offset, Offset) {
        let parts = (0..self.courses.len()).filter_map(|place| self.measured_of(place));
        let parts = parts.map(|(from, until)| (from, until.min(ended)));
        let long = parts.filter(|(from, until)| from < until);
        let whole = long.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)));
        whole.unwrap_or((ended, ended))
    }
}

/// The measured part of a load that was steered: as long as all of its spans together, from the start of the first.
fn measured_of_spans(changes: &[Change], until: Offset) -> Option<(Offset, Offset)> {
    let mut spans: Vec<(Offset, Offset)> = Vec::new();
    for Change { level, .. } in changes {
        // A span that has not ended when the next one begins gives way to it.
        if let Some(last) = spans.last_mut() {
            last.1 = last.1.min(level.from.max(last.0));
        }
        spans.push((level.from, level.until.max(level.from)));
    }
    let (first, _) = *spans.first()?;
    let length = |(from, to): &(Offset, Offset)| (*to).min(until).since(*from);
    Some((first, first.after(spans.iter().map(length).sum())))
}
