//! The books of a run: for everything that was said, what became of it, judged
//! by what people see on their screens.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;

use lastword::domain::turn::{Outcome, State};
use lastword::texts::Texts;
use rusqlite::OptionalExtension as _;

use super::host::Tally;
use super::people::{People, Said, What};
use super::screen::{Screen, Seen};
use super::world::World;
use crate::books::Ledger;

/// What came in and what became of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Books {
    pub(super) runs: u64,
    /// Messages that the bot had to answer.
    pub(super) asked: u64,
    /// With the model's answer.
    pub(super) answered: u64,
    /// With an apology, by a person's stop, or where nobody could be reached.
    pub(super) failed: u64,
    pub(super) cancelled: u64,
    pub(super) undeliverable: u64,
    pub(super) lost: u64,
    pub(super) doubled: u64,
    /// Marked copies of what could not be proven to have arrived.
    pub(super) marked_twice: u64,
    /// Copies in a group and in the supergroup it became, where a send or an
    /// edit was cut just before.
    pub(super) moved_twice: u64,
    /// Parts of unknown arrival that were found on the screen, were proven not
    /// to be there, and were sent again with a mark.
    pub(super) bound: u64,
    pub(super) absent: u64,
    pub(super) sent_again: u64,
    pub(super) reordered: u64,
    /// Placeholders that no answer took over.
    pub(super) left_over: u64,
    /// Completions paid a second time after a death or a cut.
    pub(super) paid_twice: u64,
    pub(super) tally: Sum,
}

/// Lives and their ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) starts: u64,
    pub(super) crashes: u64,
    pub(super) drains: u64,
    pub(super) early: u64,
    pub(super) rolls: u64,
    pub(super) outages: u64,
}

impl AddAssign for Books {
    fn add_assign(&mut self, other: Self) {
        self.runs += other.runs;
        self.asked += other.asked;
        self.answered += other.answered;
        self.failed += other.failed;
        self.cancelled += other.cancelled;
        self.undeliverable += other.undeliverable;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.marked_twice += other.marked_twice;
        self.moved_twice += other.moved_twice;
        self.bound += other.bound;
        self.absent += other.absent;
        self.sent_again += other.sent_again;
        self.reordered += other.reordered;
        self.left_over += other.left_over;
        self.paid_twice += other.paid_twice;
        self.tally.starts += other.tally.starts;
        self.tally.crashes += other.tally.crashes;
        self.tally.drains += other.tally.drains;
        self.tally.early += other.tally.early;
        self.tally.rolls += other.tally.rolls;
        self.tally.outages += other.tally.outages;
    }
}

impl Books {
    /// The same in the form that all proofs share. An apology, a person's own
    /// stop and a chat that is gone are ends, too; each is looked for by itself.
    pub(super) fn ledger(&self) -> Ledger {
        let ended = self.answered + self.failed + self.cancelled + self.undeliverable;
        Ledger {
            runs: self.runs,
            sent: self.asked,
            answered_once: ended,
            lost: self.lost,
            doubled: self.doubled,
            reordered: self.reordered,
            resent_visible_twice: self.marked_twice + self.moved_twice,
            uncertain_bound: self.bound,
            uncertain_resent: self.sent_again,
            paid_twice: self.paid_twice,
            kills: self.tally.crashes,
            drains: self.tally.drains + self.tally.early,
            rolls: self.tally.rolls,
            outages: self.tally.outages,
            ..Ledger::of("simulation")
        }
    }
}

/// A turn as the store knows it.
#[derive(Debug, Clone, Copy)]
struct Turn {
    id: i64,
    state: i64,
    outcome: Option<i64>,
    /// Times that a part of it was sent again, marked.
    resent: i64,
}

/// The judgement of one run.
struct Judge<'a> {
    world: &'a World,
    people: &'a People,
    screens: BTreeMap<i64, Screen>,
    replays: BTreeSet<i64>,
    books: Books,
}

