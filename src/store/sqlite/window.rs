//! Windows inside a transaction: join, open, seal, settle.

use rusqlite::{OptionalExtension, params};

use super::Tx;
use super::late::Late;
use crate::domain::admission::{Busy, Policy};
use crate::domain::ids::{ConversationId, TurnId};
use crate::domain::turn::{MAX_INTERRUPTS, Outcome, State};
use crate::domain::update::Message;
use crate::domain::window::{Ahead, Bond, Open, Rules, is_long};
use crate::store::Result;

/// Longer ones are no language. Source: RFC 5646, section 4.4.1.
const LONGEST_TAG: usize = 35;

/// Where there is room for a message.
pub(super) enum Fit {
    /// In the window that is open.
    Open {
        turn: TurnId,
        open: Open,
        bond: Bond,
        /// Whether it waits for a minute to end.
        waits: bool,
    },
    /// Nowhere: the window that is open is full.
    Full(TurnId),
    /// In a turn that is closed already.
    Late(Late),
    /// Nowhere: nothing is open.
    Nowhere,
}

impl Fit {
    /// Whether it goes on, by its form, with what its sender has begun: however
    /// many such pieces there are, they cost one answer.
    pub(super) fn is_piece(&self) -> bool {
        match self {
            Self::Open { bond, .. } => *bond > Bond::Near,
            Self::Late(late) => late.bond > Bond::Near,
            Self::Full(_) | Self::Nowhere => false,
        }
    }
}

/// Where a message went.
pub(super) struct Joined {
    /// The turn it belongs to now.
    pub(super) turn: TurnId,
    /// When the conversation has something to do: when this window closes, or
    /// now, when an earlier one was closed for it.
    pub(super) due_at: i64,
    /// A running turn was reopened for it: its owner must stop.
    pub(super) cut: bool,
}

