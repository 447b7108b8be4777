//! The search for the highest level that holds: doubling, one more try of what broke, halving the rest.

/// How often the span between the highest that held and the lowest that broke is halved.
const HALVINGS: u32 = 3;

/// What the search came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found<B> {
    /// The highest level that held; zero where the first one broke.
    pub held: u64,
    /// What broke above it; absent where the highest that was to be tried held.
    pub broke: Option<B>,
}

/// Tries levels from `first` up to `most`. `attempt` tells why a level broke, or nothing where it held.
pub(super) fn highest<B, E>(
    first: u64,
    most: u64,
    mut attempt: impl FnMut(u64) -> Result<Option<B>, E>,
) -> Result<Found<B>, E> {
    let mut found = Found {
        held: 0,
        broke: None,
    };
    let mut level = first.min(most);
    let lowest = loop {
        match twice(level, &mut attempt)? {
            None if level >= most => {
                found.held = level;
                return Ok(found);
            }
            None => {
                found.held = level;
                level = level.saturating_mul(2).min(most);
            }
            Some(why) => {
                found.broke = Some(why);
                break level;
            }
        }
    };
    if found.held == 0 {
        // What cannot do the first is not worth a closer look.
        return Ok(found);
    }
    let mut lowest = lowest;
    for _ in 0..HALVINGS {
        let middle = found.held.midpoint(lowest);
        if middle == found.held {
            break;
        }
        match twice(middle, &mut attempt)? {
            None => found.held = middle,
            Some(why) => {
                found.broke = Some(why);
                lowest = middle;
            }
        }
    }
    Ok(found)
}

/// What broke once may have been disturbed: only what breaks twice counts.
fn twice<B, E>(
    level: u64,
    attempt: &mut impl FnMut(u64) -> Result<Option<B>, E>,
) -> Result<Option<B>, E> {
    match attempt(level)? {
        None => Ok(None),
        Some(_) => attempt(level),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    #[track_caller]
    fn check(first: u64, most: u64, limit: u64, held: u64, broke: Option<u64>, tried: &[u64]) {
        let mut seen = Vec::new();
        let found = highest(first, most, |level| {
            seen.push(level);
            Ok::<_, Infallible>((level > limit).then_some(level))
        });
        let Ok(found) = found;
        assert_eq!((found.held, found.broke), (held, broke));
        assert_eq!(seen, tried);
    }

    #[test]
    fn the_limit_is_found_within_an_eighth() {
        check(
            100,
            10_000,
            530,
            500,
            Some(550),
            &[100, 200, 400, 800, 800, 600, 600, 500, 550, 550],
        );
        // The highest that may be tried holds.
        check(100, 300, 1_000, 300, None, &[100, 200, 300]);
        check(100, 50, 1_000, 50, None, &[50]);
        // The first breaks.
        check(100, 300, 10, 0, Some(100), &[100, 100]);
        check(1, 1, 0, 0, Some(1), &[1, 1]);
    }

    #[test]
    fn what_breaks_once_is_tried_again() {
        let mut first = true;
        let found = highest(100, 100, |_| {
            Ok::<_, Infallible>(std::mem::take(&mut first).then_some(()))
        });
        let Ok(found) = found;
        assert_eq!((found.held, found.broke), (100, None));
    }
}
