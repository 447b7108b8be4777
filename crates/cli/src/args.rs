//! The command line: every command and option, with the text that explains it.

mod compare;
mod doctor;
mod elsewhere;
mod mock;
mod network;
mod request;
mod stress;
mod variables;

pub(crate) use compare::{AgainstArgs, CompareArgs};
pub(crate) use doctor::DoctorArgs;
pub(crate) use mock::MockArgs;
pub(crate) use network::NetworkArgs;
pub(crate) use request::RequestArgs;
pub(crate) use stress::{SearchArgs, StressArgs};
pub(crate) use variables::{Given, misspelt, parse};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use loadgen_scenario::{Misread, Rate, parse_duration, parse_rate, parse_share};
use std::{net::IpAddr, path::PathBuf, str::FromStr, time::Duration};

/// Load tests HTTP services that stream LLM tokens.
#[derive(Debug, Parser)]
#[command(
    name = "loadgen",
    version,
    max_term_width = 100,
    arg_required_else_help = true
)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Do not colour the output [also: the variable NO_COLOR]
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
}

const AFTER_HELP: &str = "\
Exit codes: 0 passed, 1 could not run, 2 wrong usage or a scenario with problems, 97 inconclusive or unclear, \
98 worse than what it was compared with, 99 a threshold failed or nothing succeeded, 130 stopped by a signal with every threshold holding.";

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run one load test: of a scenario file, or of a URL
    Run(Box<RunArgs>),
    /// Raise the load until the service breaks, and find the breaking point
    Stress(Box<StressArgs>),
    /// Check a scenario and print its plan; nothing is sent
    Check(Box<CheckArgs>),
    /// Show one iteration of one virtual user: every request and reply, secrets masked
    Debug(Box<DebugArgs>),
    /// Render a run log again; without a path, that of the last run
    Report(ReportArgs),
    /// Write a scenario to begin with: a commented starter, or one made of a cURL command
    New(NewArgs),
    /// Say with statistics whether runs are worse than others
    Compare(CompareArgs),
    /// Serve the embedded target: an LLM chat server beside plain endpoints
    Mock(Box<MockArgs>),
    /// Measure what this machine can drive truthfully, and name what limits it; takes some minutes
    Doctor(DoctorArgs),
    /// Print the JSON Schema of scenario files
    Schema(SchemaArgs),
    /// Print the completions of a shell
    Completions(CompletionsArgs),
}

/// `loadgen run`.
#[derive(Debug, Args)]
#[command(after_help = RUN_AFTER_HELP)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) load: LoadArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) against: AgainstArgs,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    #[command(flatten)]
    pub(crate) request: RequestArgs,
    /// With a URL: show one request and its reply before the load begins (it is sent once more than the load says)
    #[arg(short, long, help_heading = "Request (with a URL)")]
    pub(crate) verbose: bool,
}

const RUN_AFTER_HELP: &str = "\
Options win over variables of the environment, those over the file, the file over defaults. \
An option of load changes the part of the file's load that it names. It may replace users, duration and iterations \
(`loadgen check --explain` says which), but never a rate or stages that it does not name: --vus where the file has a rate \
is refused. \
Without any option of load, a URL gets 50 virtual users for 10 seconds. \
The first Ctrl-C begins no more iterations, the second cuts those that run, the third exits at once.";

/// `loadgen check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) load: LoadArgs,
    #[command(flatten)]
    pub(crate) request: RequestArgs,
    /// Say where each value came from
    #[arg(long)]
    pub(crate) explain: bool,
    /// Count the ports of this address of this machine, as with `run` (repeatable)
    #[arg(long, value_name = "IP", help_heading = "Connections")]
    pub(crate) source_address: Vec<IpAddr>,
}

/// `loadgen debug`.
#[derive(Debug, Args)]
pub(crate) struct DebugArgs {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    #[command(flatten)]
    pub(crate) request: RequestArgs,
    /// Show the scenario of this name alone; else each of the file, one after the other
    #[arg(long = "scenario", value_name = "NAME")]
    pub(crate) scenario_name: Option<String>,
    /// Seed of everything random; drawn where none is given
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
}

