//! Tests of the tokens: canned answers under paused time, and real commands.

use super::*;
use loadgen_engine::{Call, ErrorKind, Exchange, Failure, Origin, Rendered, StreamSink};
use std::{
    borrow::Cow,
    fs::File,
    io::{self, BufRead as _, BufReader},
    sync::atomic::{AtomicUsize, Ordering},
};

/// Gives these answers one after the other, the last for ever; an empty one is a refused connection, and one that begins
/// with `~` comes after so many seconds.
#[derive(Clone)]
struct Canned {
    answers: &'static [&'static str],
    asked: Arc<AtomicUsize>,
}

impl Canned {
    fn new(answers: &'static [&'static str]) -> Self {
        Self {
            answers,
            asked: Arc::default(),
        }
    }
}

impl Connect for Canned {
    type Connector = Self;

    fn connector(&self, _: usize) -> io::Result<Self> {
        Ok(self.clone())
    }
}

impl Connector for Canned {
    type Connection = Self;

    fn connection(&self) -> Self {
        self.clone()
    }
}

impl Connection for Canned {
    async fn call(&mut self, call: &Call<'_>, exchange: &mut Exchange, _: &mut dyn StreamSink) {
        assert_eq!(
            (call.method, call.message.path.as_ref()),
            (Method::Post, "/token")
        );
        let place = self.asked.fetch_add(1, Ordering::Relaxed);
        let mut answer = self.answers[place.min(self.answers.len() - 1)];
        if let Some((seconds, rest)) = answer.strip_prefix('~').and_then(|one| one.split_once(' '))
        {
            sleep(Duration::from_secs(seconds.parse().unwrap())).await;
            answer = rest;
        }
        let (status, body) = answer.split_once(' ').unwrap_or_default();
        exchange.status = status.parse().ok();
        exchange.body = body.as_bytes().to_vec();
        if answer.is_empty() {
            exchange.failure = Some(Failure {
                kind: ErrorKind::ConnectRefused,
                message: "connection refused".to_owned(),
            });
        }
    }
}

const ONE: &str = r#"200 {"access_token":"one","expires_in":100}"#;
const TWO: &str = r#"200 {"access_token":"two","expires_in":3600}"#;
const FOREVER: &str = r#"200 {"access_token":"for-ever"}"#;
const BUSY: &str = "503 busy";
/// As `TWO`, but it takes 25 s.
const SLOW: &str = r#"~25 200 {"access_token":"two","expires_in":3600}"#;
const HANGS: &str = "~1000 200 x";

fn service(refresh: Option<u64>) -> TokenAsk {
    let request = Rendered {
        origin: Cow::Owned(Origin {
            tls: false,
            host: "idp".to_owned(),
            port: 80,
        }),
        path: "/token".into(),
        headers: Cow::Owned(Vec::new()),
        body: Cow::Borrowed(b"grant_type=client_credentials"),
    };
    TokenAsk {
        name: "http://idp/token".to_owned(),
        from: TokenFrom::Service(request),
        refresh: refresh.map(Duration::from_secs),
    }
}

fn shell(line: &str) -> TokenAsk {
    TokenAsk {
        name: "token_command".to_owned(),
        from: TokenFrom::Command(["sh", "-c", line].map(ToOwned::to_owned).to_vec()),
        refresh: None,
    }
}

/// What is known after so many seconds of a run: the token, or why there is none; how often it was asked for; and how many
/// troubles were told.
type Look = (u64, Result<&'static str, &'static str>, usize, usize);

#[track_caller]
fn check(answers: &'static [&'static str], refresh: Option<u64>, looks: &[Look]) {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    LocalSet::new().block_on(&runtime.unwrap(), async {
        let canned = Canned::new(answers);
        let tokens = Arc::new(Tokens::new(1));
        let (sender, mut troubles) = mpsc::channel(DEPTH);
        let begin = Instant::now();
        let mut keeper = Keeper {
            place: 0,
            ask: service(refresh),
            connection: canned.clone(),
            clock: Clock::starting_at(begin),
            tokens: Arc::clone(&tokens),
            commands: Commands::default(),
            troubles: sender,
        };
        let first = keeper.ask().await.unwrap();
        tokio::task::spawn_local(keeper.keep(first));
        let mut told = 0;
        for (at, token, asked, troubled) in looks {
            sleep_until(begin + Duration::from_secs(*at)).await;
            let known = tokens.latest(0);
            let known = known.as_deref().map_err(String::as_str);
            told += std::iter::from_fn(|| troubles.try_recv().ok()).count();
            let count = canned.asked.load(Ordering::Relaxed);
            let context = format!("after {at} s of {answers:?}");
            assert_eq!(
                (known, count, told),
                (*token, *asked, *troubled),
                "{context}"
            );
        }
    });
}

#[test]
fn a_token_is_asked_for_again_before_it_ends() {
    let looks = [
        (79, Ok("one"), 1, 0),
        (81, Ok("two"), 2, 0),
        (3_619, Ok("two"), 2, 0),
        (3_621, Ok("two"), 3, 0),
    ];
    check(&[ONE, TWO], None, &looks);
    check(&[FOREVER], None, &[(100_000, Ok("for-ever"), 1, 0)]);
    let looks = [
        (9, Ok("for-ever"), 1, 0),
        (11, Ok("for-ever"), 2, 0),
        (21, Ok("for-ever"), 3, 0),
    ];
    check(&[FOREVER], Some(10), &looks);
}

