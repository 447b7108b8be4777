//! Looks at processes and their children under `/proc`.

use crate::proc::{self, TICKS_PER_SECOND};
use loadgen_engine::{ProcessFigure, WhichProcess};
use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    fs, io,
    rc::Rc,
    time::Duration,
};
use tokio::time::Instant;

/// Words of a command line among which the name of a program or script is looked for: `python3 -m uvicorn`.
const WORDS: usize = 3;

/// A look that is younger serves another probe as well: to read all of `/proc` takes time of the machine that makes the
/// load.
const FRESH: Duration = Duration::from_millis(200);

/// What one probe saw of processes at its last look.
#[derive(Debug, Default)]
pub(super) struct Processes {
    looks: Rc<Looks>,
    last: Option<(Instant, HashMap<Id, u64>)>,
}

/// The last look at all processes, which every probe of a run shares.
#[derive(Debug, Default)]
pub(super) struct Looks(RefCell<Option<Rc<Look>>>);

/// All processes at an instant.
#[derive(Debug)]
struct Look {
    at: Instant,
    all: Vec<Seen>,
    /// Command lines as far as they were asked for, by id.
    lines: RefCell<HashMap<u32, Vec<u8>>>,
}

/// A process, by its id and the instant at which it began: ids are used again.
type Id = (u32, u64);

/// One process at one look.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    id: u32,
    parent: u32,
    name: String,
    began: u64,
    ticks: u64,
    threads: u64,
    pages: u64,
}

impl Looks {
    /// A look that is not older than [`FRESH`].
    fn look(&self, now: Instant) -> io::Result<Rc<Look>> {
        let mut last = self.0.borrow_mut();
        if let Some(look) = last
            .as_ref()
            .filter(|look| now.saturating_duration_since(look.at) < FRESH)
        {
            return Ok(Rc::clone(look));
        }
        let look = Rc::new(Look {
            at: now,
            all: every_process()?,
            lines: RefCell::default(),
        });
        *last = Some(Rc::clone(&look));
        Ok(look)
    }
}

impl Look {
    /// Whether a process is called so: by the kernel, or by the file that it runs.
    fn is_called(&self, seen: &Seen, name: &str) -> bool {
        if seen.name == name {
            return true;
        }
        let mut lines = self.lines.borrow_mut();
        let line = lines
            .entry(seen.id)
            .or_insert_with(|| fs::read(format!("/proc/{}/cmdline", seen.id)).unwrap_or_default());
        let mut words = line.split(|byte| *byte == 0).take(WORDS);
        words.any(|word| word.rsplit(|byte| *byte == b'/').next() == Some(name.as_bytes()))
    }
}

impl Processes {
    /// One that shares its looks with others.
    pub(super) fn sharing(looks: &Rc<Looks>) -> Self {
        Self {
            looks: Rc::clone(looks),
            last: None,
        }
    }

    /// The figure, in its unit; none at the first look for one that takes two.
    pub(super) fn look(
        &mut self,
        which: &WhichProcess,
        figure: ProcessFigure,
        now: Instant,
    ) -> Result<Option<f64>, String> {
        let look = self.looks.look(now);
        let look = look.map_err(|error| format!("cannot look into /proc: {error}"))?;
        let all = &look.all;
        let own = std::process::id();
        let found = match which {
            WhichProcess::Id(id) if *id == own => family(all, None, |seen| seen.id == own),
            WhichProcess::Id(id) => family(all, Some(own), |seen| seen.id == *id),
            WhichProcess::Name(name) => family(all, Some(own), |seen| look.is_called(seen, name)),
        };
        if found.is_empty() {
            return Err(match which {
                WhichProcess::Id(_) => format!("there is no {which}"),
                WhichProcess::Name(_) => format!("there is no process called {which}"),
            });
        }
        match figure {
            ProcessFigure::Cpu => Ok(self.cpu(&found, look.at)),
            ProcessFigure::Memory => {
                let pages: u64 = found.iter().map(|seen| seen.pages).sum();
                Ok(Some(pages as f64 * proc::page_size() as f64))
            }
            ProcessFigure::Threads => Ok(Some(
                found.iter().map(|seen| seen.threads).sum::<u64>() as f64
            )),
            ProcessFigure::Descriptors => descriptors(&found).map(Some),
        }
    }

    /// The processor time since the last look, in percent of one core.
    fn cpu(&mut self, found: &[&Seen], now: Instant) -> Option<f64> {
        let ticks: HashMap<Id, u64> = found
            .iter()
            .map(|seen| ((seen.id, seen.began), seen.ticks))
            .collect();
        let last = self.last.replace((now, ticks));
        let (at, before) = last?;
        let (_, ticks) = self.last.as_ref()?;
        let length = now.saturating_duration_since(at);
        // One that was not there at the last look used all its time since.
        let used: u64 = ticks
            .iter()
            .map(|(id, ticks)| ticks.saturating_sub(before.get(id).copied().unwrap_or_default()))
            .sum();
        let used = Duration::from_millis(used.saturating_mul(1000 / TICKS_PER_SECOND));
        (!length.is_zero()).then(|| 100.0 * used.as_secs_f64() / length.as_secs_f64())
    }
}

fn descriptors(found: &[&Seen]) -> Result<f64, String> {
    let mut sum = 0;
    for seen in found {
        match fs::read_dir(format!("/proc/{}/fd", seen.id)) {
            Ok(entries) => sum += entries.count(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(format!(
                    "cannot see the descriptors of process {}: {error}",
                    seen.id
                ));
            }
        }
    }
    Ok(sum as f64)
}

