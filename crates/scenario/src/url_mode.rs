//! A scenario made of a URL and the options that go with it: `loadgen run http://…`.

use crate::{
    document::{
        Common, Document, Expectation, Field, LoadTable, Located, Source, StepTable, Steps,
        StreamTable, Talk, TimeoutTable, Tree, reader,
    },
    lower::{Lowered, SourceText, lower, read_given},
    overrides::{Given, Overrides},
    plan::{DialectName, HttpVersion, Method, UserCount},
    problem::{Place, Problem, Problems},
    quantity::{parse_duration, parse_statuses},
    url,
};
use std::time::Duration;

/// Users, where no option says otherwise.
const USERS: u32 = 50;
/// How long, where no option says otherwise.
const DURATION: Duration = Duration::from_secs(10);

/// One kind of request to a URL. Nothing in it is a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlRequest {
    /// The whole URL, without user and password.
    pub url: Given,
    /// The method. Default: GET, and POST with a body.
    pub method: Option<Given>,
    /// Header fields, each `NAME: VALUE`.
    pub headers: Vec<Given>,
    /// The body.
    pub body: Option<Vec<u8>>,
    /// The dialect of the answer's stream; absent for a plain body.
    pub stream: Option<Given>,
    /// How long the whole request may take.
    pub timeout: Option<Given>,
    /// The statuses that are no failure: `200,429`, `2xx`.
    pub expect: Option<Given>,
    /// Whether HTTP/2 is spoken.
    pub http2: bool,
}

/// Turns a URL and its options into a plan.
///
/// # Errors
///
/// All that is wrong with them.
pub fn load_url(request: &UrlRequest, overrides: &Overrides) -> Result<Lowered, Problems> {
    let mut problems = Vec::new();
    let (document, stem) = document(request, &mut problems);
    let shown = url::without_userinfo(&request.url.value);
    lower(
        &document,
        problems,
        SourceText {
            path: &shown,
            text: "",
            stem: &stem,
        },
        overrides,
    )
}

/// The document, and the name of the run: the host.
fn document(request: &UrlRequest, problems: &mut Vec<Problem>) -> (Document, String) {
    let load = LoadTable {
        vus: UserCount::new(USERS).map_or(Field::Absent, implied),
        duration: implied(DURATION),
        ..LoadTable::default()
    };
    let mut document = Document {
        load: implied(load),
        steps: Steps {
            complete: true,
            given: true,
            ..Steps::default()
        },
        ..Document::default()
    };
    let shown = Given::new(
        url::without_userinfo(&request.url.value),
        &request.url.origin,
    );
    let (origin, path) = match url::parse(&request.url.value) {
        Ok((origin, rest)) if rest.starts_with('/') => (origin, rest.to_owned()),
        Ok((origin, rest)) => (origin, format!("/{rest}")),
        Err(error) => {
            let span = if shown.value == request.url.value {
                error.span
            } else {
                0..shown.value.len()
            };
            let place = Place::Given {
                origin: shown.origin,
                text: shown.value,
                span,
            };
            problems.push(Problem::new(place, error.message).maybe_help(error.help));
            document.torn = true;
            document.steps.complete = false;
            return (document, String::new());
        }
    };
    document.target = implied(literal(origin.to_string(), Place::Whole));
    document.steps.list = vec![step(request, &path, problems)];
    (document, origin.authority())
}

fn step(request: &UrlRequest, path: &str, problems: &mut Vec<Problem>) -> StepTable {
    let method = request
        .method
        .as_ref()
        .and_then(|given| method(given, problems));
    let usual = if request.body.is_some() {
        Method::Post
    } else {
        Method::Get
    };
    let method = method.unwrap_or(usual);
    let place = place(&request.url);
    let name = format!(
        "{} {}",
        method.name(),
        path.split(['?', '#']).next().unwrap_or(path)
    );
    let (body, bytes) = match request.body.clone().map(String::from_utf8) {
        None => (Field::Absent, None),
        Some(Ok(text)) => (implied(literal(text, Place::Whole)), None),
        Some(Err(error)) => (Field::Absent, Some(error.into_bytes())),
    };
    let stream = request
        .stream
        .as_ref()
        .map_or(Field::Absent, |given| stream(given, problems));
    StepTable {
        place: place.clone(),
        name: implied(name),
        methods: vec![(
            Located::new(method, place.clone()),
            implied(literal(path.to_owned(), place)),
        )],
        query: Vec::new(),
        body,
        bytes,
        json: Field::Absent,
        form: Field::Absent,
        multipart: Field::Absent,
        body_file: Field::Absent,
        stream,
        talk: Talk::default(),
        extract: Field::Absent,
        slo: Vec::new(),
        think: Field::Absent,
        rate_limit: Field::Absent,
        tree: Tree::default(),
        common: common(request, problems),
        keys: Vec::new(),
    }
}

