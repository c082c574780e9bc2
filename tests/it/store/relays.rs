//! Relayed chats: an id of their own, whoever else has the one Telegram uses.

use lastword::domain::ids::{ChatId, UserId};
use lastword::domain::update::{Connection, ConnectionStanding};
use lastword::store::{Flush, Next, Relay};
use serde_json::{Value, json};

use super::stage::{Stage, numbered, stores};
use super::talk::{press, private};

fn through(link: &str, from: i64, chat: i64, id: i64, text: &str) -> Value {
    let mut update = private(chat, id, text);
    let mut message = update["message"].take();
    message["business_connection_id"] = json!(link);
    message["from"]["id"] = json!(from);
    json!({"business_message": message})
}

async fn connect(stage: &Stage, link: &str, standing: ConnectionStanding) -> Vec<ChatId> {
    let connection = Connection {
        id: link.to_owned(),
        owner: UserId(90),
        standing,
    };
    let policy = std::sync::Arc::new(stage.policy.clone());
    let instance = stage.me;
    let accepted = stage.store.connect(instance, connection, policy).await;
    accepted
        .expect("the store takes it")
        .due
        .iter()
        .map(|due| due.chat)
        .collect()
}

#[tokio::test]
async fn what_waits_for_its_connection_is_in_one_turn_however_often_it_comes() {
    for stage in stores() {
        let said = numbered(&through("a", 7, 7, 5, "hello"), 4711);
        let first = stage.accept_raw(vec![said.clone(), said.clone()]).await;
        assert_eq!((first.stored, first.duplicates), (1, 1));
        assert!(first.due.is_empty());
        assert_eq!(stage.store.unconnected(9).await.unwrap(), ["a"]);
        let chats = connect(&stage, "a", ConnectionStanding::Usable).await;
        assert!(chats.len() == 1 && chats[0].is_relayed());
        assert_eq!(stage.accept_raw(vec![said]).await.duplicates, 1);
        assert!(
            connect(&stage, "a", ConnectionStanding::Usable)
                .await
                .is_empty()
        );
        assert!(stage.store.unconnected(9).await.unwrap().is_empty());
        let books = stage.books().await;
        assert_eq!((books.messages, books.orphaned), (1, 0));
    }
}

#[tokio::test]
async fn a_chat_keeps_its_id_when_the_account_is_connected_anew() {
    for stage in stores() {
        connect(&stage, "a", ConnectionStanding::Usable).await;
        let one = stage.accept(&[through("a", 7, 7, 5, "one")]).await.due[0];
        assert_ne!(one.chat, ChatId(7));
        connect(&stage, "a", ConnectionStanding::Idle).await;
        assert_eq!(stage.ask(one.conversation, Flush::All).await, Next::Idle);
        let cut = stage.store.relay(one.chat).await.unwrap();
        assert_eq!(cut, Some(Relay::Cut));
        connect(&stage, "b", ConnectionStanding::Usable).await;
        let two = stage.accept(&[through("b", 7, 7, 6, "two")]).await.due[0];
        assert_eq!(two.conversation, one.conversation);
        let relay = stage.store.relay(two.chat).await.unwrap();
        let expected = Relay::Business {
            connection: "b".to_owned(),
            chat: 7,
        };
        assert_eq!(relay, Some(expected));
        assert_eq!(stage.store.relay(ChatId(7)).await.unwrap(), None);
    }
}

#[tokio::test]
async fn forgetting_ones_own_chat_leaves_the_accounts_chat_with_one_alone() {
    for stage in stores() {
        connect(&stage, "a", ConnectionStanding::Usable).await;
        let said = stage.accept(&[through("a", 7, 7, 5, "to the shop")]).await;
        stage.accept(&[private(7, 5, "to the bot")]).await;
        stage.accept(&[press(7, 7, 80, "forget:yes")]).await;
        let claimed = stage.claim(said.due[0].conversation).await;
        assert_eq!(claimed.inputs.len(), 1);
        assert_eq!(claimed.inputs[0].text, "to the shop");
    }
}
