//! The offline model: an OpenAI-compatible stand-in that needs no account.
//!
//! Serves the playground and the tests: over HTTP for the real binary
//! ([`Offline::serve`]), in memory for simulations (it is an [`Llm`] itself).
//! Both play the same script, so they cannot drift. What it answers depends on
//! the request alone; how it misbehaves is switched at run time. It counts what
//! it was asked, so that a test can see whether an answer was paid for twice.
//!
//! [`Llm`]: crate::llm::Llm

mod answer;
mod memory;
mod script;
mod server;

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

/// The offline model. Clones are the same model.
#[derive(Debug, Clone)]
pub struct Offline(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    behaviour: watch::Sender<Behaviour>,
    /// Faults of the next requests, before the behaviour's own.
    next: Mutex<VecDeque<Fault>>,
    /// Raised by every release of what is held.
    releases: watch::Sender<u64>,
    counts: watch::Sender<Counts>,
    /// Whether requests in memory, which have no headers, ask for the cache.
    caching: AtomicBool,
    /// Finished answers by the hash of their request.
    finished: Mutex<BTreeMap<u64, String>>,
}

/// How the model behaves, until told otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Behaviour {
    /// How it fails.
    pub fault: Fault,
    /// What it says.
    pub voice: Voice,
    /// How fast it says it.
    pub pace: Pace,
}

/// How the model fails. Numbers count the characters said before it happens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fault {
    /// Not at all.
    #[default]
    Sound,
    /// 503 to every request; answers under way break off.
    Outage,
    /// 402 to every request.
    NoCredit,
    /// 429 to every request, with this `Retry-After` (whole seconds over HTTP).
    RateLimited(Duration),
    /// Nothing but keep-alives, for ever.
    StallAfter(usize),
    /// The stream breaks off without a finish reason.
    CutAfter(usize),
    /// An error event within the stream.
    ErrorAfter(usize),
    /// Nothing but keep-alives until [`Offline::release`].
    HoldAfter(usize),
}

/// What the model says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Voice {
    /// Friendly Markdown about what the person wrote.
    #[default]
    Pleasant,
    /// `echo: ` and the last message of the person, exactly.
    Echo,
    /// Always this.
    Fixed(String),
}

/// How fast the model speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Before the first word.
    pub first: Duration,
    /// Between two pieces.
    pub between: Duration,
    /// Words in a piece.
    pub words: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(350),
            between: Duration::from_millis(30),
            words: 2,
        }
    }
}

impl Pace {
    /// A model under load.
    pub const SLOW: Self = Self {
        first: Duration::from_secs(5),
        between: Duration::from_millis(300),
        words: 1,
    };

    /// No waiting at all.
    pub const INSTANT: Self = Self {
        first: Duration::ZERO,
        between: Duration::ZERO,
        words: 8,
    };
}

/// What was asked and answered so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// By the hash of the exact request bytes.
    pub requests: BTreeMap<u64, Count>,
    /// Answers that are under way now.
    pub running: usize,
}

/// What became of equal requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// How often it was asked, refusals included.
    pub asked: usize,
    /// How often the finish reason was said: paid for in full.
    pub finished: usize,
    /// How often a finished answer was replayed from the cache: free.
    pub replayed: usize,
}

impl Counts {
    /// Requests asked, refused ones included.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.requests.values().map(|count| count.asked).sum()
    }

    /// Answers said to the end.
    #[must_use]
    pub fn finished(&self) -> usize {
        self.requests.values().map(|count| count.finished).sum()
    }

    /// Answers replayed from the cache.
    #[must_use]
    pub fn replayed(&self) -> usize {
        self.requests.values().map(|count| count.replayed).sum()
    }

    /// Answers said to the end more than once for the same request.
    #[must_use]
    pub fn paid_twice(&self) -> usize {
        let again = |count: &Count| count.finished.saturating_sub(1);
        self.requests.values().map(again).sum()
    }
}

impl Default for Offline {
    fn default() -> Self {
        Self::new(Behaviour::default())
    }
}

impl Offline {
    /// A model that behaves like this.
    #[must_use]
    pub fn new(behaviour: Behaviour) -> Self {
        Self(Arc::new(Shared {
            behaviour: watch::Sender::new(behaviour),
            next: Mutex::default(),
            releases: watch::Sender::new(0),
            counts: watch::Sender::new(Counts::default()),
            caching: AtomicBool::new(false),
            finished: Mutex::default(),
        }))
    }

    /// For tests: echoes at once.
    #[must_use]
    pub fn echo() -> Self {
        Self::new(Behaviour {
            fault: Fault::Sound,
            voice: Voice::Echo,
            pace: Pace::INSTANT,
        })
    }

    /// The same model; from now on requests in memory ask for the cache, as
    /// requests over HTTP do by OpenRouter's header: a finished answer is
    /// replayed for free to a request of the very same bytes.
    #[must_use]
    pub fn caching(self) -> Self {
        self.0.caching.store(true, Ordering::Relaxed);
        self
    }

    /// Changes the behaviour, e.g. `|now| now.fault = Fault::Outage`. Answers
    /// under way notice an outage and its end of holding; the rest applies to
    /// new requests.
    pub fn change(&self, change: impl FnOnce(&mut Behaviour)) {
        self.0.behaviour.send_modify(change);
        if !matches!(self.behaviour().fault, Fault::HoldAfter(_)) {
            self.release();
        }
    }

    /// The behaviour in force.
    #[must_use]
    pub fn behaviour(&self) -> Behaviour {
        self.0.behaviour.borrow().clone()
    }

    /// The next `times` requests fail like this, whatever the behaviour says.
    pub fn fail_next(&self, times: usize, fault: Fault) {
        self.next().extend(std::iter::repeat_n(fault, times));
    }

    /// Lets every held answer go on.
    pub fn release(&self) {
        self.0.releases.send_modify(|releases| *releases += 1);
    }

    /// What was asked and answered so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.0.counts.borrow().clone()
    }

    /// Waits until the counts satisfy `condition`.
    ///
    /// # Cancel safety
    /// Safe: it changes nothing.
    pub async fn until(&self, condition: impl FnMut(&Counts) -> bool) {
        let mut counts = self.0.counts.subscribe();
        counts
            .wait_for(condition)
            .await
            .expect("the sender lives in self");
    }

    fn finished(&self) -> MutexGuard<'_, BTreeMap<u64, String>> {
        let finished = self.0.finished.lock();
        finished.unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> MutexGuard<'_, VecDeque<Fault>> {
        self.0.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The key of [`Counts::requests`] for these request bytes.
#[must_use]
pub fn request_hash(request: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    request.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
