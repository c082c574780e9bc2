//! Whatever goes wrong with whatever call, enumerated, on the whole daemon: the
//! same messages as on a good day, each once, other chats not delayed, intake
//! going on, nothing left behind. A method or a kind of fault that is not listed
//! fails the enumeration.

use std::collections::BTreeSet;

use lastword::playground::bot_api::{Act, ChatKind, Fault, FaultRule, Medium, Outage, Place};
use lastword::playground::offline::{Offline, Pace};
use lastword::shutdown::ExitCode;

use crate::house::{House, Life, assert_balanced};
use crate::neighbours::{buttons, outcomes, pass};

mod model;

/// Whose chat a method's fault is confined to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    Ann,
    Group,
    /// The call names no chat.
    Everywhere,
}

/// Every method that the daemon calls on the way of the scenes below.
const METHODS: [(&str, Where); 13] = [
    ("getMe", Where::Everywhere),
    ("getWebhookInfo", Where::Everywhere),
    ("deleteWebhook", Where::Everywhere),
    ("setMyCommands", Where::Everywhere),
    ("getUpdates", Where::Everywhere),
    ("getFile", Where::Everywhere),
    ("answerCallbackQuery", Where::Everywhere),
    ("sendRichMessage", Where::Ann),
    ("sendRichMessageDraft", Where::Ann),
    ("sendMessage", Where::Group),
    ("editMessageText", Where::Group),
    ("sendChatAction", Where::Ann),
    ("getChatAdministrators", Where::Group),
];

/// Methods with scenes of their own, and why.
const ELSEWHERE: [(&str, &str); 9] = [
    ("sendDocument", "only for very long answers: files.rs"),
    (
        "editMessageCaption",
        "only to look for such a file: files.rs",
    ),
    ("setMessageReaction", "only decorates: receipts.rs"),
    ("getBusinessConnection", "rooms/business.rs"),
    ("answerGuestQuery", "rooms/guests.rs"),
    (
        "setWebhook",
        "only in webhook mode: src/intake/registration/tests.rs",
    ),
    (
        "sendMessageDraft",
        "only where rich messages are off: below",
    ),
    (
        "editMessageReplyMarkup",
        "only after a press that spends its button: below",
    ),
    ("getChatMember", "not called yet"),
];

/// When a fault strikes: whether the call was carried out all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carried {
    /// Certainly not, and we are told.
    NotSaid,
    /// Not, but nobody knows.
    Not,
    /// It was, and nobody knows.
    Out,
    /// It was, and we are told.
    OutSaid,
}

/// Every kind of fault. Without a wildcard: a new kind does not compile until
/// it has its place here and in [`FAULTS`].
fn carried(fault: &Fault) -> Carried {
    match fault {
        Fault::Refuse { code: 429, .. } | Fault::Unreachable => Carried::NotSaid,
        Fault::Refuse { .. } | Fault::Gateway { .. } | Fault::CutBefore | Fault::HangBefore => {
            Carried::Not
        }
        Fault::CutAfter | Fault::GatewayAfter { .. } | Fault::HangAfter => Carried::Out,
        Fault::Slow { .. } => Carried::OutSaid,
    }
}

const fn refuse(code: u16, retry_after_s: Option<u64>) -> Fault {
    Fault::Refuse {
        code,
        description: None,
        retry_after_s,
    }
}

const FAULTS: [Fault; 13] = [
    refuse(429, Some(7)),
    refuse(429, None),
    refuse(500, None),
    Fault::Gateway { code: 502 },
    Fault::Unreachable,
    Fault::CutBefore,
    Fault::HangBefore,
    Fault::CutAfter,
    Fault::GatewayAfter { code: 504 },
    // A success without a body that anybody could read.
    Fault::GatewayAfter { code: 200 },
    Fault::HangAfter,
    Fault::Slow {
        before_ms: 8_000,
        after_ms: 8_000,
    },
    Fault::Slow {
        before_ms: 0,
        after_ms: 19_000,
    },
];

/// Longer than any call, its retries and the wait for its uncertain fate.
const SETTLED: u64 = 110_000;

/// The people of a scene.
struct Scene {
    house: House,
    life: Life,
    ann: i64,
    ben: i64,
    group: i64,
}

impl Scene {
    /// A world in which `rules` strike from before the start on.
    fn begin(rules: impl Fn(&mut House, i64, i64)) -> Self {
        let model = Offline::echo();
        model.change(|now| {
            now.pace = Pace {
                first: std::time::Duration::from_millis(1_500),
                between: std::time::Duration::from_millis(700),
                words: 1,
            };
        });
        let mut house = House::with(model);
        let (ann, ben) = (house.person("Ann"), house.person("Ben"));
        let group = house.group(ChatKind::Supergroup, &[ann, ben]);
        // So that there is something to remove.
        let hook = serde_json::json!({"url": "https://example.org/hook"});
        let now = house.clock.now();
        let _ = house.telegram.handle("setWebhook", &hook, now);
        rules(&mut house, ann, group);
        let life = house.start();
        Self {
            house,
            life,
            ann,
            ben,
            group,
        }
    }

