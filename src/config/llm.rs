//! `[llm]`: which model answers, and how long it may take.

use std::time::Duration;

use super::address::BaseUrl;
use super::kind::{Flag, Int, Many, Maybe, One, Span, Word};
use super::secret::{ApiKey, SecretSpec};
use super::walk::{Apply, Walk};

/// The model's endpoint and the limits of a completion.
#[derive(Debug, Clone, PartialEq)]
pub struct Llm {
    /// The root of an OpenAI-compatible API.
    pub base_url: BaseUrl,
    /// The key; may be missing only when `base_url` is on this machine.
    pub api_key: Option<ApiKey>,
    /// The model asked first.
    pub model: ModelName,
    /// The models asked when it cannot answer, in this order.
    pub fallback_models: Vec<ModelName>,
    /// From the request to the first content; keep-alives do not count.
    pub first_content: Duration,
    /// The longest silence between two pieces of content.
    pub between_contents: Duration,
    /// The longest a whole completion may take.
    pub whole: Duration,
    /// The budget for prompt and history, in (estimated) tokens.
    pub context_tokens: u32,
    /// The longest answer in tokens; the model's own limit when not given.
    pub max_tokens: Option<u32>,
    /// Whether to ask OpenRouter to replay a finished answer for an identical
    /// request.
    pub response_cache: ResponseCache,
}

/// Whether finished answers may be replayed by the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseCache {
    /// Every request is computed anew.
    Off,
    /// An identical request may be answered from the provider's cache.
    On,
}

impl From<bool> for ResponseCache {
    fn from(on: bool) -> Self {
        if on { Self::On } else { Self::Off }
    }
}

impl From<ResponseCache> for bool {
    fn from(cache: ResponseCache) -> Self {
        cache == ResponseCache::On
    }
}

/// The name of a model, as its provider spells it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ModelName(String);

impl ModelName {
    /// Reads a name: one word of at most 200 characters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=200).contains(&text.chars().count())
            && !text.chars().any(|c| c.is_whitespace() || c.is_control());
        fits.then(|| Self(text.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Word for ModelName {
    const ALLOWED: &'static str = "a model's name without spaces, such as \"openrouter/auto\"";
    fn read(text: &str) -> Option<Self> {
        Self::parse(text)
    }
    fn write(&self) -> String {
        self.0.clone()
    }
}

pub(super) static API_KEY: SecretSpec = SecretSpec {
    key: "llm.api_key",
    file_key: "llm.api_key_file",
    env: "OPENROUTER_API_KEY",
    credential: "openrouter_api_key",
    allowed: "one line of letters, digits and signs without spaces (the value is not shown here)",
};

impl Default for Llm {
    fn default() -> Self {
        Self {
            base_url: BaseUrl::parse("https://openrouter.ai/api/v1")
                .expect("a constant that parses"),
            api_key: None,
            model: ModelName("openrouter/auto".to_owned()),
            fallback_models: Vec::new(),
            first_content: Duration::from_secs(60),
            between_contents: Duration::from_secs(30),
            whole: Duration::from_secs(300),
            context_tokens: 16_000,
            max_tokens: None,
            response_cache: ResponseCache::Off,
        }
    }
}

impl Llm {
    pub(super) fn walk(&mut self, w: &mut impl Walk) {
        // The least is for tests and simulations; a real model needs seconds.
        let wait = || Span(Duration::from_millis(10)..=Duration::from_secs(3_600));
        w.knob("llm.base_url", Apply::Restart, &mut self.base_url, One);
        w.secret(&API_KEY, &mut self.api_key);
        w.knob("llm.model", Apply::Live, &mut self.model, One);
        w.knob(
            "llm.fallback_models",
            Apply::Live,
            &mut self.fallback_models,
            Many { max: 10 },
        );
        w.knob(
            "llm.first_content",
            Apply::Live,
            &mut self.first_content,
            wait(),
        );
        w.knob(
            "llm.between_contents",
            Apply::Live,
            &mut self.between_contents,
            wait(),
        );
        w.knob("llm.whole", Apply::Live, &mut self.whole, wait());
        w.knob(
            "llm.context_tokens",
            Apply::Live,
            &mut self.context_tokens,
            Int(500..=10_000_000),
        );
        w.knob(
            "llm.max_tokens",
            Apply::Live,
            &mut self.max_tokens,
            Maybe(Int(1..=1_000_000)),
        );
        w.knob(
            "llm.response_cache",
            Apply::Restart,
            &mut self.response_cache,
            Flag,
        );
    }
}
