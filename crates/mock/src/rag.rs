//! Serves what stands around a chat that looks things up: a search for documents, and feedback on an answer.

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::openai;
use crate::reply::Reply;

/// What is found: titles with texts.
const DOCUMENTS: [(&str, &str); 5] = [
    ("Returns", "Goods can be sent back within thirty days."),
    ("Delivery", "Parcels take two to four days."),
    ("Payment", "We take cards and bank transfers."),
    ("Warranty", "Two years from the day of delivery."),
    ("Contact", "Write to us at any hour."),
];
/// How many documents one search finds.
const FOUND: usize = 3;

/// `GET /search?q=…`: three documents, the same for the same words.
pub(crate) fn search(query: Option<&str>) -> Reply {
    let asked = query
        .unwrap_or_default()
        .split('&')
        .find_map(|pair| pair.strip_prefix("q="))
        .filter(|asked| !asked.is_empty());
    let Some(asked) = asked else {
        return refuse("the query must hold 'q', what is searched for");
    };
    let first: usize = asked.bytes().map(usize::from).sum();
    let found = (0..FOUND).map(|place| {
        let number = (first + place) % DOCUMENTS.len();
        let (title, text) = DOCUMENTS[number];
        json!({ "id": format!("doc-{number}"), "title": title, "text": text, "rank": place + 1 })
    });
    let documents: Vec<Value> = found.collect();
    Reply::json(StatusCode::OK, &json!({ "documents": documents }))
}

/// `POST /feedback`: taken where it rates an answer from 1 to 5.
pub(crate) fn feedback(number: u64, body: &[u8]) -> Reply {
    let body: Value = match serde_json::from_slice(body) {
        Ok(body) => body,
        Err(error) => return refuse(&format!("the body is not JSON: {error}")),
    };
    let rating = body["rating"]
        .as_u64()
        .filter(|rating| (1..=5).contains(rating));
    let Some(rating) = rating else {
        return refuse("'rating' must be a whole number from 1 to 5");
    };
    let told = json!({ "id": format!("feedback-{number}"), "rating": rating });
    Reply::json(StatusCode::CREATED, &told)
}

fn refuse(message: &str) -> Reply {
    Reply::json(StatusCode::BAD_REQUEST, &openai::error(400, message))
}
