//! The summary as JSON, schema `loadgen.summary/1`: what scripts and pipelines hold on to.

mod build;
mod metrics;
mod named;

use crate::Header;
use crate::probes::json::ProbeJson;
use crate::stress::record::StressJson;
use loadgen_capacity::Stress;
use loadgen_stats::{ProbeLayout, ProbeSummary, ProbeTotals, StopReason, Summary};
pub(crate) use metrics::millis;
use metrics::{LagJson, Metrics, TrendJson};
use named::Named;
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::Serialize;
use std::io::{self, Write};

/// The format of the summaries written here.
pub const SUMMARY_SCHEMA: &str = "loadgen.summary/1";

/// Writes the summary of a run as indented JSON and ends the line.
///
/// # Errors
///
/// Where `out` fails.
pub fn write_json(mut out: impl Write, header: &Header, summary: &Summary) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut out, &SummaryJson::of(header, summary))?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Writes the summary of a search for the breaking point as [`write_json`] does, with what it came to in `stress`.
///
/// # Errors
///
/// Where `out` fails.
pub fn write_stress_json(
    mut out: impl Write,
    header: &Header,
    summary: &Summary,
    stress: &Stress,
) -> io::Result<()> {
    let mut json = SummaryJson::of(header, summary);
    json.verdict = stress
        .verdict(summary.stop_reason == StopReason::Interrupted)
        .into();
    json.stress = Some(StressJson::of(stress));
    // Over the whole course, with drains and settling, they would say nothing of the load.
    json.probes = in_holds(stress);
    serde_json::to_writer_pretty(&mut out, &json)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// What the probes told in the holds of all levels.
fn in_holds(stress: &Stress) -> Named<ProbeJson> {
    let in_holds = |(place, probe): (usize, &ProbeLayout)| {
        let mut totals = ProbeTotals::default();
        let levels = stress.levels.iter();
        levels
            .filter_map(|level| level.probes.get(place))
            .for_each(|told| totals.merge(told));
        let probe = probe.clone();
        let name = probe.name.clone();
        (name, ProbeJson::of(&ProbeSummary { probe, totals }))
    };
    stress.probes.iter().enumerate().map(in_holds).collect()
}

/// The JSON Schema of the summaries written here, indented, with its line end.
#[must_use]
pub fn summary_schema() -> String {
    let schema = SchemaSettings::default().for_serialize().into_generator();
    let schema = schema.into_root_schema_for::<SummaryJson<'static>>();
    let mut text = serde_json::to_string_pretty(schema.as_value())
        .expect("a schema holds nothing that JSON cannot");
    text.push('\n');
    text
}

/// What is said of a run when it is over. Times are in milliseconds unless their name says otherwise.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Summary", title = "Summary of a loadgen run")]
struct SummaryJson<'a> {
    /// The format: `loadgen.summary/1`.
    #[schemars(extend("const" = SUMMARY_SCHEMA))]
    schema: &'a str,
    /// The name of the scenario file.
    name: &'a str,
    /// The version of loadgen that carried out the run.
    version: &'a str,
    /// The version of what the names of metrics mean, as in the run log.
    metric_definitions: u32,
    /// SHA-256 of the canonical plan, in hexadecimal: equal for runs that may be compared.
    plan_hash: &'a str,
    /// The seed of every random choice.
    seed: u64,
    /// When the run began, in RFC 3339 and UTC.
    started_at: &'a str,
    /// From the start to the end of the last user, in seconds.
    duration_s: f64,
    /// Length of the measured part, in seconds; of several scenarios, from the first to the end of the last.
    measured_s: f64,
    /// Where the requests went, without user and password; null where every step has a URL of its own.
    target: Option<String>,
    /// The machine that made the load.
    host: HostJson<'a>,
    /// Why the run ended.
    stop_reason: StopReasonJson,
    /// Whether it held its limits.
    verdict: VerdictJson,
    /// Why no request succeeded; null where one did.
    nothing_succeeded: Option<&'a str>,
    /// The metrics of the whole run, by name. One without a sample is absent unless a threshold names it.
    metrics: Metrics,
    /// The scenarios, by name.
    scenarios: Named<ScenarioJson>,
    /// Finished requests by status.
    statuses: Named<u64>,
    /// Iterations that were due but never begun, by reason.
    dropped: DroppedJson,
    /// Requests that the end of the run cut.
    in_flight: InFlightJson,
    /// How the requests due in the measured part ended.
    outcomes: OutcomesJson,
    /// The streams; null where no step reads any.
    streams: Option<StreamsJson>,
    /// Finished requests per second over the measured part; null where it has no length.
    requests_per_second: Option<f64>,
    /// Good requests per second over the measured part; null where no limit of `[slo]` applies to any.
    goodput_per_second: Option<f64>,
    /// The most virtual users at once, warm-up included.
    peak_vus: u64,
    /// The thresholds, in the order in which they were given.
    thresholds: Vec<ThresholdJson<'a>>,
    /// Failures by kind and step, the most frequent first.
    errors: Vec<ErrorJson<'a>>,
    /// Reasons not to believe the run.
    warnings: Vec<WarningJson>,
    /// The course of the run: at most 3,600 intervals.
    windows: Vec<WindowJson>,
    /// What the probes of the target told, by name; absent where there are none. Of a search: in the holds of its levels.
    #[serde(skip_serializing_if = "Named::is_empty")]
    probes: Named<ProbeJson>,
    /// What a search for the breaking point came to; absent in the summary of a run.
    #[serde(skip_serializing_if = "Option::is_none")]
    stress: Option<StressJson>,
    /// What the generator did.
    generator: GeneratorJson,
}

