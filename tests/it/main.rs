//! The one integration crate: whole daemons, real processes, and the rules of
//! the house. One crate, so that it is linked once.

mod access;
mod answers;
mod buttons;
mod claims;
mod clocks;
mod commands;
mod conversation;
mod delivery;
mod disk;
mod drain;
mod gate;
mod going_on;
mod grouping;
mod groups;
mod house;
mod neighbours;
mod ops;
mod polling;
mod real;
mod scribe;
mod stop;
mod store;
mod tidy;
mod trouble;
mod unit;
mod webhook;
