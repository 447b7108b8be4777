//! Reads the kernel's text files under `/proc`.

use crate::Error;
use nix::unistd::{SysconfVar, sysconf};
use std::{fs, io, time::Duration};

/// Ticks of the kernel's clocks of threads and processes per second; every Linux shows this many to programs.
pub(crate) const TICKS_PER_SECOND: u64 = 100;
/// A page of memory, where the system does not tell.
const PAGE: u64 = 4096;

/// Reads a file and understands it with `parse`.
pub(crate) fn read<T>(path: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Error> {
    let text = fs::read_to_string(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })?;
    parse(&text).ok_or_else(|| Error::Format {
        path: path.to_owned(),
    })
}

/// The number of kibibytes in the line that begins with `key`, in bytes.
pub(crate) fn kib_line(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    let mut words = line.split_whitespace();
    let kib: u64 = words.next()?.parse().ok()?;
    (words.next() == Some("kB"))
        .then(|| kib.checked_mul(1024))
        .flatten()
}

/// The two numbers of `ip_local_port_range`.
pub(crate) fn port_range(text: &str) -> Option<(u16, u16)> {
    let mut words = text.split_whitespace();
    let (first, last) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    (words.next().is_none() && first <= last).then_some((first, last))
}

/// The time on a processor and the time in the queue for one in a thread's `schedstat`, both in nanoseconds.
pub(crate) fn schedstat(text: &str) -> Option<(Duration, Duration)> {
    let mut times = text.split_whitespace();
    let mut time = || times.next()?.parse().ok().map(Duration::from_nanos);
    Some((time()?, time()?))
}

/// The ports that wait out the end of a connection, in `sockstat`.
pub(crate) fn time_wait(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("TCP:"))?;
    let mut words = line.split_whitespace();
    words.find(|word| *word == "tw")?;
    words.next()?.parse().ok()
}

/// The stolen ticks and all ticks, in the first line of `/proc/stat`.
pub(crate) fn stolen(text: &str) -> Option<(u64, u64)> {
    let line = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
    // Behind the eighth stand parts of the first two again.
    let ticks: Option<Vec<u64>> = line
        .split_whitespace()
        .take(8)
        .map(|word| word.parse().ok())
        .collect();
    let ticks = ticks.filter(|ticks| ticks.len() == 8)?;
    Some((ticks[7], ticks.iter().sum()))
}

/// The open file descriptors of this process; absent where they cannot be told.
pub(crate) fn open_files() -> Option<u64> {
    const FOLDER: &str = "/proc/self/fd";
    // The kernel counts them since 6.2; before, one has to.
    let counted = fs::metadata(FOLDER).ok()?.len();
    if counted > 0 {
        return Some(counted);
    }
    let entries = fs::read_dir(FOLDER).ok()?.count() as u64;
    // The look itself takes one.
    entries.checked_sub(1)
}

/// The name and the used processor time in a thread's `stat`, in ticks of the kernel. The name stands in brackets and
/// may hold brackets and spaces itself.
pub(crate) fn stat(text: &str) -> Option<(&str, u64)> {
    let (before, after) = text.rsplit_once(')')?;
    let (_, name) = before.split_once('(')?;
    // After the name: state is the 3rd field of the file, utime the 14th, stime the 15th.
    let mut fields = after.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((name, user.checked_add(system)?))
}

/// The size of a page of memory, in bytes.
pub(crate) fn page_size() -> u64 {
    let told = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
    told.and_then(|bytes| u64::try_from(bytes).ok())
        .unwrap_or(PAGE)
}

/// The ids of this process's threads.
pub(crate) fn threads() -> io::Result<impl Iterator<Item = String>> {
    let entries = fs::read_dir("/proc/self/task")?;
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<T: PartialEq + std::fmt::Debug>(
        parsed: impl Fn(&str) -> Option<T>,
        cases: &[(&str, Option<T>)],
    ) {
        for (text, expected) in cases {
            assert_eq!(&parsed(text), expected, "{text:?}");
        }
    }

    #[test]
    fn lines_of_status() {
        let status = "Name:\tloadgen\nVmPeak:\t  3060 kB\nVmHWM:\t    1592 kB\nVmRSS:\t    1480 kB\nThreads:\t3\n";
        check(
            |key| kib_line(status, key),
            &[
                ("VmHWM:", Some(1592 * 1024)),
                ("VmRSS:", Some(1480 * 1024)),
                ("Threads:", None),
                ("VmSwap:", None),
                ("Name:", None),
            ],
        );
        check(
            |text| kib_line(text, "VmRSS:"),
            &[
                ("VmRSS: 18446744073709551615 kB", None),
                ("VmRSS: -1 kB", None),
            ],
        );
    }

    #[test]
    fn port_ranges() {
        check(
            port_range,
            &[
                ("32768\t60999\n", Some((32768, 60999))),
                ("1 1", Some((1, 1))),
                ("60999 32768", None),
                ("32768", None),
                ("1 2 3", None),
                ("1 70000", None),
                ("", None),
            ],
        );
    }

    #[test]
    fn thread_times() {
        check(
            schedstat,
            &[
                (
                    "3250012345 7777 1502\n",
                    Some((
                        Duration::from_nanos(3_250_012_345),
                        Duration::from_nanos(7777),
                    )),
                ),
                ("0 0 0", Some((Duration::ZERO, Duration::ZERO))),
                ("5", None),
                ("a b c", None),
                ("", None),
            ],
        );
    }

    #[test]
    fn stolen_ticks() {
        check(
            stolen,
            &[
                (
                    "cpu  10 1 5 100 2 0 3 7 4 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n",
                    Some((7, 128)),
                ),
                ("cpu  10 1 5 100\n", None),
                ("cpu0 1 1 1 1 1 1 1 1\n", None),
                ("cpu  a 1 1 1 1 1 1 1\n", None),
            ],
        );
    }

    #[test]
    fn ports_that_wait() {
        check(
            time_wait,
            &[
                (
                    "sockets: used 25\nTCP: inuse 1 orphan 0 tw 28 alloc 1 mem 0\nUDP: inuse 0 mem 0\n",
                    Some(28),
                ),
                ("TCP: inuse 1 orphan 0\n", None),
                ("UDP: inuse 0 tw 3\n", None),
                ("", None),
            ],
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn open_files_are_counted() {
        let before = open_files().unwrap();
        // Other tests open and close files at the same time, but none as many.
        let many: Vec<_> = (0..500)
            .map(|_| fs::File::open("/dev/null").unwrap())
            .collect();
        let after = open_files().unwrap();
        assert!(before >= 3 && after >= before + 400, "{before} {after}");
        drop(many);
    }

    #[test]
    fn thread_stats() {
        check(
            |text| stat(text).map(|(name, ticks)| (name.to_owned(), ticks)),
            &[
                (
                    "17 (worker-0) S 1 17 17 0 -1 4194560 90 0 0 0 120 34 0 0 20 0",
                    Some(("worker-0".to_owned(), 154)),
                ),
                (
                    "17 (a) b (c)) R 1 17 17 0 -1 4194560 90 0 0 0 1 2 0 0 20 0",
                    Some(("a) b (c)".to_owned(), 3)),
                ),
                ("17 (x) S 1 17", None),
                ("17 x S", None),
                ("", None),
            ],
        );
    }
}
