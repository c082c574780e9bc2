//! The one place that reads the time.
//!
//! The clock is a value handed in: production reads the system's clock, a
//! simulation derives wall time from tokio's (paused) monotonic time, so that
//! both move together. Nothing else in the crate may ask for the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Wall time in milliseconds since the Unix epoch.
pub type Millis = i64;

/// Where the time comes from.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System,
    /// Wall time = `base` + monotonic time since `origin`; `base` is shared by
    /// the clones, for it may jump.
    Monotonic {
        base: Arc<AtomicI64>,
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
            base: Arc::new(AtomicI64::new(base)),
            origin: tokio::time::Instant::now(),
        })
    }

    /// Sets a virtual clock forward (or back) by this much, for all its
    /// clones: what an operator or a time server may do to the system's clock
    /// at any moment. The system's own is never set.
    pub fn set_by(&self, millis: Millis) {
        if let Source::Monotonic { base, .. } = &self.0 {
            base.fetch_add(millis, Ordering::Relaxed);
        }
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
            Source::Monotonic { base, origin } => {
                base.load(Ordering::Relaxed) + millis(origin.elapsed())
            }
        }
    }

    /// Today's date in UTC, as `YYYY-MM-DD`.
    #[must_use]
    pub fn date(&self) -> String {
        Self::date_of(self.now().div_euclid(86_400_000))
    }

    /// The date, as `YYYY-MM-DD`, of a day since the Unix epoch.
    #[must_use]
    pub fn date_of(day: i64) -> String {
        let (year, month, day) = civil(day);
        format!("{year:04}-{month:02}-{day:02}")
    }
}

/// A moment to the millisecond, in UTC: `YYYY-MM-DD HH:MM:SS.mmm`, in UTC.
#[must_use]
pub fn moment(at: Millis) -> String {
    let (year, month, day) = civil(at.div_euclid(86_400_000));
    let rest = at.rem_euclid(86_400_000);
    let (hour, minute, second) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1_000 % 60);
    let milli = rest % 1_000;
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{milli:03}")
}

/// A moment for people to read, in UTC: `2026-11-21 22:10 UTC`.
#[must_use]
pub fn stamp(at: Millis) -> String {
    let (year, month, day) = civil(at.div_euclid(86_400_000));
    let minutes = at.rem_euclid(86_400_000) / 60_000;
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02} UTC",
        minutes / 60,
        minutes % 60
    )
}

/// The calendar date of a day since the Unix epoch (proleptic Gregorian; the
/// algorithm is Howard Hinnant's `civil_from_days`).
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_778), (2026, 11, 21));
        assert_eq!(civil(-1), (1969, 12, 31));
        assert_eq!(moment(1_790_003_723_004), "2026-09-21 15:15:23.004");
        assert_eq!(stamp(1_790_000_000_000), "2026-09-21 14:13 UTC");
    }
}
