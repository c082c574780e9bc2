//! From a finished answer to its parts, and from a refused form to a safer
//! one. Pure but for the memory of what the server cannot do.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::domain::part::{Content, Format, Payload};
use crate::format;

/// Which formats the server has refused to know.
#[derive(Debug, Default)]
pub struct Server {
    no_rich: AtomicBool,
}

impl Server {
    /// The best format up to `wanted` that the server is known to take.
    #[must_use]
    pub fn format(&self, wanted: Format) -> Format {
        if wanted == Format::Rich && self.no_rich.load(Ordering::Relaxed) {
            return Format::Entities;
        }
        wanted
    }

    /// The server does not know rich messages.
    pub fn has_no_rich(&self) {
        self.no_rich.store(true, Ordering::Relaxed);
    }
}

/// The parts that say `markdown`.
#[must_use]
pub fn plan(markdown: &str, wanted: Format) -> Vec<Payload> {
    let contents: Vec<Content> = match wanted {
        Format::Rich => format::rich(markdown)
            .into_iter()
            .map(|markdown| Content::Rich { markdown })
            .collect(),
        Format::Entities => format::classic(markdown)
            .into_iter()
            .map(|formatted| Content::Classic {
                entities: serde_json::to_value(&formatted.entities)
                    .expect("entities are always JSON"),
                text: formatted.text,
            })
            .collect(),
        Format::Plain => format::plain(markdown)
            .into_iter()
            .map(|text| Content::Plain { text })
            .collect(),
    };
    contents
        .into_iter()
        .map(|content| Payload {
            content,
            reply_to: None,
            keyboard: None,
            document: None,
        })
        .collect()
}

/// The parts with what the model thought folded away above the first, where
/// there is room.
#[must_use]
pub fn with_thoughts(mut parts: Vec<Payload>, label: &str, thoughts: &str) -> Vec<Payload> {
    let Some(first) = parts.first_mut() else {
        return parts;
    };
    match &mut first.content {
        Content::Rich { markdown } => {
            if let Some(folded) = format::folded_rich(markdown, label, thoughts) {
                *markdown = folded;
            }
        }
        Content::Classic { text, entities } => {
            let known = entities.as_array().map_or(0, Vec::len);
            let folded = format::folded_classic(text, label, thoughts)
                .filter(|_| known < format::CLASSIC_ENTITIES_MAX);
            if let Some((quote, fold)) = folded {
                let by = format::utf16_len(&quote);
                let mut moved =
                    vec![serde_json::to_value(&fold).expect("an entity is always JSON")];
                for mut entity in entities.as_array().cloned().unwrap_or_default() {
                    let at = entity["offset"].as_u64().unwrap_or(0);
                    entity["offset"] = (at + by as u64).into();
                    moved.push(entity);
                }
                text.insert_str(0, &quote);
                *entities = moved.into();
            }
        }
        Content::Plain { .. } => {}
    }
    parts
}

/// The same words in the next safer form; `None` when there is none.
#[must_use]
pub fn safer(payload: &Payload) -> Option<Vec<Payload>> {
    let mut parts = match &payload.content {
        // Thoughts are folded into rich messages only: the answer goes on alone.
        Content::Rich { markdown } => plan(format::unfolded(markdown), Format::Entities),
        Content::Classic { text, .. } => plan_plain(text),
        Content::Plain { .. } => return None,
    };
    if parts.is_empty() {
        return None;
    }
    parts[0].reply_to = payload.reply_to;
    if let Some(last) = parts.last_mut() {
        last.keyboard.clone_from(&payload.keyboard);
    }
    Some(parts)
}

/// What a file holds, as messages: files may not be sent there.
#[must_use]
pub fn in_messages(payload: &Payload, text: &str, wanted: Format) -> Option<Vec<Payload>> {
    let mut parts = plan(text, wanted);
    parts.first_mut()?.reply_to = payload.reply_to;
    if let Some(last) = parts.last_mut() {
        last.keyboard.clone_from(&payload.keyboard);
    }
    Some(parts)
}

/// The same words in the same form, answering nothing.
#[must_use]
pub fn without_reply(payload: &Payload) -> Vec<Payload> {
    vec![Payload {
        reply_to: None,
        ..payload.clone()
    }]
}

fn plan_plain(text: &str) -> Vec<Payload> {
    vec![Payload::plain(text)]
}

/// The payload with a small mark: it may be there twice.
#[must_use]
pub fn marked(mut payload: Payload, mark: &str) -> Payload {
    let room = |text: &str, limit: usize| format::utf16_len(text) + mark.len() < limit;
    match &mut payload.content {
        Content::Rich { markdown } if room(markdown, 32_768) => {
            markdown.push_str("\n\n");
            markdown.push_str(mark);
        }
        // At the end, so that no entity moves.
        Content::Classic { text, .. } | Content::Plain { text } if room(text, 4096) => {
            text.push(' ');
            text.push_str(mark);
        }
        _ => {}
    }
    payload
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_thoughts_move_every_mark_and_vanish_where_their_form_is_refused() {
        let folded = |format| {
            let parts = plan("a **bold** word", format);
            with_thoughts(parts, "Thoughts", &"hm ".repeat(60)).remove(0)
        };
        let Content::Classic { text, entities } = folded(Format::Entities).content else {
            panic!("it is classic");
        };
        let bold = &entities[1];
        let units: Vec<u16> = text.encode_utf16().collect();
        let at = usize::try_from(bold["offset"].as_u64().unwrap()).unwrap();
        assert_eq!(String::from_utf16(&units[at..at + 4]).unwrap(), "bold");
        assert_eq!(entities[0]["type"], "expandable_blockquote");
        let rich = folded(Format::Rich);
        let Content::Rich { markdown } = &rich.content else {
            panic!("it is rich");
        };
        assert!(markdown.starts_with("<details>") && markdown.ends_with("a **bold** word"));
        let Content::Classic { text, .. } = safer(&rich).unwrap().remove(0).content else {
            panic!("it is classic");
        };
        assert_eq!(text, "a bold word");
    }

    #[test]
    fn a_refused_form_ends_in_plain_text_and_loses_nothing_but_the_form() {
        let mut payload = plan("**bold** and `code`", Format::Rich).remove(0);
        payload.reply_to = Some(7);
        let classic = safer(&payload).expect("there is a safer form");
        assert_eq!(classic[0].reply_to, Some(7));
        let plain = safer(&classic[0]).expect("there is a safer form");
        assert_eq!(
            plain[0].content,
            Content::Plain {
                text: "bold and code".into()
            }
        );
        assert_eq!(safer(&plain[0]), None);
    }
}
