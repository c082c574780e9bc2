//! What the ops endpoints may know of the store.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use super::standing::Standing;
use crate::domain::turn::State;
use crate::ops::health::{Books, Depths, Role, Turn, Turns};
use crate::store::desk::Desk;
use crate::store::{Availability, Store};

/// Turns shown at the most.
const LIMIT: u32 = 200;

#[derive(Debug)]
pub(super) struct StoreBooks {
    pub(super) store: Arc<dyn Store>,
    pub(super) desk: Arc<dyn Desk>,
    pub(super) standing: Standing,
    pub(super) available: watch::Receiver<Availability>,
}

#[async_trait]
impl Books for StoreBooks {
    async fn turns(&self) -> Result<Turns, String> {
        let reason = |error: crate::store::StoreError| error.to_string();
        let open = self.store.open_turns().await.map_err(reason)?;
        let mut counts: std::collections::BTreeMap<String, u64> = open
            .into_iter()
            .map(|(state, n)| (state.to_owned(), n))
            .collect();
        let lines = self.store.recent(LIMIT).await.map_err(reason)?;
        let turns: Vec<Turn> = lines
            .into_iter()
            .rev()
            .map(|line| Turn {
                turn: line.turn.0,
                chat: line.chat.0,
                messages: line.messages,
                state: line.outcome.unwrap_or(line.state).to_owned(),
                age_ms: u64::try_from(line.age_ms).unwrap_or(0),
                parts: line
                    .parts
                    .into_iter()
                    .map(|(state, n)| (state.to_owned(), n))
                    .collect(),
            })
            .collect();
        for turn in turns.iter().filter(|turn| !OPEN.contains(&&*turn.state)) {
            *counts.entry(turn.state.clone()).or_default() += 1;
        }
        Ok(Turns { counts, turns })
    }

    async fn depths(&self) -> Result<Depths, String> {
        let picture = self.desk.picture().await.map_err(|e| e.to_string())?;
        let unanswered = [State::Gathering, State::Sealed, State::Claimed];
        let oldest = unanswered
            .iter()
            .filter_map(|state| picture.turns.get(state.as_str()))
            .map(|crowd| crowd.oldest_ms)
            .max();
        Ok(Depths {
            turns: picture
                .turns
                .into_iter()
                .map(|(state, crowd)| (state, crowd.count))
                .collect(),
            parts: picture.parts,
            oldest: oldest.map(Duration::from_millis),
            paused: picture.paused.is_some(),
        })
    }

    fn role(&self) -> Role {
        self.standing.role()
    }

    fn store(&self) -> Availability {
        *self.available.borrow()
    }
}

/// The states of a turn that is not settled; the rest are outcomes. (A turn in
/// the state `answered` and one with that outcome read alike, and mean the
/// same to a person.)
const OPEN: &[&str] = &["gathering", "sealed", "claimed", "answered"];
