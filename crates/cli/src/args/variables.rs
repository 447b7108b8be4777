//! Options that variables of the environment may give: under the command line, over the file.

use super::{Cli, elsewhere};
use clap::{ArgMatches, CommandFactory, FromArgMatches, parser::ValueSource};
use loadgen_stats::nearest;
use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
};

/// The options that a variable may give, by their long names. Flags are given by `1` or `true`.
pub(crate) const OPTIONS: [&str; 15] = [
    "target",
    "vus",
    "duration",
    "iterations",
    "rate",
    "stage",
    "scale",
    "graceful-stop",
    "connect-rate",
    "seed",
    "workers",
    "strict",
    "allow-all-failed",
    "insecure",
    "quiet",
];

/// What the name of each variable begins with.
const PREFIX: &str = "LOADGEN_";

/// Commands whose options they are; those of `mock` mean something else.
const COMMANDS: [&str; 4] = ["run", "stress", "check", "debug"];

/// The variable each option was taken from, by the option's long name; what is not in here came with the command line.
pub(crate) type Given = BTreeMap<&'static str, String>;

/// Reads the arguments, and the variables for what they leave open.
pub(crate) fn parse(
    args: &[OsString],
    vars: &BTreeMap<String, String>,
) -> Result<(Cli, Given), clap::Error> {
    let mut command = Cli::command();
    let matches = command
        .try_get_matches_from_mut(args)
        .map_err(|error| elsewhere::hinted(error, args))?;
    let (added, given) = additions(&command, &matches, vars)?;
    let whole = matches
        .subcommand_name()
        .and_then(|name| with(args, name, added));
    let matches = match whole {
        Some(whole) => command
            .try_get_matches_from_mut(whole)
            .map_err(|error| blame(error, &given))?,
        None => matches,
    };
    Ok((Cli::from_arg_matches(&matches)?, given))
}

/// The name of the variable that gives an option.
pub(crate) fn variable(option: &str) -> String {
    format!("{PREFIX}{}", option.to_uppercase().replace('-', "_"))
}

/// Variables that look like ours and are none, each with what to do; for commands that read ours.
///
/// One that is like none of ours is the user's own, such as one that a scenario reads.
pub(crate) fn misspelt(
    args: &[OsString],
    vars: &BTreeMap<String, String>,
) -> Vec<(String, String)> {
    let command = Cli::command();
    let Ok(matches) = command.clone().try_get_matches_from(args) else {
        return Vec::new();
    };
    let Some(name) = matches
        .subcommand_name()
        .filter(|name| COMMANDS.contains(name))
    else {
        return Vec::new();
    };
    let known = OPTIONS.map(variable);
    let options = command
        .find_subcommand(name)
        .into_iter()
        .flat_map(clap::Command::get_arguments);
    let others: BTreeMap<String, String> = options
        .filter_map(clap::Arg::get_long)
        .map(|option| {
            (
                variable(option),
                format!("--{option} is given on the command line only"),
            )
        })
        .collect();
    let ours = vars.keys().filter(|&name| !known.contains(name));
    ours.filter_map(|name| {
        // Without what all have in common, which would make any two look alike.
        let upper = name.to_uppercase();
        let rest = upper.strip_prefix(PREFIX)?;
        let near = || nearest(rest, known.iter().map(|known| &known[PREFIX.len()..]));
        let help = match others.get(name) {
            Some(help) => help.clone(),
            None => format!("did you mean {PREFIX}{}?", near()?),
        };
        Some((name.clone(), help))
    })
    .collect()
}

