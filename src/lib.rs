//! Lastword: a daemon that lets people chat with an LLM in Telegram and that
//! answers every message exactly once, through every restart.

pub mod bell;
pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod death;
pub mod domain;
pub mod files;
pub mod format;
pub mod grouper;
mod http;
pub mod intake;
pub mod llm;
pub mod media;
pub mod memory;
pub mod ops;
#[cfg(feature = "playground")]
pub mod playground;
pub mod pulse;
pub mod reply;
pub mod shutdown;
pub mod spool;
pub mod store;
pub mod telegram;
pub mod telemetry;
pub mod texts;
pub mod tls;
pub mod turn;
