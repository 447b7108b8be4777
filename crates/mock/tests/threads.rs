//! Tests the names and the end of the mock's threads, in a process that has no other mock.

#[cfg(target_os = "linux")]
#[test]
fn threads_have_names_and_all_end() {
    use std::time::Duration;

    use loadgen_mock::{Mock, Settings};
    use tokio::time::Instant;

    fn workers() -> Vec<String> {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let names = tasks
            .filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok());
        let names = names.map(|name| name.trim_end().to_owned());
        let mut names: Vec<String> = names
            .filter(|name| {
                name.strip_prefix("mock-")
                    .is_some_and(|rest| rest.len() == 1)
            })
            .collect();
        names.sort();
        names
    }

    let settings = Settings {
        workers: 3,
        ..Settings::default()
    };
    let mock = Mock::start(settings, "127.0.0.1:0".parse().unwrap()).unwrap();
    assert_eq!(workers(), ["mock-0", "mock-1", "mock-2"]);
    mock.stop();
    // The system lists a thread for a moment after it has ended.
    let deadline = Instant::now() + Duration::from_secs(20);
    while !workers().is_empty() {
        assert!(Instant::now() < deadline, "{:?} go on", workers());
    }
}
