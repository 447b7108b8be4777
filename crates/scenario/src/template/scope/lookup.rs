//! What `env` and `data` are in templates: looked into by name.

use super::User;
use minijinja::value::{Enumerator, Object, Value};
use std::{fmt, sync::Arc};

/// `env`: looked into by name, never listed.
#[derive(Debug)]
pub(super) struct Variables {
    pub(super) user: Arc<User>,
}

impl Object for Variables {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.user
            .touch(|touched| _ = touched.env.insert(key.to_owned()));
        self.user.shared.env.get(key).map(Value::from)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(environment)")
    }
}

/// `data`: the rows that the user has, looked into by the names of their sets.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) user: Arc<User>,
}

impl Object for Rows {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.user.row(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.user.row(key)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(data)")
    }
}
