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