fn common(request: &UrlRequest, problems: &mut Vec<Problem>) -> Common {
    let total = given(
        request.timeout.as_ref(),
        problems,
        |text| match parse_duration(text) {
            Ok(length) if length.is_zero() => Err(crate::Misread {
                message: format!("`{text}` must be longer than zero"),
                span: 0..text.len(),
                help: None,
            }),
            other => other,
        },
    );
    let status = given(request.expect.as_ref(), problems, parse_statuses);
    Common {
        timeout: TimeoutTable {
            total,
            ..TimeoutTable::default()
        },
        headers: request
            .headers
            .iter()
            .filter_map(|given| header(given, problems))
            .collect(),
        http_version: if request.http2 {
            implied(HttpVersion::Http2)
        } else {
            Field::Absent
        },
        expect: Expectation {
            status,
            ..Expectation::default()
        },
        ..Common::default()
    }
}

fn method(given: &Given, problems: &mut Vec<Problem>) -> Option<Method> {
    let found = Method::ALL
        .into_iter()
        .find(|method| method.name().eq_ignore_ascii_case(&given.value));
    if found.is_none() {
        let names = Method::ALL.iter().map(|method| method.name());
        problems.push(reader::unknown_word(
            place(given),
            "method",
            &given.value,
            names,
        ));
    }
    found
}

fn stream(given: &Given, problems: &mut Vec<Problem>) -> Field<StreamTable> {
    let Some((_, dialect)) = DialectName::NAMES
        .into_iter()
        .find(|(name, _)| *name == given.value)
    else {
        let names = DialectName::NAMES.iter().map(|(name, _)| *name);
        problems.push(reader::unknown_word(
            place(given),
            "dialect",
            &given.value,
            names,
        ));
        return Field::Broken;
    };
    let dialect = Field::Given(Located::new(dialect, place(given)));
    Field::Given(Located::new(
        StreamTable {
            dialect,
            ..StreamTable::default()
        },
        place(given),
    ))
}

/// A header field. Its value is never told: it may be a secret.
fn header(given: &Given, problems: &mut Vec<Problem>) -> Option<(Located<String>, Source)> {
    let (name, value) = given.value.split_once(':').unwrap_or((&given.value, ""));
    let name = name.trim();
    let place = place(&Given::new(name, &given.origin));
    if !given.value.contains(':') {
        let problem = Problem::new(
            Place::Given {
                origin: given.origin.clone(),
                text: String::new(),
                span: 0..0,
            },
            "a header is NAME: VALUE",
        );
        problems.push(problem.help(format!(
            "write for example {} 'accept: text/plain'",
            given.origin
        )));
        return None;
    }
    Some((
        Located::new(name.to_owned(), place.clone()),
        literal(value.trim().to_owned(), place),
    ))
}

fn given<T>(
    given: Option<&Given>,
    problems: &mut Vec<Problem>,
    read: impl FnOnce(&str) -> Result<T, crate::Misread>,
) -> Field<T> {
    let Some(given) = given else {
        return Field::Absent;
    };
    read_given(given, read, problems).map_or(Field::Broken, Field::Given)
}

fn place(given: &Given) -> Place {
    Place::Given {
        origin: given.origin.clone(),
        text: given.value.clone(),
        span: 0..given.value.len(),
    }
}

/// A value that nobody gave.
fn implied<T>(value: T) -> Field<T> {
    Field::Given(Located::new(value, Place::Whole))
}

