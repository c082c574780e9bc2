//! Chunks and errors as they were seen in the wild.

use super::*;

fn said(json: &str) -> Said {
    read(json.as_bytes()).unwrap_or_else(|error| panic!("{json}: {error:?}"))
}

fn content(text: &str) -> Delta {
    Delta::Content(text.to_owned())
}

#[test]
fn text_is_read_however_it_is_wrapped() {
    for (json, pieces) in [
        (
            r#"{"choices":[{"index":0,"delta":{"content":"a"}}]}"#,
            vec![content("a")],
        ),
        (
            r#"{"choices":[{"delta":{"role":"assistant","content":""},"logprobs":null}]}"#,
            vec![],
        ),
        (
            r#"{"choices":[{"delta":{"content":null,"reasoning":"hm"}}]}"#,
            vec![Delta::Reasoning("hm".into())],
        ),
        (
            r#"{"choices":[{"delta":{"reasoning_content":"hm","content":"a"}}]}"#,
            vec![Delta::Reasoning("hm".into()), content("a")],
        ),
        (
            r#"{"choices":[{"message":{"role":"assistant","content":"whole"}}]}"#,
            vec![content("whole")],
        ),
        (
            r#"{"choices":[{"delta":{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}}]}"#,
            vec![content("ab")],
        ),
        (
            r#"{"choices":[{"delta":{"refusal":"I must not"}}]}"#,
            vec![content("I must not")],
        ),
        (
            r#"{"choices":[{"index":1,"delta":{"content":"other"}}]}"#,
            vec![],
        ),
        (r#"{"choices":[]}"#, vec![]),
        (r#"{"choices":null,"error":null}"#, vec![]),
        (
            r#"{"id":7,"model":[],"usage":"many","choices":[{"index":"0","delta":{"content":"a","reasoning":1}}]}"#,
            vec![content("a")],
        ),
        (r#"{"object":"ping"}"#, vec![]),
    ] {
        assert_eq!(said(json).pieces, pieces, "{json}");
    }
}

#[test]
fn text_that_cannot_be_read_is_never_left_out() {
    for json in [
        r#"{"choices":[{"delta":{"content":5}}]}"#,
        r#"{"choices":"none"}"#,
        r#"{"choices":[{"delta":"a"}]}"#,
        "[]",
        "hello",
        r#"{"choices":[{"delta":{"content":"a"}}]"#,
    ] {
        let error = read(json.as_bytes()).unwrap_err();
        assert!(
            matches!(error, LlmError::Malformed { .. }),
            "{json}: {error:?}"
        );
    }
}

#[test]
fn finish_reasons_are_told_apart() {
    for (reason, expected) in [
        ("stop", Some(FinishReason::Stop)),
        ("STOP", Some(FinishReason::Stop)),
        ("eos", Some(FinishReason::Stop)),
        ("tool_calls", Some(FinishReason::Stop)),
        ("something new", Some(FinishReason::Stop)),
        ("length", Some(FinishReason::Length)),
        ("content_filter", Some(FinishReason::ContentFilter)),
        ("", None),
    ] {
        let json = format!(r#"{{"choices":[{{"delta":{{}},"finish_reason":"{reason}"}}]}}"#);
        assert_eq!(said(&json).finish, expected, "{reason}");
    }
    let error = |reason: &str| {
        let json =
            format!(r#"{{"choices":[{{"delta":{{"content":""}},"finish_reason":"{reason}"}}]}}"#);
        read(json.as_bytes()).unwrap_err()
    };
    assert!(matches!(error("error"), LlmError::Status { code: 502, .. }));
    assert!(matches!(error("abort"), LlmError::Cut { .. }));
}

#[test]
fn usage_is_read_with_its_cost() {
    let usage = said(
        r#"{"id":"gen-1","provider":"P","model":"a/b","choices":[],
            "usage":{"prompt_tokens":3,"completion_tokens":5,"total_tokens":8,"cost":0.0001,"cost_details":{}}}"#,
    )
    .usage;
    let expected = Usage {
        prompt_tokens: 3,
        completion_tokens: 5,
        cost: Some(0.0001),
        model: Some("a/b".into()),
        generation_id: Some("gen-1".into()),
    };
    assert_eq!(usage, Some(expected));
}

#[test]
fn errors_are_read_however_they_are_coded() {
    for (status, body, code, message) in [
        (
            429,
            r#"{"error":{"code":429,"message":"slow"}}"#,
            429,
            "slow",
        ),
        (
            500,
            r#"{"error":{"code":"429","message":"slow"}}"#,
            429,
            "slow",
        ),
        (
            400,
            r#"{"error":{"code":"context_length_exceeded","message":"m"}}"#,
            400,
            "context_length_exceeded: m",
        ),
        (
            429,
            r#"{"error":{"type":"insufficient_quota","code":"insufficient_quota","message":"m"}}"#,
            402,
            "insufficient_quota: m",
        ),
        (
            401,
            r#"{"error":{"code":"invalid_api_key","message":"m"}}"#,
            401,
            "invalid_api_key: m",
        ),
        (503, r#"{"error":{"code":0,"message":"m"}}"#, 503, "m"),
        (
            503,
            r#"{"error":"model is loading"}"#,
            503,
            "model is loading",
        ),
        (422, r#"{"detail":"unprocessable"}"#, 422, "unprocessable"),
        (
            502,
            r#"{"error":{"code":502,"message":"Provider returned error","metadata":{"provider_name":"P"}}}"#,
            502,
            "Provider returned error (provider P)",
        ),
        (
            524,
            "<html>a timeout occurred</html>",
            524,
            "no error in the body",
        ),
        (500, "", 500, "no error in the body"),
    ] {
        let expected = LlmError::Status {
            code,
            message: message.into(),
            retry_after: None,
        };
        assert_eq!(read_error(status, body.as_bytes()), expected, "{body}");
    }
    for (json, expected) in [
        (r#"{"error":{"code":402,"message":"no credit"}}"#, 402),
        (
            r#"{"error":{"code":"server_error","message":"x"},"choices":[{"delta":{"content":""},"finish_reason":"error"}]}"#,
            502,
        ),
        (
            r#"{"choices":[{"error":{"code":529,"message":"x"},"delta":{},"finish_reason":"error"}]}"#,
            529,
        ),
        (
            r#"{"error":{"code":"rate_limit_exceeded","message":"x"}}"#,
            429,
        ),
        (r#"{"error":"boom"}"#, 502),
    ] {
        let error = read(json.as_bytes()).unwrap_err();
        assert!(
            matches!(error, LlmError::Status { code, .. } if code == expected),
            "{json}: {error:?}"
        );
    }
}

#[test]
fn an_error_never_repeats_the_key_or_what_people_wrote() {
    let request = br#"{"model":"a/very-long-model-name","messages":[
        {"role":"system","content":"be kind"},
        {"role":"user","content":[{"type":"text","text":"My secret is that I love the colour mauve."},
            {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAAAAAAAAAAAAAAAAAAAAA"}}]},
        {"role":"user","content":"hunter2!"}]}"#;
    let cleaned = |message: &str| {
        let error = LlmError::Status {
            code: 400,
            message: message.into(),
            retry_after: None,
        };
        match clean(error, Some("sk-or-123"), request) {
            LlmError::Status { message, .. } => message,
            other => panic!("{other:?}"),
        }
    };
    for quote in [
        "invalid: 'I love the colour mauve'",
        "bad input 'is that I love the colo'",
        "what is hunter2! to say",
    ] {
        let text = cleaned(quote);
        assert!(text.starts_with("withheld"), "{quote}: {text}");
    }
    assert_eq!(cleaned("key sk-or-123 is bad"), "key <key> is bad");
    let model = "No endpoints found for a/very-long-model-name.";
    assert_eq!(cleaned(model), model);
    assert_eq!(cleaned(&"x".repeat(1000)).chars().count(), 300);
    assert!(
        cleaned("maximum context length; got 'I love the colour mauve'").contains("context length")
    );
}
