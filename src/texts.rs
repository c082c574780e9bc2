//! The bot's own words: everything it says that no model wrote.
//!
//! One value per language, all in one place, so that tone is one decision and a
//! language is one more value. Warm and short. Never what went wrong inside: a
//! person gets what it means for them, the operator reads the log.

/// The words of one language. Plain text, no markup; at most 200 characters
/// each, which is also the limit of a button's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Texts {
    /// Answer to /start.
    pub greeting: &'static str,
    /// Answer to /help.
    pub help: &'static str,
    /// Answer to /help and /start in a group; `{bot}` is the bot's user name.
    help_group: &'static str,
    /// To somebody who may not talk with the bot; once a day.
    pub stranger: &'static str,
    /// To whoever opened the claim link first.
    pub claimed: &'static str,
    /// To whoever opens a claim link that is used up or wrong.
    pub claim_invalid: &'static str,
    /// To somebody over the limit; their messages wait.
    pub too_fast: &'static str,
    /// Shown in place of an answer that has not begun, in groups.
    pub placeholder: &'static str,
    /// Behind a growing answer that is edited in place.
    pub unfinished: &'static str,
    /// Shown while the model thinks.
    pub thinking: &'static str,
    /// In place of an answer that waits for others to be answered; `{n}` is the
    /// person's place in the line.
    in_line: &'static str,
    /// Above what the model thought before its answer, folded away.
    pub thoughts: &'static str,
    /// Label of the button that stops an answer.
    pub stop_button: &'static str,
    /// Behind what was written before somebody stopped it.
    pub stopped: &'static str,
    /// There is nothing to stop.
    pub nothing_to_stop: &'static str,
    /// Somebody else's answer.
    pub not_yours: &'static str,
    /// A button whose time is over.
    pub button_expired: &'static str,
    /// In place of an answer that could not be had.
    pub failed: &'static str,
    /// What a person reads whose stored message cannot be read any more. There
    /// is no button: trying again would read the same.
    pub damaged: &'static str,
    /// Label of the button below it.
    pub retry_button: &'static str,
    /// Answer to a press of that button.
    pub retrying: &'static str,
    /// There is nothing to try again.
    pub nothing_to_retry: &'static str,
    /// Answer to /new.
    pub new_done: &'static str,
    /// Question before everything is erased.
    pub forget_question: &'static str,
    /// Label of the button that erases.
    pub forget_yes: &'static str,
    /// Label of the button that does not.
    pub forget_no: &'static str,
    /// Everything is erased.
    pub forget_done: &'static str,
    /// Nothing was erased.
    pub forget_kept: &'static str,
    /// A voice message, audio or video note.
    pub voice_unsupported: &'static str,
    /// A file of a kind that cannot be opened.
    pub document_unsupported: &'static str,
    /// Anything else that the bot cannot read.
    pub other_unsupported: &'static str,
    /// A photo that was too large or did not arrive.
    pub photo_unavailable: &'static str,
    /// A file or recording that was damaged or did not arrive.
    pub file_unavailable: &'static str,
    /// Anything larger than Telegram hands out or we take.
    pub file_too_large: &'static str,
    /// The provider's filter cut the answer.
    pub content_filter: &'static str,
    /// The model answered nothing at all.
    pub empty_answer: &'static str,
    /// Behind an answer that reached its length limit.
    pub cut_by_length: &'static str,
    /// Label of the button that goes on.
    pub continue_button: &'static str,
    /// Label of the button that asks for another answer; it shares a row with
    /// two more.
    pub regenerate_button: &'static str,
    /// Label of the button that asks for a shorter answer.
    pub shorter_button: &'static str,
    /// Label of the button that asks for a longer answer.
    pub longer_button: &'static str,
    /// Label of the button that offers another answer after an edit.
    pub answer_again_button: &'static str,
    /// Behind the beginning of a long answer; the file with all of it follows.
    pub file_below: &'static str,
    /// Under that file.
    pub file_caption: &'static str,
    /// The model cannot be reached for long (credit, key); the turn waits.
    pub operator_problem: &'static str,
    /// To the operators, when only they can help.
    pub operator_alert: &'static str,
    /// Mark on a part that is sent again because its first try may not have
    /// arrived.
    pub resent_mark: &'static str,
    /// The commands, as Telegram's menu shows them (`setMyCommands`).
    pub commands: [(&'static str, &'static str); 6],
}

impl Texts {
    /// English.
    #[must_use]
    pub fn english() -> &'static Self {
        &ENGLISH
    }

    /// Help for a group, in which the bot answers to its name.
    #[must_use]
    pub fn help_group(&self, bot: &str) -> String {
        self.help_group.replace("{bot}", bot)
    }

    /// At which place of the line a person waits.
    #[must_use]
    pub fn in_line(&self, place: usize) -> String {
        self.in_line.replace("{n}", &place.to_string())
    }
}

