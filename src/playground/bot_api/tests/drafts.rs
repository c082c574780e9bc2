//! Drafts and typing.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_draft_is_idempotent_and_vanishes_after_thirty_seconds_or_with_a_message() {
    let table = Table::lay();
    table.say("hi");
    let draft = |text: &str| json!({ "chat_id": 501, "draft_id": 7, "text": text });
    let shown = || table.api.chat(501).unwrap().drafts.len();
    table.ok("sendMessageDraft", draft("a"));
    pass(20_000).await;
    table.ok("sendMessageDraft", draft("ab"));
    assert_eq!(shown(), 1);
    pass(29_999).await;
    assert_eq!(shown(), 1);
    pass(1).await;
    assert_eq!(shown(), 0);
    table.ok("sendMessageDraft", draft("abc"));
    table.send("done");
    assert_eq!(shown(), 0);
    let ends: Vec<DraftEnd> = table
        .api
        .events(0)
        .into_iter()
        .filter_map(|event| match event.seen {
            Seen::DraftGone { why, .. } => Some(why),
            _ => None,
        })
        .collect();
    assert_eq!(ends, [DraftEnd::Expired, DraftEnd::Sent]);
}

#[tokio::test(start_paused = true)]
async fn drafts_are_for_private_chats_and_need_an_id() {
    let table = Table::lay();
    let chat = group(&table.api, ChatKind::Group, &[501]);
    table.say("hi");
    table.refused(
        "sendMessageDraft",
        json!({ "chat_id": chat, "draft_id": 1, "text": "x" }),
    );
    table.refused(
        "sendMessageDraft",
        json!({ "chat_id": 501, "draft_id": 0, "text": "x" }),
    );
    // An empty text is the "Thinking…" placeholder.
    table.ok(
        "sendMessageDraft",
        json!({ "chat_id": 501, "draft_id": 1, "text": "" }),
    );
}

#[tokio::test(start_paused = true)]
async fn stop_takes_the_draft_away_and_later_drafts_of_its_id_with_it() {
    let table = Table::lay();
    table.say("hi");
    let draft = |id: i64, keep: bool| json!({ "chat_id": 501, "draft_id": id, "text": "x", "can_stop": true, "keep_on_stop": keep });
    let shown = || table.api.chat(501).unwrap().drafts.len();
    let stop = || Act::Stop {
        place: Place::private(501),
        draft_id: None,
    };
    table.ok("sendMessageDraft", draft(1, false));
    table.api.act(stop()).unwrap();
    assert_eq!(shown(), 0);
    table.ok("sendMessageDraft", draft(1, false));
    assert_eq!(shown(), 0);
    table.ok("sendMessageDraft", draft(2, true));
    table.api.act(stop()).unwrap();
    assert_eq!(shown(), 1);
    table.send("what there was");
    assert_eq!(shown(), 0);
    table.api.act(stop()).unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn typing_is_seen_for_five_seconds_or_until_a_message() {
    let table = Table::lay();
    table.say("hi");
    let typing = || {
        table.ok(
            "sendChatAction",
            json!({ "chat_id": 501, "action": "typing" }),
        )
    };
    typing();
    pass(4_000).await;
    typing();
    pass(2_000).await;
    table.send("done");
    pass(1_000).await;
    typing();
    let seen = table.api.chat(501).unwrap().typing;
    assert_eq!(
        seen,
        [(START, START + 6_000), (START + 7_000, START + 12_000)]
    );
}

#[tokio::test(start_paused = true)]
async fn a_stopped_draft_stays_away_however_long_the_bot_goes_on() {
    let table = Table::lay();
    table.say("hi");
    let draft = json!({ "chat_id": 501, "draft_id": 1, "text": "x", "can_stop": true });
    table.ok("sendMessageDraft", draft.clone());
    let place = Place::private(501);
    let draft_id = None;
    table.api.act(Act::Stop { place, draft_id }).unwrap();
    pass(60_000).await;
    table.ok("sendMessageDraft", draft);
    assert!(table.api.chat(501).unwrap().drafts.is_empty());
}
