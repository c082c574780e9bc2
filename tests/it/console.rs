//! The console over real HTTP, on a port of its own, with a scene that counts
//! what is asked of it: who is let in, what the headers say, what is shown, and
//! that no window can delay the end.

use std::sync::Arc;
use std::time::Duration;

use lastword::domain::phase::Phase;
use lastword::ops::console::{Picture, Wish};
use lastword::ops::server::PLACES;
use lastword::shutdown::Cause;
use reqwest::{StatusCode, header};
use serde_json::json;

mod stand;

use stand::{PATIENCE, TOKEN, busy, event, house, quiet, with};

#[tokio::test]
async fn nobody_sees_or_does_anything_without_the_token() {
    let house = house().await;
    for path in ["/console/events", "/console/session"] {
        let answer = house.get(path).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    let page = house.get("/console/").send().await.expect("an answer");
    assert_eq!(page.headers()[header::LOCATION], "/console/login");
    let (status, _) = house.does("a=b", json!({"do": "resume"})).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(house.stand.wishes.lock().unwrap().len(), 0);
    assert_eq!(
        *house.stand.looks.lock().unwrap(),
        0,
        "nobody was shown anything"
    );

    let wrong = house.login("wrong").await;
    assert_eq!(wrong.status(), StatusCode::FORBIDDEN);
    assert!(wrong.headers().get(header::SET_COOKIE).is_none());
    let cookie = house.enter().await;
    let page = house.get("/console/").header(header::COOKIE, &cookie);
    let page = page.send().await.expect("an answer");
    assert_eq!(page.status(), StatusCode::OK);

    let away = house
        .post("/console/logout")
        .header(header::COOKIE, &cookie);
    away.send().await.expect("an answer");
    assert_eq!(
        house.stream(&cookie).await.status(),
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn wrong_tokens_are_soon_refused_unread() {
    let house = house().await;
    let mut last = house.login("wrong").await;
    for _ in 0..20 {
        if last.status() == StatusCode::TOO_MANY_REQUESTS {
            break;
        }
        last = house.login("wrong").await;
    }
    assert_eq!(last.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(last.headers().contains_key(header::RETRY_AFTER));
    // Whoever tries cannot shut out who knows.
    house.enter().await;
    let wrong = house.login("wrong").await;
    assert_eq!(wrong.status(), StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn no_other_site_reaches_or_moves_anything() {
    let house = house().await;
    let cookie = house.enter().await;
    let named = house.get("/console/").header(header::HOST, "evil.example");
    let named = named.send().await.expect("an answer");
    assert_eq!(named.status(), StatusCode::MISDIRECTED_REQUEST);
    let url = format!("{}/console/do", house.root);
    for (name, value) in [
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "same-site"),
        ("x-nothing", "said"),
    ] {
        let request = house.client.post(&url).header(header::COOKIE, &cookie);
        let request = request.header(name, value).json(&json!({"do": "resume"}));
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{name}: {value}");
    }
    // A form cannot say what it is.
    let form = house.post("/console/do").header(header::COOKIE, &cookie);
    let form = form.header(header::CONTENT_TYPE, "text/plain");
    let form = form
        .body(r#"{"do":"resume"}"#)
        .send()
        .await
        .expect("an answer");
    assert_eq!(form.status(), StatusCode::BAD_REQUEST);
    let large = house.post("/console/do").header(header::COOKIE, &cookie);
    let large = large.json(&json!({"do": "pause", "reason": "x".repeat(9_000)}));
    let large = large.send().await.expect("an answer");
    assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(house.stand.wishes.lock().unwrap().is_empty());
}

#[tokio::test]
async fn every_answer_forbids_what_is_not_from_here() {
    let house = house().await;
    for path in [
        "/console/login",
        "/console/",
        "/console/console.js",
        "/console/none",
    ] {
        let answer = house.get(path).send().await.expect("an answer");
        let policy = answer.headers()["content-security-policy"]
            .to_str()
            .expect("text");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self';"),
            "{path}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("cache-control", "no-store"),
            ("referrer-policy", "same-origin"),
        ] {
            assert_eq!(answer.headers()[name], value, "{path}");
        }
        let body = answer.text().await.expect("a body");
        assert!(
            !body.contains("https://") && !body.contains("style=\""),
            "{path}"
        );
        assert!(
            !body.contains("<script>") && !body.contains("onclick"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn each_action_is_asked_for_exactly_once_and_told() {
    let house = house().await;
    let cookie = house.enter().await;
    for (wish, expected) in [
        (
            json!({"do": "pause", "reason": " a\ndeploy "}),
            Wish::Pause {
                reason: "a deploy".into(),
            },
        ),
        (json!({"do": "resume"}), Wish::Resume {}),
        (json!({"do": "replay", "turn": 7}), Wish::Replay { turn: 7 }),
        (json!({"do": "cancel", "turn": 8}), Wish::Cancel { turn: 8 }),
    ] {
        let (status, said) = house.does(&cookie, wish).await;
        assert_eq!((status, said), (StatusCode::OK, json!({"said": "done"})));
        let wishes = std::mem::take(&mut *house.stand.wishes.lock().unwrap());
        assert_eq!(wishes, [expected]);
    }
    let (status, said) = house
        .does(&cookie, json!({"do": "replay", "turn": 13}))
        .await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(said, json!({"error": "turn 13 has not failed"}));
    house.stand.wishes.lock().unwrap().clear();
    for wish in [json!({"do": "drop"}), json!({"do": "replay"})] {
        let (status, _) = house.does(&cookie, wish).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
    }
    assert!(house.stand.wishes.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_window_gets_everything_and_then_only_what_changes() {
    let house = house().await;
    let cookie = house.enter().await;
    let mut stream = house.stream(&cookie).await;
    let first = event(&mut stream).await.expect("the first picture");
    let sections = first["sections"].as_object().expect("sections");
    for name in [
        "top", "notice", "flow", "waiting", "failed", "organs", "latency", "spend",
    ] {
        assert!(sections.contains_key(name), "{name}");
    }
    let mut next = quiet();
    next.counts[0] = 1;
    // The same moments, told as ages a little later.
    next.since += 900;
    *house.stand.picture.lock().unwrap() = Some(next);
    let second = event(&mut stream).await.expect("the second picture");
    let changed: Vec<_> = second["sections"]
        .as_object()
        .expect("sections")
        .keys()
        .collect();
    assert_eq!(changed, ["flow"]);
}

#[tokio::test]
async fn a_window_stays_open_while_time_goes_by_and_a_crowd_takes_every_place() {
    lastword::files::raise_limit();
    let house = house().await;
    let cookie = house.enter().await;
    let mut stream = house.stream(&cookie).await;
    event(&mut stream).await.expect("the first picture");
    let address = house.root.trim_start_matches("http://");
    let mut crowd = Vec::new();
    for _ in 0..2 * PLACES {
        let knock = tokio::net::TcpStream::connect(address).await;
        crowd.push(knock.expect("it listens"));
    }
    // Longer than anybody may take to say what he wants.
    tokio::time::sleep(Duration::from_secs(7)).await;
    let mut next = quiet();
    next.counts[0] = 1;
    *house.stand.picture.lock().unwrap() = Some(next);
    let news = event(&mut stream).await.expect("it goes on");
    assert!(news["sections"]["flow"].is_string(), "{news}");
}

#[tokio::test]
async fn nothing_is_looked_at_while_nobody_watches() {
    let house = house().await;
    let cookie = house.enter().await;
    let mut stream = house.stream(&cookie).await;
    event(&mut stream).await.expect("a picture");
    drop(stream);
    // Until the server has noticed that nobody reads any more.
    let mut before = *house.stand.looks.lock().unwrap();
    let calm = async {
        loop {
            tokio::time::sleep(Duration::from_millis(2_500)).await;
            let now = *house.stand.looks.lock().unwrap();
            if std::mem::replace(&mut before, now) == now {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, calm)
        .await
        .expect("the looking ends");
}

#[tokio::test]
async fn the_page_can_be_read_without_a_script_and_shows_no_more_than_it_should() {
    let house = house().await;
    *house.stand.picture.lock().unwrap() = Some(busy());
    let cookie = house.enter().await;
    let page = house.get("/console/").header(header::COOKIE, &cookie);
    let page = page
        .send()
        .await
        .expect("an answer")
        .text()
        .await
        .expect("a body");
    for part in [
        "Paused for",
        "&lt;b&gt;deploy&lt;/b&gt;",
        "…4567",
        "Replay turn 9",
        "model unavailable",
        "rests; tries again in",
        "http-equiv=\"refresh\"",
        "5 s",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let secret = cookie.split_once('=').expect("a pair").1;
    for hidden in ["1234567", "987654", TOKEN, secret, "<b>deploy"] {
        assert!(!page.contains(hidden), "{hidden}: {page}");
    }
}

#[tokio::test]
async fn a_login_outlives_a_restart_and_the_store_holds_nothing_that_opens() {
    let house = house().await;
    let cookie = house.enter().await;
    let stand = Arc::clone(&house.stand);
    let kept = stand.kept.lock().unwrap().clone().expect("it is kept");
    assert!(!kept.contains(cookie.split_once('=').expect("a pair").1));
    let next = with(stand).await;
    let mut stream = next.stream(&cookie).await;
    assert_eq!(stream.status(), StatusCode::OK);
    assert!(event(&mut stream).await.is_some());
}

#[tokio::test]
async fn fifty_windows_see_the_drain_and_do_not_delay_the_end() {
    let house = house().await;
    let cookie = house.enter().await;
    let mut streams = Vec::new();
    for _ in 0..50 {
        let mut stream = house.stream(&cookie).await;
        event(&mut stream).await.expect("the first picture");
        streams.push(stream);
    }
    house.shutdown.stop(Cause::Terminate);
    let draining = Picture {
        phase: Phase::Draining,
        ..quiet()
    };
    *house.stand.picture.lock().unwrap() = Some(draining);
    for stream in &mut streams {
        let news = event(stream).await.expect("a drain is seen").to_string();
        assert!(news.contains("draining"), "{news}");
    }
    house.shutdown.enter(Phase::Closing);
    for stream in &mut streams {
        assert_eq!(
            event(stream).await,
            None,
            "it ends before the store is closed"
        );
    }
    house.tasks.close();
    let ended = tokio::time::timeout(PATIENCE, house.tasks.wait_all());
    ended.await.expect("nothing of the console is waited for");
}

#[tokio::test]
async fn only_so_many_windows_are_served() {
    let house = house().await;
    let cookie = house.enter().await;
    let mut streams = Vec::new();
    for _ in 0..lastword::ops::console::STREAMS {
        let stream = house.stream(&cookie).await;
        assert_eq!(stream.status(), StatusCode::OK);
        streams.push(stream);
    }
    let refused = house.stream(&cookie).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    streams.pop();
    let freed = async {
        while house.stream(&cookie).await.status() != StatusCode::OK {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, freed)
        .await
        .expect("its place is free again");
}
