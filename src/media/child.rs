//! A process of our own program for each file that strangers sent.
//!
//! Both sides of it: what the daemon starts and reads, and what the started
//! program does. It has no secrets (an empty environment), a limit of memory and
//! of computing time, and is killed when its time is over or nobody wants its
//! answer any more. Whatever it does costs its own file only.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::sync::Semaphore;

use super::prepare::{Job, Prepared, Preparer, Unprepared, perform};

/// The verb that makes our program such a process.
pub const VERB: &str = "prepare";

/// Files that are prepared at once; more wait.
const AT_ONCE: usize = 2;

/// Address space: a picture of 100 megapixels, decoded and scaled, and what a
/// program takes before it does anything.
const MEMORY: u64 = 1_536 << 20;

/// Seconds of computing.
const COMPUTING: u64 = 30;

/// The longest line that says what is to be done, and the largest answer.
const HEAD: usize = 16 * 1024;
const ANSWER: u64 = 32 << 20;

/// What the first line of an answer says; the bytes follow it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Head {
    Picture { mime: String },
    Text,
    Failed(Unprepared),
}

/// Prepares files in processes of their own.
#[derive(Debug)]
pub struct Child {
    program: PathBuf,
    timeout: Duration,
    slots: Semaphore,
}

impl Child {
    /// Started from the very program that runs, also when its file was replaced
    /// meanwhile. Each file may take `timeout`.
    #[must_use]
    pub fn of_this_program(timeout: Duration) -> Self {
        Self::of("/proc/self/exe".into(), timeout)
    }

    /// Started from this program.
    #[must_use]
    pub fn of(program: PathBuf, timeout: Duration) -> Self {
        Self {
            program,
            timeout,
            slots: Semaphore::new(AT_ONCE),
        }
    }

    async fn ask(&self, job: &Job, file: &Bytes) -> io::Result<Vec<u8>> {
        let mut child = Command::new(&self.program)
            .arg(VERB)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("no pipes"));
        };
        let mut head = serde_json::to_vec(job)?;
        head.push(b'\n');
        let give = async {
            // Who has seen enough does not read on: no failure of ours.
            if input.write_all(&head).await.is_ok() {
                let _ = input.write_all(file).await;
            }
            drop(input);
        };
        let mut answer = Vec::new();
        let mut output = output.take(ANSWER);
        let ((), read) = tokio::join!(give, output.read_to_end(&mut answer));
        read?;
        let status = child.wait().await?;
        if status.success() {
            Ok(answer)
        } else {
            Err(io::Error::other(status.to_string()))
        }
    }
}

#[async_trait]
impl Preparer for Child {
    async fn prepare(&self, job: Job, file: Bytes) -> Result<Prepared, Unprepared> {
        let too_much = |reason: String| Unprepared::TooMuch { reason };
        let Ok(_slot) = self.slots.acquire().await else {
            return Err(too_much("no place".to_owned()));
        };
        match tokio::time::timeout(self.timeout, self.ask(&job, &file)).await {
            Ok(Ok(answer)) => read(answer),
            Ok(Err(error)) => Err(too_much(error.to_string())),
            Err(_) => Err(too_much(format!("not done within {:?}", self.timeout))),
        }
    }
}

fn read(answer: Vec<u8>) -> Result<Prepared, Unprepared> {
    let nonsense = || Unprepared::TooMuch {
        reason: "its reader ended without an answer".to_owned(),
    };
    let end = answer.iter().position(|byte| *byte == b'\n');
    let end = end.ok_or_else(nonsense)?;
    let head = serde_json::from_slice(&answer[..end]).map_err(|_| nonsense())?;
    let bytes = Bytes::from(answer).slice(end + 1..);
    match head {
        Head::Picture { mime } => Ok(Prepared::Picture { mime, bytes }),
        Head::Text => {
            let text = String::from_utf8(bytes.into()).map_err(|_| nonsense())?;
            Ok(Prepared::Text(text))
        }
        Head::Failed(why) => Err(why),
    }
}

/// What the started program does: limits itself, reads a job and a file, writes
/// what came of it.
///
/// # Errors
/// When nobody says what to do, or nobody reads.
pub fn serve(input: &mut dyn Read, output: &mut dyn Write) -> io::Result<()> {
    for (resource, most) in [
        (Resource::As, MEMORY),
        (Resource::Cpu, COMPUTING),
        (Resource::Core, 0),
        // Beside the three it was given none: no socket, no file, nor one in
        // the place of what it closes.
        (Resource::Nofile, 0),
        (Resource::Fsize, 0),
    ] {
        let maximum = getrlimit(resource).maximum;
        let most = maximum.map_or(most, |maximum| maximum.min(most));
        // Where the service manager forbids it, time and the decoders' own
        // limits are left.
        let _ = setrlimit(
            resource,
            Rlimit {
                current: Some(most),
                maximum: Some(most),
            },
        );
    }
    work(input, output)
}

fn work(input: &mut dyn Read, output: &mut dyn Write) -> io::Result<()> {
    let mut all = Vec::new();
    input.read_to_end(&mut all)?;
    let end = all.iter().take(HEAD).position(|byte| *byte == b'\n');
    let end = end.ok_or_else(|| io::Error::other("nobody says what to do"))?;
    let job: Job = serde_json::from_slice(&all[..end])?;
    let file = Bytes::from(all).slice(end + 1..);
    let (head, bytes) = match perform(&job, &file) {
        Ok(Prepared::Picture { mime, bytes }) => (Head::Picture { mime }, bytes),
        Ok(Prepared::Text(text)) => (Head::Text, text.into()),
        Err(why) => (Head::Failed(why), Bytes::new()),
    };
    serde_json::to_writer(&mut *output, &head)?;
    output.write_all(b"\n")?;
    output.write_all(&bytes)?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_in_the_process_arrives_as_if_it_were_done_here() {
        let document = Job::Document {
            name: "a.txt".to_owned(),
            mime: "text/plain".to_owned(),
            chars: 100,
            pages: 1,
        };
        let picture = Job::Picture { edge: 100 };
        for (job, file) in [
            (&document, "some\nwords\n"),
            (&document, "\0\0"),
            (&picture, "no picture"),
        ] {
            let mut asked = serde_json::to_vec(job).unwrap();
            asked.push(b'\n');
            asked.extend_from_slice(file.as_bytes());
            let mut answer = Vec::new();
            work(&mut asked.as_slice(), &mut answer).unwrap();
            let file = Bytes::from_static(file.as_bytes());
            assert_eq!(read(answer), perform(job, &file));
        }
        assert!(read(b"no head".to_vec()).is_err());
        assert!(read(b"{}\n".to_vec()).is_err());
    }
}
