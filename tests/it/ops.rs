//! The endpoints over real HTTP, on a port of their own.

use std::sync::Arc;

use async_trait::async_trait;
use lastword::domain::phase::Phase;
use lastword::ops::gauges::Gauges;
use lastword::ops::health::{Books, Depths, Ops, Role, Turn, Turns, serve};
use lastword::ops::metrics;
use lastword::pulse::Pulse;
use lastword::shutdown::{Cause, Kind, Shutdown, Tasks};
use lastword::store::Availability;
use serde_json::Value;
use tokio::net::TcpListener;

#[derive(Debug)]
struct Shelf {
    role: Role,
    turns: Result<Turns, String>,
}

#[async_trait]
impl Books for Shelf {
    async fn turns(&self) -> Result<Turns, String> {
        self.turns.clone()
    }

    async fn depths(&self) -> Result<Depths, String> {
        Ok(Depths::default())
    }

    fn role(&self) -> Role {
        self.role
    }

    fn store(&self) -> Availability {
        Availability::Available
    }
}

struct House {
    shutdown: Shutdown,
    tasks: Tasks,
    base: String,
}

async fn house(role: Role, turns: Result<Turns, String>) -> House {
    lastword::tls::install_crypto();
    let shutdown = Shutdown::new();
    let tasks = Tasks::new(&shutdown);
    let handle = metrics::recorder().expect("a recorder").handle();
    let gauges = Gauges {
        tasks: tasks.clone(),
        store: "lastword.db".into(),
        begun_at: 0,
    };
    let ops = Ops::new(
        &shutdown,
        &Pulse::default(),
        handle,
        gauges,
        Arc::new(Shelf { role, turns }),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base = format!("http://{}", listener.local_addr().expect("it is bound"));
    tasks.spawn(Kind::Ops, "endpoints", async move {
        let _ = serve(listener, ops).await;
    });
    House {
        shutdown,
        tasks,
        base,
    }
}

impl House {
    async fn get(&self, path: &str) -> (u16, String) {
        let url = format!("{}{path}", self.base);
        let answer = reqwest::get(url).await.expect("an answer");
        let status = answer.status().as_u16();
        (status, answer.text().await.expect("a body"))
    }

    async fn json(&self, path: &str) -> (u16, Value) {
        let (status, body) = self.get(path).await;
        (status, serde_json::from_str(&body).expect("a JSON body"))
    }
}

#[tokio::test]
async fn readiness_is_green_for_a_standby_and_red_from_the_first_signal() {
    let house = house(Role::Standby, Ok(Turns::default())).await;
    let (status, body) = house.json("/readyz").await;
    assert_eq!((status, &body["phase"]), (503, &"starting".into()));

    house.shutdown.enter(Phase::Standby);
    let (status, body) = house.json("/readyz").await;
    assert_eq!((status, &body["role"]), (200, &"standby".into()));

    house.shutdown.enter(Phase::Running);
    assert_eq!(house.get("/readyz").await.0, 200);

    house.shutdown.stop(Cause::Terminate);
    let (status, body) = house.json("/readyz").await;
    assert_eq!((status, &body["phase"]), (503, &"draining".into()));
    assert_eq!(house.get("/livez").await.0, 200, "a drain is alive");
}

#[tokio::test]
async fn the_endpoints_answer_until_the_close_and_then_end_at_once() {
    let house = house(Role::Active, Ok(Turns::default())).await;
    house.shutdown.stop(Cause::Terminate);
    house.shutdown.stop(Cause::Terminate);
    assert_eq!(house.get("/metrics").await.0, 200);
    // Half a request head, left hanging.
    let address = house.base.trim_start_matches("http://");
    let mut slow = tokio::net::TcpStream::connect(address)
        .await
        .expect("it listens");
    tokio::io::AsyncWriteExt::write_all(&mut slow, b"GET /livez HT")
        .await
        .expect("it reads");
    house.tasks.close();
    house.tasks.wait_all().await;
}

#[tokio::test]
async fn the_books_are_shown_as_states_and_ages() {
    let turn = Turn {
        turn: 7,
        chat: 42,
        messages: vec![1, 2],
        state: "claimed".into(),
        age_ms: 1_500,
        parts: [("planned".to_owned(), 1)].into(),
    };
    let turns = Turns {
        counts: [("claimed".to_owned(), 1)].into(),
        turns: vec![turn],
    };
    let good = house(Role::Active, Ok(turns.clone())).await;
    let (status, body) = good.json("/turns").await;
    assert_eq!(status, 200);
    assert_eq!(
        serde_json::from_value::<Turns>(body).expect("the same shape"),
        turns
    );

    let bad = house(Role::Active, Err("disk full".into())).await;
    let (status, body) = bad.json("/turns").await;
    assert_eq!((status, &body["error"]), (503, &"disk full".into()));
}
