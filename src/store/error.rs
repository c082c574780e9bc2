//! Why the store could not do something, by what the caller does about it.

use serde::{Deserialize, Serialize};

/// Whether the store takes what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Availability {
    /// As far as anybody knows.
    Available,
    /// The last write failed (disk full, read-only, input/output error).
    Unavailable,
}

/// Why an operation failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Nothing was written; the same operation may succeed later (disk full,
    /// read-only, input/output error, locked).
    #[error("store unavailable: {reason}")]
    Unavailable {
        /// What SQLite or the system said.
        reason: String,
    },
    /// The claim or send is not the latest any more: somebody else owns it.
    /// The caller must drop its work and write nothing.
    #[error("superseded by another owner")]
    Fenced,
    /// A defect: this operation can never succeed as it is.
    #[error("store operation failed: {reason}")]
    Defect {
        /// What SQLite said.
        reason: String,
    },
    /// The store cannot be used at all (newer schema, network file system).
    #[error("store refused: {reason}")]
    Refused {
        /// What to do about it.
        reason: String,
    },
}

impl StoreError {
    /// Whether trying again later makes sense.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as E;
        let reason = error.to_string();
        match error.sqlite_error_code() {
            Some(
                E::DiskFull
                | E::SystemIoFailure
                | E::ReadOnly
                | E::DatabaseBusy
                | E::DatabaseLocked
                | E::CannotOpen
                | E::OutOfMemory
                | E::FileLockingProtocolFailed
                | E::OperationInterrupted,
            ) => Self::Unavailable { reason },
            _ => Self::Defect { reason },
        }
    }
}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        Self::Unavailable {
            reason: error.to_string(),
        }
    }
}
