//! Who users say they are: the header fields of `auth`, and the tokens that are fetched for them.

use super::{
    Lowering,
    headers::{Headers, bad_name, merge},
};
use crate::{
    document::{
        AuthTable, CommandTable, Field, Located, OAuth2Table, Source, TokenFrom, TokenTable,
    },
    plan::{
        Body, Confided, Credential, Location, Message, QueryPart, TokenField, TokenSource,
        unfit_for_header,
    },
    problem::Problem,
    secrets::Secrecy,
    template::{Mode, Text, quote},
    url,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};

/// The fields of a head, as far as the file says them.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields {
    pub(super) headers: Headers,
    pub(super) token: Option<TokenField>,
}

impl Fields {
    pub(super) fn of(headers: Headers) -> Self {
        Self {
            headers,
            token: None,
        }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let token = self.token.iter().map(|token| token.name.as_str());
        let headers = self.headers.iter();
        headers.map(|(name, _)| name.as_str()).chain(token)
    }

    /// These with others over them.
    pub(super) fn below(self, above: Self) -> Self {
        let mut headers = merge(&self.headers, above.headers);
        let token = match above.token {
            Some(token) => {
                headers.retain(|(name, _)| *name != token.name);
                Some(token)
            }
            None => self
                .token
                .filter(|token| !headers.iter().any(|(name, _)| *name == token.name)),
        };
        Self { headers, token }
    }
}

