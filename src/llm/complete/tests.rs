//! The policy against a scripted model, on paused time.

use std::collections::VecDeque;

use futures_util::stream;

use super::*;
use crate::llm::request::{ChatMessage, ChatRequest, Dialect, Role};
use crate::llm::{Delta, Deltas};

const SECOND: Duration = Duration::from_secs(1);

/// One step of a scripted attempt.
#[derive(Debug, Clone)]
enum Step {
    Wait(Duration),
    Say(Delta),
    Fail(LlmError),
    Hang,
}

use Step::{Fail, Hang, Say, Wait};

/// Answers the attempts in order; an attempt that begins with `Fail` fails to
/// open. Notes when and with what it was asked.
#[derive(Debug, Default)]
struct Scripted {
    attempts: Mutex<VecDeque<Vec<Step>>>,
    asked: Mutex<Vec<(Instant, Bytes)>>,
}

#[async_trait::async_trait]
impl Llm for Scripted {
    async fn open(&self, request: Bytes) -> Result<Deltas, LlmError> {
        self.asked.lock().unwrap().push((Instant::now(), request));
        let mut steps = self
            .attempts
            .lock()
            .unwrap()
            .pop_front()
            .expect("one attempt too many");
        if let Some(Fail(error)) = steps.first() {
            return Err(error.clone());
        }
        steps.reverse();
        Ok(Box::pin(stream::unfold(steps, |mut steps| async move {
            loop {
                match steps.pop()? {
                    Wait(time) => tokio::time::sleep(time).await,
                    Say(delta) => return Some((Ok(delta), steps)),
                    Fail(error) => return Some((Err(error), vec![])),
                    Hang => std::future::pending().await,
                }
            }
        })))
    }
}

struct Scene {
    llm: Arc<Scripted>,
    completer: Completer,
    preview: watch::Sender<Preview>,
}

fn scene<const N: usize>(attempts: [Vec<Step>; N], fallbacks: &[&str]) -> Scene {
    let llm = Arc::new(Scripted {
        attempts: Mutex::new(attempts.into()),
        ..Scripted::default()
    });
    let fallbacks = fallbacks.iter().map(|&model| model.to_owned()).collect();
    let completer = Completer::new(
        Arc::clone(&llm) as Arc<dyn Llm>,
        Limits::default(),
        Breaker::default(),
        fallbacks,
        1,
    );
    Scene {
        llm,
        completer,
        preview: watch::Sender::new(Preview::default()),
    }
}

impl Scene {
    async fn run(&self) -> Result<Completion, Failure> {
        self.completer
            .complete(&request(), &self.preview, &Course::default())
            .await
    }

    fn times(&self) -> Vec<Instant> {
        self.llm
            .asked
            .lock()
            .unwrap()
            .iter()
            .map(|(time, _)| *time)
            .collect()
    }

    fn models(&self) -> Vec<String> {
        let asked = self.llm.asked.lock().unwrap();
        let model = |bytes: &Bytes| {
            let body: serde_json::Value = serde_json::from_slice(bytes).unwrap();
            body["model"].as_str().unwrap().to_owned()
        };
        asked.iter().map(|(_, bytes)| model(bytes)).collect()
    }
}

fn request() -> Bytes {
    ChatRequest {
        model: "first".into(),
        fallback_models: vec![],
        messages: vec![ChatMessage::text(Role::User, "hi")],
        max_tokens: None,
        temperature: None,
        nonce: None,
    }
    .to_bytes(Dialect::Compatible)
}

fn content(text: &str) -> Step {
    Say(Delta::Content(text.into()))
}

fn stop() -> Step {
    Say(Delta::Finish(FinishReason::Stop))
}

fn status(code: u16, retry_after: Option<Duration>) -> Step {
    Fail(LlmError::Status {
        code,
        message: "m".into(),
        retry_after,
    })
}

fn good() -> Vec<Step> {
    vec![content("Hello "), content("you"), stop()]
}

fn times(count: usize, steps: &[Step]) -> Vec<Step> {
    std::iter::repeat_n(steps, count)
        .flatten()
        .cloned()
        .collect()
}

fn assert_says(result: &Result<Completion, Failure>, text: &str) {
    assert_eq!(result.as_ref().map(|done| done.text.as_str()), Ok(text));
}

