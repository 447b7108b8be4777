//! Every option, variable and key beside the tests that see what it does.
//!
//! The lists are those of the program itself: clap's commands and the schema of scenario files.

use crate::args::Cli;
use clap::CommandFactory as _;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// Options of each command, by their long names; an argument without one by its place in the program.
const OPTIONS: &[(&str, &[&str])] = &[
    ("--no-color", &["colours_are_for_those_who_see_them"]),
    (
        "run SCENARIO",
        &["a_run_passes", "the_request_is_as_the_options_say"],
    ),
    ("run --target", &["files_take_targets_and_variables"]),
    ("run --env", &["files_take_targets_and_variables"]),
    ("run --vus", &["the_load_can_be_another"]),
    (
        "run --duration",
        &["what_runs_at_the_end_has_so_long_to_finish"],
    ),
    ("run --iterations", &["the_load_can_be_another"]),
    ("run --rate", &["every_arrival_of_a_rate_is_sent"]),
    (
        "run --stage",
        &["every_arrival_of_a_rate_is_sent", "users_follow_stages"],
    ),
    ("run --scale", &["every_arrival_of_a_rate_is_sent"]),
    (
        "run --graceful-stop",
        &["what_runs_at_the_end_has_so_long_to_finish"],
    ),
    (
        "run --connect-rate",
        &["users_begin_no_faster_than_they_may"],
    ),
    ("run --threshold", &["thresholds_decide"]),
    (
        "run --out",
        &[
            "a_run_passes",
            "every_format_tells_of_the_run",
            "the_log_goes_where_it_is_wanted",
            "results_on_the_standard_output_are_alone_there",
        ],
    ),
    ("run --seed", &["a_run_passes"]),
    (
        "run --workers",
        &["the_load_has_as_many_threads_as_asked_for"],
    ),
    ("run --strict", &["thresholds_decide"]),
    ("run --allow-all-failed", &["a_run_without_a_success_fails"]),
    ("run --quiet", &["progress_stays_away_where_it_is_unwanted"]),
    ("run --no-log", &["the_log_goes_where_it_is_wanted"]),
    ("run --insecure", &["whom_to_trust_is_said_by_options"]),
    ("run --cacert", &["whom_to_trust_is_said_by_options"]),
    ("run --cert", &["whom_to_trust_is_said_by_options"]),
    ("run --key", &["whom_to_trust_is_said_by_options"]),
    ("run --connect-to", &["connections_go_where_they_are_sent"]),
    (
        "run --source-address",
        &["connections_come_from_where_they_are_told"],
    ),
    (
        "run --unix-socket",
        &["a_unix_socket_takes_every_connection"],
    ),
    (
        "run --disable-keepalive",
        &["connections_are_kept_unless_that_is_unwanted"],
    ),
    ("run --method", &["the_request_is_as_the_options_say"]),
    ("run --header", &["the_request_is_as_the_options_say"]),
    ("run --data", &["the_request_is_as_the_options_say"]),
    ("run --json", &["the_request_is_as_the_options_say"]),
    ("run --user", &["the_request_is_as_the_options_say"]),
    (
        "run --stream",
        &["answers_are_read_as_streams_where_that_is_wanted"],
    ),
    ("run --timeout", &["a_request_may_take_only_so_long"]),
    ("run --expect", &["statuses_are_judged_by_what_is_expected"]),
    ("run --http2", &["http2_is_spoken_where_it_is_wanted"]),
    ("run --verbose", &["one_exchange_is_shown_before_the_load"]),
    (
        "check SCENARIO",
        &[
            "what_is_asked_for_is_printed",
            "check_shows_what_options_change",
        ],
    ),
    ("check --target", &["check_shows_what_options_change"]),
    ("check --env", &["check_shows_what_options_change"]),
    ("check --vus", &["check_shows_what_options_change"]),
    ("check --duration", &["check_shows_what_options_change"]),
    ("check --rate", &["loads_are_said_on_the_command_line"]),
    ("check --stage", &["loads_are_said_on_the_command_line"]),
    ("check --scale", &["loads_are_said_on_the_command_line"]),
    ("check --iterations", &["check_shows_what_options_change"]),
    (
        "check --graceful-stop",
        &["check_shows_what_options_change"],
    ),
    ("check --connect-rate", &["check_shows_what_options_change"]),
    ("check --threshold", &["check_shows_what_options_change"]),
    ("check --method", &["check_shows_what_options_change"]),
    (
        "check --header",
        &["options_that_check_does_not_show_make_another_plan"],
    ),
    ("check --data", &["check_shows_what_options_change"]),
    ("check --json", &["check_shows_what_options_change"]),
    (
        "check --user",
        &["options_that_check_does_not_show_make_another_plan"],
    ),
    ("check --stream", &["check_shows_what_options_change"]),
    ("check --timeout", &["check_shows_what_options_change"]),
    ("check --expect", &["check_shows_what_options_change"]),
    (
        "check --http2",
        &["options_that_check_does_not_show_make_another_plan"],
    ),
    (
        "check --source-address",
        &["check_counts_the_ports_of_every_source_address"],
    ),
    (
        "check --explain",
        &[
            "a_variable_says_where_it_stood",
            "check_shows_what_options_change",
        ],
    ),
    (
        "stress SCENARIO",
        &["the_limit_of_a_service_is_found_and_told_in_every_form"],
    ),
    (
        "stress --target",
        &["a_search_takes_its_seed_target_and_variables"],
    ),
    (
        "stress --env",
        &["a_search_takes_its_seed_target_and_variables"],
    ),
    (
        "stress --rate",
        &[
            "the_worst_case_is_told_and_nothing_is_sent",
            "the_limit_of_a_service_is_found_and_told_in_every_form",
        ],
    ),
    (
        "stress --start",
        &[
            "the_worst_case_is_told_and_nothing_is_sent",
            "the_limit_of_a_service_is_found_and_told_in_every_form",
        ],
    ),
    (
        "stress --step",
        &["the_worst_case_is_told_and_nothing_is_sent"],
    ),
    (
        "stress --factor",
        &[
            "the_worst_case_is_told_and_nothing_is_sent",
            "the_limit_of_a_service_is_found_and_told_in_every_form",
        ],
    ),
    (
        "stress --max",
        &[
            "the_worst_case_is_told_and_nothing_is_sent",
            "the_limit_of_a_service_is_found_and_told_in_every_form",
        ],
    ),
    (
        "stress --hold",
        &["the_worst_case_is_told_and_nothing_is_sent"],
    ),
    (
        "stress --settle",
        &["the_worst_case_is_told_and_nothing_is_sent"],
    ),
    (
        "stress --connect-rate",
        &[
            "the_worst_case_is_told_and_nothing_is_sent",
            "a_search_in_arrivals_has_nobody_to_hold_back",
        ],
    ),
    (
        "stress --resolution",
        &["the_worst_case_is_told_and_nothing_is_sent"],
    ),
    (
        "stress --recover",
        &["the_limit_of_a_service_is_found_and_told_in_every_form"],
    ),
    (
        "stress --dry-run",
        &["the_worst_case_is_told_and_nothing_is_sent"],
    ),
    (
        "stress --until",
        &[
            "the_worst_case_is_told_and_nothing_is_sent",
            "the_limit_of_a_service_is_found_and_told_in_every_form",
        ],
    ),
    (
        "stress --goodput",
        &["users_are_levels_too_and_goodput_is_a_limit"],
    ),
    (
        "stress --headroom",
        &["the_safe_load_is_below_what_held_and_can_be_required"],
    ),
    (
        "stress --require",
        &["the_safe_load_is_below_what_held_and_can_be_required"],
    ),
    (
        "stress --out",
        &["the_limit_of_a_service_is_found_and_told_in_every_form"],
    ),
    (
        "stress --seed",
        &["a_search_takes_its_seed_target_and_variables"],
    ),
    (
        "stress --workers",
        &["a_search_has_as_many_threads_as_asked_for"],
    ),
    (
        "stress --strict",
        &["strictly_what_cannot_be_told_is_no_answer"],
    ),
    (
        "stress --quiet",
        &["a_search_is_silent_where_that_is_wanted"],
    ),
    (
        "stress --no-log",
        &["a_search_is_silent_where_that_is_wanted"],
    ),
    ("stress --insecure", &["a_search_trusts_whom_it_is_told_to"]),
    ("stress --cacert", &["a_search_trusts_whom_it_is_told_to"]),
    ("stress --cert", &["a_search_trusts_whom_it_is_told_to"]),
    ("stress --key", &["a_search_trusts_whom_it_is_told_to"]),
    (
        "stress --connect-to",
        &["a_search_makes_connections_as_it_is_told"],
    ),
    (
        "stress --source-address",
        &["a_search_makes_connections_as_it_is_told"],
    ),
    (
        "stress --unix-socket",
        &["a_search_makes_connections_as_it_is_told"],
    ),
    (
        "stress --disable-keepalive",
        &["a_search_makes_connections_as_it_is_told"],
    ),
    (
        "debug SCENARIO",
        &[
            "an_iteration_is_told_as_a_story",
            "debug_shows_what_options_change",
        ],
    ),
    ("debug --target", &["debug_shows_what_options_change"]),
    ("debug --env", &["debug_shows_what_options_change"]),
    ("debug --insecure", &["whom_to_trust_is_said_by_options"]),
    ("debug --cacert", &["whom_to_trust_is_said_by_options"]),
    ("debug --cert", &["whom_to_trust_is_said_by_options"]),
    ("debug --key", &["whom_to_trust_is_said_by_options"]),
    ("debug --connect-to", &["debug_shows_what_options_change"]),
    (
        "debug --source-address",
        &["connections_come_from_where_they_are_told"],
    ),
    (
        "debug --unix-socket",
        &["debug_makes_connections_as_it_is_told"],
    ),
    (
        "debug --disable-keepalive",
        &["debug_makes_connections_as_it_is_told"],
    ),
    ("debug --method", &["debug_shows_what_options_change"]),
    ("debug --header", &["debug_shows_what_options_change"]),
    ("debug --data", &["debug_shows_what_options_change"]),
    ("debug --json", &["debug_shows_what_options_change"]),
    ("debug --user", &["debug_shows_what_options_change"]),
    ("debug --stream", &["debug_shows_what_options_change"]),
    ("debug --timeout", &["debug_keeps_its_limits"]),
    ("debug --expect", &["debug_shows_what_options_change"]),
    ("debug --http2", &["debug_shows_what_options_change"]),
    (
        "debug --scenario",
        &["debug_tells_every_scenario_or_the_one_that_is_wanted"],
    ),
    ("debug --seed", &["debug_draws_from_its_seed"]),
    ("report RUN_LOG", &["a_report_tells_the_same_again"]),
    (
        "report --out",
        &[
            "a_report_tells_the_same_again",
            "an_interval_log_is_made_again_from_the_run_log",
        ],
    ),
    ("mock --port", &["the_mock_listens_where_it_is_told"]),
    ("mock --ttft", &["every_option_of_the_mock_has_its_effect"]),
    ("mock --itl", &["every_option_of_the_mock_has_its_effect"]),
    (
        "mock --jitter",
        &["every_option_of_the_mock_has_its_effect"],
    ),
    (
        "mock --tokens",
        &["every_option_of_the_mock_has_its_effect"],
    ),
    (
        "mock --error-rate",
        &["every_option_of_the_mock_has_its_effect"],
    ),
    (
        "mock --max-concurrent",
        &["every_option_of_the_mock_has_its_effect"],
    ),
    (
        "mock --stall-rate",
        &["every_option_of_the_mock_has_its_effect"],
    ),
    (
        "mock --truncate-rate",
        &["every_option_of_the_mock_has_its_effect"],
    ),
    (
        "mock --garbage-rate",
        &["every_option_of_the_mock_has_its_effect"],
    ),
    (
        "mock --stream-error-rate",
        &["every_option_of_the_mock_has_its_effect"],
    ),
    (
        "mock --plain-time",
        &["every_option_of_the_mock_has_its_effect"],
    ),
    (
        "mock --service-time",
        &["every_option_of_the_mock_has_its_effect"],
    ),
    (
        "mock --servers",
        &["every_option_of_the_mock_has_its_effect"],
    ),
    (
        "mock --contention",
        &["every_option_of_the_mock_has_its_effect"],
    ),
    (
        "mock --coherency",
        &["every_option_of_the_mock_has_its_effect"],
    ),
    ("mock --leak", &["every_option_of_the_mock_has_its_effect"]),
    ("mock --noise", &["every_option_of_the_mock_has_its_effect"]),
    (
        "mock --rate-limit",
        &["every_option_of_the_mock_has_its_effect"],
    ),
    (
        "mock --workers",
        &["the_mock_has_as_many_threads_as_asked_for"],
    ),
    ("mock --seed", &["the_seed_of_the_mock_decides_who_fails"]),
    ("doctor --quick", &["the_doctor_measures_and_keeps_it"]),
    ("doctor --most", &["the_doctor_measures_and_keeps_it"]),
    ("doctor --json", &["the_doctor_measures_and_keeps_it"]),
    ("doctor --no-save", &["the_doctor_tells_in_words"]),
    ("new PATH", &["the_starter_runs", "nothing_is_overwritten"]),
    ("new --from-curl", &["a_curl_command_becomes_a_scenario"]),
    ("schema --summary", &["what_is_asked_for_is_printed"]),
    ("schema --comparison", &["what_is_asked_for_is_printed"]),
    (
        "run --baseline",
        &[
            "a_baseline_is_kept_and_compared_with",
            "a_single_run_is_compared_with_a_single_baseline",
            "what_could_not_be_compared_is_refused_before_the_run",
        ],
    ),
    (
        "run --baseline-may-differ",
        &[
            "a_single_run_is_compared_with_a_single_baseline",
            "what_could_not_be_compared_is_refused_before_the_run",
        ],
    ),
    (
        "run --save-baseline",
        &[
            "a_baseline_is_kept_and_compared_with",
            "a_single_run_is_compared_with_a_single_baseline",
        ],
    ),
    (
        "run --repeat",
        &["runs_are_repeated", "two_targets_take_turns"],
    ),
    ("run --target-b", &["two_targets_take_turns"]),
    ("run --tolerance", &["a_baseline_is_kept_and_compared_with"]),
    (
        "compare BASE",
        &[
            "runs_are_compared",
            "several_runs_are_given_as_files_and_folders",
        ],
    ),
    (
        "compare CURRENT",
        &[
            "runs_are_compared",
            "several_runs_are_given_as_files_and_folders",
        ],
    ),
    (
        "compare --base",
        &["several_runs_are_given_as_files_and_folders"],
    ),
    ("compare --tolerance", &["tolerances_decide"]),
    (
        "compare --force",
        &["what_should_not_be_compared_can_be_forced"],
    ),
    ("compare --out", &["a_comparison_is_written"]),
    ("compare --quiet", &["a_comparison_is_written"]),
    ("completions SHELL", &["completions_know_every_command"]),
];

