//! A level that moves in straight lines over time, with its integral and the inverse of that.

use std::time::Duration;

/// By so much of the whole the area under a line may be off: far less than an arrival, far more than f64's own steps.
const ROUNDING: f64 = 1e-12;

/// The level from which on there is one user: half and more counts.
const FIRST_USER: f64 = 0.5;

/// A piecewise linear level over time: users, or arrivals per second. Never below zero.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pieces: Vec<Piece>,
    /// How long it is, in seconds.
    length: f64,
}

/// One straight piece; times in seconds from the start of the line.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Piece {
    start: f64,
    length: f64,
    /// Where the next piece starts, to the last digit.
    end: f64,
    from: f64,
    to: f64,
    /// The integral of the line up to the start of this piece.
    before: f64,
}

impl Line {
    /// A level that stays for a time.
    #[must_use]
    pub fn constant(level: f64, length: Duration) -> Self {
        Self::ramps(level, [(length, level)])
    }

    /// A level that begins at `start` and moves to each target in turn. A piece without length is a jump.
    #[must_use]
    pub fn ramps(start: f64, stages: impl IntoIterator<Item = (Duration, f64)>) -> Self {
        let mut pieces = Vec::new();
        let (mut at, mut level, mut before) = (0.0, start.max(0.0), 0.0);
        for (length, target) in stages {
            let (length, to) = (length.as_secs_f64(), target.max(0.0));
            if length > 0.0 {
                pieces.push(Piece {
                    start: at,
                    length,
                    end: at + length,
                    from: level,
                    to,
                    before,
                });
            }
            before += length * (level + to) / 2.0;
            at += length;
            level = to;
        }
        let length = pieces.last().map_or(0.0, |piece: &Piece| piece.end);
        Self { pieces, length }
    }

    /// The highest line that is nowhere above this one and climbs by no more than `rate` in a second, a jump up included.
    /// It begins with half a user at most: so the first is there at once, and user n of a high level after n / `rate`.
    #[must_use]
    pub fn climbing_at_most(&self, rate: f64) -> Self {
        let mut climbing = Vec::new();
        let mut level = FIRST_USER;
        for piece in &self.pieces {
            level = level.min(piece.from);
            let meets = piece.meets(level, rate);
            let mut start = piece.start;
            if meets > 0.0 {
                let whole = meets >= piece.length;
                let (length, end, to) = match whole {
                    true => (piece.length, piece.end, level + rate * piece.length),
                    false => (meets, piece.start + meets, piece.level(meets)),
                };
                let to = to.min(piece.from.max(piece.to));
                climbing.push((start, length, end, level, to));
                (start, level) = (end, to);
            }
            if meets < piece.length {
                climbing.push((start, piece.length - meets, piece.end, level, piece.to));
                level = piece.to;
            }
        }
        let mut before = 0.0;
        let piece = |(start, length, end, from, to)| {
            let piece = Piece {
                start,
                length,
                end,
                from,
                to,
                before,
            };
            before += piece.area(length);
            piece
        };
        Self {
            pieces: climbing.into_iter().map(piece).collect(),
            length: self.length,
        }
    }

    /// How long the line is.
    #[must_use]
    pub fn length(&self) -> Duration {
        Duration::from_secs_f64(self.length)
    }

    /// The level at a time: that after a jump; zero beyond the end.
    #[must_use]
    pub fn level(&self, at: Duration) -> f64 {
        let at = at.as_secs_f64();
        let piece = self
            .pieces
            .iter()
            .rev()
            .find(|piece| piece.start <= at && at < piece.end);
        piece.map_or(0.0, |piece| piece.level(at - piece.start))
    }

    /// The highest level.
    #[must_use]
    pub fn highest(&self) -> f64 {
        self.pieces
            .iter()
            .flat_map(|piece| [piece.from, piece.to])
            .fold(0.0, f64::max)
    }

