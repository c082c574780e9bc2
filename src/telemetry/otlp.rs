//! Spans as bytes: OTLP's protobuf, as collectors take it over HTTP.
//!
//! Six small messages of a format that is frozen (OTLP 1.x), so they are written
//! here by hand; the official library, with its second HTTP client and its
//! threads, only judges them in the tests. Pure.
//! Source: opentelemetry-proto, `trace.proto` and `common.proto`.

use super::traces::{Ids, Span, Value, ids};
use crate::clock::Millis;
use crate::domain::ids::BotId;

/// An `ExportTraceServiceRequest` of spans of one bot. `resource` says who was
/// at work.
#[must_use]
pub fn request(bot: BotId, resource: &[(&str, Value)], spans: &[Span]) -> Vec<u8> {
    let mut who = Vec::new();
    for (key, value) in resource {
        message(&mut who, 1, &attribute(key, value));
    }
    let mut scope = Vec::new();
    bytes(&mut scope, 1, b"lastword");
    bytes(&mut scope, 2, env!("CARGO_PKG_VERSION").as_bytes());
    let mut scoped = Vec::new();
    message(&mut scoped, 1, &scope);
    for one in spans {
        message(&mut scoped, 2, &span(&ids(bot, one.turn, one.what), one));
    }
    let mut from_resource = Vec::new();
    message(&mut from_resource, 1, &who);
    message(&mut from_resource, 2, &scoped);
    let mut request = Vec::new();
    message(&mut request, 1, &from_resource);
    request
}

/// `SPAN_KIND_INTERNAL` and `SPAN_KIND_CLIENT`.
const INTERNAL: u64 = 1;

/// `STATUS_CODE_ERROR`.
const ERROR: u64 = 2;

fn span(ids: &Ids, span: &Span) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    bytes(&mut out, 1, &ids.trace);
    bytes(&mut out, 2, &ids.span);
    if let Some(parent) = &ids.parent {
        bytes(&mut out, 4, parent);
    }
    bytes(&mut out, 5, span.what.as_str().as_bytes());
    number(&mut out, 6, INTERNAL);
    fixed(&mut out, 7, nanos(span.begun));
    // A clock that was set back ends nothing before it began.
    fixed(&mut out, 8, nanos(span.ended.max(span.begun)));
    for (key, value) in &span.attributes {
        message(&mut out, 9, &attribute(key, value));
    }
    if let Some(word) = span.failed {
        let mut status = Vec::new();
        bytes(&mut status, 2, word.as_bytes());
        number(&mut status, 3, ERROR);
        message(&mut out, 15, &status);
    }
    out
}

fn nanos(at: Millis) -> u64 {
    u64::try_from(at).unwrap_or(0).saturating_mul(1_000_000)
}

fn attribute(key: &str, value: &Value) -> Vec<u8> {
    let mut any = Vec::new();
    match value {
        Value::Word(word) => bytes(&mut any, 1, word.as_bytes()),
        Value::Number(value) => number(&mut any, 3, value.cast_unsigned()),
        Value::Amount(value) => fixed(&mut any, 4, value.to_bits()),
    }
    let mut pair = Vec::new();
    bytes(&mut pair, 1, key.as_bytes());
    message(&mut pair, 2, &any);
    pair
}

// The wire types of protobuf (protobuf.dev/programming-guides/encoding).
const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const LENGTH: u64 = 2;

fn message(out: &mut Vec<u8>, field: u64, content: &[u8]) {
    bytes(out, field, content);
}

fn bytes(out: &mut Vec<u8>, field: u64, content: &[u8]) {
    varint(out, field << 3 | LENGTH);
    varint(out, content.len() as u64);
    out.extend_from_slice(content);
}

fn number(out: &mut Vec<u8>, field: u64, value: u64) {
    varint(out, field << 3 | VARINT);
    varint(out, value);
}

fn fixed(out: &mut Vec<u8>, field: u64, value: u64) {
    varint(out, field << 3 | FIXED64);
    out.extend_from_slice(&value.to_le_bytes());
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}
