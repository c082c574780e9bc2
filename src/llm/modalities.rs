//! What a model takes besides text, as OpenRouter's list of models tells it.
//!
//! Asked for when it first matters and kept for an hour. Never a reason to
//! fail: what is not known is tried. Source: openrouter.ai/docs/overview/models.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Url;
use serde::Deserialize;
use tokio::time::Instant;

use super::request::Dialect;
use crate::http;

/// How long the list is believed, and how soon one that failed is asked again.
const KEPT: Duration = Duration::from_secs(3_600);
const AGAIN: Duration = Duration::from_secs(300);

/// The largest list, and how long a turn waits for it.
const LIST_LIMIT: usize = 16 << 20;
const WAIT: Duration = Duration::from_secs(5);

/// What a model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modalities {
    /// Images.
    pub image: bool,
    /// Recordings.
    pub audio: bool,
}

/// Who knows what models take. Clones share what they know.
#[derive(Debug, Clone, Default)]
pub struct Catalogue(Option<Arc<Source>>);

#[derive(Debug)]
enum Source {
    Told(BTreeMap<String, Modalities>),
    Asked(Asked),
}

#[derive(Debug)]
struct Asked {
    url: Url,
    http: reqwest::Client,
    known: Mutex<Option<Known>>,
}

#[derive(Debug, Clone)]
struct Known {
    until: Instant,
    models: Arc<BTreeMap<String, Modalities>>,
}

#[derive(Deserialize)]
struct List {
    data: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    id: String,
    #[serde(default)]
    architecture: Option<Architecture>,
}

#[derive(Deserialize)]
struct Architecture {
    #[serde(default)]
    input_modalities: Vec<String>,
}

impl Catalogue {
    /// The list of the endpoint at `base_url`; only OpenRouter has one.
    #[must_use]
    pub fn of(base_url: &str) -> Self {
        match Dialect::of(base_url) {
            Dialect::OpenRouter => Self::at(base_url),
            _ => Self::default(),
        }
    }

    /// The list at `base_url`.
    fn at(base_url: &str) -> Self {
        let url = Url::parse(&format!("{}/models", base_url.trim_end_matches('/'))).ok();
        let asked = url.and_then(|url| {
            Some(Asked {
                http: http::builder(&url).build().ok()?,
                url,
                known: Mutex::default(),
            })
        });
        Self(asked.map(|asked| Arc::new(Source::Asked(asked))))
    }

    /// What is told here and never asked for.
    #[must_use]
    pub fn told(models: BTreeMap<String, Modalities>) -> Self {
        Self(Some(Arc::new(Source::Told(models))))
    }

    /// What a model takes, when it is known.
    ///
    /// # Cancel safety
    /// Cancel safe; the next caller asks again.
    pub async fn look_up(&self, model: &str) -> Option<Modalities> {
        match self.0.as_deref()? {
            Source::Told(models) => models.get(model).copied(),
            Source::Asked(asked) => asked.models().await.get(model).copied(),
        }
    }
}

impl Asked {
    async fn models(&self) -> Arc<BTreeMap<String, Modalities>> {
        let known = {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.clone().filter(|known| known.until > Instant::now())
        };
        if let Some(known) = known {
            return known.models;
        }
        let asked = tokio::time::timeout(WAIT, self.ask()).await.ok().flatten();
        let (keep, models) = match asked {
            Some(models) => (KEPT, models),
            None => (AGAIN, BTreeMap::new()),
        };
        let models = Arc::new(models);
        let known = Known {
            until: Instant::now() + keep,
            models: Arc::clone(&models),
        };
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
        models
    }

    async fn ask(&self) -> Option<BTreeMap<String, Modalities>> {
        let response = self.http.get(self.url.clone()).send().await.ok()?;
        if response.status().as_u16() != 200 {
            return None;
        }
        read(&http::read_body(response, LIST_LIMIT).await.ok()?)
    }
}

fn read(body: &[u8]) -> Option<BTreeMap<String, Modalities>> {
    let list: List = serde_json::from_slice(body).ok()?;
    let listed = list.data.into_iter().filter_map(|model| {
        let takes = model.architecture?.input_modalities;
        let takes = |what: &str| takes.iter().any(|taken| taken == what);
        let modalities = Modalities {
            image: takes("image"),
            audio: takes("audio"),
        };
        Some((model.id, modalities))
    });
    Some(listed.collect())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::http::fake::{answering, request, serve};

    const LIST: &str = r#"{"data": [
        {"id": "a/sees", "architecture": {"input_modalities": ["text", "image"], "more": 1}},
        {"id": "a/hears", "architecture": {"input_modalities": ["text", "audio"]}},
        {"id": "a/unknown"}]}"#;

    fn ok() -> String {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{LIST}",
            LIST.len()
        )
    }

    #[tokio::test]
    async fn the_list_is_asked_for_once_and_says_what_models_take() {
        crate::tls::install_crypto();
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let address = serve(move |mut stream| {
            let asked = request(&mut stream).unwrap_or_default();
            if asked.starts_with("GET /v1/models ") {
                counted.fetch_add(1, Ordering::SeqCst);
                let _ = std::io::Write::write_all(&mut stream, ok().as_bytes());
            }
        });
        let catalogue = Catalogue::at(&format!("http://{address}/v1/"));
        let takes = |image, audio| Some(Modalities { image, audio });
        for (model, expected) in [
            ("a/sees", takes(true, false)),
            ("a/hears", takes(false, true)),
            ("a/unknown", None),
            ("b/other", None),
        ] {
            assert_eq!(catalogue.look_up(model).await, expected, "{model}");
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_list_that_cannot_be_had_is_nothing_known() {
        crate::tls::install_crypto();
        for answer in [
            "HTTP/1.1 500 No\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\nwhat?",
            "",
        ] {
            let catalogue = Catalogue::at(&format!("http://{}", answering(answer)));
            assert_eq!(catalogue.look_up("a/sees").await, None);
        }
        let local = Catalogue::of("http://127.0.0.1:1/v1");
        assert_eq!(local.look_up("a/sees").await, None);
    }
}
