//! A socket that a service manager holds: the webhook serves on it.

use lastword::playground::bot_api::Place;
use tokio::net::TcpStream;

use super::{Real, Transport, note, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_serves_on_the_socket_it_was_handed() {
    if !there("systemd-socket-activate") {
        assert!(
            std::env::var("CI").is_err(),
            "systemd must be installed in CI"
        );
        note("SKIPPED: systemd-socket-activate is not installed (Debian: systemd)");
        return;
    }
    let real = Real::new(Transport::Webhook).await;
    let address = real.env["LASTWORD_TELEGRAM__WEBHOOK__LISTEN"].clone();
    let ann = real.person("Ann");
    for round in 1..=2 {
        let mut process = real.activate();
        within("a connection to the handed socket", async {
            while TcpStream::connect(&address).await.is_err() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        process.ready().await;
        real.ask(&Place::private(ann));
        real.until_settled(round).await;
        assert_eq!(process.stop().await.code, Some(0));
    }
    assert_eq!(real.heard(ann).len(), 2);
}

fn there(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
    })
}
