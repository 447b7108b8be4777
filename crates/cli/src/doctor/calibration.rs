//! What a machine was measured to drive: kept for later runs, which compare their plans with it.

use super::{
    bench::{Broke, Work},
    search::Found,
};
use crate::environment::Environment;
use loadgen_host::Facts;
use loadgen_scenario::Plan;
use serde_json::{Value, json};
use std::{
    io::{self, Write as _},
    path::PathBuf,
};

/// The format of the file.
const SCHEMA: &str = "loadgen.doctor/1";

/// What a machine was measured to drive.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Calibration {
    /// When it was measured, as `2026-11-21`.
    pub date: String,
    pub hostname: String,
    pub cpus: usize,
    pub version: String,
    pub ceilings: Vec<Ceiling>,
}

/// The highest level of one kind of work that held.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ceiling {
    pub work: Work,
    pub workers: usize,
    pub held: u64,
    /// What ended it: the generator, the target, the processors of both, or that no higher level was tried.
    pub broke: Option<Broke>,
}

impl Ceiling {
    pub(super) fn new(work: Work, workers: usize, found: Found<Broke>) -> Self {
        Self {
            work,
            workers,
            held: found.held,
            broke: found.broke,
        }
    }

    /// What so many workers drive at the most: each as much as one of these.
    fn most(&self, workers: usize) -> u64 {
        let times = workers as f64 / self.workers.max(1) as f64;
        (self.held as f64 * times.max(1.0)).round() as u64
    }

    /// What was the limit, in a word.
    pub(crate) const fn limited_by(&self) -> &'static str {
        match self.broke {
            Some(broke) => broke.name(),
            None => "bound",
        }
    }
}

