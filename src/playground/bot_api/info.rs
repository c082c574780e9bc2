//! Methods that ask or tell without creating messages: the bot itself, chats,
//! members, commands, typing, buttons, reactions.

use serde_json::{Value, json};

use super::answer::{Answer, Refusal};
use super::chats::Standing;
use super::params::Params;
use super::queue::CALLBACK_MS;
use super::transcript::Seen;
use super::world::World;
use crate::clock::Millis;

/// How long one `sendChatAction` is seen.
const TYPING_MS: Millis = 5_000;
const ACTIONS: [&str; 11] = [
    "typing",
    "upload_photo",
    "record_video",
    "upload_video",
    "record_voice",
    "upload_voice",
    "upload_document",
    "choose_sticker",
    "find_location",
    "record_video_note",
    "upload_video_note",
];
const MAX_COMMANDS: usize = 100;

impl World {
    pub(super) fn get_me(&self) -> Value {
        let mut me = self.bot.json();
        me["can_join_groups"] = true.into();
        me["can_read_all_group_messages"] = (!self.settings.privacy).into();
        me["supports_inline_queries"] = false.into();
        me["can_connect_to_business"] = true.into();
        me["supports_guest_queries"] = true.into();
        me["has_main_web_app"] = false.into();
        me
    }

    pub(super) fn set_my_commands(&mut self, params: Params<'_>) -> Answer {
        let list = params
            .array("commands", "commands")?
            .ok_or_else(|| Refusal::bad("can't parse commands: expected an Array"))?;
        let valid = |entry: &Value| {
            let field = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
            let name = field("command").trim_start_matches('/');
            let named = (1..=32).contains(&name.len())
                && name
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
            named && (1..=256).contains(&field("description").chars().count())
        };
        if list.len() > MAX_COMMANDS {
            return Err(Refusal::bad("BOT_COMMANDS_TOO_MUCH"));
        }
        if !list.iter().all(valid) {
            return Err(Refusal::bad("BOT_COMMAND_INVALID"));
        }
        self.commands.insert(commands_key(params), list.into());
        Ok(Value::Bool(true))
    }

    pub(super) fn get_my_commands(&self, params: Params<'_>) -> Value {
        self.commands
            .get(&commands_key(params))
            .cloned()
            .unwrap_or_else(|| json!([]))
    }

    pub(super) fn delete_my_commands(&mut self, params: Params<'_>) -> Value {
        self.commands.remove(&commands_key(params));
        Value::Bool(true)
    }

    pub(super) fn send_chat_action(&mut self, params: Params<'_>, now: Millis) -> Answer {
        let action = params.text("action").unwrap_or_default();
        if !ACTIONS.contains(&action.as_str()) {
            return Err(Refusal::bad("wrong parameter action in request"));
        }
        let chat_id = self.chat_param(params)?;
        let thread = params.integer("message_thread_id");
        let chat = self.chat(chat_id)?;
        chat.writable()?;
        chat.topic(thread)?;
        let until = now + TYPING_MS;
        if let Some(chat) = self.chats.get_mut(&chat_id) {
            match chat.typing.last_mut() {
                Some(last) if last.1 >= now => last.1 = until,
                _ => chat.typing.push((now, until)),
            }
        }
        self.saw(chat_id, thread, Seen::Typing { action, until }, now);
        Ok(Value::Bool(true))
    }

    pub(super) fn answer_callback_query(&mut self, params: Params<'_>, now: Millis) -> Answer {
        let id = params.text("callback_query_id").unwrap_or_default();
        let asked = self.callbacks.remove(&id);
        let Some((chat, _)) = asked.filter(|(_, at)| now - at < CALLBACK_MS) else {
            return Err(Refusal::bad(
                "query is too old and response timeout expired or query ID is invalid",
            ));
        };
        let text = params.text("text").unwrap_or_default();
        if text.chars().count() > 200 {
            return Err(Refusal::bad("MESSAGE_TOO_LONG"));
        }
        let alert = params.truth("show_alert");
        self.saw(chat, None, Seen::PressAnswered { text, alert }, now);
        Ok(Value::Bool(true))
    }

