//! The endpoint against servers that end, break and answer as they like.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use futures_util::StreamExt;

use super::*;
use crate::http::fake::{answering, refusing, request, serve};
use crate::llm::FinishReason;

const REQUEST: &[u8] =
    br#"{"model":"a/b","messages":[{"role":"user","content":"Tell me about penguins, please."}]}"#;

const STREAM: &str = concat!(
    ": OPENROUTER PROCESSING\n\n",
    "data: {\"id\":\"gen-2\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Pingu\"}}]}\n\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ïne\"},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2,\"cost\":0.5}}\n\n",
    "data: [DONE]\n\n",
);

fn endpoint(address: SocketAddr) -> Endpoint {
    let key = SecretString::from("sk-secret\n");
    Endpoint::new(
        &format!("http://{address}/v1/"),
        Some(key),
        ResponseCache::On,
    )
    .unwrap()
}

async fn ask(address: SocketAddr) -> Vec<Result<Delta, LlmError>> {
    match endpoint(address).open(Bytes::from_static(REQUEST)).await {
        Ok(deltas) => deltas.collect().await,
        Err(error) => vec![Err(error)],
    }
}

fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Generation-Id: gen-1\r\n\r\n{body}"
    )
}

/// The same body as HTTP chunks of one byte.
fn dripping(body: &str) -> String {
    let mut bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned();
    for part in body.split_inclusive(|_| true) {
        bytes += &format!("{:x}\r\n{part}\r\n", part.len());
    }
    bytes + "0\r\n\r\n"
}

fn text(deltas: &[Result<Delta, LlmError>]) -> String {
    let texts = deltas.iter().filter_map(|delta| match delta {
        Ok(Delta::Content(text)) => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

fn is_finished(deltas: &[Result<Delta, LlmError>]) -> bool {
    deltas
        .iter()
        .any(|delta| matches!(delta, Ok(Delta::Finish(_))))
}

#[tokio::test]
async fn a_stream_is_read_to_its_end() {
    for (answer, id) in [(ok(STREAM), "gen-1"), (dripping(STREAM), "gen-2")] {
        let deltas = ask(answering(answer)).await;
        // The header's comes first, one within the stream after its comment.
        let mut start = vec![Ok(Delta::Named(id.to_owned())), Ok(Delta::KeepAlive)];
        if id == "gen-2" {
            start.reverse();
        }
        assert_eq!(deltas[..2], start);
        assert_eq!(
            deltas[2..],
            vec![
                Ok(Delta::KeepAlive),
                Ok(Delta::Content("Pingu".into())),
                Ok(Delta::Content("ïne".into())),
                Ok(Delta::Finish(FinishReason::Stop)),
                Ok(Delta::Usage(Usage {
                    prompt_tokens: 1,
                    completion_tokens: 2,
                    cost: Some(0.5),
                    model: None,
                    generation_id: Some(id.to_owned()),
                })),
            ]
        );
    }
}

#[test]
fn thoughts_within_the_answer_are_no_part_of_it() {
    let piece = |text: &str, end: &str| {
        format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}{end}}}]}}\n\n")
    };
    let stop = ",\"finish_reason\":\"stop\"";
    let streamed = piece("<thi", "") + &piece("nk>Hm.</th", "") + &piece("ink>\\n\\nYes", stop);
    let whole = "{\"choices\":[{\"message\":{\"content\":\"<think>Hm.</think>Yes\"},\"finish_reason\":\"stop\"}]}";
    for body in [&streamed, whole] {
        let said: Vec<Delta> = heard([body.as_bytes()])
            .into_iter()
            .map(|delta| delta.expect("no error"))
            .filter(|delta| *delta != Delta::KeepAlive)
            .collect();
        assert_eq!(
            said,
            [
                Delta::Reasoning("Hm.".into()),
                Delta::Content("Yes".into()),
                Delta::Finish(FinishReason::Stop),
            ],
            "{body}"
        );
    }
    // What looked like the tag and was cut is not lost.
    let mut cut = heard([piece("<thi", "").as_bytes()]);
    assert!(matches!(cut.pop(), Some(Err(LlmError::Cut { .. }))));
    assert_eq!(cut.pop(), Some(Ok(Delta::Content("<thi".into()))));
}

#[tokio::test]
async fn a_request_is_sent_byte_for_byte_with_the_key() {
    let seen = Arc::new(Mutex::new(String::new()));
    let address = {
        let seen = Arc::clone(&seen);
        serve(move |mut stream| {
            let got = request(&mut stream).unwrap();
            *seen.lock().unwrap() = got;
            stream.write_all(ok(STREAM).as_bytes()).unwrap();
        })
    };
    assert!(is_finished(&ask(address).await));
    let seen = seen.lock().unwrap().clone();
    assert!(
        seen.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"),
        "{seen}"
    );
    for header in [
        "authorization: Bearer sk-secret\r\n",
        "x-openrouter-cache: true\r\n",
        "x-title: Lastword\r\n",
    ] {
        assert!(seen.contains(header), "{header} in {seen}");
    }
    assert!(seen.as_bytes().ends_with(REQUEST));
}

