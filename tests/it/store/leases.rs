//! Leases: who lives, who inherits, who polls.

use lastword::domain::ids::ChatId;
use lastword::domain::part::Sent;
use lastword::store::{Begin, Flush, Left, Next, Reaped, StoreError};

use super::stage::{inline, pass, stores};
use super::talk::private;

#[tokio::test]
async fn the_turns_of_the_dead_are_free_at_once() {
    for stage in stores() {
        let heir = stage.another().lives("running").await;
        let dead = stage.another().lives("running").await;
        let conversation = stage.hears(private(7, 1, "a")).await;
        let claim = dead.claim(conversation).await.claim;
        drop(dead);
        assert_eq!(heir.ask(conversation, Flush::All).await, Next::Busy);
        let reaped = heir.store.reap(heir.me).await.unwrap();
        assert_eq!((reaped.instances, reaped.turns), (1, 1));
        let again = heir.claim(conversation).await;
        assert_eq!(again.claim.turn, claim.turn);
        assert_eq!(again.failures, 0);
        let reaped = heir.store.reap(heir.me).await.unwrap();
        assert_eq!(reaped, Reaped::default());
    }
}

#[tokio::test]
async fn the_living_are_never_reaped() {
    for stage in stores() {
        let heir = stage.another().lives("running").await;
        let owner = stage.another().lives("draining").await;
        let conversation = stage.hears(private(7, 1, "a")).await;
        let claim = owner.claim(conversation).await.claim;
        for _ in 0..3 {
            assert_eq!(heir.store.reap(heir.me).await, Ok(Reaped::default()));
        }
        owner.answer(&claim, "alive").await;
        assert_eq!(heir.store.reap(heir.me).await, Ok(Reaped::default()));
        assert_eq!(heir.begin(ChatId(7)).await, Begin::Idle);
        assert_eq!(owner.deliver(ChatId(7)).await, ["alive"]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_dead_were_sending_is_uncertain() {
    let stage = inline();
    let heir = stage.another().lives("running").await;
    let dead = stage.another().lives("running").await;
    let a = stage.hears(private(7, 1, "a")).await;
    let b = stage.hears(private(8, 1, "b")).await;
    for conversation in [a, b] {
        let claim = dead.claim(conversation).await.claim;
        dead.answer(&claim, "said").await;
    }
    let sending = dead.sending(ChatId(7)).await;
    drop(dead);
    let reaped = heir.store.reap(heir.me).await.unwrap();
    assert_eq!((reaped.unsent, reaped.uncertain), (1, 1));
    // They are answered: nothing is asked of the model again.
    assert_eq!(reaped.turns, 0);
    let late = stage.store.finish_send(&sending, Sent::Receipt(1)).await;
    assert_eq!(late, Err(StoreError::Fenced));
    assert_eq!(heir.deliver(ChatId(8)).await, ["said"]);
    assert!(matches!(heir.begin(ChatId(7)).await, Begin::Wait(_)));
    pass(35_000).await;
    assert!(heir.sending(ChatId(7)).await.resent);
}

#[tokio::test]
async fn what_was_left_after_leaving_is_inherited_too() {
    for stage in stores() {
        let gone = stage.another().lives("running").await;
        let conversation = stage.hears(private(7, 1, "a")).await;
        gone.store.leave(gone.me).await.unwrap();
        // A straggler of the same process.
        let claim = gone.claim(conversation).await.claim;
        gone.accept(&[private(8, 1, "/help")]).await;
        drop(gone);
        let heir = stage.another().lives("running").await;
        let reaped = heir.store.reap(heir.me).await.unwrap();
        assert_eq!((reaped.turns, reaped.unsent), (1, 1));
        assert_eq!(heir.claim(conversation).await.claim.turn, claim.turn);
        assert_eq!(heir.deliver(ChatId(8)).await, ["<help>"]);
    }
}

#[tokio::test]
async fn leaving_says_what_is_left_and_frees_it() {
    for stage in stores() {
        let leaver = stage.another().lives("draining").await;
        let a = stage.hears(private(7, 1, "a")).await;
        let b = stage.hears(private(8, 1, "b")).await;
        let c = stage.hears(private(9, 1, "c")).await;
        stage.hears(private(10, 1, "gathers")).await;
        leaver.claim(a).await;
        for conversation in [b, c] {
            let claim = leaver.claim(conversation).await.claim;
            leaver.answer(&claim, "said").await;
        }
        leaver.sending(ChatId(8)).await;
        let left = leaver.store.leave(leaver.me).await.unwrap();
        let expected = Left {
            parked: 2,
            uncertain: 1,
            unsent: 1,
        };
        assert_eq!(left, expected);
        // A parked turn is claimed at once, by anybody; nothing is blamed.
        let heir = stage.another().lives("running").await;
        assert_eq!(heir.claim(a).await.failures, 0);
        let reaped = heir.store.reap(heir.me).await.unwrap();
        assert_eq!((reaped.turns, reaped.unsent, reaped.uncertain), (0, 1, 1));
        assert_eq!(heir.deliver(ChatId(9)).await, ["said"]);
    }
}

#[tokio::test]
async fn one_polls_at_a_time() {
    for stage in stores() {
        let other = stage.another();
        assert_eq!(stage.store.take_intake().await, Ok(true));
        assert_eq!(
            stage.store.take_intake().await,
            Ok(true),
            "it is ours already"
        );
        assert_eq!(other.store.take_intake().await, Ok(false));
        stage.store.release_intake().await.unwrap();
        stage.store.release_intake().await.unwrap();
        assert_eq!(other.store.take_intake().await, Ok(true));
        assert_eq!(stage.store.take_intake().await, Ok(false));
        drop(other);
        assert_eq!(stage.store.take_intake().await, Ok(true), "death lets go");
    }
}

#[tokio::test]
async fn a_successor_lives_and_does_not_drain() {
    for stage in stores() {
        let me = stage.another().lives("draining").await;
        let successor = || me.store.successor(me.me);
        assert_eq!(successor().await, Ok(false));
        let other = stage.another().lives("starting").await;
        assert_eq!(successor().await, Ok(false));
        for (phase, succeeds) in [("standby", true), ("running", true), ("draining", false)] {
            other.store.set_phase(other.me, phase).await.unwrap();
            assert_eq!(successor().await, Ok(succeeds), "{phase}");
        }
        // A write of its start that comes late undoes no drain.
        other.store.set_phase(other.me, "running").await.unwrap();
        assert_eq!(successor().await, Ok(false), "it drains");
        drop(other);
        let other = stage.another().lives("running").await;
        assert_eq!(successor().await, Ok(true));
        drop(other);
        assert_eq!(successor().await, Ok(false), "the dead inherit nothing");
    }
}

#[tokio::test]
async fn one_id_is_one_process() {
    for stage in stores() {
        stage.store.register(stage.me, "1").await.unwrap();
        let other = stage.another();
        let taken = other.store.register(stage.me, "1").await;
        assert!(taken.is_err());
    }
}
