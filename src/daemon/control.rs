//! The control socket of this daemon: begun before anything else, so that who
//! looks on sees the start, and served to the very end.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::Daemon;
use crate::ops::control;
use crate::shutdown::Kind;

/// Between two tries to make the socket.
const AGAIN: Duration = Duration::from_secs(30);

/// Serves it, where there is to be one. Without it everything else works.
pub(super) fn listen(daemon: &Arc<Daemon>) {
    let Some(folder) = daemon.control.clone() else {
        return;
    };
    let daemon = Arc::clone(daemon);
    daemon
        .tasks
        .clone()
        .keep(Kind::Ops, "control socket", move || {
            let (daemon, folder) = (Arc::clone(&daemon), folder.clone());
            async move {
                let mut told = false;
                loop {
                    let desk = daemon.helm.desk();
                    // Unknown, everybody lives.
                    let living = desk.picture().await.map(|picture| picture.instances);
                    let served = match living {
                        Err(error) => Err(error.to_string()),
                        Ok(living) => control::serve(
                            &folder,
                            &format!("{:016x}", daemon.instance.0),
                            living.iter().map(|i| format!("{:016x}", i.id.0)).collect(),
                            Arc::clone(&daemon.helm),
                            daemon.farewell.clone(),
                            &daemon.tasks,
                        )
                        .await
                        .map_err(|error| error.to_string()),
                    };
                    if let Err(error) = served
                        && !told
                    {
                        told = true;
                        tracing::warn!(
                            %error,
                            folder = %folder.display(),
                            "no control socket: lastword status and drain do not reach this process"
                        );
                    }
                    sleep(AGAIN).await;
                }
            }
        });
}
