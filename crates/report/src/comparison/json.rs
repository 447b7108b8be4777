//! A comparison as JSON, schema `loadgen.comparison/1`.

use loadgen_stats::{Change, ComparedRow, Comparison, Method, RunFacts, Unit};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::Serialize;
use std::io::{self, Write};

/// The format of the comparisons written here.
pub const COMPARISON_SCHEMA: &str = "loadgen.comparison/1";

/// Writes a comparison as indented JSON and ends the line.
///
/// # Errors
///
/// Where `out` fails.
pub fn write_comparison_json(mut out: impl Write, comparison: &Comparison) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut out, &ComparisonJson::of(comparison))?;
    out.write_all(b"\n")?;
    out.flush()
}

/// The JSON Schema of the comparisons written here, indented, with its line end.
#[must_use]
pub fn comparison_schema() -> String {
    let schema = SchemaSettings::default().for_serialize().into_generator();
    let schema = schema.into_root_schema_for::<ComparisonJson<'static>>();
    let mut text = serde_json::to_string_pretty(schema.as_value())
        .expect("a schema holds nothing that JSON cannot");
    text.push('\n');
    text
}

/// Whether runs are worse than others, statistic by statistic.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Comparison", title = "Comparison of loadgen runs")]
struct ComparisonJson<'a> {
    /// The format: `loadgen.comparison/1`.
    #[schemars(extend("const" = COMPARISON_SCHEMA))]
    schema: &'a str,
    /// The verdict of the whole: worse where a row is; unclear where one could be that decides.
    verdict: ChangeJson,
    /// What was drawn to learn how far chance goes: the windows of one run on each side, or runs.
    unit: UnitJson,
    /// Whether the runs took turns, so that each was compared with its neighbour.
    paired: bool,
    /// How many rows have each verdict.
    counts: CountsJson,
    /// How many times as long (as many runs) would settle what is unclear and decides; null where nothing is, or where
    /// no length would.
    longer: Option<f64>,
    /// The runs that the others are measured against.
    base: Vec<RunJson<'a>>,
    /// The runs that are judged.
    current: Vec<RunJson<'a>>,
    /// Why the runs should not have been compared; not empty only where that was forced.
    objections: Vec<String>,
    /// What to bear in mind.
    cautions: Vec<String>,
    /// Every statistic that both sides have, the worst first.
    rows: Vec<RowJson<'a>>,
}

/// How something changed from base to current.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Change")]
enum ChangeJson {
    /// For the better, by more than chance and more than the tolerance.
    Better,
    /// For the worse, by more than chance and more than the tolerance.
    Worse,
    /// By no more than the tolerance, and the interval says that it is so.
    Same,
    /// It cannot be told.
    Unclear,
}

/// What was drawn.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Drawn")]
enum UnitJson {
    Windows,
    Runs,
}

/// How many rows have each verdict.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Counts")]
struct CountsJson {
    worse: usize,
    unclear: usize,
    better: usize,
    same: usize,
}

/// One run. What a summary does not tell is null.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Run")]
struct RunJson<'a> {
    /// Its path.
    path: &'a str,
    /// The name of its scenario.
    name: &'a str,
    /// The version of loadgen that carried it out.
    version: &'a str,
    /// SHA-256 of its canonical plan.
    plan_hash: &'a str,
    /// When it began, in RFC 3339 and UTC.
    started_at: &'a str,
    /// Length of its measured part, in seconds.
    measured_s: f64,
    /// Its own verdict: `pass`, `fail` or `inconclusive`.
    verdict: &'static str,
    /// Why it ended: `completed`, `interrupted`, `threshold` or `error`.
    stop_reason: &'static str,
    /// The machine that made the load.
    hostname: Option<&'a str>,
    /// Its processors.
    cpus: Option<u64>,
    /// Their architecture.
    arch: Option<&'a str>,
}

