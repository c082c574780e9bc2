//! Every answer, and what is done before it.

use lastword::store::StoreError;

use super::*;

#[tokio::test]
async fn an_update_is_answered_200_after_it_was_stored_whatever_it_says() {
    let house = house().await;
    for update in [r#"{"update_id":1}"#, r#"{"update_id":1}"#, "not JSON", ""] {
        assert_eq!(house.deliver(update).await.status(), 200, "{update:?}");
    }
    assert_eq!(house.sink.stored().len(), 4);
    assert_eq!(house.sink.stored()[2], "not JSON");
}

#[tokio::test]
async fn nothing_is_confirmed_before_the_store_has_it() {
    let house = house().await;
    let hold = house.sink.turns.acquire_many(1_000).await.unwrap();
    let mut raw = house.connect().await;
    raw.head("Content-Length: 2\r\n").await;
    raw.say("{}").await;
    house.sink.reached(1).await;
    let mut byte = [0];
    let early = timeout(Duration::from_millis(100), raw.0.read(&mut byte)).await;
    assert!(early.is_err(), "an answer while the store still writes");
    drop(hold);
    assert!(raw.hear().await.starts_with("http/1.1 200"));
}

#[tokio::test]
async fn a_wrong_or_missing_secret_is_401_before_a_byte_of_the_body() {
    let house = house().await;
    let near = format!("{SECRET}x");
    for secret in ["", "wrong", &SECRET[1..], near.as_str()] {
        let mut raw = house.connect().await;
        let header = if secret.is_empty() {
            String::new()
        } else {
            format!("X-Telegram-Bot-Api-Secret-Token: {secret}\r\n")
        };
        // The body is announced and never sent; far too large, at that.
        raw.say(format!(
            "POST /hook/it HTTP/1.1\r\nHost: x\r\n{header}Content-Length: 9999999\r\n\r\n"
        ))
        .await;
        let answer = raw.hear().await;
        assert!(answer.starts_with("http/1.1 401"), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    }
    assert_eq!(house.sink.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn other_methods_are_405_and_other_paths_404() {
    let house = house().await;
    let (client, url) = house.client();
    for method in ["GET", "PUT", "DELETE", "HEAD", "BREW"] {
        let method = method.parse().unwrap();
        let request = client.request(method, &url);
        let answer = request
            .header("X-Telegram-Bot-Api-Secret-Token", SECRET)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 405);
        assert_eq!(answer.headers()["allow"], "POST");
    }
    for path in ["/", "/hook", "/hook/it/", "/hook/it2"] {
        let url = format!("http://{}{path}", house.address);
        assert_eq!(client.post(url).send().await.unwrap().status(), 404);
    }
    assert_eq!(house.sink.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_route_of_any_path_that_a_url_can_have_works() {
    for path in ["/", "/*all", "/a/%7Bb%7D", "/a//b/", "/ü"] {
        let mut config = config();
        config.url = WebhookUrl::parse(&format!("https://bot.example.org{path}"));
        let house = house_with(&config, Limits::default()).await;
        let url = format!("http://{}{path}", house.address);
        let answer = reqwest::Client::new()
            .post(url)
            .header("X-Telegram-Bot-Api-Secret-Token", SECRET)
            .body("{}")
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn over_one_mebibyte_is_413_by_its_header_or_while_reading() {
    let house = house().await;
    let mut raw = house.connect().await;
    raw.head("Content-Length: 1048577\r\n").await;
    let answer = raw.hear().await;
    assert!(answer.starts_with("http/1.1 413"), "{answer}");

    let mut raw = house.connect().await;
    raw.head("Transfer-Encoding: chunked\r\n").await;
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    for _ in 0..20 {
        raw.say(&chunk).await;
    }
    let answer = raw.hear().await;
    assert!(answer.starts_with("http/1.1 413"), "{answer}");
    assert_eq!(house.sink.asked.load(Ordering::SeqCst), 0);

    let largest = "x".repeat(1024 * 1024);
    let mut raw = house.connect().await;
    raw.head("Content-Length: 1048576\r\n").await;
    raw.say(&largest).await;
    assert!(raw.hear().await.starts_with("http/1.1 200"));
    assert_eq!(house.sink.stored(), [largest]);
}

#[tokio::test]
async fn a_body_in_many_pieces_is_stored_as_it_was_sent() {
    let house = house().await;
    let mut raw = house.connect().await;
    raw.head("Content-Length: 9\r\n").await;
    for piece in ["{\"a", "\":", "[1]", "}"] {
        raw.say(piece).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(raw.hear().await.starts_with("http/1.1 200"));
    assert_eq!(house.sink.stored(), ["{\"a\":[1]}"]);
}

#[tokio::test]
async fn what_cannot_be_stored_now_is_503_with_retry_after_1() {
    let house = house().await;
    let later = |answer: reqwest::Response| {
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.headers()["retry-after"], "1");
    };
    for state in [
        IntakeState::Full,
        IntakeState::Unavailable,
        IntakeState::Draining { successor: false },
    ] {
        house.sink.set(state);
        later(house.deliver("{}").await);
    }
    assert_eq!(house.sink.asked.load(Ordering::SeqCst), 0);

    house.sink.set(IntakeState::Open);
    for refusal in [
        Refusal::Full,
        Refusal::Draining,
        StoreError::Unavailable {
            reason: "disk full".to_owned(),
        }
        .into(),
        StoreError::Defect {
            reason: "a bug".to_owned(),
        }
        .into(),
    ] {
        *house.sink.refusal.lock().unwrap() = Some(refusal);
        later(house.deliver("{}").await);
    }
    *house.sink.refusal.lock().unwrap() = None;
    assert_eq!(house.deliver("{}").await.status(), 200, "it recovers");
}

#[tokio::test]
async fn a_connection_is_kept_over_200_and_503() {
    let house = house().await;
    let mut raw = house.connect().await;
    for (state, code) in [
        (IntakeState::Open, "200"),
        (IntakeState::Full, "503"),
        (IntakeState::Open, "200"),
    ] {
        house.sink.set(state);
        raw.head("Content-Length: 2\r\n").await;
        raw.say("{}").await;
        let answer = raw.hear().await;
        assert!(answer.starts_with(&format!("http/1.1 {code}")), "{answer}");
    }
}

#[tokio::test]
async fn concurrent_requests_reach_the_store_together() {
    let house = Arc::new(house().await);
    let hold = house.sink.turns.acquire_many(1_000).await.unwrap();
    let all = futures_util::future::join_all((0..100).map(|_| house.deliver("{}")));
    let all = async {
        tokio::join!(all, async {
            // Only when all of them wait there at once does the store go on.
            house.sink.reached(100).await;
            drop(hold);
        })
        .0
    };
    for answer in timeout(HANGS, all).await.expect("no deadlock") {
        assert_eq!(answer.status(), 200);
    }
    assert_eq!(house.sink.stored().len(), 100);
}

#[tokio::test]
async fn slow_clients_lose_their_connection_and_hold_no_slot() {
    let brief = Duration::from_millis(50);
    let limits = Limits {
        connections: 3,
        head: brief,
        body: brief,
        idle: brief,
        ..Limits::default()
    };
    let house = house_with(&config(), limits).await;
    for _ in 0..3 {
        let mut silent = house.connect().await;
        let mut head = house.connect().await;
        head.say("POST /hook/it HT").await;
        let mut idle = house.connect().await;
        idle.head("Content-Length: 2\r\n").await;
        idle.say("{}").await;
        assert!(idle.hear().await.starts_with("http/1.1 200"));
        for slow in [&mut silent, &mut head, &mut idle] {
            slow.hear_the_end().await;
        }
        let mut body = house.connect().await;
        body.head("Content-Length: 2\r\n").await;
        body.say("{").await;
        let answer = body.hear().await;
        assert!(answer.starts_with("http/1.1 503"), "never 4xx: {answer}");
        body.hear_the_end().await;
    }
}

#[tokio::test]
async fn a_head_that_drips_is_cut_though_something_comes_all_the_time() {
    let limits = Limits {
        head: Duration::from_millis(100),
        ..Limits::default()
    };
    let house = house_with(&config(), limits).await;
    let mut raw = house.connect().await;
    raw.say("POST /hook/it HTTP/1.1\r\n").await;
    let dripping = async {
        while raw.0.write_all(b"A: b\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(HANGS, dripping).await.expect("it is cut");
}

#[tokio::test]
async fn what_was_sent_whole_is_stored_though_the_client_has_gone() {
    let house = house().await;
    let hold = house.sink.turns.acquire_many(1_000).await.unwrap();
    let mut raw = house.connect().await;
    raw.head("Content-Length: 2\r\n").await;
    raw.say("{}").await;
    house.sink.reached(1).await;
    raw.0.shutdown().await.unwrap();
    drop(hold);
    assert!(raw.hear().await.starts_with("http/1.1 200"));
    assert_eq!(house.sink.stored().len(), 1);
}
