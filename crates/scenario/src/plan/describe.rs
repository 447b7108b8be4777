//! Tells in words what a plan will do, and roughly what it will take.

mod flow;

use super::{
    Body, LoadPlan, Once, Plan, Ports, Request, Scenario, Step, Target, load::rounded, outlook,
};
use super::{Probe, ProbeSource, ProcessFigure};
use crate::{data::Pick, overrides::Room, quantity::format_duration};
use std::{collections::HashSet, fmt::Write as _};

/// Memory of the program itself, in bytes.
const BASE_BYTES: u64 = 12 << 20;
/// Memory of one user with its connection, in bytes: buffers of a stream and the state of the user.
const USER_BYTES: u64 = 12 << 10;
/// The same, where TLS is spoken.
const TLS_USER_BYTES: u64 = 48 << 10;
/// Memory of the recorders of one step on one worker, in bytes.
const STEP_BYTES: u64 = 1 << 20;
/// Open files beside the connections: standard streams, the log, timers, the listening mock.
const OTHER_FILES: u64 = 32;

/// Roughly what a run takes from its machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Resident memory, in bytes.
    pub memory: u64,
    /// Up to so many bytes more for what is said in conversations.
    pub talks: u64,
    /// Open files at the same time, most of them sockets.
    pub files: u64,
    /// What comes on top, where loads make as many users as it takes.
    pub open: Option<Growth>,
}

/// What loads without a bound on their users take for each second that one of their iterations lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Growth {
    /// Users at the same time: the highest rate.
    pub users: u64,
    /// Resident memory, in bytes.
    pub memory: u64,
    /// Up to so many bytes more for what is said in conversations.
    pub talks: u64,
    /// Open files at the same time.
    pub files: u64,
}

impl Plan {
    /// Roughly what the run takes with that many worker threads.
    #[must_use]
    pub fn needs(&self, workers: usize) -> Needs {
        let steps = self.requests().count().saturating_mul(workers.max(1));
        let steps = u64::try_from(steps).unwrap_or(u64::MAX);
        let kinds: Vec<Each> = self
            .scenarios
            .iter()
            .map(|one| per_user(self, one))
            .collect();
        // Whose users take most stands for all who share the load.
        let most = |load: &LoadPlan, of: fn(&Each) -> u64| {
            let members = load.members.iter().filter(|member| member.share > 0.0);
            let each = members.map(|member| of(&kinds[member.scenario.0]));
            each.max().unwrap_or_default()
        };
        let files = |load: &LoadPlan| most(load, |each| each.connections);
        let bytes = |load: &LoadPlan| most(load, |each| each.bytes);
        let talks = |load: &LoadPlan| most(load, |each| each.talks);
        let bounded = |load: &LoadPlan| load.load.users().map_or(0, |users| users.get().into());
        let unbounded = |load: &LoadPlan| match load.load.users() {
            None => u64::from(rounded(load.load.highest().ceil())),
            Some(_) => 0,
        };
        let at_once = |users: &dyn Fn(&LoadPlan) -> u64, each: &dyn Fn(&LoadPlan) -> u64| {
            self.most_at_once(|load| users(load).saturating_mul(each(load)))
        };
        let data = self.data.iter().map(|set| set.bytes() as u64).sum::<u64>();
        let workers = u64::try_from(workers.max(1)).unwrap_or(u64::MAX);
        let bodies = self.requests().map(|one| one.message.kept_bytes(workers));
        let bodies = bodies.fold(0, u64::saturating_add);
        let growing = at_once(&unbounded, &|_| 1);
        Needs {
            memory: BASE_BYTES
                .saturating_add(data)
                .saturating_add(bodies)
                .saturating_add(at_once(&bounded, &bytes))
                .saturating_add(steps.saturating_mul(STEP_BYTES)),
            talks: at_once(&bounded, &talks),
            files: at_once(&bounded, &files).saturating_add(OTHER_FILES),
            open: (growing > 0).then(|| Growth {
                users: growing,
                memory: at_once(&unbounded, &bytes),
                talks: at_once(&unbounded, &talks),
                files: at_once(&unbounded, &files),
            }),
        }
    }

