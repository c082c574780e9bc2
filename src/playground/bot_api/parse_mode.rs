//! `parse_mode` as other clients use it: HTML with Telegram's tags. Enough to
//! judge a sender; the daemon itself sends entities.

use serde_json::{Map, Value, json};

use super::answer::Refusal;
use super::entities::units;

/// Text and entities of marked-up text.
pub(super) fn parse(text: &str, mode: &str) -> Result<(String, Vec<Value>), Refusal> {
    match mode.to_ascii_lowercase().as_str() {
        "html" => html(text),
        // Markdown is taken as it stands: what arrives is visible to the test.
        "markdown" | "markdownv2" => Ok((text.to_owned(), Vec::new())),
        _ => Err(Refusal::bad("unsupported parse_mode")),
    }
}

struct Open {
    tag: String,
    entity: Option<Map<String, Value>>,
    offset: usize,
}

fn html(source: &str) -> Result<(String, Vec<Value>), Refusal> {
    let mut text = String::new();
    let mut entities = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        match first {
            '<' => {
                let Some((inside, after)) = rest[1..].split_once('>') else {
                    return Err(broken("unclosed start tag", source, rest));
                };
                if let Some(name) = inside.strip_prefix('/') {
                    close(name, &mut open, &mut entities, units(&text))
                        .ok_or_else(|| broken("unexpected end tag", source, rest))?;
                } else {
                    open.push(
                        start(inside, units(&text))
                            .ok_or_else(|| broken("unsupported start tag", source, rest))?,
                    );
                }
                rest = after;
            }
            '&' => {
                let (character, length) = reference(rest);
                text.push(character);
                rest = &rest[length..];
            }
            other => {
                text.push(other);
                rest = &rest[other.len_utf8()..];
            }
        }
    }
    if !open.is_empty() {
        return Err(broken("can't find end tag", source, ""));
    }
    entities.sort_by_key(|entity| entity.get("offset").and_then(Value::as_u64));
    Ok((text, entities))
}

fn broken(what: &str, source: &str, rest: &str) -> Refusal {
    let at = source.len() - rest.len();
    Refusal::bad(&format!("can't parse entities: {what} at byte offset {at}"))
}

fn start(inside: &str, offset: usize) -> Option<Open> {
    let (tag, attributes) = inside.split_once(' ').unwrap_or((inside, ""));
    let tag = tag.to_ascii_lowercase();
    let attribute = |name: &str| {
        let (_, after) = attributes.split_once(&format!("{name}=\""))?;
        after.split_once('"').map(|(value, _)| value.to_owned())
    };
    let mut entity = Map::new();
    let kind = match tag.as_str() {
        "b" | "strong" => "bold",
        "i" | "em" => "italic",
        "u" | "ins" => "underline",
        "s" | "strike" | "del" => "strikethrough",
        "tg-spoiler" | "span" => "spoiler",
        "code" => "code",
        "pre" => "pre",
        "blockquote" => "blockquote",
        "a" => {
            entity.insert("url".to_owned(), attribute("href")?.into());
            "text_link"
        }
        _ => return None,
    };
    entity.insert("type".to_owned(), kind.into());
    Some(Open {
        tag,
        entity: Some(entity),
        offset,
    })
}

fn close(name: &str, open: &mut Vec<Open>, entities: &mut Vec<Value>, end: usize) -> Option<()> {
    let top = open.pop()?;
    if top.tag != name.trim().to_ascii_lowercase() {
        return None;
    }
    let mut entity = top.entity?;
    if end > top.offset {
        entity.insert("offset".to_owned(), json!(top.offset));
        entity.insert("length".to_owned(), json!(end - top.offset));
        entities.push(Value::Object(entity));
    }
    Some(())
}

fn reference(rest: &str) -> (char, usize) {
    for (name, character) in [
        ("&lt;", '<'),
        ("&gt;", '>'),
        ("&amp;", '&'),
        ("&quot;", '"'),
    ] {
        if rest.starts_with(name) {
            return (character, name.len());
        }
    }
    ('&', 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_becomes_text_and_entities() {
        let (text, entities) = parse("a <b>b &lt;<i>c</i></b> 😀", "HTML").unwrap();
        assert_eq!(text, "a b <c 😀");
        assert_eq!(
            entities,
            vec![
                json!({"type": "bold", "offset": 2, "length": 4}),
                json!({"type": "italic", "offset": 5, "length": 1}),
            ]
        );
    }

    #[test]
    fn broken_html_is_refused_in_the_servers_words() {
        let refusal = parse("<b>x", "HTML").unwrap_err();
        assert!(
            refusal
                .description
                .starts_with("Bad Request: can't parse entities:")
        );
        parse("<table>", "html").unwrap_err();
        parse("x", "rtf").unwrap_err();
    }
}
