//! Files that people send, with the real binary: questions in documents, and the
//! process of its own in which each file is read.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use lastword::media::child::Child;
use lastword::media::picture;
use lastword::media::prepare::{Job, Prepared, Preparer, Unprepared};
use lastword::playground::bot_api::{Act, Attachment, Medium, Place};

use super::{Real, Transport};

impl Real {
    /// The same in a text file; its caption says so.
    pub(crate) fn ask_in_a_document(&self, place: &Place) {
        let mut asked = self.asked.lock().expect("plain data");
        let word = format!("q{:05}", asked.len());
        let caption = format!("@{} what is in {word}", self.telegram.bot().username);
        let act = Act::Attach {
            place: place.clone(),
            file: Attachment {
                medium: Medium::Document,
                name: Some("question.txt".to_owned()),
                mime: Some("text/plain".to_owned()),
                base64: STANDARD.encode(&word),
            },
            caption,
        };
        asked.push((place.chat.unwrap_or(place.person), word));
        self.telegram.act(act).expect("people may send files");
    }
}

fn program() -> Child {
    Child::of(
        env!("CARGO_BIN_EXE_lastword").into(),
        Duration::from_secs(60),
    )
}

fn document(name: &str) -> Job {
    Job::Document {
        name: name.to_owned(),
        mime: String::new(),
        chars: 1_000,
        pages: 10,
    }
}

#[tokio::test]
async fn the_program_reads_a_file_in_a_process_of_its_own() {
    let child = program();
    let words = Bytes::from_static(b"some words\n");
    let read = child.prepare(document("a.txt"), words).await;
    assert_eq!(read, Ok(Prepared::Text("some words".to_owned())));
    let picture = crate::media::png(300, 200);
    match child.prepare(Job::Picture { edge: 90 }, picture).await {
        Ok(Prepared::Picture { mime, bytes }) => {
            assert_eq!(
                (mime.as_str(), picture::size(&bytes)),
                ("image/jpeg", Some((90, 60)))
            );
        }
        other => panic!("{other:?}"),
    }
    let nothing = child
        .prepare(document("a.bin"), Bytes::from_static(b"\0\0"))
        .await;
    assert_eq!(nothing, Err(Unprepared::Unknown));
}

/// Hundreds of pictures of 100 megapixels would fill any machine: each is read
/// within the limits of its process, or costs that process.
#[tokio::test]
async fn what_is_too_large_inside_costs_its_own_process_only() {
    let child = program();
    for bomb in [crate::media::bomb(), crate::media::swollen_letter()] {
        for job in [Job::Picture { edge: 2_048 }, document("a.docx")] {
            let read = child.prepare(job, bomb.clone()).await;
            assert!(read.is_err(), "{read:?}");
        }
    }
    let words = Bytes::from_static(b"still there");
    let read = child.prepare(document("a.txt"), words).await;
    assert_eq!(read, Ok(Prepared::Text("still there".to_owned())));
}

#[tokio::test]
async fn a_process_whose_time_is_over_is_ended() {
    let hanging = Child::of("/bin/cat".into(), Duration::from_millis(200));
    let sleeping = Child::of("/bin/sleep".into(), Duration::from_millis(200));
    for child in [hanging, sleeping] {
        let read = child
            .prepare(document("a.txt"), Bytes::from_static(b"x"))
            .await;
        assert!(matches!(read, Err(Unprepared::TooMuch { .. })), "{read:?}");
    }
}

/// The whole way with the real program: told by Telegram, downloaded, read in
/// its process, and asked about.
#[tokio::test]
async fn a_question_in_a_document_is_answered_by_the_real_program() {
    let real = Real::new(Transport::Polling).await;
    let ann = real.person("Ann");
    let process = real.spawn();
    real.ask_in_a_document(&Place::private(ann));
    real.until_heard(ann, "q00000").await;
    drop(process);
}
