//! The supervisor with children that are small shell scripts.

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

struct Stage {
    daemon: Daemon,
    stop: CancellationToken,
    hurry: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test is not waited for by a stop"
)]
fn start(script: &'static str) -> Stage {
    let recipe: Recipe = Box::new(move || {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        let ops = SocketAddr::from(([127, 0, 0, 1], 9));
        Ok(Prepared { command, ops })
    });
    let (supervisor, daemon) = Supervisor::new(recipe, Clock::system());
    let (stop, hurry) = (CancellationToken::new(), CancellationToken::new());
    let (stop_too, hurry_too) = (stop.clone(), hurry.clone());
    let task = tokio::spawn(async move { supervisor.run(&stop_too, &hurry_too).await });
    Stage {
        daemon,
        stop,
        hurry,
        task,
    }
}

impl Stage {
    async fn until(&mut self, wanted: impl FnMut(&Sight) -> bool) -> Sight {
        let seen = timeout(PATIENCE, self.daemon.sight.wait_for(wanted)).await;
        seen.expect("it is seen in time").expect("it runs").clone()
    }

    async fn end(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.task)
            .await
            .expect("in time")
            .expect("no panic");
    }
}

#[tokio::test]
async fn a_restart_lets_the_child_say_its_last_words_and_starts_another() {
    let mut stage = start(
        "trap 'echo \"{\\\"lastword\\\":\\\"stop\\\",\\\"code\\\":0}\"; exit 0' TERM; \
         echo '{\"lastword\":\"start\"}'; echo 'a line of the log' >&2; while :; do sleep 0.05; done",
    );
    let first = stage.until(|sight| sight.started.is_some()).await;
    assert!(stage.daemon.order(Order::Restart));
    let second = stage
        .until(|sight| {
            let logged = sight.log.iter().any(|line| &**line == "a line of the log");
            sight.starts == 2 && sight.started.is_some() && logged
        })
        .await;
    assert_ne!(first.pid, second.pid);
    let end = &second.ends[0];
    assert_eq!((end.code, end.signal), (Some(0), None));
    assert_eq!(end.report.as_ref().expect("it said so")["lastword"], "stop");
    stage.end().await;
}

#[tokio::test]
async fn a_kill_is_not_survived_and_not_answered_and_another_starts() {
    let mut stage =
        start("trap '' TERM; echo '{\"lastword\":\"start\"}'; while :; do sleep 0.05; done");
    stage.until(|sight| sight.started.is_some()).await;
    assert!(stage.daemon.order(Order::Kill));
    let sight = stage.until(|sight| sight.starts == 2).await;
    assert_eq!((sight.ends[0].code, sight.ends[0].signal), (None, Some(9)));
    assert_eq!(sight.ends[0].report, None);
    // The second one ignores SIGTERM: a hurried end comes to a kill.
    stage.hurry.cancel();
    stage.end().await;
}

#[tokio::test]
async fn the_child_hears_the_end_of_the_pipe_that_only_its_parent_holds() {
    // Nobody else may hold the other end, or the child would outlive a killed
    // parent; so here the parent lets go without a signal.
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", "read -r line; exit 7"])
        .stdin(Stdio::piped());
    let mut child = command.spawn().expect("a shell");
    let mut other = Command::new("/bin/sh");
    let other = other
        .args(["-c", "sleep 60"])
        .kill_on_drop(true)
        .spawn()
        .expect("a shell");
    drop(child.stdin.take());
    let status = timeout(PATIENCE, child.wait())
        .await
        .expect("in time")
        .expect("its end");
    assert_eq!(status.code(), Some(7));
    drop(other);
}

#[tokio::test]
async fn a_wrong_configuration_is_not_tried_again_until_somebody_asks() {
    let mut stage = start("echo 'no such key' >&2; exit 78");
    let sight = stage.until(|sight| sight.life == Life::GivenUp).await;
    assert_eq!(sight.ends[0].code, Some(78));
    assert!(sight.log.iter().any(|line| &**line == "no such key"));
    assert!(stage.daemon.order(Order::Restart));
    stage.until(|sight| sight.starts == 2).await;
    stage.end().await;
}

#[tokio::test]
async fn a_child_that_ends_by_itself_is_started_again() {
    let mut stage = start("exit 3");
    let sight = stage.until(|sight| sight.starts >= 2).await;
    assert_eq!(sight.ends[0].code, Some(3));
    stage.end().await;
}

#[tokio::test]
async fn the_end_of_the_parent_waits_for_the_drain() {
    let mut stage = start(
        "trap 'sleep 0.3; echo drained >&2; exit 0' TERM; echo '{\"lastword\":\"start\"}'; \
         while :; do sleep 0.05; done",
    );
    stage.until(|sight| sight.started.is_some()).await;
    let sight = stage.daemon.sight.clone();
    stage.end().await;
    let sight = sight.borrow();
    assert_eq!(sight.ends[0].code, Some(0));
    assert!(sight.log.iter().any(|line| &**line == "drained"));
}
