//! The pace: 30 calls a second overall, one a second per chat (burst 3), 20 a
//! minute per group; and whatever pause Telegram asks of a chat.
//!
//! Who must wait for the common bucket stands in a queue: one at a time looks
//! at it, or a crowd would find the same call in it and all take it.
//!
//! Parts go before drafts and changes of buttons, which leave a reserve; in
//! private chats drafts have a pace of their own. Probes leave a reserve in the
//! common bucket and do not count for their chat: nearly all of them miss, and
//! nobody sees a miss. Reactions are no messages: they leave more in the common
//! bucket and take nothing from their chat's. A chat that must wait delays no
//! other.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::ids::ChatId;
use crate::domain::metric;

/// Chats remembered at the most; idle ones are dropped first.
const CHATS: usize = 20_000;

/// How important a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// A part; within a chat the outbox puts answers before notices.
    Part,
    /// A preview: given up rather than waited for.
    Draft,
    /// The last frame of one, which is what the message will show.
    LastDraft,
    /// A change of buttons: whenever nothing else is to be done.
    Touch,
    /// A question about a message that may exist.
    Probe,
    /// A reaction: the first that is given up.
    Sign,
}

impl Rank {
    /// Calls left to the more important ones in the common bucket.
    fn common_reserve(self) -> f64 {
        match self {
            Self::Part => 0.0,
            Self::Draft | Self::LastDraft | Self::Touch | Self::Probe => 10.0,
            Self::Sign => 15.0,
        }
    }

    /// Calls left to the more important ones in the chat's bucket.
    fn own_reserve(self) -> f64 {
        match self {
            Self::Draft | Self::Touch => 1.0,
            _ => 0.0,
        }
    }
}

/// Whether a look takes a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Take {
    No,
    IfReady,
    Always,
}

/// The pace of one bot.
#[derive(Debug)]
pub struct Limits {
    state: Mutex<State>,
    /// The queue; the one at its head holds it. Fair: first come, first served.
    queue: tokio::sync::Mutex<()>,
}

/// The head of the queue: nobody else finds a call while this is held.
#[derive(Debug)]
#[must_use = "the next in the queue is let in as soon as this is dropped"]
pub struct Head<'a> {
    _queue: tokio::sync::MutexGuard<'a, ()>,
}

#[derive(Debug)]
struct State {
    all: Bucket,
    chats: HashMap<ChatId, Chat>,
}

#[derive(Debug)]
struct Chat {
    bucket: Bucket,
    /// Drafts, in private chats: they are no messages and have a pace of their
    /// own, which Telegram does not publish; bots met refusals at three a second
    /// and none at one. Elsewhere previews are edits, which count like messages.
    drafts: Option<Bucket>,
    blocked_until: Option<Instant>,
}

/// Holds up to `size` calls and gains one every `every`.
#[derive(Debug)]
struct Bucket {
    size: f64,
    every: Duration,
    level: f64,
    at: Instant,
}

impl Bucket {
    fn new(size: f64, every: Duration, now: Instant) -> Self {
        Self {
            size,
            every,
            level: size,
            at: now,
        }
    }

    fn fill(&mut self, now: Instant) {
        let gained =
            now.saturating_duration_since(self.at).as_secs_f64() / self.every.as_secs_f64();
        self.level = (self.level + gained).min(self.size);
        self.at = now;
    }

    /// Time until there is one call more than `reserve`.
    fn wait(&self, reserve: f64) -> Duration {
        let missing = 1.0 + reserve.min(self.size - 1.0) - self.level;
        if missing <= 1e-9 {
            return Duration::ZERO;
        }
        self.every.mul_f64(missing)
    }
}

impl Default for Limits {
    fn default() -> Self {
        let now = Instant::now();
        Self {
            state: Mutex::new(State {
                all: Bucket::new(30.0, Duration::from_millis(34), now),
                chats: HashMap::new(),
            }),
            queue: tokio::sync::Mutex::default(),
        }
    }
}

