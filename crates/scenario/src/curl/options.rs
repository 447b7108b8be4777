//! Reads the options of a cURL command.

use super::{
    CurlError,
    values::{
        file_name, form_field, form_part, not_from_file, redirects, resolved, retries, seconds,
        urlencoded,
    },
};
use crate::problem::nearest;
use std::net::IpAddr;

/// What a command asks for.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Call {
    pub(super) url: String,
    pub(super) method: Option<String>,
    /// Names and values in the order of the command.
    pub(super) headers: Vec<(String, String)>,
    /// The parts of the body: cURL joins them with `&`.
    pub(super) data: Vec<String>,
    /// A file that is the body.
    pub(super) data_file: Option<String>,
    /// The parts of a body of several parts.
    pub(super) form: Vec<FormPart>,
    /// Whether a file is put there.
    pub(super) upload: bool,
    pub(super) json: bool,
    /// Whether the data goes into the query.
    pub(super) get: bool,
    pub(super) head: bool,
    pub(super) user: Option<String>,
    pub(super) timeout: Option<f64>,
    pub(super) connect_timeout: Option<f64>,
    pub(super) redirects: Option<u32>,
    /// Whether redirections are followed.
    pub(super) follow: bool,
    pub(super) compressed: bool,
    pub(super) retry: Option<u32>,
    /// Names, with their port, and the addresses that they are given.
    pub(super) resolve: Vec<(String, Vec<IpAddr>)>,
    pub(super) http2: bool,
    /// What the file does not do, each a sentence fragment.
    pub(super) notes: Vec<String>,
}

/// One part of a body.
#[derive(Debug, Default, PartialEq)]
pub(super) struct FormPart {
    pub(super) name: String,
    /// A text, or the name of a file.
    pub(super) content: String,
    pub(super) is_file: bool,
    pub(super) filename: Option<String>,
    pub(super) content_type: Option<String>,
}

