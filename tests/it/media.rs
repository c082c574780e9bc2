//! What people send besides text: what the model is given of it, what happens
//! when a file cannot be had, and that files live exactly as long as their turn.

use std::collections::{BTreeMap, VecDeque};
use std::io::{Cursor, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use lastword::config::{BaseUrl, Voice};
use lastword::llm::LlmError;
use lastword::llm::modalities::{Catalogue, Modalities};
use lastword::media::hearing::{Hearing, Recording};
use lastword::media::picture;
use lastword::playground::bot_api::{Act, Attachment, Fault as Trouble, FaultRule, Medium, Place};
use lastword::playground::offline::{Fault, Offline};
use lastword::shutdown::Cause;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::house::{House, Life, assert_balanced};
use crate::neighbours::{outcomes, pass};
use crate::scribe::{Scribe, Twist};

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

#[tokio::test(start_paused = true)]
async fn a_large_photo_is_scaled_down_and_one_of_an_album_may_fail() {
    let mut house = House::new();
    let scribe = house.scribe();
    let life = house.start();
    let ann = house.person("Ann");
    house.attach(ann, Medium::Photo, "", &png(3_000, 1_500), "my cat");
    house.attach(ann, Medium::Photo, "", &bomb(), "");
    house.attach(ann, Medium::Document, "plan.png", &png(40, 30), "");
    house.until_heard(ann, 1).await;
    let sizes: Vec<_> = pieces(&scribe)
        .iter()
        .filter_map(|piece| {
            let (mime, data) = piece["image_url"]["url"].as_str()?.split_once(";base64,")?;
            let size = picture::size(&STANDARD.decode(data).expect("it is base64"));
            Some((mime.to_owned(), size))
        })
        .collect();
    let expected = [("image/jpeg", (2_048, 1_024)), ("image/png", (40, 30))];
    assert_eq!(
        sizes,
        expected.map(|(mime, size)| (format!("data:{mime}"), Some(size)))
    );
    assert_eq!(
        asked(&scribe),
        "[photo] my cat|[photo, which could not be opened]\n[picture plan.png]"
    );
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn what_can_be_said_in_words_reaches_the_model_as_words() {
    let mut house = House::new();
    let scribe = house.scribe();
    let _life = house.start();
    let ann = house.person("Ann");
    house.send(ann, Medium::Sticker, "", 1);
    house.share(
        ann,
        "location",
        json!({"latitude": 52.5, "longitude": 13.4}),
    );
    house.share(ann, "dice", json!({"emoji": "🎯", "value": 6}));
    house.until_heard(ann, 1).await;
    assert_eq!(
        asked(&scribe),
        "[sticker 👋]\n[location: 52.5, 13.4]\n[🎯 fell on 6]"
    );
    let link = json!({"message": {
        "message_id": 900, "date": 1, "chat": {"id": ann, "type": "private"},
        "from": {"id": ann, "first_name": "Ann"}, "text": "read this please",
        "entities": [{"type": "text_link", "offset": 5, "length": 4, "url": "https://example.org/"}],
    }});
    house.act(Act::Inject { update: link });
    house.until_heard(ann, 2).await;
    assert_eq!(asked(&scribe), "read this (https://example.org/) please");
}

#[tokio::test(start_paused = true)]
async fn a_document_is_read_and_remembered() {
    let mut house = House::new();
    let scribe = house.scribe();
    let life = house.start();
    let ann = house.person("Ann");
    let page = b"<h1>Menu</h1><p>Soup &amp; bread</p>";
    house.attach(ann, Medium::Document, "menu.html", page, "what is there?");
    house.until_heard(ann, 1).await;
    let shown = "[document menu.html]\n```\nMenu\nSoup & bread\n```\nwhat is there?";
    assert_eq!(asked(&scribe), shown);
    house.say(ann, "and to drink?");
    house.until_heard(ann, 2).await;
    assert_eq!(scribe.said()[0].1, shown, "the history has it");
    // One that is larger inside than allowed costs itself only.
    house.attach(ann, Medium::Document, "a.docx", &swollen_letter(), "");
    house.attach(ann, Medium::Document, "b.txt", b"short", "");
    house.until_heard(ann, 3).await;
    assert_eq!(
        asked(&scribe),
        "[document a.docx, which could not be opened]\n[document b.txt]\n```\nshort\n```"
    );
    assert_balanced(&life.books().await);
}

const PDF: &[u8] = b"%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n\
2 0 obj\n<</Type/Pages/Kids[4 0 R]/Count 1/MediaBox[0 0 600 800]>>\nendobj\n\
3 0 obj\n<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>\nendobj\n\
4 0 obj\n<</Type/Page/Parent 2 0 R/Resources<</Font<</F 3 0 R>>>>/Contents 5 0 R>>\nendobj\n\
5 0 obj\n<</Length 48>>\nstream\nBT /F 12 Tf 50 700 Td (The meeting is at 9) Tj ET\nendstream\nendobj\n\
trailer\n<</Size 6/Root 1 0 R>>\n%%EOF\n";

#[tokio::test(start_paused = true)]
async fn a_pdf_goes_to_openrouter_as_it_is_and_elsewhere_as_text() {
    for local in [false, true] {
        let mut house = House::new();
        if local {
            house.config.llm.base_url = BaseUrl::parse("http://127.0.0.1:1/v1").expect("a url");
        }
        let scribe = house.scribe();
        let _life = house.start();
        let ann = house.person("Ann");
        house.attach(ann, Medium::Document, "minutes.pdf", &pdf(), "when?");
        house.until_heard(ann, 1).await;
        if local {
            let shown = "[document minutes.pdf]\n```\nThe meeting is at 9\n```\nwhen?";
            assert_eq!(asked(&scribe), shown);
            continue;
        }
        let file = &pieces(&scribe)[1]["file"];
        assert_eq!(file["filename"], "minutes.pdf");
        let data = format!("data:application/pdf;base64,{}", STANDARD.encode(pdf()));
        assert_eq!(file["file_data"], data);
        // The history has its words.
        house.say(ann, "sure?");
        house.until_heard(ann, 2).await;
        assert!(scribe.said()[0].1.contains("The meeting is at 9"));
    }
}

/// With its table of contents, which readers insist on.
fn pdf() -> Vec<u8> {
    let text = String::from_utf8(PDF.to_vec()).expect("ASCII");
    let (objects, trailer) = text.split_once("trailer").expect("there is one");
    let mut table = format!("xref\n0 6\n{:010} 65535 f \n", 0);
    for number in 1..6 {
        let at = objects.find(&format!("{number} 0 obj")).expect("it exists");
        table.push_str(&format!("{at:010} 00000 n \n"));
    }
    let trailer = trailer.replace("%%EOF", &format!("startxref\n{}\n%%EOF", objects.len()));
    format!("{objects}{table}trailer{trailer}").into_bytes()
}

#[tokio::test(start_paused = true)]
async fn a_voice_message_is_given_to_a_model_that_hears_and_transcribed_for_others() {
    let hears = BTreeMap::from([(
        "openrouter/auto".to_owned(),
        Modalities {
            image: true,
            audio: true,
        },
    )]);
    for (voice, catalogue, itself) in [
        (Voice::Auto, Catalogue::told(hears.clone()), true),
        (Voice::Auto, Catalogue::default(), false),
        (Voice::Model, Catalogue::default(), true),
        (Voice::Transcribe, Catalogue::told(hears.clone()), false),
    ] {
        let (mut house, ears) = House::with_ears();
        house.config.media.voice = voice;
        house.senses.catalogue = catalogue;
        let scribe = house.scribe();
        let _life = house.start();
        let ann = house.person("Ann");
        house.attach(ann, Medium::Voice, "v.ogg", b"OggS", "");
        house.until_heard(ann, 1).await;
        if itself {
            assert_eq!(ears.heard().len(), 0, "{voice:?}");
            let audio = &pieces(&scribe)[1]["input_audio"];
            assert_eq!(*audio, json!({"data": "T2dnUw==", "format": "ogg"}));
        } else {
            assert_eq!(ears.heard()[0].format, "ogg", "{voice:?}");
            assert_eq!(
                asked(&scribe),
                "[voice message v.ogg, transcribed] what time is it?"
            );
        }
    }
    // Nobody hears: one friendly sentence.
    let (mut house, ears) = House::with_ears();
    house.config.media.voice = Voice::Off;
    let _life = house.start();
    let ann = house.person("Ann");
    house.send(ann, Medium::VideoNote, "", 1);
    assert!(house.until_heard(ann, 1).await[0].contains("can't listen"));
    assert!(ears.heard().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_transcript_is_remembered_and_survives_an_edit_that_changes_nothing() {
    let (mut house, ears) = House::with_ears();
    let scribe = house.scribe();
    let _life = house.start();
    let ann = house.person("Ann");
    house.send(ann, Medium::Audio, "", 1);
    house.until_heard(ann, 1).await;
    house.say(ann, "thanks");
    house.until_heard(ann, 2).await;
    assert_eq!(
        scribe.said()[0].1,
        "[recording, transcribed] what time is it?"
    );
    assert_eq!(ears.heard().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn ears_that_are_away_delay_the_answer_and_do_not_cost_it() {
    let (mut house, ears) = House::with_ears();
    let life = house.start();
    ears.next(Err(LlmError::Unreachable {
        reason: "no route".to_owned(),
    }));
    ears.next(Err(LlmError::Status {
        code: 402,
        message: "no credit".to_owned(),
        retry_after: None,
    }));
    let ann = house.person("Ann");
    house.send(ann, Medium::Voice, "", 1);
    // One sentence that it takes long, then the answer.
    let heard = house.until_heard(ann, 2).await;
    assert!(heard[1].contains("what time is it?"), "{heard:?}");
    // Nothing can be heard in it: that is said, too.
    ears.next(Ok(""));
    house.send(ann, Medium::Voice, "", 1);
    assert!(house.until_heard(ann, 3).await[2].contains("couldn't open this"));
    assert_eq!(outcomes(&life.books().await), [("answered", 2)]);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_was_downloaded_is_not_downloaded_again_by_a_successor() {
    let (mut house, ears) = House::with_ears();
    let life = house.start();
    ears.0.open.send_replace(false);
    let ann = house.person("Ann");
    house.attach(ann, Medium::Voice, "v.ogg", b"OggS", "");
    pass(5_000).await;
    assert_eq!(ears.heard().len(), 1);
    assert_eq!(house.kept().len(), 1);
    cut_short(life).await;
    assert_eq!(house.kept().len(), 1, "its turn is not over");
    // The file cannot be had any more.
    house.lose_files();
    ears.0.open.send_replace(true);
    let life = house.start();
    assert!(house.until_heard(ann, 1).await[0].contains("what time is it?"));
    assert_eq!(ears.heard()[0], ears.heard()[1]);
    // Its turn is settled: the file goes.
    pass(10_000).await;
    assert_eq!(house.kept(), Vec::<String>::new());
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn what_was_heard_is_not_heard_again_by_a_successor() {
    let (mut house, ears) = House::with_ears();
    house.model.change(|now| now.fault = Fault::HoldAfter(0));
    let life = house.start();
    let ann = house.person("Ann");
    house.send(ann, Medium::Voice, "", 1);
    house.model.until(|now| now.running == 1).await;
    cut_short(life).await;
    // A correction drops the request that was kept; the words stay.
    let sql = "DELETE FROM requests";
    let store = rusqlite::Connection::open(&house.config.store.path).expect("the store exists");
    store.execute(sql, []).expect("the schema is known");
    drop(store);
    house.lose_files();
    house.model.change(|now| now.fault = Fault::Sound);
    let _life = house.start();
    assert!(house.until_heard(ann, 1).await[0].contains("what time is it?"));
    assert_eq!(ears.heard().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_forgotten_lies_in_no_folder() {
    let (mut house, ears) = House::with_ears();
    let life = house.start();
    ears.0.open.send_replace(false);
    let ann = house.person("Ann");
    house.send(ann, Medium::Voice, "", 1);
    pass(5_000).await;
    assert_eq!(house.kept().len(), 1);
    house.say(ann, "/forget");
    let asked = house.until_heard(ann, 1).await;
    assert!(asked[0].contains("erase everything"), "{asked:?}");
    let question = house.answers(ann)[0].id;
    let yes = crate::neighbours::buttons(&house.post(ann, question)).remove(0);
    house.press(Place::private(ann), question, &yes);
    house.until_heard(ann, 2).await;
    pass(1_000).await;
    assert_eq!(house.kept(), Vec::<String>::new());
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn a_start_removes_what_belongs_to_no_turn() {
    let mut house = House::new();
    let life = house.start();
    house.send(house.person("Ann"), Medium::Photo, "", 1);
    pass(20_000).await;
    assert_eq!(house.kept(), Vec::<String>::new());
    life.stop().await;
    let folder = format!("{}.media", house.config.store.path.display());
    for name in ["77-1-0.9-9.draft", "78-1-0", "1-1-0"] {
        std::fs::write(format!("{folder}/{name}"), "left").expect("the folder is there");
    }
    let _life = house.start();
    pass(1_000).await;
    assert_eq!(house.kept(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_cannot_be_written_costs_nothing_but_a_second_download() {
    let (mut house, ears) = House::with_ears();
    // A file in its place.
    let folder = format!("{}.media", house.config.store.path.display());
    std::fs::write(folder, "in the way").expect("a place for the store");
    let life = house.start();
    let ann = house.person("Ann");
    house.send(ann, Medium::Voice, "", 1);
    assert!(house.until_heard(ann, 1).await[0].contains("what time is it?"));
    assert_eq!(ears.heard().len(), 1);
    assert_balanced(&life.books().await);
}

/// Downloads are part of the turn, so no download decides what belongs together.
#[tokio::test(start_paused = true)]
async fn messages_are_grouped_by_their_arrival_however_slow_a_download_is() {
    let mut house = House::new();
    let scribe = house.scribe();
    let _life = house.start();
    let rule = FaultRule::once("getFile", Trouble::HangBefore);
    house.telegram.fault(rule);
    let ann = house.person("Ann");
    house.send(ann, Medium::Photo, "look", 1);
    pass(1_500).await;
    house.say(ann, "at this");
    // The window has closed, the download hangs.
    pass(4_000).await;
    house.say(ann, "another question");
    house.until_heard(ann, 2).await;
    let said: Vec<_> = scribe.requests().iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 2);
    assert!(said[0].contains("[photo] look") && said[0].contains("at this"));
    assert!(said[0].contains("image_url"), "it was asked for again");
    assert!(!said[0].contains("another question"));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_too_large_gets_one_friendly_sentence() {
    let mut house = House::new();
    house.config.media.file_max_bytes = 10;
    let scribe = house.scribe();
    let life = house.start();
    let ann = house.person("Ann");
    house.attach(ann, Medium::Document, "a.txt", b"more than ten", "");
    assert!(house.until_heard(ann, 1).await[0].contains("too large for me"));
    assert!(scribe.bytes().is_empty());
    house.attach(
        ann,
        Medium::Document,
        "a.txt",
        b"more than ten",
        "what is it?",
    );
    house.until_heard(ann, 2).await;
    assert_eq!(
        asked(&scribe),
        "[document a.txt, too large to be opened] what is it?"
    );
    house.lose_files();
    house.attach(ann, Medium::Document, "a.txt", b"ten", "");
    assert!(house.until_heard(ann, 3).await[2].contains("couldn't open this"));
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn a_model_that_refuses_media_is_asked_once_more_in_words() {
    let (mut house, ears) = House::with_ears();
    house.config.media.voice = Voice::Model;
    let scribe = house.scribe();
    let life = house.start();
    let refuse = |code, message: &str| {
        Twist::Refuse(LlmError::Status {
            code,
            message: message.to_owned(),
            retry_after: None,
        })
    };
    scribe.always(
        "image_url",
        refuse(404, "No endpoints found that support image input"),
    );
    let ann = house.person("Ann");
    house.send(ann, Medium::Photo, "what is this?", 1);
    assert!(house.until_heard(ann, 1).await[0].contains("what is this?"));
    assert_eq!(
        asked(&scribe),
        "[photo, which you cannot see] what is this?"
    );
    assert_eq!(scribe.bytes().len(), 2);
    // Nothing is left in words.
    house.send(ann, Medium::Photo, "", 1);
    assert!(house.until_heard(ann, 2).await[1].contains("in words"));
    assert_eq!(scribe.bytes().len(), 3);
    scribe.always("input_audio", refuse(400, "audio is not supported"));
    house.send(ann, Medium::Voice, "", 1);
    house.until_heard(ann, 3).await;
    assert_eq!(
        asked(&scribe),
        "[voice message, transcribed] what time is it?"
    );
    assert_eq!(ears.heard().len(), 1);
    assert_balanced(&life.books().await);
}

/// One that refuses everything is not asked for ever.
#[tokio::test(start_paused = true)]
async fn a_request_that_is_refused_without_media_too_fails() {
    let mut house = House::with(Offline::echo());
    let scribe = house.scribe();
    let life = house.start();
    let error = LlmError::Status {
        code: 400,
        message: "no".to_owned(),
        retry_after: None,
    };
    scribe.always("what", Twist::Refuse(error));
    let ann = house.person("Ann");
    house.send(ann, Medium::Photo, "what?", 1);
    house.until_heard(ann, 1).await;
    pass(120_000).await;
    assert_eq!(scribe.bytes().len(), 2);
    assert_eq!(outcomes(&life.books().await), [("failed", 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_model_known_to_see_nothing_is_shown_nothing() {
    let mut house = House::new();
    let blind = Modalities {
        image: false,
        audio: false,
    };
    let told = BTreeMap::from([("openrouter/auto".to_owned(), blind)]);
    house.senses.catalogue = Catalogue::told(told);
    let scribe = house.scribe();
    let _life = house.start();
    let ann = house.person("Ann");
    house.send(ann, Medium::Photo, "what is this?", 1);
    house.until_heard(ann, 1).await;
    assert_eq!(scribe.bytes().len(), 1);
    assert_eq!(
        asked(&scribe),
        "[photo, which you cannot see] what is this?"
    );
}
