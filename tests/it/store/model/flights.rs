//! What is on its way to Telegram, and what Telegram has: the model of the
//! outbox.
//!
//! Telegram is honest here; callers lose its answers. Whatever they lose, a
//! probe names no id of another message, what is declared absent is absent, and
//! only what is marked stands there twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lastword::domain::ids::ChatId;
use lastword::domain::part::{OnUncertain, Payload, Sending, Sent};
use lastword::domain::probe::{Probed, Probing, Reach, Resolution};
use lastword::store::{Begin, Books, StoreError};
use tokio::time::Instant;

use super::World;
use super::step::Way;
use crate::store::stage::{PROBE_WITHIN, WITHIN};

/// How long a cut call is given to be carried out after it expired.
const SETTLE: Duration = Duration::from_secs(5);

/// Small enough to be too small at times.
const RANGE: u32 = 12;

/// A call under way.
#[derive(Debug, Clone)]
struct Flight {
    sending: Sending,
    since: Instant,
    within: Duration,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    /// A message with this id, if it was carried out.
    Send(Way, Option<i64>),
    Edit(i64),
    Probe(Box<Probing>),
}

/// The model of the outbox.
#[derive(Debug)]
pub(super) struct Flights {
    otherwise: OnUncertain,
    flights: Vec<Flight>,
    /// Calls (part, number) whose own owner has looked again after their time:
    /// it has given them up.
    given_up: BTreeSet<(i64, i64)>,
    /// Our messages at Telegram: chat and id, and the part.
    there: BTreeMap<(i64, i64), i64>,
    /// The send of a chat whose fate the store does not know: part and id.
    open: BTreeMap<i64, (i64, Option<i64>)>,
    /// Ids the store was told.
    receipts: BTreeSet<i64>,
}

impl Flights {
    pub(super) fn new(otherwise: OnUncertain) -> Self {
        Self {
            otherwise,
            flights: Vec::new(),
            given_up: BTreeSet::new(),
            there: BTreeMap::new(),
            open: BTreeMap::new(),
            receipts: BTreeSet::new(),
        }
    }

    /// Nobody is left to finish anything.
    pub(super) fn clear(&mut self) {
        self.flights.clear();
    }

    /// What stands there twice is what was sent again, marked.
    pub(super) fn assert_accounted_for(&self, books: &Books) {
        let parts: BTreeSet<_> = self.there.values().collect();
        let copies = (self.there.len() - parts.len()) as u64;
        assert!(copies <= books.resent, "{copies} copies: {books:?}");
    }

    /// No probe may reach another message of ours.
    fn assert_safe(&self, probing: &Probing) {
        let part = &probing.part;
        for id in &probing.ids {
            let other = self.there.get(&(part.chat.0, *id));
            assert!(
                other.is_none_or(|other| *other == part.part.0),
                "{id} is another message of ours: {probing:?}"
            );
        }
        assert!(probing.ids.is_sorted() && probing.ids.len() <= RANGE as usize);
        let open = self.open.get(&part.chat.0);
        if let (Some((_, Some(id))), Reach::Whole) = (open, probing.reach) {
            assert!(probing.ids.contains(id), "{id} is not asked: {probing:?}");
        }
    }

    /// A part of unknown arrival was resolved without a call.
    fn resolved(&mut self, chat: ChatId, resolution: Option<Resolution>) {
        let Some(resolution) = resolution else { return };
        let (_, id) = self.open.remove(&chat.0).expect("its fate was open");
        assert!(
            resolution != Resolution::Absent || id.is_none(),
            "{id:?} is there"
        );
    }
}

impl World {
    pub(super) async fn begin(&mut self, by: usize, chat: ChatId, way: Way) {
        let stage = &self.instances[by % self.instances.len()];
        let outbox = &mut self.outbox;
        let over = |flight: &&Flight| {
            let own = flight.sending.chat == chat && flight.sending.owner == stage.me;
            own && flight.since.elapsed() >= flight.within + SETTLE
        };
        let given_up = outbox.flights.iter().filter(over);
        let given_up: Vec<_> = given_up.map(|f| fence(&f.sending)).collect();
        outbox.given_up.extend(given_up);
        let begun = loop {
            match stage.ask_for(chat, RANGE, outbox.otherwise).await {
                Begin::Resolved(finished) => outbox.resolved(chat, finished.resolved),
                other => break other,
            }
        };
        let (sending, what, within) = match begun {
            Begin::Send(sending) => {
                let what = match sending.edit {
                    Some(message) => What::Edit(message),
                    None => What::Send(way, None),
                };
                (*sending, what, WITHIN)
            }
            Begin::Probe(probing) => {
                outbox.assert_safe(&probing);
                (probing.part.clone(), What::Probe(probing), PROBE_WITHIN)
            }
            _ => return,
        };
        self.assert_nothing_else_under_way(&sending);
        if let What::Send(..) = what {
            let open = (sending.part.0, None);
            self.outbox.open.insert(chat.0, open);
        }
        let mut flight = Flight {
            sending,
            since: Instant::now(),
            within,
            what,
        };
        if way == Way::Carried {
            self.carry_out(&mut flight);
        }
        self.outbox.flights.push(flight);
    }

