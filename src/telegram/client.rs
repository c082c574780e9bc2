//! The Bot API over HTTP.
//!
//! Owns the connections, the time-outs and the proof of what was sent. It never
//! retries and never lets the token out: not in errors, not in `Debug`, not to
//! a redirect.
//!
//! **The proof.** The body of a request is handed out through a flag. HTTP/1.1
//! writes it after the head, so as long as nobody asked for it the request is
//! incomplete and cannot be carried out: `NotSent`, whether DNS, connecting,
//! TLS or our own time-out ended it. From then on everything without a complete
//! answer is `Unknown`. A kept-alive connection that the server had already
//! closed is replaced by the connector before the body is asked for; one that
//! closes while we write is `Unknown`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Body, Response, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{Call, CallError, Telegram, answer, multipart, quotes};
use crate::domain::metric;
use crate::http::{self, BodyError};

/// Answers are cut at 4 MiB by Telegram; a local server may be more generous.
const ANSWER_LIMIT: usize = 16 * 1024 * 1024;

/// A Bot API server, reached over HTTP.
pub struct Client {
    api_url: Url,
    token: SecretString,
    /// The long poll has its own connections: it is dropped at every stop.
    polling: reqwest::Client,
    sending: reqwest::Client,
}

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// `telegram.api_url` is not an HTTP address.
    #[error("not an http or https address: {0}")]
    Address(String),
    /// The token contains characters that cannot be part of a path.
    #[error("the token contains characters that no bot token has")]
    Token,
    /// TLS could not be set up.
    #[error("no TLS: {0}")]
    Tls(String),
}

impl Client {
    /// A client for the bot that `token` belongs to, at `api_url`
    /// (`https://api.telegram.org`, or a server of one's own).
    ///
    /// # Errors
    /// See [`ClientError`]. Nothing is connected yet.
    pub fn new(api_url: &str, token: SecretString) -> Result<Self, ClientError> {
        let url = Url::parse(api_url.trim_end_matches('/'))
            .map_err(|error| ClientError::Address(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || url.cannot_be_a_base() {
            return Err(ClientError::Address(format!("scheme {}", url.scheme())));
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '_' | '-');
        let exposed = token.expose_secret();
        if exposed.is_empty() || !exposed.chars().all(fits) {
            return Err(ClientError::Token);
        }
        let build = || {
            http::builder(&url)
                .build()
                .map_err(|error| ClientError::Tls(http::reason(error)))
        };
        Ok(Self {
            polling: build()?,
            sending: build()?,
            api_url: url,
            token,
        })
    }

    /// `{api_url}{prefix}/bot{token}/{path}`, every segment encoded.
    fn url<'a>(&self, prefix: &[&str], path: impl Iterator<Item = &'a str>) -> Url {
        let mut url = self.api_url.clone();
        {
            let mut segments = url
                .path_segments_mut()
                .expect("new() refuses addresses that cannot be a base");
            segments
                .pop_if_empty()
                .extend(prefix)
                .push(&format!("bot{}", self.token.expose_secret()))
                .extend(path);
        }
        url
    }

    /// Removes the token from a text, should a library have put it there.
    fn clean(&self, text: &str) -> String {
        text.replace(self.token.expose_secret(), "<token>")
    }

    async fn exchange(&self, call: &Call, written: &Arc<AtomicBool>) -> Result<Value, CallError> {
        let pool = if call.method == "getUpdates" {
            &self.polling
        } else {
            &self.sending
        };
        let url = self.url(&[], std::iter::once(call.method));
        let (kind, body) = match &call.file {
            None => ("application/json".to_owned(), call.body.to_string().into()),
            Some(file) => multipart::encode(&call.body, file),
        };
        let request = pool
            .post(url)
            .header(CONTENT_TYPE, kind)
            .header(CONTENT_LENGTH, body.len())
            .body(flagged(body, Arc::clone(written)));
        let response = request
            .send()
            .await
            .map_err(|error| broken(written, http::reason(error)))?;
        let status = response.status().as_u16();
        let retry_after = retry_after(&response);
        match http::read_body(response, ANSWER_LIMIT).await {
            Ok(body) => answer::read(status, retry_after, &body),
            Err(BodyError::TooLarge) => Err(broken(written, "answer too large".to_owned())),
            Err(BodyError::Broken(reason)) => Err(broken(written, reason)),
        }
    }

    async fn fetch(&self, path: &str, limit: usize) -> Result<Bytes, CallError> {
        let refused = |code: u16, description: &str| CallError::Refused {
            code,
            description: description.to_owned(),
            retry_after: None,
            migrate_to: None,
        };
        if path.is_empty() || path.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(refused(400, "not a path of this server's files"));
        }
        let url = self.url(&["file"], path.split('/'));
        let response = self.sending.get(url).send().await.map_err(|error| {
            let is_connect = error.is_connect();
            let reason = http::reason(error);
            if is_connect {
                CallError::NotSent { reason }
            } else {
                CallError::Unknown { reason }
            }
        })?;
        // Reading a file changes nothing at Telegram, so a proxy's page is as
        // good a refusal as Telegram's own.
        match response.status().as_u16() {
            200 => {}
            code @ 400..500 => {
                return Err(CallError::Refused {
                    code,
                    description: "file refused".to_owned(),
                    retry_after: retry_after(&response),
                    migrate_to: None,
                });
            }
            code => {
                return Err(CallError::Unknown {
                    reason: format!("status {code} for a file"),
                });
            }
        }
        http::read_body(response, limit)
            .await
            .map_err(|error| match error {
                BodyError::TooLarge => refused(413, "file larger than the limit"),
                BodyError::Broken(reason) => CallError::Unknown { reason },
            })
    }

