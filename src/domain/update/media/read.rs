//! Reading what a message carries out of its JSON, in whatever shape.
//!
//! A field that we know in another shape is still something: it is told apart
//! from a message that carries nothing. Must never panic.

use serde_json::Value;

use super::super::read::string;
use super::{File, FileKind, Media, Said};

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
pub(in super::super) fn read(message: &Value) -> Option<Media> {
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
