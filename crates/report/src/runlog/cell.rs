//! One distribution in a run log: its exact numbers, and the histogram in HdrHistogram's V2 + DEFLATE encoding.

use crate::error::Damage;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::read::ZlibDecoder;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer as _, V2DeflateSerializer};
use loadgen_stats::{CellParts, LONGEST, TrendCell};
use serde::{Deserialize, Serialize};
use std::io::Read as _;

/// No count of a record may pass this: a larger one is damage, and sums over all records cannot overflow.
pub(super) const LARGEST_COUNT: u64 = 1 << 40;

/// Cut requests are judged one by one, and no run has more under way.
const LARGEST_CUT: u64 = 1 << 24;

const COMPRESSED: u32 = 0x1c84_9314;
const PLAIN: u32 = 0x1c84_9313;
const DIGITS: u8 = 3;
/// Cookie, length, offset, digits, lowest, highest, ratio.
const HEAD: usize = 40;
/// More than the table of an hour of microseconds takes: 24,000 places of at most nine bytes.
const LARGEST_PAYLOAD: u64 = 512 * 1024;
/// Values below this have a place each; above, every doubling has as many places.
const HALF: u64 = 1024;

/// One distribution. Without `hdr` all `n` samples are equal to `min_ns`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct CellRecord {
    /// Number of samples.
    n: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    min_ns: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_ns: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sum_ns: Option<Wide>,
    /// Microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hdr: Option<String>,
    /// Samples that are lower bounds, and the shortest of them.
    #[serde(default, skip_serializing_if = "is_zero")]
    censored: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    censored_min_ns: u64,
    /// Microseconds that cut requests had waited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cut: Option<String>,
}

/// A sum that JSON numbers of 64 bits may be too small for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Wide {
    Small(u64),
    Large(String),
}

impl CellRecord {
    pub(super) fn of(cell: &TrendCell) -> Self {
        let parts = cell.to_parts();
        let n = parts.histogram.len();
        let cut = parts.cut.as_ref().map(encode);
        let censored = (parts.censored, parts.censored_min_nanos);
        let base = Self {
            n,
            min_ns: parts.min_nanos,
            censored: censored.0,
            censored_min_ns: censored.1,
            cut,
            ..Self::default()
        };
        if parts.min_nanos == parts.max_nanos || n == 0 {
            return base;
        }
        let sum = u64::try_from(parts.sum_nanos)
            .map_or_else(|_| Wide::Large(parts.sum_nanos.to_string()), Wide::Small);
        Self {
            max_ns: Some(parts.max_nanos),
            sum_ns: Some(sum),
            hdr: Some(encode(&parts.histogram)),
            ..base
        }
    }

    /// The distribution, if its numbers do not contradict each other.
    pub(super) fn restore(&self) -> Result<TrendCell, Damage> {
        let max_nanos = self
            .max_ns
            .unwrap_or(if self.n == 0 { 0 } else { self.min_ns });
        let equal = u128::from(self.min_ns) * u128::from(self.n);
        let sum_nanos = match &self.sum_ns {
            None => equal,
            Some(Wide::Small(sum)) => u128::from(*sum),
            Some(Wide::Large(text)) => text
                .parse()
                .map_err(|_| Damage::new(format!("the sum {text:?} is no number")))?,
        };
        let histogram = match &self.hdr {
            Some(text) => decode(text)?,
            None => repeated(self.min_ns, self.n)?,
        };
        let cut = self.cut.as_deref().map(decode).transpose()?;
        self.verify(&histogram, max_nanos, sum_nanos)?;
        if cut.as_ref().is_some_and(|cut| cut.len() > LARGEST_CUT) {
            return Err(Damage::new(
                "the count of cut requests is out of all bounds",
            ));
        }
        Ok(TrendCell::from_parts(&CellParts {
            histogram,
            cut,
            min_nanos: self.min_ns,
            max_nanos,
            sum_nanos,
            censored: self.censored,
            censored_min_nanos: self.censored_min_ns,
        }))
    }

