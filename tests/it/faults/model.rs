//! What goes wrong with the model, enumerated, on the whole daemon and as the
//! bytes that an endpoint really sends: one visible answer or the end that is
//! meant for it, nothing cut passed off as whole, other chats not delayed.

use std::time::Duration;

use lastword::llm::LlmError;
use lastword::playground::offline::{Fault, Offline};
use lastword::shutdown::ExitCode;

use crate::house::{House, assert_balanced};
use crate::neighbours::{outcomes, pass};
use crate::scribe::{Scribe, Twist};

/// What becomes of a turn whose request always fails like this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It waits for the operator: one notice, and an answer when it is mended.
    Waits,
    /// An apology with a button.
    Fails,
}

/// The faults, by name; how they are played; what always meeting them means;
/// whether meeting one only is not noticed.
fn faults() -> Vec<(&'static str, Twist, Fate, bool)> {
    use Fate::{Fails, Waits};
    let status = |code: u16, retry_after: Option<u64>| {
        Twist::Refuse(LlmError::Status {
            code,
            message: "no".to_owned(),
            retry_after: retry_after.map(Duration::from_secs),
        })
    };
    let bytes = Twist::Bytes;
    vec![
        ("400", status(400, None), Fails, false),
        ("401", status(401, None), Waits, false),
        ("402", status(402, None), Waits, false),
        ("408", status(408, None), Fails, true),
        ("429", status(429, None), Fails, true),
        ("429 for 7 s", status(429, Some(7)), Fails, true),
        ("500", status(500, None), Fails, true),
        ("502", status(502, None), Fails, true),
        ("503 for 7 s", status(503, Some(7)), Fails, true),
        ("504", status(504, None), Fails, true),
        ("524", status(524, None), Fails, true),
        ("529", status(529, None), Fails, true),
        (
            "unreachable",
            Twist::Refuse(LlmError::Unreachable { reason: String::new() }),
            Fails,
            true,
        ),
        ("nothing", bytes(b""), Fails, true),
        ("a comment and nothing", bytes(b": PROCESSING\n\n"), Fails, true),
        ("a cut head", bytes(b"dat"), Fails, true),
        (
            "cut in an event",
            bytes(b"data: {\"choices\":[{\"delta\":{\"content\":\"par"),
            Fails,
            true,
        ),
        (
            "cut between events",
            bytes(b"data: {\"choices\":[{\"delta\":{\"content\":\"partial\"}}]}\n\n"),
            Fails,
            true,
        ),
        (
            "cut before the end of the last event",
            bytes(b"data: {\"choices\":[{\"delta\":{\"content\":\"partial\"},\"finish_reason\":\"stop\"}]}\n"),
            Fails,
            true,
        ),
        (
            "done without a reason",
            bytes(b"data: {\"choices\":[{\"delta\":{\"content\":\"partial\"}}]}\n\ndata: [DONE]\n\n"),
            Fails,
            true,
        ),
        (
            "an error in the stream",
            bytes(b"data: {\"choices\":[{\"delta\":{\"content\":\"partial\"}}]}\n\ndata: {\"error\":{\"code\":502,\"message\":\"x\"},\"choices\":[{\"delta\":{},\"finish_reason\":\"error\"}]}\n\n"),
            Fails,
            true,
        ),
        (
            "an error as the body",
            bytes(b"{\"error\":{\"code\":503,\"message\":\"x\"}}"),
            Fails,
            true,
        ),
        (
            "no credit as the body",
            bytes(b"{\"error\":{\"code\":402,\"message\":\"x\"}}"),
            Waits,
            false,
        ),
        ("no choices", bytes(b"{\"choices\":[]}"), Fails, true),
        (
            "an empty answer",
            bytes(b"data: {\"choices\":[{\"delta\":{\"content\":\"\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"),
            Fails,
            true,
        ),
        ("not the protocol", bytes(b"data: {\"choices\":7}\n\n"), Fails, true),
        ("half a character", bytes(b"data: \xf0\x9f\n\n"), Fails, true),
    ]
}

/// Longer than all patience: three rounds of attempts and the breaker's pause.
const LONG: u64 = 600_000;

fn house() -> (House, Scribe) {
    let mut house = House::with(Offline::echo());
    let scribe = house.scribe();
    (house, scribe)
}

