//! What happens in the tour, in order: plain data.

use std::time::Duration;

/// Which of the chats, and who writes there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// Ada in her private chat.
    Ada,
    /// Noor in hers.
    Noor,
    /// Ada in the group.
    AdaInGroup,
    /// Noor in the group.
    NoorInGroup,
}

/// One thing that is done.
#[derive(Debug, Clone, Copy)]
pub(super) enum Deed {
    /// Somebody writes.
    Say(Who, &'static str),
    /// Somebody changes what they wrote last.
    Edit(Who, &'static str),
    /// Somebody sends a picture.
    Picture(Who, &'static [u8]),
    /// Somebody presses the button below the last answer whose data begins so.
    Press(Who, &'static str),
    /// Somebody presses Stop below what is being written.
    Stop(Who),
    /// The daemon gets SIGTERM.
    Restart,
    /// The daemon gets SIGKILL.
    Kill,
    /// Telegram is away, or back.
    Telegram { away: bool },
    /// Time for the visitor to see it.
    Look(Duration),
    /// Until some words of an answer are to be read.
    UntilWriting(Who),
    /// Until another process runs.
    UntilReborn,
}

/// A step of the tour.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) title: &'static str,
    pub(super) text: &'static str,
    /// The chat that the visitor looks at.
    pub(super) at: Who,
    pub(super) deeds: &'static [Deed],
    /// Final messages of the bot that come of it, in all chats.
    pub(super) answers: usize,
}

const MOMENT: Duration = Duration::from_millis(700);
const WHILE: Duration = Duration::from_secs(2);

pub(super) const STEPS: &[Step] = &[
    Step {
        title: "Three thoughts, one answer",
        text: "Ada writes as people do, in pieces. The bot waits until she is quiet for two seconds and answers once.",
        at: Who::Ada,
        deeds: &[
            Deed::Say(Who::Ada, "Hi!"),
            Deed::Look(MOMENT),
            Deed::Say(Who::Ada, "I want to go somewhere warm in March"),
            Deed::Look(MOMENT),
            Deed::Say(Who::Ada, "any ideas?"),
        ],
        answers: 1,
    },
    Step {
        title: "A correction counts",
        text: "She corrects her message before the answer has begun. Only the corrected one is answered.",
        at: Who::Ada,
        deeds: &[
            Deed::Say(Who::Ada, "Show me a tabel"),
            Deed::Look(MOMENT),
            Deed::Edit(Who::Ada, "Show me a table and some code"),
        ],
        answers: 1,
    },
    Step {
        title: "Killed in mid-word",
        text: "kill -9 while an answer is being written. The next process finds everything in the store: still one answer.",
        at: Who::Ada,
        deeds: &[
            Deed::Say(Who::Ada, "Tell me a long story"),
            Deed::UntilWriting(Who::Ada),
            Deed::Look(WHILE),
            Deed::Kill,
            Deed::UntilReborn,
        ],
        answers: 1,
    },
    Step {
        title: "Deployed in mid-answer",
        text: "SIGTERM: the daemon finishes what it has begun before it goes, and its successor answers what came meanwhile.",
        at: Who::Noor,
        deeds: &[
            Deed::Say(Who::Noor, "Tell me a long story, please"),
            Deed::UntilWriting(Who::Noor),
            Deed::Restart,
            Deed::Look(MOMENT),
            Deed::Say(Who::Noor, "And a list of ideas"),
            Deed::UntilReborn,
        ],
        answers: 2,
    },
    Step {
        title: "Telegram is away",
        text: "Nothing comes in or goes out for a while; then everything does, once.",
        at: Who::Noor,
        deeds: &[
            Deed::Telegram { away: true },
            Deed::Say(Who::Noor, "Can you hear me?"),
            Deed::Look(WHILE),
            Deed::Telegram { away: false },
        ],
        answers: 1,
    },
    Step {
        title: "Stop keeps what was written",
        text: "She has read enough and presses Stop.",
        at: Who::Noor,
        deeds: &[
            Deed::Say(Who::Noor, "Now a very long story"),
            Deed::UntilWriting(Who::Noor),
            Deed::Look(WHILE),
            Deed::Stop(Who::Noor),
        ],
        answers: 1,
    },
    Step {
        title: "Pictures, then the question",
        text: "Three pictures and a line of text are four messages and one question.",
        at: Who::Ada,
        deeds: &[
            Deed::Picture(Who::Ada, include_bytes!("beach.png")),
            Deed::Picture(Who::Ada, include_bytes!("mountain.png")),
            Deed::Picture(Who::Ada, include_bytes!("city.png")),
            Deed::Look(MOMENT),
            Deed::Say(Who::Ada, "Which of these would you choose?"),
        ],
        answers: 1,
    },
    Step {
        title: "Shorter, please",
        text: "Buttons stand under the last answer only. A press is kept like a message: it survives whatever happens next.",
        at: Who::Ada,
        deeds: &[
            Deed::Press(Who::Ada, "shorter"),
            Deed::Kill,
            Deed::UntilReborn,
        ],
        answers: 1,
    },
    Step {
        title: "In a group, when asked",
        text: "Among people the bot listens, and speaks when it is mentioned.",
        at: Who::AdaInGroup,
        deeds: &[
            Deed::Say(Who::NoorInGroup, "Shall we take the train on Friday?"),
            Deed::Look(MOMENT),
            Deed::Say(Who::AdaInGroup, "@lastword_bot make a plan, please"),
        ],
        answers: 1,
    },
];
