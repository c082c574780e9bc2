//! What goes wrong inside one life: a panic of ours at any moment, a wake that
//! is lost. The process goes on, and everybody is answered once.

use std::time::Duration;

use lastword::death::{Moment, PANIC_VARIABLE, Recurs};
use lastword::playground::bot_api::Place;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{Real, Transport, note, within};
use crate::books::{self, Ledger};

/// The moments at which a panic concerns one task, which time of each, and how
/// updates must come for it.
fn moments() -> Vec<(Moment, u32, Transport)> {
    // Once per life, after the start, which takes the lease itself.
    let mut moments = vec![
        (Moment::LeaseTaken, 2, Transport::Polling),
        (Moment::LeaseTaken, 2, Transport::Webhook),
        (Moment::WebhookSet, 1, Transport::Webhook),
    ];
    for (n, moment) in Moment::ALL.iter().enumerate() {
        if moment.recurs() != Recurs::Often {
            continue;
        }
        let transport = match moment {
            Moment::PollAnswered | Moment::BatchStored => Transport::Polling,
            Moment::DeliveryRead | Moment::DeliveryStored => Transport::Webhook,
            _ if n % 2 == 0 => Transport::Polling,
            _ => Transport::Webhook,
        };
        moments.push((*moment, 2, transport));
    }
    moments
}

async fn panic_once(moment: Moment, time: u32, transport: Transport) -> Ledger {
    let mut real = Real::new(transport).await;
    let at = format!("{}#{time}", moment.as_str());
    real.env.insert(PANIC_VARIABLE, at);
    let ann = real.person("Ann");
    let bob = real.person("Bob");
    let name = real.telegram.bot().username.clone();
    let mut process = real.start().await;
    for round in 0..2 {
        for person in [ann, bob] {
            match moment {
                Moment::NoticeImported | Moment::NoticeRemoved => {
                    real.ask(&Place::private(person));
                    real.hand_in(&Place::private(person), round);
                }
                Moment::FileKept => real.ask_in_a_document(&Place::private(person)),
                _ => real.ask(&Place::private(person)),
            }
            real.say(&Place::private(person), &format!("/help@{name}"));
        }
        let asked = real.asked_so_far();
        real.until("accepted", |b| b.messages == asked).await;
        // A send whose receipt was panicked over waits to be resolved.
        within("everything settled", async {
            let open = "SELECT (SELECT count(*) FROM turns WHERE state < 4) \
                 + (SELECT count(*) FROM parts WHERE state IN (0, 1, 3))";
            while real.count(open) != Some(0) {
                real.let_cut_sends_expire().await;
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        })
        .await;
    }
    // The store tries again by itself, alone, what failed together with others.
    if moment != Moment::ControlApplied {
        process.says("panicked").await;
    }
    let books = real.until_settled(1).await;
    let ledger = real.ledger("panics", &books);
    ledger.judge();
    let exit = process.stop().await;
    assert_eq!(exit.code, Some(0), "{moment:?} {exit:?}");
    ledger
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_at_any_moment_costs_nobody_an_answer_and_ends_no_process() {
    let begun = books::now();
    let mut sum = Ledger::of("panics");
    let mut running = tokio::task::JoinSet::new();
    for (moment, time, transport) in moments() {
        running.spawn(async move {
            let judged = panic_once(moment, time, transport).await;
            note(&format!("{moment:?} {transport:?}"));
            judged
        });
    }
    for ledger in running.join_all().await {
        sum += &ledger;
    }
    sum.close(begun);
}

/// The client hangs up between the commit and the answer: what it sent is
/// stored, but whoever would have woken the conversation is gone with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_client_that_hangs_up_after_the_commit_is_answered_all_the_same() {
    let real = Real::new(Transport::Webhook).await;
    let ann = real.person("Ann");
    let mut process = real.start().await;
    real.ask(&Place::private(ann));
    real.until_settled(1).await;
    let secret: String = real
        .sql()
        .query_row(
            "SELECT value FROM meta WHERE key LIKE 'webhook_secret:%'",
            [],
            |row| row.get(0),
        )
        .expect("it is kept");
    // Another process writes: the commit waits while the client goes.
    let busy = real.sql();
    busy.execute_batch("BEGIN IMMEDIATE").expect("a write lock");
    let update = serde_json::json!({
        "update_id": 700_000_000,
        "message": {
            "message_id": 70_000,
            "date": 1_790_000_000,
            "chat": {"id": ann, "type": "private", "first_name": "Ann"},
            "from": {"id": ann, "is_bot": false, "first_name": "Ann"},
            "text": "whoever hears this",
        },
    })
    .to_string();
    let address = &real.env["LASTWORD_TELEGRAM__WEBHOOK__LISTEN"];
    let mut client = TcpStream::connect(address).await.expect("it listens");
    let request = format!(
        "POST /hook HTTP/1.1\r\nHost: x\r\nX-Telegram-Bot-Api-Secret-Token: {secret}\r\n\
         Content-Length: {}\r\n\r\n{update}",
        update.len()
    );
    client
        .write_all(request.as_bytes())
        .await
        .expect("it reads");
    // Long enough to be read and queued; the commit cannot come before.
    tokio::time::sleep(Duration::from_millis(500)).await;
    client.set_zero_linger().expect("a socket");
    drop(client);
    tokio::time::sleep(Duration::from_millis(200)).await;
    busy.execute_batch("ROLLBACK").expect("our own lock");
    real.until_heard(ann, "whoever hears this").await;
    let exit = process.stop().await;
    assert_eq!(exit.code, Some(0), "{exit:?}");
}
