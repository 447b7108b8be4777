//! How far chance moves a statistic: the windows of a run drawn again and again, in blocks.

use super::block;
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;

/// Draws for each statistic: the spread is then known to 1.6 %.
const DRAWS: usize = 2_000;

/// A number made of the windows of a run.
pub(super) trait Drawn {
    /// How many windows there are.
    fn windows(&self) -> usize;
    /// The number where each window is there so many times; none where nothing is left of it.
    fn at(&self, times: &[f64]) -> Option<f64>;
    /// How much each window moves the number, to first order and up to a factor: what hangs together or does not.
    fn influence(&self) -> Vec<f64>;
}

/// How far chance moves a statistic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    /// The variance of the number.
    pub(super) variance: f64,
    /// The variance of its logarithm; none where it can be zero.
    pub(super) log_variance: Option<f64>,
    /// How many independent blocks it rests on, less one.
    pub(super) freedom: f64,
}

/// One sum over another: means, shares, counts per second.
#[derive(Clone, Debug)]
pub(super) struct Ratio {
    /// What each window adds above.
    pub(super) above: Vec<f64>,
    /// What it adds below.
    pub(super) below: Vec<f64>,
}

/// A quantile of a histogram that is the sum of the windows'.
#[derive(Clone, Debug)]
pub(super) struct Quantile<'a> {
    /// From 0 to 1.
    pub(super) q: f64,
    /// The counts.
    pub(super) counts: &'a Cumulative,
}

/// The histograms of the windows, cumulated value by value: the sum of any choice of them is searched for a quantile
/// without being made.
#[derive(Clone, Debug)]
pub(super) struct Cumulative {
    /// Ascending.
    values: Vec<f64>,
    /// For each value and window: the samples up to it.
    counts: Vec<f64>,
    windows: usize,
}

impl Cumulative {
    /// From the counts by value of each window, ascending by value.
    pub(super) fn of<'a>(
        windows: impl ExactSizeIterator<Item = &'a [(u32, u64)]> + Clone,
        value: impl Fn(u32) -> f64,
    ) -> Self {
        let mut keys: Vec<u32> = windows.clone().flatten().map(|&(key, _)| key).collect();
        keys.sort_unstable();
        keys.dedup();
        let width = windows.len();
        let mut counts = vec![0.0; keys.len() * width];
        for (window, histogram) in windows.enumerate() {
            let mut place = 0;
            let mut sum = 0;
            for (row, key) in keys.iter().enumerate() {
                while let Some(&(_, count)) = histogram.get(place).filter(|(own, _)| own <= key) {
                    sum += count;
                    place += 1;
                }
                counts[row * width + window] = sum as f64;
            }
        }
        Self {
            values: keys.into_iter().map(value).collect(),
            counts,
            windows: width,
        }
    }

    fn row(&self, row: usize) -> &[f64] {
        &self.counts[row * self.windows..][..self.windows]
    }

    /// The samples of each window.
    fn totals(&self) -> &[f64] {
        self.values
            .len()
            .checked_sub(1)
            .map_or(&[], |last| self.row(last))
    }

    /// The place of the value at nearest rank.
    fn search(&self, q: f64, times: &[f64]) -> Option<usize> {
        let total = dot(self.totals(), times);
        if total <= 0.0 {
            return None;
        }
        let rank = (q * total * (1.0 - 4.0 * f64::EPSILON)).ceil().max(1.0);
        let (mut low, mut high) = (0, self.values.len() - 1);
        while low < high {
            let middle = low.midpoint(high);
            if dot(self.row(middle), times) >= rank {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Some(low)
    }
}

impl Drawn for Quantile<'_> {
    fn windows(&self) -> usize {
        self.counts.windows
    }

    fn at(&self, times: &[f64]) -> Option<f64> {
        Some(self.counts.values[self.counts.search(self.q, times)?])
    }

    fn influence(&self) -> Vec<f64> {
        let once = vec![1.0; self.counts.windows];
        let Some(place) = self.counts.search(self.q, &once) else {
            return Vec::new();
        };
        let within = self.counts.row(place).iter().zip(self.counts.totals());
        within
            .map(|(within, total)| within - self.q * total)
            .collect()
    }
}

