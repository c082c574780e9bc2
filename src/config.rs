//! The configuration: what an operator may decide, checked once and whole.
//!
//! Four layers, each over the one before: built-in defaults, the file, the
//! environment, secrets. Nothing here reads the environment itself or prints;
//! everything comes in through [`Sources`] and goes out as a value. Every
//! mistake is reported at once, with its place. Behind this module a value
//! needs no second check: what the types hold is valid.

mod access;
mod address;
mod chat;
mod intake;
mod kind;
mod llm;
mod log;
mod media;
mod ops;
mod reply;
mod secret;
mod shutdown;
mod span;
mod store;
mod telegram;
mod turns;
mod walk;

use std::path::PathBuf;

pub use access::{Access, AccessMode};
pub use address::{BaseUrl, WebhookUrl};
pub use chat::{Busy, Chat, Groups, SystemPrompt};
pub use intake::Intake;
pub use llm::{Llm, ModelName, ResponseCache};
pub use log::{Log, LogFilter, LogFormat};
pub use media::Media;
pub use ops::Ops;
pub use reply::{Format, Reply, Uncertain};
pub use secret::{ApiKey, BotToken, WebhookSecret};
pub use shutdown::{OnStop, Shutdown};
pub use store::Store;
pub use telegram::{Mode, Telegram, Webhook};
pub use turns::Turns;

/// Everything an operator may decide.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Which bot, which server, how updates come in.
    pub telegram: Telegram,
    /// Which model answers.
    pub llm: Llm,
    /// How a conversation is held.
    pub chat: Chat,
    /// How much may wait.
    pub intake: Intake,
    /// How many answers are written at once.
    pub turns: Turns,
    /// Who may talk with the bot.
    pub access: Access,
    /// How answers are sent.
    pub reply: Reply,
    /// What is downloaded.
    pub media: Media,
    /// How the daemon stops.
    pub shutdown: Shutdown,
    /// Where everything is kept.
    pub store: Store,
    /// Where health and metrics are served.
    pub ops: Ops,
    /// How and how much is logged.
    pub log: Log,
}

impl Config {
    /// The defaults, for the bot with this token and a store at this path.
    #[must_use]
    pub fn new(token: BotToken, store: PathBuf) -> Self {
        Self {
            telegram: Telegram::new(token),
            llm: Llm::default(),
            chat: Chat::default(),
            intake: Intake::default(),
            turns: Turns::default(),
            access: Access::default(),
            reply: Reply::default(),
            media: Media::default(),
            shutdown: Shutdown::default(),
            store: Store::new(store),
            ops: Ops::default(),
            log: Log::default(),
        }
    }

    /// Walks every key, in the order in which they are shown.
    fn walk(&mut self, w: &mut impl walk::Walk) {
        self.telegram.walk(w);
        self.llm.walk(w);
        self.chat.walk(w);
        self.intake.walk(w);
        self.turns.walk(w);
        self.access.walk(w);
        self.reply.walk(w);
        self.media.walk(w);
        self.shutdown.walk(w);
        self.store.walk(w);
        self.ops.walk(w);
        self.log.walk(w);
    }
}
