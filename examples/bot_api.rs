//! The stand-in Bot API on its own, for clients that nobody here wrote:
//! `cargo run --example bot_api -- [PORT]` prints the address and the token as
//! one line of JSON and serves until it is killed. Loopback only.

use std::sync::Arc;

use anyhow::Context as _;
use lastword::clock::Clock;
use lastword::playground::bot_api::{BotApi, serve};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let port: u16 = match std::env::args().nth(1) {
        Some(port) => port.parse().context("the port is not a number")?,
        None => 0,
    };
    let api = BotApi::sample(Clock::system());
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let base = format!("http://{}", listener.local_addr()?);
    #[expect(clippy::print_stdout, reason = "the line that callers read")]
    {
        let token = &api.bot().token;
        println!("{}", serde_json::json!({ "base": base, "token": token }));
    }
    serve(listener, Arc::clone(&api), CancellationToken::new()).await?;
    Ok(())
}
