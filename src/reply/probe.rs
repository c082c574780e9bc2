//! The prober: asks Telegram whether a part arrived whose acknowledgement was
//! cut.
//!
//! Each id it may have been given is edited with what the part says: an edit
//! touches only messages of ours and is idempotent. Success and "not modified"
//! mean that the message is there; "not found" and "can't be edited" that this
//! id is none of ours; everything else proves nothing, and that id is asked
//! again. Must never touch an id that the store did not name, never begin a call
//! after the round's time, and never keep other chats waiting.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::call;
use super::limits::{Limits, Rank};
use crate::clock::{Millis, millis};
use crate::domain::ids::{ChatId, PartId};
use crate::domain::probe::{Probed, Probing};
use crate::telegram::{Meaning, Telegram};

/// How long one round may take, its last call included: all ids of the default
/// range at `EVERY`, and a pause that Telegram asks for.
pub const WITHIN: Duration = Duration::from_secs(30);

/// How long one call may take.
const CALL: Duration = Duration::from_secs(10);

/// Between two calls in one chat. A miss changes nothing that anybody sees, so
/// the pace of messages does not hold for it.
const EVERY: Duration = Duration::from_millis(100);

/// How long to wait where nothing could be asked at all.
const UNREACHED: Duration = Duration::from_secs(2);

/// How long everything waits that is refused because of the token.
const UNAUTHORIZED: Duration = Duration::from_secs(30);

/// What a round needs.
#[derive(Debug)]
pub struct Prober<'a> {
    /// Whom to ask.
    pub telegram: &'a dyn Telegram,
    /// The pace.
    pub limits: &'a Limits,
    /// The mark on a part that was sent again.
    pub resent_mark: &'a str,
    /// Ends the round at once.
    pub work: &'a CancellationToken,
}

/// Ids that were proven absent in a round that is asked again.
#[derive(Debug, Default)]
pub struct Progress {
    of: Option<(PartId, Millis, u32)>,
    absent: BTreeSet<i64>,
}

impl Progress {
    /// Forgets what was proven of another part or in another round.
    fn goes_on(&mut self, probing: &Probing) {
        let of = Some((probing.part.part, probing.executed_by, probing.round));
        if self.of != of {
            (self.of, self.absent) = (of, BTreeSet::new());
        }
    }
}

/// What one id turned out to be.
enum Asked {
    Ours,
    NotOurs,
    /// Not known; the call may yet be carried out.
    Unknown,
    /// The round ends with this.
    Over(Probed),
    /// Telegram asks for a pause.
    Pause(Duration),
}

impl Prober<'_> {
    /// Asks every id of a round, in order, until one is found or its time is
    /// over. `None`: `work` was cut in the middle of a call, which may yet be
    /// carried out; the store knows until when.
    ///
    /// `begun` is not later than the moment at which the store took the time.
    ///
    /// # Cancel safety
    /// Dropping it is as the end of the process: the round is begun again.
    pub async fn probe(
        &self,
        probing: &Probing,
        begun: Instant,
        progress: &mut Progress,
    ) -> Option<Probed> {
        progress.goes_on(probing);
        let until = begun + WITHIN;
        let (mut unknown, mut asked_any) = (false, false);
        for id in &probing.ids {
            if progress.absent.contains(id) {
                continue;
            }
            loop {
                if !self.pace(probing.part.chat, until).await {
                    let nothing = !unknown && (self.work.is_cancelled() || !asked_any);
                    return Some(match nothing {
                        true => unreached(Duration::ZERO),
                        false => unproven(Duration::ZERO),
                    });
                }
                asked_any = true;
                let asked = tokio::select! {
                    biased;
                    () = self.work.cancelled() => return None,
                    asked = self.ask(probing, *id, until) => asked,
                };
                match asked {
                    Asked::Ours => return Some(Probed::Found(*id)),
                    Asked::NotOurs => {
                        progress.absent.insert(*id);
                    }
                    Asked::Unknown => unknown = true,
                    // What is on its way must be over first.
                    Asked::Over(_) if unknown => return Some(unproven(UNREACHED)),
                    Asked::Over(probed) => return Some(probed),
                    Asked::Pause(pause) if Instant::now() + pause >= until => {
                        return Some(unproven(pause));
                    }
                    Asked::Pause(_) => continue,
                }
                break;
            }
        }
        Some(match unknown {
            true => unproven(Duration::ZERO),
            false => Probed::Absent,
        })
    }

    /// Waits for the next call, in nobody's way: from what parts leave over.
    /// False when the round's time, or `work`, is over first.
    async fn pace(&self, chat: ChatId, until: Instant) -> bool {
        let mut wait = EVERY;
        loop {
            tokio::select! {
                biased;
                () = self.work.cancelled() => return false,
                () = tokio::time::sleep_until(until) => return false,
                () = tokio::time::sleep(wait) => {}
            }
            wait = self.limits.try_take(chat, Rank::Probe);
            if wait.is_zero() {
                return Instant::now() < until;
            }
        }
    }

    async fn ask(&self, probing: &Probing, id: i64, until: Instant) -> Asked {
        let mut call = call::probe(&probing.part, self.resent_mark, id);
        call.timeout = CALL.min(until - Instant::now());
        let chat = probing.part.chat;
        let Err(error) = self.telegram.call(call).await else {
            // It said something else: that was a change people see.
            self.limits.spend(chat, Rank::Part);
            return Asked::Ours;
        };
        match error.meaning() {
            Meaning::NotModified => Asked::Ours,
            Meaning::MessageGone => Asked::NotOurs,
            Meaning::Uncertain => Asked::Unknown,
            Meaning::Again(None) => Asked::Over(unreached(UNREACHED)),
            Meaning::Again(Some(pause)) => {
                self.limits.block(chat, pause, "probe");
                Asked::Pause(pause)
            }
            Meaning::Unauthorized => Asked::Over(unreached(UNAUTHORIZED)),
            Meaning::Migrated(to) => Asked::Over(Probed::Migrated(ChatId(to))),
            // Here nobody can be asked, or not in these words.
            Meaning::ChatGone | Meaning::ReplyGone | Meaning::FormatRefused | Meaning::Conflict => {
                Asked::Over(Probed::Useless)
            }
        }
    }
}

fn unproven(pause: Duration) -> Probed {
    Probed::Unproven {
        retry_in_ms: millis(pause),
    }
}

fn unreached(pause: Duration) -> Probed {
    Probed::Unreached {
        retry_in_ms: millis(pause),
    }
}
