//! From the bytes of a file to what a model can be given: pictures scaled,
//! documents read.
//!
//! The bytes come from strangers, so nothing here trusts them: every decoder
//! has its limits, and in production the whole of it runs in a process of its
//! own (`child.rs`), so that a crash costs that file only. Pure.

use std::panic::AssertUnwindSafe;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{document, picture};

/// What is to be done with a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Job {
    /// Make it a picture that a model takes.
    Picture {
        /// The longest edge, in pixels.
        edge: u32,
    },
    /// Read its text.
    Document {
        /// The name the sender gave it.
        name: String,
        /// The media type the sender gave it.
        mime: String,
        /// The most characters of text.
        chars: usize,
        /// The most pages.
        pages: usize,
    },
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prepared {
    /// An image.
    Picture {
        /// Its media type.
        mime: String,
        /// Its bytes.
        bytes: Bytes,
    },
    /// Text.
    Text(String),
}

/// Why nothing came of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unprepared {
    /// A kind of file that we cannot read.
    #[error("not a kind of file that can be read")]
    Unknown,
    /// It is damaged, or larger inside than allowed.
    #[error("the file cannot be read: {reason}")]
    Damaged {
        /// What the decoder said, shortened.
        reason: String,
    },
    /// It took too long, too much memory, or the reader died of it.
    #[error("the file was too much for its reader: {reason}")]
    TooMuch {
        /// What ended it.
        reason: String,
    },
}

impl Unprepared {
    pub(super) fn damaged(error: impl std::fmt::Display) -> Self {
        let reason = error.to_string().chars().take(200).collect();
        Self::Damaged { reason }
    }
}

/// Prepares files.
#[async_trait]
pub trait Preparer: Send + Sync + std::fmt::Debug + 'static {
    /// Does a job.
    ///
    /// # Errors
    /// [`Unprepared`].
    ///
    /// # Cancel safety
    /// Dropping the future ends whatever works at it.
    async fn prepare(&self, job: Job, file: Bytes) -> Result<Prepared, Unprepared>;
}

/// Prepares within this process: for tests, whose own program is no reader.
#[derive(Debug, Clone, Copy, Default)]
pub struct Within;

#[async_trait]
impl Preparer for Within {
    async fn prepare(&self, job: Job, file: Bytes) -> Result<Prepared, Unprepared> {
        perform(&job, &file)
    }
}

/// Does a job. A panic of a decoder is a damaged file.
///
/// # Errors
/// [`Unprepared`].
pub fn perform(job: &Job, file: &Bytes) -> Result<Prepared, Unprepared> {
    let done = std::panic::catch_unwind(AssertUnwindSafe(|| match job {
        Job::Picture { edge } => picture::scaled(file, *edge),
        Job::Document {
            name,
            mime,
            chars,
            pages,
        } => {
            let limits = document::Limits {
                chars: *chars,
                pages: *pages,
            };
            document::text(file, name, mime, limits).map(Prepared::Text)
        }
    }));
    done.unwrap_or_else(|_| {
        Err(Unprepared::TooMuch {
            reason: "its reader panicked".to_owned(),
        })
    })
}
