//! The one place that reads the time.
//!
//! The clock is a value handed in: production reads the system's clock, a
//! simulation derives wall time from tokio's (paused) monotonic time, so that
//! both move together. Nothing else in the crate may ask for the time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Wall time in milliseconds since the Unix epoch.
pub type Millis = i64;

/// Where the time comes from.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System,
    /// Wall time = `base` + monotonic time since `origin`.
    Monotonic {
        base: Millis,
        origin: tokio::time::Instant,
    },
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that starts at `base` and moves with tokio's time, also when
    /// that is paused. Must be called inside a runtime.
    #[must_use]
    pub fn virtual_from(base: Millis) -> Self {
        Self(Source::Monotonic {
            base,
            origin: tokio::time::Instant::now(),
        })
    }

    /// Wall time now. May jump; use it for stamps and due times that are
    /// stored, never to measure.
    #[must_use]
    pub fn now(&self) -> Millis {
        match &self.0 {
            Source::System => {
                #[expect(clippy::disallowed_methods, reason = "this is the clock")]
                let now = SystemTime::now();
                now.duration_since(UNIX_EPOCH).map_or(0, millis)
            }
            Source::Monotonic { base, origin } => base + millis(origin.elapsed()),
        }
    }
}

/// A duration in whole milliseconds, as stored.
#[must_use]
pub fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}

/// A stored span of milliseconds as a duration; negative spans are zero.
#[must_use]
pub fn duration(millis: Millis) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}
