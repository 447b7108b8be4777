//! How users say who they are: `auth`.

use super::{
    keys,
    node::{Field, Kind, Located, Node, Source},
    probe::CommandTable,
    reader::{Reader, Table, field},
};
use crate::problem::Problem;
use std::time::Duration;

/// `auth`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AuthTable {
    /// `"none"`: they do not.
    None,
    /// `bearer`.
    Bearer(Source),
    /// `basic`.
    Basic {
        /// `user`.
        user: Source,
        /// `password`.
        password: Source,
    },
    /// `header`: the names as written.
    Header(Vec<(Located<String>, Source)>),
    /// A token that is fetched.
    Token(Box<TokenTable>),
}

/// A token that is fetched.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TokenTable {
    /// Where it comes from.
    pub from: TokenFrom,
    /// `refresh`.
    pub refresh: Option<Duration>,
    /// `in_header`.
    pub in_header: Option<Located<String>>,
}

/// Where a token comes from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TokenFrom {
    /// `token_command`.
    Command(Located<CommandTable>),
    /// `oauth2`.
    OAuth2(Box<OAuth2Table>),
}

/// `oauth2`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OAuth2Table {
    /// `token_url`.
    pub token_url: Source,
    /// `client_id`.
    pub client_id: Source,
    /// `client_secret`.
    pub client_secret: Source,
    /// `scope`.
    pub scope: Option<Source>,
    /// `audience`.
    pub audience: Option<Source>,
    /// `client_auth`: whether id and secret go in the body.
    pub in_body: bool,
    /// `per`: whether each user has one of its own.
    pub per_user: bool,
}

impl AuthTable {
    /// Its name in the file.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Bearer(_) => "bearer",
            Self::Basic { .. } => "basic",
            Self::Header(_) => "header",
            Self::Token(table) => match table.from {
                TokenFrom::Command(_) => "token_command",
                TokenFrom::OAuth2(_) => "oauth2",
            },
        }
    }
}

impl AuthTable {
    /// The texts in it that may differ from user to user.
    pub(crate) fn sources_of_users(&self) -> Vec<&Source> {
        match self {
            Self::None => Vec::new(),
            Self::Bearer(token) => vec![token],
            Self::Basic { user, password } => vec![user, password],
            Self::Header(headers) => headers.iter().map(|(_, value)| value).collect(),
            Self::Token(table) => match &table.from {
                TokenFrom::OAuth2(oauth2) if oauth2.per_user => {
                    let optional = [&oauth2.scope, &oauth2.audience].into_iter().flatten();
                    let needed = [&oauth2.client_id, &oauth2.client_secret].into_iter();
                    needed.chain(optional).collect()
                }
                TokenFrom::OAuth2(_) | TokenFrom::Command(_) => Vec::new(),
            },
        }
    }

    /// The names of the headers that it sets, as written.
    pub(crate) fn header_names(&self) -> Vec<&str> {
        match self {
            Self::None => Vec::new(),
            Self::Bearer(_) | Self::Basic { .. } => vec!["authorization"],
            Self::Header(headers) => headers
                .iter()
                .map(|(name, _)| name.value.as_str())
                .collect(),
            Self::Token(table) => match &table.in_header {
                Some(name) => vec![name.value.as_str()],
                None => vec!["authorization"],
            },
        }
    }
}

impl Reader {
    pub(super) fn auth(&mut self, node: Option<&Node>) -> Field<AuthTable> {
        field(node, |node| match &node.kind {
            Kind::Text(text) if text == "none" => Some(AuthTable::None),
            Kind::Table(_) => self.auth_table(node),
            _ => self.wrong_type(
                node,
                "`auth`",
                "\"none\" or a table such as { bearer = \"…\" }",
            ),
        })
    }

    fn auth_table(&mut self, node: &Node) -> Option<AuthTable> {
        let before = self.problems.len();
        let table = self.table(node, "`auth`", keys::AUTH)?;
        let kinds = keys::AUTH_KINDS.iter();
        let found: Vec<_> = kinds.filter_map(|key| table.entry(key)).collect();
        let (key, given) = match found.as_slice() {
            [one] => *one,
            // Whoever misspelt it has been told.
            [] if self.problems.len() > before => return None,
            [] => {
                let problem = Problem::new(&node.place, "`auth` does not say how");
                self.tell(problem.help(
                    "write one of { bearer = \"…\" }, { basic = { user = \"…\", password = \"…\" } }, \
                     { header = { x-api-key = \"…\" } }, { token_command = \"…\" }, { oauth2 = { … } }",
                ));
                return None;
            }
            [(first, _), (second, _), ..] => {
                let message = format!("`auth` says `{}` already", first.value);
                let problem = Problem::new(&second.place, message);
                self.tell(
                    problem
                        .more(&first.place, "the first one")
                        .help("keep one of them"),
                );
                return None;
            }
        };
        self.only_with_tokens(&table, &key.value);
        match key.value.as_str() {
            "bearer" => self.given(given, "`bearer`").map(AuthTable::Bearer),
            "basic" => self.basic(given),
            "header" => self.auth_header(given),
            "token_command" => {
                let command = self.command(given, "`token_command`")?;
                let from = TokenFrom::Command(Located::new(command, given.place.clone()));
                self.token(&table, from)
            }
            _ => {
                let from = self
                    .oauth2(given)
                    .map(|table| TokenFrom::OAuth2(Box::new(table)))?;
                self.token(&table, from)
            }
        }
    }

