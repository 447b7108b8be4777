//! Prompts of a wanted length, for services that do not care what they are asked.

use super::scope::{User, mix};
use minijinja::{
    Error, ErrorKind,
    value::{Kwargs, Value, from_args},
};
use rand::RngExt as _;

/// The longest prompt, in tokens.
const LONGEST: u64 = 1_000_000;

/// Words that are one token each, with the space before them, where tokens were learnt from English text. Their number is
/// a power of two, so that a word is eight bits of a number.
const WORDS: [&str; 256] = [
    "the",
    "of",
    "and",
    "to",
    "in",
    "is",
    "you",
    "that",
    "it",
    "he",
    "was",
    "for",
    "on",
    "are",
    "as",
    "with",
    "his",
    "they",
    "at",
    "be",
    "this",
    "have",
    "from",
    "or",
    "one",
    "had",
    "by",
    "word",
    "but",
    "not",
    "what",
    "all",
    "were",
    "we",
    "when",
    "your",
    "can",
    "said",
    "there",
    "use",
    "an",
    "each",
    "which",
    "she",
    "do",
    "how",
    "their",
    "if",
    "will",
    "up",
    "other",
    "about",
    "out",
    "many",
    "then",
    "them",
    "these",
    "so",
    "some",
    "her",
    "would",
    "make",
    "like",
    "him",
    "into",
    "time",
    "has",
    "look",
    "two",
    "more",
    "write",
    "go",
    "see",
    "number",
    "no",
    "way",
    "could",
    "people",
    "my",
    "than",
    "first",
    "water",
    "been",
    "call",
    "who",
    "oil",
    "its",
    "now",
    "find",
    "long",
    "down",
    "day",
    "did",
    "get",
    "come",
    "made",
    "may",
    "part",
    "over",
    "new",
    "sound",
    "take",
    "only",
    "little",
    "work",
    "know",
    "place",
    "year",
    "live",
    "me",
    "back",
    "give",
    "most",
    "very",
    "after",
    "thing",
    "our",
    "just",
    "name",
    "good",
    "sentence",
    "man",
    "think",
    "say",
    "great",
    "where",
    "help",
    "through",
    "much",
    "before",
    "line",
    "right",
    "too",
    "mean",
    "old",
    "any",
    "same",
    "tell",
    "boy",
    "follow",
    "came",
    "want",
    "show",
    "also",
    "around",
    "form",
    "three",
    "small",
    "set",
    "put",
    "end",
    "does",
    "another",
    "well",
    "large",
    "must",
    "big",
    "even",
    "such",
    "because",
    "turn",
    "here",
    "why",
    "ask",
    "went",
    "men",
    "read",
    "need",
    "land",
    "different",
    "home",
    "us",
    "move",
    "try",
    "kind",
    "hand",
    "picture",
    "again",
    "change",
    "off",
    "play",
    "air",
    "away",
    "animal",
    "house",
    "point",
    "page",
    "letter",
    "mother",
    "answer",
    "found",
    "study",
    "still",
    "learn",
    "should",
    "world",
    "high",
    "every",
    "near",
    "add",
    "food",
    "between",
    "own",
    "below",
    "country",
    "plant",
    "last",
    "school",
    "father",
    "keep",
    "tree",
    "never",
    "start",
    "city",
    "earth",
    "eye",
    "light",
    "thought",
    "head",
    "under",
    "story",
    "saw",
    "left",
    "few",
    "while",
    "along",
    "might",
    "close",
    "something",
    "seem",
    "next",
    "hard",
    "open",
    "example",
    "begin",
    "life",
    "always",
    "those",
    "both",
    "paper",
    "together",
    "got",
    "group",
    "often",
    "run",
    "important",
    "until",
    "children",
    "side",
    "feet",
    "car",
    "mile",
    "night",
    "river",
    "second",
    "enough",
];

/// What a prompt is to be.
struct Wanted {
    /// Words in all.
    tokens: u64,
    /// Words at its beginning that every prompt of the run shares.
    shared: u64,
    /// Whether it begins as no other prompt of the run does.
    unique: bool,
}

/// `prompt(tokens=512, unique=true)` or `prompt(tokens=512, prefix_share=0.5)`.
pub(super) fn prompt(user: &User, args: &[Value]) -> Result<Value, Error> {
    let wanted = wanted(args)?;
    let mut words = Vec::new();
    if wanted.unique {
        let (vu, number) = user.next_unique();
        words.extend(marker(vu, number, user.run_seed()));
        words.truncate(usize::try_from(wanted.tokens).unwrap_or(usize::MAX));
    }
    let mut state = mix(user.run_seed() ^ 0x7072_6f6d_7074_0000);
    for _ in 0..wanted.shared {
        state = mix(state);
        words.push(word(state >> 56));
    }
    let rest = wanted.tokens.saturating_sub(words.len() as u64);
    user.random(|random| {
        words.extend((0..rest).map(|_| word(random.random_range(0..256_u64))));
    });
    Ok(Value::from(words.join(" ")))
}

fn wanted(args: &[Value]) -> Result<Wanted, Error> {
    let (first, named): (Option<u64>, Kwargs) = from_args(args)?;
    let named_tokens: Option<u64> = named.get("tokens")?;
    let unique: Option<bool> = named.get("unique")?;
    let share: Option<f64> = named.get("prefix_share")?;
    named.assert_all_used()?;
    let Some(tokens) = first.or(named_tokens) else {
        return refuse("prompt: needs a length, such as prompt(tokens=512)".to_owned());
    };
    if !(1..=LONGEST).contains(&tokens) {
        return refuse(format!("prompt(tokens={tokens}): from 1 to {LONGEST}"));
    }
    let unique = unique.unwrap_or(false);
    let share = share.unwrap_or(0.0);
    if !(0.0..=1.0).contains(&share) {
        return refuse(format!("prompt(prefix_share={share}): from 0 to 1"));
    }
    if unique && share > 0.0 {
        return refuse(
            "prompt: a prompt that begins as no other shares no beginning: give unique or prefix_share".to_owned(),
        );
    }
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of at most a million"
    )]
    let shared = (tokens as f64 * share).round() as u64;
    Ok(Wanted {
        tokens,
        shared,
        unique,
    })
}

/// Eight words that no other prompt of the run begins with: the bits of the user's number and of its own, stirred so that
/// neighbours differ from the first word on.
fn marker(vu: u64, number: u64, seed: u64) -> impl Iterator<Item = &'static str> {
    // The number of a user may be as large as numbers go, so that the two cannot stand side by side in one.
    let bits = mix(mix(mix(seed) ^ vu) ^ number);
    (0..8).map(move |place| word(bits >> (8 * place)))
}

fn word(bits: u64) -> &'static str {
    WORDS[usize::try_from(bits & 0xFF).unwrap_or_default()]
}

fn refuse<T>(message: String) -> Result<T, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn words_differ() {
        let words: HashSet<&str> = WORDS.into_iter().collect();
        assert_eq!(words.len(), 256);
        assert!(
            words
                .iter()
                .all(|word| word.chars().all(|c| c.is_ascii_lowercase()))
        );
    }

    #[test]
    fn no_two_markers_are_the_same() {
        let mut seen = HashSet::new();
        // A seat of a search is taken by another user in each turn.
        let users = (0..4_u64).flat_map(|turn| (1..=50).map(move |seat| turn << 32 | seat));
        for vu in users {
            for number in 0..50 {
                let words: Vec<&str> = marker(vu, number, 7).collect();
                assert!(seen.insert(words), "{vu}, {number}");
            }
        }
    }
}
