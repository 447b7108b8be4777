//! An interval log as the run goes: its place, and what happens when the disk fails.

use crate::{environment::Environment, error::Error, outputs::Place};
use loadgen_report::{Header, HlogWriter};
use loadgen_stats::Window;
use std::io::{self, Write};

/// An interval log that is written as the run goes. Once it fails it is silent: a full disk stops no run.
pub(crate) struct IntervalLog<'a> {
    shown: String,
    writer: Option<HlogWriter<Sink<'a>>>,
    trouble: Option<io::Error>,
}

struct Sink<'a> {
    place: Place,
    environment: &'a Environment,
}

impl<'a> IntervalLog<'a> {
    /// Begins the log in a place that was opened.
    pub(crate) fn begin(place: Place, header: &Header, environment: &'a Environment) -> Self {
        let mut log = Self {
            shown: place.shown(),
            writer: None,
            trouble: None,
        };
        match HlogWriter::new(Sink { place, environment }, header) {
            Ok(writer) => log.writer = Some(writer),
            Err(error) => log.trouble = Some(error),
        }
        log
    }

    /// Appends a window. Tells the first trouble, once.
    pub(crate) fn window(&mut self, window: &Window) -> Option<String> {
        let error = self.writer.as_mut()?.window(window).err()?;
        self.writer = None;
        let told = format!(
            "warning: failed to write {}: {error}; the run goes on",
            self.shown
        );
        self.trouble = Some(error);
        Some(told)
    }

    /// Appends what is left, and tells whether all was written.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        let finished = self.writer.as_mut().map_or(Ok(()), HlogWriter::finish);
        match self.trouble.or(finished.err()) {
            Some(error) => Err(Error::failed(format!("write {}", self.shown), error)),
            None => Ok(()),
        }
    }
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.place.put(bytes, self.environment)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
