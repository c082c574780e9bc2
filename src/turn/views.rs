//! What the model is given of each medium of a turn: fetched, prepared, heard
//! and read, all of it in the turn.
//!
//! What was heard or read is stored beside its message as soon as it is known,
//! so that neither a crash nor the history needs it twice. A file that cannot be
//! had costs itself only; where nothing else was said a friendly sentence does.
//! While Telegram is away the turn waits, as for a model that is.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::future::join_all;
use tokio::time::timeout;

use super::run::{End, Turn};
use crate::domain::metric;
use crate::domain::update::{File, FileKind, Media, Message};
use crate::llm::modalities::Modalities;
use crate::llm::request::{Dialect, Part};
use crate::media::{Memory, Trouble, Unfetched, is_pdf};
use crate::store::{Past, StoreError};
use crate::texts::Texts;

/// Files of one turn that are fetched at once.
const AT_ONCE: usize = 4;

/// What all media of a request weigh at the most, as they came: more would be
/// refused by any endpoint.
const REQUEST_BYTES: usize = 24 << 20;

/// How far back photos are looked at again, in turns.
const REMEMBERED_TURNS: usize = 10;

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

/// The views of a turn by the ids of its messages.
pub(super) type Views = BTreeMap<i64, View>;

/// How much a model is trusted to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// Whatever its list says, and everything where nothing is known.
    Full,
    /// Words only: it has refused more.
    Words,
}

impl View {
    pub(super) fn of(trouble: Trouble) -> Self {
        Self {
            trouble: Some(trouble),
            ..Self::default()
        }
    }

    pub(super) fn words(words: String) -> Self {
        Self {
            words: Some(words),
            ..Self::default()
        }
    }

    pub(super) fn part(part: Part) -> Self {
        Self {
            part: Some(part),
            ..Self::default()
        }
    }
}

