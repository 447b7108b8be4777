//! The schema of the data sets.

use schemars::JsonSchema;
use serde_json::Value;

/// Rows that users take turns with: `data.NAME` is the row that the user at hand has. Loaded once, shared by all.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[schemars(extend("oneOf" = [{ "required": ["file"] }, { "required": ["rows"] }]))]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct Data {
    /// The file that holds the rows, by its path from the folder of the scenario. At most 256 MiB of UTF-8.
    #[schemars(example = &"users.csv")]
    file: Option<String>,
    /// How the file is written. Default: as its ending says (.csv, .tsv, .json, .jsonl, .ndjson).
    format: Option<Format>,
    /// For CSV: the names of the columns, where the first line does not give them.
    #[schemars(length(min = 1), example = &["user", "password"])]
    columns: Option<Vec<String>>,
    /// For CSV: what stands between fields. Default: a comma; a tab where the file ends with .tsv.
    #[schemars(length(equal = 1), example = &";")]
    delimiter: Option<String>,
    /// The rows themselves, in the place of a file.
    #[schemars(length(min = 1), example = &serde_json::json!([{ "user": "ann" }, { "user": "bob" }]))]
    rows: Option<Vec<Value>>,
    /// The order in which rows are taken. Default: "sequential".
    pick: Option<Pick>,
    /// What happens when all rows were taken. Default: "recycle"; for `pick = "unique"`, "stop".
    at_end: Option<AtEnd>,
    /// How long a user keeps a row. Default: "iteration".
    per: Option<Per>,
}

/// How a file is written.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
enum Format {
    /// Fields with commas between them; the first line names the columns.
    Csv,
    /// One array of rows.
    Json,
    /// One row of JSON a line.
    Jsonl,
    /// Conversations as ShareGPT has them, or with `messages`, as an array or one a line. A row has `messages` (each with
    /// `role` and `content`), `turns` (what the person said), `prompt` (the first of them) and `id`.
    ShareGpt,
}

/// The order in which rows are taken.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
enum Pick {
    /// One after the other, whoever comes next.
    Sequential,
    /// Any row, drawn anew each time; the draw follows from the seed, the user and its iteration.
    Random,
    /// One after the other, in an order that the seed decides anew for each pass.
    Shuffle,
    /// As "sequential", and no row a second time.
    Unique,
}

/// What happens when all rows were taken.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
enum AtEnd {
    /// They are taken again.
    Recycle,
    /// Users who need another row end; iterations that find none are not begun.
    Stop,
}

/// How long a user keeps a row.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
enum Per {
    /// For one iteration.
    Iteration,
    /// For as long as the user stays.
    User,
}
