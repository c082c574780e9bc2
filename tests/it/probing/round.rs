//! One round of probing against a Telegram that answers by a script: what each
//! answer proves, how long a round lasts, what a cut leaves.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use lastword::domain::ids::{ChatId, InstanceId, PartId};
use lastword::domain::part::{Kind, Payload, Sending};
use lastword::domain::probe::{Probed, Probing, Reach};
use lastword::reply::limits::{Limits, Rank};
use lastword::reply::probe::{Prober, Progress, WITHIN};
use lastword::telegram::{Call, CallError, Telegram};
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const CHAT: ChatId = ChatId(7);

/// What Telegram answers to one edit.
#[derive(Debug, Clone, Copy)]
enum Says {
    Changed,
    NotModified,
    NotOurs,
    Gateway,
    /// Nothing, for as long as is waited.
    Nothing,
    Pause(Option<u64>),
    Unreachable,
    Refused(u16, &'static str),
    Moved(i64),
}

/// Answers in order, the last one for ever; notes when which id was asked.
#[derive(Debug)]
struct Script {
    says: Mutex<VecDeque<Says>>,
    asked: Mutex<Vec<(i64, Instant, Duration)>>,
}

fn refused(code: u16, description: &str) -> CallError {
    CallError::Refused {
        code,
        description: description.to_owned(),
        retry_after: None,
        migrate_to: None,
    }
}

fn unknown() -> CallError {
    CallError::Unknown {
        reason: "cut".to_owned(),
    }
}

#[async_trait]
impl Telegram for Script {
    async fn call(&self, call: Call) -> Result<Value, CallError> {
        let id = call.body["message_id"].as_i64().expect("an edit");
        lock(&self.asked).push((id, Instant::now(), call.timeout));
        let says = {
            let mut says = lock(&self.says);
            let last = says.len() == 1;
            if last {
                says[0]
            } else {
                says.pop_front().expect("an answer")
            }
        };
        Err(match says {
            Says::Changed => return Ok(Value::Bool(true)),
            Says::NotModified => refused(400, "Bad Request: message is not modified"),
            Says::NotOurs => refused(400, "Bad Request: message to edit not found"),
            Says::Gateway => unknown(),
            Says::Nothing => {
                tokio::time::sleep(call.timeout).await;
                unknown()
            }
            Says::Pause(seconds) => CallError::Refused {
                code: 429,
                description: "Too Many Requests".to_owned(),
                retry_after: seconds.map(Duration::from_secs),
                migrate_to: None,
            },
            Says::Unreachable => CallError::NotSent {
                reason: "no route".to_owned(),
            },
            Says::Refused(code, description) => refused(code, description),
            Says::Moved(to) => CallError::Refused {
                code: 400,
                description: "Bad Request: group chat was upgraded".to_owned(),
                retry_after: None,
                migrate_to: Some(to),
            },
        })
    }

    async fn download(&self, _: &str, _: usize, _: Duration) -> Result<Bytes, CallError> {
        Err(unknown())
    }
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Scene {
    telegram: Script,
    limits: Limits,
    work: CancellationToken,
    progress: Progress,
}

impl Scene {
    fn new(says: &[Says]) -> Self {
        Self {
            telegram: Script {
                says: Mutex::new(says.iter().copied().collect()),
                asked: Mutex::default(),
            },
            limits: Limits::default(),
            work: CancellationToken::new(),
            progress: Progress::default(),
        }
    }

    async fn probe(&mut self, probing: &Probing) -> Option<Probed> {
        let prober = Prober {
            telegram: &self.telegram,
            limits: &self.limits,
            resent_mark: "again: ",
            work: &self.work,
        };
        prober
            .probe(probing, Instant::now(), &mut self.progress)
            .await
    }

