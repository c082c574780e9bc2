//! What only the SQLite store promises: nothing forgotten stays in its file,
//! nothing foreign is kept, and the file itself is safe.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use lastword::clock::Clock;
use lastword::domain::ids::{BotId, ChatId};
use lastword::domain::part::{OnUncertain, Payload};
use lastword::domain::turn::{Blame, Outcome};
use lastword::store::sqlite::{Mode, SqliteStore};
use lastword::store::{Begin, Flush, Inbox, Leases, Next, StoreError, Turns};
use rusqlite::Connection;
use std::sync::Arc;

use super::stage::{Stage, inline, numbered, of, parts_answer, stores};
use super::talk::{GROUP, chatter, edited, in_topic, mention, press, private};

/// A second look at the tables, past every promise.
fn behind(stage: &Stage) -> Connection {
    Connection::open(stage.path()).expect("the file opens")
}

/// Whether the words stand anywhere in the files of the store.
fn holds(path: &Path, words: &str) -> bool {
    ["", "-wal"].iter().any(|suffix| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let bytes = std::fs::read(name).unwrap_or_default();
        bytes.windows(words.len()).any(|w| w == words.as_bytes())
    })
}

/// Lets a person say, change, ask again and stop a great many things, all with
/// these words in them.
async fn babble(stage: &Stage, person: i64, words: &str) {
    let long = |n: i64| {
        format!(
            "{words} {n} {}",
            "blah ".repeat(usize::try_from(n * 37 % 900).expect("the claim holds"))
        )
    };
    for n in 0..40 {
        let said = private(person, n * 10, &long(n));
        let conversation = stage.hears(said.clone()).await;
        stage.accept(&[edited(&said, &long(n + 1))]).await;
        let claim = stage.claim(conversation).await.claim;
        let body = bytes::Bytes::from(long(n).repeat(3));
        stage
            .store
            .keep_request(&claim, body.clone())
            .await
            .expect("the claim holds");
        stage.accept(&[edited(&said, &long(n + 2))]).await;
        let claim = stage.claim(conversation).await.claim;
        stage
            .store
            .keep_request(&claim, body)
            .await
            .expect("the claim holds");
        let now = Duration::ZERO;
        stage
            .store
            .defer(&claim, now, Blame::World, None)
            .await
            .expect("the claim holds");
        let claim = stage.claim(conversation).await.claim;
        let placeholder = Payload::plain(long(n));
        stage
            .store
            .plan_placeholder(&claim, placeholder)
            .await
            .expect("the claim holds");
        if n % 2 == 0 {
            stage.deliver(ChatId(person)).await;
        }
        stage.answer(&claim, &long(n)).await;
        if n < 39 {
            stage.deliver(ChatId(person)).await;
        }
    }
}

#[tokio::test]
async fn nothing_forgotten_is_left_in_the_file() {
    for stage in stores() {
        let secret = "xyzzy-plugh-plover";
        // Neighbours share its pages.
        for n in 0..300 {
            stage
                .accept(&[private(100 + n % 9, n, &"neighbour ".repeat(9))])
                .await;
            if n == 150 {
                babble(&stage, 7, secret).await;
            }
        }
        let conversation = stage.hears(private(7, 9000, secret)).await;
        stage.ask(conversation, Flush::All).await;
        let begun = stage.begin(ChatId(7)).await;
        assert!(holds(&stage.path(), secret));
        stage.accept(&[press(7, 7, 80, "forget:yes")]).await;
        if let lastword::store::Begin::Send(sending) = begun {
            let sent = lastword::domain::part::Sent::Uncertain;
            stage.finish(&sending, sent).await;
        }
        let sql = behind(&stage);
        assert!(!holds(&stage.path(), secret), "the file still knows");
        drop(sql);
        let books = stage.books().await;
        assert_eq!(books.messages, 300 + 41);
        assert!(holds(&stage.path(), "neighbour"));
    }
}

#[tokio::test]
async fn a_forgotten_group_topic_leaves_its_neighbours_alone() {
    for stage in stores() {
        stage
            .store
            .keep_administrators(ChatId(GROUP), vec![2])
            .await
            .unwrap();
        let said = in_topic(mention(GROUP, 7, 1, "xyzzy"), 5);
        let secret = stage.hears(said.clone()).await;
        stage
            .accept(&[edited(&said, "@LastwordBot xyzzy plugh")])
            .await;
        stage.converse(secret, "xyzzy to you").await;
        let other = stage
            .hears(in_topic(mention(GROUP, 7, 2, "plover"), 6))
            .await;
        let mut yes = press(GROUP, 2, 80, "forget:yes");
        let message = &mut yes["callback_query"]["message"];
        message["is_topic_message"] = serde_json::json!(true);
        message["message_thread_id"] = serde_json::json!(5);
        stage.accept(&[yes]).await;
        assert!(!holds(&stage.path(), "xyzzy"));
        assert_eq!(stage.claim(other).await.inputs[0].text, "plover");
    }
}

