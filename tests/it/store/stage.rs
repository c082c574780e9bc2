//! The stage of the contract suite: a store in each of its modes, instances
//! that share one file, and the shortest words for what tests do with them.
//!
//! Where time passes, tests run inline on tokio's paused clock ([`inline`]);
//! everything else runs in both modes ([`stores`]).

use std::cell::Cell;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lastword::clock::Clock;
use lastword::domain::address::{BotUser, Groups};
use lastword::domain::admission::{Access, Busy, Policy};
use lastword::domain::ids::{BotId, ChatId, ConversationId, InstanceId, TurnId};
use lastword::domain::part::{Content, Kind, OnUncertain, Payload, Sending, Sent};
use lastword::domain::probe::Resolving;
use lastword::domain::turn::{Claim, Outcome};
use lastword::domain::window::Rules;
use lastword::domain::words::{Wordbook, Words};
use lastword::store::sqlite::{Mode, SqliteStore};
use lastword::store::{
    Accepted, Answer, Ask, Begin, Books, Claimed, Company, Flush, Next, Planned, Store, TurnLine,
};
use serde_json::Value;
use tempfile::TempDir;

/// The bot of all tests.
pub(super) const BOT_ID: BotId = BotId(42);

/// When the paused clock begins: some day in 2026.
pub(super) const BASE: i64 = 1_790_000_000_000;

/// How long a send may take in these tests.
pub(super) const WITHIN: Duration = Duration::from_secs(30);

/// How long a round of probing may take in these tests.
pub(super) const PROBE_WITHIN: Duration = Duration::from_secs(10);

/// One instance with its handle of the store.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) store: Arc<dyn Store>,
    pub(super) me: InstanceId,
    pub(super) policy: Policy,
    folder: Rc<TempDir>,
    pub(super) clock: Clock,
    mode: Mode,
    counters: Rc<Counters>,
}

#[derive(Debug)]
struct Counters {
    update: Cell<i64>,
    message: Cell<i64>,
    instance: Cell<i64>,
}

/// A fresh store in every mode.
pub(super) fn stores() -> Vec<Stage> {
    vec![inline(), open(Mode::Thread, Clock::system())]
}

/// A fresh store on the paused clock.
pub(super) fn inline() -> Stage {
    open(Mode::Inline, Clock::virtual_from(BASE))
}

fn open(mode: Mode, clock: Clock) -> Stage {
    let folder = Rc::new(TempDir::new().expect("a temporary folder"));
    let path = folder.path().join("store.db");
    let store = SqliteStore::open(&path, BOT_ID, clock.clone(), mode).expect("a fresh store opens");
    Stage {
        store: Arc::new(store),
        me: InstanceId(1),
        policy: policy(),
        folder,
        clock,
        mode,
        counters: Rc::new(Counters {
            update: Cell::new(1000),
            message: Cell::new(5000),
            instance: Cell::new(1),
        }),
    }
}

/// What the bot is told to be, unless a test says otherwise.
fn policy() -> Policy {
    Policy {
        bot: BotUser {
            id: BOT_ID,
            username: super::talk::BOT.to_owned(),
            name: "Lastword".to_owned(),
            hears: lastword::domain::address::Hears::All,
        },
        rules: Rules::default(),
        busy: Busy::Queue,
        groups: Groups::Mention,
        access: Access::Open,
        ids: std::collections::BTreeSet::new(),
        operators: std::collections::BTreeSet::new(),
        edits: lastword::domain::variant::OnEdit::Offer,
        per_minute: 1000,
        words: Wordbook::new(None, |_| words()),
        rooms: lastword::domain::admission::Rooms {
            overheard: 0,
            ..lastword::domain::admission::Rooms::default()
        },
    }
}

fn words() -> Words {
    let say = |what: &str| format!("<{what}>");
    Words {
        greeting: say("greeting"),
        help: say("help"),
        help_group: say("help in groups"),
        claim_invalid: say("claim invalid"),
        retrying: say("retrying"),
        button_expired: say("button expired"),
        answer_again: say("answer again"),
        refused: say("refused"),
        claimed: say("claimed"),
        too_fast: say("too fast"),
        new_begun: say("new begun"),
        stopped: say("stopped"),
        nothing_to_stop: say("nothing to stop"),
        not_yours: say("not yours"),
        nothing_to_retry: say("nothing to retry"),
        forget_question: say("forget?"),
        forget_yes: say("yes"),
        forget_no: say("no"),
        forgotten: say("forgotten"),
        kept: say("kept"),
    }
}

