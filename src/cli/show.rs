//! `lastword show`: one turn's receipt, from the first message to the last part.
//! Never a text, unless it is asked for.

use std::io::{self, Write};

use clap::Args;

use super::EXIT_REFUSED;
use super::desk::{Place, Shut, ended, open, rough};
use crate::clock::{self, Millis};
use crate::config::Sources;
use crate::domain::ids::TurnId;
use crate::store::desk::{Desk, Shown, ShownPart, Texts};

/// What is shown.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct One {
    /// The turn's number, as `lastword turns` shows it
    #[arg(value_name = "ID")]
    pub turn: i64,
    /// With what people and the model wrote: other people's words
    #[arg(long)]
    pub text: bool,
    /// As one JSON object
    #[arg(long)]
    pub json: bool,
    /// Which store.
    #[command(flatten)]
    pub place: Place,
}

/// Shows a turn. Answers the exit code.
pub async fn show(
    asked: &One,
    sources: &Sources,
    out: &mut (dyn Write + Send),
    err: &mut (dyn Write + Send),
) -> u8 {
    let texts = match asked.text {
        true => Texts::Shown,
        false => Texts::Withheld,
    };
    let shown = async {
        let (path, store) = open(&asked.place, sources)?;
        let shown = store.show(TurnId(asked.turn), texts).await;
        let Some(shown) = shown.map_err(|source| Shut::Store { path, source })? else {
            writeln!(
                err,
                "lastword: turn {} does not exist; see: lastword turns",
                asked.turn
            )?;
            return Ok(EXIT_REFUSED);
        };
        match asked.json {
            true => {
                let line = serde_json::to_string(&shown).expect("plain data is always JSON");
                writeln!(out, "{line}")?;
            }
            false => page(&shown, out)?,
        }
        out.flush()?;
        Ok(0)
    };
    let shown = shown.await;
    ended(shown, err)
}

fn page(shown: &Shown, out: &mut dyn Write) -> io::Result<()> {
    let turn = &shown.listed;
    let topic = turn
        .topic
        .map_or_else(String::new, |t| format!(" topic {t}"));
    writeln!(
        out,
        "turn {}  {}  chat {}{topic}",
        turn.turn,
        turn.outcome.unwrap_or(turn.state),
        turn.chat
    )?;
    receipt(shown, out)?;
    let mut line = |name: &str, says: &str| writeln!(out, "  {name:<11} {says}");
    if let Some(model) = &shown.model {
        let first = shown.first_token_ms;
        let first = first.map_or_else(String::new, |ms| format!(", first word after {ms} ms"));
        let tries = match shown.attempts {
            Some(tries) if tries > 1 => format!(", asked {tries} times"),
            _ => String::new(),
        };
        line("model", &format!("{model}{first}{tries}"))?;
    }
    if let Some(request) = &shown.request {
        line("request", request)?;
    }
    if let (Some(prompt), Some(completion)) = (shown.prompt_tokens, shown.completion_tokens)
        && completion > 0
    {
        line("tokens", &format!("{prompt} in, {completion} out"))?;
    }
    if let Some(credits) = shown.credits {
        line("cost", &format!("{credits} credits"))?;
    }
    if turn.failures + turn.deaths + shown.interrupts > 0 {
        let counts = format!(
            "{} failures, {} deaths of a process, {} interrupts",
            turn.failures, turn.deaths, shown.interrupts
        );
        line("trouble", &counts)?;
    }
    if shown.told {
        line("told", "its person was told that it has to wait")?;
    }
    if turn.waits_ms > 0 {
        line("waits", &format!("{} more", rough(turn.waits_ms)))?;
    }
    if let Some(owner) = &shown.owner {
        line(
            "owner",
            &format!("instance {owner} (claim {})", shown.claim),
        )?;
    }
    if turn.replayable {
        line("replay", &format!("lastword replay {}", turn.turn))?;
    }
    for part in &shown.parts {
        line("part", &part_of(part))?;
    }
    for input in &shown.inputs {
        if let Some(text) = &input.text {
            writeln!(out, "\n--- message {} of {}", input.message, input.sender)?;
            writeln!(out, "{text}")?;
        }
    }
    if let Some(answer) = &shown.answer {
        writeln!(out, "\n--- answer\n{answer}")?;
    }
    Ok(())
}

/// The way it has come, each step with how long it took.
fn receipt(shown: &Shown, out: &mut dyn Write) -> io::Result<()> {
    let received = shown.inputs.iter().map(|input| input.received_at).min();
    let sending = shown.parts.iter().filter_map(|part| part.sending_at).min();
    let delivered = match shown.listed.outcome {
        Some(_) => shown.settled_at,
        None => None,
    };
    let steps = [
        ("received", received),
        ("gathered", shown.gathered_at),
        ("generating", shown.generating_at.or(shown.claimed_at)),
        ("answered", shown.answered_at),
        ("sending", sending),
        ("delivered", delivered),
    ];
    let mut before = None;
    for (name, at) in steps {
        match at {
            Some(at) => {
                let took = before.map_or_else(String::new, |before| after(at - before));
                writeln!(out, "  {name:<11} {}{took}", clock::moment(at))?;
                before = Some(at);
            }
            None => writeln!(out, "  {name:<11} -")?,
        }
    }
    Ok(())
}

fn after(millis: Millis) -> String {
    match millis {
        i64::MIN..0 => String::new(),
        0..10_000 => format!("  +{millis} ms"),
        _ => format!("  +{}", rough(millis)),
    }
}

fn part_of(part: &ShownPart) -> String {
    let mut said = format!("{} {}", part.kind, part.state);
    if let Some(message) = part.message {
        said += &format!(", message {message}");
    }
    if let Some(at) = part.settled_at {
        said += &format!(", {}", clock::moment(at));
    }
    if part.sends > 1 {
        said += &format!(", handed over {} times", part.sends);
    }
    if part.resent > 0 {
        said += ", sent again: nobody knew whether it had arrived";
    }
    said
}