    fn verify(&self, histogram: &Histogram<u64>, max: u64, sum: u128) -> Result<(), Damage> {
        let n = u128::from(self.n);
        let in_bounds = u128::from(self.min_ns) * n <= sum && sum <= u128::from(max) * n;
        let censored_fits = self.censored <= self.n
            && (self.censored == 0 || (self.min_ns..=max).contains(&self.censored_min_ns));
        let highest = histogram.is_empty() || histogram.equivalent(histogram.max(), micros(max));
        let lowest =
            histogram.is_empty() || histogram.equivalent(histogram.min(), micros(self.min_ns));
        if histogram.len() != self.n {
            return Err(Damage::new(format!(
                "a histogram holds {} samples where {} are told",
                histogram.len(),
                self.n
            )));
        }
        if self.min_ns > max || !in_bounds || !censored_fits || !highest || !lowest {
            return Err(Damage::new(
                "the least, the greatest and the sum of a distribution contradict its histogram",
            ));
        }
        Ok(())
    }
}

/// The histogram as text: HdrHistogram V2, deflated, in base64.
pub(crate) fn encode(histogram: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    V2DeflateSerializer::new()
        .serialize(histogram, &mut bytes)
        .expect("writing to memory does not fail, and the table is small");
    STANDARD.encode(bytes)
}

/// Reads what [`encode`] wrote, by hand: the library's reader trusts the lengths in the bytes and overflows on some.
fn decode(text: &str) -> Result<Histogram<u64>, Damage> {
    let bytes = STANDARD
        .decode(text)
        .map_err(|error| Damage::new(format!("a histogram is no base64: {error}")))?;
    let broken = |what: &str| Damage::new(format!("a histogram is broken: {what}"));
    let (head, packed) = bytes
        .split_at_checked(8)
        .ok_or_else(|| broken("it is too short"))?;
    if be32(head, 0) != COMPRESSED {
        return Err(broken("it is not in the compressed V2 encoding"));
    }
    if packed.len() as u64 != u64::from(be32(head, 4)) {
        return Err(broken("its length is not the one it tells"));
    }
    let mut plain = Vec::new();
    let mut inflate = ZlibDecoder::new(packed).take(LARGEST_PAYLOAD);
    inflate
        .read_to_end(&mut plain)
        .map_err(|error| broken(&error.to_string()))?;
    let (head, counts) = plain
        .split_at_checked(HEAD)
        .ok_or_else(|| broken("it is too short"))?;
    let known = be32(head, 0) == PLAIN
        && u64::from(be32(head, 4)) == counts.len() as u64
        && be32(head, 8) == 0
        && be32(head, 12) == u32::from(DIGITS)
        && be64(head, 16) == 1
        && f64::from_bits(be64(head, 32)) == 1.0;
    if !known {
        return Err(broken("it is not of whole microseconds at three digits"));
    }
    counted(counts)
}

/// The histogram of encoded counts: place after place, negative numbers skip as many places.
fn counted(mut counts: &[u8]) -> Result<Histogram<u64>, Damage> {
    let mut histogram = empty();
    let mut place: u64 = 0;
    while !counts.is_empty() {
        let number = varint(&mut counts)?;
        let (magnitude, negative) = ((number >> 1) + (number & 1), number & 1 == 1);
        if magnitude > LARGEST_COUNT {
            return Err(Damage::new(
                "a histogram is broken: a count is out of all bounds",
            ));
        }
        if negative {
            place += magnitude;
        } else {
            record(&mut histogram, value_at(place), magnitude)?;
            place += 1;
        }
    }
    Ok(histogram)
}

