//! What may change while the daemon runs: built from the configuration, and
//! anew on SIGHUP. A turn or a batch keeps what it began with.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::config::{self, AccessMode, Busy, Changes, Config, Edits, Format, Groups, Strangers};
use crate::config::{Reasoning, Receipts, ResponseCache};
use crate::domain::address::{self, BotUser, Hears};
use crate::domain::admission::{self, Access, Answers, Policy, Rooms};
use crate::domain::language::Language;
use crate::domain::part;
use crate::domain::variant::{Button, OnEdit};
use crate::domain::window::Rules;
use crate::domain::words::{Wordbook, Words};
use crate::llm::Llm;
use crate::llm::breaker::Breaker;
use crate::llm::complete::{Completer, Limits};
use crate::llm::request::Dialect;
use crate::texts::Texts;
use crate::turn::{Likeness, Settings};

/// The configuration in force and what is made of it.
#[derive(Debug)]
pub struct Live {
    config: Mutex<Config>,
    llm: Arc<dyn Llm>,
    breaker: Breaker,
    seed: u64,
    settings: watch::Sender<Arc<Settings>>,
    format: watch::Sender<part::Format>,
    reasoning: watch::Sender<Reasoning>,
    receipts: watch::Sender<Receipts>,
}

impl Live {
    /// What is in force at the start.
    #[must_use]
    pub fn new(config: &Config, llm: Arc<dyn Llm>, seed: u64) -> Self {
        let breaker = Breaker::default();
        let first = settings(config, &llm, &breaker, seed);
        Self {
            config: Mutex::new(config.clone()),
            llm,
            breaker,
            seed,
            settings: watch::Sender::new(Arc::new(first)),
            format: watch::Sender::new(format_of(config)),
            reasoning: watch::Sender::new(config.reply.reasoning),
            receipts: watch::Sender::new(config.reply.receipt),
        }
    }

    /// What turns work with.
    #[must_use]
    pub fn settings(&self) -> watch::Receiver<Arc<Settings>> {
        self.settings.subscribe()
    }

    /// Whether the model's endpoint is given a pause.
    #[must_use]
    pub fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// How answers are sent.
    #[must_use]
    pub fn format(&self) -> part::Format {
        *self.format.borrow()
    }

    /// What people see of what the model thinks.
    #[must_use]
    pub fn reasoning(&self) -> Reasoning {
        *self.reasoning.borrow()
    }

    /// Whether messages that have to wait get a sign.
    #[must_use]
    pub fn receipts(&self) -> Receipts {
        *self.receipts.borrow()
    }

    /// Who looks after the bot, and what they want to hear.
    #[must_use]
    pub fn operators(&self) -> config::Operators {
        let config = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        config.operators.clone()
    }

    /// The language of our own words for everybody, when there is one.
    #[must_use]
    pub fn language(&self) -> Option<Language> {
        let config = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        config.chat.language.only()
    }

    /// How updates are judged, for the bot that we are.
    #[must_use]
    pub fn policy(&self, bot: &BotUser) -> Policy {
        let config = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        Policy {
            bot: bot.clone(),
            rules: rules(&config),
            busy: match config.chat.busy {
                Busy::Queue => admission::Busy::Queue,
                Busy::Interrupt => admission::Busy::Interrupt,
            },
            groups: match config.chat.groups {
                Groups::Command => address::Groups::Command,
                Groups::Reply => address::Groups::Reply,
                Groups::Mention => address::Groups::Mention,
                Groups::Always => address::Groups::Always,
            },
            access: match config.access.mode {
                AccessMode::Claim => Access::Claim,
                AccessMode::List => Access::List,
                AccessMode::Open => Access::Open,
            },
            ids: config.access.ids.clone(),
            operators: config.operators.ids.clone(),
            edits: match config.chat.edits {
                Edits::Offer => OnEdit::Offer,
                Edits::Answer => OnEdit::Answer,
                Edits::Ignore => OnEdit::Ignore,
            },
            per_minute: i64::from(config.access.per_minute),
            words: Wordbook::new(config.chat.language.only(), |language| {
                words(Texts::of(language), bot, is_deaf(&config, bot))
            }),
            rooms: Rooms {
                overheard: i64::from(config.chat.group_context),
                business: answers(config.chat.business),
                guests: answers(config.chat.guests),
            },
        }
    }

    /// Says once why the bot hears less in groups than it is told to answer or
    /// to know.
    pub fn explain_privacy(&self, bot: &BotUser) {
        let config = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        if is_deaf(&config, bot) {
            tracing::info!(
                "privacy mode is on: in groups Telegram hands out only commands, mentions and \
                 replies, so there is nothing else to answer and no context; @BotFather, \
                 /setprivacy turns it off (then take the bot out of its groups and in again), or \
                 make the bot an administrator"
            );
        }
    }

