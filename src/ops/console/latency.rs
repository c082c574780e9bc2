//! How long answers took in the last hour, and how much came in: one bin a
//! minute, in memory only.
//!
//! Owns its bounds (a bin keeps its latest samples) and the listening: it stands
//! before the recorder of metrics and hears three of them, so that nobody who
//! measures needs to know of it. It starts empty with the process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::{
    Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use tokio::time::Instant;

use crate::domain::metric;

/// Minutes that are kept.
pub const MINUTES: usize = 60;

/// Samples of one minute that are kept: the latest.
const SAMPLES: usize = 256;

/// Which of both is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// From the request to the first word.
    First,
    /// From the first message to the stored answer.
    Whole,
}

impl What {
    fn of(name: &str) -> Option<Self> {
        match name {
            metric::FIRST_DELTA_SECONDS => Some(Self::First),
            metric::TURN_SECONDS => Some(Self::Whole),
            _ => None,
        }
    }
}

/// Clones are the same.
#[derive(Debug, Clone)]
pub struct Latency(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    begun: Instant,
    rings: Mutex<[Ring; 2]>,
    /// Updates accepted: minute, as in a bin, and how many.
    accepted: Mutex<[(u64, u64); MINUTES]>,
}

#[derive(Debug, Default)]
struct Ring {
    bins: Vec<Bin>,
}

#[derive(Debug, Default, Clone)]
struct Bin {
    /// Minutes since the beginning, and one: 0 is a bin never used.
    minute: u64,
    seen: usize,
    seconds: Vec<f32>,
}

impl Default for Latency {
    fn default() -> Self {
        Self(Arc::new(Inner {
            begun: Instant::now(),
            rings: Mutex::default(),
            accepted: Mutex::new([(0, 0); MINUTES]),
        }))
    }
}

/// What one distribution looked like in each of the last minutes, oldest first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plot {
    /// Half of the answers of that minute took no longer, and nineteen of
    /// twenty; nothing where there were none.
    pub points: Vec<Option<Point>>,
    /// The same for all of the hour.
    pub hour: Option<Point>,
}

/// Seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Half took no longer.
    pub p50: f32,
    /// Nineteen of twenty took no longer.
    pub p95: f32,
}

/// Both plots.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plots {
    /// Until the first word.
    pub first: Plot,
    /// Until the stored answer.
    pub whole: Plot,
}

impl Latency {
    /// One more.
    pub fn took(&self, what: What, seconds: f64) {
        let minute = self.minute();
        let mut rings = self.0.rings.lock().unwrap_or_else(PoisonError::into_inner);
        #[expect(clippy::cast_possible_truncation, reason = "seconds on a plot")]
        rings[what as usize].push(minute, seconds as f32);
    }

    /// The last hour.
    #[must_use]
    pub fn plots(&self) -> Plots {
        let minute = self.minute();
        let rings = self.0.rings.lock().unwrap_or_else(PoisonError::into_inner);
        Plots {
            first: rings[What::First as usize].plot(minute),
            whole: rings[What::Whole as usize].plot(minute),
        }
    }

    /// So many updates were accepted.
    pub fn accepted(&self, updates: u64) {
        let minute = self.minute();
        let mut bins = self.bins();
        let (at, count) = &mut bins[place(minute)];
        if *at != minute {
            (*at, *count) = (minute, 0);
        }
        *count += updates;
    }

    /// Updates accepted in the last hour.
    #[must_use]
    pub fn received(&self) -> u64 {
        let first = (self.minute() + 1).saturating_sub(MINUTES as u64).max(1);
        let bins = self.bins();
        let lately = bins.iter().filter(|(minute, _)| *minute >= first);
        lately.map(|(_, count)| count).sum()
    }

    fn bins(&self) -> MutexGuard<'_, [(u64, u64); MINUTES]> {
        self.0
            .accepted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn minute(&self) -> u64 {
        self.0.begun.elapsed().as_secs() / Duration::from_secs(60).as_secs() + 1
    }
}

impl Ring {
    fn push(&mut self, minute: u64, seconds: f32) {
        if self.bins.is_empty() {
            self.bins = vec![Bin::default(); MINUTES];
        }
        let bin = &mut self.bins[place(minute)];
        if bin.minute != minute {
            *bin = Bin {
                minute,
                ..Bin::default()
            };
        }
        let at = bin.seen % SAMPLES;
        bin.seen += 1;
        match bin.seconds.get_mut(at) {
            Some(old) => *old = seconds,
            None => bin.seconds.push(seconds),
        }
    }

