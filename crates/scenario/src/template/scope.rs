//! The values that one user's templates can use.

mod credentials;
mod lookup;

use super::{
    TURN, TemplateName, Templates,
    functions::UserFunction,
    kept::{Extracted, Kept, Life, Unknown},
};
use crate::{data::DataSet, secrets::is_secret_name};
use lookup::{Rows, Variables};
use minijinja::value::{Object, Value};
use rand::Rng as _;
use rand_pcg::Pcg64Mcg;
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};

/// The values that one user's templates can use. It belongs to one user on one thread, and takes about 200 bytes.
#[derive(Clone, Debug)]
pub struct Scope {
    templates: Arc<Templates>,
    pub(super) user: Arc<User>,
}

/// What all users share.
#[derive(Default)]
pub(crate) struct Shared {
    /// Environment variables.
    pub(crate) env: BTreeMap<String, String>,
    /// `[vars]`.
    pub(crate) vars: BTreeMap<String, Value>,
    /// `[vars]` as one value.
    pub(crate) all_vars: Value,
    /// `[data.NAME]`.
    pub(crate) data: Vec<Arc<DataSet>>,
    /// The seed of the run, once that is known.
    pub(crate) run_seed: AtomicU64,
    /// What the setup took out of answers, once it is done.
    pub(crate) of_setup: OnceLock<Vec<(Arc<str>, Extracted)>>,
}

/// One user.
pub(super) struct User {
    shared: Arc<Shared>,
    vu: u64,
    seed: u64,
    iteration: AtomicU64,
    /// The number of the next unique value, and how far the one after it is.
    uniques: AtomicU64,
    stride: u64,
    random: Mutex<Draws>,
    /// The number of the turn that is under way on this way, from 1; 0 where none is.
    pub(super) turn: AtomicU32,
    pub(super) kept: Kept,
    probe: Option<Box<Probe>>,
    /// The whole user, where this is one of several ways that it goes at once.
    whole: Option<Arc<Self>>,
}

/// What a user draws in one iteration.
#[derive(Debug)]
struct Draws {
    /// The number that it follows from.
    number: u64,
    /// Made at the first draw, as most iterations never draw.
    begun: Option<Pcg64Mcg>,
}

impl Draws {
    const fn of(number: u64) -> Self {
        let begun = None;
        Self { number, begun }
    }
}

/// What makes a user one of trial renderings.
#[derive(Debug, Default)]
pub(super) struct Probe {
    touched: Mutex<Touched>,
    /// The names of values that earlier steps will have taken out of answers.
    known: Mutex<BTreeSet<String>>,
}

/// What a trial rendering has used.
#[derive(Clone, Debug, Default)]
pub(crate) struct Touched {
    /// Whether anything that differs between requests was used.
    pub(crate) changing: bool,
    /// The environment variables that were asked for.
    pub(crate) env: BTreeSet<String>,
    /// Whether a value was used that is known only in the run.
    pub(crate) unknown: bool,
    /// The data sets that were used, by their places.
    pub(crate) data: BTreeSet<usize>,
}

impl Scope {
    /// The scope of a user. `vu` counts from 1 and is that user's alone in the whole run, also over scenarios; all
    /// that is random follows from `seed`, `vu` and the iteration.
    #[must_use]
    pub fn new(templates: Arc<Templates>, vu: u64, seed: u64) -> Self {
        let user = Arc::new(User::new(templates.shared.clone(), vu, seed, None));
        Self { templates, user }
    }

    /// Begins the user's iteration of that number, counted from 0.
    pub fn begin_iteration(&self, iteration: u64) {
        self.begin(iteration, iteration);
    }

    /// Begins what the user does once, before its iterations: what is drawn there is not drawn again in one of them.
    pub fn begin_before(&self) {
        self.begin(0, u64::MAX);
    }

    fn begin(&self, iteration: u64, draws: u64) {
        self.user.iteration.store(iteration, Ordering::Relaxed);
        self.user.turn.store(0, Ordering::Relaxed);
        self.user.kept.end_iteration();
        *locked(&self.user.random) = Draws::of(draws);
    }

    /// The same user, for each of so many ways that it goes at once. What it keeps is one; what is drawn on one way does
    /// not depend on how fast the others are.
    #[must_use]
    pub fn fork(&self, ways: usize) -> Vec<Self> {
        let ways = u64::try_from(ways).unwrap_or(u64::MAX);
        let way = |place| Self {
            templates: Arc::clone(&self.templates),
            user: Arc::new(self.user.fork(place, ways)),
        };
        (0..ways).map(way).collect()
    }

    /// All ways have been gone: goes on behind what was used up on them.
    pub fn join(&self, ways: &[Self]) {
        let used = ways
            .iter()
            .map(|way| way.user.uniques.load(Ordering::Relaxed));
        let most = used.max().unwrap_or_default();
        self.user.uniques.fetch_max(most, Ordering::Relaxed);
    }

