//! The steps of a scenario, and what they inherit.

use super::{
    auth::AuthTable,
    body::{Pairs, PartTable},
    cancel::CancelTable,
    expect::Expectation,
    extract::ExtractTable,
    keys,
    node::{Field, Kind, Located, Node, Source},
    reader::{Reader, Table, field},
    retry::RetryTable,
    settings::SloEntry,
    talk::Talk,
    tree::Tree,
};
use crate::{
    plan::{DialectName, HttpVersion, Method, OnFailure, Pinned},
    problem::{Place, Problem},
    template::Life,
};
use std::{net::IpAddr, time::Duration};

/// `[defaults]`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Defaults {
    /// What each step can have too.
    pub common: Common,
    /// `source_addresses`; never empty.
    pub source_addresses: Field<Vec<IpAddr>>,
    /// `resolve`.
    pub resolve: Vec<Pinned>,
}

/// The most redirections that one request can follow.
const MOST_REDIRECTS: u64 = 100;

/// What `[defaults]` and each step can have.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Common {
    /// `timeout`.
    pub timeout: TimeoutTable,
    /// `on_failure`.
    pub on_failure: Field<OnFailure>,
    /// `headers`: the names as written.
    pub headers: Vec<(Located<String>, Source)>,
    /// `auth`.
    pub auth: Field<AuthTable>,
    /// `cookies`: how long they are kept, where they are.
    pub cookies: Field<Option<Life>>,
    /// `http_version`.
    pub http_version: Field<HttpVersion>,
    /// `expect`.
    pub expect: Expectation,
    /// `stall`.
    pub stall: Field<Duration>,
    /// `first_token_timeout`.
    pub first_token_timeout: Field<Duration>,
    /// `cancel`.
    pub cancel: Field<CancelTable>,
    /// `retry`.
    pub retry: Field<RetryTable>,
    /// `redirects`.
    pub redirects: Field<u64>,
    /// `compress`.
    pub compress: Field<()>,
    /// `connection`: whether each request gets one of its own.
    pub connection: Field<bool>,
}

/// `timeout`: one duration is `total`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TimeoutTable {
    pub total: Field<Duration>,
    pub connect: Field<Duration>,
    pub tls: Field<Duration>,
    pub first_byte: Field<Duration>,
    pub idle: Field<Duration>,
}

/// `stream`: one word is `dialect`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct StreamTable {
    /// `dialect`.
    pub dialect: Field<DialectName>,
    /// `first_token`: whether deltas without text count.
    pub any_delta: Field<bool>,
    /// `pointer`.
    pub pointer: Field<String>,
    /// `include_usage`.
    pub include_usage: Field<bool>,
}

/// The value of one key of `query`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum QueryValue {
    /// One value.
    One(Source),
    /// The same key several times.
    Many(Vec<Source>),
}

/// `[[step]]`, or the `[[scenario.step]]` of one scenario.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Steps {
    /// Those that could be read.
    pub list: Vec<StepTable>,
    /// Whether every step could be read at all.
    pub complete: bool,
    /// Whether `step` is there at all, right or wrong.
    pub given: bool,
}

/// One of `[[step]]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StepTable {
    /// Where its head stands.
    pub place: Place,
    /// `name`.
    pub name: Field<String>,
    /// The methods given, with where they go; one, if the step is right.
    pub methods: Vec<(Located<Method>, Field<Source>)>,
    /// `query`.
    pub query: Vec<(Located<String>, QueryValue)>,
    /// `body`.
    pub body: Field<Source>,
    /// A body that is no text; only the command line can give it.
    pub bytes: Option<Vec<u8>>,
    /// `json`.
    pub json: Field<Node>,
    /// `form`.
    pub form: Field<Pairs>,
    /// `multipart`.
    pub multipart: Field<Vec<PartTable>>,
    /// `body_file`.
    pub body_file: Field<String>,
    /// `stream`.
    pub stream: Field<StreamTable>,
    /// What makes it a conversation.
    pub talk: Talk,
    /// `extract`.
    pub extract: Field<Vec<ExtractTable>>,
    /// `slo`.
    pub slo: Vec<SloEntry>,
    /// `think`: the shortest and the longest pause; of a conversation, between its turns.
    pub think: Field<(Duration, Duration)>,
    /// `rate_limit`, per second.
    pub rate_limit: Field<f64>,
    /// What makes it a part of a tree.
    pub tree: Tree,
    /// What it can share with `[defaults]`.
    pub common: Common,
    /// Every key of it, with its place.
    pub keys: Vec<Located<String>>,
}

impl Reader {
    pub(super) fn defaults(&mut self, node: Option<&Node>) -> Defaults {
        let Some(table) = node.and_then(|node| self.table(node, "`[defaults]`", &keys::defaults()))
        else {
            return Defaults::default();
        };
        Defaults {
            common: self.common(&table),
            source_addresses: field(table.get("source_addresses"), |node| self.addresses(node)),
            resolve: self.resolve(table.get("resolve")),
        }
    }