/// Variables that stand for options.
const VARIABLES: &[(&str, &[&str])] = &[
    ("LOADGEN_TARGET", &["variables_do_what_their_options_do"]),
    (
        "LOADGEN_VUS",
        &[
            "variables_do_what_their_options_do",
            "a_variable_says_where_it_stood",
        ],
    ),
    ("LOADGEN_DURATION", &["variables_do_what_their_options_do"]),
    ("LOADGEN_RATE", &["variables_say_loads_as_options_do"]),
    ("LOADGEN_STAGE", &["variables_say_loads_as_options_do"]),
    ("LOADGEN_SCALE", &["variables_say_loads_as_options_do"]),
    (
        "LOADGEN_ITERATIONS",
        &[
            "variables_do_what_their_options_do",
            "the_load_can_be_another",
        ],
    ),
    (
        "LOADGEN_GRACEFUL_STOP",
        &["variables_do_what_their_options_do"],
    ),
    (
        "LOADGEN_CONNECT_RATE",
        &["variables_do_what_their_options_do"],
    ),
    (
        "LOADGEN_SEED",
        &[
            "variables_do_what_their_options_do",
            "the_load_can_be_another",
        ],
    ),
    (
        "LOADGEN_WORKERS",
        &["a_variable_gives_the_number_of_threads"],
    ),
    ("LOADGEN_STRICT", &["variables_do_what_their_options_do"]),
    (
        "LOADGEN_ALLOW_ALL_FAILED",
        &["variables_do_what_their_options_do"],
    ),
    ("LOADGEN_INSECURE", &["whom_to_trust_is_said_by_options"]),
    ("LOADGEN_QUIET", &["variables_do_what_their_options_do"]),
];

