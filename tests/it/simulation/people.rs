//! The people of one run: who there is, what they do, and the ledger of what
//! they said.
//!
//! Every message has a word of its own, so that it can be told on the screen
//! which messages an answer answers.

use std::sync::Arc;

use lastword::playground::bot_api::{Act, BotApi, ChatKind, Medium, Place};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::faults::pick;
use super::trace::{About, Trace};

/// What was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// A message the bot has to answer.
    Question,
    /// Talk among people.
    Chatter,
    /// `/new`, which is answered with one sentence.
    New,
    /// `/help`.
    Help,
    /// Something whose answer depends on what runs: `/stop`, `/retry`.
    Other,
}

/// One message of a person.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) what: What,
    pub(super) chat: i64,
    pub(super) thread: Option<i64>,
    pub(super) person: i64,
    pub(super) message: i64,
    /// The words of its own: as written, then as edited.
    pub(super) words: Vec<String>,
}

/// Everybody.
#[derive(Debug)]
pub(super) struct People {
    telegram: Arc<BotApi>,
    trace: Arc<Trace>,
    random: StdRng,
    places: Vec<Place>,
    words: u32,
    pub(super) ledger: Vec<Said>,
    /// Chats that could not be reached at some time.
    pub(super) hostile: Vec<i64>,
    /// Groups that became supergroups, and these.
    pub(super) moved: Vec<i64>,
}

impl People {
    pub(super) fn new(telegram: &Arc<BotApi>, trace: &Arc<Trace>, seed: u64) -> Self {
        let mut people = Self {
            telegram: Arc::clone(telegram),
            trace: Arc::clone(trace),
            random: StdRng::seed_from_u64(seed),
            places: Vec::new(),
            words: 0,
            ledger: Vec::new(),
            hostile: Vec::new(),
            moved: Vec::new(),
        };
        people.gather();
        people
    }

    fn gather(&mut self) {
        for _ in 0..self.random.random_range(1..4) {
            let person = self.telegram.add_person("Ann");
            self.places.push(Place::private(person));
        }
        for _ in 0..*pick(&mut self.random, &[0, 0, 1, 1, 2]) {
            let kinds = [ChatKind::Group, ChatKind::Supergroup, ChatKind::Forum];
            let kind = *pick(&mut self.random, &kinds);
            let members: Vec<i64> = (0..2).map(|_| self.telegram.add_person("Bob")).collect();
            let opened = self.act(Act::OpenGroup {
                kind,
                title: "Kitchen".to_owned(),
                members: members.clone(),
            });
            let chat = opened.and_then(|acted| acted.0).expect("a group opens");
            for person in members {
                let place = Place::group(person, chat);
                if kind == ChatKind::Forum {
                    let topic = self.act(Act::OpenTopic {
                        chat,
                        person,
                        name: "Tea".to_owned(),
                    });
                    let topic = topic.and_then(|acted| acted.0).expect("a topic opens");
                    self.places.push(place.clone().topic(topic));
                }
                self.places.push(place);
            }
        }
    }

    /// Does it, and says what id it made and which messages; nothing where it
    /// is not possible just now.
    fn act(&mut self, act: Act) -> Option<(Option<i64>, Vec<i64>)> {
        let acted = self.telegram.act(act).ok()?;
        Some((acted.id, acted.message_ids))
    }

    fn word(&mut self) -> String {
        self.words += 1;
        format!("w{}.", self.words)
    }

    /// Somebody does something.
    pub(super) fn somebody(&mut self) {
        let at = self.random.random_range(0..self.places.len());
        let place = self.places[at].clone();
        let chat = place.chat.unwrap_or(place.person);
        let dice = self.random.random_range(0..100);
        self.trace.add(
            0,
            "people",
            "act",
            About {
                chat,
                number: dice,
                end: "",
            },
        );
        match dice {
            0..55 => self.ask(&place),
            55..63 => self.ask_in_pieces(&place),
            63..66 => self.ask_at_length(&place),
            66..70 => self.send_photos(&place),
            70..77 => self.edit(),
            77..80 => self.command(&place, "/new", What::New),
            80..82 => self.command(&place, "/help", What::Help),
            82..86 => self.command(&place, "/stop", What::Other),
            86..89 => self.command(&place, "/retry", What::Other),
            89..91 => self.stop_draft(&place),
            91..95 => self.press(&place),
            95..97 => self.chatter(&place),
            97..98 => self.block(&place),
            98..99 => self.migrate(&place),
            _ => drop(self.act(Act::Noise { messages: 3 })),
        }
    }

    fn called(&self, place: &Place) -> String {
        match place.chat {
            Some(_) => format!("@{} ", self.telegram.bot().username),
            None => String::new(),
        }
    }

    fn note(&mut self, what: What, place: &Place, message: i64, words: Vec<String>) {
        self.ledger.push(Said {
            what,
            chat: place.chat.unwrap_or(place.person),
            thread: place.thread,
            person: place.person,
            message,
            words,
        });
    }

