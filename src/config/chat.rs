//! `[chat]`: how messages gather into a turn, and who the bot is.

use std::time::Duration;

use super::kind::{Flag, Int, Named, One, OneOf, Span, Word};
use super::walk::{Apply, Walk};
use crate::domain::language::Language;

/// How a conversation is held.
#[derive(Debug, Clone, PartialEq)]
pub struct Chat {
    /// How long it must be quiet before the bot answers.
    pub quiet_period: Duration,
    /// The same after a piece of 4000 characters or more, which is probably
    /// one of several pieces of a long paste.
    pub long_piece_quiet: Duration,
    /// The longest a window stays open.
    pub window_max: Duration,
    /// How many messages fit into one window.
    pub window_messages: usize,
    /// How many characters fit into one window, split pastes excepted.
    pub window_chars: usize,
    /// What a message does that arrives while the bot is answering.
    pub busy: Busy,
    /// What the model is told first.
    pub system_prompt: SystemPrompt,
    /// When the bot answers in groups.
    pub groups: Groups,
    /// How many of a group's latest messages the model sees although they were
    /// not meant for it.
    pub group_context: u32,
    /// Whether the bot answers in chats of business accounts.
    pub business: Strangers,
    /// Whether the bot answers where it is called as a guest.
    pub guests: Strangers,
    /// What the bot's own words are written in.
    pub language: Spoken,
    /// What an edit does that came too late for the answer.
    pub edits: Edits,
}

/// Whether people are answered whom the bot meets through somebody it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strangers {
    /// They are.
    Answered,
    /// They are not.
    Ignored,
}

impl From<bool> for Strangers {
    fn from(answered: bool) -> Self {
        if answered {
            Self::Answered
        } else {
            Self::Ignored
        }
    }
}

/// What the bot's own words are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoken {
    /// The language of each person's own Telegram.
    Theirs,
    /// The same for everybody.
    Only(Language),
}

impl Spoken {
    /// The one language, when there is one.
    #[must_use]
    pub const fn only(self) -> Option<Language> {
        match self {
            Self::Theirs => None,
            Self::Only(language) => Some(language),
        }
    }
}

impl From<Strangers> for bool {
    fn from(strangers: Strangers) -> Self {
        strangers == Strangers::Answered
    }
}

impl Named for Spoken {
    const ALL: &'static [(&'static str, Self)] = &{
        let mut all = [("auto", Self::Theirs); Language::ALL.len() + 1];
        let mut at = 0;
        while at < Language::ALL.len() {
            let language = Language::ALL[at];
            at += 1;
            all[at] = (language.tag(), Self::Only(language));
        }
        all
    };
}

/// What a message does that arrives while the bot is answering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Busy {
    /// It waits for the next turn.
    Queue,
    /// It joins the running turn, whose answer begins anew.
    Interrupt,
}

impl Named for Busy {
    const ALL: &'static [(&'static str, Self)] =
        &[("queue", Self::Queue), ("interrupt", Self::Interrupt)];
}

/// When the bot answers in groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Groups {
    /// When it is commanded.
    Command,
    /// When it is replied to or commanded.
    Reply,
    /// When it is mentioned, replied to or commanded.
    Mention,
    /// Always.
    Always,
}

impl Named for Groups {
    const ALL: &'static [(&'static str, Self)] = &[
        ("mention", Self::Mention),
        ("reply", Self::Reply),
        ("command", Self::Command),
        ("always", Self::Always),
    ];
}

/// What an edit does that came too late for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edits {
    /// A button under the answer offers another one.
    Offer,
    /// It is answered again at once.
    Answer,
    /// Nothing.
    Ignore,
}

impl Named for Edits {
    const ALL: &'static [(&'static str, Self)] = &[
        ("offer", Self::Offer),
        ("answer", Self::Answer),
        ("ignore", Self::Ignore),
    ];
}

/// What the model is told first; `{date}`, `{chat}`, `{person}` and
/// `{language}` are filled in for each turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemPrompt(String);

/// The longest system prompt in characters: half of the default token budget.
const PROMPT_MAX: usize = 32_000;

const VARIABLES: [&str; 4] = ["date", "chat", "person", "language"];

const DEFAULT_PROMPT: &str = "\
You are a thoughtful, friendly assistant who talks with people in Telegram.
Answer in the language of the person's last message.
To one without words answer in the conversation's language, or else in {language}.
Come to the point: a few sentences where they suffice, more when the matter needs it.
Format with Markdown, sparingly; put code in fenced blocks with their language.
Say so when you are not sure, and ask when a request can be read in two ways.
Several messages in a row belong together: answer them as one.
Today is {date}. You are talking with {person} in {chat}.";

