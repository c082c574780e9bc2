//! The local playground: everything needed to talk with the real daemon without
//! an account anywhere.
//!
//! Owns the stand-ins for the outside world. Nothing in the daemon's own path
//! may import from here.

pub mod bot_api;
