//! TLS of a port, from the files its section names.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use confer_core::config::Port;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

/// Why a port has no TLS though it is to have it.
#[derive(Debug)]
pub struct TlsError {
    file: String,
    what: String,
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.what)
    }
}

impl std::error::Error for TlsError {}

/// What a port speaks TLS with; `None`: it speaks without.
///
/// # Errors
///
/// A file cannot be read, or holds something else than its option says.
pub(super) fn server(port: &Port) -> Result<Option<Arc<ServerConfig>>, TlsError> {
    let (Some(certificate), Some(key)) = (&port.certificate_file, &port.private_key_file) else {
        return Ok(None);
    };
    let chain = certificates(certificate)?;
    let secret =
        PrivateKeyDer::from_pem_file(Path::new(&**key)).map_err(|error| wrong(key, error))?;
    let builder =
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(certificate, error))?;
    let builder = match &port.client_ca_file {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let mut roots = RootCertStore::empty();
            for root in certificates(file)? {
                roots.add(root).map_err(|error| wrong(file, error))?;
            }
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().map_err(|error| wrong(file, error))?)
        }
    };
    let config =
        builder.with_single_cert(chain, secret).map_err(|error| wrong(certificate, error))?;
    Ok(Some(Arc::new(config)))
}

fn certificates(file: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(Path::new(file))
        .map_err(|error| wrong(file, error))?
        .collect();
    match chain {
        Ok(chain) if chain.is_empty() => Err(wrong(file, "holds no certificate in PEM")),
        Ok(chain) => Ok(chain),
        Err(error) => Err(wrong(file, error)),
    }
}

fn wrong(file: &str, what: impl fmt::Display) -> TlsError {
    TlsError { file: file.to_owned(), what: what.to_string() }
}
