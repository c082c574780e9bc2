//! Webhook mode: what is to be delivered next and what its answer means.
//!
//! Only the head of each lane is in flight, so order per chat holds if and
//! only if the client answers 2xx after it stored. Performing the requests is
//! the wrapping's business. Rules from the open Bot API server.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::answer::{Answer, Refusal};
use super::params::Params;
use super::world::World;
use crate::clock::Millis;

/// Silence of this length counts as a failed delivery.
pub const ANSWER_TIMEOUT_MS: Millis = 60_000;
/// An address that says 410 for this long is forgotten.
const GONE_MS: Millis = 23 * 3_600_000;
const DEFAULT_CONNECTIONS: i64 = 40;

/// The webhook as it is set, and its deliveries.
#[derive(Debug, Default)]
pub(super) struct Webhook {
    target: Option<Target>,
    /// Grows when deliveries of before no longer count.
    generation: u64,
    in_flight: BTreeMap<i64, String>,
    retries: BTreeMap<i64, Retry>,
    gone_since: Option<Millis>,
    last_error: Option<(Millis, String)>,
    next_set: Millis,
}

#[derive(Clone, PartialEq, Eq)]
struct Target {
    url: String,
    secret: Option<String>,
    max_connections: i64,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target")
            .field("max_connections", &self.max_connections)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy)]
struct Retry {
    failures: u32,
    at: Millis,
}

/// One request to make to the bot's webhook.
#[derive(Clone, PartialEq)]
pub struct WebhookRequest {
    /// Hand it back with the answer.
    pub generation: u64,
    /// `update_id`; hand it back with the answer.
    pub update_id: i64,
    /// Where to.
    pub url: String,
    /// For the header `X-Telegram-Bot-Api-Secret-Token`.
    pub secret: Option<String>,
    /// The body.
    pub update: Value,
}

impl std::fmt::Debug for WebhookRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookRequest")
            .field("generation", &self.generation)
            .field("update_id", &self.update_id)
            .finish_non_exhaustive()
    }
}

/// How the bot answered a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookAnswer {
    /// A status, with `Retry-After` in seconds where it was sent.
    Status(u16, Option<u64>),
    /// No connection, a cut one, or silence for [`ANSWER_TIMEOUT_MS`].
    Nothing,
}

impl Webhook {
    pub(super) fn is_set(&self) -> bool {
        self.target.is_some()
    }

    fn replace(&mut self, target: Option<Target>) {
        self.target = target;
        self.generation += 1;
        self.in_flight.clear();
        self.retries.clear();
        self.gone_since = None;
        self.last_error = None;
    }
}

impl World {
    pub(super) fn set_webhook(&mut self, params: Params<'_>, now: Millis) -> Answer {
        let url = params.text("url").unwrap_or_default();
        if url.is_empty() {
            return Ok(self.delete_webhook(params));
        }
        if self.settings.limits {
            if now < self.webhook.next_set {
                return Err(Refusal::too_many(1));
            }
            self.webhook.next_set = now + 1_000;
        }
        let secure = url.starts_with("https://");
        if !(secure || self.settings.http_webhooks && url.starts_with("http://")) {
            return Err(Refusal::bad(
                "bad webhook: An HTTPS URL must be provided for webhook",
            ));
        }
        let secret = params
            .text("secret_token")
            .filter(|secret| !secret.is_empty());
        if let Some(secret) = &secret {
            let fine = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            if secret.len() > 256 {
                return Err(Refusal::bad("secret token is too long"));
            }
            if !secret.chars().all(fine) {
                return Err(Refusal::bad("secret token contains unallowed characters"));
            }
        }
        let target = Target {
            url,
            secret,
            max_connections: params
                .integer("max_connections")
                .unwrap_or(DEFAULT_CONNECTIONS)
                .clamp(1, 100),
        };
        if let Some(names) = params.array("allowed_updates", "allowed_updates")? {
            self.queue.allow(&names);
        }
        if params.truth("drop_pending_updates") {
            let dropped = self.queue.clear();
            self.confirmed(dropped);
        } else if self.webhook.target.as_ref() == Some(&target) {
            // The same webhook again changes nothing, deliveries run on.
            return Ok(Value::Bool(true));
        }
        self.displace_poll("Conflict: terminated by setWebhook request", now);
        self.webhook.replace(Some(target));
        self.touch();
        Ok(Value::Bool(true))
    }

