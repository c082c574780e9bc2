//! The latest warnings and errors, for whoever looks at the status: each kind
//! once, with how often and when last. A kind is the message of a log line
//! without its fields, so what holds for the log holds here: no text, no secret.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

/// Kinds that are remembered; the one that was quiet longest goes first.
const MOST: usize = 64;

/// The longest kind, in characters.
const LONGEST: usize = 200;

/// What was warned of lately; clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Troubles(Arc<Mutex<HashMap<String, Seen>>>);

#[derive(Debug, Clone, Copy)]
struct Seen {
    level: Level,
    count: u64,
    last: Instant,
}

/// One kind of trouble.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// What was said of it.
    pub kind: String,
    /// `warn` or `error`.
    pub level: String,
    /// How often.
    pub count: u64,
    /// Milliseconds since the last time.
    pub last_ms_ago: u64,
}

impl Troubles {
    /// Remembers one.
    pub fn note(&self, level: Level, kind: &str) {
        let kind: String = kind.chars().take(LONGEST).collect();
        let now = Instant::now();
        let mut seen = self.lock();
        if !seen.contains_key(&kind) && seen.len() >= MOST {
            let quiet = seen.iter().min_by_key(|(_, seen)| seen.last);
            if let Some(quiet) = quiet.map(|(kind, _)| kind.clone()) {
                seen.remove(&quiet);
            }
        }
        let entry = seen.entry(kind).or_insert(Seen {
            level,
            count: 0,
            last: now,
        });
        entry.count += 1;
        entry.last = now;
        // The lower a level, the graver it is.
        entry.level = entry.level.min(level);
    }

    /// Those of this last while, the latest first, at most so many.
    #[must_use]
    pub fn latest(&self, within: Duration, most: usize) -> Vec<Trouble> {
        let mut latest: Vec<(String, Seen)> = self
            .lock()
            .iter()
            .filter(|(_, seen)| seen.last.elapsed() <= within)
            .map(|(kind, seen)| (kind.clone(), *seen))
            .collect();
        latest.sort_by(|(a, left), (b, right)| right.last.cmp(&left.last).then(a.cmp(b)));
        latest.truncate(most);
        latest
            .into_iter()
            .map(|(kind, seen)| Trouble {
                kind,
                level: seen.level.as_str().to_ascii_lowercase(),
                count: seen.count,
                last_ms_ago: u64::try_from(seen.last.elapsed().as_millis()).unwrap_or(u64::MAX),
            })
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Seen>> {
        // Plain data: usable after a panic elsewhere.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes what is logged.
impl<S: Subscriber> Layer<S> for Troubles {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = *event.metadata().level();
        if level > Level::WARN {
            return;
        }
        let mut message = Message::default();
        event.record(&mut message);
        self.note(level, &message.0);
    }
}

/// The message of an event, without its fields.
#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt;

    #[tokio::test(start_paused = true)]
    async fn what_is_warned_of_is_remembered_once_without_its_fields() {
        let troubles = Troubles::default();
        let subscriber = tracing_subscriber::registry().with(troubles.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!("all is well");
            for secret in ["a", "b"] {
                tracing::warn!(secret, "the store is away");
            }
            tracing::error!("a turn failed");
        });
        let mut latest = troubles.latest(Duration::from_secs(60), 9);
        latest.sort_by(|a, b| a.kind.cmp(&b.kind));
        let told: Vec<_> = latest
            .iter()
            .map(|t| (&*t.kind, &*t.level, t.count))
            .collect();
        assert_eq!(
            told,
            [
                ("a turn failed", "error", 1),
                ("the store is away", "warn", 2)
            ]
        );
        tokio::time::advance(Duration::from_secs(61)).await;
        assert_eq!(troubles.latest(Duration::from_secs(60), 9), []);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_kinds_is_bounded_and_keeps_the_latest() {
        let troubles = Troubles::default();
        for n in 0..10 * MOST {
            tokio::time::advance(Duration::from_millis(1)).await;
            troubles.note(Level::WARN, &format!("kind {n}"));
        }
        let latest = troubles.latest(Duration::from_secs(60), usize::MAX);
        assert_eq!(latest.len(), MOST);
        assert_eq!(latest[0].kind, format!("kind {}", 10 * MOST - 1));
    }
}
