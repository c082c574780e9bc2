//! The queue of updates of the bot: ids, expiry, what a client may see and what
//! it has confirmed.
//!
//! Upholds the rules that decide loss: ids are sequential inside one life, an
//! update leaves only by being confirmed, discarded or expired, and each of
//! these is told apart. Rules from the open Bot API server (`TQueue`).

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::random::Random;
use crate::clock::Millis;

/// Updates about messages live a day from their date.
pub(super) const DAY_MS: Millis = 24 * 3_600_000;
/// Callback queries live two and a half minutes.
pub(super) const CALLBACK_MS: Millis = 150_000;
/// Ids are drawn anew after this long without an update.
const WEEK_MS: Millis = 7 * DAY_MS;
/// More waiting updates or bytes than this are lost without a word.
const MAX_WAITING: usize = 100_000;
const MAX_BYTES: usize = 128 << 20;
/// An offset at most this far beyond the newest id still confirms.
const FUTURE_IDS: i64 = 10;

/// One waiting update.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) id: i64,
    /// The whole update, `update_id` included.
    pub(super) update: Value,
    /// Serialised size, for the limits.
    pub(super) bytes: usize,
    pub(super) expires: Millis,
    /// Updates with the same lane are delivered to a webhook in order.
    pub(super) lane: String,
}

/// Everything that waits for the bot.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Queue {
    entries: VecDeque<Entry>,
    bytes: usize,
    /// The id the next update gets.
    tail: i64,
    last_push: Option<Millis>,
    /// Types to queue; `None` is the default set.
    allowed: Option<Vec<String>>,
    random: Random,
    /// Nothing expires before this; may be too early, never too late.
    earliest: Millis,
    /// Updates that no client ever saw: expired, or beyond the limits.
    pub(super) lost: u64,
}

/// Not queued unless named.
const OPT_IN: [&str; 4] = [
    "chat_member",
    "message_reaction",
    "message_reaction_count",
    "stopped_message_generation",
];

/// Every type a client may name.
const KNOWN: [&str; 26] = [
    "message",
    "edited_message",
    "channel_post",
    "edited_channel_post",
    "business_connection",
    "business_message",
    "edited_business_message",
    "deleted_business_messages",
    "guest_message",
    "message_reaction",
    "message_reaction_count",
    "inline_query",
    "chosen_inline_result",
    "callback_query",
    "shipping_query",
    "pre_checkout_query",
    "purchased_paid_media",
    "poll",
    "poll_answer",
    "my_chat_member",
    "chat_member",
    "chat_join_request",
    "chat_boost",
    "removed_chat_boost",
    "managed_bot",
    "stopped_message_generation",
];

impl Queue {
    pub(super) fn new(mut random: Random) -> Self {
        Self {
            entries: VecDeque::new(),
            bytes: 0,
            tail: random.between(100_000_000, 900_000_000),
            last_push: None,
            allowed: None,
            random,
            earliest: Millis::MAX,
            lost: 0,
        }
    }

