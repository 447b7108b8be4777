//! The Universal Scalability Law, fitted to throughput over load: X(N) = λN / (1 + σ(N−1) + κN(N−1)).
//!
//! λ is what one user gets through a second; σ, contention, is the share that cannot be done side by side; κ, coherency,
//! is what the ones have to do because of the others, and makes throughput fall beyond a peak (Gunther 2007).
//!
//! The relative error of a throughput that was counted is 1 / √count by chance alone, so that is what each level weighs by.
//! Where the levels are further off the law than chance explains, as on a machine that wanders, all have that much more
//! error: then the few that were counted best do not rule the others. N/X is a straight line of N−1 and N(N−1), whose best
//! fit is where Levenberg and Marquardt's method begins; σ and κ are fitted as squares, so that they cannot be negative.

use levenberg_marquardt::{LeastSquaresProblem, LevenbergMarquardt};
use nalgebra::{Dyn, Matrix3, OMatrix, OVector, RowVector3, U3, Vector3, storage::Owned};

/// The fewest loads for three unknowns: two are left to say how good the fit is.
const FEWEST: usize = 5;
/// Loads that are nearer to each other, as a share, are one.
const APART: f64 = 0.005;
/// A fit explains at least this share of the variance…
const GOOD: f64 = 0.95;
/// … and is off by no more than this share, as a root mean square.
const CLOSE: f64 = 0.05;
/// A peak is told only up to so many times the highest load that was measured.
const REACH: f64 = 2.0;
/// Chance explains squares that add up to so many standard deviations more than is to be expected.
const CHANCE: f64 = 2.0;
/// What a σ or κ of nothing begins with, in parts of what would double the time at the highest load: a square has no slope
/// at nothing.
const SEED: f64 = 1e-3;

/// What was seen at a load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoadPoint {
    /// The load.
    pub load: f64,
    /// What was got through, per second.
    pub rate: f64,
    /// How many were counted for that.
    pub count: f64,
}

/// The law as it fits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usl {
    /// Throughput of one user, per second.
    pub lambda: f64,
    /// Contention, from 0.
    pub contention: f64,
    /// Coherency, from 0.
    pub coherency: f64,
    /// The standard errors of these three, in their order; none where the levels do not tell them apart.
    pub errors: Option<[f64; 3]>,
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

    /// The load with the most throughput, and that throughput. None where the fit is poor or does not tell contention and coherency apart,
    /// where throughput never falls, and where the peak lies far beyond what was measured.
    #[must_use]
    pub fn peak(&self) -> Option<(f64, f64)> {
        let told = self.errors.is_some() && self.is_good();
        if !told || self.coherency <= 0.0 || self.contention >= 1.0 {
            return None;
        }
        let load = ((1.0 - self.contention) / self.coherency).sqrt();
        (load <= REACH * self.most).then(|| (load, self.throughput(load)))
    }
}

/// Fits the law to what was seen; none where there are fewer than five loads, or no fit.
#[must_use]
pub fn usl(points: &[LoadPoint]) -> Option<Usl> {
    let points = usable(points);
    let most = points.last()?.load;
    if loads(&points) < FEWEST {
        return None;
    }
    let by_chance = Fit::of(&points, 0.0)?;
    let wander = by_chance.beyond_chance();
    let fit = match wander > 0.0 {
        true => Fit::of(&points, wander)?,
        false => by_chance,
    };
    let [lambda, contention, coherency] = fit.law();
    let law = Usl {
        lambda,
        contention,
        coherency,
        errors: fit.errors(),
        r_squared: 0.0,
        error: 0.0,
        most,
    };
    Some(judged(law, &points))
}

/// The law with its goodness.
fn judged(law: Usl, points: &[LoadPoint]) -> Usl {
    let count = points.len() as f64;
    let mean = points.iter().map(|point| point.rate).sum::<f64>() / count;
    let sum = |of: &dyn Fn(&LoadPoint) -> f64| -> f64 {
        points.iter().map(|point| of(point).powi(2)).sum()
    };
    let spread = sum(&|point| point.rate - mean);
    let left = sum(&|point| point.rate - law.throughput(point.load));
    let relative = sum(&|point| law.throughput(point.load) / point.rate - 1.0);
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
    let others = others(load);
    1.0 + contention * others + coherency * load * others
}

fn others(load: f64) -> f64 {
    (load - 1.0).max(0.0)
}

