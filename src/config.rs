//! The configuration: what an operator may decide, checked once and whole.
//!
//! Four layers, each over the one before: built-in defaults, the file, the
//! environment, secrets. Nothing here reads the environment itself or prints;
//! everything comes in through [`Sources`] and goes out as a value. Every
//! mistake is reported at once, with its place. Behind this module a value
//! needs no second check: what the types hold is valid.

mod access;
mod address;
mod agree;
mod chat;
mod fill;
mod intake;
mod kind;
mod layers;
mod llm;
mod load;
mod log;
mod media;
mod operators;
mod ops;
mod outbox;
mod packaged;
mod problem;
mod reply;
mod search;
mod secret;
mod shutdown;
mod span;
mod store;
mod telegram;
mod traces;
mod turns;
mod walk;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

pub use access::{Access, AccessMode};
pub use address::{BaseUrl, WebhookUrl};
pub use chat::{Busy, Chat, Edits, Groups, Spoken, Strangers, SystemPrompt};
pub use intake::Intake;
pub use llm::{Llm, ModelName, ResponseCache};
pub use log::{Log, LogFilter, LogFormat};
pub use media::{Media, Voice};
pub use operators::{Alerts, Notices, Operators};
pub use ops::Ops;
pub use outbox::Outbox;
pub use packaged::Service;
pub use problem::{Errors, Origin, Problem, Warning};
pub use reply::{Button, Format, Reasoning, Receipts, Reply, Uncertain};
pub use search::Spot;
pub use secret::{ApiKey, BotToken, ConsoleToken, WebhookSecret};
pub use shutdown::{OnStop, Shutdown};
pub(crate) use span::parse as span;
pub use store::Store;
pub use telegram::{Mode, Telegram, Webhook};
pub use traces::Traces;
pub use turns::Turns;
pub use walk::{Apply, Key, Setting, Shown};

/// Where the layers are found.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file asked for (`--config`); it must exist.
    pub file: Option<PathBuf>,
    /// The files looked for otherwise; the first that exists is read.
    pub search: Vec<Spot>,
    /// The environment. Names that are not UTF-8 are left out: none of ours
    /// is one.
    pub env: Environment,
    /// The packaged service, where what it would be given is asked for.
    pub service: Option<Service>,
}

/// Variables of an environment. Its `Debug` shows no values: some are secret.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, OsString>);

impl FromIterator<(OsString, OsString)> for Environment {
    fn from_iter<I: IntoIterator<Item = (OsString, OsString)>>(variables: I) -> Self {
        let utf8 = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value));
        Self(variables.into_iter().filter_map(utf8).collect())
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Environment({} variables)", self.0.len())
    }
}

impl Sources {
    /// The usual places: `file` if given, else `./config.toml`, if that is to be
    /// trusted, else `/etc/lastword/config.toml`; and this environment, which is
    /// `std::env::vars_os()` in production.
    pub fn new(file: Option<PathBuf>, env: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        Self {
            file,
            search: vec![
                Spot::Here("config.toml".into()),
                Spot::Installed(packaged::CONFIG.into()),
            ],
            env: env.into_iter().collect(),
            service: None,
        }
    }

    /// The same for whoever acts on a service that is installed: its own file
    /// counts, wherever he stands.
    #[must_use]
    pub fn service_first(mut self) -> Self {
        self.search
            .sort_by_key(|spot| matches!(spot, Spot::Here(_)));
        self
    }
}

/// A configuration and what is worth knowing about it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What is in force.
    pub config: Config,
    /// The file that was read, if there was one.
    pub origin: Option<PathBuf>,
    /// Where each value came from that is not built in.
    pub origins: BTreeMap<Key, Origin>,
    /// What works but is probably not meant.
    pub warnings: Vec<Warning>,
}

/// What is to be known of a configuration, right or wrong.
#[derive(Debug, Clone)]
pub struct Survey {
    /// What was understood. Where something is wrong, built-in defaults stand in
    /// for what was not, the token included: good to look at files with, not to
    /// send anything anywhere.
    pub loaded: Loaded,
    /// Every mistake, if there is one.
    pub errors: Option<Errors>,
}

/// What differs between two configurations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Keys whose new value is in force from now on.
    pub applied_live: Vec<Key>,
    /// Keys whose new value waits for the next start.
    pub needs_restart: Vec<Key>,
}

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
    /// Who looks after it from Telegram.
    pub operators: Operators,
    /// How answers are sent.
    pub reply: Reply,
    /// How much may wait to be sent.
    pub outbox: Outbox,
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
    /// Where the course of each turn is sent.
    pub traces: Traces,
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
            operators: Operators::default(),
            reply: Reply::default(),
            outbox: Outbox::default(),
            media: Media::default(),
            shutdown: Shutdown::default(),
            store: Store::new(store),
            ops: Ops::default(),
            log: Log::default(),
            traces: Traces::default(),
        }
    }

    /// Reads every layer.
    ///
    /// # Errors
    /// Every mistake in them, all at once.
    pub fn load(sources: &Sources) -> Result<Loaded, Errors> {
        let Survey { loaded, errors } = load::survey(sources);
        errors.map_or(Ok(loaded), Err)
    }

    /// Reads every layer for somebody who looks for mistakes.
    #[must_use]
    pub fn survey(sources: &Sources) -> Survey {
        load::survey(sources)
    }

    /// Where the store is, whatever else is wrong or missing: for looking into
    /// it, which needs no secret.
    ///
    /// # Errors
    /// When the sources do not say, or cannot be read.
    pub fn store_path(sources: &Sources) -> Result<PathBuf, Errors> {
        load::store_path(sources)
    }

    /// Every key with its value, in the order in which they are shown; no
    /// secret's text.
    #[must_use]
    pub fn settings(&self) -> Vec<Setting> {
        let mut show = walk::Show::default();
        self.clone().walk(&mut show);
        show.0
    }

    /// What would change by adopting `new`.
    #[must_use]
    pub fn changes(&self, new: &Config) -> Changes {
        self.adopt(new).1
    }

    /// This configuration with everything from `new` that may change while the
    /// daemon runs, and what that was. Whatever needs a restart stays as it
    /// is, so that the daemon never acts on half of a change.
    #[must_use]
    pub fn adopt(&self, new: &Config) -> (Config, Changes) {
        let mut values = walk::Values::default();
        new.clone().walk(&mut values);
        let mut against = walk::Against {
            new: values,
            live: Vec::new(),
            restart: Vec::new(),
        };
        let mut adopted = self.clone();
        adopted.walk(&mut against);
        let changes = Changes {
            applied_live: against.live,
            needs_restart: against.restart,
        };
        (adopted, changes)
    }

    /// Walks every key, in the order in which they are shown.
    fn walk(&mut self, w: &mut impl walk::Walk) {
        self.telegram.walk(w);
        self.llm.walk(w);
        self.chat.walk(w);
        self.intake.walk(w);
        self.turns.walk(w);
        self.access.walk(w);
        self.operators.walk(w);
        self.reply.walk(w);
        self.outbox.walk(w);
        self.media.walk(w);
        self.shutdown.walk(w);
        self.store.walk(w);
        self.ops.walk(w);
        self.log.walk(w);
        self.traces.walk(w);
    }
}
