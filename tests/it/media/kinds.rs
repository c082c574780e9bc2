//! Every kind of medium and what the model is given of it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lastword::config::{BaseUrl, Voice};
use lastword::llm::modalities::{Catalogue, Modalities};
use lastword::media::picture;
use lastword::playground::bot_api::{Act, Medium, Place};
use serde_json::json;

use super::{asked, bomb, pieces, png, swollen_letter};
use crate::house::{House, assert_balanced};

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
5 0 obj\n<</Length 49>>\nstream\nBT /F 12 Tf 50 700 Td (The meeting is at 9) Tj ET\nendstream\nendobj\n\
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
                "[voice message, transcribed] what time is it?"
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
async fn a_transcript_is_remembered() {
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

/// Who asks about a photo a moment later, or points at it, wants it looked at.
#[tokio::test(start_paused = true)]
async fn a_photo_is_looked_at_again_when_it_is_spoken_of_later() {
    let mut house = House::new();
    let scribe = house.scribe();
    let life = house.start();
    let ann = house.person("Ann");
    let photo = house.send(ann, Medium::Photo, "my cat", 1).message();
    house.until_heard(ann, 1).await;
    house.say(ann, "what colour is it?");
    house.until_heard(ann, 2).await;
    let pictures = |scribe: &crate::scribe::Scribe| {
        let request = scribe.requests().pop().expect("something was asked");
        let messages = request["messages"].as_array().expect("a list").clone();
        messages
            .iter()
            .map(|message| message.to_string().matches("image_url\"").count() / 2)
            .collect::<Vec<_>>()
    };
    // System prompt, photo, answer, question.
    assert_eq!(pictures(&scribe), [0, 1, 0, 0]);
    assert_eq!(scribe.said()[0].1, "[photo] my cat");
    // Pointed at it is shown there, once, also when it is out of the history.
    let place = Place::private(ann);
    house.say_at(place.clone().reply_to(photo), "and now?");
    house.until_heard(ann, 3).await;
    assert_eq!(pictures(&scribe), [0, 0, 0, 0, 0, 1]);
    house.say(ann, "/new");
    house.until_heard(ann, 4).await;
    house.say_at(place.reply_to(photo), "who is it?");
    house.until_heard(ann, 5).await;
    assert_eq!(pictures(&scribe), [0, 1]);
    // Gone, it is not missed.
    house.lose_files();
    house.say(ann, "still there?");
    house.until_heard(ann, 6).await;
    assert!(asked(&scribe).contains("still there?"));
    assert_balanced(&life.books().await);
}