/// Keys of the scenario file, and behind `=` the words that a key may have.
const KEYS: &[(&str, &[&str])] = &[
    ("name", &["names_stand_in_the_summary"]),
    ("target", &["the_target_is_where_paths_go"]),
    ("data", &["rows_are_read_from_files_of_every_format"]),
    ("data.file", &["rows_are_read_from_files_of_every_format"]),
    ("data.format", &["rows_are_read_from_files_of_every_format"]),
    (
        "data.format=csv",
        &["rows_are_read_from_files_of_every_format"],
    ),
    (
        "data.format=json",
        &["rows_are_read_from_files_of_every_format"],
    ),
    (
        "data.format=jsonl",
        &["rows_are_read_from_files_of_every_format"],
    ),
    (
        "data.format=sharegpt",
        &["rows_are_read_from_files_of_every_format"],
    ),
    (
        "data.columns",
        &["rows_are_read_from_files_of_every_format"],
    ),
    (
        "data.delimiter",
        &["rows_are_read_from_files_of_every_format"],
    ),
    ("data.rows", &["rows_are_read_from_files_of_every_format"]),
    ("data.pick", &["rows_are_picked_as_the_file_says"]),
    (
        "data.pick=sequential",
        &["rows_are_picked_as_the_file_says"],
    ),
    ("data.pick=random", &["rows_are_picked_as_the_file_says"]),
    ("data.pick=shuffle", &["rows_are_picked_as_the_file_says"]),
    ("data.pick=unique", &["rows_are_picked_as_the_file_says"]),
    ("data.at_end", &["rows_are_picked_as_the_file_says"]),
    ("data.at_end=recycle", &["rows_are_picked_as_the_file_says"]),
    (
        "data.at_end=stop",
        &[
            "rows_are_picked_as_the_file_says",
            "a_set_that_ends_ends_its_users",
        ],
    ),
    ("data.per", &["rows_are_picked_as_the_file_says"]),
    ("data.per=iteration", &["rows_are_picked_as_the_file_says"]),
    ("data.per=user", &["rows_are_picked_as_the_file_says"]),
    (
        "load",
        &["users_and_iterations_are_as_many_as_the_file_says"],
    ),
    (
        "load.executor",
        &["an_executor_decides_what_belongs_to_a_load"],
    ),
    (
        "load.executor=constant-vus",
        &["an_executor_decides_what_belongs_to_a_load"],
    ),
    (
        "load.executor=shared-iterations",
        &["an_executor_decides_what_belongs_to_a_load"],
    ),
    (
        "load.executor=constant-arrival-rate",
        &["an_executor_shapes_the_load"],
    ),
    (
        "load.executor=per-vu-iterations",
        &["an_executor_shapes_the_load"],
    ),
    (
        "load.executor=ramping-arrival-rate",
        &["an_executor_shapes_the_load"],
    ),
    (
        "load.executor=ramping-vus",
        &["an_executor_shapes_the_load"],
    ),
    ("load.arrivals", &["arrivals_are_spread_as_the_file_says"]),
    (
        "load.arrivals=gamma",
        &["arrivals_are_spread_as_the_file_says"],
    ),
    (
        "load.arrivals=poisson",
        &["arrivals_are_spread_as_the_file_says"],
    ),
    (
        "load.arrivals=uniform",
        &["arrivals_are_spread_as_the_file_says"],
    ),
    ("load.burstiness", &["arrivals_are_spread_as_the_file_says"]),
    (
        "load.graceful_ramp_down",
        &["who_leaves_may_finish_within_the_graceful_ramp_down"],
    ),
    (
        "load.max_vus",
        &["an_arrival_that_finds_all_users_busy_is_dropped"],
    ),
    ("load.rate", &["an_executor_shapes_the_load"]),
    (
        "load.stages",
        &["stages_have_their_length_and_their_target"],
    ),
    (
        "load.stages.duration",
        &["stages_have_their_length_and_their_target"],
    ),
    (
        "load.stages.target",
        &["stages_have_their_length_and_their_target"],
    ),
    (
        "load.start_after",
        &[
            "a_load_begins_late_and_warms_up",
            "a_load_begins_when_another_has_ended",
        ],
    ),
    ("load.start_rate", &["a_ramp_begins_where_the_file_says"]),
    ("load.start_vus", &["a_ramp_begins_where_the_file_says"]),
    ("load.warm_up", &["a_load_begins_late_and_warms_up"]),
    (
        "load.vus",
        &["users_and_iterations_are_as_many_as_the_file_says"],
    ),
    ("load.duration", &["the_load_ends_when_the_file_says"]),
    (
        "load.iterations",
        &["users_and_iterations_are_as_many_as_the_file_says"],
    ),
    ("load.max_duration", &["the_load_ends_when_the_file_says"]),
    (
        "load.connect_rate",
        &["users_begin_no_faster_than_they_may"],
    ),
    (
        "load.graceful_stop",
        &["running_iterations_may_go_on_for_as_long_as_the_file_says"],
    ),
    ("vars", &["variables_stand_in_templates"]),
    ("defaults", &["headers_of_the_step_go_over_those_of_all"]),
    (
        "defaults.source_addresses",
        &["a_file_says_where_connections_come_from"],
    ),
    ("{place}.timeout", &["each_part_of_a_request_has_its_limit"]),
    (
        "{place}.timeout.total",
        &["each_part_of_a_request_has_its_limit"],
    ),
    ("{place}.timeout.connect", &["connecting_has_its_limit"]),
    ("{place}.timeout.tls", &["the_tls_handshake_has_its_limit"]),
    (
        "{place}.timeout.first_byte",
        &["each_part_of_a_request_has_its_limit"],
    ),
    (
        "{place}.timeout.idle",
        &["each_part_of_a_request_has_its_limit"],
    ),
    (
        "{place}.on_failure",
        &["a_failed_step_decides_over_its_iteration"],
    ),
    (
        "{place}.on_failure=continue",
        &["a_failed_step_decides_over_its_iteration"],
    ),
    (
        "{place}.on_failure=next_iteration",
        &["a_failed_step_decides_over_its_iteration"],
    ),
    (
        "{place}.on_failure=stop_user",
        &["a_failed_step_decides_over_its_iteration"],
    ),
    (
        "{place}.headers",
        &["headers_of_the_step_go_over_those_of_all"],
    ),
    (
        "{place}.http_version",
        &["the_version_of_http_is_as_the_file_says"],
    ),
    (
        "{place}.http_version=1.1",
        &["the_version_of_http_is_as_the_file_says"],
    ),
    (
        "{place}.http_version=2",
        &["the_version_of_http_is_as_the_file_says"],
    ),
    (
        "{place}.http_version=auto",
        &[
            "the_version_of_http_is_as_the_file_says",
            "the_version_is_agreed_on_under_tls",
        ],
    ),
    (
        "{place}.expect",
        &["answers_are_held_against_what_is_expected"],
    ),
    (
        "{place}.expect.status",
        &["answers_are_held_against_what_is_expected"],
    ),
    (
        "{place}.expect.body_contains",
        &["answers_are_held_against_what_is_expected"],
    ),
    ("{place}.expect.headers", &["answers_are_looked_into"]),
    (
        "{place}.expect.headers.{condition}",
        &["answers_are_looked_into"],
    ),
    ("{place}.expect.body_matches", &["answers_are_looked_into"]),
    ("{place}.expect.json", &["answers_are_looked_into"]),
    (
        "{place}.expect.json.{condition}",
        &["answers_are_looked_into"],
    ),
    ("{place}.expect.body_size", &["answers_are_looked_into"]),
    ("{place}.expect.body_size.min", &["answers_are_looked_into"]),
    ("{place}.expect.body_size.max", &["answers_are_looked_into"]),
    (
        "{place}.expect.tokens",
        &["streams_are_looked_into_by_their_text_and_their_tokens"],
    ),
    (
        "{place}.expect.tokens.min",
        &["streams_are_looked_into_by_their_text_and_their_tokens"],
    ),
    (
        "{place}.expect.tokens.max",
        &["streams_are_looked_into_by_their_text_and_their_tokens"],
    ),
    ("{place}.expect.within", &["answers_are_looked_into"]),
    (
        "{place}.expect.within.{limit}",
        &["every_limit_on_one_request_can_be_expected"],
    ),
    (
        "{place}.expect.within.http_req_tls_handshaking",
        &["a_limit_on_the_handshake_tells_good_from_bad"],
    ),
    (
        "step.extract",
        &[
            "what_an_answer_gives_is_sent_by_later_steps",
            "what_is_missing_ends_the_iteration",
        ],
    ),
    (
        "step.extract.{finder}",
        &["what_an_answer_gives_is_sent_by_later_steps"],
    ),
    (
        "{place}.retry",
        &["a_request_is_sent_again_where_that_is_wanted"],
    ),
    (
        "{place}.retry.on",
        &["a_request_is_sent_again_where_that_is_wanted"],
    ),
    (
        "{place}.retry.max",
        &["a_request_is_sent_again_so_often_and_after_such_waits"],
    ),
    (
        "{place}.retry.backoff",
        &["a_request_is_sent_again_so_often_and_after_such_waits"],
    ),
    (
        "{place}.retry.max_backoff",
        &["a_request_is_sent_again_so_often_and_after_such_waits"],
    ),
    ("{place}.stall", &["silence_in_a_stream_has_its_limit"]),
    (
        "{place}.first_token_timeout",
        &["silence_in_a_stream_has_its_limit"],
    ),
    (
        "{place}.cancel",
        &["requests_are_given_up_as_the_file_says"],
    ),
    ("{place}.auth", &["who_users_are_is_sent_as_the_file_says"]),
    (
        "{place}.auth=none",
        &["who_users_are_is_sent_as_the_file_says"],
    ),
    (
        "{place}.auth.bearer",
        &["who_users_are_is_sent_as_the_file_says"],
    ),
    (
        "{place}.auth.basic",
        &["who_users_are_is_sent_as_the_file_says"],
    ),
    (
        "{place}.auth.basic.user",
        &["who_users_are_is_sent_as_the_file_says"],
    ),
    (
        "{place}.auth.basic.password",
        &["who_users_are_is_sent_as_the_file_says"],
    ),
    (
        "{place}.auth.header",
        &["who_users_are_is_sent_as_the_file_says"],
    ),
    (
        "{place}.auth.token_command",
        &["who_users_are_is_sent_as_the_file_says"],
    ),
    (
        "{place}.auth.in_header",
        &["who_users_are_is_sent_as_the_file_says"],
    ),
    (
        "{place}.auth.refresh",
        &["tokens_are_renewed_while_the_run_goes_on"],
    ),
    (
        "{place}.auth.oauth2",
        &["a_token_of_oauth2_is_asked_for_once_and_is_in_no_figure"],
    ),
    (
        "{place}.auth.oauth2.token_url",
        &["a_token_of_oauth2_is_asked_for_as_the_file_says"],
    ),
    (
        "{place}.auth.oauth2.client_id",
        &["a_token_of_oauth2_is_asked_for_as_the_file_says"],
    ),
    (
        "{place}.auth.oauth2.client_secret",
        &["a_token_of_oauth2_is_asked_for_as_the_file_says"],
    ),
    (
        "{place}.auth.oauth2.scope",
        &["a_token_of_oauth2_is_asked_for_as_the_file_says"],
    ),
    (
        "{place}.auth.oauth2.audience",
        &["a_token_of_oauth2_is_asked_for_as_the_file_says"],
    ),
    (
        "{place}.auth.oauth2.client_auth",
        &["a_token_of_oauth2_is_asked_for_as_the_file_says"],
    ),
    (
        "{place}.auth.oauth2.client_auth=header",
        &["a_token_of_oauth2_is_asked_for_as_the_file_says"],
    ),
    (
        "{place}.auth.oauth2.client_auth=body",
        &["a_token_of_oauth2_is_asked_for_as_the_file_says"],
    ),
    (
        "{place}.auth.oauth2.per",
        &["each_user_may_have_a_token_of_its_own"],
    ),
    (
        "{place}.auth.oauth2.per=run",
        &["each_user_may_have_a_token_of_its_own"],
    ),
    (
        "{place}.auth.oauth2.per=user",
        &["each_user_may_have_a_token_of_its_own"],
    ),
    ("scenario.auth", &["the_nearest_auth_counts"]),
    ("{place}.cookies", &["cookies_are_kept_as_the_file_says"]),
    (
        "{place}.cookies=iteration",
        &["cookies_are_kept_as_the_file_says"],
    ),
    (
        "{place}.cookies=user",
        &["cookies_are_kept_as_the_file_says"],
    ),
    (
        "{place}.connection",
        &["connections_are_kept_as_the_file_says"],
    ),
    (
        "{place}.connection=new",
        &["connections_are_kept_as_the_file_says"],
    ),
    (
        "{place}.connection=reuse",
        &["connections_are_kept_as_the_file_says"],
    ),
    (
        "defaults.resolve",
        &["names_have_the_addresses_of_the_file"],
    ),
    ("{place}.compress", &["bodies_are_sent_as_the_file_says"]),
    (
        "{place}.compress=gzip",
        &["bodies_are_sent_as_the_file_says"],
    ),
    ("step.form", &["bodies_are_sent_as_the_file_says"]),
    ("step.multipart", &["bodies_are_sent_in_parts"]),
    ("step.multipart.name", &["bodies_are_sent_in_parts"]),
    ("step.multipart.value", &["bodies_are_sent_in_parts"]),
    ("step.multipart.file", &["bodies_are_sent_in_parts"]),
    ("step.multipart.filename", &["bodies_are_sent_in_parts"]),
    ("step.multipart.content_type", &["bodies_are_sent_in_parts"]),
    (
        "step.body_file",
        &[
            "bodies_are_sent_as_the_file_says",
            "a_file_that_cannot_be_read_is_a_problem",
        ],
    ),
    (
        "{place}.redirects",
        &[
            "redirections_are_followed_as_often_as_the_file_says",
            "a_redirection_asks_as_the_standard_says",
        ],
    ),
    (
        "{place}.cancel.after",
        &["requests_are_given_up_as_the_file_says"],
    ),
    (
        "{place}.cancel.after_tokens",
        &["requests_are_given_up_as_the_file_says"],
    ),
    (
        "{place}.cancel.probability",
        &["as_many_are_given_up_as_the_seed_draws"],
    ),
    ("scenario", &["every_scenario_has_its_steps_and_figures"]),
    (
        "scenario.name",
        &["every_scenario_has_its_steps_and_figures"],
    ),
    (
        "scenario.load",
        &[
            "every_scenario_has_its_steps_and_figures",
            "a_load_begins_when_another_has_ended",
        ],
    ),
    ("scenario.weight", &["a_weight_is_a_share_of_the_load"]),
    (
        "scenario.step",
        &["every_scenario_has_its_steps_and_figures"],
    ),
    (
        "setup",
        &[
            "what_is_set_up_is_known_to_all_users",
            "a_setup_that_fails_ends_the_run",
        ],
    ),
    (
        "setup_timeout",
        &["what_is_done_once_may_take_only_so_long"],
    ),
    ("teardown", &["what_is_set_up_is_known_to_all_users"]),
    (
        "teardown_timeout",
        &["what_is_done_once_may_take_only_so_long"],
    ),
    ("pace", &["an_iteration_begins_at_its_pace"]),
    ("rate_limit", &["requests_begin_at_the_rate_of_the_file"]),
    (
        "scenario.rate_limit",
        &["requests_begin_at_the_rate_of_the_file"],
    ),
    (
        "step.rate_limit",
        &["requests_begin_at_the_rate_of_the_file"],
    ),
    ("before", &["users_do_once_what_comes_before"]),
    ("scenario.pace", &["an_iteration_begins_at_its_pace"]),
    ("scenario.before", &["users_do_once_what_comes_before"]),
    ("step", &["requests_are_as_their_keys_say"]),
    ("step.name", &["names_stand_in_the_summary"]),
    ("step.get", &["requests_are_as_their_keys_say"]),
    ("step.post", &["requests_are_as_their_keys_say"]),
    ("step.put", &["requests_are_as_their_keys_say"]),
    ("step.patch", &["requests_are_as_their_keys_say"]),
    ("step.delete", &["requests_are_as_their_keys_say"]),
    ("step.head", &["requests_are_as_their_keys_say"]),
    ("step.options", &["requests_are_as_their_keys_say"]),
    ("step.query", &["requests_are_as_their_keys_say"]),
    ("step.body", &["requests_are_as_their_keys_say"]),
    ("step.json", &["requests_are_as_their_keys_say"]),
    ("step.stream", &["streams_are_read_in_their_dialect"]),
    (
        "step.stream={dialect}",
        &["streams_are_read_in_their_dialect"],
    ),
    (
        "step.stream.dialect",
        &["streams_are_read_in_their_dialect"],
    ),
    (
        "step.stream.dialect={dialect}",
        &["streams_are_read_in_their_dialect"],
    ),
    (
        "step.stream.first_token",
        &["what_counts_as_output_is_as_the_file_says"],
    ),
    (
        "step.stream.first_token=output",
        &["what_counts_as_output_is_as_the_file_says"],
    ),
    (
        "step.stream.first_token=any_delta",
        &["what_counts_as_output_is_as_the_file_says"],
    ),
    (
        "step.stream.pointer",
        &["what_counts_as_output_is_as_the_file_says"],
    ),
    (
        "step.stream.include_usage",
        &["usage_is_asked_for_unless_the_file_says_no"],
    ),
    (
        "step.conversation",
        &[
            "each_turn_sends_what_was_said_before",
            "a_turn_that_is_not_answered_ends_the_conversation",
        ],
    ),
    (
        "step.turns",
        &["a_conversation_is_as_long_as_the_file_says"],
    ),
    (
        "step.when",
        &["a_step_is_done_only_where_its_condition_holds"],
    ),
    ("step.repeat", &["a_step_is_done_as_often_as_the_file_says"]),
    ("step.weight", &["one_of_several_steps_is_chosen_by_weight"]),
    ("step.step", &["a_step_is_done_as_often_as_the_file_says"]),
    ("step.group", &["a_group_is_timed_as_a_whole"]),
    ("step.choose", &["one_of_several_steps_is_chosen_by_weight"]),
    (
        "step.parallel",
        &["steps_at_once_have_connections_of_their_own"],
    ),
    ("step.think", &["users_think_for_as_long_as_the_file_says"]),
    ("slo", &["limits_of_the_file_tell_good_from_bad"]),
    ("slo.{limit}", &["limits_of_the_file_tell_good_from_bad"]),
    (
        "slo.http_req_tls_handshaking",
        &["a_limit_on_the_handshake_tells_good_from_bad"],
    ),
    ("step.slo", &["limits_of_a_step_tell_good_from_bad"]),
    ("step.slo.{limit}", &["limits_of_a_step_tell_good_from_bad"]),
    (
        "step.slo.http_req_tls_handshaking",
        &["a_limit_on_the_handshake_tells_good_from_bad"],
    ),
    ("thresholds", &["thresholds_of_the_file_decide"]),
    ("mock", &["every_key_of_the_mock_has_its_effect"]),
    ("probe", &["a_command_is_asked_again_and_again"]),
    ("probe.name", &["a_command_is_asked_again_and_again"]),
    ("probe.prometheus", &["prometheus_is_asked"]),
    ("probe.query", &["prometheus_is_asked"]),
    ("probe.http", &["a_number_is_found_in_json"]),
    ("probe.pointer", &["a_number_is_found_in_json"]),
    ("probe.headers", &["a_number_is_found_in_json"]),
    ("probe.command", &["a_command_is_asked_again_and_again"]),
    ("probe.process", &["a_process_is_looked_at"]),
    ("probe.figure", &["a_process_is_looked_at"]),
    ("probe.figure=cpu", &["a_process_is_looked_at"]),
    ("probe.figure=memory", &["a_process_is_looked_at"]),
    ("probe.figure=threads", &["a_process_is_looked_at"]),
    ("probe.figure=descriptors", &["a_process_is_looked_at"]),
    ("probe.every", &["a_command_is_asked_again_and_again"]),
    (
        "probe.timeout",
        &["a_probe_that_fails_leaves_a_gap_and_the_run_goes_on"],
    ),
    ("probe.unit", &["a_command_is_asked_again_and_again"]),
    ("probe.unit=%", &["a_command_is_asked_again_and_again"]),
    ("probe.unit=ms", &["a_command_is_asked_again_and_again"]),
    ("probe.unit=/s", &["a_command_is_asked_again_and_again"]),
    ("probe.unit=bytes", &["a_command_is_asked_again_and_again"]),
    (
        "probe.warn",
        &["a_command_is_asked_again_and_again", "prometheus_is_asked"],
    ),
    ("probe.critical", &["a_command_is_asked_again_and_again"]),
    ("mock.{setting}", &["every_key_of_the_mock_has_its_effect"]),
    (
        "mock.workers",
        &["the_mock_has_as_many_threads_as_asked_for"],
    ),
    ("mock.seed", &["the_seed_of_the_mock_decides_who_fails"]),
];

