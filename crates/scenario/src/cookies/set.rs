//! One cookie: read from a field `set-cookie`, and where it goes.

use super::date;
use crate::plan::Origin;
use std::{net::IpAddr, time::Duration};

/// The longest name and value together, in bytes.
const LONGEST: usize = 4096;
/// The longest path, in bytes (RFC 6265bis, section 5.6).
const LONGEST_PATH: usize = 1024;
/// The longest time that a cookie stays, in seconds: longer than any run.
const FOREVER: u64 = 1 << 32;
/// The first second of the year 2000.
const YEAR_2000: i64 = 946_684_800;

/// One cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cookie {
    pub(super) name: String,
    pub(super) value: String,
    /// The host, or the domain whose hosts all get it; in lower case.
    domain: String,
    host_only: bool,
    pub(super) path: String,
    secure: bool,
    /// When it ends, since the start of the run; absent where it stays as long as its user.
    ends: Option<Duration>,
}

/// When an answer came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    /// Since the start of the run.
    pub(super) run: Duration,
    /// By the service's own clock, in seconds since 1970, where it tells.
    service: Option<i64>,
}

impl Now {
    /// When an answer with this head came.
    pub(super) fn of(head: &[u8], run: Duration) -> Self {
        let service = fields(head, "date").last();
        Self {
            run,
            service: service.and_then(|text| date::seconds(&text)),
        }
    }
}

impl Cookie {
    /// A cookie as `set-cookie` has it, from an answer to a request for `path`; absent where it is none that may be kept.
    pub(super) fn read(text: &str, origin: &Origin, path: &str, now: Now) -> Option<Self> {
        let mut parts = text.split(';');
        let (name, value) = parts.next()?.split_once('=')?;
        let (name, value) = (name.trim(), value.trim());
        let unfit = |text: &str| text.chars().any(|c| c.is_ascii_control());
        if name.is_empty() || name.len() + value.len() > LONGEST || unfit(name) || unfit(value) {
            return None;
        }
        let mut cookie = Self {
            name: name.to_owned(),
            value: value.to_owned(),
            domain: origin.host.to_ascii_lowercase(),
            host_only: true,
            path: folder(path).to_owned(),
            secure: false,
            ends: None,
        };
        let (mut age, mut expires) = (None, None);
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            let value = value.trim();
            match key.trim().to_ascii_lowercase().as_str() {
                "max-age" => age = seconds(value).or(age),
                "expires" => expires = date::seconds(value).or(expires),
                "domain" if !value.is_empty() => cookie.spread(value)?,
                "path" => cookie.path = own_path(value).unwrap_or(folder(path)).to_owned(),
                "secure" => cookie.secure = true,
                _ => {}
            }
        }
        // Without a date of the service, only what is long gone by any clock has ended.
        let by_date = expires.and_then(|ends| match now.service {
            Some(service) => Some(ends.saturating_sub(service)),
            None => (ends < YEAR_2000).then_some(0),
        });
        cookie.ends = age.or(by_date).map(|left| {
            let left = u64::try_from(left).unwrap_or_default().min(FOREVER);
            now.run.saturating_add(Duration::from_secs(left))
        });
        let fits = cookie.path.len() <= LONGEST_PATH && cookie.keeps_the_word_of_its_name(origin);
        fits.then_some(cookie)
    }

    /// Gives it to all hosts of a domain; absent where its own host is none of them.
    fn spread(&mut self, domain: &str) -> Option<()> {
        let domain = domain.strip_prefix('.').unwrap_or(domain);
        let domain = domain.to_ascii_lowercase();
        let fits =
            domain == self.domain || domain.contains('.') && is_inside(&self.domain, &domain);
        self.host_only = false;
        self.domain = domain;
        fits.then_some(())
    }

    /// Names with these beginnings promise something (RFC 6265bis, section 4.1.3).
    fn keeps_the_word_of_its_name(&self, origin: &Origin) -> bool {
        let begins = |start: &str| {
            let head = self.name.get(..start.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(start))
        };
        let secure = self.secure && origin.tls;
        if begins("__Host-") {
            return secure && self.host_only && self.path == "/";
        }
        secure || !begins("__Secure-")
    }

    /// Whether a request gets it that goes there.
    pub(super) fn goes_to(&self, origin: &Origin, path: &str, now: Duration) -> bool {
        let host = origin.host.to_ascii_lowercase();
        let of_host = host == self.domain || !self.host_only && is_inside(&host, &self.domain);
        of_host
            && (!self.secure || origin.tls)
            && is_below(path, &self.path)
            && !self.has_ended(now)
    }

    pub(super) fn has_ended(&self, now: Duration) -> bool {
        self.ends.is_some_and(|ends| ends <= now)
    }

    /// Whether it takes the place of the other.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.name == other.name && self.domain == other.domain && self.path == other.path
    }

    /// As the field `cookie` has it.
    pub(super) fn pair(&self) -> String {
        format!("{}={}", self.name, self.value)
    }

    /// Bytes of what is kept of it.
    pub(super) fn len(&self) -> usize {
        self.name.len() + self.value.len() + self.path.len()
    }
}

/// The values of a field of a head as received; the name in lower case.
pub(super) fn fields<'a>(head: &'a [u8], name: &'a str) -> impl Iterator<Item = String> + 'a {
    let lines = head.split(|byte| *byte == b'\n').skip(1);
    lines.filter_map(move |line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (found, value) = line.split_at(colon);
        let same = found.eq_ignore_ascii_case(name.as_bytes());
        same.then(|| String::from_utf8_lossy(value[1..].trim_ascii()).into_owned())
    })
}

/// A length as `max-age` has it: of any number of digits.
fn seconds(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let past = digits.len() < text.len();
    is_number.then(|| text.parse().unwrap_or(if past { 0 } else { i64::MAX }))
}

fn own_path(value: &str) -> Option<&str> {
    value.starts_with('/').then_some(value)
}

/// Whether a host is one of a domain's.
fn is_inside(host: &str, domain: &str) -> bool {
    let is_name = host.parse::<IpAddr>().is_err();
    let rest = host.strip_suffix(domain);
    is_name && rest.is_some_and(|rest| rest.ends_with('.'))
}

/// Whether a path is the cookie's, or lies below it (RFC 6265, section 5.1.4).
fn is_below(path: &str, cookie: &str) -> bool {
    let rest = path.strip_prefix(cookie);
    rest.is_some_and(|rest| rest.is_empty() || cookie.ends_with('/') || rest.starts_with('/'))
}

/// The folder of a path: where a cookie belongs that names no path.
fn folder(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) | None => "/",
        Some(last) => &path[..last],
    }
}
