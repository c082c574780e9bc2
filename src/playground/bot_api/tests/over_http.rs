//! The same core over loopback HTTP, on the real clock: no timed assertions.

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::*;
use crate::telegram::methods;

/// A running server; ends when dropped.
struct Running {
    api: Arc<BotApi>,
    base: String,
    client: reqwest::Client,
    cancel: CancellationToken,
    tasks: TaskTracker,
}

impl Running {
    async fn start() -> Self {
        let api = BotApi::sample(Clock::system());
        add(&api, 501, "Alice");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let cancel = CancellationToken::new();
        let tasks = TaskTracker::new();
        let served = serve(listener, Arc::clone(&api), cancel.clone());
        tasks.spawn(async { served.await.unwrap() });
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            api,
            base,
            client,
            cancel,
            tasks,
        }
    }

    fn url(&self, method: &str) -> String {
        format!("{}/bot{}/{method}", self.base, self.api.bot().token)
    }

    async fn post(&self, method: &str, params: Value) -> (u16, Value) {
        let sent = self.client.post(self.url(method)).json(&params).send();
        let response = sent.await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    fn say(&self, text: &str) {
        let place = Place::private(501);
        self.api
            .act(Act::Say {
                place,
                text: text.to_owned(),
            })
            .unwrap();
    }

    async fn end(self) {
        self.cancel.cancel();
        self.tasks.close();
        let ended = tokio::time::timeout(Duration::from_secs(10), self.tasks.wait());
        ended.await.expect("the server ends on its token");
    }
}

/// The daemon's own transport uploads; what arrives is what was sent.
#[tokio::test]
async fn a_file_arrives_as_it_was_sent_and_its_caption_can_be_edited() {
    let running = Running::start().await;
    let token = running.api.bot().token.clone();
    let client = crate::telegram::client::Client::new(&running.base, token.into()).unwrap();
    let text = "# Ünï\r\n\r\n--lastword-00000000-part--\r\n\"x\" \u{1f408}";
    let upload = crate::telegram::Upload {
        field: "document",
        name: "Über-Katzen.md".to_owned(),
        mime: "text/markdown",
        bytes: text.into(),
    };
    let keyboard = json!({"inline_keyboard": [[{"text": "x", "callback_data": "again:1"}]]});
    let call = methods::send_document(501, None, upload, "all of it", None, Some(&keyboard));
    let sent = client.call(call).await.unwrap();
    assert_eq!(sent["caption"], "all of it");
    assert_eq!(sent["document"]["file_name"], "Über-Katzen.md");
    let id = sent["message_id"].as_i64().unwrap();
    assert_eq!(running.api.document(501, id).unwrap(), text.as_bytes());
    let again = methods::edit_message_caption(501, id, "all of it", Some(&keyboard));
    let error = client.call(again).await.unwrap_err();
    assert!(error.not_modified(), "{error}");
    let plain = methods::Formatted::plain("words");
    let sent = client
        .call(methods::send_message(501, None, plain, None, None))
        .await
        .unwrap();
    let other = sent["message_id"].as_i64().unwrap();
    for wrong in [
        methods::edit_message_caption(501, other, "all of it", None),
        methods::edit_message_caption(501, other + 9, "all of it", None),
        methods::edit_message_text(501, id, plain, None),
    ] {
        let error = client.call(wrong).await.unwrap_err();
        assert_eq!(
            error.meaning(),
            crate::telegram::Meaning::MessageGone,
            "{error}"
        );
    }
    drop(client);
    running.end().await;
}

#[tokio::test]
async fn json_forms_and_queries_are_understood_and_names_ignore_case() {
    let server = Running::start().await;
    server.say("hi");
    let (status, me) = server.post("GETME", json!({})).await;
    assert_eq!(
        (status, &me["result"]["username"]),
        (200, &json!("lastword_bot"))
    );
    let get = server.url("sendMessage?chat_id=501&text=by+query%21");
    let answer: Value = server
        .client
        .get(get)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(answer["result"]["text"], "by query!");
    let form = "chat_id=501&text=by%20form";
    let request = server
        .client
        .post(server.url("sendMessage"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form);
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["result"]["text"], "by form");
    server.end().await;
}

#[tokio::test]
async fn errors_have_the_status_and_the_words_of_telegram() {
    let server = Running::start().await;
    let wrong = format!("{}/bot1:wrong/getMe", server.base);
    let answer = server.client.get(wrong).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(
        body,
        json!({ "ok": false, "error_code": 401, "description": "Unauthorized" })
    );
    let (status, body) = server.post("noSuchMethod", json!({})).await;
    assert_eq!((status, &body["description"]), (404, &json!("Not Found")));
    let refuse = Fault::Refuse {
        code: 429,
        description: None,
        retry_after_s: Some(3),
    };
    server.api.fault(FaultRule::once("getMe", refuse));
    let (status, body) = server.post("getMe", json!({})).await;
    assert_eq!(
        (status, &body["parameters"]["retry_after"]),
        (429, &json!(3))
    );
    server.end().await;
}