/// The arguments that variables stand for.
fn additions(
    command: &clap::Command,
    matches: &ArgMatches,
    vars: &BTreeMap<String, String>,
) -> Result<(Vec<OsString>, Given), clap::Error> {
    let (mut added, mut given) = (Vec::new(), Given::new());
    let Some((name, matches)) = matches
        .subcommand()
        .filter(|(name, _)| COMMANDS.contains(name))
    else {
        return Ok((added, given));
    };
    let known = command
        .find_subcommand(name)
        .into_iter()
        .flat_map(clap::Command::get_arguments);
    for arg in known {
        let Some(option) = OPTIONS
            .into_iter()
            .find(|option| arg.get_long() == Some(option))
        else {
            continue;
        };
        if (name, option) == ("stress", "rate") {
            // There it says what loads are counted in.
            continue;
        }
        let variable = variable(option);
        let on_command_line =
            matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
        let Some(value) = vars
            .get(&variable)
            .filter(|value| !value.is_empty() && !on_command_line)
        else {
            continue;
        };
        if arg.get_action().takes_values() {
            added.push(format!("--{option}={value}").into());
        } else if switched_on(&variable, value)? {
            added.push(format!("--{option}").into());
        } else {
            continue;
        }
        given.insert(option, variable);
    }
    Ok((added, given))
}

fn switched_on(variable: &str, value: &str) -> Result<bool, clap::Error> {
    match value.to_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => {
            let message = format!("the variable {variable} is `{value}`; expected 1 or 0\n");
            Err(clap::Error::raw(
                clap::error::ErrorKind::InvalidValue,
                message,
            ))
        }
    }
}

/// The arguments with some more right after the command's name; absent where there are none to add.
fn with(args: &[OsString], command: &str, added: Vec<OsString>) -> Option<Vec<OsString>> {
    let at = args
        .iter()
        .skip(1)
        .position(|arg| arg == OsStr::new(command))?
        + 2;
    let mut whole = args.to_vec();
    (!added.is_empty()).then(|| {
        whole.splice(at..at, added);
        whole
    })
}

