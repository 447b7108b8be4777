//! What is known of a run before it begins: the head of its log and of its reports.

use crate::progress::Goal;
use jiff::Timestamp;
use loadgen_engine::{Schedule, Settings};
use loadgen_host::Facts;
use loadgen_report::{Header, Host};
use loadgen_scenario::{Load, LoadPlan, Plan, Target};
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
        measured: (warm(plan), Offset::from(length(plan))),
        strict: circumstances.settings.strict,
        allow_all_failed: circumstances.settings.allow_all_failed,
    }
}

/// The end of the warm-up: what is due from there on is measured.
fn warm(plan: &Plan) -> Offset {
    let ends = plan
        .loads
        .iter()
        .map(|load| Schedule::of(load).end_of_warm_up());
    ends.min().unwrap_or_default()
}

/// How long iterations are begun, at most.
fn length(plan: &Plan) -> Duration {
    let ends = plan
        .loads
        .iter()
        .map(|load| Schedule::of(load).end_of_starting());
    ends.max().unwrap_or_default().as_duration()
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