#[tokio::test]
async fn a_cut_acknowledgement_is_a_broken_connection_and_the_message_is_there() {
    let server = Running::start().await;
    server.say("hi");
    server
        .api
        .fault(FaultRule::once("sendMessage", Fault::CutAfter));
    let params = json!({ "chat_id": 501, "text": "x" });
    let request = server.client.post(server.url("sendMessage")).json(&params);
    let error = request.send().await.unwrap_err();
    assert!(!error.is_connect() && error.status().is_none(), "{error:?}");
    assert_eq!(server.api.chat(501).unwrap().bot_texts(), ["x"]);
    let (status, _) = server.post("getMe", json!({})).await;
    assert_eq!(status, 200);
    server.end().await;
}

#[tokio::test]
async fn an_outage_refuses_connections_and_ends() {
    let server = Running::start().await;
    server.post("getMe", json!({})).await;
    server.api.set_outage(Outage::Refused);
    let refused = async {
        loop {
            match server.client.post(server.url("getMe")).send().await {
                Err(error) if error.is_connect() => break,
                // Until the port is closed a connection may still be cut.
                _ => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    let deadline = Duration::from_secs(10);
    tokio::time::timeout(deadline, refused).await.unwrap();
    server.api.set_outage(Outage::None);
    let back = async {
        while server
            .client
            .post(server.url("getMe"))
            .send()
            .await
            .is_err()
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(deadline, back).await.unwrap();
    server.end().await;
}

#[tokio::test]
async fn a_long_poll_and_a_hanging_call_do_not_delay_the_end() {
    let server = Running::start().await;
    server
        .api
        .fault(FaultRule::once("getMe", Fault::HangBefore));
    let poll = server
        .client
        .post(server.url("getUpdates"))
        .json(&json!({ "timeout": 50 }))
        .send();
    let hung = server.client.post(server.url("getMe")).send();
    let calls = TaskTracker::new();
    let poll = calls.spawn(poll);
    let hung = calls.spawn(hung);
    let both = server.api.until(|api| api.counts().len() == 2);
    tokio::time::timeout(Duration::from_secs(10), both)
        .await
        .unwrap_or(());
    server.end().await;
    assert!(poll.await.unwrap().is_err());
    assert!(hung.await.unwrap().is_err());
}

#[tokio::test]
async fn a_webhook_gets_updates_with_the_secret_and_2xx_confirms() {
    let server = Running::start().await;
    server
        .api
        .configure(|settings| settings.http_webhooks = true);
    let got = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&got);
    let handler = move |headers: HeaderMap, axum::Json(update): axum::Json<Value>| async move {
        let secret = headers["x-telegram-bot-api-secret-token"]
            .to_str()
            .unwrap()
            .to_owned();
        let mut seen = seen.lock().unwrap();
        seen.push((secret, update["message"]["text"].clone()));
        // The first delivery fails and comes again.
        if seen.len() == 1 {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::OK
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let app = Router::new().route("/hook", post(handler));
    let bot = TaskTracker::new();
    let cancel = server.cancel.clone();
    bot.spawn(async move {
        let served = axum::serve(listener, app);
        tokio::select! { () = cancel.cancelled() => {}, _ = served => {} }
    });
    server.say("one");
    let (status, _) = server
        .post("setWebhook", json!({ "url": url, "secret_token": "s3" }))
        .await;
    assert_eq!(status, 200);
    server.say("two");
    let done = server.api.until(|api| api.pending() == 0);
    tokio::time::timeout(Duration::from_secs(20), done)
        .await
        .unwrap();
    let expected: Vec<(String, Value)> = ["one", "one", "two"]
        .into_iter()
        .map(|text| ("s3".to_owned(), json!(text)))
        .collect();
    assert_eq!(*got.lock().unwrap(), expected);
    server.end().await;
}

#[tokio::test]
async fn the_control_api_acts_and_tells_and_streams() {
    let server = Running::start().await;
    let control = |path: &str| format!("{}/control/{path}", server.base);
    let act = json!({ "act": "say", "place": { "person": 501 }, "text": "/start" });
    let acted: Value = server
        .client
        .post(control("act"))
        .json(&act)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(acted["update_ids"].as_array().unwrap().len(), 1);
    let (_, updates) = server.post("getUpdates", json!({})).await;
    assert_eq!(
        updates["result"][0]["message"]["entities"][0]["type"],
        "bot_command"
    );
    let file = format!(
        "{}/file/bot{}/photos/none.jpg",
        server.base,
        server.api.bot().token
    );
    assert_eq!(server.client.get(file).send().await.unwrap().status(), 404);
    let mut stream = server.client.get(control("stream")).send().await.unwrap();
    let chunk = stream.chunk().await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&chunk).into_owned();
    assert!(text.contains("\"text\":\"/start\""), "{text}");
    let fault = json!({ "method": "getMe", "fault": "refuse", "code": 400, "description": "Bad Request: no" });
    server
        .client
        .post(control("faults"))
        .json(&fault)
        .send()
        .await
        .unwrap();
    assert_eq!(server.post("getMe", json!({})).await.0, 400);
    let impossible = json!({ "act": "block_all" });
    let answer = server
        .client
        .post(control("act"))
        .json(&impossible)
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_client_error());
    server.end().await;
}
