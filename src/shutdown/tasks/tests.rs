//! What the table of kinds promises.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::Cause;
use super::*;

#[test]
fn every_kind_has_its_own_place() {
    for (place, kind) in Kind::ALL.into_iter().enumerate() {
        assert_eq!(kind as usize, place);
    }
    let to_the_end: Vec<_> = Kind::ALL
        .into_iter()
        .filter(|kind| kind.rule().0 == OnStop::CutByClose)
        .collect();
    assert_eq!(to_the_end, [Kind::Ops, Kind::Doorman, Kind::Playground]);
    assert!(to_the_end.iter().all(|kind| !Kind::WORK.contains(kind)));
}

#[tokio::test]
async fn each_kind_ends_when_its_rule_says_and_not_before() {
    for kind in Kind::ALL {
        let shutdown = Shutdown::new();
        let tasks = Tasks::new(&shutdown);
        let task = tasks.spawn(kind, "forever", std::future::pending::<()>());
        assert_eq!(tasks.running()[&kind], 1);
        shutdown.stop(Cause::Terminate);
        tokio::task::yield_now().await;
        if kind.rule().0 != OnStop::CutByIntake {
            assert!(!task.is_finished(), "{kind:?} after the first stop");
            shutdown.stop(Cause::Terminate);
            tokio::task::yield_now().await;
        }
        match kind.rule().0 {
            OnStop::CutByIntake | OnStop::CutByWork => {
                assert_eq!(task.await.expect("not aborted"), Ended::Cut);
            }
            OnStop::CutByClose => {
                assert!(!task.is_finished(), "{kind:?} before the close");
                tasks.close();
                assert_eq!(task.await.expect("not aborted"), Ended::Cut);
            }
            OnStop::Finishes => {
                tasks.close();
                tokio::task::yield_now().await;
                assert!(!task.is_finished(), "{kind:?} finishes by itself");
                assert_eq!(tasks.running()[&kind], 1);
                continue;
            }
        }
        tasks.wait_all().await;
    }
}

#[tokio::test]
async fn a_panic_is_a_value_and_kills_nobody_else() {
    let tasks = Tasks::new(&Shutdown::new());
    let bad = tasks.spawn(Kind::Turn, "bad", async { panic!("of this turn only") });
    let good = tasks.spawn(Kind::Turn, "good", async { 7 });
    assert_eq!(bad.await.expect("caught"), Ended::<()>::Panicked);
    assert_eq!(good.await.expect("not aborted"), Ended::Done(7));
    tasks.wait(&[Kind::Turn]).await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_must_live_is_begun_again_after_a_panic() {
    let tasks = Tasks::new(&Shutdown::new());
    let begun = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&begun);
    let task = tasks.keep(Kind::Sweep, "unlucky", move || {
        let count = Arc::clone(&count);
        async move {
            assert!(
                count.fetch_add(1, Ordering::Relaxed) == 2,
                "the first two times"
            );
        }
    });
    assert_eq!(task.await.expect("not aborted"), Ended::Done(()));
    assert_eq!(begun.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_stop_ends_the_rest_of_a_task_that_keeps_panicking() {
    let shutdown = Shutdown::new();
    let tasks = Tasks::new(&shutdown);
    let task = tasks.keep(Kind::Sender, "hopeless", || async { panic!("always") });
    shutdown.stop(Cause::Terminate);
    shutdown.stop(Cause::Terminate);
    assert_eq!(task.await.expect("not aborted"), Ended::Done(()));
}

#[tokio::test]
async fn waiting_sees_what_its_own_kind_began() {
    let tasks = Tasks::new(&Shutdown::new());
    let inner = tasks.clone();
    tasks.spawn(Kind::Turn, "outer", async move {
        tokio::task::yield_now().await;
        inner.spawn(Kind::Preview, "inner", tokio::task::yield_now());
    });
    tasks.wait(&[Kind::Preview, Kind::Turn]).await;
    assert_eq!(tasks.running().values().sum::<usize>(), 0);
}
