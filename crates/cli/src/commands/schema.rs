//! `loadgen schema`: the JSON Schemas that editors and scripts hold on to.

use super::print;
use crate::{args::SchemaArgs, environment::Environment, error::Error, exit::Exit};

/// Prints a schema.
pub(crate) fn schema(args: &SchemaArgs, environment: &Environment) -> Result<Exit, Error> {
    let text = if args.comparison {
        loadgen_report::comparison_schema()
    } else if args.summary {
        loadgen_report::summary_schema()
    } else {
        loadgen_scenario::schema()
    };
    print(environment, &text)
}
