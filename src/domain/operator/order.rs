//! `/admin …` and the buttons under what it says.
//!
//! Only reads: who may order is decided by whoever carries it out. For anybody
//! else the same words are ordinary text, so that nobody learns of them.

use crate::domain::ids::{TurnId, UserId};
use crate::domain::update::Quoted;

/// What an operator orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// What there is to order.
    Help,
    /// What the daemon is doing.
    Status,
    /// Turns that failed and turns that wait.
    Turns,
    /// No turn begins any more.
    Pause {
        /// Why, for the other operators.
        reason: Option<String>,
    },
    /// Turns begin again.
    Resume,
    /// The daemon answers what it has and ends.
    Drain,
    /// A person or chat may always talk.
    Allow(Whom),
    /// A person or chat is not answered any more.
    Ban(Whom),
    /// A person or chat is treated like any other again.
    Unban(Whom),
    /// What was spent.
    Usage,
    /// A message to everybody; without one, how far the last has come.
    Broadcast {
        /// What it says.
        text: Option<String>,
    },
    /// Something else, as it was written.
    Unknown(String),
}

/// Whom an order is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whom {
    /// This person or chat.
    Id(i64),
    /// It does not say.
    Nobody,
    /// It points at a forwarded message that does not tell whose it was.
    Hidden,
}

/// What there is to order.
pub const HELP: &str = "\
/admin status – what I am doing
/admin turns – answers that failed or wait
/admin pause [reason] – accept and store, answer nobody
/admin resume – answer again
/admin drain – answer what is under way, then stop
/admin allow ID – somebody may always talk
/admin ban ID – somebody is not answered any more
/admin unban ID – the ban is over
/admin usage – what was spent
/admin broadcast TEXT – tell everybody, after asking you

In place of an ID, answer with the command to a message that you forwarded here.";

impl Order {
    /// The order that a text gives, unless it is for another bot.
    #[must_use]
    pub fn of_command(text: &str, quoted: Option<&Quoted>, bot_username: &str) -> Option<Self> {
        let rest = text.trim_start().strip_prefix('/')?;
        let (head, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let (name, to) = head.split_once('@').unwrap_or((head, bot_username));
        if !name.eq_ignore_ascii_case("admin") || !to.eq_ignore_ascii_case(bot_username) {
            return None;
        }
        let rest = rest.trim();
        let (verb, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let rest = rest.trim();
        let said = || (!rest.is_empty()).then(|| rest.to_owned());
        let whom = || Whom::of(rest, quoted);
        Some(match verb.to_ascii_lowercase().as_str() {
            "" | "help" => Self::Help,
            "status" => Self::Status,
            "turns" => Self::Turns,
            "pause" => Self::Pause { reason: said() },
            "resume" => Self::Resume,
            "drain" => Self::Drain,
            "allow" => Self::Allow(whom()),
            "ban" => Self::Ban(whom()),
            "unban" => Self::Unban(whom()),
            "usage" => Self::Usage,
            "broadcast" => Self::Broadcast { text: said() },
            other => Self::Unknown(other.chars().take(30).collect()),
        })
    }

    /// The name under which it is stored and logged.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Help | Self::Unknown(_) => "admin",
            Self::Status => "admin_status",
            Self::Turns => "admin_turns",
            Self::Pause { .. } => "admin_pause",
            Self::Resume => "admin_resume",
            Self::Drain => "admin_drain",
            Self::Allow(_) => "admin_allow",
            Self::Ban(_) => "admin_ban",
            Self::Unban(_) => "admin_unban",
            Self::Usage => "admin_usage",
            Self::Broadcast { .. } => "admin_broadcast",
        }
    }
}

impl Whom {
    fn of(text: &str, quoted: Option<&Quoted>) -> Self {
        if let Ok(id) = text.parse()
            && id != 0
        {
            return Self::Id(id);
        }
        match quoted {
            _ if !text.is_empty() => Self::Nobody,
            Some(Quoted {
                author: Some(UserId(id)),
                ..
            }) => Self::Id(*id),
            Some(Quoted {
                is_forward: true, ..
            }) => Self::Hidden,
            _ => Self::Nobody,
        }
    }
}