impl Calibration {
    /// Without ceilings, of this machine and program.
    pub(super) fn here(date: String, facts: &Facts) -> Self {
        Self {
            date,
            hostname: facts.hostname.clone(),
            cpus: facts.cpus,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ceilings: Vec::new(),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let ceiling = |one: &Ceiling| {
            json!({
                "work": one.work.unit(),
                "workers": one.workers,
                "held": one.held,
                "limited_by": one.limited_by(),
            })
        };
        json!({
            "schema": SCHEMA,
            "date": self.date,
            "hostname": self.hostname,
            "cpus": self.cpus,
            "version": self.version,
            "ceilings": self.ceilings.iter().map(ceiling).collect::<Vec<_>>(),
        })
    }

    fn from_json(value: &Value) -> Option<Self> {
        let text = |key: &str| Some(value[key].as_str()?.to_owned());
        let ceiling = |one: &Value| {
            let work = Work::ALL
                .into_iter()
                .find(|work| one["work"] == work.unit())?;
            Some(Ceiling {
                work,
                workers: usize::try_from(one["workers"].as_u64()?).ok()?,
                held: one["held"].as_u64()?,
                broke: Broke::from_name(one["limited_by"].as_str()?),
            })
        };
        (value["schema"] == SCHEMA).then_some(())?;
        Some(Self {
            date: text("date")?,
            hostname: text("hostname")?,
            cpus: usize::try_from(value["cpus"].as_u64()?).ok()?,
            version: text("version")?,
            ceilings: value["ceilings"]
                .as_array()?
                .iter()
                .filter_map(ceiling)
                .collect(),
        })
    }

    /// Where it is kept; absent where the user has no folder for such things.
    pub(super) fn path(environment: &Environment) -> Option<PathBuf> {
        let cache = environment.var("XDG_CACHE_HOME").map(PathBuf::from);
        let cache = cache.filter(|path| path.is_absolute());
        let home = || Some(PathBuf::from(environment.var("HOME")?).join(".cache"));
        Some(cache.or_else(home)?.join("loadgen").join("doctor.json"))
    }

    /// Keeps it for later runs.
    pub(super) fn save(&self, environment: &Environment) -> io::Result<Option<PathBuf>> {
        let Some(path) = Self::path(environment) else {
            return Ok(None);
        };
        let mut file = environment.create_anew(&path)?;
        file.write_all(format!("{:#}\n", self.to_json()).as_bytes())?;
        Ok(Some(path))
    }

    /// The last one of this machine with this program; absent where there is none.
    pub(crate) fn last(environment: &Environment) -> Option<Self> {
        let text = environment.read_text(&Self::path(environment)?).ok()?;
        let found = Self::from_json(&serde_json::from_str(&text).ok()?)?;
        let here = Self::here(found.date.clone(), &Facts::read());
        let fits = (&found.hostname, found.cpus, &found.version)
            == (&here.hostname, here.cpus, &here.version);
        fits.then_some(found)
    }

    /// What a plan asks for beyond what so many workers were measured to drive, each a line.
    pub(crate) fn beyond(&self, plan: &Plan, workers: usize) -> Vec<String> {
        let demand = plan.demand();
        let asked = [
            (
                Work::Requests,
                demand.requests_per_second,
                "requests a second",
            ),
            (Work::Streams, demand.streams, "streams at the same time"),
        ];
        let beyond = asked.into_iter().filter_map(|(work, asked, what)| {
            let ceiling = self.ceiling(work, workers)?;
            let more = workers > ceiling.workers;
            let most = ceiling.most(workers);
            (asked > most).then(|| {
                format!(
                    "the plan asks for up to {asked} {what}; {} worker{} of this machine {} measured to drive {} \
                     truthfully (loadgen doctor, {}){}",
                    ceiling.workers,
                    if ceiling.workers == 1 { "" } else { "s" },
                    if ceiling.workers == 1 { "was" } else { "were" },
                    ceiling.held,
                    self.date,
                    match more {
                        true => format!(", and {workers} drive {most} at the most"),
                        false => String::new(),
                    }
                )
            })
        });
        beyond.collect()
    }

    /// That of so many workers, or of the most below; one that the generator did not end tells nothing.
    fn ceiling(&self, work: Work, workers: usize) -> Option<&Ceiling> {
        let fit = |one: &&Ceiling| {
            one.work == work && one.workers <= workers && one.broke == Some(Broke::Generator)
        };
        self.ceilings
            .iter()
            .filter(fit)
            .max_by_key(|one| one.workers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use loadgen_scenario::{Overrides, SourceText, load};

    fn calibration() -> Calibration {
        let ceiling = |work, workers, held, broke| Ceiling {
            work,
            workers,
            held,
            broke,
        };
        Calibration {
            date: "2026-11-21".to_owned(),
            hostname: "h".to_owned(),
            cpus: 4,
            version: "1".to_owned(),
            ceilings: vec![
                ceiling(Work::Requests, 1, 30_000, Some(Broke::Generator)),
                ceiling(Work::Requests, 4, 90_000, Some(Broke::Generator)),
                ceiling(Work::Streams, 1, 4_000, Some(Broke::Generator)),
                ceiling(Work::Streams, 4, 9_000, None),
                ceiling(Work::Events, 1, 100_000, Some(Broke::Target)),
                ceiling(Work::Events, 4, 150_000, Some(Broke::Shared)),
            ],
        }
    }

    #[test]
    fn what_is_kept_is_read_again() {
        let calibration = calibration();
        assert_eq!(
            Calibration::from_json(&calibration.to_json()),
            Some(calibration)
        );
        for text in ["{}", "[]", "{\"schema\": \"loadgen.doctor/2\"}"] {
            assert_eq!(
                Calibration::from_json(&serde_json::from_str(text).unwrap()),
                None
            );
        }
    }

    #[track_caller]
    fn check(load_table: &str, step: &str, workers: usize, expected: &[&str]) {
        let text = format!("target = \"mock\"\nload = {{ {load_table} }}\n{step}");
        let source = SourceText {
            path: "a.toml",
            text: &text,
            stem: "a",
        };
        let plan = load(source, &Overrides::default()).unwrap().plan;
        let told = calibration().beyond(&plan, workers);
        let begins: Vec<&str> = told
            .iter()
            .map(|line| line.split(';').next().unwrap())
            .collect();
        assert_eq!(begins, expected, "{load_table}");
    }

    #[test]
    fn plans_that_ask_for_more_are_told() {
        let two = "[[step]]\nget = \"/a\"\n[[step]]\nget = \"/b\"\n";
        let stream = "[[step]]\npost = \"/c\"\nstream = \"sse\"\n";
        let more = ["the plan asks for up to 40000 requests a second"];
        check("rate = \"20000/s\", duration = \"1m\"", two, 1, &more);
        check("rate = \"20000/s\", duration = \"1m\"", two, 4, &[]);
        check("rate = \"15000/s\", duration = \"1m\"", two, 1, &[]);
        check("vus = 50000, duration = \"1m\"", two, 1, &[]);
        let streams = ["the plan asks for up to 5000 streams at the same time"];
        check("vus = 5000, duration = \"1m\"", stream, 1, &streams);
        check("vus = 5000, duration = \"1m\"", stream, 3, &[]);
        // With four it was not tried higher: that is no ceiling, but four do no more than four times what one does.
        check("vus = 16000, duration = \"1m\"", stream, 4, &[]);
        let streams = ["the plan asks for up to 16001 streams at the same time"];
        check("vus = 16001, duration = \"1m\"", stream, 4, &streams);
    }
}
