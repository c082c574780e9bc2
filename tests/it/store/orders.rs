//! Operators at the store: orders that are forged or come twice, deaths between
//! starts, and what is told of them.

use std::time::Duration;

use lastword::domain::ids::ChatId;
use lastword::domain::operator::alarm::Cause;
use lastword::domain::part::Payload;
use lastword::store::operators::{Audience, Hearing};
use serde_json::json;

use super::stage::{Stage, inline, pass};
use super::talk::{press, private};

const ANN: i64 = 7;

fn looked_after() -> Stage {
    let mut stage = inline();
    stage.policy.operators = [ANN].into();
    stage
}

fn audience() -> Audience {
    Audience {
        ids: [ANN].into(),
        ..Audience::default()
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_that_comes_twice_is_carried_out_once() {
    let stage = looked_after();
    for order in ["/admin status", "/admin drain", "/admin usage"] {
        let update = stage.update(&private(ANN, 1, order));
        let first = stage.accept_raw(vec![update.clone()]).await;
        let again = stage.accept_raw(vec![update]).await;
        assert_eq!((first.stored, again.duplicates), (1, 1));
        assert!(!again.ordered);
    }
    let orders = stage.store.take_orders(stage.me).await.expect("answers");
    assert!(orders.drain);
    assert_eq!(orders.status.len(), 1);
    // What was taken is not there a second time; a reply is owed until given.
    let again = stage.store.take_orders(stage.me).await.expect("answers");
    assert!(!again.drain);
    assert_eq!(again.status, orders.status);
    let reply = async || {
        let words = Payload::plain("it runs");
        stage.store.reply(orders.status[0], words, stage.me).await
    };
    assert_eq!(reply().await, Ok(Some(ChatId(ANN))));
    assert_eq!(reply().await, Ok(None));
    let said = stage.deliver(ChatId(ANN)).await;
    assert_eq!(said.len(), 3, "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn a_drain_that_was_ordered_of_the_dead_drains_nobody() {
    let stage = looked_after().lives("running").await;
    stage.accept(&[private(ANN, 1, "/admin drain")]).await;
    let next = stage.another().lives("running").await;
    let orders = next.store.take_orders(next.me).await.expect("answers");
    assert!(!orders.drain, "it was for another");
    // A second order of the one that is about to drain says so.
    stage.accept(&[private(ANN, 2, "/admin drain")]).await;
    let said = stage.deliver(ChatId(ANN)).await;
    assert!(said[1].contains("on my way out"), "{said:?}");
    drop(stage);
    next.store.reap(next.me).await.expect("the dead are found");
    let orders = next.store.take_orders(next.me).await.expect("answers");
    assert!(!orders.drain);
}

#[tokio::test(start_paused = true)]
async fn buttons_of_operators_do_nothing_for_anybody_else() {
    let stage = looked_after();
    stage.accept(&[private(8, 1, "hello")]).await;
    stage
        .accept(&[private(ANN, 2, "/admin broadcast all")])
        .await;
    let accepted = stage.accept(&[press(8, 8, 3, "op:send:1")]).await;
    assert_eq!(
        accepted.presses[0].text.as_deref(),
        Some("<button expired>")
    );
    // Nor for an operator where others can see it.
    stage.accept(&[press(-100, ANN, 3, "op:send:1")]).await;
    assert!(!stage.store.spread(stage.me).await.expect("answers").goes_on);
    let accepted = stage.accept(&[press(ANN, ANN, 4, "op:send:1")]).await;
    assert!(accepted.ordered);
    assert!(stage.store.spread(stage.me).await.expect("answers").goes_on);
}

#[tokio::test(start_paused = true)]
async fn a_person_is_banned_by_a_message_of_theirs_that_was_forwarded() {
    let stage = looked_after();
    stage.hears(private(8, 1, "hello")).await;
    let order = |id, origin| {
        let mut order = private(ANN, id, "/admin ban");
        order["message"]["reply_to_message"] = json!({
            "message_id": 2, "date": 1_790_000_000, "text": "hello",
            "chat": {"id": ANN, "type": "private"},
            "from": {"id": ANN, "first_name": "Ann"},
            "forward_origin": origin,
        });
        order
    };
    let hidden = json!({"type": "hidden_user", "sender_user_name": "Ben", "date": 1});
    stage.accept(&[order(3, hidden)]).await;
    let known = json!({"type": "user", "sender_user": {"id": 8, "first_name": "Ben"}, "date": 1});
    stage.accept(&[order(4, known)]).await;
    let said = stage.deliver(ChatId(ANN)).await;
    assert!(said[0].contains("hides their account"), "{said:?}");
    assert!(said[1].contains("8 is not answered"), "{said:?}");
    let accepted = stage.accept(&[private(8, 5, "still there?")]).await;
    assert!(accepted.due.is_empty());
}

/// One life of the active instance, ended by a kill.
async fn dies(stage: &Stage) -> Vec<String> {
    let life = stage.another().lives("running").await;
    life.store.reap(life.me).await.expect("the dead are found");
    let rise = life.store.rise(life.me, "1.0.0", audience());
    rise.await.expect("it rises");
    // Twice is once.
    let rise = life.store.rise(life.me, "1.0.0", audience());
    assert_eq!(rise.await, Ok(Vec::new()));
    life.deliver(ChatId(ANN)).await
}

#[tokio::test(start_paused = true)]
async fn a_crash_loop_is_told_once_in_ten_minutes_with_how_often() {
    let stage = looked_after();
    let first = dies(&stage).await;
    assert!(first[0].contains("first start"), "{first:?}");
    pass(5_000).await;
    for _ in 0..4 {
        let silent = dies(&stage).await;
        assert!(silent.is_empty(), "{silent:?}");
        pass(5_000).await;
    }
    let last = stage.another().lives("running").await;
    last.store.reap(last.me).await.expect("the dead are found");
    let rise = last.store.rise(last.me, "1.0.0", audience());
    assert_eq!(rise.await, Ok(Vec::new()));
    let remind = async || last.store.remind(last.me, audience(), audience()).await;
    assert_eq!(remind().await, Ok(Vec::new()));
    pass(600_000).await;
    assert_eq!(remind().await, Ok(vec![ChatId(ANN)]));
    assert_eq!(remind().await, Ok(Vec::new()));
    let said = last.deliver(ChatId(ANN)).await;
    assert!(
        said[0].contains("killed") && said[0].contains("4 times more")
            || said[0].contains("4 times"),
        "{said:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_cause_is_told_once_an_hour_whoever_says_it() {
    let stage = looked_after();
    let other = stage.another();
    let ring = async |stage: &Stage, cause| {
        let long = Duration::ZERO;
        let alarm = stage
            .store
            .alarm(cause, 1, long, None, audience(), stage.me);
        alarm.await.expect("it is noted").len()
    };
    assert_eq!(ring(&stage, Cause::Conflict).await, 1);
    assert_eq!(ring(&other, Cause::Conflict).await, 0);
    assert_eq!(ring(&other, Cause::Gap).await, 1, "another cause");
    pass(3_599_000).await;
    assert_eq!(ring(&stage, Cause::Conflict).await, 0);
    pass(2_000).await;
    assert_eq!(ring(&other, Cause::Conflict).await, 1);
    let said = stage.deliver(ChatId(ANN)).await;
    assert!(said.is_empty() || said.iter().any(|text| text.contains("409")));
    let told = other.deliver(ChatId(ANN)).await;
    assert!(told.iter().any(|text| text.contains("3 times")), "{told:?}");
    // It ends and comes back within the hour: one word of the end, and silence.
    let calm = async || {
        stage
            .store
            .calm(Cause::Conflict, audience(), stage.me)
            .await
    };
    assert_eq!(calm().await.expect("noted").len(), 1);
    assert_eq!(ring(&stage, Cause::Conflict).await, 0);
    assert_eq!(calm().await.expect("noted").len(), 0);
    // The clock is set back: what was told in the future was told before that.
    let past = stage.with_clock(1_700_000_000_000);
    assert_eq!(ring(&past, Cause::Conflict).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_second_time_without_a_store_within_the_hour_is_told_after_it() {
    let stage = looked_after();
    let away = async |seconds| {
        let (cause, ago) = (Cause::Store, Duration::from_secs(seconds));
        let alarm = stage.store.alarm(cause, 1, ago, None, audience(), stage.me);
        alarm.await.expect("it is noted");
        let calm = stage.store.calm(cause, audience(), stage.me);
        calm.await.expect("it is noted").len()
    };
    let remind = async || {
        let remind = stage.store.remind(stage.me, audience(), audience());
        remind.await.expect("it is looked for").len()
    };
    assert_eq!(away(60).await, 1);
    pass(600_000).await;
    assert_eq!(away(120).await, 0);
    assert_eq!(remind().await, 0);
    pass(3_000_000).await;
    assert_eq!(remind().await, 1, "the hour is over");
    pass(2 * 3_600_000).await;
    assert_eq!(remind().await, 0, "it was told");
    let said = stage.deliver(ChatId(ANN)).await;
    assert!(said[1].contains("for 2 min"), "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_wants_to_hear_is_not_said_later() {
    let stage = looked_after();
    let deaf = Audience {
        hearing: Hearing::Withheld,
        ..audience()
    };
    let (cause, long) = (Cause::Gap, Duration::ZERO);
    let alarm = stage
        .store
        .alarm(cause, 5, long, None, deaf.clone(), stage.me);
    assert_eq!(alarm.await, Ok(Vec::new()));
    pass(2 * 3_600_000).await;
    let remind = stage.store.remind(stage.me, deaf.clone(), deaf);
    assert_eq!(remind.await, Ok(Vec::new()));
    pass(2 * 3_600_000).await;
    let remind = stage.store.remind(stage.me, audience(), audience());
    assert_eq!(remind.await, Ok(Vec::new()));
}
