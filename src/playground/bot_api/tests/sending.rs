//! Sending, editing, buttons, files.

use super::*;

#[tokio::test(start_paused = true)]
async fn text_is_counted_in_utf16_units() {
    let table = Table::lay();
    table.say("hi");
    table.send(&"😀".repeat(2_048));
    let long = json!({ "chat_id": 501, "text": "😀".repeat(2_049) });
    assert_eq!(
        table.refused("sendMessage", long).description,
        "Bad Request: message is too long"
    );
    let empty = json!({ "chat_id": 501, "text": "" });
    assert_eq!(
        table.refused("sendMessage", empty).description,
        "Bad Request: message text is empty"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_send_changes_nothing() {
    let table = Table::lay();
    table.say("hi");
    let bad = json!({ "chat_id": 501, "text": "abc", "entities": [{ "type": "bold", "offset": 2, "length": 5 }] });
    assert_eq!(
        table.refused("sendMessage", bad).description,
        "Bad Request: ENTITY_BOUNDS_INVALID"
    );
    let reply =
        json!({ "chat_id": 501, "text": "abc", "reply_parameters": { "message_id": 99_999 } });
    assert_eq!(
        table.refused("sendMessage", reply.clone()).description,
        "Bad Request: message to be replied not found"
    );
    let nobody = json!({ "chat_id": 999, "text": "abc" });
    assert_eq!(
        table.refused("sendMessage", nobody).description,
        "Bad Request: chat not found"
    );
    assert!(table.texts().is_empty());
    let mut lenient = reply;
    lenient["reply_parameters"]["allow_sending_without_reply"] = true.into();
    table.ok("sendMessage", lenient);
    assert_eq!(table.texts(), ["abc"]);
}

#[tokio::test(start_paused = true)]
async fn an_edit_is_idempotent_and_touches_only_the_bots_own_messages() {
    let table = Table::lay();
    let theirs = table.say("hi");
    let mine = table.send("one");
    let edit = |id: i64, text: &str| json!({ "chat_id": 501, "message_id": id, "text": text });
    table.ok("editMessageText", edit(mine, "two"));
    let again = table.refused("editMessageText", edit(mine, "two"));
    assert!(
        again
            .description
            .starts_with("Bad Request: message is not modified")
    );
    assert_eq!(
        table
            .refused("editMessageText", edit(theirs, "x"))
            .description,
        "Bad Request: message can't be edited"
    );
    assert_eq!(
        table
            .refused("editMessageText", edit(mine + 1, "x"))
            .description,
        "Bad Request: message to edit not found"
    );
    let chat = table.api.chat(501).unwrap();
    let post = chat.posts.iter().find(|post| post.id == mine).unwrap();
    let seen: Vec<&str> = post.versions.iter().map(|v| v.content.seen()).collect();
    assert_eq!(seen, ["one", "two"]);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_message_is_not_found_by_an_edit() {
    let table = Table::lay();
    table.say("hi");
    let mine = table.send("one");
    table
        .api
        .act(Act::Delete {
            chat: 501,
            message_id: mine,
        })
        .unwrap();
    let edit = json!({ "chat_id": 501, "message_id": mine, "text": "two" });
    assert_eq!(
        table.refused("editMessageText", edit).description,
        "Bad Request: message to edit not found"
    );
}

#[tokio::test(start_paused = true)]
async fn a_rich_message_takes_exactly_one_source_and_can_be_unknown() {
    let table = Table::lay();
    table.say("hi");
    let rich = |message: Value| json!({ "chat_id": 501, "rich_message": message });
    let sent = table.ok("sendRichMessage", rich(json!({ "markdown": "# Hi" })));
    table.refused(
        "sendRichMessage",
        rich(json!({ "markdown": "a", "html": "b" })),
    );
    table.refused("sendRichMessage", rich(json!({})));
    table.refused(
        "sendRichMessage",
        rich(json!({ "html": "x".repeat(32_769) })),
    );
    let mut edit = rich(json!({ "markdown": "# Bye" }));
    edit["message_id"] = sent["message_id"].clone();
    table.ok("editMessageText", edit.clone());
    table.refused("editMessageText", edit);
    assert_eq!(table.texts(), ["# Bye"]);
    table.api.configure(|settings| settings.rich = false);
    let unknown = table.refused("sendRichMessage", rich(json!({ "markdown": "x" })));
    assert_eq!(unknown, Refusal::new(404, "Not Found"));
}

#[tokio::test(start_paused = true)]
async fn a_button_is_answered_once_and_in_time() {
    let table = Table::lay();
    table.say("hi");
    let keyboard = json!({ "inline_keyboard": [[{ "text": "Go", "callback_data": "go" }]] });
    let sent = json!({ "chat_id": 501, "text": "?", "reply_markup": keyboard });
    let id = table.ok("sendMessage", sent)["message_id"]
        .as_i64()
        .unwrap();
    let press = |data: &str| Act::Press {
        place: Place::private(501),
        message_id: id,
        data: data.to_owned(),
    };
    table.api.act(press("no such")).unwrap_err();
    table.api.act(press("go")).unwrap();
    let updates = table.ok("getUpdates", json!({}));
    let query = &updates[1]["callback_query"];
    assert_eq!(
        (&query["data"], &query["from"]["id"]),
        (&json!("go"), &json!(501))
    );
    let answer = json!({ "callback_query_id": query["id"] });
    table.ok("answerCallbackQuery", answer.clone());
    let late = table.refused("answerCallbackQuery", answer);
    assert!(
        late.description
            .starts_with("Bad Request: query is too old")
    );
    let long = json!({ "inline_keyboard": [[{ "text": "Go", "callback_data": "x".repeat(65) }]] });
    let sent = json!({ "chat_id": 501, "text": "?", "reply_markup": long });
    assert_eq!(
        table.refused("sendMessage", sent).description,
        "Bad Request: BUTTON_DATA_INVALID"
    );
}

#[tokio::test(start_paused = true)]
async fn too_many_messages_are_refused_with_the_seconds_to_wait() {
    let table = Table::lay();
    table.say("hi");
    for _ in 0..3 {
        table.send("x");
    }
    let refusal = table.refused("sendMessage", json!({ "chat_id": 501, "text": "x" }));
    assert_eq!((refusal.code, refusal.retry_after_s), (429, Some(1)));
    pass(1_000).await;
    table.send("x");
    table.api.configure(|settings| settings.limits = false);
    for _ in 0..50 {
        table.send("x");
    }
}

#[tokio::test(start_paused = true)]
async fn a_paste_over_the_limit_arrives_as_several_messages() {
    let table = Table::lay();
    let place = Place::private(501);
    let text = "word ".repeat(2_000);
    let acted = table.api.act(Act::Say { place, text }).unwrap();
    assert_eq!(acted.message_ids.len(), 3);
    assert_eq!(acted.update_ids.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_album_is_several_updates_with_one_group_id_and_its_files_can_be_had() {
    let table = Table::lay();
    let album = Act::Send {
        place: Place::private(501),
        medium: Medium::Photo,
        caption: "us".to_owned(),
        count: 2,
        base64: None,
    };
    table.api.act(album).unwrap();
    let updates = table.ok("getUpdates", json!({}));
    let message = |at: usize| &updates[at]["message"];
    assert_eq!(message(0)["media_group_id"], message(1)["media_group_id"]);
    assert_eq!(message(0)["caption"], "us");
    assert!(message(1).get("caption").is_none());
    let file = table.ok(
        "getFile",
        json!({ "file_id": message(0)["photo"][2]["file_id"] }),
    );
    let telegram = InMemory(Arc::clone(&table.api));
    let path = file["file_path"].as_str().unwrap();
    let second = Duration::from_secs(1);
    let bytes = telegram.download(path, 1_000, second).await.unwrap();
    assert!(bytes.starts_with(b"\x89PNG"));
    let large = telegram.download(path, 10, second).await;
    assert!(matches!(large, Err(CallError::Refused { code: 413, .. })));
}

#[tokio::test(start_paused = true)]
async fn an_edit_by_a_person_is_an_update() {
    let table = Table::lay();
    let id = table.say("helo");
    let edit = Act::Edit {
        place: Place::private(501),
        message_id: id,
        text: "hello".to_owned(),
    };
    table.api.act(edit).unwrap();
    let updates = table.ok("getUpdates", json!({}));
    assert_eq!(updates[1]["edited_message"]["text"], "hello");
    assert_eq!(updates[1]["edited_message"]["message_id"], id);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_goes_on_with_ids_chats_files_and_waiting_updates() {
    let table = Table::lay();
    table.say("hi");
    table.send("hello");
    let photo = Act::Send {
        place: Place::private(501),
        medium: Medium::Photo,
        caption: String::new(),
        count: 1,
        base64: None,
    };
    table.api.act(photo).unwrap();
    let saved = table.api.save().unwrap();

    let next = Table {
        api: BotApi::new(
            BotProfile::sample(),
            Settings::default(),
            99,
            Clock::virtual_from(START),
        ),
        alice: 501,
    };
    next.api
        .restore(serde_json::from_str(&saved.to_string()).unwrap());
    assert_eq!(next.api.chats(), table.api.chats());
    pass(1_000).await;
    assert_eq!(next.poll(0), table.poll(0));
    assert_eq!(next.say("more"), table.say("more"));
    assert_eq!(next.api.save().unwrap()["files"], saved["files"]);
}
