//! Tables and properties of the reading of answers.

use super::*;
use proptest::prelude::*;
use std::cell::RefCell;

thread_local! {
    /// Heads of all cases of a test, so that each is read among others that are known.
    static KNOWN: RefCell<KnownHeads> = RefCell::default();
}

#[derive(Debug, Default, PartialEq, Clone)]
struct Seen {
    begun: u32,
    informational: u32,
    status: Option<u16>,
    framing: Option<Framing>,
    coding: Coding,
    content_type: Option<Vec<u8>>,
    body: Vec<u8>,
}

impl Receive for Seen {
    fn head_begins(&mut self) {
        self.begun += 1;
    }

    fn informational(&mut self) {
        self.informational += 1;
    }

    fn head(&mut self, head: &Head<'_>, raw: &[u8]) -> Result<(), Failure> {
        assert!(raw.ends_with(b"\n"));
        self.status = Some(head.status);
        self.framing = Some(head.framing);
        self.coding = head.coding;
        self.content_type = head.content_type.map(<[u8]>::to_vec);
        Ok(())
    }

    fn body(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        assert!(!bytes.is_empty());
        self.body.extend_from_slice(bytes);
        Ok(())
    }
}

/// How an answer ended: whole (reusable, bytes that belong to no answer) or not.
type Ended = Result<(bool, usize), (ErrorKind, String)>;

fn read(pieces: &[&[u8]], head_asked: bool, closed: bool) -> (Seen, Ended) {
    read_knowing(pieces, head_asked, closed, &mut KnownHeads::default())
}

fn read_knowing(
    pieces: &[&[u8]],
    head_asked: bool,
    closed: bool,
    known: &mut KnownHeads,
) -> (Seen, Ended) {
    let mut seen = Seen::default();
    let mut response = Response::new(head_asked);
    let mut surplus = 0;
    let told = |failure: Failure| (failure.kind, failure.message);
    for piece in pieces {
        match response.feed_knowing(piece, &mut seen, known) {
            Ok(used) => surplus += piece.len() - used,
            Err(failure) => return (seen, Err(told(failure))),
        }
    }
    if (closed || !response.is_done())
        && let Err(failure) = response.end()
    {
        return (seen, Err(told(failure)));
    }
    (seen, Ok((response.allows_reuse(), surplus)))
}

fn check(
    input: &str,
    head_asked: bool,
    want_status: Option<u16>,
    want_body: &str,
    want: Result<(bool, usize), &str>,
) {
    let shown = &input[..input.len().min(80)];
    let whole = read(&[input.as_bytes()], head_asked, false);
    assert_eq!(whole.0.status, want_status, "{shown:?}");
    assert_eq!(
        String::from_utf8_lossy(&whole.0.body),
        want_body,
        "{shown:?}"
    );
    let ended = whole
        .1
        .as_ref()
        .copied()
        .map_err(|(_, message)| message.as_str());
    assert_eq!(ended, want, "{shown:?}");
    KNOWN.with_borrow_mut(|known| {
        // The second time of each, its head is known; that of the other method too.
        for _ in 0..2 {
            for asked in [head_asked, !head_asked] {
                let again = read_knowing(&[input.as_bytes()], asked, false, known);
                let unknown = read(&[input.as_bytes()], asked, false);
                assert_eq!(again, unknown, "{shown:?} among known heads");
            }
        }
    });
    if input.len() > 2_000 {
        return;
    }
    for cut in 1..input.len() {
        let (first, second) = input.as_bytes().split_at(cut);
        assert_eq!(
            read(&[first, second], head_asked, false),
            whole,
            "{shown:?} cut at {cut}"
        );
    }
    let bytes: Vec<_> = input.as_bytes().chunks(1).collect();
    assert_eq!(
        read(&bytes, head_asked, false),
        whole,
        "{shown:?} byte by byte"
    );
}

