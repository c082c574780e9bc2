//! Whether a message is addressed to the bot.
//!
//! In private chats always; in groups when the bot is mentioned, replied to or
//! commanded, or when it answers everything (`groups = "always"`).

use serde::{Deserialize, Serialize};

use super::ids::BotId;
use super::update::{ChatKind, Mark, Message};

/// The bot's own account, as `getMe` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BotUser {
    /// Its id.
    pub id: BotId,
    /// Its @name, without the `@`.
    pub username: String,
    /// The name people see.
    pub name: String,
}

/// When the bot answers in groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Groups {
    /// Mentioned, replied to or commanded.
    #[default]
    Mention,
    /// Always.
    Always,
}

/// Whether `message` speaks to `bot`.
#[must_use]
pub fn is_addressed(message: &Message, bot: &BotUser, groups: Groups) -> bool {
    match message.chat.kind {
        ChatKind::Private => true,
        ChatKind::Channel => false,
        ChatKind::Group | ChatKind::Supergroup => {
            groups == Groups::Always || points_at(message, bot)
        }
    }
}

fn points_at(message: &Message, bot: &BotUser) -> bool {
    let replied = message
        .quoted
        .as_ref()
        .is_some_and(|q| q.from.is_some_and(|id| id.0 == bot.id.0));
    replied
        || message.marks.iter().any(|mark| match mark {
            Mark::Mention { name } => name.eq_ignore_ascii_case(&bot.username),
            Mark::Person { id } => id.0 == bot.id.0,
            Mark::Command { text, .. } => match text.split_once('@') {
                Some((_, to)) => to.eq_ignore_ascii_case(&bot.username),
                None => false,
            },
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{ChatId, UserId};
    use crate::domain::update::{Chat, Person, Quoted};

    fn bot() -> BotUser {
        BotUser {
            id: BotId(42),
            username: "LastwordBot".into(),
            name: "Lastword".into(),
        }
    }

    fn said(kind: ChatKind) -> Message {
        Message {
            chat: Chat {
                id: ChatId(-7),
                kind,
                title: "room".into(),
            },
            topic: None,
            id: 1,
            date: 0,
            sender: Person {
                id: UserId(5),
                name: "Ann".into(),
                language: None,
                is_bot: false,
            },
            text: "hi".into(),
            media: None,
            album: None,
            quoted: None,
            forwarded_from: None,
            marks: Vec::new(),
            links: Vec::new(),
        }
    }

    #[test]
    fn groups_need_a_mention_a_reply_or_a_command() {
        let plain = said(ChatKind::Supergroup);
        assert!(!is_addressed(&plain, &bot(), Groups::Mention));
        assert!(is_addressed(&plain, &bot(), Groups::Always));
        assert!(is_addressed(
            &said(ChatKind::Private),
            &bot(),
            Groups::Mention
        ));

        let mut mentioned = plain.clone();
        mentioned.marks = vec![Mark::Mention {
            name: "lastwordbot".into(),
        }];
        assert!(is_addressed(&mentioned, &bot(), Groups::Mention));

        let mut commanded = plain.clone();
        commanded.marks = vec![Mark::Command {
            text: "/ask@other".into(),
            first: true,
        }];
        assert!(!is_addressed(&commanded, &bot(), Groups::Mention));

        let mut replied = plain;
        replied.quoted = Some(Quoted {
            message_id: 1,
            from: Some(UserId(42)),
            name: String::new(),
            text: String::new(),
        });
        assert!(is_addressed(&replied, &bot(), Groups::Mention));
    }
}
