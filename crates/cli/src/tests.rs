//! The whole program in memory: arguments in, exit code, output and files out.

mod answers;
mod comparing;
mod coverage;
mod credentials;
mod data;
mod doctoring;
mod flows;
mod keys;
mod logins;
mod long;
mod mixes;
mod mocking;
mod moving;
mod once;
mod options;
mod outcomes;
mod probing;
mod reference;
mod searching;
mod sending;
mod shapes;
mod starting;
mod talks;
mod usage;
mod wire;

use crate::{environment::fake::Stage, play};
use loadgen_engine::Stop;
use loadgen_mock::{Mock, Settings};
use serde_json::Value;
use std::{net::SocketAddr, path::Path, time::Duration};

/// How the program ended, and what it wrote.
struct Played {
    code: u8,
    out: String,
    err: String,
    stage: Stage,
}

/// Plays the program on a stage.
fn on(stage: Stage) -> Played {
    let code = play(&stage.environment).code();
    Played {
        code,
        out: stage.out.text(),
        err: stage.err.text(),
        stage,
    }
}

impl Played {
    /// The JSON in a file that it wrote.
    fn json(&self, path: &str) -> Value {
        let text = self.stage.environment.read_text(Path::new(path)).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// The count of a counter in the summary it wrote to `out.json`.
    fn count(&self, metric: &str) -> u64 {
        self.json("out.json")["metrics"][metric]["count"]
            .as_u64()
            .unwrap_or(0)
    }
}

/// A mock that answers as fast as it can.
fn mock() -> Mock {
    let quick = Duration::from_millis(1);
    let settings = Settings {
        ttft: quick,
        itl: quick,
        tokens: 3,
        ..Settings::default()
    };
    Mock::start(settings, SocketAddr::from(([127, 0, 0, 1], 0))).unwrap()
}

/// A scenario that asks for `/plain` of the embedded target.
const PLAIN: &str = r#"
name = "plain"
target = "mock"

[load]
vus = 2
iterations = 6

[[step]]
name = "get"
get = "/plain"
"#;
