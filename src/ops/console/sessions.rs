//! Who is logged in, and how often anybody may try.
//!
//! A session is a random number in a cookie; here, and in the store, only its
//! digest is kept, so that neither a backup nor a dump lets anybody in. There
//! are few of them and each ends by itself. The token's own text is compared in
//! constant time and never leaves `config`.

use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::Rng as _;
use ring::digest::{Context, SHA256, digest};
use subtle::ConstantTimeEq;
use tokio::time::Instant;

use crate::clock::{Millis, millis};
use crate::config::ConsoleToken;

/// How long one lasts.
pub(super) const LASTS: Duration = Duration::from_secs(12 * 60 * 60);

/// Logins at a time; another one ends the oldest.
pub(super) const MOST: usize = 16;

/// Wrong tokens in a row that anybody may try, and how soon there is one more.
pub(super) const TRIES: u32 = 8;
const ANOTHER: Duration = Duration::from_secs(10);

/// How often the store is asked for logins that another instance knows.
const RECALL: Duration = Duration::from_secs(1);

/// What came of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Login {
    /// Welcome; the text of the cookie.
    In(String),
    /// Wrong.
    Wrong,
    /// Wrong, after too many wrong ones: not before this long.
    Later(Duration),
}

/// The door of the console.
#[derive(Debug)]
pub(super) struct Sessions {
    token: ConsoleToken,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    open: Vec<Session>,
    /// When all tries would be there again.
    whole_at: Instant,
    recalled: Option<Instant>,
}

