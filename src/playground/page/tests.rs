//! The page over loopback, with a world and no daemon.

use std::time::Duration;

use reqwest::{Client, StatusCode, header};
use serde_json::Value;
use tokio::time::timeout;

use super::*;
use crate::playground::cast;
use crate::playground::supervisor::{Recipe, Supervisor};

struct Visit {
    root: String,
    client: Client,
    api: Arc<BotApi>,
    chat: i64,
    _supervisor: Supervisor,
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test is not waited for by a stop"
)]
async fn visit() -> Visit {
    crate::tls::install_crypto();
    let clock = Clock::system();
    let api = BotApi::sample(clock.clone());
    let cast = cast::enter(&api, 0);
    let chat = cast[0].chat;
    let recipe: Recipe = Box::new(|| Err(io::Error::other("no daemon here")));
    let (supervisor, daemon) = Supervisor::new(recipe, clock.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let page = Page {
        api: Arc::clone(&api),
        clock,
        cast,
        ledger: Ledger::watching(&api),
        daemon,
        health: watch::channel(None).1,
        offline: Some(Offline::default()),
        keeps: false,
        address,
        photos: Arc::default(),
        guide: Guide::new().0,
    };
    tokio::spawn(serve(listener, page));
    Visit {
        root: format!("http://{address}"),
        client: Client::builder().no_proxy().build().unwrap(),
        api,
        chat,
        _supervisor: supervisor,
    }
}

impl Visit {
    async fn does(&self, body: Value) -> StatusCode {
        let request = self.client.post(format!("{}/do", self.root));
        request.json(&body).send().await.unwrap().status()
    }

    /// The first frame of a new window.
    async fn frame(&self) -> Value {
        let url = format!("{}/events", self.root);
        let mut response = self.client.get(url).send().await.unwrap();
        let mut text = String::new();
        let read = async {
            while !text.contains("\n\n") {
                let chunk = response.chunk().await.unwrap().unwrap();
                text.push_str(std::str::from_utf8(&chunk).unwrap());
            }
        };
        timeout(Duration::from_secs(20), read).await.unwrap();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("data: "))
            .unwrap();
        serde_json::from_str(line).unwrap()
    }
}

#[tokio::test]
async fn another_name_for_this_machine_and_a_foreign_form_are_refused() {
    let visit = visit().await;
    let page = visit.client.get(&visit.root);
    let foreign = page
        .try_clone()
        .unwrap()
        .header(header::HOST, "evil.example");
    assert_eq!(
        foreign.send().await.unwrap().status(),
        StatusCode::MISDIRECTED_REQUEST
    );
    let answer = page.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(
        answer
            .headers()
            .contains_key(header::CONTENT_SECURITY_POLICY)
    );

    let form = visit.client.post(format!("{}/do", visit.root));
    let form = form
        .header(header::CONTENT_TYPE, "text/plain")
        .body(r#"{"do":"kill"}"#);
    assert_eq!(
        form.send().await.unwrap().status(),
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
}

#[tokio::test]
async fn the_gallery_is_a_link_away_and_fetches_nothing_from_elsewhere() {
    let visit = visit().await;
    let page = visit.client.get(&visit.root).send().await.unwrap();
    assert!(page.text().await.unwrap().contains("href=\"/gallery\""));
    let url = format!("{}/gallery", visit.root);
    let gallery = visit.client.get(url).send().await.unwrap();
    assert_eq!(gallery.status(), StatusCode::OK);
    assert!(
        gallery
            .headers()
            .contains_key(header::CONTENT_SECURITY_POLICY)
    );
    let html = gallery.text().await.unwrap();
    assert!(html.matches("<section class=\"answer\"").count() >= 60);
    for file in ["page.css", "gallery.css", "gallery.js"] {
        assert!(html.contains(&format!("\"/{file}\"")), "{file}");
        let url = format!("{}/{file}", visit.root);
        let answer = visit.client.get(url).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{file}");
    }
    let fetched = [
        "src=\"http",
        "@import",
        "url(http",
        "rel=\"stylesheet\" href=\"http",
    ];
    for foreign in fetched {
        assert!(!html.contains(foreign), "{foreign}");
    }
}

#[tokio::test]
async fn what_a_person_writes_is_in_the_chat_and_on_the_page_and_never_markup() {
    let visit = visit().await;
    let say = json!({"do": "say", "chat": visit.chat, "person": visit.chat, "text": "<img src=x>", "reply_to": null});
    assert_eq!(visit.does(say).await, StatusCode::NO_CONTENT);
    let chat = visit.api.chat(visit.chat).unwrap();
    assert_eq!(chat.posts[0].content().text, "<img src=x>");
    let frame = visit.frame().await;
    let items = frame["items"].as_array().unwrap();
    let item = items
        .iter()
        .find(|item| item["chat"] == visit.chat)
        .unwrap();
    let html = item["html"].as_str().unwrap();
    assert!(
        html.contains("&lt;img src=x&gt;") && !html.contains("<img"),
        "{html}"
    );
    assert!(
        html.contains("Telegram keeps it"),
        "no daemon has it: {html}"
    );
}

#[tokio::test]
async fn the_switches_move_the_world_and_show_it() {
    let visit = visit().await;
    for (switch, on) in [
        ("telegram", true),
        ("model", true),
        ("slow", true),
        ("telegram", false),
    ] {
        let status = visit.does(json!({"do": switch, "on": on})).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
        assert_eq!(visit.frame().await["switches"][switch], on);
    }
    assert_eq!(visit.api.outage(), Outage::None);
}

#[tokio::test]
async fn what_is_impossible_is_said_and_changes_nothing() {
    let visit = visit().await;
    let chat = visit.chat;
    let press = json!({"do": "press", "chat": chat, "person": chat, "message": 1, "data": "x"});
    assert_eq!(visit.does(press).await, StatusCode::CONFLICT);
    let photo = json!({"do": "photo", "chat": chat, "person": chat, "caption": "", "base64": "?"});
    assert_eq!(visit.does(photo).await, StatusCode::CONFLICT);
    assert!(
        visit
            .api
            .chat(chat)
            .is_none_or(|chat| chat.posts.is_empty())
    );
}

#[tokio::test]
async fn any_file_can_be_sent_and_is_shown_by_its_name() {
    let visit = visit().await;
    let chat = visit.chat;
    for (name, mime, field) in [
        ("notes.txt", "text/plain", "document"),
        ("talk.ogg", "audio/ogg", "voice"),
        ("song.mp3", "audio/mpeg", "audio"),
    ] {
        let attach = json!({"do": "attach", "chat": chat, "person": chat, "caption": "", "name": name,
                            "mime": mime, "base64": "aGk="});
        assert_eq!(visit.does(attach).await, StatusCode::NO_CONTENT);
        let posts = visit.api.chat(chat).map(|view| view.posts);
        let last = posts.and_then(|mut posts| posts.pop()).expect("a message");
        assert!(last.extra.contains_key(field), "{:?}", last.extra);
    }
}
