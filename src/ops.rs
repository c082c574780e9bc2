//! What the operator and the service manager see of the daemon.
//!
//! Owns the way out to systemd, the health and metrics endpoints. It looks and
//! tells; it decides nothing about a turn and writes nothing to the store. What
//! it needs of the store it is handed as [`health::Books`].

pub mod console;
pub mod control;
pub mod endings;
pub mod gauges;
pub mod health;
pub mod helm;
mod loopback;
pub mod metrics;
pub mod server;
pub mod status;
pub mod systemd;
pub mod traces;