    /// Three chats, a photo, a question with buttons and a press.
    async fn play(&self) {
        let house = &self.house;
        house.say(self.ann, "one two three");
        house.say(self.ben, "hi there Ben");
        house.say_in(self.group, self.ben, "@lastword_bot good day");
        let answered = |house: &House| {
            let says = |chat, words: &str| house.heard(chat).iter().any(|t| t.contains(words));
            says(self.ann, "three") && says(self.ben, "there") && says(self.group, "day")
        };
        // Else what comes next would be one turn with it.
        house.until("all are answered", answered).await;
        pass(SETTLED).await;
        house.send(self.ann, Medium::Photo, "look", 1);
        house.say(self.ben, "/forget");
        let asked = |house: &House| {
            let posts = house.answers(self.ben).into_iter();
            let mut asks = posts.filter(|post| buttons(post).iter().any(|b| b == "forget:no"));
            asks.next().map(|post| post.id)
        };
        house
            .until("there is a question", |house| asked(house).is_some())
            .await;
        pass(SETTLED).await;
        let question = asked(house).expect("it is still there");
        house.press(Place::private(self.ben), question, "forget:no");
        pass(SETTLED).await;
    }

    /// What everybody sees in the end.
    fn seen(&self) -> [Vec<String>; 3] {
        [self.ann, self.ben, self.group].map(|chat| self.house.heard(chat))
    }

    async fn end(self, case: &str) -> House {
        let books = self.life.books().await;
        assert_balanced(&books);
        assert_eq!(outcomes(&books), [("answered", 4)], "{case}");
        assert_eq!(self.house.telegram.pending(), 0, "{case}");
        // What hangs on Telegram's side is the stop's to leave alone.
        assert_eq!(self.life.stop().await, ExitCode::Drained, "{case}");
        self.house
    }
}

/// A good day.
async fn good_day() -> [Vec<String>; 3] {
    let scene = Scene::begin(|_, _, _| {});
    scene.play().await;
    let seen = scene.seen();
    assert_eq!(seen[0].len(), 2, "{seen:?}");
    assert_eq!(seen[1].len(), 2, "{seen:?}");
    assert_eq!(seen[2].len(), 1, "{seen:?}");
    let house = scene.end("a good day").await;
    let called: BTreeSet<String> = house.telegram.counts().into_keys().collect();
    for (method, _) in METHODS {
        assert!(
            called.contains(method),
            "{method} was not called: {called:?}"
        );
    }
    seen
}

async fn one(method: &str, place: Where, fault: &Fault, times: u32, good: &[Vec<String>; 3]) {
    let case = format!("{method} × {fault:?} × {times}");
    let scene = Scene::begin(|house, ann, group| {
        let rule = FaultRule {
            times: Some(times),
            ..FaultRule::once(method, fault.clone())
        };
        house.telegram.fault(match place {
            Where::Ann => rule.in_chat(ann),
            Where::Group => rule.in_chat(group),
            Where::Everywhere => rule,
        });
    });
    let begun = scene.house.clock.now();
    let others = async {
        // Whoever is in another chat than the one in trouble notices nothing.
        if place != Where::Everywhere {
            scene.house.until_heard(scene.ben, 1).await;
            let waited = scene.house.clock.now() - begun;
            assert!(waited < 10_000, "{case}: Ben waited for {waited} ms");
        }
    };
    tokio::join!(scene.play(), others);
    let met = scene.house.telegram.counts();
    assert!(met.contains_key(method), "{case}: {met:?}");
    for (seen, good) in scene.seen().iter().zip(good) {
        let plain: Vec<&str> = seen.iter().map(|text| unmarked(text)).collect();
        assert_eq!(plain, *good, "{case}");
    }
    scene.end(&case).await;
}

/// Without the mark of what was sent again.
fn unmarked(text: &str) -> &str {
    text.trim_start_matches(['↻', ' ', '\n'])
        .trim_end_matches(['↻', ' ', '\n'])
}

async fn all_faults_of(methods: &[&str]) {
    let good = good_day().await;
    for (method, place) in METHODS {
        if !methods.contains(&method) {
            continue;
        }
        for fault in &FAULTS {
            one(method, place, fault, 1, &good).await;
            if ["sendRichMessage", "getUpdates"].contains(&method) {
                one(method, place, fault, 2, &good).await;
            }
        }
    }
}

macro_rules! parts {
    ($($name:ident: [$($method:literal),+];)+) => {
        $(
            #[tokio::test(start_paused = true)]
            async fn $name() {
                all_faults_of(&[$($method),+]).await;
            }
        )+

        #[test]
        fn every_listed_method_has_its_faults() {
            let here: BTreeSet<&str> = [$($($method),+),+].into();
            let listed: BTreeSet<&str> = METHODS.iter().map(|(name, _)| *name).collect();
            assert_eq!(here, listed);
        }
    };
}

