//! Pictures, voices, documents and stickers that people send.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::acts::{Acted, Attachment, Impossible, Medium, Place};
use super::entities;
use super::posts::Content;
use super::world::World;
use crate::clock::Millis;

/// A picture of one pixel (PNG), where a test brings none.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
/// Sides of the sizes that Telegram makes of a photo.
const SIDES: [u32; 3] = [90, 320, 1280];

impl World {
    pub(super) fn send_medium(
        &mut self,
        place: &Place,
        medium: Medium,
        caption: String,
        count: u32,
        base64: Option<String>,
        now: Millis,
    ) -> Result<Acted, Impossible> {
        let bytes = STANDARD
            .decode(base64.as_deref().unwrap_or(PIXEL))
            .map_err(|_| "the content is not base64")?;
        let bytes = Bytes::from(bytes);
        let album = (count > 1).then(|| format!("1{:016}", self.fresh()));
        let mut acted = Acted::default();
        for number in 0..count.max(1) {
            let mut extra = Map::new();
            if let Some(album) = &album {
                extra.insert("media_group_id".to_owned(), album.as_str().into());
            }
            let (name, value) = self.medium(medium, &bytes, (None, None));
            extra.insert(name.to_owned(), value);
            // An album shows the caption of its first member.
            let text = if number == 0 { caption.as_str() } else { "" };
            let content = Content {
                entities: entities::typed(text),
                text: text.to_owned(),
                ..Content::default()
            };
            self.write(place, content, extra, &mut acted, now)?;
        }
        Ok(acted)
    }

    /// A file with its own name and type.
    pub(super) fn attach(
        &mut self,
        place: &Place,
        file: Attachment,
        caption: String,
        now: Millis,
    ) -> Result<Acted, Impossible> {
        let bytes = STANDARD
            .decode(&file.base64)
            .map_err(|_| "the content is not base64")?;
        let told = (file.name, file.mime);
        let (name, value) = self.medium(file.medium, &bytes.into(), told);
        self.share(place, name, value, caption, now)
    }

    /// A message with one field of content.
    pub(super) fn share(
        &mut self,
        place: &Place,
        field: &str,
        value: Value,
        caption: String,
        now: Millis,
    ) -> Result<Acted, Impossible> {
        let content = Content {
            entities: entities::typed(&caption),
            text: caption,
            ..Content::default()
        };
        let mut extra = Map::new();
        extra.insert(field.to_owned(), value);
        let mut acted = Acted::default();
        self.write(place, content, extra, &mut acted, now)?;
        Ok(acted)
    }

    /// The field of a medium and its value; name and type as the sender told
    /// them.
    fn medium(
        &mut self,
        medium: Medium,
        bytes: &Bytes,
        (name, mime): (Option<String>, Option<String>),
    ) -> (&'static str, Value) {
        let mut stored = |folder, ending| self.store_file(folder, ending, bytes.clone());
        let typed = |mut file: Value, default: &str| {
            file["mime_type"] = mime.clone().unwrap_or_else(|| default.to_owned()).into();
            file
        };
        let played = |mut file: Value| {
            file["duration"] = 3.into();
            file
        };
        let named = |mut file: Value| {
            if let Some(name) = &name {
                file["file_name"] = name.as_str().into();
            }
            file
        };
        match medium {
            Medium::Photo => {
                let sizes: Vec<Value> = SIDES
                    .iter()
                    .map(|side| {
                        let mut size = stored("photos", "jpg");
                        size["width"] = (*side).into();
                        size["height"] = (*side * 3 / 4).into();
                        size
                    })
                    .collect();
                ("photo", sizes.into())
            }
            Medium::Voice => ("voice", played(typed(stored("voice", "oga"), "audio/ogg"))),
            Medium::Audio => (
                "audio",
                named(played(typed(stored("music", "mp3"), "audio/mpeg"))),
            ),
            Medium::VideoNote => {
                let mut note = played(stored("video_notes", "mp4"));
                note["length"] = 240.into();
                ("video_note", note)
            }
            Medium::Video => {
                // The content is what is seen before it plays.
                let thumbnail = stored("thumbnails", "jpg");
                let mut video = played(typed(stored("videos", "mp4"), "video/mp4"));
                video["thumbnail"] = thumbnail;
                ("video", named(video))
            }
            Medium::Document => {
                let mut document = typed(stored("documents", "pdf"), "application/pdf");
                document["file_name"] = name.as_deref().unwrap_or("paper.pdf").into();
                ("document", document)
            }
            Medium::Sticker => {
                let mut sticker = stored("stickers", "webp");
                let fields = json!({
                    "type": "regular",
                    "width": 512,
                    "height": 512,
                    "is_animated": false,
                    "is_video": false,
                    "emoji": "👋",
                });
                if let (Some(sticker), Value::Object(fields)) = (sticker.as_object_mut(), fields) {
                    sticker.extend(fields);
                }
                ("sticker", sticker)
            }
        }
    }
}