    /// Whether requests may go over TLS, for all that is known before the run: not whether one is redirected there.
    #[must_use]
    pub fn may_speak_tls(&self) -> bool {
        let may = |request: &Request| match &request.message.fixed {
            Some(fixed) => fixed.origin.tls,
            // Paths go to the target. What a template comes to is not known.
            None => {
                let location = request.message.location.text.source();
                !location.starts_with('/') && !location.starts_with("http://")
            }
        };
        let target = matches!(&self.target, Target::Base { origin, .. } if origin.tls);
        target || self.requests().any(may)
    }

    /// The plan in words: loads over time, steps, limits, and what it takes with that many worker threads.
    #[must_use]
    pub fn describe(&self, workers: usize) -> String {
        self.describe_within(workers, None)
    }

    /// The same, with the room that there is for connections where that is known.
    #[must_use]
    pub fn describe_within(&self, workers: usize, room: Option<Room>) -> String {
        let mut text = format!("{}\n  target      {}\n", self.name, self.target);
        if self.target == Target::Mock {
            text.push_str("              (embedded; it shares this machine with the generator)\n");
        }
        outlook::describe(&mut text, self);
        describe_data(&mut text, self);
        describe_once(&mut text, &self.setup, "setup, once before the first user");
        for scenario in &self.scenarios {
            let of = match self.scenarios.len() {
                1 => String::new(),
                _ => format!(" of {}", scenario.name),
            };
            if !scenario.before.is_empty() {
                _ = writeln!(text, "\nsteps of each user before its first iteration{of}");
                flow::describe(&mut text, &scenario.before);
            }
            let pace = scenario.pace.map(crate::quantity::format_duration);
            let pace = pace.map_or(String::new(), |pace| format!(", one every {pace}"));
            _ = writeln!(text, "\nsteps of one iteration{of}{pace}");
            flow::describe(&mut text, &scenario.flow);
        }
        let title = "teardown, once after the last user";
        describe_once(&mut text, &self.teardown, title);
        if !self.credentials.is_empty() {
            text.push_str("\ntokens\n");
            let told = self.credentials.iter();
            told.for_each(|one| _ = writeln!(text, "  {}", self.mask(&one.to_string())));
        }
        if !self.thresholds.is_empty() {
            text.push_str("\nthresholds\n");
            let lengths = self.thresholds.iter().map(|one| one.metric().len());
            let width = lengths.max().unwrap_or_default().max(36);
            for threshold in &self.thresholds {
                let (metric, expression) = (threshold.metric(), threshold.expression());
                _ = writeln!(text, "  {metric:<width$}  {expression}");
            }
        }
        if !self.probes.is_empty() {
            text.push_str("\nprobes of the target\n");
            self.probes
                .iter()
                .for_each(|probe| describe_probe(&mut text, probe));
        }
        describe_needs(&mut text, self.needs(workers), self.ports(room));
        _ = writeln!(text, "\nplan {}", self.hash.get(..16).unwrap_or(&self.hash));
        self.mask(&text).into_owned()
    }
}

fn describe_once(text: &mut String, once: &Once, title: &str) {
    if !once.steps.is_empty() {
        let limit = format_duration(once.limit);
        _ = writeln!(text, "\n{title}, {limit} at most");
        flow::describe(text, &once.steps);
    }
}

fn describe_probe(text: &mut String, probe: &Probe) {
    let what = match &probe.source {
        ProbeSource::Prometheus(request) => format!("Prometheus at {}", request.origin),
        ProbeSource::Http { request, pointer } => {
            format!("{}{}, {pointer}", request.origin, request.path)
        }
        ProbeSource::Command(words) => format!("command {}", words.join(" ")),
        ProbeSource::Process { which, figure } => {
            let names = ProcessFigure::NAMES;
            let name = names.iter().find(|(_, one)| one == figure);
            format!("{} of {which}", name.map_or("", |(name, _)| name))
        }
    };
    let every = format_duration(probe.every);
    _ = writeln!(
        text,
        "  {:<36}  {what}, every {every}",
        format!("probe.{}", probe.layout.name)
    );
}

