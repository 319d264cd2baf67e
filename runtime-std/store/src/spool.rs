//! Ends of sessions that the database would not take, as files beside it (B20.6).

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use confer_core::ask::{Failure, Outcome, Record, Request};
use tracing::{error, info, warn};

use crate::sqlite::{Trouble, beside, directory_for_owner, file_name, open_for_owner};
use crate::stored::{self, End};

/// Files that are kept at most. A session that ends when there are so many is lost, and said so.
pub const MAX_SPOOLED: usize = 10_000;
/// The largest file that is read back, in bytes; what is written is never larger.
pub const MAX_SPOOLED_SIZE: u64 = 1 << 30;
/// What the files are called behind their names.
const SUFFIX: &str = ".end";
/// The same for one that the database refused for good.
const REFUSED: &str = ".refused";
/// The same for one that is being written.
const UNFINISHED: &str = ".new";

/// The directory of those files.
#[derive(Debug)]
pub(crate) struct Spool {
    directory: PathBuf,
}

impl Spool {
    /// The spool of this database.
    pub(crate) fn beside(path: &Path) -> Self {
        Self { directory: beside(path, ".spool") }
    }

    /// Keeps the end of a session until a database takes it.
    pub(crate) fn keep(&self, request: &Request) -> Outcome {
        let Request::Record(Record::Spool { session, beginning, generation, end_at, events }) =
            request
        else {
            return Outcome::Failed(Failure::Refused);
        };
        let head = (session.as_str(), *generation, *end_at);
        let bytes = stored::write_end(beginning, head, events);
        let name = format!("{}-{generation}", file_name(session.as_str()));
        match self.write(&name, &bytes) {
            Ok(()) => {
                let path = self.directory.display();
                warn!(%path, %session, "the end of a session was kept beside the store");
                Outcome::Done
            }
            Err(error) => {
                let path = self.directory.display();
                error!(%path, %session, %error, "the end of a session cannot be kept anywhere");
                Outcome::Failed(Failure::Unavailable)
            }
        }
    }

    /// Whole or not at all, whatever happens meanwhile.
    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        directory_for_owner(&self.directory)?;
        if fs::read_dir(&self.directory)?.take(MAX_SPOOLED).count() >= MAX_SPOOLED {
            return Err(io::Error::other(format!("{MAX_SPOOLED} files are there already")));
        }
        if bytes.len() as u64 > MAX_SPOOLED_SIZE {
            return Err(io::Error::other("it is too large"));
        }
        let (unfinished, finished) = (self.path(name, UNFINISHED), self.path(name, SUFFIX));
        let mut file = open_for_owner(&unfinished)?;
        file.set_len(0)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&unfinished, &finished)?;
        self.sync()
    }

    fn path(&self, name: &str, suffix: &str) -> PathBuf {
        self.directory.join(format!("{name}{suffix}"))
    }

    /// Names are safe, too.
    fn sync(&self) -> io::Result<()> {
        if cfg!(unix) { File::open(&self.directory)?.sync_all() } else { Ok(()) }
    }

    /// Has everything that was kept written into the database.
    pub(crate) fn write_back(
        &self,
        mut write: impl FnMut(&End) -> Result<Outcome, Trouble>,
    ) -> Result<(), Trouble> {
        let names = match fs::read_dir(&self.directory) {
            Ok(names) => names,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(Trouble::File(error)),
        };
        for name in names.filter_map(Result::ok).map(|entry| entry.path()) {
            if name.extension().is_none_or(|it| it != &SUFFIX[1..]) {
                continue;
            }
            let end = match read(&name) {
                Ok(end) => end,
                // Another server on this store was faster.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    set_aside(&name, &error.to_string());
                    continue;
                }
            };
            match write(&end) {
                Ok(Outcome::Done) => {
                    let session = &end.session;
                    info!(%session, "the end of a session that was kept is stored");
                    remove(&name);
                }
                Ok(_) => set_aside(&name, "its record belongs to somebody else by now"),
                Err(trouble) if trouble.is_private() => set_aside(&name, &trouble.to_string()),
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(())
    }
}

fn read(path: &Path) -> io::Result<End> {
    if fs::metadata(path)?.len() > MAX_SPOOLED_SIZE {
        return Err(io::Error::other("it is too large"));
    }
    let damaged = |_| io::Error::new(io::ErrorKind::InvalidData, "it is damaged");
    stored::read_end(&fs::read(path)?).map_err(damaged)
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        warn!(path = %path.display(), %error, "a file that is not needed any more stays");
    }
}

/// Nothing is thrown away that somebody may want to look at.
fn set_aside(path: &Path, why: &str) {
    error!(path = %path.display(), why, "the end of a session cannot be stored, and is set aside");
    if let Err(error) = fs::rename(path, path.with_extension(&REFUSED[1..])) {
        warn!(path = %path.display(), %error, "it cannot be set aside");
    }
}
