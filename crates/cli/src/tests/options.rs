//! What options and variables do where no other test sees it: TLS, variables, and the commands beside `run`.

use super::{mocking::has_thread, *};
use loadgen_testkit::{ScriptedServer, Step};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    RootCertStore, ServerConfig, ServerConnection, Stream,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::net::UnixListener,
    sync::Arc,
    thread,
};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A server that gives this answer to the first requests of every connection.
fn server() -> ScriptedServer {
    let turn = [Step::ReadRequest, Step::write(OK)];
    ScriptedServer::repeat(turn.into_iter().cycle().take(16).collect()).unwrap()
}

/// An authority, and an identity that it vouches for, as PEM.
struct Identity {
    authority: String,
    chain: String,
    key: String,
}

impl Identity {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let chain = params.signed_by(&key, &authority).unwrap();
        Self {
            authority: authority.pem(),
            chain: chain.pem(),
            key: key.serialize_pem(),
        }
    }

    /// The configuration of a server that may demand a certificate of the same authority.
    fn config(&self, demands: bool) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_slice(self.authority.as_bytes()).unwrap();
        roots.add(authority).unwrap();
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let builder = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = if demands {
            builder.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let chain = CertificateDer::from_pem_slice(self.chain.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap();
        Arc::new(builder.with_single_cert(vec![chain], key).unwrap())
    }

    /// A server that answers one request a connection; its URL. Its thread ends with the process.
    fn serve(&self, demands: bool) -> String {
        let config = self.config(demands);
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that does not trust the server leaves, which is its right.
                let _ = answer(&config, stream);
            }
        });
        url
    }

    /// A stage with the files that the options name.
    fn stage(&self, words: &[&str]) -> Stage {
        Stage::new(words)
            .file("ca.pem", &self.authority)
            .file("cert.pem", &self.chain)
            .file("key.pem", &self.key)
    }
}

fn answer(config: &Arc<ServerConfig>, mut stream: TcpStream) -> std::io::Result<()> {
    let mut connection = ServerConnection::new(Arc::clone(config)).unwrap();
    let mut tls = Stream::new(&mut connection, &mut stream);
    let (mut head, mut bytes) = (Vec::new(), [0; 1024]);
    while !head.ends_with(b"\r\n\r\n") {
        match tls.read(&mut bytes)? {
            0 => return Ok(()),
            count => head.extend_from_slice(&bytes[..count]),
        }
    }
    tls.write_all(
        OK.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n")
            .as_bytes(),
    )?;
    tls.conn.send_close_notify();
    tls.flush()
}

#[test]
fn whom_to_trust_is_said_by_options() {
    let identity = Identity::new();
    let trusted = ["--cacert", "ca.pem"];
    let shown = [
        "--cacert", "ca.pem", "--cert", "cert.pem", "--key", "key.pem",
    ];
    for demands in [false, true] {
        let url = identity.serve(demands);
        for (words, variable, passes) in [
            (&[][..], "", false),
            (&["--insecure"], "", !demands),
            (&["-k"], "", !demands),
            (&[], "1", !demands),
            (&trusted, "", !demands),
            (&shown, "", true),
        ] {
            for command in [&["run", "-n", "1", "-c", "1", "--no-log"][..], &["debug"]] {
                let words = [command, &[url.as_str()], words].concat();
                let played = on(identity.stage(&words).var("LOADGEN_INSECURE", variable));
                assert_eq!(
                    played.code,
                    if passes { 0 } else { 99 },
                    "{words:?} {variable}\n{}{}",
                    played.out,
                    played.err
                );
            }
        }
    }
}

#[test]
fn a_search_trusts_whom_it_is_told_to() {
    let identity = Identity::new();
    let shown = [
        "--cacert", "ca.pem", "--cert", "cert.pem", "--key", "key.pem",
    ];
    for (demands, words, code) in [
        (false, &[][..], 97),
        (false, &["--insecure"], 0),
        (false, &shown[..2], 0),
        (true, &shown[..2], 97),
        (true, &shown[..], 0),
    ] {
        let text = format!(
            "target = \"{}\"\n[[step]]\nget = \"/\"\n",
            identity.serve(demands)
        );
        let search = [
            "stress",
            "a.toml",
            "--rate",
            "--start=5/s",
            "--max=5/s",
            "--settle=0s",
            "--hold=1s",
            "--until=http_req_failed: rate < 60%",
            "--no-log",
        ];
        let words = [&search[..], words].concat();
        let played = on(identity.stage(&words).file("a.toml", &text));
        assert_eq!(played.code, code, "{words:?}\n{}{}", played.out, played.err);
    }
}

