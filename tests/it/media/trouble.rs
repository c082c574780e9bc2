//! Files that cannot be had, ears that are away, models that refuse.

use std::collections::BTreeMap;

use lastword::config::Voice;
use lastword::llm::LlmError;
use lastword::llm::modalities::{Catalogue, Modalities};
use lastword::playground::bot_api::{Fault as Trouble, FaultRule, Medium};
use lastword::playground::offline::Offline;

use super::asked;
use crate::house::{House, assert_balanced};
use crate::neighbours::{outcomes, pass};
use crate::scribe::Twist;

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
    // The window has closed, the download hangs; it is asked for again.
    house.until_heard(ann, 1).await;
    pass(60_000).await;
    let said: Vec<_> = scribe.requests().iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 1);
    assert!(said[0].contains("[photo] look") && said[0].contains("at this"));
    assert!(said[0].contains("image_url"), "{said:?}");
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

/// What passes costs no file: the question waits for it, and is seen once.
#[tokio::test(start_paused = true)]
async fn an_outage_of_telegram_delays_a_question_about_files_and_costs_none() {
    for fault in [
        Trouble::Gateway { code: 502 },
        Trouble::Unreachable,
        Trouble::Refuse {
            code: 429,
            description: None,
            retry_after_s: Some(30),
        },
    ] {
        let mut house = House::new();
        let scribe = house.scribe();
        let life = house.start();
        let rule = FaultRule {
            times: Some(12),
            ..FaultRule::once("getFile", fault.clone())
        };
        house.telegram.fault(rule);
        let ann = house.person("Ann");
        house.send(ann, Medium::Photo, "", 1);
        house.until_heard(ann, 1).await;
        pass(600_000).await;
        assert_eq!(house.heard(ann).len(), 1, "{fault:?}");
        let said: Vec<_> = scribe.requests().iter().map(ToString::to_string).collect();
        assert!(said.len() == 1 && said[0].contains("image_url"), "{said:?}");
        assert!(house.telegram.counts()["getFile"].calls >= 12, "{fault:?}");
        let books = life.books().await;
        assert_balanced(&books);
        assert_eq!(outcomes(&books), [("answered", 1)], "{fault:?}");
    }
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
