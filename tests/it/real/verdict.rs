//! The verdict over a run: every message in one turn, every turn with one
//! visible final answer, in order; what was resent is classified, not excused.

use std::collections::BTreeMap;

use lastword::store::Books;

use super::Real;
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
    words: Vec<String>,
    resent: u64,
    outcome: Option<i64>,
}

impl Real {
    /// Judges what people see against what they asked. Everything must be
    /// settled. Turns that could not be delivered have no answer to look for.
    pub(crate) fn verdict(&self, books: &Books) -> Verdict {
        assert_balanced(books);
        let unstored = self.confirmed_unstored.lock().expect("plain data").clone();
        assert_eq!(unstored, Vec::<i64>::new(), "confirmed but not stored");
        let asked = self.asked.lock().expect("plain data").clone();
        assert_eq!(books.messages, asked.len() as u64, "{books:?}");
        let turns = self.turns();
        let mut verdict = Verdict::default();
        let mut seen: BTreeMap<i64, Vec<String>> = BTreeMap::new();
        for turn in turns.values() {
            assert!(turn.outcome.is_some(), "not settled: {turn:?}");
            if turn.outcome == Some(lastword::domain::turn::Outcome::Undeliverable.code()) {
                continue;
            }
            let last = turn.words.last().expect("a turn has messages");
            let heard = self.heard(turn.chat);
            let copies = heard.iter().filter(|text| text.contains(last)).count() as u64;
            assert!(copies >= 1, "{last} was never answered: {turn:?} {heard:?}");
            assert!(
                copies <= 1 + turn.resent,
                "{last} was answered {copies} times: {turn:?} {heard:?}"
            );
            let marked = heard
                .iter()
                .filter(|text| text.contains(last) && text.contains('↻'))
                .count() as u64;
            assert!(copies == 1 || marked >= 1, "unmarked copy: {heard:?}");
            verdict.doubled += copies - 1;
            seen.entry(turn.chat).or_default().push(last.clone());
        }
        for (chat, words) in seen {
            self.assert_order(chat, words);
            verdict.left_over += self
                .heard(chat)
                .iter()
                .filter(|text| text.ends_with('…'))
                .count() as u64;
        }
        verdict
    }

    /// The first copies of the answers stand in the order of the questions.
    fn assert_order(&self, chat: i64, mut words: Vec<String>) {
        words.sort();
        let heard = self.heard(chat);
        let places: Vec<usize> = words
            .iter()
            .filter_map(|word| heard.iter().position(|text| text.contains(word)))
            .collect();
        assert!(places.is_sorted(), "out of order: {words:?} {heard:?}");
    }

    fn turns(&self) -> BTreeMap<i64, Turn> {
        let store = self.sql();
        let mut statement = store
            .prepare(
                "SELECT t.id, c.chat, t.outcome, m.body, \
                    (SELECT coalesce(sum(resent), 0) FROM parts WHERE turn = t.id AND kind = 0) \
                 FROM turns AS t JOIN conversations AS c ON c.id = t.conversation \
                 JOIN messages AS m ON m.turn = t.id ORDER BY t.id, m.id",
            )
            .expect("the schema is known");
        let rows = statement
            .query_map([], |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get::<_, i64>(1)?,
                    row.get::<_, Option<i64>>(2)?,
                    row.get::<_, String>(3)?,
                    row.get::<_, i64>(4)?,
                ))
            })
            .expect("the schema is known");
        let mut turns: BTreeMap<i64, Turn> = BTreeMap::new();
        for row in rows {
            let (id, chat, outcome, body, resent) = row.expect("the schema is known");
            let turn = turns.entry(id).or_default();
            turn.chat = chat;
            turn.outcome = outcome;
            turn.resent = resent.unsigned_abs();
            turn.words.push(word_of(&body));
        }
        turns
    }
}

/// The word of its own in a stored message.
fn word_of(body: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(body).expect("messages are JSON");
    let text = body["text"].as_str().expect("it has a text");
    let word = text.split_whitespace().last().expect("it has a word");
    word.to_owned()
}
