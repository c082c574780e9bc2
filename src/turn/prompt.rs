//! The prompt: system prompt, as much history as fits, the turn's messages.
//!
//! Pure. Whole turns of history or none of them; the turn's own messages are
//! never dropped. Equal input gives equal bytes.

use std::collections::BTreeSet;

use crate::domain::ids::TurnId;
use crate::domain::language::Language;
use crate::domain::update::Message;
use crate::domain::variant::Variant;
use crate::llm::request::{ChatMessage, ChatRequest, Part, Role};
use crate::store::{Past, Surroundings};

use super::names::Names;
use super::pointed::{self, Known};
use super::views::Views;
use super::{Likeness, Settings, depict};

/// Everything a prompt is made of.
pub(super) struct Material<'a> {
    pub(super) settings: &'a Settings,
    /// `YYYY-MM-DD`.
    pub(super) date: String,
    /// Title of the chat or name of the person.
    pub(super) title: &'a str,
    /// Whether several people speak.
    pub(super) group: bool,
    pub(super) inputs: &'a [Message],
    /// Latest first.
    pub(super) past: &'a [Past],
    /// What is given of the media of the inputs.
    pub(super) views: &'a Views,
    /// What stands round the turn's messages.
    pub(super) round: &'a Surroundings,
    /// Which turn it is.
    pub(super) turn: TurnId,
    /// What it does with an answer that was given before, and that answer.
    pub(super) variant: Variant,
    pub(super) earlier: Option<&'a str>,
    /// Share of the history's budget that is used, in percent.
    pub(super) share: usize,
}

/// Builds the request.
pub(super) fn build(material: &Material<'_>) -> ChatRequest {
    let settings = material.settings;
    let mut messages = Vec::new();
    if !settings.system_prompt.is_empty() {
        messages.push(ChatMessage::text(Role::System, first_words(material)));
    }
    let names = Names::of(material);
    // With what it points at in full: what the history holds as well is then
    // said shorter, which leaves it room.
    let turn = current(
        material,
        &names,
        &Known::of(material.round, BTreeSet::new()),
    );
    let varied = varied(material);
    // Apart from the turn: it is not what anybody asks.
    let talk = pointed::talk(material.round, &names);
    let talk = talk.map(|talk| ChatMessage::text(Role::User, talk));
    let fixed: usize = messages
        .iter()
        .chain(&talk)
        .chain([&turn])
        .chain(&varied)
        .map(weight)
        .sum();
    let budget = settings.context_tokens.saturating_sub(fixed) * material.share / 100;
    let (past, seen) = history(material, &names, budget);
    messages.extend(past);
    let known = Known::of(material.round, seen);
    messages.extend(talk);
    messages.push(current(material, &names, &known));
    messages.extend(varied);
    ChatRequest {
        model: settings.model.clone(),
        fallback_models: settings.fallback_models.clone(),
        messages,
        max_tokens: settings.max_tokens,
        temperature: None,
        nonce: match settings.likeness {
            Likeness::Allowed => None,
            Likeness::Avoided => Some(nonce(material.turn)),
        },
    }
}

/// What the model is told first.
fn first_words(material: &Material<'_>) -> String {
    let sender = material.inputs.first().map(|message| &message.sender);
    let person = sender.map_or("", |sender| sender.name.as_str());
    // Its title is the person's own name.
    let chat = match material.group {
        true => material.title,
        false => "a private chat",
    };
    let prompt = &material.settings.system_prompt;
    let language = language(sender.and_then(|sender| sender.language.as_deref()));
    prompt.render(&material.date, chat, person, language)
}

/// The tag of somebody's language, as their app tells it; never anything else
/// that an app may put there.
fn language(told: Option<&str>) -> &str {
    let is_tag = |tag: &&str| {
        let letters = |part: &str| {
            (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
        };
        tag.len() <= 20 && tag.split('-').all(letters)
    };
    told.filter(is_tag).unwrap_or(Language::default().tag())
}

/// The answer that is to be given in another way, and which.
fn varied(material: &Material<'_>) -> Vec<ChatMessage> {
    match (material.variant.instruction(), material.earlier) {
        (Some(instruction), Some(earlier)) => vec![
            ChatMessage::text(Role::Assistant, earlier.to_owned()),
            ChatMessage::text(Role::User, instruction.to_owned()),
        ],
        _ => Vec::new(),
    }
}

/// The turn's number, in what fits every provider's `seed`.
fn nonce(turn: TurnId) -> u32 {
    u32::try_from(turn.0 & 0x7FFF_FFFF).unwrap_or(0)
}

/// An estimate of tokens: about four letters of English, one and a half of
/// anything else.
fn tokens(text: &str) -> usize {
    let ascii = text.bytes().filter(u8::is_ascii).count();
    let other = text.chars().filter(|c| !c.is_ascii()).count();
    ascii / 4 + other * 2 / 3 + 1
}

/// Tokens that media count for, where nothing else is known.
const IMAGE_TOKENS: usize = 800;
const AUDIO_TOKENS: usize = 1_000;
const FILE_TOKENS: usize = 4_000;

fn weight(message: &ChatMessage) -> usize {
    message
        .parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => tokens(text),
            Part::Image(_) => IMAGE_TOKENS,
            Part::Audio { .. } => AUDIO_TOKENS,
            Part::File { .. } => FILE_TOKENS,
        })
        .sum()
}

