//! Where requests go: the target, and the path or URL of each step.

use super::{Lowering, Provenance};
use crate::{
    document::{Field, Located, Source, StepTable},
    plan::{Location, Origin, Target},
    problem::{Place, Problem},
    quantity::Misread,
    secrets::Secrecy,
    template::{Mode, Text},
    url,
};

/// Where a step goes, as far as the file tells.
pub(super) struct Whither {
    pub(super) location: Location,
    /// The origin of a whole URL; of one with values of answers in it, what it would be without them.
    pub(super) origin: Option<Origin>,
    /// Whether there are values of answers in it.
    pub(super) open: bool,
}

impl Lowering<'_> {
    /// The target; absent where it is wrong.
    pub(super) fn target(&mut self) -> Option<Target> {
        if let Some(given) = &self.overrides.target {
            let shown = url::without_userinfo(&given.value).into_owned();
            return match Target::parse(&given.value) {
                Ok(target) => {
                    self.explain("target", &shown, Provenance::Given(given.origin.clone()));
                    Some(target)
                }
                Err(error) => {
                    // Marked as a whole where the password had to be taken out.
                    let span = if shown == given.value {
                        error.span.clone()
                    } else {
                        0..shown.len()
                    };
                    let place = Place::Given {
                        origin: given.origin.clone(),
                        text: shown,
                        span,
                    };
                    self.tell(Problem::new(place, error.message).maybe_help(error.help));
                    None
                }
            };
        }
        match &self.document.target {
            Field::Absent => Some(Target::None),
            Field::Broken => None,
            Field::Given(given) => self.target_of_file(given),
        }
    }

    fn target_of_file(&mut self, given: &Located<Source>) -> Option<Target> {
        let source = &given.value;
        let folded = self.fold(source, Mode::Text, Secrecy::Open)?;
        let Text::Fixed(text) = &folded.text else {
            let problem = Problem::new(
                &given.place,
                "the target must be the same for every request",
            );
            self.tell(problem.help("write whole URLs in the steps where it differs"));
            return None;
        };
        match Target::parse(text) {
            Ok(target) => {
                self.explain_file("target", &target.to_string(), &given.place);
                Some(target)
            }
            Err(error) => {
                self.tell(url_problem(source, text, error));
                None
            }
        }
    }

    /// Where a step goes.
    pub(super) fn location(
        &mut self,
        step: &StepTable,
        source: &Source,
        target: Option<&Target>,
    ) -> Option<Whither> {
        let folded = self.fold(source, Mode::Text, Secrecy::Open)?;
        let trial = folded.trial.as_str();
        let origin = url::parse(trial).ok().map(|(origin, _)| origin);
        // Where a value of the run stands first, only the run can tell what kind of place it is.
        if folded.open && (trial.is_empty() || source.text.starts_with('{')) {
            let query = self.pairs(&step.query)?;
            return Some(Whither {
                location: Location {
                    text: folded.text,
                    query,
                },
                origin,
                open: true,
            });
        }
        let relative = trial.starts_with('/');
        if relative && target == Some(&Target::None) {
            let problem = Problem::new(&source.place, "a path needs a target").label("goes where?");
            self.missing(
                problem.help("add `target = \"http://…\"` at the top, or give `--target URL`"),
            );
            return None;
        }
        if !relative && !url::is_whole(trial) {
            self.tell(neither_path_nor_url(source, trial));
            return None;
        }
        if let Some(error) = url::parse(trial).err().filter(|_| !relative) {
            self.tell(url_problem(source, trial, error));
            return None;
        }
        if let Some((_, query)) = trial.split_once('?') {
            self.secrets.add_pairs(query);
        }
        let query = self.pairs(&step.query)?;
        Some(Whither {
            location: Location {
                text: folded.text,
                query,
            },
            origin,
            open: folded.open,
        })
    }
}

/// A problem of a URL, marked to the letter where the text stands in the file as it is.
fn url_problem(source: &Source, text: &str, error: Misread) -> Problem {
    let place = if text == source.text {
        source.part(&error.span)
    } else {
        source.place.clone()
    };
    Problem::new(place, error.message).maybe_help(error.help)
}

fn neither_path_nor_url(source: &Source, text: &str) -> Problem {
    let mut help = "a path begins with `/`, a URL with `http://` or `https://`".to_owned();
    if !text.is_empty() && !text.contains(char::is_whitespace) {
        let host = text
            .split('/')
            .next()
            .is_some_and(|first| first.contains(':'));
        let start = if host { "http://" } else { "/" };
        help = format!("write `{start}{}`; {help}", url::without_userinfo(text));
    }
    Problem::new(&source.place, "neither a path nor a URL").help(help)
}