/// Text that is no template, whatever stands in it.
fn literal(text: String, place: Place) -> Source {
    Source {
        text,
        place,
        verbatim: Some(0),
        template: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Load, Plan};

    fn request(url: &str) -> UrlRequest {
        UrlRequest {
            url: Given::new(url, "URL"),
            method: None,
            headers: Vec::new(),
            body: None,
            stream: None,
            timeout: None,
            expect: None,
            http2: false,
        }
    }

    fn option(name: &str, value: &str) -> Option<Given> {
        Some(Given::new(value, name))
    }

    fn sent(plan: &Plan) -> String {
        let request = plan.requests().next().unwrap();
        let rendered = request.message.fixed.as_ref().unwrap();
        let headers: Vec<String> = rendered
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        let body = rendered.body.escape_ascii();
        format!(
            "{} | {} {}{} | {} | {body}",
            request.name,
            request.method.name(),
            rendered.origin,
            rendered.path,
            headers.join("; ")
        )
    }

    #[test]
    fn requests_are_as_asked_for() {
        let full = UrlRequest {
            method: option("-X", "put"),
            headers: vec![
                Given::new("X-A:  {{ vu }} ", "-H"),
                Given::new("authorization: Bearer abcdef", "-H"),
            ],
            body: Some(b"{\"stream\": true, \"a\": \"{{ b }}\"}".to_vec()),
            stream: option("--stream", "openai"),
            timeout: option("--timeout", "5s"),
            expect: option("--expect", "200,429"),
            http2: true,
            ..request("https://H:8443/v1/chat/completions?x={{ y }}#z")
        };
        let lowered = load_url(&full, &Overrides::default()).unwrap();
        let plan = &lowered.plan;
        assert_eq!(
            sent(plan),
            "PUT /v1/chat/completions | PUT https://h:8443/v1/chat/completions?x=%7B%7B%20y%20%7D%7D | \
             x-a: {{ vu }}; authorization: Bearer abcdef | \
             {\\\"stream_options\\\":{\\\"include_usage\\\":true},\\\"stream\\\": true, \\\"a\\\": \\\"{{ b }}\\\"}"
        );
        let request_of = plan.requests().next().unwrap();
        assert_eq!(request_of.timeouts.total, Duration::from_secs(5));
        assert_eq!(request_of.expect.statuses, [(200, 200), (429, 429)]);
        assert_eq!(request_of.http_version, HttpVersion::Http2);
        assert_eq!(
            (plan.name.as_str(), plan.mask("abcdef").as_ref()),
            ("h:8443", "***")
        );
        let bytes = UrlRequest {
            body: Some(vec![0xFF, 0]),
            ..request("http://h")
        };
        assert_eq!(
            sent(&load_url(&bytes, &Overrides::default()).unwrap().plan),
            "POST / | POST http://h/ |  | \\xff\\x00"
        );
        assert_eq!(
            sent(
                &load_url(&request("http://h?q"), &Overrides::default())
                    .unwrap()
                    .plan
            ),
            "GET / | GET http://h/?q |  | "
        );
    }

    #[test]
    fn load_is_what_options_say() {
        let plan = load_url(&request("http://h"), &Overrides::default())
            .unwrap()
            .plan;
        assert!(
            matches!(plan.loads[0].load, Load::ConstantVus { vus, duration } if vus.get() == 50 && duration == DURATION)
        );
        let overrides = Overrides {
            iterations: option("-n", "7"),
            vus: option("-c", "2"),
            ..Overrides::default()
        };
        let plan = load_url(&request("http://h"), &overrides).unwrap().plan;
        assert!(
            matches!(plan.loads[0].load, Load::SharedIterations { vus, iterations: 7, .. } if vus.get() == 2)
        );
    }

    #[test]
    fn what_is_wrong_is_told_by_option_and_without_secrets() {
        let wrong = UrlRequest {
            method: option("-X", "GTE"),
            headers: vec![
                Given::new("authorization Bearer supersecret", "-H"),
                Given::new("connection: supersecret", "-H"),
                Given::new("a b: supersecret", "-H"),
                Given::new("ok: super\u{7}secret", "-H"),
            ],
            stream: option("--stream", "opnai"),
            timeout: option("--timeout", "0s"),
            expect: option("--expect", "20"),
            ..request("http://h/")
        };
        let overrides = Overrides {
            vus: option("--vus", "x"),
            ..Overrides::default()
        };
        let problems = load_url(&wrong, &overrides).unwrap_err();
        let mut told: Vec<String> = problems
            .to_string()
            .lines()
            .map(ToOwned::to_owned)
            .collect();
        told.sort();
        assert_eq!(
            told,
            [
                "--expect: `20` is no status (help: a status is 100 to 599; several are `2xx` or `200-299`)",
                "--stream: `opnai` is no dialect (help: did you mean \"openai\"?)",
                "--timeout: `0s` must be longer than zero",
                "--vus: `x` is no number of users: 1 to 1000000",
                "-H: `a b` is no name of a header (help: a name is made of letters, digits and `-`)",
                "-H: a header is NAME: VALUE (help: write for example -H 'accept: text/plain')",
                "-H: the header `connection` cannot be set (help: it belongs to the connection; remove it)",
                "-H: the header `ok` cannot hold the character \\u{7} (help: a header is one line of text)",
                "-X: `GTE` is no method (help: did you mean \"GET\"?)",
            ]
        );
        assert!(!format!("{problems:?}").contains("secret"));
        let user =
            load_url(&request("http://u:supersecret@h/"), &Overrides::default()).unwrap_err();
        assert!(
            user.to_string()
                .starts_with("URL: a URL cannot hold a user and a password"),
            "{user}"
        );
        assert!(!format!("{user:?}").contains("secret"));
    }
}
