//! How SQLite executes what we ask of it: with a great many settled rows every
//! statement must find its few by an index.
//!
//! Listens to the connection while everything hot is done once, then asks for
//! the plan of each statement it heard, with and without statistics.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use rusqlite::trace::{TraceEvent, TraceEventCodes};

use super::writer::Writer;
use super::*;
use crate::domain::address::{BotUser, Groups};
use crate::domain::admission::{Access, Busy, Policy};
use crate::domain::ids::{ChatId, InstanceId, TurnId, UserId};
use crate::domain::operator::alarm::Cause;
use crate::domain::operator::life::{End, Farewell, Heir};
use crate::domain::part::{OnUncertain, Payload, Sent};
use crate::domain::probe::{Probed, Resolving};
use crate::domain::turn::{Blame, Outcome};
use crate::domain::update::{self, ConnectionStanding};
use crate::domain::window::Rules;
use crate::domain::words::{Wordbook, Words};
use crate::store::desk::{self, Desk};
use crate::store::operators::{Audience, Operators};
use crate::store::{
    Answer, Ask, Begin, Company, Flush, Inbox, Leases, Next, Notice, Notices, Outbox, Planned,
    Relays, Retention, Turns,
};

mod history;
mod operators;

use history::filled;
use operators::{hand_over, look_after, operate};

/// Walks over these are short whatever has been settled: they hold only what
/// is open, or a handful of processes.
const SHORT: &[&str] = &[
    "INDEX turns_open",
    "INDEX turns_owner",
    "INDEX parts_open",
    "INDEX parts_owner",
    "INDEX unconnected_of",
    // Files that are stored and not yet gone.
    "SEARCH notice_files",
    "INDEX people_operators",
    "INDEX broadcasts_open",
    "INDEX lives_open",
    "SCAN lives",
    "SCAN orders",
    "SCAN broadcasts",
    "SEARCH alarms",
    "SCAN instances",
    // One row for each bot.
    "INDEX sqlite_autoindex_pauses_1",
    "SCAN (subquery",
    "CONSTANT ROW",
];

/// A search by the bot alone walks over everything it has.
const WHOLE: &str = "(bot=?)";

/// Read everything on purpose, or list by id from the newest on.
const COLD: &[&str] = &[
    "FROM turns AS t JOIN conversations AS c ON c.id = t.conversation \
             WHERE t.bot = ?1 ORDER BY t.id DESC",
    // An operator's list.
    "t.failures, t.deaths FROM turns AS t JOIN conversations AS c",
];

fn with<T>(store: &SqliteStore, f: impl FnOnce(&mut Connection) -> T) -> T {
    let Writer::Inline(engine) = &store.0.writer else {
        panic!("tests run inline");
    };
    f(engine.lock().unwrap().as_mut().unwrap().heard())
}

fn update(id: i64, text: &str) -> Bytes {
    Bytes::from(format!(
        "{{\"update_id\": {id}, \"message\": {{\"message_id\": {id}, \"date\": 1, \"text\": \"{text}\", \
         \"chat\": {{\"id\": 7, \"type\": \"private\"}}, \"from\": {{\"id\": 7, \"first_name\": \"A\"}}}}}}"
    ))
}

/// A business account and a guest, from the first message to the last.
async fn relay(store: &SqliteStore, me: InstanceId) {
    let accept = async |content: &str| {
        let id = 900_060 + i64::try_from(content.len()).unwrap();
        let update = format!("{{\"update_id\": {id}, {content}}}");
        let batch = vec![Bytes::from(update)];
        store.accept(me, batch, policy()).await.unwrap()
    };
    let message = |kind: &str, from: i64, more: &str| {
        format!(
            "\"{kind}\": {{\"message_id\": {from}, \"date\": 1, \"text\": \"x\", {more}, \
             \"chat\": {{\"id\": 9, \"type\": \"private\"}}, \"from\": {{\"id\": {from}, \"first_name\": \"A\"}}}}"
        )
    };
    let link = "\"business_connection_id\": \"link\"";
    accept(&message("business_message", 9, link)).await;
    assert_eq!(store.unconnected(5).await.unwrap(), ["link"]);
    let mut connection = update::Connection {
        id: "link".into(),
        owner: UserId(10),
        standing: ConnectionStanding::Usable,
    };
    let heard = store.connect(me, connection.clone(), policy()).await;
    let chat = heard.unwrap().due[0].chat;
    assert!(store.relay(chat).await.unwrap().is_some());
    accept(&message("business_message", 100, link)).await;
    accept(&message(
        "business_message",
        9,
        &format!("{link}, \"via\": 1"),
    ))
    .await;
    accept(&format!(
        "\"deleted_business_messages\": {{{link}, \"chat\": {{\"id\": 9}}, \"message_ids\": [9]}}"
    ))
    .await;
    accept(&message("guest_message", 9, "\"guest_query_id\": \"q\"")).await;
    connection.standing = ConnectionStanding::Idle;
    store.connect(me, connection, policy()).await.unwrap();
}

