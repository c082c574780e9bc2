//! What is seen of the daemon from outside: its traces, the ends of its turns,
//! the rungs of its stop. Starts and ends those who tell.
//!
//! Delays nothing: whatever is told here was stored before.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use metrics::gauge;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::Daemon;
use crate::config;
use crate::domain::metric;
use crate::ops::endings;
use crate::ops::traces::Exporter;
use crate::shutdown::{Ended, Kind, Rung};
use crate::store::{Ending, Store};
use crate::telemetry::traces::{Spans, Traces};

/// How long the end of a stop waits for a collector.
const COLLECTOR: Duration = Duration::from_secs(1);

/// Under this key the store keeps how long the rungs of the latest stop took, in
/// microseconds.
const LATEST: &str = "latest_stop";

/// Those who tell, and where they get it from.
#[derive(Debug)]
pub(super) struct Seeing {
    pub(super) traces: Traces,
    spans: Mutex<Option<Spans>>,
    endings: Mutex<Option<mpsc::Receiver<Ending>>>,
    telling: Mutex<Option<JoinHandle<Ended<()>>>>,
    last: CancellationToken,
    rungs: Mutex<BTreeMap<Rung, Duration>>,
}

impl Seeing {
    pub(super) fn new(config: &config::Traces, store: &dyn Store) -> Self {
        let (traces, spans) = match config.endpoint {
            Some(_) => {
                let (traces, spans) = Traces::channel();
                (traces, Some(spans))
            }
            None => (Traces::default(), None),
        };
        Self {
            traces,
            spans: Mutex::new(spans),
            endings: Mutex::new(store.endings()),
            telling: Mutex::default(),
            last: CancellationToken::new(),
            rungs: Mutex::default(),
        }
    }

    /// A rung of the stop was over, so long after the signal.
    pub(super) fn rung(&self, rung: Rung, since_signal: Duration) {
        let mut rungs = self.rungs.lock().unwrap_or_else(PoisonError::into_inner);
        let before = rungs.values().sum();
        let took = since_signal.saturating_sub(before);
        rungs.insert(rung, took);
        show(rung, took);
    }

    /// Tells what is left: after everything else has ended.
    pub(super) async fn close(&self) {
        self.last.cancel();
        let telling = take(&self.telling);
        if let Some(telling) = telling {
            let _ = timeout(COLLECTOR, telling).await;
        }
        self.traces.close(COLLECTOR).await;
    }
}

impl Daemon {
    /// Begins to tell.
    pub(super) fn begin_to_tell(&self) {
        let seeing = &self.seeing;
        if let Some(endings) = take(&seeing.endings) {
            let (traces, last) = (seeing.traces.clone(), seeing.last.clone());
            let telling = self.tasks.spawn(Kind::Ops, "endings", async move {
                endings::tell_all(endings, traces, last).await;
            });
            *seeing
                .telling
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = Some(telling);
        }
        if let (Some(spans), Some(root)) = (take(&seeing.spans), &self.config.traces.endpoint) {
            match Exporter::new(root.as_str(), self.bot, self.instance) {
                Ok(exporter) => {
                    self.tasks.spawn(Kind::Ops, "traces", exporter.run(spans));
                }
                // Nobody's answer depends on it.
                Err(error) => tracing::error!(%error, "no traces are exported"),
            }
        }
    }

    /// Shows how long the rungs of the stop before this start took.
    pub(super) async fn show_latest_stop(&self) {
        let told = self.store.value(&self.latest_stop()).await;
        let told = told.ok().flatten().unwrap_or_default();
        let took: BTreeMap<String, u64> = serde_json::from_str(&told).unwrap_or_default();
        for rung in Rung::ALL {
            let took = took.get(rung.as_str()).copied().unwrap_or(0);
            show(rung, Duration::from_micros(took));
        }
    }

    /// Keeps how long they took, as far as it is known: a scrape comes too seldom
    /// to see them.
    pub(super) async fn keep_stop(&self, limit: Duration) {
        let took = {
            let rungs = self.seeing.rungs.lock();
            let rungs = rungs.unwrap_or_else(PoisonError::into_inner);
            let us = |took: &Duration| u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            let words = rungs.iter().map(|(rung, took)| (rung.as_str(), us(took)));
            serde_json::to_string(&words.collect::<BTreeMap<_, _>>())
        };
        let Ok(took) = took else { return };
        // Only a picture: without it nothing is lost.
        let key = self.latest_stop();
        let kept = timeout(limit, self.store.set_value(&key, &took));
        if !matches!(kept.await, Ok(Ok(()))) {
            tracing::debug!("the times of the stop were not kept");
        }
    }

    fn latest_stop(&self) -> String {
        format!("{LATEST}:{}", self.bot)
    }
}

fn show(rung: Rung, took: Duration) {
    gauge!(metric::DRAIN_SECONDS, "rung" => rung.as_str()).set(took.as_secs_f64());
}

fn take<T>(place: &Mutex<Option<T>>) -> Option<T> {
    place.lock().unwrap_or_else(PoisonError::into_inner).take()
}
