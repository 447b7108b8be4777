//! Tests of the cookies of a user.

use super::*;

const SHOP: &str = "shop.example.com";
/// The service's date while the run is 100 s old.
const DATE: &str = "date: Wed, 21 Oct 2026 07:28:00 GMT\r\n";

fn origin(host: &str, tls: bool) -> Origin {
    Origin {
        tls,
        host: host.to_owned(),
        port: 80,
    }
}

const fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn head(date: &str, fields: &[&str]) -> Vec<u8> {
    let fields = fields
        .iter()
        .map(|field| format!("Set-Cookie: {field}\r\n"));
    format!(
        "HTTP/1.1 200 OK\r\n{date}{}\r\n",
        fields.collect::<String>()
    )
    .into_bytes()
}

/// What is sent to a place, `after` so many seconds, once these fields came from `shop.example.com/a/b`.
#[track_caller]
fn check(fields: &[&str], (host, tls, path): (&str, bool, &str), after: u64, expected: &str) {
    let mut jar = Jar::default();
    let from = origin(SHOP, tls);
    jar.take(
        &head(DATE, fields),
        (&from, "/a/b?c=/d/"),
        at(100),
        Life::User,
    );
    let field = jar.field(None, (&origin(host, tls), path), at(100 + after));
    let told = format!("{fields:?} to {host}{path}, {after} s later");
    assert_eq!(field.unwrap_or_default(), expected, "{told}");
}

#[test]
fn cookies_go_to_their_host_and_below_their_path() {
    for (field, host, path, expected) in [
        ("sid=1", SHOP, "/a/x", "sid=1"),
        ("sid=1", "SHOP.example.com", "/a?q", "sid=1"),
        ("sid=1", SHOP, "/b", ""),
        ("sid=1", SHOP, "/ab", ""),
        ("sid=1", SHOP, "/", ""),
        ("sid=1; Path=/", SHOP, "/b", "sid=1"),
        ("sid=1; path=/b/", SHOP, "/b/c", "sid=1"),
        ("sid=1; path=/b/", SHOP, "/b", ""),
        ("sid=1; path=b", SHOP, "/a/c", "sid=1"),
        ("sid=1; Path=/; Path=", SHOP, "/b", ""),
        ("sid=1; Path=/", "example.com", "/", ""),
        ("sid=1; Path=/", "x.shop.example.com", "/", ""),
        (
            "sid=1; Path=/; Domain=example.com",
            "x.example.com",
            "/",
            "sid=1",
        ),
        (
            "sid=1; Path=/; Domain=.Example.com",
            "example.com",
            "/",
            "sid=1",
        ),
        (
            "sid=1; Path=/; Domain=example.com",
            "badexample.com",
            "/",
            "",
        ),
        ("sid=1; Path=/; Domain=ample.com", "ample.com", "/", ""),
        ("sid=1; Path=/; Domain=com", "x.com", "/", ""),
        ("sid=1; Path=/; Domain=other.com", SHOP, "/", ""),
        ("sid=1; Path=/; Domain=x.shop.example.com", SHOP, "/", ""),
    ] {
        check(&[field], (host, false, path), 0, expected);
    }
    let address = origin("10.0.0.5", false);
    let mut jar = Jar::default();
    let set = head("", &["own=1", "lost=2; Domain=0.0.5"]);
    jar.take(&set, (&address, "/"), at(0), Life::User);
    assert_eq!(
        jar.field(None, (&address, "/"), at(0)).as_deref(),
        Some("own=1")
    );
}