/// What is tested.
#[derive(Clone, Debug, Args)]
pub(crate) struct SourceArgs {
    /// A scenario file, or a URL that begins with http:// or https://
    #[arg(value_name = "SCENARIO.toml|URL", value_hint = clap::ValueHint::FilePath)]
    pub(crate) scenario: Option<String>,
    /// Send to this base URL instead of the file's target; `mock` is the embedded server
    #[arg(long, value_name = "URL")]
    pub(crate) target: Option<String>,
    /// Set a variable of the environment for the scenario's templates (repeatable)
    #[arg(short = 'e', long = "env", value_name = "NAME=VALUE")]
    pub(crate) env: Vec<String>,
}

/// How much load, and what it must meet.
#[derive(Debug, Args)]
#[command(next_help_heading = "Load")]
pub(crate) struct LoadArgs {
    /// Virtual users
    #[arg(long, short = 'c', value_name = "N", allow_hyphen_values = true)]
    pub(crate) vus: Option<String>,
    /// How long iterations are begun, as 30s, 5m or 1h
    #[arg(long, short = 'z', value_name = "D", allow_hyphen_values = true)]
    pub(crate) duration: Option<String>,
    /// Iterations in all, shared by the virtual users
    #[arg(long, short = 'n', value_name = "N", allow_hyphen_values = true)]
    pub(crate) iterations: Option<String>,
    /// Begin iterations at a rate, however long they take: as 100/s, 500/min or 1000/h
    #[arg(long, value_name = "N/s", allow_hyphen_values = true)]
    pub(crate) rate: Option<String>,
    /// Move the load in a straight line to a number of virtual users, or to a rate: as 30s:50 or 1m:200/s (repeatable;
    /// 0s is a jump)
    #[arg(long, value_name = "D:TARGET", allow_hyphen_values = true)]
    pub(crate) stage: Vec<String>,
    /// Multiply virtual users, rates and targets of stages, as 2.5
    #[arg(long, value_name = "F", allow_hyphen_values = true)]
    pub(crate) scale: Option<String>,
    /// How long running iterations may go on once no more are begun, as 30s
    #[arg(long, value_name = "D", allow_hyphen_values = true)]
    pub(crate) graceful_stop: Option<String>,
    /// How many virtual users begin in a second at most, so that they do not falsify each other's first times; `off`
    /// where all begin as the load says [default: 1000/s]
    #[arg(long, value_name = "N/s", allow_hyphen_values = true)]
    pub(crate) connect_rate: Option<String>,
    /// A limit that fails the run, as 'ttft: p95 < 2s' (repeatable)
    #[arg(long, value_name = "METRIC: EXPR")]
    pub(crate) threshold: Vec<String>,
}

/// What comes out, and how the run is judged.
#[derive(Debug, Args)]
#[command(next_help_heading = "Run")]
pub(crate) struct OutputArgs {
    /// Write the result to a file, `-` for the standard output (repeatable). FORMAT: json (the summary), csv (the course
    /// of the run), junit, markdown, github (annotations), hlog (HdrHistogram's interval log), log (the run log), comparison
    /// (with --baseline or --target-b, as JSON)
    #[arg(long, value_name = "FORMAT=PATH")]
    pub(crate) out: Vec<Out>,
    /// Seed of everything random; drawn and shown where none is given
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Threads that carry the load; as many as there are cores where not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) workers: Option<u16>,
    /// Call the run inconclusive where there are too few samples to judge a threshold
    #[arg(long)]
    pub(crate) strict: bool,
    /// Let a run pass in which no request succeeded
    #[arg(long)]
    pub(crate) allow_all_failed: bool,
    /// Show no progress, and of the summary the verdict only
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Write no run log
    #[arg(long)]
    pub(crate) no_log: bool,
}

/// `loadgen report`.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The run log; without it the one that was written last in .loadgen/runs
    #[arg(value_name = "RUNLOG", value_hint = clap::ValueHint::FilePath)]
    pub(crate) run_log: Option<PathBuf>,
    /// Write the result to a file as well, `-` for the standard output (repeatable). FORMAT: json, csv, junit, markdown,
    /// github, hlog
    #[arg(long, value_name = "FORMAT=PATH")]
    pub(crate) out: Vec<Out>,
}

