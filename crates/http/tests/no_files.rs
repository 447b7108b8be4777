//! A process without free file descriptors; alone in its file, as the limit goes for the whole process.

mod support;

use loadgen_engine::ErrorKind;
use loadgen_http::Options;
use loadgen_testkit::{ScriptedServer, Step};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use support::{Ask, User, failed, ok};

#[tokio::test]
async fn a_process_without_free_descriptors_is_told() {
    let server = ScriptedServer::repeat(vec![Step::ReadRequest, ok("x"), Step::Close]).unwrap();
    let mut user = User::new(Options::default());
    let ask = Ask::get(server.address());
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, 3, hard).unwrap();
    let exchange = user.ask(&ask).await;
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
    assert_eq!(
        failed(&exchange),
        Some((
            ErrorKind::NoFiles,
            "no free file descriptor for a connection"
        ))
    );
    assert_eq!(failed(&user.ask(&ask).await), None);
}
