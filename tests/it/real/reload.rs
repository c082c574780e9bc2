//! SIGHUP: what may change at run time changes, what may not is named, and a
//! mistake changes nothing.

use std::fs;

use lastword::playground::bot_api::Place;
use rustix::process::Signal;

use super::{Real, Transport};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_takes_over_what_may_change_and_names_what_needs_a_restart() {
    let mut real = Real::new(Transport::Polling).await;
    real.env.remove("LASTWORD_ACCESS__MODE");
    let file = real.env["LASTWORD_CONFIG"].clone();
    let write = |text: &str| fs::write(&file, text).expect("the folder is writable");
    write("[access]\nmode = \"list\"\nids = [1]\n");
    let ann = real.person("Ann");
    let mut process = real.start().await;
    real.say(&Place::private(ann), "hello");
    real.until_heard(ann, "private").await;

    write("[access]\nmode = \"everybody\"\n");
    process.signal(Signal::HUP);
    process.says("configuration not read anew").await;

    write("[access]\nmode = \"open\"\n[turns]\nmax_concurrent = 3\n");
    process.signal(Signal::HUP);
    process
        .says("needs_restart=[\"turns.max_concurrent\"]")
        .await;
    real.say(&Place::private(ann), "hello again");
    real.until_heard(ann, "hello again").await;
    assert_eq!(real.heard(ann).len(), 2);
    assert_eq!(process.stop().await.code, Some(0));
}
