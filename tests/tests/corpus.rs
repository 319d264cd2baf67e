//! What fuzzing starts from, and what it once found, through the bodies of the fuzz targets.

use std::fs;
use std::path::Path;

use confer_tests::fuzz;

/// Runs every file of one target's corpus.
#[expect(clippy::print_stdout, reason = "shown only if the body panics: the file to look at")]
fn replay(target: &str, body: fn(&[u8])) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let entries = fs::read_dir(directory).expect("every target has a corpus");
    let mut files: Vec<_> =
        entries.map(|entry| entry.expect("a directory can be listed").path()).collect();
    files.sort();
    assert!(!files.is_empty(), "the corpus of {target} is empty");
    for file in files {
        println!("{}", file.display());
        body(&fs::read(file).expect("a file of the corpus can be read"));
    }
}

#[test]
fn decode_basic() {
    replay("decode_basic", fuzz::decode_basic);
}

#[test]
fn decode_flex() {
    replay("decode_flex", fuzz::decode_flex);
}

#[test]
fn decode_esp() {
    replay("decode_esp", fuzz::decode_esp);
}

#[test]
fn decode_journal() {
    replay("decode_journal", fuzz::decode_journal);
}

#[test]
fn roundtrip() {
    replay("roundtrip", fuzz::roundtrip);
}

#[test]
fn split() {
    replay("split", fuzz::split);
}

#[test]
fn read_transcript() {
    replay("read_transcript", fuzz::read_transcript);
}

#[test]
fn chat_api() {
    replay("chat_api", fuzz::chat_api);
}

#[test]
fn server_script() {
    replay("server_script", fuzz::server_script);
}