/// Those that are meant, and all below them; without this program and what it started, where a shell or a script above it
/// is meant: the generator is no part of the target.
fn family(all: &[Seen], without: Option<u32>, meant: impl Fn(&Seen) -> bool) -> Vec<&Seen> {
    let mut children: HashMap<u32, Vec<&Seen>> = HashMap::new();
    for seen in all {
        children.entry(seen.parent).or_default().push(seen);
    }
    let mut known = HashSet::new();
    let mut own: Vec<u32> = without.into_iter().collect();
    while let Some(id) = own.pop() {
        if known.insert(id) {
            own.extend(children.get(&id).into_iter().flatten().map(|seen| seen.id));
        }
    }
    let mut waiting: Vec<&Seen> = all.iter().filter(|seen| meant(seen)).collect();
    let mut found = Vec::new();
    while let Some(seen) = waiting.pop() {
        if known.insert(seen.id) {
            found.push(seen);
            waiting.extend(children.get(&seen.id).into_iter().flatten());
        }
    }
    found
}

fn every_process() -> io::Result<Vec<Seen>> {
    let ids = fs::read_dir("/proc")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    // One that ends while it is looked at is left out.
    Ok(ids
        .filter_map(|id| seen(id, &fs::read_to_string(format!("/proc/{id}/stat")).ok()?))
        .collect())
}

/// A process by its `stat`. Its name stands in brackets and may hold brackets and spaces itself.
fn seen(id: u32, stat: &str) -> Option<Seen> {
    let (before, after) = stat.rsplit_once(')')?;
    let (_, name) = before.split_once('(')?;
    // After the name, the state is the 3rd field of the file.
    let fields: Vec<&str> = after.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some(Seen {
        id,
        parent: u32::try_from(field(4)?).ok()?,
        name: name.to_owned(),
        began: field(22)?,
        ticks: field(14)?.checked_add(field(15)?)?,
        threads: field(20)?,
        pages: field(24)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(id: u32, parent: u32, ticks: u64) -> Seen {
        Seen {
            id,
            parent,
            name: format!("p{id}"),
            began: u64::from(id) * 10,
            ticks,
            threads: 1,
            pages: 1,
        }
    }

    #[test]
    fn a_process_is_read() {
        let stat = "17 (a) b) S 4 17 17 0 -1 4194560 90 0 0 0 120 34 0 0 20 0 7 0 555 9000 321 1 2";
        let expected = Seen {
            id: 17,
            parent: 4,
            name: "a) b".to_owned(),
            began: 555,
            ticks: 154,
            threads: 7,
            pages: 321,
        };
        assert_eq!(seen(17, stat), Some(expected));
        for broken in ["", "17 (a", "17 (a) S", "17 (a) S x"] {
            assert_eq!(seen(17, broken), None, "{broken}");
        }
    }

    #[test]
    fn a_family_is_all_below() {
        let all = [
            process(1, 0, 0),
            process(2, 1, 0),
            process(3, 2, 0),
            process(4, 1, 0),
            process(5, 3, 0),
        ];
        let check = |meant: &[u32], without: Option<u32>, expected: &[u32]| {
            let mut ids: Vec<u32> = family(&all, without, |seen| meant.contains(&seen.id))
                .iter()
                .map(|seen| seen.id)
                .collect();
            ids.sort_unstable();
            assert_eq!(ids, expected, "{meant:?}");
        };
        check(&[2], None, &[2, 3, 5]);
        check(&[2, 3], None, &[2, 3, 5]);
        check(&[4, 5], None, &[4, 5]);
        check(&[9], None, &[]);
        // The script above this program, and this program by the name of the script.
        check(&[1], Some(3), &[1, 2, 4]);
        check(&[2, 3, 5], Some(3), &[2]);
        check(&[3], Some(3), &[]);
    }

    #[test]
    fn processor_time_is_that_since_the_last_look() {
        let mut processes = Processes::default();
        let start = Instant::now();
        let mut check = |second: u64, ticks: &[(u32, u64)], expected: Option<f64>| {
            let seen: Vec<Seen> = ticks
                .iter()
                .map(|(id, ticks)| process(*id, 1, *ticks))
                .collect();
            let seen: Vec<&Seen> = seen.iter().collect();
            let used = processes.cpu(&seen, start + Duration::from_secs(second));
            assert_eq!(used, expected, "{second} {ticks:?}");
        };
        check(0, &[(5, 1000)], None);
        check(2, &[(5, 1100)], Some(50.0));
        // One more came, one went.
        check(3, &[(5, 1150), (6, 30)], Some(80.0));
        check(4, &[(6, 30)], Some(0.0));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_seen() {
        let own = WhichProcess::Id(std::process::id());
        let mut processes = Processes::default();
        let mut look = |figure| processes.look(&own, figure, Instant::now()).unwrap();
        assert!(look(ProcessFigure::Memory).unwrap() > 1e5);
        assert!(look(ProcessFigure::Threads).unwrap() >= 1.0);
        assert!(look(ProcessFigure::Descriptors).unwrap() >= 3.0);
        assert_eq!(look(ProcessFigure::Cpu), None);
        assert!(look(ProcessFigure::Cpu).is_none_or(|used| used >= 0.0));
        // A look serves every probe that asks soon after.
        let looks = Rc::new(Looks::default());
        let now = Instant::now();
        let one = looks.look(now).unwrap();
        let soon = looks.look(now + FRESH / 2).unwrap();
        let later = looks.look(now + FRESH).unwrap();
        assert!(Rc::ptr_eq(&one, &soon) && !Rc::ptr_eq(&one, &later));
        let nobody = WhichProcess::Name("no-such-process".to_owned());
        let missing = processes.look(&nobody, ProcessFigure::Cpu, Instant::now());
        assert_eq!(
            missing.unwrap_err(),
            "there is no process called `no-such-process`"
        );
    }
}