/// Rows that stand for several: the mark, and what stands in its place.
fn marks() -> [(&'static str, Vec<&'static str>); 6] {
    [
        (
            "{condition}",
            vec![
                "equals", "not", "exists", "contains", "matches", "min", "max",
            ],
        ),
        (
            "{finder}",
            vec![
                "json", "regex", "header", "cookie", "text", "all", "default",
            ],
        ),
        ("{place}", vec!["defaults", "step"]),
        (
            "{dialect}",
            super::keys::STREAMS.map(|(dialect, ..)| dialect).to_vec(),
        ),
        ("{limit}", super::keys::LIMITS.to_vec()),
        (
            "{setting}",
            super::mocking::CASES.iter().map(|case| case.key).collect(),
        ),
    ]
}

type Table = BTreeMap<String, &'static [&'static str]>;

/// The rows of a table, each mark replaced by all that it stands for.
fn rows(table: &'static [(&str, &[&str])]) -> Table {
    let mut rows = Table::new();
    for (name, tests) in table {
        let marks = marks();
        let mut names = vec![(*name).to_owned()];
        for (mark, words) in marks {
            let all = |name: &String| match name.contains(mark) {
                true => words.iter().map(|word| name.replace(mark, word)).collect(),
                false => vec![name.clone()],
            };
            names = names.iter().flat_map(all).collect();
        }
        for name in names {
            let twice = rows.insert(name.clone(), tests);
            assert!(twice.is_none(), "{name} stands twice");
        }
    }
    rows
}

