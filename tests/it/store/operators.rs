//! What operators decide and see in a store: the pause, a cancel, who may talk,
//! the receipt of a turn, what was spent.

use std::time::Duration;

use lastword::clock::Clock;
use lastword::domain::ids::{ChatId, TurnId};
use lastword::domain::turn::{Outcome, Spent, Standing};
use lastword::store::desk::{self, Cancel, Change, Desk, Texts};
use lastword::store::sqlite::SqliteStore;
use lastword::store::{Flush, Next};

use super::stage::{BASE, Stage, inline, parts_answer, pass};
use super::talk::{GROUP, mention, private};

fn visit(stage: &Stage) -> SqliteStore {
    SqliteStore::visit(&stage.path(), None, Clock::virtual_from(BASE)).expect("a store to visit")
}

#[tokio::test(start_paused = true)]
async fn no_turn_begins_during_a_pause_and_its_people_hear_so_once() {
    let stage = inline();
    let conversation = stage.hears(private(7, 1, "first")).await;
    let desk = visit(&stage);
    let reason = || Some("disk".to_owned());
    let begun = desk.pause(reason()).await.expect("a pause");
    assert_eq!(begun.reason, reason());
    // Not before its window is due: who still writes is not told yet.
    let early = stage.ask(conversation, Flush::Due).await;
    assert!(matches!(early, Next::Wait(_)), "{early:?}");
    assert!(stage.deliver(ChatId(7)).await.is_empty());
    pass(3_000).await;
    assert_eq!(stage.ask(conversation, Flush::Due).await, Next::Busy);
    assert_eq!(stage.deliver(ChatId(7)).await.len(), 1);
    stage.hears(private(7, 2, "second")).await;
    // Deciding on it again tells nobody again.
    desk.pause(None).await.expect("a pause");
    pass(60_000).await;
    for flush in [Flush::Due, Flush::All] {
        assert_eq!(stage.ask(conversation, flush).await, Next::Idle);
    }
    assert!(stage.deliver(ChatId(7)).await.is_empty());
    assert_eq!(stage.store.waiting(9).await, Ok(Vec::new()));
    let paused = desk.paused().await.expect("an answer").expect("a pause");
    assert_eq!((paused.since, paused.reason), (begun.since, reason()));
    // A reason has to fit beside everything else that is said.
    let long = desk.pause(Some("é".repeat(5_000))).await.expect("a pause");
    assert_eq!(long.reason, Some("é".repeat(300)));
    // Another instance honours it, and so does a later one.
    let other = stage.another().lives("running").await;
    assert_eq!(other.ask(conversation, Flush::All).await, Next::Idle);
    // Once it is over both messages are one turn; the next pause is told anew.
    assert!(desk.resume().await.expect("an answer").is_some());
    assert_eq!(desk.resume().await, Ok(None));
    assert_eq!(stage.store.waiting(9).await.expect("a list").len(), 1);
    let claimed = stage.claim(conversation).await;
    assert_eq!(claimed.inputs.len(), 2);
    stage.answer(&claimed.claim, "an answer").await;
    stage.deliver(ChatId(7)).await;
    desk.pause(None).await.expect("a pause");
    stage.hears(private(7, 3, "third")).await;
    pass(3_000).await;
    assert_eq!(stage.ask(conversation, Flush::Due).await, Next::Busy);
    assert_eq!(stage.deliver(ChatId(7)).await.len(), 1);
    stage.books().await;
}

#[tokio::test(start_paused = true)]
async fn a_cancel_ends_what_waits_and_asks_the_owner_of_what_runs() {
    let stage = inline().lives("running").await;
    let desk = visit(&stage);
    // One that runs: its owner is asked, and ends it.
    let conversation = stage.hears(private(7, 1, "running")).await;
    let claim = stage.claim(conversation).await.claim;
    let stopping = desk.cancel(claim.turn, None).await;
    assert_eq!(stopping, Ok(Cancel::Stopping(ChatId(7))));
    let standing = stage.store.standing(&claim).await;
    assert_eq!(standing, Ok(Standing::StopRequested));
    // One that gathers, one that was closed; by a visitor and by an instance.
    for (person, by) in [(8, None), (9, Some(stage.me))] {
        stage.hears(private(person, 1, "waiting")).await;
        let waiting = desk.turns(desk::Which::Waiting, 1).await;
        let turn = waiting.expect("a list")[0].turn;
        let chat = ChatId(person);
        assert_eq!(desk.cancel(turn, by).await, Ok(Cancel::Stopped(chat)));
        // What a visitor has left, whoever lives takes over.
        stage.store.reap(stage.me).await.expect("it looks");
        assert_eq!(stage.deliver(chat).await.len(), 1, "its person sees it");
        assert_eq!(stage.turn(turn).await.outcome, Some("cancelled"));
        let again = desk.cancel(turn, by).await;
        assert_eq!(again, Ok(Cancel::Ended("cancelled")));
    }
    let answer = parts_answer(&["done"], Outcome::Answered);
    stage.store.answer(&claim, answer).await.expect("answers");
    assert_eq!(desk.cancel(claim.turn, None).await, Ok(Cancel::Answered));
    assert_eq!(desk.cancel(TurnId(99), None).await, Ok(Cancel::Unknown));
    stage.deliver(claim.chat).await;
    stage.books().await;
}