impl Lowering<'_> {
    /// The fields of an `auth` that stands beside these headers: outer absence where it is wrong, inner where there is
    /// none.
    #[expect(clippy::option_option, reason = "wrong and none are two things")]
    pub(super) fn auth(
        &mut self,
        field: &Field<AuthTable>,
        beside: &[(Located<String>, Source)],
    ) -> Option<Option<Fields>> {
        let given = match field {
            Field::Absent => return Some(None),
            Field::Broken => return None,
            Field::Given(given) => given,
        };
        if !self.said_once(given, beside) {
            return None;
        }
        let fields = match &given.value {
            AuthTable::None => Fields::default(),
            AuthTable::Bearer(token) => Fields::of(self.bearer(token)?),
            AuthTable::Basic { user, password } => Fields::of(self.basic(user, password)?),
            AuthTable::Header(headers) => Fields::of(self.headers_as(headers, true)?),
            AuthTable::Token(table) => self.token(table)?,
        };
        Some(Some(fields))
    }

    /// Tells a header that stands beside an `auth` which sets the same; true where there is none.
    pub(super) fn said_once(
        &mut self,
        auth: &Located<AuthTable>,
        beside: &[(Located<String>, Source)],
    ) -> bool {
        let names = auth.value.header_names();
        let twice = beside.iter().find(|(known, _)| {
            let mut names = names.iter();
            names.any(|name| name.eq_ignore_ascii_case(&known.value))
        });
        let Some((known, _)) = twice else {
            return true;
        };
        let message = format!("`auth` sets the header `{}` already", known.value);
        let problem = Problem::new(&known.place, message);
        self.tell(problem.more(&auth.place, "`auth`").help("keep one of them"));
        false
    }

    fn bearer(&mut self, source: &Source) -> Option<Headers> {
        let token = self.secret(source)?;
        let trimmed = token.fixed().map(str::trim);
        let begins = |start: &str| {
            let head = trimmed.and_then(|text| text.get(..start.len()));
            head.is_some_and(|head| head.eq_ignore_ascii_case(start))
        };
        let problem = if trimmed == Some("") {
            let problem = Problem::new(&source.place, "the token is empty");
            problem.help("set the variable that it comes from")
        } else if begins("bearer ") {
            let problem = Problem::new(&source.place, "`bearer` is the token alone");
            problem.help("take the word before it out")
        } else {
            let value = match token {
                Text::Fixed(token) => Text::Fixed(format!("Bearer {}", token.trim())),
                Text::Template(_) => self.compiled(&format!("Bearer {}", source.text), source)?,
            };
            return Some(vec![("authorization".to_owned(), value)]);
        };
        self.tell(problem);
        None
    }

    fn basic(&mut self, user: &Source, password: &Source) -> Option<Headers> {
        let name = self
            .fold(user, Mode::Text, Secrecy::Open)
            .map(|folded| folded.text);
        let (name, secret) = (name?, self.secret(password)?);
        if let Some(text) = name.fixed().filter(|text| text.contains(':')) {
            let message = format!("the user `{text}` has a colon in it, where its name would end");
            self.tell(Problem::new(&user.place, message));
            return None;
        }
        let value = match (name.fixed(), secret.fixed()) {
            (Some(name), Some(secret)) => {
                let encoded = BASE64_STANDARD.encode(format!("{name}:{secret}"));
                self.secrets.add(&encoded);
                Text::Fixed(format!("Basic {encoded}"))
            }
            _ => {
                let pair = [(&name, user), (&secret, password)].map(|(text, source)| match text {
                    Text::Fixed(text) => format!("{{{{ {} }}}}", quote(text)),
                    Text::Template(_) => source.text.clone(),
                });
                self.basic_of_a_user(&pair, password)?
            }
        };
        Some(vec![("authorization".to_owned(), value)])
    }

    /// The value of a header that a template makes of two others.
    fn basic_of_a_user(&mut self, [left, right]: &[String; 2], around: &Source) -> Option<Text> {
        let whole = format!("Basic {{% filter base64 %}}{left}:{right}{{% endfilter %}}");
        self.compiled(&whole, around)
    }

    /// A text that is a secret, and that can stand in a header.
    fn secret(&mut self, source: &Source) -> Option<Text> {
        let folded = self.fold(source, Mode::Text, Secrecy::Secret)?;
        if let Some(bad) = folded.trial.trim().chars().find(|c| unfit_for_header(*c)) {
            let message = format!(
                "a header cannot hold the character {}",
                bad.escape_default()
            );
            self.tell(Problem::new(&source.place, message).help("a token is one line of text"));
            return None;
        }
        Some(folded.text)
    }

    /// A template around one that has been found good.
    fn compiled(&mut self, text: &str, around: &Source) -> Option<Text> {
        let whole = Source {
            text: text.to_owned(),
            verbatim: None,
            ..around.clone()
        };
        let folded = self.fold(&whole, Mode::Text, Secrecy::Open)?;
        Some(folded.text)
    }

    fn token(&mut self, table: &TokenTable) -> Option<Fields> {
        let source = match &table.from {
            TokenFrom::Command(command) => self.token_command(command),
            TokenFrom::OAuth2(oauth2) => self.oauth2(oauth2),
        };
        let (name, scheme) = match &table.in_header {
            None => ("authorization".to_owned(), "Bearer "),
            Some(header) => {
                let lower = header.value.to_ascii_lowercase();
                if let Some(problem) = bad_name(header, &lower) {
                    self.tell(problem);
                    return None;
                }
                (lower, "")
            }
        };
        let credential = self.credential(Credential {
            source: source?,
            refresh: table.refresh,
            per_user: matches!(&table.from, TokenFrom::OAuth2(oauth2) if oauth2.per_user),
        });
        Some(Fields {
            headers: Headers::new(),
            token: Some(TokenField {
                name,
                scheme,
                credential,
            }),
        })
    }

    /// The place of a credential among those of the plan: of the same one only once.
    fn credential(&mut self, credential: Credential) -> usize {
        let is_same = |known: &Credential| known.is_same(&credential);
        self.credentials
            .iter()
            .position(is_same)
            .unwrap_or_else(|| {
                self.credentials.push(credential);
                self.credentials.len() - 1
            })
    }

    fn token_command(&mut self, command: &Located<CommandTable>) -> Option<TokenSource> {
        let words = match &command.value {
            CommandTable::Line(line) => {
                let line = self.of_the_run(line, Secrecy::Open)?;
                vec!["sh".to_owned(), "-c".to_owned(), line]
            }
            CommandTable::Words(words) => words
                .iter()
                .map(|word| self.of_the_run(word, Secrecy::Open))
                .collect::<Option<_>>()?,
        };
        if words.last().is_none_or(|word| word.trim().is_empty()) {
            self.tell(Problem::new(&command.place, "`token_command` is empty"));
            return None;
        }
        Some(TokenSource::Command(words))
    }

    fn oauth2(&mut self, table: &OAuth2Table) -> Option<TokenSource> {
        let location = self.token_url(&table.token_url);
        let id = self.of_a_client(table, &table.client_id, Secrecy::Open);
        let secret = self.of_a_client(table, &table.client_secret, Secrecy::Secret);
        let fixed = |text: &str| Text::Fixed(text.to_owned());
        let mut pairs = vec![("grant_type", fixed("client_credentials"))];
        for (key, source) in [("scope", &table.scope), ("audience", &table.audience)] {
            if let Some(source) = source {
                pairs.push((key, self.of_a_client(table, source, Secrecy::Open)?));
            }
        }
        let (location, id, secret) = (location?, id?, secret?);
        let form = fixed("application/x-www-form-urlencoded");
        let mut headers = vec![
            ("accept", fixed("application/json")),
            ("content-type", form),
        ];
        if table.in_body {
            pairs.extend([("client_id", id), ("client_secret", secret)]);
        } else {
            headers.push(("authorization", self.client_header(table, &id, &secret)?));
        }
        let owned = |(key, value): (&str, Text)| (key.to_owned(), value);
        let pair = |(key, value): (&str, Text)| QueryPart {
            key: key.to_owned(),
            value,
        };
        Some(TokenSource::OAuth2(Box::new(Message {
            location,
            headers: headers.into_iter().map(owned).collect(),
            token: None,
            // Who repeats it gives it away.
            of_one_origin: vec!["authorization".to_owned()],
            confided: Confided::default(),
            unsaid: Vec::new(),
            body: Body::Form(pairs.into_iter().map(pair).collect()),
            compress: false,
            packed: None,
            fixed: None,
        })))
    }

    /// Id and secret of a client as a header (RFC 6749, section 2.3.1).
    fn client_header(&mut self, table: &OAuth2Table, id: &Text, secret: &Text) -> Option<Text> {
        let part = |text: &str| url::encode_component(text);
        if let (Some(id), Some(secret)) = (id.fixed(), secret.fixed()) {
            let encoded = BASE64_STANDARD.encode(format!("{}:{}", part(id), part(secret)));
            self.secrets.add(&encoded);
            return Some(Text::Fixed(format!("Basic {encoded}")));
        }
        let both = [(id, &table.client_id), (secret, &table.client_secret)];
        let pair = both.map(|(text, source)| match text {
            Text::Fixed(text) => format!("{{{{ {} }}}}", quote(&part(text))),
            Text::Template(_) => {
                format!("{{% filter urlencode %}}{}{{% endfilter %}}", source.text)
            }
        });
        self.basic_of_a_user(&pair, &table.client_secret)
    }

    /// A text about a client: the same for the whole run, unless each user is one.
    fn of_a_client(
        &mut self,
        table: &OAuth2Table,
        source: &Source,
        secrecy: Secrecy,
    ) -> Option<Text> {
        if !table.per_user {
            return self.of_the_run(source, secrecy).map(Text::Fixed);
        }
        let folded = self.fold(source, Mode::Text, secrecy)?;
        if folded
            .text
            .fixed()
            .is_some_and(|text| text.trim().is_empty())
        {
            let problem = Problem::new(&source.place, "this is empty");
            self.tell(problem.help("set the variable that it comes from"));
            return None;
        }
        Some(folded.text)
    }

    fn token_url(&mut self, source: &Source) -> Option<Location> {
        let text = self.of_the_run(source, Secrecy::Open)?;
        let location = Location {
            text: Text::Fixed(text.clone()),
            query: Vec::new(),
        };
        if text.starts_with('/') {
            if self.overrides.target.is_none() && self.document.target.is_absent() {
                let problem = Problem::new(&source.place, "a path needs a target");
                self.tell(problem.help("add `target`, or write a whole URL"));
                return None;
            }
            return Some(location);
        }
        match url::parse(&text) {
            Ok(_) => Some(location),
            Err(error) => {
                let place = match source.text == text {
                    true => source.part(&error.span),
                    false => source.place.clone(),
                };
                self.tell(Problem::new(place, error.message).maybe_help(error.help));
                None
            }
        }
    }

    /// A text that is the same for the whole run, as its token is.
    fn of_the_run(&mut self, source: &Source, secrecy: Secrecy) -> Option<String> {
        let text = match self.compiler.unknown(source) {
            // Whoever extracts it, and when: it is not the run's.
            Some(_) => None,
            None => self.fold(source, Mode::Text, secrecy)?.text.into_fixed(),
        };
        let reason = match text {
            Some(text) if !text.trim().is_empty() => return Some(text),
            Some(_) => Problem::new(&source.place, "this is empty")
                .help("set the variable that it comes from"),
            None => {
                let message = "a token that is fetched is the same for all users";
                Problem::new(&source.place, message)
                    .help("use `env` and `vars` only; with `per = \"user\"` each user of `oauth2` has one of its own")
            }
        };
        self.tell(reason);
        None
    }
}