    /// Keeps a value for the user's templates.
    pub fn keep(&self, name: &Arc<str>, value: Extracted, life: Life) {
        let value = value.hidden_if(self.templates.secret_values.contains(name.as_ref()));
        self.user.whole().kept.set(name, value, life);
    }

    /// The user's number, counted from 1.
    #[must_use]
    pub fn vu(&self) -> u64 {
        self.user.vu
    }

    /// Gives the user a row of the data set at a place among those of the plan.
    pub fn give_row(&self, set: usize, row: usize) {
        self.user.whole().kept.give_row(set, row);
    }

    /// Whether the user was given a row of a data set.
    #[must_use]
    pub fn has_row(&self, set: usize) -> bool {
        self.user.whole().kept.row(set).is_some()
    }

    /// What the user keeps for its whole life.
    #[must_use]
    pub fn kept(&self) -> Vec<(Arc<str>, Extracted)> {
        self.user.whole().kept.of_user()
    }

    /// The text with every secret hidden: those of the plan, and those that the user came to know.
    #[must_use]
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let masked = crate::secrets::mask(&self.templates.secrets, text);
        let own = self.secrets();
        if own.is_empty() {
            return masked;
        }
        let mut secrets = crate::secrets::Secrets::default();
        own.iter().for_each(|secret| secrets.add(secret));
        match masked {
            Cow::Borrowed(text) => crate::secrets::mask(&secrets.into_sorted(), text),
            Cow::Owned(text) => {
                Cow::Owned(crate::secrets::mask(&secrets.into_sorted(), &text).into_owned())
            }
        }
    }

    /// The secrets that the user came to know: values of answers, and of the rows that it has.
    fn secrets(&self) -> Vec<String> {
        let kept = &self.user.whole().kept;
        let mut secrets = kept.secrets();
        let shared = self.user.shared.of_setup.get().into_iter().flatten();
        let shared = shared.filter(|(_, value)| value.is_secret());
        secrets.extend(shared.map(|(_, value)| value.to_string()));
        for (place, set) in self.user.shared.data.iter().enumerate() {
            let Some(row) = kept.row(place) else {
                continue;
            };
            let secret = |column: &str| {
                let path = format!("data.{}.{column}", set.name);
                is_secret_name(column) || self.templates.secret_values.contains(&path)
            };
            let texts = set.texts(row).into_iter();
            secrets.extend(
                texts
                    .filter(|(column, _)| secret(column))
                    .map(|(_, text)| text),
            );
        }
        secrets.extend(self.templates.tokens.secrets());
        secrets
    }

    pub(super) fn context(&self) -> Value {
        self.user.context()
    }

    /// Renders a template, or says why not.
    pub(super) fn render(&self, name: TemplateName) -> Result<String, String> {
        self.templates
            .render(name, self)
            .map_err(|error| self.mask(&super::explain(&error)).into_owned())
    }
}

impl Shared {
    /// A value that the setup took out of an answer.
    fn of_setup(&self, name: &str) -> Option<Value> {
        let mut values = self.of_setup.get()?.iter();
        let found = values.find(|(known, _)| known.as_ref() == name);
        found.map(|(_, extracted)| extracted.value())
    }
}

impl User {
    pub(super) fn new(shared: Arc<Shared>, vu: u64, seed: u64, probe: Option<Box<Probe>>) -> Self {
        Self {
            shared,
            vu,
            seed,
            iteration: AtomicU64::new(0),
            uniques: AtomicU64::new(0),
            stride: 1,
            random: Mutex::new(Draws::of(0)),
            turn: AtomicU32::new(0),
            kept: Kept::default(),
            probe,
            whole: None,
        }
    }

    /// The user on the way at a place among so many.
    fn fork(self: &Arc<Self>, place: u64, ways: u64) -> Self {
        let next = self.uniques.load(Ordering::Relaxed);
        let (high, low) = self.random(|random| (random.next_u64(), random.next_u64()));
        Self {
            shared: Arc::clone(&self.shared),
            vu: self.vu,
            seed: self.seed,
            iteration: AtomicU64::new(self.iteration.load(Ordering::Relaxed)),
            uniques: AtomicU64::new(next.saturating_add(place.saturating_mul(self.stride))),
            stride: self.stride.saturating_mul(ways),
            random: Mutex::new(Draws {
                number: 0,
                begun: Some(Pcg64Mcg::new(u128::from(high) << 64 | u128::from(low))),
            }),
            turn: AtomicU32::new(0),
            kept: Kept::default(),
            probe: None,
            whole: Some(Arc::clone(self.whole.as_ref().unwrap_or(self))),
        }
    }

    /// The whole user, on whichever of its ways.
    pub(super) fn whole(&self) -> &Self {
        self.whole.as_deref().unwrap_or(self)
    }

    pub(super) fn context(self: &Arc<Self>) -> Value {
        Value::from_dyn_object(self.clone())
    }

