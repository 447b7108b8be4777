//! The values that a user comes to know while it runs: for one iteration, or for as long as it stays.

use super::talk::Talk;
use crate::cookies::Jar;
use minijinja::{
    Error, State,
    value::{Object, ObjectRepr, Value},
};
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// How long a user keeps a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Until its next iteration begins.
    Iteration,
    /// For as long as it stays.
    User,
}

/// A value that was taken out of an answer.
#[derive(Clone, Debug)]
pub struct Extracted {
    value: Value,
    secret: bool,
}

/// What a user keeps; nothing is allocated until there is something.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<Option<Box<Layers>>>);

#[derive(Clone, Debug, Default)]
struct Layers {
    iteration: Vec<(Arc<str>, Extracted)>,
    user: Vec<(Arc<str>, Extracted)>,
    /// Rows of data sets: the place of the set, and that of the row.
    rows: Vec<(usize, usize)>,
    cookies: Jar,
    /// What was said in conversations, by step; until the iteration ends.
    talks: Vec<Talk>,
    /// The latest tokens that it knows: whose, after how many changes, and it itself.
    tokens: Vec<(usize, u64, Arc<str>)>,
    own_tokens: Vec<OwnToken>,
}

/// A token that is the user's alone. Times count from the start of the run.
#[derive(Clone, Debug)]
pub(super) struct OwnToken {
    pub(super) credential: usize,
    /// It itself, or why there is none.
    pub(super) outcome: Result<Arc<str>, String>,
    /// When it is asked for again: not after its end; never where nobody knows that.
    pub(super) again: Option<Duration>,
    /// When it ends, where that is known.
    pub(super) ends: Option<Duration>,
    /// How often another was refused since.
    pub(super) refusals: u32,
}

/// Stands for a value that is known only in the run, while a scenario is checked: whatever it is asked for is there.
#[derive(Debug)]
pub(super) struct Unknown;

/// What an [`Unknown`] shows: too short to be taken for a secret.
const UNKNOWN: &str = "x";

impl Life {
    /// Its name in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Iteration => "iteration",
            Self::User => "user",
        }
    }
}

impl Extracted {
    pub(crate) const fn new(value: Value, secret: bool) -> Self {
        Self { value, secret }
    }

    pub(super) fn hidden_if(self, secret: bool) -> Self {
        Self {
            secret: self.secret || secret,
            ..self
        }
    }

    pub(super) fn value(&self) -> Value {
        self.value.clone()
    }

    /// Whether it is hidden wherever it would be shown.
    #[must_use]
    pub const fn is_secret(&self) -> bool {
        self.secret
    }
}

impl fmt::Display for Extracted {
    /// As a template would write it: strings as they are, lists and tables as JSON, nothing for `null`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.value.is_none() || self.value.is_undefined() {
            return Ok(());
        }
        match self.value.as_str() {
            Some(text) => f.write_str(text),
            None => f.write_str(&serde_json::to_string(&self.value).unwrap_or_default()),
        }
    }
}