/// Says in an error which variable may be to blame: its option does not stand on the command line.
fn blame(error: clap::Error, given: &Given) -> clap::Error {
    let text = error.to_string();
    let guilty = given
        .iter()
        .find(|(option, _)| text.contains(&format!("--{option}")));
    match guilty {
        Some((option, variable)) => {
            let line = text
                .lines()
                .next()
                .unwrap_or_default()
                .trim_start_matches("error: ");
            let message = format!("{line} (--{option} is given by the variable {variable})\n");
            clap::Error::raw(error.kind(), message)
        }
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Command;

    fn read(line: &str, vars: &[(&str, &str)]) -> Result<(Cli, Given), String> {
        let args: Vec<_> = line.split(' ').map(OsString::from).collect();
        let vars = vars
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        parse(&args, &vars).map_err(|error| error.to_string())
    }

    /// What `run` takes for users, seed and strictness, and which options came from variables.
    #[track_caller]
    fn check(
        line: &str,
        vars: &[(&str, &str)],
        vus: Option<&str>,
        seed: Option<u64>,
        strict: bool,
        given: &[&str],
    ) {
        let (cli, sources) = read(line, vars).unwrap();
        let Command::Run(run) = cli.command else {
            panic!("{line} is no run")
        };
        assert_eq!(run.load.vus.as_deref(), vus, "{line} {vars:?}");
        assert_eq!(run.output.seed, seed, "{line} {vars:?}");
        assert_eq!(run.output.strict, strict, "{line} {vars:?}");
        assert_eq!(
            sources.keys().copied().collect::<Vec<_>>(),
            given,
            "{line} {vars:?}"
        );
    }

    #[test]
    fn variables_fill_what_the_command_line_leaves_open() {
        check("loadgen run a.toml", &[], None, None, false, &[]);
        check(
            "loadgen run a.toml",
            &[("LOADGEN_VUS", "7")],
            Some("7"),
            None,
            false,
            &["vus"],
        );
        check(
            "loadgen run a.toml --vus 5",
            &[("LOADGEN_VUS", "7")],
            Some("5"),
            None,
            false,
            &[],
        );
        check(
            "loadgen run a.toml -c 5",
            &[("LOADGEN_VUS", "7")],
            Some("5"),
            None,
            false,
            &[],
        );
        check(
            "loadgen run a.toml",
            &[("LOADGEN_VUS", "")],
            None,
            None,
            false,
            &[],
        );
        check(
            "loadgen run a.toml",
            &[("LOADGEN_SEED", "3"), ("VUS", "7")],
            None,
            Some(3),
            false,
            &["seed"],
        );
        check(
            "loadgen run a.toml",
            &[("LOADGEN_STRICT", "1")],
            None,
            None,
            true,
            &["strict"],
        );
        check(
            "loadgen run a.toml",
            &[("LOADGEN_STRICT", "0")],
            None,
            None,
            false,
            &[],
        );
        check(
            "loadgen run a.toml --strict",
            &[("LOADGEN_STRICT", "0")],
            None,
            None,
            true,
            &[],
        );
        check(
            "loadgen --no-color run a.toml",
            &[("LOADGEN_VUS", "7")],
            Some("7"),
            None,
            false,
            &["vus"],
        );
        // A value that begins like an option is a value still: the scenario's rules judge it.
        check(
            "loadgen run a.toml",
            &[("LOADGEN_VUS", "-1")],
            Some("-1"),
            None,
            false,
            &["vus"],
        );
    }

    #[test]
    fn other_commands_take_none_or_only_their_own() {
        let vars = [
            ("LOADGEN_SEED", "9"),
            ("LOADGEN_WORKERS", "9"),
            ("LOADGEN_VUS", "9"),
        ];
        let (cli, given) = read("loadgen mock", &vars).unwrap();
        assert!(
            matches!(cli.command, Command::Mock(mock) if mock.seed.is_none() && mock.workers.is_none())
        );
        assert!(given.is_empty());
        let (cli, given) = read("loadgen debug a.toml", &vars).unwrap();
        assert!(matches!(cli.command, Command::Debug(debug) if debug.seed == Some(9)));
        assert_eq!(
            given.into_iter().collect::<Vec<_>>(),
            [("seed", "LOADGEN_SEED".to_owned())]
        );
    }

    #[test]
    fn a_bad_variable_is_named() {
        for (variable, value) in [
            ("LOADGEN_SEED", "x"),
            ("LOADGEN_WORKERS", "0"),
            ("LOADGEN_STRICT", "maybe"),
        ] {
            let error = read("loadgen run a.toml", &[(variable, value)]).unwrap_err();
            assert!(error.contains(variable) && error.contains(value), "{error}");
        }
    }

    #[test]
    fn misspelt_variables_are_told() {
        let of_vus = "did you mean LOADGEN_VUS?";
        let cases = [
            ("loadgen run a.toml", "LOADGEN_VSU", Some(of_vus)),
            ("loadgen check a.toml", "loadgen_vus", Some(of_vus)),
            (
                "loadgen debug a.toml",
                "LOADGEN_SEEED",
                Some("did you mean LOADGEN_SEED?"),
            ),
            (
                "loadgen run a.toml",
                "LOADGEN_THRESHOLD",
                Some("--threshold is given on the command line only"),
            ),
            ("loadgen run a.toml", "LOADGEN_VUS", None),
            // The user's own.
            ("loadgen run a.toml", "LOADGEN_API_TOKEN", None),
            ("loadgen run a.toml", "LOADGEN_TOKEN", None),
            ("loadgen run a.toml", "VSU", None),
            ("loadgen mock", "LOADGEN_VSU", None),
        ];
        for (line, variable, expected) in cases {
            let args: Vec<_> = line.split(' ').map(OsString::from).collect();
            let vars = BTreeMap::from([(variable.to_owned(), "1".to_owned())]);
            let found = misspelt(&args, &vars);
            let expected: Vec<_> = expected
                .map(|help| (variable.to_owned(), help.to_owned()))
                .into_iter()
                .collect();
            assert_eq!(found, expected, "{line} {variable}");
        }
    }
}
