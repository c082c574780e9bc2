//! Pictures, voices, documents and stickers that people send.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::acts::{Acted, Impossible, Medium, Place};
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
            let (name, value) = self.medium(medium, &bytes);
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

    fn medium(&mut self, medium: Medium, bytes: &Bytes) -> (&'static str, Value) {
        match medium {
            Medium::Photo => {
                let sizes: Vec<Value> = SIDES
                    .iter()
                    .map(|side| {
                        let mut size = self.store_file("photos", "jpg", bytes.clone());
                        size["width"] = (*side).into();
                        size["height"] = (*side * 3 / 4).into();
                        size
                    })
                    .collect();
                ("photo", sizes.into())
            }
            Medium::Voice => {
                let mut voice = self.store_file("voice", "oga", bytes.clone());
                voice["duration"] = 3.into();
                voice["mime_type"] = "audio/ogg".into();
                ("voice", voice)
            }
            Medium::Document => {
                let mut document = self.store_file("documents", "pdf", bytes.clone());
                document["file_name"] = "paper.pdf".into();
                document["mime_type"] = "application/pdf".into();
                ("document", document)
            }
            Medium::Sticker => {
                let mut sticker = self.store_file("stickers", "webp", bytes.clone());
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