impl Books {
    /// Judges everything, once nothing moves any more.
    pub(super) fn close(world: &World, people: &People, tally: Tally) -> Self {
        let chats = world.telegram.chats();
        let sum = |column: &str| {
            let sql = format!("SELECT coalesce(sum({column}), 0) FROM parts");
            world.eye().count(&sql, &[]).unsigned_abs()
        };
        let mut judge = Judge {
            world,
            people,
            screens: chats
                .iter()
                .map(|chat| (chat.id, Screen::of(chat.from_bot())))
                .collect(),
            replays: replays(world),
            books: Self {
                runs: 1,
                paid_twice: world.eye().excused(),
                bound: sum("bound"),
                absent: sum("absent"),
                sent_again: sum("resent"),
                tally: Sum {
                    starts: tally.starts,
                    crashes: tally.crashes,
                    drains: tally.drains,
                    early: tally.early,
                    ..Sum::default()
                },
                ..Self::default()
            },
        };
        judge.messages();
        judge.order();
        judge.replies();
        judge.balance();
        judge.books
    }
}

impl Judge<'_> {
    /// The posts that answer this message, the earliest first.
    fn answers(&self, said: &Said) -> Vec<Seen> {
        let says = |words: &BTreeSet<String>| said.words.iter().any(|word| words.contains(word));
        let posts = self.screens.values().flat_map(|screen| &screen.posts);
        let mut seen: Vec<Seen> = posts
            .filter(|(_, words)| says(words))
            .map(|(seen, _)| *seen)
            .collect();
        seen.sort_unstable();
        seen
    }

    fn wrong(&self, chat: i64, what: String) {
        self.world.wrong(Some(chat), what);
    }

    /// Every message has exactly one end that its person can see.
    fn messages(&mut self) {
        for said in &self.people.ledger {
            match said.what {
                What::Question => self.question(said),
                What::Chatter => {
                    let answers = self.answers(said);
                    if !answers.is_empty() {
                        self.wrong(said.chat, format!("{said:?} was not meant for the bot"));
                    }
                }
                What::New | What::Help | What::Other => {}
            }
        }
    }

    fn question(&mut self, said: &Said) {
        self.books.asked += 1;
        let Some(turn) = turn_of(self.world, said) else {
            self.books.lost += 1;
            return self.wrong(said.chat, format!("lost: {said:?}"));
        };
        let copies = self.answers(said).len() as u64;
        let outcome = turn.outcome.and_then(Outcome::from_code);
        if turn.state != State::Settled.code() {
            return self.wrong(said.chat, format!("not settled: {said:?} {turn:?}"));
        }
        let most = match outcome {
            Some(Outcome::Answered) => {
                if copies == 0 {
                    self.books.lost += 1;
                    self.wrong(
                        said.chat,
                        format!("answered, but nobody sees it: {said:?} {turn:?}"),
                    );
                } else {
                    self.books.answered += 1;
                }
                1
            }
            Some(Outcome::Failed) => {
                self.books.failed += 1;
                0
            }
            Some(Outcome::Cancelled) => {
                self.books.cancelled += 1;
                if self.screens[&said.chat].count("⏹") == 0
                    && !self.people.hostile.contains(&said.chat)
                {
                    self.wrong(
                        said.chat,
                        format!("stopped without a sign: {said:?} {turn:?}"),
                    );
                }
                // The sign is in the last part; what stands before it counts.
                1
            }
            Some(Outcome::Undeliverable) => {
                self.books.undeliverable += 1;
                if !self.people.hostile.contains(&said.chat) {
                    self.wrong(
                        said.chat,
                        format!("given up without a reason: {said:?} {turn:?}"),
                    );
                }
                1
            }
            Some(Outcome::Superseded) | None => {
                return self.wrong(said.chat, format!("without an end: {said:?} {turn:?}"));
            }
        };
        let most = most + self.world.eye().varied(turn.id);
        // Cut again and again where nothing can be proven: the operator has
        // decided for a marked copy rather than none.
        let marked = (turn.resent.unsigned_abs()).min(copies.saturating_sub(most));
        self.books.marked_twice += marked;
        let copies = copies - marked;
        // A group that becomes a supergroup takes what was being edited in it
        // out of reach: whether the edit arrived can no longer be found out.
        if copies > most && self.people.moved.contains(&said.chat) {
            self.books.moved_twice += copies - most;
        } else if copies > most {
            self.books.doubled += copies - most;
            self.wrong(said.chat, format!("{copies} copies: {said:?} {turn:?}"));
        }
    }

    /// Nobody's later message is answered before an earlier one.
    fn order(&mut self) {
        let mut last: BTreeMap<(i64, Option<i64>, i64), (Seen, &Said)> = BTreeMap::new();
        for said in self
            .people
            .ledger
            .iter()
            .filter(|said| said.what == What::Question)
        {
            let Some(turn) = turn_of(self.world, said) else {
                continue;
            };
            let answers = self.answers(said);
            let Some(&first) = answers.first() else {
                continue;
            };
            if self.replays.contains(&turn.id) {
                continue;
            }
            let key = (said.chat, said.thread, said.person);
            if let Some((before, earlier)) = last.get(&key)
                && *before > first
            {
                self.books.reordered += 1;
                self.world.wrong(
                    Some(said.chat),
                    format!("{said:?} was answered before {earlier:?}"),
                );
            }
            last.insert(key, (first, said));
        }
    }

    /// Commands are answered once each.
    fn replies(&mut self) {
        let texts = Texts::english();
        for (chat, screen) in &self.screens {
            if self.people.hostile.contains(chat) || self.people.moved.contains(chat) {
                continue;
            }
            let unfinished = |text: &&String| text.ends_with('…') && !text.contains(texts.thinking);
            if let Some(text) = screen.texts.iter().find(unfinished) {
                self.books.left_over += 1;
                self.world.wrong(
                    Some(*chat),
                    format!("left unfinished on the screen: {text:?}"),
                );
            }
            let said = |what| {
                let ours = |said: &&Said| said.chat == *chat && said.what == what;
                self.people.ledger.iter().filter(ours).count() as u64
            };
            let help = match *chat > 0 {
                true => texts.help.to_owned(),
                false => texts.help_group(&self.world.telegram.bot().username),
            };
            for (what, sentence) in [(What::New, texts.new_done), (What::Help, &help)] {
                let (asked, seen) = (said(what), screen.count(sentence));
                if seen != asked {
                    self.wrong(
                        *chat,
                        format!("{what:?} was said {asked} times and answered {seen} times"),
                    );
                }
            }
            let sentences = [
                texts.failed,
                texts.model_away,
                texts.too_late,
                texts.too_long,
            ];
            let apologies: u64 = sentences
                .map(|sentence| screen.count(sentence))
                .iter()
                .sum();
            let failed = self.world.eye().count(
                "SELECT count(*) FROM turns AS t JOIN conversations AS c ON c.id = t.conversation \
                 WHERE c.chat = ?1 AND t.ending = 1 AND coalesce(t.outcome, 0) <> 4",
                &[*chat],
            );
            let failed = failed.unsigned_abs();
            if apologies != failed {
                self.wrong(
                    *chat,
                    format!("{failed} turns failed and {apologies} apologies are seen"),
                );
            }
        }
    }

    /// The store's own books balance.
    fn balance(&mut self) {
        let store = self.world.open_store();
        let books = futures_util::FutureExt::now_or_never(lastword::store::Turns::books(&store));
        let books = books
            .expect("an inline store never waits")
            .expect("the store answers");
        if books.orphaned + books.unbalanced > 0 {
            self.world
                .wrong(None, format!("the store's books do not balance: {books:?}"));
        }
    }
}