impl SystemPrompt {
    /// Takes over a prompt of at most 32 000 characters; an empty one means
    /// that the model is told nothing first.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (text.chars().count() <= PROMPT_MAX).then(|| Self(text.trim().to_owned()))
    }

    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The prompt with its variables filled in. What is filled in is never
    /// searched for variables again, and other braces stay as they are.
    #[must_use]
    pub fn render(&self, date: &str, chat: &str, person: &str, language: &str) -> String {
        let mut out = String::with_capacity(self.0.len() + 64);
        let mut rest = self.0.as_str();
        while let Some(open) = rest.find('{') {
            let (before, from) = rest.split_at(open);
            out.push_str(before);
            let values = [
                ("{date}", date),
                ("{chat}", chat),
                ("{person}", person),
                ("{language}", language),
            ];
            let value = values.into_iter().find(|(name, _)| from.starts_with(name));
            if let Some((name, value)) = value {
                out.push_str(value);
                rest = &from[name.len()..];
            } else {
                out.push('{');
                rest = &from[1..];
            }
        }
        out.push_str(rest);
        out
    }

    /// Words in braces that look like a variable but are none: probably a
    /// slip, though it may be meant.
    pub(super) fn near_misses(&self) -> Vec<String> {
        self.0
            .split('{')
            .skip(1)
            .filter_map(|piece| piece.split_once('}'))
            .map(|(name, _)| name)
            .filter(|name| !VARIABLES.contains(name))
            .filter(|name| {
                let plain = name.trim().to_lowercase();
                VARIABLES
                    .iter()
                    .any(|known| strsim::osa_distance(known, &plain) <= 1)
            })
            .map(str::to_owned)
            .collect()
    }
}

impl Word for SystemPrompt {
    const ALLOWED: &'static str = "a text of at most 32000 characters";
    fn read(text: &str) -> Option<Self> {
        Self::parse(text)
    }
    fn write(&self) -> String {
        self.0.clone()
    }
}

impl Default for Chat {
    fn default() -> Self {
        Self {
            quiet_period: Duration::from_secs(2),
            long_piece_quiet: Duration::from_secs(4),
            window_max: Duration::from_secs(10),
            window_messages: 20,
            window_chars: 16_000,
            busy: Busy::Queue,
            system_prompt: SystemPrompt(DEFAULT_PROMPT.to_owned()),
            groups: Groups::Mention,
            group_context: 20,
            business: Strangers::Answered,
            guests: Strangers::Answered,
            language: Spoken::Theirs,
            edits: Edits::Offer,
        }
    }
}

impl Chat {
    pub(super) fn walk(&mut self, w: &mut impl Walk) {
        let quiet = || Span(Duration::ZERO..=Duration::from_secs(300));
        w.knob(
            "chat.quiet_period",
            Apply::Live,
            &mut self.quiet_period,
            quiet(),
        );
        w.knob(
            "chat.long_piece_quiet",
            Apply::Live,
            &mut self.long_piece_quiet,
            quiet(),
        );
        w.knob(
            "chat.window_max",
            Apply::Live,
            &mut self.window_max,
            quiet(),
        );
        w.knob(
            "chat.window_messages",
            Apply::Live,
            &mut self.window_messages,
            Int(1..=1_000),
        );
        w.knob(
            "chat.window_chars",
            Apply::Live,
            &mut self.window_chars,
            Int(1..=100_000),
        );
        w.knob("chat.busy", Apply::Live, &mut self.busy, OneOf);
        w.knob(
            "chat.system_prompt",
            Apply::Live,
            &mut self.system_prompt,
            One,
        );
        w.knob("chat.groups", Apply::Live, &mut self.groups, OneOf);
        w.knob(
            "chat.group_context",
            Apply::Live,
            &mut self.group_context,
            Int(0..=100),
        );
        w.knob("chat.business", Apply::Live, &mut self.business, Flag);
        w.knob("chat.guests", Apply::Live, &mut self.guests, Flag);
        w.knob("chat.language", Apply::Live, &mut self.language, OneOf);
        w.knob("chat.edits", Apply::Live, &mut self.edits, OneOf);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_is_called_cannot_pull_in_another_variable() {
        let prompt = SystemPrompt::parse("{person} in {chat} on {date}; {\"a\": {x}}").unwrap();
        assert_eq!(
            prompt.render("Monday", "a {date} chat", "{chat}", "de"),
            "{chat} in a {date} chat on Monday; {\"a\": {x}}"
        );
    }

    #[test]
    fn a_misspelt_variable_is_noticed_and_other_braces_are_not() {
        let prompt = SystemPrompt::parse("{dat} {Person} {name} {date} {} {").unwrap();
        assert_eq!(prompt.near_misses(), ["dat", "Person"]);
    }

    #[test]
    fn the_default_prompt_uses_every_variable() {
        let shown = Chat::default().system_prompt.render("D1", "C2", "P3", "L4");
        for value in ["D1", "C2", "P3", "L4"] {
            assert!(shown.contains(value));
        }
        assert!(!shown.contains('{'));
    }
}