    /// The integral over the whole line.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.pieces
            .last()
            .map_or(0.0, |piece| piece.before + piece.area(piece.length))
    }

    /// The time from which on the integral is above `amount`: where the level pauses at zero, the end of the pause. None
    /// where it never is.
    #[must_use]
    pub fn passes(&self, amount: f64) -> Option<Duration> {
        // A sum of roundings must not put at the end of a piece what belongs to what follows, or to nothing.
        let rounding = self.total() * ROUNDING;
        let end = |piece: &Piece| piece.before + piece.area(piece.length) - rounding;
        let piece = self.pieces.iter().find(|piece| amount < end(piece))?;
        let at = piece.start + piece.time_of(amount - piece.before);
        Some(Duration::from_secs_f64(at)).filter(|at| *at < self.length())
    }

    /// The times at which the level is at or above `threshold`, as half-open intervals, each with the number of the piece
    /// in which it begins.
    pub fn times_above(&self, threshold: f64) -> impl Iterator<Item = (usize, Duration, Duration)> {
        let pieces = self.pieces.iter().enumerate();
        let above =
            pieces.filter_map(move |(number, piece)| Some((number, piece.above(threshold)?)));
        let mut above = above.peekable();
        let times = std::iter::from_fn(move || {
            let (number, (from, mut until)) = above.next()?;
            while let Some((_, (_, end))) = above.next_if(|(_, (next, _))| until >= *next) {
                until = end;
            }
            Some((number, from, until))
        });
        // A level that only touches the threshold is never above it for a time.
        let long = times.filter(|(_, from, until)| from < until);
        long.map(|(number, from, until)| {
            let (from, until) = (
                Duration::from_secs_f64(from),
                Duration::from_secs_f64(until),
            );
            (number, from, until)
        })
    }

    /// The level at the end of the piece before one, and at its own start and end; none beyond the last.
    pub(super) fn levels(&self, piece: usize) -> Option<(f64, f64, f64)> {
        let (from, to) = self.pieces.get(piece).map(|piece| (piece.from, piece.to))?;
        let before = piece
            .checked_sub(1)
            .map_or(0.0, |last| self.pieces[last].to);
        Some((before, from, to))
    }

    /// The levels at which pieces begin and end.
    pub(super) fn corners(&self) -> impl Iterator<Item = f64> {
        self.pieces.iter().flat_map(|piece| [piece.from, piece.to])
    }
}

impl Piece {
    fn slope(&self) -> f64 {
        (self.to - self.from) / self.length
    }

    fn level(&self, at: f64) -> f64 {
        self.from + self.slope() * at
    }

    /// The integral over the first `at` seconds of the piece.
    fn area(&self, at: f64) -> f64 {
        at * (self.from + self.slope() * at / 2.0)
    }

    /// The time within the piece at which its integral reaches `area`.
    ///
    /// The root of slope/2·t² + from·t = area in the form that loses no digits where the slope is small.
    fn time_of(&self, area: f64) -> f64 {
        if area <= 0.0 {
            return 0.0;
        }
        let discriminant = (self.from * self.from + 2.0 * self.slope() * area).max(0.0);
        (2.0 * area / (self.from + discriminant.sqrt())).clamp(0.0, self.length)
    }

    /// How long it takes, from its start, until a level that is no higher there and climbs by `rate` in a second meets it;
    /// infinite where it never does.
    fn meets(&self, level: f64, rate: f64) -> f64 {
        let (gap, closing) = (self.from - level, rate - self.slope());
        match gap > 0.0 {
            true if closing > 0.0 => gap / closing,
            false if closing >= 0.0 => 0.0,
            _ => f64::INFINITY,
        }
    }