impl Kept {
    pub(super) fn set(&self, name: &Arc<str>, value: Extracted, life: Life) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let layers = kept.get_or_insert_default();
        let layer = match life {
            Life::Iteration => &mut layers.iteration,
            Life::User => &mut layers.user,
        };
        match layer.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value,
            None => layer.push((Arc::clone(name), value)),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<Value> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let layers = kept.as_ref()?;
        let mut all = layers.iteration.iter().chain(&layers.user);
        let found = all.find(|(known, _)| known.as_ref() == name);
        found.map(|(_, extracted)| extracted.value.clone())
    }

    pub(super) fn give_row(&self, set: usize, row: usize) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = &mut kept.get_or_insert_default().rows;
        match rows.iter_mut().find(|(known, _)| *known == set) {
            Some((_, known)) => *known = row,
            None => rows.push((set, row)),
        }
    }

    /// The place of the user's row of a data set.
    pub(super) fn row(&self, set: usize) -> Option<usize> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rows = kept.as_ref()?.rows.iter();
        rows.find(|(known, _)| *known == set).map(|(_, row)| *row)
    }

    /// Forgets what was kept for one iteration.
    pub(super) fn end_iteration(&self) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(layers) = kept.as_mut() {
            layers.iteration.clear();
            layers.cookies.end_iteration();
            layers.talks.clear();
        }
    }

    /// Looks into the cookies, where there are any.
    pub(super) fn cookies<T>(&self, look: impl FnOnce(&Jar) -> T) -> Option<T> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().map(|layers| look(&layers.cookies))
    }

    /// Changes the cookies.
    pub(super) fn change_cookies(&self, change: impl FnOnce(&mut Jar)) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut kept.get_or_insert_default().cookies);
    }

    /// Forgets what was said.
    pub(super) fn end_talks(&self) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(layers) = kept.as_mut() {
            layers.talks = Vec::new();
        }
    }

    /// Looks at the conversation of a step; none where it has not begun.
    pub(super) fn talk<T>(&self, step: usize, look: impl FnOnce(&mut Talk) -> T) -> Option<T> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut talks = kept.as_mut()?.talks.iter_mut();
        talks.find(|talk| talk.step == step).map(look)
    }

    /// Begins the next turn of a step's conversation; its number, from 1.
    pub(super) fn begin_turn(&self, step: usize) -> u32 {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let talks = &mut kept.get_or_insert_default().talks;
        if let Some(talk) = talks.iter_mut().find(|talk| talk.step == step) {
            return talk.begin_turn();
        }
        let mut talk = Talk::new(step);
        let turn = talk.begin_turn();
        talks.push(talk);
        turn
    }

    /// The token of a credential, if it is still the one after so many changes.
    pub(super) fn token(&self, credential: usize, changes: u64) -> Option<Arc<str>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = kept.as_ref()?.tokens.iter();
        let latest = known.find(|(whose, after, _)| (*whose, *after) == (credential, changes));
        latest.map(|(_, _, token)| Arc::clone(token))
    }

    pub(super) fn keep_token(&self, credential: usize, changes: u64, token: &Arc<str>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tokens = &mut kept.get_or_insert_default().tokens;
        tokens.retain(|(whose, ..)| *whose != credential);
        tokens.push((credential, changes, Arc::clone(token)));
    }

    /// The user's own token of a credential, where it has asked for one.
    pub(super) fn own_token(&self, credential: usize) -> Option<OwnToken> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut own = kept.as_ref()?.own_tokens.iter();
        own.find(|one| one.credential == credential).cloned()
    }

    pub(super) fn keep_own_token(&self, token: OwnToken) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = &mut kept.get_or_insert_default().own_tokens;
        own.retain(|one| one.credential != token.credential);
        own.push(token);
    }

    /// What is kept for the user's life.
    pub(super) fn of_user(&self) -> Vec<(Arc<str>, Extracted)> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref()
            .map(|layers| layers.user.clone())
            .unwrap_or_default()
    }

    /// The secrets among what is kept, as texts.
    pub(super) fn secrets(&self) -> Vec<String> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(layers) = kept.as_ref() else {
            return Vec::new();
        };
        let all = layers.iteration.iter().chain(&layers.user);
        let secret = all.filter(|(_, extracted)| extracted.secret);
        let own = layers.own_tokens.iter();
        secret
            .map(|(_, extracted)| extracted.to_string())
            .chain(layers.cookies.secrets().map(ToOwned::to_owned))
            .chain(own.flat_map(|one| one.outcome.as_deref().map(ToOwned::to_owned)))
            .collect()
    }
}

impl Object for Unknown {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, _: &Value) -> Option<Value> {
        Some(Value::from_dyn_object(Arc::clone(self)))
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, _: &[Value]) -> Result<Value, Error> {
        Ok(Value::from_dyn_object(Arc::clone(self)))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(UNKNOWN)
    }
}
