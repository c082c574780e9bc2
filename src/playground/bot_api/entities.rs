//! Text as Telegram counts it: UTF-16 units, entity bounds, and the entities
//! that clients add to what people type.

use serde_json::{Value, json};

use super::answer::Refusal;
use super::params::{Params, as_integer};
use super::parse_mode;

/// Most units of a text message.
pub(super) const TEXT_UNITS: usize = 4_096;

/// UTF-16 code units of a text.
pub(super) fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// The formatted text of a call: `text` with `entities` or `parse_mode`,
/// trimmed, checked for length and bounds.
pub(super) fn formatted(params: Params<'_>, text: &str) -> Result<(String, Vec<Value>), Refusal> {
    let (text, entities) = match params.text("parse_mode").filter(|mode| !mode.is_empty()) {
        Some(mode) => parse_mode::parse(text, &mode)?,
        None => (
            text.to_owned(),
            params.array("entities", "entities")?.unwrap_or_default(),
        ),
    };
    check(&text, &entities)?;
    Ok((text, entities))
}

/// Length of a text that is to be sent.
pub(super) fn check_length(text: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::bad("text must be non-empty"));
    }
    if units(text) > TEXT_UNITS {
        return Err(Refusal::bad("message is too long"));
    }
    Ok(())
}

/// Every entity lies inside the text and cuts no character in half. Stricter
/// than the real server, which silently drops some: a wrong offset is a bug of
/// the sender either way.
pub(super) fn check(text: &str, entities: &[Value]) -> Result<(), Refusal> {
    let total = units(text);
    let mut borders = vec![false; total + 1];
    let mut at = 0;
    for character in text.chars() {
        borders[at] = true;
        at += character.len_utf16();
    }
    borders[total] = true;
    for entity in entities {
        let number = |name: &str| {
            entity
                .get(name)
                .and_then(as_integer)
                .and_then(|value| usize::try_from(value).ok())
        };
        let kind = entity.get("type").and_then(Value::as_str);
        if kind.is_none() {
            return Err(Refusal::bad(
                "can't parse MessageEntity: Can't find field \"type\"",
            ));
        }
        let (Some(offset), Some(length)) = (number("offset"), number("length")) else {
            return Err(Refusal::bad("ENTITY_BOUNDS_INVALID"));
        };
        let end = offset.saturating_add(length);
        if length == 0 || end > total || !borders[offset] || !borders[end] {
            return Err(Refusal::bad("ENTITY_BOUNDS_INVALID"));
        }
    }
    Ok(())
}

/// What a client marks in typed text: bot commands, mentions and links.
pub(super) fn typed(text: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut offset = 0;
    let mut after_space = true;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let word: &str = rest
            .split_once(char::is_whitespace)
            .map_or(rest, |(word, _)| word);
        let marked = if after_space { mark(word) } else { None };
        let step = match marked {
            Some((kind, length)) => {
                let piece = &word[..length];
                found.push(json!({
                    "type": kind,
                    "offset": offset,
                    "length": units(piece),
                }));
                length
            }
            None => first.len_utf8(),
        };
        after_space = marked.is_none() && first.is_whitespace();
        offset += units(&rest[..step]);
        rest = &rest[step..];
    }
    found
}

/// The entity a word begins with and its length in bytes.
fn mark(word: &str) -> Option<(&'static str, usize)> {
    let name = |text: &str| {
        text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .unwrap_or(text.len())
    };
    if let Some(command) = word.strip_prefix('/') {
        let mut length = name(command);
        if length == 0 || length > 32 {
            return None;
        }
        if let Some(bot) = command[length..].strip_prefix('@') {
            length += 1 + name(bot);
        }
        return Some(("bot_command", 1 + length));
    }
    if let Some(person) = word.strip_prefix('@') {
        let length = name(person);
        return (length >= 3).then_some(("mention", 1 + length));
    }
    if word.starts_with("https://") || word.starts_with("http://") {
        let length = word.trim_end_matches(['.', ',', ')', ';', '!', '?']).len();
        return Some(("url", length));
    }
    None
}

/// Splits a paste as clients do: pieces of at most [`TEXT_UNITS`], cut at the
/// last line end or space where there is one.
pub(super) fn split_paste(text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while units(rest) > TEXT_UNITS {
        let mut count = 0;
        let hard = rest
            .char_indices()
            .find(|(_, character)| {
                count += character.len_utf16();
                count > TEXT_UNITS
            })
            .map_or(rest.len(), |(at, _)| at);
        let head = &rest[..hard];
        let cut = head
            .rfind('\n')
            .or_else(|| head.rfind(' '))
            .filter(|at| *at > hard / 2)
            .map_or(hard, |at| at + 1);
        pieces.push(rest[..cut].trim_end().to_owned());
        rest = &rest[cut..];
    }
    pieces.push(rest.to_owned());
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_mentions_are_marked_where_a_word_begins() {
        let found = typed("😀 /stop@lastword_bot now a/b @alice_x x@yyyy");
        assert_eq!(
            found,
            vec![
                json!({"type": "bot_command", "offset": 3, "length": 18}),
                json!({"type": "mention", "offset": 30, "length": 8}),
            ]
        );
    }

    #[test]
    fn an_entity_may_not_cut_a_character_in_half() {
        let bold = |offset: i64, length: i64| {
            vec![json!({"type": "bold", "offset": offset, "length": length})]
        };
        check("a😀b", &bold(1, 2)).unwrap();
        check("a😀b", &bold(1, 1)).unwrap_err();
        check("a😀b", &bold(2, 2)).unwrap_err();
        check("a😀b", &bold(3, 2)).unwrap_err();
        check("a😀b", &bold(0, 0)).unwrap_err();
    }

    #[test]
    fn a_paste_is_split_without_losing_a_word() {
        let text = "word ".repeat(2_000);
        let pieces = split_paste(&text);
        assert_eq!(pieces.len(), 3);
        assert!(pieces.iter().all(|piece| units(piece) <= TEXT_UNITS));
        let words: usize = pieces.iter().map(|p| p.split_whitespace().count()).sum();
        assert_eq!(words, 2_000);
    }
}
