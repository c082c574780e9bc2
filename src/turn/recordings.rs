//! Recordings: given to a model that hears, else transcribed, else not at all.
//!
//! A transcription that fails for a while makes the turn wait as a model that
//! fails does: it is one more thing that the answer is made of.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::run::{End, Turn};
use super::views::{Sight, View};
use crate::config::Voice;
use crate::domain::update::{File, FileKind};
use crate::llm::complete::Failure;
use crate::llm::modalities::Modalities;
use crate::llm::request::Part;
use crate::llm::retry::Advice;
use crate::media::Trouble;
use crate::media::hearing::Recording;

/// The words of a recording are cut there: hours of talk.
const WORDS: usize = 60_000;

/// How a recording reaches the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Itself,
    Transcribed,
    NotAtAll,
}

impl Turn<'_> {
    /// What the model is given of a recording.
    pub(super) async fn recording(
        &self,
        message: i64,
        file: &File,
        sight: Sight,
        takes: Option<Modalities>,
    ) -> Result<View, End> {
        let way = match sight {
            Sight::Full => self.way(file, takes),
            Sight::Words if self.settings.voice == Voice::Off => Way::NotAtAll,
            Sight::Words => self.transcribed(),
        };
        if way == Way::NotAtAll {
            return Ok(View::of(Trouble::Unperceived));
        }
        if let (Some(words), Way::Transcribed) = (&file.words, way) {
            return Ok(View::words(words.clone()));
        }
        let bytes = match self.fetch(message, file).await? {
            Ok(bytes) => bytes,
            Err(trouble) => return Ok(View::of(trouble)),
        };
        let format = format(file);
        if way == Way::Itself {
            let data = STANDARD.encode(bytes).into();
            return Ok(View::part(Part::Audio { data, format }));
        }
        match self.parts.library.words(Recording { bytes, format }).await {
            Ok(words) if words.is_empty() => Ok(View::of(Trouble::Unreadable)),
            Ok(words) => {
                let words = words.chars().take(WORDS).collect::<String>();
                self.remember(message, &words).await?;
                Ok(View::words(words))
            }
            Err(error) => match error.advice() {
                Advice::Again(_) => Err(End::Failed(Failure::Exhausted {
                    last: error,
                    partial: String::new(),
                })),
                Advice::Operator(kind) => Err(End::Failed(Failure::Operator { kind, error })),
                Advice::Reject(_) => {
                    tracing::warn!(%error, "a recording was refused");
                    Ok(View::of(Trouble::Unreadable))
                }
            },
        }
    }

    fn way(&self, file: &File, takes: Option<Modalities>) -> Way {
        match self.settings.voice {
            Voice::Off => Way::NotAtAll,
            Voice::Model => Way::Itself,
            Voice::Transcribe => self.transcribed(),
            Voice::Auto => {
                let hears = takes.is_some_and(|takes| takes.audio);
                if hears && is_taken(file, &self.settings.model) {
                    Way::Itself
                } else {
                    self.transcribed()
                }
            }
        }
    }

    fn transcribed(&self) -> Way {
        if self.parts.library.hears() {
            Way::Transcribed
        } else {
            Way::NotAtAll
        }
    }
}

/// Whether a model that hears takes this kind of recording: OpenAI's take two
/// formats only, and none takes the sound out of a video.
fn is_taken(file: &File, model: &str) -> bool {
    let format = format(file);
    file.kind != FileKind::VideoNote
        && (matches!(format, "wav" | "mp3") || !model.starts_with("openai/"))
}

/// The format of a recording; what is not told is what Telegram makes of it.
/// Source: core.telegram.org/bots/api#sendvoice, #sendvideonote.
fn format(file: &File) -> &'static str {
    match file.mime.as_deref() {
        Some("audio/mpeg" | "audio/mp3") => "mp3",
        Some("audio/mp4" | "audio/m4a" | "audio/x-m4a" | "video/mp4") => "m4a",
        Some("audio/wav" | "audio/x-wav" | "audio/wave") => "wav",
        Some("audio/flac" | "audio/x-flac") => "flac",
        Some("audio/aac") => "aac",
        Some("audio/webm") => "webm",
        Some("audio/ogg" | "audio/opus") => "ogg",
        _ => match file.kind {
            FileKind::VideoNote => "m4a",
            FileKind::Audio => "mp3",
            _ => "ogg",
        },
    }
}