parts! {
    faults_at_the_start_are_outlasted: ["getMe", "getWebhookInfo", "deleteWebhook", "setMyCommands"];
    faults_of_the_intake_lose_and_double_nothing: ["getUpdates"];
    faults_of_private_answers_double_nothing_unseen: ["sendRichMessage"];
    faults_of_placeholders_double_nothing_unseen: ["sendMessage"];
    faults_of_edits_leave_the_whole_answer: ["editMessageText"];
    faults_of_signs_cost_only_the_sign: ["sendRichMessageDraft", "sendChatAction"];
    faults_of_questions_are_outlasted: ["getFile", "answerCallbackQuery", "getChatAdministrators"];
}

/// Every method that there is a call for is listed, and nothing else.
#[test]
fn every_method_that_is_called_is_listed() {
    let source = include_str!("../../src/telegram/methods.rs");
    let mut called = BTreeSet::new();
    for part in source.split(['(', ',']) {
        let name = part.trim().trim_matches('"');
        let is_literal = part.trim().starts_with('"') && part.trim().ends_with('"');
        let verbs = ["get", "send", "edit", "set", "delete", "answer"];
        let is_method = verbs.iter().any(|verb| {
            name.strip_prefix(verb)
                .is_some_and(|rest| rest.starts_with(char::is_uppercase))
        });
        if is_literal && is_method {
            called.insert(name);
        }
    }
    let listed: BTreeSet<&str> = METHODS
        .iter()
        .chain(&ELSEWHERE.map(|(name, _)| (name, Where::Everywhere)))
        .map(|(name, _)| *name)
        .collect();
    assert_eq!(called, listed);
}

/// Every kind of fault strikes.
#[test]
fn every_kind_of_fault_is_listed() {
    let kinds: BTreeSet<String> = FAULTS
        .iter()
        .map(|fault| {
            let name = format!("{fault:?}");
            name.split([' ', '{']).next().unwrap_or_default().to_owned()
        })
        .collect();
    // As many as the enum has: `carried` names them all.
    assert_eq!(kinds.len(), 9, "{kinds:?}");
    for stage in [
        Carried::NotSaid,
        Carried::Not,
        Carried::Out,
        Carried::OutSaid,
    ] {
        assert!(FAULTS.iter().any(|fault| carried(fault) == stage));
    }
}

#[tokio::test(start_paused = true)]
async fn ten_minutes_without_telegram_at_any_moment_lose_and_double_nothing() {
    let good = good_day().await;
    for outage in [Outage::Refused, Outage::Reset] {
        // Before the poll, while it gathers, while the model writes, while it
        // is sent.
        for at in [
            0, 100, 1_500, 2_500, 3_600, 4_500, 5_000, 5_500, 6_000, 7_000,
        ] {
            let scene = Scene::begin(|_, _, _| {});
            let trouble = async {
                pass(at).await;
                scene.house.telegram.set_outage(outage);
                pass(600_000).await;
                scene.house.telegram.set_outage(Outage::None);
            };
            tokio::join!(trouble, async {
                scene.play().await;
                pass(600_000).await;
            });
            let case = format!("{outage:?} after {at} ms");
            for (seen, good) in scene.seen().iter().zip(&good) {
                let plain: Vec<&str> = seen.iter().map(|text| unmarked(text)).collect();
                assert_eq!(plain, *good, "{case}");
            }
            scene.end(&case).await;
        }
    }
}

/// Drafts of a server without rich messages, and buttons that are spent.
#[tokio::test(start_paused = true)]
async fn faults_of_what_only_decorates_cost_nothing_else() {
    for fault in &FAULTS {
        let mut house = House::new();
        house.config.reply.format = lastword::config::Format::Entities;
        for method in ["sendMessageDraft", "editMessageReplyMarkup"] {
            house
                .telegram
                .fault(FaultRule::always(method, fault.clone()));
        }
        house.model.change(|now| now.pace = Pace::SLOW);
        let life = house.start();
        let ann = house.person("Ann");
        house.say(ann, "one two three");
        let heard = house.until_heard(ann, 1).await;
        assert_eq!(heard, ["echo: one two three"], "{fault:?}");
        house.say(ann, "/forget");
        house.until_heard(ann, 2).await;
        let question = house.answers(ann).pop().expect("a question");
        house.act(Act::Press {
            place: Place::private(ann),
            message_id: question.id,
            data: "forget:no".to_owned(),
        });
        pass(60_000).await;
        house.say(ann, "still there");
        house
            .until("she is answered", |house| {
                house
                    .heard(ann)
                    .iter()
                    .any(|text| text.ends_with("still there"))
            })
            .await;
        let tried = house.telegram.counts();
        assert!(tried.contains_key("sendMessageDraft"), "{tried:?}");
        assert_balanced(&life.books().await);
        assert_eq!(life.stop().await, ExitCode::Drained, "{fault:?}");
    }
}
