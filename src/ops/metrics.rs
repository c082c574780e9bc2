//! The metrics: described, begun at zero, folded.
//!
//! The recorder is handed on as a value; only `main` installs one for the whole
//! process. Names and the values of labels are in `domain/metric.rs`, gauges are
//! read in `ops/gauges.rs`. Every series is there from the start, so that a rate
//! sees the first event and an alert can tell "never" from "not there".

use std::time::Duration;

use metrics::{
    Label, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use metrics_exporter_prometheus::{
    BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};
use tokio::time::{MissedTickBehavior, interval};

use super::console::latency::{Latency, Tap};
use crate::domain::metric::{self, Metric, Type};

/// How often distributions are folded. Without it one that nobody asks for grows
/// for ever.
pub const UPKEEP: Duration = Duration::from_secs(5);

/// Upper bounds in seconds of what takes milliseconds: from one commit (0.3 ms)
/// to the longest call of the Bot API.
const SECONDS: [f64; 16] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0,
    60.0,
];

/// Upper bounds in seconds of what people wait for: round the quiet period (2 s,
/// at most 10 s), round the limits of a completion (60 s, 300 s), and up to the
/// day after which Telegram forgets a message.
const WAITS: [f64; 20] = [
    0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0,
    900.0, 3_600.0, 21_600.0, 86_400.0,
];

/// Upper bounds of counts.
const SIZES: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 64.0, 256.0, 1_024.0, 4_096.0];

/// A recorder that is not installed: for `metrics::with_local_recorder`.
///
/// # Errors
/// Never with the constants above; the builder cannot know.
pub fn recorder() -> Result<PrometheusRecorder, BuildError> {
    let mut builder = PrometheusBuilder::new();
    for metric in metric::ALL {
        let bounds: &[f64] = match metric.kind {
            Type::Seconds => &SECONDS,
            Type::Waits => &WAITS,
            Type::Sizes => &SIZES,
            Type::Counter | Type::Gauge => continue,
        };
        builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.into()), bounds)?;
    }
    Ok(builder.build_recorder())
}

/// What is recorded, for whoever serves it.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// For `/metrics`.
    pub handle: PrometheusHandle,
    /// For the console.
    pub latency: Latency,
}

/// Installs a recorder for the whole process, describes everything and begins
/// every series. Where one is installed already (a second daemon in one process),
/// that one stays and what is returned stays empty.
///
/// # Errors
/// See [`recorder`].
pub fn install() -> Result<Recorded, BuildError> {
    let recorder = recorder()?;
    let (handle, latency) = (recorder.handle(), Latency::default());
    if metrics::set_global_recorder(Tap::new(recorder, &latency)).is_ok() {
        describe();
    }
    Ok(Recorded { handle, latency })
}

/// Describes every metric to the recorder in force, and begins each of its
/// series.
pub fn describe() {
    for metric in metric::ALL {
        match metric.kind {
            Type::Counter => describe_counter!(metric.name, metric.help),
            Type::Gauge => describe_gauge!(metric.name, metric.help),
            Type::Seconds | Type::Waits => {
                describe_histogram!(metric.name, Unit::Seconds, metric.help);
            }
            Type::Sizes => describe_histogram!(metric.name, Unit::Count, metric.help),
        }
        for labels in series(metric) {
            match metric.kind {
                Type::Counter => counter!(metric.name, labels).absolute(0),
                Type::Gauge => gauge!(metric.name, labels).set(0.0),
                Type::Seconds | Type::Waits | Type::Sizes => {
                    drop(histogram!(metric.name, labels));
                }
            }
        }
    }
    gauge!(metric::BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

/// The labels of every series of a metric; none where only the running process
/// knows a value.
fn series(metric: &Metric) -> Vec<Vec<Label>> {
    let mut all = vec![Vec::new()];
    for (label, values) in metric.labels {
        all = all
            .into_iter()
            .flat_map(|before: Vec<Label>| {
                values.iter().map(move |value| {
                    let mut labels = before.clone();
                    labels.push(Label::from_static_parts(label, value));
                    labels
                })
            })
            .collect();
    }
    all
}

/// Folds distributions, again and again. Runs until dropped.
///
/// # Cancel safety
/// Cancel safe.
pub async fn upkeep(handle: PrometheusHandle) -> std::convert::Infallible {
    let mut ticks = interval(UPKEEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        handle.run_upkeep();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_is_there_from_the_start_with_its_description() {
        let recorder = recorder().expect("the bounds are not empty");
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, describe);
        let text = handle.render();
        for metric in metric::ALL {
            let help = format!("# HELP {} {}", metric.name, metric.help);
            assert!(text.contains(&help), "no {help:?} in {text}");
        }
        for line in [
            "lastword_turns_settled_total{outcome=\"failed\"} 0",
            "lastword_media_total{kind=\"picture\",result=\"failed\"} 0",
            "lastword_accept_seconds_count 0",
            "lastword_turn_seconds_bucket{le=\"86400\"} 0",
            "lastword_breaker_open 0",
            "lastword_telegram_waits_total{method=\"poll\"} 0",
        ] {
            assert!(text.lines().any(|l| l == line), "no {line} in {text}");
        }
        assert!(text.contains("lastword_build_info{version="), "{text}");
    }

    #[test]
    fn what_was_recorded_is_rendered() {
        let recorder = recorder().expect("the bounds are not empty");
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            describe();
            histogram!(metric::ACCEPT_SECONDS).record(0.002);
        });
        let text = handle.render();
        assert!(
            text.contains("lastword_accept_seconds_bucket{le=\"0.0025\"} 1"),
            "{text}"
        );
    }
}
