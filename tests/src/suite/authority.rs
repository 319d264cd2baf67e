//! An authority that signs certificates, and the files they are in.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use confer_runtime_std::tls::{Client, Identity};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// An authority, and what it has signed, in a folder of its own.
#[derive(Debug)]
pub struct Authority {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// One that has signed for a server called `localhost` and a client called `ana`.
    ///
    /// # Panics
    ///
    /// If there is no folder for temporary files.
    #[expect(clippy::new_without_default, reason = "there is nothing usual about it")]
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = format!("confer-suite-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        std::fs::create_dir_all(&folder).expect("a folder of its own");
        let mut params = CertificateParams::new(Vec::new()).expect("no names are fine");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("it signs itself");
        std::fs::write(folder.join("ca.pem"), certificate.pem()).expect("it can be written");
        let authority = Self { folder, issuer: Issuer::new(params, key) };
        authority.signs("localhost");
        authority.signs("ana");
        authority
    }

    /// Signs a certificate for this name.
    fn signs(&self, name: &str) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &self.issuer).expect("it signs");
        let file = |end: &str| self.folder.join(format!("{name}{end}"));
        std::fs::write(file(".pem"), certificate.pem()).expect("it can be written");
        std::fs::write(file("-key.pem"), key.serialize_pem()).expect("it can be written");
    }

    /// The name of a file in its folder.
    ///
    /// # Panics
    ///
    /// If that is not UTF-8.
    pub fn file(&self, name: &str) -> String {
        self.folder.join(name).to_str().expect("a folder for temporary files in UTF-8").to_owned()
    }

    /// What a client has that trusts this authority, and perhaps shows what that one has signed.
    ///
    /// # Panics
    ///
    /// If a file is gone.
    pub fn client(&self, shown_by: Option<&Self>) -> Client {
        let files = shown_by.map(|it| (it.file("ana.pem"), it.file("ana-key.pem")));
        let identity = files.as_ref().map(|(certificate, key)| Identity {
            certificate_file: Path::new(certificate),
            private_key_file: Path::new(key),
        });
        Client::new(Path::new(&self.file("ca.pem")), identity).expect("sound files")
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        // What is left behind harms nobody.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