#[test]
fn a_token_is_used_until_it_ends_where_there_is_no_other() {
    let looks = [(82, Ok("one"), 3, 1), (84, Ok("two"), 4, 1)];
    check(&[ONE, BUSY, BUSY, TWO], None, &looks);
    check(&[ONE, "", TWO], None, &[(82, Ok("two"), 3, 1)]);
    let looks = [
        (99, Ok("one"), 6, 1),
        (101, Err("status 503"), 7, 1),
        (116, Err("status 503"), 8, 1),
    ];
    check(&[ONE, BUSY], None, &looks);
    // Once it is there again, the next trouble is a new one.
    let looks = [(82, Ok("one"), 3, 1), (170, Ok("one"), 5, 2)];
    check(&[ONE, BUSY, ONE, BUSY, ONE], None, &looks);
}

#[test]
fn a_token_is_not_used_beyond_its_end_while_another_is_waited_for() {
    let looks = [
        (99, Ok("one"), 2, 0),
        (101, Err(ENDED), 2, 0),
        (104, Err(ENDED), 2, 0),
        (106, Ok("two"), 2, 0),
    ];
    check(&[ONE, SLOW], None, &looks);
    let silent = Err("no answer in 30 s");
    let looks = [
        (99, Ok("one"), 2, 0),
        (109, Err(ENDED), 2, 0),
        (112, silent, 3, 1),
        // Why there is none stands there until there is one.
        (120, silent, 3, 1),
    ];
    check(&[ONE, HANGS], None, &looks);
}

#[track_caller]
fn check_start(ask: TokenAsk, answers: &'static [&'static str], expected: Result<&str, &str>) {
    let tokens = Arc::new(Tokens::new(1));
    let shared = (Arc::clone(&tokens), Commands::default());
    let (_stop, stop) = watch::channel(Stop::Run);
    let started = Credentials::start(vec![(0, ask)], shared, Canned::new(answers), stop);
    match (started, expected) {
        (Ok(mut credentials), Ok(token)) => {
            assert_eq!(tokens.latest(0).as_deref(), Ok(token));
            assert_eq!(credentials.take_troubles(), [""; 0]);
        }
        (Err(Error::Token { reason, .. }), Err(part)) => assert_eq!(reason, part),
        (started, expected) => panic!("{started:?}, not {expected:?}"),
    }
}

#[test]
fn there_is_no_run_without_its_tokens() {
    check_start(service(None), &[ONE], Ok("one"));
    check_start(service(None), &[BUSY], Err("status 503"));
    check_start(service(None), &[""], Err("connection refused"));
    check_start(shell("echo tok-1"), &[""], Ok("tok-1"));
    check_start(
        shell("echo no login >&2; exit 3"),
        &[""],
        Err("exit status: 3: no login"),
    );
    check_start(shell("true"), &[""], Err("it wrote nothing"));
}

/// A pipe with a name, in a folder.
fn pipe(folder: &tempfile::TempDir, name: &str) -> String {
    let path = folder.path().join(name).display().to_string();
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    path
}

/// Two commands, each of which needs the other to come to its end.
#[test]
fn first_tokens_are_asked_for_together() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = pipe(&folder, "pipe");
    let commands = [format!("cat {pipe}"), format!("echo tok | tee {pipe}")];
    let asks = (0..).zip(commands.iter().map(|line| shell(line))).collect();
    let tokens = Arc::new(Tokens::new(2));
    let shared = (Arc::clone(&tokens), Commands::default());
    let (_stop, stop) = watch::channel(Stop::Run);
    let started = Credentials::start(asks, shared, Canned::new(&[""]), stop);
    assert!(started.is_ok(), "{started:?}");
    for place in [0, 1] {
        assert_eq!(tokens.latest(place).as_deref(), Ok("tok"));
    }
}

/// A signal that comes when the command has begun: it does not live on.
#[test]
fn a_signal_ends_the_wait_for_first_tokens_and_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = pipe(&folder, "pipe");
    let ask = shell(&format!("exec 3>{pipe}; echo begun >&3; sleep 1000"));
    let (stop, stopped) = watch::channel(Stop::Run);
    let watching = thread::spawn(move || {
        let mut lines = BufReader::new(File::open(pipe).unwrap()).lines();
        let begun = lines.next().unwrap().unwrap();
        stop.send_replace(Stop::Drain);
        // Its end, and that of all that it started.
        (begun, lines.count(), stop)
    });
    let shared = (Arc::new(Tokens::new(1)), Commands::default());
    let started = Credentials::start(vec![(0, ask)], shared, Canned::new(&[""]), stopped);
    assert!(matches!(started, Err(Error::Stopped)), "{started:?}");
    let (begun, after, _) = watching.join().unwrap();
    assert_eq!((begun.as_str(), after), ("begun", 0));
}
