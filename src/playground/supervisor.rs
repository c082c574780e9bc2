//! Keeps the daemon running as a service manager would: one child process,
//! started again whenever it ends (but not after a wrong configuration), told
//! to stop by SIGTERM or killed, heard on its standard output and error.
//!
//! The child is in a process group of its own, so that Ctrl-C in a terminal
//! reaches only its parent; and it holds the other end of a pipe, so that it
//! ends with its parent however that ends. A signal is sent only by the task
//! that owns the child and has not seen its end, so never to a stranger who got
//! the same number.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader, Lines};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, Millis};

/// Rest before a new start, as `RestartSec`; long enough to be seen.
const REST: Duration = Duration::from_millis(500);

/// Rest after starts that ended at once, at most.
const LONG_REST: Duration = Duration::from_secs(8);

/// Who lived as long as this did not fail at its start.
const GROWN: Duration = Duration::from_secs(3);

/// How long the child may drain when the parent ends, before it is told again.
const DRAIN: Duration = Duration::from_secs(20);

/// How long it has after that.
const HURRY: Duration = Duration::from_secs(5);

/// How long its last words may take to arrive after its end.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// The exit code after which a restart would not help.
const CONFIG: i32 = 78;

/// Log lines and ends that are remembered.
const LINES: usize = 80;
const ENDS: usize = 6;

/// Longer log lines are cut, in characters.
const LINE: usize = 600;

/// Orders that may wait; a person does not press faster, and what does not fit
/// is not taken.
const ORDERS: usize = 8;

/// How to start the child.
pub type Recipe = Box<dyn Fn() -> io::Result<Prepared> + Send + Sync>;

/// A child about to be started.
#[derive(Debug)]
pub struct Prepared {
    /// Program, arguments, environment; its standard streams are set here.
    pub command: Command,
    /// Where its operator's endpoints will be.
    pub ops: SocketAddr,
}

/// What may be asked of the supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// SIGTERM: the child ends when it has drained, and is started again. A
    /// second one hurries it.
    Restart,
    /// SIGKILL.
    Kill,
}

/// Whether there is a child.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Life {
    /// None now; one will be started.
    #[default]
    Down,
    /// It runs.
    Up,
    /// It was told to stop.
    Stopping,
    /// It refused its configuration, or cannot be started at all; a restart
    /// tries again.
    GivenUp,
}

/// What is known of the child.
#[derive(Debug, Clone, Default)]
pub struct Sight {
    /// Whether there is one.
    pub life: Life,
    /// Its process id.
    pub pid: Option<u32>,
    /// Its operator's endpoints.
    pub ops: Option<SocketAddr>,
    /// The line it printed when it was ready.
    pub started: Option<Value>,
    /// How often one was started.
    pub starts: u64,
    /// How the last ones ended, the newest first.
    pub ends: VecDeque<End>,
    /// The last lines of its log, the newest last.
    pub log: VecDeque<Arc<str>>,
}

/// How a child ended.
#[derive(Debug, Clone, PartialEq)]
pub struct End {
    /// When.
    pub at: Millis,
    /// Its process id.
    pub pid: u32,
    /// Its exit code.
    pub code: Option<i32>,
    /// The signal that killed it.
    pub signal: Option<i32>,
    /// The line it printed at its end, where it came to that.
    pub report: Option<Value>,
}

/// Sees the child and gives orders. Clones are the same.
#[derive(Debug, Clone)]
pub struct Daemon {
    orders: mpsc::Sender<Order>,
    /// What is known of it.
    pub sight: watch::Receiver<Sight>,
}

impl Daemon {
    /// Gives an order; says whether it was taken.
    #[must_use]
    pub fn order(&self, order: Order) -> bool {
        self.orders.try_send(order).is_ok()
    }
}

/// The one that keeps the child running.
pub struct Supervisor {
    recipe: Recipe,
    orders: mpsc::Receiver<Order>,
    sight: watch::Sender<Sight>,
    clock: Clock,
}

impl std::fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Supervisor").finish_non_exhaustive()
    }
}

/// What decides about the next life.
#[derive(Debug, Clone, Copy)]
struct Past {
    code: Option<i32>,
    /// Whether it ended because somebody wanted it.
    was_told: bool,
}

/// The child's standard streams, as far as they are open.
struct Voice<R> {
    lines: Option<Lines<BufReader<R>>>,
}

impl<R: AsyncRead + Unpin> Voice<R> {
    fn of(stream: Option<R>) -> Self {
        let lines = stream.map(|stream| BufReader::new(stream).lines());
        Self { lines }
    }

    fn is_open(&self) -> bool {
        self.lines.is_some()
    }

    /// The next line; at the end, and at an error, the stream is closed. A
    /// dropped call loses nothing.
    async fn next(&mut self) -> Option<String> {
        let line = self.lines.as_mut()?.next_line().await.ok().flatten();
        if line.is_none() {
            self.lines = None;
        }
        line
    }
}

impl Supervisor {
    /// A supervisor and the handle to it. Nothing is started yet.
    #[must_use]
    pub fn new(recipe: Recipe, clock: Clock) -> (Self, Daemon) {
        let (sender, orders) = mpsc::channel(ORDERS);
        let (sight, seen) = watch::channel(Sight::default());
        let supervisor = Self {
            recipe,
            orders,
            sight,
            clock,
        };
        let daemon = Daemon {
            orders: sender,
            sight: seen,
        };
        (supervisor, daemon)
    }

