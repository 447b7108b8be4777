//! A level that moves in straight lines over time, with its integral and the inverse of that.

use std::time::Duration;

/// By so much of the whole the area under a line may be off: far less than an arrival, far more than f64's own steps.
const ROUNDING: f64 = 1e-12;

/// A piecewise linear level over time: users, or arrivals per second. Never below zero.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pieces: Vec<Piece>,
}

/// One straight piece; times in seconds from the start of the line.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Piece {
    start: f64,
    length: f64,
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
                    from: level,
                    to,
                    before,
                });
            }
            before += length * (level + to) / 2.0;
            at += length;
            level = to;
        }
        Self { pieces }
    }

    /// How long the line is.
    #[must_use]
    pub fn length(&self) -> Duration {
        Duration::from_secs_f64(
            self.pieces
                .last()
                .map_or(0.0, |piece| piece.start + piece.length),
        )
    }

    /// The level at a time: that after a jump; zero beyond the end.
    #[must_use]
    pub fn level(&self, at: Duration) -> f64 {
        let at = at.as_secs_f64();
        let piece = self
            .pieces
            .iter()
            .rev()
            .find(|piece| piece.start <= at && at < piece.start + piece.length);
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

    /// Where the piece is at or above `threshold`.
    fn above(&self, threshold: f64) -> Option<(f64, f64)> {
        let end = self.start + self.length;
        let crossing = || (self.start + (threshold - self.from) / self.slope()).min(end);
        match (self.from >= threshold, self.to >= threshold) {
            (true, true) => Some((self.start, end)),
            (true, false) => Some((self.start, crossing())),
            (false, true) => Some((crossing(), end)),
            (false, false) => None,
        }
    }
}
