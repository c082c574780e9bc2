//! The drain matrix: every state of a turn × which signal × a second one or
//! not × the deadline reached or not × what becomes of open windows × private
//! chat or group, on the paused clock. The same cases with the real binary,
//! real signals, polling and a webhook are in `real/matrix.rs`.

use std::time::Duration;

use lastword::config::OnStop;
use lastword::domain::{part, turn};
use lastword::playground::bot_api::{Act, ChatKind, Fault as Trouble, FaultRule, Place};
use lastword::playground::offline::Fault;
use lastword::shutdown::{Cause, ExitCode};
use lastword::store::Turns;

use crate::house::{House, Life, assert_balanced};
use crate::real::{in_part, in_turn, note};

const GRACE: Duration = Duration::from_secs(20);

/// Whether what keeps the turn from its end goes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// Soon after the signal.
    Passes,
    /// Not before the successor: the deadline is reached.
    Stays,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    Private,
    Group,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    pub(crate) state: turn::State,
    pub(crate) first: Cause,
    pub(crate) second: Option<Cause>,
    pub(crate) obstacle: Obstacle,
    pub(crate) on_stop: OnStop,
    pub(crate) room: Room,
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for state in turn::State::ALL.iter().copied() {
        for first in [Cause::Terminate, Cause::Interrupt] {
            for second in [None, Some(Cause::Terminate), Some(Cause::Interrupt)] {
                for obstacle in [Obstacle::Passes, Obstacle::Stays] {
                    for on_stop in [OnStop::Flush, OnStop::Park] {
                        for room in [Room::Private, Room::Group] {
                            cases.push(Case {
                                state,
                                first,
                                second,
                                obstacle,
                                on_stop,
                                room,
                            });
                        }
                    }
                }
            }
        }
    }
    cases
}

/// What the first process must have come to: the code, and how many of the
/// questions it has answered.
pub(crate) fn expected(case: Case) -> (ExitCode, usize) {
    let questions = questions(case.state);
    if case.state == turn::State::Settled {
        return (ExitCode::Drained, questions);
    }
    if case.second.is_some() {
        return (ExitCode::Early, 0);
    }
    match (case.state, case.on_stop, case.obstacle) {
        // Nothing runs: it is left at once, whatever is in the way.
        (turn::State::Gathering, OnStop::Park, _) => (ExitCode::Drained, 0),
        // What waits behind the running turn is left.
        (turn::State::Sealed, OnStop::Park, Obstacle::Passes) => (ExitCode::Drained, 1),
        (_, _, Obstacle::Passes) => (ExitCode::Drained, questions),
        (_, _, Obstacle::Stays) => (ExitCode::Early, 0),
    }
}

pub(crate) fn questions(state: turn::State) -> usize {
    if state == turn::State::Sealed { 2 } else { 1 }
}

struct Scene {
    house: House,
    life: Life,
    place: Place,
    chat: i64,
    asked: usize,
}

impl Scene {
    fn new(case: Case) -> Self {
        let mut house = House::new();
        house.config.shutdown.grace = GRACE;
        house.config.shutdown.on_stop = case.on_stop;
        let ann = house.person("Ann");
        let place = match case.room {
            Room::Private => Place::private(ann),
            Room::Group => {
                let act = Act::OpenGroup {
                    kind: ChatKind::Supergroup,
                    title: "Round table".to_owned(),
                    members: vec![ann],
                };
                let group = house.telegram.act(act).expect("groups can be opened");
                Place::group(ann, group.id.expect("it has an id"))
            }
        };
        let life = house.start();
        Self {
            chat: place.chat.unwrap_or(ann),
            house,
            life,
            place,
            asked: 0,
        }
    }

    fn ask(&mut self) {
        self.asked += 1;
        let text = format!("@{} q{}", self.house.telegram.bot().username, self.asked);
        self.say(&text);
    }

    fn say(&self, text: &str) {
        let said = self.house.telegram.say(self.place.clone(), text);
        said.expect("people may write");
    }

    fn in_group(&self) -> bool {
        self.chat != self.place.person
    }

    async fn until_turn(&self, state: turn::State) {
        self.until(|books| in_turn(books, state) >= 1).await;
    }

