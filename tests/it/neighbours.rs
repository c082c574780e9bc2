//! The people of the neighbourhood: what a test does in their place in groups
//! and with buttons, and what it reads off their screens.

use std::time::Duration;

use lastword::playground::bot_api::{
    Act, Acted, ChatKind, DraftEnd, Event, Medium, Place, Post, Seen,
};

use lastword::store::Books;

use crate::house::House;
use crate::scribe::Scribe;

impl House {
    /// Puts a model in front of the offline one that writes everything down.
    pub(crate) fn scribe(&mut self) -> Scribe {
        let scribe = Scribe::before(&self.model);
        self.llm = Some(std::sync::Arc::new(scribe.clone()));
        scribe
    }

    pub(crate) fn act(&self, act: Act) -> Acted {
        self.telegram.act(act).expect("people can do that")
    }

    pub(crate) fn group(&self, kind: ChatKind, members: &[i64]) -> i64 {
        let act = Act::OpenGroup {
            kind,
            title: "Kitchen".to_owned(),
            members: members.to_vec(),
        };
        self.act(act).id.expect("a group has an id")
    }

    /// Says something in a group; the message's id.
    pub(crate) fn say_in(&self, group: i64, person: i64, text: &str) -> i64 {
        self.say_at(Place::group(person, group), text)
    }

    pub(crate) fn say_at(&self, place: Place, text: &str) -> i64 {
        let said = self.telegram.say(place, text);
        said.expect("people may write").message()
    }

    pub(crate) fn send(&self, person: i64, medium: Medium, caption: &str, count: u32) -> Acted {
        self.act(Act::Send {
            place: Place::private(person),
            medium,
            caption: caption.to_owned(),
            count,
            base64: None,
        })
    }

    pub(crate) fn edit(&self, person: i64, message_id: i64, text: &str) {
        self.act(Act::Edit {
            place: Place::private(person),
            message_id,
            text: text.to_owned(),
        });
    }

    /// Presses the first button of a message whose data begins like this.
    pub(crate) fn press(&self, place: Place, message_id: i64, data: &str) {
        let chat = place.chat.unwrap_or(place.person);
        let post = self.post(chat, message_id);
        let data = buttons(&post)
            .into_iter()
            .find(|found| found.starts_with(data))
            .unwrap_or_else(|| panic!("no button {data} under {post:?}"));
        self.act(Act::Press {
            place,
            message_id,
            data,
        });
    }

    pub(crate) fn post(&self, chat: i64, message_id: i64) -> Post {
        let posts = self.chat(chat).posts;
        let found = posts.into_iter().find(|post| post.id == message_id);
        found.expect("the message exists")
    }

    /// The bot's visible messages in a chat.
    pub(crate) fn answers(&self, chat: i64) -> Vec<Post> {
        let view = self.telegram.chat(chat);
        view.map(|view| view.from_bot().cloned().collect())
            .unwrap_or_default()
    }

    /// What happened on the screens of one chat.
    pub(crate) fn seen(&self, chat: i64) -> Vec<Event> {
        let events = self.telegram.events(0);
        events.into_iter().filter(|e| e.chat == chat).collect()
    }

    /// The texts of the drafts that a person saw, in order.
    pub(crate) fn drafts(&self, chat: i64) -> Vec<String> {
        let draft = |event: Event| match event.seen {
            Seen::Draft { text, .. } => Some(text),
            _ => None,
        };
        self.seen(chat).into_iter().filter_map(draft).collect()
    }

    pub(crate) fn draft_ends(&self, chat: i64) -> Vec<DraftEnd> {
        let end = |event: Event| match event.seen {
            Seen::DraftGone { why, .. } => Some(why),
            _ => None,
        };
        self.seen(chat).into_iter().filter_map(end).collect()
    }

    /// What the presses of buttons were answered with.
    pub(crate) fn toasts(&self, chat: i64) -> Vec<String> {
        let toast = |event: Event| match event.seen {
            Seen::PressAnswered { text, .. } => Some(text),
            _ => None,
        };
        self.seen(chat).into_iter().filter_map(toast).collect()
    }

    /// Waits until something holds of what people see.
    pub(crate) async fn until(&self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let waited = tokio::time::timeout(Duration::from_secs(900), self.telegram.until(|_| false));
        let mut changed = self.telegram.watch();
        let looked = async {
            loop {
                changed.borrow_and_update();
                if done(self) {
                    return;
                }
                let _ = tokio::time::timeout(Duration::from_millis(50), changed.changed()).await;
            }
        };
        tokio::select! {
            () = looked => {}
            _ = waited => panic!("waited in vain until {what}"),
        }
    }
}

/// How settled turns ended: the outcomes that occurred.
pub(crate) fn outcomes(books: &Books) -> Vec<(&'static str, u64)> {
    let all = books.outcomes.iter().copied();
    all.filter(|(_, count)| *count > 0).collect()
}

/// The data of the buttons under a message.
pub(crate) fn buttons(post: &Post) -> Vec<String> {
    of_buttons(post, "callback_data")
}

/// What is written on the buttons under a message.
pub(crate) fn labels(post: &Post) -> Vec<String> {
    of_buttons(post, "text")
}

fn of_buttons(post: &Post, field: &str) -> Vec<String> {
    let markup = post.content().markup.clone().unwrap_or_default();
    let rows = markup["inline_keyboard"].as_array().cloned();
    rows.unwrap_or_default()
        .iter()
        .filter_map(|row| row.as_array())
        .flatten()
        .filter_map(|button| button[field].as_str())
        .map(str::to_owned)
        .collect()
}

/// Lets this many milliseconds pass.
pub(crate) async fn pass(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}
