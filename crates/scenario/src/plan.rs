//! The validated plan: what will run, with every default applied and nothing in it that can be wrong.

mod body;
mod cancel;
mod canonical;
mod conversation;
mod credential;
mod crowd;
mod crowding;
mod demand;
mod describe;
mod expect;
mod flow;
mod fresh;
mod layout;
mod load;
mod loads;
mod message;
mod names;
mod once;
mod outlook;
mod probe;
mod rate_limit;
mod retry;

pub use body::{Body, Multipart, Part, PartContent};
pub use cancel::Cancel;
pub(crate) use canonical::canonical;
pub(crate) use conversation::{COUNTED_TURNS, MOST_TURNS};
pub use conversation::{Chat, Conversation, Turns};
pub use credential::{Credential, Token, TokenAsk, TokenField, TokenFrom, TokenSource};
pub use crowd::Ports;
pub use crowding::Crowding;
pub use demand::{Demand, Outgoing};
pub use describe::{Growth, Needs};
pub use flow::{Alternative, Condition, Group, Guarded, Repeat, Step, Think};
pub use fresh::Resting;
pub(crate) use layout::layout;
pub(crate) use load::rounded;
pub use load::{Arrivals, Load, Rate, Stage, UserCount};
pub(crate) use loads::{CONNECT_RATE, unplayed};
pub use loads::{LoadPlan, Member, Span, StartAt, Unbegun, Unplayed};
pub(crate) use message::unfit_for_header;
pub use message::{Confided, Location, Message, QueryPart, Rendered};
pub use once::Once;
pub use probe::{Probe, ProbeSource, ProcessFigure, WhichProcess};
pub use rate_limit::{Limited, RateLimit};
pub use retry::Retry;

use crate::{
    data::DataSet,
    reply::{Check, Extract},
    template::{Extracted, Life, Scope, Templates},
};
use loadgen_stats::{Layout, SloLimit, StepIndex, Threshold};
use std::{borrow::Cow, net::IpAddr, sync::Arc, time::Duration};

/// What a run does.
#[derive(Debug)]
pub struct Plan {
    /// The file's `name`.
    pub name: String,
    /// Where relative paths go.
    pub target: Target,
    /// What puts load on, in the order of the file; never empty.
    pub loads: Vec<LoadPlan>,
    /// The kinds of users, in the order of the file; never empty.
    pub scenarios: Vec<Scenario>,
    /// What is done before the first user begins; what it takes out of answers all users know.
    pub setup: Once,
    /// What is done after the last user has ended.
    pub teardown: Once,
    /// The thresholds, in the order of the file and then of the command line.
    pub thresholds: Vec<Threshold>,
    /// The local addresses that connections come from, in turn; empty where the system chooses.
    pub source_addresses: Vec<IpAddr>,
    /// The addresses that names are given, in the place of those that they resolve to.
    pub resolve: Vec<Pinned>,
    /// What each level of a load that is steered must hold; the run as a whole need not.
    pub limits: Vec<Threshold>,
    /// The probes of the target, in the order of the file.
    pub probes: Vec<Probe>,
    /// The settings of the embedded server, used where the target is [`Target::Mock`].
    pub mock: MockSettings,
    /// The data sets, in the order of the file.
    pub data: Vec<Arc<DataSet>>,
    /// The tokens that are fetched, in the order of the file.
    pub credentials: Vec<Credential>,
    /// The compiled templates of all messages.
    pub templates: Arc<Templates>,
    /// Values that must never be shown, longest first: contents of secret-looking variables and headers.
    pub secrets: Vec<String>,
    /// SHA-256 of the canonical plan, in hexadecimal: equal for runs that may be compared.
    pub hash: String,
    /// The canonical plan as JSON text, without target, seed, secrets, outputs and thresholds.
    pub canonical: String,
}

/// The addresses of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pinned {
    /// The name, in lower case.
    pub host: String,
    /// The port for which this goes; any where absent.
    pub port: Option<u16>,
    /// The addresses, which connections take in turn; never empty.
    pub addresses: Vec<IpAddr>,
}

/// Where relative paths go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The embedded server; `Base` takes its place once it listens.
    Mock,
    /// A base URL.
    Base {
        /// Scheme, host and port.
        origin: Origin,
        /// The path before every relative path, without a trailing slash; often empty.
        prefix: String,
    },
    /// None given: every step has a whole URL.
    None,
}

/// Scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// Whether TLS is spoken.
    pub tls: bool,
    /// A name or an address; IPv6 without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// One kind of user.
