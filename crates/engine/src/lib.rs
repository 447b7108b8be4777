//! Carries out a plan with virtual users over an abstract connection.

mod clock;
mod connection;
mod observer;
mod timer;

pub use clock::Clock;
pub use connection::{
    Call, Connect, Connection, Connector, DialectName, Exchange, Failure, HttpVersion, Method, Origin, Rendered,
    StreamSink, StreamSpec, Timeouts,
};
pub use loadgen_stats::{Arrival, ErrorKind, Offset, StepIndex, StreamSample, Usage};
pub use observer::{Directive, Event, Observer};
pub use timer::{Timer, Timing, TokioTiming};
