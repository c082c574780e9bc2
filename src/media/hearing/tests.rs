//! The transcribing endpoint against servers that answer as they like.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use super::*;
use crate::http::fake::{answering, request, serve};

fn transcriber(address: SocketAddr, dialect: Dialect) -> Transcriber {
    let key = SecretString::from("sk-secret");
    let base = format!("http://{address}/v1");
    let mut made = Transcriber::new(
        &base,
        Some(&key),
        "hear-1".to_owned(),
        Duration::from_secs(60),
    )
    .unwrap();
    made.dialect = dialect;
    made
}

fn recording() -> Recording {
    Recording {
        bytes: Bytes::from_static(b"OggS..."),
        format: "ogg",
    }
}

fn answer(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn each_endpoint_is_asked_in_its_own_way_and_gives_the_words() {
    crate::tls::install_crypto();
    for (dialect, marks) in [
        (
            Dialect::OpenRouter,
            &["\"model\":\"hear-1\"", "\"format\":\"ogg\"", "T2dnUy4uLg=="][..],
        ),
        (
            Dialect::Compatible,
            &[
                "name=\"model\"\r\n\r\nhear-1",
                "filename=\"recording.ogg\"",
                "OggS...",
            ],
        ),
    ] {
        let heard = Arc::new(Mutex::new(String::new()));
        let seen = Arc::clone(&heard);
        let address = serve(move |mut stream| {
            if let Some(asked) = request(&mut stream) {
                *seen.lock().unwrap() = asked;
                let answer = answer("200 OK", "{\"text\": \" Hello there. \"}");
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        let words = transcriber(address, dialect).words(recording()).await;
        assert_eq!(words, Ok("Hello there.".to_owned()));
        let asked = heard.lock().unwrap().clone();
        assert!(
            asked.starts_with("POST /v1/audio/transcriptions "),
            "{asked}"
        );
        assert!(
            asked
                .to_lowercase()
                .contains("authorization: bearer sk-secret"),
            "{asked}"
        );
        for mark in marks {
            assert!(asked.contains(mark), "{mark}: {asked}");
        }
    }
}

#[tokio::test]
async fn what_goes_wrong_is_told_without_the_key_and_without_what_was_said() {
    crate::tls::install_crypto();
    for (answer, code) in [
        (
            answer("402 Payment Required", "sk-secret said hello"),
            Some(402),
        ),
        (answer("503 Service Unavailable", ""), Some(503)),
        (answer("200 OK", "{\"hello\": 1}"), None),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".to_owned(),
            None,
        ),
    ] {
        let address = answering(answer);
        let words = transcriber(address, Dialect::OpenRouter)
            .words(recording())
            .await;
        let error = words.expect_err("it failed");
        match (&error, code) {
            (LlmError::Status { code, .. }, Some(expected)) => assert_eq!(*code, expected),
            (LlmError::Malformed { .. } | LlmError::Unreachable { .. }, None) => {}
            other => panic!("{other:?}"),
        }
        let shown = format!("{error} {error:?}");
        assert!(
            !shown.contains("sk-secret") && !shown.contains("hello"),
            "{shown}"
        );
    }
    let shown = format!("{:?}", transcriber(answering(""), Dialect::OpenRouter));
    assert!(!shown.contains("sk-secret"), "{shown}");
}
