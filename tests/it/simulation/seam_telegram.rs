//! Telegram as one life sees it: every call is a point to die at, before it is
//! made and after it was carried out, and every message has its intent looked
//! for.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use lastword::playground::bot_api::InMemory;
use lastword::telegram::{Call, CallError, Telegram};
use serde_json::Value;

use super::defect::Defect;
use super::mortal::{Mortal, Point, When};
use super::trace::{About, hash};

/// Telegram, for one life.
#[derive(Debug)]
pub(super) struct Telephone {
    pub(super) mortal: Arc<Mortal>,
    pub(super) line: InMemory,
}

/// The methods that make a message appear.
pub(super) const SENDS: [&str; 2] = ["sendMessage", "sendRichMessage"];

#[async_trait]
impl Telegram for Telephone {
    async fn call(&self, call: Call) -> Result<Value, CallError> {
        let mortal = &self.mortal;
        let method = call.method;
        if mortal.ends_at(Point::Telegram(When::Before), method) {
            return pending().await;
        }
        let world = &mortal.world;
        let chat = call.body["chat_id"].as_i64().unwrap_or(0);
        let number = hash(call.body.to_string().as_bytes());
        let about = |end| About { chat, number, end };
        world
            .trace
            .add(mortal.number, "telegram", method, about(""));
        if SENDS.contains(&method) {
            world.eye().sends(world, mortal, &call);
            if let Some(Defect::SendsTwice(n)) = world.defect
                && world.strikes(n)
            {
                let _ = mortal.while_alive(self.line.call(call.clone())).await;
            }
        }
        let result = mortal.while_alive(self.line.call(call)).await;
        let end = match &result {
            Ok(_) => "ok",
            Err(error) => error.class(),
        };
        world
            .trace
            .add(mortal.number, "telegram", method, about(end));
        if mortal.ends_at(Point::Telegram(When::After), method) {
            return pending().await;
        }
        result
    }

    async fn download(
        &self,
        file_path: &str,
        limit: usize,
        timeout: Duration,
    ) -> Result<Bytes, CallError> {
        let mortal = &self.mortal;
        if mortal.ends_at(Point::Telegram(When::Before), "download") {
            return pending().await;
        }
        let about = About::number(hash(file_path.as_bytes()));
        mortal
            .world
            .trace
            .add(mortal.number, "telegram", "download", about);
        mortal
            .while_alive(self.line.download(file_path, limit, timeout))
            .await
    }
}
