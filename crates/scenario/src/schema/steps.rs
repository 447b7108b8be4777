//! The schema of the steps, and of what they inherit.

use super::{
    Duration, Share,
    answers::{Expect, Extract},
    auth::{Auth, Cookies},
    load::Rate,
    retry::Retry,
    slo::Slo,
};
use schemars::JsonSchema;
use serde_json::Value;
use std::collections::BTreeMap;

/// What every step inherits.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct Defaults {
    /// How long a request may take: in total, or for each part.
    timeout: Option<Timeout>,
    /// What a failed request does to its iteration. Default: "continue"; where a value of `extract` is missing,
    /// "next_iteration".
    on_failure: Option<OnFailure>,
    /// Header fields. Values may hold templates.
    #[schemars(example = &serde_json::json!({ "authorization": "Bearer {{ env.TOKEN }}" }))]
    headers: Option<BTreeMap<String, Scalar>>,
    /// Who the user says it is: a token, a password, a key, or a token that is fetched; or "none". A step's own wins over
    /// that of its `[[scenario]]`, and that over the one of `[defaults]`. Another origin, to which a redirection leads, is
    /// not told. All of it is hidden in what is shown.
    #[schemars(example = &serde_json::json!({ "bearer": "{{ env.TOKEN }}" }))]
    auth: Option<Auth>,
    /// Whether the user has cookies, as a browser does: those that answers set (the answers of redirections too) are sent
    /// where they belong, by domain, path, `Secure` and age. Kept for as long as the user stays (`true` is "user"), or
    /// until its next iteration begins; those of `[[before]]` stay. At most 100 for each user, of 64 KiB in all. Default:
    /// false.
    #[schemars(example = true, example = &"iteration")]
    cookies: Option<Cookies>,
    /// The version of HTTP. Default: "1.1".
    http_version: Option<HttpVersion>,
    /// What an answer must be.
    #[schemars(example = &serde_json::json!({ "status": [200, 429] }))]
    expect: Option<Expect>,
    /// Silence between two events after which a stream counts as stalled. Default: none.
    stall: Option<Duration>,
    /// How long the first output of a stream may take, from the first byte sent; then the request has timed out. Default:
    /// none.
    first_token_timeout: Option<Duration>,
    /// Gives requests up in the middle, as people press stop: the connection is closed (over HTTP/2 the stream is reset),
    /// so that the service can stop generating. Counted in `cancelled`, not as a failure.
    #[schemars(example = &serde_json::json!({ "after_tokens": 20, "probability": "10%" }))]
    cancel: Option<Cancel>,
    /// When a request is sent again: after the statuses and kinds of errors in `on`, at most `max` times. The wait before it
    /// doubles each time, and is no shorter than the answer's `retry-after`. Each attempt is a request of its own; one that
    /// is followed by another has not failed. Counted in `retries`.
    #[schemars(example = &serde_json::json!({ "on": [429, 503, "reset"], "max": 5, "backoff": "1s" }))]
    retry: Option<Retry>,
    /// The addresses of this machine that connections come from; users take them in turn. One address has some 28,000
    /// ports for one address of a target. Default: that which the system chooses, and for targets on 127.0.0.0/8 as many
    /// of its addresses as it takes.
    #[schemars(length(min = 1), example = &serde_json::json!(["10.0.0.5", "10.0.0.6"]))]
    source_addresses: Option<Vec<std::net::IpAddr>>,
    /// The addresses of names, in the place of those that they resolve to, as `curl --resolve` has it: a name, perhaps with
    /// a port, and an address or several, which connections take in turn. Host fields and certificates stay those of the
    /// name.
    #[schemars(example = &serde_json::json!({ "api.example.com": "10.0.0.5", "www.example.com:443": ["10.0.0.6", "10.0.0.7"] }))]
    resolve: Option<BTreeMap<String, Addresses>>,
    /// How many redirections are followed, as RFC 9110 has it: each is a request of its own, counted in `redirects`;
    /// credentials are not sent to another origin; one more than this fails. With 0 a redirection is an answer like
    /// any. Default: 10; 0 where `expect.status` names a redirection.
    #[schemars(range(min = 0, max = 100), example = 0)]
    redirects: Option<u32>,
    /// Compresses the body of the request, and says so in `content-encoding`. Default: bodies are sent as they are.
    #[schemars(example = &"gzip")]
    compress: Option<Compress>,
    /// Whether requests go over the connection that their user keeps, or each over one of its own, which is closed after
    /// the answer. Default: "reuse".
    #[schemars(example = &"new")]
    connection: Option<ConnectionPolicy>,
}

