//! Reading an update out of its JSON, field by field.
//!
//! A field in a shape we do not know costs that field and never the message.
//! Must never panic, whatever the bytes.

use serde_json::Value;

use super::{
    Chat, ChatKind, Event, Link, Mark, Message, Person, Press, Quoted, Stamp, Update, media,
};
use super::{Side, Way, connection};
use crate::domain::ids::{ChatId, TurnId, UserId};

/// Reads an update.
#[must_use]
pub fn parse(raw: &[u8]) -> Update {
    let Ok(value) = serde_json::from_slice::<Value>(raw) else {
        return Update {
            id: find_update_id(raw),
            event: None,
            stamp: None,
        };
    };
    Update {
        id: value["update_id"].as_i64(),
        event: event(&value),
        stamp: ["message", "channel_post"]
            .iter()
            .find_map(|kind| stamp(&value[kind])),
    }
}

fn stamp(message: &Value) -> Option<Stamp> {
    Some(Stamp {
        chat: ChatId(message["chat"]["id"].as_i64()?),
        id: message["message_id"].as_i64()?,
        date: message["date"].as_i64().unwrap_or(0),
    })
}

/// The id inside bytes that are not (quite) JSON, so that they can be
/// confirmed and never come back.
fn find_update_id(raw: &[u8]) -> Option<i64> {
    const KEY: &[u8] = b"\"update_id\":";
    let at = raw.windows(KEY.len()).position(|w| w == KEY)? + KEY.len();
    let digits: String = raw[at..]
        .iter()
        .map(|b| char::from(*b))
        .skip_while(char::is_ascii_whitespace)
        .take_while(char::is_ascii_digit)
        .collect();
    digits.parse().ok()
}

fn event(value: &Value) -> Option<Event> {
    for kind in NEW {
        if let Some(message) = value.get(kind) {
            return message_event(message);
        }
    }
    for kind in EDITED {
        if let Some(edited) = value.get(kind) {
            return message_of(edited).map(|m| Event::Edited(Box::new(m)));
        }
    }
    if let Some(event) = connection::event(value) {
        return event;
    }
    if let Some(query) = value.get("callback_query") {
        return press(query).map(|p| Event::Press(Box::new(p)));
    }
    if let Some(stopped) = value.get("stopped_message_generation") {
        return Some(Event::DraftStopped {
            chat: ChatId(stopped["chat"]["id"].as_i64()?),
            topic: stopped["message_thread_id"].as_i64(),
            turn: TurnId(stopped["draft_id"].as_i64()?),
        });
    }
    if let Some(member) = value.get("my_chat_member")
        && let Some(chat) = expelled(member)
    {
        return Some(Event::Expelled { chat });
    }
    value.as_object().map(|_| Event::Other)
}

/// Where a new message stands in an update, and where a changed one.
const NEW: [&str; 4] = [
    "message",
    "channel_post",
    "business_message",
    "guest_message",
];
const EDITED: [&str; 3] = [
    "edited_message",
    "edited_channel_post",
    "edited_business_message",
];

/// The chat that the bot may not write to any more. A basic group that it has
/// left may just have become a supergroup, whose message about that is to come.
fn expelled(member: &Value) -> Option<ChatId> {
    let chat = chat(&member["chat"])?;
    match member["new_chat_member"]["status"].as_str()? {
        "kicked" => Some(chat.id),
        "left" if chat.kind != ChatKind::Group => Some(chat.id),
        _ => None,
    }
}

fn message_event(message: &Value) -> Option<Event> {
    if let Some(to) = message["migrate_to_chat_id"].as_i64() {
        return Some(Event::Migrated {
            from: ChatId(message["chat"]["id"].as_i64()?),
            to: ChatId(to),
        });
    }
    let parsed = message_of(message)?;
    if parsed.text.is_empty() && parsed.media.is_none() {
        return Some(Event::Other);
    }
    Some(Event::Message(Box::new(parsed)))
}

fn message_of(message: &Value) -> Option<Message> {
    let chat = chat(&message["chat"])?;
    let text = text_of(message);
    let is_topic = message["is_topic_message"].as_bool().unwrap_or(false);
    Some(Message {
        topic: message["message_thread_id"]
            .as_i64()
            .filter(|_| is_topic || chat.kind == ChatKind::Private),
        id: message["message_id"].as_i64()?,
        date: message["date"].as_i64().unwrap_or(0),
        sender: sender(message, &chat),
        marks: marks(message, &text),
        links: links(message),
        media: media::read(message),
        album: string(&message["media_group_id"]),
        quoted: quoted(message),
        forwarded_from: forwarded(&message["forward_origin"]),
        way: way(message, &chat),
        text,
        chat,
    })
}

