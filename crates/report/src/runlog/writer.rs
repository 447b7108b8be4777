//! Appends a run log as the run goes.

use super::closing::{Closing, ClosingRecord};
use super::header::{Header, HeaderRecord};
use super::{Record, window::WindowRecord};
use crate::error::Error;
use crate::stress::record::{FoundRecord, LevelJson, SearchJson};
use loadgen_capacity::{Level, LoadUnit, SearchSettings, Stress};
use loadgen_stats::{Gathering, ProbeLayout, Window};
use serde::Serialize;
use std::io::Write;

/// Writes a run log: each record is one write of one whole line, so that a killed run loses at most the last.
///
/// The first error is returned; then the writer goes quiet, so that a full disk does not stop a run.
#[derive(Debug)]
pub struct RunLogWriter<W> {
    out: W,
    line: Vec<u8>,
    gathering: Gathering,
    windows: u64,
    failed: bool,
    probes: Vec<ProbeLayout>,
}

impl<W: Write> RunLogWriter<W> {
    /// Begins a run log. `out` should not buffer: a record that is not handed to the system is lost with the process.
    ///
    /// # Errors
    ///
    /// Where the first line cannot be written.
    pub fn new(out: W, header: &Header) -> Result<Self, Error> {
        let mut writer = Self {
            out,
            line: Vec::new(),
            gathering: Gathering::default(),
            windows: 0,
            failed: false,
            probes: header.layout.probes.clone(),
        };
        writer.write(&HeaderRecord::of(header))?;
        Ok(writer)
    }

    /// Appends the window: at once in the first hour of the run, later when ten seconds are gathered.
    ///
    /// # Errors
    ///
    /// Where it cannot be written, once: after that nothing is written any more.
    pub fn window(&mut self, window: &Window) -> Result<(), Error> {
        match self.gathering.take(window) {
            Some(complete) => self.record(&complete),
            None => Ok(()),
        }
    }

    /// Appends what is still gathered, and the closing record.
    ///
    /// # Errors
    ///
    /// As [`Self::window`].
    pub fn close(&mut self, closing: &Closing) -> Result<(), Error> {
        if let Some(gathered) = self.gathering.rest() {
            self.record(&gathered)?;
        }
        self.write(&Record::Closing(Box::new(ClosingRecord::of(
            closing,
            self.windows,
        ))))
    }

    /// Notes that the run is a search for the breaking point, and what it is to find.
    ///
    /// # Errors
    ///
    /// As [`Self::window`].
    pub fn search(
        &mut self,
        settings: &SearchSettings,
        unit: LoadUnit,
        required: Option<f64>,
        limits: &[String],
    ) -> Result<(), Error> {
        let search = SearchJson::of(settings, unit, required, limits);
        self.write(&Record::Search(Box::new(search)))
    }

    /// Appends a level of the search.
    ///
    /// # Errors
    ///
    /// As [`Self::window`].
    pub fn level(&mut self, level: &Level) -> Result<(), Error> {
        let record = LevelJson::of(level, &self.probes);
        self.write(&Record::Level(Box::new(record)))
    }

    /// Appends how the search ended.
    ///
    /// # Errors
    ///
    /// As [`Self::window`].
    pub fn found(&mut self, stress: &Stress) -> Result<(), Error> {
        self.write(&Record::Found(FoundRecord::of(stress)))
    }

    /// Whether every record so far was written.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        !self.failed
    }

    fn record(&mut self, window: &Window) -> Result<(), Error> {
        self.windows += 1;
        self.write(&Record::Window(Box::new(WindowRecord::of(window))))
    }

    fn write(&mut self, record: &impl Serialize) -> Result<(), Error> {
        if self.failed {
            return Ok(());
        }
        let written = self.write_line(record);
        self.failed = written.is_err();
        written
    }

    fn write_line(&mut self, record: &impl Serialize) -> Result<(), Error> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, record)?;
        self.line.push(b'\n');
        self.out.write_all(&self.line)?;
        self.out.flush()?;
        Ok(())
    }
}
