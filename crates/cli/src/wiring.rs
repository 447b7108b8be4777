//! Puts the parts together: runtime, embedded target, connections.

use crate::{args::NetworkArgs, environment::Environment, error::Error, url::without_user};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use loadgen_http::{ClientCertificate, ConnectTo, HttpConnect, Options, Proxies, Sources};
use loadgen_mock::{Mock, Settings};
use loadgen_scenario::{MockSettings, Origin, Plan, Target};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};
use tokio::runtime::{Builder, Runtime};

/// Requests whose truth an embedded target keeps: nobody asks it, and its memory is the generator's.
const TRUTH_OF_EMBEDDED: usize = 1_000;

/// The runtime of the command itself; the load has its own.
pub(crate) fn runtime() -> Result<Runtime, Error> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::failed("start the runtime", error))
}

/// The embedded server's settings: what is not set keeps the server's own default.
pub(crate) fn mock_settings(set: &MockSettings) -> Settings {
    let default = Settings::default();
    Settings {
        ttft: set.ttft.unwrap_or(default.ttft),
        itl: set.itl.unwrap_or(default.itl),
        jitter: set.jitter.unwrap_or(default.jitter),
        tokens: set.tokens.unwrap_or(default.tokens),
        error_rate: set.error_rate.unwrap_or(default.error_rate),
        max_concurrent: set.max_concurrent.or(default.max_concurrent),
        stall_rate: set.stall_rate.unwrap_or(default.stall_rate),
        truncate_rate: set.truncate_rate.unwrap_or(default.truncate_rate),
        garbage_rate: set.garbage_rate.unwrap_or(default.garbage_rate),
        stream_error_rate: set.stream_error_rate.unwrap_or(default.stream_error_rate),
        plain_time: set.plain_time.unwrap_or(default.plain_time),
        service_time: set.service_time.or(default.service_time),
        servers: set.servers.or(default.servers),
        contention: set.contention.unwrap_or(default.contention),
        coherency: set.coherency.unwrap_or(default.coherency),
        leak: set.leak.unwrap_or(default.leak),
        noise: set.noise.unwrap_or(default.noise),
        rate_limit: set.rate_limit.or(default.rate_limit),
        workers: set.workers.unwrap_or(default.workers),
        seed: set.seed.unwrap_or(default.seed),
        truth_requests: default.truth_requests,
    }
}

