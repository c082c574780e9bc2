//! The offline model in memory: the same script without a network, on tokio's
//! (possibly paused) time.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;

use super::Offline;
use super::script::{Cached, Course, Sound};
use crate::llm::{Delta, Deltas, FinishReason, Llm, LlmError, Usage};

#[async_trait]
impl Llm for Offline {
    async fn open(&self, request: Bytes) -> Result<Deltas, LlmError> {
        let cached = match self.0.caching.load(Ordering::Relaxed) {
            true => Cached::Replayed,
            false => Cached::Ignored,
        };
        let play = match self.begin(&request, cached) {
            Course::Play(play) => play,
            Course::Refuse(refusal) => {
                return Err(LlmError::Status {
                    code: refusal.code,
                    message: refusal.message.to_owned(),
                    retry_after: refusal.retry_after,
                });
            }
        };
        Ok(Box::pin(stream::unfold(play, |mut play| async move {
            let sound = play.next().await?;
            Some((delta(sound, &play.asked_model), play))
        })))
    }
}

fn delta(sound: Sound, model: &str) -> Result<Delta, LlmError> {
    match sound {
        Sound::KeepAlive => Ok(Delta::KeepAlive),
        Sound::Content(text) => Ok(Delta::Content(text)),
        Sound::Finish => Ok(Delta::Finish(FinishReason::Stop)),
        Sound::Usage { prompt, completion } => Ok(Delta::Usage(Usage {
            prompt_tokens: prompt,
            completion_tokens: completion,
            cost: Some(0.0),
            model: Some(model.to_owned()),
            generation_id: None,
        })),
        Sound::Error => Err(LlmError::Status {
            code: 502,
            message: "the offline model was told to fail".to_owned(),
            retry_after: None,
        }),
        Sound::Break => Err(LlmError::Cut {
            reason: "the offline model was told to break off".to_owned(),
        }),
    }
}
