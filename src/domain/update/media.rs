//! What a message carries besides text: files to be fetched, and things that
//! can be said in words.
//!
//! The stored form is one that a binary without these kinds reads, too: to it
//! everything but a photo is something it cannot use. Must never panic.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::read::string;

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

/// Fields that are content we cannot use; anything else that is neither text
/// nor known here is a service message.
const OTHER: [&str; 6] = [
    "story",
    "game",
    "paid_media",
    "checklist",
    "invoice",
    "giveaway",
];

/// Fields whose content we can use, the one that says more first: a venue comes
/// with its location, an animation with its document.
const USABLE: [&str; 13] = [
    "photo",
    "voice",
    "audio",
    "video_note",
    "video",
    "animation",
    "document",
    "sticker",
    "venue",
    "location",
    "contact",
    "poll",
    "dice",
];

/// What a message carries.
pub(super) fn read(message: &Value) -> Option<Media> {
    let field = USABLE
        .iter()
        .chain(&OTHER)
        .find(|field| message.get(**field).is_some())?;
    // In a shape that we do not know it is still there.
    Some(usable(field, message).unwrap_or_else(|| Media::Other {
        kind: (*field).to_owned(),
    }))
}

fn usable(field: &str, message: &Value) -> Option<Media> {
    let value = &message[field];
    let kind = match field {
        "photo" => return photo(value).map(Media::File),
        "video" | "animation" => return first_picture(value).map(Media::File),
        "voice" => FileKind::Voice,
        "audio" => FileKind::Audio,
        "video_note" => FileKind::VideoNote,
        "document" if is_picture(value) => FileKind::Image,
        "document" => FileKind::Document,
        _ => return said(field, value).map(Media::Said),
    };
    file(kind, value).map(Media::File)
}

fn file(kind: FileKind, value: &Value) -> Option<File> {
    Some(File {
        unique_id: string(&value["file_unique_id"]).unwrap_or_default(),
        size: value["file_size"].as_u64(),
        name: string(&value["file_name"]),
        mime: string(&value["mime_type"]).map(|mime| mime.to_lowercase()),
        seconds: value["duration"].as_u64(),
        ..File::new(kind, string(&value["file_id"])?)
    })
}

fn photo(sizes: &Value) -> Option<File> {
    let area = |size: &&Value| {
        let side = |name: &str| size[name].as_i64().unwrap_or(0).clamp(0, 1 << 20);
        side("width") * side("height")
    };
    file(FileKind::Photo, sizes.as_array()?.iter().max_by_key(area)?)
}

/// The picture that is shown before a video plays.
fn first_picture(video: &Value) -> Option<File> {
    let mut shown = file(FileKind::Video, &video["thumbnail"])?;
    shown.seconds = video["duration"].as_u64();
    Some(shown)
}

/// The kinds of pictures that we can scale.
fn is_picture(document: &Value) -> bool {
    let mime = document["mime_type"].as_str().unwrap_or_default();
    ["image/jpeg", "image/png", "image/webp"].contains(&mime.to_lowercase().as_str())
}

fn said(field: &str, value: &Value) -> Option<Said> {
    match field {
        "sticker" => Some(Said::Sticker {
            emoji: string(&value["emoji"]).unwrap_or_default(),
            set: string(&value["set_name"]),
        }),
        "venue" => location(
            &value["location"],
            Some(together([
                string(&value["title"]),
                string(&value["address"]),
            ])),
        ),
        "location" => location(value, None),
        "contact" => Some(Said::Contact {
            name: [
                string(&value["first_name"]).unwrap_or_default(),
                string(&value["last_name"]).unwrap_or_default(),
            ]
            .join(" ")
            .trim()
            .to_owned(),
            phone: string(&value["phone_number"])?,
        }),
        "poll" => Some(Said::Poll {
            question: string(&value["question"])?,
            options: value["options"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|option| string(&option["text"]))
                .collect(),
        }),
        "dice" => Some(Said::Dice {
            emoji: string(&value["emoji"])?,
            value: value["value"].as_i64()?,
        }),
        _ => None,
    }
}

fn location(value: &Value, venue: Option<String>) -> Option<Said> {
    let degrees = |name: &str| value[name].as_number().map(ToString::to_string);
    Some(Said::Location {
        latitude: degrees("latitude")?,
        longitude: degrees("longitude")?,
        venue: venue.filter(|venue| !venue.is_empty()),
    })
}

