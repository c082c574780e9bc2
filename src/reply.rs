//! Everything that goes out: the outbox's senders, previews, typing, and the
//! pace at which Telegram lets us speak.
//!
//! Only [`sender`] creates messages, and only from rows of the outbox; [`probe`]
//! finds out which of them arrived unacknowledged. Meets
//! turns through the store alone.

pub mod call;
pub mod hush;
pub mod keyboard;
pub mod limits;
pub mod line;
pub mod plan;
pub mod preview;
pub mod probe;
pub mod receipts;
pub mod sender;
pub mod typing;