#[test]
fn a_limit_on_the_handshake_tells_good_from_bad() {
    let identity = Identity::new();
    let url = identity.serve(false);
    for (limit, hits) in [("1ns", 0), ("1h", 1)] {
        for slo in [
            format!("slo = {{ http_req_tls_handshaking = \"{limit}\" }}"),
            format!("[slo]\nhttp_req_tls_handshaking = \"{limit}\""),
        ] {
            let text = format!(
                "target = \"{url}\"\nload = {{ vus = 1, iterations = 1 }}\n[[step]]\nget = \"/\"\n{slo}\n"
            );
            let words = ["run", "a.toml", "-k", "--no-log", "--out", "json=out.json"];
            let played = on(identity.stage(&words).file("a.toml", &text));
            let goodput = &played.json("out.json")["metrics"]["goodput"];
            assert_eq!(
                (&goodput["hits"], &goodput["total"]),
                (&hits.into(), &1.into()),
                "{slo}"
            );
        }
        for expect in [
            format!("expect = {{ within = {{ http_req_tls_handshaking = \"{limit}\" }} }}"),
            format!("[defaults.expect.within]\nhttp_req_tls_handshaking = \"{limit}\""),
        ] {
            let text = format!(
                "target = \"{url}\"\nload = {{ vus = 1, iterations = 1 }}\n[[step]]\nget = \"/\"\n{expect}\n"
            );
            let words = ["run", "a.toml", "-k", "--no-log", "--out", "json=out.json"];
            let played = on(identity.stage(&words).file("a.toml", &text));
            let checks = &played.json("out.json")["metrics"]["checks"];
            assert_eq!(checks["hits"], hits, "{expect}");
        }
    }
}

/// Runs the plain scenario with a variable and words; tables may stand behind it.
#[track_caller]
fn with_variable(variable: (&str, &str), words: &[&str], tables: &str) -> Played {
    let all = [&["run", "plain.toml", "--out", "json=out.json"], words].concat();
    let stage = Stage::new(&all)
        .file("plain.toml", &format!("{PLAIN}{tables}"))
        .var(variable.0, variable.1);
    on(stage)
}

#[test]
fn variables_do_what_their_options_do() {
    let server = server();
    let played = with_variable(("LOADGEN_TARGET", &server.url("/v")), &[], "");
    assert_eq!(played.code, 0, "{}", played.err);
    assert!(server.received()[0].starts_with(b"GET /v/plain "));

    let at_once = ["--connect-rate", "off"];
    let played = with_variable(("LOADGEN_VUS", "3"), &at_once, "");
    assert_eq!(played.json("out.json")["peak_vus"], 3);
    let played = with_variable(("LOADGEN_ITERATIONS", "5"), &[], "");
    assert_eq!(played.count("iterations"), 5);
    let played = with_variable(("LOADGEN_DURATION", "100ms"), &[], "");
    assert_eq!(played.json("out.json")["measured_s"], 0.1);
    let played = with_variable(("LOADGEN_SEED", "12"), &[], "");
    assert_eq!(played.json("out.json")["seed"], 12);

    let slow = "[mock]\nplain_time = \"200ms\"\n";
    for (length, cut) in [("0s", 2), ("30s", 0)] {
        let variable = ("LOADGEN_GRACEFUL_STOP", length);
        let played = with_variable(variable, &["--duration", "50ms"], slow);
        assert_eq!(played.json("out.json")["in_flight"]["count"], cut);
    }
    let three = ["--vus", "3", "--duration", "50ms"];
    for (rate, users) in [("1/h", 1), ("off", 3)] {
        let played = with_variable(("LOADGEN_CONNECT_RATE", rate), &three, slow);
        assert_eq!(played.count("http_reqs"), users, "{rate}");
    }
    let rough = ["--threshold", "http_req_failed: rate < 1%"];
    for (value, code) in [("1", 97), ("0", 0)] {
        let played = with_variable(("LOADGEN_STRICT", value), &rough, "");
        assert_eq!(played.code, code);
    }
    let nobody = format!("http://{}", loadgen_testkit::refused_address().unwrap());
    for (value, code) in [("1", 0), ("0", 99)] {
        let variable = ("LOADGEN_ALLOW_ALL_FAILED", value);
        let played = with_variable(variable, &["--target", &nobody], "");
        assert_eq!(played.code, code);
    }
    let lines = |value| {
        let played = with_variable(("LOADGEN_QUIET", value), &[], "");
        played.out.lines().count()
    };
    assert!(lines("1") < lines("0"));
}

