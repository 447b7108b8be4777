//! The schema of who users say they are, and of their cookies.

use super::{Duration, steps::Scalar};
use schemars::JsonSchema;
use std::collections::BTreeMap;

/// Who users say they are, or `"none"`.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) enum Auth {
    No(NoAuth),
    Table(Box<AuthTable>),
}

/// Nothing of what would be inherited.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) enum NoAuth {
    /// Says nothing, whatever would be inherited.
    None,
}

/// Who users say they are: one of `bearer`, `basic`, `header`, `token_command` and `oauth2`. That of `[defaults]` and
/// scenarios goes to the target alone; it may use what steps extract, and steps of `[[setup]]` and `[[before]]` that come
/// before those do without.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct AuthTable {
    /// A token, sent as `authorization: Bearer …`. May hold templates.
    #[schemars(example = &"{{ env.TOKEN }}")]
    bearer: Option<String>,
    /// A user and a password, sent as `authorization: Basic …` (RFC 7617).
    #[schemars(example = &serde_json::json!({ "user": "ann", "password": "{{ env.PASSWORD }}" }))]
    basic: Option<Basic>,
    /// Header fields that are secrets, whatever their names. Values may hold templates.
    #[schemars(length(min = 1), example = &serde_json::json!({ "x-api-key": "{{ env.API_KEY }}" }))]
    header: Option<BTreeMap<String, Scalar>>,
    /// A command whose output is a token: a line for the shell, or a program with its arguments. It is run once, before
    /// anything is sent, and for all users; where it fails there is no run.
    #[schemars(example = &"gcloud auth print-access-token", example = &serde_json::json!(["./token.sh", "staging"]))]
    token_command: Option<Command>,
    /// A token of OAuth 2 by client credentials (RFC 6749, section 4.4), for all users unless `per` says otherwise:
    /// asked for before anything is sent, and again a minute before it ends (a short one once four fifths of its life are
    /// over).
    #[schemars(example = &serde_json::json!({ "token_url": "https://idp.example.com/oauth/token", "client_id": "load", "client_secret": "{{ env.CLIENT_SECRET }}" }))]
    oauth2: Option<OAuth2>,
    /// How often a token of `token_command` or `oauth2` is asked for again. Default: a command's never, that of `oauth2`
    /// before it ends, which it is in any case.
    #[schemars(example = &"30m")]
    refresh: Option<Duration>,
    /// The header that holds a token of `token_command` or `oauth2`, alone. Default: `authorization`, after `Bearer`.
    #[schemars(example = &"x-api-key")]
    in_header: Option<String>,
}

/// A user and a password.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct Basic {
    /// The user, without a colon. May hold templates.
    #[schemars(example = &"{{ data.users.name }}")]
    user: String,
    /// The password. May hold templates.
    #[schemars(example = &"{{ env.PASSWORD }}")]
    password: String,
}

/// A line for the shell, or a program with its arguments.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum Command {
    Line(String),
    Words(#[schemars(length(min = 1))] Vec<Scalar>),
}

/// Whose a token is.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
enum TokenPer {
    /// All users': it is there before the run.
    Run,
    /// Each user's, which asks for it before the first request that needs it, and again before it ends; at most 64 users
    /// ask at once. Templates can use `data`, `vu` and what steps before extract then. With a rate, users are kept with
    /// their tokens for another iteration.
    User,
}

/// The client credentials of OAuth 2. Templates can use `env` and `vars`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct OAuth2 {
    /// Where tokens are given: a URL, or a path on the target.
    #[schemars(example = &"https://idp.example.com/oauth/token")]
    token_url: String,
    /// The client.
    #[schemars(example = &"load")]
    client_id: String,
    /// Its secret.
    #[schemars(example = &"{{ env.CLIENT_SECRET }}")]
    client_secret: String,
    /// What the token is to be good for, with spaces between. Default: what the service gives.
    #[schemars(example = &"read write")]
    scope: Option<String>,
    /// The service that the token is for, where the one that gives it asks.
    #[schemars(example = &"https://api.example.com/")]
    audience: Option<String>,
    /// How id and secret are sent. Default: "header".
    client_auth: Option<ClientAuth>,
    /// Whether all users share one token, or each asks for its own. Default: "run".
    per: Option<TokenPer>,
}

/// How id and secret are sent.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
enum ClientAuth {
    /// As `authorization: Basic …`, which every service must take.
    Header,
    /// In the form, as some services want it.
    Body,
}

/// Whether cookies are kept, and for how long.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) enum Cookies {
    /// For as long as the user stays; or not at all.
    Kept(bool),
    For(CookieLife),
}

/// How long cookies are kept.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) enum CookieLife {
    /// Until the user's next iteration begins, as in k6.
    Iteration,
    /// For as long as the user stays.
    User,
}
