//! Everything that goes out: the outbox's senders, previews, typing, and the
//! pace at which Telegram lets us speak.
//!
//! Only [`sender`] creates messages, and only from rows of the outbox. Meets
//! turns through the store alone.

pub mod limits;
pub mod plan;
pub mod preview;
pub mod sender;
pub mod typing;
