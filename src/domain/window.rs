//! The rules of a window: which messages join it and how long it stays open.
//!
//! The quiet period restarts with every message, is longer after a piece that
//! Telegram probably split, and is capped by time, number and size. While an
//! earlier turn of the conversation runs, the window delays nobody, so the cap
//! on time does not apply to it. What comes late still joins while nobody has
//! seen anything of the answer.

use std::time::Duration;

use super::turn::MAX_INTERRUPTS;
use super::update::Message;
use crate::clock::{Millis, millis};

/// A text of at least this many UTF-16 units is probably one piece of a split
/// paste (clients cut at 4096).
pub const LONG_PIECE: usize = 4000;

/// Characters that the pieces of one split paste, or of one burst of forwards,
/// may reach together.
pub const PASTE_CHARS: i64 = 100_000;

/// Messages that such pieces may reach together: people forward a hundred at a
/// time, and say a few words before.
pub const PIECES: i64 = 120;

/// How often a turn is opened again for pieces that belong to it by their form.
pub const MAX_LATE_PIECES: i64 = 20;

/// How much longer than a thought a piece of a paste or of a burst of forwards
/// may take: a phone in a tunnel sends the rest when it is out of it.
const PIECE_PATIENCE: Millis = 3;

/// What ties a message to what its sender wrote before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bond {
    /// Only that it came soon after.
    Near,
    /// It follows a piece of a split paste, or is one of a burst of forwards.
    Piece,
    /// It is of the same album.
    Album,
}

/// The configured limits of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// How long nothing must arrive before the window closes.
    pub quiet: Duration,
    /// The same after a piece of a split paste.
    pub long_piece_quiet: Duration,
    /// How long a window may stay open in all.
    pub max: Duration,
    /// How many messages it takes.
    pub messages: i64,
    /// How many characters it takes.
    pub chars: i64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            quiet: Duration::from_secs(2),
            long_piece_quiet: Duration::from_secs(4),
            max: Duration::from_secs(10),
            messages: 20,
            chars: 16_000,
        }
    }
}

/// What the store knows of an open window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Open {
    /// When its first message was accepted.
    pub opened_at: Millis,
    /// Messages in it.
    pub messages: i64,
    /// Characters in it.
    pub chars: i64,
    /// Whether its last message was a long piece.
    pub last_was_long: bool,
}

/// What the store knows of a turn that is closed and of which nobody has seen
/// anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed {
    /// Its window, as it was.
    pub window: Open,
    /// When its last message was accepted.
    pub last_at: Millis,
    /// How often it was opened again.
    pub reopened: i64,
    /// Whether others write meanwhile.
    pub others: Others,
}

/// Whether others have a window open in the same conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// Nobody has.
    Silent,
    /// Somebody has, who would be answered first.
    Writing,
}

/// Whether an earlier turn of the conversation is still unsettled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ahead {
    /// Nothing is ahead: the person waits for this window.
    Nothing,
    /// A turn is ahead: the window gathers until that one has ended.
    Turn,
}

/// Whether a text is probably one piece of a split paste.
#[must_use]
pub fn is_long(text: &str) -> bool {
    text.encode_utf16().count() >= LONG_PIECE
}

impl Open {
    /// The window without the pieces among its messages: what somebody pasted
    /// or forwarded takes no room from what they say about it.
    #[must_use]
    pub fn without_pieces(&self, inputs: &[Message]) -> Self {
        let (mut messages, mut chars, mut follows_long) = (0, 0, false);
        for message in inputs {
            let long = is_long(&message.text);
            if !long && !follows_long && message.forwarded_from.is_none() {
                messages += 1;
                chars += message.weight();
            }
            follows_long = long;
        }
        Self {
            messages,
            chars,
            ..*self
        }
    }
}

impl Rules {
    /// Whether a message of `chars` characters that is tied to it like this
    /// still fits into the window. What belongs together by its form is not torn
    /// for being much; an album is not torn at all.
    #[must_use]
    pub fn joins(&self, window: &Open, bond: Bond, chars: i64) -> bool {
        let after = window.chars + chars;
        let near = window.messages < self.messages && after <= self.chars;
        match bond {
            Bond::Near => near,
            Bond::Piece => near || (window.messages < PIECES && after <= PASTE_CHARS),
            Bond::Album => true,
        }
    }

    /// Whether a message of `chars` characters joins a turn that is closed and
    /// of which nobody has seen anything. What is tied to it by nothing but the
    /// time joins while the window could still be open, and overtakes nobody.
    #[must_use]
    pub fn joins_late(&self, bond: Bond, closed: &Closed, chars: i64, now: Millis) -> bool {
        let longest = millis(self.max);
        let pieces = closed.reopened < MAX_LATE_PIECES;
        match bond {
            Bond::Album => pieces,
            Bond::Piece => {
                pieces
                    && (0..=longest * PIECE_PATIENCE).contains(&(now - closed.last_at))
                    && self.joins(&closed.window, bond, chars)
            }
            Bond::Near => {
                closed.reopened < MAX_INTERRUPTS
                    && closed.others == Others::Silent
                    && (0..longest).contains(&(now - closed.window.opened_at))
                    && self.joins(&closed.window, bond, chars)
            }
        }
    }

