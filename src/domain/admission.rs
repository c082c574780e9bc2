//! What becomes of an update: the one place that decides it.
//!
//! Pure: the store collects the facts and carries the verdict out, both inside
//! the accept transaction, so that a crash can never separate them.

use std::collections::BTreeSet;

use super::address::{BotUser, Groups, is_addressed};
use super::update::{ChatKind, Message, Way};
use super::variant::OnEdit;
use super::verb::{Command, Verb};
use super::window::Rules;
use super::words::Wordbook;

/// What a message does while a turn of its conversation runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Busy {
    /// It gathers into the next turn.
    #[default]
    Queue,
    /// It joins the running turn, which begins again.
    Interrupt,
}

/// Who may talk to the bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Whoever opened the one-time link.
    Claim,
    /// The listed people and chats only.
    List,
    /// Everybody.
    Open,
}

/// Everything that decides about an update and is not in it.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Our own account.
    pub bot: BotUser,
    /// How windows gather.
    pub rules: Rules,
    /// What messages do while a turn runs.
    pub busy: Busy,
    /// When we answer in groups.
    pub groups: Groups,
    /// Who may talk.
    pub access: Access,
    /// People and chats that may always talk.
    pub ids: BTreeSet<i64>,
    /// People who look after the bot, besides whoever has claimed it; they may
    /// always talk.
    pub operators: BTreeSet<i64>,
    /// What an edit does that came too late for the answer.
    pub edits: OnEdit,
    /// Messages a minute per person and chat; more wait.
    pub per_minute: i64,
    /// What transactions say by themselves, in every language.
    pub words: Wordbook,
    /// What the bot does in other people's rooms.
    pub rooms: Rooms,
}

/// What the bot does where others talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rooms {
    /// Messages of a group that are kept as context although they are not
    /// meant for the bot; 0 = none.
    pub overheard: i64,
    /// Chats of business accounts.
    pub business: Answers,
    /// Chats into which the bot is called as a guest.
    pub guests: Answers,
}

/// Whether the bot answers in a kind of chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// Where it may.
    Given,
    /// Never.
    Withheld,
}

impl Default for Rooms {
    fn default() -> Self {
        Self {
            overheard: 20,
            business: Answers::Given,
            guests: Answers::Given,
        }
    }
}

/// What the store knows about a speaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts {
    /// The person or the chat was let in (by the link, or by an operator).
    pub admitted: bool,
    /// The message continues what its sender just said to the bot: the same
    /// album, a burst of forwards, the next piece of a split paste.
    pub continues: bool,
    /// An operator has banned the person or the chat.
    pub banned: bool,
}

/// What becomes of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is addressed to the bot and joins a window.
    Turn,
    /// It is a command.
    Control(Verb),
    /// It begins with a command; what follows that joins a window.
    ControlThenTurn(Verb),
    /// It is not addressed to the bot.
    Ignore,
    /// A stranger speaks to us: one polite refusal a day.
    Refuse,
}

impl Policy {
    /// Whether this person may talk in this chat.
    #[must_use]
    pub fn admits(&self, sender: i64, chat: i64, facts: Facts) -> bool {
        let known = self.ids.contains(&sender)
            || self.ids.contains(&chat)
            || self.operators.contains(&sender);
        !facts.banned && (self.access == Access::Open || facts.admitted || known)
    }

    /// Decides about a message.
    #[must_use]
    pub fn verdict(&self, message: &Message, facts: Facts) -> Verdict {
        // Telegram's own account carries forwarded posts; it is no bot.
        if message.sender.is_bot {
            return Verdict::Ignore;
        }
        let ours = is_ours(message);
        let command = self.command(message);
        let continues = facts.continues && ours;
        let addressed = continues || is_addressed(message, &self.bot, self.groups);
        if command.is_none() && !addressed {
            return Verdict::Ignore;
        }
        // The link that claims the bot is opened by somebody not yet let in.
        if let Some(Verb::Start { code }) = command.as_ref().map(|command| &command.verb)
            && !code.is_empty()
            && self.access == Access::Claim
        {
            return Verdict::Control(Verb::Start { code: code.clone() });
        }
        if !self.admits(message.sender.id.0, message.chat.id.0, facts) {
            // Where the bot hears everything, only those who meant it are
            // told; a group must not be filled with refusals.
            return if ours && is_addressed(message, &self.bot, Groups::Mention) {
                Verdict::Refuse
            } else {
                Verdict::Ignore
            };
        }
        match command {
            None => Verdict::Turn,
            // In a group a `/stop` may be meant for another bot.
            Some(Command {
                verb,
                rest: Some(_),
            }) if addressed || verb == Verb::New => Verdict::ControlThenTurn(verb),
            Some(Command { verb, .. }) => Verdict::Control(verb),
        }
    }

    /// The command that a message is or begins with. What somebody forwarded
    /// commands nothing; with a medium only `/new` does, and the medium is what
    /// follows it.
    #[must_use]
    pub fn command<'m>(&self, message: &'m Message) -> Option<Command<'m>> {
        if !is_ours(message) || message.forwarded_from.is_some() {
            return None;
        }
        let command = Verb::of_command(&message.text, &self.bot.username)?;
        match (&message.media, &command.verb) {
            (None, _) => Some(command),
            (Some(_), Verb::New) => Some(Command {
                rest: Some(command.rest.unwrap_or_default()),
                ..command
            }),
            (Some(_), _) => None,
        }
    }
}

/// Other people's rooms are not ours to command.
fn is_ours(message: &Message) -> bool {
    message.way == Way::Direct && message.chat.kind != ChatKind::Channel
}
