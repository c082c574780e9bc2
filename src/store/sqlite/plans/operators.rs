//! What operators and other programs ask of the store, once each, for its plans
//! to be looked at.

use super::*;

/// What operators look at and do.
pub(super) async fn operate(store: &SqliteStore, ask: Ask, turn: TurnId) {
    store.picture().await.unwrap();
    store.usage(Duration::from_secs(60)).await.unwrap();
    store.show(turn, desk::Texts::Shown).await.unwrap();
    store.pause(None).await.unwrap();
    let waiting = vec![update(900_070, "waits")];
    store.accept(ask.owner, waiting, policy()).await.unwrap();
    assert_eq!(store.claim(ask).await.unwrap(), Next::Busy);
    let listed = store.turns(desk::Which::Waiting, 1).await.unwrap();
    store.cancel(listed[0].turn, None).await.unwrap();
    store.resume().await.unwrap();
    store.reap(ask.owner).await.unwrap();
    for change in [store.ban(9), store.allow(9), store.unban(9)] {
        change.await.unwrap();
    }
}

/// Notices from outside, one of which lives for no time at all.
pub(super) async fn hand_over(store: &SqliteStore, me: InstanceId) {
    let notice = |file: &str, life| Notice {
        file: file.to_owned(),
        addressed: false,
        key: Some(("x".to_owned(), Duration::from_secs(1))),
        chat: ChatId(7),
        topic: None,
        parts: vec![Payload::plain("x")],
        life,
    };
    let some = vec![notice("a", Some(Duration::from_secs(1))), notice("b", None)];
    store.import(some, Vec::new(), me, 100).await.unwrap();
    let files = store.imported().await.unwrap();
    store.import(Vec::new(), files, me, 100).await.unwrap();
}

/// What operators are told, and what they order.
pub(super) async fn look_after(store: &SqliteStore, me: InstanceId) {
    let audience = Audience {
        ids: [5].into(),
        ..Audience::default()
    };
    store.rise(me, "1", audience.clone()).await.unwrap();
    let (cause, long) = (Cause::Credit, Duration::ZERO);
    let alarm = store.alarm(cause, 1, long, None, audience.clone(), me);
    alarm.await.unwrap();
    let remind = store.remind(me, audience.clone(), audience.clone());
    remind.await.unwrap();
    store.calm(cause, audience.clone(), me).await.unwrap();
    store.take_orders(me).await.unwrap();
    store.spread(me).await.unwrap();
    let farewell = Farewell {
        end: End::Drained,
        took: long,
        answered: 0,
        heir: Heir::NextStart,
    };
    store.leave_errands(me).await.unwrap();
    store.bid_farewell(me, farewell, audience).await.unwrap();
}
