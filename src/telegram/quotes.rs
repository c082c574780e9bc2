//! What Telegram says of a refused call may quote what was in it, and that may
//! be somebody's text: "unsupported start tag …". Such words are left out of the
//! description before anybody sees it; those by which refusals are told from
//! each other stay.

use serde_json::Value;

use super::errors;

/// Shorter words tell nothing.
const WORD: usize = 4;

/// Words of Telegram's own that people use, too.
const ITS_OWN: &[&str] = &[
    "request",
    "forbidden",
    "conflict",
    "message",
    "modified",
    "exactly",
    "same",
    "parse",
    "entities",
    "entity",
    "unsupported",
    "start",
    "closing",
    "byte",
    "offset",
    "empty",
    "long",
    "invalid",
    "button",
    "text",
    "must",
    "reply",
    "markup",
    "webhook",
    "terminated",
    "other",
    "make",
    "sure",
    "only",
    "instance",
    "running",
    "unauthorized",
    "found",
    "internal",
    "server",
    "error",
    "retry",
    "after",
    "many",
    "requests",
    "wrong",
    "file",
    "identifier",
    "failed",
];

/// The description without what it quotes of `sent`.
pub(super) fn withheld(description: &str, sent: &Value) -> String {
    let mut said = String::new();
    collect(sent, &mut said);
    let said = said.to_lowercase();
    let in_word = |c: char| c.is_alphanumeric() || c == '_' || c == '\'';
    let mut out = String::with_capacity(description.len());
    let mut rest = description;
    while !rest.is_empty() {
        let end = rest.find(|c| !in_word(c)).unwrap_or(rest.len());
        let word = &rest[..end];
        let lower = word.to_lowercase();
        let is_quoted = word.chars().count() >= WORD
            && said.contains(&lower)
            && !ITS_OWN.contains(&lower.as_str())
            && !errors::known_parts().any(|part| part.contains(&lower));
        out.push_str(if is_quoted { "…" } else { word });
        rest = &rest[end..];
        let gap = rest.find(in_word).unwrap_or(rest.len());
        out.push_str(&rest[..gap]);
        rest = &rest[gap..];
    }
    out
}

/// Everything that was said, on lines of its own.
fn collect(value: &Value, said: &mut String) {
    match value {
        Value::String(text) => {
            said.push_str(text);
            said.push('\n');
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, said)),
        Value::Object(fields) => fields.values().for_each(|value| collect(value, said)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_refusal_quotes_of_a_text_is_not_repeated_and_its_meaning_stays() {
        let sent = json!({
            "chat_id": 7,
            "rich_message": {"markdown": "My <diary> of the message to edit, not found: Größe"},
        });
        for (says, shown) in [
            (
                "Bad Request: can't parse entities: unsupported start tag \"Diary\" at byte offset 4",
                "Bad Request: can't parse entities: unsupported start tag \"…\" at byte offset 4",
            ),
            (
                "Bad Request: message to edit not found",
                "Bad Request: message to edit not found",
            ),
            ("Bad Request: größe?", "Bad Request: …?"),
            ("", ""),
        ] {
            assert_eq!(withheld(says, &sent), shown);
        }
    }
}
