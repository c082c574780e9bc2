//! The exact bytes of a completion request.
//!
//! Messages are async-openai's types; the frame is ours, because OpenRouter's
//! `models` and `usage` are not OpenAI's. Equal input gives equal bytes: they
//! are stored with the claim, so that a re-run after a crash asks the same
//! (which a response cache answers for free).

use std::sync::Arc;

use async_openai::types::chat::{
    ChatCompletionRequestAssistantMessage, ChatCompletionRequestAssistantMessageContent,
    ChatCompletionRequestMessage, ChatCompletionRequestSystemMessage,
    ChatCompletionRequestSystemMessageContent, ChatCompletionRequestUserMessage,
    ChatCompletionRequestUserMessageContent,
};
use bytes::Bytes;
use serde::Serialize;

/// What the endpoint understands beyond the common protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// OpenRouter: fallbacks as `models`, cost in `usage`.
    OpenRouter,
    /// OpenAI itself, which refuses fields it does not know and, for its newer
    /// models, `max_tokens`.
    OpenAi,
    /// Everything else that calls itself compatible.
    Compatible,
}

impl Dialect {
    /// The dialect of the endpoint at `base_url`.
    #[must_use]
    pub fn of(base_url: &str) -> Self {
        let host = reqwest::Url::parse(base_url)
            .ok()
            .and_then(|url| url.host_str().map(str::to_owned))
            .unwrap_or_default();
        let is_at = |domain: &str| {
            host.strip_suffix(domain)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        if is_at("openrouter.ai") {
            Self::OpenRouter
        } else if is_at("openai.com") {
            Self::OpenAi
        } else {
            Self::Compatible
        }
    }
}

/// What is asked of the model.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatRequest {
    /// The model's name, e.g. `openrouter/auto`.
    pub model: String,
    /// Models to try when `model` cannot answer, in order. Only OpenRouter is
    /// told; elsewhere the [`Completer`](super::complete::Completer) tries them.
    pub fallback_models: Vec<String>,
    /// The conversation, oldest first.
    pub messages: Vec<ChatMessage>,
    /// The longest answer, in tokens.
    pub max_tokens: Option<u32>,
    /// Between 0 and 2; `None` leaves it to the model.
    pub temperature: Option<f32>,
    /// Makes otherwise equal requests different, so that no cache answers
    /// "write it again" with the same text.
    pub nonce: Option<u32>,
}

/// One message of the conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatMessage {
    /// Who speaks.
    pub role: Role,
    /// The speaker's name in a group; characters that the protocol does not
    /// allow in names are replaced.
    pub name: Option<String>,
    /// What is said. Images count only in messages of [`Role::User`].
    pub parts: Vec<Part>,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The bot's instructions.
    System,
    /// A person.
    User,
    /// The bot.
    Assistant,
}

/// A piece of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Text.
    Text(String),
    /// An image, as a `data:` URL.
    Image(Arc<str>),
    /// A recording.
    Audio {
        /// In base64.
        data: Arc<str>,
        /// `wav`, `mp3`, `ogg` …
        format: &'static str,
    },
    /// A document that the provider reads itself: OpenRouter does.
    /// Source: openrouter.ai/docs/guides/overview/multimodal/pdfs.
    File {
        /// Its name.
        name: Arc<str>,
        /// Its content, as a `data:` URL.
        data: Arc<str>,
    },
}

impl Part {
    /// Whether it is more than text, which not every model takes.
    #[must_use]
    pub fn is_medium(&self) -> bool {
        !matches!(self, Self::Text(_))
    }
}

impl ChatMessage {
    /// A message of nothing but text.
    #[must_use]
    pub fn text(role: Role, text: impl Into<String>) -> Self {
        Self {
            role,
            name: None,
            parts: vec![Part::Text(text.into())],
        }
    }
}

#[derive(Serialize)]
struct Frame<'a> {
    model: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    models: Vec<&'a str>,
    messages: Vec<Spoken<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u32>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<UsageOptions>,
}