    fn addresses(&mut self, node: &Node) -> Option<Vec<IpAddr>> {
        const WANTED: &str = "a list of IP addresses such as [\"10.0.0.5\"]";
        let Kind::List(list) = &node.kind else {
            return self.wrong_type(node, "`source_addresses`", WANTED);
        };
        if list.is_empty() {
            let message = "`source_addresses` must name at least one address";
            self.tell(Problem::new(&node.place, message));
            return None;
        }
        let mut read = |node: &Node| {
            let Kind::Text(text) = &node.kind else {
                return self.wrong_type(node, "a source address", "a string such as \"10.0.0.5\"");
            };
            let address = text.parse().ok();
            if address.is_none() {
                let problem = Problem::new(&node.place, format!("`{text}` is no IP address"));
                self.tell(problem.help("write one of this machine: `ip address` lists them"));
            }
            address
        };
        let addresses: Vec<_> = list.iter().map(&mut read).collect();
        addresses.into_iter().collect()
    }

    fn common(&mut self, table: &Table<'_>) -> Common {
        let failures = [
            ("continue", OnFailure::Continue),
            ("next_iteration", OnFailure::NextIteration),
            ("stop_user", OnFailure::StopUser),
        ];
        let versions = [
            ("1.1", HttpVersion::Http1),
            ("2", HttpVersion::Http2),
            ("auto", HttpVersion::Auto),
        ];
        Common {
            timeout: self.timeout(table.get("timeout")),
            on_failure: self.word(
                table.get("on_failure"),
                "`on_failure`",
                "value of `on_failure`",
                &failures,
            ),
            headers: self.headers(table.get("headers")),
            auth: self.auth(table.get("auth")),
            cookies: field(table.get("cookies"), |node| self.cookies(node)),
            http_version: self.word(
                table.get("http_version"),
                "`http_version`",
                "version of HTTP",
                &versions,
            ),
            expect: self.expect(table.get("expect")),
            stall: self.duration(table.get("stall"), "`stall`", false),
            first_token_timeout: self.duration(
                table.get("first_token_timeout"),
                "`first_token_timeout`",
                false,
            ),
            cancel: self.cancel(table.get("cancel")),
            retry: self.retry(table.get("retry")),
            redirects: self.whole(table.get("redirects"), "`redirects`", 0, MOST_REDIRECTS),
            compress: self.word(
                table.get("compress"),
                "`compress`",
                "coding of a request",
                &[("gzip", ())],
            ),
            connection: self.word(
                table.get("connection"),
                "`connection`",
                "value of `connection`",
                &[("reuse", false), ("new", true)],
            ),
        }
    }

    fn timeout(&mut self, node: Option<&Node>) -> TimeoutTable {
        let Some(node) = node else {
            return TimeoutTable::default();
        };
        if !matches!(node.kind, Kind::Table(_)) {
            let total = self.duration(Some(node), "`timeout`", false);
            return TimeoutTable {
                total,
                ..TimeoutTable::default()
            };
        }
        let Some(table) = self.table(node, "`timeout`", keys::TIMEOUT) else {
            return TimeoutTable::default();
        };
        let mut part =
            |key: &str| self.duration(table.get(key), &format!("`timeout.{key}`"), false);
        TimeoutTable {
            total: part("total"),
            connect: part("connect"),
            tls: part("tls"),
            first_byte: part("first_byte"),
            idle: part("idle"),
        }
    }

    #[expect(clippy::option_option, reason = "wrong and none are two things")]
    fn cookies(&mut self, node: &Node) -> Option<Option<Life>> {
        let words = [("iteration", Life::Iteration), ("user", Life::User)];
        match &node.kind {
            Kind::Bool(kept) => Some(kept.then_some(Life::User)),
            Kind::Text(_) => {
                let word = self.word(Some(node), "`cookies`", "value of `cookies`", &words);
                word.given().map(|given| Some(given.value))
            }
            _ => self.wrong_type(node, "`cookies`", "true, false, \"iteration\" or \"user\""),
        }
    }

    pub(super) fn headers(&mut self, node: Option<&Node>) -> Vec<(Located<String>, Source)> {
        let entries = node
            .and_then(|node| self.entries(node, "`headers`"))
            .unwrap_or_default();
        let read = |(name, node): &(Located<String>, Node)| {
            let value = self.scalar(node, &format!("the header `{}`", name.value))?;
            Some((name.clone(), value))
        };
        entries.iter().filter_map(read).collect()
    }

    /// The steps under a key that need not be there; `head` is what stands above each of them.
    pub(super) fn steps(&mut self, table: &Table<'_>, key: &str, head: &str) -> Steps {
        match table.get(key) {
            Some(node) => self.steps_below(key, node, head),
            None => Steps {
                complete: true,
                ..Steps::default()
            },
        }
    }

