//! The header fields of a step: those of the defaults, those of the step, and what the body implies.

use super::Lowering;
use crate::{
    document::{Located, Source},
    plan::unfit_for_header,
    problem::{Place, Problem},
    secrets::{Secrecy, is_secret_header},
    template::{Mode, Text},
};

/// Fields that the connection sets itself.
const OF_THE_CONNECTION: [&str; 7] = [
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "proxy-connection",
    "upgrade",
    "te",
];

/// Header fields as they are sent: names in lower case, values still templates.
pub(super) type Headers = Vec<(String, Text)>;

impl Lowering<'_> {
    /// The fields of one table; absent where one of them is wrong.
    pub(super) fn headers(&mut self, table: &[(Located<String>, Source)]) -> Option<Headers> {
        self.headers_as(table, false)
    }

    /// The same, where all of them may be secrets whatever their names.
    pub(super) fn headers_as(
        &mut self,
        table: &[(Located<String>, Source)],
        secret: bool,
    ) -> Option<Headers> {
        let mut headers = Headers::new();
        let mut complete = true;
        let mut seen: Vec<(String, &Located<String>)> = Vec::new();
        for (name, source) in table {
            let lower = name.value.to_ascii_lowercase();
            if let Some(problem) = bad_name(name, &lower) {
                self.tell(problem);
                complete = false;
                continue;
            }
            let first = seen.iter().find(|(known, _)| *known == lower);
            if let Some((_, first)) = first.filter(|_| !may_stand_twice(name, &lower)) {
                let problem =
                    Problem::new(&name.place, format!("the header `{lower}` stands twice"));
                self.tell(
                    problem
                        .more(&first.place, "first here")
                        .help("names of headers know no upper and lower case"),
                );
                complete = false;
                continue;
            }
            seen.push((lower.clone(), name));
            match self.header(&lower, source, secret) {
                Some(value) => headers.push((lower, value)),
                None => complete = false,
            }
        }
        complete.then_some(headers)
    }

    fn header(&mut self, name: &str, source: &Source, secret: bool) -> Option<Text> {
        let secrecy = if secret || is_secret_header(name) {
            Secrecy::SecretHeader
        } else {
            Secrecy::Open
        };
        let folded = self.fold(source, Mode::Text, secrecy)?;
        if let Some(bad) = folded.trial.chars().find(|c| unfit_for_header(*c)) {
            let message = format!(
                "the header `{name}` cannot hold the character {}",
                bad.escape_default()
            );
            self.tell(Problem::new(&source.place, message).help("a header is one line of text"));
            return None;
        }
        Some(folded.text)
    }
}

/// The fields of the defaults with those of the step over them.
pub(super) fn merge(defaults: &Headers, mut own: Headers) -> Headers {
    let of_defaults = defaults.iter().map(|field| {
        let over = own.iter().position(|(name, _)| *name == field.0);
        over.map_or_else(|| field.clone(), |place| own.remove(place))
    });
    let mut merged: Headers = of_defaults.collect();
    merged.append(&mut own);
    merged
}

/// Whether a field is sent as often as it is given: on the command line, as curl does. In a file a name that stands twice is
/// a slip, and two hosts are always one too many.
fn may_stand_twice(name: &Located<String>, lower: &str) -> bool {
    matches!(name.place, Place::Given { .. }) && lower != "host"
}

pub(super) fn bad_name(name: &Located<String>, lower: &str) -> Option<Problem> {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if lower.is_empty() || !lower.chars().all(token) {
        let message = format!("`{}` is no name of a header", name.value.escape_debug());
        return Some(
            Problem::new(&name.place, message).help("a name is made of letters, digits and `-`"),
        );
    }
    if OF_THE_CONNECTION.contains(&lower) {
        let help = match lower {
            "content-length" | "transfer-encoding" => "it follows from the body",
            _ => "it belongs to the connection; remove it",
        };
        return Some(
            Problem::new(&name.place, format!("the header `{lower}` cannot be set")).help(help),
        );
    }
    None
}
