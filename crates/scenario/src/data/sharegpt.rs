//! Conversations as ShareGPT and chat services write them, as rows with the turns of the person.

use serde_json::{Value, json};

/// A conversation as a row: `id`, `messages` (each with `role` and `content`), `turns` (what the person said), `prompt`
/// (the first of them). None where the person says nothing.
pub(super) fn row(conversation: &Value) -> Option<Value> {
    let told = ["conversations", "conversation", "messages", "items"];
    let list = told.iter().find_map(|key| conversation[*key].as_array());
    let list = list.or_else(|| conversation.as_array())?;
    let messages: Vec<(&str, &str)> = list.iter().filter_map(message).collect();
    let said = |(role, content): &(&str, &str)| (*role == "user").then(|| (*content).to_owned());
    let turns: Vec<String> = messages.iter().filter_map(said).collect();
    let first = turns.first()?.clone();
    let messages: Vec<Value> = messages
        .iter()
        .map(|(role, content)| json!({ "role": role, "content": content }))
        .collect();
    Some(json!({
        "id": conversation["id"],
        "messages": messages,
        "turns": turns,
        "prompt": first,
    }))
}

/// The role and the text of a message; none where it has no text.
fn message(message: &Value) -> Option<(&str, &str)> {
    let text = |keys: [&str; 3]| keys.into_iter().find_map(|key| message[key].as_str());
    let role = match text(["from", "role", "author"])? {
        "human" | "user" => "user",
        "gpt" | "chatgpt" | "assistant" | "bot" | "bing" | "bard" | "model" => "assistant",
        "system" => "system",
        other => other,
    };
    let content = text(["value", "content", "text"])?;
    (!content.trim().is_empty()).then_some((role, content))
}
