//! How sure a number is: distribution-free intervals at 95 %.

/// The two-sided 95 % point of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;
/// The probability left on each side.
const TAIL: f64 = 0.025;
/// More samples than this are never asked for.
const MOST: u64 = 1_000_000_000_000;
/// Above this variance the binomial distribution is taken as normal.
const NORMAL: f64 = 200.0;

/// Whether the 95 % interval of a quantile holds the limit: `within` of `count` samples are not above it.
///
/// By order statistics: the limit is inside exactly if a binomial count with the chance `q` is neither surely above nor
/// surely below `within`. Nothing is assumed about the distribution.
pub(crate) fn quantile_is_open(q: f64, count: u64, within: u64) -> bool {
    if count == 0 {
        return true;
    }
    let above = count - within.min(count);
    // The rarer side is counted, so that few terms are summed.
    let (chance, hits) = if q >= 0.5 {
        (1.0 - q, above)
    } else {
        (q, within.min(count))
    };
    let at_most = binomial_at_most(count, chance, hits);
    let at_least = 1.0
        - if hits == 0 {
            0.0
        } else {
            binomial_at_most(count, chance, hits - 1)
        };
    at_most >= TAIL && at_least >= TAIL
}

/// How many more samples would settle on which side of the limit the quantile lies, if they go on like those seen;
/// none where no number would.
pub(crate) fn more_for_quantile(q: f64, count: u64, within: u64) -> Option<u64> {
    let share = within as f64 / count as f64;
    more(count, |count| {
        quantile_is_open(q, count, (count as f64 * share).round() as u64)
    })
}

/// Whether the 95 % interval of a share (Wilson's) holds the limit.
pub(crate) fn share_is_open(hits: u64, total: u64, limit: f64) -> bool {
    if total == 0 {
        return true;
    }
    let (low, high) = wilson(hits as f64, total as f64);
    low <= limit && limit <= high
}

/// How many more requests would settle on which side of the limit a share lies, if they go on like those seen; none
/// where no number would.
pub(crate) fn more_for_share(hits: u64, total: u64, limit: f64) -> Option<u64> {
    let share = hits as f64 / total as f64;
    more(total, |total| {
        let (low, high) = wilson(total as f64 * share, total as f64);
        low <= limit && limit <= high
    })
}

/// The least number beyond `count` that is no longer open, found by halving.
fn more(count: u64, is_open: impl Fn(u64) -> bool) -> Option<u64> {
    if count == 0 {
        return None;
    }
    let mut open = count;
    let mut enough = count;
    while is_open(enough) {
        open = enough;
        enough = enough.checked_mul(2).filter(|&enough| enough < MOST)?;
    }
    while enough - open > 1 {
        let middle = open + (enough - open) / 2;
        *(if is_open(middle) {
            &mut open
        } else {
            &mut enough
        }) = middle;
    }
    Some((enough - count).max(1))
}

fn wilson(hits: f64, n: f64) -> (f64, f64) {
    let share = hits / n;
    let scale = 1.0 + Z * Z / n;
    let middle = (share + Z * Z / (2.0 * n)) / scale;
    let half = Z / scale * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

/// The chance that at most `hits` of `count` draws hit, each with the chance `p` of at most one half.
fn binomial_at_most(count: u64, p: f64, hits: u64) -> f64 {
    if hits >= count {
        return 1.0;
    }
    let n = count as f64;
    let variance = n * p * (1.0 - p);
    if variance > NORMAL {
        return normal_at_most((hits as f64 + 0.5 - n * p) / variance.sqrt());
    }
    let odds = p / (1.0 - p);
    let mut term = (n * (-p).ln_1p()).exp();
    let mut sum = term;
    for k in 0..hits {
        term *= (n - k as f64) / (k as f64 + 1.0) * odds;
        sum += term;
        if term < sum * 1e-17 && k as f64 > n * p {
            break;
        }
    }
    sum.min(1.0)
}

/// The normal distribution function, to seven digits (Abramowitz and Stegun 26.2.17).
fn normal_at_most(x: f64) -> f64 {
    const FACTORS: [f64; 5] = [
        0.319_381_530,
        -0.356_563_782,
        1.781_477_937,
        -1.821_255_978,
        1.330_274_429,
    ];
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let series = FACTORS
        .iter()
        .rev()
        .fold(0.0, |sum, factor| (sum + factor) * t);
    let tail = (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt() * series;
    if x >= 0.0 { 1.0 - tail } else { tail }
}

#[cfg(test)]
mod tests;
