//! Carries out a plan with virtual users over an abstract connection.

mod clock;
mod conductor;
mod connection;
mod cookies;
mod crew;
mod crowd;
mod error;
mod flight;
mod flights;
mod gauge;
mod hops;
mod judge;
mod load;
mod luck;
mod nap;
mod observer;
mod once;
mod own_tokens;
mod permits;
mod phase;
mod rows;
mod run;
mod schedule;
mod seats;
mod seed;
mod shard;
mod sink;
mod starts;
mod timer;
mod turns;
mod user;
mod ways;
mod windows;
mod worker;

pub use clock::Clock;
pub use connection::{
    Call, Cancel, Connect, Connection, Connector, DialectName, Exchange, Failure, HttpVersion,
    Method, Onward, Origin, Pinned, Rendered, StreamSink, StreamSpec, Timeouts,
};
pub use connection::{Probe, ProbeSource, ProcessFigure, WhichProcess};
pub use cookies::Cookies;
pub use error::Error;
pub use flight::answer as answer_of_turn;
pub use hops::too_many as too_many_redirections;
pub use judge::{Asked, Judgement, LOOKED_INTO, judge};
pub use loadgen_scenario::{
    Token, TokenAsk, TokenFrom, Tokens, is_secret_header, resolve_reference,
};
pub use loadgen_stats::{
    Arrival, ErrorKind, GeneratorSample, Offset, ProbeIndex, ProbeLayout, StepIndex, StreamSample,
    Unit, Usage,
};
pub use luck::Luck;
pub use nap::{Nap, account_for_waits, latest_nap, nap_begins, nap_ends, watch_wake_ups};
pub use observer::{Directive, Event, Observer, ProbeSample, Standing};
pub use own_tokens::{fetch_own_token, own_token_wanted};
pub use phase::Stop;
pub use run::{Outcome, Settings, run};
pub use schedule::{ArrivalTimes, Budget, Level, Line, Schedule, Stay, Stays};
pub use seed::user_seed;
pub use timer::{Timer, Timing, TokioTiming};
pub use turns::Turns;
pub use ways::{Way, all_of};
pub use worker::Placement;