impl Limits {
    /// Waits until a call of this rank may be made in the chat, without taking
    /// it: whether there is one to make is known only afterwards. Keep what is
    /// returned until then.
    ///
    /// # Cancel safety
    /// Cancel safe; the place in the queue is lost.
    pub async fn ready(&self, chat: ChatId, rank: Rank) -> Head<'_> {
        loop {
            // Outside the queue: a chat that must wait delays no other.
            self.own_pace(chat, rank).await;
            let head = Head {
                _queue: self.queue.lock().await,
            };
            loop {
                if !self.own_wait(chat, rank).is_zero() {
                    break;
                }
                let wait = self.look(chat, rank, Take::No);
                if wait.is_zero() {
                    return head;
                }
                tokio::time::sleep(wait).await;
            }
        }
    }

    async fn own_pace(&self, chat: ChatId, rank: Rank) {
        loop {
            let wait = self.own_wait(chat, rank);
            if wait.is_zero() {
                return;
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// How long the chat itself must wait, whatever the others do.
    pub fn own_wait(&self, chat: ChatId, rank: Rank) -> Duration {
        let now = Instant::now();
        let mut state = self.state();
        let Some(entry) = state.chats.get_mut(&chat) else {
            return Duration::ZERO;
        };
        entry.fill(now);
        let blocked = entry
            .blocked_until
            .map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        blocked.max(entry.wait(rank))
    }

    /// A call of this rank is made now.
    pub fn spend(&self, chat: ChatId, rank: Rank) {
        self.look(chat, rank, Take::Always);
    }

    /// Takes a call if it may be made now; else says how long to wait.
    pub fn try_take(&self, chat: ChatId, rank: Rank) -> Duration {
        self.look(chat, rank, Take::IfReady)
    }

    fn look(&self, chat: ChatId, rank: Rank, take: Take) -> Duration {
        let now = Instant::now();
        let mut state = self.state();
        let State { all, chats } = &mut *state;
        if chats.len() >= CHATS && !chats.contains_key(&chat) {
            chats.retain(|_, chat| !chat.is_idle(now));
        }
        let entry = chats.entry(chat).or_insert_with(|| Chat::new(chat, now));
        if let Some(until) = entry.blocked_until.filter(|_| take != Take::Always) {
            if until > now {
                return until - now;
            }
            entry.blocked_until = None;
        }
        all.fill(now);
        entry.fill(now);
        let wait = all.wait(rank.common_reserve()).max(entry.wait(rank));
        if take == Take::Always || (take == Take::IfReady && wait.is_zero()) {
            all.level -= 1.0;
            if let Some(bucket) = entry.bucket_of(rank) {
                bucket.level -= 1.0;
            }
        }
        wait
    }

    /// Telegram asked this chat to wait (429), when a call of this kind was made
    /// there.
    pub fn block(&self, chat: ChatId, pause: Duration, method: &'static str) {
        metrics::counter!(metric::TELEGRAM_WAITS, "method" => method).increment(1);
        let seconds = pause.as_millis().div_ceil(1000);
        metrics::counter!(metric::TELEGRAM_WAIT_SECONDS, "method" => method)
            .increment(u64::try_from(seconds).unwrap_or(u64::MAX));
        let now = Instant::now();
        let mut state = self.state();
        let entry = state
            .chats
            .entry(chat)
            .or_insert_with(|| Chat::new(chat, now));
        entry.blocked_until = Some(now + pause);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Plain numbers: usable after a panic elsewhere.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Chat {
    fn new(chat: ChatId, now: Instant) -> Self {
        let second = Duration::from_millis(1_020);
        let (bucket, drafts) = if chat.is_private() {
            let drafts = Bucket::new(4.0, second, now);
            (Bucket::new(3.0, second, now), Some(drafts))
        } else {
            (Bucket::new(3.0, Duration::from_millis(3_050), now), None)
        };
        Self {
            bucket,
            drafts,
            blocked_until: None,
        }
    }

    /// Time until its own bucket allows a call of this rank.
    fn wait(&mut self, rank: Rank) -> Duration {
        let reserve = rank.own_reserve();
        self.bucket_of(rank)
            .map_or(Duration::ZERO, |bucket| bucket.wait(reserve))
    }

    /// The bucket that a call of this rank is drawn from.
    fn bucket_of(&mut self, rank: Rank) -> Option<&mut Bucket> {
        match rank {
            Rank::Part | Rank::Touch => Some(&mut self.bucket),
            Rank::Draft | Rank::LastDraft => Some(self.drafts.as_mut().unwrap_or(&mut self.bucket)),
            Rank::Probe | Rank::Sign => None,
        }
    }

    fn fill(&mut self, now: Instant) {
        self.bucket.fill(now);
        if let Some(drafts) = &mut self.drafts {
            drafts.fill(now);
        }
    }

    fn is_idle(&self, now: Instant) -> bool {
        self.blocked_until.is_none_or(|until| until <= now)
            && now.saturating_duration_since(self.bucket.at) > Duration::from_secs(60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: ChatId = ChatId(5);

    async fn time_of(limits: &Limits, chat: ChatId, calls: usize) -> Duration {
        let begun = Instant::now();
        for _ in 0..calls {
            let _head = limits.ready(chat, Rank::Part).await;
            limits.spend(chat, Rank::Part);
        }
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_of_chats_gets_thirty_calls_a_second_and_no_more() {
        let limits = Limits::default();
        let begun = Instant::now();
        futures_util::future::join_all((1..=130).map(|chat| {
            let limits = &limits;
            async move {
                let head = limits.ready(ChatId(chat), Rank::Part).await;
                // Whether there is something to send is asked of the store.
                tokio::time::sleep(Duration::from_millis(2)).await;
                limits.spend(ChatId(chat), Rank::Part);
                drop(head);
            }
        }))
        .await;
        assert!(begun.elapsed() >= Duration::from_millis(3_300));
        assert!(begun.elapsed() < Duration::from_millis(4_500));
    }

    #[tokio::test(start_paused = true)]
    async fn a_private_chat_gets_three_at_once_and_then_one_a_second() {
        let limits = Limits::default();
        assert_eq!(time_of(&limits, ANN, 3).await, Duration::ZERO);
        assert!(time_of(&limits, ANN, 5).await >= Duration::from_secs(5));
    }

    #[tokio::test(start_paused = true)]
    async fn a_group_never_gets_more_than_twenty_a_minute() {
        let limits = Limits::default();
        let group = ChatId(-77);
        time_of(&limits, group, 3).await;
        assert!(time_of(&limits, group, 20).await >= Duration::from_secs(60));
    }

    #[tokio::test(start_paused = true)]
    async fn a_chat_that_must_wait_delays_no_other() {
        let limits = Limits::default();
        limits.block(ANN, Duration::from_secs(30), "send");
        assert_eq!(time_of(&limits, ChatId(6), 1).await, Duration::ZERO);
        assert!(time_of(&limits, ANN, 1).await >= Duration::from_secs(30));
    }

    #[tokio::test(start_paused = true)]
    async fn probes_leave_room_for_answers_everywhere() {
        let limits = Limits::default();
        while limits.try_take(ANN, Rank::Probe).is_zero() {}
        assert_eq!(time_of(&limits, ANN, 3).await, Duration::ZERO);
        assert_eq!(time_of(&limits, ChatId(6), 3).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_private_chat_gets_three_drafts_at_once_then_one_a_second_and_a_last_one() {
        let limits = Limits::default();
        let take = |rank| limits.try_take(ANN, rank).is_zero();
        for _ in 0..3 {
            assert!(take(Rank::Draft));
        }
        assert!(!take(Rank::Draft));
        tokio::time::sleep(Duration::from_millis(1_021)).await;
        assert!(take(Rank::Draft) && !take(Rank::Draft));
        assert!(take(Rank::LastDraft) && !take(Rank::LastDraft));
        assert!(take(Rank::Part) && take(Rank::Part) && take(Rank::Part));
    }

    #[tokio::test(start_paused = true)]
    async fn drafts_leave_room_for_answers() {
        let limits = Limits::default();
        while limits.try_take(ANN, Rank::Draft).is_zero() {}
        assert!(limits.try_take(ANN, Rank::Part).is_zero());
    }
}
