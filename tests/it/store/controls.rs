//! Commands and buttons: effect and reply together, acting only on what came
//! before them.

use lastword::domain::ids::ChatId;
use lastword::domain::part::Payload;
use lastword::domain::turn::{Blame, Outcome, Standing};
use lastword::store::{Flush, Next};
use serde_json::json;

use super::stage::{Stage, of, parts_answer, stores, texts};
use super::talk::{GROUP, chatter, draft_stopped, mention, press, private};

#[tokio::test]
async fn a_command_is_answered_with_its_effect() {
    for stage in stores() {
        let accepted = stage
            .accept(&[private(7, 1, "/help"), private(7, 2, "/start")])
            .await;
        assert_eq!(accepted.outbox, [ChatId(7)]);
        assert_eq!(stage.deliver(ChatId(7)).await, ["<help>", "<greeting>"]);
        assert_eq!(stage.books().await.messages, 0);
    }
}

#[tokio::test]
async fn an_unknown_command_goes_to_the_model() {
    for stage in stores() {
        let conversation = stage.hears(private(7, 1, "/haiku about rain")).await;
        assert_eq!(
            texts(&stage.claim(conversation).await),
            ["/haiku about rain"]
        );
    }
}

#[tokio::test]
async fn a_command_for_another_bot_is_not_ours() {
    for stage in stores() {
        let accepted = stage
            .accept(&[chatter(GROUP, 7, 1, "/stop@otherbot")])
            .await;
        assert!(accepted.outbox.is_empty() && accepted.due.is_empty());
    }
}

#[tokio::test]
async fn new_is_a_boundary_in_the_history() {
    for stage in stores() {
        let conversation = stage.hears(private(7, 1, "old")).await;
        stage.converse(conversation, "to old").await;
        stage
            .accept(&[private(7, 2, "/new"), private(7, 3, "fresh")])
            .await;
        let fresh = stage.claim(conversation).await.claim;
        assert_eq!(stage.store.history(&fresh, 10_000).await.unwrap(), []);
        stage.answer(&fresh, "to fresh").await;
        assert!(
            stage
                .deliver(ChatId(7))
                .await
                .contains(&"to fresh".to_owned())
        );
        stage.accept(&[private(7, 4, "more")]).await;
        let more = stage.claim(conversation).await.claim;
        let past = stage.store.history(&more, 10_000).await.unwrap();
        assert_eq!(past.len(), 1);
        assert_eq!(past[0].answer.as_deref(), Some("to fresh"));
    }
}

#[tokio::test]
async fn what_was_said_before_new_keeps_its_own_history() {
    for stage in stores() {
        let conversation = stage.hears(private(7, 1, "ancient")).await;
        stage.converse(conversation, "to ancient").await;
        stage
            .accept(&[private(7, 2, "/new"), private(7, 3, "old")])
            .await;
        stage.converse(conversation, "to old").await;
        stage
            .accept(&[private(7, 4, "between"), private(7, 5, "/new")])
            .await;
        stage.accept(&[private(7, 6, "fresh")]).await;
        let between = stage.claim(conversation).await;
        assert_eq!(texts(&between), ["between"]);
        let past = stage.store.history(&between.claim, 10_000).await.unwrap();
        let seen: Vec<_> = past.iter().map(|p| p.inputs[0].text.as_str()).collect();
        assert_eq!(
            seen,
            ["old"],
            "neither what an earlier /new closed nor nothing"
        );
    }
}

#[tokio::test]
async fn history_tells_what_was_seen() {
    for stage in stores() {
        let conversation = stage.hears(private(7, 1, "a")).await;
        stage.converse(conversation, "to a").await;
        stage.accept(&[private(7, 2, "b")]).await;
        let failed = stage.claim(conversation).await.claim;
        let apology = parts_answer(&["sorry"], Outcome::Failed);
        stage.store.answer(&failed, apology).await.unwrap();
        stage.deliver(failed.chat).await;
        stage.accept(&[private(7, 3, "c")]).await;
        let claim = stage.claim(conversation).await.claim;
        let past = stage.store.history(&claim, 10_000).await.unwrap();
        let past: Vec<_> = past
            .iter()
            .map(|p| (p.inputs[0].text.as_str(), p.answer.as_deref()))
            .collect();
        assert_eq!(past, [("b", None), ("a", Some("to a"))]);
        assert_eq!(stage.store.history(&claim, 0).await.unwrap().len(), 1);
    }
}

async fn standing_after_stop(stage: &Stage, stop: serde_json::Value) -> Standing {
    let conversation = stage.hears(private(7, 1, "a")).await;
    let claim = stage.claim(conversation).await.claim;
    let accepted = stage.accept(&[stop]).await;
    assert_eq!(accepted.cut, [claim.turn]);
    stage
        .store
        .standing(&claim)
        .await
        .expect("its standing is told")
}

