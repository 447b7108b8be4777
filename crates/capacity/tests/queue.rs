//! Whole searches of a simulated queue, request by request and without any clock: what the samples of a level say hangs
//! together as it does in a real service, where whoever waits in the same queue waits for much the same time.

use loadgen_capacity::{
    Command, Growth, Ladder, LevelVerdict, SearchSettings, Standing, SteerSettings, Steersman,
};
use loadgen_stats::{
    Ending, GeneratorSample, Layout, Offset, Outcome, Recorder, Sample, ScenarioIndex,
    ScenarioLayout, StepIndex, StepLayout, StepRole, Threshold, Totals, VusRange, Window,
};
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    sync::Arc,
    time::Duration,
};

const SECOND: Duration = Duration::from_secs(1);
/// As the mock's queueing mode in `scripts/stress-check`: ten servers, each busy for 50 ms with a request on average.
const SERVERS: usize = 10;
const SERVICE: f64 = 0.05;
const LIMIT: &str = "p95 < 500ms";
/// The most users for which the 95th percentile of the time in such a queue is below the limit: whoever comes waits for all
/// before them but those that are served, which is a sum of exponential times, and is served for another.
const TRUTH: f64 = 76.0;

/// A seeded draw: SplitMix64.
struct Chance(u64);

impl Chance {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn exponential(&mut self, mean: f64) -> f64 {
        -(1.0 - self.unit()).ln() * mean
    }

    /// Of a normal distribution, near enough.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

/// What disturbs the service beside its own chance.
#[derive(Clone, Copy)]
struct Noise {
    /// How much faster or slower it is from second to second, as a share; seconds hang together by a half.
    wander: f64,
    /// The chance of a second to have a pause of 100 ms.
    pauses: f64,
    /// The chance of a second to begin ten in which everything takes a tenth longer.
    spells: f64,
}

/// Something that happens: in nanoseconds, who, and whether it is the user who comes or the answer.
type Event = Reverse<(u64, u32, bool)>;

/// Users who ask again as soon as they are answered.
struct Queue {
    chance: Chance,
    noise: Noise,
    speed: f64,
    events: BinaryHeap<Event>,
    waiting: VecDeque<(u64, u32)>,
    /// By user: when its request was due that is served now.
    served: Vec<Option<u64>>,
    serving: usize,
    users: u32,
    present: Vec<bool>,
    paused_until: u64,
    slow_until: u64,
    recorder: Recorder,
    layout: Arc<Layout>,
    span: (Offset, Offset),
    now: u64,
}

impl Queue {
    fn new(seed: u64, noise: Noise, layout: &Arc<Layout>) -> Self {
        Self {
            chance: Chance(seed),
            noise,
            speed: 0.0,
            events: BinaryHeap::new(),
            waiting: VecDeque::new(),
            served: Vec::new(),
            serving: 0,
            users: 0,
            present: Vec::new(),
            paused_until: 0,
            slow_until: 0,
            recorder: Recorder::new(Arc::clone(layout)),
            layout: Arc::clone(layout),
            span: (Offset::ZERO, Offset::ZERO),
            now: 0,
        }
    }

    /// New users come in the first half of the time to the hold; those who are too many go when they are answered.
    fn set(&mut self, load: f64, from: Offset, until: Offset) {
        let (users, before) = (load as u32, self.users);
        self.users = users;
        self.span = (from, until);
        self.recorder.measure_next(ScenarioIndex(0), from, until);
        let spread = from.as_nanos().saturating_sub(self.now) / 2;
        let most = users.max(before) as usize;
        self.present.resize(self.present.len().max(most), false);
        self.served.resize(self.served.len().max(most), None);
        for user in 0..users {
            if !std::mem::replace(&mut self.present[user as usize], true) {
                let new = u64::from(users.saturating_sub(before).max(1));
                let place = u64::from(user.saturating_sub(before)).min(new);
                self.events
                    .push(Reverse((self.now + spread * place / new, user, true)));
            }
        }
    }

    fn ask(&mut self, at: u64, user: u32) {
        self.waiting.push_back((at, user));
        self.serve(at);
    }

    fn serve(&mut self, at: u64) {
        while self.serving < SERVERS
            && let Some((due, user)) = self.waiting.pop_front()
        {
            let slow = if at < self.slow_until { 1.1 } else { 1.0 };
            let time = self.chance.exponential(SERVICE) * self.speed.exp() * slow * 1e9;
            let done = at.max(self.paused_until) + time as u64;
            self.served[user as usize] = Some(due);
            self.serving += 1;
            self.events.push(Reverse((done, user, false)));
        }
    }

    fn answer(&mut self, at: u64, user: u32) {
        self.serving -= 1;
        let due = self.served[user as usize].take().expect("it was served");
        self.recorder.request(&sample(due, at));
        if user < self.users {
            self.waiting.push_back((at, user));
        } else {
            self.present[user as usize] = false;
        }
        self.serve(at);
    }