/// A message of the protocol; with media in pieces of our own, because the
/// types know fewer formats of recordings than there are.
#[derive(Serialize)]
#[serde(untagged)]
enum Spoken<'a> {
    Words(ChatCompletionRequestMessage),
    Pieces {
        role: &'static str,
        content: Vec<Piece<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Piece<'a> {
    Text { text: &'a str },
    ImageUrl { image_url: Address<'a> },
    InputAudio { input_audio: Recording<'a> },
    File { file: Document<'a> },
}

#[derive(Serialize)]
struct Address<'a> {
    url: &'a str,
}

#[derive(Serialize)]
struct Recording<'a> {
    data: &'a str,
    format: &'a str,
}

#[derive(Serialize)]
struct Document<'a> {
    filename: &'a str,
    file_data: &'a str,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Serialize)]
struct UsageOptions {
    include: bool,
}

impl ChatRequest {
    /// The body to send, for an endpoint that speaks `dialect`.
    #[must_use]
    pub fn to_bytes(&self, dialect: Dialect) -> Bytes {
        let is_openrouter = dialect == Dialect::OpenRouter;
        let is_openai = dialect == Dialect::OpenAi;
        let mut models = Vec::new();
        if is_openrouter && !self.fallback_models.is_empty() {
            models.push(self.model.as_str());
            models.extend(self.fallback_models.iter().map(String::as_str));
        }
        let frame = Frame {
            model: &self.model,
            models,
            messages: self.messages.iter().map(message).collect(),
            max_tokens: self.max_tokens.filter(|_| !is_openai),
            max_completion_tokens: self.max_tokens.filter(|_| is_openai),
            temperature: self.temperature,
            seed: self.nonce,
            stream: true,
            stream_options: (!is_openrouter).then_some(StreamOptions {
                include_usage: true,
            }),
            usage: is_openrouter.then_some(UsageOptions { include: true }),
        };
        let body = serde_json::to_vec(&frame).expect("plain structs with string keys serialise");
        Bytes::from(body)
    }
}

fn message(message: &ChatMessage) -> Spoken<'_> {
    let name = message.name.as_deref().and_then(allowed_name);
    let text = || joined(&message.parts);
    Spoken::Words(match message.role {
        Role::System => ChatCompletionRequestMessage::System(ChatCompletionRequestSystemMessage {
            content: ChatCompletionRequestSystemMessageContent::Text(text()),
            name,
        }),
        // Text alone goes as a string, which every endpoint understands; only
        // media need the list of pieces.
        Role::User if message.parts.iter().any(Part::is_medium) => {
            return Spoken::Pieces {
                role: "user",
                content: message.parts.iter().map(piece).collect(),
                name,
            };
        }
        Role::User => ChatCompletionRequestMessage::User(ChatCompletionRequestUserMessage {
            content: ChatCompletionRequestUserMessageContent::Text(text()),
            name,
        }),
        Role::Assistant => {
            ChatCompletionRequestMessage::Assistant(ChatCompletionRequestAssistantMessage {
                content: Some(ChatCompletionRequestAssistantMessageContent::Text(text())),
                name,
                ..Default::default()
            })
        }
    })
}

fn piece(part: &Part) -> Piece<'_> {
    match part {
        Part::Text(text) => Piece::Text { text },
        Part::Image(url) => Piece::ImageUrl {
            image_url: Address { url },
        },
        Part::Audio { data, format } => Piece::InputAudio {
            input_audio: Recording { data, format },
        },
        Part::File { name, data } => Piece::File {
            file: Document {
                filename: name,
                file_data: data,
            },
        },
    }
}

fn joined(parts: &[Part]) -> String {
    let texts: Vec<&str> = parts
        .iter()
        .filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    texts.join("\n\n")
}

/// Names are `[a-zA-Z0-9_-]{1,64}`, or the whole request is refused.
fn allowed_name(name: &str) -> Option<String> {
    let name: String = name
        .chars()
        .take(64)
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '-' {
                c
            } else {
                '_'
            }
        })
        .collect();
    let is_speaking = name.chars().any(|c| c.is_ascii_alphanumeric());
    is_speaking.then_some(name)
}

#[cfg(test)]
mod tests;
