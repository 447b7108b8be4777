//! The keys that each table of a scenario can have. The schema holds the same ones; a test compares them.

use loadgen_stats::Trend;

/// The keys of the file itself.
pub(crate) const ROOT: &[&str] = &[
    "name",
    "target",
    "load",
    "vars",
    "data",
    "defaults",
    "setup",
    "setup_timeout",
    "teardown",
    "teardown_timeout",
    "pace",
    "rate_limit",
    "before",
    "step",
    "scenario",
    "slo",
    "thresholds",
    "mock",
    "probe",
];
/// The keys of each `[[scenario]]`.
pub(crate) const SCENARIO: &[&str] = &[
    "name",
    "weight",
    "load",
    "auth",
    "pace",
    "rate_limit",
    "before",
    "step",
];
/// The keys of each `[data.NAME]`.
pub(crate) const DATA: &[&str] = &[
    "file",
    "format",
    "columns",
    "delimiter",
    "rows",
    "pick",
    "at_end",
    "per",
];
/// The keys of `[load]`.
pub(crate) const LOAD: &[&str] = &[
    "executor",
    "vus",
    "duration",
    "iterations",
    "max_duration",
    "start_vus",
    "rate",
    "start_rate",
    "stages",
    "max_vus",
    "arrivals",
    "burstiness",
    "start_after",
    "warm_up",
    "graceful_stop",
    "graceful_ramp_down",
    "connect_rate",
];
/// The keys of each of `stages`.
pub(crate) const STAGE: &[&str] = &["duration", "target"];
/// The keys of `[defaults]`; each step can have them too.
pub(crate) const DEFAULTS: &[&str] = &[
    "timeout",
    "on_failure",
    "headers",
    "auth",
    "cookies",
    "http_version",
    "expect",
    "stall",
    "first_token_timeout",
    "cancel",
    "retry",
    "redirects",
    "compress",
    "connection",
];
/// The keys of `auth`.
pub(crate) const AUTH: &[&str] = &[
    "bearer",
    "basic",
    "header",
    "token_command",
    "oauth2",
    "refresh",
    "in_header",
];
/// Those of them that say how.
pub(crate) const AUTH_KINDS: &[&str] = &["bearer", "basic", "header", "token_command", "oauth2"];
/// Those of them that need a token that is fetched.
pub(crate) const AUTH_TOKEN: &[&str] = &["refresh", "in_header"];
/// The keys of `auth.basic`.
pub(crate) const AUTH_BASIC: &[&str] = &["user", "password"];
/// The keys of `auth.oauth2`.
pub(crate) const OAUTH2: &[&str] = &[
    "token_url",
    "client_id",
    "client_secret",
    "scope",
    "audience",
    "client_auth",
    "per",
];
/// The keys of `retry`.
pub(crate) const RETRY: &[&str] = &["on", "max", "backoff", "max_backoff"];
/// The keys of `cancel`.
pub(crate) const CANCEL: &[&str] = &["after", "after_tokens", "probability"];
/// The further keys of `[defaults]`: what a run has as a whole.
pub(crate) const DEFAULTS_ALONE: &[&str] = &["source_addresses", "resolve"];
/// The methods, as keys of a step.
pub(crate) const METHODS: &[&str] = &["get", "post", "put", "patch", "delete", "head", "options"];
/// The further keys of a `[[step]]`.
pub(crate) const STEP: &[&str] = &[
    "name",
    "query",
    "body",
    "json",
    "form",
    "multipart",
    "body_file",
    "stream",
    "conversation",
    "turns",
    "extract",
    "slo",
    "think",
    "rate_limit",
];
/// The keys of each of `multipart`.
pub(crate) const PART: &[&str] = &["name", "value", "file", "filename", "content_type"];
/// The keys of a step that make a tree of steps.
pub(crate) const TREE: &[&str] = &[
    "when", "repeat", "weight", "group", "step", "choose", "parallel",
];
/// The keys of `expect`.
pub(crate) const EXPECT: &[&str] = &[
    "status",
    "headers",
    "body_contains",
    "body_matches",
    "json",
    "body_size",
    "tokens",
    "within",
];
/// The keys of what is expected of one value.
pub(crate) const CONDITION: &[&str] = &[
    "equals", "not", "exists", "contains", "matches", "min", "max",
];
/// The keys of the bounds of a number.
pub(crate) const BOUNDS: &[&str] = &["min", "max"];
/// The keys of one of `extract`.
pub(crate) const EXTRACT: &[&str] = &[
    "json", "regex", "header", "cookie", "text", "all", "default",
];
/// Those of them that say where a value stands.
pub(crate) const FINDERS: &[&str] = &["json", "regex", "header", "cookie", "text"];
/// The keys of `timeout`, where it is a table.
pub(crate) const TIMEOUT: &[&str] = &["total", "connect", "tls", "first_byte", "idle"];
/// The keys of `stream`, where it is a table.
pub(crate) const STREAM: &[&str] = &["dialect", "first_token", "pointer", "include_usage"];
/// The keys of `[mock]`.
pub(crate) const MOCK: &[&str] = &[
    "ttft",
    "itl",
    "jitter",
    "tokens",
    "error_rate",
    "max_concurrent",
    "stall_rate",
    "truncate_rate",
    "garbage_rate",
    "stream_error_rate",
    "plain_time",
    "service_time",
    "servers",
    "contention",
    "coherency",
    "leak",
    "noise",
    "rate_limit",
    "workers",
    "seed",
];