/// The machine that made the load. Runs on machines of other kinds are not compared.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Host")]
struct HostJson<'a> {
    /// Its name; empty where it has none.
    hostname: &'a str,
    /// Processors that the process may use.
    cpus: usize,
    /// The architecture of its processors.
    arch: &'a str,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "StopReason")]
enum StopReasonJson {
    Completed,
    Interrupted,
    Threshold,
    Error,
}

/// Whether a run held its limits.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Verdict")]
enum VerdictJson {
    Pass,
    Fail,
    Inconclusive,
}

/// One scenario.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Scenario")]
struct ScenarioJson {
    /// Length of its own measured part, over which its rates per second are, in seconds; 0 where it never began.
    measured_s: f64,
    /// Its iterations that were due but never begun, by reason.
    dropped: DroppedJson,
    /// Its metrics, by name.
    metrics: Metrics,
    /// Its request steps, by name.
    steps: Named<StepJson>,
}

/// One step.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Step")]
struct StepJson {
    /// What it is, where it is no request of iterations, so that its figures are in none of the scenario and the run:
    /// `group`, `before`, `setup`, `teardown` or `turn`.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    /// Its metrics, by name.
    metrics: Metrics,
}

/// Iterations that were due but never begun: the parts of `dropped_iterations`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Dropped")]
struct DroppedJson {
    /// They found all `max_vus` of their load busy.
    max_vus: u64,
    /// The time of their load was up first.
    end: u64,
    /// The generator was late with them: users were busy only with what it had begun late, or the load was over by then.
    late: u64,
    /// The users that were to begin them had stopped (`on_failure = "stop_user"`).
    stop_user: u64,
    /// A data set had no row left for them (`at_end = "stop"`).
    data: u64,
}

/// Requests that the end of the run cut.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "InFlight")]
struct InFlightJson {
    /// How many.
    count: u64,
    /// The part of them that had been sent whole.
    sent: u64,
    /// How long the longest had been under way.
    longest_ms: f64,
}

/// How the requests due in the measured part ended.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Outcomes")]
struct OutcomesJson {
    /// A whole answer, as expected.
    ok: u64,
    /// No whole answer, an unexpected status, a failed check or a broken stream.
    failed: u64,
    /// An answer that `expect` allows but that is no success, such as an expected 429.
    rejected: u64,
    /// Given up in the middle, as the step's `cancel` says.
    cancelled: u64,
    /// Redirections that were followed.
    redirected: u64,
    /// Trends of the first alone, by name: present where the others exceed 1 %, so that fast refusals do not flatter.
    ok_metrics: Named<TrendJson>,
}

/// The streams due in the measured part.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Streams")]
struct StreamsJson {
    /// Finished streams.
    finished: u64,
    /// The part of them for which usage did not tell the tokens: their output is counted in events.
    without_usage: u64,
    /// Their output events.
    output_events: u64,
    /// Output events per read of a socket; more than 1 where events came together.
    events_per_read: Option<f64>,
    /// The share of gaps in `itl` that are zero, from 0 to 1.
    zero_gap_share: Option<f64>,
    /// Tokens of good streams per second.
    tokens_per_second: Option<f64>,
    /// Tokens per second as one user sees them: one over the median of `tpot`.
    tokens_per_second_per_user: Option<f64>,
}

/// A limit and what was observed.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Threshold")]
struct ThresholdJson<'a> {
    /// The metric with its tags, as written.
    metric: &'a str,
    /// The expression, as written.
    expression: &'a str,
    /// What was observed, in `unit`; null where there is no sample.
    observed: Option<f64>,
    /// The limit, in `unit`.
    limit: f64,
    /// `ms`, `/s`, `%`, or empty for a count.
    unit: &'static str,
    /// Whether the limit held. A metric without a sample does not hold.
    ok: bool,
    /// Whether it was judged: not where a signal came before there was a sample, nor where the run ended before it was
    /// to be judged.
    judged: bool,
    /// Whether it failed where the generator was the limit, and did not, or cannot be judged, where it was not.
    inconclusive: bool,
    /// Whether the truth is what was observed or more, because requests timed out or were cut.
    at_least: bool,
    /// Whether fewer than ten samples lie beyond the observed quantile.
    rough: bool,
    /// The sliding window that was observed, the worst; absent where the whole run was.
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<SpanJson>,
    /// When it stopped the run, in seconds from its start; absent where it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped_at_s: Option<f64>,
    /// What came of judging it again without the windows in which the generator was late or busy; absent where it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    again: Option<AgainJson>,
    /// Whether it holds in a closed load whose generator was late or busy, so that the service may have been spared.
    may_flatter: bool,
    /// What else is to be said of it, for people; absent where there is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    remark: Option<String>,
}