/// Somebody talks in a group, and not to the bot.
fn talk(id: i64) -> Bytes {
    Bytes::from(format!(
        "{{\"update_id\": {id}, \"message\": {{\"message_id\": {id}, \"date\": 1, \"text\": \"x\", \
         \"chat\": {{\"id\": -7, \"type\": \"group\"}}, \"from\": {{\"id\": 8, \"first_name\": \"B\"}}}}}}"
    ))
}

fn policy() -> Arc<Policy> {
    Arc::new(Policy {
        bot: BotUser {
            id: BotId(1),
            username: "b".into(),
            name: "b".into(),
            hears: crate::domain::address::Hears::All,
        },
        rules: Rules::default(),
        busy: Busy::Interrupt,
        groups: Groups::Mention,
        access: Access::Open,
        ids: std::collections::BTreeSet::new(),
        operators: std::collections::BTreeSet::from([5]),
        edits: crate::domain::variant::OnEdit::Offer,
        per_minute: 30,
        words: Wordbook::new(None, |_| words()),
        rooms: crate::domain::admission::Rooms::default(),
    })
}

fn words() -> Words {
    let say = || "x".to_owned();
    Words {
        greeting: say(),
        help: say(),
        refused: say(),
        claimed: say(),
        too_fast: say(),
        new_begun: say(),
        stopped: say(),
        nothing_to_stop: say(),
        not_yours: say(),
        nothing_to_retry: say(),
        forget_question: say(),
        forget_yes: say(),
        forget_no: say(),
        forgotten: say(),
        kept: say(),
        help_group: say(),
        claim_invalid: say(),
        retrying: say(),
        answer_again: say(),
        button_expired: say(),
    }
}

/// Everything hot, once.
async fn live(store: &SqliteStore) {
    let me = InstanceId(1);
    store.register(me, "1").await.unwrap();
    let accept = async |batch| store.accept(me, batch, policy()).await.unwrap();
    let chat = ChatId(7);
    let due = accept(vec![update(900_001, "a"), update(900_002, "b")])
        .await
        .due[0];
    let ask = Ask {
        conversation: due.conversation,
        owner: me,
        flush: Flush::All,
        company: Company::Others,
        rules: Rules::default(),
    };
    let claim = async || match store.claim(ask).await.unwrap() {
        Next::Run(claimed) => claimed.claim,
        other => panic!("{other:?}"),
    };
    let first = claim().await;
    store.history(&first, 1000).await.unwrap();
    accept(vec![talk(900_050), talk(900_051)]).await;
    store.surroundings(&first, vec![3, 5], 20).await.unwrap();
    relay(store, me).await;
    store
        .keep_request(&first, Bytes::from_static(b"x"))
        .await
        .unwrap();
    accept(vec![
        update(900_003, "interrupts"),
        update(900_003, "again"),
    ])
    .await;
    let second = claim().await;
    store
        .plan_placeholder(&second, Payload::plain("x"))
        .await
        .unwrap();
    store.standing(&second).await.unwrap();
    let notice = Some(Payload::plain("wait"));
    store
        .defer(&second, Duration::ZERO, Blame::World, notice)
        .await
        .unwrap();
    store.waiting(10).await.unwrap();
    store.backlog(10).await.unwrap();
    let third = claim().await;
    let part = Planned {
        kind: crate::domain::part::Kind::Answer,
        payload: Payload::plain("x"),
    };
    let answer = Answer {
        text: Some("x".into()),
        outcome: Outcome::Failed,
        spent: None,
        told: Default::default(),
        parts: vec![part.clone(), part],
    };
    store.answer(&third, answer).await.unwrap();
    store.unsent(me).await.unwrap();
    let mut sent = 0;
    let within = Duration::from_secs(1);
    let resolving = Resolving {
        range: 64,
        within,
        otherwise: OnUncertain::Resend,
    };
    while let Begin::Send(sending) = store.begin_send(chat, me, within, resolving).await.unwrap() {
        sent += 1;
        if sent == 1 {
            store
                .replan(&sending, vec![Payload::plain("y")])
                .await
                .unwrap();
        } else {
            store
                .finish_send(&sending, Sent::Receipt(sent))
                .await
                .unwrap();
        }
    }
    store.placeholder(third.turn).await.unwrap();
    operate(store, ask, third.turn).await;
    hand_over(store, me).await;
    lose(store, me, chat, resolving).await;
    let commands = ["/retry", "/stop", "/new", "/start", "/forget"];
    for (id, command) in (900_010..).zip(commands) {
        accept(vec![update(id, command)]).await;
    }
    let keep = Retention {
        updates: Duration::from_secs(1),
        requests: Duration::from_secs(1),
        failed: Duration::from_secs(1),
    };
    store.prune(keep, 50).await.unwrap();
    store.reap(me).await.unwrap();
    look_after(store, me).await;
    store.successor(me).await.unwrap();
    store.recent(20).await.unwrap();
    store.leave(me).await.unwrap();
}

