//! Turns: who may run, who is running, and the way into the one linear
//! function that is a turn ([`run`]).
//!
//! Meets the outbox and the preview only through [`Speaker`] and the store.
//! A turn that panics has failed once; the daemon goes on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Notify, Semaphore, watch};

use crate::clock::Clock;
use crate::config::Config;
use crate::domain::ids::{ChatId, InstanceId, TurnId};
use crate::domain::preview::Preview;
use crate::domain::turn::{Blame, Claim};
use crate::domain::window::Rules;
use crate::grouper_step::Step;
use crate::llm::complete::Completer;
use crate::pulse::{Organ, Pulse};
use crate::shutdown::{Ended, Gate, Kind, Shutdown, Tasks};
use crate::store::{Ask, Claimed, Company, Due, Flush, Next, Planned, Store, StoreError};
use crate::telegram::Telegram;

mod fate;
mod prompt;
mod run;

/// How soon to ask again when the store does not answer.
const STORE_AWAY: Duration = Duration::from_millis(500);
