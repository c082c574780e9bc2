//! Calls under way: the little state machine from arrival to what the caller
//! gets, through whatever goes wrong.
//!
//! A call that has arrived is Telegram's: a caller that goes away does not undo
//! one that hangs or is slow, it is executed all the same (later).

use std::collections::BTreeMap;

use serde_json::Value;

use super::answer::{Delivery, Outcome, Refusal, Ticket};
use super::faults::{Fault, Outage};
use super::polling::Polled;
use super::world::{World, named_chat};
use crate::clock::Millis;

/// A call that has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CallId(u64);

/// Where a call stands.
#[derive(Debug)]
pub(super) enum Progress {
    Done(Delivery),
    /// Look again when something changes, or at this moment.
    Wait(Option<Millis>),
}

#[derive(Debug)]
struct Open {
    method: String,
    params: Value,
    fault: Option<Fault>,
    stage: Stage,
    /// The caller has gone.
    gone: bool,
}

#[derive(Debug, Clone)]
enum Stage {
    /// Not executed before this moment; `None` = until released.
    Before(Option<Millis>),
    Polling(Ticket),
    /// Executed; answered at this moment; `None` = when released.
    After(Option<Millis>, Delivery),
}

/// All calls that have arrived and not ended.
#[derive(Debug, Default)]
pub(super) struct Calls {
    open: BTreeMap<CallId, Open>,
}

impl World {
    /// A call arrives.
    pub(super) fn arrive(&mut self, method: &str, params: Value, now: Millis) -> CallId {
        let chat = named_chat(&params);
        let record = self.settings.record;
        let id = CallId(self.transcript.call(record, method, chat, now));
        let fault = self.faults.meet(method, chat);
        let stage = match &fault {
            Some(Fault::HangBefore) => Stage::Before(None),
            Some(Fault::Slow { before_ms, .. }) => Stage::Before(Some(now + before_ms)),
            _ => Stage::Before(Some(now)),
        };
        let open = Open {
            method: method.to_owned(),
            params,
            fault,
            stage,
            gone: false,
        };
        self.faults.calls.open.insert(id, open);
        self.touch();
        id
    }

    /// Moves a call as far as it goes at `now`.
    pub(super) fn advance(&mut self, id: CallId, now: Millis) -> Progress {
        let progress = self.step(id, now);
        if let Progress::Done(delivery) = &progress
            && let Some(call) = self.faults.calls.open.remove(&id)
        {
            if let Stage::Polling(ticket) = call.stage {
                self.poll_gone(ticket);
            }
            let ok = matches!(delivery, Delivery::Answer(_));
            self.transcript
                .ended(id.0, &call.method, ok, delivery.word());
        }
        progress
    }

    fn step(&mut self, id: CallId, now: Millis) -> Progress {
        loop {
            let Some(call) = self.faults.calls.open.get(&id) else {
                return Progress::Done(Delivery::Cut);
            };
            let outage = self.faults.outage;
            match call.stage.clone() {
                Stage::Before(_) if outage == Outage::Refused && !call.gone => {
                    return Progress::Done(Delivery::Unreachable);
                }
                _ if outage != Outage::None && !call.gone => {
                    return Progress::Done(Delivery::Cut);
                }
                Stage::Before(None) | Stage::After(None, _) => return Progress::Wait(None),
                Stage::Before(Some(at)) | Stage::After(Some(at), _) if at > now => {
                    return Progress::Wait(Some(at));
                }
                Stage::After(_, delivery) => return Progress::Done(delivery),
                Stage::Before(_) => {
                    if let Some(delivery) = call.fault.as_ref().and_then(prevented) {
                        return Progress::Done(delivery);
                    }
                    self.run(id, now);
                }
                Stage::Polling(ticket) => match self.poll_again(ticket, now) {
                    Polled::Until(at) => return Progress::Wait(Some(at)),
                    Polled::Done(result) => {
                        let delivery = match result {
                            Ok(updates) => Delivery::Answer(updates),
                            Err(refusal) => Delivery::Refused(refusal),
                        };
                        self.executed(id, delivery, now);
                    }
                },
            }
        }
    }