/// Sends whose fate nobody knows, and what becomes of them.
async fn lose(store: &SqliteStore, me: InstanceId, chat: ChatId, resolving: Resolving) {
    let begin = async || {
        let within = Duration::from_secs(1);
        store.begin_send(chat, me, within, resolving).await.unwrap()
    };
    let expire = || {
        let sql = "UPDATE parts SET expires_at = 0 WHERE state IN (1, 3) AND state IN (0, 1, 3)";
        with(store, |conn| conn.execute(sql, []).unwrap());
    };
    for (id, probed) in (900_100..).zip([
        Probed::Unproven { retry_in_ms: 0 },
        Probed::Absent,
        Probed::Useless,
        Probed::Found(900_990),
    ]) {
        let help = vec![update(id, "/help")];
        store.accept(me, help, policy()).await.unwrap();
        loop {
            match begin().await {
                Begin::Send(sending) if sending.resent => {
                    let sent = Sent::Receipt(900_500 + id);
                    store.finish_send(&sending, sent).await.unwrap();
                }
                Begin::Send(sending) => {
                    store.finish_send(&sending, Sent::Uncertain).await.unwrap();
                    expire();
                }
                Begin::Probe(probing) => {
                    store.finish_probe(&probing, probed).await.unwrap();
                    expire();
                }
                Begin::Resolved(_) => {}
                Begin::Wait(_) | Begin::Touch(_) | Begin::Idle => break,
            }
        }
    }
}

fn bad_plans(conn: &Connection, heard: &BTreeSet<String>) -> Vec<String> {
    let mut bad = Vec::new();
    for sql in heard
        .iter()
        .filter(|sql| !COLD.iter().any(|cold| sql.contains(cold)))
    {
        let mut plan = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        for n in 1..=plan.parameter_count() {
            plan.raw_bind_parameter(n, 1).unwrap();
        }
        let mut rows = plan.raw_query();
        while let Some(row) = rows.next().unwrap() {
            let step: String = row.get(3).unwrap();
            let long = step.starts_with("SCAN") || step.contains(WHOLE);
            if long && !SHORT.iter().any(|short| step.contains(short)) {
                bad.push(format!("{step}\n    {sql}"));
            }
        }
    }
    bad
}

#[tokio::test]
async fn nothing_hot_walks_over_what_is_settled() {
    let (_folder, store) = filled();
    let heard = Arc::new(Mutex::new(BTreeSet::new()));
    let ears = Arc::clone(&heard);
    with(&store, |conn| {
        let listen = move |event: TraceEvent<'_>| {
            if let TraceEvent::Stmt(statement, _) = event {
                ears.lock().unwrap().insert(statement.sql().into_owned());
            }
        };
        conn.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(listen))
            .unwrap();
    });
    live(&store).await;
    with(&store, |conn| {
        conn.trace_v2(TraceEventCodes::empty(), None::<fn(TraceEvent<'_>)>)
            .unwrap();
    });
    let verbs = ["SELECT", "INSERT", "UPDATE", "DELETE"];
    let mut heard = heard.lock().unwrap().clone();
    heard.retain(|sql| verbs.iter().any(|verb| sql.starts_with(verb)));
    assert!(
        heard.len() > 80,
        "only {} statements were heard",
        heard.len()
    );
    for statistics in ["", "ANALYZE"] {
        let bad = with(&store, |conn| {
            conn.execute_batch(statistics).unwrap();
            bad_plans(conn, &heard)
        });
        assert!(bad.is_empty(), "{statistics}:\n{}", bad.join("\n"));
    }
}
