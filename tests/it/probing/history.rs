//! Random histories with cuts, in many chats at once: a probe never touches
//! another of the bot's messages, and every question has its answer.

use std::collections::BTreeSet;

use lastword::config::Uncertain;
use lastword::playground::bot_api::{ChatKind, Fault as Trouble, FaultRule, Place};
use proptest::prelude::*;

use crate::house::{House, assert_balanced};
use crate::neighbours::pass;

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    Ask(usize),
    /// A command: answered by a notice of its own.
    Help(usize),
    /// A send of this chat meets trouble.
    Cut(usize, Trouble),
    /// An edit of this chat does, be it a probe or an answer.
    CutEdit(usize, Trouble),
    Pass(u64),
    Restart,
}

fn trouble() -> impl Strategy<Value = Trouble> {
    prop_oneof![
        3 => Just(Trouble::CutAfter),
        1 => Just(Trouble::HangAfter),
        1 => Just(Trouble::GatewayAfter { code: 504 }),
        2 => Just(Trouble::CutBefore),
        1 => Just(Trouble::Gateway { code: 502 }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let place = 0..4usize;
    prop_oneof![
        4 => place.clone().prop_map(Step::Ask),
        3 => place.clone().prop_map(Step::Help),
        4 => (place.clone(), trouble()).prop_map(|(place, how)| Step::Cut(place, how)),
        1 => (place, trouble()).prop_map(|(place, how)| Step::CutEdit(place, how)),
        4 => prop_oneof![0..3_000u64, 20_000..40_000u64, 90_000..100_000u64].prop_map(Step::Pass),
        1 => Just(Step::Restart),
    ]
}

/// The word of a question in what the bot says, if it speaks of one.
fn word_of(text: &str) -> Option<String> {
    let word = |word: &&str| word.len() == 5 && word.starts_with("q0");
    text.split_whitespace().find(word).map(str::to_owned)
}

async fn live(hold: bool, steps: Vec<Step>) {
    let mut house = House::new();
    if hold {
        house.config.reply.uncertain = Uncertain::Hold;
    }
    let mut life = house.start();
    let (ann, ben) = (house.person("Ann"), house.person("Ben"));
    let places = [
        Place::private(ann),
        Place::private(ben),
        Place::group(ann, house.group(ChatKind::Group, &[ann])),
        Place::group(ben, house.group(ChatKind::Supergroup, &[ben])),
    ];
    let chat = |place: &Place| place.chat.unwrap_or(place.person);
    let name = house.telegram.bot().username.clone();
    let mut asked = Vec::new();
    for step in steps {
        match step {
            Step::Ask(n) => {
                let word = format!("q0{:03}", asked.len());
                house.say_at(places[n].clone(), &format!("@{name} {word}"));
                asked.push((n, word));
            }
            Step::Help(n) => {
                house.say_at(places[n].clone(), &format!("/help@{name}"));
            }
            Step::Cut(n, trouble) => {
                for method in ["sendRichMessage", "sendMessage"] {
                    let rule = FaultRule::once(method, trouble.clone());
                    house.telegram.fault(rule.in_chat(chat(&places[n])));
                }
            }
            Step::CutEdit(n, trouble) => {
                let rule = FaultRule::once("editMessageText", trouble);
                house.telegram.fault(rule.in_chat(chat(&places[n])));
            }
            Step::Pass(millis) => pass(millis).await,
            Step::Restart => {
                life.stop().await;
                life = house.start();
            }
        }
    }
    house.telegram.clear_faults();
    pass(400_000).await;
    let books = life.books().await;
    assert_balanced(&books);
    let mut answers = 0;
    for place in &places {
        // Where nobody has written there is no chat.
        let Some(view) = house.telegram.chat(chat(place)) else {
            continue;
        };
        for post in view.from_bot() {
            let said: Vec<&str> = post.versions.iter().map(|v| v.content.seen()).collect();
            let of: BTreeSet<_> = said.iter().filter_map(|text| word_of(text)).collect();
            assert!(of.len() <= 1, "one answer became another: {said:?}");
            let grows = said.len() == 1 || said[0].ends_with('…') || of.len() == 1;
            assert!(grows, "a notice became something else: {said:?}");
            answers += of.len() as u64;
        }
    }
    let heard: BTreeSet<String> = places
        .iter()
        .flat_map(|place| house.heard(chat(place)))
        .filter_map(|text| word_of(&text))
        .collect();
    let missing: Vec<_> = asked.iter().filter(|(_, w)| !heard.contains(w)).collect();
    // Several questions in one breath have one answer; it names the last.
    let turns = books.states.iter().map(|(_, n)| n).sum::<u64>();
    assert!(answers + books.held >= turns, "{missing:?} {books:?}");
    assert!(answers <= turns + books.resent, "doubled: {books:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_probe_never_touches_another_message(
        hold in any::<bool>(),
        steps in prop::collection::vec(step(), 10..40),
    ) {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime starts")
            .block_on(live(hold, steps));
    }
}
