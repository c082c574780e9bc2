//! What people send besides text: what the model is given of it, what happens
//! when a file cannot be had, and that files live exactly as long as their turn.

mod keeping;
mod kinds;
mod trouble;

use std::collections::VecDeque;
use std::io::{Cursor, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use lastword::llm::LlmError;
use lastword::media::hearing::{Hearing, Recording};
use lastword::playground::bot_api::{Act, Attachment, Fault as Trouble, FaultRule, Medium, Place};
use lastword::shutdown::Cause;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::house::{House, Life};
use crate::neighbours::pass;
use crate::scribe::Scribe;

/// A picture of nothing.
pub(crate) fn png(width: u32, height: u32) -> Bytes {
    let picture = image::DynamicImage::new_rgb8(width, height);
    let mut bytes = Cursor::new(Vec::new());
    let written = picture.write_to(&mut bytes, image::ImageFormat::Png);
    written.expect("a picture can be written");
    bytes.into_inner().into()
}

/// A PNG of a few kilobytes whose every row is a megabyte: 900 megapixels.
pub(crate) fn bomb() -> Bytes {
    let mut bytes = png(64, 64).to_vec();
    bytes[16..20].copy_from_slice(&30_000_u32.to_be_bytes());
    bytes[20..24].copy_from_slice(&30_000_u32.to_be_bytes());
    let sum = checksum(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&sum.to_be_bytes());
    bytes.into()
}

fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            let low = crc & 1 == 1;
            (crc >> 1) ^ if low { 0xEDB8_8320 } else { 0 }
        })
    })
}

/// A letter of 100 kB that unpacks to 100 MB.
pub(crate) fn swollen_letter() -> Bytes {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    let block = vec![b' '; 1 << 20];
    zip.start_file("word/document.xml", options)
        .expect("a new file");
    for _ in 0..100 {
        zip.write_all(&block).expect("memory");
    }
    zip.finish().expect("memory").into_inner().into()
}

/// Ears that hear what a test tells them, once they are allowed to.
#[derive(Debug, Clone)]
struct Ears(Arc<Inside>);

#[derive(Debug)]
struct Inside {
    open: watch::Sender<bool>,
    heard: Mutex<Vec<Recording>>,
    said: Mutex<VecDeque<Result<String, LlmError>>>,
}

impl Ears {
    fn new() -> Self {
        Self(Arc::new(Inside {
            open: watch::Sender::new(true),
            heard: Mutex::default(),
            said: Mutex::default(),
        }))
    }

    fn next(&self, said: Result<&str, LlmError>) {
        lock(&self.0.said).push_back(said.map(str::to_owned));
    }

    fn heard(&self) -> Vec<Recording> {
        lock(&self.0.heard).clone()
    }
}

#[async_trait]
impl Hearing for Ears {
    async fn words(&self, recording: Recording) -> Result<String, LlmError> {
        lock(&self.0.heard).push(recording);
        let mut open = self.0.open.subscribe();
        open.wait_for(|open| *open).await.expect("it is ours");
        let said = lock(&self.0.said).pop_front();
        said.unwrap_or_else(|| Ok("what time is it?".to_owned()))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl House {
    /// A house that hears.
    fn with_ears() -> (Self, Ears) {
        let (mut house, ears) = (Self::new(), Ears::new());
        house.senses.hearing = Some(Arc::new(ears.clone()));
        (house, ears)
    }

    fn attach(&self, person: i64, medium: Medium, name: &str, bytes: &[u8], caption: &str) {
        let mime = match name.rsplit('.').next() {
            Some("png") => "image/png",
            Some("pdf") => "application/pdf",
            Some("ogg") => "audio/ogg",
            Some("mp3") => "audio/mpeg",
            _ => "application/octet-stream",
        };
        self.act(Act::Attach {
            place: Place::private(person),
            file: Attachment {
                medium,
                name: Some(name.to_owned()),
                mime: Some(mime.to_owned()),
                base64: STANDARD.encode(bytes),
            },
            caption: caption.to_owned(),
        });
    }

    pub(crate) fn share(&self, person: i64, field: &str, content: Value) {
        self.act(Act::Share {
            place: Place::private(person),
            field: field.to_owned(),
            content,
        });
    }

    /// The names of the files that are kept.
    fn kept(&self) -> Vec<String> {
        let folder = PathBuf::from(format!("{}.media", self.config.store.path.display()));
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        entries
            .map(|entry| entry.expect("it can be read").file_name())
            .map(|name| name.to_string_lossy().into_owned())
            .collect()
    }

    fn lose_files(&self) {
        let gone = Trouble::Refuse {
            code: 400,
            description: Some("Bad Request: wrong file_id".to_owned()),
            retry_after_s: None,
        };
        self.telegram.fault(FaultRule::always("getFile", gone));
    }
}

/// The pieces of the last message of the latest request.
fn pieces(scribe: &Scribe) -> Vec<Value> {
    let request = scribe.requests().pop().expect("something was asked");
    let messages = request["messages"].as_array().expect("a list").clone();
    match &messages.last().expect("a message")["content"] {
        Value::Array(pieces) => pieces.clone(),
        text => vec![json!({"type": "text", "text": text})],
    }
}

/// The text of it.
fn asked(scribe: &Scribe) -> String {
    let texts = pieces(scribe)
        .into_iter()
        .filter_map(|piece| piece["text"].as_str().map(str::to_owned))
        .collect::<Vec<_>>();
    texts.join("|")
}

async fn cut_short(life: Life) {
    life.shutdown.stop(Cause::Terminate);
    pass(500).await;
    life.shutdown.stop(Cause::Terminate);
    life.ended().await;
}
