//! The one integration crate: whole daemons, real processes, and the rules of
//! the house. One crate, so that it is linked once.

mod conversation;
mod drain;
mod gate;
mod house;
mod ops;
mod real;
mod stop;
mod tidy;
mod unit;
mod webhook;