    /// Executes a call now.
    fn run(&mut self, id: CallId, now: Millis) {
        let Some(call) = self.faults.calls.open.get(&id) else {
            return;
        };
        let (method, params) = (call.method.clone(), call.params.clone());
        self.transcript.executed(id.0, now);
        match self.handle(&method, &params, now) {
            Outcome::Answer(result) => self.executed(id, Delivery::Answer(result), now),
            Outcome::Refused(refusal) => self.executed(id, Delivery::Refused(refusal), now),
            Outcome::Wait(ticket) => {
                if let Some(call) = self.faults.calls.open.get_mut(&id) {
                    call.stage = Stage::Polling(ticket);
                }
            }
        }
    }

    /// Notes what an executed call is answered, and what becomes of that.
    fn executed(&mut self, id: CallId, delivery: Delivery, now: Millis) {
        if let Some(call) = self.faults.calls.open.get_mut(&id) {
            call.stage = match &call.fault {
                Some(Fault::CutAfter) => Stage::After(Some(now), Delivery::Cut),
                Some(Fault::GatewayAfter { code }) => {
                    Stage::After(Some(now), Delivery::Gateway(*code))
                }
                Some(Fault::HangAfter) => Stage::After(None, delivery),
                Some(Fault::Slow { after_ms, .. }) => Stage::After(Some(now + after_ms), delivery),
                _ => Stage::After(Some(now), delivery),
            };
        }
    }

    /// The caller has gone away. What hangs or is slow before its execution
    /// stays Telegram's and is executed in its time.
    pub(super) fn abandon(&mut self, id: CallId) {
        let Some(call) = self.faults.calls.open.get_mut(&id) else {
            return;
        };
        if let Stage::Before(_) = call.stage {
            call.gone = true;
            return;
        }
        let method = call.method.clone();
        if let Stage::Polling(ticket) = call.stage {
            self.poll_gone(ticket);
        }
        self.faults.calls.open.remove(&id);
        self.transcript
            .ended(id.0, &method, false, "gone".to_owned());
    }

    /// Executes what its caller has left and whose time has come.
    pub(super) fn run_abandoned(&mut self, now: Millis) {
        let due = self
            .faults
            .calls
            .open
            .iter()
            .find_map(|(id, call)| match call.stage {
                Stage::Before(Some(at)) if call.gone && at <= now => Some((*id, at)),
                _ => None,
            });
        let Some((id, at)) = due else { return };
        let Some(call) = self.faults.calls.open.remove(&id) else {
            return;
        };
        if call.fault.as_ref().and_then(prevented).is_none() {
            self.transcript.executed(id.0, at);
            // Ticks in turn, so further abandoned calls follow by themselves.
            if let Outcome::Wait(ticket) = self.handle(&call.method, &call.params, at) {
                self.poll_gone(ticket);
            }
        }
        self.transcript
            .ended(id.0, &call.method, false, "gone".to_owned());
        self.run_abandoned(now);
    }

    /// Lets every hanging call go on; returns how many.
    pub(super) fn release(&mut self, now: Millis) -> usize {
        let mut released = 0;
        for call in self.faults.calls.open.values_mut() {
            if let Stage::Before(at @ None) | Stage::After(at @ None, _) = &mut call.stage {
                *at = Some(now);
                released += 1;
            }
        }
        self.touch();
        self.tick(now);
        released
    }

    /// How many calls hang, waiting for [`World::release`].
    pub(super) fn hanging(&self) -> usize {
        self.faults
            .calls
            .open
            .values()
            .filter(|call| matches!(call.stage, Stage::Before(None) | Stage::After(None, _)))
            .count()
    }
}

/// What the caller gets when the fault keeps the call from being executed.
pub(super) fn prevented(fault: &Fault) -> Option<Delivery> {
    match fault {
        Fault::Refuse {
            code,
            description,
            retry_after_s,
        } => {
            let words = match (code, retry_after_s) {
                (429, Some(seconds)) => format!("Too Many Requests: retry after {seconds}"),
                (400, _) => "Bad Request".to_owned(),
                (403, _) => "Forbidden".to_owned(),
                (404, _) => "Not Found".to_owned(),
                (500.., _) => "Internal Server Error".to_owned(),
                _ => "Refused".to_owned(),
            };
            Some(Delivery::Refused(Refusal {
                retry_after_s: *retry_after_s,
                ..Refusal::new(*code, description.clone().unwrap_or(words))
            }))
        }
        Fault::Gateway { code } => Some(Delivery::Gateway(*code)),
        Fault::Unreachable => Some(Delivery::Unreachable),
        Fault::CutBefore => Some(Delivery::Cut),
        _ => None,
    }
}
