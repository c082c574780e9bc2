//! What must hold between keys: each value may be fine and the whole still
//! make no sense. Pure but for opening the TLS files that must be there.

use std::collections::BTreeMap;

use super::access::AccessMode;
use super::fill::{CLOSE, exposed};
use super::problem::{Origin, Problem, Warning};
use super::telegram::Mode;
use super::walk::{Key, Shown};
use super::{Config, llm, telegram};

/// Checks a filled configuration and collects what does not fit together.
pub(super) struct Agree<'a> {
    pub(super) config: &'a Config,
    pub(super) origins: &'a BTreeMap<Key, Origin>,
    /// Keys that hold a stand-in; rules about them would only confuse.
    pub(super) refused: &'a [Key],
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Warning>,
}

/// The only ports Telegram's own servers deliver to (Bot API, `setWebhook`).
const TELEGRAM_PORTS: [u16; 4] = [443, 80, 88, 8443];

impl Agree<'_> {
    pub(super) fn check(&mut self) {
        self.secrets();
        if self.config.telegram.mode == Mode::Webhook {
            self.webhook();
        }
        self.chat();
        self.llm();
        self.ops();
        if self.config.access.mode == AccessMode::List && self.config.access.ids.is_empty() {
            let mode = self.say("access.mode");
            let keys = &["access.mode", "access.ids"];
            self.conflict(
                keys,
                format!("{mode} needs access.ids: nobody could talk with the bot"),
            );
        }
    }

    fn secrets(&mut self) {
        if !self.origins.contains_key(telegram::TOKEN.key) {
            self.missing(
                telegram::TOKEN.key,
                "talk to https://t.me/BotFather, send /newbot, and give the token it answers as \
                 TELEGRAM_BOT_TOKEN, telegram.token_file or the systemd credential \
                 telegram_bot_token (the shipped unit's is /etc/lastword/telegram_bot_token)",
            );
        }
        let llm = &self.config.llm;
        if llm.api_key.is_none() && !llm.base_url.is_loopback() && self.sound("llm.base_url") {
            self.missing(
                llm::API_KEY.key,
                "create one at https://openrouter.ai/keys and give it as OPENROUTER_API_KEY, \
                 llm.api_key_file or the systemd credential openrouter_api_key (the shipped \
                 unit's is /etc/lastword/openrouter_api_key; only a model on this machine needs \
                 none)",
            );
        }
        let api = &self.config.telegram.api_url;
        for (key, url, secret) in [
            ("telegram.api_url", api, "the bot's token"),
            ("llm.base_url", &llm.base_url, "what people write"),
        ] {
            if !url.is_https() && !url.is_loopback() {
                self.warnings.push(Warning::Unencrypted {
                    key,
                    host: url.host().to_owned(),
                    secret,
                });
            }
        }
        if let Some(url) = &self.config.media.transcription_url
            && !url.is_https()
            && !url.is_loopback()
        {
            self.warnings.push(Warning::Unencrypted {
                key: "media.transcription_url",
                host: url.host().to_owned(),
                secret: "what people say",
            });
        }
        for name in self.config.chat.system_prompt.near_misses() {
            self.warnings.push(Warning::PromptVariable { name });
        }
    }

    fn webhook(&mut self) {
        let hook = &self.config.telegram.webhook;
        let api = &self.config.telegram.api_url;
        match &hook.url {
            None => self.missing(
                "telegram.webhook.url",
                "telegram.mode = \"webhook\" needs the https address that Telegram delivers to",
            ),
            Some(url) => {
                let official = api.host() == "api.telegram.org";
                if official && !TELEGRAM_PORTS.contains(&url.port()) {
                    let said = self.say("telegram.webhook.url");
                    self.conflict(
                        &["telegram.webhook.url"],
                        format!("{said}: Telegram delivers to the ports 443, 80, 88 and 8443 only"),
                    );
                }
            }
        }
        match (&hook.tls_cert, &hook.tls_key) {
            (Some(_), None) => self.half("telegram.webhook.tls_cert", "telegram.webhook.tls_key"),
            (None, Some(_)) => self.half("telegram.webhook.tls_key", "telegram.webhook.tls_cert"),
            _ => {}
        }
        for (key, path) in [
            ("telegram.webhook.tls_cert", &hook.tls_cert),
            ("telegram.webhook.tls_key", &hook.tls_key),
        ] {
            if let Some(path) = path
                && let Err(error) = std::fs::File::open(path)
            {
                self.problems.push(Problem::Unreadable {
                    key: Some(key),
                    path: path.display().to_string(),
                    reason: error.to_string(),
                });
            }
        }
        if let Some(path) = &hook.tls_key
            && let Some(mode) = exposed(path)
        {
            self.problems.push(Problem::Exposed {
                key: "telegram.webhook.tls_key",
                path: path.clone(),
                mode,
                mend: CLOSE.to_owned(),
            });
        }
        if self.config.ops.listen == Some(hook.listen) && hook.listen.port() != 0 {
            let (ops, listen) = (self.say("ops.listen"), self.say("telegram.webhook.listen"));
            let keys = &["ops.listen", "telegram.webhook.listen"];
            self.conflict(keys, format!("{ops} and {listen} are the same address"));
        }
    }

    fn half(&mut self, given: Key, other: Key) {
        let said = self.say(given);
        self.conflict(&[given, other], format!("{said} needs {other} beside it"));
    }

    fn chat(&mut self) {
        let chat = &self.config.chat;
        for (key, quiet) in [
            ("chat.quiet_period", chat.quiet_period),
            ("chat.long_piece_quiet", chat.long_piece_quiet),
        ] {
            if quiet > chat.window_max {
                self.longer(key, "chat.window_max");
            }
        }
    }

    fn llm(&mut self) {
        let llm = &self.config.llm;
        for (key, wait) in [
            ("llm.first_content", llm.first_content),
            ("llm.between_contents", llm.between_contents),
        ] {
            if wait > llm.whole {
                self.longer(key, "llm.whole");
            }
        }
    }

    fn ops(&mut self) {
        let ops = &self.config.ops;
        let Some(listen) = ops.listen.filter(|listen| !listen.ip().is_loopback()) else {
            return;
        };
        self.warnings.push(if ops.is_console_off() {
            Warning::ConsoleOff { listen }
        } else {
            Warning::Unencrypted {
                key: "ops.listen",
                host: listen.to_string(),
                secret: "what opens the console",
            }
        });
    }

    fn longer(&mut self, key: Key, limit: Key) {
        let (said, other) = (self.say(key), self.say(limit));
        self.conflict(
            &[key, limit],
            format!("{said} is longer than {other}; make it at most that"),
        );
    }

    fn sound(&self, key: Key) -> bool {
        !self.refused.contains(&key)
    }

    pub(super) fn missing(&mut self, key: Key, how: &str) {
        if self.sound(key) {
            self.problems.push(Problem::Missing {
                key,
                how: how.to_owned(),
            });
        }
    }

    fn conflict(&mut self, keys: &[Key], what: String) {
        if keys.iter().all(|key| self.sound(key)) {
            self.problems.push(Problem::Conflict { what });
        }
    }

    /// A key with its value and where that came from.
    fn say(&self, key: Key) -> String {
        let settings = self.config.settings();
        let shown = settings.iter().find(|setting| setting.key == key);
        let value = match shown.map(|setting| &setting.shown) {
            Some(Shown::Toml(value)) => value.as_str(),
            _ => "(not set)",
        };
        let origin = self.origins.get(key).unwrap_or(&Origin::Default);
        format!("{key} = {value} ({origin})")
    }
}
