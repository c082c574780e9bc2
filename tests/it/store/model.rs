//! Random lives of a store against a small model of the books: whatever people,
//! instances, deaths and Telegram do, every message is in exactly one turn,
//! every turn ends once, order holds, and one part per chat is on its way.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::Duration;

use lastword::domain::admission::Busy;
use lastword::domain::ids::{ChatId, ConversationId, InstanceId, TurnId};
use lastword::domain::part::{OnUncertain, Payload};
use lastword::domain::turn::{Blame, Claim, Outcome};
use lastword::store::{Company, Flush, Next, StoreError};
use proptest::prelude::*;
use serde_json::Value;

use super::stage::{Stage, inline, of, parts_answer, pass};
use super::talk::{GROUP, after, chatter, draft_stopped, edited, mention, private};

mod flights;
mod step;

use flights::Flights;
use step::{Step, Way, lossy_step, step};

/// Where people speak: (chat, person).
const PLACES: [(i64, i64); 4] = [(7, 7), (8, 8), (GROUP, 7), (GROUP, 8)];

/// The world and what the model knows of it.
struct World {
    /// Takes updates and looks; never claims or sends.
    desk: Stage,
    instances: Vec<Stage>,
    begun: tokio::time::Instant,
    conversations: BTreeMap<i64, ConversationId>,
    said: Vec<(i64, i64, i64, Value)>,
    /// Claims that still hold, as far as the model knows.
    claims: Vec<Claim>,
    /// Claims that no longer hold.
    stale: Vec<Claim>,
    outbox: Flights,
    outcomes: BTreeMap<TurnId, &'static str>,
}

impl World {
    async fn new(busy: Busy, otherwise: OnUncertain) -> Self {
        let mut desk = inline();
        desk.policy.busy = busy;
        let instances = vec![
            desk.another().lives("running").await,
            desk.another().lives("running").await,
        ];
        Self {
            desk,
            instances,
            begun: tokio::time::Instant::now(),
            conversations: BTreeMap::new(),
            said: Vec::new(),
            claims: Vec::new(),
            stale: Vec::new(),
            outbox: Flights::new(otherwise),
            outcomes: BTreeMap::new(),
        }
    }

    fn by(&self, owner: InstanceId) -> Option<&Stage> {
        self.instances.iter().find(|i| i.me == owner)
    }

    /// The claims of these turns hold no longer.
    fn cut(&mut self, turns: &[TurnId]) {
        let (cut, held) = self.claims.drain(..).partition(|c| turns.contains(&c.turn));
        self.claims = held;
        self.stale.extend::<Vec<_>>(cut);
    }

    /// The message, written now.
    fn now(&self, update: Value) -> Value {
        let seconds = self.begun.elapsed().as_secs();
        after(update, i64::try_from(seconds).expect("a life is short"))
    }

    async fn accept(&mut self, update: Value) {
        let accepted = self.desk.accept(&[update]).await;
        for due in accepted.due {
            self.conversations.insert(due.chat.0, due.conversation);
        }
        self.cut(&accepted.cut);
    }

    async fn say(&mut self, place: usize, again: bool) {
        let (chat, person) = PLACES[place % PLACES.len()];
        let id = self.desk.receipt();
        let text = format!("m{id}");
        let update = match chat > 0 {
            true => private(person, id, &text),
            false => mention(chat, person, id, &text),
        };
        let update = self.now(update);
        self.said.push((chat, person, id, update.clone()));
        if again {
            // Telegram hands it to two instances at once.
            let bytes = self.desk.update(&update);
            let first = self.desk.accept_raw(vec![bytes.clone()]).await;
            for due in &first.due {
                self.conversations.insert(due.chat.0, due.conversation);
            }
            self.cut(&first.cut);
            let second = self.instances[0].accept_raw(vec![bytes]).await;
            assert_eq!((second.stored, second.duplicates), (0, 1));
        } else {
            self.accept(update).await;
        }
    }

    async fn claim(&mut self, by: usize, place: usize, flush: Flush) {
        let (chat, _) = PLACES[place % PLACES.len()];
        let Some(conversation) = self.conversations.get(&chat).copied() else {
            return;
        };
        let stage = &self.instances[by % self.instances.len()];
        // Poisoned ones run too: their company is not what is tested here.
        let Next::Run(claimed) = stage.ask_in(conversation, flush, Company::Alone).await else {
            return;
        };
        let claim = claimed.claim;
        assert!(
            !self
                .claims
                .iter()
                .any(|c| c.conversation == claim.conversation),
            "two turns of a conversation run"
        );
        for earlier in self.stale.iter().filter(|c| c.turn == claim.turn) {
            assert!(earlier.no < claim.no);
        }
        self.in_order(&claim).await;
        self.claims.push(claim);
    }

