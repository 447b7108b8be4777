//! Finds what a path stands for, and which methods it takes.

use hyper::Method;

use crate::dialect::Dialect;
use crate::{anthropic, ollama, openai, responses};

/// What a path stands for.
#[derive(Clone, Copy)]
pub(crate) enum Target<'a> {
    Tokens(&'static dyn Dialect),
    Plain,
    Analytics,
    Login,
    Token,
    Me,
    Search,
    Feedback,
    Health,
    Status(&'a str),
    Echo,
    Truth,
}

impl<'a> Target<'a> {
    /// What `path` stands for.
    pub(crate) fn find(path: &'a str) -> Option<Self> {
        Some(match path {
            "/v1/chat/completions" => Self::Tokens(&openai::Chat),
            "/v1/completions" => Self::Tokens(&openai::Completions),
            "/v1/responses" => Self::Tokens(&responses::Responses),
            "/v1/messages" => Self::Tokens(&anthropic::Messages),
            "/api/chat" => Self::Tokens(&ollama::Chat),
            "/api/generate" => Self::Tokens(&ollama::Generate),
            "/plain" => Self::Plain,
            "/analytics" => Self::Analytics,
            "/login" => Self::Login,
            "/oauth/token" => Self::Token,
            "/me" => Self::Me,
            "/search" => Self::Search,
            "/feedback" => Self::Feedback,
            "/health" => Self::Health,
            "/echo" => Self::Echo,
            "/_truth" => Self::Truth,
            _ => Self::Status(path.strip_prefix("/status/")?),
        })
    }

    /// The methods it takes, as the `Allow` header says them; none if it takes any.
    fn methods(self) -> Option<&'static str> {
        match self {
            Self::Plain | Self::Status(_) | Self::Echo => None,
            Self::Tokens(_) | Self::Login | Self::Token | Self::Feedback => Some("POST"),
            Self::Analytics | Self::Me | Self::Search | Self::Health => Some("GET, HEAD"),
            Self::Truth => Some("GET, DELETE"),
        }
    }

    /// The methods it takes, if `method` is none of them.
    pub(crate) fn methods_without(self, method: &Method) -> Option<&'static str> {
        self.methods()
            .filter(|methods| methods.split(", ").all(|taken| taken != method.as_str()))
    }

    /// Whether it stands for a service that can be overloaded and fail.
    pub(crate) fn can_fail(self) -> bool {
        matches!(
            self,
            Self::Tokens(_)
                | Self::Plain
                | Self::Analytics
                | Self::Login
                | Self::Me
                | Self::Search
                | Self::Feedback
        )
    }

    /// The token API it is, if it is one.
    pub(crate) fn dialect(self) -> Option<&'static dyn Dialect> {
        if let Self::Tokens(dialect) = self {
            Some(dialect)
        } else {
            None
        }
    }

    /// Whether its answer depends on the request's body.
    pub(crate) fn reads_body(self) -> bool {
        matches!(
            self,
            Self::Tokens(_) | Self::Login | Self::Token | Self::Feedback | Self::Echo
        )
    }
}
