//! Updates as Telegram sends them, without their `update_id`: what people say,
//! change and press. Plain JSON, so that the parse is tested along.

use serde_json::{Value, json};

/// The bot's name in these tests.
pub(super) const BOT: &str = "LastwordBot";

/// A group of these tests.
pub(super) const GROUP: i64 = -1_001_234_567_890;

/// What somebody writes to the bot alone.
pub(super) fn private(person: i64, id: i64, text: &str) -> Value {
    json!({"message": {
        "message_id": id, "date": 1_790_000_000,
        "from": {"id": person, "is_bot": false, "first_name": "Ann", "language_code": "en"},
        "chat": {"id": person, "type": "private", "first_name": "Ann"},
        "text": text, "entities": commands(text),
    }})
}

/// What somebody says in a group to nobody.
pub(super) fn chatter(chat: i64, person: i64, id: i64, text: &str) -> Value {
    json!({"message": {
        "message_id": id, "date": 1_790_000_000,
        "from": {"id": person, "is_bot": false, "first_name": format!("P{person}")},
        "chat": {"id": chat, "type": "supergroup", "title": "Room"},
        "text": text, "entities": commands(text),
    }})
}

/// What somebody says in a group to the bot.
pub(super) fn mention(chat: i64, person: i64, id: i64, text: &str) -> Value {
    let mut update = chatter(chat, person, id, &format!("@{BOT} {text}"));
    update["message"]["entities"] =
        json!([{"type": "mention", "offset": 0, "length": BOT.len() + 1}]);
    update
}

/// The same in a forum topic.
pub(super) fn in_topic(mut update: Value, topic: i64) -> Value {
    let message = &mut update["message"];
    message["is_topic_message"] = json!(true);
    message["message_thread_id"] = json!(topic);
    update
}

/// The same message, written so many seconds after the others.
pub(super) fn after(mut update: Value, seconds: i64) -> Value {
    update["message"]["date"] = json!(1_790_000_000 + seconds);
    update
}

/// One photo of an album.
pub(super) fn in_album(mut update: Value, album: &str, caption: Option<&str>) -> Value {
    let message = update["message"].as_object_mut().expect("a message");
    message.remove("text");
    let entities = message.remove("entities");
    if let Some(caption) = caption {
        message.insert("caption".to_owned(), json!(caption));
        message.insert("caption_entities".to_owned(), json!(entities));
    }
    message.insert("media_group_id".to_owned(), json!(album));
    message.insert(
        "photo".to_owned(),
        json!([{"file_id": "f", "width": 90, "height": 90, "file_size": 9}]),
    );
    update
}

/// The same message, changed.
pub(super) fn edited(update: &Value, text: &str) -> Value {
    let mut message = update["message"].clone();
    message["text"] = json!(text);
    message["edit_date"] = json!(1_790_000_009);
    json!({"edited_message": message})
}

/// A press on an inline button.
pub(super) fn press(chat: i64, person: i64, on: i64, data: &str) -> Value {
    let kind = if chat > 0 { "private" } else { "supergroup" };
    json!({"callback_query": {
        "id": format!("q{on}"), "chat_instance": "1", "data": data,
        "from": {"id": person, "is_bot": false, "first_name": "Ann"},
        "message": {
            "message_id": on, "date": 1_790_000_000, "text": "words of the bot",
            "chat": {"id": chat, "type": kind},
            "from": {"id": 42, "is_bot": true, "first_name": "Lastword"},
        },
    }})
}

/// The Stop button of a draft.
pub(super) fn draft_stopped(chat: i64, draft: i64) -> Value {
    json!({"stopped_message_generation": {
        "chat": {"id": chat, "type": "private"}, "draft_id": draft,
    }})
}

/// A group became a supergroup.
pub(super) fn migrated(from: i64, to: i64) -> Value {
    json!({"message": {
        "message_id": 9, "date": 1_790_000_000,
        "chat": {"id": from, "type": "group", "title": "Room"},
        "from": {"id": 1, "is_bot": false, "first_name": "Ann"},
        "migrate_to_chat_id": to,
    }})
}

fn commands(text: &str) -> Value {
    let length = text.split_whitespace().next().map_or(0, str::len);
    if text.starts_with('/') {
        json!([{"type": "bot_command", "offset": 0, "length": length}])
    } else {
        json!([])
    }
}
