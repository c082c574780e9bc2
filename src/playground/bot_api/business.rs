//! Business accounts that are connected with the bot, their chats, and chats
//! into which the bot is called as a guest.
//!
//! A business chat has the id of the person on the other side, as has that
//! person's private chat with the bot: they are told apart by
//! `business_connection_id` and nothing else. Message ids are the account's own.
//! Edits there may change what the account's owner wrote.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::acts::{Acted, BusinessSide, Impossible};
use super::answer::{Answer, Refusal};
use super::chats::{Chat, ChatKind, Standing};
use super::entities;
use super::params::Params;
use super::posts::{Author, Content, NewPost};
use super::send;
use super::world::World;
use crate::clock::Millis;

/// Chats of accounts are kept under ids from here on down.
const KEPT_FROM: i64 = -8_000_000_000_000_000;

/// A connected account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Account {
    pub(super) owner: i64,
    pub(super) can_reply: bool,
    pub(super) enabled: bool,
    /// The last message id given in its chats.
    pub(super) last_id: i64,
}

/// What makes a chat one of an account's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OfAccount {
    pub(super) connection: String,
    pub(super) owner: i64,
    pub(super) peer: i64,
}

/// A call of the bot into a chat.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct GuestCall {
    pub(super) chat: i64,
    pub(super) thread: Option<i64>,
    pub(super) caller: i64,
}

impl World {
    /// Connects an account or changes its connection; `told`: whether the bot
    /// hears of it.
    pub(super) fn connect_business(
        &mut self,
        id: &str,
        owner: i64,
        can_reply: bool,
        enabled: bool,
        told: bool,
        now: Millis,
    ) -> Acted {
        let last_id = self.accounts.get(id).map_or(1_000, |known| known.last_id);
        let account = Account {
            owner,
            can_reply,
            enabled,
            last_id,
        };
        self.accounts.insert(id.to_owned(), account);
        let mut acted = Acted::default();
        if told {
            let content = self.connection_json(id, now);
            acted
                .update_ids
                .extend(self.queue_update("business_connection", content, owner, now));
        }
        acted
    }

    fn connection_json(&self, id: &str, now: Millis) -> Value {
        let Some(account) = self.accounts.get(id) else {
            return Value::Null;
        };
        let mut rights = json!({});
        if account.can_reply {
            rights["can_reply"] = true.into();
        }
        json!({
            "id": id,
            "user": self.user_json(account.owner),
            "user_chat_id": account.owner,
            "date": now / 1_000,
            "rights": rights,
            "is_enabled": account.enabled,
        })
    }

    pub(super) fn get_business_connection(&self, params: Params<'_>, now: Millis) -> Answer {
        let id = params.text("business_connection_id").unwrap_or_default();
        match self.accounts.contains_key(&id) {
            true => Ok(self.connection_json(&id, now)),
            false => Err(Refusal::bad("business connection not found")),
        }
    }

    /// Something is written in an account's chat.
    pub(super) fn say_business(
        &mut self,
        connection: &str,
        peer: i64,
        side: BusinessSide,
        text: &str,
        now: Millis,
    ) -> Result<Acted, Impossible> {
        let owner = self
            .accounts
            .get(connection)
            .ok_or("no such connection")?
            .owner;
        let key = self.business_chat(connection, owner, peer);
        let author = match side {
            BusinessSide::Peer => peer,
            BusinessSide::Owner | BusinessSide::Away => owner,
        };
        let mut extra = Map::new();
        if side == BusinessSide::Away {
            extra.insert("is_from_offline".to_owned(), true.into());
        }
        let new = NewPost {
            content: Content {
                entities: entities::typed(text),
                text: text.to_owned(),
                ..Content::default()
            },
            extra,
            ..NewPost::default()
        };
        let id = self.post(key, Author::Person(author), new, now);
        let mut acted = Acted {
            id: Some(key),
            message_ids: vec![id],
            ..Acted::default()
        };
        if self.accounts.get(connection).is_some_and(|a| a.enabled) {
            let message = self.message_json(key, id);
            acted
                .update_ids
                .extend(self.queue_update("business_message", message, key, now));
        }
        Ok(acted)
    }

    pub(super) fn delete_business(
        &mut self,
        connection: &str,
        peer: i64,
        messages: Vec<i64>,
        now: Millis,
    ) -> Result<Acted, Impossible> {
        let key = self
            .find_business(connection, peer)
            .ok_or("no such business chat")?;
        for id in &messages {
            self.remove(key, *id, now);
        }
        let chat = self.chats.get(&key).map_or(Value::Null, Chat::json);
        let content = json!({
            "business_connection_id": connection,
            "chat": chat,
            "message_ids": messages,
        });
        let update = self.queue_update("deleted_business_messages", content, key, now);
        Ok(Acted {
            update_ids: update.into_iter().collect(),
            ..Acted::default()
        })
    }