    /// Where the piece is at or above `threshold`.
    fn above(&self, threshold: f64) -> Option<(f64, f64)> {
        let crossing = || (self.start + (threshold - self.from) / self.slope()).min(self.end);
        match (self.from >= threshold, self.to >= threshold) {
            (true, true) => Some((self.start, self.end)),
            (true, false) => Some((self.start, crossing())),
            (false, true) => Some((crossing(), self.end)),
            (false, false) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the line begins, bends, jumps and ends: (seconds, level).
    fn corners(line: &Line) -> Vec<(f64, f64)> {
        let ends = |piece: &Piece| [(piece.start, piece.from), (piece.end, piece.to)];
        let mut corners: Vec<(f64, f64)> = line.pieces.iter().flat_map(ends).collect();
        let rounded = |number: &mut f64| *number = (*number * 1e9).round() / 1e9;
        for (at, level) in &mut corners {
            rounded(at);
            rounded(level);
        }
        corners.dedup();
        corners
    }

    /// What becomes of a line that begins at `from` if it climbs by ten in a second at most.
    #[track_caller]
    fn check(from: f64, stages: &[(u64, f64)], expected: &[(f64, f64)]) {
        let stages = stages.iter();
        let stages = stages.map(|(seconds, target)| (Duration::from_secs(*seconds), *target));
        let line = Line::ramps(from, stages);
        let climbing = line.climbing_at_most(10.0);
        assert_eq!(corners(&climbing), expected, "{line:?}");
        assert_eq!(climbing.length(), line.length());
        for (one, next) in climbing.pieces.iter().zip(climbing.pieces.iter().skip(1)) {
            assert!(
                one.end.to_bits() == next.start.to_bits(),
                "no hole: {climbing:?}"
            );
        }
        let area: f64 = climbing
            .pieces
            .iter()
            .map(|piece| piece.area(piece.length))
            .sum();
        assert!((climbing.total() - area).abs() < 1e-9);
    }

    #[test]
    fn a_line_climbs_no_faster_than_it_may() {
        // It begins with the first user, and stays where it would have been.
        check(20.5, &[(5, 20.5)], &[(0.0, 0.5), (2.0, 20.5), (5.0, 20.5)]);
        check(0.0, &[(5, 20.0)], &[(0.0, 0.0), (5.0, 20.0)]);
        check(0.5, &[(5, 50.5)], &[(0.0, 0.5), (5.0, 50.5)]);
        // Too steep: it catches up later, or never.
        check(
            0.0,
            &[(1, 20.0), (5, 20.0)],
            &[(0.0, 0.0), (1.0, 10.0), (2.0, 20.0), (6.0, 20.0)],
        );
        check(
            0.0,
            &[(1, 20.0), (5, 45.0)],
            &[(0.0, 0.0), (1.0, 10.0), (3.0, 30.0), (6.0, 45.0)],
        );
        check(99.0, &[(2, 99.0)], &[(0.0, 0.5), (2.0, 20.5)]);
        // A jump up is a climb, a jump down is none; who has gone leaves nothing to catch up with.
        check(
            0.5,
            &[(1, 0.5), (0, 30.5), (4, 30.5), (0, 5.0), (1, 5.0)],
            &[
                (0.0, 0.5),
                (1.0, 0.5),
                (4.0, 30.5),
                (5.0, 30.5),
                (5.0, 5.0),
                (6.0, 5.0),
            ],
        );
        check(
            0.0,
            &[(1, 90.0), (1, 0.0), (1, 0.0), (1, 90.0)],
            &[
                (0.0, 0.0),
                (1.0, 10.0),
                (1.8, 18.0),
                (2.0, 0.0),
                (3.0, 0.0),
                (4.0, 10.0),
            ],
        );
    }

    #[test]
    fn every_user_of_a_high_level_has_an_instant_of_its_own() {
        for rate in [0.1, 3.0, 1_000.0, 333.333] {
            let line = Line::constant(5_000.0, Duration::from_secs(100_000));
            let climbing = line.climbing_at_most(rate);
            for user in [0, 1, 2, 777, 4_999] {
                let comes: Vec<_> = climbing.times_above(f64::from(user) + 0.5).collect();
                let exact = Duration::from_secs_f64(f64::from(user) / rate);
                assert_eq!(comes.len(), 1, "user {user}");
                let (_, from, until) = comes[0];
                assert!(
                    from.abs_diff(exact) <= Duration::from_nanos(1),
                    "{from:?} is not {exact:?}"
                );
                assert_eq!(until, line.length());
            }
        }
    }
}