/// The words of a payload.
pub(super) fn text_of(payload: &Payload) -> &str {
    match &payload.content {
        Content::Plain { text } | Content::Classic { text, .. } => text,
        Content::Rich { markdown } => markdown,
    }
}

/// An answer of one plain part.
pub(super) fn plain_answer(text: &str) -> Answer {
    parts_answer(&[text], Outcome::Answered)
}

/// An answer of several plain parts with this outcome.
pub(super) fn parts_answer(texts: &[&str], outcome: Outcome) -> Answer {
    Answer {
        text: Some(texts.join("")),
        outcome,
        spent: None,
        told: Default::default(),
        parts: texts
            .iter()
            .map(|text| Planned {
                kind: Kind::Answer,
                payload: Payload::plain(*text),
            })
            .collect(),
    }
}

/// Lets the paused clock run on.
pub(super) async fn pass(millis: u64) {
    tokio::time::advance(Duration::from_millis(millis)).await;
}

impl Stage {
    /// Another process at the same store.
    pub(super) fn another(&self) -> Self {
        let store = SqliteStore::open(&self.path(), BOT_ID, self.clock.clone(), self.mode)
            .expect("a store opens twice");
        let id = self.counters.instance.get() + 1;
        self.counters.instance.set(id);
        Self {
            store: Arc::new(store),
            me: InstanceId(id),
            policy: self.policy.clone(),
            folder: Rc::clone(&self.folder),
            clock: self.clock.clone(),
            mode: self.mode,
            counters: Rc::clone(&self.counters),
        }
    }

    /// Another process at the same store whose clock shows another time.
    pub(super) fn with_clock(&self, base: i64) -> Self {
        let mut other = self.another();
        let clock = Clock::virtual_from(base);
        let store = SqliteStore::open(&self.path(), BOT_ID, clock.clone(), self.mode)
            .expect("a store opens twice");
        (other.store, other.clock) = (Arc::new(store), clock);
        other
    }

    /// Something of the claimed turn is on a screen.
    pub(super) async fn shows(&self, claim: &Claim) {
        self.store.reveal(claim).await.expect("the claim holds");
    }

    /// The same process, so much later.
    pub(super) fn later(&self, millis: i64) -> Self {
        let mut later = self.with_clock(self.clock.now() + millis);
        later.me = self.me;
        later
    }

    /// Registers and says the phase.
    pub(super) async fn lives(self, phase: &'static str) -> Self {
        self.store
            .register(self.me, "0.0.0")
            .await
            .expect("registers");
        self.store
            .set_phase(self.me, phase)
            .await
            .expect("says its phase");
        self
    }