#[derive(Debug)]
pub struct Scenario {
    /// Its name; the file's name where the file has one unnamed scenario.
    pub name: String,
    /// What each user does once, before its first iteration.
    pub before: Vec<Step>,
    /// What one iteration does.
    pub flow: Vec<Step>,
    /// How long after one iteration a user begins the next; at once where absent, and where that one took longer.
    pub pace: Option<Duration>,
    /// The load that begins its iterations: its place in [`Plan::loads`].
    pub load: usize,
    /// The data sets that the steps of an iteration use: their places in [`Plan::data`].
    pub data: Vec<usize>,
    /// Those that what comes before uses.
    pub before_data: Vec<usize>,
    /// Whether one of its steps is a conversation.
    pub converses: bool,
    /// Whether users are kept for another iteration where a rate says when iterations begin: they have done something
    /// before their first one, or have a token of their own.
    pub keeps_users: bool,
}

/// A request step.
#[derive(Debug)]
pub struct Request {
    /// Its place among all request steps of the plan: the one in the statistics' layout.
    pub index: StepIndex,
    /// Its name.
    pub name: String,
    /// The method.
    pub method: Method,
    /// What is sent, as templates.
    pub message: Message,
    /// How long each part may take.
    pub timeouts: Timeouts,
    /// How the answer's stream is read; absent for a plain body.
    pub stream: Option<StreamSpec>,
    /// What makes it a conversation.
    pub conversation: Option<Box<Conversation>>,
    /// When it is given up on purpose.
    pub cancel: Option<Cancel>,
    /// When it is sent again.
    pub retry: Option<Retry>,
    /// How often it may begin, over all users.
    pub rate_limit: Option<RateLimit>,
    /// Whether it goes over a connection of its own, which is closed after the answer.
    pub new_connection: bool,
    /// How many redirections are followed at most; with none they are answers like any.
    pub redirects: u32,
    /// What the answer must be.
    pub expect: Expect,
    /// What is taken out of the answer for later steps.
    pub extract: Vec<Extract>,
    /// What a failure does to the iteration.
    pub on_failure: OnFailure,
    /// What a value of `extract` that was not found does to the iteration.
    pub on_missing: OnFailure,
    /// How long what is taken out of the answer is kept.
    pub life: Life,
    /// How long the cookies of its answer are kept; absent where none are kept, nor sent.
    pub cookies: Option<Life>,
    /// The version of HTTP that is spoken.
    pub http_version: HttpVersion,
    /// The limits that make one request of this step good.
    pub slo: Vec<SloLimit>,
}

/// The methods of HTTP that a step can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
    Head,
    Options,
}

/// How long each part of a request may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// The whole request, from its start.
    pub total: Duration,
    /// Name look-up and TCP connection.
    pub connect: Duration,
    /// The TLS handshake.
    pub tls: Duration,
    /// From the last byte sent to the first of the answer.
    pub first_byte: Option<Duration>,
    /// Silence between two reads of the answer.
    pub idle: Option<Duration>,
    /// From the first byte sent to the first output of a stream; absent for plain answers.
    pub first_token: Option<Duration>,
}

/// How a stream is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamSpec {
    /// Its dialect.
    pub dialect: DialectName,
    /// Whether deltas with an empty string count as output.
    pub any_delta: bool,
    /// For `sse` and `ndjson`: the JSON pointer (RFC 6901) of the value that is output; absent: every event with data.
    pub pointer: Option<String>,
    /// Silence between two events after which the stream counts as stalled.
    pub stall: Option<Duration>,
}

/// The dialects of streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum DialectName {
    OpenAi,
    Anthropic,
    Ollama,
    Sse,
    Ndjson,
}

/// What an answer must be.
#[derive(Clone, Debug, PartialEq)]
pub struct Expect {
    /// The statuses that are no failure, as inclusive ranges.
    pub statuses: Vec<(u16, u16)>,
    /// Whether `statuses` was asked for in the file, so that it counts in `checks`.
    pub status_is_check: bool,
    /// What else is checked.
    pub checks: Vec<Check>,
    /// The longest times; a longer one is a failed check.
    pub within: Vec<SloLimit>,
}

/// What a failed request does to its iteration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// The next step follows.
    Continue,
    /// The iteration ends, the user begins the next.
    NextIteration,
    /// The user ends.
    StopUser,
}

/// Which version of HTTP is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HttpVersion {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2: by ALPN under TLS, with prior knowledge without.
    Http2,
    /// What ALPN agrees on under TLS; HTTP/1.1 without.
    Auto,
}

/// The embedded server's settings; each key is also an option of `loadgen mock`.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "documented at the schema's type")]
pub struct MockSettings {
    pub ttft: Option<Duration>,
    pub itl: Option<Duration>,
    pub jitter: Option<f64>,
    pub tokens: Option<u32>,
    pub error_rate: Option<f64>,
    pub max_concurrent: Option<u32>,
    pub stall_rate: Option<f64>,
    pub truncate_rate: Option<f64>,
    pub garbage_rate: Option<f64>,
    pub stream_error_rate: Option<f64>,
    pub plain_time: Option<Duration>,
    pub service_time: Option<Duration>,
    pub servers: Option<u32>,
    pub contention: Option<f64>,
    pub coherency: Option<f64>,
    pub leak: Option<f64>,
    pub noise: Option<f64>,
    pub rate_limit: Option<f64>,
    pub workers: Option<usize>,
    pub seed: Option<u64>,
}