impl State {
    /// Somebody said a wrong one.
    fn wrong(&mut self) -> Login {
        let now = Instant::now();
        let spent = self.whole_at.saturating_duration_since(now);
        let all = ANOTHER * TRIES;
        if spent + ANOTHER > all {
            return Login::Later(spent + ANOTHER - all);
        }
        self.whole_at = self.whole_at.max(now) + ANOTHER;
        Login::Wrong
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Session {
    digest: [u8; 32],
    until: Millis,
}

impl Sessions {
    /// Nobody is in yet.
    #[must_use]
    pub(super) fn new(token: ConsoleToken) -> Self {
        Self {
            token,
            state: Mutex::new(State {
                open: Vec::new(),
                whole_at: Instant::now(),
                recalled: None,
            }),
        }
    }

    /// Somebody says `token`.
    pub(super) fn login(&self, token: &str, now: Millis) -> Login {
        // Both digests are as long, whatever was typed.
        let said = digest(&SHA256, token.as_bytes());
        let right = digest(&SHA256, self.token.expose().as_bytes());
        let is_right = bool::from(said.as_ref().ct_eq(right.as_ref()));
        let mut state = self.state();
        // Nobody can shut out who knows it by trying wrong ones; it is too long
        // to be guessed at any pace.
        if !is_right {
            return state.wrong();
        }
        let cookie = URL_SAFE_NO_PAD.encode(rand::rng().random::<[u8; 32]>());
        state.open.retain(|session| session.until > now);
        if state.open.len() >= MOST {
            state.open.remove(0);
        }
        state.open.push(Session {
            digest: self.hashed(&cookie),
            until: now + millis(LASTS),
        });
        Login::In(cookie)
    }

    /// Whether this cookie is of an open session.
    pub(super) fn holds(&self, cookie: &str, now: Millis) -> bool {
        let digest = self.hashed(cookie);
        let state = self.state();
        let found = state.open.iter().filter(|session| session.until > now);
        found
            .fold(subtle::Choice::from(0), |found, session| {
                found | session.digest.ct_eq(&digest)
            })
            .into()
    }

    /// Ends a session.
    pub(super) fn logout(&self, cookie: &str) {
        let digest = self.hashed(cookie);
        self.state().open.retain(|session| session.digest != digest);
    }

    /// Whether the store should be asked, because somebody shows a cookie that
    /// is not known here; now and then only.
    pub(super) fn should_recall(&self) -> bool {
        let mut state = self.state();
        let now = Instant::now();
        let due = state.recalled.is_none_or(|at| now >= at + RECALL);
        if due {
            state.recalled = Some(now);
        }
        due
    }

    /// What the store is to keep.
    pub(super) fn kept(&self, now: Millis) -> String {
        let mut text = String::new();
        for session in self.state().open.iter().filter(|one| one.until > now) {
            let digest = URL_SAFE_NO_PAD.encode(session.digest);
            let _ = writeln!(text, "{digest} {}", session.until);
        }
        text
    }

    /// Takes over what the store has kept. Lines that mean nothing are skipped.
    pub(super) fn recall(&self, text: &str, now: Millis) {
        let furthest = now + millis(LASTS);
        let read = |line: &str| {
            let (digest, until) = line.split_once(' ')?;
            let digest = URL_SAFE_NO_PAD.decode(digest).ok()?.try_into().ok()?;
            let until: Millis = until.parse().ok()?;
            // Further off only when the clock was set back meanwhile.
            let until = until.min(furthest);
            (until > now).then_some(Session { digest, until })
        };
        let mut state = self.state();
        for session in text.lines().filter_map(read) {
            let is_known = state.open.iter().any(|one| one.digest == session.digest);
            if !is_known && state.open.len() < MOST {
                state.open.push(session);
            }
        }
        state.open.sort_by_key(|session| session.until);
    }

    /// With the token, so that another one ends every session.
    fn hashed(&self, cookie: &str) -> [u8; 32] {
        let mut of = Context::new(&SHA256);
        of.update(self.token.expose().as_bytes());
        of.update(cookie.as_bytes());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(of.finish().as_ref());
        bytes
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "correct-horse-battery";

    fn sessions() -> Sessions {
        Sessions::new(ConsoleToken::parse(TOKEN).unwrap())
    }

    fn enter(sessions: &Sessions, now: Millis) -> String {
        match sessions.login(TOKEN, now) {
            Login::In(cookie) => cookie,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn wrong_tokens_may_be_tried_a_few_times_and_then_slowly() {
        let sessions = sessions();
        for _ in 0..TRIES {
            assert_eq!(sessions.login("wrong", 0), Login::Wrong);
        }
        assert_eq!(sessions.login("wrong", 0), Login::Later(ANOTHER));
        tokio::time::advance(ANOTHER).await;
        assert_eq!(sessions.login("wrong", 0), Login::Wrong);
        assert_eq!(sessions.login("wrong", 0), Login::Later(ANOTHER));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_knows_the_token_gets_in_however_often_others_try() {
        let sessions = sessions();
        while sessions.login("wrong", 0) == Login::Wrong {}
        let cookie = enter(&sessions, 0);
        assert!(sessions.holds(&cookie, 1));
        // And lets nobody else try more often by it.
        assert_eq!(sessions.login("wrong", 0), Login::Later(ANOTHER));
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_ends_by_itself_and_by_a_logout() {
        let sessions = sessions();
        let (one, other) = (enter(&sessions, 0), enter(&sessions, 1));
        assert_ne!(one, other);
        assert!(sessions.holds(&one, 10) && !sessions.holds("", 10));
        assert!(!sessions.holds(&one, millis(LASTS)));
        assert!(sessions.holds(&other, millis(LASTS)));
        sessions.logout(&other);
        assert!(!sessions.holds(&other, 10));
    }

    #[tokio::test(start_paused = true)]
    async fn another_token_ends_every_session() {
        let before = sessions();
        let cookie = enter(&before, 0);
        let after = Sessions::new(ConsoleToken::parse("another-correct-horse").unwrap());
        for (sessions, holds) in [(self::sessions(), true), (after, false)] {
            sessions.recall(&before.kept(1), 1);
            assert_eq!(sessions.holds(&cookie, 1), holds);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn there_are_only_so_many_and_the_oldest_goes() {
        let sessions = sessions();
        let all: Vec<_> = (0..=MOST).map(|_| enter(&sessions, 0)).collect();
        assert!(!sessions.holds(&all[0], 1));
        assert!(all[1..].iter().all(|cookie| sessions.holds(cookie, 1)));
    }

    #[tokio::test(start_paused = true)]
    async fn another_process_knows_a_session_from_what_was_kept_which_lets_nobody_in() {
        let sessions = sessions();
        let cookie = enter(&sessions, 0);
        let kept = sessions.kept(1);
        assert!(!kept.contains(&cookie) && !kept.contains(TOKEN));
        let next = Sessions::new(ConsoleToken::parse(TOKEN).unwrap());
        assert!(!next.holds(&cookie, 1));
        next.recall(&format!("{kept}nonsense\n a b\n"), 1);
        assert!(next.holds(&cookie, 1));
        assert!(!next.holds(&cookie, millis(LASTS)));
        assert!(next.should_recall() && !next.should_recall());
    }
}