/// One number in the encoding ZigZag LEB128-64b9B: nine bytes at most, the ninth whole.
fn varint(bytes: &mut &[u8]) -> Result<u64, Damage> {
    let mut number = 0;
    for place in 0..9 {
        let (&byte, rest) = bytes
            .split_first()
            .ok_or_else(|| Damage::new("a histogram is broken: it ends early"))?;
        *bytes = rest;
        if place == 8 {
            return Ok(number | u64::from(byte) << 56);
        }
        number |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Ok(number)
}

/// The least value of a place in the table; beyond any limit for places that no table has.
const fn value_at(place: u64) -> u64 {
    if place < 2 * HALF {
        return place;
    }
    let doublings = place / HALF - 1;
    if doublings > 40 {
        u64::MAX
    } else {
        (place % HALF + HALF) << doublings
    }
}

fn record(histogram: &mut Histogram<u64>, micros: u64, count: u64) -> Result<(), Damage> {
    if count == 0 {
        return Ok(());
    }
    let too_much = || {
        Damage::new(
            "a histogram is broken: a value is over an hour, or a count is out of all bounds",
        )
    };
    if u128::from(micros) > LONGEST.as_micros() || histogram.len() + count > LARGEST_COUNT {
        return Err(too_much());
    }
    histogram.record_n(micros, count).map_err(|_| too_much())
}

fn repeated(nanos: u64, count: u64) -> Result<Histogram<u64>, Damage> {
    let mut histogram = empty();
    if count > LARGEST_COUNT {
        return Err(Damage::new("a count is out of all bounds"));
    }
    record(&mut histogram, micros(nanos), count)?;
    Ok(histogram)
}

fn empty() -> Histogram<u64> {
    Histogram::new(DIGITS).expect("three digits are a valid precision")
}

/// Nanoseconds as the histograms hold them: nearest microsecond, an hour at most.
fn micros(nanos: u64) -> u64 {
    (nanos.saturating_add(500) / 1000).min(LONGEST.as_micros() as u64)
}

fn be32(bytes: &[u8], at: usize) -> u32 {
    let array = bytes.get(at..at + 4).and_then(|part| part.try_into().ok());
    array.map_or(0, u32::from_be_bytes)
}

fn be64(bytes: &[u8], at: usize) -> u64 {
    u64::from(be32(bytes, at)) << 32 | u64::from(be32(bytes, at + 4))
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn cell(nanos: &[u64], censored: &[u64], cut: &[u64]) -> TrendCell {
        let mut cell = TrendCell::new();
        nanos
            .iter()
            .for_each(|&nanos| cell.record(Duration::from_nanos(nanos)));
        censored
            .iter()
            .for_each(|&nanos| cell.record_censored(Duration::from_nanos(nanos)));
        cut.iter()
            .for_each(|&nanos| cell.record_cut(Duration::from_nanos(nanos)));
        cell
    }

    #[test]
    fn distributions_come_out_again() {
        const HOUR: u64 = 3600 * 1_000_000_000;
        let all: Vec<u64> = (0..5_000).map(|n: u64| n * n * 137_911).collect();
        let cases: [(&[u64], &[u64], &[u64]); 9] = [
            (&[], &[], &[]),
            (&[0, 0, 0], &[], &[]),
            (&[1_500], &[], &[]),
            (
                &[
                    1_499, 1_500, 2_047_000, 2_048_000, 2_049_000, 4_095_000, 4_096_000,
                ],
                &[],
                &[],
            ),
            (&[1, HOUR, HOUR + 1, 40 * HOUR], &[], &[]),
            (&[u64::MAX, u64::MAX, u64::MAX - 1], &[], &[]),
            (&[5_000_000], &[2_000_000, 9_000_000], &[]),
            (&[], &[], &[7_000_000_000, 7_000_000_000]),
            (&all, &all, &all),
        ];
        for (place, (nanos, censored, cut)) in cases.into_iter().enumerate() {
            let cell = cell(nanos, censored, cut);
            let text = serde_json::to_string(&CellRecord::of(&cell)).unwrap();
            let record: CellRecord = serde_json::from_str(&text).unwrap();
            assert_eq!(record.restore().unwrap(), cell, "case {place}: {text:.300}");
        }
    }

    /// Other programs read the histograms with their HdrHistogram.
    #[test]
    fn histograms_are_in_the_common_encoding() {
        let cell = cell(
            &[1_000_000, 2_500_000, 2_500_000, 3_600_000_000_000],
            &[],
            &[],
        );
        let bytes = STANDARD.decode(encode(&cell.histogram())).unwrap();
        let found: Histogram<u64> = hdrhistogram::serialization::Deserializer::new()
            .deserialize(&mut bytes.as_slice())
            .unwrap();
        assert_eq!((found.len(), found.count_at(2_500)), (4, 2));
        assert_eq!(found.max(), cell.histogram().max());
    }

    #[test]
    fn places_are_those_of_the_library() {
        let mut histogram = empty();
        for value in [
            0,
            1,
            2_047,
            2_048,
            2_049,
            4_095,
            4_096,
            1_000_000,
            3_599_999_999,
            3_600_000_000,
        ] {
            histogram.record(value).unwrap();
        }
        let text = encode(&histogram);
        let found = decode(&text).unwrap();
        assert_eq!(found, histogram);
        // Places that no table has.
        assert_eq!(value_at(u64::MAX), u64::MAX);
        assert_eq!(value_at(42 * HALF), u64::MAX);
    }

    /// The bytes of a deflated histogram with that head and those counts.
    fn packed(head: [u64; 6], counts: &[u8]) -> String {
        let mut plain = Vec::new();
        let [cookie, length, offset, digits, low, ratio] = head;
        for word in [cookie, length, offset, digits] {
            plain.extend_from_slice(&(word as u32).to_be_bytes());
        }
        for word in [low, 3_600_000_000, ratio] {
            plain.extend_from_slice(&word.to_be_bytes());
        }
        plain.extend_from_slice(counts);
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, &plain).unwrap();
        let deflated = encoder.finish().unwrap();
        let mut bytes = COMPRESSED.to_be_bytes().to_vec();
        bytes.extend_from_slice(&(deflated.len() as u32).to_be_bytes());
        bytes.extend_from_slice(&deflated);
        STANDARD.encode(bytes)
    }

    #[test]
    fn hostile_histograms_are_refused() {
        let (plain, one) = (u64::from(PLAIN), 1.0_f64.to_bits());
        let nine = [0xff; 9];
        let good = packed([plain, 1, 0, 3, 1, one], &[2]);
        assert_eq!(decode(&good).unwrap().len(), 1);
        let long = vec![2; LARGEST_PAYLOAD as usize];
        let cases: [(&str, String); 12] = [
            (
                "of another kind",
                packed([plain + 1, 1, 0, 3, 1, one], &[2]),
            ),
            (
                "longer than told",
                packed([plain, 1, 0, 3, 1, one], &[2, 2]),
            ),
            (
                "told to be huge",
                packed([plain, u64::from(u32::MAX), 0, 3, 1, one], &[2]),
            ),
            ("shifted", packed([plain, 1, 7, 3, 1, one], &[2])),
            ("of other digits", packed([plain, 1, 0, 5, 1, one], &[2])),
            ("of another unit", packed([plain, 1, 0, 3, 1000, one], &[2])),
            (
                "of another ratio",
                packed([plain, 1, 0, 3, 1, 2.0_f64.to_bits()], &[2]),
            ),
            (
                "ends in a number",
                packed([plain, 1, 0, 3, 1, one], &[0x82]),
            ),
            ("the least number", packed([plain, 9, 0, 3, 1, one], &nine)),
            (
                "over an hour",
                packed([plain, 4, 0, 3, 1, one], &[0xff, 0xff, 0x0f, 2]),
            ),
            (
                "too long",
                packed([plain, long.len() as u64, 0, 3, 1, one], &long),
            ),
            ("cut", good[..good.len() - 8].to_owned()),
        ];
        for (what, text) in cases {
            assert!(decode(&text).is_err(), "{what}");
        }
    }
}