    /// Whatever its people said before is settled.
    async fn in_order(&self, claim: &Claim) {
        let turns = self.desk.turns().await;
        let ours = turns
            .iter()
            .find(|t| t.turn == claim.turn)
            .expect("it is listed");
        let people: BTreeSet<i64> = self
            .said
            .iter()
            .filter(|(.., id, _)| ours.messages.contains(id))
            .map(|(_, person, ..)| *person)
            .collect();
        assert_eq!(people.len(), 1, "a turn holds the words of one person");
        let first = ours.messages.iter().min().expect("no turn is empty");
        for (chat, person, id, _) in &self.said {
            if ChatId(*chat) != claim.chat || !people.contains(person) || id >= first {
                continue;
            }
            let holder = turns.iter().find(|t| t.messages.contains(id));
            let holder = holder.expect("every message is in a turn");
            assert_eq!(holder.state, "settled", "message {id} was overtaken");
        }
    }

    /// Ends a claim in this way; stale ones must be fenced.
    async fn end(&mut self, n: usize, way: &Step) {
        let total = self.claims.len() + self.stale.len();
        if total == 0 {
            return;
        }
        let n = n % total;
        let (claim, holds) = match self.claims.get(n) {
            Some(claim) => (*claim, true),
            None => (self.stale[n - self.claims.len()], false),
        };
        let store = &self.desk.store;
        let minute = Duration::from_secs(60);
        let done = match way {
            Step::Answer { parts, failed, .. } => {
                let texts: Vec<_> = (0..*parts).map(|p| format!("{}.{p}", claim.turn)).collect();
                let texts: Vec<_> = texts.iter().map(String::as_str).collect();
                let outcome = if *failed {
                    Outcome::Failed
                } else {
                    Outcome::Answered
                };
                store.answer(&claim, parts_answer(&texts, outcome)).await
            }
            Step::Placeholder(_) => store.plan_placeholder(&claim, Payload::plain("…")).await,
            Step::Defer(_) => store.defer(&claim, minute, Blame::World, None).await,
            _ => store.park(&claim).await,
        };
        assert_eq!(
            done,
            if holds {
                Ok(())
            } else {
                Err(StoreError::Fenced)
            }
        );
        if holds && !matches!(way, Step::Placeholder(_)) {
            self.cut(&[claim.turn]);
        }
    }

    async fn die(&mut self, n: usize) {
        let n = n % self.instances.len();
        let new = self.desk.another().lives("running").await;
        drop(std::mem::replace(&mut self.instances[n], new));
    }

    async fn reap(&mut self, n: usize) {
        let heir = &self.instances[n % self.instances.len()];
        heir.store.reap(heir.me).await.expect("the dead are found");
        let alive: BTreeSet<_> = self.instances.iter().map(|i| i.me).collect();
        let dead = self.claims.iter().filter(|c| !alive.contains(&c.owner));
        let turns: Vec<_> = dead.map(|c| c.turn).collect();
        self.cut(&turns);
    }

    async fn take(&mut self, step: &Step) {
        match step {
            Step::Say { place, again } => self.say(*place, *again).await,
            Step::Command(place) => {
                let (chat, person) = PLACES[place % PLACES.len()];
                let id = self.desk.receipt();
                let command = match chat > 0 {
                    true => private(person, id, "/help"),
                    false => chatter(chat, person, id, "/help"),
                };
                let command = self.now(command);
                self.accept(command).await;
            }
            Step::Edit(n) if !self.said.is_empty() => {
                let (.., update) = &self.said[self.said.len() - 1 - n % self.said.len()];
                let update = edited(update, "changed");
                self.accept(update).await;
            }
            Step::StopClaimed(n) if !self.claims.is_empty() => {
                // Asks the owner; the claim goes on to hold.
                let claim = self.claims[n % self.claims.len()];
                let stop = draft_stopped(claim.chat.0, claim.turn.0);
                self.desk.accept(&[stop]).await;
            }
            Step::Edit(_) | Step::StopClaimed(_) => {}
            Step::Pass(millis) => pass(*millis).await,
            Step::Claim { by, place, flush } => {
                let flush = if *flush { Flush::All } else { Flush::Due };
                self.claim(*by, *place, flush).await;
            }
            Step::Answer { claim: n, .. }
            | Step::Placeholder(n)
            | Step::Defer(n)
            | Step::Park(n) => self.end(*n, step).await,
            Step::Begin { by, place, way } => {
                let (chat, _) = PLACES[place % PLACES.len()];
                self.begin(*by, ChatId(chat), *way).await;
            }
            Step::Finish { send, how } => self.finish(*send, *how).await,
            Step::Replan(send) => self.replan(*send).await,
            Step::Die(n) => self.die(*n).await,
            Step::Reap(n) => self.reap(*n).await,
        }
    }