/// One step: a request (one of the methods), a pause (`think`), or steps inside (`step`, `choose` or `parallel`).
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct Step {
    /// The name in reports and thresholds. Default: method and path, such as "GET /plain".
    #[schemars(example = &"chat")]
    name: Option<String>,
    /// Sends a GET request to this path of the `target`, or to a whole URL. May hold templates, as may the other methods.
    #[schemars(example = &"/items?page=1", example = &"https://example.com/")]
    get: Option<String>,
    /// Sends a POST request to this path or URL.
    #[schemars(example = &"/items")]
    post: Option<String>,
    /// Sends a PUT request to this path or URL.
    #[schemars(example = &"/items/1")]
    put: Option<String>,
    /// Sends a PATCH request to this path or URL.
    #[schemars(example = &"/items/1")]
    patch: Option<String>,
    /// Sends a DELETE request to this path or URL.
    #[schemars(example = &"/items/1")]
    delete: Option<String>,
    /// Sends a HEAD request to this path or URL.
    #[schemars(example = &"/")]
    head: Option<String>,
    /// Sends an OPTIONS request to this path or URL.
    #[schemars(example = &"/items")]
    options: Option<String>,
    /// Added to the query of the URL, encoded. A list repeats its key. Values may hold templates.
    #[schemars(example = &serde_json::json!({ "page": 1, "tag": ["a", "b"] }))]
    query: Option<BTreeMap<String, Scalars>>,
    /// The body as text. May hold templates.
    #[schemars(example = &"hello {{ vu }}")]
    body: Option<String>,
    /// The body as JSON. Strings may hold templates; a string that is one expression keeps the expression's type.
    /// Sets `content-type: application/json` unless it is set.
    #[schemars(example = &serde_json::json!({ "model": "{{ model }}", "stream": true }))]
    json: Option<Value>,
    /// The body as a form of a web page (`application/x-www-form-urlencoded`), its pairs encoded. A list repeats its key.
    /// Values may hold templates.
    #[schemars(example = &serde_json::json!({ "user": "ann", "tag": ["a", "b"] }))]
    form: Option<BTreeMap<String, Scalars>>,
    /// The body in several parts (`multipart/form-data`): texts and files, as an upload sends them.
    #[schemars(length(min = 1), example = &serde_json::json!([{ "name": "note", "value": "hello" }, { "name": "doc", "file": "report.pdf" }]))]
    multipart: Option<Vec<Part>>,
    /// The body from a file, sent as it is: templates in it are not rendered. Relative to the scenario's folder.
    #[schemars(example = &"prompt.json")]
    body_file: Option<String>,
    /// How the answer is read as a stream. Absent: a plain body.
    stream: Option<Stream>,
    /// Makes each time that the step is done one more turn of a conversation, until the iteration ends: `messages` begin with
    /// all that was said and answered before, so that prompts grow as they do in life. Of the `messages` in the file, the
    /// last one with `role = "user"` and those behind it are said anew in each turn, those before it once. For chats whose
    /// answers are read as a `stream` (`openai`, `anthropic`, `ollama`).
    #[schemars(example = true)]
    conversation: Option<bool>,
    /// With `conversation`: how many turns are taken each time the step is done: 5, "1..5" for a random number from 1 to 5,
    /// or an expression. A turn that fails, is refused, or is answered without a text is the last one. Default: 1.
    #[schemars(example = &"1..5", example = &"{{ data.talks.turns | length }}")]
    turns: Option<Turns>,
    /// Values that are taken out of the answer, by the names that templates of later steps call them. A value that is not
    /// there is a failed check and ends the iteration, unless `on_failure` says otherwise. Where the answer is a refusal
    /// that `expect` allows, the iteration ends without a failure.
    #[schemars(example = &serde_json::json!({ "token": "$.access_token", "id": { "regex": "id=([0-9]+)" }, "sid": { "cookie": "sid" } }))]
    extract: Option<BTreeMap<String, Extract>>,
    /// What makes a request of this step good, beside the limits of the file.
    #[schemars(example = &serde_json::json!({ "http_req_duration": "200ms" }))]
    slo: Option<Slo>,
    /// A pause: "2s", or "1s..3s" for a random length between the two. A step of its own; or, in one with
    /// `conversation`, the pause between two turns.
    #[schemars(regex(pattern = r"^[0-9][0-9a-zµ.]*(\.\.[0-9][0-9a-zµ.]*)?$"), example = &"1s..3s")]
    think: Option<String>,
    /// How often the request may begin, over all users: no more than so many in a second, evenly spread. One that comes
    /// sooner waits for its turn; the metric `rate_limit_wait` says how long. The wait is part of the iteration, and of no
    /// time of a request. Attempts of `retry` take turns too. Not where the scenario or the file has a `rate_limit`. Where
    /// several kinds of users share a step of `[[before]]`, it counts for each kind.
    #[schemars(example = &"10/s", example = &"30/min")]
    rate_limit: Option<Rate>,
    /// A condition: the step is done only where this expression is true, that is neither false nor zero, none or empty.
    /// With `repeat` it is asked before each time, and ends the repeating.
    #[schemars(regex(pattern = r"^\{\{.*\}\}$"), example = &"{{ iteration == 0 }}", example = &"{{ random_float(0, 1) < 0.3 }}")]
    when: Option<String>,
    /// How many times the step is done, one after the other: 3, or "1..5" for a random number from 1 to 5. For one more
    /// question of a conversation there is `turns`.
    #[schemars(example = 3, example = &"1..5")]
    repeat: Option<Times>,
    /// For a step of `choose`: how likely it is, as against the weights of the others. Default: 1.
    #[schemars(range(min = 0, max = 1_000_000_000), example = 3)]
    weight: Option<f64>,
    /// The name under which the steps inside are timed together, pauses included: the metric `group_duration{step=NAME}`.
    #[schemars(length(min = 1), example = &"checkout")]
    group: Option<String>,
    /// Steps inside this one, done in order: what `when` and `repeat` of this step are about.
    #[schemars(length(min = 1), example = &serde_json::json!([{ "get": "/next" }, { "think": "1s..3s" }]))]
    step: Option<Vec<Self>>,
    /// Steps of which one is done, drawn by their weights each time.
    #[schemars(length(min = 1), example = &serde_json::json!([{ "get": "/search", "weight": 3 }, { "get": "/help" }]))]
    choose: Option<Vec<Self>>,
    /// Steps that are done at once, as a page loads its parts, each on a connection of its own. What follows waits for all
    /// of them.
    #[schemars(length(min = 1), example = &serde_json::json!([{ "get": "/style.css" }, { "get": "/app.js" }]))]
    parallel: Option<Vec<Self>>,
    /// How long the request may take: in total, or for each part.
    timeout: Option<Timeout>,
    /// What a failed request does to its iteration. Default: "continue"; where a value of `extract` is missing,
    /// "next_iteration".
    on_failure: Option<OnFailure>,
    /// Header fields, over those of `[defaults]`. Values may hold templates.
    #[schemars(example = &serde_json::json!({ "accept": "application/json" }))]
    headers: Option<BTreeMap<String, Scalar>>,
    /// Who the user says it is: a token, a password, a key, or a token that is fetched; or "none". A step's own wins over
    /// that of its `[[scenario]]`, and that over the one of `[defaults]`. Another origin, to which a redirection leads, is
    /// not told. All of it is hidden in what is shown.
    #[schemars(example = &serde_json::json!({ "bearer": "{{ env.TOKEN }}" }))]
    auth: Option<Auth>,
    /// Whether the user has cookies, as a browser does: those that answers set (the answers of redirections too) are sent
    /// where they belong, by domain, path, `Secure` and age. Kept for as long as the user stays (`true` is "user"), or
    /// until its next iteration begins; those of `[[before]]` stay. At most 100 for each user, of 64 KiB in all. Default:
    /// false.
    #[schemars(example = true, example = &"iteration")]
    cookies: Option<Cookies>,
    /// The version of HTTP. Default: "1.1".
    http_version: Option<HttpVersion>,
    /// What the answer must be. A failed check counts in `checks`, and fails the request.
    #[schemars(example = &serde_json::json!({ "status": [200, 429], "body_contains": "ok" }))]
    expect: Option<Expect>,
    /// Silence between two events after which the stream counts as stalled. Default: none.
    #[schemars(example = &"10s")]
    stall: Option<Duration>,
    /// How long the first output of a stream may take, from the first byte sent; then the request has timed out. Default:
    /// none.
    #[schemars(example = &"20s")]
    first_token_timeout: Option<Duration>,
    /// Gives requests up in the middle, as people press stop: the connection is closed (over HTTP/2 the stream is reset),
    /// so that the service can stop generating. Counted in `cancelled`, not as a failure.
    #[schemars(example = &serde_json::json!({ "after_tokens": 20, "probability": "10%" }))]
    cancel: Option<Cancel>,
    /// When a request is sent again: after the statuses and kinds of errors in `on`, at most `max` times. The wait before it
    /// doubles each time, and is no shorter than the answer's `retry-after`. Each attempt is a request of its own; one that
    /// is followed by another has not failed. Counted in `retries`.
    #[schemars(example = &serde_json::json!({ "on": [429, 503, "reset"], "max": 5, "backoff": "1s" }))]
    retry: Option<Retry>,
    /// How many redirections are followed, as RFC 9110 has it: each is a request of its own, counted in `redirects`;
    /// credentials are not sent to another origin; one more than this fails. With 0 a redirection is an answer like
    /// any. Default: 10; 0 where `expect.status` names a redirection.
    #[schemars(range(min = 0, max = 100), example = 0)]
    redirects: Option<u32>,
    /// Compresses the body of the request, and says so in `content-encoding`. Default: bodies are sent as they are.
    #[schemars(example = &"gzip")]
    compress: Option<Compress>,
    /// Whether requests go over the connection that their user keeps, or each over one of its own, which is closed after
    /// the answer. Default: "reuse".
    #[schemars(example = &"new")]
    connection: Option<ConnectionPolicy>,
}