    fn assert_nothing_else_under_way(&self, sending: &Sending) {
        let outbox = &self.outbox;
        let same_chat = |f: &&Flight| f.sending.chat == sending.chat;
        for other in outbox.flights.iter().filter(same_chat) {
            let gone = other.sending.owner == sending.owner
                || self.by(other.sending.owner).is_none()
                || outbox.given_up.contains(&fence(&other.sending));
            assert!(
                gone && other.since.elapsed() >= other.within + SETTLE,
                "{other:?} may still be under way"
            );
        }
    }

    /// Telegram carries a send out.
    fn carry_out(&mut self, flight: &mut Flight) {
        if let What::Send(_, id @ None) = &mut flight.what {
            let (chat, part) = (flight.sending.chat.0, flight.sending.part.0);
            let given = self.desk.receipt();
            *id = Some(given);
            self.outbox.there.insert((chat, given), part);
            self.outbox.open.insert(chat, (part, Some(given)));
        }
    }

    pub(super) async fn finish(&mut self, n: usize, how: usize) {
        if self.outbox.flights.is_empty() {
            return;
        }
        let n = n % self.outbox.flights.len();
        let mut flight = self.outbox.flights.remove(n);
        // The dead finish nothing.
        if self.by(flight.sending.owner).is_none() {
            return;
        }
        let is_late = matches!(flight.what, What::Send(Way::Late, None));
        if is_late && flight.since.elapsed() < flight.within {
            self.carry_out(&mut flight);
        }
        if let What::Probe(probing) = &flight.what {
            return self.finish_probe(probing, how).await;
        }
        let sent = match flight.what {
            What::Send(..) if how < 3 => Sent::Uncertain,
            What::Send(_, Some(id)) => Sent::Receipt(id),
            What::Send(_, None) if how == 3 => Sent::Undeliverable,
            What::Send(_, None) => Sent::NotSent { retry_in_ms: 700 },
            What::Edit(_) if how == 0 => Sent::Uncertain,
            What::Edit(_) if how == 1 => Sent::TargetGone,
            What::Edit(message) => Sent::Receipt(message),
            What::Probe(_) => unreachable!("it was finished"),
        };
        let stage = self.by(flight.sending.owner).expect("it lives");
        let done = stage.store.finish_send(&flight.sending, sent.clone()).await;
        match done {
            Ok(_) => self.told(&flight, &sent),
            Err(StoreError::Fenced) => {}
            Err(other) => panic!("{other}"),
        }
    }

    /// The store knows now what became of a send.
    fn told(&mut self, flight: &Flight, sent: &Sent) {
        let outbox = &mut self.outbox;
        if let What::Send(..) = flight.what {
            if let Sent::Receipt(id) = sent {
                assert!(outbox.receipts.insert(*id));
            }
            if *sent != Sent::Uncertain {
                outbox.open.remove(&flight.sending.chat.0);
            }
        }
    }

    async fn finish_probe(&mut self, probing: &Probing, how: usize) {
        let part = &probing.part;
        let ours = |id: &&i64| self.outbox.there.contains_key(&(part.chat.0, **id));
        let probed = match (how, probing.ids.iter().find(ours)) {
            (0, _) => Probed::Unproven { retry_in_ms: 0 },
            (1, _) => Probed::Unreached { retry_in_ms: 900 },
            (2, _) => Probed::Useless,
            (_, Some(id)) => Probed::Found(*id),
            (_, None) => Probed::Absent,
        };
        let stage = self.by(part.owner).expect("it lives");
        match (stage.store.finish_probe(probing, probed).await, probed) {
            (Ok(_), Probed::Found(id)) => {
                assert!(self.outbox.receipts.insert(id));
                self.outbox.open.remove(&part.chat.0);
            }
            (Ok(_) | Err(StoreError::Fenced), _) => {}
            (Err(other), _) => panic!("{other}"),
        }
    }

    pub(super) async fn replan(&mut self, n: usize) {
        if self.outbox.flights.is_empty() {
            return;
        }
        let n = n % self.outbox.flights.len();
        // Telegram refuses only what it does not carry out.
        if !matches!(
            self.outbox.flights[n].what,
            What::Send(_, None) | What::Edit(_)
        ) {
            return;
        }
        let flight = self.outbox.flights.remove(n);
        let pieces = vec![Payload::plain("a"), Payload::plain("b")];
        match self.desk.store.replan(&flight.sending, pieces).await {
            Ok(_) => self.told(&flight, &Sent::Undeliverable),
            Err(StoreError::Fenced) => {}
            Err(other) => panic!("{other}"),
        }
    }
}

/// What tells one call from another.
fn fence(sending: &Sending) -> (i64, i64) {
    (sending.part.0, sending.send_no)
}
