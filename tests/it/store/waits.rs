//! Turns that wait because the world is not ready: told once, poisoned ones
//! alone, everything listed.

use std::time::Duration;

use lastword::domain::ids::ChatId;
use lastword::domain::part::Payload;
use lastword::domain::turn::{Blame, MAX_DEATHS};
use lastword::store::{Company, Flush, Next};

use super::stage::{Stage, inline, pass, stores};
use super::talk::private;

#[tokio::test]
async fn a_person_is_told_once_why_it_waits() {
    for stage in stores() {
        let conversation = stage.hears(private(7, 1, "a")).await;
        for told in [false, true, true] {
            let claimed = stage.claim(conversation).await;
            assert_eq!(claimed.told, told);
            let notice = Some(Payload::plain("no credit"));
            let now = Duration::ZERO;
            stage
                .store
                .defer(&claimed.claim, now, Blame::World, notice)
                .await
                .unwrap();
        }
        assert_eq!(stage.deliver(ChatId(7)).await, ["no credit"]);
    }
}

/// How a process dies.
#[derive(Debug, Clone, Copy)]
enum Death {
    /// From outside.
    Killed,
    /// Of itself.
    Aborted,
}

/// Claims with a fresh instance that then dies.
async fn dies(stage: &Stage, heir: &Stage, company: Company) -> Next {
    dies_of(stage, heir, company, Death::Killed).await
}

async fn dies_of(stage: &Stage, heir: &Stage, company: Company, death: Death) -> Next {
    let doomed = stage.another().lives("running").await;
    let conversation = stage.store.waiting(1).await.expect("the store answers")[0].conversation;
    let next = doomed.ask_in(conversation, Flush::All, company).await;
    if let Death::Aborted = death {
        note(&doomed);
    }
    drop(doomed);
    heir.store.reap(heir.me).await.expect("the store answers");
    next
}

/// What a process writes as it aborts.
fn note(doomed: &Stage) {
    let mut folder = doomed.path().into_os_string();
    folder.push(".locks");
    let file = std::path::PathBuf::from(folder).join(format!("instance-{}", doomed.me));
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(file)
        .expect("it lives");
    std::io::Write::write_all(&mut file, b"X").expect("there is room");
}

#[tokio::test(start_paused = true)]
async fn a_turn_over_which_the_process_aborts_while_it_is_alone_has_failed() {
    let stage = inline();
    let heir = stage.another().lives("running").await;
    stage.hears(private(7, 1, "poison")).await;
    for _ in 0..2 {
        // In company nobody knows who did it.
        let next = dies_of(&stage, &heir, Company::Others, Death::Aborted).await;
        assert!(matches!(next, Next::Run(c) if c.failures == 0));
    }
    assert_eq!(dies(&stage, &heir, Company::Others).await, Next::NeedsAlone);
    for failures in 0..4 {
        let next = dies_of(&stage, &heir, Company::Alone, Death::Aborted).await;
        assert!(
            matches!(next, Next::Run(ref c) if c.failures == failures),
            "{next:?}"
        );
        pass(60_000).await;
    }
}

#[tokio::test(start_paused = true)]
async fn thirty_kills_in_a_row_are_no_failure_of_the_turn_that_ran() {
    let stage = inline();
    let heir = stage.another().lives("running").await;
    stage.hears(private(7, 1, "innocent")).await;
    for deaths in 0..30 {
        let company = if deaths < 2 {
            Company::Others
        } else {
            Company::Alone
        };
        let next = dies(&stage, &heir, company).await;
        let Next::Run(claimed) = next else {
            panic!("{deaths}: {next:?}")
        };
        assert_eq!((claimed.failures, claimed.deaths), (0, deaths));
        assert!(claimed.deaths < MAX_DEATHS);
        pass(60_000).await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_dies_alone_again_and_again_lets_the_others_go_on_in_between() {
    let stage = inline();
    let heir = stage.another().lives("running").await;
    let conversation = stage.hears(private(7, 1, "poison")).await;
    for _ in 0..2 {
        dies(&stage, &heir, Company::Others).await;
    }
    let mut rests = Vec::new();
    for _ in 0..9 {
        let next = dies(&stage, &heir, Company::Alone).await;
        assert!(matches!(next, Next::Run(_)), "{next:?}");
        let rest = match heir.ask_in(conversation, Flush::All, Company::Others).await {
            Next::Wait(rest) => rest,
            Next::NeedsAlone => Duration::ZERO,
            other => panic!("{other:?}"),
        };
        rests.push(rest.as_secs());
        pass(60_000).await;
    }
    assert_eq!(rests, [0, 1, 2, 4, 8, 16, 32, 60, 60]);
}

#[tokio::test]
async fn a_turn_that_merely_had_no_company_is_not_blamed_for_a_death() {
    for stage in stores() {
        let heir = stage.another().lives("running").await;
        stage.hears(private(7, 1, "innocent")).await;
        for _ in 0..3 {
            let next = dies_of(&stage, &heir, Company::Alone, Death::Aborted).await;
            assert!(matches!(next, Next::Run(c) if c.failures == 0));
        }
    }
}

#[tokio::test]
async fn a_poisoned_turn_that_was_edited_still_needs_to_be_alone() {
    for mut stage in stores() {
        stage.policy.busy = lastword::domain::admission::Busy::Interrupt;
        let heir = stage.another().lives("running").await;
        let conversation = stage.hears(private(7, 1, "poison")).await;
        for _ in 0..2 {
            dies(&stage, &heir, Company::Others).await;
        }
        let alone = stage.ask_in(conversation, Flush::All, Company::Alone).await;
        assert!(matches!(alone, Next::Run(_)));
        stage.accept(&[private(7, 2, "more")]).await;
        assert_eq!(stage.ask(conversation, Flush::All).await, Next::NeedsAlone);
    }
}

/// Two are in quarantine, each in a process of its own.
#[tokio::test(start_paused = true)]
async fn who_runs_alone_is_not_blamed_for_the_death_of_another() {
    let stage = inline();
    let heir = stage.another().lives("running").await;
    let conversation = stage.hears(private(7, 1, "innocent")).await;
    for _ in 0..2 {
        dies(&stage, &heir, Company::Others).await;
    }
    let owner = stage.another().lives("running").await;
    let next = owner.ask_in(conversation, Flush::All, Company::Alone).await;
    let Next::Run(claimed) = next else {
        panic!("it runs: {next:?}");
    };
    let doomed = stage.another().lives("running").await;
    note(&doomed);
    drop(doomed);
    let reaped = heir.store.reap(heir.me).await.expect("the store answers");
    assert_eq!((reaped.instances, reaped.turns), (1, 0));
    owner
        .store
        .park(&claimed.claim)
        .await
        .expect("it is parked");
    let again = owner.ask_in(conversation, Flush::All, Company::Alone).await;
    assert!(
        matches!(again, Next::Run(ref c) if c.failures == 0),
        "{again:?}"
    );
}
