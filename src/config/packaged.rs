//! The service as the package installs it, seen from an operator's shell: the
//! shell has neither the unit's state folder nor its credentials in its
//! environment, and should not need to be told.

use std::ffi::OsString;
use std::fs::File;
use std::path::Path;

use super::{Environment, Sources, load, telegram};

/// Where the unit keeps its state (`StateDirectory=lastword`).
const STATE: &str = "/var/lib/lastword";

/// Where the unit's secrets lie, named as the credentials that are made of them.
const SECRETS: &str = "/etc/lastword";

impl Sources {
    /// The same for an operator who asks what is in force: looks where the
    /// packaged service has its store and its secrets, unless this environment
    /// has its own. Not for the daemon itself, which is told.
    #[must_use]
    pub fn beside_the_service(self) -> Self {
        self.beside(Path::new(STATE), Path::new(SECRETS))
    }

    fn beside(mut self, state: &Path, secrets: &Path) -> Self {
        let Environment(env) = &mut self.env;
        let own = load::default_store(env);
        let has_own = own.is_some_and(|path| path.exists());
        if !has_own && state.join(load::STORE).exists() {
            env.insert("STATE_DIRECTORY".to_owned(), OsString::from(state));
        }
        let token = secrets.join(telegram::TOKEN.credential);
        if !env.contains_key("CREDENTIALS_DIRECTORY") && File::open(token).is_ok() {
            env.insert("CREDENTIALS_DIRECTORY".to_owned(), OsString::from(secrets));
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::Config;
    use super::*;

    #[test]
    fn an_operator_finds_the_service_unless_he_has_a_store_of_his_own() {
        let folder = tempfile::tempdir().unwrap();
        let [state, secrets, home] = ["state", "secrets", "home"].map(|n| folder.path().join(n));
        fs::create_dir(&state).unwrap();
        fs::create_dir(&secrets).unwrap();
        let own = home.join(".local/state/lastword/lastword.db");
        fs::create_dir_all(own.parent().unwrap()).unwrap();
        let sources = || Sources {
            file: None,
            search: Vec::new(),
            env: [("HOME".into(), home.clone().into())].into_iter().collect(),
        };
        let found = || Config::store_path(&sources().beside(&state, &secrets)).unwrap();
        assert_eq!(found(), own, "there is no service");
        fs::write(state.join("lastword.db"), "").unwrap();
        fs::write(secrets.join("telegram_bot_token"), "1:service\n").unwrap();
        fs::write(secrets.join("openrouter_api_key"), "key\n").unwrap();
        assert_eq!(found(), state.join("lastword.db"));
        let loaded = Config::load(&sources().beside(&state, &secrets)).unwrap();
        assert_eq!(loaded.config.telegram.token.expose(), "1:service");
        fs::write(&own, "").unwrap();
        assert_eq!(found(), own);
    }
}