impl Plan {
    /// The request steps of all scenarios and of what is done once, in the order of their indices.
    pub fn requests(&self) -> impl Iterator<Item = &Request> {
        let of_users = self.scenarios.iter();
        let of_users = of_users.flat_map(|scenario| [&scenario.flow, &scenario.before]);
        std::iter::once(&self.setup.steps)
            .chain(of_users)
            .chain(std::iter::once(&self.teardown.steps))
            .flat_map(|steps| Step::requests(steps))
    }

    /// The scope of a user: `vu` counts from 1 and is that user's alone in the whole run.
    #[must_use]
    pub fn scope(&self, vu: u64, seed: u64) -> Scope {
        Scope::new(self.templates.clone(), vu, seed)
    }

    /// Tells what is the same for all users the seed of the run.
    pub fn begin_run(&self, seed: u64) {
        self.templates.begin_run(seed);
    }

    /// Tells all users the values that the setup took out of answers. Once for each plan: a second time changes nothing.
    pub fn share(&self, values: Vec<(Arc<str>, Extracted)>) {
        self.templates.share(values);
    }

    /// What there is to count.
    #[must_use]
    pub fn layout(&self) -> Layout {
        let mut layout = Layout {
            selected: Threshold::selected(self.thresholds.iter().chain(&self.limits)),
            ..layout(&self.scenarios, &self.setup, &self.teardown, &self.probes)
        };
        for (scenario, planned) in layout.scenarios.iter_mut().zip(&self.scenarios) {
            let plan = self.loads.get(planned.load);
            scenario.closed = plan.is_some_and(|plan| !plan.load.is_open());
        }
        layout
    }

    /// Puts another load in the place of the only one there is, from the start of the run and without a warm-up. False
    /// where there are several.
    pub fn steer(&mut self, load: Load) -> bool {
        let [only] = self.loads.as_mut_slice() else {
            return false;
        };
        only.load = load;
        only.start = StartAt::At(Duration::ZERO);
        only.warm_up = Duration::ZERO;
        true
    }

    /// Sends relative paths to another target, such as the embedded server once it listens.
    pub fn retarget(&mut self, target: Target) {
        self.target = target;
        let once = [&mut self.setup.steps, &mut self.teardown.steps];
        let of_users = self.scenarios.iter_mut();
        let of_users = of_users.flat_map(|one| [&mut one.flow, &mut one.before]);
        for step in once.into_iter().chain(of_users).flatten() {
            step.each_request_mut(&mut |request| {
                request.message.fix(&self.target, &self.templates);
            });
        }
        for credential in &mut self.credentials {
            if let TokenSource::OAuth2(message) = &mut credential.source {
                message.fix(&self.target, &self.templates);
            }
        }
    }

    /// Hides one more value from here on: one that the plan itself does not hold, as the password of a proxy.
    pub fn keep_secret(&mut self, value: &str) {
        let mut secrets = crate::secrets::Secrets::of(std::mem::take(&mut self.secrets));
        secrets.add(value);
        self.secrets = secrets.into_sorted();
    }

    /// The text with every secret hidden.
    #[must_use]
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let tokens = self.templates.tokens().secrets();
        match crate::secrets::mask(&self.secrets, text) {
            masked if tokens.is_empty() => masked,
            masked => Cow::Owned(crate::secrets::mask(&tokens, &masked).into_owned()),
        }
    }

    /// The most users at one time; none where a load makes as many as it needs.
    #[must_use]
    pub fn users(&self) -> Option<u64> {
        let users = |load: &LoadPlan| load.load.users().map(|users| u64::from(users.get()));
        let bounded = self.loads.iter().all(|load| users(load).is_some());
        bounded.then(|| self.most_at_once(|load| users(load).unwrap_or_default()))
    }
}

impl Target {
    /// Reads a target as the option `--target` and the key `target` have it.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, crate::Misread> {
        if text == "mock" {
            return Ok(Self::Mock);
        }
        let base = crate::url::parse_base(text);
        base.map(|(origin, prefix)| Self::Base { origin, prefix })
            .map_err(|mut error| {
                if crate::problem::nearest(text, ["mock"]).is_some() {
                    error.help = Some("did you mean `mock`?".to_owned());
                }
                error
            })
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Mock => f.write_str("mock"),
            Self::Base { origin, prefix } => write!(f, "{origin}{prefix}"),
            Self::None => f.write_str("as in each step"),
        }
    }
}

impl Origin {
    /// The authority as the field `host` has it: the port only where it is not the scheme's own.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        if self.port == if self.tls { 443 } else { 80 } {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}://{}",
            if self.tls { "https" } else { "http" },
            self.authority()
        )
    }
}
