//! All the traits of the daemon's store as one: what most of it is given.

use std::fmt::Debug;

use super::{Inbox, Leases, Notices, Operators, Outbox, Relays, Signs, Turns};

/// Everything that is durable.
pub trait Store:
    Inbox + Turns + Outbox + Notices + Signs + Relays + Operators + Leases + Debug
{
}
impl<T> Store for T where
    T: Inbox + Turns + Outbox + Notices + Signs + Relays + Operators + Leases + Debug
{
}
