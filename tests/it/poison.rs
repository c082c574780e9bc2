//! A panic wherever a call is made is the failure of what made it, never the
//! daemon's: the turn is tried again or fails visibly, everybody else goes on,
//! and the stop is a clean one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use lastword::playground::bot_api::{InMemory, Medium, Place};
use lastword::playground::offline::Pace;
use lastword::shutdown::ExitCode;
use lastword::telegram::{Call, CallError, Telegram};
use serde_json::Value;

use crate::house::{House, assert_balanced};
use crate::neighbours::{outcomes, pass};
use crate::scribe::Twist;

/// A line to Telegram on which some calls panic.
#[derive(Debug)]
struct Snare {
    behind: InMemory,
    /// Panics left, by method.
    set: Mutex<BTreeMap<&'static str, usize>>,
}

#[async_trait]
impl Telegram for Snare {
    async fn call(&self, call: Call) -> Result<Value, CallError> {
        let chat = call.body["chat_id"].as_i64();
        // Ben's chat has nothing to do with it.
        let is_bens = chat.is_some_and(|chat| {
            let view = self.behind.0.chat(chat);
            view.is_some_and(|view| format!("{view:?}").contains("Ben"))
        });
        let is_snared = !is_bens && {
            let mut set = self.set.lock().expect("plain data");
            match set.get_mut(call.method) {
                Some(0) | None => false,
                Some(left) => {
                    *left -= 1;
                    true
                }
            }
        };
        assert!(!is_snared, "the test asked for it at {}", call.method);
        self.behind.call(call).await
    }

    async fn download(
        &self,
        file_path: &str,
        limit: usize,
        timeout: Duration,
    ) -> Result<Bytes, CallError> {
        self.behind.download(file_path, limit, timeout).await
    }
}

fn snared(method: &'static str, times: usize) -> House {
    let mut house = House::new();
    house.model.change(|now| now.pace = Pace::SLOW);
    house.line = Some(Arc::new(Snare {
        behind: InMemory(Arc::clone(&house.telegram)),
        set: Mutex::new(BTreeMap::from([(method, times)])),
    }));
    house
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_any_call_costs_nobody_an_answer() {
    for (method, times) in [
        ("sendRichMessageDraft", usize::MAX),
        ("sendChatAction", usize::MAX),
        ("answerCallbackQuery", usize::MAX),
        ("editMessageReplyMarkup", usize::MAX),
        ("setMyCommands", usize::MAX),
        ("getChatAdministrators", 2),
        ("editMessageText", 2),
        ("getFile", 2),
        ("getUpdates", 3),
        ("getWebhookInfo", 1),
        ("sendRichMessage", 3),
        ("sendMessage", 2),
    ] {
        let mut house = snared(method, times);
        let (ann, ben) = (house.person("Ann"), house.person("Ben"));
        let kind = lastword::playground::bot_api::ChatKind::Supergroup;
        let group = house.group(kind, &[ann]);
        let life = house.start();
        house.send(ann, Medium::Photo, "one two", 1);
        house.say_in(group, ann, "@lastword_bot three four");
        house.say(ben, "five six");
        let begun = house.clock.now();
        house.until_heard(ben, 1).await;
        let waited = house.clock.now() - begun;
        assert!(waited < 40_000, "{method}: Ben waited for {waited} ms");
        house.say(ben, "/forget");
        house.until_heard(ben, 2).await;
        let question = house.answers(ben).pop().expect("a question");
        house.press(Place::private(ben), question.id, "forget:no");
        pass(900_000).await;
        for (chat, words) in [(ann, "one two"), (ben, "five six"), (group, "three four")] {
            let heard = house.heard(chat);
            let answers = heard.iter().filter(|text| text.contains(words));
            assert_eq!(answers.count(), 1, "{method}: {heard:?}");
        }
        let books = life.books().await;
        assert_balanced(&books);
        assert_eq!(outcomes(&books), [("answered", 3)], "{method}");
        assert_eq!(house.telegram.pending(), 0, "{method}");
        assert_eq!(life.stop().await, ExitCode::Drained, "{method}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_always_panics_fails_with_an_apology_and_the_others_go_on() {
    for how in ["the model", "a photo"] {
        let mut house = snared("getFile", if how == "a photo" { usize::MAX } else { 0 });
        let scribe = house.scribe();
        scribe.always("poison", Twist::Panic);
        let (ann, ben) = (house.person("Ann"), house.person("Ben"));
        let life = house.start();
        match how {
            "the model" => {
                house.say(ann, "poison");
            }
            _ => {
                house.send(ann, Medium::Photo, "harmless", 1);
            }
        }
        let mut others = 0;
        while house.heard(ann).is_empty() {
            others += 1;
            assert!(others < 20, "{how}: no end of it");
            house.say(ben, &format!("word {others}"));
            let begun = house.clock.now();
            house.until_heard(ben, others).await;
            let waited = house.clock.now() - begun;
            assert!(waited < 30_000, "{how}: Ben waited for {waited} ms");
        }
        pass(900_000).await;
        let heard = house.heard(ann);
        assert!(
            heard.len() == 1 && heard[0].contains("sorry"),
            "{how}: {heard:?}"
        );
        let books = life.books().await;
        assert_balanced(&books);
        let expected = [("answered", others as u64), ("failed", 1)];
        assert_eq!(outcomes(&books), expected, "{how}");
        assert_eq!(life.stop().await, ExitCode::Drained, "{how}");
    }
}
