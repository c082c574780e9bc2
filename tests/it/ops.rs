//! The endpoints over real HTTP, on a port of their own.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lastword::domain::phase::Phase;
use lastword::ops::gauges::Gauges;
use lastword::ops::health::{Books, Depths, Ops, Role, Turn, Turns, serve};
use lastword::ops::{metrics, server};
use lastword::pulse::Pulse;
use lastword::shutdown::{Cause, Kind, Shutdown, Tasks};
use lastword::store::Availability;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

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

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(60);

impl House {
    /// Somebody who begins to ask and goes no further.
    async fn half(&self) -> TcpStream {
        let address = self.base.trim_start_matches("http://");
        let mut slow = TcpStream::connect(address).await.expect("it listens");
        // One that was sent away already does not take it.
        let _ = slow.write_all(b"GET /livez HT").await;
        slow
    }

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
    let _slow = house.half().await;
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

/// A foreign name that was made to lead here is how a page of another site would
/// read them.
#[tokio::test]
async fn on_loopback_no_other_name_reads_anything() {
    let house = house(Role::Active, Ok(Turns::default())).await;
    let port = house.base.rsplit_once(':').expect("it has a port").1;
    let client = reqwest::Client::builder().no_proxy();
    let client = client.redirect(reqwest::redirect::Policy::none());
    let client = client.build().expect("a client");
    for path in ["/livez", "/readyz", "/metrics", "/turns", "/nowhere", "/"] {
        let url = format!("{}{path}", house.base);
        let status = async |host: String| {
            let request = client.get(&url).header(reqwest::header::HOST, host);
            request.send().await.expect("an answer").status().as_u16()
        };
        assert_eq!(status(format!("evil.example:{port}")).await, 421, "{path}");
        assert_ne!(status(format!("localhost:{port}")).await, 421, "{path}");
    }
}

#[tokio::test]
async fn a_crowd_that_says_half_of_something_keeps_nobody_out() {
    lastword::files::raise_limit();
    let house = house(Role::Active, Ok(Turns::default())).await;
    let mut crowd = Vec::new();
    for n in 0..3 * server::PLACES {
        crowd.push(house.half().await);
        if n % 32 == 0 {
            assert_eq!(house.get("/metrics").await.0, 200, "{n}");
        }
    }
    // Some of the crowd had to go, long before their time was over.
    let mut byte = [0];
    let first = timeout(PATIENCE, crowd[0].read(&mut byte)).await;
    assert!(matches!(first.expect("it is closed"), Ok(0) | Err(_)));
    for _ in 0..20 {
        let asked = timeout(Duration::from_secs(4), house.get("/turns")).await;
        assert_eq!(asked.expect("it is answered at once").0, 200);
    }
}

#[tokio::test]
async fn whoever_says_half_of_something_and_no_more_is_hung_up_on() {
    let house = house(Role::Active, Ok(Turns::default())).await;
    let mut slow = house.half().await;
    let mut rest = Vec::new();
    let ended = timeout(PATIENCE, slow.read_to_end(&mut rest)).await;
    let _ = ended.expect("it is hung up on");
    assert!(!rest.starts_with(b"HTTP/1.1 200"), "{rest:?}");
}