/// Points with a load and a throughput that was counted, by load.
fn usable(points: &[LoadPoint]) -> Vec<LoadPoint> {
    let is_usable = |point: &LoadPoint| {
        let all = [point.load, point.rate, point.count];
        all.iter().all(|value| value.is_finite() && *value > 0.0)
    };
    let mut points: Vec<LoadPoint> = points.iter().copied().filter(is_usable).collect();
    points.sort_by(|one, other| one.load.total_cmp(&other.load));
    points
}

/// How many loads there are that differ, of points by load.
fn loads(points: &[LoadPoint]) -> usize {
    let mut last = 0.0;
    let mut count = 0;
    for point in points {
        if point.load > last * (1.0 + APART) {
            (last, count) = (point.load, count + 1);
        }
    }
    count
}

/// The best straight line of N/X, as λ, σ and κ: of those without a negative one.
fn straight(points: &[LoadPoint], weights: &[f64], most: f64) -> Option<[f64; 3]> {
    let wide = [1.0, most, most * most];
    let row = |point: &LoadPoint| {
        let others = others(point.load);
        RowVector3::new(1.0, others / wide[1], point.load * others / wide[2])
    };
    // What is left out has a line of its own that says zero.
    let choices = [[true, true], [true, false], [false, true], [false, false]];
    let solved = choices.into_iter().filter_map(|[contends, coheres]| {
        let mask = Vector3::new(1.0, f64::from(contends), f64::from(coheres));
        let (mut left, mut right) = (Matrix3::zeros(), Vector3::zeros());
        for (point, weight) in points.iter().zip(weights) {
            let (row, time) = (
                row(point).component_mul(&mask.transpose()),
                point.load / point.rate,
            );
            // Errors are relative to the throughput, and so to the time.
            let weight = weight / (time * time);
            left += row.transpose() * row * weight;
            right += row.transpose() * time * weight;
        }
        let left = left + Matrix3::from_diagonal(&mask.map(|one| (1.0 - one) * left[(0, 0)]));
        let line = left.lu().solve(&right)?;
        let fits = line.x > 0.0 && line.iter().all(|value| value.is_finite() && *value >= 0.0);
        let off = |(point, weight): (&LoadPoint, &f64)| {
            weight * ((row(point) * line)[0] * point.rate / point.load - 1.0).powi(2)
        };
        let sum: f64 = points.iter().zip(weights).map(off).sum();
        fits.then_some((sum, line))
    });
    let (_, line) = solved.min_by(|one, other| one.0.total_cmp(&other.0))?;
    Some([
        1.0 / line.x,
        line.y / line.x / wide[1],
        line.z / line.x / wide[2],
    ])
}

/// The problem as the solver wants it: ln λ, √σ, √κ, and relative errors in times of what is to be expected.
struct Fit<'a> {
    points: &'a [LoadPoint],
    /// One over the variance of each relative error.
    weights: Vec<f64>,
    params: Vector3<f64>,
}

impl<'a> Fit<'a> {
    /// The best fit, where each point has that variance beside the one by chance; none where none is found.
    fn of(points: &'a [LoadPoint], wander: f64) -> Option<Self> {
        let most = points.last()?.load;
        let weights: Vec<f64> = points
            .iter()
            .map(|point| 1.0 / (1.0 / point.count + wander))
            .collect();
        let [lambda, contention, coherency] = straight(points, &weights, most)?;
        let params = Vector3::new(
            lambda.ln(),
            contention.max(SEED / most).sqrt(),
            coherency.max(SEED / (most * most)).sqrt(),
        );
        let fit = Self {
            points,
            weights,
            params,
        };
        let (fit, report) = LevenbergMarquardt::new().minimize(fit);
        let found = report.termination.was_successful() && report.objective_function.is_finite();
        found.then_some(fit)
    }

    fn law(&self) -> [f64; 3] {
        [
            self.params.x.exp(),
            self.params.y.powi(2),
            self.params.z.powi(2),
        ]
    }

    /// The throughput at a point, as a share of what was seen there.
    fn share(&self, point: &LoadPoint) -> f64 {
        let [lambda, contention, coherency] = self.law();
        lambda * point.load / bend(contention, coherency, point.load) / point.rate
    }

