//! Notices from outside: each file once, each key once in its life, none after
//! its time, none beyond the room there is.

use std::time::Duration;

use lastword::clock::Clock;
use lastword::domain::ids::{BotId, ChatId, InstanceId};
use lastword::domain::part::{Payload, Sent};
use lastword::store::operators::Audience;
use lastword::store::sqlite::{Mode, SqliteStore};
use lastword::store::{Begin, Fate, Finished, Imported, Notice, Notices as _, Retention};

use super::stage::{Stage, inline, pass, plain_answer, stores};
use super::talk::private;

const CHAT: ChatId = ChatId(7);

fn notice(file: &str, text: &str) -> Notice {
    Notice {
        file: file.to_owned(),
        addressed: false,
        key: None,
        chat: CHAT,
        topic: None,
        parts: vec![Payload::plain(text)],
        life: None,
    }
}

fn keyed(file: &str, text: &str, life: u64) -> Notice {
    Notice {
        key: Some(("key".to_owned(), Duration::from_secs(life))),
        ..notice(file, text)
    }
}

async fn import(stage: &Stage, notices: &[Notice]) -> Imported {
    let imported = stage
        .store
        .import(notices.to_vec(), Vec::new(), stage.me, 100);
    imported.await.expect("the store takes it")
}

#[tokio::test]
async fn a_file_is_taken_once_whoever_brings_it_again_until_it_is_gone() {
    for stage in stores() {
        let two = [notice("1", "a"), notice("2", "b")];
        assert_eq!(import(&stage, &two).await.fates, [Fate::Stored; 2]);
        let other = stage.another();
        assert_eq!(import(&other, &two).await.fates, [Fate::Before; 2]);
        assert_eq!(stage.deliver(CHAT).await, ["a", "b"]);
        assert_eq!(import(&stage, &two[..1]).await.fates, [Fate::Before]);
        assert_eq!(stage.store.imported().await.unwrap(), ["1", "2"]);
        let gone = vec!["1".to_owned()];
        let forgotten = stage.store.import(Vec::new(), gone, stage.me, 100).await;
        assert_eq!(forgotten.unwrap().rows, 0);
        assert_eq!(stage.store.imported().await.unwrap(), ["2"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_is_stored_once_in_its_life_and_again_after_it() {
    let stage = inline();
    let first = import(&stage, &[keyed("1", "a", 60), keyed("2", "b", 60)]).await;
    assert_eq!(first.fates, [Fate::Stored, Fate::Before]);
    let mut elsewhere = keyed("3", "c", 60);
    elsewhere.chat = ChatId(8);
    assert_eq!(import(&stage, &[elsewhere]).await.fates, [Fate::Stored]);
    assert_eq!(stage.deliver(CHAT).await, ["a"]);
    pass(59_999).await;
    let keep = Retention {
        updates: Duration::from_secs(86_400),
        requests: Duration::from_secs(86_400),
        failed: Duration::from_secs(86_400),
    };
    stage.store.prune(keep, 100).await.unwrap();
    let again = import(&stage, &[keyed("4", "d", 60)]).await;
    assert_eq!(again.fates, [Fate::Before]);
    pass(2).await;
    assert_eq!(stage.store.prune(keep, 100).await.unwrap(), 2, "both keys");
    let again = import(&stage, &[keyed("5", "e", 60)]).await;
    assert_eq!(again.fates, [Fate::Stored]);
    assert_eq!(stage.deliver(CHAT).await, ["e"]);
}

#[tokio::test(start_paused = true)]
async fn what_lived_too_long_is_dropped_and_never_sent_late() {
    let stage = inline();
    let for_a_minute = |file: &str, text: &str| Notice {
        life: Some(Duration::from_secs(60)),
        ..notice(file, text)
    };
    let over = Notice {
        life: Some(Duration::ZERO),
        ..notice("0", "over")
    };
    let three = [over, for_a_minute("1", "a"), for_a_minute("2", "b")];
    let imported = import(&stage, &three).await;
    assert_eq!(imported.fates, [Fate::Expired, Fate::Stored, Fate::Stored]);
    // Begun in time and not sent: no second try after it.
    let begun = stage.sending(CHAT).await;
    let retry_in_ms = 1_000;
    pass(59_000).await;
    stage.finish(&begun, Sent::NotSent { retry_in_ms }).await;
    pass(1_000).await;
    import(&stage, &[notice("3", "c")]).await;
    for _ in 0..2 {
        let asked = stage.ask_for(CHAT, 0, Default::default()).await;
        let expired = Finished {
            expired: true,
            ..Finished::default()
        };
        assert_eq!(asked, Begin::Resolved(expired));
    }
    assert_eq!(stage.deliver(CHAT).await, ["c"]);
}

#[tokio::test]
async fn answers_go_before_notices_and_notices_in_their_order() {
    for stage in stores() {
        let mut long = notice("2", "b1");
        long.parts.push(Payload::plain("b2"));
        import(&stage, &[notice("1", "a"), long, notice("3", "c")]).await;
        let conversation = stage.hears(private(7, 1, "a question")).await;
        let claim = stage.claim(conversation).await.claim;
        let answered = stage.store.answer(&claim, plain_answer("an answer")).await;
        answered.expect("the claim holds");
        let said = stage.deliver(CHAT).await;
        assert_eq!(said, ["an answer", "a", "b1", "b2", "c"]);
    }
}

#[tokio::test]
async fn beyond_the_room_nothing_is_taken_and_nothing_overtakes_what_waits() {
    for stage in stores() {
        let mut long = notice("2", "b1");
        long.parts.push(Payload::plain("b2"));
        let some = [notice("1", "a"), long, notice("3", "c")];
        let take = async |max_rows| {
            let taken = stage
                .store
                .import(some.to_vec(), Vec::new(), stage.me, max_rows);
            taken.await.expect("the store takes it")
        };
        let first = take(2).await;
        assert_eq!(first.fates, [Fate::Stored, Fate::Full, Fate::Full]);
        assert_eq!(first.rows, 1);
        assert_eq!(stage.deliver(CHAT).await, ["a"]);
        let then = take(2).await;
        assert_eq!(then.fates, [Fate::Before, Fate::Stored, Fate::Full]);
        assert_eq!(stage.deliver(CHAT).await, ["b1", "b2"]);
        // One that is more than all the room has it for itself.
        let last = take(0).await;
        assert_eq!(last.fates, [Fate::Before, Fate::Before, Fate::Stored]);
    }
}

#[tokio::test]
async fn what_names_no_bot_is_taken_by_one_of_several_at_a_store() {
    for stage in stores() {
        let rise = stage.store.rise(stage.me, "1.0.0", Audience::default());
        rise.await.expect("it is noted");
        let open = |at| {
            let clock = Clock::virtual_from(at);
            SqliteStore::open(&stage.path(), BotId(43), clock, Mode::Inline).expect("it opens")
        };
        let second = open(stage.clock.now());
        let named = Notice {
            addressed: true,
            ..notice("2", "b")
        };
        let both = vec![notice("1", "a"), named];
        let taken = second.import(both, Vec::new(), InstanceId(9), 100).await;
        assert_eq!(taken.unwrap().fates, [Fate::Elsewhere, Fate::Stored]);
        let taken = import(&stage, &[notice("1", "a")]).await;
        assert_eq!(taken.fates, [Fate::Stored]);
        assert_eq!(stage.deliver(CHAT).await, ["a"]);
        // Once that bot is retired, the other takes it; what was taken, nobody.
        let both = vec![notice("1", "a"), notice("3", "c")];
        let later = open(stage.clock.now() + 2 * 3_600_000);
        let taken = later.import(both, Vec::new(), InstanceId(9), 100);
        assert_eq!(taken.await.unwrap().fates, [Fate::Before, Fate::Stored]);
    }
}

#[tokio::test]
async fn a_stop_leaves_what_was_handed_over_to_the_next() {
    for stage in stores() {
        import(&stage, &[notice("1", "a")]).await;
        assert_eq!(stage.store.leave_errands(stage.me).await, Ok(false));
        assert_eq!(stage.begin(CHAT).await, Begin::Idle);
        let next = stage.another();
        next.store.reap(next.me).await.unwrap();
        assert_eq!(next.deliver(CHAT).await, ["a"]);
    }
}
