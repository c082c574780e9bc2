//! Photos: downloaded in the turn, with a time-out and a limit of size.
//!
//! Never follows a URL of a message; only files that Telegram itself serves.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::telegram::{CallError, Telegram, methods};

/// Downloads photos.
#[derive(Debug, Clone)]
pub struct Photos {
    /// Where they come from.
    pub telegram: Arc<dyn Telegram>,
    /// The largest that is taken, in bytes.
    pub max_bytes: usize,
    /// How long asking and downloading may take, each.
    pub timeout: Duration,
}

/// Why a photo is not there.
#[derive(Debug, thiserror::Error)]
pub enum PhotoError {
    /// Larger than allowed.
    #[error("the photo has more than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// Telegram did not hand it out.
    #[error("failed to fetch the photo: {0}")]
    Fetch(#[from] CallError),
    /// Telegram named no path.
    #[error("the photo has no file path")]
    NoPath,
}

impl Photos {
    /// The photo as a `data:` URL.
    ///
    /// # Errors
    /// [`PhotoError`]; the turn goes on without it.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn data_url(&self, file_id: &str, size: Option<u64>) -> Result<String, PhotoError> {
        let too_large = || PhotoError::TooLarge {
            limit: self.max_bytes,
        };
        if size.is_some_and(|size| size > self.max_bytes as u64) {
            return Err(too_large());
        }
        let mut call = methods::get_file(file_id);
        call.timeout = self.timeout;
        let file = self.telegram.call(call).await?;
        let path = file["file_path"].as_str().ok_or(PhotoError::NoPath)?;
        let bytes = self
            .telegram
            .download(path, self.max_bytes, self.timeout)
            .await?;
        let mime = mime_of(&bytes);
        Ok(format!("data:{mime};base64,{}", STANDARD.encode(bytes)))
    }
}

/// The kind of image, by its first bytes; Telegram's photos are JPEG.
fn mime_of(bytes: &[u8]) -> &'static str {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [b'G', b'I', b'F', ..] => "image/gif",
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => "image/webp",
        _ => "image/jpeg",
    }
}
