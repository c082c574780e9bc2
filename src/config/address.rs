//! Addresses: the roots that calls go to, and the webhook's public URL.
//!
//! Checked once, so that joining a path to them later cannot fail or surprise.
//! User names and passwords inside a URL are refused: they would end up in
//! logs.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

/// The root of an HTTP API: `http` or `https`, perhaps a path, nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    text: String,
    url: Url,
}

impl BaseUrl {
    /// Reads a root; a slash at the end is dropped. `None` when it is not a
    /// plain `http` or `https` URL.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let url = plain(text)?;
        let text = url.as_str().trim_end_matches('/').to_owned();
        Some(Self { text, url })
    }

    /// The root without a slash at its end: `{root}/chat/completions`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it names this machine, so that nothing leaves it.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.url)
    }

    /// Whether what is sent there is encrypted.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The host's name or address.
    #[must_use]
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Where Telegram delivers updates: `https`, or `http` on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookUrl(Url);

impl WebhookUrl {
    /// Reads the URL. `None` when it is neither `https` nor on loopback.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let url = plain(text)?;
        (url.scheme() == "https" || is_loopback(&url)).then_some(Self(url))
    }

    /// The whole URL, as `setWebhook` wants it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The host, for the log.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The path that the server answers on; begins with `/`.
    #[must_use]
    pub fn path(&self) -> &str {
        self.0.path()
    }

    /// The public port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or(443)
    }
}

fn plain(text: &str) -> Option<Url> {
    let url = Url::parse(text.trim()).ok()?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
        && !url.path().contains(':');
    plain.then_some(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).to_canonical().is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_joins_with_one_slash() {
        for (text, root) in [
            ("https://api.telegram.org", "https://api.telegram.org"),
            ("https://api.telegram.org/", "https://api.telegram.org"),
            ("http://127.0.0.1:8081/v1/", "http://127.0.0.1:8081/v1"),
        ] {
            assert_eq!(BaseUrl::parse(text).unwrap().as_str(), root);
        }
    }

    #[test]
    fn a_root_with_a_secret_or_a_query_in_it_is_refused() {
        for text in [
            "",
            "api.telegram.org",
            "ftp://example.org",
            "https://user:pass@example.org",
            "https://example.org/?a=b",
            "https://example.org/#a",
            "https://api.telegram.org/bot1:AAA",
        ] {
            assert!(BaseUrl::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn only_this_machine_counts_as_loopback() {
        for (text, loopback) in [
            ("http://127.0.0.1:1", true),
            ("http://127.9.9.9", true),
            ("http://[::1]:1", true),
            ("http://localhost", true),
            ("http://localhost.example.org", false),
            ("http://10.0.0.1", false),
            ("http://ollama:11434", false),
        ] {
            assert_eq!(
                BaseUrl::parse(text).unwrap().is_loopback(),
                loopback,
                "{text}"
            );
        }
    }

    #[test]
    fn a_public_webhook_is_encrypted() {
        assert!(WebhookUrl::parse("http://bot.example.org/hook").is_none());
        assert_eq!(
            WebhookUrl::parse("http://127.0.0.1:80/hook")
                .unwrap()
                .path(),
            "/hook"
        );
        assert_eq!(
            WebhookUrl::parse("https://bot.example.org").unwrap().port(),
            443
        );
    }
}