    fn say(&mut self, what: What, place: &Place, text: String, word: Option<String>) {
        let said = self.act(Act::Say {
            place: place.clone(),
            text,
        });
        if let Some(message) = said.and_then(|(_, messages)| messages.first().copied()) {
            self.note(what, place, message, word.into_iter().collect());
        }
    }

    fn ask(&mut self, place: &Place) {
        let word = self.word();
        let text = format!("{}{word} what do you think of it", self.called(place));
        self.say(What::Question, place, text, Some(word));
    }

    /// Several messages in one breath.
    fn ask_in_pieces(&mut self, place: &Place) {
        for _ in 0..self.random.random_range(2..5) {
            self.ask(place);
        }
    }

    /// A paste that Telegram splits, and an answer that has to be split.
    fn ask_at_length(&mut self, place: &Place) {
        if place.chat.is_some() {
            return self.ask(place);
        }
        let word = self.word();
        let text = format!("{word} {}", "lorem ipsum dolor sit amet ".repeat(200));
        self.say(What::Question, place, text, Some(word));
    }

    fn send_photos(&mut self, place: &Place) {
        if place.chat.is_some() {
            return self.ask(place);
        }
        let word = self.word();
        let count = self.random.random_range(1..4);
        let sent = self.act(Act::Send {
            place: place.clone(),
            medium: Medium::Photo,
            caption: format!("{word} look"),
            count,
            base64: None,
        });
        if let Some(message) = sent.and_then(|(_, messages)| messages.first().copied()) {
            self.note(What::Question, place, message, vec![word]);
        }
    }

    /// Somebody changes one of the last messages.
    fn edit(&mut self) {
        let questions: Vec<usize> = (0..self.ledger.len())
            .rev()
            .filter(|at| self.ledger[*at].what == What::Question)
            .take(3)
            .collect();
        if questions.is_empty() {
            return;
        }
        let at = *pick(&mut self.random, &questions);
        let word = self.word();
        let said = self.ledger[at].clone();
        let place = Place {
            person: said.person,
            chat: (said.chat != said.person).then_some(said.chat),
            thread: said.thread,
            reply_to: None,
        };
        let text = format!("{}{word} on second thought", self.called(&place));
        let edited = self.act(Act::Edit {
            place,
            message_id: said.message,
            text,
        });
        if edited.is_some() {
            self.ledger[at].words.push(word);
        }
    }

    fn command(&mut self, place: &Place, command: &str, what: What) {
        let text = match place.chat {
            Some(_) => format!("{command}@{}", self.telegram.bot().username),
            None => command.to_owned(),
        };
        self.say(what, place, text, None);
    }

    fn chatter(&mut self, place: &Place) {
        if place.chat.is_none() {
            return self.ask(place);
        }
        let word = self.word();
        let text = format!("{word} pass the salt");
        self.say(What::Chatter, place, text, Some(word));
    }

    fn stop_draft(&mut self, place: &Place) {
        self.act(Act::Stop {
            place: place.clone(),
            draft_id: None,
        });
    }

    /// Presses some button that is there.
    fn press(&mut self, place: &Place) {
        let chat = place.chat.unwrap_or(place.person);
        let Some(view) = self.telegram.chat(chat) else {
            return;
        };
        let mut buttons = Vec::new();
        for post in view.from_bot() {
            let markup = post.content().markup.clone().unwrap_or_default();
            let rows = markup["inline_keyboard"].as_array().cloned();
            for button in rows
                .iter()
                .flatten()
                .filter_map(|row| row.as_array())
                .flatten()
            {
                if let Some(data) = button["callback_data"].as_str() {
                    buttons.push((post.id, data.to_owned()));
                }
            }
        }
        if buttons.is_empty() {
            return;
        }
        let (message_id, data) = pick(&mut self.random, &buttons).clone();
        self.act(Act::Press {
            place: place.clone(),
            message_id,
            data,
        });
    }

    fn block(&mut self, place: &Place) {
        if place.chat.is_some() {
            return;
        }
        let person = place.person;
        self.hostile.push(person);
        if self.act(Act::Block { person }).is_some() {
            // Minds change.
            self.places.push(place.clone());
        }
    }

    /// The group grows out of its form; everybody in it goes along.
    fn migrate(&mut self, place: &Place) {
        let Some(from) = place.chat else { return };
        let Some((Some(to), _)) = self.act(Act::Migrate { chat: from }) else {
            return;
        };
        self.moved.extend([from, to]);
        for place in &mut self.places {
            if place.chat == Some(from) {
                place.chat = Some(to);
            }
        }
    }

    /// Everybody is kind again.
    pub(super) fn rest(&mut self) {
        for person in self.hostile.clone() {
            self.act(Act::Unblock { person });
        }
    }
}
