//! Parts of unknown arrival, with the whole daemon: whatever is cut, the person
//! sees each answer once, and no probe changes another message.

use lastword::config::{Format, Uncertain};
use lastword::playground::bot_api::{Act, ChatKind, Fault as Trouble, FaultRule, Place};
use lastword::playground::offline::{Behaviour, Fault, Offline, Pace, Voice};
use lastword::shutdown::ExitCode;
use lastword::store::Turns as _;

use crate::house::{House, Life, assert_balanced};
use crate::neighbours::{outcomes, pass};

mod history;
mod round;

/// Where the person writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    Private,
    BasicGroup,
    Supergroup,
    Topic,
}

const ROOMS: [Room; 4] = [
    Room::Private,
    Room::BasicGroup,
    Room::Supergroup,
    Room::Topic,
];

const FORMATS: [Format; 2] = [Format::Rich, Format::Entities];

struct Scene {
    house: House,
    life: Life,
    place: Place,
    chat: i64,
    room: Room,
    format: Format,
}

impl Scene {
    fn new(room: Room, format: Format) -> Self {
        Self::of(House::new(), room, format)
    }

    fn of(mut house: House, room: Room, format: Format) -> Self {
        house.config.reply.format = format;
        // Longer than the placeholder of a group needs to be sent.
        house
            .model
            .change(|now| now.pace.first = std::time::Duration::from_millis(300));
        let life = house.start();
        let ann = house.person("Ann");
        let place = match room {
            Room::Private => Place::private(ann),
            Room::BasicGroup => Place::group(ann, house.group(ChatKind::Group, &[ann])),
            Room::Supergroup => Place::group(ann, house.group(ChatKind::Supergroup, &[ann])),
            Room::Topic => {
                let forum = house.group(ChatKind::Forum, &[ann]);
                let act = Act::OpenTopic {
                    chat: forum,
                    person: ann,
                    name: "Soup".to_owned(),
                };
                let topic = house.act(act).id.expect("a topic has an id");
                Place::group(ann, forum).topic(topic)
            }
        };
        Self {
            chat: place.chat.unwrap_or(ann),
            house,
            life,
            place,
            room,
            format,
        }
    }

