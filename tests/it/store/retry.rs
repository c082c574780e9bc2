//! Retry: one replay per failure, as a new last turn.

use lastword::domain::ids::{ChatId, ConversationId, TurnId};
use lastword::domain::turn::Outcome;
use lastword::store::{Flush, Next};

use super::stage::{Stage, of, parts_answer, stores, texts};
use super::talk::{GROUP, mention, press, private};

async fn ended(stage: &Stage, outcome: Outcome) -> (ConversationId, TurnId) {
    let conversation = stage.hears(private(7, 1, "question")).await;
    let claim = stage.claim(conversation).await.claim;
    let answer = parts_answer(&["so it ended"], outcome);
    stage.store.answer(&claim, answer).await.expect("answers");
    stage.deliver(claim.chat).await;
    (conversation, claim.turn)
}

#[tokio::test]
async fn a_failed_or_stopped_turn_is_replayed_once() {
    for outcome in [Outcome::Failed, Outcome::Cancelled] {
        for stage in stores() {
            let (conversation, turn) = ended(&stage, outcome).await;
            let button = press(7, 7, 9, &format!("retry:{turn}"));
            let first = stage.accept(std::slice::from_ref(&button)).await;
            assert_eq!(first.outbox, [ChatId(7)]);
            assert_eq!(stage.touched(ChatId(7)).await, [(9, None)]);
            assert_eq!(first.due[0].conversation, conversation);
            let second = stage.accept(&[button, private(7, 2, "/retry")]).await;
            assert_eq!(
                second.presses[0].text.as_deref(),
                Some("<nothing to retry>")
            );
            let replay = stage.claim(conversation).await;
            assert_eq!(texts(&replay), ["question"]);
            assert_ne!(replay.claim.turn, turn);
            assert_eq!(stage.turn(turn).await.outcome, Some("superseded"));
            stage.answer(&replay.claim, "at last").await;
            stage.deliver(ChatId(7)).await;
            assert_eq!(stage.ask(conversation, Flush::All).await, Next::Idle);
            let books = stage.books().await;
            assert_eq!((books.messages, of(&books.outcomes, "answered")), (1, 1));
        }
    }
}

#[tokio::test]
async fn the_command_replays_the_last_turn() {
    for stage in stores() {
        let (conversation, _) = ended(&stage, Outcome::Failed).await;
        stage.accept(&[private(7, 2, "/retry")]).await;
        assert_eq!(texts(&stage.claim(conversation).await), ["question"]);
    }
}

#[tokio::test]
async fn what_was_stopped_while_it_gathered_can_be_asked_again() {
    for stage in stores() {
        let (conversation, _) = ended(&stage, Outcome::Answered).await;
        stage.accept(&[private(7, 2, "wait, no")]).await;
        let gathering = stage.turns().await.last().unwrap().turn;
        stage
            .accept(&[press(7, 7, 9, &format!("stop:{gathering}"))])
            .await;
        stage.accept(&[private(7, 3, "/retry")]).await;
        assert_eq!(texts(&stage.claim(conversation).await), ["wait, no"]);
    }
}

#[tokio::test]
async fn an_answered_turn_is_not_replayed() {
    for stage in stores() {
        let (conversation, turn) = ended(&stage, Outcome::Answered).await;
        let button = press(7, 7, 9, &format!("retry:{turn}"));
        let accepted = stage.accept(&[button, private(7, 2, "/retry")]).await;
        assert_eq!(
            accepted.presses[0].text.as_deref(),
            Some("<nothing to retry>")
        );
        assert_eq!(stage.deliver(ChatId(7)).await, ["<nothing to retry>"]);
        assert_eq!(stage.ask(conversation, Flush::All).await, Next::Idle);
        assert_eq!(stage.books().await.messages, 1);
    }
}

#[tokio::test]
async fn a_replay_is_the_last_in_line() {
    for stage in stores() {
        let (conversation, turn) = ended(&stage, Outcome::Failed).await;
        stage
            .accept(&[private(7, 2, "next"), private(7, 3, "/help")])
            .await;
        stage
            .accept(&[press(7, 7, 9, &format!("retry:{turn}"))])
            .await;
        let next = stage.claim(conversation).await;
        assert_eq!(texts(&next), ["next"]);
        stage.answer(&next.claim, "ok").await;
        stage.deliver(ChatId(7)).await;
        assert_eq!(texts(&stage.claim(conversation).await), ["question"]);
    }
}

#[tokio::test]
async fn strangers_in_a_group_replay_nothing() {
    for stage in stores() {
        let conversation = stage.hears(mention(GROUP, 7, 1, "a")).await;
        let claim = stage.claim(conversation).await.claim;
        let failed = parts_answer(&["sorry"], Outcome::Failed);
        stage.store.answer(&claim, failed).await.unwrap();
        stage.deliver(claim.chat).await;
        let button = |person| press(GROUP, person, 9, &format!("retry:{}", claim.turn));
        let accepted = stage.accept(&[button(8)]).await;
        assert_eq!(accepted.presses[0].text.as_deref(), Some("<not yours>"));
        assert_eq!(stage.ask(conversation, Flush::All).await, Next::Idle);
        stage.accept(&[button(7)]).await;
        stage.claim(conversation).await;
    }
}
