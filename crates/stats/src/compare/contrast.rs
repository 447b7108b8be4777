//! The change of one statistic and how far chance goes.

use super::bootstrap::{Spread, variance};
use super::comparison::Interval;
use super::figure::RunFigure;
use super::series::RunSeries;
use super::student;
use crate::Metric;

/// The parts into which a histogram cuts a value, at most.
const HISTOGRAM: f64 = 1024.0;

/// Rounds in which a number of times settles.
const ROUNDS: usize = 30;

/// The change of one statistic and how far chance goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Contrast {
    /// Whether it is a ratio: the change is then its logarithm.
    pub(super) relative: bool,
    /// The change.
    pub(super) change: f64,
    /// Its standard error.
    pub(super) error: f64,
    /// The degrees of freedom that the error rests on.
    pub(super) freedom: f64,
}

/// One side: a value, its variance and what that rests on.
#[derive(Clone, Copy)]
struct Estimate {
    value: f64,
    variance: f64,
    freedom: f64,
}

impl Contrast {
    /// Of one run a side; none where one is too short to tell.
    pub(super) fn of_windows(
        base_figure: &RunFigure,
        base: &RunSeries,
        current_figure: &RunFigure,
        current: &RunSeries,
        seed: u64,
    ) -> Option<Self> {
        // Two sequences of draws, and another pair for each row.
        let spreads = [
            base.spread(base_figure, seed.wrapping_mul(2))?,
            current.spread(current_figure, seed.wrapping_mul(2).wrapping_add(1))?,
        ];
        let figures = [base_figure, current_figure];
        let relative = figures.iter().all(|figure| is_relative(figure))
            && spreads.iter().all(|spread| spread.log_variance.is_some());
        let estimate = |figure: &RunFigure, spread: Spread| Estimate {
            value: scaled(figure.value, relative),
            variance: spread
                .log_variance
                .filter(|_| relative)
                .unwrap_or(spread.variance)
                .max(least_variance(figure, relative)),
            freedom: spread.freedom,
        };
        let [base, current] = [0, 1].map(|side| estimate(figures[side], spreads[side]));
        Some(Self::between(base, current, relative))
    }

    /// Of several runs a side, or several on one; none where there are not two on any.
    pub(super) fn of_runs(
        base: &[&RunFigure],
        current: &[&RunFigure],
        paired: bool,
    ) -> Option<Self> {
        let relative = base.iter().chain(current).all(|figure| is_relative(figure));
        let values = |side: &[&RunFigure]| -> Vec<f64> {
            side.iter()
                .map(|figure| scaled(figure.value, relative))
                .collect()
        };
        let (base_values, current_values) = (values(base), values(current));
        let floor = |side: &[&RunFigure]| {
            let least = side.iter().map(|figure| least_variance(figure, relative));
            least.sum::<f64>() / (side.len() * side.len()) as f64
        };
        let (change, variance, freedom) = if paired {
            of_pairs(&base_values, &current_values)
        } else {
            of_sides(&base_values, &current_values)?
        };
        Some(Self {
            relative,
            change,
            error: variance.max(floor(base) + floor(current)).sqrt(),
            freedom,
        })
    }

    /// Welch's: each side with a variance of its own.
    fn between(base: Estimate, current: Estimate, relative: bool) -> Self {
        let sum = base.variance + current.variance;
        let parts = [base, current].map(|side| side.variance * side.variance / side.freedom);
        let freedom = sum * sum / (parts[0] + parts[1]);
        Self {
            relative,
            change: current.value - base.value,
            error: sum.sqrt(),
            freedom: if freedom.is_finite() {
                freedom
            } else {
                base.freedom + current.freedom
            },
        }
    }

    /// The chance of at least such a change where there is none.
    pub(super) fn chance(self) -> f64 {
        if self.error > 0.0 {
            student::two_sided((self.change / self.error).abs(), self.freedom)
        } else if self.change == 0.0 {
            1.0
        } else {
            0.0
        }
    }

    /// How many times as much data brings the interval, but for that share of cases, down to `half` on either side. More
    /// data also makes the error itself better known.
    pub(super) fn times(self, but: f64, half: f64) -> f64 {
        let mut times = 1.0;
        for _ in 0..ROUNDS {
            let bound = student::bound(but, self.freedom * times);
            let wanted = (bound * self.error / half).powi(2).max(1.0);
            // Half-way, as the two pull against each other.
            times = (times * wanted).sqrt();
        }
        times
    }

    /// Where the change lies, but for that share of cases; as it is shown.
    pub(super) fn interval(self, but: f64) -> Interval {
        let half = student::bound(but, self.freedom) * self.error;
        Interval {
            low: self.shown(self.change - half),
            high: self.shown(self.change + half),
        }
    }

    /// The change as it is shown: a part of the base, or a difference.
    pub(super) fn shown(self, change: f64) -> f64 {
        if self.relative {
            change.exp_m1()
        } else {
            change
        }
    }
}

/// The mean change from neighbour to neighbour, its variance, and the degrees of freedom of that.
fn of_pairs(base: &[f64], current: &[f64]) -> (f64, f64, f64) {
    let pairs = base.iter().zip(current);
    let changes: Vec<f64> = pairs.map(|(base, current)| current - base).collect();
    let size = changes.len() as f64;
    (mean(&changes), variance(&changes) / size, size - 1.0)
}

/// The change of the mean, its variance, and the degrees of freedom of that, where runs of both sides vary alike: a few
/// runs tell too little of how much those of one side do. So a side may also have a single one.
fn of_sides(base: &[f64], current: &[f64]) -> Option<(f64, f64, f64)> {
    let freedom = (base.len() + current.len())
        .checked_sub(2)
        .filter(|&freedom| freedom > 0)?;
    let squares = |side: &[f64]| match side {
        [_] => 0.0,
        several => variance(several) * (several.len() - 1) as f64,
    };
    let pooled = (squares(base) + squares(current)) / freedom as f64;
    let variance = pooled * (1.0 / base.len() as f64 + 1.0 / current.len() as f64);
    Some((mean(current) - mean(base), variance, freedom as f64))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The number that stands for the runs of a side: the geometric mean where changes are relative.
pub(super) fn typical(side: &[&RunFigure], relative: bool) -> f64 {
    match side {
        [one] => one.value,
        several => {
            let sum: f64 = several
                .iter()
                .map(|figure| scaled(figure.value, relative))
                .sum();
            let mean = sum / several.len() as f64;
            if relative { mean.exp() } else { mean }
        }
    }
}

/// Whether a number can be compared by its ratio. Shares are compared in points: from none to a few is no ratio.
pub(super) fn is_relative(figure: &RunFigure) -> bool {
    figure.value > 0.0 && !matches!(figure.subject.metric, Metric::Rate(_))
}

fn scaled(value: f64, relative: bool) -> f64 {
    if relative { value.ln() } else { value }
}

/// The variance below which none is believed: that of the histogram's grain; of a share, that of its count. The latter
/// with one hit and one miss more than were seen (Agresti and Caffo 2000), as no hit at all is no certainty.
fn least_variance(figure: &RunFigure, relative: bool) -> f64 {
    match (figure.subject.metric, figure.hits) {
        (Metric::Rate(_), Some(hits)) => {
            let size = figure.samples as f64 + 2.0;
            let share = (hits as f64 + 1.0) / size;
            share * (1.0 - share) / size
        }
        (Metric::Trend(_), _) => {
            let grain = (figure.value / HISTOGRAM).max(1e-3);
            let grain = if relative {
                grain / figure.value
            } else {
                grain
            };
            grain * grain / 12.0
        }
        _ => 0.0,
    }
}