impl Drawn for Ratio {
    fn windows(&self) -> usize {
        self.above.len()
    }

    fn at(&self, times: &[f64]) -> Option<f64> {
        let below = dot(&self.below, times);
        (below > 0.0).then(|| dot(&self.above, times) / below)
    }

    fn influence(&self) -> Vec<f64> {
        let ratio = self.above.iter().sum::<f64>() / self.below.iter().sum::<f64>();
        let windows = self.above.iter().zip(&self.below);
        windows
            .map(|(above, below)| above - ratio * below)
            .collect()
    }
}

/// Draws the windows again and again; none where there are too few to tell anything.
pub(super) fn spread(statistic: &impl Drawn, seed: u64) -> Option<Spread> {
    let windows = statistic.windows();
    if windows < 4 {
        return None;
    }
    let block = block::length(&statistic.influence());
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let mut times = vec![0.0; windows];
    let mut values = Vec::with_capacity(DRAWS);
    for _ in 0..DRAWS {
        draw(&mut times, block, &mut rng);
        values.extend(statistic.at(&times));
    }
    // A statistic that is mostly not there has no spread worth the name.
    if values.len() < DRAWS * 9 / 10 {
        return None;
    }
    let size = windows as f64;
    // Drawing from a sample misses what the sample misses: for independent windows n/(n-1).
    let correction = size / (size - block).max(1.0);
    let log_variance = values.iter().all(|&value| value > 0.0).then(|| {
        let logs: Vec<f64> = values.iter().map(|value| value.ln()).collect();
        variance(&logs) * correction
    });
    Some(Spread {
        variance: variance(&values) * correction,
        log_variance,
        freedom: (size / block - 1.0).max(1.0),
    })
}

/// How many times each window is drawn: as many as there are, in blocks of random length around a circle.
fn draw(times: &mut [f64], block: f64, rng: &mut Pcg64Mcg) {
    times.fill(0.0);
    let windows = times.len();
    let mut at = 0;
    for place in 0..windows {
        at = if place == 0 || rng.random::<f64>() * block < 1.0 {
            rng.random_range(0..windows)
        } else if at + 1 == windows {
            0
        } else {
            at + 1
        };
        times[at] += 1.0;
    }
}

/// The variance of a sample.
pub(super) fn variance(values: &[f64]) -> f64 {
    let size = values.len() as f64;
    let mean = values.iter().sum::<f64>() / size;
    values
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>()
        / (size - 1.0)
}

