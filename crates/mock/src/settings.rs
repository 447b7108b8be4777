//! Holds what can be set about the mock, and refuses values that cannot be used.

use std::time::Duration;

use crate::Error;

/// The longest time a wait may be set to.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// The most tokens one answer may have.
const MOST_TOKENS: u32 = 1_000_000;
/// The most servers of the queue.
const MOST_SERVERS: u32 = 1_000_000;
/// The most worker threads.
const MOST_WORKERS: usize = 256;

/// How the mock behaves. All rates are fractions of requests from 0 to 1.
///
/// Faults are drawn from `seed` and the request's number alone, so that the same
/// requests in the same order meet the same faults.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Time from the request to its first token (default 200 ms, at most 1 h).
    pub ttft: Duration,
    /// Time from one token to the next (default 20 ms, at most 1 h).
    pub itl: Duration,
    /// Each wait is scaled by a uniform factor in `[1 - jitter, 1 + jitter]`
    /// (a fraction from 0 to 1, default 0).
    pub jitter: f64,
    /// Tokens of one answer (default 128, at most 1,000,000). A request's own
    /// `max_tokens`, `max_completion_tokens`, `max_output_tokens` or `num_predict` lowers it.
    pub tokens: u32,
    /// Fraction of requests that are answered 500 (default 0). `/health`, `/status` and
    /// `/echo` are left alone.
    pub error_rate: f64,
    /// The most requests served at the same time; those above it are answered 429 with
    /// `Retry-After: 1` (default: no limit). `/health`, `/status` and `/echo` are left alone.
    pub max_concurrent: Option<u32>,
    /// Fraction of streamed answers that go silent in mid-stream until the client leaves
    /// (default 0).
    pub stall_rate: f64,
    /// Fraction of streamed answers that are cut in mid-stream without a terminator
    /// (default 0). Half of them end as a well-formed HTTP body, half close the connection.
    pub truncate_rate: f64,
    /// Fraction of streamed answers that carry one event which is not JSON in mid-stream
    /// and then go on (default 0).
    pub garbage_rate: f64,
    /// Fraction of streamed answers that end with an error event in mid-stream (default 0).
    pub stream_error_rate: f64,
    /// Service time of `/plain` (default 0, at most 1 h).
    pub plain_time: Duration,
    /// Mean of the exponential time for which one of the servers is busy with a request before
    /// its answer begins; requests queue for it, first come, first served (default: no queue;
    /// at most 1 h). `/health`, `/status` and `/echo` are left alone, here and below.
    pub service_time: Option<Duration>,
    /// Servers of the queue (default 1). Needs `service_time`.
    pub servers: Option<u32>,
    /// How much longer a service takes for each other one under way when it begins, as a
    /// fraction (default 0). Needs `service_time`.
    pub contention: f64,
    /// The same for each pair of services under way, counted twice (default 0). Needs
    /// `service_time`.
    pub coherency: f64,
    /// How much longer services take with each 100 requests served, as a fraction (default
    /// 0). Needs `service_time`.
    pub leak: f64,
    /// All waits of a second are scaled by one factor in `[1 - noise, 1 + noise]` (default 0).
    pub noise: f64,
    /// The most requests per second; those above it are answered 429 with `Retry-After: 1`
    /// (default: no limit). A tenth of a second of them may come at once.
    pub rate_limit: Option<f64>,
    /// Worker threads, each with connections of its own (default 1, at most 256).
    pub workers: usize,
    /// Seed of all that is drawn (default 0).
    pub seed: u64,
    /// The most requests kept in the truth; the oldest are dropped first, and counted
    /// (default 1,000,000). One request takes about 0.4 KiB and 8 bytes per event, in this process.
    pub truth_requests: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ttft: Duration::from_millis(200),
            itl: Duration::from_millis(20),
            jitter: 0.0,
            tokens: 128,
            error_rate: 0.0,
            max_concurrent: None,
            stall_rate: 0.0,
            truncate_rate: 0.0,
            garbage_rate: 0.0,
            stream_error_rate: 0.0,
            plain_time: Duration::ZERO,
            service_time: None,
            servers: None,
            contention: 0.0,
            coherency: 0.0,
            leak: 0.0,
            noise: 0.0,
            rate_limit: None,
            workers: 1,
            seed: 0,
            truth_requests: 1_000_000,
        }
    }
}

