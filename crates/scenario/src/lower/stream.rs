//! How the answer of a step is read.

use super::Lowering;
use crate::{
    document::{Field, Located, StepTable},
    plan::{DialectName, StreamSpec},
    problem::Problem,
};

impl Lowering<'_> {
    /// How the answer is read: outer absence where it is wrong, inner for a plain body.
    #[expect(clippy::option_option, reason = "wrong and plain are two things")]
    pub(super) fn stream(&mut self, step: &StepTable) -> Option<Option<StreamSpec>> {
        let table = match &step.stream {
            Field::Broken => return None,
            Field::Given(given) => &given.value,
            Field::Absent => return self.no_stream(step).then_some(None),
        };
        let dialect = table.dialect.given()?.value;
        let plain = matches!(dialect, DialectName::Sse | DialectName::Ndjson);
        let fits = self.fits(
            &table.pointer,
            "pointer",
            plain,
            dialect,
            "`sse` and `ndjson`",
        ) & self.fits(
            &table.include_usage,
            "include_usage",
            dialect == DialectName::OpenAi,
            dialect,
            "`openai`",
        );
        let read = fits && !matches!(table.any_delta, Field::Broken);
        let defaults = &self.document.defaults.common;
        let stall = step.common.stall.or(&defaults.stall);
        read.then(|| {
            Some(StreamSpec {
                dialect,
                any_delta: table.any_delta.given().is_some_and(|given| given.value),
                pointer: table.pointer.given().map(|given| given.value.clone()),
                stall: stall.given().map(|given| given.value),
            })
        })
    }

    /// Whether a step without `stream` has nothing that belongs to one.
    fn no_stream(&mut self, step: &StepTable) -> bool {
        let common = &step.common;
        let mut fits = true;
        for (field, key, help) in [
            (
                &common.stall,
                "stall",
                "`timeout = { idle = … }` limits silence in plain answers",
            ),
            (
                &common.first_token_timeout,
                "first_token_timeout",
                "`timeout = { first_byte = … }` limits the wait for any answer",
            ),
        ] {
            let Field::Given(Located { place, .. }) = field else {
                continue;
            };
            let message = format!("`{key}` means nothing to a step without `stream`");
            self.tell(Problem::new(place, message).help(help));
            fits = false;
        }
        fits
    }

    /// Whether a key is absent, or right and known to the dialect.
    fn fits<T>(
        &mut self,
        field: &Field<T>,
        key: &str,
        known: bool,
        dialect: DialectName,
        owner: &str,
    ) -> bool {
        match field {
            Field::Absent => true,
            Field::Broken => false,
            Field::Given(_) if known => true,
            Field::Given(given) => {
                let message = format!("`{key}` means nothing to the dialect {}", dialect.name());
                self.tell(
                    Problem::new(&given.place, message).help(format!("it belongs to {owner}")),
                );
                false
            }
        }
    }
}
