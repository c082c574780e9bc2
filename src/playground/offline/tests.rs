//! Both faces of the offline model, asked by our own transport and policy.

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::domain::preview::Preview;
use crate::llm::breaker::Breaker;
use crate::llm::complete::{Completer, Completion, Failure, Limits};
use crate::llm::course::Course;
use crate::llm::openrouter::{Endpoint, ResponseCache};
use crate::llm::request::{ChatMessage, ChatRequest, Dialect, Role};
use crate::llm::retry::Operator;
use crate::llm::{FinishReason, Llm, LlmError};

fn request(text: &str) -> Bytes {
    ChatRequest {
        model: "offline".into(),
        fallback_models: vec![],
        messages: vec![
            ChatMessage::text(Role::System, "be kind"),
            ChatMessage::text(Role::User, text),
        ],
        max_tokens: None,
        temperature: None,
        nonce: None,
    }
    .to_bytes(Dialect::Compatible)
}

fn completer(llm: Arc<dyn Llm>) -> Completer {
    let limits = Limits {
        backoff_first: Duration::from_millis(10),
        ..Limits::default()
    };
    Completer::new(llm, limits, Breaker::default(), vec![], 1)
}

async fn ask(completer: &Completer, text: &str) -> Result<Completion, Failure> {
    let preview = watch::Sender::new(Preview::default());
    completer
        .complete(&request(text), &preview, &Course::default())
        .await
}

/// Asks over HTTP while the model is served on a loopback port.
async fn over_http(model: &Offline, text: &str) -> Result<Completion, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("loopback works");
    let base_url = format!("http://{}/v1", listener.local_addr().expect("it is bound"));
    let endpoint = Endpoint::new(&base_url, None, ResponseCache::Off).expect("a loopback address");
    let completer = completer(Arc::new(endpoint));
    let stop = CancellationToken::new();
    let asking = async {
        let result = ask(&completer, text).await;
        stop.cancel();
        result
    };
    let (served, result) = tokio::join!(model.serve(listener, stop.clone()), asking);
    served.expect("nothing disturbs the listener");
    result
}

#[tokio::test(start_paused = true)]
async fn it_answers_in_memory_and_counts_what_was_paid() {
    let model = Offline::default();
    let completer = completer(Arc::new(model.clone()));
    let first = ask(&completer, "a table, please").await.unwrap();
    let second = ask(&completer, "a table, please").await.unwrap();
    assert_eq!(first.text, second.text);
    assert!(first.text.contains("|:---"));
    let counts = model.counts();
    assert_eq!(
        (counts.asked(), counts.finished(), counts.paid_twice()),
        (2, 2, 1)
    );
    assert_eq!(
        counts.requests[&request_hash(&request("a table, please"))].finished,
        2
    );
    model.until(|counts| counts.running == 0).await;
}

#[tokio::test]
async fn both_faces_say_the_same() {
    let text = "code and a list, ünïcödé 💬";
    let model = Offline::new(Behaviour {
        pace: Pace::INSTANT,
        ..Behaviour::default()
    });
    let memory = ask(&completer(Arc::new(model.clone())), text)
        .await
        .unwrap();
    let http = over_http(&model, text).await.unwrap();
    assert_eq!(memory.text, http.text);
    assert_eq!(http.finish, FinishReason::Stop);
    let (memory, http) = (memory.usage.unwrap(), http.usage.unwrap());
    assert_eq!(memory.completion_tokens, http.completion_tokens);
    assert!(http.generation_id.is_some_and(|id| id.starts_with("gen-")));
}

#[tokio::test]
async fn faults_over_http_are_what_the_policy_sees_in_memory() {
    for fault in [
        Fault::NoCredit,
        Fault::Outage,
        Fault::CutAfter(3),
        Fault::ErrorAfter(3),
        Fault::RateLimited(Duration::from_secs(3600)),
    ] {
        let model = Offline::echo();
        model.change(|now| now.fault = fault);
        let memory = ask(&completer(Arc::new(model.clone())), "hi")
            .await
            .unwrap_err();
        let http = over_http(&model, "hi").await.unwrap_err();
        let shape = |failure: &Failure| match failure {
            Failure::Operator { kind, .. } => format!("{kind:?}"),
            Failure::Exhausted {
                last: LlmError::Status {
                    code, retry_after, ..
                },
                partial,
            } => {
                format!("{code} {retry_after:?} {partial}")
            }
            Failure::Exhausted {
                last: LlmError::Cut { .. },
                partial,
            } => format!("cut {partial}"),
            other => format!("{other:?}"),
        };
        assert_eq!(shape(&memory), shape(&http), "{fault:?}");
        assert_eq!(model.counts().finished(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_fault_of_the_next_requests_passes() {
    let model = Offline::echo();
    model.fail_next(2, Fault::CutAfter(2));
    let done = ask(&completer(Arc::new(model.clone())), "hi")
        .await
        .unwrap();
    assert_eq!(done.text, "echo: hi");
    let counts = model.counts();
    assert_eq!(
        (counts.asked(), counts.finished(), counts.paid_twice()),
        (3, 1, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_held_answer_goes_on_when_it_is_released() {
    let model = Offline::echo();
    model.fail_next(1, Fault::HoldAfter(4));
    let completer = completer(Arc::new(model.clone()));
    let preview = watch::Sender::new(Preview::default());
    let mut seen = preview.subscribe();
    let (request, course) = (request("hi"), Course::default());
    let release = async {
        let held = seen.wait_for(|preview| preview.text == "echo").await;
        drop(held);
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(model.counts().running, 1);
        model.release();
    };
    let (done, ()) = tokio::join!(completer.complete(&request, &preview, &course), release);
    assert_eq!(done.unwrap().text, "echo: hi");
}

#[tokio::test(start_paused = true)]
async fn a_stalled_answer_is_cut_by_the_policy_and_an_outage_cuts_a_running_one() {
    let model = Offline::echo();
    model.change(|now| now.fault = Fault::StallAfter(4));
    let completer1 = completer(Arc::new(model.clone()));
    let Err(Failure::Exhausted { last, partial }) = ask(&completer1, "hi").await else {
        panic!("it never ends");
    };
    assert!(matches!(last, LlmError::Stalled { .. }));
    assert_eq!(partial, "echo");

    let model = Offline::echo();
    model.fail_next(1, Fault::HoldAfter(4));
    let completer2 = completer(Arc::new(model.clone()));
    let outage = async {
        model.until(|counts| counts.running == 1).await;
        model.change(|now| now.fault = Fault::Outage);
    };
    let (result, ()) = tokio::join!(ask(&completer2, "hi"), outage);
    assert!(
        matches!(result, Err(Failure::Exhausted { .. })),
        "{result:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_dropped_completion_is_not_paid() {
    let model = Offline::default();
    let completer = completer(Arc::new(model.clone()));
    let asking = ask(&completer, "a very long story");
    assert!(
        tokio::time::timeout(Duration::from_secs(2), asking)
            .await
            .is_err()
    );
    let counts = model.counts();
    assert_eq!(
        (counts.asked(), counts.finished(), counts.running),
        (1, 0, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn no_credit_is_the_operators() {
    let model = Offline::echo();
    model.change(|now| now.fault = Fault::NoCredit);
    let failure = ask(&completer(Arc::new(model)), "hi").await.unwrap_err();
    assert!(matches!(
        failure,
        Failure::Operator {
            kind: Operator::NoCredit,
            ..
        }
    ));
}