    /// Takes over what may change at run time.
    pub fn adopt(&self, new: &Config) -> Changes {
        let mut config = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        let (adopted, changes) = config.adopt(new);
        *config = adopted;
        self.settings.send_replace(Arc::new(settings(
            &config,
            &self.llm,
            &self.breaker,
            self.seed,
        )));
        self.format.send_replace(format_of(&config));
        self.reasoning.send_replace(config.reply.reasoning);
        self.receipts.send_replace(config.reply.receipt);
        changes
    }
}

fn answers(strangers: Strangers) -> Answers {
    match strangers {
        Strangers::Answered => Answers::Given,
        Strangers::Ignored => Answers::Withheld,
    }
}

fn format_of(config: &Config) -> part::Format {
    match config.reply.format {
        Format::Rich => part::Format::Rich,
        Format::Entities => part::Format::Entities,
    }
}

fn rules(config: &Config) -> Rules {
    let chat = &config.chat;
    Rules {
        quiet: chat.quiet_period,
        long_piece_quiet: chat.long_piece_quiet,
        max: chat.window_max,
        messages: i64::try_from(chat.window_messages).unwrap_or(i64::MAX),
        chars: i64::try_from(chat.window_chars).unwrap_or(i64::MAX),
    }
}

fn settings(config: &Config, llm: &Arc<dyn Llm>, breaker: &Breaker, seed: u64) -> Settings {
    let names = |models: &[crate::config::ModelName]| -> Vec<String> {
        models.iter().map(|m| m.as_str().to_owned()).collect()
    };
    let dialect = Dialect::of(config.llm.base_url.as_str());
    let fallback_models = names(&config.llm.fallback_models);
    // OpenRouter tries them itself; elsewhere we do.
    let (told, tried) = match dialect {
        Dialect::OpenRouter => (fallback_models, Vec::new()),
        _ => (Vec::new(), fallback_models),
    };
    let limits = Limits {
        first_content: config.llm.first_content,
        between_contents: config.llm.between_contents,
        whole: config.llm.whole,
        ..Limits::default()
    };
    Settings {
        system_prompt: config.chat.system_prompt.clone(),
        model: config.llm.model.as_str().to_owned(),
        fallback_models: told,
        context_tokens: config.llm.context_tokens as usize,
        max_tokens: config.llm.max_tokens,
        dialect,
        likeness: match config.llm.response_cache {
            ResponseCache::On => Likeness::Avoided,
            ResponseCache::Off => Likeness::Allowed,
        },
        completer: Arc::new(Completer::new(
            Arc::clone(llm),
            limits,
            breaker.clone(),
            tried,
            seed,
        )),
        rules: rules(config),
        max_age: config.intake.max_age,
        voice: config.media.voice,
        overheard: i64::from(config.chat.group_context),
        photos_remembered: config.media.photos_remembered,
        buttons: buttons(&config.reply.buttons),
        group_buttons: buttons(&config.reply.group_buttons),
        file_above: config.reply.file_above as usize,
    }
}

fn buttons(wanted: &[config::Button]) -> Vec<Button> {
    let button = |wanted: &config::Button| match wanted {
        config::Button::Regenerate => Button::Regenerate,
        config::Button::Shorter => Button::Shorter,
        config::Button::Longer => Button::Longer,
        config::Button::Continue => Button::Continue,
    };
    wanted.iter().map(button).collect()
}

/// Whether Telegram keeps from the bot what the operator wants it to hear in
/// groups.
fn is_deaf(config: &Config, bot: &BotUser) -> bool {
    let wanted = config.chat.groups == Groups::Always || config.chat.group_context > 0;
    wanted && bot.hears == Hears::Meant
}

fn words(texts: &Texts, bot: &BotUser, deaf: bool) -> Words {
    let mut help_group = texts.help_group(&bot.username);
    if deaf {
        help_group = format!("{help_group}\n{}", texts.help_privacy);
    }
    Words {
        greeting: texts.greeting.to_owned(),
        help: texts.help.to_owned(),
        help_group,
        claim_invalid: texts.claim_invalid.to_owned(),
        refused: texts.stranger.to_owned(),
        claimed: texts.claimed.to_owned(),
        too_fast: texts.too_fast.to_owned(),
        new_begun: texts.new_done.to_owned(),
        stopped: texts.stopped.to_owned(),
        nothing_to_stop: texts.nothing_to_stop.to_owned(),
        not_yours: texts.not_yours.to_owned(),
        nothing_to_retry: texts.nothing_to_retry.to_owned(),
        retrying: texts.retrying.to_owned(),
        answer_again: texts.answer_again_button.to_owned(),
        button_expired: texts.button_expired.to_owned(),
        forget_question: texts.forget_question.to_owned(),
        forget_yes: texts.forget_yes.to_owned(),
        forget_no: texts.forget_no.to_owned(),
        forgotten: texts.forget_done.to_owned(),
        kept: texts.forget_kept.to_owned(),
    }
}
