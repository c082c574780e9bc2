//! Introduces turns to the outbox, the preview and the typing sign.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::watch;

use super::Live;
use crate::config::Reasoning;
use crate::domain::ids::ChatId;
use crate::domain::part::Payload;
use crate::domain::preview::{Finale, Preview};
use crate::domain::turn::{Claim, Step};
use crate::grouper::{Conversations, Presence};
use crate::reply::plan::{self, Server};
use crate::reply::preview::{Look, Previews, Shown, Thoughts};
use crate::reply::sender::Sender;
use crate::reply::typing::Typing;
use crate::store::{Due, Flush};
use crate::texts::Texts;
use crate::turn::{self, Runner, Showing, Speaker};

/// What a turn says its answer through.
#[derive(Debug)]
pub(super) struct Voice {
    pub(super) sender: Sender,
    pub(super) previews: Previews,
    pub(super) server: Arc<Server>,
    pub(super) live: Arc<Live>,
    pub(super) typing: Typing,
}

impl Speaker for Voice {
    fn plan(&self, markdown: &str) -> Vec<Payload> {
        plan::plan(markdown, self.server.format(self.live.format()))
    }

    fn with_thoughts(&self, claim: &Claim, parts: Vec<Payload>, thoughts: &str) -> Vec<Payload> {
        let label = Texts::of(claim.language).thoughts;
        match self.live.reasoning() {
            Reasoning::Fold => plan::with_thoughts(parts, label, thoughts),
            Reasoning::Hide | Reasoning::Show => parts,
        }
    }

    fn show(&self, claim: &Claim, preview: watch::Receiver<Preview>) -> Box<dyn Showing> {
        let look = Look {
            format: self.live.format(),
            thoughts: match self.live.reasoning() {
                Reasoning::Hide => Thoughts::Hidden,
                Reasoning::Show | Reasoning::Fold => Thoughts::Shown,
            },
        };
        Box::new(Showed(self.previews.show(claim, preview, look)))
    }

    fn busy(&self, claim: &Claim) -> turn::Presence {
        Box::new(self.typing.show(claim.chat, claim.topic))
    }

    fn line(&self, due: &Due, place: watch::Receiver<usize>) -> turn::Presence {
        let say = |language, place| Texts::of(language).in_line(place);
        Box::new(self.previews.line(*due, place, self.live.format(), say))
    }

    fn deliver(&self, chat: ChatId) {
        self.sender.touch(chat);
    }
}

struct Showed(Shown);

impl Showing for Showed {
    fn end(self: Box<Self>, finale: Finale) {
        self.0.end(finale);
    }
}

/// What lets a conversation advance.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) runner: Runner,
    pub(super) typing: Typing,
}

#[async_trait]
impl Conversations for Work {
    async fn advance(&self, due: Due, flush: Flush, presence: Option<Presence>) -> Step {
        self.runner.advance(due, flush, presence).await
    }

    fn present(&self, due: &Due) -> Presence {
        Box::new(self.typing.show(due.chat, due.topic))
    }
}
