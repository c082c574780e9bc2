//! Certificate and key of a webhook without a proxy before it.
//!
//! Read at the start and again with each reload; connections that are open keep
//! what they began with. No error shows anything of the key.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::fs;
use tokio_rustls::TlsAcceptor;

use super::WebhookError;

/// Who we are to TLS clients.
#[derive(Debug)]
pub(super) struct Identity {
    cert: PathBuf,
    key: PathBuf,
    config: Mutex<Arc<ServerConfig>>,
}

impl Identity {
    pub(super) async fn load(cert: &Path, key: &Path) -> Result<Self, WebhookError> {
        Ok(Self {
            cert: cert.to_owned(),
            key: key.to_owned(),
            config: Mutex::new(read(cert, key).await?),
        })
    }

    /// Reads the files again; an error leaves everything as it was.
    pub(super) async fn renew(&self) -> Result<(), WebhookError> {
        let config = read(&self.cert, &self.key).await?;
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let config = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&config))
    }
}

async fn read(cert: &Path, key: &Path) -> Result<Arc<ServerConfig>, WebhookError> {
    let bytes = open(cert).await?;
    let chain = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| unusable(cert, error))?;
    if chain.is_empty() {
        return Err(unusable(cert, "no certificate in PEM"));
    }
    let bytes = open(key).await?;
    // Whatever the parser says, it is not repeated: the file is a secret.
    let secret = PrivateKeyDer::from_pem_slice(&bytes)
        .map_err(|_unsaid| unusable(key, "no private key in PEM"))?;
    // The provider is named, for the default panics where none was chosen.
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(cert, error))?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(|error| unusable(cert, error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

async fn open(path: &Path) -> Result<Vec<u8>, WebhookError> {
    fs::read(path).await.map_err(|source| WebhookError::File {
        path: path.to_owned(),
        source,
    })
}

fn unusable(path: &Path, reason: impl ToString) -> WebhookError {
    WebhookError::Certificate {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}