    pub(super) fn set_message_reaction(&mut self, params: Params<'_>, now: Millis) -> Answer {
        let chat_id = self.chat_param(params)?;
        let message_id = params.integer("message_id").unwrap_or(0);
        let emoji = params.array("reaction", "reaction")?.unwrap_or_default();
        if emoji.len() > 1 {
            return Err(Refusal::bad("REACTIONS_TOO_MANY"));
        }
        let known = emoji
            .iter()
            .all(|one| one.get("type").and_then(Value::as_str) == Some("emoji"));
        let may = |one: &Value| {
            let emoji = one.get("emoji").and_then(Value::as_str).unwrap_or_default();
            REACTIONS.split(' ').any(|allowed| allowed == emoji)
        };
        if !known || !emoji.iter().all(may) {
            return Err(Refusal::bad("REACTION_INVALID"));
        }
        self.chat(chat_id)?.writable()?;
        let post = self
            .chats
            .get_mut(&chat_id)
            .and_then(|chat| chat.posts.get_mut(&message_id))
            .filter(|post| post.is_visible())
            .ok_or_else(|| Refusal::bad("message to react not found"))?;
        post.reactions.clone_from(&emoji);
        let thread = post.thread;
        self.saw(chat_id, thread, Seen::Reacted { message_id, emoji }, now);
        Ok(Value::Bool(true))
    }

    pub(super) fn get_chat(&self, params: Params<'_>) -> Answer {
        let chat = self.chat(self.chat_param(params)?)?;
        if !(chat.bot.is_in() || chat.kind == super::chats::ChatKind::Private) {
            chat.writable()?;
        }
        let mut full = chat.json();
        full["accent_color_id"] = 0.into();
        full["max_reaction_count"] = 11.into();
        full["accepted_gift_types"] = json!({
            "unlimited_gifts": false,
            "limited_gifts": false,
            "unique_gifts": false,
            "premium_subscription": false,
            "gifts_from_channels": false,
        });
        Ok(full)
    }

    pub(super) fn get_chat_member(&self, params: Params<'_>) -> Answer {
        let chat = self.chat(self.chat_param(params)?)?;
        chat.writable()?;
        let user = params
            .integer("user_id")
            .ok_or_else(|| Refusal::bad("invalid user_id specified"))?;
        let standing = if user == self.bot.id {
            chat.bot
        } else if let Some(standing) = chat.members.get(&user) {
            *standing
        } else if self.people.contains_key(&user) {
            Standing::Left
        } else {
            return Err(Refusal::bad("user not found"));
        };
        Ok(standing.json(self.user_json(user)))
    }

    pub(super) fn get_chat_administrators(&self, params: Params<'_>) -> Answer {
        let chat = self.chat(self.chat_param(params)?)?;
        chat.writable()?;
        if !chat.kind.is_group() {
            return Err(Refusal::bad(
                "there are no administrators in the private chat",
            ));
        }
        let leads =
            |standing: &Standing| matches!(standing, Standing::Creator | Standing::Administrator);
        let mut list: Vec<Value> = chat
            .members
            .iter()
            .filter(|(_, standing)| leads(standing))
            .map(|(user, standing)| standing.json(self.user_json(*user)))
            .collect();
        if leads(&chat.bot) {
            list.push(chat.bot.json(self.bot.json()));
        }
        Ok(list.into())
    }

    pub(super) fn get_chat_member_count(&self, params: Params<'_>) -> Answer {
        let chat = self.chat(self.chat_param(params)?)?;
        chat.writable()?;
        let people = chat.members.values().filter(|s| s.is_in()).count();
        Ok(json!(people + usize::from(chat.bot.is_in())))
    }

    pub(super) fn leave_chat(&mut self, params: Params<'_>, now: Millis) -> Answer {
        let chat_id = self.chat_param(params)?;
        let chat = self.chat(chat_id)?;
        chat.writable()?;
        if !chat.kind.is_group() {
            return Err(Refusal::bad(
                "chat member status can't be changed in private chats",
            ));
        }
        self.move_bot(chat_id, self.bot.id, Standing::Left, now);
        Ok(Value::Bool(true))
    }
}

/// The emoji that a bot may react with. Source: Bot API, `ReactionTypeEmoji`.
const REACTIONS: &str = "❤ 👍 👎 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤‍🔥 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕 😈 😴 😭 🤓 👻 👨‍💻 👀 🎃 🙈 😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷‍♂ 🤷 🤷‍♀ 😡";

/// Commands are kept per scope and language.
fn commands_key(params: Params<'_>) -> String {
    let scope = params
        .json("scope", "scope")
        .ok()
        .flatten()
        .unwrap_or_else(|| json!({ "type": "default" }));
    let language = params.text("language_code").unwrap_or_default();
    format!("{scope} {language}")
}
