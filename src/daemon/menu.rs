//! The menu: what Telegram shows of our commands, in every language, once for
//! private chats and once for groups.
//!
//! Told anew only when it has changed, for it is many calls; a telling that was
//! cut short is told whole by the next start. Nothing waits for it.

use std::fmt::Write as _;
use std::time::Duration;

use tokio::time::sleep;

use super::Daemon;
use crate::domain::language::Language;
use crate::telegram::methods::{self, MenuScope};
use crate::telegram::{Call, Meaning};
use crate::texts::Texts;

/// How often one call is made again when Telegram asks for a pause, and the
/// longest pause that is worth keeping: the next start tells it, too.
const TRIES: u32 = 5;
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// The same text always has the same mark (FNV-1a, 64 bits): it is compared
/// with what another build has left.
fn mark(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

/// Every call that it takes: English for everybody, then each language for
/// those who read it, unless one holds for all.
fn calls(only: Option<Language>) -> Vec<Call> {
    let mut calls = Vec::new();
    for scope in [MenuScope::Everywhere, MenuScope::Groups] {
        let letters = Language::ALL
            .into_iter()
            .filter_map(|language| Some((language, Some(language.letters()?))));
        for (language, letters) in std::iter::once((Language::default(), None)).chain(letters) {
            let texts = Texts::of(only.unwrap_or(language));
            let commands: Vec<_> = match scope {
                MenuScope::Everywhere => texts.commands.to_vec(),
                // There is nobody to greet.
                MenuScope::Groups => texts
                    .commands
                    .into_iter()
                    .filter(|(name, _)| *name != "start")
                    .collect(),
            };
            calls.push(methods::set_my_commands(&commands, scope, letters));
        }
    }
    calls
}

impl Daemon {
    /// Tells Telegram the commands, unless it was told the same before.
    pub(super) async fn tell_commands(&self) {
        let calls = calls(self.live.language());
        let mut told = String::new();
        for call in &calls {
            // Writing to a string cannot fail.
            let _ = writeln!(told, "{}", call.body);
        }
        let (key, mark) = (format!("menu:{}", self.bot), mark(&told));
        match self.store.value(&key).await {
            Ok(Some(before)) if before == mark => return,
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "failed to look whether the menu is known"),
        }
        for call in calls {
            if !self.tell(call).await {
                return;
            }
        }
        if let Err(error) = self.store.set_value(&key, &mark).await {
            tracing::debug!(%error, "failed to remember the menu");
        }
    }

    async fn tell(&self, call: Call) -> bool {
        for _ in 0..TRIES {
            let Err(error) = self.telegram.call(call.clone()).await else {
                return true;
            };
            tracing::debug!(%error, "failed to register the commands");
            match error.meaning() {
                Meaning::Again(Some(pause)) if pause <= LONGEST_PAUSE => sleep(pause).await,
                _ => return false,
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_its_menu_in_both_places() {
        let calls = calls(None);
        assert_eq!(calls.len(), 2 * 17);
        let told = |call: &Call| {
            let scope = call.body["scope"]["type"].as_str().unwrap_or_default();
            let language = call.body["language_code"].as_str().unwrap_or_default();
            (scope.to_owned(), language.to_owned())
        };
        let distinct: std::collections::BTreeSet<_> = calls.iter().map(told).collect();
        assert_eq!(distinct.len(), calls.len());
    }

    #[test]
    fn one_language_for_all_leaves_no_other_behind() {
        for call in calls(Some(Language::German)) {
            let first = call.body["commands"][0]["description"].as_str();
            assert_eq!(first, Some(Texts::of(Language::German).commands[0].1));
        }
    }

    #[test]
    fn the_mark_changes_with_a_single_letter() {
        assert_ne!(mark("new"), mark("neu"));
        assert_eq!(mark("new"), mark("new"));
    }
}
