//! What a growing answer looks like: thoughts before it, words that never
//! shrink, a last frame that is the message, and nothing that waits for it.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use lastword::config::{Format, Groups, Reasoning};
use lastword::llm::{Delta, Deltas, FinishReason, Llm, LlmError};
use lastword::playground::bot_api::{ChatKind, Fault, FaultRule, Seen};
use lastword::playground::offline::Offline;

use crate::house::{House, assert_balanced};
use crate::neighbours::pass;

/// What is said after how many milliseconds.
type Play = Vec<(u64, Result<Delta, LlmError>)>;

/// A model that says each of these after so many milliseconds; the next request
/// is met with the next list.
#[derive(Debug)]
struct Actor(std::sync::Mutex<Vec<Play>>);

#[async_trait]
impl Llm for Actor {
    async fn open(&self, _request: Bytes) -> Result<Deltas, LlmError> {
        let mut acts = self.0.lock().expect("nobody panics with it");
        let act = match acts.len() {
            1 => acts[0].clone(),
            _ => acts.remove(0),
        };
        Ok(Box::pin(stream::unfold(act.into_iter(), |mut act| async {
            let (wait, delta) = act.next()?;
            tokio::time::sleep(Duration::from_millis(wait)).await;
            Some((delta, act))
        })))
    }
}

fn says(text: &str) -> Result<Delta, LlmError> {
    Ok(Delta::Content(text.to_owned()))
}

fn thinks(text: &str) -> Result<Delta, LlmError> {
    Ok(Delta::Reasoning(text.to_owned()))
}

fn stops() -> Result<Delta, LlmError> {
    Ok(Delta::Finish(FinishReason::Stop))
}

fn house_of(acts: Vec<Vec<(u64, Result<Delta, LlmError>)>>) -> House {
    let mut house = House::new();
    house.llm = Some(std::sync::Arc::new(Actor(std::sync::Mutex::new(acts))));
    house
}

const THOUGHT: &str = "First I look at the question.\n\nThen I weigh *both* sides of it, carefully \
                       and for long enough that a fold above the answer is worth its room.";

fn thinker() -> Vec<Vec<(u64, Result<Delta, LlmError>)>> {
    vec![vec![
        (1_000, thinks("First I look at the question.")),
        (4_000, thinks(&THOUGHT[29..])),
        (6_000, says("Both.")),
        (3_000, stops()),
    ]]
}

#[tokio::test(start_paused = true)]
async fn what_the_model_thinks_is_seen_until_its_first_word_and_not_in_the_message() {
    for format in [Format::Rich, Format::Entities] {
        let mut house = house_of(thinker());
        house.config.reply.format = format;
        let _life = house.start();
        let ann = house.person("Ann");
        house.say(ann, "which one?");
        assert_eq!(house.until_heard(ann, 1).await, ["Both."]);
        let drafts = house.drafts(ann);
        let at = |words: &str| drafts.iter().position(|text| text.contains(words));
        let (first, then) = (at("look at the question"), at("weigh"));
        let word = drafts.iter().position(|text| text == "Both.");
        assert!(first < then && then < word && first.is_some(), "{drafts:?}");
        assert!(drafts[0].contains("Thinking…"), "{drafts:?}");
        let marks = |text: &String| text.contains("<tg-thinking>");
        assert_eq!(drafts.iter().any(marks), format == Format::Rich);
    }
}

