//! No text makes the reader panic, loop, or keep silent about what it refuses.

use loadgen_scenario::{Overrides, Place, SourceText, load};
use proptest::{collection::vec, prelude::*, sample::select};

const FILES: [&str; 9] = [
    include_str!("../../../scenarios/chat.toml"),
    include_str!("../../../scenarios/analytics.toml"),
    include_str!("../../../scenarios/auth.toml"),
    include_str!("../../../scenarios/plain.toml"),
    include_str!("../../../scenarios/spike.toml"),
    include_str!("../../../scenarios/sustained.toml"),
    include_str!("../../../scenarios/autoscale-ramp.toml"),
    include_str!("../../../scenarios/mixed.toml"),
    include_str!("../../../scenarios/sequence.toml"),
];

/// Pieces that stand near the edges of the grammar.
const PIECES: &[&str] = &[
    "",
    "\"",
    "'",
    "\"\"\"",
    "'''",
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "=",
    ",",
    ".",
    "..",
    "\n",
    "\r",
    "\\",
    "\\u0000",
    "#",
    "0",
    "-1",
    "1e400",
    "nan",
    "true",
    "99999999999999999999",
    "5 sec",
    "1s..",
    "é",
    "\u{feff}",
    "\u{2028}",
    "\u{0}",
    "🦀",
    "[load]",
    "[[step]]",
    "get",
    "think",
    "target",
    "mock",
    "http://",
    "http://[::1]:99999/",
    "{{ env.X }}",
    "{{ vu }}",
    "{{ random_int(9, 1) }}",
    "{{ 'a' * 1000000 }}",
    "{% for i in range(9999) %}{{ i }}{% endfor %}",
    "p95 < 2s",
    "rate = ",
    "stages = [",
    "{ duration = \"1s\", target = ",
    "\"5/min\"",
    "executor = \"ramping-vus\"",
    "warm_up = \"1h\"",
    "ttft{step=",
    "step.x = 1",
    "vars.a.b = 2",
    "json = {",
    "[[scenario]]\n",
    "[[scenario.step]]\n",
    "[scenario.load]\n",
    "name = \"warm\"\n",
    "weight = 0\n",
    "start_after = \"scenario:warm\"\n",
];

/// Loads a text and looks at what comes of it.
fn check(text: &str) {
    let source = SourceText {
        path: "t.toml",
        text,
        stem: "t",
    };
    match load(source, &Overrides::default()) {
        Ok(lowered) => {
            let plan = &lowered.plan;
            assert!(
                plan.requests().count() > 0 && plan.users() != Some(0) && plan.hash.len() == 64
            );
            assert!(!plan.describe(2).is_empty());
            for request in plan.requests() {
                // What a template cannot give is an error, never a panic.
                let rendered = request.message.render(&plan.target, &plan.scope(2, 9));
                for (_, value) in rendered.iter().flat_map(|rendered| rendered.headers.iter()) {
                    assert!(!value.contains(['\r', '\n', '\0']), "{value:?}");
                }
            }
        }
        Err(problems) => {
            assert!(!problems.list.is_empty() && !problems.to_string().is_empty());
            for problem in &problems.list {
                assert!(!problem.message.is_empty());
                let marks = problem.more.iter().map(|mark| &mark.span);
                let place = if let Place::File(span) = &problem.place {
                    Some(span)
                } else {
                    None
                };
                for span in marks.chain(place) {
                    assert!(
                        text.get(span.clone()).is_some(),
                        "{span:?} of {} in {problem:?}",
                        text.len()
                    );
                }
            }
        }
    }
}

fn cut(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at % (text.len() + 1))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_files_are_read_or_refused(
        file in 0..FILES.len(),
        edits in vec((any::<usize>(), 0_usize..12, select(PIECES)), 1..5),
    ) {
        let mut text = FILES[file].to_owned();
        for (at, length, piece) in edits {
            let start = cut(&text, at);
            let end = text.ceil_char_boundary((start + length).min(text.len()));
            text.replace_range(start..end, piece);
        }
        check(&text);
    }

    #[test]
    fn heaps_of_pieces_are_read_or_refused(pieces in vec(select(PIECES), 0..40)) {
        check(&pieces.concat());
        check(&pieces.join(" "));
    }

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        check(&text);
        check(&format!("[load]\nduration = \"1s\"\n[[step]]\nget = \"http://h/{text}\"\n"));
    }
}

#[test]
fn files_cut_anywhere_are_read_or_refused() {
    for file in FILES {
        for end in (0..file.len()).filter(|end| file.is_char_boundary(*end)) {
            check(&file[..end]);
        }
    }
}

#[test]
fn deep_nesting_is_refused_or_read() {
    for (open, close) in [("[", "]"), ("{ a = ", "}")] {
        let nested = format!("a = {}1{}", open.repeat(5_000), close.repeat(5_000));
        check(&nested);
        check(&format!(
            "[vars]\n{nested}\n[load]\nduration = \"1s\"\n[[step]]\nget = \"http://h/\"\n"
        ));
    }
    let parens = format!("{}1{}", "(".repeat(5_000), ")".repeat(5_000));
    check(&format!(
        "[load]\nduration = \"1s\"\n[[step]]\nget = \"http://h/{{{{ {parens} }}}}\"\n"
    ));
    let keys = vec!["a"; 100_000].join(".");
    check(&format!(
        "[vars]\n{keys} = 1\n[load]\nduration = \"1s\"\n[[step]]\nget = \"http://h/{{{{ a }}}}\"\n"
    ));
}
