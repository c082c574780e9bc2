//! The stop: what is in flight is stored, and no client can delay it.

use super::*;

/// Clients that do nothing, or never finish what they do.
async fn crowd(house: &House) -> Vec<Raw> {
    let mut crowd = Vec::new();
    for kind in 0..200 {
        let mut raw = house.connect().await;
        match kind % 4 {
            0 => {}
            1 => raw.say("POST /hook/it HTTP/1.1\r\nX-").await,
            2 => {
                raw.head("Content-Length: 100\r\n").await;
                raw.say("{").await;
            }
            _ => {
                raw.head("Content-Length: 2\r\n").await;
                raw.say("{}").await;
                assert!(raw.hear().await.starts_with("http/1.1 200"));
            }
        }
        crowd.push(raw);
    }
    crowd
}

#[tokio::test]
async fn no_client_delays_the_stop() {
    for successor in [false, true] {
        let house = house().await;
        let _crowd = crowd(&house).await;
        if successor {
            house.sink.set(IntakeState::Draining { successor });
        }
        house.stop().await;
        house.close().await;
    }
}

#[tokio::test]
async fn a_store_that_hangs_does_not_delay_the_stop() {
    let house = house().await;
    let _hold = house.sink.turns.acquire_many(1_000).await.unwrap();
    let mut raw = house.connect().await;
    raw.head("Content-Length: 2\r\n").await;
    raw.say("{}").await;
    house.sink.reached(1).await;
    house.stop().await;
    raw.hear_the_end().await;
    assert!(house.sink.stored().is_empty());
}

#[tokio::test]
async fn a_request_in_flight_finishes_storing_and_is_confirmed() {
    for successor in [false, true] {
        let house = house().await;
        let hold = house.sink.turns.acquire_many(1_000).await.unwrap();
        let mut raw = house.connect().await;
        raw.head("Content-Length: 2\r\n").await;
        raw.say("{}").await;
        house.sink.reached(1).await;
        house.sink.set(IntakeState::Draining { successor });
        house.shutdown.stop(Cause::Terminate);
        tokio::task::yield_now().await;
        drop(hold);
        let answer = raw.hear().await;
        assert!(answer.starts_with("http/1.1 200"), "{answer}");
        assert_eq!(house.sink.stored().len(), 1);
        raw.hear_the_end().await;
        house.stop().await;
    }
}

#[tokio::test]
async fn without_a_successor_new_updates_are_503_to_the_very_end() {
    let house = house().await;
    // The sink hears of the stop later than the webhook does.
    house.stop().await;
    for _ in 0..2 {
        let answer = house.deliver("{}").await;
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.headers()["retry-after"], "1");
        assert_eq!(answer.headers()["connection"], "close");
        house.sink.set(IntakeState::Draining { successor: false });
    }
    let (client, url) = house.client();
    assert_eq!(client.post(url).send().await.unwrap().status(), 401);
    assert_eq!(house.sink.asked.load(Ordering::SeqCst), 0);
    let mut half = house.connect().await;
    half.say("POST /hook").await;
    house.close().await;
    assert!(TcpStream::connect(&house.address).await.is_err());
}

#[tokio::test]
async fn with_a_successor_the_address_is_free_and_open_connections_are_served() {
    let limits = Limits {
        late: HANGS,
        ..Limits::default()
    };
    let house = house_with(&config(), limits).await;
    let mut kept = house.connect().await;
    kept.head("Content-Length: 2\r\n").await;
    kept.say("{}").await;
    assert!(kept.hear().await.starts_with("http/1.1 200"));

    house.sink.set(IntakeState::Draining { successor: true });
    house.shutdown.stop(Cause::Terminate);
    let address = house.address.parse().unwrap();
    bound_when_free(address).await;

    kept.head("Content-Length: 2\r\n").await;
    kept.say("{}").await;
    let answer = kept.hear().await;
    assert!(answer.starts_with("http/1.1 200"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    assert_eq!(house.sink.stored().len(), 2);
    kept.hear_the_end().await;
    house.stop().await;
}

/// One that asked holds the same socket: connections that wait in it are its
/// own, and while it lives nobody else turns them away.
#[tokio::test]
async fn a_successor_that_asked_has_the_socket_for_as_long_as_it_lives() {
    let house = house().await;
    let address = house.address.parse().unwrap();
    let wrong = ([127, 0, 0, 1], 1).into();
    assert!(inherit(house.instance, wrong).await.is_err());
    let heir = inherit(house.instance, address).await.unwrap();
    assert_eq!(heir.local_addr().unwrap(), address);
    house.sink.set(IntakeState::Draining { successor: true });
    house.stop().await;
    let mut waits = house.connect().await;
    waits.head("Content-Length: 2\r\n").await;
    waits.say("{}").await;
    assert!(Listener::bind(address).await.is_err());
    // It dies, and the next has not come yet.
    drop(heir);
    house.sink.set(IntakeState::Draining { successor: false });
    assert!(waits.hear().await.starts_with("http/1.1 503"));
    // The next one comes while the old one still drains.
    let heir = inherit(house.instance, address).await.unwrap();
    house.close().await;
    TcpStream::connect(&house.address).await.unwrap();
    drop(heir);
    assert!(TcpStream::connect(&house.address).await.is_err());
}

#[tokio::test]
async fn a_successor_that_comes_during_the_drain_gets_the_address() {
    let house = house().await;
    house.stop().await;
    assert_eq!(house.deliver("{}").await.status(), 503);
    house.sink.set(IntakeState::Draining { successor: true });
    let address = house.address.parse().unwrap();
    bound_when_free(address).await;
    house.close().await;
}

#[tokio::test]
async fn a_socket_that_was_handed_over_outlives_the_server() {
    let given = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let kept = given.try_clone().unwrap();
    let house = house().await;
    let secret = WebhookSecret::parse(SECRET).unwrap();
    let pulse = Pulse::default();
    let sink = Arc::clone(&house.sink);
    let config = config();
    let webhook = Webhook::new(&config, secret, sink, &house.shutdown, &house.tasks, &pulse);
    let webhook = webhook.await.unwrap();
    webhook.start(Listener::given(given).unwrap());
    house.sink.set(IntakeState::Draining { successor: true });
    house.stop().await;
    // Nobody accepts any more, and yet nobody is refused.
    TcpStream::connect(kept.local_addr().unwrap())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_second_stop_cuts_at_once() {
    let limits = Limits {
        finish: Duration::from_secs(3_600),
        ..Limits::default()
    };
    let house = house_with(&config(), limits).await;
    let _crowd = crowd(&house).await;
    house.shutdown.stop(Cause::Terminate);
    house.stop().await;
}

/// As a successor does that cannot ask for the socket.
async fn bound_when_free(address: std::net::SocketAddr) {
    let free = async {
        while Listener::bind(address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(HANGS, free).await.expect("the old one lets go");
}
