//! Turns scenario text into a validated plan, or into a list of located problems.

mod plan;
mod template;
mod threshold;

pub use plan::{
    Body, DialectName, Expect, HttpVersion, Load, Message, Method, MockSettings, OnFailure, Origin, Plan, Rendered,
    Request, Scenario, Step, StreamSpec, Target, Think, Timeouts, UserCount,
};
pub use template::{JsonTemplate, Scope, TemplateError, Text};
