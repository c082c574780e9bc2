//! Buttons: Stop under a draft, Stop in groups, Retry under an apology.

use lastword::llm::LlmError;
use lastword::playground::bot_api::{Act, ChatKind, Place, Seen};
use lastword::playground::offline::{Fault, Offline, Voice};

use crate::house::{House, assert_balanced};
use crate::neighbours::{buttons, outcomes, pass};
use crate::scribe::Twist;

const STORY: &str = "Once upon a time there was a **mill** by the river, and in it lived a cat.";

fn teller() -> Offline {
    let model = Offline::echo();
    model.change(|now| {
        now.voice = Voice::Fixed(STORY.to_owned());
        now.fault = Fault::HoldAfter(30);
    });
    model
}

#[tokio::test(start_paused = true)]
async fn stop_under_a_draft_keeps_what_was_written_in_one_message() {
    let model = teller();
    let mut house = House::with(model.clone());
    let life = house.start();
    let ann = house.person("Ann");
    house.say(ann, "a story");
    house
        .until("a draft shows words", |house| {
            house.drafts(ann).iter().any(|text| text.contains("Once"))
        })
        .await;
    let begun = house.clock.now();
    let place = Place::private(ann);
    house.act(Act::Stop {
        place,
        draft_id: None,
    });
    let heard = house.until_heard(ann, 1).await;
    assert!(house.clock.now() - begun <= 500, "the Stop was heard late");
    assert!(heard[0].starts_with("Once upon a time"), "{heard:?}");
    assert!(heard[0].ends_with("⏹ Stopped"), "{heard:?}");
    pass(60_000).await;
    assert_eq!(house.heard(ann).len(), 1);
    assert!(house.chat(ann).drafts.is_empty());
    assert_eq!(model.counts().asked(), 1);
    let books = life.books().await;
    assert_balanced(&books);
    assert_eq!(outcomes(&books), [("cancelled", 1)]);
}