impl Turn<'_> {
    /// What the model is given of the turn's files, of what its messages answer,
    /// and of the last photos of the history; and the room that all of it takes.
    pub(super) async fn views(
        &self,
        sight: Sight,
        past: &[Past],
    ) -> Result<(Views, Option<Memory<'_>>), End> {
        let limit = self.parts.library.patience();
        match timeout(limit, self.all_views(sight, past)).await {
            Ok(views) => views,
            Err(_elapsed) => {
                let claim = &self.claimed.claim;
                tracing::warn!(
                    turn.id = claim.turn.0,
                    ?limit,
                    "files were not ready in time"
                );
                // Others have its slot meanwhile; what is kept is not fetched again.
                Err(self.later(Duration::ZERO))
            }
        }
    }

    async fn all_views(
        &self,
        sight: Sight,
        past: &[Past],
    ) -> Result<(Views, Option<Memory<'_>>), End> {
        let own = files(&self.claimed.inputs);
        let beside = match sight {
            Sight::Full => self.beside(past, &own),
            Sight::Words => Vec::new(),
        };
        let mut views = Views::new();
        if own.is_empty() && beside.is_empty() {
            return Ok((views, None));
        }
        let all = own.iter().chain(&beside);
        let room = self.parts.library.room(all.map(|(_, file)| *file)).await;
        let takes = self.takes(own.iter().chain(&beside)).await;
        let mut weight = 0;
        for some in own.chunks(AT_ONCE) {
            for (message, view) in self.seen(some, sight, takes).await {
                views.insert(message, weighed(view?, &mut weight));
            }
        }
        let rest = async {
            for some in beside.chunks(AT_ONCE) {
                for (message, view) in self.seen(some, sight, takes).await {
                    // What cannot be had of it is not missed.
                    if let Ok(view) = view {
                        views.insert(message, weighed(view, &mut weight));
                    }
                }
            }
        };
        // Nor is what takes its time.
        let _ = timeout(self.parts.library.patience() / 4, rest).await;
        Ok((views, room))
    }

    async fn seen(
        &self,
        files: &[(i64, &File)],
        sight: Sight,
        takes: Option<Modalities>,
    ) -> Vec<(i64, Result<View, End>)> {
        let views = files
            .iter()
            .map(|(message, file)| self.view(*message, file, sight, takes));
        let views = join_all(views).await;
        let messages = files.iter().map(|(message, _)| *message);
        messages.zip(views).collect()
    }

    async fn takes<'f>(
        &self,
        mut files: impl Iterator<Item = &'f (i64, &'f File)>,
    ) -> Option<Modalities> {
        match files.any(|(_, file)| file.kind != FileKind::Document) {
            true => self.parts.library.modalities(&self.settings.model).await,
            false => None,
        }
    }

    /// Files that are looked at again: what is answered, and the last photos.
    fn beside<'f>(&'f self, past: &'f [Past], own: &[(i64, &File)]) -> Vec<(i64, &'f File)> {
        let quoted = self.claimed.inputs.iter().filter_map(|m| m.quoted.as_ref());
        // What stands in another chat has no id here: alone it needs none.
        let elsewhere = quoted.clone().filter(|quoted| quoted.message_id == 0);
        let is_known = elsewhere.count() == 1;
        let quoted =
            quoted.filter_map(|quoted| Some((quoted.message_id, quoted.media.as_ref()?.file()?)));
        let remembered = past
            .iter()
            .take(REMEMBERED_TURNS)
            .flat_map(|past| files(&past.inputs))
            .filter(|(_, file)| matches!(file.kind, FileKind::Photo | FileKind::Image))
            .take(self.settings.photos_remembered);
        let mut beside: Vec<(i64, &File)> = Vec::new();
        for (message, file) in quoted.chain(remembered) {
            let known = own.iter().chain(&beside).any(|(id, _)| *id == message);
            if !known && (message > 0 || (message == 0 && is_known)) {
                beside.push((message, file));
            }
        }
        beside
    }

    async fn view(
        &self,
        message: i64,
        file: &File,
        sight: Sight,
        takes: Option<Modalities>,
    ) -> Result<View, End> {
        let view = self.look(message, file, sight, takes).await;
        if let Ok(view) = &view {
            count(file.kind, view);
        }
        view
    }

    async fn look(
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
                self.picture(message, file).await
            }
            FileKind::Voice | FileKind::Audio | FileKind::VideoNote => {
                self.recording(message, file, sight, takes).await
            }
            FileKind::Document => self.document(message, file, sight).await,
        }
    }

    /// The file, or why there is none.
    pub(super) async fn fetch(
        &self,
        message: i64,
        file: &File,
    ) -> Result<Result<Bytes, Trouble>, End> {
        let turn = self.claimed.claim.turn;
        match self.parts.library.fetch(turn, message, file).await {
            Ok(bytes) => Ok(Ok(bytes)),
            Err(Unfetched::Never(trouble)) => Ok(Err(trouble)),
            Err(Unfetched::NotNow(pause)) => Err(self.later(pause)),
        }
    }

    async fn picture(&self, message: i64, file: &File) -> Result<View, End> {
        let prepared = match self.fetch(message, file).await? {
            Ok(bytes) => self.parts.library.picture(bytes).await,
            Err(trouble) => Err(trouble),
        };
        Ok(match prepared {
            Ok((mime, bytes)) => View::part(Part::Image(data_url(&mime, &bytes).into())),
            Err(trouble) => View::of(trouble),
        })
    }

    async fn document(&self, message: i64, file: &File, sight: Sight) -> Result<View, End> {
        let may_be_shown = sight == Sight::Full && self.settings.dialect == Dialect::OpenRouter;
        if let Some(words) = &file.words
            && !(may_be_shown && says_pdf(file))
        {
            return Ok(View::words(words.clone()));
        }
        let bytes = match self.fetch(message, file).await? {
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
    pub(super) async fn remember(&self, message: i64, words: &str) -> Result<(), End> {
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

    /// A turn of nothing but things we cannot read gets a friendly sentence.
    pub(super) fn unreadable(&self, views: &Views) -> Option<&'static str> {
        let mut sentence = None;
        for message in &self.claimed.inputs {
            let trouble = trouble_of(message, views)?;
            sentence.get_or_insert(words_for(self.texts(), message, trouble));
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

/// The files of some messages.
fn files(messages: &[Message]) -> Vec<(i64, &File)> {
    messages
        .iter()
        .filter_map(|message| Some((message.id, message.media.as_ref()?.file()?)))
        .collect()
}

/// A view as it fits into a request that weighs so much already.
fn weighed(mut view: View, weight: &mut usize) -> View {
    let adds = view.part.as_ref().map_or(0, weight_of);
    if *weight + adds > REQUEST_BYTES {
        view.part = None;
        view.trouble = view.words.is_none().then_some(Trouble::TooLarge);
    } else {
        *weight += adds;
    }
    view
}

fn says_pdf(file: &File) -> bool {
    let ends = |name: &String| name.to_lowercase().ends_with(".pdf");
    file.mime.as_deref() == Some("application/pdf") || file.name.as_ref().is_some_and(ends)
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
