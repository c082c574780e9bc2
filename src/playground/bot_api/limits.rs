//! Telegram's limits on sending: 1/s per chat (burst 3), 20/min per group and
//! 30/s overall. Sends and edits count; typing and buttons do not. Drafts have
//! a limit of their own that Telegram does not publish: what bots have met is a
//! few at once and then about one a second. A refused call costs nothing.

use std::collections::{BTreeMap, VecDeque};

use super::answer::Refusal;
use crate::clock::Millis;

const BURST: Millis = 3;
const CHAT_EVERY_MS: Millis = 1_000;
const DRAFT_BURST: Millis = 5;
const GROUP_PER_MINUTE: usize = 20;
const MINUTE_MS: Millis = 60_000;
const OVERALL_PER_SECOND: usize = 30;
const SECOND_MS: Millis = 1_000;

/// What was sent of late.
#[derive(Debug, Default)]
pub(super) struct Limits {
    /// When the chat's bucket of [`BURST`] is full again.
    full_at: BTreeMap<i64, Millis>,
    /// The same for drafts.
    drafts_full_at: BTreeMap<i64, Millis>,
    groups: BTreeMap<i64, VecDeque<Millis>>,
    overall: VecDeque<Millis>,
}

impl Limits {
    /// Takes a place for one draft in `chat` at `now`.
    pub(super) fn take_draft(&mut self, chat: i64, now: Millis) -> Result<(), Refusal> {
        let full_at = self.drafts_full_at.get(&chat).copied();
        let full_at = full_at.unwrap_or(now).max(now);
        let wait = full_at + CHAT_EVERY_MS - now - DRAFT_BURST * CHAT_EVERY_MS;
        if wait > 0 {
            let seconds = u64::try_from(wait).unwrap_or(0).div_ceil(1_000);
            return Err(Refusal::too_many(seconds.max(1)));
        }
        self.drafts_full_at.insert(chat, full_at + CHAT_EVERY_MS);
        Ok(())
    }

    /// Takes a place for one message to `chat` at `now`.
    pub(super) fn take(&mut self, chat: i64, group: bool, now: Millis) -> Result<(), Refusal> {
        let full_at = self.full_at.get(&chat).copied().unwrap_or(now).max(now);
        let chat_wait = full_at + CHAT_EVERY_MS - now - BURST * CHAT_EVERY_MS;

        let group_wait = if group {
            let sent = self.groups.entry(chat).or_default();
            window_wait(sent, GROUP_PER_MINUTE, MINUTE_MS, now)
        } else {
            0
        };
        let overall_wait = window_wait(&mut self.overall, OVERALL_PER_SECOND, SECOND_MS, now);

        let wait = chat_wait.max(group_wait).max(overall_wait);
        if wait > 0 {
            let seconds = u64::try_from(wait).unwrap_or(0).div_ceil(1_000);
            return Err(Refusal::too_many(seconds.max(1)));
        }
        self.full_at.insert(chat, full_at + CHAT_EVERY_MS);
        if group {
            self.groups.entry(chat).or_default().push_back(now);
        }
        self.overall.push_back(now);
        Ok(())
    }
}

/// How long until one more fits into `most` per `span`.
fn window_wait(sent: &mut VecDeque<Millis>, most: usize, span: Millis, now: Millis) -> Millis {
    while sent.front().is_some_and(|at| now - at >= span) {
        sent.pop_front();
    }
    match sent.front() {
        Some(oldest) if sent.len() >= most => oldest + span - now,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chat_takes_three_at_once_and_then_one_a_second() {
        let mut limits = Limits::default();
        for _ in 0..3 {
            limits.take(1, false, 0).unwrap();
        }
        assert_eq!(limits.take(1, false, 0).unwrap_err().retry_after_s, Some(1));
        limits.take(2, false, 0).unwrap();
        limits.take(1, false, 1_000).unwrap();
        limits.take(1, false, 1_500).unwrap_err();
        limits.take(1, false, 2_000).unwrap();
    }

    #[test]
    fn a_chat_takes_five_drafts_at_once_and_then_one_a_second() {
        let mut limits = Limits::default();
        for _ in 0..5 {
            limits.take_draft(1, 0).unwrap();
        }
        let refusal = limits.take_draft(1, 100).unwrap_err();
        assert_eq!(refusal.retry_after_s, Some(1));
        limits.take_draft(1, 1_000).unwrap();
        // Messages have their own.
        limits.take(1, false, 1_000).unwrap();
    }

    #[test]
    fn a_group_takes_twenty_a_minute() {
        let mut limits = Limits::default();
        for second in 0..20 {
            limits.take(-5, true, second * 1_000).unwrap();
        }
        let refusal = limits.take(-5, true, 20_000).unwrap_err();
        assert_eq!(refusal.retry_after_s, Some(40));
        limits.take(-5, true, 60_000).unwrap();
    }

    #[test]
    fn all_chats_together_take_thirty_a_second() {
        let mut limits = Limits::default();
        for chat in 0..30 {
            limits.take(chat, false, 0).unwrap();
        }
        limits.take(99, false, 999).unwrap_err();
        limits.take(99, false, 1_000).unwrap();
    }
}