#[tokio::test]
async fn what_was_overheard_is_forgotten_with_its_group() {
    for mut stage in stores() {
        stage.policy.rooms.overheard = 5;
        stage
            .store
            .keep_administrators(ChatId(GROUP), vec![2])
            .await
            .unwrap();
        let said = chatter(GROUP, 7, 1, "xyzzy between us");
        stage
            .accept(&[said.clone(), edited(&said, "xyzzy indeed")])
            .await;
        assert!(holds(&stage.path(), "xyzzy indeed"));
        stage.accept(&[press(GROUP, 2, 80, "forget:yes")]).await;
        assert!(!holds(&stage.path(), "xyzzy"));
    }
}

#[tokio::test]
async fn what_is_not_said_to_us_is_not_kept() {
    for mut stage in stores() {
        let said = chatter(GROUP, 7, 1, "xyzzy between us");
        stage
            .accept(&[said.clone(), edited(&said, "xyzzy indeed")])
            .await;
        stage.policy.access = lastword::domain::admission::Access::List;
        stage.policy.ids = [1].into();
        stage
            .accept(&[private(9, 1, "xyzzy says a stranger")])
            .await;
        let mut pressed = press(GROUP, 9, 4, "stop:1");
        pressed["callback_query"]["message"]["text"] = serde_json::json!("xyzzy");
        stage.accept(&[pressed]).await;
        assert!(!holds(&stage.path(), "xyzzy"));
    }
}

#[tokio::test]
async fn an_update_that_cannot_be_applied_loses_no_neighbour() {
    for stage in stores() {
        behind(&stage)
            .execute_batch(
                "CREATE TRIGGER defect BEFORE INSERT ON messages WHEN new.message_id = 13 \
                 BEGIN SELECT RAISE(ABORT, 'a defect'); END",
            )
            .unwrap();
        let bad = numbered(&private(8, 13, "bad"), 2);
        let batch = vec![
            numbered(&private(7, 1, "good"), 1),
            bad.clone(),
            numbered(&private(9, 1, "good"), 3),
        ];
        let accepted = stage.accept_raw(batch).await;
        assert_eq!((accepted.stored, accepted.unparsed), (3, 1));
        assert_eq!(accepted.due.len(), 2);
        assert_eq!(stage.accept_raw(vec![bad]).await.duplicates, 1);
        let books = stage.books().await;
        assert_eq!((books.messages, of(&books.states, "gathering")), (2, 2));
    }
}

#[tokio::test]
async fn a_batch_is_stored_whole_or_not_at_all() {
    for stage in stores() {
        behind(&stage)
            .execute_batch(
                "CREATE TRIGGER defect BEFORE INSERT ON updates WHEN new.update_id = 3 \
                 BEGIN SELECT RAISE(ABORT, 'a defect'); END",
            )
            .unwrap();
        let batch: Vec<_> = (1..5)
            .map(|id| numbered(&private(7, id, "x"), id))
            .collect();
        let policy = Arc::new(stage.policy.clone());
        let refused = stage.store.accept(stage.me, batch.clone(), policy).await;
        assert!(refused.is_err());
        assert_eq!(stage.books().await.messages, 0);
        behind(&stage).execute_batch("DROP TRIGGER defect").unwrap();
        let accepted = stage.accept_raw(batch).await;
        assert_eq!((accepted.stored, accepted.duplicates), (4, 0));
    }
}

#[tokio::test]
async fn bots_that_share_a_file_do_not_meet() {
    let stage = inline();
    let me = stage.another().lives("draining").await;
    let open = || SqliteStore::open(&stage.path(), BotId(43), Clock::system(), Mode::Inline);
    let foreign = open().unwrap();
    let (id, policy) = (
        lastword::domain::ids::InstanceId(99),
        Arc::new(stage.policy.clone()),
    );
    foreign.register(id, "1").await.unwrap();
    foreign.set_phase(id, "running").await.unwrap();
    assert_eq!(me.store.successor(me.me).await, Ok(false));
    assert_eq!(me.store.take_intake().await, Ok(true));
    assert_eq!(foreign.take_intake().await, Ok(true));
    let update = numbered(&private(7, 1, "hi"), 1);
    let ours = stage.accept_raw(vec![update.clone()]).await;
    let theirs = foreign.accept(id, vec![update], policy).await.unwrap();
    assert_eq!((ours.stored, theirs.stored), (1, 1));
    assert_ne!(ours.due[0].conversation, theirs.due[0].conversation);
    assert_eq!(stage.store.backlog(10).await, Ok(1));
    assert_eq!(stage.store.waiting(10).await.unwrap().len(), 1);
    assert_eq!(foreign.books().await.unwrap().messages, 1);
    assert_eq!(
        me.store.reap(me.me).await.unwrap(),
        lastword::store::Reaped::default()
    );
}

