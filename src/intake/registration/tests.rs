//! The registration against a Telegram that follows a script.

use std::collections::VecDeque;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::json;

use super::*;
use crate::clock::Clock;
use crate::config::WebhookUrl;
use crate::intake::ALLOWED_UPDATES;
use crate::store::sqlite::{Mode, SqliteStore};

#[derive(Debug)]
struct Script {
    answers: Mutex<VecDeque<Result<Value, CallError>>>,
    calls: Mutex<Vec<Call>>,
}

impl Script {
    fn new(answers: impl IntoIterator<Item = Result<Value, CallError>>) -> Self {
        Self {
            answers: Mutex::new(answers.into_iter().collect()),
            calls: Mutex::default(),
        }
    }

    fn methods(&self) -> Vec<&'static str> {
        let calls = self.calls.lock().unwrap();
        calls.iter().map(|call| call.method).collect()
    }
}

#[async_trait]
impl Telegram for Script {
    async fn call(&self, call: Call) -> Result<Value, CallError> {
        self.calls.lock().unwrap().push(call);
        self.answers.lock().unwrap().pop_front().unwrap()
    }

    async fn download(&self, _: &str, _: usize, _: Duration) -> Result<Bytes, CallError> {
        unreachable!("no registration downloads")
    }
}

fn config() -> Config {
    Config {
        url: WebhookUrl::parse("https://bot.example.org/hook"),
        listen: ([127, 0, 0, 1], 0).into(),
        secret: None,
        max_connections: 40,
        tls_cert: None,
        tls_key: None,
    }
}

fn refused(code: u16, retry_after: Option<Duration>) -> CallError {
    CallError::Refused {
        code,
        description: "no".to_owned(),
        retry_after,
        migrate_to: None,
    }
}

fn broken() -> CallError {
    CallError::NotSent {
        reason: "no route".to_owned(),
    }
}

async fn register(script: &Script) {
    let secret = WebhookSecret::parse("hush").unwrap();
    register_webhook(script, &config(), &secret, ALLOWED_UPDATES, 1).await;
}

#[tokio::test(start_paused = true)]
async fn the_webhook_is_set_with_everything_that_makes_a_repetition_harmless() {
    let script = Script::new([Ok(json!({"url": ""})), Ok(json!(true))]);
    register(&script).await;
    assert_eq!(script.methods(), ["getWebhookInfo", "setWebhook"]);
    let body = script.calls.lock().unwrap()[1].body.clone();
    assert_eq!(
        body,
        json!({
            "url": "https://bot.example.org/hook",
            "secret_token": "hush",
            "max_connections": 40,
            "allowed_updates": ALLOWED_UPDATES,
        })
    );
}

#[tokio::test(start_paused = true)]
async fn no_trouble_of_telegram_or_the_network_ends_the_registration() {
    let unknown = CallError::Unknown {
        reason: "reset".to_owned(),
    };
    let script = Script::new([
        Err(broken()),
        Err(broken()),
        Err(unknown),
        Err(refused(429, Some(Duration::from_secs(7)))),
        Err(refused(400, None)),
        Err(refused(401, None)),
        Ok(json!(true)),
    ]);
    register(&script).await;
    assert_eq!(script.methods().len(), 7);
}

#[tokio::test(start_paused = true)]
async fn polling_removes_a_webhook_without_dropping_what_is_pending() {
    let script = Script::new([
        Err(broken()),
        Ok(json!({"url": "https://elsewhere.example.org/", "pending_update_count": 9})),
        Err(broken()),
        Ok(json!(true)),
    ]);
    clear_webhook(&script, 1).await;
    let methods = [
        "getWebhookInfo",
        "getWebhookInfo",
        "deleteWebhook",
        "deleteWebhook",
    ];
    assert_eq!(script.methods(), methods);
    assert_eq!(script.calls.lock().unwrap()[3].body, json!({}));
}

#[tokio::test(start_paused = true)]
async fn polling_leaves_a_bot_without_a_webhook_alone() {
    let script = Script::new([Ok(json!({"url": ""}))]);
    clear_webhook(&script, 1).await;
    assert_eq!(script.methods(), ["getWebhookInfo"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_to_say_does_not_keep_the_poller_waiting() {
    let script = Script::new([Err(refused(404, None))]);
    clear_webhook(&script, 1).await;
    assert_eq!(script.methods(), ["getWebhookInfo"]);
}

#[test]
fn waits_grow_to_a_limit_and_obey_what_telegram_asks() {
    let mut patience = Patience::seeded(1);
    let waits: Vec<_> = (0..20).map(|_| patience.after(&broken())).collect();
    assert!(waits[0] <= WAIT && waits[0] >= WAIT / 2);
    assert!(waits.iter().all(|wait| *wait <= WAIT_MAX));
    assert!(waits[19] >= WAIT_MAX / 2);
    let asked = Duration::from_secs(300);
    assert_eq!(patience.after(&refused(429, Some(asked))), asked);
}

#[tokio::test]
async fn the_generated_secret_stays_the_same_over_restarts_and_differs_between_bots() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("it.db");
    let mut secrets = Vec::new();
    for bot in [1, 1, 2] {
        let store = SqliteStore::open(&path, BotId(bot), Clock::system(), Mode::Inline).unwrap();
        let secret = webhook_secret(&config(), BotId(bot), &store).await.unwrap();
        secrets.push(secret.expose().to_owned());
    }
    assert_eq!(secrets[0], secrets[1]);
    assert_ne!(secrets[1], secrets[2]);
    assert_eq!(secrets[0].len(), 43);

    let store = SqliteStore::open(&path, BotId(1), Clock::system(), Mode::Inline).unwrap();
    let mut config = config();
    config.secret = WebhookSecret::parse("configured");
    let secret = webhook_secret(&config, BotId(1), &store).await.unwrap();
    assert_eq!(secret.expose(), "configured");
}
