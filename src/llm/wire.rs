//! One chunk of an answer, and one error body, as endpoints really send them.
//!
//! Tolerant where tolerance loses nothing: unknown fields, missing ones and
//! ones of an odd type are skipped. Strict where it would: text that cannot be
//! read is `Malformed`, for leaving it out would pass for an answer. The chunk
//! type is ours because async-openai's fails on `finish_reason: "error"`, on an
//! integer `code` and on OpenRouter's `reasoning` and `cost`.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{Delta, FinishReason, LlmError, Usage, course};

/// What one chunk (or one complete answer) says.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// `Reasoning` and `Content`, in order.
    pub(super) pieces: Vec<Delta>,
    pub(super) finish: Option<FinishReason>,
    pub(super) usage: Option<Usage>,
    /// The provider's id of the answer, in each of its chunks.
    pub(super) id: Option<String>,
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default, deserialize_with = "lenient")]
    id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    model: Option<String>,
    choices: Option<Vec<Choice>>,
    #[serde(default, deserialize_with = "lenient")]
    usage: Option<Counts>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default, deserialize_with = "lenient")]
    index: Option<u32>,
    delta: Option<Piece>,
    /// Instead of `delta` in an answer that is not streamed.
    message: Option<Piece>,
    finish_reason: Option<String>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Piece {
    content: Option<Text>,
    refusal: Option<Text>,
    #[serde(default, deserialize_with = "lenient")]
    reasoning: Option<String>,
    /// How DeepSeek and vLLM spell it.
    #[serde(default, deserialize_with = "lenient")]
    reasoning_content: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Whole(String),
    Parts(Vec<TextPart>),
}

#[derive(Deserialize)]
struct TextPart {
    #[serde(default)]
    text: String,
}

#[derive(Deserialize)]
struct Counts {
    #[serde(default, deserialize_with = "lenient")]
    prompt_tokens: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    completion_tokens: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    cost: Option<f64>,
}

fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    input: D,
) -> Result<Option<T>, D::Error> {
    let value = Value::deserialize(input)?;
    Ok(serde_json::from_value(value).ok())
}

/// Reads one chunk, or one complete answer.
///
/// # Errors
/// The failure that the chunk tells of, with the provider's own words in it
/// (see [`clean`]), or `Malformed`.
pub(super) fn read(json: &[u8]) -> Result<Said, LlmError> {
    let chunk: Chunk = serde_json::from_slice(json).map_err(|error| LlmError::Malformed {
        // The text of the error would quote the answer.
        reason: format!("not a completion chunk ({:?})", error.classify()),
    })?;
    if let Some(error) = chunk.error.as_ref().filter(|error| !error.is_null()) {
        return Err(status_error(error, None));
    }
    let id = chunk.id.as_deref().and_then(course::id).map(str::to_owned);
    let mut said = Said {
        id: id.clone(),
        usage: chunk.usage.map(|counts| Usage {
            prompt_tokens: counts.prompt_tokens.unwrap_or(0),
            completion_tokens: counts.completion_tokens.unwrap_or(0),
            cost: counts.cost,
            model: chunk.model,
            generation_id: id,
        }),
        ..Said::default()
    };
    // We ask for one choice; others would be other answers.
    let choices = chunk.choices.unwrap_or_default();
    for choice in choices
        .into_iter()
        .filter(|choice| choice.index.unwrap_or(0) == 0)
    {
        if let Some(error) = choice.error.as_ref().filter(|error| !error.is_null()) {
            return Err(status_error(error, None));
        }
        if let Some(piece) = choice.delta.or(choice.message) {
            piece.collect(&mut said.pieces);
        }
        if let Some(reason) = choice.finish_reason.filter(|reason| !reason.is_empty()) {
            said.finish = Some(finish(&reason)?);
        }
    }
    Ok(said)
}

impl Piece {
    fn collect(self, pieces: &mut Vec<Delta>) {
        let reasoning = self
            .reasoning
            .or(self.reasoning_content)
            .unwrap_or_default();
        if !reasoning.is_empty() {
            pieces.push(Delta::Reasoning(reasoning));
        }
        for text in [self.content, self.refusal].into_iter().flatten() {
            let text = match text {
                Text::Whole(text) => text,
                Text::Parts(parts) => parts.into_iter().map(|part| part.text).collect(),
            };
            if !text.is_empty() {
                pieces.push(Delta::Content(text));
            }
        }
    }
}

