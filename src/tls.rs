//! The one TLS provider of the process.
//!
//! rustls panics at the first connection when the features of the tree leave it
//! a choice and nobody chose. So `main` and every test binary choose first.

/// Chooses ring for the whole process. Calling it again changes nothing.
pub fn install_crypto() {
    // An error only says that a provider is there already: this one, from an
    // earlier call.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_provider_is_there_after_any_number_of_calls() {
        super::install_crypto();
        super::install_crypto();
        assert!(rustls::crypto::CryptoProvider::get_default().is_some());
    }
}