#[test]
fn cookies_end_when_the_service_says() {
    for (field, after, expected) in [
        ("sid=1; Max-Age=10", 9, "sid=1"),
        ("sid=1; Max-Age=10", 10, ""),
        ("sid=1; Max-Age=0", 0, ""),
        ("sid=1; Max-Age=-99999999999999999999", 0, ""),
        ("sid=1; Max-Age=99999999999999999999", 1 << 30, "sid=1"),
        ("sid=1; Max-Age=never", 99, "sid=1"),
        ("sid=1; Expires=Wed, 21 Oct 2026 07:28:10 GMT", 9, "sid=1"),
        ("sid=1; Expires=Wed, 21-Oct-26 07:28:10 GMT", 10, ""),
        (
            "sid=1; Expires=Wed, 21 Oct 2026 07:28:10 GMT; Max-Age=20",
            19,
            "sid=1",
        ),
        ("sid=1; Expires=soon", 99, "sid=1"),
    ] {
        check(&[field], (SHOP, false, "/a"), after, expected);
    }
    // A service that tells no date ends what ended long ago.
    for (expires, expected) in [
        ("Thu, 01 Jan 1970 00:00:00 GMT", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", Some("sid=1")),
    ] {
        let mut jar = Jar::default();
        let place = origin("h", false);
        let set = head("", &[&format!("sid=1; Expires={expires}")]);
        jar.take(&set, (&place, "/"), at(0), Life::User);
        assert_eq!(
            jar.field(None, (&place, "/"), at(0)).as_deref(),
            expected,
            "{expires}"
        );
    }
}

#[test]
fn secure_cookies_need_tls() {
    for (field, tls, expected) in [
        ("sid=1; Secure", false, ""),
        ("sid=1; Secure; HttpOnly; SameSite=Lax", true, "sid=1"),
        ("__Secure-a=1; Secure", true, "__Secure-a=1"),
        ("__Secure-a=1", true, ""),
        ("__host-a=1; Secure; Path=/", true, "__host-a=1"),
        ("__Host-a=1; Secure", true, ""),
        (
            "__Host-a=1; Secure; Path=/; Domain=shop.example.com",
            true,
            "",
        ),
        ("__Host-a=1; Secure; Path=/", false, ""),
    ] {
        check(&[field], (SHOP, tls, "/a"), 0, expected);
    }
}

#[test]
fn cookies_take_the_place_of_others_and_have_an_order() {
    let long = format!("long={}", "x".repeat(4096));
    for (fields, expected) in [
        (&["sid=1", "sid=2"][..], "sid=2"),
        (&["sid=1", "sid=; Max-Age=0"], ""),
        (&["sid=1; Path=/", "sid=2"], "sid=2; sid=1"),
        (
            &["a=1; Path=/", "b=2; Path=/a", "c=3; Path=/"],
            "b=2; a=1; c=3",
        ),
        (
            &["=1", "novalue", "x = y z ", "e=", "q=\"a=b\""],
            "x=y z; e=; q=\"a=b\"",
        ),
        (&["bell=\x07"], ""),
        (&[&long], ""),
    ] {
        check(fields, (SHOP, false, "/a"), 0, expected);
    }
}

#[test]
fn what_a_request_sets_itself_stands_first_and_wins() {
    let mut jar = Jar::default();
    let place = origin("h", false);
    jar.take(
        &head("", &["sid=1", "lang=de"]),
        (&place, "/"),
        at(0),
        Life::User,
    );
    for (own, expected) in [
        (None, "sid=1; lang=de"),
        (Some("x=9"), "x=9; sid=1; lang=de"),
        (Some("x=9; lang=en"), "x=9; lang=en; sid=1"),
        (Some("odd"), "odd; sid=1; lang=de"),
    ] {
        assert_eq!(
            jar.field(own, (&place, "/"), at(0)).as_deref(),
            Some(expected)
        );
    }
    let elsewhere = origin("other", false);
    assert_eq!(
        jar.field(Some("x=9"), (&elsewhere, "/"), at(0)).as_deref(),
        Some("x=9")
    );
}

#[test]
fn an_iteration_takes_its_cookies_along() {
    let mut jar = Jar::default();
    let place = origin("h", false);
    let sent = |jar: &Jar| jar.field(None, (&place, "/"), at(1)).unwrap_or_default();
    let take = |jar: &mut Jar, field: &str, life| {
        jar.take(&head("", &[field]), (&place, "/"), at(0), life);
    };
    take(&mut jar, "sid=login", Life::User);
    jar.end_iteration();
    take(&mut jar, "sid=mine", Life::Iteration);
    take(&mut jar, "seen=1", Life::Iteration);
    take(&mut jar, "lang=de", Life::User);
    assert_eq!(sent(&jar), "sid=mine; seen=1; lang=de");
    jar.end_iteration();
    assert_eq!(sent(&jar), "sid=login; lang=de");
    take(&mut jar, "sid=; Max-Age=0", Life::Iteration);
    assert_eq!(sent(&jar), "lang=de");
    jar.end_iteration();
    assert_eq!(sent(&jar), "sid=login; lang=de");
    jar.end_iteration();
    assert_eq!(sent(&jar), "sid=login; lang=de");
}

#[test]
fn values_are_secrets_also_when_they_have_just_gone() {
    let mut jar = Jar::default();
    let place = origin("h", false);
    for number in 0..PAST + 3 {
        let set = head("", &[&format!("sid=value-{number}")]);
        jar.take(&set, (&place, "/"), at(0), Life::User);
    }
    let secrets: Vec<&str> = jar.secrets().collect();
    let known = |number: usize| secrets.contains(&format!("value-{number}").as_str());
    assert!(
        known(PAST + 2) && known(PAST + 1) && known(2) && !known(1),
        "{secrets:?}"
    );
}

#[test]
fn a_user_keeps_so_many_cookies_and_no_more() {
    let place = origin("h", false);
    let mut jar = Jar::default();
    let mut take = |field: &str| {
        jar.take(&head("", &[field]), (&place, "/"), at(0), Life::User);
        (jar.cookies.len(), jar.cookies[0].name.clone())
    };
    let mut kept = (0, String::new());
    for number in 0..MOST + 5 {
        kept = take(&format!("c{number}=1"));
    }
    assert_eq!(kept, (MOST, "c5".to_owned()));
    for number in 0..20 {
        kept = take(&format!("big{number}={}", "x".repeat(4000)));
    }
    assert!(
        kept.0 <= MOST_BYTES / 4000 && kept.1.starts_with("big"),
        "{kept:?}"
    );
    // Paths take memory too.
    for number in 0..MOST {
        kept = take(&format!("deep{number}=1; Path=/{}", "x".repeat(1000)));
    }
    assert!(
        kept.0 <= MOST_BYTES / 1000 && kept.1.starts_with("deep"),
        "{kept:?}"
    );
}

#[test]
fn a_path_may_be_so_long_and_no_longer() {
    for (length, expected) in [(1024, "sid=1"), (1025, "")] {
        let path = format!("/{}", "x".repeat(length - 1));
        let field = format!("sid=1; Path={path}");
        check(&[&field], (SHOP, false, &path), 0, expected);
        // Its own folder is no better.
        let mut jar = Jar::default();
        let place = origin("h", false);
        let below = format!("{path}/page");
        jar.take(&head("", &["sid=1"]), (&place, &below), at(0), Life::User);
        let sent = jar.field(None, (&place, &below), at(0));
        assert_eq!(sent.unwrap_or_default(), expected, "{length}");
    }
}
