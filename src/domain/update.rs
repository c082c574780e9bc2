//! The tolerant parse of an update: what we need of it and nothing else.
//!
//! Walks the JSON by hand, so that a field we do not know, or know in another
//! shape, costs that field and never the message. (Typed clients turn a whole
//! message into "empty" over one unknown entity.) Must never panic.

use serde::{Deserialize, Serialize};

use super::ids::{ChatId, TurnId, UserId};

mod connection;
mod media;
mod read;

pub use connection::read_connection;
pub use media::{File, FileKind, Media, Said};
pub use read::parse;

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

/// The message that a message answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quoted {
    /// Its id; 0 when it stands in another chat or topic.
    pub message_id: i64,
    /// Who wrote it.
    pub from: Option<UserId>,
    /// That person's name.
    pub name: String,
    /// Its text or caption, as far as the update carries it.
    pub text: String,
    /// The part of it that the person picked.
    #[serde(default)]
    pub part: Option<String>,
    /// What else it carries.
    #[serde(default)]
    pub media: Option<Media>,
    /// Whether it was forwarded there.
    #[serde(default)]
    pub is_forward: bool,
    /// Whose it was before, where the forward tells.
    #[serde(default)]
    pub author: Option<UserId>,
}

/// The way by which a message came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "lowercase")]
pub enum Way {
    /// Somebody wrote it where the bot is.
    #[default]
    Direct,
    /// A channel's post that Telegram put into its discussion group.
    Feed,
    /// It was written in a chat of a business account.
    Business {
        /// The connection with that account.
        connection: String,
        /// Which side wrote it.
        side: Side,
    },
    /// The bot was called into a chat in which it is not.
    Guest {
        /// For `answerGuestQuery`.
        query: String,
    },
}

/// The sides of a business account's chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Whoever wrote to the account.
    Peer,
    /// The account's owner, by hand.
    Owner,
    /// A bot or an automatic greeting in the owner's name.
    Machine,
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
    /// Addresses behind words of the text.
    #[serde(default)]
    pub links: Vec<Link>,
    /// By which way it came.
    #[serde(default)]
    pub way: Way,
}

/// An address that the text does not show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Where the words end that lead there, in UTF-16 units.
    pub end: usize,
    /// Where they lead.
    pub url: String,
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

    /// The message with this piece of its text and nothing else of it.
    #[must_use]
    pub fn only(&self, piece: &str) -> Self {
        let before = self.text.find(piece).map_or("", |at| &self.text[..at]);
        let (from, long) = (before.encode_utf16().count(), piece.encode_utf16().count());
        let moved = self.links.iter().filter_map(|link| {
            let end = link.end.checked_sub(from)?;
            (1..=long).contains(&end).then(|| Link {
                end,
                url: link.url.clone(),
            })
        });
        Self {
            text: piece.to_owned(),
            links: moved.collect(),
            ..self.clone()
        }
    }

    /// The text with every address behind the words that lead there.
    #[must_use]
    pub fn written(&self) -> String {
        if self.links.is_empty() {
            return self.text.clone();
        }
        let units: Vec<u16> = self.text.encode_utf16().collect();
        let mut written = String::new();
        let mut from = 0;
        for link in &self.links {
            let Some(piece) = units.get(from..link.end) else {
                continue;
            };
            written.push_str(&String::from_utf16_lossy(piece));
            written.push_str(&format!(" ({})", link.url));
            from = link.end;
        }
        written.push_str(&String::from_utf16_lossy(&units[from..]));
        written
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
    /// The business connection of that message's chat.
    pub connection: Option<String>,
}

/// A connection with a business account, as Telegram tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Its id.
    pub id: String,
    /// Whose account it is.
    pub owner: UserId,
    /// Whether the bot may answer in its name: it is enabled, and the right to
    /// reply was given.
    pub standing: ConnectionStanding,
}

/// Whether a business connection may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionStanding {
    /// The bot may answer.
    Usable,
    /// It is disabled, or there is no right to reply.
    Idle,
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
    /// A business account was connected, changed or disconnected.
    Connected(Box<Connection>),
    /// Messages were deleted from a business account's chat.
    Deleted {
        /// The connection with that account.
        connection: String,
        /// The chat, as Telegram names it.
        chat: ChatId,
        /// Their ids.
        messages: Vec<i64>,
    },
    /// The bot was blocked, or removed from a group.
    Expelled {
        /// From which chat.
        chat: ChatId,
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
    /// The new message it tells of, whatever that says.
    pub stamp: Option<Stamp>,
}

/// The id a message was given: service messages have one, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// In which chat.
    pub chat: ChatId,
    /// Its id.
    pub id: i64,
    /// Telegram's time of it, in seconds.
    pub date: i64,
}

#[cfg(test)]
mod tests;
