//! The one integration crate: whole daemons, real processes, and the rules of
//! the house. One crate, so that it is linked once.

mod gate;
mod ops;
mod stop;
mod store;
mod tidy;
mod unit;
