//! Reading a method's parameters as tolerantly as the real server does: client
//! libraries send numbers as strings, booleans as words and objects as JSON
//! inside a string.

use serde_json::{Map, Value};

use super::answer::Refusal;

/// The parameters of one call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Params<'a>(&'a Value);

impl<'a> Params<'a> {
    pub(super) fn new(value: &'a Value) -> Self {
        Self(value)
    }

    fn raw(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        as_integer(self.raw(name)?)
    }

    pub(super) fn truth(&self, name: &str) -> bool {
        self.raw(name).is_some_and(as_truth)
    }

    /// The text as it was sent, numbers spelled out.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.raw(name)? {
            Value::String(text) => Some(text.clone()),
            other @ (Value::Number(_) | Value::Bool(_)) => Some(other.to_string()),
            _ => None,
        }
    }

    /// An object or array, sent as such or as a string of JSON. A string that
    /// is no JSON is refused, naming `what` it should have been.
    pub(super) fn json(&self, name: &str, what: &str) -> Result<Option<Value>, Refusal> {
        match self.raw(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => serde_json::from_str(text)
                .map(Some)
                .map_err(|_| Refusal::bad(&format!("can't parse {what} JSON object"))),
            Some(other) => Ok(Some(other.clone())),
        }
    }

    pub(super) fn array(&self, name: &str, what: &str) -> Result<Option<Vec<Value>>, Refusal> {
        match self.json(name, what)? {
            None => Ok(None),
            Some(Value::Array(list)) => Ok(Some(list)),
            Some(_) => Err(Refusal::bad(&format!("{what} must be an Array"))),
        }
    }

    pub(super) fn object(
        &self,
        name: &str,
        what: &str,
    ) -> Result<Option<Map<String, Value>>, Refusal> {
        match self.json(name, what)? {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(map)),
            Some(_) => Err(Refusal::bad(&format!("{what} must be an Object"))),
        }
    }
}

pub(super) fn as_integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

pub(super) fn as_truth(value: &Value) -> bool {
    match value {
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_i64() == Some(1),
        Value::String(text) => matches!(text.to_ascii_lowercase().as_str(), "true" | "yes" | "1"),
        _ => false,
    }
}