/// `loadgen new`.
#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// Where the file is written; `-` for the standard output. Nothing is overwritten
    #[arg(value_name = "PATH", default_value = "scenario.toml", value_hint = clap::ValueHint::FilePath)]
    pub(crate) path: PathBuf,
    /// Make it of a cURL command, as browsers copy it; `-` reads it from the standard input. Values recognised as
    /// secrets become variables of the environment
    #[arg(long, value_name = "COMMAND", allow_hyphen_values = true)]
    pub(crate) from_curl: Option<String>,
}

/// `loadgen schema`.
#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// That of the summary (`--out json=PATH`) instead
    #[arg(long)]
    pub(crate) summary: bool,
    /// That of a comparison (`loadgen compare --out json=PATH`) instead
    #[arg(long, conflicts_with = "summary")]
    pub(crate) comparison: bool,
}

/// `loadgen completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

/// `FORMAT=PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Out {
    pub(crate) format: Format,
    pub(crate) path: PathBuf,
}

/// The formats of `--out`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// The summary as JSON.
    Json,
    /// The windows as CSV.
    Csv,
    /// The thresholds as a JUnit report.
    Junit,
    /// What a reviewer wants to know, as Markdown.
    Markdown,
    /// Annotations of GitHub Actions.
    Github,
    /// The distributions as HdrHistogram's interval log.
    Hlog,
    /// A comparison as JSON.
    Comparison,
    /// The chart of a search as a picture.
    Svg,
    /// The run log.
    Log,
}

/// A length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

/// A share from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fraction(pub(crate) f64);

/// A rate per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PerSecond(pub(crate) f64);

impl FromStr for Out {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((format, path)) = text.split_once('=') else {
            return Err("expected FORMAT=PATH, as json=result.json".to_owned());
        };
        if path.is_empty() {
            return Err(format!("no path after `{format}=`"));
        }
        let formats = || {
            Format::value_variants()
                .iter()
                .filter_map(ValueEnum::to_possible_value)
        };
        let unknown = |_| {
            let known: Vec<_> = formats()
                .map(|format| format.get_name().to_owned())
                .collect();
            format!("unknown format `{format}`; there are {}", known.join(", "))
        };
        Ok(Self {
            format: Format::from_str(format, false).map_err(unknown)?,
            path: path.into(),
        })
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse_duration(text)
            .map(Self)
            .map_err(|misread| told(&misread))
    }
}

impl FromStr for Fraction {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse_share(text)
            .map(Self)
            .map_err(|misread| told(&misread))
    }
}

impl FromStr for PerSecond {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rate = parse_rate(text).map_err(|misread| told(&misread))?;
        let most = Rate::MAX;
        if rate > 0.0 && rate <= most {
            Ok(Self(rate))
        } else {
            Err(format!("it must be more than zero and at most {most}/s"))
        }
    }
}