/// Starts the embedded server where the plan asks for it, and sends the plan's requests there.
pub(crate) fn embed(plan: &mut Plan) -> Result<Option<Mock>, Error> {
    if plan.target != Target::Mock {
        return Ok(None);
    }
    let settings = Settings {
        truth_requests: TRUTH_OF_EMBEDDED,
        ..mock_settings(&plan.mock)
    };
    let mock = Mock::start(settings, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .map_err(|error| Error::failed("start the embedded target", error))?;
    let address = mock.address();
    let origin = Origin {
        tls: false,
        host: address.ip().to_string(),
        port: address.port(),
    };
    plan.retarget(Target::Base {
        origin,
        prefix: String::new(),
    });
    Ok(Some(mock))
}

/// Connections as the options and the variables of proxies say.
pub(crate) fn connect(
    args: &NetworkArgs,
    plan: &Plan,
    environment: &Environment,
) -> Result<HttpConnect, Error> {
    let options = Options {
        pinned: plan.resolve.clone(),
        ..options(args, &plan.source_addresses, environment)?
    };
    let connect = HttpConnect::new(options).map_err(unusable)?;
    if plan.may_speak_tls() {
        connect.prepare_tls();
    }
    Ok(connect)
}

/// Connections of the probes: as those of the load, but that they go where they are told.
pub(crate) fn connect_probes(
    args: &NetworkArgs,
    plan: &Plan,
    environment: &Environment,
) -> Result<HttpConnect, Error> {
    let options = Options {
        unix_socket: None,
        connect_to: Vec::new(),
        ..options(args, &plan.source_addresses, environment)?
    };
    HttpConnect::new(options).map_err(unusable)
}

/// `sources`: those of the scenario file, where the options name none.
fn options(
    args: &NetworkArgs,
    sources: &[IpAddr],
    environment: &Environment,
) -> Result<Options, Error> {
    let pem = |path: &PathBuf| {
        environment
            .read_bytes(path)
            .map_err(|error| Error::unreadable(path, error))
    };
    let client_certificate = match (&args.cert, &args.key) {
        (Some(cert), Some(key)) => Some(ClientCertificate {
            chain: pem(cert)?,
            key: pem(key)?,
        }),
        _ => None,
    };
    Ok(Options {
        insecure: args.insecure,
        authority: args.cacert.as_ref().map(pem).transpose()?,
        client_certificate,
        connect_to: args
            .connect_to
            .iter()
            .map(|rule| ConnectTo::parse(rule))
            .collect::<Result<_, _>>()
            .map_err(unusable)?,
        unix_socket: args.unix_socket.clone(),
        sources: self::sources(match args.source_address.as_slice() {
            [] => sources,
            given => given,
        })?,
        proxies: proxies(environment)?,
        keep_alive: !args.disable_keepalive,
        ..Options::default()
    })
}

/// The addresses to come from; without any, the system chooses, and loopback has as many as it takes.
fn sources(given: &[IpAddr]) -> Result<Sources, Error> {
    if given.is_empty() {
        // Half of the ports are left to others, and to the ends of earlier connections.
        let each = loadgen_host::local_ports().map(|(first, last)| u32::from((last - first) / 2));
        return Ok(each.map_or(Sources::System, |each| Sources::Loopback {
            each: each.max(1),
        }));
    }
    match given
        .iter()
        .find(|address| !loadgen_host::has_address(**address))
    {
        Some(absent) => {
            let message = format!("the source address {absent} is none of this machine");
            Err(Error::usage(message)
                .hint("`ip address` lists them; all of 127.0.0.0/8 are for targets on loopback"))
        }
        None => Ok(Sources::Of(given.to_vec())),
    }
}

/// The proxies that the variables name.
fn proxies(environment: &Environment) -> Result<Proxies, Error> {
    let var = |upper| proxy_var(environment, upper);
    Proxies::parse(var("HTTP_PROXY"), var("HTTPS_PROXY"), var("NO_PROXY")).map_err(unusable)
}

/// Hides the credentials of the proxies, in case that one tells what it was sent.
pub(crate) fn hide_proxies(plan: &mut Plan, environment: &Environment) {
    let urls = ["HTTP_PROXY", "HTTPS_PROXY"].map(|upper| proxy_var(environment, upper));
    for url in urls.into_iter().flatten() {
        let url = match url.contains("://") {
            true => url.to_owned(),
            false => format!("http://{url}"),
        };
        let (_, Some(user)) = without_user(&url) else {
            continue;
        };
        plan.keep_secret(&BASE64_STANDARD.encode(&user));
        // Without a colon the whole is a token.
        plan.keep_secret(
            user.split_once(':')
                .map_or(user.as_str(), |(_, password)| password),
        );
    }
}

/// A variable about proxies; as with curl, `http_proxy` counts in lower case too.
fn proxy_var<'a>(environment: &'a Environment, upper: &str) -> Option<&'a str> {
    environment
        .var(&upper.to_lowercase())
        .or_else(|| environment.var(upper))
}

