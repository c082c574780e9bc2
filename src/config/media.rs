//! `[media]`: what is downloaded for a turn, and what is made of it.

use std::time::Duration;

use super::address::BaseUrl;
use super::kind::{Int, Maybe, Named, One, OneOf, Span};
use super::llm::ModelName;
use super::secret::{ApiKey, SecretSpec};
use super::walk::{Apply, Walk};

/// The limits of downloads, and how recordings are heard.
#[derive(Debug, Clone, PartialEq)]
pub struct Media {
    /// The largest picture that is looked at, in bytes.
    pub photo_max_bytes: usize,
    /// The largest other file that is opened, in bytes.
    pub file_max_bytes: usize,
    /// How long one download, and preparing one file, may take.
    pub timeout: Duration,
    /// The longest edge of a picture that the model is shown, in pixels.
    pub photo_edge: u32,
    /// How many photos of the history the model is shown again.
    pub photos_remembered: usize,
    /// How much text of a document the model is given, in characters.
    pub document_chars: usize,
    /// How many pages of a document are read.
    pub document_pages: usize,
    /// How recordings reach the model.
    pub voice: Voice,
    /// Where they are transcribed: the root of an API as OpenAI's.
    pub transcription_url: Option<BaseUrl>,
    /// By which model.
    pub transcription_model: Option<ModelName>,
    /// The key for it.
    pub transcription_api_key: Option<ApiKey>,
}

/// How recordings reach the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    /// As they are where the model is known to hear, else transcribed.
    Auto,
    /// As they are.
    Model,
    /// Transcribed.
    Transcribe,
    /// Not at all.
    Off,
}

impl Named for Voice {
    const ALL: &'static [(&'static str, Self)] = &[
        ("auto", Self::Auto),
        ("model", Self::Model),
        ("transcribe", Self::Transcribe),
        ("off", Self::Off),
    ];
}

pub(super) static TRANSCRIPTION_KEY: SecretSpec = SecretSpec {
    key: "media.transcription_api_key",
    file_key: "media.transcription_api_key_file",
    env: "TRANSCRIPTION_API_KEY",
    credential: "transcription_api_key",
    allowed: "one line of letters, digits and signs without spaces (the value is not shown here)",
};

impl Default for Media {
    fn default() -> Self {
        Self {
            photo_max_bytes: 20_000_000,
            file_max_bytes: 20_000_000,
            timeout: Duration::from_secs(20),
            photo_edge: 2_048,
            photos_remembered: 4,
            document_chars: 40_000,
            document_pages: 100,
            voice: Voice::Auto,
            transcription_url: None,
            transcription_model: None,
            transcription_api_key: None,
        }
    }
}

impl Media {
    pub(super) fn walk(&mut self, w: &mut impl Walk) {
        // 20 MB is the most that `getFile` hands out.
        let bytes = || Int(1..=20_000_000);
        w.knob(
            "media.photo_max_bytes",
            Apply::Restart,
            &mut self.photo_max_bytes,
            bytes(),
        );
        w.knob(
            "media.file_max_bytes",
            Apply::Restart,
            &mut self.file_max_bytes,
            bytes(),
        );
        w.knob(
            "media.timeout",
            Apply::Restart,
            &mut self.timeout,
            Span(Duration::from_millis(10)..=Duration::from_secs(300)),
        );
        w.knob(
            "media.photo_edge",
            Apply::Restart,
            &mut self.photo_edge,
            Int(64..=8_192),
        );
        w.knob(
            "media.photos_remembered",
            Apply::Live,
            &mut self.photos_remembered,
            Int(0..=20),
        );
        w.knob(
            "media.document_chars",
            Apply::Restart,
            &mut self.document_chars,
            Int(100..=2_000_000),
        );
        w.knob(
            "media.document_pages",
            Apply::Restart,
            &mut self.document_pages,
            Int(1..=10_000),
        );
        w.knob("media.voice", Apply::Live, &mut self.voice, OneOf);
        w.knob(
            "media.transcription_url",
            Apply::Restart,
            &mut self.transcription_url,
            Maybe(One),
        );
        w.knob(
            "media.transcription_model",
            Apply::Restart,
            &mut self.transcription_model,
            Maybe(One),
        );
        w.secret(&TRANSCRIPTION_KEY, &mut self.transcription_api_key);
    }
}