#[test]
fn whole_answers_are_read_by_the_rules() {
    // (answer, method was HEAD, status, body, reusable, surplus)
    let cases: &[(&str, bool, u16, &str, bool, usize)] = &[
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
            false,
            200,
            "hello",
            true,
            0,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length:5 \r\n\r\nhello",
            false,
            200,
            "hello",
            true,
            0,
        ),
        (
            "HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n",
            false,
            200,
            "",
            true,
            0,
        ),
        (
            "HTTP/1.1 200 \r\ncontent-length: 0\r\n\r\n",
            false,
            200,
            "",
            true,
            0,
        ),
        (
            "HTTP/1.1 404 Not \u{e9} Found\r\ncontent-length: 2\r\n\r\nno",
            false,
            404,
            "no",
            true,
            0,
        ),
        (
            "HTTP/1.1 200 OK\ncontent-length: 2\n\nok",
            false,
            200,
            "ok",
            true,
            0,
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200",
            false,
            200,
            "ok",
            true,
            12,
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 2, 2\r\ncontent-length: 02\r\n\r\nok",
            false,
            200,
            "ok",
            true,
            0,
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            false,
            200,
            "ok",
            true,
            0,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nok\r\n0\r\na: b\r\n\r\n",
            false,
            200,
            "ok",
            true,
            0,
        ),
        // Both: the coding wins, the connection is closed (RFC 9112, 6.3).
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            false,
            200,
            "ok",
            false,
            0,
        ),
        (
            "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            false,
            200,
            "ok",
            false,
            0,
        ),
        // No length: the end of the connection is the end of the body.
        (
            "HTTP/1.1 200 OK\r\n\r\nall of it",
            false,
            200,
            "all of it",
            false,
            0,
        ),
        (
            "HTTP/1.0 200 OK\r\n\r\nall of it",
            false,
            200,
            "all of it",
            false,
            0,
        ),
        // Keep-alive and its end.
        (
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
            false,
            200,
            "ok",
            false,
            0,
        ),
        (
            "HTTP/1.1 200 OK\r\nconnection: foo , Close\r\ncontent-length: 2\r\n\r\nok",
            false,
            200,
            "ok",
            false,
            0,
        ),
        (
            "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
            false,
            200,
            "ok",
            false,
            0,
        ),
        (
            "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok",
            false,
            200,
            "ok",
            true,
            0,
        ),
        (
            "HTTP/1.0 200 OK\r\nconnection: keep-alive, close\r\ncontent-length: 2\r\n\r\nok",
            false,
            200,
            "ok",
            false,
            0,
        ),
        // No body whatever the fields say.
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n",
            true,
            200,
            "",
            true,
            0,
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            true,
            200,
            "",
            true,
            0,
        ),
        ("HTTP/1.1 200 OK\r\n\r\n", true, 200, "", true, 0),
        ("HTTP/1.1 204 No Content\r\n\r\n", false, 204, "", true, 0),
        (
            "HTTP/1.1 204 No Content\r\ncontent-length: 7\r\n\r\nsurplus",
            false,
            204,
            "",
            true,
            7,
        ),
        (
            "HTTP/1.1 304 Not Modified\r\ncontent-length: 500\r\n\r\n",
            false,
            304,
            "",
            true,
            0,
        ),
        // Informational answers are skipped.
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
            false,
            200,
            "ok",
            true,
            0,
        ),
        (
            "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
            false,
            200,
            "ok",
            true,
            0,
        ),
        (
            "HTTP/1.1 100 Continue\r\ncontent-length: 5\r\n\r\nHTTP/1.1 204 N\r\n\r\n",
            false,
            204,
            "",
            true,
            0,
        ),
        // Folded fields are read (RFC 9112, 5.2).
        (
            "HTTP/1.1 200 OK\r\nx: a\r\n b\r\ncontent-length: 2\r\n\r\nok",
            false,
            200,
            "ok",
            true,
            0,
        ),
        (
            "HTTP/1.1 599 Odd\r\ncontent-length: 0\r\n\r\n",
            false,
            599,
            "",
            true,
            0,
        ),
    ];
    for (input, head_asked, status, body, reusable, surplus) in cases {
        check(
            input,
            *head_asked,
            Some(*status),
            body,
            Ok((*reusable, *surplus)),
        );
    }
}

