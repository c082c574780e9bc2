//! What people do: write, forward, edit, press buttons. Every act turns into
//! updates as at Telegram.

use serde_json::{Map, Value, json};

use super::acts::{Act, Acted, Impossible, Place};
use super::chats::{ChatKind, ChatState, Person, Standing};
use super::entities;
use super::posts::{Author, Content, NewPost};
use super::queue::DAY_MS;
use super::transcript::Seen;
use super::world::World;
use crate::clock::Millis;

type Done = Result<Acted, Impossible>;

impl World {
    /// Does what a person does.
    pub(super) fn act(&mut self, act: Act, now: Millis) -> Done {
        self.tick(now);
        match act {
            Act::AddPerson {
                id,
                first_name,
                username,
            } => {
                let id = match id {
                    Some(id) => id,
                    None => 1_000_000 + self.fresh(),
                };
                let person = Person {
                    id,
                    first_name,
                    username,
                    language_code: Some("en".to_owned()),
                };
                self.people.insert(id, person);
                Ok(Acted::made(id))
            }
            Act::Speak {
                person,
                language_code,
            } => {
                let them = self
                    .people
                    .get_mut(&person)
                    .ok_or("there is no such person")?;
                them.language_code = language_code;
                Ok(Acted::default())
            }
            Act::OpenGroup {
                kind,
                title,
                members,
            } => self.open_group(kind, title, &members, now),
            Act::OpenTopic { chat, person, name } => self.open_topic(chat, person, name, now),
            Act::Say { place, text } => self.say(&place, &text, now),
            Act::SayAs {
                place,
                identity,
                text,
            } => self.say_as(&place, identity, &text, now),
            Act::Quote { place, part, text } => self.quote(&place, &part, &text, now),
            Act::ConnectBusiness {
                connection,
                owner,
                can_reply,
                enabled,
                told,
            } => Ok(self.connect_business(&connection, owner, can_reply, enabled, told, now)),
            Act::SayBusiness {
                connection,
                peer,
                side,
                text,
            } => self.say_business(&connection, peer, side, &text, now),
            Act::DeleteBusiness {
                connection,
                peer,
                messages,
            } => self.delete_business(&connection, peer, messages, now),
            Act::CallGuest { place, text } => {
                let chat = place.chat.ok_or("guests are called into groups")?;
                let (thread, reply_to) = (place.thread, place.reply_to);
                self.call_guest(chat, thread, place.person, &text, reply_to, now)
            }
            Act::Forward { place, texts } => self.forward(&place, texts, now),
            Act::Send {
                place,
                medium,
                caption,
                count,
                base64,
            } => self.send_medium(&place, medium, caption, count, base64, now),
            Act::Attach {
                place,
                file,
                caption,
            } => self.attach(&place, file, caption, now),
            Act::Share {
                place,
                field,
                content,
            } => self.share(&place, &field, content, String::new(), now),
            Act::Edit {
                place,
                message_id,
                text,
            } => self.edit_own(&place, message_id, text, now),
            Act::Delete { chat, message_id } => {
                self.remove(chat, message_id, now);
                Ok(Acted::default())
            }
            Act::Press {
                place,
                message_id,
                data,
            } => self.press(&place, message_id, data, now),
            Act::Stop { place, draft_id } => {
                let chat = place.chat.unwrap_or(place.person);
                self.stop_draft(chat, place.thread, draft_id, now)?;
                Ok(Acted::default())
            }
            Act::Block { person } => {
                let chat = self.private_chat(person);
                self.move_bot(chat, person, Standing::Kicked, now);
                Ok(Acted::default())
            }
            Act::Unblock { person } => {
                let chat = self.private_chat(person);
                self.move_bot(chat, person, Standing::Member, now);
                Ok(Acted::default())
            }
            Act::MoveBot {
                chat,
                person,
                standing,
            } => {
                self.move_bot(chat, person, standing, now);
                Ok(Acted::default())
            }
            Act::Move {
                chat,
                person,
                standing,
            } => self.move_person(chat, person, standing, now),
            Act::DeleteChat { chat } => {
                self.chats.get_mut(&chat).ok_or("no such chat")?.state = ChatState::Deleted;
                self.saw_change(chat, "deleted", now);
                Ok(Acted::default())
            }
            Act::Migrate { chat } => self.migrate(chat, now),
            Act::CloseTopic {
                chat,
                thread,
                closed,
            } => {
                let chat = self.chats.get_mut(&chat).ok_or("no such chat")?;
                chat.topics.get_mut(&thread).ok_or("no such topic")?.closed = closed;
                Ok(Acted::default())
            }
            Act::Noise { messages } => {
                self.last_message_id += i64::from(messages);
                Ok(Acted::default())
            }
            Act::Inject { update } => self.inject(&update, now),
            Act::Lose { updates } => {
                self.queue.skip(updates);
                Ok(Acted::default())
            }
            Act::Reseed => {
                self.queue.reseed();
                Ok(Acted::default())
            }
        }
    }

    fn say(&mut self, place: &Place, text: &str, now: Millis) -> Done {
        let mut acted = Acted::default();
        for piece in entities::split_paste(text) {
            let content = Content {
                entities: entities::typed(&piece),
                text: piece,
                ..Content::default()
            };
            self.write(place, content, Map::new(), &mut acted, now)?;
        }
        if acted.message_ids.is_empty() {
            return Err("nothing to say".into());
        }
        Ok(acted)
    }

    fn forward(&mut self, place: &Place, texts: Vec<String>, now: Millis) -> Done {
        let mut acted = Acted::default();
        for text in texts {
            let content = Content {
                text,
                ..Content::default()
            };
            let mut extra = Map::new();
            extra.insert(
                "forward_origin".to_owned(),
                json!({
                    "type": "hidden_user",
                    "sender_user_name": "Somebody Else",
                    "date": now / 1_000 - 60,
                }),
            );
            self.write(place, content, extra, &mut acted, now)?;
        }
        Ok(acted)
    }