/// The names of all tests of the workspace.
fn tests() -> BTreeSet<String> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut folders = vec![];
    for room in fs::read_dir(crates).unwrap() {
        let room = room.unwrap().path();
        folders.extend([room.join("src"), room.join("tests")]);
    }
    let mut names = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                names.extend(tests_of(&fs::read_to_string(path).unwrap()));
            }
        }
    }
    names
}

/// The functions of a source that carry the attribute of a test.
fn tests_of(source: &str) -> Vec<String> {
    let mut marked = false;
    let mut names = Vec::new();
    for line in source.lines().map(str::trim) {
        if let Some(attribute) = line.strip_prefix("#[") {
            let path = attribute.split([']', '(']).next().unwrap_or_default();
            marked |= path == "test" || path == "tokio::test";
            continue;
        }
        let function = line.strip_prefix("async ").unwrap_or(line);
        if let Some(name) = function.strip_prefix("fn ").filter(|_| marked) {
            names.extend(name.split('(').next().map(str::to_owned));
        }
        marked &= line.starts_with("//");
    }
    names
}

/// Compares a list with its table, and the table with the tests there are: what is wrong.
fn complaints(list: &BTreeSet<String>, table: &Table, tests: &BTreeSet<String>) -> Vec<String> {
    let missing = list
        .iter()
        .filter(|name| !table.contains_key(*name))
        .map(|name| format!("no test is known to see `{name}`"));
    let idle = table
        .keys()
        .filter(|name| !list.contains(*name))
        .map(|name| format!("there is no `{name}` any more"));
    let bare = table
        .iter()
        .filter(|(_, tests)| tests.is_empty())
        .map(|(name, _)| format!("`{name}` names no test"));
    let lost = table.iter().flat_map(|(name, named)| {
        let lost = named.iter().filter(|test| !tests.contains(**test));
        lost.map(move |test| format!("`{name}` names the test {test}, which does not exist"))
    });
    missing.chain(idle).chain(bare).chain(lost).collect()
}