#[tokio::test]
async fn a_stream_cut_at_any_byte_is_finished_only_if_its_finish_reason_came() {
    let finish = STREAM.find("data: {\"choices\":[],").unwrap();
    let cuts = (0..STREAM.len()).filter(|cut| STREAM.is_char_boundary(*cut));
    for cut in cuts {
        let deltas = ask(answering(ok(&STREAM[..cut]))).await;
        assert_eq!(is_finished(&deltas), cut >= finish, "{cut}: {deltas:?}");
        if cut >= finish {
            assert_eq!(text(&deltas), "Pinguïne");
            assert!(deltas.iter().all(Result::is_ok), "{deltas:?}");
        } else {
            assert!(
                matches!(deltas.last(), Some(Err(LlmError::Cut { .. }))),
                "{cut}: {deltas:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_connection_broken_at_any_byte_is_finished_only_if_its_finish_reason_came() {
    let whole = dripping(STREAM);
    for cut in (0..whole.len())
        .step_by(7)
        .filter(|cut| whole.is_char_boundary(*cut))
    {
        let deltas = ask(answering(&whole[..cut])).await;
        if is_finished(&deltas) {
            assert_eq!(text(&deltas), "Pinguïne");
        } else {
            let last = deltas.last();
            let is_told = matches!(
                last,
                Some(Err(LlmError::Cut { .. } | LlmError::Unreachable { .. }))
            );
            assert!(is_told, "{cut}: {deltas:?}");
        }
    }
}

#[tokio::test]
async fn an_error_within_the_stream_ends_it() {
    let stream = concat!(
        "data: {\"choices\":[{\"delta\":{\"content\":\"Pin\"}}]}\n\n",
        "data: {\"error\":{\"code\":502,\"message\":\"Provider disconnected\"},",
        "\"choices\":[{\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\"}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"gu\"},\"finish_reason\":\"stop\"}]}\n\n",
    );
    let deltas = ask(answering(ok(stream))).await;
    assert_eq!(deltas.len(), 3);
    assert!(
        matches!(&deltas[2], Err(LlmError::Status { code: 502, .. })),
        "{deltas:?}"
    );
    assert_eq!(text(&deltas), "Pin");
}

#[tokio::test]
async fn a_json_body_under_200_is_an_error_or_an_answer() {
    let error = r#"{"error":{"code":402,"message":"Insufficient credits"}}"#;
    let deltas = ask(answering(ok(error))).await;
    assert!(
        matches!(&deltas[1..], [Err(LlmError::Status { code: 402, .. })]),
        "{deltas:?}"
    );

    let whole = " {\"choices\":[{\"message\":{\"content\":\"all\"},\"finish_reason\":\"stop\"}],\"usage\":{}}";
    for cut in 0..whole.len() {
        assert!(
            !is_finished(&ask(answering(ok(&whole[..cut]))).await),
            "{cut}"
        );
    }
    let deltas = ask(answering(ok(whole))).await;
    assert_eq!(text(&deltas), "all");
    assert!(is_finished(&deltas));
}

#[tokio::test]
async fn an_error_status_is_told_with_its_wait_and_without_secrets() {
    let body =
        r#"{"error":{"code":429,"message":"sk-secret may not ask: Tell me about penguins"}}"#;
    for (header, expected) in [
        ("Retry-After: 7", Some(Duration::from_secs(7))),
        (
            "Date: Tue, 01 Sep 2026 10:00:00 GMT\r\nRetry-After: Tue, 01 Sep 2026 10:00:30 GMT",
            Some(Duration::from_secs(30)),
        ),
        (
            "Date: Tue, 01 Sep 2026 10:00:00 GMT\r\nRetry-After: Tue, 01 Sep 2026 09:00:00 GMT",
            Some(Duration::ZERO),
        ),
        ("Retry-After: 1e15", Some(Duration::from_secs(24 * 60 * 60))),
        ("Retry-After: soon", None),
        ("Retry-After: -3", None),
        ("X: y", None),
    ] {
        let answer = format!(
            "HTTP/1.1 429 x\r\n{header}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let deltas = ask(answering(answer)).await;
        let [
            Err(LlmError::Status {
                code: 429,
                message,
                retry_after,
            }),
        ] = &deltas[..]
        else {
            panic!("{deltas:?}");
        };
        assert_eq!(*retry_after, expected, "{header}");
        assert!(
            !message.contains("secret") && !message.contains("penguin"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn other_answers_are_named_for_what_they_are() {
    for (answer, expected) in [
        (
            "HTTP/1.1 302 x\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n",
            302,
        ),
        ("HTTP/1.1 524 x\r\nContent-Length: 5\r\n\r\n<html", 524),
    ] {
        let deltas = ask(answering(answer)).await;
        let is_expected =
            matches!(&deltas[..], [Err(LlmError::Status { code, .. })] if *code == expected);
        assert!(is_expected, "{deltas:?}");
    }
    let page = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<h1>Sign in</h1>";
    let deltas = ask(answering(page)).await;
    assert!(
        matches!(&deltas[..], [Err(LlmError::Malformed { .. })]),
        "{deltas:?}"
    );
    let (_socket, closed) = refusing();
    let deltas = ask(closed).await;
    assert!(
        matches!(&deltas[..], [Err(LlmError::Unreachable { .. })]),
        "{deltas:?}"
    );
}

#[test]
fn a_key_is_never_shown_and_must_fit_a_header() {
    let endpoint = Endpoint::new(
        "https://openrouter.ai/api/v1",
        Some("sk-secret".into()),
        ResponseCache::Off,
    )
    .unwrap();
    assert!(!format!("{endpoint:?}").contains("secret"));
    assert_eq!(endpoint.dialect(), Dialect::OpenRouter);
    let error = Endpoint::new("http://x", Some("a\nb".into()), ResponseCache::Off).unwrap_err();
    assert!(matches!(error, EndpointError::Key));
    let error = Endpoint::new("x", None, ResponseCache::Off).unwrap_err();
    assert!(matches!(error, EndpointError::Address(_)));
}
