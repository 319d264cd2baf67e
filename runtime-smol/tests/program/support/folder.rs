//! Files of a test.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// The store of a test.
pub(crate) const DATABASE: &str = "confer.db";

/// A folder of its own, gone with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("confer-program-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        // One of a process of the same number that was killed.
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// A file in it, which need not be there.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The same, as an argument.
    pub(crate) fn name(&self, name: &str) -> String {
        self.file(name).to_str().unwrap().to_owned()
    }

    /// A file in it with this text, as an argument.
    pub(crate) fn with(&self, name: &str, text: &str) -> String {
        std::fs::write(self.file(name), text).unwrap();
        self.name(name)
    }

    /// A store in it, as `--store` takes it.
    pub(crate) fn store(&self) -> String {
        format!("sqlite:{}", self.name(DATABASE))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
