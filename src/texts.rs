//! The bot's own words: everything it says that no model wrote.
//!
//! One value per language, filled once from its file under `texts/`. Warm and
//! short. Never what went wrong inside: a person gets what it means for them,
//! the operator reads the log. To add a word: a line in the table below, a
//! message of the same name in `en.ftl`, and one in every other language.

use std::sync::LazyLock;

use fluent_bundle::FluentValue;

use crate::domain::language::Language;

mod bundle;

#[cfg(test)]
mod tests;

/// Declares the texts, each the message of its own name, and the commands, each
/// described by the message `command_NAME`.
macro_rules! texts {
    (
        commands $($command:literal)+;
        $($(#[$doc:meta])* $field:ident,)+
    ) => {
        /// The words of one language. Plain text, no markup; at most 200
        /// characters each, which is also the limit of a button's answer.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct Texts {
            /// Which language.
            pub language: Language,
            $($(#[$doc])* pub $field: &'static str,)+
            /// The commands with what they do, as Telegram's menu shows them
            /// (`setMyCommands`).
            pub commands: [(&'static str, &'static str); [$($command),+].len()],
        }

        impl Texts {
            fn read(language: Language) -> Self {
                let say = |name| -> &'static str {
                    // Once per language and text, for the life of the process.
                    String::leak(bundle::format(language, name, &[]))
                };
                Self {
                    language,
                    $($field: say(stringify!($field)),)+
                    commands: [$(($command, say(concat!("command_", $command)))),+],
                }
            }
        }

        /// The messages that take nothing.
        #[cfg(test)]
        const PLAIN: &[&str] = &[
            $(stringify!($field),)+
            $(concat!("command_", $command),)+
        ];
    };
}

/// Declares the texts that take something, each the message of its own name
/// with variables named like its arguments.
macro_rules! phrases {
    ($($(#[$doc:meta])* $name:ident($($variable:ident: $kind:ty),+);)+) => {
        impl Texts {
            $($(#[$doc])*
            #[must_use]
            pub fn $name(&self, $($variable: $kind),+) -> String {
                let given = [$((stringify!($variable), FluentValue::from($variable))),+];
                bundle::format(self.language, stringify!($name), &given)
            })+
        }

        /// The messages that take something, and what.
        #[cfg(test)]
        const PHRASES: &[(&str, &[&str])] =
            &[$((stringify!($name), &[$(stringify!($variable)),+])),+];
    };
}

texts! {
    commands "new" "stop" "retry" "forget" "help" "start";
    /// Answer to /start.
    greeting,
    /// Answer to /help.
    help,
    /// Behind it in a group, where Telegram hands out only what is meant for the
    /// bot.
    help_privacy,
    /// To somebody who may not talk with the bot; once a day.
    stranger,
    /// To whoever opened the claim link first.
    claimed,
    /// To whoever opens a claim link that is used up or wrong.
    claim_invalid,
    /// To somebody over the limit; their messages wait.
    too_fast,
    /// Shown in place of an answer that has not begun, in groups.
    placeholder,
    /// Behind a growing answer that is edited in place.
    unfinished,
    /// Shown while the model thinks.
    thinking,
    /// Above what the model thought before its answer, folded away.
    thoughts,
    /// Label of the button that stops an answer.
    stop_button,
    /// Behind what was written before somebody stopped it.
    stopped,
    /// There is nothing to stop.
    nothing_to_stop,
    /// Somebody else's answer.
    not_yours,
    /// A button whose time is over.
    button_expired,
    /// To whoever writes while an operator has paused the bot; once a pause.
    paused,
    /// In place of an answer that could not be had, for no reason that would
    /// mean anything to the person.
    failed,
    /// In place of an answer, when the model does not answer.
    model_away,
    /// In place of an answer that was waited for longer than a message may.
    too_late,
    /// In place of an answer to more than the model reads at once.
    too_long,
    /// What a person reads whose stored message cannot be read any more. There
    /// is no button: trying again would read the same.
    damaged,
    /// Label of the button below it.
    retry_button,
    /// Answer to a press of that button.
    retrying,
    /// There is nothing to try again.
    nothing_to_retry,
    /// Answer to /new.
    new_done,
    /// Question before everything is erased.
    forget_question,
    /// Label of the button that erases.
    forget_yes,
    /// Label of the button that does not.
    forget_no,
    /// Everything is erased.
    forget_done,
    /// Nothing was erased.
    forget_kept,
    /// A voice message, audio or video note.
    voice_unsupported,
    /// A file.
    document_unsupported,
    /// Anything else that the bot cannot read.
    other_unsupported,
    /// A photo that was too large or did not arrive.
    photo_unavailable,
    /// A file or recording that was damaged or did not arrive.
    file_unavailable,
    /// Anything larger than Telegram hands out or we take.
    file_too_large,
    /// The provider's filter cut the answer.
    content_filter,
    /// The model answered nothing at all.
    empty_answer,
    /// Behind an answer that reached its length limit.
    cut_by_length,
    /// Label of the button that goes on.
    continue_button,
    /// Label of the button that asks for another answer; it shares a row with
    /// two more.
    regenerate_button,
    /// Label of the button that asks for a shorter answer.
    shorter_button,
    /// Label of the button that asks for a longer answer.
    longer_button,
    /// Label of the button that offers another answer after an edit.
    answer_again_button,
    /// Behind the beginning of a long answer; the file with all of it follows.
    file_below,
    /// Under that file.
    file_caption,
    /// The model cannot be reached for long (credit, key); the turn waits.
    operator_problem,
    /// Mark on a part that is sent again because its first try may not have
    /// arrived.
    resent_mark,
}

phrases! {
    /// Answer to /help and /start in a group, for the bot's user name.
    help_group(bot: &str);
    /// Instead of an answer that waits for others to be answered: the person's
    /// place in the line.
    in_line(place: usize);
}

/// Every language's words, by its number.
static ALL: LazyLock<[Texts; Language::ALL.len()]> =
    LazyLock::new(|| Language::ALL.map(Texts::read));

impl Texts {
    /// The words of a language.
    #[must_use]
    pub fn of(language: Language) -> &'static Self {
        &ALL[language as usize]
    }

    /// English.
    #[must_use]
    pub fn english() -> &'static Self {
        Self::of(Language::English)
    }
}
