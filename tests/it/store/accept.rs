//! Accepting: once, whole batches, nothing thrown away, nothing kept that is
//! not ours.

use bytes::Bytes;
use lastword::domain::ids::ChatId;
use serde_json::json;

use super::stage::{numbered, of, stores, texts};
use super::talk::{GROUP, chatter, edited, in_album, in_topic, mention, private};

#[tokio::test]
async fn an_update_is_accepted_once() {
    for stage in stores() {
        let other = stage.another();
        let update = numbered(&private(7, 1, "hi"), 5);
        let first = stage.accept_raw(vec![update.clone(), update.clone()]).await;
        assert_eq!((first.stored, first.duplicates), (1, 1));
        for again in [&stage, &other, &stage] {
            let again = again.accept_raw(vec![update.clone()]).await;
            assert_eq!((again.stored, again.duplicates), (0, 1));
            assert!(again.due.is_empty());
        }
        assert_eq!(stage.books().await.messages, 1);
    }
}

#[tokio::test]
async fn an_id_below_the_highest_is_no_duplicate() {
    for stage in stores() {
        stage
            .accept_raw(vec![numbered(&private(7, 1, "b"), 900)])
            .await;
        let late = stage
            .accept_raw(vec![numbered(&private(7, 2, "a"), 3)])
            .await;
        assert_eq!((late.stored, late.duplicates), (1, 0));
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_kept_and_confirmed() {
    for stage in stores() {
        let broken = Bytes::from_static(b"{\"update_id\": 70, \"message\": {\"text\": \"x");
        let odd = Bytes::from_static(b"{\"update_id\": 71, \"message\": {\"text\": \"no chat\"}}");
        let nothing = Bytes::from_static(b"\xff\x00[");
        let good = numbered(&private(7, 1, "hi"), 72);
        let accepted = stage
            .accept_raw(vec![broken.clone(), odd, nothing, good])
            .await;
        assert_eq!((accepted.stored, accepted.unparsed), (4, 3));
        assert_eq!(accepted.due.len(), 1);
        let again = stage.accept_raw(vec![broken]).await;
        assert_eq!((again.stored, again.duplicates), (0, 1));
        assert_eq!(stage.books().await.messages, 1);
    }
}

#[tokio::test]
async fn conversations_are_kept_apart_by_chat_and_topic() {
    for stage in stores() {
        let a = stage.hears(private(7, 1, "a")).await;
        let b = stage.hears(private(8, 1, "b")).await;
        let c = stage.hears(mention(GROUP, 7, 1, "c")).await;
        let d = stage.hears(in_topic(mention(GROUP, 7, 2, "d"), 5)).await;
        let again = stage.hears(in_topic(mention(GROUP, 7, 3, "e"), 5)).await;
        assert_eq!(d, again);
        let all = std::collections::BTreeSet::from([a, b, c, d]);
        assert_eq!(all.len(), 4);
        assert_eq!(stage.claim(d).await.claim.topic, Some(5));
        assert_eq!(stage.claim(c).await.claim.chat, ChatId(GROUP));
    }
}

#[tokio::test]
async fn chatter_of_a_group_makes_no_turn() {
    for stage in stores() {
        let said = chatter(GROUP, 7, 1, "just talking");
        let accepted = stage
            .accept(&[said.clone(), edited(&said, "still talking")])
            .await;
        assert_eq!((accepted.stored, accepted.unparsed), (2, 0));
        assert!(accepted.due.is_empty());
        assert_eq!(stage.books().await.messages, 0);
    }
}

#[tokio::test]
async fn the_rest_of_an_album_belongs_to_its_mention() {
    for stage in stores() {
        let first = mention(GROUP, 7, 1, "what is this?");
        let caption = first["message"]["text"].as_str().unwrap().to_owned();
        let batch = [
            in_album(first, "al", Some(&caption)),
            in_album(chatter(GROUP, 7, 2, ""), "al", None),
            // Another person's album and another album are not spoken to us.
            in_album(chatter(GROUP, 8, 3, ""), "al", None),
            in_album(chatter(GROUP, 7, 4, ""), "other", None),
        ];
        let accepted = stage.accept(&batch).await;
        let claimed = stage.claim(accepted.due[0].conversation).await;
        assert_eq!(claimed.inputs.len(), 2, "{:?}", texts(&claimed));
    }
}

#[tokio::test]
async fn the_rest_of_a_split_paste_belongs_to_its_mention() {
    for stage in stores() {
        let batch = [
            mention(GROUP, 7, 1, &"x".repeat(4080)),
            chatter(GROUP, 7, 2, &"y".repeat(4096)),
            chatter(GROUP, 7, 3, "z"),
            chatter(GROUP, 7, 4, "and now to you, Bob"),
        ];
        let accepted = stage.accept(&batch).await;
        let claimed = stage.claim(accepted.due[0].conversation).await;
        assert_eq!(claimed.inputs.len(), 3);
    }
}

#[tokio::test]
async fn a_message_with_shapes_from_the_future_is_answered() {
    for stage in stores() {
        let mut odd = private(7, 1, "hello");
        odd["message"]["entities"] = json!([{"type": "from_the_future"}, 7]);
        odd["message"]["rich_message"] = json!(12);
        odd["message"]["reply_to_message"] = json!({"chat": []});
        let conversation = stage.hears(odd).await;
        assert_eq!(texts(&stage.claim(conversation).await), ["hello"]);
    }
}

#[tokio::test]
async fn the_backlog_counts_what_nobody_has_claimed() {
    for stage in stores() {
        stage
            .accept(&[private(7, 1, "a"), private(7, 2, "b")])
            .await;
        let conversation = stage.hears(private(8, 1, "c")).await;
        assert_eq!(stage.store.backlog(100).await.unwrap(), 3);
        stage.claim(conversation).await;
        assert_eq!(stage.store.backlog(100).await.unwrap(), 2);
    }
}

#[tokio::test]
async fn two_instances_accepting_the_same_updates_share_one_window() {
    for stage in stores() {
        let other = stage.another();
        for id in 0..10 {
            let update = stage.update(&private(7, id, "x"));
            stage.accept_raw(vec![update.clone()]).await;
            other.accept_raw(vec![update]).await;
        }
        let books = stage.books().await;
        assert_eq!((books.messages, of(&books.states, "gathering")), (10, 1));
    }
}
