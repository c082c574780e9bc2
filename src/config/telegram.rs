//! `[telegram]` and `[telegram.webhook]`: which bot, which server, and how
//! updates come in.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use super::address::{BaseUrl, WebhookUrl};
use super::kind::{Int, Maybe, Named, One, OneOf};
use super::secret::{BotToken, SecretSpec, WebhookSecret};
use super::walk::{Apply, Walk};

/// Which bot this is and how it talks with Telegram.
#[derive(Debug, Clone, PartialEq)]
pub struct Telegram {
    /// The bot's token.
    pub token: BotToken,
    /// The root of the Bot API.
    pub api_url: BaseUrl,
    /// How updates come in.
    pub mode: Mode,
    /// Used in mode `webhook` only.
    pub webhook: Webhook,
}

/// How updates come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The daemon asks (`getUpdates`); needs no public address.
    Polling,
    /// Telegram calls (`setWebhook`).
    Webhook,
}

impl Named for Mode {
    const ALL: &'static [(&'static str, Self)] =
        &[("polling", Self::Polling), ("webhook", Self::Webhook)];
}

/// The webhook's settings, as written.
#[derive(Debug, Clone, PartialEq)]
pub struct Webhook {
    /// The public URL; its path is the route. Always there in mode `webhook`.
    pub url: Option<WebhookUrl>,
    /// Where the server listens.
    pub listen: SocketAddr,
    /// What Telegram must send along; generated once and kept in the store
    /// when not given.
    pub secret: Option<WebhookSecret>,
    /// How many deliveries Telegram may have in flight, 1–100.
    pub max_connections: u8,
    /// Certificate chain in PEM; there when `tls_key` is.
    pub tls_cert: Option<PathBuf>,
    /// Private key in PEM; there when `tls_cert` is.
    pub tls_key: Option<PathBuf>,
}

impl Webhook {
    /// Certificate and key, when the server speaks TLS itself.
    #[must_use]
    pub fn tls(&self) -> Option<(&Path, &Path)> {
        Some((self.tls_cert.as_deref()?, self.tls_key.as_deref()?))
    }
}

pub(super) static TOKEN: SecretSpec = SecretSpec {
    key: "telegram.token",
    file_key: "telegram.token_file",
    env: "TELEGRAM_BOT_TOKEN",
    credential: "telegram_bot_token",
    allowed: "a bot token as BotFather gives it, such as 123456789:AAE… (the value is not shown here)",
};

pub(super) static WEBHOOK_SECRET: SecretSpec = SecretSpec {
    key: "telegram.webhook.secret",
    file_key: "telegram.webhook.secret_file",
    env: "TELEGRAM_WEBHOOK_SECRET",
    credential: "telegram_webhook_secret",
    allowed: "1 to 256 of A-Z, a-z, 0-9, _ and - (the value is not shown here)",
};

impl Telegram {
    /// The defaults, for the bot with this token.
    #[must_use]
    pub fn new(token: BotToken) -> Self {
        Self {
            token,
            api_url: BaseUrl::parse("https://api.telegram.org").expect("a constant that parses"),
            mode: Mode::Polling,
            webhook: Webhook {
                url: None,
                listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8443)),
                secret: None,
                max_connections: 40,
                tls_cert: None,
                tls_key: None,
            },
        }
    }

    pub(super) fn walk(&mut self, w: &mut impl Walk) {
        let mut token = (self.token != BotToken::absent()).then(|| self.token.clone());
        w.secret(&TOKEN, &mut token);
        if let Some(token) = token {
            self.token = token;
        }
        w.knob("telegram.api_url", Apply::Restart, &mut self.api_url, One);
        w.knob("telegram.mode", Apply::Restart, &mut self.mode, OneOf);
        let hook = &mut self.webhook;
        w.knob(
            "telegram.webhook.url",
            Apply::Restart,
            &mut hook.url,
            Maybe(One),
        );
        w.knob(
            "telegram.webhook.listen",
            Apply::Restart,
            &mut hook.listen,
            One,
        );
        w.secret(&WEBHOOK_SECRET, &mut hook.secret);
        w.knob(
            "telegram.webhook.max_connections",
            Apply::Restart,
            &mut hook.max_connections,
            Int(1..=100),
        );
        w.knob(
            "telegram.webhook.tls_cert",
            Apply::Restart,
            &mut hook.tls_cert,
            Maybe(One),
        );
        w.knob(
            "telegram.webhook.tls_key",
            Apply::Restart,
            &mut hook.tls_key,
            Maybe(One),
        );
    }
}