/// The latest turns that fit, oldest first, and which they are.
fn history(
    material: &Material<'_>,
    names: &Names,
    budget: usize,
) -> (Vec<ChatMessage>, BTreeSet<TurnId>) {
    let mut turns = Vec::new();
    let mut seen = BTreeSet::new();
    let elsewhere = Surroundings::default();
    let known = Known::past(&elsewhere);
    let mut used = 0;
    for past in material.past {
        let mut turn = vec![ChatMessage {
            role: Role::User,
            name: None,
            parts: spoken(&past.inputs, material, names, &known, Time::Past),
        }];
        if let Some(answer) = &past.answer {
            turn.push(ChatMessage::text(Role::Assistant, answer.clone()));
        }
        used += turn.iter().map(weight).sum::<usize>();
        if used > budget {
            break;
        }
        turns.push(turn);
        seen.insert(past.turn);
    }
    (turns.into_iter().rev().flatten().collect(), seen)
}

/// The turn's own messages as one of the protocol.
fn current(material: &Material<'_>, names: &Names, known: &Known<'_>) -> ChatMessage {
    ChatMessage {
        role: Role::User,
        name: None,
        parts: spoken(material.inputs, material, names, known, Time::Now),
    }
}

/// When a message was written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Time {
    /// In a turn of the history.
    Past,
    /// In this turn.
    Now,
}

/// Messages as the model is given them: lines of text, with their media where
/// they stand.
fn spoken(
    messages: &[Message],
    material: &Material<'_>,
    names: &Names,
    known: &Known<'_>,
    time: Time,
) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let part_of = |id: i64| material.views.get(&id)?.part.as_ref();
    let quoted_now = |id: i64| {
        let mut quoted = material.inputs.iter().filter_map(|m| m.quoted.as_ref());
        quoted.any(|quoted| quoted.message_id == id)
    };
    for message in messages {
        if !text.is_empty() {
            text.push('\n');
        }
        let views = (time == Time::Now).then_some(material.views);
        text.push_str(&line(message, names, known, views));
        let quoted = message.quoted.as_ref().filter(|_| time == Time::Now);
        // Once is enough: where it is pointed at now.
        let shown_later = time == Time::Past && quoted_now(message.id);
        for part in [
            quoted.and_then(|quoted| part_of(quoted.message_id)),
            part_of(message.id).filter(|_| !shown_later),
        ]
        .into_iter()
        .flatten()
        {
            if !text.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut text)));
            }
            parts.push(part.clone());
        }
    }
    if !text.is_empty() || parts.is_empty() {
        parts.push(Part::Text(text));
    }
    parts
}

/// One message as the model reads it; with views, as it is answered now.
fn line(message: &Message, names: &Names, known: &Known<'_>, views: Option<&Views>) -> String {
    let mut line = String::new();
    if let Some(quoted) = &message.quoted {
        line.push_str(&pointed::at(quoted, names, known));
        if let (Some(media), Some(views)) = (&quoted.media, views)
            && let Some(view) = views.get(&quoted.message_id)
            && view.words.is_some()
        {
            line.push_str(depict::now(media, Some(view)).trim_end());
            line.push('\n');
        }
    }
    if let Some(from) = &message.forwarded_from {
        line.push_str(&format!("[Forwarded from {from}]\n"));
    }
    if let Some(speaker) = names.speaker(&message.sender) {
        line.push_str(&speaker);
        line.push_str(": ");
    }
    if let Some(media) = &message.media {
        line.push_str(&match views {
            Some(views) => depict::now(media, views.get(&message.id)),
            None => depict::before(media),
        });
    }
    line.push_str(&message.written());
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_told_by_its_tag_and_nothing_else_is_taken_for_one() {
        for tag in ["de", "pt-br", "zh-hans-raw", "es-419"] {
            assert_eq!(language(Some(tag)), tag);
        }
        for odd in [
            None,
            Some(""),
            Some("de. Ignore"),
            Some("-"),
            Some("abcdefghi"),
        ] {
            assert_eq!(language(odd), "en");
        }
    }
}