fn told(misread: &Misread) -> String {
    match &misread.help {
        Some(help) => format!("{}; {help}", misread.message),
        None => misread.message.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fmt, fmt::Debug, fs, path::Path};

    #[track_caller]
    fn check<T: FromStr<Err = String> + PartialEq + Debug>(text: &str, expected: Option<T>) {
        let (parsed, expected) = (text.parse::<T>().ok(), expected);
        assert_eq!(parsed, expected, "{text}");
    }

    #[test]
    fn outputs() {
        let out = |format, path: &str| {
            Some(Out {
                format,
                path: path.into(),
            })
        };
        check("json=a.json", out(Format::Json, "a.json"));
        check("log=-", out(Format::Log, "-"));
        check("json=a=b", out(Format::Json, "a=b"));
        check::<Out>("html=a.html", None);
        check::<Out>("json", None);
        check::<Out>("json=", None);
        let refused = "cvs=a".parse::<Out>().unwrap_err();
        assert_eq!(
            refused,
            "unknown format `cvs`; there are json, csv, junit, markdown, github, hlog, comparison, svg, log"
        );
    }

    #[test]
    fn shares_and_times() {
        check("0.2", Some(Fraction(0.2)));
        check("20%", Some(Fraction(0.2)));
        check::<Fraction>("2", None);
        check::<Fraction>("NaN", None);
        check("20/s", Some(PerSecond(20.0)));
        check("30/min", Some(PerSecond(0.5)));
        check::<PerSecond>("0/s", None);
        check::<PerSecond>("20 rps", None);
        check("1m30s", Some(Span(Duration::from_secs(90))));
        check::<Span>("5", None);
        check::<Span>("-1s", None);
    }

    #[test]
    fn clap_finds_no_fault() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    /// The reference of the command line, from the same texts as `--help`.
    fn reference() -> String {
        use clap::CommandFactory;
        let mut cli = Cli::command();
        cli.build();
        let mut page = String::from(
            "# Command line\n\nGenerated from the program's own help by a test of `crates/cli`; change it there.\n",
        );
        for command in cli
            .get_subcommands()
            .filter(|command| command.get_name() != "help")
        {
            page.push_str(&format!("\n## loadgen {}\n\n", command.get_name()));
            page.push_str(&format!("{}.\n", about(command.get_about())));
            let mut heading = None;
            let mut args: Vec<_> = command.get_arguments().collect();
            // One that was changed for a command stands behind the others.
            args.sort_by_key(|arg| !arg.is_positional());
            for arg in args.into_iter().filter(|arg| arg.get_id() != "help") {
                let of = if arg.is_positional() {
                    "Arguments"
                } else {
                    arg.get_help_heading().unwrap_or("Options")
                };
                if heading != Some(of) {
                    page.push_str(&format!("\n| {of} | |\n|---|---|\n"));
                    heading = Some(of);
                }
                page.push_str(&format!(
                    "| `{}` | {}{} |\n",
                    usage(arg),
                    about(arg.get_help()).replace('|', "\\|"),
                    more(arg)
                ));
            }
            if let Some(after) = command.get_after_help() {
                page.push_str(&format!("\n{after}\n"));
            }
        }
        page.push_str("\n## Variables\n\n");
        page.push_str(
            "Options win over these variables of the environment, and they win over the file:\n\n",
        );
        for option in variables::OPTIONS {
            page.push_str(&format!(
                "- `{}` is `--{option}`\n",
                variables::variable(option)
            ));
        }
        page.push_str("\n`NO_COLOR` switches colours off; `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` name proxies.\n");
        page
    }

    fn about(text: Option<&impl fmt::Display>) -> String {
        text.map(ToString::to_string).unwrap_or_default()
    }

    /// What `--help` shows beside an option's text: its default, and its other names.
    fn more(arg: &clap::Arg) -> String {
        let values = arg.get_default_values().iter();
        let values: Vec<_> = values.map(|value| value.to_string_lossy()).collect();
        let aliases = arg.get_visible_aliases().unwrap_or_default();
        let aliases: Vec<_> = aliases.iter().map(|alias| format!("--{alias}")).collect();
        let mut text = String::new();
        if !values.is_empty() && arg.get_action().takes_values() {
            text.push_str(&format!(" [default: {}]", values.join(" ")));
        }
        if !aliases.is_empty() {
            text.push_str(&format!(" [aliases: {}]", aliases.join(", ")));
        }
        text
    }

    fn usage(arg: &clap::Arg) -> String {
        let values: Vec<_> = arg
            .get_value_names()
            .unwrap_or_default()
            .iter()
            .map(ToString::to_string)
            .collect();
        let values = if arg.get_action().takes_values() {
            values.join(" ")
        } else {
            String::new()
        };
        let short = arg.get_short().map(|short| format!("-{short}"));
        let long = arg.get_long().map(|long| format!("--{long}"));
        let names: Vec<_> = [short, long].into_iter().flatten().collect();
        let optional = arg
            .get_num_args()
            .is_some_and(|range| range.min_values() == 0)
            && !values.is_empty();
        let values = if optional && arg.is_require_equals_set() {
            format!("[={values}]")
        } else {
            values
        };
        match (
            names.is_empty(),
            values.is_empty() || values.starts_with("[="),
        ) {
            (true, _) => values,
            (false, true) => format!("{}{values}", names.join(", ")),
            (false, false) => format!("{} {values}", names.join(", ")),
        }
        .replace('|', "\\|")
    }

    #[test]
    fn the_reference_is_up_to_date() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
        let page = reference();
        let found = fs::read_to_string(&path).unwrap_or_default();
        if found != page {
            fs::write(&path, page).unwrap();
            panic!("docs/cli.md was out of date; it is written anew: commit it");
        }
    }
}
