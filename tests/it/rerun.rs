//! A re-run asks with the bytes that the first run kept, whatever has changed
//! meanwhile; and who asks again asks something new, where answers are cached.

use lastword::playground::bot_api::{ChatKind, Place};
use lastword::playground::offline::{Fault, Offline};
use lastword::shutdown::Cause;
use serde_json::Value;

use crate::house::{House, Life, assert_balanced};
use crate::neighbours::{outcomes, pass};
use crate::scribe::Twist;

/// Two signals: what runs is parked.
async fn cut(life: Life) {
    life.shutdown.stop(Cause::Terminate);
    pass(10).await;
    life.stop().await;
}

/// Everything that decides the request is another.
fn change(house: &mut House) {
    let config = &mut house.config;
    config.llm.model = lastword::config::ModelName::parse("another/model").expect("a name");
    config.llm.fallback_models =
        vec![lastword::config::ModelName::parse("a/fallback").expect("a name")];
    config.llm.max_tokens = Some(77);
    config.llm.context_tokens = 1_000;
    config.llm.response_cache = lastword::config::ResponseCache::On;
    config.chat.system_prompt =
        lastword::config::SystemPrompt::parse("Be another.").expect("a prompt");
}

#[tokio::test(start_paused = true)]
async fn a_successor_sends_the_bytes_that_were_kept_whatever_was_changed() {
    for in_group in [false, true] {
        for local in [false, true] {
            let model = Offline::echo();
            let mut house = House::with(model.clone());
            let scribe = house.scribe();
            if local {
                // An endpoint that cannot be told fallbacks: we try them.
                let url = lastword::config::BaseUrl::parse("http://127.0.0.1:1/v1");
                house.config.llm.base_url = url.expect("an address");
                house.config.llm.fallback_models =
                    vec![lastword::config::ModelName::parse("b").expect("a name")];
            }
            let life = house.start();
            let ann = house.person("Ann");
            let chat = match in_group {
                true => house.group(ChatKind::Supergroup, &[ann]),
                false => ann,
            };
            if local {
                // The first model is down, its fallback is under way.
                model.fail_next(3, Fault::Outage);
            }
            model.change(|now| now.fault = Fault::HoldAfter(4));
            house.say_at(
                Place {
                    person: ann,
                    chat: in_group.then_some(chat),
                    ..Place::private(ann)
                },
                "@lastword_bot what I asked",
            );
            model.until(|counts| counts.running == 1).await;
            let before = scribe.bytes();
            cut(life).await;
            change(&mut house);
            model.change(|now| now.fault = Fault::Sound);
            pass(3_600_000).await;
            let life = house.start();
            house
                .until("an answer", |house| {
                    house.heard(chat).iter().any(|text| text.contains("asked"))
                })
                .await;
            let after = scribe.bytes();
            let case = format!("in a group: {in_group}, local: {local}");
            assert_eq!(after.len(), before.len() + 1, "{case}");
            assert_eq!(after[before.len()], before[0], "{case}");
            if local {
                assert_eq!(before.len(), 4, "three attempts and the fallback");
                assert_ne!(before[3], before[0]);
            }
            assert_balanced(&life.books().await);
            assert_eq!(outcomes(&life.books().await), [("answered", 1)]);
        }
    }
}

fn seed(request: &Value) -> Option<u64> {
    request["seed"].as_u64()
}

#[tokio::test(start_paused = true)]
async fn whoever_tries_again_gets_a_new_answer_though_answers_are_cached() {
    let model = Offline::echo().caching();
    let mut house = House::with(model.clone());
    house.config.llm.response_cache = lastword::config::ResponseCache::On;
    let scribe = house.scribe();
    let life = house.start();
    let ann = house.person("Ann");
    model.change(|now| now.fault = Fault::HoldAfter(100));
    house.say(ann, "hello");
    model.until(|counts| counts.running == 1).await;
    house.say(ann, "/stop");
    house.until_heard(ann, 1).await;
    model.change(|now| now.fault = Fault::Sound);
    house.say(ann, "/retry");
    house
        .until("she is answered", |house| {
            house.heard(ann).iter().any(|text| text == "echo: hello")
        })
        .await;
    let asked = scribe.requests();
    assert_eq!(asked.len(), 2);
    assert!(seed(&asked[0]).is_some() && seed(&asked[0]) != seed(&asked[1]));
    let counts = model.counts();
    assert_eq!((counts.finished(), counts.replayed()), (1, 0));
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn within_a_turn_every_attempt_sends_the_same_bytes() {
    let model = Offline::echo().caching();
    let mut house = House::with(model.clone());
    house.config.llm.response_cache = lastword::config::ResponseCache::On;
    let scribe = house.scribe();
    let _life = house.start();
    let ann = house.person("Ann");
    scribe.twist(Twist::Panic);
    model.fail_next(2, Fault::CutAfter(3));
    house.say(ann, "hello");
    house.until_heard(ann, 1).await;
    let bytes = scribe.bytes();
    assert_eq!(bytes.len(), 4);
    assert!(bytes.iter().all(|b| *b == bytes[0]));
}

#[tokio::test(start_paused = true)]
async fn without_a_cache_no_request_carries_a_number() {
    let mut house = House::new();
    let scribe = house.scribe();
    let _life = house.start();
    let ann = house.person("Ann");
    house.say(ann, "hello");
    house.until_heard(ann, 1).await;
    assert_eq!(seed(&scribe.requests()[0]), None);
}
