//! Long answers as a file: what stands beside it, what is in it, where it may
//! not be sent, and that it comes once, whatever is cut.

use lastword::config::{Format, Uncertain};
use lastword::llm::FinishReason;
use lastword::playground::bot_api::{ChatKind, Fault as Trouble, FaultRule, Place, Post};
use lastword::playground::offline::{Offline, Voice};
use lastword::shutdown::Cause;

use crate::house::{House, assert_balanced};
use crate::neighbours::{buttons, outcomes, pass};
use crate::scribe::Twist;

/// 20 000 characters in sections, with code.
fn essay() -> String {
    let section = |n: usize| {
        let words = format!("Section {n} goes on and on. ").repeat(40);
        format!("## Part {n}\n\n{words}\n\n```rust\nlet n = {n};\n```\n\n")
    };
    let sections: String = (0..18).map(section).collect();
    format!("# On cats & dogs\n\nA short word first.\n\n{sections}The end.")
}

fn writer() -> Offline {
    let model = Offline::echo();
    model.change(|now| {
        now.voice = Voice::Fixed(essay());
        now.pace.words = 2_000;
    });
    model
}

fn file(post: &Post) -> Option<String> {
    let document = post.extra.get("document")?;
    document["file_name"].as_str().map(str::to_owned)
}

fn files(house: &House, chat: i64) -> Vec<Post> {
    let posts = house.answers(chat).into_iter();
    posts.filter(|post| file(post).is_some()).collect()
}