fn together(words: [Option<String>; 2]) -> String {
    words.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(message: &Value) -> Media {
        read(message).expect("it carries something")
    }

    #[test]
    fn everything_people_send_is_told_apart() {
        let file = json!({"file_id": "F", "file_unique_id": "U", "file_size": 7, "duration": 3});
        for (field, value, kind) in [
            ("photo", json!([file]), "photo"),
            ("voice", file.clone(), "voice"),
            ("audio", file.clone(), "audio"),
            ("video_note", file.clone(), "video_note"),
            ("video", json!({"thumbnail": file}), "video"),
            ("document", file.clone(), "document"),
        ] {
            let media = of(&json!({ field: value }));
            assert_eq!(media.kind(), kind);
            let read = media.file().expect("a file");
            assert_eq!((read.file_id.as_str(), read.identity()), ("F", "U"));
        }
        let picture = json!({"document": {"file_id": "F", "mime_type": "image/PNG"}});
        assert_eq!(of(&picture).file().unwrap().kind, FileKind::Image);
    }

    #[test]
    fn what_needs_no_download_is_said_in_words() {
        let place = json!({"latitude": 52.5, "longitude": 13.25});
        for (message, words) in [
            (
                json!({"sticker": {"emoji": "👋", "set_name": "Cats"}}),
                "[sticker 👋 of the set \"Cats\"]",
            ),
            (json!({"location": place}), "[location: 52.5, 13.25]"),
            (
                json!({"location": place, "venue": {"location": place, "title": "Zoo", "address": "Road 1"}}),
                "[place: Zoo, Road 1 (52.5, 13.25)]",
            ),
            (
                json!({"contact": {"first_name": "Ann", "last_name": "Lee", "phone_number": "+1 2"}}),
                "[contact: Ann Lee, +1 2]",
            ),
            (
                json!({"poll": {"question": "Tea?", "options": [{"text": "Yes"}, {"text": "No"}]}}),
                "[poll: Tea? / Yes / No]",
            ),
            (
                json!({"dice": {"emoji": "🎲", "value": 4}}),
                "[🎲 fell on 4]",
            ),
        ] {
            match of(&message) {
                Media::Said(said) => assert_eq!(said.words(), words),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn an_unknown_shape_costs_the_shape_and_not_the_message() {
        for (message, kind) in [
            (json!({"photo": "none"}), "photo"),
            (json!({"voice": {}}), "voice"),
            (json!({"contact": 7}), "contact"),
            (json!({"story": {}}), "story"),
        ] {
            let kind = kind.to_owned();
            assert_eq!(of(&message), Media::Other { kind });
        }
        assert_eq!(read(&json!({"new_chat_title": "x"})), None);
    }

    #[test]
    fn what_was_stored_before_is_read_and_what_is_stored_now_an_older_binary_reads() {
        /// As the first version read it.
        #[derive(Debug, PartialEq, Deserialize)]
        #[serde(tag = "media", rename_all = "lowercase")]
        enum Older {
            Photo { file_id: String, size: Option<u64> },
            Other { kind: String },
        }
        let old = json!({"media": "photo", "file_id": "F", "size": 3});
        let media: Media = serde_json::from_value(old).unwrap();
        let photo = media.file().unwrap();
        assert_eq!((photo.kind, photo.size), (FileKind::Photo, Some(3)));
        let old = json!({"media": "other", "kind": "voice"});
        let kind = "voice".to_owned();
        assert_eq!(
            serde_json::from_value::<Media>(old).unwrap(),
            Media::Other { kind }
        );
        let file = json!({"file_id": "F", "file_size": 3});
        for (message, older) in [
            (
                json!({"photo": [file]}),
                Older::Photo {
                    file_id: "F".to_owned(),
                    size: Some(3),
                },
            ),
            (
                json!({"voice": file}),
                Older::Other {
                    kind: "voice".to_owned(),
                },
            ),
            (
                json!({"dice": {"emoji": "🎲", "value": 4}}),
                Older::Other {
                    kind: "dice".to_owned(),
                },
            ),
        ] {
            let media = of(&message);
            let stored = serde_json::to_value(&media).unwrap();
            assert_eq!(
                serde_json::from_value::<Media>(stored.clone()).unwrap(),
                media
            );
            assert_eq!(serde_json::from_value::<Older>(stored).unwrap(), older);
        }
    }
}
