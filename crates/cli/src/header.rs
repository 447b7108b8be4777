//! What is known of a run before it begins: the head of its log and of its reports.

use crate::progress::Goal;
use jiff::Timestamp;
use loadgen_engine::Settings;
use loadgen_host::Facts;
use loadgen_report::{Header, Host};
use loadgen_scenario::{Load, LoadPlan, Plan, StartAt, Target};
use loadgen_stats::Offset;
use std::time::Duration;

/// What the plan does not know of its run.
pub(crate) struct Circumstances {
    /// How it is carried out.
    pub(crate) settings: Settings,
    /// When it begins.
    pub(crate) started: Timestamp,
    /// Whether the target runs inside this process.
    pub(crate) embedded: bool,
}

/// The head of a run.
pub(crate) fn of(plan: &Plan, circumstances: &Circumstances) -> Header {
    let thresholds = plan.thresholds.iter();
    Header {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        name: plan.name.clone(),
        load: plan.loads_in_words(),
        plan: serde_json::from_str(&plan.canonical).unwrap_or_default(),
        plan_hash: plan.hash.clone(),
        seed: circumstances.settings.seed,
        started_at: circumstances
            .started
            .strftime("%Y-%m-%dT%H:%M:%SZ")
            .to_string(),
        target: (plan.target != Target::None).then(|| plan.target.to_string()),
        target_is_embedded: circumstances.embedded,
        host: host(),
        layout: plan.layout(),
        thresholds: thresholds
            .map(|one| (one.metric().to_owned(), one.expression().to_owned()))
            .collect(),
        measured: measured(plan),
        strict: circumstances.settings.strict,
        allow_all_failed: circumstances.settings.allow_all_failed,
    }
}

/// The measured part of each load, where it begins as early as it can.
fn planned(plan: &Plan) -> impl Iterator<Item = (Duration, Duration)> {
    let spans = plan.spans().into_iter().map(|span| span.earliest_start);
    plan.loads.iter().zip(spans).map(|(load, start)| {
        (
            start.saturating_add(load.warm_up),
            start.saturating_add(load.load.length()),
        )
    })
}

/// From the first measured part to the end of the last, as far as the plan tells it.
fn measured(plan: &Plan) -> (Offset, Offset) {
    let waits = |load: &LoadPlan| matches!(load.start, StartAt::After(_));
    let from = planned(plan).map(|(from, _)| from).min();
    let until = if plan.loads.iter().any(waits) {
        Offset::MAX
    } else {
        Offset::from(length(plan))
    };
    (Offset::from(from.unwrap_or_default()), until)
}

/// How long iterations are begun, about.
fn length(plan: &Plan) -> Duration {
    let ends = planned(plan).map(|(_, until)| until);
    ends.max().unwrap_or_default()
}

/// What the load is done with.
pub(crate) fn goal(plan: &Plan) -> Goal {
    match plan.loads.as_slice() {
        [
            LoadPlan {
                load: Load::SharedIterations { iterations, .. },
                ..
            },
        ] => Goal::Iterations(*iterations),
        [
            LoadPlan {
                load:
                    Load::PerVuIterations {
                        vus, iterations, ..
                    },
                ..
            },
        ] => Goal::Iterations(iterations.saturating_mul(u64::from(vus.get()))),
        _ => Goal::Time(length(plan)),
    }
}

fn host() -> Host {
    let facts = Facts::read();
    Host {
        hostname: facts.hostname,
        os: facts.system,
        kernel: facts.kernel,
        arch: facts.arch,
        cpus: facts.cpus,
        memory_bytes: facts.memory_bytes,
        open_files: loadgen_host::file_limit().ok(),
        local_ports: facts.local_ports,
    }
}
