//! What a message points at, and what was said round it: the lines before it in
//! the prompt.
//!
//! What the history of the same prompt holds is only recalled, everything else
//! is given as it was, up to a bound.

use std::collections::BTreeSet;

use super::names::Names;
use crate::domain::ids::TurnId;
use crate::domain::update::Quoted;
use crate::store::{Author, Pointed, Surroundings};

/// Characters of what is pointed at, at the most.
const WHOLE: usize = 4_000;

/// The same in the history.
const PAST: usize = 1_000;

/// Characters that recall what the history holds.
const RECALLED: usize = 120;

/// Characters of what was said round the turn, at the most.
const TALK: usize = 4_000;

/// What is known beside the messages themselves.
pub(super) struct Known<'a> {
    pub(super) round: &'a Surroundings,
    /// Turns that the prompt holds anyway.
    pub(super) seen: BTreeSet<TurnId>,
    /// Characters of what is pointed at, at the most.
    most: usize,
}

impl<'a> Known<'a> {
    /// For the turn's own messages, in a prompt that holds these turns.
    pub(super) fn of(round: &'a Surroundings, seen: BTreeSet<TurnId>) -> Self {
        Self {
            round,
            seen,
            most: WHOLE,
        }
    }

    /// For messages of the history.
    pub(super) fn past(nothing: &'a Surroundings) -> Self {
        Self {
            round: nothing,
            seen: BTreeSet::new(),
            most: PAST,
        }
    }

    fn about(&self, quoted: &Quoted) -> Option<&'a Pointed> {
        self.round.pointed.get(&quoted.message_id)
    }
}

/// The line that says what a message answers.
pub(super) fn at(quoted: &Quoted, names: &Names, known: &Known<'_>) -> String {
    let found = known.about(quoted);
    let text = found.map_or(quoted.text.as_str(), |found| found.text.as_str());
    let whose = match (found.map(|found| found.author), quoted.from) {
        (Some(Author::Bot), _) => "your message".to_owned(),
        (_, Some(id)) if !quoted.name.is_empty() => names.tell(&quoted.name, id),
        _ if !quoted.name.is_empty() => quoted.name.clone(),
        _ => "an earlier message".to_owned(),
    };
    let recalled = found
        .and_then(|found| found.turn)
        .is_some_and(|turn| known.seen.contains(&turn));
    let (text, medium) = match &quoted.media {
        // In the update its name stands for words that it does not have.
        Some(media) => {
            let name = media.name();
            let words = if text == name { "" } else { text };
            (words, format!(" {name}"))
        }
        None => (text, String::new()),
    };
    let part = match &quoted.part {
        Some(part) if part != text => format!(", of it: \"{}\"", cut(part, known.most)),
        _ => String::new(),
    };
    if text.is_empty() && medium.is_empty() && part.is_empty() {
        return String::new();
    }
    let most = if recalled { RECALLED } else { known.most };
    let said = match text {
        "" => String::new(),
        text => format!(": \"{}\"", cut(text, most)),
    };
    format!("[In reply to {whose}{medium}{said}{part}]\n")
}

/// What others said before the turn; the latest of it, when it is much.
pub(super) fn talk(round: &Surroundings, names: &Names) -> Option<String> {
    let mut room = TALK;
    let mut lines = Vec::new();
    for said in round.talk.iter().rev() {
        let line = format!("{}: {}", names.tell(&said.name, said.sender), said.text);
        let Some(left) = room.checked_sub(line.chars().count() + 1) else {
            break;
        };
        room = left;
        lines.push(line);
    }
    lines.reverse();
    (!lines.is_empty()).then(|| {
        format!(
            "[Recent messages in this chat, for context, not meant for you:\n{}]",
            lines.join("\n")
        )
    })
}

fn cut(text: &str, most: usize) -> String {
    let mut short: String = text.chars().take(most).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