#[tokio::test(start_paused = true)]
async fn a_finished_answer_comes_with_its_usage() {
    let usage = Usage {
        completion_tokens: 2,
        ..Usage::default()
    };
    let scene = scene(
        [[good(), vec![Say(Delta::Usage(usage.clone()))]].concat()],
        &[],
    );
    let done = scene.run().await.unwrap();
    assert_eq!(done.text, "Hello you");
    assert_eq!(done.finish, FinishReason::Stop);
    assert_eq!(done.usage, Some(usage));
    assert_eq!(scene.preview.borrow().text, "Hello you");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_ends_after_the_finish_reason_is_not_waited_for() {
    let scene = scene([[good(), vec![Hang]].concat()], &[]);
    let begin = Instant::now();
    assert_says(&scene.run().await, "Hello you");
    assert_eq!(begin.elapsed(), Limits::default().after_finish);
}

#[tokio::test(start_paused = true)]
async fn nothing_after_the_finish_reason_takes_the_answer_back() {
    let broken = Fail(LlmError::Cut { reason: "r".into() });
    let scene = scene([[good(), vec![broken]].concat()], &[]);
    assert_says(&scene.run().await, "Hello you");
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_finish_reason_is_tried_again_and_its_text_is_gone() {
    let scene = scene([vec![content("half an ans")], good()], &[]);
    assert_says(&scene.run().await, "Hello you");
    assert_eq!(scene.preview.borrow().text, "Hello you");
}

#[tokio::test(start_paused = true)]
async fn keep_alives_are_not_progress_but_reasoning_is() {
    let alive = [Wait(SECOND * 20), Say(Delta::KeepAlive)];
    let silent = times(10, &alive);
    let begin = Instant::now();
    let scene1 = scene([silent, good()], &[]);
    assert_says(&scene1.run().await, "Hello you");
    let waited = scene1.times()[1] - begin;
    assert!(waited >= SECOND * 60 && waited < SECOND * 61, "{waited:?}");

    let thinking = times(8, &[Wait(SECOND * 25), Say(Delta::Reasoning("hm".into()))]);
    let scene2 = scene([[thinking, good()].concat()], &[]);
    assert_says(&scene2.run().await, "Hello you");
}

#[tokio::test(start_paused = true)]
async fn silence_between_contents_is_cut_sooner_than_before_the_first() {
    let scene = scene([vec![Wait(SECOND * 59), content("a"), Hang], good()], &[]);
    let begin = Instant::now();
    assert_says(&scene.run().await, "Hello you");
    let waited = scene.times()[1] - begin;
    assert!(waited >= SECOND * 89 && waited < SECOND * 90, "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn the_whole_completion_has_an_end() {
    let slow = times(40, &[Wait(SECOND * 21), content("word ")]);
    let scene = scene([slow], &[]);
    let begin = Instant::now();
    let Err(Failure::Exhausted { last, partial }) = scene.run().await else {
        panic!("must end");
    };
    assert_eq!(begin.elapsed(), SECOND * 300);
    assert_eq!(
        last,
        LlmError::Stalled {
            after: SECOND * 300
        }
    );
    assert_eq!(partial, "word ".repeat(14));
}

#[tokio::test(start_paused = true)]
async fn passing_errors_are_tried_again_with_growing_waits_and_the_same_bytes() {
    let scene = scene(
        [vec![status(503, None)], vec![status(524, None)], good()],
        &[],
    );
    assert_says(&scene.run().await, "Hello you");
    let times = scene.times();
    let (first, second) = (times[1] - times[0], times[2] - times[1]);
    assert!(first >= SECOND / 4 && first <= SECOND / 2, "{first:?}");
    assert!(second >= SECOND / 2 && second <= SECOND, "{second:?}");
    assert!(
        scene
            .llm
            .asked
            .lock()
            .unwrap()
            .iter()
            .all(|(_, bytes)| *bytes == request())
    );
}

#[tokio::test(start_paused = true)]
async fn a_told_wait_is_obeyed_and_one_that_is_too_long_ends_it() {
    let scene1 = scene([vec![status(429, Some(SECOND * 20))], good()], &[]);
    assert_says(&scene1.run().await, "Hello you");
    let times = scene1.times();
    assert!(times[1] - times[0] >= SECOND * 20);

    for too_long in [SECOND * 300, SECOND * 3600, Duration::MAX] {
        let scene2 = scene([vec![status(429, Some(too_long))]], &[]);
        let begin = Instant::now();
        let result = scene2.run().await;
        assert!(matches!(result, Err(Failure::Exhausted { .. })));
        assert_eq!(begin.elapsed(), Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn three_failures_exhaust_and_keep_the_longest_text() {
    let cut = |text: &str| vec![content(text)];
    let scene = scene([cut("a"), cut("abc"), cut("ab")], &[]);
    let Err(Failure::Exhausted { last, partial }) = scene.run().await else {
        panic!("must fail");
    };
    assert!(matches!(last, LlmError::Cut { .. }));
    assert_eq!(partial, "abc");
}

#[tokio::test(start_paused = true)]
async fn an_empty_answer_is_no_answer_unless_the_filter_made_it_so() {
    let empty = || vec![content(" \n"), stop()];
    let scene1 = scene([empty(), good()], &[]);
    assert_says(&scene1.run().await, "Hello you");
    let scene2 = scene([empty(), empty(), empty()], &[]);
    assert!(matches!(scene2.run().await, Err(Failure::Exhausted { .. })));
    assert!(!scene2.completer.breaker().is_open());

    let filtered = Say(Delta::Finish(FinishReason::ContentFilter));
    let done = scene([vec![filtered]], &[]).run().await.unwrap();
    assert_eq!(
        (done.text.as_str(), done.finish),
        ("", FinishReason::ContentFilter)
    );
    let length = Say(Delta::Finish(FinishReason::Length));
    let done = scene([vec![content("a"), length]], &[])
        .run()
        .await
        .unwrap();
    assert_eq!(
        (done.text.as_str(), done.finish),
        ("a", FinishReason::Length)
    );
}

#[tokio::test(start_paused = true)]
async fn what_no_retry_can_cure_is_asked_once() {
    for (code, expected) in [
        (402, "NoCredit"),
        (401, "BadKey"),
        (403, "BadKey"),
        (400, "Other"),
        (404, "Other"),
        (413, "TooLong"),
        (422, "Other"),
    ] {
        let failure = scene([vec![status(code, None)]], &[])
            .run()
            .await
            .unwrap_err();
        let told = match failure {
            Failure::Operator { kind, .. } => format!("{kind:?}"),
            Failure::Rejected { reason, .. } => format!("{reason:?}"),
            other => format!("{other:?}"),
        };
        assert_eq!(told, expected, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn fallback_models_are_asked_when_the_first_has_had_its_attempts() {
    let bad = || vec![status(503, None)];
    let scene1 = scene([bad(), bad(), bad(), bad(), good()], &["second", "third"]);
    assert_says(&scene1.run().await, "Hello you");
    assert_eq!(
        scene1.models(),
        ["first", "first", "first", "second", "third"]
    );

    let scene2 = scene([vec![status(404, None)], good()], &["second"]);
    assert_says(&scene2.run().await, "Hello you");
    assert_eq!(scene2.models(), ["first", "second"]);

    let scene3 = scene([bad(), bad(), bad(), vec![status(404, None)]], &["second"]);
    let failure = scene3.run().await.unwrap_err();
    let is_passing = matches!(
        &failure,
        Failure::Exhausted {
            last: LlmError::Status { code: 503, .. },
            ..
        }
    );
    assert!(is_passing, "{failure:?}");
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_fails_is_left_alone_and_probed_once() {
    let bad = || vec![status(500, None)];
    let scene = scene(
        [bad(), bad(), bad(), bad(), bad(), bad(), good(), good()],
        &[],
    );
    assert!(matches!(scene.run().await, Err(Failure::Exhausted { .. })));
    // The fifth failure opens it.
    assert!(matches!(scene.run().await, Err(Failure::Exhausted { .. })));
    let Err(Failure::Unavailable { retry_in }) = scene.run().await else {
        panic!("nobody asks an endpoint that is given a pause");
    };
    assert!(retry_in <= Breaker::PAUSE && retry_in > Breaker::PAUSE - SECOND * 2);
    tokio::time::sleep(retry_in).await;
    // The probe fails, asks no second time, and counts against its turn.
    assert!(matches!(scene.run().await, Err(Failure::Exhausted { .. })));
    assert_eq!(scene.times().len(), 6);
    tokio::time::sleep(Breaker::PAUSE).await;
    assert_says(&scene.run().await, "Hello you");
    assert_says(&scene.run().await, "Hello you");
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_never_opens_the_breaker() {
    let scene = scene(
        std::array::from_fn::<_, 9, _>(|_| vec![status(429, None)]),
        &[],
    );
    for _ in 0..3 {
        assert!(matches!(scene.run().await, Err(Failure::Exhausted { .. })));
    }
    assert!(!scene.completer.breaker().is_open());
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_probe_leaves_the_way_open_for_the_next() {
    let bad = || vec![status(500, None)];
    let scene = scene([bad(), bad(), bad(), bad(), bad(), vec![Hang], good()], &[]);
    let _ = scene.run().await;
    let _ = scene.run().await;
    tokio::time::sleep(Breaker::PAUSE).await;
    assert!(tokio::time::timeout(SECOND, scene.run()).await.is_err());
    assert_says(&scene.run().await, "Hello you");
}

#[tokio::test(start_paused = true)]
async fn the_preview_tells_thinking_from_writing() {
    let scene = scene(
        [vec![
            Say(Delta::Reasoning("secret thought".into())),
            Wait(SECOND * 2),
            content("a"),
            Wait(SECOND * 2),
            stop(),
        ]],
        &[],
    );
    let mut seen = scene.preview.subscribe();
    let watch = async {
        let mut states = vec![];
        while states.len() < 2 {
            seen.changed().await.unwrap();
            states.push(seen.borrow_and_update().clone());
        }
        states
    };
    let (result, states) = tokio::join!(scene.run(), watch);
    assert_says(&result, "a");
    let state = |text: &str, thinking| Preview {
        text: text.into(),
        thinking,
        reasoning: "secret thought".into(),
    };
    assert_eq!(states, [state("", true), state("a", false)]);
}
