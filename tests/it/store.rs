//! The contract of the store, written against its traits: what is accepted,
//! in which order it is claimed, what a superseded owner can still write, what
//! is sent how often, and what is left after a death. Every implementation
//! passes the same suite; only `store/sqlite*.rs` know a table.

mod accept;
mod busy;
mod controls;
mod desk;
mod fence;
mod forget;
mod jumps;
mod leases;
mod model;
mod notices;
mod operators;
mod order;
mod orders;
mod outbox;
mod people;
mod probing;
mod prune;
mod relays;
mod retry;
mod sqlite;
mod sqlite_failure;
mod stage;
mod stalled;
mod talk;
mod unreadable;
mod versions;
mod waits;
mod windows;
