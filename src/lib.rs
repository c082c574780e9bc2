//! Lastword: a daemon that lets people chat with an LLM in Telegram and that
//! answers every message exactly once, through every restart.

pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
mod http;
pub mod format;
pub mod llm;
pub mod store;
#[cfg(feature = "playground")]
pub mod playground;
pub mod telegram;
pub mod telemetry;
pub mod texts;
pub mod ops;
pub mod pulse;
pub mod shutdown;
pub mod telegram;
pub mod tls;
