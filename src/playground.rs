//! The local playground: everything needed to talk with the real daemon without
//! an account anywhere.
//!
//! Owns the stand-ins for the outside world: the Bot API server and the
//! offline model. Nothing in the daemon's own path may import from here.

pub mod bot_api;
pub mod offline;
