//! Everybody is spoken to in the language of their own Telegram: commands,
//! buttons, apologies, whatever no model wrote, also by a successor.

use lastword::domain::language::Language;
use lastword::llm::FinishReason;
use lastword::llm::LlmError;
use lastword::playground::bot_api::{
    Act, ChatKind, Fault as Trouble, FaultRule, Medium, Outcome, Place,
};
use lastword::playground::offline::{Fault, Offline};
use lastword::shutdown::Cause;
use lastword::texts::Texts;

use crate::access::claim_code;
use crate::house::{House, Life, assert_balanced};
use crate::neighbours::{labels, pass};
use crate::scribe::Twist;

/// Somebody whose Telegram speaks this.
fn speaker(house: &House, language: Language) -> (i64, &'static Texts) {
    let person = house.person("Ann");
    house
        .telegram
        .speak(person, Some(language.tag()))
        .expect("there is such a person");
    (person, Texts::of(language))
}

fn refused() -> Twist {
    Twist::Refuse(LlmError::Status {
        code: 400,
        message: "no such thing".to_owned(),
        retry_after: None,
    })
}

async fn cut(life: Life) {
    life.shutdown.stop(Cause::Terminate);
    pass(10).await;
    life.stop().await;
}

#[tokio::test(start_paused = true)]
async fn commands_and_their_buttons_speak_the_persons_language() {
    let mut house = House::new();
    let life = house.start();
    for language in Language::ALL {
        let (ann, texts) = speaker(&house, language);
        for (n, (command, reply)) in [
            ("/start", texts.greeting),
            ("/help", texts.help),
            ("/new", texts.new_done),
            ("/stop", texts.nothing_to_stop),
            ("/retry", texts.nothing_to_retry),
            ("/forget", texts.forget_question),
        ]
        .into_iter()
        .enumerate()
        {
            house.say(ann, command);
            let heard = house.until_heard(ann, n + 1).await;
            assert_eq!(heard[n], reply, "{language:?} {command}");
        }
        let question = house.answers(ann).pop().expect("a question");
        assert_eq!(labels(&question), [texts.forget_yes, texts.forget_no]);
        house.press(Place::private(ann), question.id, "forget:no");
        house
            .until("the press is answered", |house| {
                house.toasts(ann) == [texts.forget_kept]
            })
            .await;
        house.say(ann, "/forget");
        house.until_heard(ann, 7).await;
        let question = house.answers(ann).pop().expect("a question");
        house.press(Place::private(ann), question.id, "forget:yes");
        let heard = house.until_heard(ann, 8).await;
        assert_eq!(heard[7], texts.forget_done, "{language:?}");
    }
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn apologies_and_what_cannot_be_read_speak_the_persons_language() {
    let mut house = House::new();
    let scribe = house.scribe();
    let _life = house.start();
    for language in Language::ALL {
        let (ann, texts) = speaker(&house, language);
        scribe.twist(refused());
        house.say(ann, "hard one");
        assert_eq!(house.until_heard(ann, 1).await, [texts.failed]);
        let apology = house.answers(ann).pop().expect("an apology");
        assert_eq!(labels(&apology), [texts.retry_button]);
        house.press(Place::private(ann), apology.id, "retry:");
        assert_eq!(house.until_heard(ann, 2).await[1], "echo: hard one");
        assert_eq!(house.toasts(ann), [texts.retrying]);
        scribe.twist(Twist::Say("", FinishReason::ContentFilter));
        house.say(ann, "something bad");
        assert_eq!(house.until_heard(ann, 3).await[2], texts.content_filter);
        scribe.twist(Twist::Say("half", FinishReason::Length));
        house.say(ann, "something long");
        let heard = house.until_heard(ann, 4).await;
        assert!(heard[3].ends_with(texts.cut_by_length), "{heard:?}");
        let long = house.answers(ann).pop().expect("an answer");
        let below = [
            texts.regenerate_button,
            texts.shorter_button,
            texts.continue_button,
        ];
        assert_eq!(labels(&long), below);
        house.act(Act::Send {
            place: Place::private(ann),
            medium: Medium::Voice,
            caption: String::new(),
            count: 1,
            base64: None,
        });
        assert_eq!(house.until_heard(ann, 5).await[4], texts.voice_unsupported);
    }
}

#[tokio::test(start_paused = true)]
async fn strangers_and_owners_are_met_in_their_own_language() {
    let mut house = House::new();
    house.config.access.mode = lastword::config::AccessMode::Claim;
    let _life = house.start();
    pass(1_000).await;
    let (eve, french) = speaker(&house, Language::French);
    house.say(eve, "let me in");
    assert_eq!(house.until_heard(eve, 1).await, [french.stranger]);
    let (ann, japanese) = speaker(&house, Language::Japanese);
    let code = claim_code(&house).await;
    house.say(ann, &format!("/start {code}"));
    assert_eq!(house.until_heard(ann, 1).await, [japanese.claimed]);
    let (ben, hindi) = speaker(&house, Language::Hindi);
    house.say(ben, &format!("/start {code}"));
    assert_eq!(house.until_heard(ben, 1).await, [hindi.claim_invalid]);
}

#[tokio::test(start_paused = true)]
async fn in_a_group_each_is_told_in_their_language_and_the_answer_keeps_the_askers() {
    let model = Offline::echo();
    model.change(|now| now.fault = Fault::HoldAfter(9));
    let mut house = House::with(model.clone());
    let _life = house.start();
    let (olga, ukrainian) = speaker(&house, Language::Ukrainian);
    let (ann, german) = speaker(&house, Language::German);
    let (ben, turkish) = speaker(&house, Language::Turkish);
    let group = house.group(ChatKind::Supergroup, &[olga, ann, ben]);
    house.say_in(group, ann, "@lastword_bot tell me of the winter");
    house
        .until("the answer has begun", |house| {
            house.heard(group).iter().any(|text| text.contains("echo"))
        })
        .await;
    let growing = house.answers(group).pop().expect("a placeholder");
    assert_eq!(labels(&growing), [german.stop_button]);
    house.press(Place::group(ben, group), growing.id, "stop:");
    house
        .until("Ben is told", |house| {
            house.toasts(group) == [turkish.not_yours]
        })
        .await;
    house.press(Place::group(olga, group), growing.id, "stop:");
    house
        .until("it is stopped", |house| {
            let heard = house.heard(group);
            heard.iter().any(|text| text.ends_with(german.stopped))
        })
        .await;
    house.say_in(group, olga, "/help");
    let name = &house.telegram.bot().username;
    let heard = house.until_heard(group, 2).await;
    assert_eq!(heard[1], ukrainian.help_group(name));
}

#[tokio::test(start_paused = true)]
async fn thinking_and_stopping_in_private_speak_the_persons_language() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    let _life = house.start();
    for language in Language::ALL {
        model.change(|now| now.fault = Fault::HoldAfter(0));
        let (ann, texts) = speaker(&house, language);
        house.say(ann, "think hard");
        house
            .until("it is seen thinking", |house| {
                house.drafts(ann).iter().any(|d| d.contains(texts.thinking))
            })
            .await;
        house.act(Act::Stop {
            place: Place::private(ann),
            draft_id: None,
        });
        assert_eq!(house.until_heard(ann, 1).await, [texts.stopped]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_successor_speaks_the_language_of_who_had_asked() {
    let model = Offline::echo();
    let mut house = House::with(model.clone());
    let scribe = house.scribe();
    let life = house.start();
    model.change(|now| now.fault = Fault::HoldAfter(4));
    let (ann, texts) = speaker(&house, Language::Korean);
    house.say(ann, "what I asked");
    model.until(|counts| counts.running == 1).await;
    cut(life).await;
    model.change(|now| now.fault = Fault::Sound);
    scribe.twist(refused());
    let life = house.start();
    assert_eq!(house.until_heard(ann, 1).await, [texts.failed]);
    let apology = house.answers(ann).pop().expect("an apology");
    assert_eq!(labels(&apology), [texts.retry_button]);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn whoever_changes_their_language_is_spoken_to_in_the_new_one() {
    let mut house = House::new();
    let scribe = house.scribe();
    let _life = house.start();
    let (ann, italian) = speaker(&house, Language::Italian);
    house.say(ann, "/new");
    assert_eq!(house.until_heard(ann, 1).await, [italian.new_done]);
    let speak = |tag| house.telegram.speak(ann, tag).expect("she exists");
    // Two messages of one turn: the later one decides.
    scribe.twist(refused());
    house.say(ann, "one");
    speak(Some("zh-TW"));
    house.say(ann, "two");
    let chinese = Texts::of(Language::ChineseTraditional);
    assert_eq!(house.until_heard(ann, 2).await[1], chinese.failed);
    // Who tells none reads English, as does who speaks what the bot does not.
    for (n, tag) in [None, Some("tlh")].into_iter().enumerate() {
        speak(tag);
        house.say(ann, "/new");
        let heard = house.until_heard(ann, 3 + n).await;
        assert_eq!(heard[2 + n], Texts::english().new_done);
    }
}

#[tokio::test(start_paused = true)]
async fn one_language_may_hold_for_everybody() {
    let mut house = House::new();
    house.config.chat.language = lastword::config::Spoken::Only(Language::German);
    let scribe = house.scribe();
    let _life = house.start();
    let german = Texts::of(Language::German);
    let (ann, _) = speaker(&house, Language::Arabic);
    house.say(ann, "/new");
    assert_eq!(house.until_heard(ann, 1).await, [german.new_done]);
    scribe.twist(refused());
    house.say(ann, "hard one");
    assert_eq!(house.until_heard(ann, 2).await[1], german.failed);
}

/// What Telegram shows of a menu to whom this scope and language are.
fn menu(house: &House, scope: &str, letters: &str) -> Vec<(String, String)> {
    let asked = serde_json::json!({"scope": {"type": scope}, "language_code": letters});
    let now = house.clock.now();
    let told = match house.telegram.handle("getMyCommands", &asked, now) {
        Outcome::Answer(told) => told,
        other => panic!("{other:?}"),
    };
    let commands = told.as_array().expect("a list").clone();
    let text = |command: &serde_json::Value, field: &str| {
        command[field].as_str().expect("a text").to_owned()
    };
    commands
        .iter()
        .map(|command| (text(command, "command"), text(command, "description")))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn the_menu_is_told_in_every_language_once_and_again_when_it_was_cut_short() {
    let mut house = House::new();
    // Cut off in the middle of telling it: nobody remembers how far it was.
    let hangs = FaultRule::once("setMyCommands", Trouble::HangBefore);
    house.telegram.fault(hangs.after(5));
    let life = house.start();
    pass(1_000).await;
    assert_eq!(house.telegram.counts()["setMyCommands"].ok, 5);
    cut(life).await;
    let life = house.start();
    pass(60_000).await;
    let told = house.telegram.counts()["setMyCommands"].ok;
    assert_eq!(told, 5 + 2 * 17);
    for language in Language::ALL {
        let Some(letters) = language.letters() else {
            continue;
        };
        let texts = Texts::of(language);
        for (scope, commands) in [("default", 6), ("all_group_chats", 5)] {
            let menu = menu(&house, scope, letters);
            assert_eq!(menu.len(), commands, "{language:?} {scope}");
            for (command, description) in &menu {
                let ours = texts.commands.iter().find(|(name, _)| name == command);
                assert_eq!(ours.map(|(_, d)| *d), Some(description.as_str()));
            }
        }
    }
    let english = menu(&house, "default", "");
    assert_eq!(english[0].1, Texts::english().commands[0].1);
    life.stop().await;
    let _life = house.start();
    pass(60_000).await;
    let after = house.telegram.counts()["setMyCommands"].ok;
    assert_eq!(after, told, "nothing has changed, nothing is told");
}
