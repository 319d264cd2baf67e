//! TLS on a chat port, with real certificates.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use confer_core::config::Config;
use confer_core::id::PortId;
use confer_runtime_smol::serve::{Running, StartError, start};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// RequestRegister of an agent called Ana, reference 1.
const REGISTER: [u8; 36] = [
    0, 0, 0, 32, 0x42, 1, 0, 1, 0, 0, 0, 1, 0, 4, 3, 0, 0, 0, 3, b'A', b'n', b'a', 0, 5, 1, 0, 0,
    0, 2, 0, 8, 1, 0, 0, 0, 106,
];

/// An authority, and what it has signed, in a folder of its own.
struct Authority {
    folder: PathBuf,
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("confer-tls-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(folder.join("ca.pem"), certificate.pem()).unwrap();
        Self { folder, certificate: certificate.der().clone(), issuer: Issuer::new(params, key) }
    }

    /// Signs a certificate for this name.
    fn signs(&self, name: &str) -> (CertificateDer<'static>, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(self.folder.join("chain.pem"), certificate.pem()).unwrap();
        std::fs::write(self.folder.join("key.pem"), key.serialize_pem()).unwrap();
        (certificate.der().clone(), key)
    }

    fn file(&self, name: &str) -> String {
        self.folder.join(name).to_str().unwrap().to_owned()
    }

    /// A server with TLS on port `default`, for whoever comes or for those this authority knows.
    fn serves(&self, known_only: bool) -> Running {
        self.signs("localhost");
        let mut config = quiet();
        set(&mut config, "certificate-file", &self.file("chain.pem"));
        set(&mut config, "private-key-file", &self.file("key.pem"));
        if known_only {
            set(&mut config, "client-ca-file", &self.file("ca.pem"));
        }
        start(Arc::new(config)).unwrap()
    }

    /// A client that trusts this authority, and perhaps shows a certificate of this one.
    fn client(&self, shown_by: Option<&Self>) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        Arc::new(match shown_by {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let (certificate, key) = authority.signs("ana");
                let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
                builder.with_client_auth_cert(vec![certificate], key).unwrap()
            }
        })
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Port `default` on a free address, and no other.
fn quiet() -> Config {
    let mut config = Config::default();
    set(&mut config, "listen", "127.0.0.1:0");
    for port in ["webapi", "ESP", "health"] {
        config.set(&format!("ports.{port}"), "listen", "off").unwrap();
    }
    config
}

fn set(config: &mut Config, option: &str, value: &str) {
    config.set("ports.default", option, value).unwrap();
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// Registers; the message number and reference of the answer.
fn registers(address: SocketAddr, config: Arc<ClientConfig>) -> std::io::Result<(u8, u8)> {
    let session =
        ClientConnection::new(config, ServerName::try_from("localhost").unwrap()).unwrap();
    let mut stream = StreamOwned::new(session, connect(address));
    stream.write_all(&REGISTER)?;
    let mut head = [0; 12];
    stream.read_exact(&mut head)?;
    Ok((head[7], head[11]))
}

fn ends(server: Running) {
    server.stop();
    server.join().unwrap();
}

#[test]
fn whoever_trusts_the_server_talks_to_it() {
    let authority = Authority::new();
    let server = authority.serves(false);
    let address = server.address(PortId::Default).unwrap();
    assert_eq!(registers(address, authority.client(None)).unwrap(), (101, 1));
    // Somebody without TLS is answered with an alert at most, and harms nobody.
    let mut plain = connect(address);
    plain.write_all(&REGISTER).unwrap();
    let mut rest = Vec::new();
    let _ = plain.read_to_end(&mut rest);
    assert!(rest.is_empty() || rest[0] == 21, "no frame: {rest:?}");
    assert_eq!(registers(address, authority.client(None)).unwrap(), (101, 1));
    ends(server);
}

#[test]
fn a_port_for_known_clients_takes_no_others() {
    // B2.7
    let (authority, stranger) = (Authority::new(), Authority::new());
    let server = authority.serves(true);
    let address = server.address(PortId::Default).unwrap();
    assert!(registers(address, authority.client(None)).is_err(), "nothing was shown");
    assert!(registers(address, authority.client(Some(&stranger))).is_err(), "signed by another");
    assert_eq!(registers(address, authority.client(Some(&authority))).unwrap(), (101, 1));
    ends(server);
}

#[test]
fn a_long_answer_passes_whole() {
    let authority = Authority::new();
    let server = authority.serves(false);
    let address = server.address(PortId::Default).unwrap();
    let config = authority.client(None);
    let session =
        ClientConnection::new(config, ServerName::try_from("localhost").unwrap()).unwrap();
    let mut stream = StreamOwned::new(session, connect(address));
    stream.write_all(&REGISTER).unwrap();
    // A thousand requests that are refused, in one go: more than TLS buffers at a time.
    let mut requests = Vec::new();
    for reference in 2..1002_u32 {
        requests.extend([0, 0, 0, 8, 0x42, 1, 0, 77]);
        requests.extend(reference.to_be_bytes());
    }
    stream.write_all(&requests).unwrap();
    for reference in 1..1002_u32 {
        let mut head = [0; 12];
        stream.read_exact(&mut head).unwrap();
        let length = u32::from_be_bytes(head[..4].try_into().unwrap());
        assert_eq!(u32::from_be_bytes(head[8..].try_into().unwrap()), reference);
        std::io::copy(&mut (&mut stream).take(u64::from(length) - 8), &mut std::io::sink())
            .unwrap();
    }
    ends(server);
}

#[test]
fn a_file_that_is_not_what_it_should_be_is_named() {
    let authority = Authority::new();
    authority.signs("localhost");
    let wrong = authority.file("wrong.pem");
    std::fs::write(&wrong, "no certificate").unwrap();
    for (certificate, key, named) in [
        (&wrong, &authority.file("key.pem"), "wrong.pem"),
        (&authority.file("chain.pem"), &wrong, "wrong.pem"),
        (&authority.file("chain.pem"), &authority.file("missing.pem"), "missing.pem"),
    ] {
        let mut config = quiet();
        set(&mut config, "certificate-file", certificate);
        set(&mut config, "private-key-file", key);
        let error = start(Arc::new(config)).unwrap_err();
        assert!(matches!(error, StartError::Tls { port: PortId::Default, .. }), "{error}");
        assert!(error.to_string().contains(named), "{error}");
    }
    assert!(Path::new(&wrong).exists());
}
