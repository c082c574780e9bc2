//! Whether Telegram calls us or waits to be asked.
//!
//! Called under the intake lease only, so that two instances never pull in two
//! directions. Tries for ever: an outage at this moment must not end the daemon.
//! Never drops what is pending and never removes a webhook because we stop: what
//! arrives in between waits at Telegram for the next start.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::sleep;

use crate::config::Webhook as Config;
use crate::config::WebhookSecret;
use crate::death::{self, Moment};
use crate::domain::ids::BotId;
use crate::store::{Leases, StoreError};
use crate::telegram::{Call, CallError, Meaning, Telegram, methods};

/// The stored value that holds the generated secret; the bot's id follows.
const SECRET_KEY: &str = "webhook_secret";

/// 256 bits, as 43 characters.
const SECRET_BYTES: usize = 32;

/// The first wait after a failure; doubled up to [`WAIT_MAX`].
const WAIT: Duration = Duration::from_secs(1);
const WAIT_MAX: Duration = Duration::from_secs(60);

/// The secret of this bot's webhook: the configured one, else the stored one, which is
/// generated the first time. It must not change with a restart: a different one
/// tears down what is in flight at Telegram.
///
/// # Errors
/// As the store's; [`StoreError::Defect`] when what is stored cannot be a
/// secret.
pub async fn webhook_secret(
    config: &Config,
    bot: BotId,
    store: &dyn Leases,
) -> Result<WebhookSecret, StoreError> {
    if let Some(secret) = &config.secret {
        return Ok(secret.clone());
    }
    let mut bytes = [0; SECRET_BYTES];
    rand::rng().fill(&mut bytes);
    let fresh = URL_SAFE_NO_PAD.encode(bytes);
    let key = format!("{SECRET_KEY}:{bot}");
    let kept = store.value_or(&key, &fresh).await?;
    WebhookSecret::parse(&kept).ok_or_else(|| StoreError::Defect {
        reason: format!("the stored value {key} is not a secret"),
    })
}

/// Tells Telegram to deliver `allowed_updates` to the configured URL. The same
/// again changes nothing there, so it is said at every start. Returns once
/// Telegram has agreed. `seed` decides the jitter of waits only.
///
/// # Cancel safety
/// Dropping it gives up; Telegram may have agreed already.
pub async fn register_webhook(
    telegram: &dyn Telegram,
    config: &Config,
    secret: &WebhookSecret,
    allowed_updates: &[&str],
    seed: u64,
) {
    let Some(url) = &config.url else {
        // Refused when the server was made: nothing would listen.
        return;
    };
    let call = methods::set_webhook(
        url.as_str(),
        secret.expose(),
        config.max_connections,
        allowed_updates,
    );
    let mut patience = Patience::seeded(seed);
    // Only told, never waited for: what it says decides nothing.
    if let Ok(answer) = telegram.call(methods::get_webhook_info()).await {
        tell(&Info::read(answer), url.as_str());
    }
    loop {
        match telegram.call(call.clone()).await {
            Ok(_) => {
                death::at(Moment::WebhookSet);
                tracing::info!(
                    host = url.host(),
                    "Telegram delivers updates to the webhook"
                );
                return;
            }
            Err(error) => {
                let wait = patience.after(&error);
                match error.meaning() {
                    Meaning::Again(_) | Meaning::Uncertain => tracing::warn!(
                        error = %error, wait_ms = wait.as_millis(),
                        "failed to set the webhook; trying again"
                    ),
                    _ => tracing::error!(
                        error = %error, wait_ms = wait.as_millis(),
                        "Telegram refuses the webhook: check telegram.webhook.url; trying again"
                    ),
                }
                sleep(wait).await;
            }
        }
    }
}

/// Removes a webhook that would keep `getUpdates` from working, if there is
/// one; what is pending stays. Returns once there is none, or when Telegram
/// refuses to say: then asking for updates tells the rest. `seed` decides the
/// jitter of waits only.
///
/// # Cancel safety
/// Dropping it gives up; the webhook may be gone already.
pub async fn clear_webhook(telegram: &dyn Telegram, seed: u64) {
    let Some(answer) = insist(telegram, methods::get_webhook_info(), seed).await else {
        return;
    };
    let info = Info::read(answer);
    if info.url.is_empty() {
        return;
    }
    tracing::warn!(
        pending = info.pending_update_count,
        "a webhook is set for this bot; removing it, for telegram.mode is polling"
    );
    // A refusal is warned about, and getUpdates would meet the same webhook.
    insist(telegram, methods::delete_webhook(), seed).await;
}

/// Calls until there is an answer; `None` when it was refused.
async fn insist(telegram: &dyn Telegram, call: Call, seed: u64) -> Option<Value> {
    let mut patience = Patience::seeded(seed);
    loop {
        let error = match telegram.call(call.clone()).await {
            Ok(answer) => return Some(answer),
            Err(error) => error,
        };
        let wait = patience.after(&error);
        match error.meaning() {
            Meaning::Again(_) | Meaning::Uncertain => {
                tracing::warn!(
                    error = %error, method = call.method, wait_ms = wait.as_millis(),
                    "failed to call Telegram; trying again"
                );
                sleep(wait).await;
            }
            _ => {
                tracing::error!(error = %error, method = call.method, "Telegram refuses");
                return None;
            }
        }
    }
}

/// The wait between two tries.
#[derive(Debug)]
struct Patience {
    next: Duration,
    rng: StdRng,
}

impl Patience {
    fn seeded(seed: u64) -> Self {
        Self {
            next: WAIT,
            rng: StdRng::seed_from_u64(seed),
        }
    }

    /// What Telegram asks for, else the doubled last wait, less up to a quarter
    /// so that many bots do not come back in step.
    fn after(&mut self, error: &CallError) -> Duration {
        if let Some(asked) = error.retry_after() {
            return asked;
        }
        let wait = self.next;
        self.next = (wait * 2).min(WAIT_MAX);
        wait.mul_f64(self.rng.random_range(0.75..=1.0))
    }
}

/// What we read of `WebhookInfo`; anything unexpected counts as absent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Info {
    url: String,
    pending_update_count: u64,
    last_error_message: Option<String>,
}

impl Info {
    fn read(answer: Value) -> Self {
        serde_json::from_value(answer).unwrap_or_default()
    }
}

fn tell(info: &Info, ours: &str) {
    if !info.url.is_empty() && info.url != ours {
        // The other URL may hold a secret in its path: it is not shown.
        tracing::warn!("the webhook of this bot points elsewhere; taking it over");
    }
    if let Some(reason) = &info.last_error_message {
        tracing::warn!(
            reason,
            pending = info.pending_update_count,
            "Telegram's last delivery to the webhook failed"
        );
    }
}

#[cfg(test)]
mod tests;
