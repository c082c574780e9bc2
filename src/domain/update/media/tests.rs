//! Every kind, read and stored and read again.

use serde_json::json;

use super::*;

fn of(message: &Value) -> Media {
    read(message).expect("it carries something")
}

#[test]
fn everything_people_send_is_told_apart() {
    let file = json!({"file_id": "F", "file_unique_id": "U", "file_size": 7, "duration": 3});
    for (field, value, kind) in [
        ("photo", json!([file]), "photo"),
        ("voice", file.clone(), "voice"),
        ("audio", file.clone(), "audio"),
        ("video_note", file.clone(), "video_note"),
        ("video", json!({"thumbnail": file}), "video"),
        ("document", file.clone(), "document"),
    ] {
        let media = of(&json!({ field: value }));
        assert_eq!(media.kind(), kind);
        let read = media.file().expect("a file");
        assert_eq!((read.file_id.as_str(), read.identity()), ("F", "U"));
    }
    let picture = json!({"document": {"file_id": "F", "mime_type": "image/PNG"}});
    assert_eq!(of(&picture).file().unwrap().kind, FileKind::Image);
}

#[test]
fn what_needs_no_download_is_said_in_words() {
    let place = json!({"latitude": 52.5, "longitude": 13.25});
    for (message, words) in [
        (
            json!({"sticker": {"emoji": "👋", "set_name": "Cats"}}),
            "[sticker 👋 of the set \"Cats\"]",
        ),
        (json!({"location": place}), "[location: 52.5, 13.25]"),
        (
            json!({"location": place, "venue": {"location": place, "title": "Zoo", "address": "Road 1"}}),
            "[place: Zoo, Road 1 (52.5, 13.25)]",
        ),
        (
            json!({"contact": {"first_name": "Ann", "last_name": "Lee", "phone_number": "+1 2"}}),
            "[contact: Ann Lee, +1 2]",
        ),
        (
            json!({"poll": {"question": "Tea?", "options": [{"text": "Yes"}, {"text": "No"}]}}),
            "[poll: Tea? / Yes / No]",
        ),
        (
            json!({"dice": {"emoji": "🎲", "value": 4}}),
            "[🎲 fell on 4]",
        ),
    ] {
        match of(&message) {
            Media::Said(said) => assert_eq!(said.words(), words),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_unknown_shape_costs_the_shape_and_not_the_message() {
    for (message, kind) in [
        (json!({"photo": "none"}), "photo"),
        (json!({"voice": {}}), "voice"),
        (json!({"contact": 7}), "contact"),
        (json!({"story": {}}), "story"),
    ] {
        let kind = kind.to_owned();
        assert_eq!(of(&message), Media::Other { kind });
    }
    assert_eq!(read(&json!({"new_chat_title": "x"})), None);
}

#[test]
fn what_was_stored_before_is_read_and_what_is_stored_now_an_older_binary_reads() {
    /// As the first version read it.
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(tag = "media", rename_all = "lowercase")]
    enum Older {
        Photo { file_id: String, size: Option<u64> },
        Other { kind: String },
    }
    let old = json!({"media": "photo", "file_id": "F", "size": 3});
    let media: Media = serde_json::from_value(old).unwrap();
    let photo = media.file().unwrap();
    assert_eq!((photo.kind, photo.size), (FileKind::Photo, Some(3)));
    let old = json!({"media": "other", "kind": "voice"});
    let kind = "voice".to_owned();
    assert_eq!(
        serde_json::from_value::<Media>(old).unwrap(),
        Media::Other { kind }
    );
    let file = json!({"file_id": "F", "file_size": 3});
    for (message, older) in [
        (
            json!({"photo": [file]}),
            Older::Photo {
                file_id: "F".to_owned(),
                size: Some(3),
            },
        ),
        (
            json!({"voice": file}),
            Older::Other {
                kind: "voice".to_owned(),
            },
        ),
        (
            json!({"dice": {"emoji": "🎲", "value": 4}}),
            Older::Other {
                kind: "dice".to_owned(),
            },
        ),
    ] {
        let media = of(&message);
        let stored = serde_json::to_value(&media).unwrap();
        assert_eq!(
            serde_json::from_value::<Media>(stored.clone()).unwrap(),
            media
        );
        assert_eq!(serde_json::from_value::<Older>(stored).unwrap(), older);
    }
}