#[test]
fn broken_answers_are_refused() {
    const CLOSED: &str = "the peer closed the connection before the end of the body";
    const TLS: &str = "the server speaks TLS: the URL should begin with https://";
    let endless = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(3 * HEAD_LIMIT));
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(HEAD_LIMIT));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(129));
    let hints = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(3_000);
    let too_long = "the head of the answer is longer than 64 KiB";
    let cases: &[(&str, Option<u16>, &str, &str)] = &[
        (
            "",
            None,
            "",
            "the peer closed the connection without an answer",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-le",
            None,
            "",
            "the peer closed the connection within the head of its answer",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell",
            Some(200),
            "hell",
            CLOSED,
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n",
            Some(200),
            "",
            CLOSED,
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
            Some(200),
            "hello",
            CLOSED,
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            Some(200),
            "",
            "invalid size of a chunk",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
            None,
            "",
            "conflicting content-length",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 5, 6\r\n\r\n",
            None,
            "",
            "conflicting content-length",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
            None,
            "",
            "invalid content-length",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: +5\r\n\r\n",
            None,
            "",
            "invalid content-length",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length:\r\n\r\n",
            None,
            "",
            "invalid content-length",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 5,\r\n\r\n",
            None,
            "",
            "invalid content-length",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 5 5\r\n\r\n",
            None,
            "",
            "invalid content-length",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n",
            None,
            "",
            "invalid content-length",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
            None,
            "",
            "unsupported transfer-encoding",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n",
            None,
            "",
            "unsupported transfer-encoding",
        ),
        (
            "HTTP/1.1 200 OK\r\nbad field: x\r\n\r\n",
            None,
            "",
            "invalid header field",
        ),
        (
            "HTTP/1.1 200 OK\r\nx : y\r\n\r\n",
            None,
            "",
            "invalid header field",
        ),
        ("HTTP/1.1 20 OK\r\n\r\n", None, "", "invalid status line"),
        ("HTTP/1.1 099 Low\r\n\r\n", None, "", "invalid status line"),
        ("HTTP/1.2 200 OK\r\n\r\n", None, "", "invalid status line"),
        ("HTTP/2 200\r\n\r\n", None, "", "the answer is not HTTP/1"),
        (
            "HTTP/1.1 101 Switching Protocols\r\n\r\n",
            None,
            "",
            "the server switched protocols unasked",
        ),
        (
            "\r\nHTTP/1.1 200 OK\r\n\r\n",
            None,
            "",
            "the answer is not HTTP/1",
        ),
        ("garbage", None, "", "the answer is not HTTP/1"),
        (
            "SSH-2.0-OpenSSH_9.9\r\n",
            None,
            "",
            "the answer is not HTTP/1",
        ),
        ("\u{15}\u{3}\u{1}\u{0}\u{2}\u{2}\u{16}", None, "", TLS),
        (
            "\u{0}\u{0}\u{12}\u{4}\u{0}",
            None,
            "",
            "the server speaks HTTP/2: http_version should be \"2\"",
        ),
        (&endless, None, "", too_long),
        (&long, None, "", too_long),
        (&hints, None, "", too_long),
        (&many, None, "", "more than 128 header fields"),
    ];
    for (input, status, body, message) in cases {
        check(input, false, *status, body, Err(message));
    }
}

#[test]
fn an_endless_head_in_small_pieces_is_refused_in_linear_time_and_bounded_memory() {
    let mut response = Response::new(false);
    let mut seen = Seen::default();
    response
        .feed(b"HTTP/1.1 200 OK\r\n", &mut seen)
        .expect("a good beginning");
    let mut fed = 0;
    let refused = loop {
        match response.feed(b"x: y\r\n", &mut seen) {
            Ok(used) => fed += used,
            Err(failure) => break failure.kind,
        }
        assert!(fed <= 2 * HEAD_LIMIT);
    };
    assert_eq!(refused, ErrorKind::TooLarge);
    assert!(fed >= HEAD_LIMIT - 100, "{fed}");
}

#[test]
fn a_known_head_says_what_it_said() {
    let answer = |kind: &str, length: usize| {
        format!(
            "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\nab"
        )
    };
    let mut known = KnownHeads::default();
    // More heads than are remembered, each in the middle of others, and one that begins like another.
    let kinds = [
        "text/plain",
        "text/event-stream",
        "text/plain; q=1",
        "",
        "a",
        "b",
    ];
    for round in 0..3 {
        for (length, kind) in kinds.iter().enumerate() {
            for length in [2, length + 2] {
                let answer = answer(kind, length);
                let (seen, _) = read_knowing(&[answer.as_bytes()], false, false, &mut known);
                assert_eq!(
                    seen.content_type.as_deref(),
                    Some(kind.as_bytes()),
                    "{round}"
                );
                assert_eq!(
                    seen.framing,
                    Some(Framing::Length(length as u64)),
                    "{round}"
                );
                assert_eq!((seen.status, seen.coding), (Some(200), Coding::Gzip));
                assert_eq!(seen.body, b"ab");
            }
        }
    }
}

#[test]
fn heads_that_begin_are_told_each_time() {
    let hints = b"HTTP/1.1 103 Early Hints\r\n\r\n";
    let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
    let (seen, _) = read(&[hints, answer], false, false);
    assert_eq!((seen.begun, seen.informational), (2, 1));
    let (seen, _) = read(&[b"HTT", b"P/1.1 204", b" No\r\n\r\n"], false, false);
    assert_eq!((seen.begun, seen.informational), (1, 0));
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(
        start in prop::sample::select(vec!["", "HTTP/1.1 ", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"]),
        rest in prop::collection::vec(any::<u8>(), 0..300),
        cut in any::<prop::sample::Index>(),
    ) {
        let input = [start.as_bytes(), &rest].concat();
        let (first, second) = input.split_at(cut.index(input.len() + 1));
        let whole = read(&[&input], false, true);
        let mut known = KnownHeads::default();
        for _ in 0..2 {
            prop_assert_eq!(&read_knowing(&[&input], false, true, &mut known), &whole);
        }
        let cut = read(&[first, second], false, true);
        prop_assert_eq!(whole.1.is_ok(), cut.1.is_ok());
        prop_assert_eq!(whole.0.body, cut.0.body);
    }
}
