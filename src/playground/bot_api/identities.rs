//! People who write as a chat, posts that Telegram forwards by itself, and
//! answers to a picked part of a message.
//!
//! `from` is then a fake account of Telegram's and `sender_chat` the speaker
//! (Bot API, `Message.sender_chat`).

use serde_json::{Map, Value, json};

use super::acts::{Acted, Identity, Impossible, Place};
use super::entities;
use super::posts::Content;
use super::world::World;
use crate::clock::Millis;

impl World {
    pub(super) fn say_as(
        &mut self,
        place: &Place,
        identity: Identity,
        text: &str,
        now: Millis,
    ) -> Result<Acted, Impossible> {
        let chat = place.chat.ok_or("chats speak in groups only")?;
        let group = self.chats.get(&chat).ok_or("no such chat")?.json();
        let channel = |id: i64, title: &str| json!({"id": id, "type": "channel", "title": title});
        let fake = |id: i64, name: &str, username: &str| json!({"id": id, "is_bot": true, "first_name": name, "username": username});
        let mut extra = Map::new();
        let mut put = |name: &str, value: Value| extra.insert(name.to_owned(), value);
        match &identity {
            Identity::Anonymous { signature } => {
                put("from", fake(1_087_968_824, "Group", "GroupAnonymousBot"));
                put("sender_chat", group);
                if let Some(signature) = signature {
                    put("author_signature", signature.as_str().into());
                }
            }
            Identity::Channel { id, title } => {
                put("from", fake(136_817_688, "Channel", "Channel_Bot"));
                put("sender_chat", channel(*id, title));
            }
            Identity::Linked { id, title } => {
                let origin = json!({
                    "type": "channel",
                    "chat": channel(*id, title),
                    "message_id": 1,
                    "date": now / 1_000,
                });
                put(
                    "from",
                    json!({"id": 777_000, "is_bot": false, "first_name": "Telegram"}),
                );
                put("sender_chat", channel(*id, title));
                put("is_automatic_forward", true.into());
                put("forward_origin", origin);
            }
        }
        self.say_with(place, text, extra, now)
    }

    pub(super) fn quote(
        &mut self,
        place: &Place,
        part: &str,
        text: &str,
        now: Millis,
    ) -> Result<Acted, Impossible> {
        let chat = place.chat.unwrap_or(place.person);
        let quoted = place
            .reply_to
            .and_then(|id| self.chats.get(&chat)?.posts.get(&id))
            .ok_or("no such message")?;
        let position = quoted
            .content()
            .seen()
            .find(part)
            .ok_or("the message does not say that")?;
        let mut extra = Map::new();
        extra.insert(
            "quote".to_owned(),
            json!({"text": part, "position": position, "is_manual": true}),
        );
        self.say_with(place, text, extra, now)
    }

    fn say_with(
        &mut self,
        place: &Place,
        text: &str,
        extra: Map<String, Value>,
        now: Millis,
    ) -> Result<Acted, Impossible> {
        let mut acted = Acted::default();
        let content = Content {
            entities: entities::typed(text),
            text: text.to_owned(),
            ..Content::default()
        };
        self.write(place, content, extra, &mut acted, now)?;
        Ok(acted)
    }
}