#[test]
fn a_variable_gives_the_number_of_threads() {
    // A number that no other test has, where tests share a process.
    let text = PLAIN.replace("iterations = 6\n", "duration = \"20s\"\n");
    let stage = Stage::new(&["run", "plain.toml", "--no-log", "--vus", "17"])
        .file("plain.toml", &format!("{text}[[step]]\nthink = \"1ms\"\n"))
        .var("LOADGEN_WORKERS", "17");
    let stop = stage.stop.clone();
    let run = thread::spawn(move || on(stage).code);
    while !has_thread("worker-16") && !run.is_finished() {
        thread::yield_now();
    }
    assert!(!run.is_finished(), "it ran with fewer threads");
    stop.send_replace(Stop::Drain);
    assert_eq!(run.join().unwrap(), 130);
}

/// A scenario that shows what options change.
const SHOWN: &str = "
name = \"shown\"
target = \"{{ env.WHERE | default('http://nowhere') }}\"
load = { vus = 2, duration = \"1m\" }
[[step]]
get = \"/first\"
[[step]]
get = \"/second/{{ random_int(1, 1000000) }}\"
";

/// What `check` says with these words and without them: the part must stand in the one alone.
#[track_caller]
fn checked(base: &[&str], words: &[&str], part: &str) {
    let said = |words: &[&str]| {
        let all = [&["check"], base, words].concat();
        let played = on(Stage::new(&all).file("a.toml", SHOWN));
        assert_eq!(played.code, 0, "{words:?}\n{}", played.err);
        played.out
    };
    let (with, without) = (said(words), said(&[]));
    assert!(with.contains(part), "{words:?} lacks {part:?}\n{with}");
    assert!(
        !without.contains(part),
        "{part:?} is there anyway\n{without}"
    );
}

#[test]
fn check_shows_what_options_change() {
    let file = ["a.toml"];
    checked(&file, &["--target", "http://there:1"], "http://there:1");
    checked(&file, &["--env", "WHERE=http://here"], "http://here");
    checked(&file, &["-e", "WHERE=http://here"], "http://here");
    checked(&file, &["--vus", "7"], "7 users");
    checked(&file, &["--duration", "9m"], "9m");
    checked(&file, &["--iterations", "5"], "share 5 iterations");
    checked(&file, &["--graceful-stop", "3s"], "have 3s to end");
    let begin = ["--vus", "9", "--connect-rate", "4/s"];
    checked(
        &file,
        &begin,
        "4/s begin at most (connect_rate), the last after 2s",
    );
    checked(
        &file,
        &["--threshold", "http_req_duration: p95 < 2s"],
        "p95 < 2s",
    );
    checked(&file, &["--explain"], "where each value came from");
    let url = ["http://h/x"];
    checked(&url, &["-X", "PUT"], "PUT /x");
    checked(&url, &["--method", "PUT"], "PUT /x");
    checked(&url, &["-d", "a"], "POST /x");
    checked(&url, &["--json", "[]"], "POST /x");
    checked(&url, &["--stream=sse"], "stream sse");
    checked(&url, &["--timeout", "7s"], "timeout 7s");
    checked(&url, &["--expect", "200,429"], "429");
}

#[test]
fn check_counts_the_ports_of_every_source_address() {
    // More than one address can have, whatever the range of ports is.
    let users = 70_000;
    let (first, last) = loadgen_host::local_ports().unwrap();
    let ports = u32::from(last - first) + 1;
    let words = ["check", "http://192.0.2.1/", "--vus", "70000"];
    let played = on(Stage::new(&words));
    assert_eq!(played.code, 2, "{}", played.out);
    let told = format!("{users} users at a time are more than the {ports} ports");
    assert!(played.err.contains(&told), "{}", played.err);
    let addresses = users / ports + 1;
    let source = ["--source-address", "127.0.0.1"];
    let sources = std::iter::repeat_n(source, addresses as usize).flatten();
    let words: Vec<&str> = words.into_iter().chain(sources).collect();
    let played = on(Stage::new(&words));
    assert_eq!(played.code, 0, "{}", played.err);
    let room = format!(
        "ports       {users} of {} to one address",
        ports * addresses
    );
    assert!(played.out.contains(&room), "{}", played.out);
    let words = [
        "check",
        "http://192.0.2.1/",
        "--rate",
        "1000/s",
        "--duration",
        "9s",
    ];
    let played = on(Stage::new(&words));
    let enough = format!("ports       1000, enough for {}s of it", ports / 1000);
    assert!(played.out.contains(&enough), "{}", played.out);
}

/// What the plan's hash is with these words.
fn hash(words: &[&str]) -> String {
    let all = [&["check", "http://h/x"], words].concat();
    let played = on(Stage::new(&all));
    assert_eq!(played.code, 0, "{words:?}\n{}", played.err);
    let line = played.out.lines().find(|line| line.starts_with("plan "));
    line.unwrap().to_owned()
}

#[test]
fn options_that_check_does_not_show_make_another_plan() {
    let plain = hash(&[]);
    assert_eq!(plain, hash(&[]));
    for words in [&["-H", "x-a: b"][..], &["--http2"], &["-u", "me:pass"]] {
        assert_ne!(hash(words), plain, "{words:?}");
    }
}

/// What `debug` tells with these words, in which `URL` and `ADDRESS` are a server's.
#[track_caller]
fn debugged(words: &[&str], parts: &[&str]) -> ScriptedServer {
    let server = server();
    let address = server.address().to_string();
    let words: Vec<String> = words
        .iter()
        .map(|word| {
            word.replace("URL", &server.url("/x"))
                .replace("ADDRESS", &address)
        })
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let all = [&["debug"], &words[..]].concat();
    let played = on(Stage::new(&all).file("a.toml", SHOWN));
    for part in parts {
        assert!(
            played.out.contains(part),
            "{words:?} lacks {part:?}\n{}{}",
            played.out,
            played.err
        );
    }
    server
}

#[test]
fn debug_shows_what_options_change() {
    debugged(&["URL", "-X", "PUT"], &["> PUT http://"]);
    debugged(&["URL", "-H", "x-a: b"], &["> x-a: b\n"]);
    debugged(&["URL", "-d", "some=text"], &["> POST ", "> some=text\n"]);
    debugged(
        &["URL", "--json", "[12]"],
        &["> content-type: application/json\n", "> [12]\n"],
    );
    let server = debugged(&["URL", "-u", "me:pass"], &["> authorization: Basic ***\n"]);
    let text = String::from_utf8(server.received().concat()).unwrap();
    assert!(text.contains("authorization: Basic bWU6cGFzcw==\r\n"));
    debugged(&["URL", "--expect", "404"], &["failed: check: status 200"]);
    debugged(&["URL", "--stream=sse"], &["stream: "]);
    debugged(
        &["a.toml", "--target", "http://ADDRESS"],
        &["GET http://127.0.0.1:", "/first\n"],
    );
    debugged(&["a.toml", "-e", "WHERE=http://ADDRESS/e"], &["/e/first\n"]);
    debugged(
        &["http://example.invalid/y", "--connect-to", "::ADDRESS"],
        &["< HTTP/1.1 200 OK\n"],
    );
    let server = debugged(&["URL", "--http2", "--timeout", "2s"], &[]);
    assert!(server.received()[0].starts_with(b"PRI * HTTP/2.0\r\n"));
}

#[test]
fn debug_keeps_its_limits() {
    let silent = ScriptedServer::repeat(vec![Step::ReadRequest, Step::WaitForClose]).unwrap();
    let words = ["debug", &silent.url("/"), "--timeout", "40ms"];
    let played = on(Stage::new(&words));
    assert!(played.out.contains("within 40ms"), "{}", played.out);
}

#[test]
fn debug_makes_connections_as_it_is_told() {
    for (words, connections) in [(&[][..], 1), (&["--disable-keepalive"], 2)] {
        let words = [&["a.toml", "-e", "WHERE=http://ADDRESS"], words].concat();
        let server = debugged(&words, &["/first\n"]);
        assert_eq!(server.received().len(), connections);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    let served = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = [0; 4096];
        let count = stream.read(&mut bytes).unwrap();
        stream.write_all(OK.as_bytes()).unwrap();
        count
    });
    let path = path.to_str().unwrap();
    let words = ["http://example.invalid/u", "--unix-socket", path];
    debugged(&words, &["< HTTP/1.1 200 OK\n"]);
    assert!(served.join().unwrap() > 0);
}

#[test]
fn debug_draws_from_its_seed() {
    let path = |words: &[&str]| {
        let server = debugged(
            &[&["a.toml", "-e", "WHERE=http://ADDRESS"], words].concat(),
            &[],
        );
        let text = String::from_utf8(server.received().concat()).unwrap();
        let drawn = text.split_once("GET /second/").unwrap().1;
        drawn.split(' ').next().unwrap().to_owned()
    };
    assert_eq!(path(&["--seed", "1"]), path(&["--seed", "1"]));
    assert_ne!(path(&["--seed", "1"]), path(&["--seed", "2"]));
}