    /// Keeps the child running until `stop`; then it is told to drain and
    /// waited for, a bounded time, shorter after `hurry`.
    ///
    /// # Cancel safety
    /// Dropping it kills the child.
    pub async fn run(mut self, stop: &CancellationToken, hurry: &CancellationToken) {
        let mut rest = REST;
        while !stop.is_cancelled() {
            let born = Instant::now();
            let past = self.live(stop, hurry).await;
            if stop.is_cancelled() {
                return;
            }
            let life = match &past {
                Ok(past) if past.code == Some(CONFIG) => Life::GivenUp,
                Ok(_) => Life::Down,
                Err(error) => {
                    self.log(&format!("failed to start the daemon: {error}"));
                    Life::GivenUp
                }
            };
            self.sight.send_modify(|sight| sight.life = life);
            if past.is_ok_and(|past| past.was_told) || born.elapsed() >= GROWN {
                rest = REST;
            }
            let is_over = async {
                match life {
                    Life::GivenUp => std::future::pending().await,
                    _ => sleep(rest).await,
                }
            };
            // All three only wait, and are made anew for each rest.
            tokio::select! {
                () = stop.cancelled() => return,
                order = self.orders.recv() => if order.is_none() { return },
                () = is_over => {}
            }
            rest = (rest * 2).min(LONG_REST);
        }
    }

    /// One life of the child.
    async fn live(
        &mut self,
        stop: &CancellationToken,
        hurry: &CancellationToken,
    ) -> io::Result<Past> {
        let Prepared { mut command, ops } = (self.recipe)()?;
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command.spawn()?;
        // Held and never written: its end tells the child that we are gone.
        let lifeline = child.stdin.take();
        let pid = child.id().unwrap_or_default();
        let mut out = Voice::of(child.stdout.take());
        let mut err = Voice::of(child.stderr.take());
        self.sight.send_modify(|sight| {
            sight.life = Life::Up;
            sight.pid = Some(pid);
            sight.ops = Some(ops);
            sight.started = None;
            sight.starts += 1;
        });
        let mut report = None;
        let mut was_told = false;
        // When the parent's own stop tells the child again, and then kills it.
        let mut patience: Option<Instant> = None;
        let mut hurried = false;
        let status = loop {
            // Each branch is cancel-safe: `wait` keeps the status, `recv` and
            // lines keep what has not been handed out.
            tokio::select! {
                status = child.wait() => break status?,
                Some(order) = self.orders.recv() => {
                    was_told = true;
                    self.obey(order, &child);
                }
                Some(line) = out.next(), if out.is_open() => self.heard(&line, &mut report),
                Some(line) = err.next(), if err.is_open() => self.log(&line),
                () = stop.cancelled(), if patience.is_none() => {
                    self.obey(Order::Restart, &child);
                    patience = Some(Instant::now() + DRAIN);
                }
                () = hurry.cancelled(), if patience.is_some() && !hurried => {
                    self.obey(Order::Restart, &child);
                    (patience, hurried) = (Some(Instant::now() + HURRY), true);
                }
                () = until(patience) => {
                    let order = if hurried { Order::Kill } else { Order::Restart };
                    self.obey(order, &child);
                    (patience, hurried) = (Some(Instant::now() + HURRY), true);
                }
            }
        };
        drop(lifeline);
        // Whoever inherited the streams may hold them open, so not for ever.
        let _ = timeout(LAST_WORDS, async {
            while let Some(line) = out.next().await {
                self.heard(&line, &mut report);
            }
            while let Some(line) = err.next().await {
                self.log(&line);
            }
        })
        .await;
        self.ended(pid, status, report);
        Ok(Past {
            code: status.code(),
            was_told,
        })
    }

    fn obey(&self, order: Order, child: &Child) {
        // No id: its end has been seen already.
        let pid = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        match (order, pid) {
            (_, None) => {}
            (Order::Restart, Some(pid)) => {
                self.sight.send_modify(|sight| sight.life = Life::Stopping);
                // It fails only when the child is gone, which is seen anyway.
                let _ = kill_process(pid, Signal::TERM);
            }
            (Order::Kill, Some(pid)) => {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }

    /// A line of the child's standard output: its start, its stop, or anything.
    fn heard(&self, line: &str, report: &mut Option<Value>) {
        let value: Option<Value> = serde_json::from_str(line).ok();
        let word = value
            .as_ref()
            .and_then(|value| value.get("lastword")?.as_str());
        match word {
            Some("start") => self.sight.send_modify(|sight| sight.started = value),
            Some("stop") => *report = value,
            _ => {}
        }
        self.log(line);
    }

    fn log(&self, line: &str) {
        let line = crate::http::shorten(line, LINE);
        self.sight.send_modify(|sight| {
            sight.log.push_back(line.into());
            while sight.log.len() > LINES {
                sight.log.pop_front();
            }
        });
    }

    fn ended(&self, pid: u32, status: ExitStatus, report: Option<Value>) {
        let end = End {
            at: self.clock.now(),
            pid,
            code: status.code(),
            signal: status.signal(),
            report,
        };
        self.sight.send_modify(|sight| {
            sight.life = Life::Down;
            sight.pid = None;
            sight.ops = None;
            sight.started = None;
            sight.ends.push_front(end);
            sight.ends.truncate(ENDS);
        });
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