/// A button under what operators are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tap {
    /// Runs a failed turn again.
    Replay(TurnId),
    /// Sends a broadcast that was asked about.
    Send(i64),
    /// Does not.
    Discard(i64),
    /// Ends one that is going out.
    Halt(i64),
}

impl Tap {
    /// The button behind a `callback_data`.
    #[must_use]
    pub fn of_button(data: &str) -> Option<Self> {
        let (name, number) = data.strip_prefix("op:")?.split_once(':')?;
        let number = number.parse().ok()?;
        match name {
            "replay" => Some(Self::Replay(TurnId(number))),
            "send" => Some(Self::Send(number)),
            "discard" => Some(Self::Discard(number)),
            "halt" => Some(Self::Halt(number)),
            _ => None,
        }
    }

    /// Its `callback_data`.
    #[must_use]
    pub fn data(self) -> String {
        match self {
            Self::Replay(turn) => format!("op:replay:{turn}"),
            Self::Send(number) => format!("op:send:{number}"),
            Self::Discard(number) => format!("op:discard:{number}"),
            Self::Halt(number) => format!("op:halt:{number}"),
        }
    }

    /// The name under which it is stored and logged.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replay(_) => "admin_replay",
            Self::Send(_) => "admin_send",
            Self::Discard(_) => "admin_discard",
            Self::Halt(_) => "admin_halt",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Order> {
        Order::of_command(text, None, "lastword_bot")
    }

    #[test]
    fn orders_are_read_whatever_their_case_and_spaces() {
        for (text, order) in [
            ("/admin", Some(Order::Help)),
            (" /ADMIN@Lastword_Bot  Status ", Some(Order::Status)),
            ("/admin@other status", None),
            ("/administer", None),
            ("admin status", None),
            (
                "/admin pause the key is being changed",
                Some(Order::Pause {
                    reason: Some("the key is being changed".into()),
                }),
            ),
            ("/admin pause", Some(Order::Pause { reason: None })),
            (
                "/admin broadcast Good\nmorning",
                Some(Order::Broadcast {
                    text: Some("Good\nmorning".into()),
                }),
            ),
            ("/admin ban 12", Some(Order::Ban(Whom::Id(12)))),
            ("/admin allow -100", Some(Order::Allow(Whom::Id(-100)))),
            ("/admin ban 0", Some(Order::Ban(Whom::Nobody))),
            ("/admin ban @ann", Some(Order::Ban(Whom::Nobody))),
            ("/admin dance", Some(Order::Unknown("dance".into()))),
        ] {
            assert_eq!(read(text), order, "{text}");
        }
    }

    #[test]
    fn a_person_is_named_by_the_message_that_the_order_answers() {
        let of = |quoted: &Quoted| Order::of_command("/admin ban", Some(quoted), "b");
        let forwarded = Quoted {
            author: Some(UserId(7)),
            is_forward: true,
            ..Quoted::default()
        };
        assert_eq!(of(&forwarded), Some(Order::Ban(Whom::Id(7))));
        let hidden = Quoted {
            is_forward: true,
            ..Quoted::default()
        };
        assert_eq!(of(&hidden), Some(Order::Ban(Whom::Hidden)));
        assert_eq!(of(&Quoted::default()), Some(Order::Ban(Whom::Nobody)));
    }

    #[test]
    fn every_button_is_read_back() {
        for tap in [
            Tap::Replay(TurnId(3)),
            Tap::Send(4),
            Tap::Discard(5),
            Tap::Halt(6),
        ] {
            assert_eq!(Tap::of_button(&tap.data()), Some(tap));
        }
        assert_eq!(Tap::of_button("op:send:x"), None);
        assert_eq!(Tap::of_button("retry:1"), None);
    }
}
