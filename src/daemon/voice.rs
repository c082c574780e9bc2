//! Introduces turns to the outbox, the preview and the typing sign.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::watch;

use super::Live;
use crate::domain::ids::ChatId;
use crate::domain::part::Payload;
use crate::domain::preview::Preview;
use crate::domain::turn::{Claim, Step};
use crate::grouper::{Conversations, Presence};
use crate::reply::plan::{self, Server};
use crate::reply::preview::{Previews, Shown};
use crate::reply::sender::Sender;
use crate::reply::typing::Typing;
use crate::store::{Due, Flush};
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

    fn show(&self, claim: &Claim, preview: watch::Receiver<Preview>) -> Box<dyn Showing> {
        Box::new(Showed(self.previews.show(
            claim,
            preview,
            self.live.format(),
        )))
    }

    fn busy(&self, claim: &Claim) -> turn::Presence {
        Box::new(self.typing.show(claim.chat, claim.topic))
    }

    fn deliver(&self, chat: ChatId) {
        self.sender.touch(chat);
    }
}

struct Showed(Shown);

#[async_trait]
impl Showing for Showed {
    async fn end(self: Box<Self>) {
        self.0.end().await;
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
