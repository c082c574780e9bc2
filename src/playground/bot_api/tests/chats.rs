//! Chats of every kind: ids, topics, migration, blocking.

use super::*;

#[tokio::test(start_paused = true)]
async fn private_chats_and_basic_groups_share_one_sequence_and_a_supergroup_has_its_own() {
    let table = Table::lay();
    let bob = add(&table.api, 502, "Bob");
    let first = table.say("hi");
    let basic = group(&table.api, ChatKind::Group, &[bob]);
    let say = |place: Place| {
        let text = "x".to_owned();
        table.api.act(Act::Say { place, text }).unwrap().message()
    };
    // The group's own service message took one.
    assert_eq!(say(Place::group(bob, basic)), first + 2);
    assert_eq!(say(Place::private(bob)), first + 3);
    table.api.act(Act::Noise { messages: 5 }).unwrap();
    assert_eq!(table.send("y"), first + 9);
    let forum = group(&table.api, ChatKind::Supergroup, &[bob]);
    assert_eq!(say(Place::group(bob, forum)), 2);
    assert_eq!(table.send("z"), first + 10);
}

#[tokio::test(start_paused = true)]
async fn who_blocks_the_bot_hears_nothing_and_writing_unblocks() {
    let table = Table::lay();
    table.say("hi");
    table.api.act(Act::Block { person: 501 }).unwrap();
    let send = json!({ "chat_id": 501, "text": "x" });
    assert_eq!(
        table.refused("sendMessage", send),
        Refusal::new(403, "Forbidden: bot was blocked by the user")
    );
    table.say("back");
    table.send("x");
    let updates = table.ok("getUpdates", json!({}));
    let status = |at: usize| updates[at]["my_chat_member"]["new_chat_member"]["status"].clone();
    assert_eq!(status(1), "kicked");
    assert_eq!(status(2), "member");
    assert_eq!(updates[3]["message"]["text"], "back");
}

#[tokio::test(start_paused = true)]
async fn a_migrated_group_names_its_supergroup() {
    let table = Table::lay();
    let old = group(&table.api, ChatKind::Group, &[501]);
    let new = table
        .api
        .act(Act::Migrate { chat: old })
        .unwrap()
        .id
        .unwrap();
    let refusal = table.refused("sendMessage", json!({ "chat_id": old, "text": "x" }));
    assert_eq!((refusal.code, refusal.migrate_to), (400, Some(new)));
    assert_eq!(refusal.body()["parameters"]["migrate_to_chat_id"], new);
    table.ok("sendMessage", json!({ "chat_id": new, "text": "x" }));
}

#[tokio::test(start_paused = true)]
async fn a_topic_must_exist_and_a_reply_lands_in_its_topic() {
    let table = Table::lay();
    let chat = group(&table.api, ChatKind::Forum, &[501]);
    let name = "Books".to_owned();
    let act = Act::OpenTopic {
        chat,
        person: 501,
        name,
    };
    let topic = table.api.act(act).unwrap().id.unwrap();
    let place = Place::group(501, chat).topic(topic);
    let text = "hi".to_owned();
    let asked = table.api.act(Act::Say { place, text }).unwrap().message();
    let lost = json!({ "chat_id": chat, "text": "x", "message_thread_id": 9_999 });
    assert_eq!(
        table.refused("sendMessage", lost).description,
        "Bad Request: message thread not found"
    );
    let reply =
        json!({ "chat_id": chat, "text": "x", "reply_parameters": { "message_id": asked } });
    assert_eq!(table.ok("sendMessage", reply)["message_thread_id"], topic);
}

#[tokio::test(start_paused = true)]
async fn a_reply_in_a_plain_supergroup_names_a_thread_that_is_no_topic() {
    let table = Table::lay();
    let chat = group(&table.api, ChatKind::Supergroup, &[501]);
    let say = |place: Place| {
        let text = "x".to_owned();
        table.api.act(Act::Say { place, text }).unwrap().message()
    };
    let root = say(Place::group(501, chat));
    let second = say(Place::group(501, chat).reply_to(root));
    say(Place::group(501, chat).reply_to(second));
    let updates = table.ok("getUpdates", json!({}));
    let last = &updates.as_array().unwrap().last().unwrap()["message"];
    assert_eq!(last["message_thread_id"], root);
    assert!(last.get("is_topic_message").is_none());
    let answer = json!({ "chat_id": chat, "text": "x", "message_thread_id": root });
    let sent = table.ok("sendMessage", answer);
    assert!(sent.get("message_thread_id").is_none());
}

#[tokio::test(start_paused = true)]
async fn what_answers_nothing_in_a_topic_answers_its_first_message() {
    let table = Table::lay();
    let chat = group(&table.api, ChatKind::Forum, &[501]);
    let name = "Books".to_owned();
    let topic = table
        .api
        .act(Act::OpenTopic {
            chat,
            person: 501,
            name,
        })
        .unwrap()
        .id
        .unwrap();
    let place = Place::group(501, chat).topic(topic);
    table
        .api
        .act(Act::Say {
            place,
            text: "hi".to_owned(),
        })
        .unwrap();
    let updates = table.ok("getUpdates", json!({}));
    let said = &updates.as_array().unwrap().last().unwrap()["message"];
    assert_eq!(said["is_topic_message"], true);
    assert_eq!(said["reply_to_message"]["message_id"], topic);
    assert!(said["reply_to_message"]["forum_topic_created"].is_object());
}
