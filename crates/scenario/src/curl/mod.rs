//! Turns a cURL command, as browsers copy it, into a scenario file.

mod literal;
mod options;
mod values;
mod words;
mod write;

use options::Call;

/// A scenario file made of a cURL command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FromCurl {
    /// The text of the file. It holds no value that was recognised as a secret.
    pub text: String,
    /// The variables of the environment that stand for secrets, each with what it stands for.
    pub secrets: Vec<CurlSecret>,
    /// What the command asked for and the file does not do, each a sentence fragment.
    pub notes: Vec<String>,
}

/// A variable of the environment that stands for a secret of the command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurlSecret {
    /// Its name.
    pub variable: String,
    /// Where the value stood, without the value.
    pub stands_for: String,
}

/// Why a command cannot become a scenario. No value of the command is told: it may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CurlError {
    /// A quote is never closed.
    #[error("a quote {0} is never closed; was the end of the command cut off?")]
    OpenQuote(char),
    /// An escape in `$'…'` names no character.
    #[error("an escape in $'…' names no character")]
    BadEscape,
    /// The line does something besides.
    #[error("the line does more than one cURL command (`{0}` outside of quotes)")]
    MoreThanCurl(char),
    /// It is no cURL command.
    #[error("the line does not begin with `curl`")]
    NotCurl,
    /// No URL.
    #[error("the command has no URL")]
    NoUrl,
    /// Several URLs.
    #[error("the command has more than one URL; give one command for each")]
    ManyUrls,
    /// The URL is none.
    #[error("the URL is wrong: {0}")]
    Url(String),
    /// An option that nobody knows.
    #[error("unknown option `{name}`{}", nearest.as_ref().map(|name| format!("; did you mean `{name}`?")).unwrap_or_default())]
    UnknownOption {
        /// As given, without its value.
        name: String,
        /// One that is known.
        nearest: Option<String>,
    },
    /// An option that a scenario has no word for.
    #[error("`{name}` cannot be said in a scenario: {reason}")]
    Unsupported {
        /// Its long name.
        name: String,
        /// Why.
        reason: &'static str,
    },
    /// An option without its value.
    #[error("`{0}` has no value")]
    NoValue(String),
    /// A value that cannot be used.
    #[error("the value of `{name}` is wrong: {message}")]
    BadValue {
        /// The option's long name.
        name: String,
        /// What is wrong, without the value.
        message: String,
    },
}

/// Turns a cURL command into a scenario file.
///
/// Understands the quoting of POSIX shells, of bash and of Windows' command prompt. Values that are recognised as
/// secrets (credentials, cookies, keys in headers, the query and JSON bodies) become variables of the environment.
///
/// # Errors
///
/// Where the command is torn, does more than one request, or asks for what a scenario cannot say.
///
/// ```
/// let made = loadgen_scenario::from_curl("curl https://api.example.com/me -H 'authorization: Bearer s3cret'").unwrap();
/// assert!(made.text.contains("Bearer {{ env.API_TOKEN"));
/// assert!(!made.text.contains("s3cret"));
/// ```
pub fn from_curl(line: &str) -> Result<FromCurl, CurlError> {
    let words = words::words(line)?;
    let call = Call::read(&words)?;
    write::scenario(&call)
}

#[cfg(test)]
mod tests;