    fn plot(&self, now: u64) -> Plot {
        let first = (now + 1).saturating_sub(MINUTES as u64);
        let mut all = Vec::new();
        let points = (first..=now)
            .map(|minute| {
                let bin = self.bins.get(place(minute));
                let bin = bin.filter(|bin| bin.minute == minute && minute > 0)?;
                all.extend_from_slice(&bin.seconds);
                Point::of(&mut bin.seconds.clone())
            })
            .collect();
        Plot {
            points,
            hour: Point::of(&mut all),
        }
    }
}

fn place(minute: u64) -> usize {
    usize::try_from(minute % MINUTES as u64).unwrap_or(0)
}

impl Point {
    fn of(seconds: &mut [f32]) -> Option<Self> {
        seconds.sort_by(f32::total_cmp);
        let at = |hundredths: usize| {
            // The smallest that so many do not exceed.
            let rank = (seconds.len() * hundredths).div_ceil(100).max(1);
            seconds.get(rank - 1).copied()
        };
        Some(Self {
            p50: at(50)?,
            p95: at(95)?,
        })
    }
}

/// Stands before `recorder` and listens.
#[derive(Debug)]
pub struct Tap<R> {
    recorder: R,
    latency: Latency,
}

impl<R> Tap<R> {
    /// Tells `latency` what `recorder` is told.
    pub fn new(recorder: R, latency: &Latency) -> Self {
        Self {
            recorder,
            latency: latency.clone(),
        }
    }
}

struct Heard {
    histogram: Histogram,
    latency: Latency,
    what: What,
}

impl HistogramFn for Heard {
    fn record(&self, value: f64) {
        self.histogram.record(value);
        self.latency.took(self.what, value);
    }
}

struct Counted {
    counter: Counter,
    latency: Latency,
}

impl CounterFn for Counted {
    fn increment(&self, value: u64) {
        self.counter.increment(value);
        self.latency.accepted(value);
    }

    fn absolute(&self, value: u64) {
        self.counter.absolute(value);
    }
}

impl<R: Recorder> Recorder for Tap<R> {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.recorder.describe_counter(key, unit, description);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.recorder.describe_gauge(key, unit, description);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.recorder.describe_histogram(key, unit, description);
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        let counter = self.recorder.register_counter(key, metadata);
        if key.name() == metric::UPDATES_ACCEPTED {
            let latency = self.latency.clone();
            return Counter::from_arc(Arc::new(Counted { counter, latency }));
        }
        counter
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        self.recorder.register_gauge(key, metadata)
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        let histogram = self.recorder.register_histogram(key, metadata);
        match What::of(key.name()) {
            Some(what) => Histogram::from_arc(Arc::new(Heard {
                histogram,
                latency: self.latency.clone(),
                what,
            })),
            None => histogram,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_measured_is_plotted_for_an_hour_and_within_bounds() {
        let latency = Latency::default();
        let tap = Tap::new(metrics::NoopRecorder, &latency);
        metrics::with_local_recorder(&tap, || {
            for seconds in 1..=100_u32 {
                metrics::histogram!(metric::TURN_SECONDS).record(f64::from(seconds));
            }
            metrics::histogram!(metric::ACCEPT_SECONDS).record(9.0);
            metrics::counter!(metric::UPDATES_ACCEPTED, "transport" => "polling").increment(3);
        });
        let plots = latency.plots();
        let point = Point {
            p50: 50.0,
            p95: 95.0,
        };
        assert_eq!(plots.whole.hour, Some(point));
        assert_eq!(plots.whole.points.last(), Some(&Some(point)));
        assert_eq!(plots.first.hour, None);
        assert_eq!(latency.received(), 3);

        tokio::time::advance(Duration::from_secs(59 * 60)).await;
        let plots = latency.plots();
        assert_eq!(plots.whole.points.len(), MINUTES);
        assert_eq!(plots.whole.points[0], Some(point));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(latency.plots().whole.hour, None, "an hour has passed");
        assert_eq!(latency.received(), 0);

        for _ in 0..100_000 {
            latency.took(What::First, 1.0);
        }
        let rings = latency.0.rings.lock().unwrap();
        let kept: usize = rings
            .iter()
            .flat_map(|r| &r.bins)
            .map(|b| b.seconds.len())
            .sum();
        assert!(kept <= 2 * MINUTES * SAMPLES && rings[0].bins.len() == MINUTES);
        assert_eq!(rings[0].bins[place(61)].seconds.len(), SAMPLES);
    }
}