fn way(message: &Value, chat: &Chat) -> Way {
    if let Some(query) = string(&message["guest_query_id"]) {
        return Way::Guest { query };
    }
    if let Some(connection) = string(&message["business_connection_id"]) {
        let said = |field: &str| message[field].as_bool().unwrap_or(false);
        let machine = message["sender_business_bot"].is_object() || said("is_from_offline");
        // A private chat is named after the other side.
        let side = match message["from"]["id"].as_i64() {
            Some(from) if from == chat.id.0 => Side::Peer,
            _ if machine => Side::Machine,
            _ => Side::Owner,
        };
        return Way::Business { connection, side };
    }
    match message["is_automatic_forward"].as_bool() {
        Some(true) => Way::Feed,
        _ => Way::Direct,
    }
}

fn text_of(message: &Value) -> String {
    string(&message["text"])
        .or_else(|| string(&message["caption"]))
        .or_else(|| rich_text(&message["rich_message"]))
        .unwrap_or_default()
}

/// The words of a rich message: every `text` in it, in order.
fn rich_text(rich: &Value) -> Option<String> {
    fn walk(value: &Value, out: &mut String, depth: u8) {
        if depth > 40 {
            return;
        }
        match value {
            Value::String(text) => out.push_str(text),
            Value::Array(items) => items.iter().for_each(|v| walk(v, out, depth + 1)),
            Value::Object(fields) => {
                for key in [
                    "text", "blocks", "items", "cells", "children", "rows", "caption",
                ] {
                    if let Some(inner) = fields.get(key) {
                        walk(inner, out, depth + 1);
                        if key == "text" {
                            out.push('\n');
                        }
                    }
                }
            }
            _ => {}
        }
    }
    let mut out = String::new();
    walk(rich.get("blocks")?, &mut out, 0);
    let trimmed = out.trim();
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

fn chat(value: &Value) -> Option<Chat> {
    let kind = match value["type"].as_str() {
        Some("private") => ChatKind::Private,
        Some("group") => ChatKind::Group,
        Some("channel") => ChatKind::Channel,
        _ => ChatKind::Supergroup,
    };
    Some(Chat {
        id: ChatId(value["id"].as_i64()?),
        kind,
        title: string(&value["title"]).unwrap_or_else(|| full_name(value)),
    })
}

fn sender(message: &Value, chat: &Chat) -> Person {
    let speaker = &message["sender_chat"];
    if let Some(id) = speaker["id"].as_i64() {
        let title = string(&speaker["title"]).unwrap_or_else(|| chat.title.clone());
        return Person {
            id: UserId(id),
            // Anonymous administrators are told apart by their titles only.
            name: match string(&message["author_signature"]) {
                Some(signature) => format!("{title} ({signature})"),
                None => title,
            },
            language: None,
            is_bot: false,
        };
    }
    person(&message["from"]).unwrap_or_else(|| Person {
        id: UserId(chat.id.0),
        name: chat.title.clone(),
        language: None,
        is_bot: false,
    })
}

fn person(value: &Value) -> Option<Person> {
    Some(Person {
        id: UserId(value["id"].as_i64()?),
        name: full_name(value),
        language: string(&value["language_code"]),
        is_bot: value["is_bot"].as_bool().unwrap_or(false),
    })
}

fn full_name(value: &Value) -> String {
    let first = value["first_name"].as_str().unwrap_or_default();
    let last = value["last_name"].as_str().unwrap_or_default();
    format!("{first} {last}").trim().to_owned()
}

fn quoted(message: &Value) -> Option<Quoted> {
    let quote = &message["quote"];
    let part = string(&quote["text"]);
    let manual = quote["is_manual"].as_bool().unwrap_or(false);
    if let Some(original) = message
        .get("reply_to_message")
        .filter(|m| m.get("forum_topic_created").is_none())
    {
        let from = author(original);
        return Some(Quoted {
            message_id: original["message_id"].as_i64().unwrap_or(0),
            name: from.as_ref().map(|p| p.name.clone()).unwrap_or_default(),
            from: from.map(|p| p.id),
            text: words_of(original),
            part: part.filter(|_| manual),
            media: media::read(original),
            is_forward: original["forward_origin"].is_object(),
            author: original["forward_origin"]["sender_user"]["id"]
                .as_i64()
                .map(UserId),
        });
    }
    if let Some(original) = message.get("external_reply") {
        let origin = &original["origin"];
        // Of its words the update carries the quoted ones only.
        return Some(Quoted {
            message_id: 0,
            from: origin["sender_user"]["id"].as_i64().map(UserId),
            name: forwarded(origin).unwrap_or_default(),
            text: part.unwrap_or_else(|| words_of(original)),
            part: None,
            media: media::read(original),
            ..Quoted::default()
        });
    }
    let story = message.get("reply_to_story")?;
    Some(Quoted {
        name: string(&story["chat"]["title"]).unwrap_or_else(|| full_name(&story["chat"])),
        text: "[story]".to_owned(),
        ..Quoted::default()
    })
}

/// Who wrote a message that is pointed at.
fn author(message: &Value) -> Option<Person> {
    match chat(&message["chat"]) {
        Some(chat) => Some(sender(message, &chat)),
        None => person(&message["from"]),
    }
}

/// The words of a message, or what it is when it has none: whoever asks "what
/// is this?" points at a photo.
fn words_of(message: &Value) -> String {
    match text_of(message) {
        text if text.is_empty() => media::read(message).map_or(text, |media| media.name()),
        text => text,
    }
}

fn forwarded(origin: &Value) -> Option<String> {
    origin.as_object()?;
    let person = &origin["sender_user"];
    let chat = [&origin["sender_chat"], &origin["chat"]]
        .into_iter()
        .find_map(|c| string(&c["title"]));
    Some(
        string(&origin["sender_user_name"])
            .or(chat)
            .unwrap_or_else(|| full_name(person)),
    )
}

/// More of them, or longer ones, are no help to anybody.
const LINKS: usize = 50;
const LINK_CHARS: usize = 1_000;

/// The addresses behind words, in order.
fn links(message: &Value) -> Vec<Link> {
    let mut links: Vec<Link> = entities(message)
        .filter(|entity| entity["type"] == "text_link")
        .filter_map(|entity| {
            let offset = usize::try_from(entity["offset"].as_i64()?).ok()?;
            let length = usize::try_from(entity["length"].as_i64()?).ok()?;
            Some(Link {
                end: offset.checked_add(length)?,
                url: string(&entity["url"]).filter(|url| url.len() <= LINK_CHARS)?,
            })
        })
        .take(LINKS)
        .collect();
    links.sort_by_key(|link| link.end);
    links
}

fn entities(message: &Value) -> impl Iterator<Item = &Value> {
    [&message["entities"], &message["caption_entities"]]
        .into_iter()
        .find_map(Value::as_array)
        .into_iter()
        .flatten()
}

fn marks(message: &Value, text: &str) -> Vec<Mark> {
    let units: Vec<u16> = text.encode_utf16().collect();
    entities(message)
        .filter_map(|entity| {
            let offset = usize::try_from(entity["offset"].as_i64()?).ok()?;
            let length = usize::try_from(entity["length"].as_i64()?).ok()?;
            let piece = || {
                let end = offset.checked_add(length)?;
                String::from_utf16(units.get(offset..end)?).ok()
            };
            match entity["type"].as_str()? {
                "mention" => Some(Mark::Mention {
                    name: piece()?.trim_start_matches('@').to_owned(),
                }),
                "text_mention" => Some(Mark::Person {
                    id: UserId(entity["user"]["id"].as_i64()?),
                }),
                "bot_command" => Some(Mark::Command {
                    text: piece()?,
                    first: offset == 0,
                }),
                _ => None,
            }
        })
        .collect()
}

fn press(query: &Value) -> Option<Press> {
    let message = &query["message"];
    let chat = chat(&message["chat"]);
    let is_topic = message["is_topic_message"].as_bool().unwrap_or(false);
    Some(Press {
        query_id: string(&query["id"])?,
        sender: person(&query["from"])?,
        topic: message["message_thread_id"]
            .as_i64()
            .filter(|_| is_topic || chat.as_ref().is_some_and(|c| c.kind == ChatKind::Private)),
        chat,
        message_id: message["message_id"].as_i64(),
        data: string(&query["data"]).unwrap_or_default(),
        connection: string(&message["business_connection_id"]),
    })
}

pub(super) fn string(value: &Value) -> Option<String> {
    value.as_str().filter(|s| !s.is_empty()).map(str::to_owned)
}
