//! The one integration crate: whole daemons, real processes, and the rules of
//! the house. One crate, so that it is linked once.

mod access;
mod answers;
mod books;
mod buttons;
mod claims;
mod clocks;
mod commands;
mod conversation;
mod death;
mod delivery;
mod desk;
mod disk;
mod drain;
mod faults;
mod gate;
mod going_on;
mod grouping;
mod groups;
mod house;
mod neighbours;
mod ops;
mod poison;
mod polling;
mod probing;
mod real;
mod rerun;
mod scribe;
mod simulation;
mod stop;
mod store;
mod tidy;
mod trouble;
mod unit;
mod variants;
mod webhook;