/// Else what another bot's dead have left would belong to one who never sends
/// it.
#[tokio::test]
async fn what_the_dead_of_another_bot_leave_is_left_to_that_bot() {
    let stage = inline().lives("running").await;
    let open = || SqliteStore::open(&stage.path(), BotId(43), Clock::system(), Mode::Inline);
    let foreign = |id: i64, store: SqliteStore| {
        let mut other = stage.another();
        (other.me, other.store) = (lastword::domain::ids::InstanceId(id), Arc::new(store));
        other
    };
    let dead = foreign(98, open().unwrap()).lives("running").await;
    dead.accept(&[private(7, 1, "/help")]).await;
    let conversation = dead.hears(private(8, 1, "a")).await;
    dead.claim(conversation).await;
    drop(dead);
    let reaped = stage.store.reap(stage.me).await.unwrap();
    assert_eq!((reaped.turns, reaped.unsent), (0, 0));
    let heir = foreign(99, open().unwrap()).lives("running").await;
    let reaped = heir.store.reap(heir.me).await.unwrap();
    assert_eq!((reaped.turns, reaped.unsent), (1, 1));
    assert_eq!(heir.deliver(ChatId(7)).await, ["<help>"]);
}

#[tokio::test]
async fn the_files_are_for_their_owner_only() {
    for stage in stores() {
        stage.accept(&[private(7, 1, "hi")]).await;
        for suffix in ["", "-wal", "-shm"] {
            let mut name = stage.path().into_os_string();
            name.push(suffix);
            let mode = std::fs::metadata(&name).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name:?}");
        }
    }
}

#[tokio::test]
async fn a_store_that_is_too_new_is_refused_untouched() {
    let stage = inline();
    let path = stage.path();
    behind(&stage)
        .execute_batch(
            "PRAGMA user_version = 99; UPDATE meta SET value = '98' WHERE key = 'min_schema'",
        )
        .unwrap();
    let open = || SqliteStore::open(&path, BotId(1), Clock::system(), Mode::Inline);
    let refused = open().unwrap_err();
    assert!(matches!(refused, StoreError::Refused { .. }), "{refused}");
    behind(&stage)
        .execute_batch("UPDATE meta SET value = '1' WHERE key = 'min_schema'")
        .unwrap();
    open().unwrap();
    let version: i64 = behind(&stage)
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap();
    assert_eq!(version, 99);
}

#[tokio::test]
async fn a_closed_store_has_everything_in_one_file() {
    for mode in [Mode::Inline, Mode::Thread] {
        let stage = inline();
        let path = stage.path();
        drop(stage.store.clone());
        let store = SqliteStore::open(&path, BotId(42), Clock::system(), mode).unwrap();
        let policy = Arc::new(stage.policy.clone());
        let update = numbered(&private(7, 1, "xyzzy"), 1);
        store.accept(stage.me, vec![update], policy).await.unwrap();
        store.close().await.unwrap();
        let main = std::fs::read(&path).unwrap();
        assert!(main.windows(5).any(|w| w == b"xyzzy"));
        let late = store.backlog(1).await;
        assert!(matches!(late, Err(StoreError::Unavailable { .. })));
        assert!(store.close().await.is_err());
        assert_eq!(stage.store.backlog(9).await, Ok(1), "others go on");
    }
}

#[tokio::test]
async fn ten_processes_open_a_new_store_at_once() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("deep/er/store.db");
    std::thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                SqliteStore::open(&path, BotId(1), Clock::system(), Mode::Inline).unwrap();
            });
        }
    });
}

#[tokio::test]
async fn a_message_nobody_can_read_any_more_blocks_only_its_own_turn() {
    let stage = inline();
    let a = stage.hears(private(7, 1, "a")).await;
    let b = stage.hears(private(8, 1, "b")).await;
    behind(&stage)
        .execute(
            "UPDATE messages SET body = '{}' WHERE conversation = ?1",
            [a.0],
        )
        .unwrap();
    assert_eq!(stage.ask(a, Flush::All).await, Next::Busy);
    assert!(matches!(stage.ask(b, Flush::All).await, Next::Run(_)));
}

#[tokio::test]
async fn a_stored_part_that_cannot_be_read_blocks_nothing() {
    for stage in stores() {
        let conversation = stage.hears(private(7, 1, "a")).await;
        let claim = stage.claim(conversation).await.claim;
        let answer = parts_answer(&["1", "2"], Outcome::Answered);
        stage.store.answer(&claim, answer).await.unwrap();
        behind(&stage)
            .execute("UPDATE parts SET payload = 'x' WHERE seq = 0", [])
            .unwrap();
        let begun = stage.ask_for(ChatId(7), 64, OnUncertain::Resend).await;
        let Begin::Resolved(done) = begun else {
            panic!("it is given up: {begun:?}");
        };
        let (turn, _, outcome) = done.settled.expect("its turn is settled");
        assert_eq!((turn, outcome), (claim.turn, Outcome::Undeliverable));
        assert_eq!(stage.begin(ChatId(7)).await, Begin::Idle);
        stage.books().await;
    }
}
