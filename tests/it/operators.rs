//! Operators in Telegram: what they order, what they are told of the bot's life
//! and troubles, and what they tell everybody.

use std::time::Duration;

use lastword::playground::bot_api::{Act, Place};

use crate::house::{House, Life};
use crate::neighbours::pass;

mod alerts;
mod broadcasts;
mod lives;
mod orders;

/// A house in which everybody may talk and Ann looks after the bot, told of
/// nothing by itself.
fn looked_after() -> (House, i64) {
    let mut house = House::new();
    let ann = house.person("Ann");
    // She has opened the chat: nobody else can be told anything.
    house.act(Act::Unblock { person: ann });
    house.config.operators.ids = [ann].into();
    (house, ann)
}

impl House {
    /// Orders something and waits for the reply.
    async fn order(&self, operator: i64, text: &str) -> String {
        let before = self.heard(operator).len();
        self.say(operator, text);
        let heard = self.until_heard(operator, before + 1).await;
        heard.last().cloned().unwrap_or_default()
    }

    /// Presses the button with this data under the bot's last message that has
    /// it.
    fn tap(&self, operator: i64, data: &str) {
        let post = self.answers(operator).into_iter().rev().find(|post| {
            crate::neighbours::buttons(post)
                .iter()
                .any(|found| found.starts_with(data))
        });
        let post = post.unwrap_or_else(|| panic!("no button {data}"));
        self.press(Place::private(operator), post.id, data);
    }

    /// What the bot has said to somebody that has these words.
    fn said(&self, chat: i64, words: &str) -> usize {
        let heard = self.heard(chat);
        heard.iter().filter(|text| text.contains(words)).count()
    }
}

/// Starts the daemon and waits until it is the active one.
async fn started(house: &mut House) -> Life {
    let life = house.start();
    pass(1_000).await;
    life
}

/// How many controls with this verb are stored, and with which effect.
fn controls(house: &House, verb: &str) -> Vec<String> {
    let store = rusqlite::Connection::open(house.store_path()).expect("the store exists");
    let mut rows = store
        .prepare("SELECT effect FROM controls WHERE verb = ?1 ORDER BY id")
        .expect("the table exists");
    let rows = rows
        .query_map([verb], |row| row.get(0))
        .expect("it can be read");
    rows.collect::<rusqlite::Result<_>>().expect("texts")
}

const HOUR: Duration = Duration::from_secs(3_600);
