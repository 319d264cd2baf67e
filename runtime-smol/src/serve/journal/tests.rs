use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::mpsc;

use confer_core::config::Config;
use confer_core::time::{Instant, Wall};
use confer_journal::Start;

use super::*;

/// A file that answers each write when it is told what.
struct Slow {
    answers: mpsc::Receiver<io::Result<()>>,
    written: Written,
}

impl Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.answers.recv().unwrap_or(Ok(()))?;
        self.written.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Out for Slow {
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

type Answers = mpsc::Sender<io::Result<()>>;
type Written = Arc<Mutex<Vec<u8>>>;

fn slow() -> (Answers, Written, Journal) {
    let (answer, answers) = mpsc::channel();
    let written = Arc::new(Mutex::default());
    let out = Slow { answers, written: Arc::clone(&written) };
    (answer, written, Journal::begin("test".into(), out).unwrap())
}

fn recorder() -> Recorder<()> {
    let config = Arc::new(Config::default());
    Recorder::new((), &Start::new("a test", config, [7; 32], Wall::new(Instant::ZERO, 0)))
}

#[test]
fn what_is_kept_is_written_in_order_to_the_end() {
    let (answer, written, mut journal) = slow();
    drop(answer);
    let mut recorder = recorder();
    let begin = recorder.output().to_vec();
    journal.keep(&mut recorder);
    assert!(recorder.output().is_empty());
    journal.finish(&mut recorder);
    assert!(!journal.lost);
    let written = written.lock().unwrap();
    assert!(written.starts_with(&begin) && written.len() > begin.len());
    assert_eq!(written.len() as u64, journal.size);
}

#[test]
fn a_disk_that_stands_still_holds_nobody_up_and_ends_the_journal() {
    // B25.3
    let (answer, _, mut journal) = slow();
    let mebibyte = vec![0; 1 << 20];
    let mut taken = 0;
    // The writer may have taken what came before it stood still.
    while journal.push(&mebibyte).is_ok() {
        taken += mebibyte.len();
        assert!(taken <= 2 * MAX_QUEUE, "the queue has a limit");
    }
    assert!(taken >= MAX_QUEUE, "and uses it");
    let mut recorder = recorder();
    journal.size = 0;
    while !journal.lost {
        // The next that finds no room ends it.
        journal.shared.lock().bytes.resize(MAX_QUEUE, 0);
        journal.keep(&mut recorder);
    }
    assert!(recorder.lost().is_some() && recorder.output().is_empty());
    drop(answer);
}

#[test]
fn a_file_that_cannot_be_written_ends_the_journal() {
    let (answer, written, mut journal) = slow();
    answer.send(Err(io::ErrorKind::StorageFull.into())).unwrap();
    let mut recorder = recorder();
    journal.keep(&mut recorder);
    journal.finish(&mut recorder);
    assert!(journal.lost);
    assert!(written.lock().unwrap().is_empty());
    // Nothing more is taken, and nothing kept.
    journal.keep(&mut recorder);
}

#[test]
fn a_file_has_a_largest_size() {
    // B25.3
    let (answer, _, mut journal) = slow();
    drop(answer);
    journal.size = MAX_FILE - 1;
    assert!(journal.push(b"x").is_ok());
    assert!(matches!(journal.push(b"x"), Err(Fault::Full)));
}

#[test]
fn a_file_is_its_owners_and_never_overwritten() {
    // B25.2
    let directory = std::env::temp_dir().join(format!("confer-journal-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let wanted = directory.join("chat.journal");
    for expected in ["chat.journal", "chat.journal.1", "chat.journal.2"] {
        let (name, mut file) = create(&wanted).unwrap();
        assert_eq!(name, directory.join(expected));
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        file.write_all(b"x").unwrap();
    }
    std::fs::remove_dir_all(&directory).unwrap();
    assert!(create(&wanted).is_err(), "no directory is made");
}