#[tokio::test(start_paused = true)]
async fn stop_can_be_pressed_before_the_first_word() {
    let model = teller();
    model.change(|now| now.fault = Fault::HoldAfter(0));
    let mut house = House::with(model.clone());
    let life = house.start();
    let ann = house.person("Ann");
    house.say(ann, "think hard");
    house
        .until("there is a Stop button", |house| {
            house.chat(ann).drafts.iter().any(|draft| draft.can_stop)
        })
        .await;
    house.act(Act::Stop {
        place: Place::private(ann),
        draft_id: None,
    });
    assert_eq!(house.until_heard(ann, 1).await, ["⏹ Stopped"]);
    pass(60_000).await;
    assert_eq!(house.heard(ann).len(), 1);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn a_draft_does_not_vanish_while_the_model_pauses() {
    let model = teller();
    let mut house = House::with(model.clone());
    house.config.llm.between_contents = std::time::Duration::from_secs(200);
    let _life = house.start();
    let ann = house.person("Ann");
    house.say(ann, "a story");
    model.until(|counts| counts.running == 1).await;
    pass(100_000).await;
    assert_eq!(house.draft_ends(ann), [], "the draft left the screen");
    model.change(|now| now.fault = Fault::Sound);
    assert_eq!(house.until_heard(ann, 1).await, [STORY]);
}

#[tokio::test(start_paused = true)]
async fn in_groups_the_asker_and_administrators_may_stop_and_strangers_may_not() {
    let model = teller();
    let mut house = House::with(model.clone());
    let life = house.start();
    let people = ["Olga", "Ann", "Ben"].map(|name| house.person(name));
    let [owner, ann, ben] = people;
    let group = house.group(ChatKind::Supergroup, &people);
    for (round, stopper) in [(1, ann), (2, owner)] {
        house.say_in(group, ann, "@lastword_bot a story");
        model.until(|counts| counts.running == 1).await;
        house.until_heard(group, round).await;
        pass(10_000).await;
        let placeholder = house.answers(group).pop().expect("a placeholder");
        assert!(placeholder.content().seen().ends_with('…'));
        house.press(Place::group(ben, group), placeholder.id, "stop:");
        pass(2_000).await;
        assert_eq!(model.counts().running, 1, "a stranger stopped it");
        house.press(Place::group(stopper, group), placeholder.id, "stop:");
        house
            .until("it is stopped", |house| {
                house.heard(group)[round - 1].ends_with("⏹ Stopped")
            })
            .await;
        assert_eq!(house.answers(group).len(), round, "one message");
        let left = buttons(&house.post(group, placeholder.id));
        assert!(
            left.iter().all(|data| !data.starts_with("stop:")),
            "{left:?}"
        );
        assert!(house.heard(group)[round - 1].starts_with("Once upon"));
    }
    let toasts = house.toasts(group);
    assert_eq!(toasts.len(), 4, "every press is acknowledged: {toasts:?}");
    assert!(toasts[0].contains("administrator"), "{toasts:?}");
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn retry_pressed_twice_gives_exactly_one_new_answer() {
    let mut house = House::new();
    let scribe = house.scribe();
    let life = house.start();
    let ann = house.person("Ann");
    scribe.twist(Twist::Refuse(LlmError::Status {
        code: 400,
        message: "no such thing".to_owned(),
        retry_after: None,
    }));
    house.say(ann, "hard one");
    house.until_heard(ann, 1).await;
    let apology = house.answers(ann)[0].id;
    house.press(Place::private(ann), apology, "retry:");
    house.press(Place::private(ann), apology, "retry:");
    let heard = house.until_heard(ann, 2).await;
    assert_eq!(heard[1], "echo: hard one");
    pass(60_000).await;
    assert_eq!(house.heard(ann).len(), 2);
    let toasts = house.toasts(ann);
    assert_eq!(toasts.len(), 2);
    assert!(toasts[0].contains("Trying again"), "{toasts:?}");
    assert!(buttons(&house.post(ann, apology)).is_empty());
    let books = life.books().await;
    assert_balanced(&books);
    assert_eq!(outcomes(&books), [("answered", 1), ("superseded", 1)]);
}

#[tokio::test(start_paused = true)]
async fn buttons_whose_time_is_over_say_so() {
    let mut house = House::new();
    let _life = house.start();
    let ann = house.person("Ann");
    house.say(ann, "hello");
    house.until_heard(ann, 1).await;
    for data in ["stop:1", "stop:999", "retry:1", "something:else", ""] {
        let message = house.answers(ann)[0].id;
        let query = serde_json::json!({"callback_query": {
            "id": format!("q-{data}"),
            "from": {"id": ann, "is_bot": false, "first_name": "Ann"},
            "message": {"message_id": message, "date": 1,
                "chat": {"id": ann, "type": "private", "first_name": "Ann"}},
            "data": data,
        }});
        house.act(Act::Inject { update: query });
    }
    pass(5_000).await;
    assert_eq!(house.telegram.counts()["answerCallbackQuery"].calls, 5);
    assert_eq!(house.heard(ann).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn forgetting_ends_what_runs_and_leaves_nothing_unfinished_on_the_screen() {
    let model = teller();
    let mut house = House::with(model.clone());
    let life = house.start();
    let people = ["Olga", "Ann"].map(|name| house.person(name));
    let group = house.group(ChatKind::Supergroup, &people);
    house.say_in(group, people[0], "@lastword_bot a story");
    model.until(|counts| counts.running == 1).await;
    house.until_heard(group, 1).await;
    house.say_in(group, people[0], "/forget");
    house.until_heard(group, 2).await;
    let question = house.answers(group)[1].id;
    house.press(Place::group(people[1], group), question, "forget:yes");
    pass(2_000).await;
    assert_eq!(model.counts().running, 1, "not theirs to forget");
    house.press(Place::group(people[0], group), question, "forget:yes");
    let heard = house.until_heard(group, 3).await;
    assert!(heard[2].contains("remember nothing"), "{heard:?}");
    pass(60_000).await;
    let heard = house.heard(group);
    assert_eq!(heard.len(), 3);
    assert_eq!(heard[0], "⏹ Stopped");
    assert_eq!(model.counts().running, 0);
    assert_balanced(&life.books().await);
    let typing =
        |event: &&lastword::playground::bot_api::Event| matches!(event.seen, Seen::Typing { .. });
    let signs = house.seen(group).iter().filter(typing).count();
    pass(30_000).await;
    assert_eq!(house.seen(group).iter().filter(typing).count(), signs);
}
