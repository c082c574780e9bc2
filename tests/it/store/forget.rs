//! Forgetting, as people see it. That nothing is left in the file is in
//! `sqlite.rs`.

use lastword::domain::ids::ChatId;
use lastword::domain::part::Sent;
use lastword::store::{Begin, Flush, Next};

use super::stage::{of, stores};
use super::talk::{GROUP, chatter, mention, press, private};

#[tokio::test]
async fn forgetting_asks_first() {
    for stage in stores() {
        let conversation = stage.hears(private(7, 1, "secret")).await;
        stage.converse(conversation, "hush").await;
        stage.accept(&[private(7, 2, "/forget")]).await;
        let question = stage.sending(ChatId(7)).await;
        let keyboard = question.payload.keyboard.clone().unwrap().to_string();
        assert!(keyboard.contains("forget:yes") && keyboard.contains("forget:no"));
        stage.finish(&question, Sent::Receipt(80)).await;
        let no = stage.accept(&[press(7, 7, 80, "forget:no")]).await;
        assert_eq!(no.presses[0].text.as_deref(), Some("<kept>"));
        assert_eq!(stage.touched(ChatId(7)).await, [(80, None)]);
        assert_eq!(no.outbox, [ChatId(7)]);
        stage.accept(&[private(7, 3, "still?")]).await;
        let claim = stage.claim(conversation).await.claim;
        assert_eq!(stage.store.history(&claim, 1000).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn forgetting_ends_everything_and_leaves_no_history() {
    for stage in stores() {
        let conversation = stage.hears(private(7, 1, "secret")).await;
        stage.converse(conversation, "hush").await;
        stage.accept(&[private(7, 2, "runs")]).await;
        let running = stage.claim(conversation).await.claim;
        stage.shows(&running).await;
        stage.accept(&[private(7, 3, "gathers")]).await;
        let accepted = stage.accept(&[press(7, 7, 80, "forget:yes")]).await;
        assert!(accepted.cut.contains(&running.turn));
        assert_eq!(stage.deliver(ChatId(7)).await, ["<forgotten>"]);
        assert_eq!(stage.ask(conversation, Flush::All).await, Next::Idle);
        stage.accept(&[private(7, 4, "who am I?")]).await;
        let claim = stage.claim(conversation).await.claim;
        assert_eq!(stage.store.history(&claim, 1000).await.unwrap(), []);
        let books = stage.books().await;
        assert_eq!(books.messages, 4);
        assert_eq!(of(&books.outcomes, "cancelled"), 2);
        stage.accept(&[private(7, 5, "/retry")]).await;
        assert!(
            stage
                .deliver(ChatId(7))
                .await
                .contains(&"<nothing to retry>".to_owned())
        );
    }
}

#[tokio::test]
async fn what_is_being_sent_while_it_is_forgotten_blocks_nothing() {
    for sent in [
        Sent::Receipt(81),
        Sent::NotSent { retry_in_ms: 0 },
        Sent::Uncertain,
        Sent::TargetGone,
        Sent::Undeliverable,
    ] {
        let end = match sent {
            Sent::Receipt(_) => "sent",
            Sent::Undeliverable => "undeliverable",
            _ => "withdrawn",
        };
        for stage in stores() {
            let conversation = stage.hears(private(7, 1, "secret")).await;
            let claim = stage.claim(conversation).await.claim;
            stage.answer(&claim, "hush").await;
            let sending = stage.sending(ChatId(7)).await;
            stage.accept(&[press(7, 7, 80, "forget:yes")]).await;
            stage.finish(&sending, sent.clone()).await;
            assert_eq!(stage.deliver(ChatId(7)).await, ["<forgotten>"], "{sent:?}");
            let books = stage.books().await;
            assert_eq!(of(&books.outcomes, "cancelled"), 1);
            let forgotten = u64::from(end == "sent");
            assert_eq!(of(&books.parts, end), 1 + forgotten, "{sent:?}");
            assert_eq!(stage.touched(ChatId(7)).await, [(80, None)]);
            assert_eq!(stage.begin(ChatId(7)).await, Begin::Idle);
        }
    }
}

#[tokio::test]
async fn in_a_group_only_its_administrators_make_it_forget() {
    for stage in stores() {
        stage
            .store
            .keep_administrators(ChatId(GROUP), vec![2])
            .await
            .unwrap();
        let conversation = stage.hears(mention(GROUP, 7, 1, "a")).await;
        stage.converse(conversation, "to a").await;
        let refused = stage.accept(&[press(GROUP, 7, 80, "forget:yes")]).await;
        assert_eq!(refused.presses[0].text.as_deref(), Some("<not yours>"));
        stage.accept(&[press(GROUP, 2, 80, "forget:yes")]).await;
        assert_eq!(stage.touched(ChatId(GROUP)).await, [(80, None)]);
        stage
            .accept(&[chatter(GROUP, 7, 5, "hm"), mention(GROUP, 7, 6, "b")])
            .await;
        let claim = stage.claim(conversation).await.claim;
        assert_eq!(stage.store.history(&claim, 1000).await.unwrap(), []);
    }
}
