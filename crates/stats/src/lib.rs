//! Turns samples into windows, summaries, threshold verdicts and comparisons.
//!
//! Pure arithmetic: no clock, no HTTP, no tokio, no scenario text. A shard of the engine owns one [`Recorder`] and
//! tells it what happened; once a second its [`Totals`] are handed to the [`Ledger`], which merges them into a
//! [`Window`] and into the whole run, and in the end sums up: [`Summary`].

mod cell;
mod compare;
mod confidence;
mod error_kind;
#[cfg(test)]
mod fixtures;
mod gathering;
mod health;
mod history;
mod layout;
mod ledger;
mod metric;
mod probe;
mod recorder;
mod sample;
mod selection;
mod spelling;
mod summary;
mod threshold;
mod time;
mod times;
mod totals;
mod warning;
mod window;

pub use cell::{CellParts, Figure, LONGEST, TrendCell};
pub use compare::{
    Caution, Change, CompareError, CompareOptions, ComparedRow, ComparedRun, Comparison, Interval,
    Method, Objection, RunData, RunDigest, RunFacts, RunFigure, RunSeries, SeriesBuilder, Side,
    Statistic, Subject, Tolerance, ToleranceProblem, check_baseline, compare,
};
pub use error_kind::ErrorKind;
pub use gathering::Gathering;
pub use health::WorkerSummary;
pub use history::{Quantiles, SummaryWindow};
pub use layout::{
    Layout, ScenarioIndex, ScenarioLayout, SelectedTrend, SloLimit, StepIndex, StepLayout,
    StepRole, turn_name,
};
pub use ledger::{Ledger, Live};
pub use metric::{Counter, Gauge, Metric, Rate, Trend};
pub use probe::{ProbeIndex, ProbeLayout, ProbeStatus, ProbeTotals};
pub use recorder::Recorder;
pub use sample::{
    Arrival, Cut, DropReason, Ending, Iteration, Outcome, Sample, StreamSample, Usage,
};
pub use selection::Selection;
pub use spelling::nearest;
pub use summary::{
    ArrivalClock, ErrorSummary, GeneratorSummary, InFlight, LagFigures, MetricValue, Metrics,
    OutcomeSummary, ProbeSummary, RunEnd, ScenarioSummary, StepSummary, StopReason, StreamSummary,
    Summary, TrendFigures, Verdict,
};
pub use threshold::{
    Again, Judged, Span, Threshold, ThresholdPlace, ThresholdProblem, TooFew, Unit,
};
pub use time::Offset;
pub use times::over_limit;
pub use totals::{
    ClockTotals, ErrorTotal, RateCount, ScenarioTotals, StepTotals, StreamTotals, Tally, Totals,
};
pub use warning::{Amount, Late, Warning};
pub use window::{GeneratorSample, VusRange, Window};