    fn second(&mut self) -> (Window, Standing) {
        self.speed = 0.5 * self.speed + self.noise.wander * 0.75_f64.sqrt() * self.chance.normal();
        if self.chance.unit() < self.noise.pauses {
            self.paused_until = self.now + 100_000_000;
        }
        if self.chance.unit() < self.noise.spells {
            self.slow_until = self.now + 10_000_000_000;
        }
        let (start, end) = (self.now, self.now + 1_000_000_000);
        while let Some(Reverse((at, user, comes))) = self.events.peek().copied()
            && at < end
        {
            self.events.pop();
            match comes {
                true => self.ask(at, user),
                false => self.answer(at, user),
            }
        }
        self.now = end;
        let present = self.present.iter().filter(|present| **present).count() as u64;
        let window = Window {
            start: Offset::from_nanos(start),
            end: Offset::from_nanos(end),
            vus: VusRange::steady(present),
            totals: self.recorder.swap(Totals::new(&self.layout)),
            generator: Some(GeneratorSample::default()),
        };
        let due = self.waiting.iter().map(|(due, _)| *due);
        let due = due.chain(self.served.iter().filter_map(|due| *due));
        let measured = |due: &u64| {
            let due = Offset::from_nanos(*due);
            self.span.0 <= due && due < self.span.1
        };
        let standing = Standing {
            now: Offset::from_nanos(end),
            awaited: due.filter(measured).count() as u64,
            complete: true,
            in_flight_seconds: present as f64,
        };
        (window, standing)
    }
}

fn sample(due: u64, done: u64) -> Sample<'static> {
    let (due, done) = (Offset::from_nanos(due), Offset::from_nanos(done));
    Sample {
        follows: false,
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
        status: Some(200),
        ending: Ending::Whole,
        outcome: Outcome::Ok,
        error: None,
        bytes_sent: 0,
        bytes_received: 0,
        bytes_decoded: 0,
        checks_held: 0,
        checks_made: 0,
        resent: 0,
        retried: false,
        usage: None,
        stream: None,
    }
}

fn layout() -> Arc<Layout> {
    Arc::new(Layout {
        scenarios: vec![ScenarioLayout {
            name: "s".to_owned(),
            steps: 0..1,
            closed: true,
        }],
        steps: vec![StepLayout {
            name: "ask".to_owned(),
            scenario: ScenarioIndex(0),
            stream: false,
            slo: Vec::new(),
            role: StepRole::Request,
        }],
        ..Layout::default()
    })
}

/// What came of some searches.
#[derive(Debug, Default)]
struct Searched {
    hits: u32,
    found: Vec<f64>,
    levels: usize,
    unclear: usize,
    seconds: u64,
}

fn searched(seeds: std::ops::Range<u64>, noise: Noise) -> Searched {
    let layout = layout();
    let ladder = Ladder {
        start: 20.0,
        growth: Growth::Step(20.0),
        max: 300.0,
        whole: true,
    };
    let settings = SteerSettings {
        search: SearchSettings::new(ladder),
        settle: 2 * SECOND,
        hold: 8 * SECOND,
        answer: 61 * SECOND,
        recover: false,
        connect_rate: None,
    };
    let mut all = Searched::default();
    for seed in seeds {
        let limit = Threshold::parse("http_req_latency", LIMIT, &layout).expect("a limit");
        let mut steersman = Steersman::new(settings, Arc::clone(&layout), vec![limit]);
        let mut queue = Queue::new(seed, noise, &layout);
        for second in 0..10_000 {
            let (window, standing) = queue.second();
            match steersman.window(&window, &standing) {
                Command::Stay => {}
                Command::Set { load, from, until } => queue.set(load, from, until),
                Command::Stop => {
                    all.seconds += second;
                    break;
                }
            }
        }
        let held = steersman.search().answer().highest_held.unwrap_or(0.0);
        all.hits += u32::from((held - TRUTH).abs() <= 0.05 * TRUTH + 1.0);
        all.found.push(held);
        all.levels += steersman.levels().len();
        let unclear = |level: &&loadgen_capacity::Level| level.verdict == LevelVerdict::Unclear;
        all.unclear += steersman.levels().iter().filter(unclear).count();
    }
    all
}

#[test]
fn a_queue_is_found_in_nineteen_of_twenty() {
    let cases = [
        ("at rest", 0.0, 0.0, 0.0),
        ("wandering", 0.03, 0.0, 0.0),
        ("with pauses", 0.0, 0.1, 0.0),
        ("with slow spells", 0.0, 0.0, 0.01),
        ("all of them", 0.02, 0.05, 0.005),
    ];
    for (what, wander, pauses, spells) in cases {
        let runs = 60;
        let noise = Noise {
            wander,
            pauses,
            spells,
        };
        let all = searched(0..runs, noise);
        assert!(
            u64::from(all.hits) * 20 >= runs * 19,
            "{what}: {} of {runs}: {all:?}",
            all.hits
        );
        // Nine levels where nothing is tried twice in the gap.
        assert!(all.levels as u64 <= 11 * runs, "{what}: {all:?}");
    }
}
