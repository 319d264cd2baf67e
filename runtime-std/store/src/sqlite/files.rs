//! The files of a database: made for nobody else's eyes, locked in turn, and missed when gone.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::OpenError;

use super::trouble::Trouble;

/// How often somebody who opens a store looks whether a lock is free.
const LOOK: Duration = Duration::from_millis(5);

/// `path` with something behind its name.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Makes the directory of a file, for its owner only, if there is none.
pub(crate) fn make_directory(path: &Path) -> Result<(), OpenError> {
    let Some(directory) = path.parent().filter(|it| !it.as_os_str().is_empty()) else {
        return Ok(());
    };
    directory_for_owner(directory)
        .map_err(|error| OpenError::Directory { path: directory.to_owned(), error })
}

/// Makes a directory, for its owner only, if there is none.
pub(crate) fn directory_for_owner(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Opens a file for reading and writing, and makes it, for its owner only, if there is none. SQLite
/// gives the files beside a database the same permissions.
pub(crate) fn open_for_owner(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Whether others than the owner can read a file.
pub(crate) fn is_open_to_others(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::metadata(path).is_ok_and(|it| it.permissions().mode() & 0o077 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

/// A file beside the database whose lock is held round every transaction: SQLite's own waiting is
/// not fair, and a server that commits without pause would keep another one out for seconds.
#[derive(Debug)]
pub(crate) struct Turns(File);

impl Turns {
    /// The turns at this database.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let path = beside(path, ".lock");
        open_for_owner(&path).map(Self).map_err(|error| OpenError::File { path, error })
    }

    /// Waits until it is this process's turn.
    pub(crate) fn take(&self) -> Result<Turn<'_>, Trouble> {
        self.0.lock().map_err(Trouble::File)?;
        Ok(Turn(&self.0))
    }

    /// The same, for so long at most; `None` if it does not come to it.
    pub(crate) fn take_within(&self, patience: Duration) -> io::Result<Option<Turn<'_>>> {
        let end = Instant::now() + patience;
        loop {
            match self.0.try_lock() {
                Ok(()) => return Ok(Some(Turn(&self.0))),
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) if Instant::now() >= end => return Ok(None),
                Err(TryLockError::WouldBlock) => thread::sleep(LOOK),
            }
        }
    }
}

/// A turn; it ends when dropped.
#[derive(Debug)]
pub(crate) struct Turn<'a>(&'a File);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        // Closing the file would end it, too.
        let _ = self.0.unlock();
    }
}

/// A file that is locked while a server of this name lives: its end frees the lock, however it comes.
#[derive(Debug)]
pub(crate) struct Life {
    path: PathBuf,
    /// Held, never read.
    _file: File,
}

impl Life {
    /// Begins the life of a server of this name; `None` if one lives.
    pub(crate) fn begin(path: &Path, name: &str) -> Result<Option<Self>, OpenError> {
        let directory = beside(path, ".live");
        directory_for_owner(&directory)
            .map_err(|error| OpenError::Directory { path: directory.clone(), error })?;
        let path = directory.join(file_name(name));
        let failed = |error| OpenError::File { path: path.clone(), error };
        loop {
            let file = open_for_owner(&path).map_err(failed)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
            // Whoever had it last may have removed it before it was locked here.
            let opened = file.metadata().map_err(failed)?;
            if fs::metadata(&path).is_ok_and(|there| identity(&there) == identity(&opened)) {
                return Ok(Some(Self { path, _file: file }));
            }
        }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        // It would do no harm.
        let _ = fs::remove_file(&self.path);
    }
}

/// A name for a file of this name, whatever is in it: letters and digits stand for themselves.
pub(crate) fn file_name(name: &str) -> String {
    use std::fmt::Write as _;
    let mut safe = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') {
            safe.push(byte.into());
        } else {
            let _ = write!(safe, "%{byte:02x}");
        }
    }
    // File systems take 255 bytes; a name has as many characters.
    if safe.len() > 200 {
        let sum = safe.bytes().fold(0xcbf2_9ce4_8422_2325, |sum: u64, byte| {
            (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        safe.truncate(180);
        let _ = write!(safe, "~{sum:016x}");
    }
    safe
}

/// Which files a connection has open: by what the system knows them by, not by their names.
#[derive(Debug)]
pub(crate) struct Identity {
    files: Vec<(PathBuf, (u64, u64))>,
}

impl Identity {
    /// The files of this database, as they are now.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let files = [path.to_owned(), beside(path, "-wal")];
        let known = files.into_iter().map(|file| {
            let there = fs::metadata(&file)?;
            Ok((file, identity(&there)))
        });
        Ok(Self { files: known.collect::<io::Result<_>>()? })
    }

    /// Whether they are there still. Whatever is written to a file without a name is lost.
    pub(crate) fn is_there(&self) -> bool {
        let is_there = |(path, known): &(PathBuf, _)| {
            fs::metadata(path).is_ok_and(|there| identity(&there) == *known)
        };
        self.files.iter().all(is_there)
    }
}

#[cfg(unix)]
fn identity(data: &fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    (data.dev(), data.ino())
}

/// Elsewhere, an open file cannot be deleted.
#[cfg(not(unix))]
fn identity(_: &fs::Metadata) -> (u64, u64) {
    (0, 0)
}
