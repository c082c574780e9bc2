//! Whether a message is addressed to the bot.
//!
//! In private chats always; in groups as the operator chose: at a command, also
//! at a reply, also at a mention, or always. In a channel only at a mention or a
//! command, and never because Telegram forwarded a post.

use serde::{Deserialize, Serialize};

use super::ids::BotId;
use super::update::{ChatKind, Mark, Message, Side, Way};

/// The bot's own account, as `getMe` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BotUser {
    /// Its id.
    pub id: BotId,
    /// Its @name, without the `@`.
    pub username: String,
    /// The name people see.
    pub name: String,
    /// What it hears in groups.
    #[serde(default)]
    pub hears: Hears,
}

/// What Telegram lets the bot hear in groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Hears {
    /// Only what is meant for it: privacy mode is on.
    #[default]
    Meant,
    /// Everything.
    All,
}

/// When the bot answers in groups; each at more than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Groups {
    /// Commanded.
    Command,
    /// Replied to or commanded.
    Reply,
    /// Mentioned, replied to or commanded.
    #[default]
    Mention,
    /// Always.
    Always,
}

/// The command that begins a question: `/ask what is this?`
const ASK: &str = "ask";

/// Whether `message` speaks to `bot`.
#[must_use]
pub fn is_addressed(message: &Message, bot: &BotUser, groups: Groups) -> bool {
    match &message.way {
        // Nobody else can be meant.
        Way::Guest { .. } => return true,
        Way::Business { side, .. } => return *side == Side::Peer,
        Way::Feed => return is_named(message, bot),
        Way::Direct => {}
    }
    match message.chat.kind {
        ChatKind::Private => true,
        ChatKind::Channel => is_named(message, bot) || is_commanded(message, bot),
        ChatKind::Group | ChatKind::Supergroup => {
            groups == Groups::Always
                || is_commanded(message, bot)
                || (groups >= Groups::Reply && is_replied_to(message, bot))
                || (groups >= Groups::Mention && is_named(message, bot))
        }
    }
}

fn is_replied_to(message: &Message, bot: &BotUser) -> bool {
    let quoted = message.quoted.as_ref();
    quoted.is_some_and(|q| q.from.is_some_and(|id| id.0 == bot.id.0))
}

fn is_named(message: &Message, bot: &BotUser) -> bool {
    message.marks.iter().any(|mark| match mark {
        Mark::Mention { name } => name.eq_ignore_ascii_case(&bot.username),
        Mark::Person { id } => id.0 == bot.id.0,
        Mark::Command { .. } => false,
    })
}

fn is_commanded(message: &Message, bot: &BotUser) -> bool {
    message.marks.iter().any(|mark| match mark {
        Mark::Command { text, first } => match text.split_once('@') {
            Some((_, to)) => to.eq_ignore_ascii_case(&bot.username),
            // Where privacy mode gives us one without a name, it is ours.
            None => *first && text.trim_start_matches('/').eq_ignore_ascii_case(ASK),
        },
        _ => false,
    })
}

/// What a message says once it is known to be meant for the bot: a mention that
/// only calls it, at either end, and `/ask` say nothing to the model. `None`
/// when nothing is to be taken away, or nothing would be left.
#[must_use]
pub fn without_call<'t>(text: &'t str, bot: &BotUser) -> Option<&'t str> {
    let mut said = text.trim();
    if let Some(rest) = after_ask(said, bot) {
        said = rest.trim_start();
    }
    let name = format!("@{}", bot.username);
    while let Some(rest) = after_name(said, &name) {
        said = rest.trim_start_matches(|c: char| c.is_whitespace() || ",:;!".contains(c));
    }
    while let Some(rest) = before_name(said, &name) {
        said = rest.trim_end_matches(|c: char| c.is_whitespace() || c == ',');
    }
    (!said.is_empty() && said != text.trim()).then_some(said)
}

fn after_ask<'a>(text: &'a str, bot: &BotUser) -> Option<&'a str> {
    let rest = text.strip_prefix('/')?;
    let (head, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let (name, to) = head.split_once('@').unwrap_or((head, &bot.username));
    let ours = name.eq_ignore_ascii_case(ASK) && to.eq_ignore_ascii_case(&bot.username);
    ours.then_some(rest)
}

fn after_name<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let head = text.get(..name.len())?;
    let rest = &text[name.len()..];
    let ends = !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    (ends && head.eq_ignore_ascii_case(name)).then_some(rest)
}

fn before_name<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let at = text.len().checked_sub(name.len())?;
    let tail = text.get(at..)?;
    let rest = &text[..at];
    let begins = rest.ends_with(char::is_whitespace);
    (begins && tail.eq_ignore_ascii_case(name)).then_some(rest)
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
            hears: Hears::All,
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
            way: Way::Direct,
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

        let mut replied = plain.clone();
        replied.quoted = Some(Quoted {
            message_id: 1,
            from: Some(UserId(42)),
            ..Quoted::default()
        });
        assert!(is_addressed(&replied, &bot(), Groups::Mention));

        // Each setting hears more than the one before.
        let mut asked = commanded;
        asked.marks = vec![Mark::Command {
            text: "/ask".into(),
            first: true,
        }];
        for (message, from) in [
            (&asked, Groups::Command),
            (&replied, Groups::Reply),
            (&mentioned, Groups::Mention),
            (&plain, Groups::Always),
        ] {
            for groups in [
                Groups::Command,
                Groups::Reply,
                Groups::Mention,
                Groups::Always,
            ] {
                assert_eq!(is_addressed(message, &bot(), groups), groups >= from);
            }
        }
    }

    #[test]
    fn a_post_that_telegram_forwarded_and_a_channel_need_to_name_the_bot() {
        let mut fed = said(ChatKind::Supergroup);
        fed.way = Way::Feed;
        let mut posted = said(ChatKind::Channel);
        for message in [&mut fed, &mut posted] {
            assert!(!is_addressed(message, &bot(), Groups::Always));
            message.marks = vec![Mark::Mention {
                name: "LastwordBot".into(),
            }];
            assert!(is_addressed(message, &bot(), Groups::Command));
        }
    }

    #[test]
    fn a_mention_that_only_calls_says_nothing() {
        for (text, said) in [
            ("@lastwordbot, what is this?", Some("what is this?")),
            ("what is this @LastwordBot", Some("what is this")),
            ("/ask@LastwordBot what is this?", Some("what is this?")),
            ("/ask what is this?", Some("what is this?")),
            ("/ask @lastwordbot hm", Some("hm")),
            ("@lastwordbot", None),
            ("/ask", None),
            ("/asking for it", None),
            ("/ask@other hm", None),
            ("@lastwordbots are many", None),
            ("what does @lastwordbot think?", None),
            ("é@lastwordbot", None),
            ("plain", None),
        ] {
            assert_eq!(without_call(text, &bot()), said, "{text}");
        }
    }
}
