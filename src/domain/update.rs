//! The tolerant parse of an update: what we need of it and nothing else.
//!
//! Walks the JSON by hand, so that a field we do not know, or know in another
//! shape, costs that field and never the message. (Typed clients turn a whole
//! message into "empty" over one unknown entity.) Must never panic.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ids::{ChatId, TurnId, UserId};

/// What kind of chat it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChatKind {
    /// One person.
    Private,
    /// A basic group.
    Group,
    /// A supergroup, possibly a forum.
    Supergroup,
    /// A channel.
    Channel,
}

/// A chat as an update names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chat {
    /// Its id.
    pub id: ChatId,
    /// What kind it is.
    pub kind: ChatKind,
    /// Its title, or the person's name.
    pub title: String,
}

/// Who wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The person's id, or the chat's when a chat speaks.
    pub id: UserId,
    /// First and last name, or the chat's title.
    pub name: String,
    /// `language_code`, when told.
    #[serde(default)]
    pub language: Option<String>,
    /// Whether it is a bot.
    #[serde(default)]
    pub is_bot: bool,
}

/// What a message carries besides text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "media", rename_all = "lowercase")]
pub enum Media {
    /// A photo, in its largest size.
    Photo {
        /// For `getFile`.
        file_id: String,
        /// Bytes, when told.
        size: Option<u64>,
    },
    /// Something we cannot use, by its field's name (`voice`, `document` …).
    Other {
        /// That name.
        kind: String,
    },
}

/// The message that a message answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quoted {
    /// Its id.
    pub message_id: i64,
    /// Who wrote it.
    pub from: Option<UserId>,
    /// That person's name.
    pub name: String,
    /// Its text or caption, or the part that was quoted.
    pub text: String,
}

/// A message, new or edited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Where.
    pub chat: Chat,
    /// The forum topic.
    #[serde(default)]
    pub topic: Option<i64>,
    /// Telegram's id of it, unique in its chat.
    pub id: i64,
    /// Telegram's time of it, in seconds.
    pub date: i64,
    /// Who wrote it.
    pub sender: Person,
    /// Text or caption.
    pub text: String,
    /// What else it carries.
    #[serde(default)]
    pub media: Option<Media>,
    /// `media_group_id` of an album.
    #[serde(default)]
    pub album: Option<String>,
    /// What it answers.
    #[serde(default)]
    pub quoted: Option<Quoted>,
    /// Whose message was forwarded, when it was.
    #[serde(default)]
    pub forwarded_from: Option<String>,
    /// The parts of the text that are mentions or commands.
    #[serde(default)]
    pub marks: Vec<Mark>,
}

impl Message {
    /// Length of the text in characters, at least 1: what counts against the
    /// limits of a window.
    #[must_use]
    pub fn weight(&self) -> i64 {
        i64::try_from(self.text.chars().count())
            .unwrap_or(i64::MAX)
            .max(1)
    }
}

/// A mention or command inside a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mark", rename_all = "lowercase")]
pub enum Mark {
    /// `@name`, without the `@`.
    Mention {
        /// The name.
        name: String,
    },
    /// A mention of somebody without a name.
    Person {
        /// Whom.
        id: UserId,
    },
    /// `/command`, possibly with `@bot`.
    Command {
        /// As written.
        text: String,
        /// Whether the message begins with it.
        first: bool,
    },
}

/// A press on an inline button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Press {
    /// For `answerCallbackQuery`.
    pub query_id: String,
    /// Who pressed.
    pub sender: Person,
    /// The chat of the message with the button.
    pub chat: Option<Chat>,
    /// The topic of that message.
    pub topic: Option<i64>,
    /// The id of that message.
    pub message_id: Option<i64>,
    /// The button's data.
    pub data: String,
}

/// What an update says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A new message of a person.
    Message(Box<Message>),
    /// A message was changed.
    Edited(Box<Message>),
    /// A button was pressed.
    Press(Box<Press>),
    /// The Stop button of a draft was pressed.
    DraftStopped {
        /// In which chat.
        chat: ChatId,
        /// In which topic.
        topic: Option<i64>,
        /// The turn whose draft it was.
        turn: TurnId,
    },
    /// A group became a supergroup.
    Migrated {
        /// The old id.
        from: ChatId,
        /// The new one.
        to: ChatId,
    },
    /// Something we have no use for (service messages, membership …).
    Other,
}

/// An update as far as we understand it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// Telegram's id of it; missing only in what is no update at all.
    pub id: Option<i64>,
    /// What it says; `None` = could not be read.
    pub event: Option<Event>,
}

