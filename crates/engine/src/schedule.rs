//! Load over time as pure arithmetic: offsets in, users and deadlines out.

use loadgen_scenario::{Load, Scenario};
use loadgen_stats::Offset;
use std::time::Duration;

/// When a scenario begins iterations, and with how many users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    users: u32,
    iterations: Option<u64>,
    starting: Duration,
    graceful_stop: Duration,
}

impl Schedule {
    /// The schedule of a scenario.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Self {
        let (users, iterations, starting) = match scenario.load {
            Load::ConstantVus { vus, duration } => (vus, None, duration),
            Load::SharedIterations {
                vus,
                iterations,
                max_duration,
            } => (vus, Some(iterations), max_duration),
        };
        Self {
            users: users.get(),
            iterations,
            starting,
            graceful_stop: scenario.graceful_stop,
        }
    }

    /// The users that the load wants at an instant.
    #[must_use]
    pub fn users_at(&self, at: Offset) -> u32 {
        if at < self.end_of_starting() {
            self.users
        } else {
            0
        }
    }

    /// The most users there will be at once; no more than there are iterations to do.
    #[must_use]
    pub fn most_users(&self) -> u32 {
        let useful = self.iterations.map_or(u32::MAX, |iterations| {
            u32::try_from(iterations).unwrap_or(u32::MAX)
        });
        self.users.min(useful)
    }

    /// The iterations to do in all, where the load bounds them.
    #[must_use]
    pub const fn iterations(&self) -> Option<u64> {
        self.iterations
    }

    /// No iteration begins at or after this.
    #[must_use]
    pub fn end_of_starting(&self) -> Offset {
        Offset::from(self.starting)
    }

    /// How long running iterations may go on once no more are begun.
    #[must_use]
    pub const fn graceful_stop(&self) -> Duration {
        self.graceful_stop
    }

    /// The users of one shard: every user u ≡ shard (mod shards).
    pub fn users_of(&self, shard: usize, shards: usize) -> impl Iterator<Item = u32> + use<> {
        (0..self.most_users()).skip(shard).step_by(shards.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use loadgen_scenario::UserCount;

    fn schedule(load: Load) -> Schedule {
        let graceful_stop = Duration::from_secs(3);
        Schedule::of(&Scenario {
            name: "s".into(),
            load,
            graceful_stop,
            flow: Vec::new(),
        })
    }

    fn vus(count: u32) -> UserCount {
        UserCount::new(count).expect("a possible number")
    }

    #[test]
    fn constant_users_until_the_end_of_starting() {
        let schedule = schedule(Load::ConstantVus {
            vus: vus(7),
            duration: Duration::from_secs(10),
        });
        let cases = [(0, 7), (9_999, 7), (10_000, 0), (60_000, 0)];
        for (millis, users) in cases {
            assert_eq!(
                schedule.users_at(Offset::from(Duration::from_millis(millis))),
                users,
                "at {millis} ms"
            );
        }
        assert_eq!(schedule.iterations(), None);
    }

    #[test]
    fn shared_iterations_need_no_more_users_than_iterations() {
        let max_duration = Duration::from_secs(600);
        let cases = [
            (10, 3, 3),
            (10, 10, 10),
            (10, 1_000_000, 10),
            (1, u64::MAX, 1),
        ];
        for (users, iterations, most) in cases {
            let load = Load::SharedIterations {
                vus: vus(users),
                iterations,
                max_duration,
            };
            assert_eq!(
                schedule(load).most_users(),
                most,
                "{users} users, {iterations} iterations"
            );
        }
    }

    #[test]
    fn shards_together_are_the_whole() {
        let schedule = schedule(Load::ConstantVus {
            vus: vus(100),
            duration: Duration::from_secs(1),
        });
        for shards in [1, 2, 7, 200] {
            let mut users: Vec<u32> = (0..shards)
                .flat_map(|shard| schedule.users_of(shard, shards))
                .collect();
            users.sort_unstable();
            assert_eq!(users, (0..100).collect::<Vec<_>>(), "{shards} shards");
        }
    }
}