    /// The sticky filter of `getUpdates` and `setWebhook`. Touches only what
    /// comes later; an empty or unknown list is the default set.
    pub(super) fn allow(&mut self, names: &[Value]) {
        let known: Vec<String> = names
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_ascii_lowercase)
            .filter(|name| KNOWN.contains(&name.as_str()))
            .collect();
        self.allowed = (!known.is_empty()).then_some(known);
    }

    pub(super) fn allowed(&self) -> Option<&[String]> {
        self.allowed.as_deref()
    }

    fn admits(&self, kind: &str) -> bool {
        match &self.allowed {
            Some(list) => list.iter().any(|name| name == kind),
            None => !OPT_IN.contains(&kind),
        }
    }

    /// Queues an update and returns its id, or `None` where the filter or the
    /// limits drop it.
    pub(super) fn push(
        &mut self,
        kind: &str,
        content: Value,
        lane: String,
        life_ms: Millis,
        now: Millis,
    ) -> Option<i64> {
        if !self.admits(kind) {
            return None;
        }
        self.expire(now);
        if self.entries.is_empty() && self.last_push.is_some_and(|last| now - last > WEEK_MS) {
            self.reseed();
        }
        self.last_push = Some(now);
        let id = self.tail;
        let mut update = serde_json::Map::new();
        update.insert("update_id".to_owned(), id.into());
        update.insert(kind.to_owned(), content);
        let update = Value::Object(update);
        let bytes = update.to_string().len();
        if self.entries.len() >= MAX_WAITING || self.bytes + bytes > MAX_BYTES {
            self.lost += 1;
            return None;
        }
        self.tail += 1;
        self.bytes += bytes;
        self.earliest = self.earliest.min(now + life_ms);
        self.entries.push_back(Entry {
            id,
            update,
            bytes,
            expires: now + life_ms,
            lane,
        });
        Some(id)
    }

    /// Draws the next id anew, as after a week of silence. It may be smaller
    /// than ids that were used before. Whatever waits is lost with its ids.
    pub(super) fn reseed(&mut self) {
        self.lost += self.entries.len() as u64;
        self.entries.clear();
        self.bytes = 0;
        let before = self.tail;
        while (self.tail - before).abs() <= 1_000 {
            self.tail = self.random.between(100_000_000, 900_000_000);
        }
    }

    /// Burns ids without an update: what Telegram itself lost.
    pub(super) fn skip(&mut self, count: u32) {
        self.tail += i64::from(count);
        self.lost += u64::from(count);
    }

    /// Drops what has outlived its time.
    pub(super) fn expire(&mut self, now: Millis) {
        if now < self.earliest {
            return;
        }
        let before = self.entries.len();
        self.entries.retain(|entry| entry.expires > now);
        self.lost += (before - self.entries.len()) as u64;
        self.bytes = self.entries.iter().map(|entry| entry.bytes).sum();
        let expiries = self.entries.iter().map(|entry| entry.expires);
        self.earliest = expiries.min().unwrap_or(Millis::MAX);
    }

    /// What an offset confirms, removed from the queue. A larger offset takes
    /// everything below it; a negative one leaves only that many; one too far
    /// in the future counts as none.
    pub(super) fn confirm(&mut self, offset: i64) -> Vec<i64> {
        if offset < 0 {
            let keep = usize::try_from(-offset).unwrap_or(usize::MAX);
            let gone = self.entries.len().saturating_sub(keep);
            return self.take(gone);
        }
        let newest = self.tail - 1;
        if offset > newest + FUTURE_IDS {
            return Vec::new();
        }
        let gone = self.entries.partition_point(|entry| entry.id < offset);
        self.take(gone)
    }

    /// Confirms one update alone, as a webhook's 2xx does.
    pub(super) fn confirm_one(&mut self, id: i64) -> Option<i64> {
        let at = self
            .entries
            .binary_search_by_key(&id, |entry| entry.id)
            .ok()?;
        let entry = self.entries.remove(at)?;
        self.bytes -= entry.bytes;
        Some(entry.id)
    }

    /// Removes everything that waits.
    pub(super) fn clear(&mut self) -> Vec<i64> {
        self.take(self.entries.len())
    }

    fn take(&mut self, count: usize) -> Vec<i64> {
        self.entries
            .drain(..count)
            .map(|entry| {
                self.bytes -= entry.bytes;
                entry.id
            })
            .collect()
    }

    /// The next updates for a poll, cut at `limit` and at `max_bytes`; at
    /// least one, however large.
    pub(super) fn read(&self, limit: usize, max_bytes: usize) -> Vec<Value> {
        let mut size = 0;
        self.entries
            .iter()
            .take(limit)
            .enumerate()
            .take_while(|(at, entry)| {
                size += entry.bytes + 1;
                *at == 0 || size <= max_bytes
            })
            .map(|(_, entry)| entry.update.clone())
            .collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