/// One part of a body: a text (`value`) or a file.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct Part {
    /// The name of the field.
    #[schemars(example = &"note")]
    name: String,
    /// Its text. May hold templates.
    #[schemars(example = &"{{ prompt(tokens=64) }}")]
    value: Option<Scalar>,
    /// A file whose content it is. Relative to the scenario's folder.
    #[schemars(example = &"report.pdf")]
    file: Option<String>,
    /// The name that the service is told. Default: that of `file`, without its folder.
    #[schemars(example = &"upload.pdf")]
    filename: Option<String>,
    /// The type that the service is told. Default for files: by their ending, else `application/octet-stream`; for texts
    /// none.
    #[schemars(example = &"application/pdf")]
    content_type: Option<String>,
}

/// Whether a connection is kept.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
enum ConnectionPolicy {
    /// The one that the user keeps to this origin.
    Reuse,
    /// One for each request.
    New,
}

/// An address, or several.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum Addresses {
    One(std::net::IpAddr),
    Many(#[schemars(length(min = 1))] Vec<std::net::IpAddr>),
}

/// The coding of a request's body.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
enum Compress {
    /// RFC 1952.
    Gzip,
}

/// When requests are given up; whichever comes first.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct Cancel {
    /// So long after the first byte was sent.
    #[schemars(example = &"2s")]
    after: Option<Duration>,
    /// Once so many output events of the stream have come. Most servers send one for each token.
    #[schemars(range(min = 1, max = 1_000_000_000), example = 20)]
    after_tokens: Option<u64>,
    /// The share of requests that are given up, drawn from the seed for each. Default: all.
    #[schemars(example = &"10%")]
    probability: Option<Share>,
}

