//! The console of the real binary: where its token is, who may not reach it, and
//! that fifty windows see a whole drain and cost it nothing.

use std::os::unix::fs::PermissionsExt;

use lastword::playground::bot_api::Place;
use lastword::playground::offline::Fault;
use reqwest::{Client, StatusCode, header, redirect};
use rustix::process::Signal;

use super::{Process, Real, Transport, free_port, within};

struct Visit {
    root: String,
    client: Client,
}

impl Visit {
    fn at(address: &str) -> Self {
        lastword::tls::install_crypto();
        let client = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none());
        Self {
            root: format!("http://{address}"),
            client: client.build().expect("a client"),
        }
    }

    async fn login(&self, token: &str) -> String {
        let request = self.client.post(format!("{}/console/login", self.root));
        let request = request.header(header::ORIGIN, &self.root);
        let answer = request.form(&[("token", token)]).send().await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        let cookie = answer.headers()[header::SET_COOKIE].to_str().expect("text");
        cookie.split(';').next().expect("a pair").to_owned()
    }

    async fn watch(&self, cookie: &str) -> reqwest::Response {
        let request = self.client.get(format!("{}/console/events", self.root));
        let answer = request.header(header::COOKIE, cookie).send().await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
        answer
    }

    async fn status(&self, path: &str) -> StatusCode {
        let answer = self.client.get(format!("{}{path}", self.root)).send().await;
        answer.expect("an answer").status()
    }
}

/// Reads until these words have come.
async fn until_shown(stream: &mut reqwest::Response, words: &str) {
    let mut seen = String::new();
    let reading = async {
        while !seen.contains(words) {
            let chunk = stream.chunk().await.expect("the stream goes on");
            let chunk = chunk.unwrap_or_else(|| panic!("it ended without {words:?}"));
            seen.push_str(&String::from_utf8_lossy(&chunk));
        }
    };
    within(words, reading).await;
}

async fn real() -> (Real, String) {
    let mut real = Real::new(Transport::Polling).await;
    let address = free_port().await.to_string();
    real.env.insert("LASTWORD_OPS__LISTEN", address.clone());
    (real, address)
}

fn token_of(real: &Real) -> String {
    let path = real.store_path().with_file_name("console-token");
    let mode = std::fs::metadata(&path).expect("it is there").permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    let token = std::fs::read_to_string(path).expect("it is ours");
    token.trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_windows_see_a_drain_to_its_end_and_do_not_delay_it() {
    let (real, address) = real().await;
    let ann = real.person("Ann");
    let mut process: Process = real.start().await;
    process.says("its token is in").await;
    let token = token_of(&real);
    let visit = Visit::at(&address);
    let cookie = visit.login(&token).await;
    real.model.change(|now| now.fault = Fault::HoldAfter(0));
    real.ask(&Place::private(ann));
    within("the model", real.model.until(|now| now.running == 1)).await;
    let mut streams = Vec::new();
    for _ in 0..50 {
        streams.push(visit.watch(&cookie).await);
    }
    for stream in &mut streams {
        until_shown(stream, "generating").await;
    }
    process.signal(Signal::TERM);
    for stream in &mut streams {
        until_shown(stream, "Draining: 1 turn left").await;
    }
    real.model.change(|now| now.fault = Fault::Sound);
    // Nobody reads them any more, and nobody closes them.
    let exit = process.ended().await;
    assert_eq!(exit.code, Some(0), "{exit:?}");
    assert!(!exit.log.contains(&token), "the token is in the log");
    assert!(!exit.log.contains(cookie.split_once('=').expect("a pair").1));
    drop(streams);

    // The next one knows the login, and the same token.
    let mut process = real.start().await;
    let mut stream = visit.watch(&cookie).await;
    until_shown(&mut stream, "running").await;
    assert_eq!(token_of(&real), token);
    assert_eq!(process.stop().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_that_other_machines_could_reach_stays_off_without_a_token_of_the_operators() {
    let (mut real, address) = real().await;
    let everywhere = address.replace("127.0.0.1", "0.0.0.0");
    real.env.insert("LASTWORD_OPS__LISTEN", everywhere);
    let visit = Visit::at(&address);
    let mut process = real.start().await;
    process.says("the console stays off").await;
    assert_eq!(visit.status("/readyz").await, StatusCode::OK);
    assert_eq!(visit.status("/console/login").await, StatusCode::NOT_FOUND);
    assert!(!real.store_path().with_file_name("console-token").exists());
    assert_eq!(process.stop().await.code, Some(0));

    let token = "a-token-that-the-operator-chose";
    real.env.insert("OPS_CONSOLE_TOKEN", token.to_owned());
    let mut process = real.start().await;
    visit.login(token).await;
    let exit = process.stop().await;
    assert_eq!(exit.code, Some(0));
    assert!(!exit.log.contains(token), "the token is in the log");
}
