//! Webhook mode, the core's part.

use super::*;

fn lay(extra: Value) -> Table {
    let table = Table::lay();
    table.api.configure(|settings| settings.limits = false);
    let mut params = json!({ "url": "https://bot.example/hook", "secret_token": "s3cret" });
    params
        .as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    table.ok("setWebhook", params);
    table
}

fn due(table: &Table) -> Vec<i64> {
    table
        .api
        .webhook_due()
        .iter()
        .map(|one| one.update_id)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn getting_updates_while_a_webhook_is_set_is_a_conflict() {
    let table = lay(json!({}));
    let refusal = table.refused("getUpdates", json!({}));
    assert_eq!(refusal.code, 409);
    assert!(refusal.description.contains("webhook is active"));
    assert_eq!(
        table.ok("getWebhookInfo", json!({}))["url"],
        "https://bot.example/hook"
    );
    table.ok("deleteWebhook", json!({}));
    table.ok("getUpdates", json!({}));
}

#[tokio::test(start_paused = true)]
async fn plain_http_is_refused_unless_allowed() {
    let table = Table::lay();
    let plain = json!({ "url": "http://127.0.0.1:9/hook" });
    table.refused("setWebhook", plain.clone());
    table.api.configure(|settings| {
        settings.http_webhooks = true;
        settings.limits = false;
    });
    table.ok("setWebhook", plain);
}

#[tokio::test(start_paused = true)]
async fn only_the_head_of_each_chat_is_in_flight_and_2xx_confirms_it() {
    let table = lay(json!({}));
    let confirmed = Arc::new(Mutex::new(Vec::new()));
    let hook = Arc::clone(&confirmed);
    table
        .api
        .on_confirm(move |_, ids| hook.lock().unwrap().extend_from_slice(ids));
    table.say("a1");
    table.say("a2");
    let bob = add(&table.api, 502, "Bob");
    let place = Place::private(bob);
    table
        .api
        .act(Act::Say {
            place,
            text: "b1".to_owned(),
        })
        .unwrap();
    let first = table.api.webhook_due();
    let texts: Vec<&Value> = first
        .iter()
        .map(|one| &one.update["message"]["text"])
        .collect();
    assert_eq!(texts, ["a1", "b1"]);
    assert!(table.api.webhook_due().is_empty());
    table
        .api
        .webhook_answered(&first[0], WebhookAnswer::Status(204, None));
    assert_eq!(*confirmed.lock().unwrap(), [first[0].update_id]);
    assert_eq!(due(&table), [first[0].update_id + 1]);
}

#[tokio::test(start_paused = true)]
async fn no_more_than_max_connections_are_in_flight() {
    let table = lay(json!({ "max_connections": 2 }));
    for id in 600..605 {
        add(&table.api, id, "P");
        let place = Place::private(id);
        table
            .api
            .act(Act::Say {
                place,
                text: "x".to_owned(),
            })
            .unwrap();
    }
    assert_eq!(due(&table).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failed_delivery_comes_again_at_once_then_after_2_4_up_to_64_seconds() {
    let table = lay(json!({}));
    table.say("a");
    let mut waits = Vec::new();
    for _ in 0..8 {
        let one = table.api.webhook_due().remove(0);
        table.api.webhook_answered(&one, WebhookAnswer::Nothing);
        let wait = table.api.webhook_wait().unwrap_or_default();
        waits.push(wait.as_secs());
        pass(u64::try_from(wait.as_millis()).unwrap()).await;
    }
    assert_eq!(waits[..7], [0, 2, 4, 8, 16, 32, 64]);
    assert!((60..=120).contains(&waits[7]));
    assert_eq!(table.api.pending(), 1);
}

#[tokio::test(start_paused = true)]
async fn retry_after_replaces_the_wait_and_does_not_grow() {
    let table = lay(json!({}));
    table.say("a");
    for _ in 0..3 {
        let one = table.api.webhook_due().remove(0);
        table
            .api
            .webhook_answered(&one, WebhookAnswer::Status(503, Some(1)));
        assert_eq!(table.api.webhook_wait(), Some(Duration::from_secs(1)));
        assert!(table.api.webhook_due().is_empty());
        pass(1_000).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_failing_update_blocks_its_chat_and_no_other() {
    let table = lay(json!({}));
    table.say("a1");
    table.say("a2");
    let one = table.api.webhook_due().remove(0);
    table
        .api
        .webhook_answered(&one, WebhookAnswer::Status(400, Some(10)));
    let bob = add(&table.api, 502, "Bob");
    let place = Place::private(bob);
    let acted = table
        .api
        .act(Act::Say {
            place,
            text: "b".to_owned(),
        })
        .unwrap();
    assert_eq!(due(&table), acted.update_ids);
}

#[tokio::test(start_paused = true)]
async fn the_same_webhook_again_changes_nothing_and_another_secret_tears_down() {
    let table = lay(json!({}));
    table.say("a");
    let flying = table.api.webhook_due().remove(0);
    let same = json!({ "url": "https://bot.example/hook", "secret_token": "s3cret" });
    table.ok("setWebhook", same);
    assert!(due(&table).is_empty());
    let other = json!({ "url": "https://bot.example/hook", "secret_token": "other" });
    table.ok("setWebhook", other);
    assert_eq!(due(&table), [flying.update_id]);
    // The answer to the torn one counts for nothing.
    table
        .api
        .webhook_answered(&flying, WebhookAnswer::Status(200, None));
    assert_eq!(table.api.pending(), 1);
}

#[tokio::test(start_paused = true)]
async fn gone_for_23_hours_removes_the_webhook() {
    let table = lay(json!({}));
    table.say("a");
    for _ in 0..24 {
        if let Some(one) = table.api.webhook_due().pop() {
            table
                .api
                .webhook_answered(&one, WebhookAnswer::Status(410, Some(3_600)));
        }
        pass(3_600_000).await;
        if table.api.pending() == 0 {
            table.say("still here");
        }
    }
    let one = table.api.webhook_due().pop();
    if let Some(one) = one {
        table
            .api
            .webhook_answered(&one, WebhookAnswer::Status(410, None));
    }
    assert_eq!(table.ok("getWebhookInfo", json!({}))["url"], "");
}

#[tokio::test(start_paused = true)]
async fn setting_a_webhook_ends_the_waiting_poll_with_409() {
    let table = Table::lay();
    let telegram = InMemory(Arc::clone(&table.api));
    let poll = telegram.call(call("getUpdates", json!({ "timeout": 30 })));
    let set = async {
        pass(100).await;
        table.ok("setWebhook", json!({ "url": "https://bot.example/hook" }));
    };
    let (answer, ()) = tokio::join!(poll, set);
    let Err(CallError::Refused {
        code: 409,
        description,
        ..
    }) = answer
    else {
        panic!("{answer:?}");
    };
    assert_eq!(description, "Conflict: terminated by setWebhook request");
}
