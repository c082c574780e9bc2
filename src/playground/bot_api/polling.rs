//! `getUpdates`: confirmation by offset, the long poll, and who gets the 409.
//!
//! The offset confirms when the request arrives, before its answer is built:
//! losing the answer un-confirms nothing. Rules from the open Bot API server.

use serde_json::Value;

use super::answer::{Outcome, Refusal, Ticket};
use super::params::Params;
use super::world::World;
use crate::clock::Millis;

/// An answer is cut here, whatever `limit` says.
const ANSWER_BYTES: usize = 4 << 20;
const MAX_TIMEOUT_S: i64 = 50;
/// The same offset again within this time polls at least this long.
const STRETCH_MS: Millis = 3_000;
/// … and within this time gets one update only.
const SINGLE_MS: Millis = 500;
/// Conflicts are answered at most this often.
const CONFLICT_MS: Millis = 3_000;

/// Polls under way and what decides the next one.
#[derive(Debug, Default)]
pub(super) struct Polling {
    waiting: Option<Waiting>,
    /// Polls that lost their place, and when they are told.
    displaced: Vec<Displaced>,
    previous: Option<(i64, Millis)>,
    next_conflict: Millis,
    tickets: u64,
    /// 409s that were due to a second poll.
    pub(super) conflicts: u64,
}

#[derive(Debug)]
struct Waiting {
    ticket: Ticket,
    limit: usize,
    until: Millis,
}

#[derive(Debug)]
struct Displaced {
    ticket: Ticket,
    at: Millis,
    refusal: Refusal,
}

/// Where a waiting poll stands.
#[derive(Debug)]
pub(super) enum Polled {
    Done(Result<Value, Refusal>),
    /// Nothing before this moment unless an update or another poll comes.
    Until(Millis),
}

impl World {
    pub(super) fn get_updates(&mut self, params: Params<'_>, now: Millis) -> Outcome {
        if self.webhook.is_set() {
            return Outcome::Refused(Refusal::new(
                409,
                "Conflict: can't use getUpdates method while webhook is active; \
                 use deleteWebhook to delete the webhook first",
            ));
        }
        let offset = params.integer("offset").unwrap_or(0);
        let mut limit = params.integer("limit").unwrap_or(100).clamp(1, 100);
        let mut timeout_ms = params
            .integer("timeout")
            .unwrap_or(0)
            .clamp(0, MAX_TIMEOUT_S)
            * 1_000;
        if let Ok(Some(names)) = params.array("allowed_updates", "allowed_updates") {
            self.queue.allow(&names);
        }
        if let Some((last, at)) = self.polling.previous
            && last == offset
        {
            if now < at + STRETCH_MS {
                timeout_ms = timeout_ms.max(STRETCH_MS);
            }
            if now < at + SINGLE_MS {
                limit = 1;
            }
        }
        self.polling.previous = Some((offset, now));

        self.queue.expire(now);
        if offset != 0 {
            let confirmed = self.queue.confirm(offset);
            self.confirmed(confirmed);
        }
        let limit = usize::try_from(limit).unwrap_or(1);
        let updates = self.queue.read(limit, ANSWER_BYTES);
        if !updates.is_empty() || timeout_ms == 0 {
            return Outcome::Answer(Value::Array(updates));
        }
        self.displace_poll(
            "Conflict: terminated by other getUpdates request; \
             make sure that only one bot instance is running",
            now,
        );
        self.polling.tickets += 1;
        let ticket = Ticket(self.polling.tickets);
        self.polling.waiting = Some(Waiting {
            ticket,
            limit,
            until: now + timeout_ms,
        });
        Outcome::Wait(ticket)
    }

    /// Takes the place of the waiting poll; it is told 409, at most every 3 s.
    pub(super) fn displace_poll(&mut self, why: &str, now: Millis) {
        let Some(older) = self.polling.waiting.take() else {
            return;
        };
        let at = if now >= self.polling.next_conflict {
            self.polling.next_conflict = now + CONFLICT_MS;
            now
        } else {
            now + CONFLICT_MS
        };
        self.polling.conflicts += 1;
        self.polling.displaced.push(Displaced {
            ticket: older.ticket,
            at,
            refusal: Refusal::new(409, why),
        });
        self.touch();
    }

    /// Looks again at a waiting poll.
    pub(super) fn poll_again(&mut self, ticket: Ticket, now: Millis) -> Polled {
        if let Some(at) = self
            .polling
            .displaced
            .iter()
            .position(|displaced| displaced.ticket == ticket)
        {
            let due = self.polling.displaced[at].at;
            if now < due {
                return Polled::Until(due);
            }
            return Polled::Done(Err(self.polling.displaced.remove(at).refusal));
        }
        self.queue.expire(now);
        let Some(waiting) = &self.polling.waiting else {
            return Polled::Done(Ok(Value::Array(Vec::new())));
        };
        if waiting.ticket != ticket {
            return Polled::Done(Ok(Value::Array(Vec::new())));
        }
        if self.queue.is_empty() && now < waiting.until {
            return Polled::Until(waiting.until);
        }
        let updates = self.queue.read(waiting.limit, ANSWER_BYTES);
        self.polling.waiting = None;
        Polled::Done(Ok(Value::Array(updates)))
    }

    /// Forgets a poll whose caller is gone.
    pub(super) fn poll_gone(&mut self, ticket: Ticket) {
        self.polling.displaced.retain(|one| one.ticket != ticket);
        if self
            .polling
            .waiting
            .as_ref()
            .is_some_and(|waiting| waiting.ticket == ticket)
        {
            self.polling.waiting = None;
        }
    }
}