#[tokio::test(start_paused = true)]
async fn thoughts_are_hidden_or_folded_where_the_operator_wants_it() {
    let mut house = house_of(thinker());
    house.config.reply.reasoning = Reasoning::Hide;
    let _life = house.start();
    let ann = house.person("Ann");
    house.say(ann, "which one?");
    house.until_heard(ann, 1).await;
    assert!(!house.drafts(ann).iter().any(|text| text.contains("weigh")));

    for (format, rich_works) in [
        (Format::Rich, true),
        (Format::Entities, true),
        (Format::Rich, false),
    ] {
        let mut house = house_of(thinker());
        house.telegram.configure(|server| server.rich = rich_works);
        house.config.reply.reasoning = Reasoning::Fold;
        house.config.reply.format = format;
        let life = house.start();
        let ann = house.person("Ann");
        house.say(ann, "which one?");
        let heard = house.until_heard(ann, 1).await;
        let content = house.answers(ann)[0].content().clone();
        let kinds = content.entities.iter().map(|entity| entity["type"].clone());
        match (format, rich_works) {
            (Format::Rich, true) => {
                assert!(heard[0].starts_with("<details><summary>"), "{heard:?}");
                assert!(heard[0].contains("weigh") && heard[0].ends_with("Both."));
            }
            (Format::Entities, _) => {
                assert_eq!(kinds.collect::<Vec<_>>(), ["expandable_blockquote"]);
                assert!(heard[0].ends_with("Both."), "{heard:?}");
            }
            // Where the form is refused, the answer alone goes on.
            (Format::Rich, false) => assert!(heard[0].ends_with("Both."), "{heard:?}"),
        }
        assert!(!heard[0].contains("<tg-thinking>"));
        assert_balanced(&life.books().await);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_begins_anew_never_shrinks_on_the_screen() {
    let cut = Err(LlmError::Cut {
        reason: "gone".to_owned(),
    });
    let words: Vec<_> = (0..30).map(|n| (400, says(&format!("word{n} ")))).collect();
    let mut first = words[..20].to_vec();
    first.push((100, cut));
    let mut second = words;
    second.push((100, stops()));
    let mut house = house_of(vec![first, second]);
    let _life = house.start();
    let ann = house.person("Ann");
    house.say(ann, "count");
    house.until_heard(ann, 1).await;
    let drafts = house.drafts(ann);
    let grown: Vec<&String> = drafts.iter().filter(|text| text.contains("word")).collect();
    assert!(grown.len() > 8, "{drafts:?}");
    for two in grown.windows(2) {
        assert!(two[0].len() <= two[1].len(), "{two:?}");
    }
    let first = drafts.iter().position(|text| text.contains("word"));
    let first = first.expect("words were shown");
    assert!(
        drafts[first..].iter().all(|text| text.contains("word")),
        "it vanished: {drafts:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_last_frame_is_the_message_that_takes_its_place() {
    let mut act: Vec<_> = (0..12).map(|n| (450, says(&format!("word{n} ")))).collect();
    act.push((900, says("and the end.")));
    act.push((10, stops()));
    let mut house = house_of(vec![act]);
    let _life = house.start();
    let ann = house.person("Ann");
    house.say(ann, "count");
    let heard = house.until_heard(ann, 1).await;
    let events = house.seen(ann);
    let last = events.iter().rev().find_map(|event| match &event.seen {
        Seen::Draft { text, .. } => Some((event.at, text.clone())),
        _ => None,
    });
    let (at, text) = last.expect("a draft");
    assert_eq!(text, heard[0]);
    assert!(house.answers(ann)[0].sent - at < 1_000, "it stood alone");
}

#[tokio::test(start_paused = true)]
async fn a_hung_preview_keeps_no_answer_from_being_stored_and_is_not_overtaken() {
    let mut house = house_of(vec![vec![
        (100, says("Half of it ")),
        (4_000, says("and the rest.")),
        (10, stops()),
    ]]);
    let life = house.start();
    let ann = house.person("Ann");
    // The thinking draft goes through; the first words hang.
    let hang = FaultRule::always("sendRichMessageDraft", Fault::HangBefore);
    house.say(ann, "tell me");
    house
        .until("it thinks", |house| !house.drafts(ann).is_empty())
        .await;
    house.telegram.fault(hang);
    house
        .until("a hung call", |house| house.telegram.hanging() > 0)
        .await;
    pass(6_000).await;
    let states = life.books().await.states;
    assert!(
        states.contains(&("answered", 1)),
        "it waits unstored: {states:?}"
    );
    assert!(house.heard(ann).is_empty(), "it overtook its preview");
    house.telegram.clear_faults();
    house.telegram.release();
    house.until_heard(ann, 1).await;
    pass(60_000).await;
    assert!(house.chat(ann).drafts.is_empty(), "a draft over the answer");
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn a_preview_that_hangs_for_ever_costs_twenty_seconds_and_not_the_answer() {
    let mut house = house_of(vec![vec![(3_000, says("Whole.")), (10, stops())]]);
    let life = house.start();
    let ann = house.person("Ann");
    let hang = FaultRule::always("sendRichMessageDraft", Fault::HangBefore);
    house.telegram.fault(hang);
    let begun = house.clock.now();
    house.say(ann, "tell me");
    assert_eq!(house.until_heard(ann, 1).await, ["Whole."]);
    let after = house.answers(ann)[0].sent - begun;
    assert!(after < 30_000, "{after}");
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn a_pause_asked_of_drafts_slows_them_and_loses_nothing() {
    let mut act: Vec<_> = (0..60).map(|n| (250, says(&format!("word{n} ")))).collect();
    act.push((10, stops()));
    let mut house = house_of(vec![act]);
    let life = house.start();
    let ann = house.person("Ann");
    let too_many = Fault::Refuse {
        code: 429,
        description: None,
        retry_after_s: Some(3),
    };
    let rule = FaultRule::once("sendRichMessageDraft", too_many).after(3);
    house.telegram.fault(rule);
    house.say(ann, "count");
    let heard = house.until_heard(ann, 1).await;
    assert!(heard[0].contains("word59"));
    let counts = house.telegram.counts()["sendRichMessageDraft"];
    assert_eq!(counts.failed, 1, "{counts:?}");
    assert!((5..13).contains(&counts.ok), "{counts:?}");
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn in_a_group_the_first_words_come_early_and_the_others_leave_room() {
    let mut act: Vec<_> = (0..160)
        .map(|n| (500, says(&format!("word{n} "))))
        .collect();
    act.insert(0, (4_000, says("Well. ")));
    act.push((10, stops()));
    let mut house = house_of(vec![act]);
    house.config.chat.groups = Groups::Always;
    house.config.llm.whole = Duration::from_secs(600);
    let life = house.start();
    let ann = house.person("Ann");
    let group = house.group(ChatKind::Supergroup, &[ann]);
    let begun = house.clock.now();
    house.say_in(group, ann, "count");
    house
        .until("the whole answer", |house| {
            house
                .heard(group)
                .iter()
                .any(|text| text.contains("word159") && !text.ends_with('…'))
        })
        .await;
    let edits: Vec<_> = house
        .seen(group)
        .iter()
        .filter_map(|event| match &event.seen {
            Seen::Edited { text, .. } => Some((event.at - begun, text.clone())),
            _ => None,
        })
        .collect();
    // Two seconds of quiet, four of thought.
    assert!(
        edits[0].0 < 7_500,
        "the first words came late: {:?}",
        edits[0]
    );
    for minute in edits.windows(18) {
        assert!(minute[17].0 - minute[0].0 >= 60_000, "too many edits");
    }
    assert!(edits.len() >= 14, "{} edits", edits.len());
    for two in edits.windows(2) {
        assert!(two[0].1.len() <= two[1].1.len() + 4, "{two:?}");
    }
    assert_eq!(house.telegram.counts()["editMessageText"].failed, 0);
    assert_balanced(&life.books().await);
}

#[tokio::test(start_paused = true)]
async fn typing_lasts_while_something_is_downloaded() {
    let mut house = House::with(Offline::echo());
    let _life = house.start();
    let ann = house.person("Ann");
    let slow = Fault::Slow {
        before_ms: 12_000,
        after_ms: 0,
    };
    house.telegram.fault(FaultRule::once("download", slow));
    let begun = house.clock.now();
    let photo = lastword::playground::bot_api::Medium::Photo;
    house.send(ann, photo, "what is it?", 1);
    house.until_heard(ann, 1).await;
    let answered = house.clock.now();
    assert!(answered - begun > 12_000);
    let signs = house.chat(ann).typing;
    for at in (begun + 100..answered).step_by(500) {
        let covered = signs
            .iter()
            .any(|(from, until)| (*from..=*until).contains(&at));
        assert!(covered, "not typing {} ms in: {signs:?}", at - begun);
    }
}
