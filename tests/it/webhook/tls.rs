//! The webhook without a proxy: its own certificate, renewed by a reload.

use std::fs;
use std::path::Path;

use lastword::intake::webhook::WebhookError;

use super::*;

fn write_certificate(folder: &Path) -> reqwest::Certificate {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
    fs::write(folder.join("cert.pem"), made.cert.pem()).expect("written");
    fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).expect("written");
    reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).expect("a certificate")
}

fn secured(folder: &Path) -> Config {
    Config {
        tls_cert: Some(folder.join("cert.pem")),
        tls_key: Some(folder.join("key.pem")),
        ..config()
    }
}

async fn deliver(house: &House, root: &reqwest::Certificate) -> reqwest::Result<u16> {
    let client = reqwest::Client::builder()
        .tls_built_in_root_certs(false)
        .add_root_certificate(root.clone())
        .build()?;
    let port = house.address.rsplit(':').next().expect("a port");
    let answer = client
        .post(format!("https://localhost:{port}/hook/it"))
        .header("X-Telegram-Bot-Api-Secret-Token", SECRET)
        .body("{}")
        .send()
        .await?;
    Ok(answer.status().as_u16())
}

#[tokio::test]
async fn tls_works_with_the_configured_files_and_follows_a_renewal() {
    lastword::tls::install_crypto();
    let folder = tempfile::tempdir().unwrap();
    let old = write_certificate(folder.path());
    let house = house_with(&secured(folder.path()), Limits::default()).await;
    assert_eq!(deliver(&house, &old).await.unwrap(), 200);

    // A renewal that went wrong changes nothing.
    fs::write(folder.path().join("cert.pem"), "rubbish").unwrap();
    house.shutdown.ask_reload();
    assert_eq!(deliver(&house, &old).await.unwrap(), 200);

    let new = write_certificate(folder.path());
    house.shutdown.ask_reload();
    let renewed = async {
        while deliver(&house, &new).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(HANGS, renewed).await.expect("the new one is used");
    assert!(deliver(&house, &old).await.is_err());
}

#[tokio::test]
async fn a_client_that_never_shakes_hands_delays_nothing() {
    let folder = tempfile::tempdir().unwrap();
    write_certificate(folder.path());
    let house = house_with(&secured(folder.path()), Limits::default()).await;
    let _silent = house.connect().await;
    let mut half = house.connect().await;
    half.say([0x16, 0x03, 0x01, 0x02]).await;
    let mut plain = house.connect().await;
    plain.head("Content-Length: 0\r\n").await;
    house.stop().await;
    house.close().await;
}

#[tokio::test]
async fn unusable_files_are_named_and_the_key_is_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let shutdown = Shutdown::new();
    let tasks = Tasks::new(&shutdown);
    let house = house().await;
    let make = async || {
        let secret = WebhookSecret::parse(SECRET).expect("a secret");
        let sink = Arc::clone(&house.sink);
        let config = secured(folder.path());
        Webhook::new(&config, secret, sink, &shutdown, &tasks, &Pulse::default()).await
    };
    assert!(matches!(make().await, Err(WebhookError::File { .. })));

    write_certificate(folder.path());
    fs::write(folder.path().join("key.pem"), "PRIVATE-THINGS").unwrap();
    let error = make().await.unwrap_err();
    assert!(matches!(error, WebhookError::Certificate { .. }));
    assert!(error.to_string().contains("key.pem"));
    assert!(!format!("{error} {error:?}").contains("PRIVATE"));

    write_certificate(folder.path());
    let other = tempfile::tempdir().unwrap();
    write_certificate(other.path());
    fs::copy(other.path().join("key.pem"), folder.path().join("key.pem")).unwrap();
    assert!(make().await.is_err(), "a key of another certificate");
}
