//! Planted defects: what the simulation has to find, or it proves nothing.
//!
//! Each is put behind a seam, as a mistake in the code there would show.

/// A mistake that a daemon could make. Numbers say how seldom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Defect {
    /// Every n-th batch is confirmed without having been stored.
    ConfirmsUnstored(u64),
    /// Every n-th send is executed twice.
    SendsTwice(u64),
    /// Every n-th completion is thrown away when it is finished and asked for
    /// again.
    PaysTwice(u64),
    /// Every n-th intent is not there when the call is made.
    ForgetsIntent(u64),
    /// Where two turns wait in a conversation, the later one is taken first.
    OvertakesTurns,
    /// What a dying process was sending is sent again without a thought.
    ResendsBlindly,
    /// Every n-th answer is stored as if all of it had been delivered.
    SettlesUnsent(u64),
    /// Nobody keeps the deadline of a drain.
    KeepsNoDeadline,
    /// Whoever looks for the dead takes everybody else for dead.
    BuriesTheLiving,
}
