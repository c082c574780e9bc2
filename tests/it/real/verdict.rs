//! The verdict over a run: every message in one turn, every turn with one
//! visible final answer, in order; what was resent is classified, not excused.
//!
//! Counted into [`Ledger`] first, judged afterwards: a failing run shows its
//! figures, too.

use std::collections::{BTreeMap, BTreeSet};

use lastword::domain::turn::Outcome;
use lastword::store::Books;

use super::{Real, note};
use crate::books::Ledger;
use crate::house::assert_balanced;

/// What is not as it should be: nothing, unless probing was kept from proving
/// what became of a send.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Second copies of an answer, each marked and counted by the store.
    pub(crate) doubled: u64,
    /// Placeholders that no answer took over.
    pub(crate) left_over: u64,
}

/// A turn as the store knows it.
#[derive(Debug, Default)]
struct Turn {
    chat: i64,
    topic: i64,
    words: Vec<String>,
    resent: u64,
    /// Another message of the bot was given up in this chat, or this one twice.
    haunted: bool,
    outcome: Option<i64>,
}

impl Real {
    /// Judges what people see against what they asked. Everything must be
    /// settled. Turns that could not be delivered have no answer to look for.
    pub(crate) fn verdict(&self, books: &Books) -> Verdict {
        assert_balanced(books);
        let ledger = self.ledger("verdict", books);
        ledger.judge();
        Verdict {
            doubled: ledger.resent_visible_twice,
            left_over: self.left_over(),
        }
    }

    /// Counts what people see against what they asked. What is wrong is told
    /// on stdout, with what the chat shows.
    pub(crate) fn ledger(&self, proof: &str, books: &Books) -> Ledger {
        let unstored = self.confirmed_unstored.lock().expect("plain data").clone();
        let asked = self.asked.lock().expect("plain data").clone();
        let mut ledger = Ledger {
            runs: 1,
            sent: asked.len() as u64,
            unstored: unstored.len() as u64,
            uncertain_bound: books.bound,
            uncertain_resent: books.resent,
            paid_twice: self.model.counts().paid_twice() as u64,
            ..Ledger::of(proof)
        };
        let turns = self.turns();
        let stored: u64 = turns.values().map(|turn| turn.words.len() as u64).sum();
        // What never came in has no turn; what came in twice has two.
        ledger.lost += ledger.sent.saturating_sub(stored);
        ledger.doubled += stored.saturating_sub(ledger.sent);
        // Order is made within a conversation: a chat, or a topic of it.
        let mut seen: BTreeMap<(i64, i64), Vec<String>> = BTreeMap::new();
        for turn in turns.values() {
            let messages = turn.words.len() as u64;
            let Some(last) = self.count_turn(turn, messages, &mut ledger) else {
                continue;
            };
            seen.entry((turn.chat, turn.topic)).or_default().push(last);
        }
        for ((chat, _), words) in seen {
            ledger.reordered += self.inversions(chat, words);
        }
        ledger
    }

    /// Counts one turn; its last word when there is an answer to be in order.
    fn count_turn(&self, turn: &Turn, messages: u64, ledger: &mut Ledger) -> Option<String> {
        // Their visible end is no answer: none at all, or an apology.
        let ends = [Outcome::Undeliverable, Outcome::Failed].map(|end| Some(end.code()));
        if ends.contains(&turn.outcome) {
            ledger.answered_once += messages;
            if turn.outcome == Some(Outcome::Failed.code()) {
                ledger.apologies += messages;
            }
            return None;
        }
        let last = turn.words.last().expect("a turn has messages");
        let heard = self.heard(turn.chat);
        let with = |mark: &str| {
            let told = |text: &&String| text.contains(last) && text.contains(mark);
            heard.iter().filter(told).count() as u64
        };
        let (copies, marked) = (with(""), with("↻"));
        if copies == 0 || turn.outcome.is_none() {
            note(&format!("{last} was never answered: {turn:?} {heard:?}"));
            ledger.lost += messages;
            return None;
        }
        let owned_up = (copies - 1).min(turn.resent).min(marked);
        ledger.resent_visible_twice += owned_up;
        if turn.haunted {
            ledger.haunted_twice += owned_up;
        }
        if copies - 1 > owned_up {
            note(&format!("{last} has {copies} answers: {turn:?} {heard:?}"));
            ledger.doubled += copies - 1 - owned_up;
        } else {
            ledger.answered_once += messages;
        }
        Some(last.clone())
    }

    /// Placeholders that still stand as if something were to come, where the bot
    /// may still speak.
    fn left_over(&self) -> u64 {
        let gone = Some(Outcome::Undeliverable.code());
        let turns = self.turns();
        let closed: BTreeSet<i64> = turns
            .values()
            .filter_map(|turn| (turn.outcome == gone).then_some(turn.chat))
            .collect();
        let asked = self.asked.lock().expect("plain data").clone();
        let chats: BTreeSet<i64> = asked.iter().map(|(chat, _)| *chat).collect();
        let heard = chats.difference(&closed).flat_map(|chat| self.heard(*chat));
        heard.filter(|text| text.ends_with('…')).count() as u64
    }

    /// How many first copies stand before the answer to an earlier question.
    fn inversions(&self, chat: i64, mut words: Vec<String>) -> u64 {
        words.sort();
        let heard = self.heard(chat);
        let places: Vec<usize> = words
            .iter()
            .filter_map(|word| heard.iter().position(|text| text.contains(word)))
            .collect();
        let inverted = places.windows(2).filter(|pair| pair[0] > pair[1]).count();
        if inverted > 0 {
            note(&format!("out of order: {words:?} {heard:?}"));
        }
        inverted as u64
    }

    fn turns(&self) -> BTreeMap<i64, Turn> {
        let store = self.sql();
        let mut statement = store
            .prepare(
                "SELECT t.id, c.chat, c.topic, t.outcome, m.body, \
                    (SELECT coalesce(sum(resent), 0) FROM parts WHERE turn = t.id AND kind = 0), \
                    EXISTS (SELECT 1 FROM parts AS p JOIN parts AS g ON g.chat = p.chat \
                        AND g.held + g.resent > (g.id = p.id) \
                        WHERE p.turn = t.id AND p.kind = 0 AND p.resent > 0) \
                 FROM turns AS t JOIN conversations AS c ON c.id = t.conversation \
                 JOIN messages AS m ON m.turn = t.id ORDER BY t.id, m.id",
            )
            .expect("the schema is known");
        let rows = statement
            .query_map([], |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get::<_, i64>(1)?,
                    row.get::<_, i64>(2)?,
                    row.get::<_, Option<i64>>(3)?,
                    row.get::<_, String>(4)?,
                    row.get::<_, i64>(5)?,
                    row.get::<_, bool>(6)?,
                ))
            })
            .expect("the schema is known");
        let mut turns: BTreeMap<i64, Turn> = BTreeMap::new();
        for row in rows {
            let (id, chat, topic, outcome, body, resent, haunted) =
                row.expect("the schema is known");
            let turn = turns.entry(id).or_default();
            (turn.chat, turn.topic) = (chat, topic);
            turn.outcome = outcome;
            turn.resent = resent.unsigned_abs();
            turn.haunted = haunted;
            // The pictures behind the first of an album have no words.
            turn.words.extend(word_of(&body));
        }
        turns
    }
}

/// The word of its own in a stored message.
fn word_of(body: &str) -> Option<String> {
    let body: serde_json::Value = serde_json::from_str(body).expect("messages are JSON");
    let text = body["text"].as_str().expect("it has a text");
    text.split_whitespace().last().map(str::to_owned)
}