    async fn until(&self, done: impl Fn(&lastword::store::Books) -> bool) {
        let look = async {
            while !done(&self.life.books().await) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let found = tokio::time::timeout(Duration::from_secs(60), look).await;
        assert!(found.is_ok(), "{:?}", self.life.books().await);
    }

    async fn ask_and_hold(&mut self) {
        self.hold();
        self.ask();
        let model = self.house.model.clone();
        model.until(|now| now.running == 1).await;
        if self.in_group() {
            self.until(|b| in_part(b, part::State::Sent) == 1).await;
        }
    }

    fn hold(&self) {
        let model = &self.house.model;
        model.change(|now| now.fault = Fault::HoldAfter(0));
    }

    fn clear_the_way(&self) {
        self.house.telegram.clear_faults();
        self.house.telegram.release();
        self.house.model.change(|now| now.fault = Fault::Sound);
    }

    /// Brings the daemon to the state, with something in the way of its end.
    async fn reach(&mut self, state: turn::State) {
        match state {
            turn::State::Gathering => {
                self.hold();
                self.ask();
            }
            turn::State::Sealed => {
                self.ask_and_hold().await;
                // Late enough not to join what nobody has seen a word of.
                tokio::time::sleep(self.house.config.chat.window_max).await;
                self.ask();
                self.until_turn(turn::State::Gathering).await;
                let name = self.house.telegram.bot().username.clone();
                self.say(&format!("/help@{name}"));
            }
            turn::State::Claimed => self.ask_and_hold().await,
            turn::State::Answered => {
                self.ask_and_hold().await;
                let refuse = Trouble::Refuse {
                    code: 429,
                    description: None,
                    retry_after_s: Some(3),
                };
                for method in ["sendRichMessage", "editMessageText"] {
                    let rule = FaultRule::always(method, refuse.clone());
                    self.house.telegram.fault(rule.in_chat(self.chat));
                }
                self.house.model.change(|now| now.fault = Fault::Sound);
            }
            turn::State::Settled => self.ask(),
        }
        self.until_turn(state).await;
    }

    /// How many visible messages answer each question.
    fn answers(&self) -> Vec<usize> {
        let heard = self.house.heard(self.chat);
        (1..=self.asked)
            .map(|n| {
                let word = format!("q{n}");
                heard.iter().filter(|text| text.contains(&word)).count()
            })
            .collect()
    }
}

async fn drain(case: Case) {
    let mut scene = Scene::new(case);
    scene.reach(case.state).await;
    let shutdown = scene.life.shutdown.clone();
    shutdown.stop(case.first);
    if let Some(second) = case.second {
        shutdown.stop(second);
    } else if case.obstacle == Obstacle::Passes {
        tokio::time::sleep(Duration::from_secs(5)).await;
        scene.clear_the_way();
    }
    let Scene {
        mut house,
        life,
        place,
        chat,
        asked,
    } = scene;
    let ended = life.ended().await;
    let took = shutdown.since_signal();
    assert!(took <= GRACE + Duration::from_secs(1), "{took:?}");
    let (code, answered) = expected(case);
    assert_eq!(ended, code);
    house.config.shutdown.grace = Duration::from_secs(90);
    let life = house.start();
    let scene = Scene {
        house,
        life,
        place,
        chat,
        asked,
    };
    let before = scene.answers().iter().filter(|n| **n == 1).count();
    assert_eq!(before, answered, "{:?}", scene.house.heard(chat));

    scene.clear_the_way();
    let all = questions(case.state) as u64;
    scene
        .until(|b| in_turn(b, turn::State::Settled) == all)
        .await;
    assert_eq!(
        scene.answers(),
        vec![1; asked],
        "{:?}",
        scene.house.heard(chat)
    );
    // No double comes later either.
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(
        scene.answers(),
        vec![1; asked],
        "{:?}",
        scene.house.heard(chat)
    );
    let heard = scene.house.heard(chat);
    assert!(!heard.iter().any(|text| text.ends_with('…')), "{heard:?}");
    let books = scene.life.books().await;
    assert_balanced(&books);
    assert_eq!(books.resent, 0);
    assert_eq!(scene.house.model.counts().paid_twice(), 0);
    assert_eq!(scene.life.stop().await, ExitCode::Drained);
}

async fn drain_all(of: impl Fn(&Case) -> bool) {
    for case in cases().into_iter().filter(of) {
        note(&format!("{case:?}"));
        drain(case).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_drain_loses_and_doubles_nothing_in_private_chats() {
    drain_all(|case| case.room == Room::Private).await;
}

#[tokio::test(start_paused = true)]
async fn a_drain_loses_and_doubles_nothing_in_groups() {
    drain_all(|case| case.room == Room::Group).await;
}

fn claimed(on_stop: OnStop) -> Case {
    Case {
        state: turn::State::Claimed,
        first: Cause::Terminate,
        second: None,
        obstacle: Obstacle::Stays,
        on_stop,
        room: Room::Private,
    }
}

/// A send whose acknowledgement never comes is the one thing nobody can know:
/// it is counted, looked for by the successor, and where that proves nothing
/// sent again with a mark.
#[tokio::test(start_paused = true)]
async fn a_send_that_hangs_at_the_deadline_is_counted_and_seen_once() {
    for trouble in [Trouble::HangBefore, Trouble::HangAfter] {
        let arrived = u64::from(trouble == Trouble::HangAfter);
        let mut scene = Scene::new(claimed(OnStop::Flush));
        scene.ask_and_hold().await;
        let rule = FaultRule::once("sendRichMessage", trouble);
        scene.house.telegram.fault(rule);
        scene.house.model.change(|now| now.fault = Fault::Sound);
        scene.until(|b| in_part(b, part::State::Sending) == 1).await;
        let shutdown = scene.life.shutdown.clone();
        // So late in the call that its time-out is beyond the deadline.
        shutdown.stop(Cause::Terminate);
        let Scene {
            mut house, life, ..
        } = scene;
        assert_eq!(life.ended().await, ExitCode::Early);
        let books = house.look().books().await.expect("the store answers");
        assert_eq!(in_part(&books, part::State::Uncertain), 1, "{books:?}");
        let life = house.start();
        tokio::time::sleep(Duration::from_secs(60)).await;
        let heard = house.heard(scene.chat);
        let marked = heard.iter().filter(|text| text.contains('↻')).count() as u64;
        assert_eq!((heard.len(), marked), (1, 1 - arrived), "{heard:?}");
        let books = life.books().await;
        assert_eq!((books.bound, books.resent), (arrived, 1 - arrived));
        assert_eq!(life.stop().await, ExitCode::Drained);
    }
}

/// Previews and signs that hang cannot hold back a drain that has time.
#[tokio::test(start_paused = true)]
async fn a_preview_that_hangs_does_not_hold_back_the_answer() {
    let mut scene = Scene::new(claimed(OnStop::Flush));
    for method in ["sendRichMessageDraft", "sendChatAction"] {
        let rule = FaultRule::always(method, Trouble::HangBefore);
        scene.house.telegram.fault(rule);
    }
    scene.ask_and_hold().await;
    scene.life.shutdown.stop(Cause::Terminate);
    scene.house.model.change(|now| now.fault = Fault::Sound);
    let Scene { house, life, .. } = scene;
    let shutdown = life.shutdown.clone();
    assert_eq!(life.ended().await, ExitCode::Drained);
    assert!(
        shutdown.since_signal() < GRACE,
        "{:?}",
        shutdown.since_signal()
    );
    assert_eq!(house.heard(scene.chat).len(), 1);
}

/// Many conversations wait for a slot: parked ones are left, not begun.
#[tokio::test(start_paused = true)]
async fn parking_leaves_the_turns_that_wait_for_a_slot() {
    let mut house = House::new();
    house.config.turns.max_concurrent = 1;
    house.config.shutdown.on_stop = OnStop::Park;
    house.model.change(|now| now.fault = Fault::HoldAfter(0));
    let life = house.start();
    let people: Vec<i64> = (0..5).map(|n| house.person(&format!("P{n}"))).collect();
    for person in &people {
        house.say(*person, "hello");
    }
    house.model.until(|now| now.running == 1).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    life.shutdown.stop(Cause::Terminate);
    tokio::time::sleep(Duration::from_millis(500)).await;
    house.model.change(|now| now.fault = Fault::Sound);
    assert_eq!(life.ended().await, ExitCode::Drained);
    assert_eq!(house.model.counts().asked(), 1);
    let life = house.start();
    for person in &people {
        assert_eq!(house.until_heard(*person, 1).await.len(), 1);
    }
    assert_balanced(&life.books().await);
    assert_eq!(life.stop().await, ExitCode::Drained);
}

#[tokio::test(start_paused = true)]
async fn an_idle_daemon_stops_at_once() {
    let mut house = House::new();
    let life = house.start();
    tokio::time::sleep(Duration::from_secs(30)).await;
    let shutdown = life.shutdown.clone();
    assert_eq!(life.stop().await, ExitCode::Drained);
    assert!(shutdown.since_signal() < Duration::from_millis(200));
}

/// Whoever has just used up a group's pace has nothing to say any more, and
/// nothing to wait for.
#[tokio::test(start_paused = true)]
async fn a_group_whose_pace_is_used_up_does_not_hold_back_an_idle_stop() {
    let mut scene = Scene::new(Case {
        room: Room::Group,
        ..claimed(OnStop::Flush)
    });
    for _ in 0..8 {
        scene.ask();
        let asked = scene.asked as u64;
        scene
            .until(|b| in_turn(b, turn::State::Settled) == asked)
            .await;
    }
    let Scene { life, .. } = scene;
    let shutdown = life.shutdown.clone();
    assert_eq!(life.stop().await, ExitCode::Drained);
    let took = shutdown.since_signal();
    assert!(took < Duration::from_millis(200), "{took:?}");
}