async fn until_file(house: &House, chat: i64) {
    house
        .until("the file is there", |house| !files(house, chat).is_empty())
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_very_long_answer_is_a_file_beside_its_beginning() {
    for format in [Format::Rich, Format::Entities] {
        for private in [true, false] {
            let mut house = House::with(writer());
            house.config.reply.format = format;
            let life = house.start();
            let ann = house.person("Ann");
            let group = house.group(ChatKind::Supergroup, &[ann]);
            let (chat, place) = match private {
                true => (ann, Place::private(ann)),
                false => (group, Place::group(ann, group)),
            };
            house.say_at(place, "@lastword_bot all about cats");
            until_file(&house, chat).await;
            pass(30_000).await;
            let posts = house.answers(chat);
            assert_eq!(posts.len(), 2, "a beginning and a file");
            let beginning = posts[0].content().seen();
            assert!(beginning.contains("A short word first."), "{beginning}");
            assert!(beginning.contains("in the file below"), "{beginning}");
            assert!(beginning.chars().count() < 1_000, "{beginning}");
            assert_eq!(file(&posts[1]).as_deref(), Some("On-cats-dogs.md"));
            let held = house.telegram.document(chat, posts[1].id).expect("a file");
            assert_eq!(String::from_utf8_lossy(&held), essay());
            // The buttons are under the last message of it.
            assert!(buttons(&posts[0]).is_empty());
            assert!(buttons(&posts[1])[0].starts_with("again:"));
            let books = life.books().await;
            assert_balanced(&books);
            assert_eq!(outcomes(&books), [("answered", 1)]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn settings_decide_what_is_a_file() {
    for (above, expected) in [(0, 0), (100_000, 0), (1_000, 1)] {
        let mut house = House::with(writer());
        house.config.reply.file_above = above;
        let life = house.start();
        let ann = house.person("Ann");
        house.say(ann, "all about cats");
        house
            .until("it is answered", |house| !house.answers(ann).is_empty())
            .await;
        pass(60_000).await;
        assert_eq!(files(&house, ann).len(), expected, "{above}");
        assert_balanced(&life.books().await);
    }
}

#[tokio::test(start_paused = true)]
async fn where_files_are_not_allowed_all_of_it_comes_in_messages() {
    for words in [
        "Bad Request: not enough rights to send documents to the chat",
        "Bad Request: CHAT_SEND_DOCS_FORBIDDEN",
        "Bad Request: nobody has ever seen this",
    ] {
        let mut house = House::with(writer());
        let life = house.start();
        let ann = house.person("Ann");
        let refused = Trouble::Refuse {
            code: 400,
            description: Some(words.to_owned()),
            retry_after_s: None,
        };
        house
            .telegram
            .fault(FaultRule::always("sendDocument", refused));
        house.say(ann, "all about cats");
        house
            .until("the end is there", |house| {
                house
                    .heard(ann)
                    .iter()
                    .any(|text| text.contains("The end."))
            })
            .await;
        pass(30_000).await;
        let all = house.heard(ann).join("\n");
        for n in 0..18 {
            assert!(
                all.contains(&format!("let n = {n};")),
                "part {n} is missing"
            );
        }
        let last = house.answers(ann).pop().expect("an answer");
        assert!(buttons(&last)[0].starts_with("again:"));
        assert_eq!(house.telegram.counts()["sendDocument"].calls, 1);
        let books = life.books().await;
        assert_balanced(&books);
        assert_eq!(outcomes(&books), [("answered", 1)]);
    }
}

/// Cut at each side of the call, with and without the end of the process: one
/// file, found by its caption where it had arrived.
#[tokio::test(start_paused = true)]
async fn a_file_comes_once_whatever_is_cut() {
    for dies in [false, true] {
        for (trouble, arrived) in [
            (Trouble::CutBefore, false),
            (Trouble::CutAfter, true),
            (Trouble::HangBefore, false),
            (Trouble::HangAfter, true),
        ] {
            let hangs = matches!(trouble, Trouble::HangBefore | Trouble::HangAfter);
            let mut house = House::with(writer());
            let life = house.start();
            let (ann, ben) = (house.person("Ann"), house.person("Ben"));
            house
                .telegram
                .fault(FaultRule::once("sendDocument", trouble.clone()));
            house.say(ann, "all about cats");
            house
                .until("the file is sent", |house| {
                    let sent = house.telegram.counts();
                    match hangs {
                        true => house.telegram.hanging() == 1,
                        false => sent.get("sendDocument").is_some_and(|n| n.failed > 0),
                    }
                })
                .await;
            let life = match dies {
                true => {
                    life.shutdown.stop(Cause::Terminate);
                    pass(1).await;
                    life.shutdown.stop(Cause::Terminate);
                    life.ended().await;
                    house.telegram.clear_faults();
                    house.start()
                }
                false => life,
            };
            // What hangs before it is carried out may be so for as long as the
            // call lasts, and no longer: its connection is gone.
            pass(30_000).await;
            if arrived && hangs {
                house.telegram.release();
            }
            // Somebody else gives the ids after it.
            house.say(ben, "/help");
            pass(120_000).await;
            let found = files(&house, ann);
            assert_eq!(found.len(), 1, "{trouble:?} {dies}: {:?}", house.heard(ann));
            let held = house.telegram.document(ann, found[0].id).expect("a file");
            assert_eq!(String::from_utf8_lossy(&held), essay());
            assert!(buttons(&found[0])[0].starts_with("again:"));
            let books = life.books().await;
            assert_balanced(&books);
            assert_eq!(outcomes(&books), [("answered", 1)]);
            assert_eq!(books.bound, u64::from(arrived), "{trouble:?} {dies}");
            assert_eq!(house.answers(ann).len(), 2);
        }
    }
}

/// Nothing but the file itself is touched in looking for it, and where nothing
/// can be proven the operator has decided.
#[tokio::test(start_paused = true)]
async fn a_file_that_cannot_be_looked_for_is_sent_again_with_a_mark_or_left() {
    for (uncertain, copies) in [(Uncertain::Resend, 2), (Uncertain::Hold, 1)] {
        let mut house = House::with(writer());
        house.config.reply.probe_range = 0;
        house.config.reply.uncertain = uncertain;
        let life = house.start();
        let ann = house.person("Ann");
        house
            .telegram
            .fault(FaultRule::once("sendDocument", Trouble::CutAfter));
        house.say(ann, "all about cats");
        until_file(&house, ann).await;
        pass(120_000).await;
        let found = files(&house, ann);
        assert_eq!(found.len(), copies);
        if copies == 2 {
            assert!(found[1].content().seen().ends_with('↻'));
        }
        assert_balanced(&life.books().await);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_a_file_can_be_shortened() {
    let model = writer();
    let mut house = House::with(model.clone());
    let life = house.start();
    let ann = house.person("Ann");
    house.say(ann, "all about cats");
    until_file(&house, ann).await;
    pass(3_000).await;
    model.change(|now| now.voice = Voice::Fixed("Cats sleep.".to_owned()));
    let last = house.answers(ann).pop().expect("a file");
    house.press(Place::private(ann), last.id, "shorter:");
    assert_eq!(house.until_heard(ann, 3).await[2], "Cats sleep.");
    house
        .until("the file has no buttons", |house| {
            buttons(&house.post(ann, last.id)).is_empty()
        })
        .await;
    assert!(file(&house.post(ann, last.id)).is_some());
    assert_balanced(&life.books().await);
}

/// What was cut says so beside its file, too, and of code its first lines are
/// seen.
#[tokio::test(start_paused = true)]
async fn beside_the_file_of_a_cut_answer_stands_that_it_was_cut() {
    let code = format!("Here it is:\n\n```rust\n{}", "let a = 1;\n".repeat(1_800));
    for said in [essay(), code] {
        let said: &'static str = String::leak(said);
        let mut house = House::new();
        let scribe = house.scribe();
        let life = house.start();
        let ann = house.person("Ann");
        scribe.twist(Twist::Say(said, FinishReason::Length));
        house.say(ann, "all about cats");
        until_file(&house, ann).await;
        let posts = house.answers(ann);
        let beginning = posts[0].content().seen();
        let (summary, ours) = beginning.split_once("✂").expect("it says so");
        assert!(ours.contains("in the file below"), "{beginning}");
        assert!(
            summary.chars().count() > 400 || !said.starts_with("Here"),
            "{beginning}"
        );
        assert_eq!(summary.matches("```").count() % 2, 0, "{beginning}");
        assert_eq!(said.starts_with("Here"), summary.contains("let a = 1;"));
        let held = house.telegram.document(ann, posts[1].id).expect("a file");
        assert_eq!(String::from_utf8_lossy(&held), said);
        assert_balanced(&life.books().await);
    }
}
