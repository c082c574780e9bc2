//! What Telegram lost before it reached us is told once and counted, and
//! nothing else is.

use lastword::playground::bot_api::{Act, Place};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Real, Transport, free_port, within};

const WARNING: &str = "updates are missing";

async fn missed(real: &Real) -> u64 {
    let address = &real.env["LASTWORD_OPS__LISTEN"];
    let asked = async {
        let mut socket = tokio::net::TcpStream::connect(address).await?;
        let request =
            format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await?;
        let mut page = String::new();
        socket.read_to_string(&mut page).await?;
        std::io::Result::Ok(page)
    };
    let page = within("the metrics", asked).await.expect("they are served");
    let line = page
        .lines()
        .find(|line| line.starts_with("lastword_updates_missed_total "));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok())
        .unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_telegram_lost_is_told_once_and_a_new_sequence_is_no_loss() {
    let mut real = Real::new(Transport::Polling).await;
    let listen = free_port().await.to_string();
    real.env.insert("LASTWORD_OPS__LISTEN", listen);
    let ann = real.person("Ann");
    let mut said = 0;
    let mut say = async |real: &Real| {
        said += 1;
        let word = format!("word{said}.");
        real.say(&Place::private(ann), &word);
        real.until_heard(ann, &word).await;
    };
    let act = |act| real.telegram.act(act).expect("the world can do that");
    let lose = |updates| act(Act::Lose { updates });
    // Lost before the start: nobody can know.
    lose(5);
    let mut process = real.start().await;
    say(&real).await;
    assert_eq!(missed(&real).await, 0);
    for (updates, in_all) in [(3, 3), (1, 4), (700, 704)] {
        lose(updates);
        say(&real).await;
        assert_eq!(missed(&real).await, in_all);
    }
    act(Act::Reseed);
    say(&real).await;
    assert_eq!(missed(&real).await, 704);
    let log = process.stop().await.log;
    assert_eq!(log.matches(WARNING).count(), 3, "{log}");
    // Lost while nothing ran, and another sequence after that.
    lose(9);
    let mut process = real.start().await;
    say(&real).await;
    act(Act::Reseed);
    say(&real).await;
    assert_eq!(missed(&real).await, 0);
    let log = process.stop().await.log;
    assert_eq!(log.matches(WARNING).count(), 0, "{log}");
}
