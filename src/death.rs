//! Fail points: named moments at which a test lets the process die, as by
//! `kill -9`, or lets the code there panic.
//!
//! Only with the feature `failpoints`, which this crate's own tests have and no
//! build for use has: without it [`at`] and [`at_commit`] are empty and no name
//! is compiled in. Owns the one list of all moments, so that a new one is tried
//! without anybody's doing. Upholds the promise that a death at any point loses
//! and doubles nothing, by making every point reachable.

/// Whether the process can be made to die; without the feature never.
pub const POSSIBLE: bool = cfg!(feature = "failpoints");

/// The variable that says where: `NAME` or `NAME#HIT`, the first hit being 1.
pub const VARIABLE: &str = "LASTWORD_DIE_AT";

/// The same for a panic: of one task, as a mistake of ours would be.
pub const PANIC_VARIABLE: &str = "LASTWORD_PANIC_AT";

/// How often a moment comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recurs {
    /// Again and again in one life.
    Often,
    /// With every start or with every stop.
    EachLife,
    /// With a new store only.
    EachStore,
}

/// The side of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Everything is written, nothing is durable.
    Before,
    /// It is durable, and nobody was told.
    After,
}

/// Declares the moments: variant, name, how often it comes.
macro_rules! moments {
    ($($moment:ident $name:literal $recurs:ident,)*) => {
        /// A moment outside the store.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Moment {
            $(#[doc = $name] $moment,)*
        }

        #[cfg(feature = "failpoints")]
        impl Moment {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$moment,)*];

            /// Its name.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$moment => $name,)*
                }
            }

            /// How often it comes.
            #[must_use]
            pub fn recurs(self) -> Recurs {
                match self {
                    $(Self::$moment => Recurs::$recurs,)*
                }
            }
        }
    };
}

moments! {
    MigrationLocked "migration locked" EachStore,
    MigrationWritten "migration written" EachStore,
    MigrationCommitted "migration committed" EachStore,
    InstanceLocked "instance locked" EachLife,
    DeadCounted "dead counted" EachLife,
    DeadReaped "dead reaped" EachLife,
    LeaseTaken "lease taken" EachLife,
    SaidReady "said ready" EachLife,
    WebhookSet "webhook set" EachLife,
    PollAnswered "poll answered" Often,
    BatchStored "batch stored" Often,
    DeliveryRead "delivery read" Often,
    DeliveryStored "delivery stored" Often,
    ControlApplied "control applied" Often,
    FileKept "file kept" Often,
    ModelAsked "model asked" Often,
    DeltaRead "delta read" Often,
    FinishSeen "finish seen" Often,
    AnswerStored "answer stored" Often,
    DraftShown "draft shown" Often,
    NoticeImported "notice imported" Often,
    NoticeRemoved "notice removed" Often,
    CallBegins "call begins" Often,
    CallAnswered "call answered" Often,
    DrainSignal "drain: signal" EachLife,
    LeaseReleased "lease released" EachLife,
    DrainIntake "drain: intake" EachLife,
    DrainFeeders "drain: feeders" EachLife,
    DrainGrouper "drain: grouper" EachLife,
    DrainTurns "drain: turns" EachLife,
    DrainAbort "drain: abort" EachLife,
    StoreLeft "store left" EachLife,
    StoreClosed "store closed" EachLife,
    DrainClose "drain: close" EachLife,
}

/// The operations of the store that write: each dies on both sides of its
/// commit.
#[cfg(feature = "failpoints")]
pub const WRITES: &[(&str, Recurs)] = &[
    ("inbox.accept", Recurs::Often),
    ("inbox.prune", Recurs::EachLife),
    ("turns.claim", Recurs::Often),
    ("turns.keep_request", Recurs::Often),
    ("turns.keep_words", Recurs::Often),
    ("turns.plan_placeholder", Recurs::Often),
    ("turns.answer", Recurs::Often),
    ("turns.defer", Recurs::Often),
    ("turns.park", Recurs::EachLife),
    ("turns.keep_administrators", Recurs::Often),
    ("outbox.begin_send", Recurs::Often),
    ("outbox.finish_send", Recurs::Often),
    ("outbox.begin_touch", Recurs::Often),
    ("outbox.finish_touch", Recurs::Often),
    ("outbox.finish_probe", Recurs::Often),
    ("outbox.replan", Recurs::Often),
    ("notices.import", Recurs::Often),
    ("operators.alarm", Recurs::Often),
    ("operators.rise", Recurs::EachLife),
    ("operators.leave_errands", Recurs::EachLife),
    ("operators.bid_farewell", Recurs::EachLife),
    ("signs.reveal", Recurs::Often),
    ("signs.receipts", Recurs::Often),
    ("signs.drop_receipt", Recurs::Often),
    ("leases.register", Recurs::EachLife),
    ("leases.set_phase", Recurs::EachLife),
    ("leases.reap", Recurs::EachLife),
    ("leases.leave", Recurs::EachLife),
    ("leases.set_value", Recurs::EachLife),
    ("leases.value_or", Recurs::EachLife),
];