    pub(super) fn delete_webhook(&mut self, params: Params<'_>) -> Value {
        if params.truth("drop_pending_updates") {
            let dropped = self.queue.clear();
            self.confirmed(dropped);
        }
        if self.webhook.is_set() {
            self.webhook.replace(None);
            self.touch();
        }
        Value::Bool(true)
    }

    pub(super) fn get_webhook_info(&self) -> Value {
        let mut info = json!({
            "url": "",
            "has_custom_certificate": false,
            "pending_update_count": self.queue.len(),
        });
        if let Some(target) = &self.webhook.target {
            info["url"] = target.url.as_str().into();
            info["max_connections"] = target.max_connections.into();
        }
        if let Some((at, message)) = &self.webhook.last_error {
            info["last_error_date"] = (at / 1_000).into();
            info["last_error_message"] = message.as_str().into();
        }
        if let Some(allowed) = self.queue.allowed() {
            info["allowed_updates"] = json!(allowed);
        }
        info
    }

    /// The requests to make now. Each counts as in flight until
    /// [`World::webhook_answered`].
    pub(super) fn webhook_due(&mut self, now: Millis) -> Vec<WebhookRequest> {
        self.queue.expire(now);
        let Some(target) = &self.webhook.target else {
            return Vec::new();
        };
        let most = usize::try_from(target.max_connections).unwrap_or(1);
        let mut busy: BTreeSet<&str> = self
            .webhook
            .in_flight
            .values()
            .map(String::as_str)
            .collect();
        let mut free = most.saturating_sub(self.webhook.in_flight.len());
        let mut due = Vec::new();
        for entry in self.queue.iter() {
            if free == 0 {
                break;
            }
            // The first of a lane holds the lane, whether it may go or waits.
            if !busy.insert(&entry.lane) {
                continue;
            }
            let waits = self.webhook.retries.get(&entry.id);
            if waits.is_some_and(|retry| retry.at > now) {
                continue;
            }
            free -= 1;
            due.push((
                entry.lane.clone(),
                WebhookRequest {
                    generation: self.webhook.generation,
                    update_id: entry.id,
                    url: target.url.clone(),
                    secret: target.secret.clone(),
                    update: entry.update.clone(),
                },
            ));
        }
        due.into_iter()
            .map(|(lane, request)| {
                self.webhook.in_flight.insert(request.update_id, lane);
                request
            })
            .collect()
    }

    /// When the next retry is due.
    pub(super) fn webhook_next(&self, now: Millis) -> Option<Millis> {
        self.webhook
            .retries
            .values()
            .map(|retry| retry.at)
            .filter(|at| *at > now)
            .min()
    }

    /// Takes the answer to a delivery: 2xx confirms, anything else is
    /// delivered again: at once, then after 2, 4 … 64 s, then every 60–120 s.
    pub(super) fn webhook_answered(
        &mut self,
        generation: u64,
        update_id: i64,
        answer: WebhookAnswer,
        now: Millis,
    ) {
        if generation != self.webhook.generation {
            return;
        }
        self.webhook.in_flight.remove(&update_id);
        self.touch();
        let retry_after = match answer {
            WebhookAnswer::Status(200..=299, _) => {
                self.webhook.retries.remove(&update_id);
                self.webhook.gone_since = None;
                if let Some(id) = self.queue.confirm_one(update_id) {
                    self.confirmed(vec![id]);
                }
                return;
            }
            WebhookAnswer::Status(410, seconds) => {
                let since = *self.webhook.gone_since.get_or_insert(now);
                if now - since > GONE_MS {
                    self.webhook.replace(None);
                    return;
                }
                seconds
            }
            WebhookAnswer::Status(_, seconds) => {
                self.webhook.gone_since = None;
                seconds
            }
            WebhookAnswer::Nothing => None,
        };
        let message = match answer {
            WebhookAnswer::Status(code, _) => format!("Wrong response from the webhook: {code}"),
            WebhookAnswer::Nothing => "Connection failed or timed out".to_owned(),
        };
        self.webhook.last_error = Some((now, message));
        let before = self
            .webhook
            .retries
            .get(&update_id)
            .map_or(0, |retry| retry.failures);
        let wait = match retry_after {
            Some(seconds) => i64::try_from(seconds.clamp(1, 3_600)).unwrap_or(3_600) * 1_000,
            None => match before {
                0 => 0,
                1..=6 => 1_000 << before,
                _ => self.random.between(60_000, 120_000),
            },
        };
        // A wait that the client asked for replaces the growing one.
        let failures = before + u32::from(retry_after.is_none());
        let at = now + wait;
        self.webhook
            .retries
            .insert(update_id, Retry { failures, at });
    }
}
