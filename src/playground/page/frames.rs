//! What goes to the browser: first everything, then what has changed since.
//!
//! Works on the present state, not on events: a frame that was missed is made
//! up for by the next, and one that changes nothing is not sent.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::sync::watch;
use tokio::time::sleep;

use super::bubble::{self, Flow};
use super::{Page, status};
use crate::playground::bot_api::{ChatView, Draft, Post, Seen};
use crate::playground::cast::Stage;
use crate::playground::supervisor::Sight;
use crate::playground::tour::Shown;
use crate::playground::watcher::Health;

/// Changes within this time make one frame.
const TOGETHER: Duration = Duration::from_millis(40);

/// Typing ends by time alone, so the state is looked at this often at least.
const LOOK: Duration = Duration::from_secs(1);

/// Drafts stand below all messages, whose ids are far smaller.
const BELOW: i64 = 1 << 50;

/// One browser and what it has.
#[derive(Debug)]
pub(super) struct Frames {
    page: Page,
    world: watch::Receiver<u64>,
    ledger: watch::Receiver<u64>,
    sight: watch::Receiver<Sight>,
    health: watch::Receiver<Option<Health>>,
    tour: watch::Receiver<Shown>,
    /// The fingerprint of each line it has, by chat and key.
    lines: BTreeMap<(i64, String), u64>,
    /// The other parts that it has, by name.
    parts: BTreeMap<&'static str, Value>,
    /// The last event whose toast it has had.
    since: u64,
    is_first: bool,
}

impl Frames {
    pub(super) fn new(page: Page) -> Self {
        let since = page.api.events(0).last().map_or(0, |event| event.seq);
        Self {
            world: page.api.watch(),
            ledger: page.ledger.watch(),
            sight: page.daemon.sight.clone(),
            health: page.health.clone(),
            tour: page.guide.shown.clone(),
            page,
            lines: BTreeMap::new(),
            parts: BTreeMap::new(),
            since,
            is_first: true,
        }
    }

    /// The next frame, when there is something to show.
    ///
    /// # Cancel safety
    /// Not needed: the connection drops it as a whole.
    pub(super) async fn next(&mut self) -> Value {
        loop {
            if !self.is_first {
                self.news().await;
            }
            self.world.borrow_and_update();
            self.ledger.borrow_and_update();
            let frame = self.frame();
            if !frame.is_empty() {
                self.is_first = false;
                return Value::Object(frame);
            }
        }
    }

    async fn news(&mut self) {
        // All only wait; what one misses, the state shows.
        tokio::select! {
            _ = self.world.changed() => {}
            _ = self.ledger.changed() => {}
            _ = self.sight.changed() => {}
            _ = self.health.changed() => {}
            _ = self.tour.changed() => {}
            () = sleep(LOOK) => return,
        }
        sleep(TOGETHER).await;
    }

    fn frame(&mut self) -> Map<String, Value> {
        let sight = self.sight.borrow_and_update().clone();
        let health = self.health.borrow_and_update().clone();
        let tour = self.tour.borrow_and_update().clone();
        let flow = status::flow(&sight);
        let mut frame = Map::new();
        if self.is_first {
            frame.insert("reset".to_owned(), true.into());
        }
        let mut items = Vec::new();
        let mut chats = Vec::new();
        let mut present = BTreeSet::new();
        for stage in self.page.cast.clone() {
            let Some(chat) = self.page.api.chat(stage.chat) else {
                continue;
            };
            self.posts(&stage, &chat, flow, &mut items, &mut present);
            self.drafts(&chat, &mut items, &mut present);
            chats.push(self.entry(&chat));
        }
        let lines = std::mem::take(&mut self.lines);
        for ((chat, key), print) in lines {
            if present.contains(&(chat, key.clone())) {
                self.lines.insert((chat, key), print);
            } else {
                items.push(json!({ "chat": chat, "key": key, "html": null }));
            }
        }
        if !items.is_empty() {
            frame.insert("items".to_owned(), items.into());
        }
        let health = health.as_ref();
        for (name, value) in [
            ("chats", Value::from(chats)),
            (
                "banner",
                status::banner(&sight, health).into_string().into(),
            ),
            ("lives", status::lives(&sight).into_string().into()),
            ("log", status::log(&sight).into_string().into()),
            ("switches", self.page.switches()),
            ("tour", tour.html().into_string().into()),
            ("stage", tour.chat.into()),
        ] {
            if self.parts.get(name) != Some(&value) {
                frame.insert(name.to_owned(), value.clone());
                self.parts.insert(name, value);
            }
        }
        let toasts = self.toasts();
        if !toasts.is_empty() {
            frame.insert("toasts".to_owned(), toasts.into());
        }
        frame
    }

