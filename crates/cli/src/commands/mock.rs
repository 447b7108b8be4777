//! `loadgen mock`: serves the embedded target until a signal comes.

use super::print;
use crate::{args::MockArgs, environment::Environment, error::Error, exit::Exit, wiring};
use loadgen_engine::Stop;
use loadgen_mock::Mock;
use loadgen_scenario::MockSettings;
use std::net::{Ipv4Addr, SocketAddr};

/// Serves until a signal comes.
pub(crate) fn mock(args: &MockArgs, environment: &Environment) -> Result<Exit, Error> {
    let settings = wiring::mock_settings(&settings(args));
    let stop =
        (environment.signals)().map_err(|error| Error::failed("listen for signals", error))?;
    let runtime = wiring::runtime()?;
    let mock = Mock::start(settings, SocketAddr::from((Ipv4Addr::LOCALHOST, args.port)))
        .map_err(refused)?;
    print(
        environment,
        &format!("listening on {}; Ctrl-C ends it\n", mock.url()),
    )?;
    runtime.block_on(async {
        // An error means that nobody can ask for the end any more; then it has come.
        let _ = stop.clone().wait_for(|stop| *stop != Stop::Run).await;
    });
    mock.stop();
    Ok(Exit::Passed)
}

fn refused(error: loadgen_mock::Error) -> Error {
    match error {
        loadgen_mock::Error::Setting { .. } => Error::usage(error.to_string()),
        error => Error::failed("start the mock", error).hint("--port 0 takes any free port"),
    }
}

fn settings(args: &MockArgs) -> MockSettings {
    let share = |fraction: Option<crate::args::Fraction>| fraction.map(|fraction| fraction.0);
    let time = |span: Option<crate::args::Span>| span.map(|span| span.0);
    MockSettings {
        ttft: time(args.ttft),
        itl: time(args.itl),
        jitter: share(args.jitter),
        tokens: args.tokens,
        error_rate: share(args.error_rate),
        max_concurrent: args.max_concurrent,
        stall_rate: share(args.stall_rate),
        truncate_rate: share(args.truncate_rate),
        garbage_rate: share(args.garbage_rate),
        stream_error_rate: share(args.stream_error_rate),
        plain_time: time(args.plain_time),
        workers: args.workers,
        seed: args.seed,
    }
}