#[tokio::test(start_paused = true)]
async fn one_fault_of_the_model_is_not_noticed_where_it_can_pass() {
    for (name, twist, fate, passes) in faults() {
        let (mut house, scribe) = house();
        let life = house.start();
        let (ann, ben) = (house.person("Ann"), house.person("Ben"));
        scribe.twist(twist);
        house.say(ann, "whole words");
        pass(2_500).await;
        let begun = house.clock.now();
        house.say(ben, "hi");
        house.until_heard(ben, 1).await;
        assert!(house.clock.now() - begun < 5_000, "{name}: Ben had to wait");
        pass(LONG).await;
        let heard = house.heard(ann);
        if passes {
            assert_eq!(heard, ["echo: whole words"], "{name}");
        } else if fate == Fate::Waits {
            assert_eq!(heard.len(), 2, "{name}: {heard:?}");
            assert_eq!(heard[1], "echo: whole words", "{name}");
        } else {
            assert!(
                heard.len() == 1 && heard[0].contains("sorry"),
                "{name}: {heard:?}"
            );
        }
        assert!(!heard.iter().any(|text| text.contains("partial")), "{name}");
        let books = life.books().await;
        assert_balanced(&books);
        assert_eq!(life.stop().await, ExitCode::Drained, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fault_of_the_model_that_does_not_pass_has_the_end_that_is_meant_for_it() {
    for (name, twist, fate, _) in faults() {
        let (mut house, scribe) = house();
        let life = house.start();
        let ann = house.person("Ann");
        scribe.always("whole words", twist);
        house.say(ann, "whole words");
        pass(LONG).await;
        let heard = house.heard(ann);
        assert_eq!(heard.len(), 1, "{name}: {heard:?}");
        assert!(!heard[0].contains("partial"), "{name}: {heard:?}");
        scribe.never();
        pass(LONG).await;
        let heard = house.heard(ann);
        match fate {
            Fate::Waits => {
                assert!(heard[0].contains("can't reach"), "{name}: {heard:?}");
                assert_eq!(heard[1..], ["echo: whole words"], "{name}");
            }
            Fate::Fails => {
                assert!(heard[0].contains("sorry"), "{name}: {heard:?}");
                assert_eq!(heard.len(), 1, "{name}: {heard:?}");
            }
        }
        let books = life.books().await;
        assert_balanced(&books);
        let word = match fate {
            Fate::Waits => "answered",
            Fate::Fails => "failed",
        };
        assert_eq!(outcomes(&books), [(word, 1)], "{name}");
        // Nobody hears of it for long.
        house.say(ann, "next");
        house
            .until("she is answered", |house| {
                house.heard(ann).iter().any(|text| text == "echo: next")
            })
            .await;
        assert_eq!(life.stop().await, ExitCode::Drained, "{name}");
    }
}

/// The last word counts, though what follows it is lost.
#[tokio::test(start_paused = true)]
async fn what_is_lost_after_the_finish_reason_takes_nothing_back() {
    const WHOLE: &str =
        "data: {\"choices\":[{\"delta\":{\"content\":\"whole\"},\"finish_reason\":\"stop\"}]}\n\n";
    for after in [
        "",
        "data: [DO",
        "data: {\"usage\":",
        "data: {\"error\":{\"code\":502,\"message\":\"x\"}}\n\n",
        ": PROCESSING\n\n",
    ] {
        let (mut house, scribe) = house();
        let life = house.start();
        let ann = house.person("Ann");
        let bytes = [WHOLE.as_bytes(), after.as_bytes()].concat();
        scribe.twist(Twist::Bytes(bytes.leak()));
        house.say(ann, "hello");
        house.until_heard(ann, 1).await;
        pass(LONG).await;
        assert_eq!(house.heard(ann), ["whole"], "{after:?}");
        assert_eq!(scribe.bytes().len(), 1, "{after:?}: paid twice");
        assert_balanced(&life.books().await);
    }
}

/// A stall, a cut, an error event within and between all words, and after the
/// last; twice in a row.
#[tokio::test(start_paused = true)]
async fn no_moment_of_an_answer_is_one_to_break_off_at() {
    let whole = "echo: one two three";
    for at in [0, 1, 5, 6, 8, 10, 18, whole.len()] {
        for fault in [
            Fault::CutAfter(at),
            Fault::ErrorAfter(at),
            Fault::StallAfter(at),
        ] {
            let model = Offline::echo();
            let mut house = House::with(model.clone());
            let life = house.start();
            let (ann, ben) = (house.person("Ann"), house.person("Ben"));
            model.fail_next(2, fault);
            house.say(ann, "one two three");
            pass(2_500).await;
            house.say(ben, "hi");
            house.until_heard(ben, 1).await;
            house.until_heard(ann, 1).await;
            pass(60_000).await;
            assert_eq!(house.heard(ann), [whole], "{fault:?}");
            assert_eq!(house.heard(ben), ["echo: hi"], "{fault:?}");
            assert_balanced(&life.books().await);
        }
    }
}
