//! The knee of throughput over load: where more load stops bringing more throughput.
//!
//! By Kneedle (Satopää, Albrecht, Irwin, Raghavan 2011), for a concave rising curve, offline and without smoothing: scale
//! both axes to 0…1; the knee is where the curve lies highest above the diagonal.

/// The fewest levels in which a knee is looked for.
const FEWEST: usize = 4;
/// How far the curve must rise above the diagonal: below that it is straight, or noise.
const RISE: f64 = 0.1;
/// A curve that spans less than this share of its height is flat: what bends it is noise.
const FLAT: f64 = 0.1;

/// Where the curve bends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Knee {
    /// The load at the knee.
    pub load: f64,
    /// The lowest load at which it may be: the neighbour below, or where it lies if any one level is left out.
    pub low: f64,
    /// The highest load at which it may be.
    pub high: f64,
}

/// The knee of `points` (load, throughput) in any order; none where the curve has none.
#[must_use]
pub fn knee(points: &[(f64, f64)]) -> Option<Knee> {
    let points = ascending(points);
    let at = index(&points)?;
    let (mut low, mut high) = (points[at - 1].0, points[at + 1].0);
    for left_out in 0..points.len() {
        let mut rest = points.clone();
        rest.remove(left_out);
        if let Some(at) = index(&rest) {
            low = low.min(rest[at].0);
            high = high.max(rest[at].0);
        }
    }
    Some(Knee {
        load: points[at].0,
        low,
        high,
    })
}

/// The place of the knee; never an end.
fn index(points: &[(f64, f64)]) -> Option<usize> {
    let (first, last) = (points.first()?, points.last()?);
    let (least, most) = points
        .iter()
        .fold((f64::INFINITY, 0.0f64), |(least, most), (_, y)| {
            (least.min(*y), most.max(*y))
        });
    if points.len() < FEWEST || most - least <= FLAT * most {
        return None;
    }
    let above =
        |(x, y): &(f64, f64)| (y - least) / (most - least) - (x - first.0) / (last.0 - first.0);
    let inner = points.iter().enumerate().skip(1).take(points.len() - 2);
    let (at, height) = inner
        .map(|(at, point)| (at, above(point)))
        .max_by(|one, other| one.1.total_cmp(&other.1))?;
    (height >= RISE).then_some(at)
}

fn ascending(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let usable = |(x, y): &&(f64, f64)| x.is_finite() && y.is_finite();
    let mut points: Vec<_> = points.iter().filter(usable).copied().collect();
    points.sort_by(|one, other| one.0.total_cmp(&other.0));
    points.dedup_by(|one, other| one.0 <= other.0);
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(curve: impl Fn(f64) -> f64, expected: Option<(f64, f64)>) {
        let points: Vec<_> = (1..=10)
            .map(|n| 50.0 * f64::from(n))
            .map(|load| (load, curve(load)))
            .collect();
        let found = knee(&points);
        match (found, expected) {
            (None, None) => {}
            (Some(knee), Some((least, most))) => {
                assert!(
                    (least..=most).contains(&knee.load),
                    "{knee:?} is not in {least}..{most}"
                );
                assert!(knee.low < knee.load && knee.load < knee.high, "{knee:?}");
            }
            (found, expected) => panic!("{found:?}, not {expected:?}"),
        }
    }

    #[test]
    fn a_bend_is_found_and_a_straight_line_has_none() {
        check(|load| load.min(200.0), Some((200.0, 200.0)));
        // Saturated from the first level on.
        check(|load| 76.0 + 2.0 * (load / 100.0).sin(), None);
        check(
            |load| load.min(300.0) - (load - 300.0).max(0.0) * 0.5,
            Some((300.0, 300.0)),
        );
        check(
            |load| 1000.0 * (1.0 - (-load / 100.0).exp()),
            Some((100.0, 200.0)),
        );
        check(|load| load, None);
        check(|load| load * load, None);
        check(|_| 7.0, None);
        check(|_| f64::NAN, None);
    }

    #[test]
    fn few_levels_have_none() {
        assert_eq!(knee(&[]), None);
        assert_eq!(knee(&[(1.0, 1.0), (2.0, 2.0), (3.0, 2.0)]), None);
        // Twice the same load is one level.
        assert_eq!(
            knee(&[(1.0, 1.0), (2.0, 2.0), (2.0, 2.1), (3.0, 2.0)]),
            None
        );
    }

    #[test]
    fn one_strange_level_makes_it_uncertain() {
        let mut points: Vec<_> = (1..=10)
            .map(|n| f64::from(n) * 50.0)
            .map(|load| (load, load.min(250.0)))
            .collect();
        let steady = knee(&points).unwrap();
        points[6].1 = 400.0;
        let strange = knee(&points).unwrap();
        assert!(
            strange.high - strange.low > steady.high - steady.low,
            "{steady:?} {strange:?}"
        );
    }
}
