//! Leads through the tour: acts, waits until all is quiet, counts.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

use super::script::{Deed, STEPS, Step, Who};
use super::{Shown, Verdict};
use crate::playground::bot_api::Outage;
use crate::playground::page::{Page, Wish};
use crate::playground::supervisor::Life;

/// What a step may take in all: a long answer that begins anew.
const STEP: Duration = Duration::from_secs(120);

/// What comes too often comes within this time.
const REST: Duration = Duration::from_millis(1_500);

/// Between two looks at a chat.
const LOOK: Duration = Duration::from_millis(100);

/// Words after which an answer counts as being written.
const WRITING: usize = 60;

/// Begins tours, one at a time.
#[derive(Debug, Clone)]
pub(in crate::playground) struct Guide {
    begin: mpsc::Sender<()>,
    pub(in crate::playground) shown: watch::Receiver<Shown>,
}

/// Why a step did not come to its end.
struct Stuck(String);

impl Guide {
    /// A guide, and what must be run with the page it leads through.
    pub(in crate::playground) fn new() -> (Self, Leading) {
        let (begin, begun) = mpsc::channel(1);
        let (show, shown) = watch::channel(Shown::default());
        (Self { begin, shown }, Leading { begun, show })
    }

    /// Begins a tour.
    ///
    /// # Errors
    /// When one is under way.
    pub(in crate::playground) fn begin(&self) -> Result<(), String> {
        if self.shown.borrow().running || self.begin.try_send(()).is_err() {
            return Err("a tour is under way".to_owned());
        }
        Ok(())
    }
}

/// The guide at work.
#[derive(Debug)]
pub(in crate::playground) struct Leading {
    begun: mpsc::Receiver<()>,
    show: watch::Sender<Shown>,
}

impl Leading {
    /// Leads through every tour that is asked for, until dropped.
    pub(in crate::playground) async fn run(mut self, page: Page) {
        while self.begun.recv().await.is_some() {
            self.show.send_replace(Shown {
                of: STEPS.len(),
                running: true,
                ..Shown::default()
            });
            for step in STEPS {
                self.step(&page, step).await;
            }
            self.show.send_modify(|shown| {
                let wrong = shown
                    .steps
                    .iter()
                    .any(|(_, verdict)| *verdict != Verdict::Right);
                shown.running = false;
                if !wrong {
                    "Every message was answered exactly once. Now try it yourself: write, kill, cut the wire."
                        .clone_into(&mut shown.text);
                }
            });
        }
    }

    async fn step(&self, page: &Page, step: &'static Step) {
        let walk = Walk { page };
        self.show.send_modify(|shown| {
            shown.steps.push((step.title, Verdict::Open));
            step.text.clone_into(&mut shown.text);
            shown.chat = Some(walk.chat(step.at));
        });
        let went = walk.take(step).await;
        self.show.send_modify(|shown| {
            if let Some((_, verdict)) = shown.steps.last_mut() {
                *verdict = match went {
                    Ok(()) => Verdict::Right,
                    Err(_) => Verdict::Wrong,
                };
            }
            if let Err(Stuck(why)) = went {
                shown.text = why;
            }
        });
    }
}

/// A step being taken.
struct Walk<'a> {
    page: &'a Page,
}

