//! Completions over HTTP, at OpenRouter or any OpenAI-compatible endpoint.
//!
//! One request, one stream: no retries, no time-outs beyond connecting (both
//! are `complete.rs`), no redirects. An answer is finished only if a finish
//! reason was read in a whole event; a stream that just ends is `Cut`. Errors
//! carry neither the key nor the prompt.

use std::collections::VecDeque;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
};
use reqwest::{Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};

use super::request::Dialect;
use super::sse::{self, Event};
use super::think::Sorter;
use super::{Delta, Deltas, Llm, LlmError, Usage, course, wire};
use crate::http;

/// The longest answer that is not streamed, in bytes.
const ANSWER_LIMIT: usize = 16 * 1024 * 1024;
/// The longest error body that is read, in bytes, and for how long.
const ERROR_LIMIT: usize = 64 * 1024;
const ERROR_TIME: Duration = Duration::from_secs(5);

/// Where providers name an answer, the more telling first.
const IDS: [HeaderName; 2] = [
    HeaderName::from_static("x-generation-id"),
    HeaderName::from_static("x-request-id"),
];

/// Whether the endpoint may replay a finished answer for an identical request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseCache {
    /// Every request is answered anew.
    Off,
    /// `X-OpenRouter-Cache: true`: a re-run after a crash costs nothing.
    On,
}

/// An OpenAI-compatible endpoint.
pub struct Endpoint {
    url: Url,
    dialect: Dialect,
    key: Option<SecretString>,
    headers: HeaderMap,
    http: reqwest::Client,
}

/// Why an endpoint cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// `llm.base_url` is not an HTTP address.
    #[error("not an http or https address: {0}")]
    Address(String),
    /// The key contains characters that no header may contain.
    #[error("the key contains characters that cannot be sent")]
    Key,
    /// TLS could not be set up.
    #[error("no TLS: {0}")]
    Tls(String),
}

impl Endpoint {
    /// The endpoint at `base_url` (`https://openrouter.ai/api/v1`), with the
    /// account of `key`. White space round the key, as files have it, is cut.
    ///
    /// # Errors
    /// See [`EndpointError`]. Nothing is connected yet.
    pub fn new(
        base_url: &str,
        key: Option<SecretString>,
        cache: ResponseCache,
    ) -> Result<Self, EndpointError> {
        let address = format!("{}/chat/completions", base_url.trim_end_matches('/'));
        let url =
            Url::parse(&address).map_err(|error| EndpointError::Address(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(EndpointError::Address(format!("scheme {}", url.scheme())));
        }
        let key = key
            .map(|key| key.expose_secret().trim().to_owned())
            .filter(|key| !key.is_empty());
        let http = http::builder(&url)
            .build()
            .map_err(|error| EndpointError::Tls(http::reason(error)))?;
        Ok(Self {
            dialect: Dialect::of(base_url),
            headers: headers(key.as_deref(), cache)?,
            key: key.map(SecretString::from),
            url,
            http,
        })
    }

    /// What this endpoint understands.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The failure that an answer with an error status tells of.
    async fn refusal(&self, response: Response) -> LlmError {
        let status = response.status().as_u16();
        let told = retry_after(response.headers());
        let body = tokio::time::timeout(ERROR_TIME, http::read_body(response, ERROR_LIMIT)).await;
        // Without its body the status still says what to do.
        let body = body.ok().and_then(Result::ok).unwrap_or_default();
        match wire::read_error(status, &body) {
            LlmError::Status { code, message, .. } => LlmError::Status {
                code,
                message,
                retry_after: told,
            },
            other => other,
        }
    }
}

#[async_trait]
impl Llm for Endpoint {
    async fn open(&self, request: Bytes) -> Result<Deltas, LlmError> {
        let key = self.key.as_ref().map(|key| key.expose_secret().to_owned());
        let response = self
            .http
            .post(self.url.clone())
            .headers(self.headers.clone())
            .body(request.clone())
            .send()
            .await
            .map_err(|error| LlmError::Unreachable {
                reason: http::reason(error),
            })?;
        let name = name(response.headers());
        if response.status() != StatusCode::OK {
            let error = self.refusal(response).await;
            let error = wire::clean(error, key.as_deref(), &request);
            return match name {
                // A refusal that can be followed up is an answer, too.
                Some(name) => Ok(Box::pin(stream::iter([Ok(Delta::Named(name)), Err(error)]))),
                None => Err(error),
            };
        }
        let content_type = response.headers().get(CONTENT_TYPE);
        if content_type.is_some_and(|value| value.as_bytes().starts_with(b"text/html")) {
            return Err(LlmError::Malformed {
                reason: "a web page instead of an answer".to_owned(),
            });
        }
        let mut parser = Parser::default();
        if let Some(name) = name {
            parser.name(name);
        }
        let answer = Answer {
            response: Some(response),
            parser,
        };
        Ok(Box::pin(stream::unfold(answer, move |mut answer| {
            let (key, request) = (key.clone(), request.clone());
            async move {
                let item = answer.next().await?;
                let item = item.map_err(|error| wire::clean(error, key.as_deref(), &request));
                Some((item, answer))
            }
        })))
    }
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint")
            .field("host", &self.url.host_str())
            .field("dialect", &self.dialect)
            .finish_non_exhaustive()
    }
}

