//! A console over a scene that counts what is asked of it, and a client of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use lastword::clock::Clock;
use lastword::config::ConsoleToken;
use lastword::domain::phase::Phase;
use lastword::ops::console::latency::Latency;
use lastword::ops::console::picture::{
    Day, Erred, Failed, Grade, Moment, Organ, Paused, Picture, Stage, Turn,
};
use lastword::ops::console::{Console, Door, Scene, Wish};
use lastword::ops::health::Role;
use lastword::ops::server;
use lastword::shutdown::{Kind, Shutdown, Tasks};
use reqwest::{Client, RequestBuilder, Response, StatusCode, header, redirect};
use serde_json::Value;
use tokio::net::TcpListener;

pub(super) const TOKEN: &str = "correct-horse-battery-staple";

/// Longer than anything takes.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(super) struct Stand {
    pub(super) picture: Mutex<Option<Picture>>,
    pub(super) looks: Mutex<u32>,
    pub(super) wishes: Mutex<Vec<Wish>>,
    pub(super) kept: Mutex<Option<String>>,
}

#[async_trait]
impl Scene for Stand {
    async fn picture(&self) -> Picture {
        *self.looks.lock().expect("plain data") += 1;
        let told = self.picture.lock().expect("plain data").clone();
        told.unwrap_or_else(quiet)
    }

    async fn act(&self, wish: Wish) -> Result<String, String> {
        let refused = wish == Wish::Replay { turn: 13 };
        self.wishes.lock().expect("plain data").push(wish);
        if refused {
            return Err("turn 13 has not failed".into());
        }
        Ok("done".into())
    }

    async fn recall(&self) -> Option<String> {
        self.kept.lock().expect("plain data").clone()
    }

    async fn keep(&self, sessions: String) -> Result<(), String> {
        *self.kept.lock().expect("plain data") = Some(sessions);
        Ok(())
    }
}

/// A daemon with nothing to do.
pub(super) fn quiet() -> Picture {
    Picture {
        version: "0.1.0".into(),
        bot: "@sample_bot".into(),
        instance: "0123456789abcdef".into(),
        pid: 4_711,
        since: 1_790_000_000_000,
        phase: Phase::Running,
        role: Role::Active,
        paused: None,
        drain: None,
        turns: Vec::new(),
        counts: [0; 5],
        received: 0,
        failed: Vec::new(),
        errors: Vec::new(),
        organs: Vec::new(),
        spend: Vec::new(),
        latency: Latency::default().plots(),
        trouble: None,
    }
}

/// A daemon in which everything that can be shown happens.
pub(super) fn busy() -> Picture {
    let now = Clock::system().now();
    let latency = Latency::default();
    for seconds in [0.4, 0.8, 2.5] {
        latency.took(lastword::ops::console::latency::What::First, seconds);
    }
    let turn = |turn, stage, outcome| Turn {
        turn,
        chat: 1_234_567,
        stage,
        outcome,
        since: now - 5_000,
        not_before: None,
        failures: 1,
    };
    Picture {
        paused: Some(Paused {
            reason: Some("<b>deploy</b>".into()),
            since: now,
        }),
        turns: vec![
            turn(1, Stage::Waiting, None),
            turn(2, Stage::Generating, None),
            turn(3, Stage::Delivered, Some("answered")),
        ],
        counts: [0, 1, 1, 0, 7],
        failed: vec![Failed {
            turn: 9,
            chat: -100_987_654,
            outcome: "failed",
            since: now,
            replayable: true,
        }],
        errors: vec![Erred {
            kind: "model unavailable".into(),
            count: 3,
            last: now,
        }],
        organs: vec![Organ {
            name: "Model",
            grade: Grade::Bad,
            words: "rests; tries again in".into(),
            at: Some(Moment::Until(now + 9_000)),
        }],
        spend: vec![Day {
            date: "2026-11-21".into(),
            credits: 0.25,
            tokens: 12_345,
            answers: 7,
        }],
        latency: latency.plots(),
        ..quiet()
    }
}

pub(super) struct House {
    pub(super) shutdown: Shutdown,
    pub(super) tasks: Tasks,
    pub(super) stand: Arc<Stand>,
    pub(super) root: String,
    pub(super) client: Client,
}

pub(super) async fn house() -> House {
    with(Arc::default()).await
}

pub(super) async fn with(stand: Arc<Stand>) -> House {
    lastword::tls::install_crypto();
    let shutdown = Shutdown::new();
    shutdown.enter(Phase::Running);
    let tasks = Tasks::new(&shutdown);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let door = Door {
        token: ConsoleToken::parse(TOKEN).expect("it is long enough"),
        found_at: Some("/somewhere/console-token".into()),
        listen: address,
        bot: 42,
    };
    let scene: Arc<dyn Scene> = stand.clone();
    let console = Console::new(scene, &Clock::system(), &shutdown, door);
    tasks.spawn(Kind::Ops, "drawing", console.clone().keep_drawing());
    let serving = tasks.clone();
    tasks.spawn(Kind::Ops, "endpoints", async move {
        let _ = server::serve(listener, console.router(), &serving).await;
    });
    let client = Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none());
    House {
        shutdown,
        tasks,
        stand,
        root: format!("http://{address}"),
        client: client.build().expect("a client"),
    }
}

impl House {
    pub(super) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.root))
    }

    pub(super) fn post(&self, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.root);
        self.client.post(url).header(header::ORIGIN, &self.root)
    }

    pub(super) async fn login(&self, token: &str) -> Response {
        let form = [("token", token)];
        let request = self.post("/console/login").form(&form);
        request.send().await.expect("an answer")
    }

    /// The cookie of somebody who knows the token.
    pub(super) async fn enter(&self) -> String {
        let answer = self.login(TOKEN).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        let cookie = answer.headers()[header::SET_COOKIE].to_str().expect("text");
        for part in [
            "HttpOnly",
            "SameSite=Strict",
            "Path=/console",
            "Max-Age=43200",
        ] {
            assert!(cookie.contains(part), "{cookie}");
        }
        cookie.split(';').next().expect("a pair").to_owned()
    }

    pub(super) async fn does(&self, cookie: &str, wish: Value) -> (StatusCode, Value) {
        let request = self.post("/console/do").header(header::COOKIE, cookie);
        let answer = request.json(&wish).send().await.expect("an answer");
        let status = answer.status();
        (status, answer.json().await.expect("a JSON body"))
    }

    pub(super) async fn stream(&self, cookie: &str) -> Response {
        let request = self.get("/console/events").header(header::COOKIE, cookie);
        request.send().await.expect("an answer")
    }
}

/// The next event of a stream; `None` at its end.
pub(super) async fn event(stream: &mut Response) -> Option<Value> {
    let mut text = String::new();
    loop {
        let chunk = tokio::time::timeout(PATIENCE, stream.chunk());
        let chunk = chunk.await.expect("news in time").ok()??;
        text.push_str(std::str::from_utf8(&chunk).expect("text"));
        if text.ends_with("\n\n") {
            let line = text.lines().find_map(|line| line.strip_prefix("data: "));
            match line {
                Some(line) => return serde_json::from_str(line).ok(),
                None => text.clear(),
            }
        }
    }
}
