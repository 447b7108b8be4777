//! The files that `--out` names: opened before the run, written after it.

use crate::{
    args::{Format, Out},
    environment::{Environment, append, overwrite},
    error::Error,
    interval_log::IntervalLog,
    taken::{Taken, unwritable},
};
use loadgen_capacity::Stress;
use loadgen_report::{
    Header, Report, write_comparison_github, write_comparison_json, write_comparison_junit,
    write_comparison_markdown, write_csv, write_github, write_json, write_junit, write_markdown,
    write_stress_csv, write_stress_github, write_stress_json, write_stress_junit,
    write_stress_markdown, write_stress_svg,
};
use loadgen_stats::Comparison;
use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

/// What GitHub Actions shows below a job: steps add to it.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// Where results go.
#[derive(Default)]
pub(crate) struct Outputs {
    results: Vec<(Format, Place)>,
    /// The places of run logs, which are written as the run goes.
    logs: Vec<(PathBuf, File)>,
    /// The places of interval logs, which are too.
    hlogs: Vec<Place>,
    takes_standard_output: bool,
}

/// Where one result goes.
pub(crate) enum Place {
    StandardOutput,
    File {
        path: PathBuf,
        file: File,
        /// Whether what it holds stays.
        adds: bool,
    },
}

impl Outputs {
    /// Opens every place, so that a run is not for nothing. None may be in `taken`, where they are added.
    pub(crate) fn open(
        outs: &[Out],
        taken: &mut Taken,
        environment: &Environment,
    ) -> Result<Self, Error> {
        let mut outputs = Self::default();
        for (at, Out { format, path }) in outs.iter().enumerate() {
            if outs[..at].iter().any(|other| other.path == *path) {
                let path = path.display();
                return Err(Error::usage(format!("two outputs cannot go to `{path}`")));
            }
            if path == Path::new("-") {
                if *format == Format::Log {
                    let message = "a run log needs a file: it is written as the run goes";
                    return Err(Error::usage(message));
                }
                outputs.takes_standard_output |= *format != Format::Github;
                match format {
                    Format::Hlog => outputs.hlogs.push(Place::StandardOutput),
                    _ => outputs.results.push((*format, Place::StandardOutput)),
                }
                continue;
            }
            let file = taken.open(path, environment)?;
            outputs.take(*format, path, file, environment);
        }
        Ok(outputs)
    }

    fn take(&mut self, format: Format, path: &Path, file: File, environment: &Environment) {
        let path = path.to_owned();
        let shown = environment.var(STEP_SUMMARY);
        match format {
            Format::Log => self.logs.push((path, file)),
            Format::Hlog => {
                let adds = true;
                self.hlogs.push(Place::File { path, file, adds });
            }
            _ => {
                let adds = format == Format::Markdown
                    && shown.is_some_and(|shown| path == Path::new(shown));
                self.results
                    .push((format, Place::File { path, file, adds }));
            }
        }
    }

    /// Begins the run logs that were asked for: their files, empty from now on.
    pub(crate) fn begin_logs(
        &mut self,
        environment: &Environment,
    ) -> Result<Vec<(PathBuf, File)>, Error> {
        let logs = std::mem::take(&mut self.logs);
        for (path, file) in &logs {
            clear(path, file, environment)?;
        }
        Ok(logs)
    }

    /// Whether a result takes the standard output for itself, so that text for people must go elsewhere. Annotations do
    /// not: they are found among other lines.
    pub(crate) const fn take_standard_output(&self) -> bool {
        self.takes_standard_output
    }