/// Turns that were begun by trying again.
fn replays(world: &World) -> BTreeSet<i64> {
    world.eye().with(|store| {
        let mut statement = store
            .prepare_cached(
                "SELECT turn FROM controls WHERE effect = 'retried' \
                 UNION SELECT id FROM turns WHERE variant > 0",
            )
            .expect("the schema is known");
        let rows = statement.query_map([], |row| row.get::<_, Option<i64>>(0));
        let rows = rows.expect("the schema is known");
        rows.filter_map(|row| row.expect("the schema is known"))
            .collect()
    })
}

fn turn_of(world: &World, said: &Said) -> Option<Turn> {
    let turn = |word: &String| {
        world.eye().with(|store| {
            store
                .prepare_cached(
                    "SELECT t.id, t.state, t.outcome, (SELECT coalesce(sum(resent), 0) \
                        FROM parts AS p WHERE p.turn = t.id AND p.kind = 0) \
                     FROM messages AS m JOIN turns AS t ON t.id = m.turn \
                     WHERE instr(m.body, ?1) > 0",
                )
                .expect("the schema is known")
                .query_row([word], |row| {
                    Ok(Turn {
                        id: row.get(0)?,
                        state: row.get(1)?,
                        outcome: row.get(2)?,
                        resent: row.get(3)?,
                    })
                })
                .optional()
                .expect("the schema is known")
        })
    };
    said.words.iter().find_map(turn)
}
