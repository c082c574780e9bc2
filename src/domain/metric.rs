//! The names of all metrics, so that no two places spell one differently.
//!
//! Here, at the bottom, because every layer counts; `ops/metrics.rs` describes
//! and serves them. Units stand last, counters end in `_total`, labels are few
//! and bounded: never a chat, a person or a text.

/// Counter: tasks that panicked; label `kind`.
pub const TASK_PANICS: &str = "lastword_task_panics_total";
