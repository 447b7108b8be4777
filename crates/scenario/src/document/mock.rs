//! Reads `[mock]`: the settings of the embedded server.

use super::{
    keys,
    node::Node,
    reader::{Reader, Table},
};
use crate::{
    plan::MockSettings,
    problem::{Place, Problem},
};
use std::time::Duration;

/// `[mock]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct MockTable {
    /// The settings given.
    pub settings: MockSettings,
    /// Where the table is.
    pub place: Option<Place>,
}

/// Keys that do nothing without a `service_time`.
const OF_THE_QUEUE: [&str; 4] = ["servers", "contention", "coherency", "leak"];

impl Reader {
    pub(super) fn mock(&mut self, node: Option<&Node>) -> MockTable {
        let Some(table) = node.and_then(|node| self.table(node, "`[mock]`", keys::MOCK)) else {
            return MockTable::default();
        };
        let settings = self.mock_settings(&table);
        self.check_faults(&table, &settings);
        self.check_queue(&table);
        MockTable {
            settings,
            place: Some(table.place.clone()),
        }
    }

    fn mock_settings(&mut self, table: &Table<'_>) -> MockSettings {
        MockSettings {
            ttft: self.mock_time(table, "ttft"),
            itl: self.mock_time(table, "itl"),
            jitter: self.mock_share(table, "jitter"),
            tokens: self.mock_count(table, "tokens", 1_000_000),
            error_rate: self.mock_share(table, "error_rate"),
            max_concurrent: self.mock_count(table, "max_concurrent", u32::MAX),
            stall_rate: self.mock_share(table, "stall_rate"),
            truncate_rate: self.mock_share(table, "truncate_rate"),
            garbage_rate: self.mock_share(table, "garbage_rate"),
            stream_error_rate: self.mock_share(table, "stream_error_rate"),
            plain_time: self.mock_time(table, "plain_time"),
            service_time: self.mock_time(table, "service_time"),
            servers: self.mock_count(table, "servers", 1_000_000),
            contention: self.mock_share(table, "contention"),
            coherency: self.mock_share(table, "coherency"),
            leak: self.mock_share(table, "leak"),
            noise: self.mock_share(table, "noise"),
            rate_limit: self
                .rate(table.get("rate_limit"), "`rate_limit`", false)
                .given()
                .map(|rate| rate.value),
            workers: self
                .mock_count(table, "workers", 256)
                .and_then(|count| usize::try_from(count).ok()),
            seed: self
                .whole(table.get("seed"), "`seed`", 0, u64::MAX)
                .given()
                .map(|seed| seed.value),
        }
    }

    fn mock_share(&mut self, table: &Table<'_>, key: &str) -> Option<f64> {
        let share = self.share(table.get(key), &format!("`{key}`"));
        share.given().map(|share| share.value)
    }

    /// A number from 1.
    fn mock_count(&mut self, table: &Table<'_>, key: &str, most: u32) -> Option<u32> {
        let count = self.whole(table.get(key), &format!("`{key}`"), 1, u64::from(most));
        count
            .given()
            .and_then(|count| u32::try_from(count.value).ok())
    }

    /// A time of the mock: at most an hour.
    fn mock_time(&mut self, table: &Table<'_>, key: &str) -> Option<Duration> {
        let time = self.duration(table.get(key), &format!("`{key}`"), true);
        let given = time.given()?;
        if given.value > Duration::from_secs(3600) {
            let problem = Problem::new(&given.place, format!("`{key}` must be at most 1h"));
            self.tell(problem.label("out of range"));
            return None;
        }
        Some(given.value)
    }

    fn check_faults(&mut self, table: &Table<'_>, settings: &MockSettings) {
        let faults = [
            settings.stall_rate,
            settings.truncate_rate,
            settings.garbage_rate,
            settings.stream_error_rate,
        ];
        if faults.iter().flatten().sum::<f64>() > 1.0 + 1e-9 {
            self.tell(
                Problem::new(
                    table.place,
                    "the faults of streams add up to more than 100%",
                )
                .help("lower `stall_rate`, `truncate_rate`, `garbage_rate` or `stream_error_rate`"),
            );
        }
    }

    fn check_queue(&mut self, table: &Table<'_>) {
        if table.get("service_time").is_some() {
            return;
        }
        for key in OF_THE_QUEUE {
            if let Some(node) = table.get(key) {
                self.tell(
                    Problem::new(
                        &node.place,
                        format!("`{key}` does nothing without `service_time`"),
                    )
                    .label("has no effect")
                    .help("give for example `service_time = \"50ms\"`"),
                );
            }
        }
    }
}