#[tokio::test(start_paused = true)]
async fn who_is_banned_is_not_answered_whatever_else_lets_them_in() {
    let stage = inline();
    stage.hears(private(9, 1, "somebody")).await;
    let desk = visit(&stage);
    assert_eq!(desk.ban(7).await, Ok(Change::Done));
    assert_eq!(desk.ban(7).await, Ok(Change::Already));
    // In a stage everybody may talk.
    let accepted = stage.accept(&[private(7, 1, "let me in")]).await;
    assert!(accepted.due.is_empty());
    let group = stage.accept(&[mention(GROUP, 7, 2, "and here?")]).await;
    assert!(group.due.is_empty());
    assert_eq!(desk.ban(GROUP).await, Ok(Change::Done));
    let group = stage.accept(&[mention(GROUP, 9, 3, "and I?")]).await;
    assert!(group.due.is_empty());
    assert_eq!(desk.unban(7).await, Ok(Change::Done));
    assert_eq!(desk.unban(7).await, Ok(Change::Already));
    stage.hears(private(7, 4, "thanks")).await;
    // To allow pardons, too; and both are listed.
    assert_eq!(desk.allow(GROUP).await, Ok(Change::Done));
    assert_eq!(desk.allow(GROUP).await, Ok(Change::Already));
    assert_eq!(desk.ban(8).await, Ok(Change::Done));
    let people = desk.people().await.expect("a list");
    let people: Vec<_> = people.iter().map(|k| (k.id, k.standing)).collect();
    use desk::Standing::{Allowed, Banned};
    assert_eq!(people, [(GROUP, Allowed), (8, Banned)]);
    let sql = rusqlite::Connection::open(stage.path()).expect("the file");
    sql.execute("UPDATE people SET operator = 1", [])
        .expect("the schema is known");
    assert_eq!(desk.ban(GROUP).await, Ok(Change::Operator));
    stage.books().await;
}

#[tokio::test(start_paused = true)]
async fn a_turn_shows_its_whole_receipt_and_no_word_unless_asked() {
    let stage = inline();
    let conversation = stage.hears(private(7, 1, "my diary")).await;
    let desk = visit(&stage);
    let turn = stage.turns().await[0].turn;
    let show = async |texts| {
        desk.show(turn, texts)
            .await
            .expect("an answer")
            .expect("it")
    };
    let shown = show(Texts::Withheld).await;
    assert_eq!((shown.listed.state, shown.gathered_at), ("gathering", None));
    assert_eq!(shown.inputs.len(), 1);
    pass(3_000).await;
    let claim = stage.claim(conversation).await.claim;
    pass(10).await;
    let body = bytes::Bytes::from_static(b"a request");
    stage.store.keep_request(&claim, body).await.expect("keeps");
    pass(500).await;
    let mut answer = parts_answer(&["secret one", "secret two"], Outcome::Answered);
    answer.text = Some("secret one and two".to_owned());
    answer.spent = Some(Spent {
        prompt_tokens: 11,
        completion_tokens: 7,
        cost: Some(0.25),
        model: Some("some/model".to_owned()),
    });
    stage.store.answer(&claim, answer).await.expect("answers");
    pass(20).await;
    stage.deliver(claim.chat).await;
    let shown = show(Texts::Withheld).await;
    let times = [
        shown.inputs.first().map(|input| input.received_at),
        shown.gathered_at,
        shown.generating_at,
        shown.answered_at,
        shown.parts[0].sending_at,
        shown.settled_at,
    ];
    let after = times.map(|at| at.expect("it was written down") - BASE);
    assert_eq!(after, [0, 3_000, 3_010, 3_510, 3_530, 3_530]);
    assert_eq!(shown.model.as_deref(), Some("some/model"));
    assert_eq!(
        (shown.completion_tokens, shown.credits),
        (Some(7), Some(0.25))
    );
    assert!(shown.parts.iter().all(|part| part.message.is_some()));
    let silent = serde_json::to_string(&shown).expect("plain data");
    assert!(
        !silent.contains("secret") && !silent.contains("diary"),
        "{silent}"
    );
    let told = serde_json::to_string(&show(Texts::Shown).await).expect("plain data");
    assert!(
        told.contains("secret one and two") && told.contains("my diary"),
        "{told}"
    );
    assert_eq!(desk.show(TurnId(99), Texts::Shown).await, Ok(None));
    let spent = desk.usage(Duration::from_secs(3600)).await.expect("a sum");
    assert_eq!((spent.answers, spent.prompt_tokens), (1, 11));
    assert!((spent.credits - 0.25).abs() < f64::EPSILON);
    pass(10_000).await;
    let lately = desk.usage(Duration::from_secs(5)).await.expect("a sum");
    assert_eq!(lately, desk::Usage::default());
}

#[tokio::test(start_paused = true)]
async fn the_picture_counts_what_is_open_and_who_lives() {
    let stage = inline().lives("running").await;
    let first = stage.hears(private(7, 1, "runs")).await;
    stage.claim(first).await;
    pass(4_000).await;
    let second = stage.hears(private(8, 1, "is sent")).await;
    let claim = stage.claim(second).await.claim;
    stage.answer(&claim, "an answer").await;
    stage.hears(private(9, 1, "waits")).await;
    pass(1_000).await;
    let desk = visit(&stage.with_clock(BASE + 5_000));
    let picture = desk.picture().await.expect("a picture");
    let turns: Vec<_> = picture
        .turns
        .iter()
        .map(|(state, crowd)| (*state, crowd.count))
        .collect();
    assert_eq!(turns, [("answered", 1), ("claimed", 1), ("gathering", 1)]);
    assert_eq!(picture.parts.get("planned"), Some(&1));
    let living: Vec<_> = picture
        .instances
        .iter()
        .map(|i| (i.id, &*i.phase))
        .collect();
    assert_eq!(living, [(stage.me, "running")]);
    assert_eq!(
        picture.instances[0].pid,
        i32::try_from(std::process::id()).ok()
    );
}