/// In four sums, so that the processor adds them at once.
fn dot(left: &[f64], right: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    let (left, left_rest) = left.as_chunks::<4>();
    let (right, right_rest) = right.as_chunks::<4>();
    for (left, right) in left.iter().zip(right) {
        for (sum, (left, right)) in sums.iter_mut().zip(left.iter().zip(right)) {
            *sum += left * right;
        }
    }
    let rest: f64 = left_rest
        .iter()
        .zip(right_rest)
        .map(|(left, right)| left * right)
        .sum();
    sums.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TrendCell;
    use std::time::Duration;

    type Counts = Vec<(u32, u64)>;

    /// Windows of a hundred values each, and the distribution of all, each window so many times.
    fn windows(times: &[f64]) -> (Vec<Counts>, TrendCell) {
        let mut whole = TrendCell::new();
        let mut rng = Pcg64Mcg::seed_from_u64(11);
        let mut window = |times: &f64| {
            let mut micros: Vec<u32> = (0..100).map(|_| rng.random_range(1_000..9_000)).collect();
            micros.sort_unstable();
            for _ in 0..*times as u64 {
                let values = micros.iter();
                values.for_each(|&value| whole.record(Duration::from_micros(u64::from(value))));
            }
            micros.into_iter().map(|value| (value, 1)).collect()
        };
        (times.iter().map(&mut window).collect(), whole)
    }

    fn cumulative(windows: &[Counts]) -> Cumulative {
        Cumulative::of(windows.iter().map(Vec::as_slice), f64::from)
    }

    #[test]
    fn quantiles_are_those_of_the_summed_histograms() {
        for times in [
            [1.0; 12].as_slice(),
            &[0.0, 2.0, 1.0, 0.0, 3.0, 1.0, 5.0],
            &[1.0],
        ] {
            let (windows, whole) = windows(times);
            let counts = cumulative(&windows);
            for q in [0.001, 0.5, 0.9, 0.95, 0.99, 1.0] {
                let found = Quantile { q, counts: &counts }.at(times).unwrap();
                let expected = whole.quantile(q).unwrap().as_secs_f64() * 1e6;
                // The histogram is good for a thousandth.
                assert!(
                    (found / expected - 1.0).abs() < 2e-3,
                    "{times:?} {q}: {found} {expected}"
                );
            }
        }
    }

    #[test]
    fn what_is_not_there_is_no_number() {
        let (windows, _) = windows(&[1.0, 1.0]);
        let counts = cumulative(&windows);
        assert_eq!(
            Quantile {
                q: 0.5,
                counts: &counts
            }
            .at(&[0.0, 0.0]),
            None
        );
        let none = cumulative(&[Vec::new(), Vec::new()]);
        assert_eq!(
            Quantile {
                q: 0.5,
                counts: &none
            }
            .at(&[1.0, 1.0]),
            None
        );
        let ratio = Ratio {
            above: vec![1.0, 2.0],
            below: vec![0.0, 4.0],
        };
        assert_eq!(
            (ratio.at(&[1.0, 0.0]), ratio.at(&[1.0, 1.0])),
            (None, Some(0.75))
        );
    }

    fn means(values: impl Iterator<Item = f64>) -> Ratio {
        let above: Vec<f64> = values.collect();
        Ratio {
            below: vec![1.0; above.len()],
            above,
        }
    }

    #[test]
    fn too_little_has_no_spread() {
        assert_eq!(spread(&means([1.0, 2.0, 3.0].into_iter()), 1), None);
        let mostly_nothing = Ratio {
            above: vec![1.0; 40],
            below: (0..40).map(|at| f64::from(u8::from(at == 0))).collect(),
        };
        assert_eq!(spread(&mostly_nothing, 1), None);
        let constant = spread(&means([2.0; 40].into_iter()), 1).unwrap();
        assert!(constant.variance < 1e-20 && constant.log_variance.unwrap() < 1e-20);
        let with_zeros = spread(&means([0.0; 40].into_iter()), 1).unwrap();
        assert_eq!(with_zeros.log_variance, None);
    }

    #[test]
    fn what_hangs_together_spreads_more() {
        let mut rng = Pcg64Mcg::seed_from_u64(2);
        let scatter: Vec<f64> = (0..120).map(|_| 10.0 + rng.random::<f64>()).collect();
        let mut sorted = scatter.clone();
        sorted.sort_by(f64::total_cmp);
        let alone = spread(&means(scatter.into_iter()), 5).unwrap();
        let together = spread(&means(sorted.into_iter()), 5).unwrap();
        // Uniform by one: 1/12 over 120.
        assert!((4e-4..12e-4).contains(&alone.variance), "{alone:?}");
        assert!(
            together.variance > 5.0 * alone.variance,
            "{together:?} {alone:?}"
        );
        assert!(together.freedom < alone.freedom, "{together:?} {alone:?}");
    }

    #[test]
    fn as_many_are_drawn_as_there_are() {
        let mut rng = Pcg64Mcg::seed_from_u64(3);
        let mut times = vec![0.0; 37];
        for block in [1.0, 3.7, 37.0] {
            draw(&mut times, block, &mut rng);
            assert_eq!(times.iter().sum::<f64>(), 37.0, "{block}");
        }
    }
}