/// Those of programs that do one thing and end (`lastword replay`), and what is
/// needed only when a business account writes that nobody has told of before.
#[cfg(feature = "failpoints")]
pub const WRITES_ELSEWHERE: &[&str] = &[
    "desk.replay",
    "desk.cancel",
    "desk.pause",
    "desk.resume",
    "desk.allow",
    "desk.ban",
    "desk.unban",
    "relays.connect",
    "operators.take_orders",
    "operators.reply",
    "operators.calm",
    "operators.remind",
    "operators.spread",
];

/// The operations of the store that only read.
#[cfg(feature = "failpoints")]
pub const READS: &[&str] = &[
    "desk.turns",
    "desk.show",
    "desk.paused",
    "desk.picture",
    "desk.usage",
    "desk.people",
    "operators.alarms",
    "inbox.backlog",
    "turns.history",
    "turns.settled",
    "turns.standing",
    "turns.waiting",
    "turns.administrators_age",
    "turns.recent",
    "turns.open",
    "turns.books",
    "outbox.placeholder",
    "outbox.unsent",
    "outbox.touches",
    "signs.next_turn",
    "turns.surroundings",
    "notices.imported",
    "relays.relay",
    "relays.unconnected",
    "leases.others",
    "leases.value",
    "leases.has_operator",
];

/// Dies here, or panics, if this moment was asked for.
#[inline]
pub fn at(moment: Moment) {
    #[cfg(feature = "failpoints")]
    armed::reach(&|name| name == moment.as_str());
    #[cfg(not(feature = "failpoints"))]
    let _ = moment;
}

/// Dies on this side of the commit that these operations share, if that was
/// asked for one of them.
#[inline]
pub fn at_commit(operations: &[&str], side: Side) {
    #[cfg(feature = "failpoints")]
    for operation in operations {
        armed::reach(&|name| armed::split(name) == (side.as_str(), *operation));
    }
    #[cfg(not(feature = "failpoints"))]
    let _ = (operations, side);
}

#[cfg(feature = "failpoints")]
impl Side {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Before, Self::After];

    /// What precedes the operation's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Before => "before the commit of ",
            Self::After => "after the commit of ",
        }
    }
}

/// What was asked for, and the death itself.
#[cfg(feature = "failpoints")]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    use rustix::process::{Signal, getpid, kill_process};

    use super::{PANIC_VARIABLE, Side, VARIABLE};

    struct Armed {
        name: String,
        hits_left: AtomicU32,
        end: End,
    }

    #[derive(Clone, Copy)]
    enum End {
        Death,
        Panic,
    }

    /// The environment of a process does not change: read once.
    static ARMED: OnceLock<Option<Armed>> = OnceLock::new();

    pub(super) fn reach(is_here: &dyn Fn(&str) -> bool) {
        let armed = ARMED.get_or_init(|| {
            let asked = |variable, end| Some(read(&std::env::var(variable).ok()?, end));
            asked(VARIABLE, End::Death).or_else(|| asked(PANIC_VARIABLE, End::Panic))
        });
        if let Some(armed) = armed
            && is_here(&armed.name)
            && armed.hits_left.fetch_sub(1, Ordering::SeqCst) == 1
        {
            match armed.end {
                End::Death => die(),
                End::Panic => panic!("a test asked for it"),
            }
        }
    }

    fn read(text: &str, end: End) -> Armed {
        let (name, hit) = text.split_once('#').unwrap_or((text, "1"));
        Armed {
            name: name.to_owned(),
            hits_left: AtomicU32::new(hit.parse().unwrap_or(1)),
            end,
        }
    }

    /// The side and the operation; the side is empty when it is none.
    pub(super) fn split(name: &str) -> (&str, &str) {
        Side::ALL
            .iter()
            .find_map(|side| Some((side.as_str(), name.strip_prefix(side.as_str())?)))
            .unwrap_or(("", name))
    }

    /// As the kernel does it: nothing is run down, nothing is flushed.
    fn die() -> ! {
        let _ = kill_process(getpid(), Signal::KILL);
        loop {
            // The signal is on its way.
            std::thread::park();
        }
    }
}
