//! TLS from PEM files: what a server's port speaks it with, by the options of its section, and what
//! a client does. One home for every runtime.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use confer_core::config::Port;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

/// Why there is no TLS though there is to be: a file, and what is wrong with it.
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

/// What a port speaks TLS with: `certificate-file`, `private-key-file` and `client-ca-file`. `None`:
/// it speaks without.
///
/// # Errors
///
/// A file cannot be read, or holds something else than its option says.
pub fn server(port: &Port) -> Result<Option<Arc<ServerConfig>>, TlsError> {
    let (Some(certificate), Some(key)) = (&port.certificate_file, &port.private_key_file) else {
        return Ok(None);
    };
    let (certificate, key) = (Path::new(&**certificate), Path::new(&**key));
    let (chain, secret) = (certificates(certificate)?, private_key(key)?);
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(certificate, error))?;
    let builder = match port.client_ca_file.as_deref().map(Path::new) {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let roots = Arc::new(authorities(file)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider());
            builder.with_client_cert_verifier(verifier.build().map_err(|error| wrong(file, error))?)
        }
    };
    let config =
        builder.with_single_cert(chain, secret).map_err(|error| wrong(certificate, error))?;
    Ok(Some(Arc::new(config)))
}

/// What a client speaks TLS with: whom it trusts, and perhaps who it is.
#[derive(Clone, Debug)]
pub struct Client(pub(crate) Arc<ClientConfig>);

/// Who a client is: the PEM files of a certificate with its chain, and of its key.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// The certificate, and those that lead to its authority.
    pub certificate_file: &'a Path,
    /// The certificate's key.
    pub private_key_file: &'a Path,
}

impl Client {
    /// Trusts servers with a certificate of the authorities in this PEM file, and no others; shows
    /// them the certificate of `identity` if they ask for one (B2.7).
    ///
    /// # Errors
    ///
    /// A file cannot be read, or does not hold what it should.
    pub fn new(authorities_file: &Path, identity: Option<Identity<'_>>) -> Result<Self, TlsError> {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(authorities_file, error))?
            .with_root_certificates(authorities(authorities_file)?);
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some(Identity { certificate_file, private_key_file }) => {
                let (chain, secret) =
                    (certificates(certificate_file)?, private_key(private_key_file)?);
                builder
                    .with_client_auth_cert(chain, secret)
                    .map_err(|error| wrong(certificate_file, error))?
            }
        };
        Ok(Self(Arc::new(config)))
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn authorities(file: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for root in certificates(file)? {
        roots.add(root).map_err(|error| wrong(file, error))?;
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(file).map_err(|error| wrong(file, error))?.collect();
    match chain {
        Ok(chain) if chain.is_empty() => Err(wrong(file, "holds no certificate in PEM")),
        Ok(chain) => Ok(chain),
        Err(error) => Err(wrong(file, error)),
    }
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(file).map_err(|error| wrong(file, error))
}

fn wrong(file: &Path, what: impl fmt::Display) -> TlsError {
    TlsError { file: file.display().to_string(), what: what.to_string() }
}