    /// Begins the interval logs that were asked for.
    pub(crate) fn begin_hlogs<'a>(
        &mut self,
        header: &Header,
        environment: &'a Environment,
    ) -> Result<Vec<IntervalLog<'a>>, Error> {
        let places = std::mem::take(&mut self.hlogs);
        for place in &places {
            if let Place::File { path, file, .. } = place {
                clear(path, file, environment)?;
            }
        }
        let begin = |place| IntervalLog::begin(place, header, environment);
        Ok(places.into_iter().map(begin).collect())
    }

    /// Finishes the interval logs and writes every result. One that cannot be written keeps no other from it: each is
    /// told, the last as the error.
    pub(crate) fn write(
        &self,
        report: &Report<'_>,
        hlogs: Vec<IntervalLog<'_>>,
        environment: &Environment,
    ) -> Result<(), Error> {
        let hlogs = hlogs.into_iter().map(IntervalLog::finish);
        let results = self.results(
            |format| match (format, report.comparison) {
                (Format::Comparison, Some(comparison)) => render_comparison(format, comparison),
                (Format::Comparison, None) => Ok(None),
                _ => render(format, report).map(Some),
            },
            environment,
        );
        all_told(hlogs.chain(results), environment)
    }

    /// Writes what a search came to, as [`Self::write`] does.
    pub(crate) fn write_stress(
        &self,
        report: &Report<'_>,
        stress: &Stress,
        hlogs: Vec<IntervalLog<'_>>,
        environment: &Environment,
    ) -> Result<(), Error> {
        let hlogs = hlogs.into_iter().map(IntervalLog::finish);
        let render = |format| render_stress(format, report, stress).map(Some);
        all_told(hlogs.chain(self.results(render, environment)), environment)
    }

    /// Writes what a comparison came to, as [`Self::write`] does.
    pub(crate) fn write_comparison(
        &self,
        comparison: &Comparison,
        environment: &Environment,
    ) -> Result<(), Error> {
        let results = self.results(|format| render_comparison(format, comparison), environment);
        all_told(results, environment)
    }

    fn results(
        &self,
        render: impl Fn(Format) -> io::Result<Option<Vec<u8>>>,
        environment: &Environment,
    ) -> impl Iterator<Item = Result<(), Error>> {
        self.results.iter().map(move |(format, place)| {
            let bytes = render(*format).map_err(|error| Error::failed("write a result", error))?;
            let Some(bytes) = bytes else { return Ok(()) };
            place
                .put(&bytes, environment)
                .map_err(|error| Error::failed(format!("write {}", place.shown()), error))
        })
    }
}

/// Refuses a chart where there is no search.
pub(crate) fn refuse_svg(outs: &[Out]) -> Result<(), Error> {
    if outs.iter().any(|out| out.format == Format::Svg) {
        return Err(Error::usage("--out svg= draws the levels of a search")
            .hint("loadgen stress searches for the breaking point"));
    }
    Ok(())
}

/// Does all; tells every failure, the last as the error.
fn all_told(
    all: impl Iterator<Item = Result<(), Error>>,
    environment: &Environment,
) -> Result<(), Error> {
    let mut failed: Vec<Error> = all.filter_map(Result::err).collect();
    let last = failed.pop();
    for error in failed {
        error.show(environment, false);
    }
    last.map_or(Ok(()), Err)
}

impl Place {
    /// Writes the bytes, beside what was written before or instead.
    pub(crate) fn put(&self, bytes: &[u8], environment: &Environment) -> io::Result<()> {
        match self {
            Self::StandardOutput => environment.out.print(&String::from_utf8_lossy(bytes)),
            Self::File { path, file, adds } => {
                environment.begin_writing(path);
                let write = if *adds { append } else { overwrite };
                write(file, bytes)
            }
        }
    }

    /// What it is called in messages.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::StandardOutput => "to the standard output".to_owned(),
            Self::File { path, .. } => format!("`{}`", path.display()),
        }
    }
}

fn render(format: Format, report: &Report<'_>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match format {
        Format::Json => write_json(&mut bytes, report.header, report.summary),
        Format::Csv => write_csv(&mut bytes, report.summary),
        Format::Junit => write_junit(&mut bytes, report),
        Format::Markdown => write_markdown(&mut bytes, report),
        Format::Github => write_github(&mut bytes, report),
        // Written as the run goes; without a comparison there is none to write, and only a search has a chart.
        Format::Log | Format::Hlog | Format::Comparison | Format::Svg => Ok(()),
    }?;
    Ok(bytes)
}

fn render_stress(format: Format, report: &Report<'_>, stress: &Stress) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let Report {
        header, summary, ..
    } = *report;
    match format {
        Format::Json => write_stress_json(&mut bytes, header, summary, stress),
        Format::Csv => write_stress_csv(&mut bytes, stress),
        Format::Junit => write_stress_junit(&mut bytes, header, summary, stress),
        Format::Markdown => write_stress_markdown(&mut bytes, header, summary, stress),
        Format::Github => write_stress_github(&mut bytes, header, summary, stress),
        Format::Svg => write_stress_svg(&mut bytes, &header.name, stress),
        // Written as the run goes; refused before.
        Format::Log | Format::Hlog | Format::Comparison => Ok(()),
    }?;
    Ok(bytes)
}

