//! How long the blocks must be in which windows are drawn: from the autocorrelation of what they hold.

/// No block is shorter than this part of the series. Where each window holds few samples, their scatter hides what hangs
/// together from the automatic choice; ten blocks a run cost little where nothing does.
const LEAST: f64 = 0.1;

/// The mean length of blocks, in windows, for the stationary bootstrap of a series.
pub(super) fn length(series: &[f64]) -> f64 {
    automatic(series).max(series.len() as f64 * LEAST)
}

/// Politis and White (2004), "Automatic block-length selection for the dependent bootstrap", with the correction of
/// Patton, Politis and White (2009): autocovariances up to where they vanish, under a flat-top window. It is 1 to 2
/// where neighbours are independent, and never above a third of the series.
fn automatic(series: &[f64]) -> f64 {
    let n = series.len();
    if n < 4 {
        return 1.0;
    }
    let size = n as f64;
    let patience = 5.max(size.log10().sqrt().ceil() as usize);
    let most_lags = (size.sqrt().ceil() as usize + patience).min(n - 1);
    let covariance = autocovariances(series, most_lags);
    let variance = covariance[0];
    if variance <= 0.0 || !variance.is_finite() {
        return 1.0;
    }
    let vanished = last_lag(&covariance, patience, size);
    let bandwidth = (2 * vanished).min(most_lags).max(1);
    let (mut spectrum, mut slope) = (variance, 0.0);
    for (lag, covariance) in covariance.iter().enumerate().take(bandwidth + 1).skip(1) {
        let weight = flat_top(lag as f64 / bandwidth as f64);
        spectrum += 2.0 * weight * covariance;
        slope += 2.0 * weight * lag as f64 * covariance;
    }
    let longest = (3.0 * size.sqrt()).min(size / 3.0).ceil();
    let best = (slope * slope / (spectrum * spectrum)).cbrt() * size.cbrt();
    // A spectrum that is estimated as zero says that no block is long enough.
    if best.is_finite() {
        best.clamp(1.0, longest)
    } else {
        longest
    }
}

fn autocovariances(series: &[f64], lags: usize) -> Vec<f64> {
    let size = series.len() as f64;
    let mean = series.iter().sum::<f64>() / size;
    let at = |lag: usize| {
        let neighbours = series.iter().zip(&series[lag..]);
        neighbours
            .map(|(one, other)| (one - mean) * (other - mean))
            .sum::<f64>()
            / size
    };
    (0..=lags).map(at).collect()
}

/// The lag behind which `patience` correlations in a row are no more than chance; where there is none, the last that is.
fn last_lag(covariance: &[f64], patience: usize, size: f64) -> usize {
    let chance = 2.0 * (size.log10() / size).sqrt();
    let matters = |lag: usize| (covariance[lag] / covariance[0]).abs() >= chance;
    let last = covariance.len() - 1;
    let quiet_behind =
        |lag: usize| (lag + 1..=(lag + patience).min(last)).all(|behind| !matters(behind));
    let found = (0..=last.saturating_sub(patience)).find(|&lag| quiet_behind(lag));
    found
        .unwrap_or_else(|| (1..=last).rev().find(|&lag| matters(lag)).unwrap_or(1))
        .max(1)
}

/// 1 up to one half, then down to 0 in a straight line.
fn flat_top(t: f64) -> f64 {
    (2.0 * (1.0 - t)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt as _, SeedableRng as _};
    use rand_pcg::Pcg64Mcg;

    /// The mean length over series of that dependence.
    fn mean_length(correlation: f64, n: usize) -> f64 {
        let mut rng = Pcg64Mcg::seed_from_u64(5);
        let mut one = || {
            let mut level = 0.0;
            let series: Vec<f64> = (0..n + 50)
                .map(|_| {
                    level = correlation * level + rng.random::<f64>() - 0.5;
                    level
                })
                .collect();
            automatic(&series[50..])
        };
        (0..200).map(|_| one()).sum::<f64>() / 200.0
    }

    #[test]
    fn the_more_neighbours_hang_together_the_longer() {
        let [independent, weak, strong] =
            [0.0, 0.5, 0.9].map(|correlation| mean_length(correlation, 240));
        assert!((1.0..2.5).contains(&independent), "{independent}");
        assert!(
            independent < weak && weak < strong,
            "{independent} {weak} {strong}"
        );
        // In theory (2 ρ²/(1-ρ²)²)^(1/3) n^(1/3): 6.6 for 0.5, with other constants 25 to 36 for 0.9.
        assert!((4.0..12.0).contains(&weak), "{weak}");
        assert!((15.0..50.0).contains(&strong), "{strong}");
    }

    #[test]
    fn odd_series() {
        for series in [
            &[][..],
            &[1.0],
            &[1.0; 50],
            &[f64::NAN; 20],
            &[1.0, 2.0, 3.0, 4.0, 5.0],
        ] {
            let found = length(series);
            assert!(
                found >= 1.0 && found <= (series.len() as f64 / 3.0).ceil().max(1.0),
                "{series:?}: {found}"
            );
        }
        // A straight line is dependence without an end.
        let line: Vec<f64> = (0..60).map(f64::from).collect();
        assert!(length(&line) > 8.0, "{}", length(&line));
        assert_eq!(length(&[1.0; 50]), 5.0);
    }
}
