//! Secrets: the bot's token, the model's key, the webhook's secret, what opens
//! the console.
//!
//! Their text lives in a `SecretString` (wiped when dropped, `[REDACTED]` in
//! `Debug`) and leaves it only through `expose`. No error built here ever
//! contains the text it complains about.

use secrecy::{ExposeSecret, SecretString};

/// Where a secret may come from, and what to say when it does not.
#[derive(Debug)]
pub(crate) struct SecretSpec {
    /// The key that holds the text itself.
    pub(crate) key: &'static str,
    /// The key that names a file holding it.
    pub(crate) file_key: &'static str,
    /// The variable known from other programs.
    pub(crate) env: &'static str,
    /// The name of the systemd credential.
    pub(crate) credential: &'static str,
    /// What the text must look like, in words.
    pub(crate) allowed: &'static str,
}

/// A checked secret.
pub(crate) trait SecretText: Clone + PartialEq + 'static {
    /// Takes the text over, or refuses it.
    fn check(text: &str) -> Option<Self>;
}

/// The bot's token, as BotFather gives it.
#[derive(Debug, Clone)]
pub struct BotToken {
    id: i64,
    text: SecretString,
}

impl BotToken {
    /// Reads a token: `<bot id>:<letters, digits, _ and ->`. `None` when it
    /// is anything else, so that nothing else ever reaches a URL.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (id, rest) = text.split_once(':')?;
        let id_ok = id.bytes().all(|b| b.is_ascii_digit());
        (id_ok && !rest.is_empty() && rest.bytes().all(is_token_byte))
            .then(|| id.parse().ok())
            .flatten()
            .map(|id| Self {
                id,
                text: text.into(),
            })
    }

    /// The bot's own user id, which is the first half of its token.
    #[must_use]
    pub fn bot_id(&self) -> i64 {
        self.id
    }

    /// The token itself. Only for the URL of a call.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    /// Stands in while the layers are read; a configuration without a real
    /// token is never returned.
    pub(super) fn absent() -> Self {
        Self {
            id: 0,
            text: String::new().into(),
        }
    }
}

impl PartialEq for BotToken {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl SecretText for BotToken {
    fn check(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

/// The key for the model's endpoint.
#[derive(Debug, Clone)]
pub struct ApiKey(SecretString);

impl ApiKey {
    /// Reads a key: one line of visible ASCII, for it travels in a header.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=1024).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        fits.then(|| Self(text.into()))
    }

    /// The key itself. Only for the `Authorization` header.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl PartialEq for ApiKey {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl SecretText for ApiKey {
    fn check(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

/// What Telegram sends as `X-Telegram-Bot-Api-Secret-Token`.
#[derive(Debug, Clone)]
pub struct WebhookSecret(SecretString);

impl WebhookSecret {
    /// Reads a secret: 1–256 of `A-Z a-z 0-9 _ -` (Bot API, `setWebhook`).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=256).contains(&text.len()) && text.bytes().all(is_token_byte);
        fits.then(|| Self(text.into()))
    }

    /// The secret itself. Only for `setWebhook` and the comparison in
    /// constant time.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl PartialEq for WebhookSecret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl SecretText for WebhookSecret {
    fn check(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

/// What opens the operator's console.
#[derive(Debug, Clone)]
pub struct ConsoleToken(SecretString);

impl ConsoleToken {
    /// Reads a token: 16–256 of visible ASCII, long enough that nobody guesses
    /// it, however often it is tried: the right one is never turned away.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (16..=256).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        fits.then(|| Self(text.into()))
    }

    /// The token itself. Only for the comparison in constant time.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl PartialEq for ConsoleToken {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl SecretText for ConsoleToken {
    fn check(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_could_change_the_url_is_refused() {
        assert_eq!(
            BotToken::parse("123456:AA_b-9").map(|t| t.bot_id()),
            Some(123_456)
        );
        for text in [
            "", ":", "1:", ":A", "a:B", "1:A/../x", "1:A?b", "1:A b", "1:A\n", "-1:A",
        ] {
            assert!(BotToken::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn a_key_that_could_break_the_header_is_refused() {
        assert!(ApiKey::parse("sk-or-v1-0123").is_some());
        for text in ["", "a b", "a\nb", "ключ"] {
            assert!(ApiKey::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn a_console_token_that_could_be_guessed_or_not_be_typed_is_refused() {
        assert!(ConsoleToken::parse("0123456789abcdef").is_some());
        for text in ["", "short", "0123456789 abcdef", "0123456789abcdéf"] {
            assert!(ConsoleToken::parse(text).is_none(), "{text:?}");
        }
        assert!(ConsoleToken::parse(&"a".repeat(257)).is_none());
    }

    #[test]
    fn secrets_do_not_show_in_debug() {
        let shown = format!(
            "{:?} {:?} {:?} {:?}",
            BotToken::parse("1:hush"),
            ApiKey::parse("hush"),
            WebhookSecret::parse("hush"),
            ConsoleToken::parse("hush-hush-hush-hush").expect("it is long enough")
        );
        assert!(!shown.contains("hush"), "{shown}");
    }
}
