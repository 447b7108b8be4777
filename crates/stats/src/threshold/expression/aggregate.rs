//! Reads the first word of an expression: `p95`.

use super::{Piece, problem};
use crate::Metric;
use crate::spelling::nearest;
use crate::threshold::{Aggregate, ThresholdProblem};

/// Reads the aggregate and checks that the metric has it.
pub(super) fn read(
    piece: &Piece<'_>,
    metric: Option<Metric>,
    problems: &mut Vec<ThresholdProblem>,
) -> Option<Aggregate> {
    let aggregate = match piece.text {
        "avg" | "mean" => Some(Aggregate::Mean),
        "min" => Some(Aggregate::Min),
        "max" => Some(Aggregate::Max),
        "med" => Some(Aggregate::Quantile(0.5)),
        "count" => Some(Aggregate::Count),
        "rate" => Some(Aggregate::Rate),
        "value" => Some(Aggregate::Value),
        text => quantile(text).map(Aggregate::Quantile),
    };
    let Some(aggregate) = aggregate else {
        let message = match piece.text {
            "" => "what to compare is missing".to_owned(),
            text => format!("unknown aggregate `{text}`"),
        };
        problems.push(problem(
            piece,
            message,
            Some(aggregate_help(piece.text, metric)),
        ));
        return None;
    };
    if let Some(metric) = metric
        && !fits(metric, aggregate)
    {
        let message = match metric {
            Metric::Probe(_) => format!("a probe has no `{}`", piece.text),
            _ => format!(
                "`{}` is a {} and has no `{}`",
                metric.name(),
                metric.kind(),
                piece.text
            ),
        };
        problems.push(problem(
            piece,
            message,
            Some(format!("write {}", aggregates(metric))),
        ));
        return None;
    }
    Some(aggregate)
}

/// `p99.9` → 0.999, by the decimal point, as a division would round it off. So is `p999`.
fn quantile(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('p')?;
    if digits.len() > 2 && digits.bytes().all(|digit| digit == b'9') {
        return format!("0.{digits}").parse().ok();
    }
    let plain = digits
        .chars()
        .all(|letter| letter.is_ascii_digit() || letter == '.');
    let q: f64 = format!("{digits}e-2").parse().ok().filter(|_| plain)?;
    (q > 0.0 && q < 1.0).then_some(q)
}

fn aggregate_help(text: &str, metric: Option<Metric>) -> String {
    // k6 writes `p(95)`.
    let bare: String = text
        .chars()
        .filter(|letter| !matches!(letter, '(' | ')'))
        .collect();
    if text != bare && quantile(&bare).is_some() {
        return format!("write `{bare}`");
    }
    match text {
        "p0" => return "write `min`".to_owned(),
        "p100" => return "write `max`".to_owned(),
        _ => {}
    }
    let known = [
        "p50", "p90", "p95", "p99", "p99.9", "avg", "mean", "min", "max", "med", "count", "rate",
        "value",
    ];
    match nearest(text, known) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!(
            "write {}",
            metric.map_or(
                "`p95`, `avg`, `max`, `count`, `rate` or `value`",
                aggregates
            )
        ),
    }
}

const fn fits(metric: Metric, aggregate: Aggregate) -> bool {
    match metric {
        Metric::Trend(_) => !matches!(aggregate, Aggregate::Rate | Aggregate::Value),
        Metric::Counter(_) => matches!(aggregate, Aggregate::Count | Aggregate::Rate),
        Metric::Rate(_) => matches!(aggregate, Aggregate::Rate),
        Metric::Gauge(_) => matches!(
            aggregate,
            Aggregate::Value | Aggregate::Min | Aggregate::Max
        ),
        Metric::Probe(_) => matches!(
            aggregate,
            Aggregate::Value | Aggregate::Min | Aggregate::Max | Aggregate::Mean | Aggregate::Count
        ),
    }
}

const fn aggregates(metric: Metric) -> &'static str {
    match metric {
        Metric::Trend(_) => "a quantile such as `p95`, or `avg`, `min`, `max`, `med`, `count`",
        Metric::Counter(_) => "`count`, or `rate` for a count per second",
        Metric::Rate(_) => "`rate`",
        Metric::Gauge(_) => "`value`, `min` or `max`",
        Metric::Probe(_) => "`avg`, `min`, `max`, `value` for the last one, or `count`",
    }
}
