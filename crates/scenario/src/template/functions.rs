//! The functions of templates: random and unique values.

use super::{prompt::prompt, scope::User};
use minijinja::{
    Error, ErrorKind, State,
    value::{Object, ObjectRepr, Value, ValueKind, from_args},
};
use rand::{Rng, RngExt};
use rand_pcg::Pcg64Mcg;
use std::{fmt, sync::Arc};

/// The longest text that `random_string` makes.
const LONGEST: usize = 1_000_000;
/// What `random_string` draws from.
const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A function that draws from its user's generator.
pub(super) struct UserFunction {
    user: Arc<User>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    RandomInt,
    RandomFloat,
    RandomChoice,
    RandomString,
    Uuid,
    Unique,
    Prompt,
}

/// The names of the functions.
pub(super) const NAMES: [&str; 7] = [
    "random_int",
    "random_float",
    "random_choice",
    "random_string",
    "uuid",
    "unique",
    "prompt",
];

impl UserFunction {
    /// The function of that name, for that user.
    pub(super) fn named(name: &str, user: &Arc<User>) -> Option<Self> {
        let kind = match name {
            "random_int" => Kind::RandomInt,
            "random_float" => Kind::RandomFloat,
            "random_choice" => Kind::RandomChoice,
            "random_string" => Kind::RandomString,
            "uuid" => Kind::Uuid,
            "unique" => Kind::Unique,
            "prompt" => Kind::Prompt,
            _ => return None,
        };
        Some(Self {
            user: user.clone(),
            kind,
        })
    }
}

impl UserFunction {
    fn random_int(&self, args: &[Value]) -> Result<Value, Error> {
        let (least, most): (i64, i64) = from_args(args)?;
        if least > most {
            return refuse(format!(
                "random_int({least}, {most}): the first number is the greater one"
            ));
        }
        Ok(self
            .user
            .random(|random| random.random_range(least..=most))
            .into())
    }

    fn random_float(&self, args: &[Value]) -> Result<Value, Error> {
        let (least, most): (f64, f64) = from_args(args)?;
        if !(least < most && (most - least).is_finite()) {
            return refuse(format!(
                "random_float({least}, {most}): the first number must be the smaller one"
            ));
        }
        Ok(self
            .user
            .random(|random| random.random_range(least..most))
            .into())
    }

    fn random_choice(&self, args: &[Value]) -> Result<Value, Error> {
        let (list,): (Value,) = from_args(args)?;
        let length = list.len().filter(|_| list.kind() == ValueKind::Seq);
        let Some(length @ 1..) = length else {
            return refuse("random_choice: needs a list with something in it".to_owned());
        };
        list.get_item_by_index(self.user.random(|random| random.random_range(0..length)))
    }

    fn random_string(&self, args: &[Value]) -> Result<Value, Error> {
        let (length,): (usize,) = from_args(args)?;
        if length > LONGEST {
            return refuse(format!("random_string({length}): at most {LONGEST}"));
        }
        let letter =
            |random: &mut Pcg64Mcg| char::from(LETTERS[random.random_range(0..LETTERS.len())]);
        Ok(self
            .user
            .random(|random| (0..length).map(|_| letter(random)).collect::<String>())
            .into())
    }
}

impl Object for UserFunction {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        match self.kind {
            Kind::RandomInt => self.random_int(args),
            Kind::RandomFloat => self.random_float(args),
            Kind::RandomChoice => self.random_choice(args),
            Kind::RandomString => self.random_string(args),
            Kind::Uuid => {
                let () = from_args(args)?;
                let next = |random: &mut Pcg64Mcg| u128::from(random.next_u64());
                Ok(uuid(self.user.random(|random| next(random) << 64 | next(random))).into())
            }
            Kind::Unique => {
                let () = from_args(args)?;
                Ok(self.user.unique().into())
            }
            Kind::Prompt => prompt(&self.user, args),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl fmt::Debug for UserFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.kind)
    }
}

/// A random UUID (version 4) of these bits.
fn uuid(bits: u128) -> String {
    let bits = bits & !(0xF << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{bits:032x}");
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

fn refuse(message: String) -> Result<Value, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, message))
}