    /// What was used since the last call.
    pub(super) fn take_touched(&self) -> Touched {
        let probe = self.probe.as_ref();
        probe
            .map(|probe| std::mem::take(&mut *locked(&probe.touched)))
            .unwrap_or_default()
    }

    /// From here on a value of this name is known to a trial.
    pub(super) fn introduce(&self, name: &str) {
        if let Some(probe) = &self.probe {
            locked(&probe.known).insert(name.to_owned());
        }
    }

    /// From here on no value but those of all users is known to a trial.
    pub(super) fn forget_introduced(&self) {
        if let Some(probe) = &self.probe {
            locked(&probe.known).clear();
        }
    }

    /// A value of this name is not known to a trial any more.
    pub(super) fn withdraw(&self, name: &str) {
        if let Some(probe) = &self.probe {
            locked(&probe.known).remove(name);
        }
    }

    /// The names that were introduced to a trial.
    pub(super) fn introduced(&self) -> BTreeSet<String> {
        let probe = self.probe.as_ref();
        probe
            .map(|probe| locked(&probe.known).clone())
            .unwrap_or_default()
    }

    /// A value that an answer gave; in a trial, what stands for one.
    fn kept(&self, name: &str) -> Option<Value> {
        let Some(probe) = &self.probe else {
            let kept = &self.whole().kept;
            return kept.get(name).or_else(|| self.shared.of_setup(name));
        };
        if !locked(&probe.known).contains(name) {
            return None;
        }
        self.touch(|touched| (touched.changing, touched.unknown) = (true, true));
        Some(Value::from_object(Unknown))
    }

    /// The number of the turn that is under way; in a trial, what stands for one.
    fn turn(&self) -> Option<Value> {
        if self.probe.is_some() {
            return self.kept(TURN);
        }
        let turn = self.turn.load(Ordering::Relaxed);
        (turn > 0).then(|| Value::from(turn))
    }

    /// Draws with the user's generator.
    pub(super) fn random<T>(&self, draw: impl FnOnce(&mut Pcg64Mcg) -> T) -> T {
        self.changing();
        let Draws { number, begun } = &mut *locked(&self.random);
        draw(begun.get_or_insert_with(|| generator(self.seed, self.vu, *number)))
    }

    /// A text that no other call in the run returns.
    pub(super) fn unique(&self) -> String {
        let (vu, number) = self.next_unique();
        format!("{:08x}-{vu}-{number}", mix(self.seed) >> 32)
    }

    /// A pair of numbers that no other call in the run returns.
    pub(super) fn next_unique(&self) -> (u64, u64) {
        self.changing();
        let number = self.uniques.fetch_add(self.stride, Ordering::Relaxed);
        (self.vu, number)
    }

    /// The seed of the whole run.
    pub(super) fn run_seed(&self) -> u64 {
        self.shared.run_seed.load(Ordering::Relaxed)
    }

    /// The user's row of a data set; in a trial, the first.
    fn row(&self, name: &str) -> Option<Value> {
        let place = self
            .shared
            .data
            .iter()
            .position(|set| set.name.as_ref() == name)?;
        self.touch(|touched| {
            touched.changing = true;
            touched.data.insert(place);
        });
        let row = match self.probe {
            Some(_) => 0,
            None => self.whole().kept.row(place)?,
        };
        Some(self.shared.data[place].row(row))
    }

    fn changing(&self) {
        self.touch(|touched| touched.changing = true);
    }

    fn touch(&self, note: impl FnOnce(&mut Touched)) {
        if let Some(probe) = &self.probe {
            note(&mut locked(&probe.touched));
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Object for User {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        match key {
            "vu" => {
                self.changing();
                Some(Value::from(self.vu))
            }
            "iteration" => {
                self.changing();
                Some(Value::from(self.iteration.load(Ordering::Relaxed)))
            }
            "env" => Some(Value::from_object(Variables { user: self.clone() })),
            "vars" => Some(self.shared.all_vars.clone()),
            "data" => Some(Value::from_object(Rows { user: self.clone() })),
            TURN => self.turn(),
            _ => match UserFunction::named(key, self) {
                Some(function) => Some(Value::from_object(function)),
                // What an answer gave wins over a variable of that name, which is its value until then.
                None => self
                    .kept(key)
                    .or_else(|| self.shared.vars.get(key).cloned()),
            },
        }
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("vu", &self.vu)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("vars", &self.vars.len())
            .finish_non_exhaustive()
    }
}

/// The generator of one user's iteration.
fn generator(seed: u64, vu: u64, iteration: u64) -> Pcg64Mcg {
    let high = mix(seed ^ mix(vu));
    let low = mix(high ^ mix(iteration.wrapping_add(1)));
    Pcg64Mcg::new(u128::from(high) << 64 | u128::from(low))
}

/// Spreads the bits of a number over all 64 (the finishing step of SplitMix64).
pub(super) const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_takes_little_memory() {
        // Ten thousand users have one each.
        assert!(
            size_of::<User>() + size_of::<Scope>() <= 256,
            "{}",
            size_of::<User>()
        );
    }
}
