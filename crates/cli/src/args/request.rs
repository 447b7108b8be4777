//! Options that make a request of a URL, in the manner of curl.

use clap::Args;

/// The heading of these options.
pub(crate) const HEADING: &str = "Request (with a URL)";

/// What is sent to a URL.
#[derive(Debug, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = HEADING)]
pub(crate) struct RequestArgs {
    /// Method; POST with a body, else GET where not given
    #[arg(short = 'X', long, value_name = "METHOD", ignore_case = true)]
    pub(crate) method: Option<String>,
    /// A header field (repeatable, also with the same name)
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub(crate) headers: Vec<String>,
    /// A body: text, the content of a file, or of the standard input as @-
    #[arg(
        short = 'd',
        long,
        value_name = "TEXT|@FILE",
        allow_hyphen_values = true
    )]
    pub(crate) data: Option<String>,
    /// A JSON body; without a value, says that the body of -d is JSON
    #[arg(long, value_name = "TEXT|@FILE", num_args = 0..=1)]
    pub(crate) json: Option<Option<String>>,
    /// User name and password
    #[arg(short = 'u', long, value_name = "USER:PASSWORD")]
    pub(crate) user: Option<String>,
    /// Read the answer as a stream: openai, anthropic, ollama, sse or ndjson; by the URL's path where not given
    #[arg(long, value_name = "DIALECT", num_args = 0..=1, require_equals = true)]
    pub(crate) stream: Option<Option<String>>,
    /// The longest a request may take, as 60s
    #[arg(long, value_name = "D")]
    pub(crate) timeout: Option<String>,
    /// Statuses that are no failure, as 200,429
    #[arg(long, value_name = "STATUSES")]
    pub(crate) expect: Option<String>,
    /// Speak HTTP/2
    #[arg(long)]
    pub(crate) http2: bool,
}

impl RequestArgs {
    /// The options that were given, as they are written.
    pub(crate) fn given(&self) -> Vec<&'static str> {
        let options = [
            ("-X", self.method.is_some()),
            ("-H", !self.headers.is_empty()),
            ("-d", self.data.is_some()),
            ("--json", self.json.is_some()),
            ("-u", self.user.is_some()),
            ("--stream", self.stream.is_some()),
            ("--timeout", self.timeout.is_some()),
            ("--expect", self.expect.is_some()),
            ("--http2", self.http2),
        ];
        options
            .into_iter()
            .filter_map(|(name, given)| given.then_some(name))
            .collect()
    }
}