    /// The call that puts a new message of an answer there.
    fn first_send(&self) -> &'static str {
        match (self.room, self.format) {
            (Room::Private, Format::Rich) => "sendRichMessage",
            // In groups the placeholder.
            _ => "sendMessage",
        }
    }

    fn ask(&self, words: &str) {
        let text = match self.place.chat {
            Some(_) => format!("@{} {words}", self.house.telegram.bot().username),
            None => words.to_owned(),
        };
        self.house.say_at(self.place.clone(), &text);
    }

    fn fault(&self, method: &str, trouble: Trouble) {
        self.house.telegram.fault(FaultRule::once(method, trouble));
    }

    fn heard(&self) -> Vec<String> {
        self.house.heard(self.chat)
    }

    /// One visible answer to each of these, in order, and nothing else.
    async fn assert_heard(&self, words: &[&str], what: &str) {
        let heard = self.heard();
        assert_eq!(heard.len(), words.len(), "{what}: {heard:?}");
        for (said, word) in heard.iter().zip(words) {
            assert!(said.contains(word), "{what}: {heard:?}");
            assert!(!said.ends_with('…'), "{what}: {heard:?}");
        }
        assert_balanced(&self.life.books().await);
    }

    fn marks(&self) -> usize {
        self.heard().iter().filter(|t| t.contains('↻')).count()
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_arrived_without_a_receipt_is_seen_once_and_bears_no_mark() {
    for room in ROOMS {
        for format in FORMATS {
            for trouble in [
                Trouble::CutAfter,
                Trouble::HangAfter,
                Trouble::GatewayAfter { code: 504 },
            ] {
                let what = format!("{room:?} {format:?} {trouble:?}");
                let scene = Scene::new(room, format);
                scene.fault(scene.first_send(), trouble);
                scene.ask("hello");
                pass(60_000).await;
                scene.assert_heard(&["hello"], &what).await;
                assert_eq!(scene.marks(), 0, "{what}");
                let books = scene.life.books().await;
                assert_eq!((books.bound, books.resent), (1, 0), "{what}: {books:?}");
                assert_eq!(outcomes(&books), [("answered", 1)]);
                scene.ask("next");
                pass(20_000).await;
                scene.assert_heard(&["hello", "next"], &what).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_not_arrived_is_seen_once() {
    for room in ROOMS {
        for format in FORMATS {
            for trouble in [
                Trouble::CutBefore,
                Trouble::HangBefore,
                Trouble::Gateway { code: 502 },
                Trouble::Unreachable,
            ] {
                let what = format!("{room:?} {format:?} {trouble:?}");
                let scene = Scene::new(room, format);
                scene.fault(scene.first_send(), trouble);
                scene.ask("hello");
                pass(90_000).await;
                scene.assert_heard(&["hello"], &what).await;
                let books = scene.life.books().await;
                assert_eq!(books.bound, 0, "{what}: {books:?}");
                assert_eq!(books.resent as usize, scene.marks(), "{what}: {books:?}");
                scene.ask("next");
                pass(20_000).await;
                scene.assert_heard(&["hello", "next"], &what).await;
            }
        }
    }
}

/// Others write on while the send is unresolved: what they have written when it
/// can no longer be carried out bounds it, and its absence is proven.
#[tokio::test(start_paused = true)]
async fn what_is_proven_not_to_have_arrived_bears_no_mark() {
    let scene = Scene::new(Room::Private, Format::Rich);
    let ben = scene.house.person("Ben");
    // Nobody answers: what Ben says is only heard of.
    let scene = {
        let Scene {
            mut house,
            life,
            place,
            chat,
            room,
            format,
        } = scene;
        assert_eq!(life.stop().await, ExitCode::Drained);
        house.config.access.mode = lastword::config::AccessMode::List;
        house.config.access.ids = [chat].into();
        let life = house.start();
        Scene {
            house,
            life,
            place,
            chat,
            room,
            format,
        }
    };
    scene.house.say(ben, "hm");
    pass(10_000).await;
    scene.fault(scene.first_send(), Trouble::CutBefore);
    // Edits are refused for so long that the bound is known before the last.
    let busy = Trouble::Refuse {
        code: 429,
        description: None,
        retry_after_s: Some(90),
    };
    scene.fault("editMessageText", busy);
    scene.ask("hello");
    for _ in 0..30 {
        pass(5_000).await;
        scene.house.say(ben, "hm");
    }
    pass(60_000).await;
    scene.assert_heard(&["hello"], "bounded").await;
    assert_eq!(scene.marks(), 0);
    let books = scene.life.books().await;
    assert_eq!((books.absent, books.bound, books.resent), (1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn trouble_while_probing_costs_time_but_no_message() {
    for trouble in [
        Trouble::Refuse {
            code: 429,
            description: None,
            retry_after_s: Some(3),
        },
        Trouble::Refuse {
            code: 429,
            description: None,
            retry_after_s: Some(200),
        },
        Trouble::Gateway { code: 502 },
        Trouble::CutBefore,
        Trouble::CutAfter,
        Trouble::HangBefore,
        Trouble::HangAfter,
        Trouble::Unreachable,
    ] {
        for room in [Room::Private, Room::Supergroup] {
            let what = format!("{room:?} {trouble:?}");
            let scene = Scene::new(room, Format::Rich);
            let model = &scene.house.model;
            // No preview takes the trouble away.
            model.change(|now| now.fault = Fault::HoldAfter(0));
            scene.fault(scene.first_send(), Trouble::CutAfter);
            scene.fault("editMessageText", trouble.clone());
            scene.ask("hello");
            if room == Room::Private {
                model.change(|now| now.fault = Fault::Sound);
            }
            pass(300_000).await;
            model.change(|now| now.fault = Fault::Sound);
            pass(30_000).await;
            scene.assert_heard(&["hello"], &what).await;
            let books = scene.life.books().await;
            assert_eq!((books.bound, books.resent), (1, 0), "{what}: {books:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn where_probing_proves_nothing_the_operators_word_decides_in_time() {
    for (uncertain, copies) in [(Uncertain::Resend, 2), (Uncertain::Hold, 1)] {
        let mut house = House::new();
        house.config.reply.uncertain = uncertain;
        let scene = Scene::of(house, Room::Private, Format::Rich);
        scene.fault(scene.first_send(), Trouble::CutAfter);
        let gateway = Trouble::Gateway { code: 502 };
        let rule = FaultRule::always("editMessageText", gateway);
        scene.house.telegram.fault(rule);
        scene.ask("hello");
        pass(300_000).await;
        assert_eq!(scene.heard().len(), copies);
        assert_eq!(scene.marks(), copies - 1);
        let books = scene.life.books().await;
        assert_eq!((books.bound, books.resent + books.held), (0, 1));
        let edits = scene.house.telegram.counts()["editMessageText"].calls;
        assert!(edits <= 5 * 64, "{edits} calls");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_range_nothing_is_probed() {
    let mut house = House::new();
    house.config.reply.probe_range = 0;
    let scene = Scene::of(house, Room::Private, Format::Rich);
    scene.fault(scene.first_send(), Trouble::CutAfter);
    scene.ask("hello");
    pass(90_000).await;
    assert!(
        !scene
            .house
            .telegram
            .counts()
            .contains_key("editMessageText")
    );
    assert_eq!((scene.heard().len(), scene.marks()), (2, 1));
}

/// A model that answers in so many parts, and a word of each.
fn in_parts(parts: usize) -> (House, Vec<String>) {
    let paragraphs: Vec<String> = (0..parts)
        .map(|n| format!("part{n} {}", "word ".repeat(700)))
        .collect();
    let model = Offline::new(Behaviour {
        fault: Fault::Sound,
        voice: Voice::Fixed(paragraphs.join("\n\n")),
        pace: Pace::INSTANT,
    });
    let words = (0..parts).map(|n| format!("part{n}")).collect();
    (House::with(model), words)
}

/// Any part of an answer of several, before and after it was carried out.
#[tokio::test(start_paused = true)]
async fn an_answer_of_several_parts_resumes_at_the_first_unsent_one() {
    for room in [Room::Private, Room::Topic] {
        for at in 0..3 {
            for trouble in [Trouble::CutBefore, Trouble::CutAfter, Trouble::HangAfter] {
                let what = format!("{room:?} {at} {trouble:?}");
                let (house, words) = in_parts(3);
                let scene = Scene::of(house, room, Format::Entities);
                let rule = FaultRule::once("sendMessage", trouble).after(at);
                scene.house.telegram.fault(rule);
                scene.ask("go on");
                pass(90_000).await;
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                scene.assert_heard(&words, &what).await;
            }
        }
    }
}

/// The first part was held, for nothing could be proven; then the second is
/// cut: it must not be looked for where the first one may stand.
#[tokio::test(start_paused = true)]
async fn a_part_is_not_looked_for_where_one_that_was_held_may_stand() {
    let (mut house, words) = in_parts(3);
    house.config.reply.uncertain = Uncertain::Hold;
    let scene = Scene::of(house, Room::Private, Format::Entities);
    for _ in 0..2 {
        scene.fault("sendMessage", Trouble::CutAfter);
    }
    let gateway = Trouble::Gateway { code: 502 };
    let rule = FaultRule::always("editMessageText", gateway);
    scene.house.telegram.fault(rule);
    scene.ask("go on");
    scene.house.until_heard(scene.chat, 2).await;
    scene.house.telegram.clear_faults();
    pass(200_000).await;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    scene.assert_heard(&words, "held").await;
    let books = scene.life.books().await;
    assert_eq!((books.bound, books.held), (0, 2), "{books:?}");
}

/// Whoever asks is stopped: what is open stays open, and the successor asks on.
#[tokio::test(start_paused = true)]
async fn a_stop_in_the_middle_of_a_probe_leaves_it_to_the_successor() {
    for hanging in [false, true] {
        for second in [false, true] {
            let what = format!("hanging {hanging}, second signal {second}");
            let scene = Scene::new(Room::Private, Format::Rich);
            scene.fault(scene.first_send(), Trouble::CutAfter);
            if hanging {
                let rule = FaultRule::always("editMessageText", Trouble::HangBefore);
                scene.house.telegram.fault(rule);
            } else {
                let gateway = Trouble::Gateway { code: 502 };
                let rule = FaultRule::always("editMessageText", gateway);
                scene.house.telegram.fault(rule);
            }
            scene.ask("hello");
            let probing = scene.house.telegram.until(|api| {
                api.counts()
                    .get("editMessageText")
                    .is_some_and(|edits| edits.calls >= 2)
            });
            probing.await;
            let shutdown = scene.life.shutdown.clone();
            shutdown.stop(lastword::shutdown::Cause::Terminate);
            if second {
                shutdown.stop(lastword::shutdown::Cause::Terminate);
            }
            let Scene {
                mut house,
                life,
                chat,
                ..
            } = scene;
            assert_eq!(life.ended().await, ExitCode::Early, "{what}");
            let books = house.look().books().await.expect("the store answers");
            let uncertain = books.parts.iter().find(|(s, _)| *s == "uncertain");
            assert_eq!(uncertain, Some(&("uncertain", 1)), "{what}: {books:?}");
            house.telegram.clear_faults();
            let heir = house.start();
            pass(60_000).await;
            let heard = house.heard(chat);
            assert_eq!(heard, ["echo: hello"], "{what}");
            let books = heir.books().await;
            assert_eq!((books.bound, books.resent), (1, 0), "{what}: {books:?}");
            assert_eq!(heir.stop().await, ExitCode::Drained, "{what}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_delays_no_other_chat() {
    let scene = Scene::new(Room::Private, Format::Rich);
    let ben = scene.house.person("Ben");
    scene.fault(scene.first_send(), Trouble::CutBefore);
    scene.ask("hello");
    let probing = scene.house.telegram.until(|api| {
        api.counts()
            .get("editMessageText")
            .is_some_and(|edits| edits.calls >= 2)
    });
    probing.await;
    let begun = scene.house.clock.now();
    scene.house.say(ben, "quick");
    scene.house.until_heard(ben, 1).await;
    let waited = scene.house.clock.now() - begun;
    assert!(waited < 3_000, "{waited}");
    // Nor does it take minutes.
    scene.house.until_heard(scene.chat, 1).await;
    let waited = scene.house.clock.now() - begun;
    assert!(waited < 10_000, "{waited}");
}
