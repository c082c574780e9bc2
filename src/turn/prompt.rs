//! The prompt: system prompt, as much history as fits, the turn's messages.
//!
//! Pure. Whole turns of history or none of them; the turn's own messages are
//! never dropped. Equal input gives equal bytes.

use std::collections::BTreeMap;

use crate::domain::ids::TurnId;
use crate::domain::update::{Media, Message};
use crate::domain::variant::Variant;
use crate::llm::request::{ChatMessage, ChatRequest, Part, Role};
use crate::store::Past;

use super::{Likeness, Settings};

/// A quoted message longer than this is cut, in characters.
const QUOTED: usize = 1_000;

/// What becomes of each photo of a turn: its `data:` URL, or none.
pub(super) type Images = BTreeMap<String, Option<String>>;

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
    pub(super) images: &'a Images,
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
    let person = material
        .inputs
        .first()
        .map_or("", |message| message.sender.name.as_str());
    if !settings.system_prompt.is_empty() {
        messages.push(ChatMessage::text(
            Role::System,
            settings
                .system_prompt
                .render(&material.date, material.title, person),
        ));
    }
    let turn = current(material);
    let varied = varied(material);
    let fixed: usize = messages
        .iter()
        .chain([&turn])
        .chain(&varied)
        .map(weight)
        .sum();
    let budget = settings.context_tokens.saturating_sub(fixed) * material.share / 100;
    messages.extend(history(material, budget));
    messages.push(turn);
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

/// Tokens an image counts for.
const IMAGE_TOKENS: usize = 800;

fn weight(message: &ChatMessage) -> usize {
    message
        .parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => tokens(text),
            Part::Image(_) => IMAGE_TOKENS,
        })
        .sum()
}

/// The latest turns that fit, oldest first.
fn history(material: &Material<'_>, budget: usize) -> Vec<ChatMessage> {
    let mut turns = Vec::new();
    let mut used = 0;
    for past in material.past {
        let said = past
            .inputs
            .iter()
            .map(|message| line(message, material.group))
            .collect::<Vec<_>>()
            .join("\n");
        let mut turn = vec![ChatMessage::text(Role::User, said)];
        if let Some(answer) = &past.answer {
            turn.push(ChatMessage::text(Role::Assistant, answer.clone()));
        }
        used += turn.iter().map(weight).sum::<usize>();
        if used > budget {
            break;
        }
        turns.push(turn);
    }
    turns.into_iter().rev().flatten().collect()
}

/// The turn's own messages as one of the protocol.
fn current(material: &Material<'_>) -> ChatMessage {
    let mut parts = Vec::new();
    let mut text = String::new();
    for message in material.inputs {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&line(message, material.group));
        if let Some(Media::Photo { file_id, .. }) = &message.media
            && let Some(Some(url)) = material.images.get(file_id)
        {
            if !text.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut text)));
            }
            parts.push(Part::Image(url.clone()));
        }
    }
    if !text.is_empty() || parts.is_empty() {
        parts.push(Part::Text(text));
    }
    ChatMessage {
        role: Role::User,
        name: None,
        parts,
    }
}

/// One message as the model reads it.
fn line(message: &Message, group: bool) -> String {
    let mut line = String::new();
    if let Some(quoted) = &message.quoted
        && !quoted.text.is_empty()
    {
        let mut text: String = quoted.text.chars().take(QUOTED).collect();
        if text.len() < quoted.text.len() {
            text.push('…');
        }
        let name = if quoted.name.is_empty() {
            "an earlier message"
        } else {
            &quoted.name
        };
        line.push_str(&format!("[In reply to {name}: \"{text}\"]\n"));
    }
    if let Some(from) = &message.forwarded_from {
        line.push_str(&format!("[Forwarded from {from}]\n"));
    }
    if group {
        line.push_str(&message.sender.name);
        line.push_str(": ");
    }
    match &message.media {
        Some(Media::Photo { .. }) => line.push_str("[photo] "),
        Some(Media::Other { kind }) => {
            line.push_str(&format!("[{}, not readable] ", kind.replace('_', " ")));
        }
        None => {}
    }
    line.push_str(&message.text);
    line.trim_end().to_owned()
}
