//! How files are read and recordings heard in production.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::Error;
use crate::config::Config;
use crate::llm::modalities::Catalogue;
use crate::llm::request::Dialect;
use crate::media::child::Child;
use crate::media::hearing::{Hearing, Transcriber};
use crate::media::{Place, Senses};

/// How long one recording may take to be transcribed.
const HEARING: Duration = Duration::from_secs(90);

/// What the configuration asks for.
pub(super) fn of(config: &Config) -> Result<Senses, Error> {
    Ok(Senses {
        preparer: Arc::new(Child::of_this_program(config.media.timeout)),
        hearing: hearing(config)?,
        catalogue: Catalogue::of(config.llm.base_url.as_str()),
        place: Place::Aside,
    })
}

/// An address of its own, else the model's where that transcribes, too. A key is
/// never sent to an address it was not given for.
fn hearing(config: &Config) -> Result<Option<Arc<dyn Hearing>>, Error> {
    let media = &config.media;
    let (url, key) = match &media.transcription_url {
        Some(url) => (url, &media.transcription_api_key),
        None if Dialect::of(config.llm.base_url.as_str()) == Dialect::Compatible => {
            return Ok(None);
        }
        None => (&config.llm.base_url, &config.llm.api_key),
    };
    let model = match &media.transcription_model {
        Some(model) => model.as_str(),
        None if Dialect::of(url.as_str()) == Dialect::OpenRouter => "openai/whisper-1",
        None => "whisper-1",
    };
    let key = key
        .as_ref()
        .map(|key| SecretString::from(key.expose().to_owned()));
    let made = Transcriber::new(url.as_str(), key.as_ref(), model.to_owned(), HEARING);
    Ok(Some(Arc::new(made.map_err(Error::Hearing)?)))
}
