//! The Universal Scalability Law, fitted to throughput over load: X(N) = λN / (1 + σ(N−1) + κN(N−1)).
//!
//! λ is what one user gets through a second; σ, contention, is the share that cannot be done side by side; κ, coherency,
//! is what the ones have to do because of the others, and makes throughput fall beyond a peak (Gunther 2007). Fitted by
//! Levenberg and Marquardt's method to relative errors, so that the small levels, which tell λ, weigh as much as the
//! large ones. σ and κ are fitted as squares, so that they cannot be negative.

use levenberg_marquardt::{LeastSquaresProblem, LevenbergMarquardt};
use nalgebra::{Dyn, OMatrix, OVector, U3, Vector3, storage::Owned};

/// The fewest levels for three unknowns: two are left to say how good the fit is.
const FEWEST: usize = 5;
/// A fit explains at least this share of the variance…
const GOOD: f64 = 0.95;
/// … and is off by no more than this share, as a root mean square.
const CLOSE: f64 = 0.05;
/// A peak is told only up to so many times the highest load that was measured.
const REACH: f64 = 2.0;
/// From where the search for σ and κ starts, with κ for a load of one hundred.
const STARTS: [(f64, f64); 4] = [(0.01, 0.0001), (0.1, 0.001), (0.5, 0.00001), (0.001, 0.01)];

/// The law as it fits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usl {
    /// Throughput of one user, per second.
    pub lambda: f64,
    /// Contention, from 0.
    pub contention: f64,
    /// Coherency, from 0.
    pub coherency: f64,
    /// The share of the variance of throughput that is explained: 1 is all of it.
    pub r_squared: f64,
    /// The root mean square of the relative errors.
    pub error: f64,
    /// The highest load it was fitted to.
    most: f64,
}

impl Usl {
    /// The throughput at a load.
    #[must_use]
    pub fn throughput(&self, load: f64) -> f64 {
        self.lambda * load / bend(self.contention, self.coherency, load)
    }

    /// Whether the law describes the service well enough to say anything beyond what was measured.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.r_squared >= GOOD && self.error <= CLOSE
    }

    /// The load with the most throughput, and that throughput. None where the fit is poor, where throughput never falls,
    /// and where the peak lies far beyond what was measured.
    #[must_use]
    pub fn peak(&self) -> Option<(f64, f64)> {
        if !self.is_good() || self.coherency <= 0.0 || self.contention >= 1.0 {
            return None;
        }
        let load = ((1.0 - self.contention) / self.coherency).sqrt();
        (load <= REACH * self.most).then(|| (load, self.throughput(load)))
    }
}

/// Fits the law to `points` (load, throughput per second); none where there are fewer than five loads, or no fit.
#[must_use]
pub fn usl(points: &[(f64, f64)]) -> Option<Usl> {
    let points = usable(points);
    let most = points.last()?.0;
    if points.len() < FEWEST {
        return None;
    }
    let lambda = points
        .iter()
        .map(|(load, rate)| rate / load)
        .fold(0.0, f64::max);
    let fits = STARTS.iter().filter_map(|&(contention, coherency)| {
        let scale = 100.0 / most;
        let start = Vector3::new(
            lambda.ln(),
            f64::sqrt(contention * scale),
            f64::sqrt(coherency) * scale,
        );
        let (fit, report) = LevenbergMarquardt::new().minimize(Fit {
            points: &points,
            params: start,
        });
        let sum = report.objective_function;
        (report.termination.was_successful() && sum.is_finite()).then_some((sum, fit.params))
    });
    let (_, params) = fits.min_by(|one, other| one.0.total_cmp(&other.0))?;
    let law = Usl {
        lambda: params.x.exp(),
        contention: params.y * params.y,
        coherency: params.z * params.z,
        r_squared: 0.0,
        error: 0.0,
        most,
    };
    Some(judged(law, &points))
}

