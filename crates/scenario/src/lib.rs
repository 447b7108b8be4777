//! Turns scenario text into a validated plan, or into a list of located problems.
//!
//! [`load`] reads a file's text, [`load_url`] the options of `loadgen run http://…`; both end in the same [`Plan`].
//! Nothing here touches files, clocks, sockets or a source of randomness of its own.

mod cookies;
mod curl;
mod data;
mod document;
mod lower;
mod overrides;
mod plan;
mod problem;
mod quantity;
mod reference;
mod reply;
mod schema;
mod secrets;
mod template;
mod tokens;
mod url;
mod url_mode;

pub use curl::{CurlError, CurlSecret, FromCurl, from_curl};
pub use data::{AtEnd, DataSet, LARGEST_FILE, Per, Pick};
pub use document::files;
pub use lower::{Explained, Lowered, Provenance, SourceText, load};
pub use overrides::{Files, Given, Overrides, Room};
pub use plan::{
    Alternative, Arrivals, Body, Cancel, Chat, Condition, Conversation, Demand, DialectName,
    Expect, Group, Growth, Guarded, HttpVersion, Load, LoadPlan, Location, Member, Message, Method,
    MockSettings, Multipart, Needs, OnFailure, Once, Origin, Outgoing, Part, PartContent, Pinned,
    Plan, Ports, QueryPart, Rate, Rendered, Repeat, Request, Retry, Scenario, Span, Stage, StartAt,
    Step, StreamSpec, Target, Think, Timeouts, Turns, Unbegun, Unplayed, UserCount,
};
pub use plan::{Confided, Credential, Token, TokenAsk, TokenField, TokenFrom, TokenSource};
pub use plan::{Crowding, Limited, RateLimit, Resting};
pub use plan::{Probe, ProbeSource, ProcessFigure, WhichProcess};
pub use problem::{Mark, Place, Position, Problem, Problems};
pub use quantity::{
    Misread, format_duration, format_rate, parse_count_range, parse_duration, parse_duration_range,
    parse_rate, parse_share, parse_statuses,
};
pub use reference::resolve_reference;
pub use reply::{Bounds, Check, Criterion, Extract, Finder, Keep, Missed, Path, Pattern, Reply};
pub use reply::{WantedPattern, WantedValue};
pub use schema::schema;
pub use secrets::{is_secret_header, is_secret_name, mask};
pub use template::{
    Extracted, JsonTemplate, Life, Scope, TemplateError, TemplateName, Templates, Text,
};
pub use tokens::Tokens;
pub use url_mode::{UrlRequest, load_url};