/// Reads an update.
#[must_use]
pub fn parse(raw: &[u8]) -> Update {
    let Ok(value) = serde_json::from_slice::<Value>(raw) else {
        return Update {
            id: find_update_id(raw),
            event: None,
        };
    };
    Update {
        id: value["update_id"].as_i64(),
        event: event(&value),
    }
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
    if let Some(message) = value.get("message") {
        return message_event(message);
    }
    if let Some(edited) = value.get("edited_message") {
        return message_of(edited).map(|m| Event::Edited(Box::new(m)));
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
    value.as_object().map(|_| Event::Other)
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

/// Fields of a message that are content we cannot use yet; anything else that
/// is neither text nor one of these is a service message.
const OTHER_MEDIA: &[&str] = &[
    "voice",
    "audio",
    "video",
    "video_note",
    "document",
    "animation",
    "sticker",
    "location",
    "venue",
    "contact",
    "poll",
    "dice",
    "story",
    "game",
    "paid_media",
    "checklist",
];

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
        media: media(message),
        album: string(&message["media_group_id"]),
        quoted: quoted(message),
        forwarded_from: forwarded(&message["forward_origin"]),
        text,
        chat,
    })
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
        return Person {
            id: UserId(id),
            name: string(&speaker["title"]).unwrap_or_else(|| chat.title.clone()),
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

fn media(message: &Value) -> Option<Media> {
    if let Some(largest) = message["photo"].as_array().and_then(|sizes| {
        sizes
            .iter()
            .max_by_key(|s| s["width"].as_i64().unwrap_or(0) * s["height"].as_i64().unwrap_or(0))
    }) {
        return Some(match string(&largest["file_id"]) {
            Some(file_id) => Media::Photo {
                file_id,
                size: largest["file_size"].as_u64(),
            },
            None => Media::Other {
                kind: "photo".to_owned(),
            },
        });
    }
    OTHER_MEDIA
        .iter()
        .find(|field| message.get(**field).is_some())
        .map(|field| Media::Other {
            kind: (*field).to_owned(),
        })
}

fn quoted(message: &Value) -> Option<Quoted> {
    let original = message
        .get("reply_to_message")
        .filter(|m| m.get("forum_topic_created").is_none())
        .or_else(|| message.get("external_reply"))?;
    let part = string(&message["quote"]["text"]);
    let from = person(&original["from"]);
    Some(Quoted {
        message_id: original["message_id"].as_i64().unwrap_or(0),
        name: from.as_ref().map(|p| p.name.clone()).unwrap_or_default(),
        from: from.map(|p| p.id),
        text: part.unwrap_or_else(|| words_of(original)),
    })
}

/// The words of a message, or what it is when it has none: whoever asks "what
/// is this?" points at a photo.
fn words_of(message: &Value) -> String {
    let text = text_of(message);
    match media(message) {
        Some(Media::Photo { .. }) if text.is_empty() => "[photo]".to_owned(),
        Some(Media::Other { kind }) if text.is_empty() => format!("[{}]", kind.replace('_', " ")),
        _ => text,
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

fn marks(message: &Value, text: &str) -> Vec<Mark> {
    let entities = [&message["entities"], &message["caption_entities"]]
        .into_iter()
        .find_map(Value::as_array);
    let Some(entities) = entities else {
        return Vec::new();
    };
    let units: Vec<u16> = text.encode_utf16().collect();
    entities
        .iter()
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
    })
}

fn string(value: &Value) -> Option<String> {
    value.as_str().filter(|s| !s.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(json: Value) -> Message {
        let raw = serde_json::json!({"update_id": 7, "message": json}).to_string();
        match parse(raw.as_bytes()).event {
            Some(Event::Message(m)) => *m,
            other => panic!("not a message: {other:?}"),
        }
    }

    #[test]
    fn unknown_shapes_cost_the_field_and_never_the_text() {
        let parsed = message(serde_json::json!({
            "message_id": 3, "date": "soon",
            "chat": {"id": 5, "type": "private", "first_name": "Ann"},
            "from": {"id": 5, "first_name": "Ann"},
            "text": "hello",
            "entities": [{"type": "from_the_future", "offset": -4}, 17, {"type": "mention", "offset": 0, "length": 900}],
            "reply_to_message": {"chat": 12},
            "external_reply": {"origin": []},
            "link_preview_options": 3
        }));
        assert_eq!(parsed.text, "hello");
        assert_eq!(parsed.date, 0);
        assert!(parsed.marks.is_empty());
    }

    #[test]
    fn an_id_is_found_even_in_broken_json() {
        let update = parse(b"{\"update_id\": 99, \"message\": {");
        assert_eq!(update.id, Some(99));
        assert_eq!(update.event, None);
        assert_eq!(parse(b"\xff\xfe").id, None);
    }

    #[test]
    fn a_voice_without_mime_type_is_still_a_message() {
        let parsed = message(serde_json::json!({
            "message_id": 3, "chat": {"id": 5, "type": "private"}, "voice": {"file_id": "x"}
        }));
        assert_eq!(
            parsed.media,
            Some(Media::Other {
                kind: "voice".into()
            })
        );
    }

    #[test]
    fn service_messages_are_nobodys_question() {
        let raw = br#"{"update_id":1,"message":{"message_id":3,"chat":{"id":-5,"type":"group"},"new_chat_title":"x"}}"#;
        assert_eq!(parse(raw).event, Some(Event::Other));
    }

    #[test]
    fn the_largest_photo_is_taken() {
        let parsed = message(serde_json::json!({
            "message_id": 3, "chat": {"id": 5, "type": "private"}, "caption": "look",
            "photo": [{"file_id": "s", "width": 90, "height": 90}, {"file_id": "l", "width": 900, "height": 600, "file_size": 5}]
        }));
        assert_eq!(
            parsed.media,
            Some(Media::Photo {
                file_id: "l".into(),
                size: Some(5)
            })
        );
        assert_eq!(parsed.text, "look");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(raw: Vec<u8>) {
            let _ = parse(&raw);
        }
    }
}
