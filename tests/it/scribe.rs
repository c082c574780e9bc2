//! A model that writes down every request, byte for byte, and can be told to
//! answer some of them in ways the offline model does not know.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use lastword::llm::openrouter::heard;
use lastword::llm::{Delta, Deltas, FinishReason, Llm, LlmError};
use lastword::playground::offline::Offline;
use serde_json::Value;

/// How one request is met instead.
#[derive(Debug, Clone)]
pub(crate) enum Twist {
    /// The code that asks panics.
    Panic,
    /// The request is refused.
    Refuse(LlmError),
    /// These are the bytes of the answer, all of them.
    Bytes(&'static [u8]),
    /// These words, and this reason for their end.
    Say(&'static str, FinishReason),
}

/// The model. Clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct Scribe(Arc<Pages>);

#[derive(Debug)]
struct Pages {
    behind: Offline,
    asked: Mutex<Vec<Bytes>>,
    twists: Mutex<VecDeque<Twist>>,
    poison: Mutex<Option<(&'static str, Twist)>>,
}

impl Scribe {
    pub(crate) fn before(behind: &Offline) -> Self {
        Self(Arc::new(Pages {
            behind: behind.clone(),
            asked: Mutex::default(),
            twists: Mutex::default(),
            poison: Mutex::default(),
        }))
    }

    /// The next request is met like this.
    pub(crate) fn twist(&self, twist: Twist) {
        lock(&self.0.twists).push_back(twist);
    }

    /// Every request that speaks of this fails with 500.
    pub(crate) fn poison(&self, word: &'static str) {
        let failure = LlmError::Status {
            code: 500,
            message: "poisoned".to_owned(),
            retry_after: None,
        };
        self.always(word, Twist::Refuse(failure));
    }

    /// Every request that speaks of this is met like this.
    pub(crate) fn always(&self, word: &'static str, twist: Twist) {
        *lock(&self.0.poison) = Some((word, twist));
    }

    /// No request is, any more.
    pub(crate) fn never(&self) {
        *lock(&self.0.poison) = None;
    }

    /// Every request so far, as bytes.
    pub(crate) fn bytes(&self) -> Vec<Bytes> {
        lock(&self.0.asked).clone()
    }

    /// Every request so far.
    pub(crate) fn requests(&self) -> Vec<Value> {
        let parsed = self.bytes();
        let read = |raw: &Bytes| serde_json::from_slice(raw).expect("requests are JSON");
        parsed.iter().map(read).collect()
    }

    /// What the latest request says besides the system prompt: role and text.
    pub(crate) fn said(&self) -> Vec<(String, String)> {
        let requests = self.requests();
        let messages = requests.last().map(|r| r["messages"].clone());
        let messages = messages.as_ref().and_then(Value::as_array);
        messages
            .into_iter()
            .flatten()
            .filter(|message| message["role"] != "system")
            .map(|message| {
                let role = message["role"].as_str().unwrap_or_default().to_owned();
                (role, text_of(&message["content"]))
            })
            .collect()
    }
}

fn text_of(content: &Value) -> String {
    if let Some(text) = content.as_str() {
        return text.to_owned();
    }
    let parts = content.as_array().into_iter().flatten();
    let texts = parts.filter_map(|part| part["text"].as_str());
    texts.collect::<Vec<_>>().join("|")
}

#[async_trait]
impl Llm for Scribe {
    async fn open(&self, request: Bytes) -> Result<Deltas, LlmError> {
        lock(&self.0.asked).push(request.clone());
        let poison = lock(&self.0.poison).clone();
        let poison = poison
            .filter(|(word, _)| String::from_utf8_lossy(&request).contains(word))
            .map(|(_, twist)| twist);
        let twist = poison.or_else(|| lock(&self.0.twists).pop_front());
        match twist {
            None => self.0.behind.open(request).await,
            Some(Twist::Panic) => panic!("the test asked for it"),
            Some(Twist::Refuse(error)) => Err(error),
            Some(Twist::Bytes(bytes)) => Ok(Box::pin(stream::iter(heard([bytes])))),
            Some(Twist::Say(text, finish)) => Ok(Box::pin(stream::iter([
                Ok(Delta::Content(text.to_owned())),
                Ok(Delta::Finish(finish)),
            ]))),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
