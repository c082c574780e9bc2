//! What the model is given of each medium of a turn: fetched, prepared, heard
//! and read, all of it in the turn.
//!
//! What was heard or read is stored beside its message as soon as it is known,
//! so that neither a crash nor the history needs it twice. A file that fails
//! costs itself only; where nothing else was said a friendly sentence does.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::future::join_all;

use super::run::{End, Turn};
use crate::config::Voice;
use crate::domain::metric;
use crate::domain::update::{File, FileKind, Media, Message};
use crate::llm::complete::Failure;
use crate::llm::modalities::Modalities;
use crate::llm::request::{Dialect, Part};
use crate::llm::retry::Advice;
use crate::media::hearing::Recording;
use crate::media::{Trouble, is_pdf};
use crate::store::StoreError;
use crate::texts::Texts;

/// Files of one turn that are fetched at once.
const AT_ONCE: usize = 4;

/// What all media of a request weigh at the most, as they came: more would be
/// refused by any endpoint.
const REQUEST_BYTES: usize = 24 << 20;

/// The words of a recording are cut there: hours of talk.
const WORDS: usize = 60_000;

/// What the model is given of one medium.
#[derive(Debug, Clone, Default)]
pub(super) struct View {
    /// The medium itself.
    pub(super) part: Option<Part>,
    /// What was heard or read in it.
    pub(super) words: Option<String>,
    /// Why there is neither.
    pub(super) trouble: Option<Trouble>,
}

/// The views of a turn by the ids of its messages, and by [`pointed_at`].
pub(super) type Views = BTreeMap<i64, View>;

/// Under what the medium is found that a message answers: no message has such
/// an id.
pub(super) fn pointed_at(message: &Message) -> i64 {
    message.id.saturating_neg()
}

/// How much a model is trusted to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// Whatever its list says, and everything where nothing is known.
    Full,
    /// Words only: it has refused more.
    Words,
}

/// How a recording reaches the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Itself,
    Transcribed,
    NotAtAll,
}

impl View {
    fn of(trouble: Trouble) -> Self {
        Self {
            trouble: Some(trouble),
            ..Self::default()
        }
    }

    fn words(words: String) -> Self {
        Self {
            words: Some(words),
            ..Self::default()
        }
    }

    fn part(part: Part) -> Self {
        Self {
            part: Some(part),
            ..Self::default()
        }
    }
}

