//! Whatever Telegram sends is survived, and what it says is understood.

use serde_json::Value;

use super::*;

fn message(json: Value) -> Message {
    let raw = serde_json::json!({"update_id": 7, "message": json}).to_string();
    match parse(raw.as_bytes()).event {
        Some(Event::Message(m)) => *m,
        other => panic!("not a message: {other:?}"),
    }
}

#[test]
fn unknown_shapes_cost_the_field_and_never_the_text() {
    let parsed = message(serde_json::json!({
        "message_id": 3, "date": "soon",
        "chat": {"id": 5, "type": "private", "first_name": "Ann"},
        "from": {"id": 5, "first_name": "Ann"},
        "text": "hello",
        "entities": [{"type": "from_the_future", "offset": -4}, 17, {"type": "mention", "offset": 0, "length": 900}],
        "reply_to_message": {"chat": 12},
        "external_reply": {"origin": []},
        "link_preview_options": 3
    }));
    assert_eq!(parsed.text, "hello");
    assert_eq!(parsed.date, 0);
    assert!(parsed.marks.is_empty());
}

#[test]
fn an_id_is_found_even_in_broken_json() {
    let update = parse(b"{\"update_id\": 99, \"message\": {");
    assert_eq!(update.id, Some(99));
    assert_eq!(update.event, None);
    assert_eq!(parse(b"\xff\xfe").id, None);
}

#[test]
fn a_voice_without_mime_type_is_still_a_message() {
    let parsed = message(serde_json::json!({
        "message_id": 3, "chat": {"id": 5, "type": "private"}, "voice": {"file_id": "x"}
    }));
    assert_eq!(
        parsed.media,
        Some(Media::File(File::new(FileKind::Voice, "x".into())))
    );
}

#[test]
fn service_messages_are_nobodys_question() {
    let raw = br#"{"update_id":1,"message":{"message_id":3,"chat":{"id":-5,"type":"group"},"new_chat_title":"x"}}"#;
    assert_eq!(parse(raw).event, Some(Event::Other));
}

#[test]
fn the_largest_photo_is_taken() {
    let parsed = message(serde_json::json!({
        "message_id": 3, "chat": {"id": 5, "type": "private"}, "caption": "look",
        "photo": [{"file_id": "s", "width": 90, "height": 90}, {"file_id": "l", "width": 900, "height": 600, "file_size": 5}]
    }));
    assert_eq!(
        parsed.media,
        Some(Media::File(File {
            size: Some(5),
            ..File::new(FileKind::Photo, "l".into())
        }))
    );
    assert_eq!(parsed.text, "look");
}

#[test]
fn an_address_behind_words_is_shown_after_them() {
    let link = |offset, length, url: &str| serde_json::json!({"type": "text_link", "offset": offset, "length": length, "url": url});
    let parsed = message(serde_json::json!({
        "message_id": 3, "chat": {"id": 5, "type": "private"}, "text": "😀 here and there.",
        "entities": [link(12, 5, "https://b/"), link(3, 4, "https://a/"), link(900, 4, "https://c/"), {"type": "text_link"}]
    }));
    assert_eq!(
        parsed.written(),
        "😀 here (https://a/) and there (https://b/)."
    );
    assert_eq!(parsed.text, "😀 here and there.");
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_survived(raw: Vec<u8>) {
        let _ = parse(&raw);
    }
}