fn unusable(error: loadgen_http::Error) -> Error {
    Error::usage_because("cannot make connections", error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        args::{Cli, Command},
        environment::fake::Stage,
    };
    use clap::Parser as _;
    use loadgen_scenario::{Overrides, SourceText, load};
    use std::{path::Path, time::Duration};

    #[test]
    fn options_are_handed_on() {
        let stage = Stage::new(&[])
            .file("ca", "1")
            .file("cert", "2")
            .file("key", "3");
        let line = "loadgen run http://h --insecure --cacert ca --cert cert --key key \
            --connect-to a:1:b:2 --connect-to ::c:3 --unix-socket /s --disable-keepalive \
            --source-address 127.0.0.2 --source-address 127.0.0.3";
        let Command::Run(run) = Cli::parse_from(line.split_whitespace()).command else {
            panic!("it is a run");
        };
        let args = run.network;
        let options = options(&args, &[], &stage.environment).unwrap();
        assert!(options.insecure && !options.keep_alive);
        assert_eq!(options.authority.unwrap(), b"1");
        let shown = options.client_certificate.unwrap();
        assert_eq!((shown.chain, shown.key), (b"2".to_vec(), b"3".to_vec()));
        assert_eq!(options.connect_to.len(), 2);
        let from = ["127.0.0.2", "127.0.0.3"].map(|text| text.parse().unwrap());
        assert_eq!(options.sources, Sources::Of(from.into()));
        assert_eq!(options.unix_socket.unwrap(), Path::new("/s"));
    }

    #[test]
    fn without_options_everything_is_as_usual() {
        let (given, usual) = (
            options(&NetworkArgs::default(), &[], &Stage::new(&[]).environment).unwrap(),
            Options {
                sources: sources(&[]).unwrap(),
                ..Options::default()
            },
        );
        assert!(
            matches!(usual.sources, Sources::Loopback { each } if each > 0),
            "{usual:?}"
        );
        assert_eq!(format!("{given:?}"), format!("{usual:?}"));
    }

    #[test]
    fn credentials_of_proxies_are_hidden() {
        let scenario = "target = \"mock\"\n[load]\niterations = 1\n[[step]]\nget = \"/\"\n";
        let text = "Basic bWU6YXQgd29yaw== and `at work`, Basic dG9rZW4tMQ== and token-1, me";
        for (http, https, expected) in [
            ("", "", text),
            ("p:3128", "http://q", text),
            (
                "http://me:at%20work@p",
                "token-1@q",
                "Basic *** and `***`, Basic *** and ***, me",
            ),
        ] {
            let stage = Stage::new(&[])
                .var("http_proxy", http)
                .var("HTTPS_PROXY", https);
            let source = SourceText {
                path: "a.toml",
                text: scenario,
                stem: "a",
            };
            let mut plan = load(source, &Overrides::default()).unwrap().plan;
            hide_proxies(&mut plan, &stage.environment);
            assert_eq!(plan.mask(text), expected);
        }
    }

    #[test]
    fn unset_settings_keep_the_mocks_own() {
        assert_eq!(mock_settings(&MockSettings::default()), Settings::default());
    }

    #[test]
    fn every_setting_reaches_the_mock() {
        let ms = Duration::from_millis;
        let set = MockSettings {
            ttft: Some(ms(1)),
            itl: Some(ms(2)),
            jitter: Some(0.03),
            tokens: Some(4),
            error_rate: Some(0.05),
            max_concurrent: Some(6),
            stall_rate: Some(0.07),
            truncate_rate: Some(0.08),
            garbage_rate: Some(0.09),
            stream_error_rate: Some(0.1),
            plain_time: Some(ms(11)),
            service_time: Some(ms(14)),
            servers: Some(15),
            contention: Some(0.16),
            coherency: Some(0.17),
            leak: Some(0.18),
            noise: Some(0.19),
            rate_limit: Some(20.0),
            workers: Some(12),
            seed: Some(13),
        };
        let expected = Settings {
            ttft: ms(1),
            itl: ms(2),
            jitter: 0.03,
            tokens: 4,
            error_rate: 0.05,
            max_concurrent: Some(6),
            stall_rate: 0.07,
            truncate_rate: 0.08,
            garbage_rate: 0.09,
            stream_error_rate: 0.1,
            plain_time: ms(11),
            service_time: Some(ms(14)),
            servers: Some(15),
            contention: 0.16,
            coherency: 0.17,
            leak: 0.18,
            noise: 0.19,
            rate_limit: Some(20.0),
            workers: 12,
            seed: 13,
            truth_requests: Settings::default().truth_requests,
        };
        assert_eq!(mock_settings(&set), expected);
    }
}
