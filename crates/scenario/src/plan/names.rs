//! The names of what a plan can hold, as the file and the wire have them.

use super::{DialectName, HttpVersion, Method, OnFailure};

impl Method {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::Get,
        Self::Post,
        Self::Put,
        Self::Patch,
        Self::Delete,
        Self::Head,
        Self::Options,
    ];

    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Head => "HEAD",
            Self::Options => "OPTIONS",
        }
    }

    /// The key of a step.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Put => "put",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::Head => "head",
            Self::Options => "options",
        }
    }
}

impl DialectName {
    /// Every one by its name.
    pub const NAMES: [(&'static str, Self); 5] = [
        ("openai", Self::OpenAi),
        ("anthropic", Self::Anthropic),
        ("ollama", Self::Ollama),
        ("sse", Self::Sse),
        ("ndjson", Self::Ndjson),
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Ollama => "ollama",
            Self::Sse => "sse",
            Self::Ndjson => "ndjson",
        }
    }

    /// Whether it tells visible output from reasoning.
    #[must_use]
    pub const fn tells_text(self) -> bool {
        matches!(self, Self::OpenAi | Self::Anthropic | Self::Ollama)
    }
}

impl OnFailure {
    /// Its name in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Continue => "continue",
            Self::NextIteration => "next_iteration",
            Self::StopUser => "stop_user",
        }
    }
}

impl HttpVersion {
    /// Its name in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http1 => "1.1",
            Self::Http2 => "2",
            Self::Auto => "auto",
        }
    }
}