/// The keys of each `[[probe]]`.
pub(crate) const PROBE: &[&str] = &[
    "name",
    "prometheus",
    "query",
    "http",
    "pointer",
    "command",
    "process",
    "figure",
    "headers",
    "every",
    "timeout",
    "unit",
    "warn",
    "critical",
];

/// Names of the contract that a later version builds: unknown today, but no slip of the pen.
const LATER: &[&str] = &["connections"];

/// What other tools call a key of ours.
const ELSEWHERE: &[(&str, &str)] = &[
    ("users", "vus"),
    ("threads", "vus"),
    ("concurrency", "vus"),
    ("time", "duration"),
    ("requests", "iterations"),
    ("rps", "rate"),
    ("qps", "rate"),
    ("ramp_up", "stages"),
    ("start_time", "start_after"),
    ("startTime", "start_after"),
    ("delay", "start_after"),
    ("warmup", "warm_up"),
    ("preAllocatedVUs", "max_vus"),
    ("timeUnit", "rate"),
    ("url", "get"),
    ("path", "get"),
    ("method", "get"),
    ("params", "query"),
    ("data", "body"),
    ("sleep", "think"),
    ("pause", "think"),
    ("wait", "think"),
    ("check", "expect"),
    ("checks", "expect"),
    ("assert", "expect"),
    ("contains", "body_contains"),
    ("body", "body_contains"),
    ("jsonpath", "json"),
    ("regexp", "regex"),
    ("pattern", "regex"),
    ("time", "within"),
    ("duration", "within"),
    ("max_duration", "within"),
    ("size", "body_size"),
    ("capture", "extract"),
    ("save", "extract"),
    ("authentication", "auth"),
    ("authorization", "auth"),
    ("token", "bearer"),
    ("username", "user"),
    ("headers", "header"),
    ("command", "token_command"),
    ("url", "token_url"),
    ("scopes", "scope"),
    ("cookie_jar", "cookies"),
    ("jar", "cookies"),
    ("ne", "not"),
    ("eq", "equals"),
    ("gte", "min"),
    ("lte", "max"),
    ("variables", "vars"),
    ("base_url", "target"),
    ("url", "target"),
    ("latency", "ttft"),
    ("share", "weight"),
    ("percent", "weight"),
    ("tasks", "step"),
    ("on_start", "before"),
    ("login", "before"),
    ("on_test_start", "setup"),
    ("on_test_stop", "teardown"),
    ("setupTimeout", "setup_timeout"),
    ("teardownTimeout", "teardown_timeout"),
    ("constant_pacing", "pace"),
    ("pacing", "pace"),
    ("wait_time", "pace"),
    ("throttle", "rate_limit"),
    ("max_rate", "rate_limit"),
    ("rps", "rate_limit"),
    ("localAddress", "source_addresses"),
    ("local_ips", "source_addresses"),
    ("steps", "step"),
    ("if", "when"),
    ("condition", "when"),
    ("loop", "repeat"),
    ("times", "repeat"),
    ("multi_turn", "conversation"),
    ("history", "conversation"),
    ("num_turns", "turns"),
    ("max_turns", "turns"),
    ("count", "repeat"),
    ("random", "choose"),
    ("switch", "choose"),
    ("concurrent", "parallel"),
    ("batch", "parallel"),
    ("interval", "every"),
    ("promql", "query"),
    ("json_pointer", "pointer"),
    ("exec", "command"),
    ("pid", "process"),
    ("measure", "figure"),
];

