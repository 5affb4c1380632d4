use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::ListenerError;
use crate::config::HttpConfig;

/// TLS 1.2 and 1.3 with the configured certificate; `None` when there is none.
pub(super) fn acceptor(config: &HttpConfig) -> Result<Option<TlsAcceptor>, ListenerError> {
    let (certificate, key) = match (&config.tls_certificate, &config.tls_key) {
        (None, None) => return Ok(None),
        (Some(certificate), Some(key)) => (certificate, key),
        _ => {
            let why = "tls_certificate and tls_key belong together";
            return Err(ListenerError::Tls(why.to_owned()));
        }
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| unusable(certificate, &error))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, &error))?;
    let refused = |error: rustls::Error| ListenerError::Tls(error.to_string());
    let mut server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(refused)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(refused)?;
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Some(TlsAcceptor::from(Arc::new(server))))
}

fn unusable(file: &Path, error: &rustls::pki_types::pem::Error) -> ListenerError {
    ListenerError::Tls(format!("{}: {error}", file.display()))
}
