//! Speech to text, at an endpoint of its own kind.
//!
//! OpenRouter takes JSON, everybody else a form as OpenAI's; both give the words
//! as `text`. One call: retries are the turn's business, as with the model.
//! Errors carry neither the key nor what was said.
//! Sources: openrouter.ai/docs/guides/overview/multimodal/stt;
//! platform.openai.com/docs/api-reference/audio/createTranscription.

use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::multipart::{Form, Part};
use reqwest::{RequestBuilder, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::http;
use crate::llm::LlmError;
use crate::llm::openrouter::EndpointError;
use crate::llm::request::Dialect;

/// The longest answer: hours of talk.
const ANSWER_LIMIT: usize = 4 << 20;

/// A recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// As it came.
    pub bytes: Bytes,
    /// `ogg`, `mp3`, `m4a` …
    pub format: &'static str,
}

/// Turns recordings into words.
#[async_trait]
pub trait Hearing: Send + Sync + std::fmt::Debug + 'static {
    /// The words of a recording; empty when there are none.
    ///
    /// # Errors
    /// As a completion: [`LlmError::advice`] says what to do.
    ///
    /// # Cancel safety
    /// Dropping the future drops the connection.
    async fn words(&self, recording: Recording) -> Result<String, LlmError>;
}

/// An endpoint that transcribes.
pub struct Transcriber {
    url: Url,
    dialect: Dialect,
    model: String,
    authorization: Option<HeaderValue>,
    timeout: Duration,
    http: reqwest::Client,
}

impl Transcriber {
    /// The endpoint below `base_url`, with the account of `key`; one recording
    /// may take `timeout`.
    ///
    /// # Errors
    /// [`EndpointError`]. Nothing is connected yet.
    pub fn new(
        base_url: &str,
        key: Option<&SecretString>,
        model: String,
        timeout: Duration,
    ) -> Result<Self, EndpointError> {
        let address = format!("{}/audio/transcriptions", base_url.trim_end_matches('/'));
        let url =
            Url::parse(&address).map_err(|error| EndpointError::Address(error.to_string()))?;
        let authorization = match key.map(|key| key.expose_secret().trim()) {
            None | Some("") => None,
            Some(key) => {
                let mut value = HeaderValue::from_str(&format!("Bearer {key}"))
                    .map_err(|_| EndpointError::Key)?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        Ok(Self {
            dialect: Dialect::of(base_url),
            http: http::builder(&url)
                .build()
                .map_err(|error| EndpointError::Tls(http::reason(error)))?,
            url,
            model,
            authorization,
            timeout,
        })
    }

    fn request(&self, recording: Recording) -> Result<RequestBuilder, LlmError> {
        let request = self.http.post(self.url.clone());
        if self.dialect == Dialect::OpenRouter {
            return Ok(request.json(&json!({
                "model": self.model,
                "input_audio": {
                    "data": STANDARD.encode(&recording.bytes),
                    "format": recording.format,
                },
            })));
        }
        let file = Part::stream(recording.bytes)
            .file_name(format!("recording.{}", recording.format))
            .mime_str("application/octet-stream")
            .map_err(|_| LlmError::Malformed {
                reason: "the form cannot be built".to_owned(),
            })?;
        let form = Form::new()
            .text("model", self.model.clone())
            .text("response_format", "json")
            .part("file", file);
        Ok(request.multipart(form))
    }

    async fn ask(&self, recording: Recording) -> Result<String, LlmError> {
        let mut request = self.request(recording)?;
        if let Some(value) = &self.authorization {
            request = request.header(AUTHORIZATION, value.clone());
        }
        let unreachable = |reason| LlmError::Unreachable { reason };
        let response = request
            .send()
            .await
            .map_err(|error| unreachable(http::reason(error)))?;
        let code = response.status().as_u16();
        let body = http::read_body(response, ANSWER_LIMIT).await;
        if code != 200 {
            return Err(LlmError::Status {
                code,
                // What it says may repeat what was said.
                message: "the recording was refused".to_owned(),
                retry_after: None,
            });
        }
        let body = body.map_err(|_| unreachable("the answer broke off".to_owned()))?;
        let answer: Option<Value> = serde_json::from_slice(&body).ok();
        let text = answer.as_ref().and_then(|answer| answer["text"].as_str());
        text.map(|text| text.trim().to_owned())
            .ok_or_else(|| LlmError::Malformed {
                reason: "no text in the answer".to_owned(),
            })
    }
}

#[async_trait]
impl Hearing for Transcriber {
    async fn words(&self, recording: Recording) -> Result<String, LlmError> {
        match tokio::time::timeout(self.timeout, self.ask(recording)).await {
            Ok(result) => result,
            Err(_) => Err(LlmError::Stalled {
                after: self.timeout,
            }),
        }
    }
}

impl std::fmt::Debug for Transcriber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transcriber")
            .field("host", &self.url.host_str())
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