/// None for formats that are refused before.
fn render_comparison(format: Format, comparison: &Comparison) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    match format {
        Format::Json | Format::Comparison => write_comparison_json(&mut bytes, comparison),
        Format::Junit => write_comparison_junit(&mut bytes, comparison),
        Format::Markdown => write_comparison_markdown(&mut bytes, comparison),
        Format::Github => write_comparison_github(&mut bytes, comparison),
        Format::Csv | Format::Svg | Format::Hlog | Format::Log => return Ok(None),
    }?;
    Ok(Some(bytes))
}

/// A log is appended to as the run goes; what was there would stand before it.
fn clear(path: &Path, file: &File, environment: &Environment) -> Result<(), Error> {
    environment.begin_writing(path);
    overwrite(file, b"").map_err(|error| unwritable(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{environment::fake::Stage, taken::End};
    use loadgen_report::Host;
    use loadgen_stats::{Layout, Ledger, Offset, RunEnd, StopReason};
    use serde_json::Value;
    use std::sync::Arc;

    fn outs(texts: &[&str]) -> Vec<Out> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn what_cannot_be_written_is_told_before_the_run() {
        let stage = Stage::new(&[]).file("file", "").file("input", "");
        std::os::unix::fs::symlink("file", stage.folder.path().join("link")).unwrap();
        for (given, opens) in [
            (
                &[
                    "json=a.json",
                    "json=b.json",
                    "junit=a.xml",
                    "markdown=a.md",
                    "csv=-",
                    "github=a.txt",
                    "log=run.jsonl",
                    "log=another.jsonl",
                ][..],
                true,
            ),
            (&["json=missing/a.json"], false),
            (&["csv=file/a.csv"], false),
            (&["log=-"], false),
            (&["hlog=-", "hlog=a.hlog"], true),
            (&["hlog=-", "csv=-"], false),
            (&["json=a", "log=a"], false),
            (&["json=a", "json=b", "junit=a"], false),
            (&["json=-", "github=-"], false),
            (&["json=a", "csv=./a"], false),
            (&["json=file", "csv=link"], false),
            (&["json=input"], false),
            (&["json=/dev/null", "csv=/dev/../dev/null"], true),
            (&[], true),
        ] {
            let mut taken = Taken::default();
            for input in ["input", "nowhere"] {
                taken.read(Path::new(input), End::Scenario, &stage.environment);
            }
            assert_eq!(
                Outputs::open(&outs(given), &mut taken, &stage.environment).is_ok(),
                opens,
                "{given:?}"
            );
        }
    }

    /// A run without any request, as one that was stopped at once.
    fn nothing() -> (Header, loadgen_stats::Summary) {
        let header = Header {
            version: "0.1.0".to_owned(),
            name: "idle".to_owned(),
            load: String::new(),
            plan: Value::Null,
            plan_hash: String::new(),
            seed: 7,
            started_at: "2026-03-01T12:00:00Z".to_owned(),
            target: None,
            target_is_embedded: false,
            host: Host::default(),
            layout: Layout::default(),
            thresholds: Vec::new(),
            measured: (Offset::ZERO, Offset::ZERO),
            strict: false,
            allow_all_failed: false,
        };
        let end = RunEnd::new(StopReason::Completed, header.measured, Offset::ZERO);
        let summary = Ledger::new(Arc::new(Layout::default()), Vec::new()).finish(&end);
        (header, summary)
    }

    #[track_caller]
    fn write(outputs: &Outputs, stage: &Stage) -> Result<(), Error> {
        let (header, summary) = nothing();
        let report = Report {
            header: &header,
            summary: &summary,
            comparison: None,
        };
        outputs.write(&report, Vec::new(), &stage.environment)
    }

    #[test]
    fn what_a_log_held_stays_until_the_run_begins() {
        let stage = Stage::new(&[])
            .file("run.jsonl", "old")
            .file("run.hlog", "old");
        let given = outs(&["log=run.jsonl", "hlog=run.hlog", "log=new.jsonl"]);
        let open = || Outputs::open(&given, &mut Taken::default(), &stage.environment).unwrap();
        let text = |path| stage.environment.read_text(Path::new(path)).unwrap();
        drop(open());
        assert_eq!([text("run.jsonl"), text("run.hlog")], ["old", "old"]);
        let mut outputs = open();
        let logs = outputs.begin_logs(&stage.environment).unwrap();
        assert_eq!(logs.len(), 2);
        drop(
            outputs
                .begin_hlogs(&nothing().0, &stage.environment)
                .unwrap(),
        );
        assert_eq!(text("run.jsonl"), "");
        assert!(!text("run.hlog").contains("old"));
        stage.environment.fresh.sweep();
        assert!(stage.environment.is_there(Path::new("new.jsonl")));
    }

    #[test]
    fn every_place_gets_its_format() {
        let old = "something longer that was there before, and goes on and on";
        let stage = Stage::new(&[]).file("a.csv", old);
        let given = [
            "json=-",
            "csv=a.csv",
            "junit=a.xml",
            "markdown=a.md",
            "github=a.txt",
        ];
        let outputs =
            Outputs::open(&outs(&given), &mut Taken::default(), &stage.environment).unwrap();
        assert!(outputs.take_standard_output());
        write(&outputs, &stage).unwrap();
        assert!(
            stage
                .out
                .text()
                .starts_with("{\n  \"schema\": \"loadgen.summary/1\"")
        );
        for (path, begin) in [
            ("a.csv", "start_s,end_s,vus,"),
            (
                "a.xml",
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>",
            ),
            ("a.md", "### ✅ `idle` passed"),
            ("a.txt", "::notice title=idle%3A passed::"),
        ] {
            let text = stage.environment.read_text(Path::new(path)).unwrap();
            assert!(text.starts_with(begin), "{text}");
            assert!(!text.contains(old), "{text}");
        }
    }

    #[test]
    fn the_summary_of_a_job_is_added_to() {
        let there = "### another step\n";
        for (variable, format, kept) in [
            ("sum.md", "markdown", true),
            ("other.md", "markdown", false),
            ("sum.md", "csv", false),
            ("", "markdown", false),
        ] {
            let stage = Stage::new(&[])
                .var(STEP_SUMMARY, variable)
                .file("sum.md", there);
            let given = outs(&[&format!("{format}=sum.md")]);
            let outputs = Outputs::open(&given, &mut Taken::default(), &stage.environment).unwrap();
            write(&outputs, &stage).unwrap();
            let text = stage.environment.read_text(Path::new("sum.md")).unwrap();
            assert_eq!(text.starts_with(there), kept, "{variable} {format}: {text}");
            assert!(text.len() > there.len() && text.contains("idle") != (format == "csv"));
        }
    }

    #[test]
    fn annotations_stand_among_other_lines() {
        let stage = Stage::new(&[]);
        for (given, taken) in [
            ("github=-", false),
            ("csv=-", true),
            ("hlog=-", true),
            ("junit=a", false),
        ] {
            let outputs =
                Outputs::open(&outs(&[given]), &mut Taken::default(), &stage.environment).unwrap();
            assert_eq!(outputs.take_standard_output(), taken, "{given}");
        }
    }

    #[test]
    fn a_full_disk_is_an_error_that_loses_nothing_else() {
        let stage = Stage::new(&[]);
        let given = [
            "json=/dev/full",
            "csv=a.csv",
            "junit=/dev/../dev/full",
            "markdown=a.md",
        ];
        let outputs =
            Outputs::open(&outs(&given), &mut Taken::default(), &stage.environment).unwrap();
        let error = write(&outputs, &stage).unwrap_err();
        error.show(&stage.environment, false);
        for path in ["/dev/full", "/dev/../dev/full"] {
            let told = format!("error: failed to write `{path}`: ");
            assert_eq!(
                stage.err.text().matches(&told).count(),
                1,
                "{}",
                stage.err.text()
            );
        }
        for path in ["a.csv", "a.md"] {
            let text = stage.environment.read_text(Path::new(path)).unwrap();
            assert!(!text.is_empty(), "{path}");
        }
    }
}
