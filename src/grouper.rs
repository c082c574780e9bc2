//! The grouper: debounces each conversation and sets its turns going.
//!
//! One tracked task per conversation with something to do: it sleeps until the
//! window is due, then lets the conversation advance for as long as there is
//! more. Timers only wake: losing one costs time, never a message, because due
//! times live in the store and a sweep finds them. Never runs two tasks for
//! one conversation.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::domain::ids::ConversationId;
use crate::domain::turn::Step;
use crate::shutdown::{Kind, Tasks};
use crate::store::{Due, Flush};

/// While a conversation is expected to go on within this time, the person sees
/// that something is being done.
const SOON: Duration = Duration::from_secs(15);

/// Whatever carries a conversation's turns out.
#[async_trait]
pub trait Conversations: Send + Sync + std::fmt::Debug + 'static {
    /// Runs the next turn of the conversation, if there is one to run. Takes
    /// over the sign of life that was shown so far: only the turn knows when
    /// its answer goes out, which no sign may outlive.
    async fn advance(&self, due: Due, flush: Flush, presence: Option<Presence>) -> Step;

    /// Shows that something is being done, until the returned value is
    /// dropped.
    fn present(&self, due: &Due) -> Presence;
}

/// A sign of life in a chat; ends when dropped.
pub type Presence = Box<dyn std::any::Any + Send>;

/// What becomes of open windows when the grouper closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// They are sealed and run.
    Flush,
    /// They are left for the successor.
    Park,
}

/// The grouper; clones are the same one.
#[derive(Debug, Clone)]
pub struct Grouper(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    tasks: Tasks,
    conversations: Arc<dyn Conversations>,
    open: Mutex<Open>,
    closing: CancellationToken,
}

#[derive(Debug, Default)]
struct Open {
    entries: HashMap<ConversationId, Entry>,
    closing: Option<Closing>,
}

#[derive(Debug)]
struct Entry {
    /// When its task looks again; `None` while it is looking.
    until: Option<Instant>,
    /// Touched while it was looking: look once more.
    touched: Option<Instant>,
    wake: Arc<Notify>,
}

impl Grouper {
    /// A grouper that lets `conversations` advance.
    #[must_use]
    pub fn new(tasks: &Tasks, conversations: Arc<dyn Conversations>) -> Self {
        Self(Arc::new(Inner {
            tasks: tasks.clone(),
            conversations,
            open: Mutex::default(),
            closing: CancellationToken::new(),
        }))
    }

    /// Something is to be done in this conversation at that time.
    pub fn touch(&self, due: Due) {
        let at = Instant::now() + due.after;
        let mut open = self.open();
        let flush = match open.closing {
            Some(Closing::Park) => return,
            Some(Closing::Flush) => Flush::All,
            None => Flush::Due,
        };
        if let Some(entry) = open.entries.get_mut(&due.conversation) {
            match entry.until {
                Some(until) if at < until => {
                    entry.until = Some(at);
                    entry.wake.notify_one();
                }
                Some(_) => {}
                None => entry.touched = Some(entry.touched.map_or(at, |t| t.min(at))),
            }
            return;
        }
        let wake = Arc::new(Notify::new());
        open.entries.insert(
            due.conversation,
            Entry {
                until: Some(at),
                touched: None,
                wake: Arc::clone(&wake),
            },
        );
        drop(open);
        let follow = Follow {
            grouper: self.clone(),
            due,
            wake,
        };
        self.0
            .tasks
            .spawn(Kind::Timer, "conversation", follow.run(flush));
    }

    /// Opens no window any more: those that are open are flushed or parked.
    pub fn close(&self, how: Closing) {
        self.open().closing.get_or_insert(how);
        self.0.closing.cancel();
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        // Plain data: usable after a panic elsewhere.
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task of one conversation.
struct Follow {
    grouper: Grouper,
    due: Due,
    wake: Arc<Notify>,
}

impl Drop for Follow {
    /// Also when the task is cut: nobody must take it for running.
    fn drop(&mut self) {
        let mut open = self.grouper.open();
        let ours = open
            .entries
            .get(&self.due.conversation)
            .is_some_and(|entry| Arc::ptr_eq(&entry.wake, &self.wake));
        if ours {
            open.entries.remove(&self.due.conversation);
        }
    }
}

impl Follow {
    async fn run(self, mut flush: Flush) {
        let conversations = Arc::clone(&self.grouper.0.conversations);
        let mut presence = None;
        loop {
            while let Some(wait) = self.remaining().filter(|_| flush == Flush::Due) {
                if wait <= SOON {
                    presence.get_or_insert_with(|| conversations.present(&self.due));
                } else {
                    presence = None;
                }
                tokio::select! {
                    biased;
                    () = self.grouper.0.closing.cancelled() => match self.closing() {
                        Closing::Flush => flush = Flush::All,
                        Closing::Park => return,
                    },
                    // Something is due earlier: look at the time again.
                    () = self.wake.notified() => {}
                    () = tokio::time::sleep(wait) => {}
                }
            }
            self.looking();
            let shown = presence.take();
            match conversations.advance(self.due, flush, shown).await {
                Step::Ran => {}
                // A drain waits for nothing that lies in the future.
                Step::Wait(_) if flush == Flush::All => return,
                Step::Wait(wait) => self.sleep_until(Instant::now() + wait),
                // Cut with `work`, like every timer.
                Step::AskAgain(wait) => tokio::time::sleep(wait).await,
                Step::Rest => {
                    if self.ends() {
                        return;
                    }
                }
            }
            if self.grouper.0.closing.is_cancelled() {
                match self.closing() {
                    Closing::Flush => flush = Flush::All,
                    Closing::Park => return,
                }
            }
        }
    }

    /// Time until the window is due; `None` when it is.
    fn remaining(&self) -> Option<Duration> {
        let open = self.grouper.open();
        let until = open.entries.get(&self.due.conversation)?.until?;
        let wait = until.saturating_duration_since(Instant::now());
        (!wait.is_zero()).then_some(wait)
    }

    fn closing(&self) -> Closing {
        self.grouper.open().closing.unwrap_or(Closing::Flush)
    }

    fn looking(&self) {
        if let Some(entry) = self.grouper.open().entries.get_mut(&self.due.conversation) {
            entry.until = None;
            entry.touched = None;
        }
    }

    /// Sleeps, but no longer than until what touched it meanwhile is due.
    fn sleep_until(&self, at: Instant) {
        if let Some(entry) = self.grouper.open().entries.get_mut(&self.due.conversation) {
            entry.until = Some(entry.touched.take().map_or(at, |t| t.min(at)));
        }
    }

    /// Whether the task may end: nothing touched it while it was looking.
    fn ends(&self) -> bool {
        let mut open = self.grouper.open();
        let Some(entry) = open.entries.get_mut(&self.due.conversation) else {
            return true;
        };
        match entry.touched.take() {
            Some(at) => {
                entry.until = Some(at);
                false
            }
            None => {
                // Under the same lock: a touch after this finds no entry and
                // begins a new task.
                open.entries.remove(&self.due.conversation);
                true
            }
        }
    }
}
