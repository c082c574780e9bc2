//! What an answer looks like: its form, its growth, its parts, and what the
//! bot says about what it cannot read.

use std::time::Duration;

use lastword::config::Format;
use lastword::llm::FinishReason;
use lastword::playground::bot_api::{Fault as Trouble, FaultRule, Medium, Place, Seen};
use lastword::playground::offline::{Fault, Offline, Voice};
use lastword::shutdown::Cause;

use crate::house::{House, assert_balanced};
use crate::neighbours::{outcomes, pass};
use crate::scribe::Twist;

mod cut;

const MARKED: &str = "It is **bold** and `code`.\n\n- one\n- two";

fn speaker(text: &str) -> Offline {
    let model = Offline::echo();
    model.change(|now| now.voice = Voice::Fixed(text.to_owned()));
    model
}

fn refusal() -> Trouble {
    Trouble::Refuse {
        code: 400,
        description: Some("Bad Request: can't parse entities".to_owned()),
        retry_after_s: None,
    }
}

#[tokio::test(start_paused = true)]
async fn answers_are_rich_where_that_exists_and_classic_where_it_does_not() {
    let mut house = House::with(speaker(MARKED));
    let life = house.start();
    let ann = house.person("Ann");
    house.say(ann, "show me");
    house.until_heard(ann, 1).await;
    assert!(house.answers(ann)[0].content().rich.is_some());
    house.telegram.configure(|server| server.rich = false);
    for round in 2..4 {
        house.say(ann, "show me again");
        house.until_heard(ann, round).await;
        let content = house.answers(ann)[round - 1].content().clone();
        assert!(content.rich.is_none());
        assert!(content.text.contains("It is bold and code."), "{content:?}");
        assert!(!content.entities.is_empty());
    }
    let tries = house.telegram.counts();
    let failed = |name| tries.get(name).map_or(0, |count| count.failed);
    let failed = failed("sendRichMessage") + failed("sendRichMessageDraft");
    assert!(
        failed <= 2,
        "an unknown method is not asked for ever: {tries:?}"
    );
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn entities_are_a_matter_of_configuration() {
    let mut house = House::with(speaker(MARKED));
    house.config.reply.format = Format::Entities;
    let _life = house.start();
    let ann = house.person("Ann");
    house.say(ann, "show me");
    assert!(house.until_heard(ann, 1).await[0].contains("It is bold and code."));
    let tries = house.telegram.counts();
    assert!(!tries.contains_key("sendRichMessage"), "{tries:?}");
}

#[tokio::test(start_paused = true)]
async fn a_refused_form_never_costs_the_answer() {
    let mut house = House::with(speaker(MARKED));
    let life = house.start();
    let ann = house.person("Ann");
    house
        .telegram
        .fault(FaultRule::once("sendRichMessage", refusal()));
    house.say(ann, "one");
    house.until_heard(ann, 1).await;
    assert!(!house.answers(ann)[0].content().entities.is_empty());
    house
        .telegram
        .fault(FaultRule::once("sendRichMessage", refusal()));
    house
        .telegram
        .fault(FaultRule::once("sendMessage", refusal()));
    house.say(ann, "two");
    let heard = house.until_heard(ann, 2).await;
    assert!(
        heard[1].contains("bold") && heard[1].contains("two"),
        "{heard:?}"
    );
    // A 400 says nothing about the next answer.
    house.say(ann, "three");
    house.until_heard(ann, 3).await;
    assert!(house.answers(ann)[2].content().rich.is_some());
    pass(30_000).await;
    assert_eq!(house.heard(ann).len(), 3);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn long_answers_arrive_in_parts_in_order_and_whole() {
    for (format, least) in [(Format::Rich, 2), (Format::Entities, 11)] {
        let words: Vec<String> = (0..6_000).map(|n| format!("w{n:05}")).collect();
        let text: Vec<String> = words.chunks(60).map(|chunk| chunk.join(" ")).collect();
        let model = speaker(&format!("{}\n\n**end**", text.join("\n\n")));
        model.change(|now| now.pace.words = 500);
        let mut house = House::with(model);
        house.config.reply.format = format;
        house.config.reply.file_above = 0;
        let life = house.start();
        let ann = house.person("Ann");
        house.say(ann, "everything");
        house
            .until("the last part is there", |house| {
                house
                    .heard(ann)
                    .last()
                    .is_some_and(|text| text.contains("end"))
            })
            .await;
        pass(30_000).await;
        let heard = house.heard(ann);
        assert!(heard.len() >= least, "{}", heard.len());
        let all = heard.join(" ");
        let mut found = all.split_whitespace().filter(|word| word.starts_with('w'));
        for word in &words {
            assert_eq!(found.next(), Some(word.as_str()));
        }
        assert!(found.next().is_none());
        assert_balanced(&life.books().await);
    }
}

#[tokio::test(start_paused = true)]
async fn drafts_grow_about_once_a_second_and_are_gone_with_the_answer() {
    let words: Vec<String> = (0..40).map(|n| format!("word{n}")).collect();
    let model = speaker(&words.join(" "));
    model.change(|now| {
        now.pace.between = Duration::from_millis(200);
        now.pace.words = 1;
    });
    let mut house = House::with(model);
    let _life = house.start();
    let ann = house.person("Ann");
    house.say(ann, "count");
    house.until_heard(ann, 1).await;
    pass(60_000).await;
    let events = house.seen(ann);
    let answered = events
        .iter()
        .position(|e| matches!(&e.seen, Seen::Message { text, .. } if text.contains("word39")))
        .expect("an answer");
    let drafts: Vec<_> = events
        .iter()
        .enumerate()
        .filter_map(|(at, event)| match &event.seen {
            Seen::Draft {
                draft_id,
                text,
                can_stop,
            } => Some((at, event.at, *draft_id, text.clone(), *can_stop)),
            _ => None,
        })
        .collect();
    assert!(drafts.len() >= 6, "{drafts:?}");
    assert!(
        drafts.iter().all(|draft| draft.0 < answered),
        "after the answer"
    );
    assert!(drafts.iter().all(|draft| draft.2 == drafts[0].2 && draft.4));
    for two in drafts.windows(2) {
        assert!(two[1].1 - two[0].1 >= 500, "faster than an eye can follow");
    }
    for many in drafts.windows(8) {
        assert!(many[7].1 - many[0].1 >= 4_000, "more than one a second");
    }
    for two in drafts[1..].windows(2) {
        assert!(two[0].3.len() < two[1].3.len(), "it shrank: {two:?}");
    }
    assert!(house.chat(ann).drafts.is_empty());
}

#[tokio::test(start_paused = true)]
async fn typing_is_shown_from_the_message_to_the_answer_and_not_beyond() {
    let model = Offline::echo();
    model.change(|now| now.pace.first = Duration::from_secs(17));
    let mut house = House::with(model);
    let _life = house.start();
    let ann = house.person("Ann");
    pass(1_000).await;
    for round in 1..3 {
        let begun = house.clock.now();
        house.say(ann, "hello");
        house.until_heard(ann, round).await;
        let answered = house.clock.now();
        pass(60_000).await;
        let signs = house.chat(ann).typing;
        let covered = |at| {
            signs
                .iter()
                .any(|(from, until)| (*from..=*until).contains(&at))
        };
        for at in (begun + 100..answered).step_by(500) {
            assert!(covered(at), "not typing {} ms in: {signs:?}", at - begun);
        }
        assert!(!covered(answered + 1_000), "typing after the answer");
    }
    // Nor behind a command's reply.
    house.say(ann, "/help");
    house.until_heard(ann, 3).await;
    let signs = house.chat(ann).typing.len();
    pass(60_000).await;
    assert_eq!(house.chat(ann).typing.len(), signs);
}

#[tokio::test(start_paused = true)]
async fn what_the_bot_cannot_read_gets_one_friendly_sentence() {
    let mut house = House::new();
    let scribe = house.scribe();
    let life = house.start();
    for (field, words) in [
        ("voice", "can't listen"),
        ("document", "can't open this kind of file"),
        ("story", "in words"),
    ] {
        let ann = house.person("Ann");
        match field {
            "voice" => drop(house.send(ann, Medium::Voice, "", 1)),
            "document" => drop(house.send(ann, Medium::Document, "", 1)),
            _ => house.share(ann, field, serde_json::json!({})),
        }
        let heard = house.until_heard(ann, 1).await;
        assert!(heard[0].contains(words), "{field}: {heard:?}");
        pass(30_000).await;
        assert_eq!(house.heard(ann).len(), 1);
    }
    assert!(scribe.bytes().is_empty(), "the model was asked");
    // With words beside it the words are answered.
    let ben = house.person("Ben");
    house.send(ben, Medium::Document, "what is this?", 1);
    assert!(house.until_heard(ben, 1).await[0].contains("what is this?"));
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn photos_reach_the_model_and_a_lost_one_is_spoken_of() {
    let mut house = House::new();
    let scribe = house.scribe();
    let life = house.start();
    let ann = house.person("Ann");
    house.send(ann, Medium::Photo, "my cat", 2);
    assert!(house.until_heard(ann, 1).await[0].contains("my cat"));
    let request = scribe.requests().remove(0).to_string();
    let pictures = request.matches("data:image/png;base64,iVBOR").count();
    assert_eq!(pictures, 2, "{request}");
    let gone = Trouble::Refuse {
        code: 400,
        description: Some("Bad Request: file is too big".to_owned()),
        retry_after_s: None,
    };
    house.telegram.fault(FaultRule::always("getFile", gone));
    house.send(ann, Medium::Photo, "", 1);
    assert!(house.until_heard(ann, 2).await[1].contains("too large for me"));
    assert_eq!(scribe.bytes().len(), 1);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn a_question_about_a_photo_says_that_it_is_one() {
    let mut house = House::new();
    let scribe = house.scribe();
    let _life = house.start();
    let ann = house.person("Ann");
    let photo = house.send(ann, Medium::Photo, "", 1).message();
    house.until_heard(ann, 1).await;
    house.say_at(Place::private(ann).reply_to(photo), "where was this?");
    house.until_heard(ann, 2).await;
    let (_, asked) = scribe.said().pop().expect("something was said");
    assert!(asked.contains("[In reply to Ann [photo]]"), "{asked}");
}

#[tokio::test(start_paused = true)]
async fn a_successor_asks_about_a_photo_with_the_same_bytes() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    let scribe = house.scribe();
    model.change(|now| now.fault = Fault::HoldAfter(4));
    let life = house.start();
    let ann = house.person("Ann");
    house.send(ann, Medium::Photo, "who is this?", 1);
    model.until(|counts| counts.running == 1).await;
    pass(2_000).await;
    life.shutdown.stop(Cause::Terminate);
    pass(1_000).await;
    life.shutdown.stop(Cause::Terminate);
    life.ended().await;
    // The photo itself cannot be had any more.
    let gone = Trouble::Refuse {
        code: 400,
        description: None,
        retry_after_s: None,
    };
    house.telegram.fault(FaultRule::always("getFile", gone));
    model.change(|now| now.fault = Fault::Sound);
    let life = house.start();
    assert!(house.until_heard(ann, 1).await[0].contains("who is this?"));
    let asked = scribe.bytes();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0], asked[1]);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_reached_its_length_is_kept_and_says_so() {
    let mut house = House::new();
    let scribe = house.scribe();
    let life = house.start();
    let ann = house.person("Ann");
    scribe.twist(Twist::Say("The story begins", FinishReason::Length));
    house.say(ann, "a story");
    let heard = house.until_heard(ann, 1).await;
    assert!(heard[0].starts_with("The story begins\n\n✂"), "{heard:?}");
    house.say(ann, "yes");
    house.until_heard(ann, 2).await;
    assert_eq!(scribe.said()[1].1, "The story begins", "the note is ours");
    assert_eq!(outcomes(&life.books().await), [("answered", 2)]);
}
