//! A distribution in few bytes, for keeping many of them.

use crate::{CellParts, TrendCell};

/// A distribution without its cut waits: the steps from bucket to bucket and their counts as variable-length integers,
/// two to four bytes for each bucket that is not empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packed {
    buckets: Box<[u8]>,
    min: u64,
    max: u64,
    sum: u128,
    censored: u64,
    censored_min: u64,
}

impl Packed {
    pub(crate) fn new(cell: &TrendCell) -> Self {
        let mut buckets = Vec::new();
        let mut last = 0;
        for step in cell.histogram().iter_recorded() {
            let value = step.value_iterated_to();
            write(&mut buckets, value - last);
            write(&mut buckets, step.count_at_value());
            last = value;
        }
        let CellParts {
            min_nanos,
            max_nanos,
            sum_nanos,
            censored,
            censored_min_nanos,
            ..
        } = cell.to_parts();
        Self {
            buckets: buckets.into(),
            min: min_nanos,
            max: max_nanos,
            sum: sum_nanos,
            censored,
            censored_min: censored_min_nanos,
        }
    }

    pub(crate) fn unpack(&self) -> TrendCell {
        let mut histogram = TrendCell::new().to_parts().histogram;
        let mut bytes = self.buckets.iter().copied();
        let mut value = 0;
        while let Some(step) = read(&mut bytes) {
            let count = read(&mut bytes).unwrap_or(0);
            value += step;
            if histogram.record_n(value, count).is_err() {
                histogram.saturating_record_n(value, count);
            }
        }
        TrendCell::from_parts(CellParts {
            histogram,
            cut: None,
            min_nanos: self.min,
            max_nanos: self.max,
            sum_nanos: self.sum,
            censored: self.censored,
            censored_min_nanos: self.censored_min,
        })
    }
}

/// Seven bits a byte, the lowest first; the top bit says that more follow.
fn write(into: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        into.push(number as u8 | 0x80);
        number >>= 7;
    }
    into.push(number as u8);
}

fn read(bytes: &mut impl Iterator<Item = u8>) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = bytes.next()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_is_packed_comes_out_again() {
        let cases: [&[u64]; 4] = [
            &[],
            &[0],
            &[1, 1, 1, 2_000, 2_001, 3_599_999_999],
            &[u64::MAX / 1000, 5],
        ];
        for micros in cases {
            let mut cell = TrendCell::new();
            for &value in micros {
                cell.record(Duration::from_micros(value));
            }
            cell.record_censored(Duration::from_millis(1234));
            assert_eq!(Packed::new(&cell).unpack(), cell, "{micros:?}");
        }
    }
}
