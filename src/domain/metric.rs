//! The names of all metrics, so that no two places spell one differently.
//!
//! Here, at the bottom, because every layer counts; `ops/metrics.rs` describes
//! and serves them. Units stand last, counters end in `_total`, labels are few
//! and bounded: never a chat, a person or a text.

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Only grows.
    Counter,
    /// A value now.
    Gauge,
    /// A distribution in seconds.
    Seconds,
    /// A distribution of counts.
    Sizes,
}

/// One metric as described to the operator.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: Type,
    /// What it says, in one sentence.
    pub help: &'static str,
}

macro_rules! metrics {
    ($($constant:ident $kind:ident $name:literal $help:literal)*) => {
        $(#[doc = $help] pub const $constant: &str = $name;)*

        /// Every metric.
        pub const ALL: &[Metric] = &[$(
            Metric { name: $constant, kind: Type::$kind, help: $help },
        )*];
    };
}

metrics! {
    BUILD_INFO Gauge "lastword_build_info" "1, with the version as a label."
    PHASE Gauge "lastword_phase" "1 for the phase this instance is in; label phase."
    RESIDENT_BYTES Gauge "lastword_resident_bytes" "Resident memory of the process."
    TASKS_RUNNING Gauge "lastword_tasks_running" "Tasks that run; label kind."
    TASK_PANICS Counter "lastword_task_panics_total" "Tasks that panicked; label kind."

    UPDATES_ACCEPTED Counter "lastword_updates_accepted_total" "Updates committed and then confirmed; label transport."
    UPDATES_DUPLICATE Counter "lastword_updates_duplicate_total" "Updates that were stored already."
    UPDATES_UNPARSED Counter "lastword_updates_unparsed_total" "Updates stored but not understood."
    UPDATES_MISSED Counter "lastword_updates_missed_total" "Gaps in the ids of updates: what Telegram itself dropped."
    ACCEPT_SECONDS Seconds "lastword_accept_seconds" "From receiving an update to its commit."
    INTAKE_ERRORS Counter "lastword_intake_errors_total" "Failed requests for updates; label class."
    INTAKE_CONFLICTS Counter "lastword_intake_conflicts_total" "Answers 409: somebody else polls with the same token."
    INTAKE_PAUSED Gauge "lastword_intake_paused" "1 while intake is paused; label reason."
    WEBHOOK_RESPONSES Counter "lastword_webhook_responses_total" "Answers of the webhook; label code."
    WEBHOOK_CROWDED_OUT Counter "lastword_webhook_crowded_out_total" "Connections without the secret that had to go because all places were taken."

    TURNS_OPEN Gauge "lastword_turns_open" "Unsettled turns; label state."
    TURNS_SETTLED Counter "lastword_turns_settled_total" "Turns that reached their outcome; label outcome."
    TURNS_PARKED Counter "lastword_turns_parked_total" "Turns left to a successor while they ran."
    TURNS_RESUMED Counter "lastword_turns_resumed_total" "Turns taken over from an instance that ended."
    TURN_SECONDS Seconds "lastword_turn_seconds" "From accepting the first message of a turn to its stored answer."
    TURN_OVERHEAD_SECONDS Seconds "lastword_turn_overhead_seconds" "What a turn took beside the model, from its claim to its stored answer."

    COMPLETIONS Counter "lastword_completions_total" "Completions that ended; label result."
    COMPLETION_SECONDS Seconds "lastword_completion_seconds" "From the request to the finish reason."
    FIRST_DELTA_SECONDS Seconds "lastword_first_delta_seconds" "From the request to the first content."
    COMPLETION_TOKENS Counter "lastword_completion_tokens_total" "Tokens as the provider counts them; label direction."
    COMPLETION_COST Gauge "lastword_completion_cost_credits" "Sum of the costs that the provider told."
    LLM_ERRORS Counter "lastword_llm_errors_total" "Failed completions; label class."
    BREAKER_OPEN Gauge "lastword_breaker_open" "1 while the breaker of the endpoint is open."
    MEDIA Counter "lastword_media_total" "Files of turns; label kind, and result: shown to the model, read (heard) for it, or failed."

    PARTS_SENT Counter "lastword_parts_sent_total" "Parts with a receipt."
    PARTS_UNCERTAIN Counter "lastword_parts_uncertain_total" "Sends whose acknowledgement was cut."
    UNCERTAIN_BOUND Counter "lastword_uncertain_bound_total" "Parts of unknown arrival whose message was found by probing."
    UNCERTAIN_ABSENT Counter "lastword_uncertain_absent_total" "Parts of unknown arrival that were proven not to have arrived, and sent."
    UNCERTAIN_RESENT Counter "lastword_uncertain_resent_total" "Parts of unknown arrival that were sent again, marked."
    UNCERTAIN_HELD Counter "lastword_uncertain_held_total" "Parts of unknown arrival that were left as they are."
    PARTS_UNDELIVERABLE Counter "lastword_parts_undeliverable_total" "Parts that Telegram refused for good."
    TELEGRAM_ERRORS Counter "lastword_telegram_errors_total" "Calls of the Bot API that failed; label class."
    TELEGRAM_WAITS Counter "lastword_telegram_waits_total" "Answers 429; label method."

    NOTICES Counter "lastword_notices_total" "Messages that other processes handed over (notify); label result: stored, repeated (its key or file was known), expired before it could be sent, refused."
    SPOOL_FILES Gauge "lastword_spool_files" "Messages that other processes handed over and that are not in the outbox yet."

    STORE_COMMIT_SECONDS Seconds "lastword_store_commit_seconds" "One durable commit."
    STORE_COMMIT_OPERATIONS Sizes "lastword_store_commit_operations" "Operations that shared a commit."
    STORE_ERRORS Counter "lastword_store_errors_total" "Failed operations of the store; label class."
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_follow_the_rules_of_prometheus_and_are_used_once() {
        let names: BTreeSet<_> = ALL.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), ALL.len());
        for metric in ALL {
            let name = metric.name;
            let plain = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(
                name.starts_with("lastword_") && name.chars().all(plain),
                "{name}"
            );
            assert_eq!(
                name.ends_with("_total"),
                metric.kind == Type::Counter,
                "{name}"
            );
            assert_eq!(
                name.ends_with("_seconds"),
                metric.kind == Type::Seconds,
                "{name}"
            );
        }
    }
}