#[track_caller]
fn check(list: &BTreeSet<String>, table: &'static [(&str, &[&str])]) {
    let complaints = complaints(list, &rows(table), &tests());
    assert!(complaints.is_empty(), "\n  {}\n", complaints.join("\n  "));
}

/// Every option and argument of every command.
fn options() -> BTreeSet<String> {
    let cli = Cli::command();
    let long = |arg: &clap::Arg| match arg.get_long() {
        Some(long) => format!("--{long}"),
        None => arg.get_id().as_str().to_uppercase(),
    };
    let mut options: BTreeSet<String> = cli.get_arguments().map(long).collect();
    for command in cli.get_subcommands() {
        let name = command.get_name();
        options.extend(
            command
                .get_arguments()
                .map(|arg| format!("{name} {}", long(arg))),
        );
    }
    options
}

/// Every key under this part of the schema, as a dotted path, and every word that one may have.
fn walk(schema: &Value, part: &Value, path: &str, found: &mut BTreeSet<String>) {
    let name = part["$ref"].as_str();
    // The steps inside a step have the keys of a step: they stand in the table once.
    if let Some(name) = name.filter(|name| !(name.ends_with("/Step") && is_inner(path))) {
        let target = schema.pointer(name.trim_start_matches('#'));
        walk(schema, target.unwrap(), path, found);
    }
    if let Some(word) = part["const"].as_str() {
        found.insert(format!("{path}={word}"));
    }
    for (key, value) in part["properties"].as_object().into_iter().flatten() {
        let inner = match path {
            "" => key.clone(),
            path => format!("{path}.{key}"),
        };
        walk(schema, value, &inner, found);
        found.insert(inner);
    }
    let choices = ["anyOf", "oneOf", "allOf"].map(|choice| part[choice].as_array());
    for choice in choices.into_iter().flatten().flatten() {
        walk(schema, choice, path, found);
    }
    walk_items(schema, part, path, found);
    // What stands under names that the user chooses is the key itself, too.
    if let Some(values) = part.get("additionalProperties") {
        walk(schema, values, path, found);
    }
}

