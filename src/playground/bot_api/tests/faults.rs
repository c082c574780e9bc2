//! What goes wrong, as the in-memory transport classifies it.

use super::*;

fn send(text: &str) -> Call {
    call("sendMessage", json!({ "chat_id": 501, "text": text }))
}

fn lay() -> (Table, InMemory) {
    let table = Table::lay();
    table.say("hi");
    let telegram = InMemory(Arc::clone(&table.api));
    (table, telegram)
}

fn is_unknown(answer: &Result<Value, CallError>) -> bool {
    matches!(answer, Err(CallError::Unknown { .. }))
}

#[tokio::test(start_paused = true)]
async fn a_lost_acknowledgement_is_unknown_and_the_message_is_there() {
    let (table, telegram) = lay();
    for fault in [Fault::CutAfter, Fault::GatewayAfter { code: 502 }] {
        table.api.fault(FaultRule::once("sendMessage", fault));
    }
    assert!(is_unknown(&telegram.call(send("a")).await));
    assert!(is_unknown(&telegram.call(send("b")).await));
    telegram.call(send("c")).await.unwrap();
    assert_eq!(table.texts(), ["a", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn what_fails_before_execution_leaves_nothing_behind() {
    let (table, telegram) = lay();
    let refuse = |code| Fault::Refuse {
        code,
        description: None,
        retry_after_s: Some(9),
    };
    table.api.fault(FaultRule::once("sendMessage", refuse(429)));
    let answer = telegram.call(send("a")).await;
    let Err(CallError::Refused {
        code: 429,
        retry_after,
        ..
    }) = answer
    else {
        panic!("{answer:?}");
    };
    assert_eq!(retry_after, Some(Duration::from_secs(9)));
    for fault in [refuse(500), Fault::Gateway { code: 502 }, Fault::CutBefore] {
        table.api.fault(FaultRule::once("sendMessage", fault));
        assert!(is_unknown(&telegram.call(send("a")).await));
    }
    table
        .api
        .fault(FaultRule::once("sendMessage", Fault::Unreachable));
    let answer = telegram.call(send("a")).await;
    assert!(matches!(answer, Err(CallError::NotSent { .. })));
    assert!(table.texts().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_rule_meets_the_nth_call_of_one_chat() {
    let (table, telegram) = lay();
    let rule = FaultRule::once("sendmessage", Fault::CutBefore)
        .in_chat(501)
        .after(1);
    table.api.fault(rule);
    telegram.call(send("a")).await.unwrap();
    assert!(is_unknown(&telegram.call(send("b")).await));
    telegram.call(send("c")).await.unwrap();
    assert_eq!(table.texts(), ["a", "c"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hung_is_executed_on_release_although_its_caller_is_gone() {
    let (table, telegram) = lay();
    table
        .api
        .fault(FaultRule::once("sendMessage", Fault::HangBefore));
    let mut hung = send("late");
    hung.timeout = Duration::from_secs(5);
    assert!(is_unknown(&telegram.call(hung).await));
    assert!(table.texts().is_empty());
    assert_eq!(table.api.hanging(), 1);
    assert_eq!(table.api.release(), 1);
    assert_eq!(table.texts(), ["late"]);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_answer_comes_with_the_release() {
    let (table, telegram) = lay();
    table
        .api
        .fault(FaultRule::once("sendMessage", Fault::HangAfter));
    let release = async {
        pass(3_000).await;
        assert_eq!(table.texts(), ["a"]);
        table.api.release();
    };
    let (answer, ()) = tokio::join!(telegram.call(send("a")), release);
    assert_eq!(answer.unwrap()["text"], "a");
}

#[tokio::test(start_paused = true)]
async fn a_slow_call_is_executed_in_its_time_with_or_without_its_caller() {
    let (table, telegram) = lay();
    let slow = Fault::Slow {
        before_ms: 4_000,
        after_ms: 1_000,
    };
    table.api.fault(FaultRule::always("sendMessage", slow));
    let began = tokio::time::Instant::now();
    telegram.call(send("a")).await.unwrap();
    assert_eq!(began.elapsed().as_secs(), 5);
    let mut hasty = send("b");
    hasty.timeout = Duration::from_secs(1);
    assert!(is_unknown(&telegram.call(hasty).await));
    assert_eq!(table.texts(), ["a"]);
    pass(3_000).await;
    assert_eq!(table.texts(), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn an_outage_breaks_what_is_in_flight_and_ends() {
    let (table, telegram) = lay();
    let poll = call("getUpdates", json!({ "timeout": 30, "offset": -1 }));
    table.poll(-1);
    let newest = table.poll(0)[0];
    let mut waiting = poll;
    waiting.body["offset"] = (newest + 1).into();
    let outage = async {
        pass(2_000).await;
        table.api.set_outage(Outage::Refused);
    };
    let (answer, ()) = tokio::join!(telegram.call(waiting), outage);
    assert!(is_unknown(&answer));
    let answer = telegram.call(send("a")).await;
    assert!(matches!(answer, Err(CallError::NotSent { .. })));
    table.api.set_outage(Outage::Reset);
    assert!(is_unknown(&telegram.call(send("a")).await));
    table.api.set_outage(Outage::None);
    telegram.call(send("a")).await.unwrap();
    assert_eq!(table.texts(), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn every_call_is_recorded_with_its_end() {
    let (table, telegram) = lay();
    table
        .api
        .fault(FaultRule::once("sendMessage", Fault::CutAfter));
    let _ = telegram.call(send("a")).await;
    telegram.call(call("getMe", json!({}))).await.unwrap();
    let calls = table.api.calls();
    let told: Vec<(&str, Option<&str>, bool)> = calls
        .iter()
        .map(|call| {
            (
                call.method.as_str(),
                call.outcome.as_deref(),
                call.executed.is_some(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("sendMessage", Some("cut"), true),
            ("getMe", Some("ok"), true)
        ]
    );
    let counts = table.api.counts();
    assert_eq!(
        counts["sendMessage"],
        MethodCount {
            calls: 1,
            ok: 0,
            failed: 1
        }
    );
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_run() {
    let run = async || {
        let (table, telegram) = lay();
        table.api.act(Act::Reseed).unwrap();
        table.say("again");
        let updates = telegram.call(call("getUpdates", json!({}))).await.unwrap();
        telegram.call(send("a")).await.unwrap();
        format!("{updates} {:?}", table.api.events(0))
    };
    let first = run().await;
    assert_eq!(first, run().await);
}
