//! Dates as cookies have them.

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// A date in any of the forms that services use (RFC 6265, section 5.1.1), in seconds since 1970.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for token in text.split(|c: char| !c.is_ascii_alphanumeric() && c != ':') {
        let number = token.parse::<i64>().ok();
        match (token.len(), number) {
            _ if time.is_none() && token.contains(':') => time = time_of(token),
            (1 | 2, Some(number)) if day.is_none() => day = Some(number),
            (2, Some(number)) if year.is_none() => {
                year = Some(number + if number < 70 { 2000 } else { 1900 });
            }
            (4, Some(number)) if year.is_none() => year = Some(number),
            _ => month = month.or_else(|| month_of(token)),
        }
    }
    let (time, day, month, year) = (time?, day?, month?, year?);
    let fits = (1..=31).contains(&day) && year >= 1601;
    fits.then(|| days(year, month, day) * 86_400 + time)
}

/// The seconds of a day at `08:49:37`.
fn time_of(token: &str) -> Option<i64> {
    let mut parts = token.split(':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let fits = hour < 24 && minute < 60 && second < 60;
    fits.then_some(hour * 3_600 + minute * 60 + second)
}

fn month_of(token: &str) -> Option<i64> {
    let start = token.get(..3)?.to_ascii_lowercase();
    (1..)
        .zip(MONTHS)
        .find(|(_, name)| *name == start)
        .map(|(number, _)| number)
}

/// Days from 1970 to a day of the Gregorian calendar. Years begin in March, so that a leap day is their last.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read() {
        for (text, expected) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(784_111_777)),
            ("Sun Nov  6 08:49:37 1994", Some(784_111_777)),
            ("29 Feb 2000 12:00:00", Some(951_825_600)),
            ("01 Mar 2100 00:00:00", Some(4_107_542_400)),
            ("Thu, 01 Jan 1601 00:00:00 GMT", Some(-11_644_473_600)),
            ("Thu, 01 Jan 1600 00:00:00 GMT", None),
            ("Thu, 32 Jan 1970 00:00:00 GMT", None),
            ("Thu, 01 Jan 1970 24:00:00 GMT", None),
            ("Thu, 01 Jan 1970", None),
            ("1:2", None),
            ("00:00:00 99999999999999999999 Jänner", None),
            ("tomorrow", None),
            ("", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