/// One statistic of both sides.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Row")]
struct RowJson<'a> {
    /// As a threshold would name it: `ttft{step=chat} p95`.
    name: String,
    /// The metric.
    metric: &'static str,
    /// Only this scenario; null for all.
    scenario: Option<&'a str>,
    /// Only this step; null for all.
    step: Option<&'a str>,
    /// Only requests of this outcome; null for all.
    outcome: Option<&'static str>,
    /// `p50`, `p90`, `p95`, `p99`, `mean`, or `rate`: a share, or a count per second.
    statistic: &'static str,
    /// What `base` and `current` are in: `ms`, `%` or `/s`.
    unit: &'static str,
    /// The number of the base.
    base: f64,
    /// The number of the current side.
    current: f64,
    /// What the change, its interval and the tolerance are in: `%` of the base, `pp` (percentage points), `ms` or `/s`.
    change_unit: &'static str,
    /// The change.
    change: f64,
    /// The least that the true change is, with `high` in 95 of 100 cases, looking at this row alone; null where too
    /// little is known.
    low: Option<f64>,
    /// The most that it is.
    high: Option<f64>,
    /// A change counts from here on.
    tolerance: f64,
    /// The chance of at least such a change where there is none, corrected for the number of rows; null where too
    /// little is known.
    chance: Option<f64>,
    /// The verdict.
    verdict: ChangeJson,
    /// Whether its being unclear makes the whole unclear.
    decides: bool,
    /// How many times as long (as many runs) would settle it; null where it is settled, or no length would.
    longer: Option<f64>,
    /// Whether fewer than ten samples lie beyond the quantile on a side.
    rough: bool,
    /// Whether the truth of a side is its number or more, because requests timed out.
    at_least: bool,
    /// Whether it is unclear because the change is not seen where the generator was not the limit.
    doubtful: bool,
}

impl<'a> ComparisonJson<'a> {
    fn of(comparison: &'a Comparison) -> Self {
        let (unit, paired) = match comparison.method {
            Method::Windows => (UnitJson::Windows, false),
            Method::Runs { paired } => (UnitJson::Runs, paired),
        };
        Self {
            schema: COMPARISON_SCHEMA,
            verdict: ChangeJson::of(comparison.verdict),
            unit,
            paired,
            counts: CountsJson {
                worse: comparison.count(Change::Worse),
                unclear: comparison.count(Change::Unclear),
                better: comparison.count(Change::Better),
                same: comparison.count(Change::Same),
            },
            longer: comparison.longer,
            base: comparison.base.iter().map(RunJson::of).collect(),
            current: comparison.current.iter().map(RunJson::of).collect(),
            objections: comparison
                .objections
                .iter()
                .map(ToString::to_string)
                .collect(),
            cautions: comparison
                .cautions
                .iter()
                .map(ToString::to_string)
                .collect(),
            rows: comparison.rows.iter().map(RowJson::of).collect(),
        }
    }
}

impl ChangeJson {
    const fn of(change: Change) -> Self {
        match change {
            Change::Better => Self::Better,
            Change::Worse => Self::Worse,
            Change::Same => Self::Same,
            Change::Unclear => Self::Unclear,
        }
    }
}

impl<'a> RunJson<'a> {
    fn of(facts: &'a RunFacts) -> Self {
        Self {
            path: &facts.label,
            name: &facts.name,
            version: &facts.version,
            plan_hash: &facts.plan_hash,
            started_at: &facts.started_at,
            measured_s: facts.measured.as_secs_f64(),
            verdict: facts.verdict.name(),
            stop_reason: facts.stop_reason.name(),
            hostname: facts.hostname.as_deref(),
            cpus: facts.cpus,
            arch: facts.arch.as_deref(),
        }
    }
}

impl<'a> RowJson<'a> {
    fn of(row: &'a ComparedRow) -> Self {
        let scale = if row.relative { 100.0 } else { 1.0 };
        let change_unit = match (row.relative, row.unit) {
            (true, _) => "%",
            (false, Unit::Percent) => "pp",
            (false, unit) => unit.name(),
        };
        Self {
            name: row.name(),
            metric: row.subject.metric.name(),
            scenario: row.subject.scenario.as_deref(),
            step: row.subject.step.as_deref(),
            outcome: row.subject.outcome.map(loadgen_stats::Outcome::name),
            statistic: row.statistic.name(),
            unit: row.unit.name(),
            base: row.base,
            current: row.current,
            change_unit,
            change: row.change * scale,
            low: row.interval.map(|interval| interval.low * scale),
            high: row.interval.map(|interval| interval.high * scale),
            tolerance: row.tolerance * scale,
            chance: row.chance,
            verdict: ChangeJson::of(row.verdict),
            decides: row.decides,
            longer: row.longer,
            rough: row.rough,
            at_least: row.at_least,
            doubtful: row.doubtful,
        }
    }
}
