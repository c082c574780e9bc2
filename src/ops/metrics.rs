//! The metrics: described, recorded, rendered.
//!
//! The recorder is handed on as a value; only `main` installs one for the whole
//! process. Names are in `domain/metric.rs`.

use std::time::Duration;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{
    BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};
use tokio::time::{MissedTickBehavior, interval};

use super::console::latency::{Latency, Tap};
use crate::domain::metric::{self, Type};
use crate::domain::phase::Phase;
use crate::shutdown::{Shutdown, Tasks};

/// How often distributions are folded and gauges read. Without it a distribution
/// nobody asks for grows for ever.
pub const UPKEEP: Duration = Duration::from_secs(5);

/// Upper bounds in seconds: from one commit (0.3 ms) to the longest completion.
const SECONDS: [f64; 17] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0,
    150.0, 300.0,
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

/// Installs a recorder for the whole process and describes everything. Where one
/// is installed already (a second daemon in one process), that one stays and
/// what is returned stays empty.
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

/// Describes every metric to the recorder in force.
pub fn describe() {
    for metric in metric::ALL {
        match metric.kind {
            Type::Counter => describe_counter!(metric.name, metric.help),
            Type::Gauge => describe_gauge!(metric.name, metric.help),
            Type::Seconds => describe_histogram!(metric.name, Unit::Seconds, metric.help),
            Type::Sizes => describe_histogram!(metric.name, Unit::Count, metric.help),
        }
    }
    gauge!(metric::BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

/// Reads the gauges of the process and folds distributions, again and again.
/// Runs until dropped.
///
/// # Cancel safety
/// Cancel safe.
pub async fn upkeep(
    handle: PrometheusHandle,
    shutdown: Shutdown,
    tasks: Tasks,
) -> std::convert::Infallible {
    let phase = shutdown.phase();
    let mut ticks = interval(UPKEEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        read_gauges(*phase.borrow(), &tasks);
        handle.run_upkeep();
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge is a float; no count or size of one process comes near 2^53"
)]
fn read_gauges(now: Phase, tasks: &Tasks) {
    for phase in Phase::ALL {
        let value = if phase == now { 1.0 } else { 0.0 };
        gauge!(metric::PHASE, "phase" => phase.as_str()).set(value);
    }
    for (kind, running) in tasks.running() {
        gauge!(metric::TASKS_RUNNING, "kind" => kind.as_str()).set(running as f64);
    }
    if let Some(bytes) = resident_bytes() {
        gauge!(metric::RESIDENT_BYTES).set(bytes as f64);
    }
}

/// Resident memory, where the kernel tells it.
#[must_use]
pub fn resident_bytes() -> Option<u64> {
    // procfs is memory: reading it blocks for microseconds.
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_recorded_is_rendered_with_its_description() {
        let recorder = recorder().expect("the bounds are not empty");
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            describe();
            metrics::histogram!(metric::ACCEPT_SECONDS).record(0.002);
            read_gauges(Phase::Running, &Tasks::new(&Shutdown::new()));
        });
        let text = handle.render();
        assert!(text.contains("# HELP lastword_accept_seconds"), "{text}");
        assert!(
            text.contains("lastword_accept_seconds_bucket{le=\"0.0025\"} 1"),
            "{text}"
        );
        assert!(
            text.contains("lastword_phase{phase=\"running\"} 1"),
            "{text}"
        );
        assert!(text.contains("lastword_build_info{version="), "{text}");
        assert!(
            text.contains("lastword_tasks_running{kind=\"turn\"} 0"),
            "{text}"
        );
    }

    #[test]
    fn the_resident_memory_of_this_process_is_known() {
        assert!(resident_bytes().is_some_and(|bytes| bytes > 1_000_000));
    }
}
