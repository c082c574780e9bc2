//! Turns that wait because the world is not ready: told once, poisoned ones
//! alone, everything listed.

use std::time::Duration;

use lastword::domain::ids::ChatId;
use lastword::domain::part::Payload;
use lastword::domain::turn::Blame;
use lastword::store::{Company, Flush, Next};

use super::stage::{Stage, stores};
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

/// Claims with a fresh instance that then dies.
async fn dies(stage: &Stage, heir: &Stage, company: Company) -> Next {
    let doomed = stage.another().lives("running").await;
    let conversation = stage.store.waiting(1).await.expect("the store answers")[0].conversation;
    let next = doomed.ask_in(conversation, Flush::All, company).await;
    drop(doomed);
    heir.store.reap(heir.me).await.expect("the store answers");
    next
}

#[tokio::test]
async fn what_was_running_at_two_deaths_runs_alone() {
    for stage in stores() {
        let heir = stage.another().lives("running").await;
        stage.hears(private(7, 1, "poison")).await;
        for _ in 0..2 {
            let next = dies(&stage, &heir, Company::Others).await;
            assert!(matches!(next, Next::Run(c) if c.failures == 0));
        }
        assert_eq!(dies(&stage, &heir, Company::Others).await, Next::NeedsAlone);
        for failures in 0..3 {
            let next = dies(&stage, &heir, Company::Alone).await;
            assert!(matches!(next, Next::Run(c) if c.failures == failures));
        }
    }
}

#[tokio::test]
async fn a_turn_that_merely_had_no_company_is_not_blamed_for_a_death() {
    for stage in stores() {
        let heir = stage.another().lives("running").await;
        stage.hears(private(7, 1, "innocent")).await;
        for _ in 0..3 {
            let next = dies(&stage, &heir, Company::Alone).await;
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