#[tokio::test]
async fn every_stop_reaches_the_turn_that_runs() {
    for stage in stores() {
        let standing = standing_after_stop(&stage, private(7, 2, "/stop")).await;
        assert_eq!(standing, Standing::StopRequested);
    }
    for (stage, stop) in stores()
        .iter()
        .zip([press(7, 7, 9, "stop:1"), draft_stopped(7, 1)])
    {
        let standing = standing_after_stop(stage, stop).await;
        assert_eq!(standing, Standing::StopRequested);
    }
}

#[tokio::test]
async fn what_was_generated_stays_when_stopped() {
    for stage in stores() {
        let conversation = stage.hears(private(7, 1, "a")).await;
        let claim = stage.claim(conversation).await.claim;
        stage.accept(&[private(7, 2, "/stop")]).await;
        let half = parts_answer(&["half an ans"], Outcome::Cancelled);
        stage.store.answer(&claim, half).await.unwrap();
        assert_eq!(stage.deliver(claim.chat).await, ["half an ans"]);
        assert_eq!(stage.turn(claim.turn).await.outcome, Some("cancelled"));
    }
}

#[tokio::test]
async fn stop_ends_what_has_not_begun_and_only_what_came_before() {
    for stage in stores() {
        // Gathering.
        let accepted = stage
            .accept(&[
                private(7, 1, "a"),
                private(7, 2, "/stop"),
                private(7, 3, "b"),
            ])
            .await;
        let conversation = accepted.due[0].conversation;
        assert_eq!(stage.deliver(ChatId(7)).await, ["<stopped>"]);
        let running = stage.claim(conversation).await;
        assert_eq!(texts(&running), ["b"]);
        stage.shows(&running.claim).await;
        // Sealed, behind a running one: both end.
        stage
            .accept(&[private(7, 4, "c"), private(7, 5, "/new")])
            .await;
        let accepted = stage.accept(&[private(7, 6, "/stop")]).await;
        assert_eq!(accepted.cut, [running.claim.turn]);
        stage.deliver(ChatId(7)).await;
        stage.answer(&running.claim, "b").await;
        stage.deliver(ChatId(7)).await;
        assert_eq!(stage.ask(conversation, Flush::All).await, Next::Idle);
        let books = stage.books().await;
        assert_eq!(of(&books.outcomes, "cancelled"), 2);
        // Nothing.
        stage.accept(&[private(7, 7, "/stop")]).await;
        assert_eq!(stage.deliver(ChatId(7)).await, ["<nothing to stop>"]);
    }
}

#[tokio::test]
async fn a_stop_outlives_the_owner_it_was_meant_for() {
    for stage in stores() {
        let conversation = stage.hears(private(7, 1, "a")).await;
        let claim = stage.claim(conversation).await.claim;
        stage.accept(&[draft_stopped(7, claim.turn.0)]).await;
        stage.store.park(&claim).await.unwrap();
        let heir = stage.another();
        assert_eq!(heir.ask(conversation, Flush::All).await, Next::Busy);
        assert_eq!(
            heir.deliver(ChatId(7)).await.len(),
            1,
            "the end can be seen"
        );
        assert_eq!(stage.turn(claim.turn).await.outcome, Some("cancelled"));
    }
}

#[tokio::test]
async fn a_stop_that_came_while_its_turn_was_deferred_waits_for_nothing() {
    for stage in stores() {
        let conversation = stage.hears(private(7, 1, "a")).await;
        let claim = stage.claim(conversation).await.claim;
        stage.accept(&[draft_stopped(7, claim.turn.0)]).await;
        let minute = std::time::Duration::from_secs(60);
        stage
            .store
            .defer(&claim, minute, Blame::World, None)
            .await
            .unwrap();
        assert_eq!(stage.ask(conversation, Flush::Due).await, Next::Busy);
        stage.deliver(ChatId(7)).await;
        assert_eq!(stage.turn(claim.turn).await.outcome, Some("cancelled"));
    }
}

#[tokio::test]
async fn a_stop_under_the_draft_of_a_turn_that_waits_is_answered() {
    for stage in stores() {
        let conversation = stage.hears(private(7, 1, "a")).await;
        let claim = stage.claim(conversation).await.claim;
        stage.store.park(&claim).await.unwrap();
        stage.accept(&[draft_stopped(7, claim.turn.0)]).await;
        assert_eq!(stage.deliver(ChatId(7)).await, ["<stopped>"]);
        assert_eq!(stage.turn(claim.turn).await.outcome, Some("cancelled"));
    }
}

