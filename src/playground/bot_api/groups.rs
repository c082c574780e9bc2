//! How groups come to be and change, and who is in them: service messages,
//! `my_chat_member` and `chat_member` updates, migration.

use serde_json::{Map, Value, json};

use super::acts::{Acted, Impossible};
use super::chats::{Chat, ChatKind, ChatState, Standing, Topic};
use super::posts::{Author, NewPost};
use super::transcript::Seen;
use super::world::World;
use crate::clock::Millis;

impl World {
    pub(super) fn open_group(
        &mut self,
        kind: ChatKind,
        title: String,
        members: &[i64],
        now: Millis,
    ) -> Result<Acted, Impossible> {
        if !kind.is_group() {
            return Err("a private chat opens with the first message".into());
        }
        let owner = *members.first().ok_or("a group needs a member")?;
        if members.iter().any(|one| !self.people.contains_key(one)) {
            return Err("no such person".into());
        }
        let number = self.fresh();
        let id = group_id(kind, number);
        let mut chat = Chat::new(id, kind, title);
        chat.bot = Standing::Left;
        for member in members {
            chat.members.insert(*member, Standing::Member);
        }
        chat.members.insert(owner, Standing::Creator);
        self.chats.insert(id, chat);
        let mut acted = Acted {
            id: Some(id),
            ..Acted::default()
        };
        if kind == ChatKind::Channel {
            // Bots are in channels as administrators only.
            self.move_bot(id, owner, Standing::Administrator, now);
            return Ok(acted);
        }
        self.move_bot(id, owner, Standing::Member, now);
        let made = if kind == ChatKind::Group {
            "group_chat_created"
        } else {
            "supergroup_chat_created"
        };
        self.service(id, owner, None, made, true.into(), &mut acted, now);
        Ok(acted)
    }

    pub(super) fn open_topic(
        &mut self,
        chat_id: i64,
        person: i64,
        name: String,
        now: Millis,
    ) -> Result<Acted, Impossible> {
        let chat = self.chats.get_mut(&chat_id).ok_or("no such chat")?;
        if chat.kind != ChatKind::Forum {
            return Err("only forums have topics".into());
        }
        // A topic's id is that of the message that opened it.
        let thread = chat.last_id + 1;
        let topic = Topic {
            name: name.clone(),
            closed: false,
        };
        chat.topics.insert(thread, topic);
        let mut acted = Acted {
            id: Some(thread),
            ..Acted::default()
        };
        let created = json!({ "name": name, "icon_color": 7_322_096 });
        self.service(
            chat_id,
            person,
            Some(thread),
            "forum_topic_created",
            created,
            &mut acted,
            now,
        );
        Ok(acted)
    }

    /// Moves the bot to another standing and tells it.
    pub(super) fn move_bot(&mut self, chat_id: i64, by: i64, to: Standing, now: Millis) {
        let Some(chat) = self.chats.get_mut(&chat_id) else {
            return;
        };
        let before = std::mem::replace(&mut chat.bot, to);
        if before == to {
            return;
        }
        let content = json!({
            "chat": chat.json(),
            "from": self.user_json(by),
            "date": now / 1_000,
            "old_chat_member": before.json(self.bot.json()),
            "new_chat_member": to.json(self.bot.json()),
        });
        self.saw_change(chat_id, &format!("bot is now {to:?}"), now);
        self.queue_update("my_chat_member", content, chat_id, now);
    }

    pub(super) fn move_person(
        &mut self,
        chat_id: i64,
        person: i64,
        to: Standing,
        now: Millis,
    ) -> Result<Acted, Impossible> {
        let chat = self.chats.get_mut(&chat_id).ok_or("no such chat")?;
        let before = chat.members.insert(person, to).unwrap_or(Standing::Left);
        let user = self.user_json(person);
        let mut acted = Acted::default();
        match (before.is_in(), to.is_in()) {
            (false, true) => {
                let joined = json!([user]);
                self.service(
                    chat_id,
                    person,
                    None,
                    "new_chat_members",
                    joined,
                    &mut acted,
                    now,
                );
            }
            (true, false) => {
                let left = user.clone();
                self.service(
                    chat_id,
                    person,
                    None,
                    "left_chat_member",
                    left,
                    &mut acted,
                    now,
                );
            }
            _ => {}
        }
        let chat = self.chats.get(&chat_id).ok_or("no such chat")?;
        let content = json!({
            "chat": chat.json(),
            "from": user,
            "date": now / 1_000,
            "old_chat_member": before.json(user.clone()),
            "new_chat_member": to.json(user.clone()),
        });
        let id = self.queue_update("chat_member", content, chat_id, now);
        acted.update_ids.extend(id);
        Ok(acted)
    }

    pub(super) fn migrate(&mut self, chat_id: i64, now: Millis) -> Result<Acted, Impossible> {
        let number = self.fresh();
        let chat = self.chats.get(&chat_id).ok_or("no such chat")?;
        if chat.kind != ChatKind::Group {
            return Err("only basic groups migrate".into());
        }
        let new_id = group_id(ChatKind::Supergroup, number);
        let mut new = Chat::new(new_id, ChatKind::Supergroup, chat.title.clone());
        new.bot = chat.bot;
        new.members.clone_from(&chat.members);
        let owner = chat
            .members
            .iter()
            .find(|(_, standing)| **standing == Standing::Creator)
            .map_or(0, |(person, _)| *person);
        self.chats.insert(new_id, new);
        let mut acted = Acted {
            id: Some(new_id),
            ..Acted::default()
        };
        let to = Value::from(new_id);
        self.service(
            chat_id,
            owner,
            None,
            "migrate_to_chat_id",
            to,
            &mut acted,
            now,
        );
        let from = Value::from(chat_id);
        self.service(
            new_id,
            owner,
            None,
            "migrate_from_chat_id",
            from,
            &mut acted,
            now,
        );
        if let Some(chat) = self.chats.get_mut(&chat_id) {
            chat.state = ChatState::Migrated(new_id);
        }
        self.saw_change(chat_id, "migrated", now);
        Ok(acted)
    }

    /// A message that Telegram itself puts into a chat.
    #[expect(clippy::too_many_arguments, reason = "a message has that many parts")]
    fn service(
        &mut self,
        chat: i64,
        person: i64,
        thread: Option<i64>,
        name: &str,
        value: Value,
        acted: &mut Acted,
        now: Millis,
    ) {
        let mut extra = Map::new();
        extra.insert(name.to_owned(), value);
        let new = NewPost {
            thread,
            extra,
            ..NewPost::default()
        };
        let id = self.post(chat, Author::Person(person), new, now);
        acted.message_ids.push(id);
        let message = self.message_json(chat, id);
        acted
            .update_ids
            .extend(self.queue_update("message", message, chat, now));
    }

    pub(super) fn saw_change(&mut self, chat: i64, change: &str, now: Millis) {
        let change = change.to_owned();
        self.saw(chat, None, Seen::Chat { change }, now);
    }
}

fn group_id(kind: ChatKind, number: i64) -> i64 {
    if kind.is_super() {
        -1_001_000_000_000 - number
    } else {
        -4_000_000 - number
    }
}