    /// When a window closes to which a message was added at `now`.
    #[must_use]
    pub fn due_at(&self, window: &Open, now: Millis, ahead: Ahead) -> Millis {
        let quiet = if window.last_was_long {
            self.long_piece_quiet
        } else {
            self.quiet
        };
        let quiet_end = now + millis(quiet);
        match ahead {
            Ahead::Turn => quiet_end,
            Ahead::Nothing => quiet_end.min(window.opened_at + millis(self.max)).max(now),
        }
    }

    /// Whether a window that closes at `due_at` is to be closed at `now`. One
    /// that lies further off than the longest window was stored before the
    /// clock was set back: it counts as due.
    #[must_use]
    pub fn is_due(&self, due_at: Millis, now: Millis) -> bool {
        due_at <= now || due_at > now + millis(self.longest())
    }

    fn longest(&self) -> Duration {
        self.max.max(self.long_piece_quiet).max(self.quiet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 1_000_000;

    fn open(messages: i64, chars: i64, last_was_long: bool) -> Open {
        Open {
            opened_at: NOW,
            messages,
            chars,
            last_was_long,
        }
    }

    #[test]
    fn a_window_is_filled_to_its_limits_and_not_beyond() {
        let rules = Rules::default();
        let near =
            |messages, chars, more| rules.joins(&open(messages, chars, false), Bond::Near, more);
        assert!(near(19, 15_000, 1_000));
        assert!(!near(20, 0, 1) && !near(1, 15_000, 1_001));
        // Pieces are limited by what they are together.
        let piece =
            |messages, chars, more| rules.joins(&open(messages, chars, true), Bond::Piece, more);
        assert!(piece(20, 96_000, 4_000) && !piece(1, 96_000, 4_001));
        assert!(piece(PIECES - 1, 0, 1) && !piece(PIECES, 0, 1));
        assert!(rules.joins(&open(PIECES, PASTE_CHARS, false), Bond::Album, 1));
        // They have at least the room that anything else has.
        let wide = Rules {
            messages: 500,
            ..rules
        };
        assert!(wide.joins(&open(499, 0, false), Bond::Piece, 1));
    }

    #[test]
    fn what_comes_late_joins_soon_and_a_few_times_and_an_album_always() {
        let rules = Rules::default();
        let closed = |reopened, others| Closed {
            window: open(1, 1, false),
            last_at: NOW,
            reopened,
            others,
        };
        let joins = |bond, after, reopened| {
            rules.joins_late(bond, &closed(reopened, Others::Silent), 1, NOW + after)
        };
        assert!(joins(Bond::Near, 9_999, 2));
        assert!(
            !joins(Bond::Near, 10_000, 0),
            "the window could not be open"
        );
        assert!(!joins(Bond::Near, 0, 3), "no more often than interrupts");
        assert!(!joins(Bond::Near, -1, 0), "the clock was set back");
        assert!(joins(Bond::Piece, 30_000, 19));
        assert!(!joins(Bond::Piece, 30_001, 0) && !joins(Bond::Piece, 0, 20));
        assert!(joins(Bond::Album, 3_600_000, 19));
        assert!(!joins(Bond::Album, 0, 20));
        // Nobody is overtaken for a mere thought.
        let crowd = closed(0, Others::Writing);
        assert!(!rules.joins_late(Bond::Near, &crowd, 1, NOW));
        assert!(rules.joins_late(Bond::Piece, &crowd, 1, NOW));
        // A full turn takes what cannot be told apart from it, and nothing else.
        let full = Closed {
            window: open(20, 16_000, false),
            ..closed(0, Others::Silent)
        };
        assert!(rules.joins_late(Bond::Album, &full, 1, NOW));
        assert!(rules.joins_late(Bond::Piece, &full, 1, NOW));
        assert!(!rules.joins_late(Bond::Near, &full, 1, NOW));
        let full = Closed {
            window: open(20, PASTE_CHARS, true),
            ..full
        };
        assert!(rules.joins_late(Bond::Album, &full, 1, NOW));
        assert!(!rules.joins_late(Bond::Piece, &full, 1, NOW));
    }

    #[test]
    fn a_window_closes_after_its_quiet_period_or_when_it_is_open_too_long() {
        let rules = Rules::default();
        let due = |long, after, ahead| {
            let window = open(1, 1, long);
            rules.due_at(&window, NOW + after, ahead) - NOW
        };
        assert_eq!(due(false, 0, Ahead::Nothing), 2_000);
        assert_eq!(due(true, 0, Ahead::Nothing), 4_000);
        assert_eq!(due(false, 9_000, Ahead::Nothing), 10_000);
        assert_eq!(due(false, 9_000, Ahead::Turn), 11_000);
        // Not in the past, however long it gathered behind another turn.
        assert_eq!(due(false, 60_000, Ahead::Nothing), 60_000);
    }

    #[test]
    fn a_window_is_due_at_its_time_or_if_it_lies_further_off_than_any_ever_does() {
        let seconds = Duration::from_secs;
        for (max, long_piece_quiet, quiet) in [(10, 4, 2), (3, 9, 2), (3, 4, 8)] {
            let rules = Rules {
                max: seconds(max),
                long_piece_quiet: seconds(long_piece_quiet),
                quiet: seconds(quiet),
                ..Rules::default()
            };
            let longest = millis(seconds(max.max(long_piece_quiet).max(quiet)));
            assert!(rules.is_due(NOW, NOW));
            assert!(!rules.is_due(NOW + 1, NOW));
            assert!(!rules.is_due(NOW + longest, NOW));
            assert!(rules.is_due(NOW + longest + 1, NOW));
        }
    }
}