    /// The file of the store.
    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("store.db")
    }

    /// An update with the next id, as bytes.
    pub(super) fn update(&self, what: &Value) -> Bytes {
        let id = self.counters.update.get() + 1;
        self.counters.update.set(id);
        numbered(what, id)
    }

    /// Accepts updates in one batch.
    pub(super) async fn accept(&self, updates: &[Value]) -> Accepted {
        let batch = updates.iter().map(|u| self.update(u)).collect();
        self.accept_raw(batch).await
    }

    /// Accepts bytes.
    pub(super) async fn accept_raw(&self, batch: Vec<Bytes>) -> Accepted {
        self.store
            .accept(self.me, batch, Arc::new(self.policy.clone()))
            .await
            .expect("a batch is accepted")
    }

    /// Accepts a message and says which conversation it belongs to.
    pub(super) async fn hears(&self, update: Value) -> ConversationId {
        let accepted = self.accept(&[update]).await;
        accepted.due.first().expect("something is due").conversation
    }

    /// Asks what is next.
    pub(super) async fn ask(&self, conversation: ConversationId, flush: Flush) -> Next {
        self.ask_in(conversation, flush, Company::Others).await
    }

    pub(super) async fn ask_in(
        &self,
        conversation: ConversationId,
        flush: Flush,
        company: Company,
    ) -> Next {
        let ask = Ask {
            conversation,
            owner: self.me,
            flush,
            company,
            rules: self.policy.rules,
        };
        self.store.claim(ask).await.expect("asking is answered")
    }

    /// Claims what is next without waiting for its quiet period.
    pub(super) async fn claim(&self, conversation: ConversationId) -> Claimed {
        match self.ask(conversation, Flush::All).await {
            Next::Run(claimed) => *claimed,
            other => panic!("nothing to run: {other:?}"),
        }
    }

    /// Claims, answers and delivers what is next.
    pub(super) async fn converse(&self, conversation: ConversationId, text: &str) -> TurnId {
        let claimed = self.claim(conversation).await;
        self.answer(&claimed.claim, text).await;
        self.deliver(claimed.claim.chat).await;
        claimed.claim.turn
    }

    pub(super) async fn answer(&self, claim: &Claim, text: &str) {
        self.store
            .answer(claim, plain_answer(text))
            .await
            .expect("answers");
    }

    /// Takes the next part of a chat, without probing.
    pub(super) async fn begin(&self, chat: ChatId) -> Begin {
        self.begin_with(chat, 0, OnUncertain::Resend).await
    }

    /// Takes the next part of a chat, or a round of probing over so many ids.
    /// What is resolved on the way is passed over.
    pub(super) async fn begin_with(
        &self,
        chat: ChatId,
        range: u32,
        otherwise: OnUncertain,
    ) -> Begin {
        loop {
            match self.ask_for(chat, range, otherwise).await {
                Begin::Resolved(_) => {}
                other => return other,
            }
        }
    }

    /// Asks for the next part of a chat, once.
    pub(super) async fn ask_for(&self, chat: ChatId, range: u32, otherwise: OnUncertain) -> Begin {
        let resolving = Resolving {
            range,
            within: PROBE_WITHIN,
            otherwise,
        };
        self.store
            .begin_send(chat, self.me, WITHIN, resolving)
            .await
            .expect("asking for a part is answered")
    }

    /// The next part of a chat, which there must be.
    pub(super) async fn sending(&self, chat: ChatId) -> Sending {
        match self.begin(chat).await {
            Begin::Send(sending) => *sending,
            other => panic!("nothing to send: {other:?}"),
        }
    }

    pub(super) async fn finish(&self, sending: &Sending, sent: Sent) {
        self.store
            .finish_send(sending, sent)
            .await
            .expect("a send is finished");
    }

    /// Sends everything there is for a chat and says the words.
    pub(super) async fn deliver(&self, chat: ChatId) -> Vec<String> {
        let mut said = Vec::new();
        while let Begin::Send(sending) = self.begin(chat).await {
            let id = sending.edit.unwrap_or_else(|| self.receipt());
            self.finish(&sending, Sent::Receipt(id)).await;
            said.push(text_of(&sending.payload).to_owned());
        }
        said
    }

    /// Makes every change of a keyboard that is due in a chat: the messages and
    /// the data of the buttons they have now.
    pub(super) async fn touched(&self, chat: ChatId) -> Vec<(i64, Option<String>)> {
        let mut made = Vec::new();
        let begin = async || self.store.begin_touch(chat, WITHIN).await;
        while let Some(touch) = begin().await.expect("keyboards are looked for") {
            let finished = self.store.finish_touch(&touch, None).await;
            finished.expect("a change is finished");
            let data = |keyboard: &Value| {
                let data = keyboard["inline_keyboard"][0][0]["callback_data"].as_str();
                data.unwrap_or_default().to_owned()
            };
            made.push((touch.message, touch.keyboard.as_ref().map(data)));
        }
        made
    }

    /// A new message id of Telegram's.
    pub(super) fn receipt(&self) -> i64 {
        let id = self.counters.message.get() + 1;
        self.counters.message.set(id);
        id
    }

    /// All turns, oldest first.
    pub(super) async fn turns(&self) -> Vec<TurnLine> {
        let mut turns = self.store.recent(10_000).await.expect("turns are listed");
        turns.reverse();
        turns
    }

    pub(super) async fn turn(&self, turn: TurnId) -> TurnLine {
        let turns = self.turns().await;
        turns
            .into_iter()
            .find(|line| line.turn == turn)
            .expect("the turn is listed")
    }

    /// The books, which must balance.
    pub(super) async fn books(&self) -> Books {
        let books = self.store.books().await.expect("the books are read");
        assert_eq!(books.orphaned, 0, "{books:?}");
        assert_eq!(books.unbalanced, 0, "{books:?}");
        books
    }
}

/// An update with this id, as bytes.
pub(super) fn numbered(what: &Value, id: i64) -> Bytes {
    let mut update = what.clone();
    update["update_id"] = serde_json::json!(id);
    Bytes::from(update.to_string())
}

/// How many there are of a state or outcome.
pub(super) fn of(counts: &[(&'static str, u64)], name: &str) -> u64 {
    counts
        .iter()
        .find(|(n, _)| *n == name)
        .map_or(0, |(_, n)| *n)
}

/// The texts of a turn's messages.
pub(super) fn texts(claimed: &Claimed) -> Vec<&str> {
    claimed.inputs.iter().map(|m| m.text.as_str()).collect()
}