impl Tx<'_> {
    /// Where a message finds its place.
    pub(super) fn fit(
        &self,
        rules: &Rules,
        conversation: ConversationId,
        message: &Message,
    ) -> Result<Fit> {
        let (key, weight) = (window_key(message), message.weight());
        let Some((turn, open, waits)) = self.open_window(conversation, key)? else {
            let late = self.late(rules, conversation, key, message)?;
            return Ok(late.map_or(Fit::Nowhere, Fit::Late));
        };
        let bond = self.bond(turn, &open, message)?;
        let counted = self.counted(rules, turn, &open, bond, weight)?;
        Ok(match rules.joins(&counted, bond, weight) {
            true => Fit::Open {
                turn,
                open,
                bond,
                waits,
            },
            false => Fit::Full(turn),
        })
    }

    /// A window as it counts for what is no piece itself: without its pieces,
    /// which are looked at only where it would be full with them.
    pub(super) fn counted(
        &self,
        rules: &Rules,
        turn: TurnId,
        open: &Open,
        bond: Bond,
        weight: i64,
    ) -> Result<Open> {
        if bond != Bond::Near || rules.joins(open, bond, weight) {
            return Ok(*open);
        }
        let inputs = self.inputs(turn)?;
        Ok(inputs.map_or(*open, |inputs| open.without_pieces(&inputs)))
    }

    /// Puts a message where it fits, opening or reopening a window where needed.
    pub(super) fn join_window(
        &self,
        policy: &Policy,
        conversation: ConversationId,
        update_row: i64,
        message: &Message,
        fit: Fit,
        not_before: i64,
    ) -> Result<Joined> {
        let key = window_key(message);
        let (mut cut, mut sealed) = (false, false);
        let open = match fit {
            // What has to wait for the minute to end makes nothing else wait.
            Fit::Open {
                turn, open, waits, ..
            } if waits || not_before == 0 => Some((turn, open)),
            Fit::Open { turn, .. } | Fit::Full(turn) => {
                self.seal(conversation, turn)?;
                sealed = true;
                None
            }
            Fit::Late(late) if not_before == 0 => {
                cut = late.runs;
                Some(self.reopen(&late)?)
            }
            Fit::Nowhere if policy.busy == Busy::Interrupt && not_before == 0 => {
                let reopened = self.interrupt(conversation, key)?;
                cut = reopened.is_some();
                reopened
            }
            Fit::Late(_) | Fit::Nowhere => None,
        };
        let before = match &open {
            Some((_, open)) => *open,
            None => Open {
                opened_at: self.now,
                messages: 0,
                chars: 0,
                last_was_long: false,
            },
        };
        let window = Open {
            messages: before.messages + 1,
            chars: before.chars + message.weight(),
            last_was_long: is_long(&message.text),
            ..before
        };
        let ahead = self.ahead(conversation)?;
        let due_at = policy.rules.due_at(&window, self.now, ahead);
        let turn = match open {
            Some((turn, _)) => {
                self.grow_window(turn, &window, due_at, not_before)?;
                turn
            }
            None => self.new_window(conversation, key, &window, due_at, not_before)?,
        };
        let tag = policy.words.tag(message.sender.language.as_deref());
        self.set_language(turn, tag)?;
        self.insert_message(conversation, turn, update_row, message)?;
        Ok(Joined {
            turn,
            due_at: if sealed {
                self.now
            } else {
                due_at.max(not_before)
            },
            cut,
        })
    }

    /// Whether a message belongs, by its form, to what its sender gathers or has
    /// just asked.
    pub(super) fn continues(&self, rules: &Rules, message: &Message) -> Result<bool> {
        let topic = message.topic.unwrap_or(0);
        let Some(conversation) = self.find_conversation(message.chat.id, topic)? else {
            return Ok(false);
        };
        let key = window_key(message);
        let bond = match self.open_window(conversation, key)? {
            Some((turn, open, _)) => Some(self.bond(turn, &open, message)?),
            None => self
                .late(rules, conversation, key, message)?
                .map(|late| late.bond),
        };
        Ok(bond.is_some_and(|bond| bond > Bond::Near))
    }

    /// The window this key gathers in, and whether it waits for a minute to
    /// end.
    fn open_window(
        &self,
        conversation: ConversationId,
        key: i64,
    ) -> Result<Option<(TurnId, Open, bool)>> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT id, opened_at, messages, chars, last_was_long, not_before > 0 FROM turns \
                 WHERE conversation = ?1 AND state = 0 AND state < 4 AND sender = ?2 \
                 ORDER BY id DESC LIMIT 1",
            )?
            .query_row(params![conversation.0, key], |row| {
                Ok((
                    TurnId(row.get(0)?),
                    Open {
                        opened_at: row.get(1)?,
                        messages: row.get(2)?,
                        chars: row.get(3)?,
                        last_was_long: row.get(4)?,
                    },
                    row.get(5)?,
                ))
            })
            .optional()?)
    }

    fn grow_window(&self, turn: TurnId, window: &Open, due_at: i64, not_before: i64) -> Result<()> {
        self.conn
            .prepare_cached(
                "UPDATE turns SET messages = ?2, chars = ?3, last_was_long = ?4, due_at = ?5, \
                        not_before = max(not_before, ?6) WHERE id = ?1",
            )?
            .execute(params![
                turn.0,
                window.messages,
                window.chars,
                window.last_was_long,
                due_at,
                not_before
            ])?;
        Ok(())
    }

    fn new_window(
        &self,
        conversation: ConversationId,
        key: i64,
        window: &Open,
        due_at: i64,
        not_before: i64,
    ) -> Result<TurnId> {
        self.conn
            .prepare_cached(
                "INSERT INTO turns (bot, conversation, sender, state, opened_at, due_at, \
                        not_before, messages, chars, last_was_long) \
                 VALUES (?1, ?2, ?3, 0, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                self.bot.0,
                conversation.0,
                key,
                window.opened_at,
                due_at,
                not_before,
                window.messages,
                window.chars,
                window.last_was_long
            ])?;
        Ok(TurnId(self.conn.last_insert_rowid()))
    }

    /// Whoever spoke last decides what a turn's own words are written in; who
    /// tells no language changes nothing.
    pub(super) fn set_language(&self, turn: TurnId, tag: Option<&str>) -> Result<()> {
        let Some(tag) = tag.filter(|tag| tag.len() <= LONGEST_TAG) else {
            return Ok(());
        };
        self.conn
            .prepare_cached("UPDATE turns SET language = ?2 WHERE id = ?1")?
            .execute(params![turn.0, tag])?;
        Ok(())
    }

    /// The tag of who is answered, as it was told.
    pub(super) fn language(&self, turn: TurnId) -> Result<Option<String>> {
        Ok(self
            .conn
            .prepare_cached("SELECT language FROM turns WHERE id = ?1")?
            .query_row([turn.0], |row| row.get(0))
            .optional()?
            .flatten())
    }

    /// Reopens the running turn of this sender, when nothing of its answer is
    /// stored yet, nothing waits behind it and no `/new` lies between.
    fn interrupt(&self, conversation: ConversationId, key: i64) -> Result<Option<(TurnId, Open)>> {
        let running: Option<(TurnId, Open)> = self
            .conn
            .prepare_cached(
                "SELECT id, messages, chars FROM turns \
                 WHERE conversation = ?1 AND state = 2 AND state < 4 AND sender = ?2 \
                   AND interrupts < ?3 AND stop_requested = 0 AND variant = 0 \
                   AND seal_no > (SELECT boundary FROM conversations WHERE id = ?1) \
                   AND NOT EXISTS (SELECT 1 FROM turns AS behind \
                        WHERE behind.conversation = ?1 AND behind.state = 1 AND behind.state < 4)",
            )?
            .query_row(params![conversation.0, key, MAX_INTERRUPTS], |row| {
                Ok((
                    TurnId(row.get(0)?),
                    Open {
                        // The cap on time begins anew with the window.
                        opened_at: self.now,
                        messages: row.get(1)?,
                        chars: row.get(2)?,
                        last_was_long: false,
                    },
                ))
            })
            .optional()?;
        if let Some((turn, _)) = &running {
            self.conn
                .prepare_cached(
                    "UPDATE turns SET state = 0, owner = NULL, claim_no = claim_no + 1, alone = 0, \
                            interrupts = interrupts + 1, opened_at = ?2 WHERE id = ?1",
                )?
                .execute(params![turn.0, self.now])?;
            self.drop_request(*turn)?;
        }
        Ok(running)
    }

    /// Whether an earlier turn of the conversation is unsettled.
    pub(super) fn ahead(&self, conversation: ConversationId) -> Result<Ahead> {
        let any: bool = self
            .conn
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM turns \
                 WHERE conversation = ?1 AND state IN (1, 2, 3) AND state < 4)",
            )?
            .query_row([conversation.0], |row| row.get(0))?;
        Ok(if any { Ahead::Turn } else { Ahead::Nothing })
    }

    /// Closes a window: it gets its place in the conversation's order.
    pub(super) fn seal(&self, conversation: ConversationId, turn: TurnId) -> Result<()> {
        let seal_no = self.next_seal(conversation)?;
        self.conn
            .prepare_cached(
                "UPDATE turns SET state = 1, seal_no = ?2, sealed_at = ?4, \
                        history_from = (SELECT boundary FROM conversations WHERE id = ?3) \
                 WHERE id = ?1 AND state = 0",
            )?
            .execute(params![turn.0, seal_no, conversation.0, self.now])?;
        Ok(())
    }

    pub(super) fn next_seal(&self, conversation: ConversationId) -> Result<i64> {
        Ok(self
            .conn
            .prepare_cached(
                "UPDATE conversations SET last_seal = last_seal + 1 WHERE id = ?1 \
                 RETURNING last_seal",
            )?
            .query_row([conversation.0], |row| row.get(0))?)
    }

    /// Closes all open windows of a conversation, earliest first.
    pub(super) fn seal_all(&self, conversation: ConversationId) -> Result<()> {
        let open: Vec<i64> = self
            .conn
            .prepare_cached(
                "SELECT id FROM turns WHERE conversation = ?1 AND state = 0 AND state < 4 \
                 ORDER BY due_at, id",
            )?
            .query_map([conversation.0], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for turn in open {
            self.seal(conversation, TurnId(turn))?;
        }
        Ok(())
    }

    /// Ends a turn. From here on nothing about it changes.
    pub(super) fn settle(&self, turn: TurnId, outcome: Outcome) -> Result<()> {
        self.conn
            .prepare_cached(
                "UPDATE turns SET state = ?2, outcome = ?3, settled_at = ?4, owner = NULL, alone = 0, \
                        claim_no = claim_no + 1, seal_no = seal_no WHERE id = ?1",
            )?
            .execute(params![turn.0, State::Settled.code(), outcome.code(), self.now])?;
        self.conn
            .prepare_cached(
                "UPDATE updates SET settled_at = ?2 \
                 WHERE id IN (SELECT update_row FROM messages WHERE turn = ?1)",
            )?
            .execute(params![turn.0, self.now])?;
        self.ends(turn, outcome)
    }

    pub(super) fn drop_request(&self, turn: TurnId) -> Result<()> {
        self.conn
            .prepare_cached("DELETE FROM requests WHERE turn = ?1")?
            .execute([turn.0])?;
        Ok(())
    }

    pub(super) fn insert_message(
        &self,
        conversation: ConversationId,
        turn: TurnId,
        update_row: i64,
        message: &Message,
    ) -> Result<()> {
        self.conn
            .prepare_cached(
                "INSERT INTO messages \
                 (bot, conversation, turn, update_row, message_id, sender, accepted_at, body) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                self.bot.0,
                conversation.0,
                turn.0,
                update_row,
                message.id,
                message.sender.id.0,
                self.now,
                super::turns::body_of(message)
            ])?;
        Ok(())
    }
}

/// Whose window a message joins: the chat's own in private chats, one per
/// sender in groups.
fn window_key(message: &Message) -> i64 {
    message.sender.id.0
}