fn describe_data(text: &mut String, plan: &Plan) {
    if !plan.data.is_empty() {
        text.push_str("\ndata\n");
    }
    for set in &plan.data {
        let order = match set.pick {
            Pick::Random => set.pick.name().to_owned(),
            _ => format!("{}, then {}", set.pick.name(), set.at_end.name()),
        };
        let s = if set.len() == 1 { "" } else { "s" };
        _ = writeln!(
            text,
            "  {:<11} {} row{s} of {}; {order}; a row for each {}",
            set.name,
            set.len(),
            set.from,
            set.per.name()
        );
    }
}

fn describe_needs(text: &mut String, needs: Needs, ports: Ports) {
    let mebibytes = |bytes: u64| bytes.div_ceil(1 << 20);
    let memory = |sure: u64, talks: u64| {
        let sure = mebibytes(sure);
        match talks {
            0 => format!("{sure} MiB"),
            _ => format!(
                "{sure} MiB, and up to {} MiB for what is said in conversations",
                mebibytes(talks)
            ),
        }
    };
    let room = ports
        .room
        .map_or_else(String::new, |room| format!(" of {room} to one address"));
    _ = write!(
        text,
        "\ntakes roughly\n  memory      {}\n  open files  {}\n  ports       {}{room}\n",
        memory(needs.memory, needs.talks),
        needs.files,
        ports.bounded
    );
    if let Some(growth) = needs.open {
        let enough = ports
            .last_for()
            .map_or_else(String::new, |longest| match longest.is_zero() {
                true => ", too few of them for that".to_owned(),
                false => format!(", enough for {} of it", format_duration(longest)),
            });
        _ = write!(
            text,
            "and more for each second that one iteration lasts\n  \
             users       {}\n  memory      {}\n  open files  {}\n  ports       {}{enough}\n",
            growth.users,
            memory(growth.memory, growth.talks),
            growth.files,
            ports.growing
        );
    }
}

/// What one user takes.
struct Each {
    connections: u64,
    /// Memory with its connections, in bytes.
    bytes: u64,
    /// Up to so many bytes more for what is said in its conversations.
    talks: u64,
}

fn per_user(plan: &Plan, scenario: &Scenario) -> Each {
    let steps = || scenario.flow.iter().chain(&scenario.before);
    let requests: Vec<&Request> = [&scenario.flow, &scenario.before]
        .into_iter()
        .flat_map(|steps| Step::requests(steps))
        .collect();
    let origins: HashSet<String> = requests.iter().copied().filter_map(origin).collect();
    let widths = steps().map(Step::width);
    // What is rendered for a request is held until that is sent.
    let bodies = requests
        .iter()
        .map(|request| request.message.rendered_bytes());
    let body = bodies.max().unwrap_or_default();
    let connections = u64::try_from(origins.len()).unwrap_or(1).max(1);
    let connections = connections.saturating_mul(widths.max().unwrap_or(1));
    let tls = origins.iter().any(|origin| origin.starts_with("https"));
    let bytes = if tls { TLS_USER_BYTES } else { USER_BYTES };
    let talks = requests.iter().map(|request| talked(plan, request));
    Each {
        connections,
        bytes: connections.saturating_mul(bytes).saturating_add(body),
        talks: talks.fold(0, u64::saturating_add),
    }
}

/// Up to how many bytes a user takes for what is said in its conversation with a step.
fn talked(plan: &Plan, request: &Request) -> u64 {
    let (Some(talk), Body::Chat(chat)) = (&request.conversation, &request.message.body) else {
        return 0;
    };
    let scope = plan.scope(1, 0);
    (0..plan.data.len()).for_each(|set| scope.give_row(set, 0));
    chat.talked_bytes(&scope, talk.most)
}

/// Where a request goes: its target counts as one origin.
fn origin(request: &Request) -> Option<String> {
    if let Some(fixed) = &request.message.fixed {
        return Some(fixed.origin.to_string());
    }
    let text = request.message.location.text.source();
    let whole = text
        .starts_with("http")
        .then(|| crate::url::parse(text).ok())
        .flatten();
    Some(whole.map_or_else(|| "target".to_owned(), |(origin, _)| origin.to_string()))
}