    /// The books, as the model keeps them.
    async fn check(&mut self) {
        let books = self.desk.books().await;
        assert_eq!(books.messages, self.said.len() as u64);
        let turns = self.desk.turns().await;
        let mut held: Vec<_> = turns
            .iter()
            .flat_map(|t| t.messages.iter().map(|id| (t.chat.0, *id)))
            .collect();
        held.sort_unstable();
        let mut said: Vec<_> = self
            .said
            .iter()
            .map(|(chat, _, id, _)| (*chat, *id))
            .collect();
        said.sort_unstable();
        assert_eq!(held, said, "every message is in exactly one turn");
        for turn in turns {
            let before = self.outcomes.get(&turn.turn);
            if let Some(before) = before {
                assert_eq!(Some(*before), turn.outcome, "an end is final");
            }
            if let Some(outcome) = turn.outcome {
                assert_eq!(turn.state, "settled");
                self.outcomes.insert(turn.turn, outcome);
            }
        }
    }

    /// Everybody dies; one heir answers what is left.
    async fn end_of_days(&mut self) {
        self.instances.clear();
        let heir = self.desk.another().lives("running").await;
        heir.store.reap(heir.me).await.expect("the dead are found");
        self.instances.push(heir);
        self.claims.clear();
        self.stale.clear();
        self.outbox.clear();
        for _ in 0..400 {
            let waiting = self
                .desk
                .store
                .waiting(10)
                .await
                .expect("what waits is listed");
            let unsent = self.instances[0].store.unsent(self.instances[0].me).await;
            let unsent = unsent.expect("what is unsent is listed");
            if waiting.is_empty() && unsent.is_empty() {
                break;
            }
            for due in waiting.iter().filter(|due| due.after.is_zero()) {
                let place = PLACES.iter().position(|(chat, _)| *chat == due.chat.0);
                self.claim(0, place.expect("a place of ours"), Flush::Due)
                    .await;
            }
            while !self.claims.is_empty() {
                let answer = Step::Answer {
                    claim: 0,
                    parts: 2,
                    failed: false,
                };
                self.end(0, &answer).await;
            }
            for (chat, _) in unsent {
                self.begin(0, chat, Way::Carried).await;
                self.finish(0, 9).await;
            }
            self.stale.clear();
            pass(1000).await;
            self.check().await;
        }
        let books = self.desk.books().await;
        for state in ["gathering", "sealed", "claimed", "answered"] {
            assert_eq!(of(&books.states, state), 0, "{books:?}");
        }
        for state in ["planned", "sending", "uncertain"] {
            assert_eq!(of(&books.parts, state), 0, "{books:?}");
        }
        assert_eq!(of(&books.outcomes, "superseded"), 0);
        self.outbox.assert_accounted_for(&books);
    }
}

fn live(busy: Busy, otherwise: OnUncertain, steps: &[Step]) {
    paused(async {
        let mut world = World::new(busy, otherwise).await;
        for step in steps {
            world.take(step).await;
            world.check().await;
        }
        world.end_of_days().await;
    });
}

/// The same, where the books are looked at only in the end.
fn live_seldom_checked(otherwise: OnUncertain, steps: &[Step]) {
    paused(async {
        let mut world = World::new(Busy::Queue, otherwise).await;
        for step in steps {
            world.take(step).await;
        }
        world.end_of_days().await;
    });
}

fn paused(life: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime starts")
        .block_on(life);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_books_balance(steps in prop::collection::vec(step(), 30..160)) {
        live(Busy::Queue, OnUncertain::Resend, &steps);
    }

    #[test]
    fn interrupted_or_not_the_books_balance(steps in prop::collection::vec(step(), 30..160)) {
        live(Busy::Interrupt, OnUncertain::Hold, &steps);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_probe_reaches_another_message_and_only_what_is_marked_is_doubled(
        hold in any::<bool>(),
        steps in prop::collection::vec(lossy_step(), 40..120),
    ) {
        let otherwise = if hold { OnUncertain::Hold } else { OnUncertain::Resend };
        live_seldom_checked(otherwise, &steps);
    }
}