/// A number of times, or a range of them.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum Times {
    Fixed(#[schemars(range(min = 1, max = 1_000_000))] u32),
    Range(#[schemars(regex(pattern = r"^[0-9]+(\.\.=?[0-9]+)?$"))] String),
}

/// A number of turns, a range of them, or an expression.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum Turns {
    Fixed(#[schemars(range(min = 1, max = 1_000))] u32),
    Drawn(#[schemars(regex(pattern = r"^([0-9]+(\.\.=?[0-9]+)?|\{\{.*\}\})$"))] String),
}

/// One duration for the whole request, or one for each part.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum Timeout {
    Total(Duration),
    Parts(TimeoutParts),
}

/// How long each part of a request may take.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct TimeoutParts {
    /// The whole request. Default: 60s.
    total: Option<Duration>,
    /// Looking the name up and connecting. Default: 10s.
    #[schemars(example = &"5s")]
    connect: Option<Duration>,
    /// The TLS handshake. Default: 10s.
    #[schemars(example = &"5s")]
    tls: Option<Duration>,
    /// From the last byte sent to the first of the answer. Default: none.
    #[schemars(example = &"10s")]
    first_byte: Option<Duration>,
    /// Silence between two reads of the answer. Default: none.
    #[schemars(example = &"20s")]
    idle: Option<Duration>,
}