    /// Adds a line if the browser does not have it so.
    fn line(
        &mut self,
        (chat, key, order): (i64, String, i64),
        print: u64,
        html: impl FnOnce() -> maud::Markup,
        (items, present): (&mut Vec<Value>, &mut BTreeSet<(i64, String)>),
    ) {
        let id = (chat, key);
        present.insert(id.clone());
        if self.lines.get(&id) != Some(&print) {
            let html = html().into_string();
            items.push(json!({ "chat": chat, "key": id.1, "order": order, "html": html }));
            self.lines.insert(id, print);
        }
    }

    fn posts(
        &mut self,
        stage: &Stage,
        chat: &ChatView,
        flow: Flow,
        items: &mut Vec<Value>,
        present: &mut BTreeSet<(i64, String)>,
    ) {
        for post in chat.posts.iter().filter(|post| post.is_visible()) {
            let strip = self.page.ledger.stage(chat.id, post.id).map(|stage| {
                // What is over looks the same whether the daemon runs or not.
                (stage, if stage.is_open() { flow } else { Flow::Moving })
            });
            let quoted = post.reply_to.map(|id| {
                let quoted = chat.posts.iter().find(|other| other.id == id);
                quoted.map(|quoted| (quoted.is_visible(), quoted.versions.len()))
            });
            let print = fingerprint(&(post.versions.len(), post.reactions.len(), strip, quoted));
            let id = (chat.id, format!("m{}", post.id), post.id);
            self.line(
                id,
                print,
                || bubble::post(stage, chat, post, strip),
                (items, present),
            );
        }
    }

    fn drafts(
        &mut self,
        chat: &ChatView,
        items: &mut Vec<Value>,
        present: &mut BTreeSet<(i64, String)>,
    ) {
        for draft in &chat.drafts {
            let print = fingerprint(&(draft.content.seen(), draft.can_stop));
            let id = (chat.id, format!("d{}", draft.id), BELOW);
            self.line(id, print, || bubble::draft(draft), (items, present));
        }
    }

    /// The chat's entry in the list.
    fn entry(&self, chat: &ChatView) -> Value {
        let now = self.page.clock.now();
        let typing = chat.typing.last().is_some_and(|(_, until)| *until > now);
        let shown = |post: &&Post| post.is_visible() && !post.content().seen().is_empty();
        let last = chat
            .posts
            .iter()
            .rev()
            .find(shown)
            .map(|post| post.content().seen());
        let draft = chat.drafts.last().map(Draft::seen);
        json!({
            "id": chat.id,
            "last": draft.or(last).map(bubble::first_line),
            "typing": typing || !chat.drafts.is_empty(),
            "answers": chat.from_bot().count(),
        })
    }

    /// Answers to pressed buttons.
    fn toasts(&mut self) -> Vec<Value> {
        let mut toasts = Vec::new();
        for event in self.page.api.events(self.since) {
            self.since = event.seq;
            if let Seen::PressAnswered { text, .. } = event.seen
                && !text.is_empty()
            {
                toasts.push(text.into());
            }
        }
        toasts
    }
}

impl Draft {
    fn seen(&self) -> &str {
        self.content.seen()
    }
}

fn fingerprint(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}
