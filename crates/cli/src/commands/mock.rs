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
        service_time: time(args.service_time),
        servers: args.servers,
        contention: share(args.contention),
        coherency: share(args.coherency),
        leak: share(args.leak),
        noise: share(args.noise),
        rate_limit: args.rate_limit.map(|rate| rate.0),
        workers: args.workers,
        seed: args.seed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, Command};
    use clap::Parser as _;
    use std::time::Duration;

    #[test]
    fn every_option_is_a_setting() {
        let line = "loadgen mock --ttft 1ms --itl 2ms --jitter 3% --tokens 4 --error-rate 0.05 \
            --max-concurrent 6 --stall-rate 0.07 --truncate-rate 0.08 --garbage-rate 0.09 \
            --stream-error-rate 0.1 --plain-time 11ms --service-time 14ms --servers 15 \
            --contention 0.16 --coherency 0.17 --leak 0.18 --noise 0.19 --rate-limit 20/s --workers 12 --seed 13";
        let Command::Mock(args) = Cli::parse_from(line.split_whitespace()).command else {
            panic!("it is the mock");
        };
        let ms = |count| Some(Duration::from_millis(count));
        let expected = MockSettings {
            ttft: ms(1),
            itl: ms(2),
            jitter: Some(0.03),
            tokens: Some(4),
            error_rate: Some(0.05),
            max_concurrent: Some(6),
            stall_rate: Some(0.07),
            truncate_rate: Some(0.08),
            garbage_rate: Some(0.09),
            stream_error_rate: Some(0.1),
            plain_time: ms(11),
            service_time: ms(14),
            servers: Some(15),
            contention: Some(0.16),
            coherency: Some(0.17),
            leak: Some(0.18),
            noise: Some(0.19),
            rate_limit: Some(20.0),
            workers: Some(12),
            seed: Some(13),
        };
        assert_eq!(settings(&args), expected);
    }
}
