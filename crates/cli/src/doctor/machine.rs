//! What of this machine limits a generator, and what to change.

use super::Seen;
use loadgen_stats::ArrivalClock;
use std::time::Duration;

/// Fewer are soon used up.
const FEW_FILES: u64 = 10_000;
const FEW_PORTS: u32 = 20_000;
/// Less memory for some thousand streams is little.
const LITTLE_MEMORY: u64 = 512 << 20;
/// A timer that is later than that at p99 shows in what is measured.
const LATE: Duration = Duration::from_millis(1);
/// Clocks that are read from a device.
const SLOW_CLOCKS: [&str; 4] = ["hpet", "acpi_pm", "jiffies", "refined-jiffies"];
/// More time than that given to others shows too.
const STOLEN: f64 = 0.01;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// What it is.
    pub name: &'static str,
    /// How it is.
    pub told: String,
    /// What to do about it; absent where it is well.
    pub advice: Option<&'static str>,
}

/// Looks at the limits of this machine, and at what was seen while it was measured.
pub(crate) fn findings(seen: &Seen) -> Vec<Finding> {
    let mut all = limits();
    all.extend(seen.clock.map(timestamps));
    all.extend(seen.lag.map(timer));
    all.extend(seen.stolen.map(stolen));
    all
}

/// What the system allows.
fn limits() -> Vec<Finding> {
    let files = loadgen_host::file_limit().ok().map(|files| Finding {
        name: "open files",
        told: format!("{files} at most, each connection is one"),
        advice: (files < FEW_FILES).then_some(
            "raise the hard limit: ulimit -Hn, LimitNOFILE of systemd, --ulimit of docker",
        ),
    });
    let ports = loadgen_host::local_ports().ok().map(|(first, last)| {
        let ports = u32::from(last - first) + 1;
        Finding {
            name: "ports",
            told: format!("{ports} for each source address and target address"),
            advice: (ports < FEW_PORTS).then_some(
                "widen net.ipv4.ip_local_port_range, or add addresses (--source-address)",
            ),
        }
    });
    let memory = loadgen_host::available_memory().ok().map(|memory| Finding {
        name: "memory",
        told: format!("{} MiB available", memory >> 20),
        advice: (memory < LITTLE_MEMORY).then_some("free some, or allow the container more"),
    });
    let clock = loadgen_host::clock_source().ok().map(|clock| Finding {
        name: "clock",
        advice: SLOW_CLOCKS
            .contains(&clock.as_str())
            .then_some("reading this clock takes long: choose a machine whose clock source is tsc"),
        told: clock,
    });
    [files, ports, memory, clock]
        .into_iter()
        .flatten()
        .collect()
}

fn timestamps(clock: ArrivalClock) -> Finding {
    let kernel = clock == ArrivalClock::Kernel;
    Finding {
        name: "timestamps",
        told: if kernel {
            "the kernel dates arrivals".to_owned()
        } else {
            "arrivals are dated when they are read".to_owned()
        },
        advice: (!kernel).then_some(
            "times are too long where the generator is busy: use Linux without a sandbox that hides SO_TIMESTAMPING",
        ),
    }
}

fn timer((p50, p99): (Duration, Duration)) -> Finding {
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    Finding {
        name: "timer",
        told: format!(
            "requests began late by {:.3} ms at p50, {:.3} ms at p99",
            ms(p50),
            ms(p99)
        ),
        advice: (p99 > LATE).then_some(
            "something else runs on these processors: give the generator cores of its own",
        ),
    }
}

fn stolen(part: f64) -> Finding {
    Finding {
        name: "stolen time",
        told: format!(
            "{:.1} % of the processors' time went to other machines",
            part * 100.0
        ),
        advice: (part > STOLEN)
            .then_some("the host is shared: measure on a machine with cores of its own"),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[track_caller]
    fn check(seen: Seen, name: &str, told: &str, well: bool) {
        let all = findings(&seen);
        let found = all.iter().find(|one| one.name == name).expect(name);
        assert_eq!((&*found.told, found.advice.is_none()), (told, well));
    }

    #[test]
    fn what_was_seen_is_judged() {
        let ms = |ms: f64| Duration::from_secs_f64(ms / 1e3);
        let seen = Seen {
            lag: Some((ms(0.03), ms(0.2))),
            clock: Some(ArrivalClock::Kernel),
            stolen: Some(0.002),
        };
        let timer = "requests began late by 0.030 ms at p50, 0.200 ms at p99";
        check(seen, "timer", timer, true);
        check(seen, "timestamps", "the kernel dates arrivals", true);
        check(
            seen,
            "stolen time",
            "0.2 % of the processors' time went to other machines",
            true,
        );
        let seen = Seen {
            lag: Some((ms(0.03), ms(2.0))),
            clock: Some(ArrivalClock::Read),
            stolen: Some(0.2),
        };
        let timer = "requests began late by 0.030 ms at p50, 2.000 ms at p99";
        check(seen, "timer", timer, false);
        check(
            seen,
            "timestamps",
            "arrivals are dated when they are read",
            false,
        );
        check(
            seen,
            "stolen time",
            "20.0 % of the processors' time went to other machines",
            false,
        );
        let all = findings(&Seen::default());
        let names: Vec<_> = all.iter().map(|one| one.name).collect();
        assert!(
            ["open files", "ports", "memory"]
                .iter()
                .all(|name| names.contains(name)),
            "{names:?}"
        );
    }
}
