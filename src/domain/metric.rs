//! The names of all metrics, so that no two places spell one differently.
//!
//! Here, at the bottom, because every layer counts; `ops/metrics.rs` describes,
//! begins and serves them. Units stand last, counters end in `_total`. Labels are
//! few and bounded, and their values are listed here: never a chat, a person or
//! a text.

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Only grows.
    Counter,
    /// A value now.
    Gauge,
    /// A distribution in seconds, of what takes milliseconds.
    Seconds,
    /// A distribution in seconds, of what takes minutes or waits for hours.
    Waits,
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
    /// Its labels, each with every value it can have. A label without values
    /// has one that is known only at run time.
    pub labels: &'static [(&'static str, &'static [&'static str])],
    /// What it says, in one sentence.
    pub help: &'static str,
}

macro_rules! metrics {
    ($($constant:ident $kind:ident $name:literal
       $({$($label:literal: $($value:literal)*),+})? $help:literal)*) => {
        $(#[doc = $help] pub const $constant: &str = $name;)*

        /// Every metric.
        pub const ALL: &[Metric] = &[$(
            Metric {
                name: $constant,
                kind: Type::$kind,
                labels: &[$($(($label, &[$($value),*])),+)?],
                help: $help,
            },
        )*];
    };
}

metrics! {
    BUILD_INFO Gauge "lastword_build_info" {"version":} "1, with the version as a label."
    START_TIME Gauge "lastword_start_time_seconds" "When the process began, in seconds since the Unix epoch."
    PHASE Gauge "lastword_phase" {"phase": "starting" "standby" "running" "draining" "closing" "stopped"} "1 for the phase this instance is in."
    ROLE Gauge "lastword_role" {"role": "active" "standby"} "1 for the role of this instance: active was given the lease and stays active to its end, also while it drains and takes nothing in."
    READY Gauge "lastword_ready" "1 while /readyz is green."
    RESIDENT_BYTES Gauge "lastword_resident_bytes" "Resident memory of the process."
    OPEN_FDS Gauge "lastword_open_fds" "Open file descriptors of the process."
    MAX_FDS Gauge "lastword_max_fds" "File descriptors that the process may open."
    TASKS_RUNNING Gauge "lastword_tasks_running" {"kind": "feeder" "timer" "turn" "sender" "preview" "typing" "control" "sweep" "ops" "doorman" "playground"} "Tasks that run."
    TASK_PANICS Counter "lastword_task_panics_total" {"kind": "feeder" "timer" "turn" "sender" "preview" "typing" "control" "sweep" "ops" "doorman" "playground"} "Tasks that panicked."
    WATCHDOG_WITHHELD Counter "lastword_watchdog_withheld_total" {"organ": "intake" "turns" "outbox" "store"} "Times the watchdog was not fed because something did not move."
    DRAIN_SECONDS Gauge "lastword_drain_seconds" {"rung": "signal" "intake" "feeders" "grouper" "turns" "abort" "close"} "How long each rung of the latest stop took: of this one while it drains, else of the one before this start."

    UPDATES_ACCEPTED Counter "lastword_updates_accepted_total" {"transport": "polling" "webhook"} "Updates committed and then confirmed."
    UPDATES_DUPLICATE Counter "lastword_updates_duplicate_total" "Updates that were stored already."
    UPDATES_UNPARSED Counter "lastword_updates_unparsed_total" "Updates stored but not understood."
    UPDATES_MISSED Counter "lastword_updates_missed_total" "Gaps in the ids of updates: what Telegram itself dropped."
    ACCEPT_SECONDS Seconds "lastword_accept_seconds" "From receiving an update to its commit."
    INTAKE_LAG_SECONDS Waits "lastword_intake_lag_seconds" "From Telegram's date of a message, which is in whole seconds, to its commit."
    INTAKE_TRANSPORT Gauge "lastword_intake_transport" {"transport": "polling" "webhook"} "1 for the way updates come in."
    INTAKE_POLLS Counter "lastword_intake_polls_total" "Requests for updates that Telegram answered."
    INTAKE_ERRORS Counter "lastword_intake_errors_total" {"class": "poll" "token"} "Failed requests for updates; token: Telegram refuses the bot's token."
    INTAKE_CONFLICTS Counter "lastword_intake_conflicts_total" "Answers 409: somebody else polls with the same token."
    INTAKE_PAUSED Gauge "lastword_intake_paused" {"reason": "full" "store"} "1 while intake is paused: too much waits, or the store takes nothing."
    WEBHOOK_RESPONSES Counter "lastword_webhook_responses_total" {"code": "200" "401" "404" "405" "413" "503"} "Answers of the webhook."
    WEBHOOK_CROWDED_OUT Counter "lastword_webhook_crowded_out_total" "Connections without the secret that had to go because all places were taken."

    TURNS_OPEN Gauge "lastword_turns_open" {"state": "gathering" "sealed" "claimed" "answered"} "Unsettled turns."
    PAUSED Gauge "lastword_paused" "1 while an operator lets no turn begin."
    OLDEST_WAITING_SECONDS Gauge "lastword_oldest_waiting_seconds" "Age of the oldest turn that has no answer yet."
    TURNS_SETTLED Counter "lastword_turns_settled_total" {"outcome": "answered" "failed" "cancelled" "undeliverable"} "Turns that reached their outcome; one that is tried again later was counted then."
    TURNS_UNTOLD Counter "lastword_turns_untold_total" "Ends of turns that came too many at once to be logged and measured."
    TURNS_PANICKED Counter "lastword_turns_panicked_total" "Runs of turns that panicked; each counts as a failure of its turn."
    TURNS_PARKED Counter "lastword_turns_parked_total" "Turns left to a successor while they ran."
    TURNS_RESUMED Counter "lastword_turns_resumed_total" "Turns taken over from an instance that ended."
    GATHER_SECONDS Waits "lastword_gather_seconds" "From a turn's first message to its seal."
    QUEUE_SECONDS Waits "lastword_queue_seconds" "From a turn's seal to its first claim."
    TURN_SECONDS Waits "lastword_turn_seconds" "From accepting the first message of a turn to the receipt of its last part."
    TURN_OVERHEAD_SECONDS Seconds "lastword_turn_overhead_seconds" "What a turn took beside the model, from its claim to its stored answer."

    COMPLETIONS Counter "lastword_completions_total" {"result": "finished" "failed"} "Completions that ended."
    COMPLETION_SECONDS Waits "lastword_completion_seconds" "From the request to the finish reason."
    FIRST_DELTA_SECONDS Waits "lastword_first_delta_seconds" "From the request to the first content."
    COMPLETION_TOKENS Counter "lastword_completion_tokens_total" {"direction": "prompt" "completion"} "Tokens as the provider counts them."
    COMPLETION_COST Gauge "lastword_completion_cost_credits" "Sum of the costs that the provider told."
    LLM_ERRORS Counter "lastword_llm_errors_total" {"class": "credit" "key" "breaker" "exhausted" "rejected"} "Failed completions; credit (402) and key (401, 403) need the operator."
    BREAKER_OPEN Gauge "lastword_breaker_open" "1 while the breaker of the endpoint is open."
    MEDIA Counter "lastword_media_total" {"kind": "picture" "recording" "document", "result": "shown" "read" "failed"} "Files of turns: shown to the model, read (heard) for it, or failed."

    PARTS_SENT Counter "lastword_parts_sent_total" "Parts with a receipt."
    SEND_SECONDS Seconds "lastword_send_seconds" "From the stored intent to send a part to its receipt."
    OUTBOX_PARTS Gauge "lastword_outbox_parts" {"state": "planned" "sending" "uncertain"} "Parts that wait to be sent, are being sent, or are of unknown arrival."
    RETRIES Counter "lastword_retries_total" {"stage": "completion" "send" "turn"} "What was tried again: attempts at the model, sends of a part, and claims of a turn beyond the first."
    PARTS_UNCERTAIN Counter "lastword_parts_uncertain_total" "Sends whose acknowledgement was cut."
    UNCERTAIN_BOUND Counter "lastword_uncertain_bound_total" "Parts of unknown arrival whose message was found by probing."
    UNCERTAIN_ABSENT Counter "lastword_uncertain_absent_total" "Parts of unknown arrival that were proven not to have arrived, and sent."
    UNCERTAIN_RESENT Counter "lastword_uncertain_resent_total" "Parts of unknown arrival that were sent again, marked."
    UNCERTAIN_HELD Counter "lastword_uncertain_held_total" "Parts of unknown arrival that were left as they are."
    PARTS_UNDELIVERABLE Counter "lastword_parts_undeliverable_total" "Parts that Telegram refused for good."
    TELEGRAM_ERRORS Counter "lastword_telegram_errors_total" {"class": "not_sent" "refused" "unknown" "token"} "Calls of the Bot API that failed; token: Telegram refuses the bot's token."
    TELEGRAM_WAITS Counter "lastword_telegram_waits_total" {"method": "send" "keyboard" "sign" "probe" "preview" "poll"} "Answers 429."
    TELEGRAM_WAIT_SECONDS Counter "lastword_telegram_wait_seconds_total" {"method": "send" "keyboard" "sign" "probe" "preview" "poll"} "Seconds that answers 429 asked us to wait."

    NOTICES Counter "lastword_notices_total" {"result": "stored" "repeated" "expired" "refused"} "Messages that other processes handed over (notify): stored, repeated (its key or file was known), expired before it could be sent, refused."
    SPOOL_FILES Gauge "lastword_spool_files" "Messages that other processes handed over and that are not in the outbox yet."

    STORE_COMMIT_SECONDS Seconds "lastword_store_commit_seconds" "One durable commit."
    STORE_COMMIT_OPERATIONS Sizes "lastword_store_commit_operations" "Operations that shared a commit."
    STORE_ERRORS Counter "lastword_store_errors_total" {"class": "accept" "commit"} "Failed operations of the store."
    STORE_BYTES Gauge "lastword_store_bytes" {"file": "main" "wal"} "Size of the store's files."
    DISK_FREE_BYTES Gauge "lastword_disk_free_bytes" "Free space of the file system that holds the store."

    SPANS_EXPORTED Counter "lastword_spans_exported_total" "Spans of traces that the collector took."
    SPANS_DROPPED Counter "lastword_spans_dropped_total" {"reason": "full" "refused" "unreachable"} "Spans of traces that were given up: too many at once, or the collector did not take them."
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
            if matches!(metric.kind, Type::Seconds | Type::Waits) {
                assert!(name.ends_with("_seconds"), "{name}");
            }
        }
    }

    #[test]
    fn labels_are_few_and_bounded() {
        for metric in ALL {
            let series: usize = metric.labels.iter().map(|(_, v)| v.len().max(1)).product();
            assert!(series <= 12, "{} has {series} series", metric.name);
            for (label, values) in metric.labels {
                let different: BTreeSet<_> = values.iter().collect();
                assert_eq!(different.len(), values.len(), "{} {label}", metric.name);
            }
        }
    }
}