/// What an option does.
#[derive(Clone, Copy, Debug)]
enum Does {
    Url,
    Method,
    Header,
    Data,
    DataRaw,
    DataBinary,
    Form,
    FormString,
    Upload,
    DataUrlencode,
    Json,
    Get,
    Head,
    User,
    Cookie,
    /// A header field of its own.
    Field(&'static str),
    MaxTime,
    ConnectTimeout,
    Redirects,
    Follow,
    Compressed,
    Retry,
    Resolve,
    Http2,
    /// Nothing that a load test would do otherwise.
    Nothing,
    /// The same, with a value.
    NothingWith,
    /// Something that is said on the command line of a run.
    Run(&'static str),
    /// The same, with a value.
    RunWith(&'static str),
    Refused(&'static str),
}

/// Every option that is known: its letter, its long name, what it does.
const OPTIONS: &[(Option<char>, &str, Does)] = &[
    (None, "--url", Does::Url),
    (Some('X'), "--request", Does::Method),
    (Some('H'), "--header", Does::Header),
    (Some('d'), "--data", Does::Data),
    (None, "--data-ascii", Does::Data),
    (None, "--data-raw", Does::DataRaw),
    (None, "--data-binary", Does::DataBinary),
    (None, "--data-urlencode", Does::DataUrlencode),
    (None, "--json", Does::Json),
    (Some('G'), "--get", Does::Get),
    (Some('I'), "--head", Does::Head),
    (Some('u'), "--user", Does::User),
    (Some('b'), "--cookie", Does::Cookie),
    (Some('A'), "--user-agent", Does::Field("user-agent")),
    (Some('e'), "--referer", Does::Field("referer")),
    (None, "--oauth2-bearer", Does::Field("authorization")),
    (Some('m'), "--max-time", Does::MaxTime),
    (None, "--connect-timeout", Does::ConnectTimeout),
    (None, "--http2", Does::Http2),
    (None, "--http2-prior-knowledge", Does::Http2),
    (
        Some('0'),
        "--http1.0",
        Does::Refused("the oldest version that is spoken is HTTP/1.1"),
    ),
    (None, "--http1.1", Does::Nothing),
    (None, "--http3", Does::Refused("HTTP/3 is not spoken")),
    (None, "--compressed", Does::Compressed),
    (Some('s'), "--silent", Does::Nothing),
    (Some('S'), "--show-error", Does::Nothing),
    (Some('v'), "--verbose", Does::Nothing),
    (Some('i'), "--include", Does::Nothing),
    (Some('N'), "--no-buffer", Does::Nothing),
    (Some('f'), "--fail", Does::Nothing),
    (None, "--fail-with-body", Does::Nothing),
    (Some('g'), "--globoff", Does::Nothing),
    (None, "--path-as-is", Does::Nothing),
    (Some('#'), "--progress-bar", Does::Nothing),
    (None, "--no-progress-meter", Does::Nothing),
    (None, "--tlsv1.2", Does::Nothing),
    (None, "--tlsv1.3", Does::Nothing),
    (Some('O'), "--remote-name", Does::Nothing),
    (Some('o'), "--output", Does::NothingWith),
    (Some('w'), "--write-out", Does::NothingWith),
    (Some('D'), "--dump-header", Does::NothingWith),
    (Some('c'), "--cookie-jar", Does::NothingWith),
    (Some('L'), "--location", Does::Follow),
    (None, "--max-redirs", Does::Redirects),
    (None, "--retry", Does::Retry),
    (
        Some('k'),
        "--insecure",
        Does::Run("certificates are checked: add --insecure to the run"),
    ),
    (None, "--cacert", Does::RunWith("add --cacert to the run")),
    (Some('E'), "--cert", Does::RunWith("add --cert to the run")),
    (None, "--key", Does::RunWith("add --key to the run")),
    (
        None,
        "--connect-to",
        Does::RunWith("add --connect-to to the run"),
    ),
    (None, "--resolve", Does::Resolve),
    (
        None,
        "--unix-socket",
        Does::RunWith("add --unix-socket to the run"),
    ),
    (
        Some('x'),
        "--proxy",
        Does::RunWith("the run takes proxies from HTTP_PROXY and HTTPS_PROXY"),
    ),
    (Some('F'), "--form", Does::Form),
    (None, "--form-string", Does::FormString),
    (Some('T'), "--upload-file", Does::Upload),
    (
        Some('K'),
        "--config",
        Does::Refused("give the options themselves"),
    ),
    (
        Some('n'),
        "--netrc",
        Does::Refused("give the credentials with --user"),
    ),
    (
        None,
        "--digest",
        Does::Refused("digest authentication is not built"),
    ),
    (None, "--ntlm", Does::Refused("NTLM is not built")),
    (None, "--negotiate", Does::Refused("SPNEGO is not built")),
    (
        None,
        "--aws-sigv4",
        Does::Refused("requests are not signed"),
    ),
    (
        None,
        "--next",
        Does::Refused("give one command for each request"),
    ),
];

impl Call {
    /// Reads the words of a command.
    pub(super) fn read(words: &[String]) -> Result<Self, CurlError> {
        let mut words = words.iter().map(String::as_str);
        let program = words.next().ok_or(CurlError::NotCurl)?;
        let name = program.rsplit(['/', '\\']).next().unwrap_or(program);
        if !matches!(name, "curl" | "curl.exe") {
            return Err(CurlError::NotCurl);
        }
        let mut call = Self::default();
        let mut only_urls = false;
        while let Some(word) = words.next() {
            if only_urls || !word.starts_with('-') || word == "-" {
                call.url(word)?;
            } else if word == "--" {
                only_urls = true;
            } else if word.starts_with("--") {
                call.long(word, &mut words)?;
            } else {
                call.short(word, &mut words)?;
            }
        }
        if call.url.is_empty() {
            return Err(CurlError::NoUrl);
        }
        let bodies = [
            !call.data.is_empty(),
            call.data_file.is_some(),
            !call.form.is_empty(),
        ];
        if bodies.into_iter().filter(|given| *given).count() > 1 {
            return Err(refused("--data", "a request has one body"));
        }
        Ok(call)
    }

    fn url(&mut self, url: &str) -> Result<(), CurlError> {
        if !self.url.is_empty() {
            return Err(CurlError::ManyUrls);
        }
        url.clone_into(&mut self.url);
        Ok(())
    }

    fn long<'a>(
        &mut self,
        word: &str,
        rest: &mut impl Iterator<Item = &'a str>,
    ) -> Result<(), CurlError> {
        let (name, joined) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        let Some(&(_, name, does)) = OPTIONS.iter().find(|(_, long, _)| *long == name) else {
            return Err(unknown(name));
        };
        if !takes_value(does) {
            return self.set(name, does, "");
        }
        let value = joined.or_else(|| rest.next());
        self.set(
            name,
            does,
            value.ok_or(CurlError::NoValue(name.to_owned()))?,
        )
    }

    /// Letters that stand together: the first that takes a value takes the rest of the word.
    fn short<'a>(
        &mut self,
        word: &str,
        rest: &mut impl Iterator<Item = &'a str>,
    ) -> Result<(), CurlError> {
        let mut letters = word[1..].chars();
        while let Some(letter) = letters.next() {
            let Some(&(_, name, does)) = OPTIONS.iter().find(|(short, ..)| *short == Some(letter))
            else {
                return Err(unknown(&format!("-{letter}")));
            };
            if !takes_value(does) {
                self.set(name, does, "")?;
                continue;
            }
            let joined = Some(letters.as_str()).filter(|joined| !joined.is_empty());
            let value = joined.or_else(|| rest.next());
            return self.set(
                name,
                does,
                value.ok_or(CurlError::NoValue(name.to_owned()))?,
            );
        }
        Ok(())
    }

    fn set(&mut self, name: &str, does: Does, value: &str) -> Result<(), CurlError> {
        match does {
            Does::Url => self.url(value)?,
            Does::Method => self.method = Some(value.to_ascii_uppercase()),
            Does::Header => self.header(name, value)?,
            Does::Data => self.data.push(not_from_file(name, value)?.to_owned()),
            Does::DataBinary => match value.strip_prefix('@') {
                Some(file) => self.data_file = Some(file_name(name, file)?),
                None => self.data.push(value.to_owned()),
            },
            Does::Form => self.form.push(form_part(name, value)?),
            Does::FormString => {
                let (field, content) = form_field(name, value)?;
                self.form.push(FormPart {
                    name: field,
                    content: content.to_owned(),
                    ..FormPart::default()
                });
            }
            Does::Upload => {
                self.data_file = Some(file_name(name, value)?);
                self.upload = true;
            }
            Does::DataRaw => self.data.push(value.to_owned()),
            Does::DataUrlencode => self.data.push(urlencoded(name, value)?),
            Does::Json => {
                self.json = true;
                self.data.push(not_from_file(name, value)?.to_owned());
            }
            Does::Get => self.get = true,
            Does::Head => self.head = true,
            Does::User => self.user = Some(value.to_owned()),
            Does::Cookie if value.contains('=') => {
                self.headers.push(("cookie".to_owned(), value.to_owned()));
            }
            Does::Cookie => return Err(refused(name, "give the cookies themselves, as a=1; b=2")),
            Does::Field("authorization") => {
                let bearer = format!("Bearer {value}");
                self.headers.push(("authorization".to_owned(), bearer));
            }
            Does::Field(field) => self.headers.push((field.to_owned(), value.to_owned())),
            Does::MaxTime => self.timeout = Some(seconds(name, value)?),
            Does::ConnectTimeout => self.connect_timeout = Some(seconds(name, value)?),
            Does::Redirects => self.redirects = Some(redirects(name, value)?),
            Does::Follow => self.follow = true,
            Does::Compressed => self.compressed = true,
            Does::Retry => self.retry = Some(retries(name, value)?),
            Does::Resolve => match resolved(value) {
                Some(pinned) => self.resolve.push(pinned),
                None => self.note(name, "give the addresses in `resolve` of [defaults]"),
            },
            Does::Http2 => self.http2 = true,
            Does::Nothing | Does::NothingWith => {}
            Does::Run(note) | Does::RunWith(note) => self.note(name, note),
            Does::Refused(reason) => return Err(refused(name, reason)),
        }
        Ok(())
    }

    fn note(&mut self, name: &str, note: &str) {
        self.notes.push(format!("`{name}`: {note}"));
    }

    /// `NAME: VALUE`; `NAME;` is an empty field and `NAME:` takes a field away, which leaves nothing to send.
    fn header(&mut self, option: &str, text: &str) -> Result<(), CurlError> {
        if text.starts_with('@') {
            return Err(refused(option, "give the fields themselves"));
        }
        if let Some((name, value)) = text.split_once(':') {
            if !value.trim().is_empty() {
                self.headers
                    .push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
            }
            return Ok(());
        }
        match text.strip_suffix(';') {
            Some(name) => self
                .headers
                .push((name.trim().to_ascii_lowercase(), String::new())),
            None => {
                return Err(CurlError::BadValue {
                    name: option.to_owned(),
                    message: "a header is NAME: VALUE".to_owned(),
                });
            }
        }
        Ok(())
    }
}

const fn takes_value(does: Does) -> bool {
    !matches!(
        does,
        Does::Get
            | Does::Head
            | Does::Follow
            | Does::Compressed
            | Does::Http2
            | Does::Nothing
            | Does::Run(_)
    )
}

fn unknown(name: &str) -> CurlError {
    CurlError::UnknownOption {
        name: name.to_owned(),
        nearest: nearest(name, OPTIONS.iter().map(|(_, long, _)| *long)).map(str::to_owned),
    }
}

pub(super) fn refused(name: &str, reason: &'static str) -> CurlError {
    CurlError::Unsupported {
        name: name.to_owned(),
        reason,
    }
}