/// Endpoints invent names for "it had said everything" (`eos`, `end_turn`,
/// `tool_calls` though we offer no tools), so an unknown one means `Stop`; the
/// ones that mean a failure are few and known.
fn finish(reason: &str) -> Result<FinishReason, LlmError> {
    match reason.to_ascii_lowercase().as_str() {
        "length" | "max_tokens" | "max_output_tokens" | "model_length" => Ok(FinishReason::Length),
        "content_filter" | "safety" | "refusal" | "recitation" => Ok(FinishReason::ContentFilter),
        "error" => Err(LlmError::Status {
            code: 502,
            message: "the provider ended with an error".to_owned(),
            retry_after: None,
        }),
        "abort" | "aborted" | "cancelled" | "canceled" | "insufficient_system_resource" => {
            Err(LlmError::Cut {
                reason: format!("finish reason {}", reason.to_ascii_lowercase()),
            })
        }
        _ => Ok(FinishReason::Stop),
    }
}

/// Reads the body of an answer with an error status; anything may be in it.
pub(super) fn read_error(status: u16, body: &[u8]) -> LlmError {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let error = ["error", "detail", "message"]
        .iter()
        .map(|key| &value[*key])
        .find(|error| !error.is_null());
    error.map_or_else(
        || LlmError::Status {
            code: status,
            message: "no error in the body".to_owned(),
            retry_after: None,
        },
        |error| status_error(error, Some(status)),
    )
}

/// `error` is an object with `code` (integer or name) and `message`, or just a
/// text. Its integer wins over the HTTP status, the status over a name.
fn status_error(error: &Value, status: Option<u16>) -> LlmError {
    let name = [&error["code"], &error["type"]]
        .into_iter()
        .filter_map(Value::as_str)
        .find(|name| !name.is_empty() && name.parse::<u16>().is_err());
    let number = error["code"]
        .as_u64()
        .or_else(|| error["code"].as_str()?.parse().ok())
        .and_then(|code| u16::try_from(code).ok())
        .filter(|code| (400..600).contains(code));
    let code = match name {
        // OpenAI says 429 to it, but no waiting helps.
        Some("insufficient_quota") => 402,
        _ => number
            .or(status)
            .unwrap_or_else(|| name.map_or(502, code_of)),
    };
    let text = error["message"]
        .as_str()
        .or(error.as_str())
        .unwrap_or("no message");
    let provider = error["metadata"]["provider_name"].as_str();
    let message = match (name, provider) {
        (Some(name), _) => format!("{name}: {text}"),
        (None, Some(provider)) => format!("{text} (provider {provider})"),
        (None, None) => text.to_owned(),
    };
    LlmError::Status {
        code,
        message,
        retry_after: None,
    }
}

fn code_of(name: &str) -> u16 {
    match name {
        "rate_limit_exceeded" | "rate_limit_error" => 429,
        "invalid_api_key" | "authentication_error" => 401,
        "context_length_exceeded" | "invalid_request_error" => 400,
        "overloaded_error" => 529,
        _ => 502,
    }
}

/// Makes an error fit for the log: at most 300 characters, without the key and
/// without what people wrote. Providers quote the offending input, so a message
/// that shares a run of characters with the request's messages is withheld as a
/// whole; what the policy reads from it (too long, flagged) is kept by name.
pub(super) fn clean(error: LlmError, key: Option<&str>, request: &[u8]) -> LlmError {
    let LlmError::Status {
        code,
        message,
        retry_after,
    } = error
    else {
        return error;
    };
    let mut message = message;
    if let Some(key) = key.filter(|key| !key.is_empty()) {
        message = message.replace(key, "<key>");
    }
    if quotes(&message, request) {
        let original = LlmError::Status {
            code,
            message,
            retry_after,
        };
        message = format!("withheld, it quotes the request ({})", original.topic());
    }
    LlmError::Status {
        code,
        message: crate::http::shorten(&message, 300),
        retry_after,
    }
}

/// Characters that a provider's words and a person's share by chance at most.
const RUN: usize = 16;

fn quotes(message: &str, request: &[u8]) -> bool {
    let request: Value = serde_json::from_slice(request).unwrap_or_default();
    let mut said = Vec::new();
    for message in request["messages"].as_array().into_iter().flatten() {
        collect_strings(&message["content"], &mut said);
    }
    let characters: Vec<char> = message.chars().take(4000).collect();
    said.iter().any(|said| {
        let said = said.trim();
        if said.chars().count() < RUN {
            return said.chars().count() >= 6 && message.contains(said);
        }
        characters
            .windows(RUN)
            .step_by(4)
            .any(|run| said.contains(&run.iter().collect::<String>()))
    })
}

fn collect_strings<'a>(value: &'a Value, strings: &mut Vec<&'a str>) {
    match value {
        // Images are as long as they are meaningless here.
        Value::String(text) if !text.starts_with("data:") => strings.push(text),
        Value::Array(values) => values
            .iter()
            .for_each(|value| collect_strings(value, strings)),
        Value::Object(fields) => fields
            .iter()
            .filter(|(key, _)| *key != "type")
            .for_each(|(_, value)| collect_strings(value, strings)),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
