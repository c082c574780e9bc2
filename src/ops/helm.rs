//! The helm: what whoever steers a running daemon may see and do, whichever way
//! they come (control socket, console, Telegram).
//!
//! The daemon builds one and hands it out; everything done here is stored first
//! and then heard by whom it concerns at once. Nobody steers past it.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::watch;

use super::status::Status;
use crate::domain::ids::TurnId;
use crate::store::Result;
use crate::store::desk::{Cancel, Desk, Paused, Replay};

/// What may be seen and done.
#[async_trait]
pub trait Helm: Debug + Send + Sync + 'static {
    /// How it stands. Answers within a second or two whatever the store does,
    /// to the very end of a drain.
    async fn status(&self) -> Status;

    /// Changes when the picture may have changed; a hint, to look anew. Counts
    /// on; looking every few seconds all the same costs little.
    fn changes(&self) -> watch::Receiver<u64>;

    /// The desk, for looking: lists, single turns, who may talk, what was spent.
    /// What *changes* a turn or the pause goes through the helm.
    fn desk(&self) -> Arc<dyn Desk>;

    /// [`Desk::replay`], and it begins at once.
    ///
    /// # Errors
    /// As the desk's.
    async fn replay(&self, turn: TurnId) -> Result<Replay>;

    /// [`Desk::cancel`], and its owner hears of it at once.
    ///
    /// # Errors
    /// As the desk's.
    async fn cancel(&self, turn: TurnId) -> Result<Cancel>;

    /// [`Desk::pause`].
    ///
    /// # Errors
    /// As the desk's.
    async fn pause(&self, reason: Option<String>) -> Result<Paused>;

    /// [`Desk::resume`], and everything that waits begins at once.
    ///
    /// # Errors
    /// As the desk's.
    async fn resume(&self) -> Result<Option<Paused>>;

    /// Asks this process to stop, as SIGTERM does: it answers what is open, then
    /// ends. A second time changes nothing.
    fn drain(&self);
}
