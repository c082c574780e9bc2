//! Methods that create messages: `sendMessage`, `sendRichMessage`.

use serde_json::{Map, Value, json};

use super::answer::{Answer, Refusal};
use super::params::Params;
use super::posts::{Author, Content, NewPost, Rich};
use super::world::World;
use super::{entities, files};
use crate::clock::Millis;

/// Most characters of a rich message.
const RICH_CHARS: usize = 32_768;
/// Most UTF-16 units of a caption.
const CAPTION_UNITS: usize = 1_024;
/// Most bytes of a button's data.
const BUTTON_BYTES: usize = 64;

impl World {
    pub(super) fn send_message(&mut self, params: Params<'_>, now: Millis) -> Answer {
        let text = params
            .text("text")
            .filter(|text| !text.is_empty())
            .ok_or_else(|| Refusal::bad("message text is empty"))?;
        let (text, entities) = entities::formatted(params, &text)?;
        entities::check_length(&text)?;
        let content = Content {
            text,
            entities,
            ..Content::default()
        };
        self.send(params, content, now)
    }

    pub(super) fn send_rich_message(&mut self, params: Params<'_>, now: Millis) -> Answer {
        if !self.settings.rich {
            return Err(Refusal::unknown_method());
        }
        let content = Content {
            rich: Some(rich(params)?),
            ..Content::default()
        };
        self.send(params, content, now)
    }

    /// A document with its caption. Only uploads: nothing here sends a file by
    /// its id or address.
    pub(super) fn send_document(&mut self, params: Params<'_>, now: Millis) -> Answer {
        let (name, bytes) = files::upload(params, "document")?;
        let content = caption(params)?;
        let ending = name.rsplit('.').next().unwrap_or("bin").to_owned();
        let mut document = self.store_file("documents", &ending, bytes);
        document["file_name"] = name.into();
        document["mime_type"] = "text/markdown".into();
        let mut extra = Map::new();
        extra.insert("document".to_owned(), document);
        self.send_with(params, content, extra, now)
    }

    fn send(&mut self, params: Params<'_>, content: Content, now: Millis) -> Answer {
        self.send_with(params, content, Map::new(), now)
    }

    fn send_with(
        &mut self,
        params: Params<'_>,
        mut content: Content,
        extra: Map<String, Value>,
        now: Millis,
    ) -> Answer {
        let chat_id = self.chat_param(params)?;
        let mut thread = params.integer("message_thread_id");
        content.markup = markup(params)?;
        let reply_to = self.reply_target(params, chat_id)?;

        let chat = self.chat(chat_id)?;
        chat.writable()?;
        chat.topic(thread)?;
        // A reply lands in the topic of what it answers.
        thread = thread
            .filter(|id| chat.topics.contains_key(id))
            .or_else(|| chat.posts.get(&reply_to?).and_then(|post| post.thread));
        let group = chat.kind.is_group();
        if self.settings.limits {
            self.limits.take(chat_id, group, now)?;
        }
        self.clear_drafts(chat_id, thread, now);
        let new = NewPost {
            thread,
            reply_to,
            content,
            extra,
        };
        let id = self.post(chat_id, Author::Bot, new, now);
        Ok(self.message_json(chat_id, id))
    }

    /// The message that is answered, checked; `None` where the caller allows
    /// sending without it.
    fn reply_target(&self, params: Params<'_>, chat_id: i64) -> Result<Option<i64>, Refusal> {
        let wanted = params.object("reply_parameters", "reply_parameters")?;
        let (id, lenient) = match &wanted {
            Some(reply) => {
                let reply = Value::Object(reply.clone());
                let reply = Params::new(&reply);
                (
                    reply.integer("message_id"),
                    reply.truth("allow_sending_without_reply"),
                )
            }
            None => (
                params.integer("reply_to_message_id"),
                params.truth("allow_sending_without_reply"),
            ),
        };
        let Some(id) = id else { return Ok(None) };
        let there = self
            .chat(chat_id)?
            .posts
            .get(&id)
            .is_some_and(super::posts::Post::is_visible);
        match (there, lenient) {
            (true, _) => Ok(Some(id)),
            (false, true) => Ok(None),
            (false, false) => Err(Refusal::bad("message to be replied not found")),
        }
    }
}

/// The caption of a medium, checked.
pub(super) fn caption(params: Params<'_>) -> Result<Content, Refusal> {
    let text = params.text("caption").unwrap_or_default();
    let (text, entities) = entities::formatted(params, &text)?;
    if text.encode_utf16().count() > CAPTION_UNITS {
        return Err(Refusal::bad("message caption is too long"));
    }
    Ok(Content {
        text,
        entities,
        ..Content::default()
    })
}

/// The source of `rich_message`: exactly one of Markdown and HTML.
pub(super) fn rich(params: Params<'_>) -> Result<Rich, Refusal> {
    let message = params
        .object("rich_message", "rich_message")?
        .ok_or_else(|| Refusal::bad("rich message is empty"))?;
    let field = |name: &str| message.get(name).and_then(Value::as_str).map(str::to_owned);
    let rich = match (field("markdown"), field("html")) {
        (Some(text), None) => Rich::Markdown(text),
        (None, Some(text)) => Rich::Html(text),
        _ => {
            return Err(Refusal::bad(
                "exactly one of the fields html and markdown must be specified",
            ));
        }
    };
    if rich.source().trim().is_empty() {
        return Err(Refusal::bad("rich message is empty"));
    }
    if rich.source().chars().count() > RICH_CHARS {
        return Err(Refusal::bad("message is too long"));
    }
    Ok(rich)
}

/// The inline keyboard of a call, checked; other keyboards are dropped.
pub(super) fn markup(params: Params<'_>) -> Result<Option<Value>, Refusal> {
    let Some(markup) = params.object("reply_markup", "reply keyboard markup")? else {
        return Ok(None);
    };
    let Some(rows) = markup.get("inline_keyboard") else {
        return Ok(None);
    };
    let rows = rows.as_array().ok_or_else(|| {
        Refusal::bad("field \"inline_keyboard\" of the InlineKeyboardMarkup must be an Array")
    })?;
    for row in rows {
        let row = row.as_array().ok_or_else(|| {
            Refusal::bad("can't parse inline keyboard button: an Array of Array is expected")
        })?;
        for button in row {
            let text = button
                .get("text")
                .and_then(Value::as_str)
                .unwrap_or_default();
            if text.trim().is_empty() {
                return Err(Refusal::bad(
                    "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
                ));
            }
            let data = button.get("callback_data").and_then(Value::as_str);
            if data.is_some_and(|data| data.is_empty() || data.len() > BUTTON_BYTES) {
                return Err(Refusal::bad("BUTTON_DATA_INVALID"));
            }
            if data.is_none() && button.as_object().is_some_and(|fields| fields.len() < 2) {
                return Err(Refusal::bad(
                    "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
                ));
            }
        }
    }
    let filled = rows
        .iter()
        .any(|row| row.as_array().is_some_and(|row| !row.is_empty()));
    Ok(filled.then(|| json!({ "inline_keyboard": rows })))
}