    /// The variance of relative errors that chance does not explain, by the moments of the weighted squares that a fit of
    /// three parameters leaves (DerSimonian and Laird 1986, for regressions); zero where chance may be all.
    fn beyond_chance(&self) -> f64 {
        let squares = self.points.iter().zip(&self.weights);
        let squares: f64 = squares
            .map(|(point, weight)| weight * (self.share(point) - 1.0).powi(2))
            .sum();
        let free = self.points.len() as f64 - 3.0;
        if squares <= free + CHANCE * (2.0 * free).sqrt() {
            return 0.0;
        }
        let Some(inverse) = self.known(1).try_inverse() else {
            return 0.0;
        };
        let sum: f64 = self.weights.iter().sum();
        let taken = (inverse * self.known(2)).trace();
        ((squares - free) / (sum - taken)).max(0.0)
    }

    /// The largest load, against which slopes are taken.
    fn most(&self) -> f64 {
        self.points.last().map_or(1.0, |point| point.load)
    }

    /// How steeply the shares change with each parameter: the sums of the products, by that power of the weights.
    fn known(&self, power: i32) -> Matrix3<f64> {
        let [_, contention, coherency] = self.law();
        let most = self.most();
        let mut known = Matrix3::zeros();
        for (point, weight) in self.points.iter().zip(&self.weights) {
            let slope = self.share(point);
            let others = others(point.load) / bend(contention, coherency, point.load);
            let row = RowVector3::new(1.0, -others / most, -others * point.load / (most * most));
            known += row.transpose() * row * (slope * slope * weight.powi(power));
        }
        known
    }