#[tokio::test]
async fn a_stopped_placeholder_says_so() {
    for stage in stores() {
        let conversation = stage.hears(mention(GROUP, 7, 1, "a")).await;
        let claim = stage.claim(conversation).await.claim;
        stage
            .store
            .plan_placeholder(&claim, Payload::plain("…"))
            .await
            .unwrap();
        stage.deliver(claim.chat).await;
        let shown = stage.store.placeholder(claim.turn).await.unwrap();
        stage.store.park(&claim).await.unwrap();
        let stop = press(GROUP, 7, 9, &format!("stop:{}", claim.turn));
        let accepted = stage.accept(&[stop]).await;
        assert_eq!(accepted.outbox, [claim.chat]);
        let sending = stage.sending(claim.chat).await;
        assert_eq!(sending.edit, shown);
        stage
            .finish(
                &sending,
                lastword::domain::part::Sent::Receipt(shown.unwrap()),
            )
            .await;
        assert_eq!(stage.turn(claim.turn).await.outcome, Some("cancelled"));
    }
}

#[tokio::test]
async fn in_groups_the_asker_and_administrators_may_stop() {
    for stage in stores() {
        let group = ChatId(GROUP);
        let never = std::time::Duration::from_secs(3600);
        assert!(
            stage
                .store
                .administrators_older_than(group, never)
                .await
                .unwrap()
        );
        stage
            .store
            .keep_administrators(group, vec![1, 2])
            .await
            .unwrap();
        assert!(
            !stage
                .store
                .administrators_older_than(group, never)
                .await
                .unwrap()
        );
        let conversation = stage.hears(mention(GROUP, 7, 1, "a")).await;
        let claim = stage.claim(conversation).await.claim;
        let button = format!("stop:{}", claim.turn);

        let stranger = stage.accept(&[press(GROUP, 8, 9, &button)]).await;
        assert!(stranger.cut.is_empty());
        assert_eq!(stranger.presses[0].text.as_deref(), Some("<not yours>"));
        stage
            .accept(&[chatter(GROUP, 8, 3, "/stop@LastwordBot")])
            .await;
        assert_eq!(stage.deliver(group).await, ["<not yours>"]);
        assert_eq!(stage.store.standing(&claim).await, Ok(Standing::Ours));

        // Who administrates, who asked, and who speaks as the group itself.
        let mut anonymous = chatter(GROUP, 1, 4, "/stop");
        anonymous["message"]["sender_chat"] = json!({"id": GROUP, "title": "Room"});
        for stop in [
            press(GROUP, 2, 9, &button),
            press(GROUP, 7, 9, &button),
            anonymous,
        ] {
            let accepted = stage.accept(&[stop]).await;
            assert_eq!(accepted.cut, [claim.turn]);
        }
    }
}

#[tokio::test]
async fn a_button_of_another_conversation_stops_nothing() {
    for stage in stores() {
        let conversation = stage.hears(private(7, 1, "a")).await;
        let claim = stage.claim(conversation).await.claim;
        for stop in [
            press(8, 8, 9, &format!("stop:{}", claim.turn)),
            draft_stopped(8, claim.turn.0),
            press(7, 7, 9, "stop:999"),
            press(7, 7, 9, "nonsense"),
        ] {
            assert!(stage.accept(&[stop]).await.cut.is_empty());
        }
        assert_eq!(stage.store.standing(&claim).await, Ok(Standing::Ours));
    }
}

/// Nobody has told us yet that the answer is there, but people see its buttons.
#[tokio::test]
async fn before_the_receipt_a_strangers_press_takes_nothing_and_the_askers_is_kept() {
    for button in ["continue", "again"] {
        for stage in stores() {
            let group = ChatId(GROUP);
            let conversation = stage.hears(mention(GROUP, 7, 1, "a story")).await;
            let claim = stage.claim(conversation).await.claim;
            stage.answer(&claim, "it begins").await;
            let sending = stage.sending(group).await;
            let on = stage.receipt();
            let data = format!("{button}:{}", claim.turn);
            let stranger = stage.accept(&[press(GROUP, 8, on, &data)]).await;
            assert_eq!(stranger.presses[0].text.as_deref(), Some("<not yours>"));
            let asker = stage.accept(&[press(GROUP, 7, on, &data)]).await;
            assert_eq!(asker.presses[0].text, None);
            assert!(stage.touched(group).await.is_empty(), "{button}");
            stage
                .finish(&sending, lastword::domain::part::Sent::Receipt(on))
                .await;
            let next = stage.claim(conversation).await;
            let said = texts(&next).concat();
            match button {
                "continue" => assert!(said.starts_with("Continue exactly"), "{said}"),
                _ => assert!(said.ends_with("a story"), "{said}"),
            }
            assert_eq!(next.inputs[0].sender.id.0, 7);
            stage.answer(&next.claim, "and ends").await;
            stage.deliver(group).await;
            assert_eq!(stage.ask(conversation, Flush::All).await, Next::Idle);
            stage.books().await;
        }
    }
}
