//! Lastword: a daemon that lets people chat with an LLM in Telegram and that
//! answers every message exactly once, through every restart.

pub mod clock;
pub mod domain;
pub mod llm;
#[cfg(feature = "playground")]
pub mod playground;
pub mod telegram;