    /// Puts a person's message into the chat and into the queue.
    pub(super) fn write(
        &mut self,
        place: &Place,
        content: Content,
        extra: Map<String, Value>,
        acted: &mut Acted,
        now: Millis,
    ) -> Result<(), Impossible> {
        let chat_id = self.enter(place, now)?;
        let new = NewPost {
            thread: place.thread,
            reply_to: place.reply_to,
            content,
            extra,
        };
        let id = self.post(chat_id, Author::Person(place.person), new, now);
        acted.message_ids.push(id);
        if self.bot_hears(chat_id, id) {
            let message = self.message_json(chat_id, id);
            let kind = match self.chats.get(&chat_id).map(|chat| chat.kind) {
                Some(ChatKind::Channel) => "channel_post",
                _ => "message",
            };
            acted
                .update_ids
                .extend(self.queue_update(kind, message, chat_id, now));
        }
        Ok(())
    }

    /// The chat in which a person is about to write, checked.
    fn enter(&mut self, place: &Place, now: Millis) -> Result<i64, Impossible> {
        if !self.people.contains_key(&place.person) {
            return Err("no such person".into());
        }
        let chat_id = match place.chat {
            Some(id) if id != place.person => id,
            _ => self.private_chat(place.person),
        };
        let chat = self.chats.get(&chat_id).ok_or("no such chat")?;
        if chat.state != ChatState::Open {
            return Err("the chat is closed".into());
        }
        if !chat.members.get(&place.person).is_some_and(|s| s.is_in()) {
            return Err("not a member".into());
        }
        if place
            .thread
            .is_some_and(|id| !chat.topics.contains_key(&id))
        {
            return Err("no such topic".into());
        }
        if chat.kind == ChatKind::Private && chat.bot == Standing::Kicked {
            // Writing to a blocked bot unblocks it first.
            self.move_bot(chat_id, place.person, Standing::Member, now);
        }
        Ok(chat_id)
    }

    /// Whether a message reaches the bot: it must be in the chat, and with
    /// privacy on the message must be meant for it.
    fn bot_hears(&self, chat_id: i64, id: i64) -> bool {
        let Some(chat) = self.chats.get(&chat_id) else {
            return false;
        };
        let Some(post) = chat.posts.get(&id) else {
            return false;
        };
        if !chat.bot.is_in() {
            return false;
        }
        let sees_all = !self.settings.privacy
            || !chat.kind.is_group()
            || matches!(chat.bot, Standing::Administrator | Standing::Creator);
        let content = post.content();
        let meant = content.text.contains(&format!("@{}", self.bot.username))
            || content.text.starts_with('/')
            || post
                .reply_to
                .and_then(|id| chat.posts.get(&id))
                .is_some_and(|replied| replied.author == Author::Bot);
        sees_all || meant
    }

    fn edit_own(&mut self, place: &Place, id: i64, text: String, now: Millis) -> Done {
        let chat_id = self.enter(place, now)?;
        let post = self
            .chats
            .get(&chat_id)
            .and_then(|chat| chat.posts.get(&id))
            .ok_or("no such message")?;
        if post.author != Author::Person(place.person) {
            return Err("not their message".into());
        }
        let content = Content {
            entities: entities::typed(&text),
            text,
            ..post.content().clone()
        };
        self.change(chat_id, id, content, now);
        let mut acted = Acted::default();
        if self.bot_hears(chat_id, id) {
            let message = self.message_json(chat_id, id);
            acted
                .update_ids
                .extend(self.queue_update("edited_message", message, chat_id, now));
        }
        Ok(acted)
    }

    fn press(&mut self, place: &Place, message_id: i64, data: String, now: Millis) -> Done {
        let chat_id = self.enter(place, now)?;
        let post = self
            .chats
            .get(&chat_id)
            .and_then(|chat| chat.posts.get(&message_id))
            .filter(|post| post.is_visible())
            .ok_or("no such message")?;
        let has_button = post
            .content()
            .markup
            .as_ref()
            .and_then(|markup| markup.get("inline_keyboard"))
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_array)
            .flatten()
            .any(|button| button.get("callback_data").and_then(Value::as_str) == Some(&data));
        if !has_button {
            return Err("no such button".into());
        }
        let number = self.fresh();
        let id = format!("{}{number:04}", self.bot.id);
        self.callbacks.insert(id.clone(), (chat_id, now));
        let query = json!({
            "id": id,
            "from": self.user_json(place.person),
            "message": self.message_json(chat_id, message_id),
            "chat_instance": format!("{}", chat_id.unsigned_abs()),
            "data": data,
        });
        self.saw(chat_id, None, Seen::Pressed { message_id, data }, now);
        Ok(Acted {
            update_ids: self
                .queue_update("callback_query", query, chat_id, now)
                .into_iter()
                .collect(),
            ..Acted::default()
        })
    }

    fn inject(&mut self, update: &Value, now: Millis) -> Done {
        let (kind, content) = update
            .as_object()
            .and_then(|fields| fields.iter().find(|(name, _)| *name != "update_id"))
            .ok_or("an update has one field besides update_id")?;
        let chat = content
            .pointer("/chat/id")
            .or_else(|| content.pointer("/message/chat/id"))
            .and_then(Value::as_i64)
            .unwrap_or(0);
        let lane = format!("chat {chat}");
        let id = self.queue.push(kind, content.clone(), lane, DAY_MS, now);
        self.touch();
        Ok(Acted {
            update_ids: id.into_iter().collect(),
            ..Acted::default()
        })
    }
}