/// The law with its goodness.
fn judged(law: Usl, points: &[(f64, f64)]) -> Usl {
    let count = points.len() as f64;
    let mean = points.iter().map(|(_, rate)| rate).sum::<f64>() / count;
    let sum =
        |of: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(|point| of(point).powi(2)).sum::<f64>();
    let spread = sum(&|(_, rate)| rate - mean);
    let left = sum(&|(load, rate)| rate - law.throughput(*load));
    let relative = sum(&|(load, rate)| law.throughput(*load) / rate - 1.0);
    Usl {
        r_squared: if spread > 0.0 {
            1.0 - left / spread
        } else {
            0.0
        },
        error: (relative / count).sqrt(),
        ..law
    }
}

/// How many times as long everything takes as for one user.
fn bend(contention: f64, coherency: f64, load: f64) -> f64 {
    let others = (load - 1.0).max(0.0);
    1.0 + contention * others + coherency * load * others
}

/// Points with a load and a throughput, by load; the mean of those at one load.
fn usable(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let is_usable = |(load, rate): &&(f64, f64)| {
        load.is_finite() && rate.is_finite() && *load > 0.0 && *rate > 0.0
    };
    let mut points: Vec<_> = points
        .iter()
        .filter(is_usable)
        .map(|(load, rate)| (*load, *rate, 1.0))
        .collect();
    points.sort_by(|one, other| one.0.total_cmp(&other.0));
    points.dedup_by(|later, first| {
        let same = later.0 <= first.0;
        if same {
            (first.1, first.2) = (first.1 + later.1, first.2 + 1.0);
        }
        same
    });
    points
        .into_iter()
        .map(|(load, sum, count)| (load, sum / count))
        .collect()
}

/// The problem as the solver wants it: ln λ, √σ, √κ, and relative errors.
struct Fit<'a> {
    points: &'a [(f64, f64)],
    params: Vector3<f64>,
}

impl LeastSquaresProblem<f64, Dyn, U3> for Fit<'_> {
    type ResidualStorage = Owned<f64, Dyn>;
    type JacobianStorage = Owned<f64, Dyn, U3>;
    type ParameterStorage = Owned<f64, U3>;

    fn set_params(&mut self, params: &Vector3<f64>) {
        self.params = *params;
    }

    fn params(&self) -> Vector3<f64> {
        self.params
    }

    fn residuals(&self) -> Option<OVector<f64, Dyn>> {
        let errors = self
            .points
            .iter()
            .map(|(load, rate)| self.fitted(*load) / rate - 1.0);
        Some(OVector::<f64, Dyn>::from_iterator(
            self.points.len(),
            errors,
        ))
    }

    fn jacobian(&self) -> Option<OMatrix<f64, Dyn, U3>> {
        let mut jacobian = OMatrix::<f64, Dyn, U3>::zeros(self.points.len());
        for (row, (load, rate)) in self.points.iter().enumerate() {
            let fitted = self.fitted(*load) / rate;
            let others = (load - 1.0).max(0.0);
            let slope = -fitted / bend(self.params.y.powi(2), self.params.z.powi(2), *load);
            jacobian[(row, 0)] = fitted;
            jacobian[(row, 1)] = slope * others * 2.0 * self.params.y;
            jacobian[(row, 2)] = slope * load * others * 2.0 * self.params.z;
        }
        Some(jacobian)
    }
}