static ENGLISH: Texts = Texts {
    greeting: "Hello! Write to me about anything: ask, think aloud, send a photo. \
               Several messages in a row get one answer. /help shows what else I can do.",
    help: "Just write, I'll answer.\n\
           /new starts over\n\
           /stop ends an answer\n\
           /retry tries again\n\
           /forget erases this chat from my memory",
    help_group: "Mention @{bot} or reply to one of my messages, and I'll answer.\n\
                 /new starts over, /stop ends an answer, /forget erases my memory of this group.",
    stranger: "This bot is private, so I can't answer you here. Sorry!",
    claimed: "Welcome! This bot is yours now. Write to me whenever you like; \
              others get a polite no.",
    claim_invalid: "This link has been used or isn't valid. If the bot is yours, \
                    the current one is in its log.",
    too_fast: "That's a lot at once! I've kept everything and will answer a little more slowly.",
    placeholder: "…",
    unfinished: " …",
    thinking: "Thinking…",
    in_line: "Many people are writing to me. You're number {n} in line, and I haven't forgotten you.",
    thoughts: "What I thought about",
    stop_button: "Stop",
    stopped: "⏹ Stopped",
    nothing_to_stop: "There's nothing to stop right now.",
    not_yours: "Only the person who asked or an administrator can do this.",
    button_expired: "This button no longer does anything.",
    failed: "I'm sorry, I couldn't answer this time. Your message is kept; shall I try again?",
    damaged: "I'm sorry, your message was damaged on my side. Please send it once more.",
    retry_button: "Try again",
    retrying: "Trying again…",
    nothing_to_retry: "There's nothing to try again.",
    new_done: "A fresh start! I've put our earlier conversation aside.",
    forget_question: "Shall I erase everything from this chat that I remember? \
                      This can't be undone. Your messages in Telegram stay.",
    forget_yes: "Erase it",
    forget_no: "Keep it",
    forget_done: "Done. I remember nothing from this chat.",
    forget_kept: "All right, I've kept everything.",
    voice_unsupported: "I can't listen to recordings here. Could you write it to me?",
    document_unsupported: "I can't open this kind of file. Could you paste the part that matters, \
                           or send a photo of it?",
    other_unsupported: "I can't read this kind of message yet. Could you tell me in words?",
    photo_unavailable: "I couldn't open the photo. Could you send it again, perhaps smaller?",
    file_unavailable: "I couldn't open this. Could you send it again?",
    file_too_large: "This file is too large for me. Could you send a smaller one, \
                     or the part that matters?",
    content_filter: "I can't answer this: the model's provider stopped it. \
                     Putting it differently may help.",
    empty_answer: "I have no words for this one. Could you put it differently?",
    cut_by_length: "✂ This is as long as one answer can be. Shall I go on?",
    continue_button: "Continue",
    file_below: "📎 The whole answer is in the file below.",
    file_caption: "The whole answer",
    regenerate_button: "🔄 Again",
    shorter_button: "➖ Shorter",
    longer_button: "➕ Longer",
    answer_again_button: "🔁 Answer again",
    operator_problem: "I can't reach my model right now. Your message is kept, \
                       and I'll answer as soon as I can.",
    operator_alert: "The model's provider refuses my requests: the key or the credit. \
                     Everything people write is kept and will be answered; the log says more.",
    resent_mark: "↻",
    commands: [
        ("new", "Start a new conversation"),
        ("stop", "Stop the answer I'm writing"),
        ("retry", "Try again what I couldn't answer"),
        ("forget", "Erase what I remember of this chat"),
        ("help", "What I can do"),
        ("start", "Say hello"),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    /// Every text with its name, read off `Debug` so that none is forgotten.
    fn all(texts: &Texts) -> Vec<String> {
        let shown = format!("{texts:?}");
        let mut found = Vec::new();
        let mut rest = shown.as_str();
        while let Some(start) = rest.find('"') {
            let mut literal = serde_json::Deserializer::from_str(&rest[start..]).into_iter();
            let text: String = literal.next().expect("a text").expect("a quoted text");
            rest = &rest[start + literal.byte_offset()..];
            found.push(text);
        }
        found
    }

    #[test]
    fn no_text_is_empty_or_too_long() {
        let texts = all(Texts::english());
        assert!(texts.len() > 40, "{}", texts.len());
        for text in texts {
            let units = text.encode_utf16().count();
            assert!((1..=200).contains(&units), "{units}: {text:?}");
            assert!(!text.trim().is_empty() && !text.contains("  "), "{text:?}");
        }
    }

    #[test]
    fn the_only_placeholders_are_filled_in() {
        let texts = Texts::english();
        let with: Vec<_> = all(texts)
            .into_iter()
            .filter(|t| t.contains(['{', '}']))
            .collect();
        assert_eq!(with, [texts.help_group, texts.in_line]);
        assert!(texts.in_line(12).contains("number 12 in"));
        let help = texts.help_group("lastword_bot");
        assert!(
            help.contains("@lastword_bot") && !help.contains(['{', '}']),
            "{help}"
        );
    }

    #[test]
    fn button_labels_fit_on_a_narrow_screen() {
        let t = Texts::english();
        for label in [
            t.thinking,
            t.stop_button,
            t.retry_button,
            t.forget_yes,
            t.forget_no,
            t.continue_button,
            t.regenerate_button,
            t.shorter_button,
            t.longer_button,
            t.answer_again_button,
        ] {
            assert!(label.chars().count() <= 16, "{label}");
        }
    }

    #[test]
    fn telegram_accepts_the_commands() {
        for (command, description) in Texts::english().commands {
            assert!(command.len() <= 32 && command.bytes().all(|b| b.is_ascii_lowercase()));
            assert!((3..=256).contains(&description.len()), "{description}");
        }
    }

    #[test]
    fn help_names_the_commands_that_do_something() {
        for command in ["/new", "/stop", "/retry", "/forget"] {
            assert!(Texts::english().help.contains(command));
        }
    }
}