impl Walk<'_> {
    async fn take(&self, step: &Step) -> Result<(), Stuck> {
        let end = Instant::now() + STEP;
        let before = self.finals();
        let mut pid = self.page.daemon.sight.borrow().pid;
        for deed in step.deeds {
            match deed {
                Deed::Look(time) => sleep(*time).await,
                Deed::UntilWriting(who) => {
                    self.until(end, "the answer did not begin", || self.is_writing(*who))
                        .await?;
                }
                Deed::UntilReborn => {
                    let reborn = || {
                        let sight = self.page.daemon.sight.borrow();
                        sight.life == Life::Up && sight.pid.is_some() && sight.pid != pid
                    };
                    self.until(end, "no other process came", reborn).await?;
                    pid = self.page.daemon.sight.borrow().pid;
                }
                deed => self.act(deed).map_err(Stuck)?,
            }
        }
        let enough = || self.finals() >= before + step.answers && self.is_quiet();
        self.until(end, "not everything was answered", enough)
            .await?;
        sleep(REST).await;
        match self.finals() - before {
            answers if answers == step.answers => Ok(()),
            answers => Err(Stuck(format!(
                "{answers} answers came instead of {}",
                step.answers
            ))),
        }
    }

    fn act(&self, deed: &Deed) -> Result<(), String> {
        match *deed {
            Deed::Say(who, text) => self.page.grant(Wish::Say {
                chat: self.chat(who),
                person: self.person(who),
                text: text.to_owned(),
                reply_to: None,
            }),
            Deed::Edit(who, text) => {
                let (chat, person) = (self.chat(who), self.person(who));
                let message = self
                    .page
                    .api
                    .chat(chat)
                    .and_then(|chat| {
                        chat.posts
                            .iter()
                            .rev()
                            .find(|post| post.is_of(person))
                            .map(|post| post.id)
                    })
                    .ok_or("there is nothing to correct")?;
                self.page.grant(Wish::Edit {
                    chat,
                    person,
                    message,
                    text: text.to_owned(),
                })
            }
            Deed::Picture(who, picture) => self.page.grant(Wish::Photo {
                chat: self.chat(who),
                person: self.person(who),
                caption: String::new(),
                base64: STANDARD.encode(picture),
            }),
            Deed::Press(who, verb) => {
                let (message, data) = self.button(who, verb).ok_or("there is no such button")?;
                self.page.grant(Wish::Press {
                    chat: self.chat(who),
                    person: self.person(who),
                    message,
                    data,
                })
            }
            Deed::Stop(who) => {
                let draft = self
                    .page
                    .api
                    .chat(self.chat(who))
                    .and_then(|chat| chat.drafts.last().map(|draft| draft.id))
                    .ok_or("nothing is being written")?;
                self.page.grant(Wish::Stop {
                    chat: self.chat(who),
                    person: self.person(who),
                    draft,
                })
            }
            Deed::Restart => self.page.grant(Wish::Restart),
            Deed::Kill => self.page.grant(Wish::Kill),
            Deed::Telegram { away } => self.page.grant(Wish::Telegram { on: away }),
            Deed::Look(_) | Deed::UntilWriting(_) | Deed::UntilReborn => Ok(()),
        }
    }

    /// The newest button whose data begins with `verb`.
    fn button(&self, who: Who, verb: &str) -> Option<(i64, String)> {
        let chat = self.page.api.chat(self.chat(who))?;
        chat.from_bot()
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .find_map(|post| {
                let markup = post.content().markup.as_ref()?;
                let rows = markup.get("inline_keyboard")?.as_array()?;
                rows.iter()
                    .filter_map(|row| row.as_array())
                    .flatten()
                    .filter_map(|button| button.get("callback_data")?.as_str())
                    .find(|data| data.starts_with(verb))
                    .map(|data| (post.id, data.to_owned()))
            })
    }

    fn chat(&self, who: Who) -> i64 {
        let at = match who {
            Who::Ada => 0,
            Who::Noor => 1,
            Who::AdaInGroup | Who::NoorInGroup => 2,
        };
        self.page.cast[at].chat
    }

    fn person(&self, who: Who) -> i64 {
        let (stage, at) = match who {
            Who::Ada => (0, 0),
            Who::Noor => (1, 0),
            Who::AdaInGroup => (2, 0),
            Who::NoorInGroup => (2, 1),
        };
        self.page.cast[stage].people[at].id
    }

    /// Messages of the bot in all chats.
    fn finals(&self) -> usize {
        let chats = self.page.cast.iter();
        chats
            .filter_map(|stage| self.page.api.chat(stage.chat))
            .map(|chat| chat.from_bot().count())
            .sum()
    }

    fn is_writing(&self, who: Who) -> bool {
        self.page.api.chat(self.chat(who)).is_some_and(|chat| {
            chat.drafts
                .iter()
                .any(|draft| draft.content.seen().len() > WRITING)
        })
    }

    /// Whether nothing is under way: no draft, no open turn, no outage.
    fn is_quiet(&self) -> bool {
        let drafts = self.page.cast.iter().any(|stage| {
            let chat = self.page.api.chat(stage.chat);
            chat.is_some_and(|chat| !chat.drafts.is_empty())
        });
        !drafts && !self.page.ledger.is_busy() && self.page.api.outage() == Outage::None
    }

    async fn until(
        &self,
        end: Instant,
        otherwise: &str,
        reached: impl Fn() -> bool,
    ) -> Result<(), Stuck> {
        while !reached() {
            if Instant::now() > end {
                return Err(Stuck(otherwise.to_owned()));
            }
            sleep(LOOK).await;
        }
        Ok(())
    }
}
