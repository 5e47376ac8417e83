//! Encryption: a certificate and its key from PEM files.

use std::{path::Path, sync::Arc};

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
};
use tokio_rustls::TlsAcceptor;

use crate::{TlsError, config::TlsFiles};

/// Reads the files.
pub(crate) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, TlsError> {
    let TlsFiles { certificates: certificates_path, key: key_path } = files;
    let certificates = CertificateDer::pem_file_iter(certificates_path).and_then(Iterator::collect);
    let certificates: Vec<_> = certificates.map_err(|error| unreadable(certificates_path, &error))?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate(certificates_path.clone()));
    }
    warn_if_shared(key_path);
    let key = PrivateKeyDer::from_pem_file(key_path).map_err(|error| match error {
        pem::Error::NoItemsFound => TlsError::NoKey(key_path.clone()),
        error => unreadable(key_path, &error),
    })?;
    let pair = |why: rustls::Error| TlsError::Pair {
        certificates: certificates_path.clone(),
        key: key_path.clone(),
        why: why.to_string(),
    };
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().map_err(pair)?.with_no_client_auth();
    let mut config = config.with_single_cert(certificates, key).map_err(pair)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Says so when others on this computer can read or exchange the key. Where secrets are handed to containers they often
/// can, which is why that is not refused.
#[cfg(unix)]
fn warn_if_shared(key: &Path) {
    use std::os::unix::fs::MetadataExt;
    const READ_OR_WRITE_BY_OTHERS: u32 = 0o006;
    let mode = std::fs::metadata(key).map(|file| file.mode());
    if mode.is_ok_and(|mode| mode & READ_OR_WRITE_BY_OTHERS != 0) {
        tracing::warn!(
            "every user of this computer can read or change the TLS key {}, and so can pass for this service: chmod 600 it",
            key.display()
        );
    }
}

#[cfg(not(unix))]
const fn warn_if_shared(_: &Path) {}

fn unreadable(path: &Path, error: &pem::Error) -> TlsError {
    let why = match error {
        pem::Error::Io(error) => error.to_string(),
        // Never the file's text: it may be a key.
        _ => "it is not PEM".into(),
    };
    TlsError::File { path: path.into(), why }
}
