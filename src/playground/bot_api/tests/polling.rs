//! `getUpdates`.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_larger_offset_confirms_on_arrival_and_only_what_is_below() {
    let table = Table::lay();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let hook = Arc::clone(&seen);
    table
        .api
        .on_confirm(move |_, ids| hook.lock().unwrap().extend_from_slice(ids));
    for text in ["a", "b", "c"] {
        table.say(text);
    }
    let first = table.poll(0);
    assert_eq!(first.len(), 3);
    assert_eq!(first[2], first[0] + 2);
    assert!(seen.lock().unwrap().is_empty());
    assert_eq!(table.poll(first[1]), first[1..]);
    assert_eq!(*seen.lock().unwrap(), first[..1]);
    // Confirmed is confirmed: a smaller offset brings nothing back.
    assert_eq!(table.poll(first[0]), first[1..]);
}

#[tokio::test(start_paused = true)]
async fn a_negative_offset_forgets_all_but_the_last() {
    let table = Table::lay();
    for text in ["a", "b", "c"] {
        table.say(text);
    }
    let last = table.poll(-1);
    assert_eq!(last.len(), 1);
    assert_eq!(table.api.pending(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_offset_up_to_ten_beyond_the_newest_deletes_everything_and_a_larger_one_nothing() {
    let table = Table::lay();
    table.say("a");
    table.say("b");
    let newest = *table.poll(0).last().unwrap();
    assert_eq!(table.poll(newest + 11).len(), 2);
    table.call("getUpdates", json!({ "offset": newest + 10 }));
    assert_eq!(table.api.pending(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_same_offset_within_half_a_second_gets_one_update_and_a_stretched_poll() {
    let table = Table::lay();
    table.say("a");
    table.say("b");
    assert_eq!(table.poll(0).len(), 2);
    assert_eq!(table.poll(0).len(), 1);
    pass(600).await;
    let newest = *table.poll(0).last().unwrap();
    assert_eq!(table.poll(newest + 1), Vec::<i64>::new());
    pass(1_000).await;
    let again = table.call("getUpdates", json!({ "offset": newest + 1 }));
    assert!(matches!(again, Outcome::Wait(_)));
    pass(3_001).await;
    assert_eq!(table.poll(newest + 1), Vec::<i64>::new());
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_ends_with_the_first_update() {
    let table = Table::lay();
    let telegram = InMemory(Arc::clone(&table.api));
    let began = tokio::time::Instant::now();
    let poll = telegram.call(call("getUpdates", json!({ "timeout": 30 })));
    let say = async {
        pass(7_000).await;
        table.say("hi")
    };
    let (updates, _) = tokio::join!(poll, say);
    assert_eq!(updates.unwrap()[0]["message"]["text"], "hi");
    assert_eq!(began.elapsed().as_secs(), 7);
    let newest = table.poll(0)[0];
    let empty = call("getUpdates", json!({ "timeout": 30, "offset": newest + 1 }));
    assert_eq!(telegram.call(empty).await.unwrap(), json!([]));
    assert_eq!(began.elapsed().as_secs(), 37);
}

#[tokio::test(start_paused = true)]
async fn a_second_poller_displaces_the_older_waiting_one_with_409() {
    let table = Table::lay();
    let telegram = InMemory(Arc::clone(&table.api));
    let older = telegram.call(call("getUpdates", json!({ "timeout": 30 })));
    let newer = async {
        pass(1_000).await;
        telegram
            .call(call("getUpdates", json!({ "timeout": 5 })))
            .await
    };
    let (older, newer) = tokio::join!(older, newer);
    let Err(CallError::Refused {
        code, description, ..
    }) = older
    else {
        panic!("{older:?}");
    };
    assert_eq!(code, 409);
    assert!(description.contains("terminated by other getUpdates request"));
    assert_eq!(newer.unwrap(), json!([]));
    assert_eq!(table.api.conflicts(), 1);
}

#[tokio::test(start_paused = true)]
async fn two_pollers_get_the_same_updates_when_some_wait() {
    let table = Table::lay();
    table.say("a");
    let first = table.poll(0);
    pass(600).await;
    assert_eq!(table.poll(0), first);
    assert_eq!(table.api.conflicts(), 0);
}

#[tokio::test(start_paused = true)]
async fn conflicts_are_answered_at_most_every_three_seconds() {
    let table = Table::lay();
    let telegram = InMemory(Arc::clone(&table.api));
    let poll = async |wait: u64| {
        pass(wait).await;
        let began = tokio::time::Instant::now();
        let answer = telegram
            .call(call("getUpdates", json!({ "timeout": 20 })))
            .await;
        (answer.is_err(), began.elapsed().as_millis())
    };
    let (a, b, c) = tokio::join!(poll(0), poll(1_000), poll(2_000));
    assert_eq!(a, (true, 1_000));
    assert_eq!(b, (true, 4_000));
    assert_eq!(c, (false, 20_000));
}

#[tokio::test(start_paused = true)]
async fn the_filter_is_sticky_and_touches_only_what_comes_later() {
    let table = Table::lay();
    table.say("before");
    table.ok(
        "getUpdates",
        json!({ "allowed_updates": ["callback_query"] }),
    );
    table.say("after");
    pass(600).await;
    assert_eq!(table.poll(0).len(), 1);
    // As client libraries send it: JSON in a string. Empty = the default.
    table.ok(
        "getUpdates",
        json!({ "offset": -1, "allowed_updates": "[]" }),
    );
    table.say("again");
    pass(600).await;
    assert_eq!(table.poll(0).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_stop_reaches_only_who_asked_for_it_by_name() {
    let table = Table::lay();
    table.say("hi");
    let draft = json!({ "chat_id": table.alice, "draft_id": 1, "text": "…", "can_stop": true });
    let stop = || Act::Stop {
        place: Place::private(501),
        draft_id: None,
    };
    table.ok("sendMessageDraft", draft.clone());
    table.api.act(stop()).unwrap();
    assert_eq!(table.api.pending(), 1);
    table.ok(
        "getUpdates",
        json!({ "offset": -1, "allowed_updates": ["message", "stopped_message_generation"] }),
    );
    let mut draft = draft;
    draft["draft_id"] = 2.into();
    table.ok("sendMessageDraft", draft);
    table.api.act(stop()).unwrap();
    pass(600).await;
    let updates = table.ok("getUpdates", json!({}));
    let stopped = &updates[1]["stopped_message_generation"];
    assert_eq!(stopped["draft_id"], 2);
    assert_eq!(stopped["chat"]["id"], 501);
}

#[tokio::test(start_paused = true)]
async fn messages_expire_after_a_day_and_presses_after_150_seconds() {
    let table = Table::lay();
    table.say("hi");
    let keyboard = json!({ "inline_keyboard": [[{ "text": "Go", "callback_data": "go" }]] });
    let sent = table.ok(
        "sendMessage",
        json!({ "chat_id": table.alice, "text": "?", "reply_markup": keyboard }),
    );
    let press = Act::Press {
        place: Place::private(table.alice),
        message_id: sent["message_id"].as_i64().unwrap(),
        data: "go".to_owned(),
    };
    table.api.act(press).unwrap();
    assert_eq!(table.api.pending(), 2);
    pass(150_000).await;
    assert_eq!(table.api.pending(), 1);
    pass(86_400_000 - 150_000).await;
    assert_eq!(table.api.pending(), 0);
    assert_eq!(table.api.lost_upstream(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_cut_at_four_mebibytes() {
    let table = Table::lay();
    let big = "x".repeat(900_000);
    for _ in 0..6 {
        let update = json!({ "message": { "text": big } });
        table.api.act(Act::Inject { update }).unwrap();
    }
    assert_eq!(table.poll(0).len(), 4);
    assert_eq!(table.api.pending(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_week_of_silence_draws_the_ids_anew_and_the_old_offset_hides_nothing() {
    let table = Table::lay();
    let mut smaller = 0;
    for _ in 0..8 {
        table.say("a");
        let old = table.poll(0)[0];
        table.poll(old + 1);
        pass(7 * 86_400_000 + 1).await;
        table.say("b");
        let offset = old + 1;
        let new = table.poll(offset);
        assert_eq!(new.len(), 1);
        assert_ne!(new[0], old + 1);
        smaller += u32::from(new[0] < old);
        table.poll(new[0] + 1);
    }
    assert!(smaller > 0);
}

#[tokio::test(start_paused = true)]
async fn what_telegram_loses_leaves_a_gap() {
    let table = Table::lay();
    table.say("a");
    table.api.act(Act::Lose { updates: 2 }).unwrap();
    table.say("b");
    let ids = table.poll(0);
    assert_eq!(ids[1] - ids[0], 3);
}

#[tokio::test(start_paused = true)]
async fn privacy_hides_group_talk_that_is_not_meant_for_the_bot() {
    let table = Table::lay();
    let chat = group(&table.api, ChatKind::Group, &[table.alice]);
    table.api.configure(|settings| settings.privacy = true);
    let before = table.api.pending();
    let say = |text: &str| {
        let place = Place::group(501, chat);
        let text = text.to_owned();
        table.api.act(Act::Say { place, text }).unwrap()
    };
    let quiet = say("lovely weather");
    assert!(quiet.update_ids.is_empty());
    say("@lastword_bot hello");
    say("/help");
    assert_eq!(table.api.pending(), before + 2);
}

#[tokio::test(start_paused = true)]
async fn losing_the_answer_of_a_poll_unconfirms_nothing() {
    let table = Table::lay();
    table.say("a");
    table.say("b");
    let first = table.poll(0)[0];
    let telegram = InMemory(Arc::clone(&table.api));
    table
        .api
        .fault(FaultRule::once("getUpdates", Fault::CutAfter));
    let lost = call("getUpdates", json!({ "offset": first + 1 }));
    telegram.call(lost).await.unwrap_err();
    assert_eq!(table.api.pending(), 1);
    pass(600).await;
    assert_eq!(table.poll(first + 1), [first + 1]);
}
