//! The promises of the stand-in, each rule of the Bot API that decides loss or
//! doubling a named test. The pure core first, then both wrappings.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::telegram::{Call, CallError, Telegram};

mod chats;
mod drafts;
mod faults;
mod over_http;
mod polling;
mod sending;
mod webhook;

const START: Millis = 1_800_000_000_000;

/// A server with Alice (id 501), driven by hand: every call names its time.
struct Table {
    api: Arc<BotApi>,
    alice: i64,
}

impl Table {
    /// Needs a paused runtime: the clock moves with tokio's time.
    fn lay() -> Self {
        let api = BotApi::sample(Clock::virtual_from(START));
        let alice = add(&api, 501, "Alice");
        Self { api, alice }
    }

    fn call(&self, method: &str, params: Value) -> Outcome {
        self.api.handle(method, &params, self.api.clock.now())
    }

    fn ok(&self, method: &str, params: Value) -> Value {
        match self.call(method, params) {
            Outcome::Answer(result) => result,
            other => panic!("{method}: {other:?}"),
        }
    }

    fn refused(&self, method: &str, params: Value) -> Refusal {
        match self.call(method, params) {
            Outcome::Refused(refusal) => refusal,
            other => panic!("{method}: {other:?}"),
        }
    }

    fn say(&self, text: &str) -> i64 {
        let place = Place::private(self.alice);
        let text = text.to_owned();
        self.api.act(Act::Say { place, text }).unwrap().message()
    }

    /// The ids that a poll with this offset gets.
    fn poll(&self, offset: i64) -> Vec<i64> {
        ids(&self.ok("getUpdates", json!({ "offset": offset })))
    }

    fn send(&self, text: &str) -> i64 {
        self.ok(
            "sendMessage",
            json!({ "chat_id": self.alice, "text": text }),
        )["message_id"]
            .as_i64()
            .unwrap()
    }

    fn texts(&self) -> Vec<String> {
        self.api.chat(self.alice).unwrap().bot_texts()
    }
}

fn add(api: &BotApi, id: i64, name: &str) -> i64 {
    let act = Act::AddPerson {
        id: Some(id),
        first_name: name.to_owned(),
        username: None,
    };
    api.act(act).unwrap().id.unwrap()
}

fn group(api: &BotApi, kind: ChatKind, members: &[i64]) -> i64 {
    let act = Act::OpenGroup {
        kind,
        title: "Tea".to_owned(),
        members: members.to_vec(),
    };
    api.act(act).unwrap().id.unwrap()
}

fn ids(updates: &Value) -> Vec<i64> {
    let list = updates.as_array().unwrap();
    list.iter()
        .map(|u| u["update_id"].as_i64().unwrap())
        .collect()
}

fn call(method: &'static str, body: Value) -> Call {
    Call {
        method,
        body,
        timeout: Duration::from_secs(60),
        file: None,
    }
}

async fn pass(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}
