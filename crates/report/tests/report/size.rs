//! The sizes that docs/run-log.md tells of.

use crate::runs::{self, Script, ms};
use loadgen_report::RunLogWriter;
use loadgen_stats::VusRange;

/// Bytes of the record of one second with so many streams of 20 tokens.
fn record(streams: u64) -> usize {
    let header = runs::chat().header;
    let mut script = Script::new(&header.layout, ms(1000));
    for n in 0..streams {
        let (first, gap) = (
            runs::scatter(n, 150_000, 250_000),
            runs::scatter(n * 7, 15_000, 10_000),
        );
        runs::stream(&mut script, n * 1_000_000 / streams, first, gap);
    }
    script.close(1000, VusRange::steady(50));
    let mut bytes = Vec::new();
    let mut writer = RunLogWriter::new(&mut bytes, &header).unwrap();
    writer.window(&script.finish()[0]).unwrap();
    bytes.split(|byte| *byte == b'\n').nth(1).unwrap().len()
}

#[test]
fn records_are_small() {
    let cases = [(10, 4_000), (50, 4_500), (1_000, 6_500)];
    for (streams, at_most) in cases {
        let bytes = record(streams);
        assert!(
            bytes <= at_most,
            "{streams} streams a second take {bytes} bytes"
        );
        assert!(
            bytes * 2 > at_most,
            "{streams} streams a second take only {bytes} bytes: say so in docs/run-log.md"
        );
    }
}
