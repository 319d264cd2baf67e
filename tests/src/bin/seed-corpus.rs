//! Writes the files that fuzzing starts from, into `tests/corpus`: `cargo run -p confer-tests --bin
//! seed-corpus`, after the vectors, the generators or the fuzz bodies have changed. Files that are
//! there already, such as what once crashed, stay.

use std::path::Path;
use std::{fs, io};

use confer_core::frame::Protocol;
use confer_journal::{PREAMBLE, Reader};
use confer_tests::arbitrary::Source as _;
use confer_tests::model::Script;
use confer_wire::map::PROTOCOLS;
use quickcheck::Gen;
use serde_json::Value;

/// Files for `roundtrip`, of each kind of message.
const PER_KIND: u8 = 4;
/// Kinds of message `roundtrip` makes.
const KINDS: u8 = 7;
/// Files for `server_script`.
const SCRIPTS: u64 = 12;
/// Recorded scripts for `decode_journal`.
const JOURNALS: u64 = 3;

/// What the first byte of a file for `split` says beside the protocol: a small limit for frames,
/// and how many sizes of pieces follow.
const SMALL_LIMIT: u8 = 4;
const ONE_SIZE: u8 = 1 << 3;

fn main() -> io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let valid = vectors("valid", include_str!("../../vectors/valid.json"));
    let invalid = vectors("invalid", include_str!("../../vectors/invalid.json"));
    for vector in valid.iter().chain(&invalid) {
        let target = format!("decode_{}", vector.protocol.name());
        write(&corpus.join(target), &vector.file, &vector.bytes)?;
    }
    let mut source = Gen::from_size_and_seed(100, 0);
    for kind in 0..KINDS {
        for number in 0..PER_KIND {
            let mut decisions = vec![kind];
            decisions.extend((0..32 << number).map(|_| source.byte()));
            write(&corpus.join("roundtrip"), &format!("kind-{kind}-{number}"), &decisions)?;
        }
    }
    for seed in 0..SCRIPTS {
        let script = Script::seeded(seed, 40);
        write(&corpus.join("server_script"), &format!("seed-{seed}"), &script.bytes())?;
    }
    for seed in 0..JOURNALS {
        journals(&corpus.join("decode_journal"), seed)?;
    }
    for (name, bytes) in web_bodies() {
        write(&corpus.join("chat_api"), name, &bytes)?;
    }
    let split = corpus.join("split");
    for (index, &protocol) in (0..).zip(Protocol::ALL) {
        let of_protocol = |vector: &&Vector| vector.protocol == protocol;
        let frames = || valid.iter().filter(of_protocol).flat_map(|vector| &vector.bytes);
        let choices: [(&str, &[u8]); 4] = [
            ("whole", &[index]),
            ("dribble", &[index | ONE_SIZE, 1]),
            ("pieces", &[index | (3 * ONE_SIZE), 11, 13, 200]),
            ("limit", &[index | SMALL_LIMIT | (2 * ONE_SIZE), 4, 9]),
        ];
        for (how, choice) in choices {
            let stream: Vec<u8> = choice.iter().chain(frames()).copied().collect();
            write(&split, &format!("{}-{how}", protocol.name()), &stream)?;
        }
        for vector in invalid.iter().filter(of_protocol) {
            // Behind a frame without attributes, in pieces of five bytes.
            let before = [0, 0, 0, 8, PROTOCOLS.number(protocol), 1, 0, 1, 0, 0, 0, 1];
            let stream = [&[index | ONE_SIZE, 5][..], &before, &vector.bytes].concat();
            write(&split, &vector.file, &stream)?;
        }
    }
    Ok(())
}

/// A recorded script, and some of its records.
fn journals(directory: &Path, seed: u64) -> io::Result<()> {
    let script = Script::seeded(seed, 20);
    let journal = confer_tests::model::run(&script).map_err(io::Error::other)?.record(true);
    write(directory, &format!("script-{seed}"), &[&[u8::MAX, 0], &journal[..]].concat())?;
    let mut reader = Reader::new();
    reader.push(&journal);
    let mut begin = PREAMBLE;
    for number in 0.. {
        let Ok(Some(_)) = reader.poll() else { break };
        let end = usize::try_from(reader.position()).map_err(io::Error::other)?;
        if number % 16 == 1 {
            // Between its length and its checksum.
            let record = [&[u8::MAX, 1], &journal[begin + 4..end - 4]].concat();
            write(directory, &format!("record-{seed}-{number}"), &record)?;
        }
        begin = end;
    }
    Ok(())
}

fn write(directory: &Path, file: &str, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    fs::write(directory.join(file), bytes)
}

/// Bodies of requests to the web API: the operation and the type of the body, how long the pieces are,
/// and the body.
fn web_bodies() -> [(&'static str, Vec<u8>); 5] {
    const FORM: u8 = 2 << 4;
    let body = |choice: u8, body: &str| [&[choice, 7], body.as_bytes()].concat();
    let part = |head: &str, value: &str| {
        format!("--x\r\nContent-Disposition: form-data; {head}\r\n\r\n{value}\r\n")
    };
    let ids = ["userId", "secureKey", "alias"];
    let ids: String = ids.iter().map(|name| part(&format!("name=\"{name}\""), "1")).collect();
    let file = part("name=\"file\"; filename=\"cat.png\"", "bytes\r\n--y");
    [
        ("begin", body(FORM, "nickname=Casey&userData[%22Key%22]=value&text=hi")),
        ("begin-parts", body(0, &(part("name=nickname", "Casey") + "--x--"))),
        ("send", body(FORM | 1, "userId=1&secureKey=2&message=h%C3%A9&transcriptPosition=3")),
        ("upload", body(12, &(ids.clone() + &file + "--x--\r\n"))),
        ("upload-file-first", body(12, &(file + &ids + "--x--\r\n"))),
    ]
}

/// A frame, or what only looks like one (wire §8).
struct Vector {
    /// The file it goes into.
    file: String,
    /// The port it comes to.
    protocol: Protocol,
    bytes: Vec<u8>,
}

/// The vectors of a file whose vectors are all `kind`, valid or invalid.
fn vectors(kind: &str, json: &str) -> Vec<Vector> {
    let json: Vec<Value> = serde_json::from_str(json).expect("a list of vectors");
    let text = |vector: &Value, key: &str| vector[key].as_str().map(str::to_owned);
    let read = |vector: &Value| {
        let port = text(vector, "protocol").or_else(|| text(vector, "port"));
        let named = |protocol: &&Protocol| port.as_deref() == Some(protocol.name());
        Vector {
            file: file_name(kind, &text(vector, "title").expect("a title")),
            protocol: *Protocol::ALL.iter().find(named).expect("a protocol's name"),
            bytes: bytes(&text(vector, "hex").expect("bytes as hex")),
        }
    };
    json.iter().map(read).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("two digits of hex");
    (0..hex.len()).step_by(2).map(byte).collect()
}

/// Kind and title, fit for every file system.
fn file_name(kind: &str, title: &str) -> String {
    let words = title.split(|character: char| !character.is_ascii_alphanumeric());
    words
        .filter(|word| !word.is_empty())
        .fold(kind.to_owned(), |name, word| name + "-" + &word.to_ascii_lowercase())
}
