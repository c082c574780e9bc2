//! Plain data and pure rules; time is an argument, nothing here waits.
//!
//! Imports nothing of the crate but the clock's plain types. What is decided
//! here is decided once: the store applies it inside its transactions.

pub mod address;
pub mod admission;
pub mod direction;
pub mod ids;
pub mod language;
pub mod metric;
pub mod operator;
pub mod part;
pub mod phase;
pub mod preview;
pub mod probe;
pub mod turn;
pub mod update;
pub mod variant;
pub mod verb;
pub mod window;
pub mod words;
