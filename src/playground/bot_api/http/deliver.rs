//! Performs the webhook requests that the core asks for.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::super::webhook::{ANSWER_TIMEOUT_MS, WebhookAnswer, WebhookRequest};
use super::super::{BotApi, Outage};
use crate::clock::duration;

/// Delivers until the token is cancelled; deliveries in flight are dropped
/// then.
pub(super) async fn run(api: Arc<BotApi>, cancel: CancellationToken, tasks: TaskTracker) {
    let Some(client) = client() else { return };
    let mut changed = api.watch();
    loop {
        changed.borrow_and_update();
        // An outage cuts both directions.
        let due = if api.outage() == Outage::None {
            api.webhook_due()
        } else {
            Vec::new()
        };
        for request in due {
            tasks.spawn(deliver(
                Arc::clone(&api),
                client.clone(),
                request,
                cancel.clone(),
            ));
        }
        let retry = async {
            match api.webhook_wait() {
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        // All cancel-safe: what is due is asked for anew each time round.
        tokio::select! {
            () = cancel.cancelled() => return,
            _ = changed.changed() => {}
            () = retry => {}
        }
    }
}

fn client() -> Option<reqwest::Client> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        // Tests serve with certificates of their own making.
        .danger_accept_invalid_certs(true)
        .connect_timeout(Duration::from_secs(5))
        .timeout(duration(ANSWER_TIMEOUT_MS))
        .build()
        .ok()
}

async fn deliver(
    api: Arc<BotApi>,
    client: reqwest::Client,
    request: WebhookRequest,
    cancel: CancellationToken,
) {
    let mut post = client.post(&request.url).json(&request.update);
    if let Some(secret) = &request.secret {
        post = post.header("X-Telegram-Bot-Api-Secret-Token", secret);
    }
    let sent = async {
        let response = post.send().await?;
        let status = response.status().as_u16();
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.parse().ok());
        // Read to the end, so that the connection can be used again.
        response.bytes().await?;
        Ok::<_, reqwest::Error>(WebhookAnswer::Status(status, retry_after))
    };
    // Dropping a request in flight is what an end of the server looks like.
    tokio::select! {
        () = cancel.cancelled() => {}
        answer = sent => {
            api.webhook_answered(&request, answer.unwrap_or(WebhookAnswer::Nothing));
        }
    }
}
