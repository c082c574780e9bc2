//! After a death: until Telegram has carried out what had reached it.
//!
//! The product waits 25 s before it looks for what the dead one had sent; a test
//! that shortens that must first let the stand-in come to its end, which takes
//! as long as a busy machine lets it take.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::Real;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(5);

/// What hangs on purpose, or belongs to one who lives, is waited for no longer.
const LOOKS_MAX: u32 = 400;

impl Real {
    /// Lets the time pass that a cut send is given to appear (25 s), for what
    /// the dead have left: without it every second case would wait that long.
    /// What had reached Telegram is carried out before.
    pub(crate) async fn let_cut_sends_expire(&self) {
        if !self.store_path().exists() {
            return;
        }
        self.until_quiet().await;
        let store = self.sql();
        let version: i64 = store
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .expect("the store answers");
        if version > 0 {
            // Never further back than now: what is known to have been given
            // later than a send must truly have been.
            let sql = "BEGIN IMMEDIATE; \
                UPDATE parts SET expires_at = min(expires_at, CAST(unixepoch('subsec') * 1000 AS INTEGER) - 5001) \
                    WHERE state IN (1, 3); \
                UPDATE ghosts SET until = min(until, CAST(unixepoch('subsec') * 1000 AS INTEGER)); \
                COMMIT";
            store.execute_batch(sql).expect("the store answers");
        }
    }

    /// Waits until the menu is told, which a start does beside everything else:
    /// then nothing is written any more by itself.
    pub(crate) async fn until_menu_is_told(&self) {
        let told = "SELECT count(*) FROM meta WHERE key LIKE 'menu:%'";
        super::within("the menu", async {
            while self.count(told) != Some(1) {
                tokio::time::sleep(LOOK).await;
            }
        })
        .await;
    }

    /// Waits until nothing is left of the connections of the dead: a stand-in
    /// closes one only when it has read, and carried out, what had been sent.
    pub(crate) async fn until_quiet(&self) {
        self.behind_everybody().await;
        for _ in 0..LOOKS_MAX {
            if self.telegram.connections() == 0 {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Whoever had connected before us has been let in once we have an answer.
    async fn behind_everybody(&self) {
        let url = &self.env["LASTWORD_TELEGRAM__API_URL"];
        let address = url.strip_prefix("http://").expect("plain HTTP");
        let Ok(mut stream) = tokio::net::TcpStream::connect(address).await else {
            // An outage: it has cut everybody.
            return;
        };
        let request =
            format!("GET /nothing HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        let mut answer = Vec::new();
        let asked = async {
            stream.write_all(request.as_bytes()).await?;
            stream.read_to_end(&mut answer).await
        };
        // Cut by an outage that begins just now.
        let _ = asked.await;
    }
}
