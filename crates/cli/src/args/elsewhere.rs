//! Options of `run` in whose place a search has others: says which.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use loadgen_scenario::parse_rate;
use std::ffi::OsString;

/// The command that is a search.
const SEARCH: &str = "stress";
const LADDER: &str = "a search tries one load after the other: --start 50 --step 50 --max 500, --rate --start 50/s for arrivals";
const FOR_SO_LONG: &str = "each level is held for so long as --hold says; --dry-run tells how long the whole takes at worst";
const RATE: &str = "with stress, --rate only says that loads are arrivals per second: --rate --start 50/s --max 500/s";

/// Options by their names, and what a search has instead.
const OPTIONS: [(&[&str], &str); 7] = [
    (&["--vus", "-c"], LADDER),
    (&["--stage"], LADDER),
    (&["--scale"], LADDER),
    (&["--duration", "-z"], FOR_SO_LONG),
    (&["--iterations", "-n"], FOR_SO_LONG),
    (
        &["--graceful-stop"],
        "`graceful_stop` in the file's [load] says it for a search, too",
    ),
    (
        &["--allow-all-failed"],
        "levels that fail are what a search looks for: none of them fails it",
    ),
];

/// Adds to an error of a search's arguments what there is in the place of an option that it has not.
pub(super) fn hinted(error: clap::Error, args: &[OsString]) -> clap::Error {
    let Some(hint) = hint(&error, args) else {
        return error;
    };
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    let line = line.trim_start_matches("error: ");
    clap::Error::raw(error.kind(), format!("{line}\nhint: {hint}\n"))
}

fn hint(error: &clap::Error, args: &[OsString]) -> Option<&'static str> {
    let words: Vec<&str> = args
        .iter()
        .skip(1)
        .filter_map(|word| word.to_str())
        .collect();
    let command = words.iter().position(|word| !word.starts_with('-'))?;
    let unknown = [ErrorKind::UnknownArgument, ErrorKind::TooManyValues];
    if words[command] != SEARCH || !unknown.contains(&error.kind()) {
        return None;
    }
    let Some(ContextValue::String(named)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let option = OPTIONS
        .iter()
        .find(|(names, _)| names.contains(&named.as_str()));
    option
        .map(|(_, hint)| *hint)
        .or_else(|| gives_rate(&words).then_some(RATE))
}

/// Whether `--rate` is given a value, as for a run.
fn gives_rate(words: &[&str]) -> bool {
    let valued = words.iter().any(|word| word.starts_with("--rate="));
    let mut pairs = words.windows(2);
    valued || pairs.any(|pair| pair[0] == "--rate" && parse_rate(pair[1]).is_ok())
}

#[cfg(test)]
mod tests {
    use crate::args::parse;
    use std::{collections::BTreeMap, ffi::OsString};

    #[track_caller]
    fn check(line: &str, contains: &[&str]) {
        let args: Vec<_> = line.split(' ').map(OsString::from).collect();
        let error = parse(&args, &BTreeMap::new()).unwrap_err().to_string();
        for part in contains {
            assert!(error.contains(part), "{line}: {error}");
        }
        assert_eq!(
            error.contains("hint: "),
            contains.len() > 1,
            "{line}: {error}"
        );
    }

    #[test]
    fn a_search_says_what_it_has_in_the_place_of_options_of_runs() {
        let ladder = "hint: a search tries one load after the other: --start";
        let hold = "hint: each level is held for so long as --hold says";
        for (words, hint) in [
            ("--vus 50", ladder),
            ("--vus=50", ladder),
            ("-c 50", ladder),
            ("--stage 30s:50", ladder),
            ("--scale 2", ladder),
            ("--duration 30s", hold),
            ("-z 30s", hold),
            ("--iterations 5", hold),
            ("-n 5", hold),
            (
                "--graceful-stop 5s",
                "hint: `graceful_stop` in the file's [load]",
            ),
            ("--allow-all-failed", "hint: levels that fail are"),
        ] {
            let option = words.split([' ', '=']).next().unwrap_or_default();
            let named = format!("unexpected argument '{option}' found");
            check(&format!("loadgen stress a.toml {words}"), &[&named, hint]);
            check(
                &format!("loadgen --no-color stress {words} a.toml"),
                &[&named, hint],
            );
        }
        let rate = "hint: with stress, --rate only says";
        check("loadgen stress a.toml --rate 50/s", &["'50/s'", rate]);
        check("loadgen stress --rate 50/s a.toml", &["'a.toml'", rate]);
        check("loadgen stress a.toml --rate=50/s", &["--rate", rate]);
        // Neither what is nowhere, nor what another command has not.
        check("loadgen stress a.toml --nothing", &["'--nothing'"]);
        check("loadgen stress a.toml b.toml", &["'b.toml'"]);
        check("loadgen mock --vus 5", &["'--vus'"]);
    }
}