    fn without_token(&self, error: CallError) -> CallError {
        match error {
            CallError::NotSent { reason } => CallError::NotSent {
                reason: self.clean(&reason),
            },
            CallError::Unknown { reason } => CallError::Unknown {
                reason: self.clean(&reason),
            },
            CallError::Refused {
                code,
                description,
                retry_after,
                migrate_to,
            } => CallError::Refused {
                code,
                description: self.clean(&description),
                retry_after,
                migrate_to,
            },
        }
    }
}

#[async_trait]
impl Telegram for Client {
    async fn call(&self, call: Call) -> Result<Value, CallError> {
        let written = Arc::new(AtomicBool::new(false));
        let exchange = self.exchange(&call, &written);
        let result = match tokio::time::timeout(call.timeout, exchange).await {
            Ok(result) => result.map_err(|error| {
                let error = self.without_token(error);
                without_quotes(error, &call.body)
            }),
            Err(_elapsed) => Err(broken(
                &written,
                format!("no answer within {:?}", call.timeout),
            )),
        };
        if let Err(error) = &result {
            metrics::counter!(metric::TELEGRAM_ERRORS, "class" => error.class()).increment(1);
        }
        result
    }

    async fn download(
        &self,
        file_path: &str,
        limit: usize,
        timeout: Duration,
    ) -> Result<Bytes, CallError> {
        match tokio::time::timeout(timeout, self.fetch(file_path, limit)).await {
            Ok(result) => result.map_err(|error| self.without_token(error)),
            Err(_elapsed) => Err(CallError::Unknown {
                reason: format!("file not complete within {timeout:?}"),
            }),
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("telegram::Client")
            .field("host", &self.api_url.host_str())
            .finish_non_exhaustive()
    }
}

/// An error whose words are not those of the call.
fn without_quotes(error: CallError, sent: &Value) -> CallError {
    match error {
        CallError::Refused {
            code,
            description,
            retry_after,
            migrate_to,
        } => CallError::Refused {
            code,
            description: quotes::withheld(&description, sent),
            retry_after,
            migrate_to,
        },
        CallError::Unknown { reason } => CallError::Unknown {
            reason: quotes::withheld(&reason, sent),
        },
        error @ CallError::NotSent { .. } => error,
    }
}

/// A body that notes when the connection asks for it.
fn flagged(body: Bytes, written: Arc<AtomicBool>) -> Body {
    Body::wrap_stream(stream::once(async move {
        written.store(true, Ordering::SeqCst);
        Ok::<_, std::convert::Infallible>(body)
    }))
}

fn broken(written: &AtomicBool, reason: String) -> CallError {
    if written.load(Ordering::SeqCst) {
        CallError::Unknown { reason }
    } else {
        CallError::NotSent { reason }
    }
}

/// `Retry-After` in seconds; Telegram sends no dates.
fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    let wait = Duration::from_secs(value.trim().parse().ok()?);
    Some(wait.min(http::LONGEST_WAIT))
}

#[cfg(test)]
mod tests;