fn headers(key: Option<&str>, cache: ResponseCache) -> Result<HeaderMap, EndpointError> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
    // How OpenRouter names the application in the account's activity.
    let title = HeaderName::from_static("x-title");
    headers.insert(title, HeaderValue::from_static("Lastword"));
    if cache == ResponseCache::On {
        let name = HeaderName::from_static("x-openrouter-cache");
        headers.insert(name, HeaderValue::from_static("true"));
    }
    if let Some(key) = key {
        let mut value =
            HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_error| EndpointError::Key)?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

/// The provider's id of an answer, when a header tells it.
fn name(headers: &HeaderMap) -> Option<String> {
    let told = |name| course::id(headers.get(name)?.to_str().ok()?);
    IDS.into_iter().find_map(told).map(str::to_owned)
}

/// `Retry-After` in seconds or as a date. A date is read against the answer's
/// own `Date`, so that no clock of ours can be wrong.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let value = text(RETRY_AFTER)?;
    if let Ok(seconds) = value.parse::<f64>() {
        let wait = Duration::try_from_secs_f64(seconds).ok()?;
        return Some(wait.min(http::LONGEST_WAIT));
    }
    let until = httpdate::parse_http_date(value).ok()?;
    let now = httpdate::parse_http_date(text(DATE)?).ok()?;
    let wait = until.duration_since(now).unwrap_or_default();
    Some(wait.min(http::LONGEST_WAIT))
}

/// A running answer.
struct Answer {
    /// `None` once nothing more is wanted: the connection is given up.
    response: Option<Response>,
    parser: Parser,
}

impl Answer {
    async fn next(&mut self) -> Option<Result<Delta, LlmError>> {
        loop {
            if let Some(item) = self.parser.ready.pop_front() {
                return Some(item);
            }
            match self.response.as_mut()?.chunk().await {
                Ok(Some(bytes)) => self.parser.take(&bytes),
                Ok(None) => self.parser.end("ended without a finish reason"),
                Err(error) => self.parser.end(&http::reason(error)),
            }
            if self.parser.is_over {
                self.response = None;
            }
        }
    }
}

/// From the bytes of a 200 answer to its events. Pure.
#[derive(Default)]
struct Parser {
    ready: VecDeque<Result<Delta, LlmError>>,
    form: Form,
    /// Whether a finish reason was read.
    is_finished: bool,
    /// Usage that came before the finish reason.
    early_usage: Option<Usage>,
    /// The provider's id, once told.
    name: Option<String>,
    sorter: Sorter,
    is_over: bool,
}

/// Everything that the bytes of one 200 answer say until they end, however they
/// were cut into chunks: at most one error, as the last word, and none after a
/// finish reason.
///
/// Pure; what an [`Endpoint`] streams from a connection.
pub fn heard<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Result<Delta, LlmError>> {
    let mut parser = Parser::default();
    for chunk in chunks {
        parser.take(chunk);
        if parser.is_over {
            break;
        }
    }
    parser.end("ended without a finish reason");
    parser.ready.into()
}

/// How much white space may stand before an answer, in bytes.
const HEAD: usize = 1024;

/// Servers ignore `stream: true`, or report an error as a JSON body under 200.
/// The first character tells: no event stream begins with a brace.
enum Form {
    Unknown(Vec<u8>),
    Events(sse::Reader),
    Json(Vec<u8>),
}

impl Default for Form {
    fn default() -> Self {
        Self::Unknown(Vec::new())
    }
}