impl Settings {
    /// Says whether every value can be used, and which one cannot.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] for the first value that is out of its range, or when the rates of
    /// the faults of a stream add up to more than 1.
    pub fn validate(&self) -> Result<(), Error> {
        let fractions = [
            ("jitter", self.jitter),
            ("error_rate", self.error_rate),
            ("noise", self.noise),
            ("contention", self.contention),
            ("coherency", self.coherency),
            ("leak", self.leak),
            ("stall_rate", self.stall_rate),
            ("truncate_rate", self.truncate_rate),
            ("garbage_rate", self.garbage_rate),
            ("stream_error_rate", self.stream_error_rate),
        ];
        for (name, value) in fractions {
            // A range test that NaN fails too.
            if !(0.0..=1.0).contains(&value) {
                return refuse(name, format!("{value} is not between 0 and 1"));
            }
        }
        let faults = fractions[6..].iter().map(|(_, rate)| rate).sum::<f64>();
        if faults > 1.0 + 1e-9 {
            return refuse(
                "stall_rate",
                format!("the faults of streams add up to {faults}, over 1"),
            );
        }
        let waits = [
            ("ttft", self.ttft),
            ("itl", self.itl),
            ("plain_time", self.plain_time),
            ("service_time", self.service_time.unwrap_or_default()),
        ];
        for (name, value) in waits {
            if value > LONGEST_WAIT {
                return refuse(name, format!("{} s is over one hour", value.as_secs()));
            }
        }
        if self.tokens > MOST_TOKENS {
            return refuse("tokens", format!("{} is over {MOST_TOKENS}", self.tokens));
        }
        if !(1..=MOST_WORKERS).contains(&self.workers) {
            return refuse(
                "workers",
                format!("{} is not between 1 and {MOST_WORKERS}", self.workers),
            );
        }
        self.validate_limits()
    }

    /// What limits how much is served.
    fn validate_limits(&self) -> Result<(), Error> {
        if self.service_time.is_none() {
            let idle = [
                ("servers", self.servers.is_some()),
                ("contention", self.contention > 0.0),
                ("coherency", self.coherency > 0.0),
                ("leak", self.leak > 0.0),
            ];
            if let Some((name, _)) = idle.into_iter().find(|(_, set)| *set) {
                return refuse(name, "it does nothing without service_time".to_owned());
            }
        }
        if self
            .servers
            .is_some_and(|servers| !(1..=MOST_SERVERS).contains(&servers))
        {
            return refuse("servers", format!("it is not between 1 and {MOST_SERVERS}"));
        }
        match self.rate_limit {
            Some(rate) if !(rate > 0.0 && rate.is_finite()) => {
                refuse("rate_limit", format!("{rate} is no number above 0"))
            }
            _ => Ok(()),
        }
    }
}

fn refuse(name: &'static str, problem: String) -> Result<(), Error> {
    Err(Error::Setting { name, problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(change: impl FnOnce(&mut Settings), refused: Option<&str>) {
        let mut settings = Settings::default();
        change(&mut settings);
        let said = settings.validate().err().map(|error| match error {
            Error::Setting { name, .. } => name,
            other => panic!("{other}"),
        });
        assert_eq!(said, refused, "{settings:?}");
    }

    #[test]
    fn values_out_of_range_are_refused_by_name() {
        check(|_| (), None);
        check(|s| s.jitter = 1.0, None);
        check(|s| s.jitter = 1.01, Some("jitter"));
        check(|s| s.jitter = f64::NAN, Some("jitter"));
        check(|s| s.error_rate = -0.1, Some("error_rate"));
        check(|s| s.stall_rate = f64::INFINITY, Some("stall_rate"));
        check(|s| s.truncate_rate = 2.0, Some("truncate_rate"));
        check(|s| s.garbage_rate = 2.0, Some("garbage_rate"));
        check(|s| s.stream_error_rate = 2.0, Some("stream_error_rate"));
        check(|s| (s.stall_rate, s.truncate_rate) = (0.4, 0.6), None);
        check(
            |s| (s.stall_rate, s.truncate_rate) = (0.5, 0.6),
            Some("stall_rate"),
        );
        check(|s| (s.error_rate, s.garbage_rate) = (1.0, 1.0), None);
        check(|s| s.ttft = Duration::from_secs(3600), None);
        check(|s| s.ttft = Duration::from_secs(3601), Some("ttft"));
        check(|s| s.itl = Duration::MAX, Some("itl"));
        check(|s| s.plain_time = Duration::MAX, Some("plain_time"));
        check(|s| s.tokens = 1_000_000, None);
        check(|s| s.tokens = u32::MAX, Some("tokens"));
        check(|s| s.workers = 0, Some("workers"));
        check(|s| s.workers = 257, Some("workers"));
        check(|s| s.max_concurrent = Some(0), None);
        let time = Some(Duration::from_secs(1));
        check(|s| (s.service_time, s.servers) = (time, Some(1)), None);
        check(
            |s| (s.service_time, s.servers) = (time, Some(0)),
            Some("servers"),
        );
        check(
            |s| (s.service_time, s.servers) = (time, Some(1_000_001)),
            Some("servers"),
        );
        check(
            |s| s.service_time = Some(Duration::MAX),
            Some("service_time"),
        );
        check(|s| s.servers = Some(2), Some("servers"));
        check(|s| s.contention = 0.1, Some("contention"));
        check(|s| s.coherency = 0.1, Some("coherency"));
        check(|s| s.leak = 0.1, Some("leak"));
        check(|s| (s.service_time, s.leak) = (time, 1.0), None);
        check(|s| (s.service_time, s.leak) = (time, 1.5), Some("leak"));
        check(|s| s.noise = 1.0, None);
        check(|s| s.noise = -0.1, Some("noise"));
        check(|s| s.rate_limit = Some(0.1), None);
        check(|s| s.rate_limit = Some(0.0), Some("rate_limit"));
        check(|s| s.rate_limit = Some(f64::NAN), Some("rate_limit"));
        check(
            |s| (s.noise, s.stall_rate, s.truncate_rate) = (1.0, 0.5, 0.5),
            None,
        );
    }
}
