//! Where each resolved value comes from.

use super::{
    Lowering,
    flow::{CONNECT, TOTAL},
};
use crate::{
    document::{Field, Located},
    plan::{HttpVersion, OnFailure},
    problem::{Place, Position, position},
    quantity::{format_duration, format_rate},
    secrets::is_secret_header,
    template::Life,
};
use std::{fmt, time::Duration};

/// A resolved value and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The key: `load.vus`.
    pub key: String,
    /// The value, secrets hidden.
    pub value: String,
    /// Where it comes from.
    pub from: Provenance,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// An option or a variable, by its name.
    Given(String),
    /// The file.
    File(Position),
    /// The file, but an option of that name has replaced it.
    Replaced(Position, String),
    /// Nothing else was said.
    Default,
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(origin) => f.write_str(origin),
            Self::File(position) => write!(f, "line {}", position.line),
            Self::Replaced(position, origin) => {
                write!(f, "line {}, replaced by {origin}", position.line)
            }
            Self::Default => f.write_str("default"),
        }
    }
}

impl Lowering<'_> {
    pub(super) fn explain(&mut self, key: &str, value: &str, from: Provenance) {
        self.explained.push(Explained {
            key: key.to_owned(),
            value: value.to_owned(),
            from,
        });
    }

    pub(super) fn explain_file(&mut self, key: &str, value: &str, place: &Place) {
        let from = self.provenance(place);
        self.explain(key, value, from);
    }

    pub(super) fn provenance(&self, place: &Place) -> Provenance {
        match place {
            Place::File(span) => Provenance::File(position(self.source.text, span.start)),
            Place::Given { origin, .. } => Provenance::Given(origin.clone()),
            Place::Whole => Provenance::Default,
        }
    }

    /// The value of a field or its default, explained.
    pub(super) fn or_default<T: Clone>(
        &mut self,
        key: &str,
        field: &Field<T>,
        default: T,
        show: impl FnOnce(&T) -> String,
    ) -> T {
        match field.given() {
            Some(Located { value, place }) => {
                self.explain_file(key, &show(value), place);
                value.clone()
            }
            None => {
                self.explain(key, &show(&default), Provenance::Default);
                default
            }
        }
    }

    pub(super) fn explain_defaults(&mut self) {
        let document = self.document;
        let defaults = &document.defaults.common;
        let timeout = &defaults.timeout;
        let show = |length: &Duration| format_duration(*length);
        for (key, field, default) in [
            ("total", &timeout.total, TOTAL),
            ("connect", &timeout.connect, CONNECT),
            ("tls", &timeout.tls, CONNECT),
        ] {
            self.or_default(&format!("defaults.timeout.{key}"), field, default, show);
        }
        for (key, field) in [
            ("timeout.first_byte", &timeout.first_byte),
            ("timeout.idle", &timeout.idle),
            ("stall", &defaults.stall),
            ("first_token_timeout", &defaults.first_token_timeout),
        ] {
            if let Some(given) = field.given() {
                self.explain_file(
                    &format!("defaults.{key}"),
                    &show(&given.value),
                    &given.place,
                );
            }
        }
        let (failure, version) = (OnFailure::Continue, HttpVersion::Http1);
        self.or_default(
            "defaults.on_failure",
            &defaults.on_failure,
            failure,
            |one| one.name().to_owned(),
        );
        self.or_default(
            "defaults.http_version",
            &defaults.http_version,
            version,
            |one| one.name().to_owned(),
        );
        if let Some(given) = defaults.auth.given() {
            self.explain_file("defaults.auth", given.value.name(), &given.place);
        }
        if let Some(given) = defaults.cookies.given() {
            let shown = given.value.map_or("false", Life::name);
            self.explain_file("defaults.cookies", shown, &given.place);
        }
        if let Some(given) = document.defaults.source_addresses.given() {
            let shown: Vec<String> = given.value.iter().map(ToString::to_string).collect();
            self.explain_file("defaults.source_addresses", &shown.join(", "), &given.place);
        }
        for pinned in &document.defaults.resolve {
            let port = pinned.port.map_or(String::new(), |port| format!(":{port}"));
            let shown: Vec<String> = pinned.addresses.iter().map(ToString::to_string).collect();
            let key = format!("defaults.resolve.{}{port}", pinned.host);
            self.explain(&key, &shown.join(", "), Provenance::Default);
        }
        for (name, source) in &defaults.headers {
            let value = if is_secret_header(&name.value) {
                "***"
            } else {
                source.text.as_str()
            };
            self.explain_file(
                &format!("defaults.headers.{}", name.value),
                value,
                &name.place,
            );
        }
    }

    pub(super) fn explain_mock(&mut self) {
        let document = self.document;
        let mock = &document.mock;
        let Some(place) = &mock.place else { return };
        let settings = &mock.settings;
        let time = |time: Option<Duration>| time.map(format_duration);
        let share = |share: Option<f64>| share.map(|share| format!("{}%", share * 100.0));
        let rows = [
            ("ttft", time(settings.ttft)),
            ("itl", time(settings.itl)),
            ("jitter", share(settings.jitter)),
            ("tokens", settings.tokens.map(|count| count.to_string())),
            ("error_rate", share(settings.error_rate)),
            (
                "max_concurrent",
                settings.max_concurrent.map(|count| count.to_string()),
            ),
            ("stall_rate", share(settings.stall_rate)),
            ("truncate_rate", share(settings.truncate_rate)),
            ("garbage_rate", share(settings.garbage_rate)),
            ("stream_error_rate", share(settings.stream_error_rate)),
            ("plain_time", time(settings.plain_time)),
            ("service_time", time(settings.service_time)),
            ("servers", settings.servers.map(|count| count.to_string())),
            ("contention", share(settings.contention)),
            ("coherency", share(settings.coherency)),
            ("leak", share(settings.leak)),
            ("noise", share(settings.noise)),
            ("rate_limit", settings.rate_limit.map(format_rate)),
            ("workers", settings.workers.map(|count| count.to_string())),
            ("seed", settings.seed.map(|seed| seed.to_string())),
        ];
        for (key, value) in rows {
            if let Some(value) = value {
                self.explain_file(&format!("mock.{key}"), &value, place);
            }
        }
    }
}