    /// The steps under a key.
    pub(super) fn steps_below(&mut self, key: &str, node: &Node, head: &str) -> Steps {
        let (list, complete) = self.tables(Some(node), key, head, Self::step);
        Steps {
            list,
            complete,
            given: true,
        }
    }

    fn step(&mut self, node: &Node, head: &str) -> Option<StepTable> {
        let table = self.table(node, &format!("`{head}`"), &keys::step())?;
        let Kind::Table(entries) = &node.kind else {
            return None;
        };
        Some(StepTable {
            place: node.place.clone(),
            name: self.name(table.get("name"), "`name`"),
            methods: self.methods(&table),
            query: self.pairs(table.get("query"), "`query`", "the query's"),
            body: field(table.get("body"), |node| self.body(node)),
            bytes: None,
            json: field(table.get("json"), |node| {
                (!node.is_broken()).then(|| node.clone())
            }),
            form: self.form(table.get("form")),
            multipart: self.multipart(table.get("multipart")),
            body_file: self.name(table.get("body_file"), "`body_file`"),
            stream: field(table.get("stream"), |node| self.stream(node)),
            talk: self.talk(&table),
            extract: self.extract(table.get("extract")),
            slo: self.slo(table.get("slo")),
            think: field(table.get("think"), |node| self.think(node)),
            rate_limit: self.rate(table.get("rate_limit"), "`rate_limit`", false),
            tree: self.tree(&table, head),
            common: self.common(&table),
            keys: entries.iter().map(|(key, _)| key.clone()).collect(),
        })
    }

    fn methods(&mut self, table: &Table<'_>) -> Vec<(Located<Method>, Field<Source>)> {
        let mut methods = Vec::new();
        for method in Method::ALL {
            let Some((key, node)) = table.entry(method.key()) else {
                continue;
            };
            let location = field(Some(node), |node| match &node.kind {
                Kind::Text(text) => Some(node.source(text)),
                _ => self.wrong_type(node, &format!("`{}`", method.key()), "a path or a URL"),
            });
            methods.push((key.with(method), location));
        }
        methods
    }

    fn body(&mut self, node: &Node) -> Option<Source> {
        match &node.kind {
            Kind::Text(text) => Some(node.source(text)),
            Kind::Table(_) | Kind::List(_) => {
                let problem = Problem::new(
                    &node.place,
                    format!("`body` must be a string, not {}", node.kind_name()),
                );
                self.tell(
                    problem
                        .label("expected a string")
                        .help("`json` sends a table or a list as JSON"),
                );
                None
            }
            _ => self.wrong_type(node, "`body`", "a string"),
        }
    }

    /// Keys with one value or several.
    pub(super) fn pairs(&mut self, node: Option<&Node>, what: &str, whose: &str) -> Pairs {
        let entries = node
            .and_then(|node| self.entries(node, what))
            .unwrap_or_default();
        let read = |(name, node): &(Located<String>, Node)| {
            let what = format!("{whose} `{}`", name.value);
            let value = match &node.kind {
                Kind::List(list) => QueryValue::Many(
                    list.iter()
                        .map(|node| self.scalar(node, &what))
                        .collect::<Option<_>>()?,
                ),
                _ => QueryValue::One(self.scalar(node, &what)?),
            };
            Some((name.clone(), value))
        };
        entries.iter().filter_map(read).collect()
    }

    fn stream(&mut self, node: &Node) -> Option<StreamTable> {
        if !matches!(node.kind, Kind::Table(_)) {
            if !matches!(node.kind, Kind::Text(_)) {
                return self.wrong_type(
                    node,
                    "`stream`",
                    "a dialect such as \"openai\", or a table",
                );
            }
            let dialect = self.word(Some(node), "`dialect`", "dialect", &DialectName::NAMES);
            dialect.given()?;
            return Some(StreamTable {
                dialect,
                ..StreamTable::default()
            });
        }
        let table = self.table(node, "`stream`", keys::STREAM)?;
        let dialect = self.word(
            table.get("dialect"),
            "`dialect`",
            "dialect",
            &DialectName::NAMES,
        );
        if dialect.is_absent() {
            let problem = Problem::new(&node.place, "`stream` needs a `dialect`");
            self.tell(problem.help("write for example { dialect = \"openai\" }"));
        }
        let pointer = self.text(table.get("pointer"), "`pointer`");
        if let Field::Given(given) = &pointer
            && !(given.value.is_empty() || given.value.starts_with('/'))
        {
            let problem = Problem::new(&given.place, "a JSON pointer begins with `/`");
            self.tell(problem.help(format!("write \"/{}\"", given.value.replace('.', "/"))));
        }
        let first = [("output", false), ("any_delta", true)];
        Some(StreamTable {
            dialect,
            any_delta: self.word(
                table.get("first_token"),
                "`first_token`",
                "value of `first_token`",
                &first,
            ),
            pointer,
            include_usage: self.bool(table.get("include_usage"), "`include_usage`"),
        })
    }
}
