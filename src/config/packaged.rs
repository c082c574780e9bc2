//! The service as the package installs it, seen from an operator's shell: the
//! shell has neither the unit's state folder nor its credentials in its
//! environment, and should not need to be told.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::path::PathBuf;

use super::problem::Problem;
use super::search::Found;
use super::{Sources, load, telegram};

/// The configuration of the service.
pub(super) const CONFIG: &str = "/etc/lastword/config.toml";

/// What the package has installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its configuration.
    config: PathBuf,
    /// Where the unit keeps its state (`StateDirectory=lastword`).
    state: PathBuf,
    /// Where the unit's secrets lie, named as the credentials that are made of
    /// them.
    secrets: PathBuf,
}

impl Default for Service {
    fn default() -> Self {
        Self {
            config: CONFIG.into(),
            state: "/var/lib/lastword".into(),
            secrets: "/etc/lastword".into(),
        }
    }
}

impl Sources {
    /// The same for an operator who asks what is in force: looks where the
    /// packaged service has its store and its secrets, unless this environment
    /// has its own. The secrets are for the service's own configuration alone:
    /// any other file could send them anywhere. Not for the daemon itself, which
    /// is told.
    #[must_use]
    pub fn beside_the_service(mut self) -> Self {
        self.service = Some(Service::default());
        self
    }

    /// The environment in which this file is read.
    pub(super) fn env_for(
        &self,
        found: &Result<Option<Found>, Problem>,
    ) -> Cow<'_, BTreeMap<String, OsString>> {
        let mut env = Cow::Borrowed(&self.env.0);
        let Some(service) = &self.service else {
            return env;
        };
        let own = load::default_store(&env);
        let has_own = own.is_some_and(|path| path.exists());
        if !has_own && service.state.join(load::STORE).exists() {
            let state = service.state.clone().into();
            env.to_mut().insert("STATE_DIRECTORY".to_owned(), state);
        }
        let is_its_own = match found {
            Ok(Some(found)) => found.path == service.config,
            Ok(None) => true,
            Err(_) => false,
        };
        let token = service.secrets.join(telegram::TOKEN.credential);
        let has_secrets = env.contains_key("CREDENTIALS_DIRECTORY");
        if is_its_own && !has_secrets && File::open(token).is_ok() {
            let secrets = service.secrets.clone().into();
            env.to_mut()
                .insert("CREDENTIALS_DIRECTORY".to_owned(), secrets);
        }
        env
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::{Config, Spot};
    use super::*;

    #[test]
    fn an_operator_finds_the_service_unless_he_has_a_store_of_his_own() {
        let folder = tempfile::tempdir().unwrap();
        let [state, secrets, home] = ["state", "secrets", "home"].map(|n| folder.path().join(n));
        fs::create_dir(&state).unwrap();
        fs::create_dir(&secrets).unwrap();
        let own = home.join(".local/state/lastword/lastword.db");
        fs::create_dir_all(own.parent().unwrap()).unwrap();
        let service = Service {
            config: secrets.join("config.toml"),
            state: state.clone(),
            secrets: secrets.clone(),
        };
        let sources = Sources {
            env: [("HOME".into(), home.clone().into())].into_iter().collect(),
            service: Some(service),
            ..Sources::default()
        };
        let found = || Config::store_path(&sources).unwrap();
        assert_eq!(found(), own, "there is no service");
        fs::write(state.join("lastword.db"), "").unwrap();
        fs::write(secrets.join("telegram_bot_token"), "1:service\n").unwrap();
        fs::write(secrets.join("openrouter_api_key"), "key\n").unwrap();
        assert_eq!(found(), state.join("lastword.db"));
        let loaded = Config::load(&sources).unwrap();
        assert_eq!(loaded.config.telegram.token.expose(), "1:service");
        fs::write(&own, "").unwrap();
        assert_eq!(found(), own);
    }

    #[test]
    fn the_secrets_of_the_service_are_for_its_own_configuration_alone() {
        let folder = tempfile::tempdir().unwrap();
        let [installed, hostile] = ["config.toml", "hostile.toml"].map(|n| folder.path().join(n));
        fs::write(folder.path().join("telegram_bot_token"), "1:service\n").unwrap();
        fs::write(folder.path().join("openrouter_api_key"), "key\n").unwrap();
        for path in [&installed, &hostile] {
            fs::write(path, "[telegram]\napi_url = \"http://127.0.0.1:1\"\n").unwrap();
        }
        let service = Service {
            config: installed.clone(),
            state: folder.path().join("state"),
            secrets: folder.path().to_owned(),
        };
        let sources = |file: Option<PathBuf>, search: Vec<Spot>| Sources {
            file,
            search,
            env: [("HOME".into(), "/h".into())].into_iter().collect(),
            service: Some(service.clone()),
        };
        for (sources, lent) in [
            (sources(Some(installed.clone()), Vec::new()), true),
            (
                sources(None, vec![Spot::Installed(installed.clone())]),
                true,
            ),
            (sources(None, Vec::new()), true),
            (sources(Some(hostile.clone()), Vec::new()), false),
            (sources(None, vec![Spot::Here(hostile.clone())]), false),
            (sources(Some(folder.path().join("none")), Vec::new()), false),
        ] {
            let survey = Config::survey(&sources);
            let token = survey.loaded.config.telegram.token;
            assert_eq!(token.expose() == "1:service", lent, "{sources:?}");
            assert_eq!(survey.errors.is_none(), lent, "{sources:?}");
        }
    }

    #[test]
    fn who_acts_on_the_service_reads_its_file_first() {
        let here = Spot::Here("config.toml".into());
        let installed = Spot::Installed(CONFIG.into());
        let sources = Sources::new(None, []);
        assert_eq!(sources.search, [here.clone(), installed.clone()]);
        assert_eq!(sources.service_first().search, [installed, here]);
    }
}
