//! Reads what is compared: a run log, or a summary.

use super::summary;
use crate::Header;
use crate::error::Error;
use crate::runlog::{METRIC_DEFINITIONS, RunLogReader, replay_each};
use loadgen_stats::{
    ComparedRun, RunData, RunFacts, RunSeries, SeriesBuilder, StopReason, Summary, Verdict,
};
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::time::Duration;

/// Reads a run log or the summary of a run, to be compared; `label`: what to call it.
///
/// # Errors
///
/// Where the input is neither, is damaged, or is of a newer format.
pub fn read_compared_run(label: &str, mut input: impl Read + Seek) -> Result<ComparedRun, Error> {
    let reason = match RunLogReader::new(BufReader::new(&mut input)) {
        Ok(reader) => {
            let definitions = reader.definitions();
            let mut series = SeriesBuilder::new(&reader.header().layout);
            let run = replay_each(reader, |window| series.push(window))?;
            let series = series.finish(run.measured);
            let mut compared = compared_run(label, &run.header, &run.summary, series);
            compared.facts.definitions = Some(definitions);
            compared.facts.ends_early = !run.is_complete;
            return Ok(compared);
        }
        Err(Error::NoRunLog { reason }) => reason,
        Err(error) => return Err(error),
    };
    input.seek(SeekFrom::Start(0))?;
    summary::read(label, input, reason)
}

/// A run that has just ended, to be compared.
#[must_use]
pub fn compared_run(
    label: &str,
    header: &Header,
    summary: &Summary,
    series: RunSeries,
) -> ComparedRun {
    ComparedRun {
        facts: RunFacts {
            measured: summary.measured,
            verdict: summary.verdict,
            stop_reason: summary.stop_reason,
            ..planned_facts(label, header)
        },
        data: RunData::Windows(Box::new(series)),
    }
}

/// What is known of a run before it begins, as if it will come to a good end.
#[must_use]
pub fn planned_facts(label: &str, header: &Header) -> RunFacts {
    let host = &header.host;
    let told = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    RunFacts {
        label: label.to_owned(),
        name: header.name.clone(),
        load: header.load.clone(),
        version: header.version.clone(),
        plan_hash: header.plan_hash.clone(),
        definitions: Some(METRIC_DEFINITIONS),
        hostname: told(&host.hostname),
        cpus: (host.cpus > 0).then_some(host.cpus as u64),
        arch: told(&host.arch),
        started_at: header.started_at.clone(),
        seed: header.seed,
        measured: Duration::ZERO,
        verdict: Verdict::Pass,
        stop_reason: StopReason::Completed,
        ends_early: false,
    }
}