    fn business_chat(&mut self, connection: &str, owner: i64, peer: i64) -> i64 {
        if let Some(key) = self.find_business(connection, peer) {
            return key;
        }
        let key = KEPT_FROM - self.fresh();
        let name = self.people.get(&peer).map(|p| p.first_name.clone());
        let mut chat = Chat::new(key, ChatKind::Private, name.unwrap_or_default());
        chat.members.insert(peer, Standing::Member);
        chat.of_account = Some(OfAccount {
            connection: connection.to_owned(),
            owner,
            peer,
        });
        self.chats.insert(key, chat);
        key
    }

    fn find_business(&self, connection: &str, peer: i64) -> Option<i64> {
        let of = |chat: &Chat| {
            chat.of_account
                .as_ref()
                .is_some_and(|of| of.connection == connection && of.peer == peer)
        };
        let found = self.chats.iter().find(|(_, chat)| of(chat));
        found.map(|(key, _)| *key)
    }

    /// The chat that a call in an account's name goes to, checked.
    pub(super) fn business_param(&self, connection: &str, peer: i64) -> Result<i64, Refusal> {
        let account = self
            .accounts
            .get(connection)
            .ok_or_else(|| Refusal::bad("business connection not found"))?;
        if !account.enabled {
            return Err(Refusal::bad("BUSINESS_CONNECTION_INVALID"));
        }
        if !account.can_reply {
            return Err(Refusal::bad("BUSINESS_CONNECTION_NOT_ALLOWED"));
        }
        self.find_business(connection, peer)
            .ok_or_else(|| Refusal::bad("BUSINESS_PEER_INVALID"))
    }

    /// Somebody names the bot in a chat in which it is not.
    pub(super) fn call_guest(
        &mut self,
        chat: i64,
        thread: Option<i64>,
        caller: i64,
        text: &str,
        reply_to: Option<i64>,
        now: Millis,
    ) -> Result<Acted, Impossible> {
        let there = self.chats.get(&chat).ok_or("no such chat")?;
        if there.bot.is_in() && there.kind.is_group() {
            return Err("the bot is no guest there".into());
        }
        let new = NewPost {
            thread,
            reply_to,
            content: Content {
                entities: entities::typed(text),
                text: text.to_owned(),
                ..Content::default()
            },
            ..NewPost::default()
        };
        let id = self.post(chat, Author::Person(caller), new, now);
        let query = format!("guest{}", self.fresh());
        let call = GuestCall {
            chat,
            thread,
            caller,
        };
        self.guests.insert(query.clone(), call);
        let mut message = self.message_json(chat, id);
        message["guest_query_id"] = query.into();
        let update = self.queue_update("guest_message", message, chat, now);
        Ok(Acted {
            message_ids: vec![id],
            update_ids: update.into_iter().collect(),
            ..Acted::default()
        })
    }

    /// A guest's one answer.
    pub(super) fn answer_guest_query(&mut self, params: Params<'_>, now: Millis) -> Answer {
        let id = params.text("guest_query_id").unwrap_or_default();
        let result = params
            .object("result", "result")?
            .ok_or_else(|| Refusal::bad("can't parse inline query result"))?;
        let content = result
            .get("input_message_content")
            .ok_or_else(|| Refusal::bad("article must have a message content"))?;
        let content = Params::new(content);
        let content = if content.has("rich_message") {
            if !self.settings.rich {
                return Err(Refusal::bad("can't parse input message content"));
            }
            Content {
                rich: Some(send::rich(content)?),
                ..Content::default()
            }
        } else {
            let text = content
                .text("message_text")
                .filter(|text| !text.is_empty())
                .ok_or_else(|| Refusal::bad("message text is empty"))?;
            let (text, entities) = entities::formatted(content, &text)?;
            entities::check_length(&text)?;
            Content {
                text,
                entities,
                ..Content::default()
            }
        };
        // Each query has one answer.
        let call = self
            .guests
            .remove(&id)
            .ok_or_else(|| Refusal::bad("QUERY_ID_INVALID"))?;
        let mut extra = Map::new();
        extra.insert(
            "guest_bot_caller_user".to_owned(),
            self.user_json(call.caller),
        );
        let new = NewPost {
            thread: call.thread,
            content,
            extra,
            ..NewPost::default()
        };
        let message = self.post(call.chat, Author::Bot, new, now);
        Ok(json!({ "inline_message_id": format!("inline{}x{message}", call.chat) }))
    }
}
