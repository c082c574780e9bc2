//! Plain data and pure rules; time is an argument, nothing here waits.

pub mod metric;
pub mod phase;
pub mod preview;