/// The key of ours that a name of another tool stands for.
pub(crate) fn known_elsewhere(key: &str, known: &[&str]) -> Option<&'static str> {
    ELSEWHERE
        .iter()
        .find(|(name, ours)| *name == key && known.contains(ours))
        .map(|(_, ours)| *ours)
}

/// What stands above the keys of the file that are tables; the others stand at its top.
const HEADS: &[(&str, &str)] = &[
    ("load", "[load]"),
    ("vars", "[vars]"),
    ("data", "[data.NAME]"),
    ("defaults", "[defaults]"),
    ("setup", "[[setup]]"),
    ("teardown", "[[teardown]]"),
    ("before", "[[before]]"),
    ("step", "[[step]]"),
    ("scenario", "[[scenario]]"),
    ("slo", "[slo]"),
    ("thresholds", "[thresholds]"),
    ("mock", "[mock]"),
    ("probe", "[[probe]]"),
];

/// Where a key belongs that the table with these keys cannot have, as a help.
pub(crate) fn belongs_elsewhere(key: &str, known: &[&str]) -> Option<String> {
    let (of_step, of_defaults) = (step(), defaults());
    let place = match known {
        ROOT => Table::File,
        SCENARIO => Table::Scenario,
        LOAD => Table::Load,
        _ if known == of_step => Table::Step,
        _ if known == of_defaults => Table::Defaults,
        _ => return belongs_above(key),
    };
    let inner = |of_scenario: &str, of_file: &str| match place {
        Table::Scenario => format!("write it below `{of_scenario}`"),
        _ => format!("write it below `{of_file}`"),
    };
    let for_all = DEFAULTS.contains(&key) && matches!(place, Table::File | Table::Load);
    if place != Table::Load && LOAD.contains(&key) {
        Some(inner("[scenario.load]", "[load]"))
    } else if for_all || DEFAULTS_ALONE.contains(&key) {
        Some("write it below `[defaults]`".to_owned())
    } else if of_step.contains(&key) && !ROOT.contains(&key) && key != "weight" {
        Some(inner("[[scenario.step]]", "[[step]]"))
    } else if key == "weight" {
        Some("write it below `[[scenario]]`".to_owned())
    } else if ROOT.contains(&key) {
        let head = HEADS.iter().find(|(name, _)| *name == key);
        head.map_or_else(
            || belongs_above(key),
            |(_, head)| {
                Some(match SCENARIO.contains(&key) {
                    true => format!("write it as `{head}`, or in a `[[scenario]]`"),
                    false => format!("there is one for the whole file: write it as `{head}`"),
                })
            },
        )
    } else {
        None
    }
}

/// The advice for a key at the top of the file that has drifted into a table: in TOML what stands below a head belongs to it.
fn belongs_above(key: &str) -> Option<String> {
    let is_table = HEADS.iter().any(|(name, _)| *name == key);
    if is_table || !ROOT.contains(&key) {
        return None;
    }
    let or = match SCENARIO.contains(&key) && key != "name" {
        true => ", or in a `[[scenario]]`",
        false => "",
    };
    Some(format!(
        "write it at the top of the file, above the first line in brackets{or}"
    ))
}

/// A table whose keys are easily mistaken for those of another.
#[derive(Clone, Copy, PartialEq)]
enum Table {
    File,
    Scenario,
    Load,
    Step,
    Defaults,
}

/// Every key of `[defaults]`.
pub(crate) fn defaults() -> Vec<&'static str> {
    [DEFAULTS, DEFAULTS_ALONE].concat()
}

/// Every key of a step.
pub(crate) fn step() -> Vec<&'static str> {
    [STEP, TREE, METHODS, DEFAULTS].concat()
}

/// Whether a later version will know the key.
pub(crate) fn comes_later(key: &str) -> bool {
    LATER.contains(&key)
}

/// The times that one request has, so that `slo` can limit them.
pub(crate) fn slo() -> impl Iterator<Item = Trend> + Clone {
    let not_of_one_request = [
        Trend::Itl,
        Trend::IterationDuration,
        Trend::GroupDuration,
        Trend::ScheduleLag,
        Trend::RateLimitWait,
    ];
    Trend::ALL
        .iter()
        .copied()
        .filter(move |trend| !not_of_one_request.contains(trend))
}
