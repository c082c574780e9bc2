//! Groups: when the bot answers, whose messages belong together, and what
//! becomes of a group that moves, closes a topic or throws the bot out.

use lastword::config::Groups;
use lastword::playground::bot_api::{Act, ChatKind, Place, Standing};
use lastword::playground::offline::{Fault, Offline};

use crate::house::{House, assert_balanced};
use crate::neighbours::{buttons, outcomes, pass};

/// Waits until a group's messages hold these words.
async fn until_says(house: &House, group: i64, words: &str) {
    let what = format!("somebody says {words}");
    house
        .until(&what, |house| {
            house.heard(group).iter().any(|text| text.contains(words))
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn in_groups_the_bot_answers_when_it_is_meant() {
    let mut house = House::new();
    house.config.chat.group_context = 0;
    let scribe = house.scribe();
    let life = house.start();
    let (ann, ben) = (house.person("Ann"), house.person("Ben"));
    let group = house.group(ChatKind::Supergroup, &[ann, ben]);
    house.say_in(group, ann, "just talking");
    house.say_in(group, ben, "@somebody else is meant");
    pass(20_000).await;
    assert!(house.heard(group).is_empty());
    let asked = house.say_in(group, ann, "hey @lastword_bot, you");
    until_says(&house, group, "hey @lastword_bot").await;
    let answer = house.answers(group).pop().expect("an answer");
    assert_eq!(
        answer.reply_to,
        Some(asked),
        "an answer points at its question"
    );
    house.say_at(Place::group(ben, group).reply_to(answer.id), "and then?");
    until_says(&house, group, "and then?").await;
    house.say_in(group, ben, "/help@lastword_bot");
    until_says(&house, group, "Mention @lastword_bot").await;
    assert_eq!(house.heard(group).len(), 3);
    let said = scribe.said();
    assert!(
        said.iter().any(|(_, text)| text.starts_with("Ann: ")),
        "{said:?}"
    );
    let last = &said.last().expect("something").1;
    assert!(last.contains("[In reply to your message: "), "{last}");
    assert!(last.ends_with("Ben: and then?"), "{last}");
    assert!(said.iter().all(|(_, text)| !text.contains("just talking")));
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn always_means_every_message_of_a_group() {
    let mut house = House::new();
    house.config.chat.groups = Groups::Always;
    let _life = house.start();
    let (ann, ben) = (house.person("Ann"), house.person("Ben"));
    let group = house.group(ChatKind::Group, &[ann, ben]);
    house.say_in(group, ann, "to nobody");
    until_says(&house, group, "to nobody").await;
}

#[tokio::test(start_paused = true)]
async fn each_speaker_has_a_window_and_turns_run_one_after_another_as_sealed() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    house.config.chat.groups = Groups::Always;
    let scribe = house.scribe();
    let life = house.start();
    let (ann, ben) = (house.person("Ann"), house.person("Ben"));
    let group = house.group(ChatKind::Supergroup, &[ann, ben]);
    model.change(|now| now.fault = Fault::HoldAfter(4));
    house.say_in(group, ann, "a1");
    pass(500).await;
    house.say_in(group, ben, "b1");
    pass(500).await;
    house.say_in(group, ben, "b2");
    pass(1_300).await;
    house.say_in(group, ann, "a2, late");
    model.until(|counts| counts.running == 1).await;
    pass(10_000).await;
    assert_eq!(model.counts().running, 1, "turns of a group are serial");
    model.change(|now| now.fault = Fault::Sound);
    until_says(&house, group, "a2, late").await;
    let turns: Vec<String> = scribe
        .requests()
        .iter()
        .map(|request| {
            let messages = request["messages"].as_array().expect("a list");
            let last = messages.last().expect("a message")["content"].clone();
            last.as_str().expect("text").to_owned()
        })
        .collect();
    assert_eq!(turns, ["Ann: a1", "Ben: b1\nBen: b2", "Ann: a2, late"]);
    pass(30_000).await;
    assert_eq!(house.heard(group).len(), 3);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_a_group_grows_in_one_message() {
    let model = Offline::echo();
    model.change(|now| {
        now.pace.between = std::time::Duration::from_secs(1);
        now.pace.words = 1;
    });
    let mut house = House::with(model);
    let life = house.start();
    let ann = house.person("Ann");
    let group = house.group(ChatKind::Supergroup, &[ann]);
    let words: Vec<String> = (0..25).map(|n| format!("word{n}")).collect();
    house.say_in(group, ann, &format!("@lastword_bot {}", words.join(" ")));
    house
        .until("the answer is complete", |house| {
            let heard = house.heard(group);
            heard.len() == 1 && heard[0].ends_with("word24")
        })
        .await;
    let answer = house.answers(group).remove(0);
    let versions: Vec<&str> = answer.versions.iter().map(|v| v.content.seen()).collect();
    assert!(versions.len() >= 4, "{versions:?}");
    let (last, growing) = versions.split_last().expect("versions");
    assert!(
        growing.iter().all(|text| text.ends_with('…')),
        "{versions:?}"
    );
    assert!(growing.windows(2).all(|two| two[0].len() <= two[1].len()));
    assert!(!last.contains('…'));
    assert_eq!(buttons(&answer), ["again:1"], "the Stop button is gone");
    pass(60_000).await;
    assert_eq!(house.heard(group).len(), 1);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn topics_are_conversations_of_their_own() {
    let mut house = House::new();
    house.config.chat.groups = Groups::Always;
    let scribe = house.scribe();
    let life = house.start();
    let ann = house.person("Ann");
    let forum = house.group(ChatKind::Forum, &[ann]);
    let topic = |name: &str| {
        let name = name.to_owned();
        let open = Act::OpenTopic {
            chat: forum,
            person: ann,
            name,
        };
        house.act(open).message()
    };
    let (red, blue) = (topic("red"), topic("blue"));
    house.say_at(Place::group(ann, forum).topic(red), "red one");
    house.say_at(Place::group(ann, forum).topic(blue), "blue one");
    until_says(&house, forum, "red one").await;
    until_says(&house, forum, "blue one").await;
    house.say_at(Place::group(ann, forum).topic(red), "red two");
    until_says(&house, forum, "red two").await;
    let said = scribe.said();
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(said.iter().all(|(_, text)| !text.contains("blue")));
    for answer in house.answers(forum) {
        let expected = if answer.content().seen().contains("red") {
            red
        } else {
            blue
        };
        assert_eq!(answer.thread, Some(expected));
    }
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_delivered_is_given_up_and_the_next_is_not() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    house.config.chat.groups = Groups::Always;
    let life = house.start();
    let ann = house.person("Ann");
    let forum = house.group(ChatKind::Forum, &[ann]);
    let open = |name: &str| {
        let name = name.to_owned();
        let open = Act::OpenTopic {
            chat: forum,
            person: ann,
            name,
        };
        house.act(open).message()
    };
    let (closed, other) = (open("closed"), open("other"));
    house.say_at(Place::group(ann, forum).topic(closed), "into the void");
    house.act(Act::CloseTopic {
        chat: forum,
        thread: closed,
        closed: true,
    });
    pass(20_000).await;
    house.say_at(Place::group(ann, forum).topic(other), "heard");
    until_says(&house, forum, "heard").await;
    assert_eq!(house.heard(forum).len(), 1);
    // Thrown out, and taken in again.
    let group = house.group(ChatKind::Supergroup, &[ann]);
    let stand = |standing| {
        house.act(Act::MoveBot {
            chat: group,
            person: ann,
            standing,
        })
    };
    house.say_in(group, ann, "gone");
    stand(Standing::Kicked);
    pass(60_000).await;
    stand(Standing::Member);
    house.say_in(group, ann, "back");
    until_says(&house, group, "back").await;
    pass(600_000).await;
    assert_eq!(house.heard(group).len(), 1);
    let books = life.books().await;
    assert_balanced(&books);
    assert_eq!(outcomes(&books), [("answered", 2), ("undeliverable", 2)]);
    let sends = house.telegram.counts();
    let calls = |name| sends.get(name).map_or(0, |count| count.calls);
    let tries = calls("sendMessage") + calls("sendRichMessage");
    assert!(tries < 12, "{sends:?}");
}

#[tokio::test(start_paused = true)]
async fn a_group_that_becomes_a_supergroup_is_followed_with_its_history() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    house.config.chat.groups = Groups::Always;
    let scribe = house.scribe();
    let life = house.start();
    let ann = house.person("Ann");
    let old = house.group(ChatKind::Group, &[ann]);
    house.say_in(old, ann, "before");
    until_says(&house, old, "before").await;
    pass(20_000).await;
    model.change(|now| now.fault = Fault::HoldAfter(4));
    house.say_in(old, ann, "meanwhile");
    model.until(|counts| counts.running == 1).await;
    let new = house.act(Act::Migrate { chat: old }).id.expect("a new id");
    pass(2_000).await;
    model.change(|now| now.fault = Fault::Sound);
    until_says(&house, new, "echo: Ann: meanwhile").await;
    house.say_in(new, ann, "after");
    until_says(&house, new, "echo: Ann: after").await;
    let said = scribe.said();
    assert!(
        said.iter().any(|(_, text)| text.contains("before")),
        "{said:?}"
    );
    pass(60_000).await;
    assert_eq!(house.heard(new).len(), 2);
    assert_balanced(&life.books().await);
}
