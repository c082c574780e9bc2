//! How this daemon opens HTTP connections of its own, to Telegram and to the
//! model: no redirects (one would leak the token or the key), no hidden
//! retries, HTTP/1.1 only, a connect time-out, error texts without URLs.
//!
//! HTTP/1.1 on purpose: every call has a connection to itself, so one that
//! dies or is dropped hurts no other, and dropping an answer closes it.

use std::error::Error as _;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::{ClientBuilder, Response, Url, redirect};

/// Time to find, reach and greet the server.
const CONNECT: Duration = Duration::from_secs(10);

/// Idle connections are closed before usual servers close theirs (60 s and
/// more): a request written into a connection that the other side is just
/// closing has an unknown outcome.
const IDLE: Duration = Duration::from_secs(20);

/// The longest time that a server may tell us to wait: a day. More is a mistake,
/// and adding it to a clock may overflow.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// A builder with the rules of this module for requests to `base`.
pub(crate) fn builder(base: &Url) -> ClientBuilder {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("lastword/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .http1_only()
        .connect_timeout(CONNECT)
        .pool_idle_timeout(IDLE)
        .tcp_keepalive(Duration::from_secs(30));
    // Reading the system's certificates takes longer than the rest of a start.
    let builder = builder.tls_built_in_root_certs(base.scheme() != "http");
    // A proxy from the environment is for the world, not for this machine.
    if is_loopback(base) {
        builder.no_proxy()
    } else {
        builder
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// The error and its causes as one line, without the URL.
pub(crate) fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let part = inner.to_string();
        if !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        cause = inner.source();
    }
    shorten(&text, 300)
}

/// Why a body could not be read.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// It has more bytes than allowed.
    TooLarge,
    /// The connection broke.
    Broken(String),
}

/// Reads a body of at most `limit` bytes; more is an error, and is not read.
pub(crate) async fn read_body(mut response: Response, limit: usize) -> Result<Bytes, BodyError> {
    let announced = response.content_length().unwrap_or(0);
    if usize::try_from(announced).map_or(true, |length| length > limit) {
        return Err(BodyError::TooLarge);
    }
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > limit => return Err(BodyError::TooLarge),
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body.freeze()),
            Err(error) => return Err(BodyError::Broken(reason(error))),
        }
    }
}

/// The first `limit` characters of `text` on one line; an ellipsis says that
/// there was more.
pub(crate) fn shorten(text: &str, limit: usize) -> String {
    let mut characters = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut short: String = characters.by_ref().take(limit).collect();
    if characters.next().is_some() {
        short.pop();
        short.push('…');
    }
    short
}

#[cfg(test)]
pub(crate) mod fake;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_recognised_in_every_spelling() {
        for (url, expected) in [
            ("http://localhost:1", true),
            ("http://127.0.0.1:8081", true),
            ("http://127.8.0.1", true),
            ("http://[::1]:80", true),
            ("https://api.telegram.org", false),
            ("https://localhost.example.org", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }

    #[test]
    fn a_shortened_text_never_exceeds_its_limit() {
        assert_eq!(shorten("äöü", 3), "äöü");
        assert_eq!(shorten("äöüß", 3), "äö…");
        assert_eq!(shorten("a\r\nb", 10), "a  b");
    }
}