/// Whether it is the key of a list of steps inside a step.
fn is_inner(path: &str) -> bool {
    let inner = ["step", "choose", "parallel"];
    let mut names = path.rsplit('.');
    let is_inner = names.next().is_some_and(|name| inner.contains(&name));
    let below_steps = names.next() == Some("step");
    // Steps that come before are steps like any.
    let once = ["before", "setup", "teardown"];
    is_inner && below_steps || once.iter().any(|key| path.ends_with(key))
}

/// The elements of a list are the key itself.
fn walk_items(schema: &Value, part: &Value, path: &str, found: &mut BTreeSet<String>) {
    if let Some(items) = part.get("items") {
        walk(schema, items, path, found);
    }
}

fn keys() -> BTreeSet<String> {
    let schema: Value = serde_json::from_str(&loadgen_scenario::schema()).unwrap();
    let mut found = BTreeSet::new();
    walk(&schema, &schema, "", &mut found);
    // The load and the steps of a scenario are those of the file, and its `auth` is that of a step: what is inside them
    // stands in the table once.
    let same = [
        "scenario.load.",
        "scenario.step.",
        "scenario.auth.",
        "scenario.auth=",
    ];
    let (inside, mut own): (BTreeSet<String>, _) = found
        .into_iter()
        .partition(|key| same.iter().any(|start| key.starts_with(start)));
    let of_step = |key: &String| {
        let key = key.replacen("scenario.auth", "scenario.step.auth", 1);
        key.replacen("scenario.", "", 1)
    };
    own.extend(inside.iter().map(of_step));
    own
}

