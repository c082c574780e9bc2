//! Plain data and pure rules; time is an argument, nothing here waits.

pub mod preview;