impl Fit<'_> {
    fn fitted(&self, load: f64) -> f64 {
        self.params.x.exp() * load / bend(self.params.y.powi(2), self.params.z.powi(2), load)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn law(lambda: f64, contention: f64, coherency: f64) -> Usl {
        Usl {
            lambda,
            contention,
            coherency,
            r_squared: 1.0,
            error: 0.0,
            most: 0.0,
        }
    }

    /// Points of a law at steps of a load, each off by a share that `noise` gives.
    fn measured(law: &Usl, step: f64, count: u32, noise: impl Fn(u32) -> f64) -> Vec<(f64, f64)> {
        (1..=count)
            .map(|n| {
                (
                    step * f64::from(n),
                    law.throughput(step * f64::from(n)) * (1.0 + noise(n)),
                )
            })
            .collect()
    }

    #[track_caller]
    fn near(found: f64, known: f64, what: &str) {
        assert!(
            (found - known).abs() <= 0.1 * known,
            "{what}: {found}, not {known}"
        );
    }

    #[test]
    fn known_parameters_are_found_within_a_tenth() {
        let cases = [
            (20.0, 0.05, 0.0001, 20.0),
            (5.0, 0.02, 0.00002, 50.0),
            (100.0, 0.1, 0.001, 5.0),
            (1.0, 0.005, 0.000_05, 30.0),
        ];
        for (lambda, contention, coherency, step) in cases {
            let known = law(lambda, contention, coherency);
            // Half a per cent of noise, up and down.
            let points = measured(
                &known,
                step,
                12,
                |n| if n % 2 == 0 { 0.005 } else { -0.005 },
            );
            let found = usl(&points).unwrap();
            near(found.lambda, lambda, "lambda");
            near(found.contention, contention, "contention");
            near(found.coherency, coherency, "coherency");
            assert!(found.is_good(), "{found:?}");
            let (peak, most) = found.peak().unwrap();
            near(peak, ((1.0 - contention) / coherency).sqrt(), "peak");
            near(most, known.throughput(peak), "throughput at the peak");
        }
    }

    #[test]
    fn a_service_that_scales_has_no_peak() {
        let straight = usl(&measured(&law(7.0, 0.0, 0.0), 50.0, 10, |_| 0.0)).unwrap();
        near(straight.lambda, 7.0, "lambda");
        assert!(
            straight.is_good() && straight.peak().is_none(),
            "{straight:?}"
        );
        let saturating = usl(&measured(&law(7.0, 0.1, 0.0), 50.0, 10, |_| 0.0)).unwrap();
        assert!(
            saturating.is_good() && saturating.peak().is_none(),
            "{saturating:?}"
        );
    }

    #[test]
    fn what_the_law_does_not_describe_gets_no_prediction() {
        let wild = |n: u32| if n.is_multiple_of(3) { 0.8 } else { -0.4 };
        let poor = usl(&measured(&law(7.0, 0.05, 0.0001), 20.0, 12, wild)).unwrap();
        assert!(!poor.is_good() && poor.peak().is_none(), "{poor:?}");
        // A peak ten times beyond what was measured is a guess.
        let far = usl(&measured(&law(7.0, 0.05, 0.000_001), 10.0, 10, |_| 0.0)).unwrap();
        assert!(far.peak().is_none(), "{far:?}");
    }

    #[test]
    fn few_levels_have_no_fit() {
        let points = measured(&law(7.0, 0.05, 0.0001), 20.0, 4, |_| 0.0);
        assert_eq!(usl(&points), None);
        assert_eq!(usl(&[]), None);
        let same: Vec<_> = points.iter().chain(&points).copied().collect();
        assert_eq!(usl(&same), None, "twice the same levels are no more levels");
    }

    #[test]
    fn the_slopes_are_those_of_the_errors() {
        let points = measured(&law(7.0, 0.05, 0.0001), 20.0, 6, |n| f64::from(n) / 100.0);
        let mut fit = Fit {
            points: &points,
            params: Vector3::new(1.5, 0.3, 0.02),
        };
        let slopes = fit.jacobian().unwrap();
        let numeric = levenberg_marquardt::differentiate_numerically(&mut fit).unwrap();
        assert!((slopes - numeric).abs().max() < 1e-5);
    }

    proptest! {
        #[test]
        fn nothing_that_is_measured_breaks_the_fit(points in prop::collection::vec((any::<f64>(), any::<f64>()), 0..12)) {
            if let Some(found) = usl(&points) {
                prop_assert!(found.contention >= 0.0 && found.coherency >= 0.0);
            }
        }
    }
}
