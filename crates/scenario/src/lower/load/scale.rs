//! `--scale`: multiplies users and rates, whatever the load looks like.

use super::super::{Lowering, read_given};
use crate::{
    plan::{Rate, UserCount, rounded},
    problem::{Place, Problem},
    quantity::{Misread, format_rate, plain_number},
};

/// What users and rates are multiplied by.
pub(in crate::lower) struct Scale {
    factor: f64,
    place: Place,
}

impl Scale {
    /// A value as it was written and as it is after scaling.
    pub(super) fn show(&self, written: &impl ToString, scaled: &impl ToString) -> String {
        let (written, scaled) = (written.to_string(), scaled.to_string());
        if self.place == Place::Whole {
            scaled
        } else {
            format!("{scaled} ({written} × {})", self.factor)
        }
    }
}

impl Lowering<'_> {
    /// The scale that was given, or one.
    pub(in crate::lower) fn scale(&mut self) -> Scale {
        let given = self.overrides.scale.as_ref();
        let read = given.and_then(|given| read_given(given, factor, &mut self.problems));
        match read {
            Some(located) => {
                let shown = located.value.to_string();
                self.explain_file("load.scale", &shown, &located.place);
                Scale {
                    factor: located.value,
                    place: located.place,
                }
            }
            None => Scale {
                factor: 1.0,
                place: Place::Whole,
            },
        }
    }

    /// Users after scaling: rounded half up, and never none where there were some.
    pub(super) fn scaled_users(&mut self, users: u32, scale: &Scale) -> Option<u32> {
        self.scaled(f64::from(users), scale)
    }

    /// The same for a number that is whole, but not by its type.
    pub(super) fn scaled(&mut self, users: f64, scale: &Scale) -> Option<u32> {
        let scaled = rounded(users * scale.factor);
        if scaled > UserCount::MAX {
            let message = format!("{scaled} users are more than {}", UserCount::MAX);
            self.tell(Problem::new(&scale.place, message));
            return None;
        }
        Some(if users > 0.0 { scaled.max(1) } else { 0 })
    }

    /// A rate after scaling.
    pub(super) fn scaled_rate(&mut self, rate: f64, scale: &Scale) -> Option<f64> {
        let scaled = rate * scale.factor;
        if scaled > Rate::MAX {
            let (got, most) = (format_rate(scaled), format_rate(Rate::MAX));
            self.tell(Problem::new(
                &scale.place,
                format!("{got} is more than {most}"),
            ));
            return None;
        }
        Some(scaled)
    }
}

fn factor(text: &str) -> Result<f64, Misread> {
    let factor = plain_number(text.trim()).filter(|factor| *factor > 0.0 && factor.is_finite());
    factor.ok_or_else(|| Misread {
        message: format!("`{text}` is no factor above zero"),
        span: 0..text.len(),
        help: Some("write for example `--scale 2.5`".to_owned()),
    })
}