/// What a failed request does to its iteration.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum OnFailure {
    /// The next step follows.
    Continue,
    /// The iteration ends; the user begins the next.
    NextIteration,
    /// The user ends.
    StopUser,
}

/// The version of HTTP.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
enum HttpVersion {
    /// HTTP/1.1.
    #[schemars(rename = "1.1")]
    Http1,
    /// HTTP/2: agreed on under TLS, with prior knowledge without.
    #[schemars(rename = "2")]
    Http2,
    /// What both sides agree on under TLS; HTTP/1.1 without.
    #[schemars(rename = "auto")]
    Auto,
}

/// How the answer is read as a stream: a dialect, or a table with more.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum Stream {
    Dialect(Dialect),
    Table(StreamTable),
}

/// How the answer is read as a stream.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct StreamTable {
    /// What the server speaks.
    dialect: Dialect,
    /// What counts as the first output: an event with output in it, or any delta, also an empty one. Default: "output".
    first_token: Option<FirstToken>,
    /// For `sse` and `ndjson`: the JSON pointer of the value that is output. Default: every event with data.
    #[schemars(example = &"/delta/text")]
    pointer: Option<String>,
    /// For `openai`: whether the usage is asked for with `stream_options.include_usage`. Default: true.
    #[schemars(example = false)]
    include_usage: Option<bool>,
}

/// What the server speaks.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
enum Dialect {
    /// Chat completions, completions and responses as OpenAI has them.
    OpenAi,
    /// Messages as Anthropic has them.
    Anthropic,
    /// Ollama's lines of JSON.
    Ollama,
    /// Plain server-sent events.
    Sse,
    /// Lines of JSON.
    Ndjson,
}

/// What counts as the first output.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum FirstToken {
    /// An event with output in it.
    Output,
    /// Any delta, also an empty one.
    AnyDelta,
}

/// A string, a number or a boolean.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) enum Scalar {
    Text(String),
    Number(f64),
    Bool(bool),
}

/// A string, a number or a boolean, or a list of them.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum Scalars {
    One(Scalar),
    Many(Vec<Scalar>),
}

/// A string, or a list of strings.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) enum Texts {
    One(String),
    Many(#[schemars(length(min = 1))] Vec<String>),
}