    /// The ids asked since the last look.
    fn asked(&self) -> Vec<i64> {
        let asked = std::mem::take(&mut *lock(&self.telegram.asked));
        asked.into_iter().map(|(id, ..)| id).collect()
    }
}

/// A round over the ids from 101 on.
fn round(ids: i64) -> Probing {
    Probing {
        part: Sending {
            part: PartId(1),
            turn: None,
            kind: Kind::Answer,
            chat: CHAT,
            topic: None,
            payload: Payload::plain("said"),
            file: None,
            edit: None,
            send_no: 2,
            owner: InstanceId(1),
            resent: false,
            begun_at: 0,
        },
        ids: (101..101 + ids).collect(),
        reach: Reach::Whole,
        round: 0,
        executed_by: 30_000,
    }
}

const fn unproven(retry_in_ms: i64) -> Probed {
    Probed::Unproven { retry_in_ms }
}

const fn unreached(retry_in_ms: i64) -> Probed {
    Probed::Unreached { retry_in_ms }
}

#[tokio::test(start_paused = true)]
async fn each_answer_proves_just_what_it_says() {
    use Says::{
        Changed, Gateway, Moved, NotModified, NotOurs, Nothing, Pause, Refused, Unreachable,
    };
    let cases: [(&[Says], Probed); 15] = [
        (&[Changed], Probed::Found(101)),
        (&[NotOurs, NotModified], Probed::Found(102)),
        (&[Gateway, NotModified], Probed::Found(102)),
        (&[NotOurs], Probed::Absent),
        (&[NotOurs, Gateway, NotOurs], unproven(0)),
        (&[NotOurs, NotOurs, Nothing], unproven(0)),
        (&[NotOurs, Unreachable], unreached(2_000)),
        (&[NotOurs, Pause(None)], unreached(2_000)),
        (&[NotOurs, Refused(401, "Unauthorized")], unreached(30_000)),
        (&[NotOurs, Moved(-100)], Probed::Migrated(ChatId(-100))),
        (&[NotOurs, Refused(403, "bot was blocked")], Probed::Useless),
        (&[NotOurs, Refused(409, "Conflict")], Probed::Useless),
        (&[NotOurs, Refused(400, "can't parse")], Probed::Useless),
        // What is on its way must be over before anything else is decided.
        (&[Gateway, Unreachable], unproven(2_000)),
        (&[Gateway, Refused(403, "bot was blocked")], unproven(2_000)),
    ];
    for (says, proven) in cases {
        let probed = Scene::new(says).probe(&round(3)).await;
        assert_eq!(probed, Some(proven), "{says:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_one_round_has_proven_is_not_asked_again_in_it_but_in_every_other() {
    let mut other_part = round(2);
    other_part.part.part = PartId(2);
    let mut other_send = round(2);
    other_send.executed_by += 1;
    let mut next = round(2);
    next.round += 1;
    let unchanged = round(2);
    for (again, asked) in [
        (unchanged, vec![102]),
        (other_part, vec![101, 102]),
        (other_send, vec![101, 102]),
        (next, vec![101, 102]),
    ] {
        let mut scene = Scene::new(&[Says::NotOurs, Says::Gateway, Says::NotOurs]);
        assert_eq!(scene.probe(&round(2)).await, Some(unproven(0)));
        assert_eq!(scene.asked(), [101, 102]);
        assert_eq!(scene.probe(&again).await, Some(Probed::Absent));
        assert_eq!(scene.asked(), asked);
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_within_the_round_is_kept_and_the_same_id_asked_again() {
    let mut scene = Scene::new(&[Says::Pause(Some(20)), Says::NotModified]);
    let begun = Instant::now();
    assert_eq!(scene.probe(&round(2)).await, Some(Probed::Found(101)));
    assert!(begun.elapsed() >= Duration::from_secs(20));
    assert_eq!(scene.asked(), [101, 101]);
}

#[tokio::test(start_paused = true)]
async fn a_pause_beyond_the_round_ends_it() {
    let mut scene = Scene::new(&[Says::Pause(Some(200)), Says::NotModified]);
    let begun = Instant::now();
    assert_eq!(scene.probe(&round(2)).await, Some(unproven(200_000)));
    assert!(begun.elapsed() < WITHIN);
    // The chat itself waits too.
    let waits = scene.limits.own_wait(CHAT, Rank::Part);
    assert!(waits > Duration::from_secs(199), "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn no_call_outlasts_the_time_of_its_round() {
    let mut scene = Scene::new(&[Says::Nothing]);
    let until = Instant::now() + WITHIN;
    assert_eq!(scene.probe(&round(64)).await, Some(unproven(0)));
    assert!(Instant::now() <= until);
    let asked = std::mem::take(&mut *lock(&scene.telegram.asked));
    assert_eq!(asked.len(), 3, "{asked:?}");
    for (_, at, timeout) in asked {
        assert!(at + timeout <= until);
    }
}

/// Nothing was asked, so nothing was shown: it must not lead to a second copy.
#[tokio::test(start_paused = true)]
async fn a_round_in_which_nothing_could_be_asked_does_not_count() {
    let mut scene = Scene::new(&[Says::NotModified]);
    scene.limits.block(CHAT, Duration::from_secs(200), "send");
    let until = Instant::now() + WITHIN;
    assert_eq!(scene.probe(&round(2)).await, Some(unreached(0)));
    assert!(Instant::now() <= until);
    assert_eq!(scene.asked(), [0; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_cut_between_two_calls_leaves_what_is_on_its_way_unknown() {
    for (says, left) in [(Says::NotOurs, unreached(0)), (Says::Gateway, unproven(0))] {
        let mut scene = Scene::new(&[says]);
        let work = scene.work.clone();
        let cut = async {
            // After the first call, before the second.
            tokio::time::sleep(Duration::from_millis(150)).await;
            work.cancel();
        };
        let probing = round(3);
        let (probed, ()) = tokio::join!(scene.probe(&probing), cut);
        assert_eq!(probed, Some(left), "{says:?}");
        assert_eq!(scene.asked(), [101]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_cut_in_the_middle_of_a_call_says_nothing_and_at_once() {
    let mut scene = Scene::new(&[Says::Nothing]);
    let work = scene.work.clone();
    let cut = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        work.cancel();
    };
    let begun = Instant::now();
    let probing = round(3);
    let (probed, ()) = tokio::join!(scene.probe(&probing), cut);
    assert_eq!(probed, None);
    assert_eq!(begun.elapsed(), Duration::from_secs(1));
}

/// A miss is seen by nobody; a message that was changed is.
#[tokio::test(start_paused = true)]
async fn only_what_people_see_counts_against_the_pace_of_a_chat() {
    let mut scene = Scene::new(&[Says::NotOurs]);
    scene.probe(&round(5)).await;
    assert_eq!(scene.limits.own_wait(CHAT, Rank::Part), Duration::ZERO);
    let mut scene = Scene::new(&[Says::Changed]);
    for _ in 0..3 {
        scene.probe(&round(1)).await;
    }
    assert!(!scene.limits.own_wait(CHAT, Rank::Part).is_zero());
}