impl Turn<'_> {
    /// The files of the turn.
    pub(super) fn files(&self) -> impl Iterator<Item = (i64, &File)> {
        self.claimed
            .inputs
            .iter()
            .flat_map(|message| {
                let quoted = message.quoted.as_ref().and_then(|q| q.media.as_ref());
                [
                    (pointed_at(message), quoted),
                    (message.id, message.media.as_ref()),
                ]
            })
            .filter_map(|(key, media)| Some((key, media?.file()?)))
    }

    /// What the model is given of each of them.
    pub(super) async fn views(&self, sight: Sight) -> Result<Views, End> {
        let takes = match self.files().any(|(_, file)| asks_what_it_takes(file.kind)) {
            true => self.parts.library.modalities(&self.settings.model).await,
            false => None,
        };
        let files: Vec<(i64, &File)> = self.files().collect();
        let mut views = Views::new();
        let mut weight = 0;
        for some in files.chunks(AT_ONCE) {
            let seen = some
                .iter()
                .map(|(message, file)| self.view(*message, file, sight, takes));
            for ((message, file), view) in some.iter().zip(join_all(seen).await) {
                let mut view = view?;
                weight += view.part.as_ref().map_or(0, weight_of);
                if weight > REQUEST_BYTES && view.part.is_some() {
                    view.part = None;
                    view.trouble = view.words.is_none().then_some(Trouble::TooLarge);
                }
                count(file.kind, &view);
                views.insert(*message, view);
            }
        }
        Ok(views)
    }

    async fn view(
        &self,
        message: i64,
        file: &File,
        sight: Sight,
        takes: Option<Modalities>,
    ) -> Result<View, End> {
        match file.kind {
            FileKind::Photo | FileKind::Image | FileKind::Video => {
                let blind = takes.is_some_and(|takes| !takes.image);
                if sight == Sight::Words || blind {
                    return Ok(View::of(Trouble::Unperceived));
                }
                Ok(self.picture(message, file).await)
            }
            FileKind::Voice | FileKind::Audio | FileKind::VideoNote => {
                let way = match sight {
                    Sight::Full => self.way(file, takes),
                    Sight::Words if self.settings.voice == Voice::Off => Way::NotAtAll,
                    Sight::Words => self.transcribed(),
                };
                self.recording(message, file, way).await
            }
            FileKind::Document => self.document(message, file, sight).await,
        }
    }

    async fn fetch(&self, message: i64, file: &File) -> Result<Bytes, Trouble> {
        let turn = self.claimed.claim.turn;
        self.parts.library.fetch(turn, message, file).await
    }

    async fn picture(&self, message: i64, file: &File) -> View {
        let fetched = self.fetch(message, file).await;
        let prepared = match fetched {
            Ok(bytes) => self.parts.library.picture(bytes).await,
            Err(trouble) => Err(trouble),
        };
        match prepared {
            Ok((mime, bytes)) => View::part(Part::Image(data_url(&mime, &bytes).into())),
            Err(trouble) => View::of(trouble),
        }
    }

    async fn recording(&self, message: i64, file: &File, way: Way) -> Result<View, End> {
        if way == Way::NotAtAll {
            return Ok(View::of(Trouble::Unperceived));
        }
        if let (Some(words), Way::Transcribed) = (&file.words, way) {
            return Ok(View::words(words.clone()));
        }
        let bytes = match self.fetch(message, file).await {
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

    async fn document(&self, message: i64, file: &File, sight: Sight) -> Result<View, End> {
        let may_be_shown = sight == Sight::Full && self.settings.dialect == Dialect::OpenRouter;
        if let Some(words) = &file.words
            && !(may_be_shown && says_pdf(file))
        {
            return Ok(View::words(words.clone()));
        }
        let bytes = match self.fetch(message, file).await {
            Ok(bytes) => bytes,
            Err(trouble) => return Ok(View::of(trouble)),
        };
        let shown = (may_be_shown && is_pdf(&bytes)).then(|| Part::File {
            name: file.name.as_deref().unwrap_or("document.pdf").into(),
            data: data_url("application/pdf", &bytes).into(),
        });
        let words = match &file.words {
            Some(words) => Ok(words.clone()),
            None => {
                let read = self.parts.library.text(file, bytes).await;
                if let Ok(words) = &read {
                    self.remember(message, words).await?;
                }
                read
            }
        };
        Ok(match (shown, words) {
            // The model reads it itself; the words are for the history.
            (Some(part), words) => View {
                words: words.ok(),
                ..View::part(part)
            },
            (None, Ok(words)) => View::words(words),
            (None, Err(trouble)) => View::of(trouble),
        })
    }

    /// Stores what was heard or read in a medium beside its message.
    async fn remember(&self, message: i64, words: &str) -> Result<(), End> {
        let claim = &self.claimed.claim;
        let kept = self.parts.store.keep_words(claim, message, words).await;
        match kept {
            Ok(()) => Ok(()),
            Err(error @ StoreError::Fenced) => Err(self.stumbled(&error)),
            // Heard for this turn all the same.
            Err(error) => {
                tracing::warn!(turn.id = claim.turn.0, %error, "failed to store what was heard");
                Ok(())
            }
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

    /// A turn of nothing but things we cannot read gets a friendly sentence.
    pub(super) fn unreadable(&self, views: &Views) -> Option<&'static str> {
        let mut sentence = None;
        for message in &self.claimed.inputs {
            let trouble = trouble_of(message, views)?;
            sentence.get_or_insert(words_for(self.settings.texts, message, trouble));
        }
        sentence
    }
}

/// Why a message says nothing to the model; `None` when it does say something.
fn trouble_of(message: &Message, views: &Views) -> Option<Trouble> {
    if !message.text.is_empty() {
        return None;
    }
    match message.media.as_ref()? {
        Media::File(_) => views.get(&message.id)?.trouble,
        Media::Said(_) => None,
        Media::Other { .. } => Some(Trouble::Unperceived),
    }
}

fn words_for(texts: &'static Texts, message: &Message, trouble: Trouble) -> &'static str {
    let kind = message.media.as_ref().and_then(Media::file);
    let kind = kind.map(|file| file.kind);
    match (trouble, kind) {
        (Trouble::TooLarge, _) => texts.file_too_large,
        (Trouble::Unperceived, Some(FileKind::Voice | FileKind::Audio | FileKind::VideoNote)) => {
            texts.voice_unsupported
        }
        (Trouble::Unreadable, Some(FileKind::Document)) => texts.document_unsupported,
        (
            Trouble::Unavailable | Trouble::Unreadable,
            Some(FileKind::Photo | FileKind::Image | FileKind::Video),
        ) => texts.photo_unavailable,
        (Trouble::Unavailable | Trouble::Unreadable, Some(_)) => texts.file_unavailable,
        _ => texts.other_unsupported,
    }
}

fn asks_what_it_takes(kind: FileKind) -> bool {
    kind != FileKind::Document
}

fn says_pdf(file: &File) -> bool {
    let ends = |name: &String| name.to_lowercase().ends_with(".pdf");
    file.mime.as_deref() == Some("application/pdf") || file.name.as_ref().is_some_and(ends)
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

fn data_url(mime: &str, bytes: &[u8]) -> String {
    let mut url = format!("data:{mime};base64,");
    STANDARD.encode_string(bytes, &mut url);
    url
}

fn weight_of(part: &Part) -> usize {
    let encoded = match part {
        Part::Text(_) => 0,
        Part::Image(data) | Part::Audio { data, .. } | Part::File { data, .. } => data.len(),
    };
    encoded / 4 * 3
}

fn count(kind: FileKind, view: &View) {
    let kind = match kind {
        FileKind::Photo | FileKind::Image | FileKind::Video => "picture",
        FileKind::Voice | FileKind::Audio | FileKind::VideoNote => "recording",
        FileKind::Document => "document",
    };
    let result = match (&view.trouble, &view.part) {
        (Some(_), _) => "failed",
        (None, Some(_)) => "shown",
        (None, None) => "read",
    };
    metrics::counter!(metric::MEDIA, "kind" => kind, "result" => result).increment(1);
}
