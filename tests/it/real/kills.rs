//! `kill -9` at every state of a turn and of a part, then a start: what the
//! person sees, what the books say and what was paid.

use lastword::domain::{part, turn};
use lastword::playground::bot_api::{Fault as Trouble, FaultRule, Place};
use lastword::playground::offline::{Behaviour, Fault, Offline, Pace, Voice};

use super::forms::Form;
use super::verdict::Verdict;
use super::{Process, Real, Transport, in_part, in_turn, note, outcomes, within};

/// Where the person writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    Private,
    Group,
}

/// On which side of its execution a call hangs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Before,
    After,
}

/// The moment of the kill.
#[derive(Debug, Clone, Copy)]
pub(super) enum Moment {
    Turn(turn::State),
    /// The answer's own part.
    Part(part::State, Side),
    /// The part that holds an answer's place in a group.
    Placeholder(part::State, Side),
}

/// What the run must have come to.
pub(super) struct Expected {
    pub(super) settled: u64,
    /// Parts that had arrived without a receipt, and were found.
    pub(super) bound: u64,
    /// Finished completions.
    pub(super) paid: usize,
}

/// Every moment there is: a new state without a case fails to compile in
/// [`reach`], or here.
pub(super) fn moments(room: Room) -> Vec<Moment> {
    let mut all: Vec<_> = turn::State::ALL.iter().copied().map(Moment::Turn).collect();
    for state in part::State::ALL.iter().copied() {
        for side in sides(state) {
            if state != part::State::Withdrawn {
                all.push(Moment::Part(state, *side));
            }
            let of_a_placeholder = state != part::State::Undeliverable;
            if room == Room::Group && of_a_placeholder {
                all.push(Moment::Placeholder(state, *side));
            }
        }
    }
    all
}

fn sides(state: part::State) -> &'static [Side] {
    match state {
        part::State::Sending | part::State::Uncertain => &[Side::Before, Side::After],
        part::State::Planned
        | part::State::Sent
        | part::State::Undeliverable
        | part::State::Withdrawn => &[Side::Before],
    }
}

pub(super) struct Scene {
    pub(super) real: Real,
    pub(super) process: Process,
    pub(super) place: Place,
    pub(super) chat: i64,
    room: Room,
    /// How the person asks.
    pub(super) form: Form,
}

pub(super) async fn scene(transport: Transport, room: Room, moment: Moment) -> Scene {
    scene_with(transport, room, moment, &[]).await
}

