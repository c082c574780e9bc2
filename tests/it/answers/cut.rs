//! Answers that end in the middle of code, how they go on, and what the model is
//! told before all of it.

use lastword::config::Format;
use lastword::llm::FinishReason;
use lastword::playground::bot_api::{Act, ChatKind, Place, Post};
use lastword::playground::offline::Fault;

use super::speaker;
use crate::house::{House, assert_balanced};
use crate::neighbours::{buttons, outcomes};
use crate::scribe::Twist;

/// What stands in a block of code of a message that is no file.
fn code(post: &Post) -> String {
    let content = post.content();
    if let Some(rich) = &content.rich {
        let inside = rich.source().split("```").nth(1).unwrap_or_default();
        return inside.split_once('\n').map_or("", |code| code.1).to_owned();
    }
    let pre = content.entities.iter().find(|e| e["type"] == "pre");
    let pre = pre.expect("a block of code");
    let place = |key: &str| pre[key].as_u64().expect("a number") as usize;
    let letters = content.text.chars();
    letters
        .skip(place("offset"))
        .take(place("length"))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn what_we_say_below_an_answer_that_was_cut_in_code_is_no_code() {
    for format in [Format::Rich, Format::Entities] {
        let mut house = House::with(speaker("Look:\n\n```rust\nlet one = 1;\nlet two = 2;\n```"));
        house.config.reply.format = format;
        let scribe = house.scribe();
        let life = house.start();
        let ann = house.person("Ann");
        scribe.twist(Twist::Say(
            "Look:\n\n```rust\nlet one",
            FinishReason::Length,
        ));
        house.say(ann, "some code");
        let heard = house.until_heard(ann, 1).await;
        assert!(heard[0].contains("✂"), "{heard:?}");
        assert_eq!(code(&house.answers(ann)[0]).trim_end(), "let one");
        assert_balanced(&life.books().await);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_stopped_in_code_is_told_so_below_it() {
    let model = speaker("```rust\nlet one = 1; let two = 2; let three = 3;\n```");
    model.change(|now| now.fault = Fault::HoldAfter(24));
    let mut house = House::with(model);
    let life = house.start();
    let ann = house.person("Ann");
    house.say(ann, "some code");
    house
        .until("code is seen", |house| {
            house
                .drafts(ann)
                .iter()
                .any(|draft| draft.contains("let one"))
        })
        .await;
    house.act(Act::Stop {
        place: Place::private(ann),
        draft_id: None,
    });
    let heard = house.until_heard(ann, 1).await;
    assert!(heard[0].ends_with("\n```\n\n⏹ Stopped"), "{heard:?}");
    assert_eq!(outcomes(&life.books().await), [("cancelled", 1)]);
}

#[tokio::test(start_paused = true)]
async fn code_goes_on_as_code_and_words_as_words_however_often_it_is_cut() {
    let mut house = House::new();
    let scribe = house.scribe();
    let life = house.start();
    let ann = house.person("Ann");
    let (length, stop) = (FinishReason::Length, FinishReason::Stop);
    scribe.twist(Twist::Say("Look:\n\n```rust\nlet one = 1;", length));
    house.say(ann, "some code");
    house.until_heard(ann, 1).await;
    for (number, (said, end)) in [
        ("let two = 2;\n", length),
        ("let six = 6;\n```\n\nDone.", stop),
    ]
    .into_iter()
    .enumerate()
    {
        let post = house.answers(ann).pop().expect("an answer");
        let go_on = buttons(&post).pop().expect("it can go on");
        assert!(go_on.starts_with("continue:"), "{go_on}");
        scribe.twist(Twist::Say(said, end));
        house.press(Place::private(ann), post.id, &go_on);
        let heard = house.until_heard(ann, number + 2).await;
        assert!(
            heard[number + 1].starts_with(&format!("```rust\n{said}")),
            "{heard:?}"
        );
    }
    // A whole answer leaves nothing open.
    scribe.twist(Twist::Say("Plain words.", stop));
    house.say(ann, "thanks");
    assert_eq!(house.until_heard(ann, 4).await[3], "Plain words.");
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn the_model_is_told_where_it_talks_and_in_which_language() {
    let mut house = House::new();
    let scribe = house.scribe();
    let _life = house.start();
    let ann = house.person("Ann");
    house
        .telegram
        .speak(ann, Some("pt-br"))
        .expect("there is such a person");
    let group = house.group(ChatKind::Supergroup, &[ann]);
    house.say(ann, "hello");
    house.until_heard(ann, 1).await;
    house.say_at(Place::group(ann, group), "@lastword_bot hello");
    house
        .until("both are answered", |_| scribe.bytes().len() == 2)
        .await;
    let first = |number: usize| scribe.requests()[number]["messages"][0].to_string();
    let private = first(0);
    assert!(
        private.contains("talking with Ann in a private chat."),
        "{private}"
    );
    assert!(private.contains("or else in pt-br."), "{private}");
    assert!(!first(1).contains("a private chat"), "{}", first(1));
}
