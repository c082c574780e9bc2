//! The exact bodies, for every kind of endpoint.

use serde_json::{Value, json};

use super::*;

fn request() -> ChatRequest {
    ChatRequest {
        model: "a/b".into(),
        fallback_models: vec!["c/d".into()],
        messages: vec![
            ChatMessage::text(Role::System, "be kind"),
            ChatMessage {
                role: Role::User,
                name: Some("Zoë O'Hara".into()),
                parts: vec![
                    Part::Text("look".into()),
                    Part::Image("data:image/png;base64,AA==".into()),
                ],
            },
            ChatMessage::text(Role::Assistant, "nice"),
            ChatMessage {
                role: Role::User,
                name: Some("Дима".into()),
                parts: vec![Part::Text("one".into()), Part::Text("two".into())],
            },
        ],
        max_tokens: Some(500),
        temperature: Some(0.7),
        nonce: None,
    }
}

fn body(dialect: Dialect) -> Value {
    serde_json::from_slice(&request().to_bytes(dialect)).unwrap()
}

#[test]
fn openrouter_is_told_fallbacks_and_asked_for_the_cost() {
    assert_eq!(
        body(Dialect::OpenRouter),
        json!({
            "model": "a/b",
            "models": ["a/b", "c/d"],
            "messages": [
                {"role": "system", "content": "be kind"},
                {"role": "user", "name": "Zo__O_Hara", "content": [
                    {"type": "text", "text": "look"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
                ]},
                {"role": "assistant", "content": "nice"},
                {"role": "user", "content": "one\n\ntwo"},
            ],
            "max_tokens": 500,
            "temperature": 0.7,
            "stream": true,
            "usage": {"include": true},
        })
    );
}

#[test]
fn recordings_and_documents_go_as_pieces_of_their_own() {
    let mut request = request();
    request.messages[1].parts = vec![
        Part::Audio {
            data: "T2dn".into(),
            format: "ogg",
        },
        Part::File {
            name: "a.pdf".into(),
            data: "data:application/pdf;base64,AA==".into(),
        },
    ];
    let body: Value = serde_json::from_slice(&request.to_bytes(Dialect::OpenRouter)).unwrap();
    assert_eq!(
        body["messages"][1]["content"],
        json!([
            {"type": "input_audio", "input_audio": {"data": "T2dn", "format": "ogg"}},
            {"type": "file", "file": {
                "filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="}},
        ])
    );
}

#[test]
fn other_endpoints_get_no_field_they_might_refuse() {
    let openai = body(Dialect::OpenAi);
    assert_eq!(openai["max_completion_tokens"], 500);
    for field in ["max_tokens", "models", "usage"] {
        assert!(openai.get(field).is_none(), "{field}");
    }
    let compatible = body(Dialect::Compatible);
    assert_eq!(compatible["max_tokens"], 500);
    assert_eq!(compatible["stream_options"], json!({"include_usage": true}));
    assert!(compatible.get("models").is_none());
}

#[test]
fn equal_requests_have_equal_bytes_and_a_nonce_makes_them_different() {
    let bytes = request().to_bytes(Dialect::OpenRouter);
    assert_eq!(bytes, request().to_bytes(Dialect::OpenRouter));
    let again = ChatRequest {
        nonce: Some(2),
        ..request()
    };
    assert_ne!(bytes, again.to_bytes(Dialect::OpenRouter));
}

#[test]
fn a_request_is_one_that_openais_own_types_read() {
    let bytes = request().to_bytes(Dialect::OpenAi);
    let read: async_openai::types::chat::CreateChatCompletionRequest =
        serde_json::from_slice(&bytes).unwrap();
    assert_eq!(read.messages.len(), 4);
    assert_eq!(read.stream, Some(true));
}

#[test]
fn the_dialect_follows_the_host() {
    for (url, dialect) in [
        ("https://openrouter.ai/api/v1", Dialect::OpenRouter),
        ("https://eu.openrouter.ai/api/v1", Dialect::OpenRouter),
        ("https://notopenrouter.ai/v1", Dialect::Compatible),
        ("https://api.openai.com/v1", Dialect::OpenAi),
        ("http://127.0.0.1:8080/v1", Dialect::Compatible),
        ("nonsense", Dialect::Compatible),
    ] {
        assert_eq!(Dialect::of(url), dialect, "{url}");
    }
}
