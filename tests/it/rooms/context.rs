//! Recent chatter as context: bounded, forgotten, and there after a crash.

use lastword::store::Turns;
use lastword::store::desk::Desk as _;

use super::*;

const HEAD: &str = "[Recent messages in this chat, for context, not meant for you:\n";

/// What the model was told beside the question.
fn context(scribe: &Scribe) -> String {
    let said = scribe.said();
    let beside = &said[said.len() - 2].1;
    beside.strip_prefix(HEAD).expect("context").to_owned()
}

#[tokio::test(start_paused = true)]
async fn what_was_said_in_the_group_is_context_and_bounded() {
    let mut house = House::new();
    house.config.chat.group_context = 3;
    let scribe = house.scribe();
    let life = house.start();
    let (ann, ben) = (house.person("Ann"), house.person("Ben"));
    let group = house.group(ChatKind::Supergroup, &[ann, ben]);
    for text in ["zero", "one", "two"] {
        house.say_in(group, ben, text);
    }
    let edited = house.say_in(group, ben, "three");
    house.act(Act::Edit {
        place: Place::group(ben, group),
        message_id: edited,
        text: "three, or four".to_owned(),
    });
    house.say_in(group, ann, "@lastword_bot what do you think about that?");
    until_says(&house, group, "what do you think").await;
    assert_eq!(last(&scribe), "Ann: what do you think about that?");
    assert_eq!(context(&scribe), "Ben: one\nBen: two\nBen: three, or four]");
    // What was answered is history and is not repeated; an hour later nothing
    // of the rest is left.
    pass(3_700_000).await;
    house.say_in(group, ann, "@lastword_bot and now?");
    until_says(&house, group, "and now").await;
    assert_eq!(last(&scribe), "Ann: and now?");
    assert_eq!(scribe.said().len(), 3, "{:?}", scribe.said());
    // Long talk is cut to its end.
    for n in 0..3 {
        house.say_in(group, ben, &format!("{n}{}", "y".repeat(4_000)));
    }
    house.say_in(group, ann, "@lastword_bot short?");
    until_says(&house, group, "short?").await;
    let long = context(&scribe);
    assert!(long.starts_with("Ben: 0yyy") && long.contains("\nBen: 2yyy"));
    assert!(long.chars().count() < 4_100);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_overheard_where_it_is_off_or_the_group_is_not_admitted() {
    let mut house = House::new();
    house.config.chat.group_context = 0;
    let scribe = house.scribe();
    let life = house.start();
    let (ann, ben) = (house.person("Ann"), house.person("Ben"));
    let group = house.group(ChatKind::Supergroup, &[ann, ben]);
    house.say_in(group, ben, "secret");
    house.say_in(group, ann, "@lastword_bot hm?");
    until_says(&house, group, "hm?").await;
    assert_eq!(last(&scribe), "Ann: hm?");
    life.stop().await;
    house.config.chat.group_context = 20;
    house.config.access.mode = lastword::config::AccessMode::List;
    house.config.access.ids = [ann].into();
    let _life = house.start();
    let other = house.group(ChatKind::Supergroup, &[ann, ben]);
    house.say_in(other, ben, "before anybody known was here");
    house.say_in(other, ann, "@lastword_bot first?");
    until_says(&house, other, "first?").await;
    assert_eq!(last(&scribe), "Ann: first?");
    house.say_in(other, ben, "to be heard");
    house.say_in(other, ann, "@lastword_bot second?");
    until_says(&house, other, "second?").await;
    assert_eq!(last(&scribe), "Ann: second?");
    assert_eq!(context(&scribe), "Ben: to be heard]");
}

#[tokio::test(start_paused = true)]
async fn what_a_banned_person_says_is_nobodys_context() {
    let mut house = House::new();
    let scribe = house.scribe();
    let _life = house.start();
    let (ann, ben, eve) = (
        house.person("Ann"),
        house.person("Ben"),
        house.person("Eve"),
    );
    let group = house.group(ChatKind::Supergroup, &[ann, ben, eve]);
    house.say_in(group, ann, "@lastword_bot hi");
    until_says(&house, group, "hi").await;
    house.look().ban(eve).await.expect("the store answers");
    house.say_in(group, eve, "to be ignored");
    house.say_in(group, ben, "to be heard");
    house.say_in(group, ann, "@lastword_bot and now?");
    until_says(&house, group, "and now").await;
    assert_eq!(context(&scribe), "Ben: to be heard]");
}

#[tokio::test(start_paused = true)]
async fn each_question_is_told_only_what_was_said_since_the_one_before() {
    let mut house = House::new();
    let scribe = house.scribe();
    let life = house.start();
    let (ann, ben) = (house.person("Ann"), house.person("Ben"));
    let group = house.group(ChatKind::Supergroup, &[ann, ben]);
    house.say_in(group, ben, "told already");
    house.say_in(group, ann, "@lastword_bot one?");
    // At the very same time, and still after it.
    house.say_in(group, ben, "said meanwhile");
    until_says(&house, group, "one?").await;
    assert!(context(&scribe).starts_with("Ben: told already"));
    house.say_in(group, ben, "said since");
    house.say_in(group, ann, "@lastword_bot two?");
    until_says(&house, group, "two?").await;
    assert_eq!(context(&scribe), "Ben: said meanwhile\nBen: said since]");
    house.say_in(group, ann, "@lastword_bot three?");
    until_says(&house, group, "three?").await;
    let said = scribe.said();
    assert!(
        said.iter().all(|(_, text)| !text.starts_with(HEAD)),
        "{said:?}"
    );
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn a_group_is_forgotten_with_what_was_overheard() {
    let mut house = House::new();
    let scribe = house.scribe();
    let _life = house.start();
    let (ann, ben) = (house.person("Ann"), house.person("Ben"));
    let group = house.group(ChatKind::Supergroup, &[ann, ben]);
    house.act(Act::Move {
        chat: group,
        person: ann,
        standing: lastword::playground::bot_api::Standing::Administrator,
    });
    house.say_in(group, ann, "@lastword_bot hello");
    until_says(&house, group, "hello").await;
    house.say_in(group, ben, "overheard");
    house.say_in(group, ann, "/forget@lastword_bot");
    pass(5_000).await;
    let question = house.answers(group).pop().expect("a question").id;
    house.press(Place::group(ann, group), question, "forget:yes");
    pass(20_000).await;
    house.say_in(group, ann, "@lastword_bot what was said?");
    until_says(&house, group, "what was said?").await;
    assert_eq!(scribe.said().len(), 1, "{:?}", scribe.said());
    assert_eq!(last(&scribe), "Ann: what was said?");
}

#[tokio::test(start_paused = true)]
async fn what_was_overheard_is_there_after_a_kill_and_the_request_is_the_same() {
    let model = lastword::playground::offline::Offline::echo();
    let mut house = House::with(model.clone());
    let scribe = house.scribe();
    let life = house.start();
    let (ann, ben) = (house.person("Ann"), house.person("Ben"));
    let group = house.group(ChatKind::Supergroup, &[ann, ben]);
    house.say_in(group, ben, "the cat is out");
    house.say_in(group, ben, "and wet");
    pass(3_000).await;
    model.change(|now| now.fault = lastword::playground::offline::Fault::HoldAfter(1));
    house.say_in(group, ann, "@lastword_bot why?");
    model.until(|counts| counts.running == 1).await;
    // A second signal cuts it in the middle; the successor goes on.
    life.shutdown.stop(lastword::shutdown::Cause::Terminate);
    life.stop().await;
    house.say_in(group, ben, "said meanwhile");
    model.change(|now| now.fault = lastword::playground::offline::Fault::Sound);
    let life = house.start();
    until_says(&house, group, "why?").await;
    pass(60_000).await;
    let requests = scribe.bytes();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0], requests[1]);
    assert_eq!(context(&scribe), "Ben: the cat is out\nBen: and wet]");
    assert_eq!(house.heard(group).len(), 1);
    let books = life.books().await;
    assert_balanced(&books);
    assert_eq!(books.messages, 1, "what is overheard is in no book");
    assert_eq!(life.store.recent(10).await.expect("the store").len(), 1);
}
