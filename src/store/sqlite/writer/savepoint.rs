//! What keeps the operations of one commit apart: a savepoint for each, so that
//! one failure undoes no neighbour.

use rusqlite::Connection;

use super::{Verdict, rolled_back};
use crate::store::Result;

/// Runs one operation in a savepoint of its own.
pub(super) fn within<T>(
    conn: &Connection,
    name: &'static str,
    work: impl FnOnce(Result<&Connection>) -> (Verdict, T),
) -> T {
    // After an error that ended the transaction a savepoint would begin one of
    // its own, and its release commit what nobody is told of.
    let usable = match conn.is_autocommit() {
        true => Err(rolled_back()),
        false => conn.execute_batch("SAVEPOINT job").map_err(Into::into),
    };
    let (verdict, told) = work(usable.map(|()| conn));
    let closing = match verdict {
        Verdict::Keep => "RELEASE job",
        Verdict::Undo => "ROLLBACK TO job; RELEASE job",
    };
    // A full disk or an I/O error ends the transaction by itself; then the
    // commit fails and nobody of this batch is told "stored".
    if !conn.is_autocommit()
        && let Err(error) = conn.execute_batch(closing)
    {
        tracing::debug!(operation = name, %error, "savepoint could not be closed");
    }
    told
}
