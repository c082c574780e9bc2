//! What a message carries besides text: files to be fetched, and things that
//! can be said in words.
//!
//! The stored form is one that a binary without these kinds reads, too: to it
//! everything but a photo is something it cannot use. Must never panic.

use serde::{Deserialize, Serialize};
use serde_json::Value;

mod read;

pub(super) use read::read;

/// What a message carries besides text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub enum Media {
    /// Something that is downloaded.
    File(File),
    /// Something that can be said in words, and needs no download.
    Said(Said),
    /// Something we cannot use, by its field's name (`story`, `game` …).
    Other {
        /// That name.
        kind: String,
    },
}

/// What a file is to the person who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A photo, in its largest size.
    Photo,
    /// A picture sent as a document.
    Image,
    /// A voice message.
    Voice,
    /// Music or another recording.
    Audio,
    /// A round video message.
    VideoNote,
    /// A video or an animation: only its first picture is looked at.
    Video,
    /// Any other document.
    Document,
}

/// A file that Telegram keeps for us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// What it is.
    pub kind: FileKind,
    /// For `getFile`; of a video that of its first picture.
    pub file_id: String,
    /// `file_unique_id`: the same for the same content.
    #[serde(default)]
    pub unique_id: String,
    /// Bytes, when told.
    #[serde(default)]
    pub size: Option<u64>,
    /// The name the sender gave it.
    #[serde(default)]
    pub name: Option<String>,
    /// The media type the sender gave it.
    #[serde(default)]
    pub mime: Option<String>,
    /// How long it plays, in seconds.
    #[serde(default)]
    pub seconds: Option<u64>,
    /// What was heard or read in it, once it was: history has only this.
    #[serde(default)]
    pub words: Option<String>,
}

/// Something that can be said in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// A sticker.
    Sticker {
        /// The emoji it stands for.
        emoji: String,
        /// Its set.
        set: Option<String>,
    },
    /// A place on the map. The numbers are kept as they were written.
    Location {
        /// Degrees.
        latitude: String,
        /// Degrees.
        longitude: String,
        /// Name and address of a venue.
        venue: Option<String>,
    },
    /// Somebody's name and number.
    Contact {
        /// First and last name.
        name: String,
        /// As written.
        phone: String,
    },
    /// A poll or quiz.
    Poll {
        /// What is asked.
        question: String,
        /// What may be answered.
        options: Vec<String>,
    },
    /// A dice or another game of chance.
    Dice {
        /// Which.
        emoji: String,
        /// How it fell.
        value: i64,
    },
}

/// As it is stored: the older tags, and the whole of it beside them.
#[derive(Serialize, Deserialize)]
#[serde(tag = "media", rename_all = "lowercase")]
enum Stored {
    Photo {
        file_id: String,
        size: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        more: Option<Value>,
    },
    Other {
        kind: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        more: Option<Value>,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum More {
    File(File),
    Said(Said),
}

impl From<Media> for Stored {
    fn from(media: Media) -> Self {
        let kind = media.kind().to_owned();
        let more = match media {
            Media::File(file) => More::File(file),
            Media::Said(said) => More::Said(said),
            Media::Other { kind } => return Self::Other { kind, more: None },
        };
        let photo = match &more {
            More::File(file) if file.kind == FileKind::Photo => {
                Some((file.file_id.clone(), file.size))
            }
            _ => None,
        };
        let more = serde_json::to_value(more).ok();
        match photo {
            Some((file_id, size)) => Self::Photo {
                file_id,
                size,
                more,
            },
            None => Self::Other { kind, more },
        }
    }
}

impl From<Stored> for Media {
    fn from(stored: Stored) -> Self {
        let (more, otherwise) = match stored {
            Stored::Photo {
                file_id,
                size,
                more,
            } => (
                more,
                Self::File(File {
                    size,
                    ..File::new(FileKind::Photo, file_id)
                }),
            ),
            Stored::Other { kind, more } => (more, Self::Other { kind }),
        };
        // What a newer binary has stored in a shape that we do not know.
        match more.and_then(|more| serde_json::from_value(more).ok()) {
            Some(More::File(file)) => Self::File(file),
            Some(More::Said(said)) => Self::Said(said),
            None => otherwise,
        }
    }
}

impl File {
    /// A file of which nothing else is known.
    #[must_use]
    pub fn new(kind: FileKind, file_id: String) -> Self {
        Self {
            kind,
            file_id,
            unique_id: String::new(),
            size: None,
            name: None,
            mime: None,
            seconds: None,
            words: None,
        }
    }

    /// What tells its content from any other.
    #[must_use]
    pub fn identity(&self) -> &str {
        match self.unique_id.as_str() {
            "" => &self.file_id,
            unique => unique,
        }
    }
}

impl Media {
    /// The field of the Bot API it came in.
    #[must_use]
    pub fn kind(&self) -> &str {
        match self {
            Self::File(file) => match file.kind {
                FileKind::Photo => "photo",
                FileKind::Image | FileKind::Document => "document",
                FileKind::Voice => "voice",
                FileKind::Audio => "audio",
                FileKind::VideoNote => "video_note",
                FileKind::Video => "video",
            },
            Self::Said(said) => match said {
                Said::Sticker { .. } => "sticker",
                Said::Location { .. } => "location",
                Said::Contact { .. } => "contact",
                Said::Poll { .. } => "poll",
                Said::Dice { .. } => "dice",
            },
            Self::Other { kind } => kind,
        }
    }

    /// What stands for it where it cannot be shown: `[photo]`.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Said(said) => said.words(),
            media => format!("[{}]", media.kind().replace('_', " ")),
        }
    }

    /// The file to download, where there is one.
    #[must_use]
    pub fn file(&self) -> Option<&File> {
        match self {
            Self::File(file) => Some(file),
            _ => None,
        }
    }

    /// Whether both are the same to the person: what was heard in one of them
    /// meanwhile, or another name for the same content, is no difference.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(one), Self::File(other)) => {
                one.kind == other.kind && one.identity() == other.identity()
            }
            (one, other) => one == other,
        }
    }
}

impl Said {
    /// In a few words, in brackets.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Sticker { emoji, set } => match set {
                Some(set) => format!("[sticker {emoji} of the set \"{set}\"]"),
                None => format!("[sticker {emoji}]"),
            },
            Self::Location {
                latitude,
                longitude,
                venue,
            } => match venue {
                Some(venue) => format!("[place: {venue} ({latitude}, {longitude})]"),
                None => format!("[location: {latitude}, {longitude}]"),
            },
            Self::Contact { name, phone } => format!("[contact: {name}, {phone}]"),
            Self::Poll { question, options } => {
                format!("[poll: {question} / {}]", options.join(" / "))
            }
            Self::Dice { emoji, value } => format!("[{emoji} fell on {value}]"),
        }
    }
}

#[cfg(test)]
mod tests;