    /// The standard errors of λ, σ and κ; none where the loads do not tell them apart.
    fn errors(&self) -> Option<[f64; 3]> {
        let (lambda, most) = (self.law()[0], self.most());
        let variances = self.known(1).try_inverse()?.diagonal();
        let errors = [
            lambda * variances.x.sqrt(),
            variances.y.sqrt() / most,
            variances.z.sqrt() / (most * most),
        ];
        errors
            .iter()
            .all(|error| error.is_finite())
            .then_some(errors)
    }
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
        let points = self.points.iter().zip(&self.weights);
        let errors = points.map(|(point, weight)| weight.sqrt() * (self.share(point) - 1.0));
        Some(OVector::<f64, Dyn>::from_iterator(
            self.points.len(),
            errors,
        ))
    }

    fn jacobian(&self) -> Option<OMatrix<f64, Dyn, U3>> {
        let [_, contention, coherency] = self.law();
        let mut jacobian = OMatrix::<f64, Dyn, U3>::zeros(self.points.len());
        for (row, (point, weight)) in self.points.iter().zip(&self.weights).enumerate() {
            let share = weight.sqrt() * self.share(point);
            let others = others(point.load);
            let slope = -share / bend(contention, coherency, point.load);
            jacobian[(row, 0)] = share;
            jacobian[(row, 1)] = slope * others * 2.0 * self.params.y;
            jacobian[(row, 2)] = slope * point.load * others * 2.0 * self.params.z;
        }
        Some(jacobian)
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
            errors: None,
            r_squared: 1.0,
            error: 0.0,
            most: 0.0,
        }
    }

    /// Points of a law at steps of a load, each off by a share that `noise` gives.
    fn measured(law: &Usl, step: f64, count: u32, noise: impl Fn(u32) -> f64) -> Vec<LoadPoint> {
        (1..=count)
            .map(|n| {
                let load = step * f64::from(n);
                LoadPoint {
                    load,
                    rate: law.throughput(load) * (1.0 + noise(n)),
                    count: 40_000.0,
                }
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

    /// A seeded draw of a normal distribution, near enough.
    struct Chance(u64);

    impl Chance {
        fn normal(&mut self) -> f64 {
            let mut unit = || {
                self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut z = self.0;
                z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
            };
            (0..12).map(|_| unit()).sum::<f64>() - 6.0
        }
    }

    /// How a service was measured: up to half beyond its peak, in so many levels of so many seconds.
    struct Measured {
        known: Usl,
        levels: u32,
        seconds: f64,
        /// By how much levels are off beside what chance does, as a share.
        wander: f64,
    }

    impl Measured {
        fn points(&self, seed: u64) -> Vec<LoadPoint> {
            let mut chance = Chance(seed);
            let peak = ((1.0 - self.known.contention) / self.known.coherency).sqrt();
            let step = 1.6 * peak / f64::from(self.levels);
            let level = |n| {
                let load = step * f64::from(n);
                let count = self.known.throughput(load) * self.seconds;
                let off = (1.0 / count).sqrt().hypot(self.wander) * chance.normal();
                let count = count * (1.0 + off);
                LoadPoint {
                    load,
                    rate: count / self.seconds,
                    count,
                }
            };
            (1..=self.levels).map(level).collect()
        }

        /// The root mean square of the relative errors of contention, that of the standard errors that were told, and how
        /// often of a hundred times all parameters are within a tenth; where levels weigh by what was counted, or all the same.
        fn contention(&self, weighed: bool) -> (f64, f64, usize) {
            const SEEDS: u64 = 200;
            let (mut off, mut told, mut hits) = (0.0, 0.0, 0);
            for seed in 0..SEEDS {
                let mut points = self.points(seed);
                if !weighed {
                    points.iter_mut().for_each(|point| point.count = 1.0);
                }
                let found = usl(&points).unwrap();
                let share = |found: f64, known: f64| found / known - 1.0;
                let all = [
                    share(found.lambda, self.known.lambda),
                    share(found.contention, self.known.contention),
                    share(found.coherency, self.known.coherency),
                ];
                off += all[1].powi(2);
                told += (found.errors.unwrap()[1] / self.known.contention).powi(2);
                hits += usize::from(all.iter().all(|share| share.abs() <= 0.1));
            }
            let mean = |sum: f64| (sum / SEEDS as f64).sqrt();
            (mean(off), mean(told), hits * 100 / SEEDS as usize)
        }
    }

    #[test]
    fn what_chance_does_is_weighed() {
        // Few users of a fast service, and many of a slow one: the shape is the same, but more is counted.
        let (few, many) = (law(20.0, 0.02, 0.0004), law(5.0, 0.001, 0.000_001));
        // With what share of the error that is left where all levels weigh the same, and how many fits of a hundred are
        // within a tenth.
        let cases = [
            ("few, 9 levels", few, 9, 60.0, 0.0, 1.0, 75),
            ("few, 17 levels", few, 17, 60.0, 0.0, 0.92, 90),
            ("as in scripts/stress-check", many, 16, 40.0, 0.0, 0.92, 98),
            ("few, wandering", few, 9, 60.0, 0.01, 1.02, 50),
            ("many, wandering", many, 16, 60.0, 0.01, 1.02, 80),
            (
                "hardly any chance, 6 levels",
                many,
                6,
                60_000.0,
                0.01,
                1.02,
                0,
            ),
        ];
        for (what, known, levels, seconds, wander, share, least) in cases {
            let case = Measured {
                known,
                levels,
                seconds,
                wander,
            };
            let (plain, weighed) = (case.contention(false), case.contention(true));
            assert!(
                weighed.0 <= share * plain.0 && weighed.2 >= least,
                "{what}: {plain:?} {weighed:?}"
            );
            // What is told of the error is true.
            let told = weighed.1 / weighed.0;
            assert!((0.85..1.15).contains(&told), "{what}: {weighed:?}");
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
            weights: (1..=6).map(|n| 0.5 * f64::from(n)).collect(),
            params: Vector3::new(1.5, 0.3, 0.02),
        };
        let slopes = fit.jacobian().unwrap();
        let numeric = levenberg_marquardt::differentiate_numerically(&mut fit).unwrap();
        assert!((slopes - numeric).abs().max() < 1e-5);
    }

    #[test]
    fn the_straight_line_is_the_law_where_nothing_is_off() {
        for (lambda, contention, coherency) in [
            (7.0, 0.05, 0.0001),
            (7.0, 0.0, 0.0001),
            (7.0, 0.05, 0.0),
            (7.0, 0.0, 0.0),
        ] {
            let points = measured(&law(lambda, contention, coherency), 20.0, 8, |_| 0.0);
            let found = straight(&points, &[1.0; 8], 160.0).unwrap();
            let off = |at: usize, known: f64| (found[at] - known).abs();
            let off = [off(0, lambda), off(1, contention), off(2, coherency)];
            assert!(off.iter().all(|off| *off < 1e-9), "{found:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_measured_breaks_the_fit(points in prop::collection::vec(any::<[f64; 3]>(), 0..12)) {
            let point = |[load, rate, count]: [f64; 3]| LoadPoint { load, rate, count };
            let points: Vec<LoadPoint> = points.into_iter().map(point).collect();
            if let Some(found) = usl(&points) {
                prop_assert!(found.contention >= 0.0 && found.coherency >= 0.0);
            }
        }
    }
}
