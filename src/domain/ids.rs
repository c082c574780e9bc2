//! One type per identifier, so that a chat can never be taken for a turn.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// Telegram's id of the bot; the first part of every key in the store.
    BotId
);
id!(
    /// Telegram's id of a chat: positive for private chats, negative for groups.
    ChatId
);
id!(
    /// Telegram's id of a person (or of a chat that speaks, in groups).
    UserId
);
id!(
    /// Our id of a conversation: one (bot, chat, topic).
    ConversationId
);
id!(
    /// Our id of a turn. Also the `draft_id` of its previews.
    TurnId
);
id!(
    /// Our id of a row of the outbox.
    PartId
);
id!(
    /// The random id of one running process, new at every start. Positive.
    InstanceId
);

/// Relayed chats have ids from here on down: Telegram's own have at most 52
/// significant bits (Bot API, `Chat.id`), and a double holds these exactly.
const RELAYED: i64 = -9_000_000_000_000_000;

impl ChatId {
    /// The name of the sequence Telegram takes this chat's message ids from:
    /// private chats and basic groups of a bot share one (0), every supergroup
    /// and channel (ids below -10^12) has its own.
    #[must_use]
    pub fn id_sequence(self) -> i64 {
        if self.0 < -1_000_000_000_000 {
            self.0
        } else {
            0
        }
    }

    /// Whether this is a chat with one person.
    #[must_use]
    pub fn is_private(self) -> bool {
        self.0 > 0 || self.is_relayed()
    }

    /// The id of the `number`-th relayed chat: one that Telegram does not name
    /// to the bot by an id of its own (a business account's chat with somebody
    /// has that person's id, as has the bot's own private chat; a chat into
    /// which the bot is called as a guest may have any).
    #[must_use]
    pub fn relayed(number: i64) -> Self {
        Self(RELAYED - number)
    }

    /// Which of them it is.
    #[must_use]
    pub fn relay_number(self) -> Option<i64> {
        self.is_relayed().then_some(RELAYED - self.0)
    }

    /// Whether it is one of those. Its calls need to be told by which way they
    /// go, it has no drafts, its message ids are not the bot's, and edits there
    /// may touch what others wrote.
    #[must_use]
    pub fn is_relayed(self) -> bool {
        self.0 <= RELAYED
    }
}
