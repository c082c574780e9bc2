//! What may happen to a store, at random, with the weights of a lively day.

use proptest::prelude::*;

/// One thing that happens. Numbers choose among what there is.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Say {
        place: usize,
        again: bool,
    },
    /// A command: seals what is open.
    Command(usize),
    Edit(usize),
    StopClaimed(usize),
    Pass(u64),
    Claim {
        by: usize,
        place: usize,
        flush: bool,
    },
    Answer {
        claim: usize,
        parts: usize,
        failed: bool,
    },
    Placeholder(usize),
    Defer(usize),
    Park(usize),
    Begin {
        by: usize,
        place: usize,
        way: Way,
    },
    Finish {
        send: usize,
        how: usize,
    },
    Replan(usize),
    Die(usize),
    Reap(usize),
}

/// What Telegram does with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Carries it out at once.
    Carried,
    /// Carries it out only if the caller is still there to finish.
    Late,
    /// Refuses it, or never gets it.
    Never,
}

fn way() -> impl Strategy<Value = Way> {
    prop_oneof![
        3 => Just(Way::Carried),
        1 => Just(Way::Late),
        2 => Just(Way::Never),
    ]
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let n = 0..8usize;
    prop_oneof![
        6 => (n.clone(), any::<bool>()).prop_map(|(place, again)| Step::Say { place, again }),
        2 => n.clone().prop_map(Step::Command),
        2 => n.clone().prop_map(Step::Edit),
        1 => n.clone().prop_map(Step::StopClaimed),
        3 => (1..60_000u64).prop_map(Step::Pass),
        6 => (n.clone(), n.clone(), any::<bool>())
            .prop_map(|(by, place, flush)| Step::Claim { by, place, flush }),
        5 => (n.clone(), 1..4usize, any::<bool>())
            .prop_map(|(claim, parts, failed)| Step::Answer { claim, parts, failed }),
        1 => n.clone().prop_map(Step::Placeholder),
        1 => n.clone().prop_map(Step::Defer),
        1 => n.clone().prop_map(Step::Park),
        9 => (n.clone(), n.clone(), way())
            .prop_map(|(by, place, way)| Step::Begin { by, place, way }),
        7 => (n.clone(), 0..10usize).prop_map(|(send, how)| Step::Finish { send, how }),
        1 => n.clone().prop_map(Step::Replan),
        2 => n.clone().prop_map(Step::Die),
        3 => n.prop_map(Step::Reap),
    ]
}

/// What happens where much is said by the bot and many answers of Telegram are
/// lost.
pub(super) fn lossy_step() -> impl Strategy<Value = Step> {
    let n = 0..3usize;
    let millis = prop_oneof![0..4_000u64, 30_000..40_000u64, 60_000..120_000u64];
    let how = prop_oneof![5 => 0..3usize, 3 => 3..10usize];
    prop_oneof![
        4 => n.clone().prop_map(Step::Command),
        1 => n.clone().prop_map(|place| Step::Say { place, again: false }),
        6 => millis.prop_map(Step::Pass),
        10 => (n.clone(), n.clone(), way())
            .prop_map(|(by, place, way)| Step::Begin { by, place, way }),
        8 => (0..8usize, how).prop_map(|(send, how)| Step::Finish { send, how }),
        1 => n.clone().prop_map(Step::Die),
        2 => n.prop_map(Step::Reap),
    ]
}