#[test]
fn every_option_is_seen_by_a_test() {
    check(&options(), OPTIONS);
}

#[test]
fn every_variable_is_seen_by_a_test() {
    // This page is generated from the list.
    let page = include_str!("../../../../docs/cli.md");
    let variables = page
        .lines()
        .filter_map(|line| line.strip_prefix("- `")?.split_once("` is `--"));
    let list = variables.map(|(name, _)| name.to_owned()).collect();
    check(&list, VARIABLES);
}

#[test]
fn every_key_is_seen_by_a_test() {
    let keys = keys();
    for key in [
        "load.vus",
        "step.expect.status",
        "defaults.timeout.connect",
        "mock.ttft",
    ] {
        assert!(keys.contains(key), "{key} is not found in the schema");
    }
    check(&keys, KEYS);
}

#[test]
fn the_mock_has_a_key_for_each_option() {
    let (keys, options) = (keys(), options());
    let of_keys = keys.iter().filter_map(|key| key.strip_prefix("mock."));
    let of_options = options
        .iter()
        .filter_map(|name| name.strip_prefix("mock --"));
    let names = |name: &str| name.replace('-', "_");
    assert_eq!(
        of_keys.map(names).collect::<BTreeSet<_>>(),
        of_options
            .filter(|name| *name != "port")
            .map(names)
            .collect()
    );
}

#[test]
fn what_the_lists_do_not_share_is_a_complaint() {
    let tests = BTreeSet::from(["sees".to_owned()]);
    let lists = |list: &[&str], table: &[(&str, &'static [&'static str])]| {
        let list = list.iter().map(|name| (*name).to_owned()).collect();
        let table = table
            .iter()
            .map(|(name, tests)| ((*name).to_owned(), *tests));
        complaints(&list, &table.collect(), &tests).len()
    };
    assert_eq!(lists(&["a"], &[("a", &["sees"])]), 0);
    assert_eq!(lists(&["a", "b"], &[("a", &["sees"])]), 1);
    assert_eq!(lists(&["a"], &[("a", &["sees"]), ("b", &["sees"])]), 1);
    assert_eq!(lists(&["a"], &[("a", &["sees", "gone"])]), 1);
    assert_eq!(lists(&["a"], &[("a", &[])]), 1);
}

#[test]
fn tests_are_functions_that_carry_the_attribute() {
    let source = "#[test]\nfn one() {}\nfn two() {}\n#[tokio::test(start_paused = true)]\n#[ignore]\n// why\n\
        async fn three() {}\n#[cfg(test)]\nfn four() {}\n// fn five()\n";
    assert_eq!(tests_of(source), ["one", "three"]);
}