/// The same with other settings.
pub(super) async fn scene_with(
    transport: Transport,
    room: Room,
    moment: Moment,
    settings: &[(&'static str, &str)],
) -> Scene {
    let mut real = Real::new(transport).await;
    for (name, value) in settings {
        real.env.insert(name, (*value).to_owned());
    }
    if matches!(moment, Moment::Turn(turn::State::Gathering)) {
        let quiet = "2s".to_owned();
        real.env.insert("LASTWORD_CHAT__WINDOW_MAX", quiet.clone());
        real.env.insert("LASTWORD_CHAT__QUIET_PERIOD", quiet);
    }
    let ann = real.person("Ann");
    let place = match room {
        Room::Private => Place::private(ann),
        Room::Group => Place::group(ann, real.group(ann)),
    };
    let process = real.start().await;
    Scene {
        chat: place.chat.unwrap_or(ann),
        real,
        process,
        place,
        room,
        form: Form::Text,
    }
}

impl Scene {
    /// The calls that deliver an answer here.
    fn deliver(&self) -> &'static str {
        match self.room {
            Room::Private => "sendRichMessage",
            Room::Group => "editMessageText",
        }
    }

    /// Something new, in the form of this scene.
    pub(super) fn ask(&self) {
        self.real.ask_as(self.form, &self.place);
    }

    fn trouble(&self, method: &str, trouble: Trouble) {
        let rule = FaultRule::always(method, trouble).in_chat(self.chat);
        self.real.telegram.fault(rule);
    }

    pub(super) fn hold_model(&self) {
        self.real
            .model
            .change(|now| now.fault = Fault::HoldAfter(0));
    }

    pub(super) fn free_model(&self) {
        self.real.model.change(|now| now.fault = Fault::Sound);
    }

    /// Asks, and waits until the model is at it; in groups until the
    /// placeholder stands.
    async fn ask_and_hold(&self) {
        self.hold_model();
        self.ask();
        within("the model", self.real.model.until(|now| now.running == 1)).await;
        if self.room == Room::Group {
            self.real
                .until("placed", |b| in_part(b, part::State::Sent) == 1)
                .await;
        }
    }

    async fn until_part(&self, state: part::State) {
        self.real
            .until(state.as_str(), |b| in_part(b, state) >= 1)
            .await;
    }

    async fn until_turn(&self, state: turn::State) {
        self.real
            .until(state.as_str(), |b| in_turn(b, state) >= 1)
            .await;
    }

    async fn until_hanging(&self) {
        let telegram = &self.real.telegram;
        within("a hanging call", telegram.until(|t| t.hanging() >= 1)).await;
    }
}

fn too_many() -> Trouble {
    Trouble::Refuse {
        code: 429,
        description: None,
        retry_after_s: Some(1),
    }
}

fn hang(side: Side) -> Trouble {
    match side {
        Side::Before => Trouble::HangBefore,
        Side::After => Trouble::HangAfter,
    }
}

fn cut(side: Side) -> Trouble {
    match side {
        Side::Before => Trouble::CutBefore,
        Side::After => Trouble::CutAfter,
    }
}

/// Brings the daemon to the moment.
pub(super) async fn reach(scene: &Scene, moment: Moment) -> Expected {
    let mut expected = Expected {
        settled: 1,
        bound: 0,
        paid: 1,
    };
    match moment {
        Moment::Turn(state) => reach_turn(scene, state, &mut expected).await,
        Moment::Part(state, side) => reach_part(scene, state, side, &mut expected).await,
        Moment::Placeholder(state, side) => {
            reach_placeholder(scene, state, side, &mut expected).await;
        }
    }
    expected
}

async fn reach_turn(scene: &Scene, state: turn::State, expected: &mut Expected) {
    match state {
        turn::State::Gathering => scene.ask(),
        turn::State::Sealed => {
            // A command closes the open window behind the running turn.
            scene.ask_and_hold().await;
            scene.ask();
            scene.until_turn(turn::State::Gathering).await;
            let name = &scene.real.telegram.bot().username;
            scene.real.say(&scene.place, &format!("/help@{name}"));
            let help = 1 + u64::from(scene.room == Room::Group);
            scene
                .real
                .until("helped", |b| in_part(b, part::State::Sent) == help)
                .await;
            (expected.settled, expected.paid) = (2, 2);
        }
        turn::State::Claimed => scene.ask_and_hold().await,
        turn::State::Answered => {
            scene.ask_and_hold().await;
            scene.trouble(scene.deliver(), too_many());
            scene.free_model();
        }
        turn::State::Settled => scene.ask(),
    }
    scene.until_turn(state).await;
}

async fn reach_part(scene: &Scene, state: part::State, side: Side, expected: &mut Expected) {
    let deliver = scene.deliver();
    // An edit is simply made again, for it shows what it shows.
    let bound = u64::from(side == Side::After && scene.room == Room::Private);
    scene.ask_and_hold().await;
    match state {
        part::State::Planned => {
            scene.trouble(deliver, too_many());
            scene.free_model();
        }
        part::State::Sending => {
            scene.trouble(deliver, hang(side));
            scene.free_model();
            scene.until_hanging().await;
            expected.bound = bound;
        }
        part::State::Sent => {
            // What was acknowledged, while the receipt of a notice to come is
            // still open.
            scene.free_model();
            scene.real.until_settled(1).await;
        }
        part::State::Uncertain => {
            scene.trouble(deliver, cut(side));
            scene.free_model();
            expected.bound = bound;
            if scene.room == Room::Group {
                // Never uncertain: it is planned again.
                return scene.until_part(part::State::Planned).await;
            }
        }
        part::State::Undeliverable => {
            // Telegram tells of a block by an update, too, which would end the
            // turn before there is a part: the refusal alone.
            let shut = "Forbidden: bot was blocked by the user".to_owned();
            scene.trouble(
                deliver,
                Trouble::Refuse {
                    code: 403,
                    description: Some(shut),
                    retry_after_s: None,
                },
            );
            scene.free_model();
        }
        part::State::Withdrawn => unreachable!("answers are not withdrawn"),
    }
    scene.until_part(state).await;
}

async fn reach_placeholder(scene: &Scene, state: part::State, side: Side, expected: &mut Expected) {
    let bound = u64::from(side == Side::After);
    match state {
        part::State::Planned | part::State::Withdrawn => {
            scene.trouble("sendMessage", too_many());
            scene.hold_model();
            scene.ask();
            scene.until_part(part::State::Planned).await;
            if state == part::State::Withdrawn {
                within("the model", scene.real.model.until(|c| c.running == 1)).await;
                scene.free_model();
            }
        }
        part::State::Sending => {
            scene.trouble("sendMessage", hang(side));
            scene.hold_model();
            scene.ask();
            scene.until_hanging().await;
            expected.bound = bound;
        }
        part::State::Sent => scene.ask_and_hold().await,
        part::State::Uncertain => {
            scene.trouble("sendMessage", cut(side));
            scene.hold_model();
            scene.ask();
            expected.bound = bound;
        }
        part::State::Undeliverable => unreachable!("its answer says so"),
    }
    scene.until_part(state).await;
}

async fn kill_at(transport: Transport, room: Room, moment: Moment) {
    let mut scene = scene(transport, room, moment).await;
    let expected = reach(&scene, moment).await;
    scene.process.kill().await;
    let before = scene.real.model.counts().finished();
    scene.real.telegram.clear_faults();
    scene.real.let_cut_sends_expire().await;
    scene.free_model();
    scene.process = scene.real.start().await;
    let books = scene.real.until_settled(expected.settled).await;

    let verdict = scene.real.verdict(&books);
    let heard = scene.real.heard(scene.chat);
    assert_eq!(verdict, Verdict::default(), "{heard:?}");
    assert_eq!(books.bound, expected.bound, "{books:?} {heard:?}");
    let undeliverable = matches!(moment, Moment::Part(part::State::Undeliverable, _));
    let lost = u64::from(undeliverable);
    assert_eq!(outcomes(&books, turn::Outcome::Undeliverable), lost);
    let outcome = turn::Outcome::Answered;
    assert_eq!(outcomes(&books, outcome), expected.settled - lost);

    let counts = scene.real.model.counts();
    assert_eq!(counts.paid_twice(), 0, "{counts:?}");
    assert_eq!(counts.finished(), expected.paid, "{before} before the kill");
    // A re-run after a crash is byte-identical.
    assert_eq!(counts.requests.len(), expected.paid, "{counts:?}");

    let exit = scene.process.stop().await;
    assert_eq!(exit.code, Some(0), "{exit:?}");
}

async fn kill_at_every_moment(transport: Transport, room: Room) {
    for moment in moments(room) {
        let begun = tokio::time::Instant::now();
        kill_at(transport, room, moment).await;
        let took = begun.elapsed();
        note(&format!("{transport:?} {room:?} {moment:?}: {took:.2?}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_in_a_private_chat_loses_and_doubles_nothing_when_polling() {
    kill_at_every_moment(Transport::Polling, Room::Private).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_in_a_private_chat_loses_and_doubles_nothing_with_a_webhook() {
    kill_at_every_moment(Transport::Webhook, Room::Private).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_in_a_group_loses_and_doubles_nothing_when_polling() {
    kill_at_every_moment(Transport::Polling, Room::Group).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_in_a_group_loses_and_doubles_nothing_with_a_webhook() {
    kill_at_every_moment(Transport::Webhook, Room::Group).await;
}

/// The first of several parts is sent, the second is on its way: the first is
/// not sent again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_between_the_parts_of_an_answer_repeats_no_part() {
    let parts: Vec<String> = (0..3)
        .map(|n| format!("part{n} {}", "word ".repeat(700)))
        .collect();
    let model = Offline::new(Behaviour {
        fault: Fault::Sound,
        voice: Voice::Fixed(parts.join("\n\n")),
        pace: Pace::INSTANT,
    });
    let mut real = Real::with(Transport::Polling, model).await;
    let format = "entities".to_owned();
    real.env.insert("LASTWORD_REPLY__FORMAT", format);
    let ann = real.person("Ann");
    let mut process = real.start().await;
    let rule = FaultRule::always("sendMessage", Trouble::HangBefore).after(1);
    real.telegram.fault(rule);
    real.ask(&Place::private(ann));
    within("a hanging call", real.telegram.until(|t| t.hanging() == 1)).await;
    real.until("one sent", |b| in_part(b, part::State::Sent) == 1)
        .await;
    process.kill().await;
    real.telegram.clear_faults();
    real.let_cut_sends_expire().await;
    let mut process = real.start().await;
    let books = real.until_settled(1).await;
    crate::house::assert_balanced(&books);
    let heard = real.heard(ann);
    assert_eq!(heard.len(), 3, "{heard:?}");
    for (n, text) in heard.iter().enumerate() {
        assert!(text.contains(&format!("part{n}")), "{heard:?}");
    }
    assert_eq!(real.model.counts().asked(), 1);
    assert_eq!(process.stop().await.code, Some(0));
}

/// Whoever looks for the part is killed, too: the next one looks again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_in_the_middle_of_a_probe_loses_and_doubles_nothing() {
    for side in [Side::Before, Side::After] {
        let moment = Moment::Part(part::State::Sending, Side::After);
        let mut scene = scene(Transport::Polling, Room::Private, moment).await;
        reach(&scene, moment).await;
        scene.process.kill().await;
        scene.real.telegram.clear_faults();
        scene.real.let_cut_sends_expire().await;
        scene.trouble("editMessageText", hang(side));
        scene.process = scene.real.start().await;
        let telegram = &scene.real.telegram;
        let asked = telegram.until(|t| t.counts().contains_key("editMessageText"));
        within("a probe", asked).await;
        scene.process.kill().await;
        scene.real.telegram.clear_faults();
        scene.real.let_cut_sends_expire().await;
        scene.process = scene.real.start().await;
        let books = scene.real.until_settled(1).await;
        assert_eq!(scene.real.verdict(&books), Verdict::default());
        assert_eq!((books.bound, books.resent), (1, 0), "{books:?}");
        assert_eq!(scene.process.stop().await.code, Some(0));
    }
}