    /// Tells keys that need a token that is fetched.
    fn only_with_tokens(&mut self, table: &Table<'_>, kind: &str) {
        if matches!(kind, "token_command" | "oauth2") {
            return;
        }
        for name in keys::AUTH_TOKEN {
            if let Some((key, _)) = table.entry(name) {
                let message = format!("`{name}` means nothing to `{kind}`");
                let problem = Problem::new(&key.place, message);
                self.tell(problem.help("it goes with `token_command` and `oauth2`"));
            }
        }
    }

    fn basic(&mut self, node: &Node) -> Option<AuthTable> {
        let table = self.table(node, "`basic`", keys::AUTH_BASIC)?;
        let (user, password) = (
            self.needed(&table, "basic", "user"),
            self.needed(&table, "basic", "password"),
        );
        Some(AuthTable::Basic {
            user: user?,
            password: password?,
        })
    }

    fn auth_header(&mut self, node: &Node) -> Option<AuthTable> {
        let entries = self.entries(node, "`header`")?;
        if entries.is_empty() {
            let problem = Problem::new(&node.place, "`header` names no header");
            self.tell(problem.help("write for example { x-api-key = \"{{ env.API_KEY }}\" }"));
            return None;
        }
        let mut headers = Vec::new();
        for (name, node) in entries {
            let value = self.scalar(node, &format!("the header `{}`", name.value));
            headers.extend(value.map(|value| (name.clone(), value)));
        }
        (headers.len() == entries.len()).then_some(AuthTable::Header(headers))
    }

    fn token(&mut self, table: &Table<'_>, from: TokenFrom) -> Option<AuthTable> {
        let refresh = self.duration(table.get("refresh"), "`refresh`", false);
        let in_header = self.name(table.get("in_header"), "`in_header`");
        if matches!(refresh, Field::Broken) || matches!(in_header, Field::Broken) {
            return None;
        }
        Some(AuthTable::Token(Box::new(TokenTable {
            from,
            refresh: refresh.given().map(|given| given.value),
            in_header: in_header.given().cloned(),
        })))
    }

    fn oauth2(&mut self, node: &Node) -> Option<OAuth2Table> {
        let table = self.table(node, "`oauth2`", keys::OAUTH2)?;
        let mut needed = |key| self.needed(&table, "oauth2", key);
        let url = needed("token_url");
        let (id, secret) = (needed("client_id"), needed("client_secret"));
        let mut optional = |key: &str| self.template(table.get(key), &format!("`{key}`"));
        let (scope, audience) = (optional("scope"), optional("audience"));
        let in_body = self.word(
            table.get("client_auth"),
            "`client_auth`",
            "value of `client_auth`",
            &[("header", false), ("body", true)],
        );
        let per = [("run", false), ("user", true)];
        let per_user = self.word(table.get("per"), "`per`", "value of `per`", &per);
        let broken = matches!(scope, Field::Broken)
            || matches!(per_user, Field::Broken)
            || matches!(audience, Field::Broken)
            || matches!(in_body, Field::Broken);
        let value = |field: &Field<Source>| field.given().map(|given| given.value.clone());
        let read = OAuth2Table {
            token_url: url?,
            client_id: id?,
            client_secret: secret?,
            scope: value(&scope),
            audience: value(&audience),
            in_body: in_body.given().is_some_and(|given| given.value),
            per_user: per_user.given().is_some_and(|given| given.value),
        };
        (!broken).then_some(read)
    }

    /// A text that must be there.
    fn needed(&mut self, table: &Table<'_>, what: &str, key: &str) -> Option<Source> {
        let Some(node) = table.get(key) else {
            let problem = Problem::new(table.place, format!("`{what}` needs a `{key}`"));
            self.tell(problem);
            return None;
        };
        self.given(node, &format!("`{key}`"))
    }

    fn given(&mut self, node: &Node, what: &str) -> Option<Source> {
        let field = self.template(Some(node), what);
        field.given().map(|given| given.value.clone())
    }
}
