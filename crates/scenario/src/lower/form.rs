//! The bodies that are no plain text: forms, parts, files.

use super::Lowering;
use crate::{
    document::{Located, Pairs, PartTable, QueryValue},
    plan::{Body, Multipart, Part, PartContent, QueryPart},
    problem::Problem,
    secrets::{Secrecy, is_secret_name},
    template::{Mode, Text},
};
use sha2::{Digest, Sha256};

/// Content types by the ending of a file's name.
const TYPES: &[(&str, &str)] = &[
    ("csv", "text/csv"),
    ("gif", "image/gif"),
    ("htm", "text/html"),
    ("html", "text/html"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("json", "application/json"),
    ("md", "text/markdown"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("txt", "text/plain"),
    ("wav", "audio/wav"),
    ("webp", "image/webp"),
    ("xml", "application/xml"),
    ("zip", "application/zip"),
];

impl Lowering<'_> {
    /// The content of a file that the scenario names.
    pub(super) fn file(&mut self, file: &Located<String>) -> Option<Vec<u8>> {
        let known = self.overrides.files.get(&file.value);
        let reason = match known {
            Some(Ok(bytes)) => return Some(bytes.clone()),
            Some(Err(reason)) => reason.as_str(),
            None if file.value.contains("{{") => "its name cannot hold templates",
            None => "it was not read",
        };
        let message = format!("failed to read the file `{}`: {reason}", file.value);
        let problem = Problem::new(&file.place, message);
        self.tell(problem.help("a relative path begins at the folder of the scenario"));
        None
    }

    pub(super) fn form(&mut self, pairs: &Pairs) -> Option<Body> {
        self.pairs(pairs).map(Body::Form)
    }

    /// Names with their values, as forms and queries have them; a name may have several.
    pub(super) fn pairs(&mut self, pairs: &Pairs) -> Option<Vec<QueryPart>> {
        let mut parts = Vec::new();
        let mut complete = true;
        for (key, value) in pairs {
            let sources = match value {
                QueryValue::One(source) => std::slice::from_ref(source),
                QueryValue::Many(sources) => sources.as_slice(),
            };
            let secrecy = Secrecy::when(is_secret_name(&key.value));
            for source in sources {
                match self.fold(source, Mode::Text, secrecy) {
                    Some(folded) => parts.push(QueryPart {
                        key: key.value.clone(),
                        value: folded.text,
                    }),
                    None => complete = false,
                }
            }
        }
        complete.then_some(parts)
    }

    pub(super) fn multipart(&mut self, tables: &[PartTable]) -> Option<Body> {
        let parts: Vec<_> = tables.iter().map(|table| self.part(table)).collect();
        let parts: Vec<Part> = parts.into_iter().collect::<Option<_>>()?;
        let boundary = boundary(&parts);
        Some(Body::Multipart(Multipart { boundary, parts }))
    }

    fn part(&mut self, table: &PartTable) -> Option<Part> {
        let name = &table.name.given()?.value;
        let (content, implied) = match (table.value.given(), table.file.given()) {
            (Some(value), _) => {
                let secrecy = Secrecy::when(is_secret_name(name));
                let folded = self.fold(&value.value, Mode::Text, secrecy)?;
                (PartContent::Text(folded.text), None)
            }
            (None, Some(file)) => {
                let last = file.value.rsplit(['/', '\\']).next();
                (PartContent::Bytes(self.file(file)?), last)
            }
            (None, None) => return None,
        };
        let filename = table.filename.given().map(|given| given.value.as_str());
        let filename = filename.or(implied);
        let kind = table.content_type.given().map(|given| given.value.as_str());
        let kind = kind.or(implied.map(content_type));
        let mut head = format!("content-disposition: form-data; name=\"{}\"", quoted(name));
        if let Some(filename) = filename {
            head.push_str(&format!("; filename=\"{}\"", quoted(filename)));
        }
        head.push_str("\r\n");
        if let Some(kind) = kind {
            head.push_str(&format!("content-type: {kind}\r\n"));
        }
        Some(Part { head, content })
    }
}

/// A name between quotes, as browsers write it (WHATWG HTML, "multipart/form-data").
fn quoted(name: &str) -> String {
    name.replace('"', "%22")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// What a file with that name holds, as far as its ending tells.
fn content_type(name: &str) -> &'static str {
    let ending = name
        .rsplit_once('.')
        .map_or_else(String::new, |(_, ending)| ending.to_ascii_lowercase());
    let known = TYPES.iter().find(|(known, _)| *known == ending);
    known.map_or("application/octet-stream", |(_, kind)| kind)
}

/// A boundary that is the same for the same parts, and that nobody could have put into one of them.
fn boundary(parts: &[Part]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(&part.head);
        match &part.content {
            PartContent::Text(Text::Fixed(text)) => digest.update(text),
            PartContent::Text(text) => digest.update(text.source()),
            PartContent::Bytes(bytes) => digest.update(bytes),
        }
    }
    let hash: String = digest
        .finalize()
        .iter()
        .take(12)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("loadgen-{hash}")
}