/// A part of the run, in seconds from its start.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Span")]
struct SpanJson {
    /// When it began.
    start_s: f64,
    /// When it ended.
    end_s: f64,
}

/// A threshold judged again on the part of the run in which the generator was not the limit; one on dropped iterations
/// without those that the generator was late with.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Again")]
struct AgainJson {
    /// What was observed there, in the unit of the threshold; null where there is no sample.
    observed: Option<f64>,
    /// How much of the measured part that is, in seconds; under 10 nothing can be told.
    seconds: f64,
    /// Whether it fails there too, and so for certain.
    fails: bool,
}

/// Failures of one kind in one step.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Error")]
struct ErrorJson<'a> {
    /// Their kind.
    kind: &'static str,
    /// The name of their scenario.
    scenario: &'a str,
    /// The name of their step.
    step: &'a str,
    /// How many.
    count: u64,
    /// The text of the first.
    message: &'a str,
}

/// A reason not to believe the run.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Warning")]
struct WarningJson {
    /// Its name.
    code: &'static str,
    /// What happened.
    message: String,
    /// What to do about it.
    advice: &'static str,
}

/// One interval of the run. Counts are of what finished in it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Window")]
struct WindowJson {
    /// When it began, in seconds from the start of the run.
    start_s: f64,
    /// When it ended.
    end_s: f64,
    /// The virtual users at its end.
    vus: u64,
    /// Finished iterations.
    iterations: u64,
    /// Finished requests.
    http_reqs: u64,
    /// The part of them that failed.
    http_req_failed: u64,
    /// Of requests that finished in it; null where there is none.
    http_req_duration: Option<QuantilesJson>,
    /// Of streams whose first output came in it; null where there is none.
    ttft: Option<QuantilesJson>,
    /// The mean of what each probe of the target told, by name, where it told something; absent where there are none.
    #[serde(skip_serializing_if = "Named::is_empty")]
    probes: Named<f64>,
}

/// The quantiles of an interval.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Quantiles")]
struct QuantilesJson {
    p50: f64,
    p95: f64,
    p99: f64,
}

/// What the generator did.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Generator")]
struct GeneratorJson {
    /// Processor time in percent of one core; null where it is not known.
    cpu_percent: Option<f64>,
    /// The worker threads, in the order of their numbers; empty where nothing is known of them.
    workers: Vec<WorkerJson>,
    /// The most resident memory; null where it is not known.
    peak_rss_bytes: Option<u64>,
    /// The most open file descriptors of the process, an embedded target's included; looked at each second. Null where
    /// it is not known.
    open_files_peak: Option<u64>,
    /// How many it may have open; null where it is not known.
    open_files_limit: Option<u64>,
    /// The most local ports that connections to targets had at once; null where it is not known.
    ports_peak: Option<u64>,
    /// The ports that one local address has for one address of a target; null where it is not known.
    ports_limit: Option<u64>,
    /// The most ports of the whole machine that waited out the end of a connection (`TIME_WAIT`), in which they cannot
    /// be used again; looked at each second. Null where it is not known.
    time_wait_peak: Option<u64>,
    /// What dated the arrivals; null where nothing arrived.
    arrival_clock: Option<ClockJson>,
    /// How late requests began; null where there was none.
    schedule_lag: Option<LagJson>,
    /// How late arrivals were read; null where the kernel did not stamp them.
    read_lag: Option<LagJson>,
    /// Kernel stamps that had to be refused.
    clock_fallbacks: u64,
    /// Extra events of a read that the service, or a proxy, sent together.
    coalesced_prompt: u64,
    /// Extra events of a read that was late.
    coalesced_late: u64,
}

/// One worker thread. All in percent of one core.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Worker")]
struct WorkerJson {
    /// Processor time.
    cpu_percent: f64,
    /// Processor time in its busiest second.
    cpu_percent_peak: f64,
    /// Time in which it could have run, but waited for a processor; null where the system does not tell.
    run_queue_percent: Option<f64>,
    /// The same in the second in which it waited most; null where the system does not tell.
    run_queue_percent_peak: Option<f64>,
}

/// What dated the arrivals.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ArrivalClock")]
enum ClockJson {
    /// The kernel's receive stamps.
    Kernel,
    /// The time of the read.
    Read,
}
