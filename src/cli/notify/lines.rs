//! `--stdin`: lines as they come, gathered into few messages. A second without
//! a line ends a message, and so does its age, so that what never rests is said,
//! too. What no message has room for is counted in it.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use tokio::time::Instant;

use super::{Desk, Not};
use crate::spool::{NotHanded, Pages};

/// Lines that come closer together than this belong together.
const QUIET: Duration = Duration::from_secs(1);

/// No message waits longer for its end.
const AGE: Duration = Duration::from_secs(10);

/// Between two tries to store what there was no room for.
const AGAIN: Duration = Duration::from_secs(1);

/// How long there is to find room once there is nothing more to read.
const LAST_TRIES: Duration = Duration::from_secs(5);

/// Nothing to wait for but input: a signal interrupts the wait, as a rule.
const IDLE: Duration = Duration::from_secs(1);

/// The longest line that is kept; the rest of it is passed over.
const LINE_MAX: usize = 64 * 1024;

/// Cuts bytes into lines, in bounded memory.
#[derive(Debug, Default)]
pub(super) struct Lines {
    begun: Vec<u8>,
}

impl Lines {
    pub(super) fn feed(&mut self, mut bytes: &[u8], line: &mut dyn FnMut(&str)) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.keep(&bytes[..end]);
            self.end(line);
            bytes = &bytes[end + 1..];
        }
        self.keep(bytes);
    }

    /// There is no more: what was begun is a line, also without its end.
    pub(super) fn finish(&mut self, line: &mut dyn FnMut(&str)) {
        if !self.begun.is_empty() {
            self.end(line);
        }
    }

    fn end(&mut self, line: &mut dyn FnMut(&str)) {
        line(&String::from_utf8_lossy(&self.begun));
        self.begun.clear();
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = LINE_MAX - self.begun.len();
        self.begun
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

/// Decides when a message is complete. Time is an argument.
#[derive(Debug)]
pub(super) struct Gather {
    mark: &'static str,
    pages: Pages,
    begun: Duration,
    last: Duration,
    /// Before this there is no use in trying again.
    not_before: Duration,
}

impl Gather {
    pub(super) fn new(mark: &'static str) -> Self {
        Self {
            mark,
            pages: Pages::new(mark),
            begun: Duration::ZERO,
            last: Duration::ZERO,
            not_before: Duration::ZERO,
        }
    }

    pub(super) fn push(&mut self, line: &str, now: Duration) {
        let was_empty = self.pages.is_empty();
        self.pages.push(line);
        if was_empty {
            self.begun = now;
        }
        self.last = now;
    }

    /// How long until it is to be handed in; `None` while nothing was said.
    pub(super) fn due_in(&self, now: Duration) -> Option<Duration> {
        let due = (self.last + QUIET).min(self.begun + AGE);
        let due = due.max(self.not_before);
        (!self.pages.is_empty()).then(|| due.saturating_sub(now))
    }

    /// What is there, to be handed in; goes on empty.
    fn pages(&self) -> Pages {
        self.pages.clone()
    }

    fn handed_in(&mut self) {
        self.pages = Pages::new(self.mark);
        self.not_before = Duration::ZERO;
    }

    fn again_at(&mut self, at: Duration) {
        self.not_before = at;
    }
}

/// Follows standard input to its end, or until the process is told to stop; what
/// was gathered by then is handed in.
pub(super) fn follow(
    desk: &Desk<'_>,
    mark: &'static str,
    is_stopping: &dyn Fn() -> bool,
    err: &mut dyn Write,
) -> Result<(), Not> {
    let begun = Instant::now();
    let now = || begun.elapsed();
    let stdin = io::stdin();
    let mut gather = Gather::new(mark);
    let mut lines = Lines::default();
    let mut chunk = [0_u8; 16 * 1024];
    let mut told = false;
    while !is_stopping() {
        let wait = gather.due_in(now()).unwrap_or(IDLE).min(IDLE);
        if is_readable(&stdin, wait)? {
            match rustix::io::read(&stdin, &mut chunk[..]) {
                Ok(0) => break,
                Ok(read) => {
                    let at = now();
                    lines.feed(&chunk[..read], &mut |line| gather.push(line, at));
                }
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(error) => return Err(Not::Read(error.into())),
            }
        }
        if gather.due_in(now()).is_some_and(|due| due.is_zero()) {
            match desk.hand_in(gather.pages()) {
                Ok(_) => gather.handed_in(),
                // It goes on gathering, and says how much it could not keep.
                Err(NotHanded::Full { waiting }) => {
                    if !std::mem::replace(&mut told, true) {
                        let _ = writeln!(
                            err,
                            "lastword: {waiting} messages wait already; trying again"
                        );
                    }
                    gather.again_at(now() + AGAIN);
                }
                Err(other) => return Err(other.into()),
            }
        }
    }
    let at = now();
    lines.finish(&mut |line| gather.push(line, at));
    hand_in_the_rest(desk, &gather, &|| now() < at + LAST_TRIES)
}

fn hand_in_the_rest(
    desk: &Desk<'_>,
    gather: &Gather,
    may_try_again: &dyn Fn() -> bool,
) -> Result<(), Not> {
    if gather.due_in(Duration::ZERO).is_none() {
        return Ok(());
    }
    loop {
        match desk.hand_in(gather.pages()) {
            Ok(_) => return Ok(()),
            Err(NotHanded::Full { .. }) if may_try_again() => {
                std::thread::sleep(Duration::from_millis(250));
            }
            Err(other) => return Err(other.into()),
        }
    }
}

/// Waits for input, at most so long; an interrupted wait is over.
fn is_readable(input: &impl AsFd, wait: Duration) -> Result<bool, Not> {
    let mut fds = [PollFd::new(input, PollFlags::IN)];
    let wait = Timespec::try_from(wait).unwrap_or(Timespec {
        tv_sec: 1,
        tv_nsec: 0,
    });
    match poll(&mut fds, Some(&wait)) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::INTR) => {
            // The thread that hears signals needs a moment to say so.
            std::thread::sleep(Duration::from_millis(20));
            Ok(false)
        }
        Err(error) => Err(Not::Read(error.into())),
    }
}
