//! The real program as a process: started, signalled, looked at from outside.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tokio::time::Instant;

use crate::client::{PATH, SECRET};
use crate::house::{free_port, wait_for};
use crate::outside::{Servers, TOKEN};

/// The program under measure.
pub const BINARY: &str = env!("CARGO_BIN_EXE_lastword");

/// A running program; killed when dropped.
#[derive(Debug)]
pub struct Process {
    /// Where its webhook listens.
    pub webhook: SocketAddr,
    /// Milliseconds from starting the process to its READY.
    pub ready_ms: f64,
    child: Child,
    _lines: BufReader<ChildStdout>,
}

impl Process {
    /// Starts it with a store in `folder` and waits for READY.
    ///
    /// # Errors
    /// When it ends before.
    pub fn start(folder: &Path, servers: &Servers, quiet: Duration) -> anyhow::Result<Self> {
        let webhook = free_port()?;
        let quiet = format!("{}s", quiet.as_secs().max(1));
        let begun = Instant::now();
        let mut child = Command::new(BINARY)
            .env_clear()
            .env("TELEGRAM_BOT_TOKEN", TOKEN)
            .env("TELEGRAM_WEBHOOK_SECRET", SECRET)
            .env("OPENROUTER_API_KEY", "load")
            .env(
                "LASTWORD_TELEGRAM__API_URL",
                format!("http://{}", servers.telegram),
            )
            .env("LASTWORD_TELEGRAM__MODE", "webhook")
            .env(
                "LASTWORD_TELEGRAM__WEBHOOK__URL",
                format!("https://load.invalid{PATH}"),
            )
            .env("LASTWORD_TELEGRAM__WEBHOOK__LISTEN", webhook.to_string())
            .env(
                "LASTWORD_LLM__BASE_URL",
                format!("http://{}/v1", servers.model),
            )
            .env("LASTWORD_CHAT__QUIET_PERIOD", &quiet)
            .env("LASTWORD_CHAT__LONG_PIECE_QUIET", &quiet)
            .env("LASTWORD_CHAT__WINDOW_MAX", &quiet)
            .env("LASTWORD_INTAKE__BUFFER", "1000000")
            .env("LASTWORD_ACCESS__MODE", "open")
            .env("LASTWORD_SHUTDOWN__ON_STOP", "park")
            .env("LASTWORD_STORE__PATH", folder.join("lastword.db"))
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context(BINARY)?;
        let mut lines = BufReader::new(child.stdout.take().context("its stdout is piped")?);
        let mut line = String::new();
        while !line.contains("\"lastword\":\"start\"") {
            line.clear();
            if lines.read_line(&mut line)? == 0 {
                bail!("it ended before READY: {:?}", child.wait()?);
            }
        }
        Ok(Self {
            webhook,
            ready_ms: begun.elapsed().as_secs_f64() * 1e3,
            child,
            _lines: lines,
        })
    }

    /// Waits until its webhook listens.
    ///
    /// # Errors
    /// When it does not.
    pub fn listens(&self) -> anyhow::Result<()> {
        wait_for(self.webhook)
    }

    /// Resident memory in MB (10^6 bytes).
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn resident_mb(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let kibibytes: f64 = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.trim().strip_suffix("kB"))
            .context("no VmRSS")?
            .trim()
            .parse()?;
        Ok(kibibytes * 1024.0 / 1e6)
    }

    /// SIGTERM; milliseconds until the process is gone.
    ///
    /// # Errors
    /// When it ends with anything but 0.
    pub fn stop(mut self) -> anyhow::Result<f64> {
        let begun = Instant::now();
        let told = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()?;
        ensure!(told.success(), "no signal could be sent");
        let status = self.child.wait()?;
        let ms = begun.elapsed().as_secs_f64() * 1e3;
        ensure!(status.code() == Some(0), "it ended with {status}");
        Ok(ms)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Milliseconds the same program takes to do nothing.
///
/// # Errors
/// When it cannot.
pub fn nothing_ms() -> anyhow::Result<f64> {
    let begun = Instant::now();
    let status = Command::new(BINARY)
        .arg("--version")
        .stdout(Stdio::null())
        .status()?;
    ensure!(status.success(), "--version failed");
    Ok(begun.elapsed().as_secs_f64() * 1e3)
}
