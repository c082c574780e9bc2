//! A hundred thousand conversations that wait while everything fails: what the
//! process holds in memory is bounded, and it answers as soon as it can.
//!
//! On demand: `cargo test --test it -- --ignored real::waiting --nocapture`

use std::time::Duration;

use lastword::domain::turn;
use lastword::playground::bot_api::{Fault as Trouble, FaultRule, Place};
use lastword::playground::offline::Fault;

use super::{Real, Transport, in_turn, note};

const WAITING: i64 = 100_000;
const GROWTH_KIB: u64 = 64 * 1024;

fn resident_kib(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|text| text.split_whitespace().next()?.parse().ok())
        .expect("the kernel tells")
}

/// Copies the one turn that there is to as many other chats.
fn multiply(real: &Real) {
    let sql = format!(
        "BEGIN; \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {WAITING}) \
         INSERT INTO conversations (id, bot, chat, topic, kind, title, last_seal) \
           SELECT 1000 + i, bot, 7000000 + i, 0, kind, title, 1 FROM n, (SELECT * FROM conversations LIMIT 1); \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {WAITING}) \
         INSERT INTO updates (id, bot, update_id, received_at, kind, chat, raw) \
           SELECT 1000 + i, bot, 5000000000 + i, received_at, kind, 7000000 + i, raw \
           FROM n, (SELECT * FROM updates WHERE kind = 0 LIMIT 1); \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {WAITING}) \
         INSERT INTO turns (id, bot, conversation, sender, state, seal_no, opened_at, due_at, messages, chars) \
           SELECT 1000 + i, bot, 1000 + i, 7000000 + i, 1, 1, opened_at, due_at, messages, chars \
           FROM n, (SELECT * FROM turns LIMIT 1); \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {WAITING}) \
         INSERT INTO messages (bot, conversation, turn, update_row, message_id, sender, accepted_at, body) \
           SELECT bot, 1000 + i, 1000 + i, 1000 + i, message_id, 7000000 + i, accepted_at, body \
           FROM n, (SELECT * FROM messages LIMIT 1); \
         COMMIT;"
    );
    real.sql().execute_batch(&sql).expect("the schema is known");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a minute of load; run on demand"]
async fn a_hundred_thousand_waiting_cost_bounded_memory_while_everything_fails() {
    let real = Real::new(Transport::Polling).await;
    let ann = real.person("Ann");
    real.model.change(|now| now.fault = Fault::NoCredit);
    let mut process = real.start().await;
    real.ask(&Place::private(ann));
    real.until("it waits", |books| in_turn(books, turn::State::Sealed) == 1)
        .await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let idle = resident_kib(process.pid());
    assert_eq!(process.stop().await.code, Some(0));
    multiply(&real);
    real.model.change(|now| now.fault = Fault::Outage);
    for (method, trouble) in [
        ("sendRichMessageDraft", Trouble::HangBefore),
        ("sendChatAction", Trouble::Gateway { code: 502 }),
        ("sendMessage", Trouble::CutBefore),
        ("sendRichMessage", Trouble::CutBefore),
    ] {
        real.telegram.fault(FaultRule::always(method, trouble));
    }
    let mut process = real.start().await;
    let mut most = 0;
    for second in 0..60 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if second % 10 == 9 {
            real.ask(&Place::private(ann));
        }
        most = most.max(resident_kib(process.pid()));
    }
    let sql = "SELECT count(*) FROM turns WHERE state IN (1, 2)";
    let waiting: i64 = real
        .sql()
        .query_row(sql, [], |row| row.get(0))
        .expect("the store answers");
    note(&format!(
        "waiting: {waiting} turns; resident {idle} KiB idle, {most} KiB at most: + {} KiB",
        most.saturating_sub(idle)
    ));
    assert!(waiting > 90_000, "{waiting}");
    assert!(most < idle + GROWTH_KIB, "{idle} KiB became {most} KiB");
    real.telegram.clear_faults();
    process.kill().await;
}
