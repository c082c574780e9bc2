//! The daemon's clock is set back or forward while something is under way:
//! everything goes on within its normal time, nothing is lost or doubled.
//!
//! Only the daemon's clock jumps; Telegram's and tokio's go on as they were.

use std::time::Duration;

use lastword::clock::Clock;
use lastword::config::OnStop;
use lastword::playground::bot_api::{Fault as Trouble, FaultRule};
use lastword::playground::offline::{Fault, Offline};
use tokio::time::Instant;

use crate::house::{House, assert_balanced};
use crate::neighbours::{outcomes, pass};

/// Longer than any of the waits below takes by itself (a deferral, a minute's
/// limit), far shorter than a jump.
const NORMAL: Duration = Duration::from_secs(100);

const HOUR: i64 = 3_600_000;

/// Back and forward, by hours and by minutes: a jump may be shorter or longer
/// than any limit that something is compared with.
const JUMPS: [i64; 6] = [-HOUR, HOUR, -25 * HOUR, -1_800_000, -300_000, -15_000];

/// What is under way when the clock jumps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    Gathering,
    /// Sealed behind a running turn.
    Sealed,
    Claimed,
    /// Answered; Telegram asks for a pause.
    Answered,
    Sending,
    Uncertain,
    /// The model refuses us for lack of credit.
    Deferred,
    /// Over the limit per minute.
    Limited,
    /// Stopped, and started after the jump.
    Parked,
}

const MOMENTS: [Moment; 9] = [
    Moment::Gathering,
    Moment::Sealed,
    Moment::Claimed,
    Moment::Answered,
    Moment::Sending,
    Moment::Uncertain,
    Moment::Deferred,
    Moment::Limited,
    Moment::Parked,
];

fn pause(retry_after_s: u64) -> Trouble {
    Trouble::Refuse {
        code: 429,
        description: None,
        retry_after_s: Some(retry_after_s),
    }
}

async fn jump_at(moment: Moment, by: i64) {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    house.clock = Clock::virtual_from(house.clock.now());
    if moment == Moment::Limited {
        house.config.access.per_minute = 1;
    }
    if moment == Moment::Parked {
        house.config.shutdown.on_stop = OnStop::Park;
    }
    let mut life = house.start();
    let ann = house.person("Ann");
    pass(100).await;
    let once = |trouble| {
        let rule = FaultRule::once("sendRichMessage", trouble);
        house.telegram.fault(rule);
    };
    let mut answers = 1;
    match moment {
        Moment::Gathering => {
            house.say(ann, "hello");
            pass(1_000).await;
        }
        Moment::Claimed | Moment::Sealed => {
            model.change(|now| now.fault = Fault::HoldAfter(0));
            house.say(ann, "hello");
            pass(5_000).await;
            if moment == Moment::Sealed {
                // Late enough not to join what nobody has seen a word of.
                pass(5_000).await;
                house.say(ann, "again");
                pass(5_000).await;
                answers = 2;
            }
        }
        Moment::Answered => {
            once(pause(20));
            house.say(ann, "hello");
            pass(5_000).await;
        }
        Moment::Sending => {
            once(Trouble::Slow {
                before_ms: 8_000,
                after_ms: 0,
            });
            house.say(ann, "hello");
            pass(5_000).await;
        }
        Moment::Uncertain => {
            once(Trouble::CutBefore);
            house.say(ann, "hello");
            pass(5_000).await;
        }
        Moment::Deferred => {
            model.change(|now| now.fault = Fault::NoCredit);
            house.say(ann, "hello");
            // It was told why it waits.
            answers = 2;
            pass(10_000).await;
        }
        Moment::Limited => {
            house.say(ann, "hello");
            pass(10_000).await;
            house.say(ann, "again");
            // With a polite notice.
            answers = 3;
            pass(5_000).await;
        }
        Moment::Parked => {
            house.say(ann, "hello");
            pass(500).await;
            let _ = life.stop().await;
            house.clock.set_by(by);
            life = house.start();
        }
    }
    if moment != Moment::Parked {
        house.clock.set_by(by);
    }
    let begun = Instant::now();
    model.change(|now| now.fault = Fault::Sound);
    let heard = house.until_heard(ann, answers).await;
    assert!(
        begun.elapsed() <= NORMAL,
        "{moment:?} {by}: after {:?}",
        begun.elapsed()
    );
    // Whatever is still under way would come now.
    pass(200_000).await;
    assert_eq!(
        house.heard(ann).len(),
        answers,
        "{moment:?} {by}: {heard:?}"
    );
    let words: usize = heard.iter().filter(|text| text.contains("echo:")).count();
    assert!(words >= 1, "{moment:?} {by}: {heard:?}");
    // It is not deaf afterwards.
    house.say(ann, "and now?");
    pass(100_000).await;
    let last = house.heard(ann).pop().expect("an answer");
    assert!(last.contains("and now?"), "{moment:?} {by}: {last:?}");
    let books = life.books().await;
    assert_balanced(&books);
    assert_eq!(outcomes(&books).len(), 1, "{moment:?} {by}: {books:?}");
    assert_eq!(model.counts().paid_twice(), 0, "{moment:?} {by}");
    let _ = life.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_delays_loses_and_doubles_nothing() {
    for moment in MOMENTS {
        for by in JUMPS {
            jump_at(moment, by).await;
        }
    }
}