impl Parser {
    fn take(&mut self, bytes: &[u8]) {
        if let Form::Unknown(head) = &mut self.form {
            head.extend_from_slice(bytes);
            let mark = b"\xEF\xBB\xBF".as_slice();
            let text = head.strip_prefix(mark).unwrap_or(head);
            // Never beyond it: where a chunk ends must not decide the form.
            let mut looked_at = text.iter().take(HEAD);
            let first = looked_at.find(|byte| !byte.is_ascii_whitespace());
            let form = match first {
                None if text.len() < HEAD => return,
                // A mark that is not complete yet.
                Some(_) if head.len() < mark.len() && mark.starts_with(head) => return,
                Some(b'{') => Form::Json(Vec::new()),
                _ => Form::Events(sse::Reader::default()),
            };
            let head = std::mem::take(head);
            self.form = form;
            return self.take(&head);
        }
        let mut events = Vec::new();
        match &mut self.form {
            Form::Unknown(_) => unreachable!("decided above"),
            Form::Json(body) if body.len() + bytes.len() > ANSWER_LIMIT => {
                self.fail(LlmError::Malformed {
                    reason: "answer too large".to_owned(),
                });
            }
            Form::Json(body) => body.extend_from_slice(bytes),
            Form::Events(reader) => {
                let result = reader.push(bytes, &mut events);
                for event in events {
                    self.event(&event);
                }
                if let Err(error) = result {
                    self.fail(LlmError::Malformed {
                        reason: error.to_string(),
                    });
                }
            }
        }
    }

    fn event(&mut self, event: &Event) {
        if self.is_over {
            return;
        }
        match event {
            Event::Comment => self.ready.push_back(Ok(Delta::KeepAlive)),
            Event::Data(data) if data.trim().is_empty() => {}
            Event::Data(data) if data.trim() == "[DONE]" => {
                self.end("done without a finish reason")
            }
            Event::Data(data) => self.chunk(data.as_bytes()),
        }
    }

    fn name(&mut self, name: String) {
        self.name = Some(name.clone());
        self.ready.push_back(Ok(Delta::Named(name)));
    }

    fn chunk(&mut self, json: &[u8]) {
        let mut said = match wire::read(json) {
            Ok(said) => said,
            Err(error) => return self.fail(error),
        };
        match (&self.name, said.id.take()) {
            (None, Some(id)) => self.name(id),
            // The header's is the one that can be asked for.
            (Some(name), _) => {
                if let Some(usage) = &mut said.usage {
                    usage.generation_id = Some(name.clone());
                }
            }
            (None, None) => {}
        }
        let is_silent = said.pieces.is_empty() && said.finish.is_none() && said.usage.is_none();
        self.say(said.pieces);
        if let Some(reason) = said.finish.filter(|_| !self.is_finished) {
            self.is_finished = true;
            self.said_all();
            self.ready.push_back(Ok(Delta::Finish(reason)));
        }
        // Some servers count in every chunk: the last count before the finish
        // reason, or the first after it, is the one that tells all.
        self.early_usage = said.usage.or(self.early_usage.take());
        if self.is_finished
            && let Some(usage) = self.early_usage.take()
        {
            self.ready.push_back(Ok(Delta::Usage(usage)));
        }
        if is_silent {
            self.ready.push_back(Ok(Delta::KeepAlive));
        }
    }

    fn say(&mut self, pieces: Vec<Delta>) {
        let mut sorted = Vec::with_capacity(pieces.len());
        for piece in pieces {
            match piece {
                Delta::Content(text) => self.sorter.take(text, &mut sorted),
                other => sorted.push(other),
            }
        }
        self.ready.extend(sorted.into_iter().map(Ok));
    }

    /// No more is awaited: what may have become a tag is none.
    fn said_all(&mut self) {
        let mut held = Vec::new();
        self.sorter.end(&mut held);
        self.ready.extend(held.into_iter().map(Ok));
    }

    /// The connection has nothing more to say.
    fn end(&mut self, reason: &str) {
        if self.is_over {
            return;
        }
        if let Form::Json(body) = &mut self.form {
            let body = std::mem::take(body);
            if serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_ok() {
                self.chunk(&body);
            }
        }
        if !self.is_finished && !self.is_over {
            self.fail(LlmError::Cut {
                reason: reason.to_owned(),
            });
        }
        self.is_over = true;
    }

    /// Nothing that comes after a finish reason can take the answer back.
    fn fail(&mut self, error: LlmError) {
        if !self.is_finished {
            self.said_all();
            self.ready.push_back(Err(error));
        }
        self.is_over = true;
    }
}

#[cfg(test)]
mod tests;
