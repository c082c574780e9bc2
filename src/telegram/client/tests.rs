//! The client against a server that misbehaves byte by byte.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::atomic::AtomicUsize;

use serde_json::json;

use super::*;
use crate::http::fake::{answering, refusing, request, serve};

const TOKEN: &str = "123456:AAtestTOKENtest";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\n{\"ok\":true,\"result\":true}";

fn client(scheme: &str, address: SocketAddr) -> Client {
    Client::new(&format!("{scheme}://{address}/"), TOKEN.into()).unwrap()
}

fn call(timeout: Duration) -> Call {
    Call {
        method: "sendMessage",
        body: json!({"chat_id": 1, "text": "hällo"}),
        timeout,
        file: None,
    }
}

async fn ask(address: SocketAddr) -> Result<Value, CallError> {
    client("http", address)
        .call(call(Duration::from_secs(10)))
        .await
}

fn assert_unknown(result: Result<Value, CallError>) {
    let error = result.unwrap_err();
    assert!(matches!(error, CallError::Unknown { .. }), "{error:?}");
    assert!(!format!("{error:?} {error}").contains("TOKEN"), "{error:?}");
}

fn assert_not_sent(result: Result<Value, CallError>) {
    let error = result.unwrap_err();
    assert!(matches!(error, CallError::NotSent { .. }), "{error:?}");
    assert!(!format!("{error:?} {error}").contains("TOKEN"), "{error:?}");
}

#[tokio::test]
async fn a_call_is_one_json_post_to_the_methods_address() {
    let seen = Arc::new(std::sync::Mutex::new(String::new()));
    let address = {
        let seen = Arc::clone(&seen);
        serve(move |mut stream| {
            let got = request(&mut stream).unwrap();
            *seen.lock().unwrap() = got;
            stream.write_all(OK.as_bytes()).unwrap();
        })
    };
    assert_eq!(ask(address).await, Ok(Value::Bool(true)));
    let seen = seen.lock().unwrap().clone();
    assert!(
        seen.starts_with("POST /bot123456:AAtestTOKENtest/sendMessage HTTP/1.1\r\n"),
        "{seen}"
    );
    assert!(
        seen.to_lowercase()
            .contains("\r\ncontent-type: application/json\r\n"),
        "{seen}"
    );
    assert!(!seen.to_lowercase().contains("transfer-encoding"), "{seen}");
    assert!(seen.ends_with(r#"{"chat_id":1,"text":"hällo"}"#), "{seen}");
}

#[tokio::test]
async fn what_cannot_connect_was_not_sent() {
    let (_socket, closed) = refusing();
    assert_not_sent(ask(closed).await);
}

#[tokio::test]
async fn a_failed_or_endless_tls_handshake_was_not_sent() {
    let plain = serve(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    assert_not_sent(
        client("https", plain)
            .call(call(Duration::from_secs(10)))
            .await,
    );
    let silent = serve(|mut stream| {
        let mut sink = Vec::new();
        let _ = stream.read_to_end(&mut sink);
    });
    assert_not_sent(
        client("https", silent)
            .call(call(Duration::from_millis(200)))
            .await,
    );
}

#[tokio::test]
async fn silence_after_the_request_is_an_unknown_outcome() {
    let silent = serve(|mut stream| {
        let _ = request(&mut stream);
        let _ = stream.read(&mut [0]);
    });
    let result = client("http", silent)
        .call(call(Duration::from_millis(200)))
        .await;
    assert_unknown(result);
}

#[tokio::test]
async fn an_answer_cut_at_any_byte_is_an_unknown_outcome() {
    for end in 0..OK.len() {
        assert_unknown(ask(answering(&OK[..end])).await);
    }
    assert!(ask(answering(OK)).await.is_ok());
}

#[tokio::test]
async fn odd_answers_are_unknown_outcomes() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 17000000\r\n\r\n".to_owned(),
        "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nbad".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnope".to_owned(),
        "SSH-2.0-OpenSSH\r\n".to_owned(),
    ] {
        assert_unknown(ask(answering(answer)).await);
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let hits = Arc::new(AtomicUsize::new(0));
    let target = {
        let hits = Arc::clone(&hits);
        serve(move |_stream| {
            hits.fetch_add(1, Ordering::SeqCst);
        })
    };
    let answer =
        format!("HTTP/1.1 307 x\r\nLocation: http://{target}/\r\nContent-Length: 0\r\n\r\n");
    assert_unknown(ask(answering(answer)).await);
    assert_eq!(hits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_replaced() {
    let (closed, mut closes) = tokio::sync::mpsc::unbounded_channel();
    let address = serve(move |mut stream| {
        let _ = request(&mut stream);
        let _ = stream.write_all(OK.as_bytes());
        drop(stream);
        let _ = closed.send(());
    });
    let client = client("http", address);
    for _ in 0..5 {
        let result = client.call(call(Duration::from_secs(10))).await;
        assert_eq!(result, Ok(Value::Bool(true)));
        closes.recv().await.unwrap();
        // A turn of the driver, in which the connection sees its end.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_dropped_long_poll_leaves_the_sends_alone() {
    let address = serve(|mut stream| {
        while let Some(got) = request(&mut stream) {
            if got.contains("/getUpdates") {
                let _ = stream.read(&mut [0]);
                return;
            }
            stream.write_all(OK.as_bytes()).unwrap();
        }
    });
    let client = client("http", address);
    let poll = Call {
        method: "getUpdates",
        ..call(Duration::from_secs(10))
    };
    let dropped = tokio::time::timeout(Duration::from_millis(100), client.call(poll)).await;
    assert!(dropped.is_err());
    assert!(client.call(call(Duration::from_secs(10))).await.is_ok());
}

#[tokio::test]
async fn a_file_is_downloaded_up_to_the_limit_and_only_from_the_server() {
    let address = serve(|mut stream| {
        let got = request(&mut stream).unwrap();
        let status = if got.starts_with("GET /file/bot123456:AAtestTOKENtest/photos/a%20b.jpg ") {
            "200"
        } else {
            "404"
        };
        let _ = stream.write_all(
            format!("HTTP/1.1 {status} x\r\nConnection: close\r\nContent-Length: 4\r\n\r\ndata")
                .as_bytes(),
        );
    });
    let client = client("http", address);
    let wait = Duration::from_secs(10);
    let file = client.download("photos/a b.jpg", 4, wait).await;
    assert_eq!(file.unwrap(), Bytes::from_static(b"data"));
    for (path, limit, expected) in [
        ("photos/a b.jpg", 3, 413),
        ("photos/none", 4, 404),
        ("../getMe", 4, 400),
        ("/etc/passwd", 4, 400),
    ] {
        let error = client.download(path, limit, wait).await.unwrap_err();
        assert!(
            matches!(error, CallError::Refused { code, .. } if code == expected),
            "{path}: {error:?}"
        );
    }
}

#[test]
fn the_token_is_never_shown_and_must_be_a_path_segment() {
    let client = Client::new("http://127.0.0.1:1/base/", TOKEN.into()).unwrap();
    assert!(!format!("{client:?}").contains("AA"));
    let url = client.url(&[], std::iter::once("getMe"));
    assert_eq!(url.path(), format!("/base/bot{TOKEN}/getMe"));
    for token in ["", "1:a/b", "1:a?b", "1:a\nb", "1:ä"] {
        let error = Client::new("http://127.0.0.1:1", token.into()).unwrap_err();
        assert!(matches!(error, ClientError::Token), "{token}");
    }
    for url in ["", "ftp://x", "api.telegram.org", "data:x"] {
        let error = Client::new(url, TOKEN.into()).unwrap_err();
        assert!(matches!(error, ClientError::Address(_)), "{url}");
    }
}
