//! Student's t distribution: how far chance moves a difference whose spread is itself only estimated.

/// Steps of a continued fraction, and of halving, that are never needed.
const STEPS: usize = 300;

/// The chance that |t| is at least so large.
pub(super) fn two_sided(t: f64, freedom: f64) -> f64 {
    if t.is_infinite() {
        return 0.0;
    }
    let x = freedom / (freedom + t * t);
    incomplete_beta(x, freedom / 2.0, 0.5)
}

/// The t that chance passes on either side with this probability.
pub(super) fn bound(chance: f64, freedom: f64) -> f64 {
    let mut high = 1.0;
    while two_sided(high, freedom) > chance && high < 1e12 {
        high *= 2.0;
    }
    let mut low = 0.0;
    for _ in 0..STEPS {
        let middle = f64::midpoint(low, high);
        if two_sided(middle, freedom) > chance {
            low = middle;
        } else {
            high = middle;
        }
        if high - low <= 1e-12 * high {
            break;
        }
    }
    f64::midpoint(low, high)
}

/// The regularised incomplete beta function, by its continued fraction on the side where that converges fast.
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front = |x: f64, a: f64, b: f64| {
        let log = a * x.ln() + b * (-x).ln_1p() + ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b);
        log.exp() / a * fraction(x, a, b)
    };
    if x < (a + 1.0) / (a + b + 2.0) {
        front(x, a, b)
    } else {
        1.0 - front(1.0 - x, b, a)
    }
}

/// The continued fraction of the incomplete beta function (DLMF 8.17.22), by Lentz's method.
fn fraction(x: f64, a: f64, b: f64) -> f64 {
    let away_from_zero = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut product = d;
    for step in 1..STEPS {
        let m = step as f64;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        for term in [even, odd] {
            d = 1.0 / away_from_zero(1.0 + term * d);
            c = away_from_zero(1.0 + term / c);
            product *= c * d;
        }
        if (c * d - 1.0).abs() < 1e-15 {
            break;
        }
    }
    product
}

/// The logarithm of the gamma function of a positive number: Stirling's series, from where it is exact enough.
fn ln_gamma(x: f64) -> f64 {
    let mut x = x;
    let mut below = 0.0;
    while x < 12.0 {
        below += x.ln();
        x += 1.0;
    }
    let square = x * x;
    let series = (1.0 / 12.0
        - (1.0 / 360.0 - (1.0 / 1260.0 - 1.0 / (1680.0 * square)) / square) / square)
        / x;
    (x - 0.5) * x.ln() - x + (2.0 * std::f64::consts::PI).ln() / 2.0 + series - below
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points of printed tables: two-sided chance, degrees of freedom, t.
    #[test]
    fn bounds_are_those_of_the_tables() {
        for (chance, freedom, t) in [
            (0.05, 1.0, 12.706_204_7),
            (0.05, 2.0, 4.302_652_7),
            (0.05, 10.0, 2.228_138_9),
            (0.05, 30.0, 2.042_272_5),
            (0.01, 5.0, 4.032_142_98),
            (0.001, 60.0, 3.460_200_5),
            (0.05, 1e7, 1.959_964_2),
            (0.1, 4.5, 2.065_6),
        ] {
            let found = bound(chance, freedom);
            assert!((found - t).abs() < 2e-3 * t, "{chance} {freedom}: {found}");
            assert!((two_sided(found, freedom) - chance).abs() < 1e-9);
        }
    }

    #[test]
    fn ends() {
        assert_eq!(two_sided(0.0, 3.0), 1.0);
        assert_eq!(two_sided(f64::INFINITY, 3.0), 0.0);
        assert!(two_sided(1e6, 50.0) < 1e-100);
    }

    #[test]
    fn the_gamma_function() {
        for (x, gamma) in [
            (1.0, 1.0),
            (2.0, 1.0),
            (5.0, 24.0),
            (0.5, 1.772_453_850_905_516),
            (20.0, 1.216_451_004_088_32e17),
        ] {
            assert!((ln_gamma(x) - f64::ln(gamma)).abs() < 1e-12, "{x}");
        }
    }
}
