//! Who speaks: equal names, anonymous administrators, channels, posts that
//! Telegram forwards, topics.

use super::*;

fn say_as(house: &House, place: Place, identity: Identity, text: &str) -> i64 {
    let text = text.to_owned();
    let act = Act::SayAs {
        place,
        identity,
        text,
    };
    house.act(act).message()
}

#[tokio::test(start_paused = true)]
async fn two_people_of_one_name_are_told_apart() {
    let mut house = House::new();
    house.config.chat.groups = Groups::Always;
    let scribe = house.scribe();
    let _life = house.start();
    let (ann, other) = (house.person("Ann"), house.person("Ann"));
    let group = house.group(ChatKind::Supergroup, &[ann, other]);
    house.say_in(group, ann, "one");
    until_says(&house, group, "one").await;
    assert_eq!(last(&scribe), "Ann: one");
    house.say_in(group, other, "two");
    until_says(&house, group, "two").await;
    let said = scribe.said();
    let name = |id: i64| format!("Ann (#{:03}): ", id % 1_000);
    assert!(said[0].1.starts_with(&name(ann)), "{said:?}");
    assert!(last(&scribe).starts_with(&name(other)), "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn anonymous_administrators_and_channels_speak_and_stop() {
    let mut house = House::new();
    let model = house.model.clone();
    let scribe = house.scribe();
    let life = house.start();
    let (ann, ben) = (house.person("Ann"), house.person("Ben"));
    let group = house.group(ChatKind::Supergroup, &[ann, ben]);
    let anonymous = || Identity::Anonymous {
        signature: Some("chief".to_owned()),
    };
    let place = || Place::group(ann, group);
    let asked = say_as(&house, place(), anonymous(), "@lastword_bot who am I?");
    until_says(&house, group, "who am I?").await;
    assert_eq!(last(&scribe), "Kitchen (chief): who am I?");
    let answer = house.answers(group).remove(0);
    assert_eq!(answer.reply_to, Some(asked));
    let channel = Identity::Channel {
        id: -1_009_999,
        title: "My diary".to_owned(),
    };
    say_as(&house, place(), channel, "@lastword_bot and I?");
    until_says(&house, group, "and I?").await;
    assert!(last(&scribe).ends_with("My diary: and I?"));
    // Whoever speaks as the group may stop what others asked.
    model.change(|now| now.fault = lastword::playground::offline::Fault::HoldAfter(2));
    house.say_in(group, ben, "@lastword_bot a long story");
    model.until(|counts| counts.running == 1).await;
    pass(10_000).await;
    say_as(&house, place(), anonymous(), "/stop@lastword_bot");
    until_says(&house, group, "Stopped").await;
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn a_channels_post_is_answered_only_when_it_names_the_bot() {
    let mut house = House::new();
    house.config.chat.groups = Groups::Always;
    let scribe = house.scribe();
    let life = house.start();
    let ann = house.person("Ann");
    let group = house.group(ChatKind::Supergroup, &[ann]);
    let linked = || Identity::Linked {
        id: -1_009_998,
        title: "News".to_owned(),
    };
    let place = || Place::group(ann, group);
    let post = say_as(&house, place(), linked(), "The bridge is open");
    pass(20_000).await;
    assert!(house.heard(group).is_empty());
    // A comment under it carries it.
    house.say_at(place().reply_to(post), "which bridge?");
    until_says(&house, group, "which bridge?").await;
    let told = last(&scribe);
    assert!(
        told.contains("[In reply to News: \"The bridge is open\"]\nAnn: which bridge?"),
        "{told}"
    );
    say_as(&house, place(), linked(), "Ask @lastword_bot about it");
    until_says(&house, group, "about it").await;
    // In a channel itself, the same.
    let channel = house.group(ChatKind::Channel, &[ann]);
    house.say_in(channel, ann, "a post");
    house.say_in(channel, ann, "/help");
    pass(20_000).await;
    assert!(house.heard(channel).is_empty());
    house.say_in(channel, ann, "@lastword_bot sum it up");
    until_says(&house, channel, "sum it up").await;
    pass(20_000).await;
    assert_eq!(house.heard(channel).len(), 1);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn a_stranger_channel_is_never_told_off() {
    let mut house = House::new();
    house.config.access.mode = lastword::config::AccessMode::List;
    let life = house.start();
    let ann = house.person("Ann");
    let channel = house.group(ChatKind::Channel, &[ann]);
    house.say_in(channel, ann, "@lastword_bot hello");
    house.say_in(channel, ann, "/start@lastword_bot");
    pass(60_000).await;
    assert!(house.heard(channel).is_empty());
    assert_eq!(life.books().await.messages, 0);
}

#[tokio::test(start_paused = true)]
async fn the_general_topic_and_threads_of_replies_are_the_groups_own_conversation() {
    let mut house = House::new();
    let scribe = house.scribe();
    let life = house.start();
    let ann = house.person("Ann");
    let forum = house.group(ChatKind::Forum, &[ann]);
    let topic = house.act(Act::OpenTopic {
        chat: forum,
        person: ann,
        name: "red".to_owned(),
    });
    let red = topic.message();
    house.say_in(forum, ann, "@lastword_bot in general");
    until_says(&house, forum, "in general").await;
    let general = house.answers(forum).remove(0);
    assert_eq!(general.thread, None);
    house.say_at(Place::group(ann, forum).reply_to(general.id), "more");
    until_says(&house, forum, "more").await;
    assert_eq!(scribe.said().len(), 3, "one conversation");
    house.say_at(Place::group(ann, forum).topic(red), "@lastword_bot in red");
    until_says(&house, forum, "in red").await;
    assert_eq!(last(&scribe), "Ann: in red", "the topic answers nothing");
    let red_answer = house.answers(forum).pop().expect("an answer");
    assert_eq!(red_answer.thread, Some(red));
    house.say_at(
        Place::group(ann, forum).topic(red).reply_to(red_answer.id),
        "red again",
    );
    until_says(&house, forum, "red again").await;
    assert_eq!(scribe.said().len(), 3);
    assert!(house.drafts(forum).is_empty(), "no drafts in groups");
    // In a plain supergroup replies form threads that are no topics.
    let group = house.group(ChatKind::Supergroup, &[ann]);
    house.say_in(group, ann, "@lastword_bot plain");
    until_says(&house, group, "plain").await;
    let answer = house.answers(group).remove(0);
    house.say_at(Place::group(ann, group).reply_to(answer.id), "threaded");
    until_says(&house, group, "threaded").await;
    assert_eq!(scribe.said().len(), 3, "one conversation");
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn privacy_mode_is_explained_where_it_matters() {
    for (privacy, context, told) in [(true, 20, true), (true, 0, false), (false, 20, false)] {
        let mut house = House::new();
        house.telegram.configure(|now| now.privacy = privacy);
        house.config.chat.group_context = context;
        let _life = house.start();
        let ann = house.person("Ann");
        let group = house.group(ChatKind::Supergroup, &[ann]);
        house.say_in(group, ann, "/help@lastword_bot");
        until_says(&house, group, "Mention @lastword_bot").await;
        let help = house.heard(group).remove(0);
        assert_eq!(help.contains("only what is meant for me"), told, "{help}");
    }
}
