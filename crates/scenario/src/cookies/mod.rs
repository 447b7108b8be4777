//! The cookies of one user (RFC 6265): taken from answers, sent where they belong.
//!
//! Time is that of the run: a cookie's end is told as a length (`Max-Age`), or by two dates of the service (`Expires` and
//! `Date`), so that no clock of this machine counts. There is no list of public suffixes: a domain needs a dot inside.

mod date;
mod set;

use crate::{plan::Origin, template::Life};
use set::{Cookie, Now, fields};
use std::{collections::VecDeque, time::Duration};

/// The most cookies that one user keeps; the oldest goes first.
const MOST: usize = 100;
/// The most bytes of names, values and paths that one user keeps.
const MOST_BYTES: usize = 64 << 10;
/// How many values that are kept no longer are still hidden: an answer may show one that it has just replaced.
const PAST: usize = 8;

/// The cookies of one user.
#[derive(Clone, Debug, Default)]
pub(crate) struct Jar {
    cookies: Vec<Cookie>,
    /// Those with which the next iteration begins, where this one has changed them for itself alone.
    next: Option<Vec<Cookie>>,
    past: VecDeque<String>,
}

impl Jar {
    /// Forgets what was kept for one iteration.
    pub(crate) fn end_iteration(&mut self) {
        if let Some(next) = self.next.take() {
            let before = std::mem::replace(&mut self.cookies, next);
            let gone = before
                .into_iter()
                .filter(|cookie| !self.cookies.contains(cookie));
            let gone: Vec<Cookie> = gone.collect();
            self.lose(gone);
        }
    }

    /// The value of the field `cookie` for a request that goes there, after what the request sets itself.
    pub(crate) fn field(
        &self,
        own: Option<&str>,
        (origin, path): (&Origin, &str),
        now: Duration,
    ) -> Option<String> {
        let path = without_query(path);
        let mut cookies: Vec<&Cookie> = self
            .cookies
            .iter()
            .filter(|cookie| cookie.goes_to(origin, path, now))
            .filter(|cookie| !own.is_some_and(|own| names(own).any(|name| name == cookie.name)))
            .collect();
        // Longer paths first; of the same length, the earlier ones.
        cookies.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let kept = cookies.iter().map(|cookie| cookie.pair());
        let pairs: Vec<String> = own.map(str::to_owned).into_iter().chain(kept).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// Takes the cookies that the answer of a request that went there sets.
    pub(crate) fn take(
        &mut self,
        head: &[u8],
        (origin, path): (&Origin, &str),
        now: Duration,
        life: Life,
    ) {
        let now = Now::of(head, now);
        for text in fields(head, "set-cookie") {
            let Some(cookie) = Cookie::read(&text, origin, without_query(path), now) else {
                continue;
            };
            if life == Life::Iteration && self.next.is_none() {
                self.next = Some(self.cookies.clone());
            }
            if let (Life::User, Some(next)) = (life, &mut self.next) {
                put(next, cookie.clone(), now);
            }
            let gone = put(&mut self.cookies, cookie, now);
            self.lose(gone);
        }
    }

    /// Hides the values of cookies that are gone for a while longer.
    fn lose(&mut self, gone: Vec<Cookie>) {
        let values = gone.into_iter().map(|cookie| cookie.value);
        self.past.extend(values);
        let many = self.past.len().saturating_sub(PAST);
        self.past.drain(..many);
    }

    /// The values that are hidden wherever they would be shown.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        let next = self.next.iter().flatten();
        let kept = self.cookies.iter().chain(next);
        kept.map(|cookie| cookie.value.as_str())
            .chain(self.past.iter().map(String::as_str))
    }
}

/// Puts a cookie in the place of the one that it replaces, or ends that one; what is not kept any more.
fn put(cookies: &mut Vec<Cookie>, cookie: Cookie, now: Now) -> Vec<Cookie> {
    let mut gone: Vec<Cookie> = Vec::new();
    if let Some(place) = cookies.iter().position(|known| known.is_like(&cookie)) {
        gone.push(cookies.remove(place));
    }
    if cookie.has_ended(now.run) {
        return gone;
    }
    cookies.push(cookie);
    let bytes = |cookies: &[Cookie]| cookies.iter().map(Cookie::len).sum::<usize>();
    while cookies.len() > MOST || bytes(cookies) > MOST_BYTES {
        gone.push(cookies.remove(0));
    }
    gone
}

/// The names in a field `cookie`.
fn names(field: &str) -> impl Iterator<Item = &str> {
    let pairs = field.split(';');
    pairs.filter_map(|pair| Some(pair.split_once('=')?.0.trim()))
}

fn without_query(path: &str) -> &str {
    path.split(['?', '#']).next().unwrap_or(path)
}

#[cfg(test)]
mod tests;
