//! `confer decode` as people use it: the real program, its arguments, its input and output.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::sync::mpsc;
use std::time::Duration;

use crate::support::{Pcap, Run, Vector, bare, command, run, run_with, vectors};
use serde_json::{Value, json};

const UNREGISTER: &str = "000000084201000200000003";
const JSON: &[&str] = &["decode", "--format", "json"];

fn lines(vectors: &[Vector]) -> String {
    vectors.iter().map(|vector| format!("{}\n", vector.hex)).collect()
}

fn raw(vectors: &[Vector]) -> Vec<u8> {
    vectors.iter().flat_map(Vector::bytes).collect()
}

fn json(input: &[u8]) -> Run {
    run_with(JSON, input)
}

fn assert_forms(run: &Run, vectors: &[Vector]) {
    let found = run.json();
    for (found, vector) in found.iter().zip(vectors) {
        assert_eq!(*found, vector.form, "{}", vector.title);
    }
    assert_eq!(found.len(), vectors.len());
    assert_eq!((run.notes.as_str(), run.status), ("", 0));
}

#[test]
fn valid_vectors_as_lines_of_hex() {
    let vectors = vectors("valid.json");
    assert_forms(&json(lines(&vectors).as_bytes()), &vectors);
}

#[test]
fn valid_vectors_as_raw_bytes() {
    let vectors = vectors("valid.json");
    assert_forms(&json(&raw(&vectors)), &vectors);
}

#[test]
fn valid_vectors_on_the_port_of_their_protocol() {
    for port in ["basic", "flex", "esp"] {
        let mut vectors = vectors("valid.json");
        vectors.retain(|vector| vector.protocol() == port);
        let args = [JSON, &["--port", port]].concat();
        assert_forms(&run_with(&args, &raw(&vectors)), &vectors);
    }
}

#[test]
fn valid_vectors_in_a_capture() {
    let vectors = vectors("valid.json");
    let mut pcap = Pcap::new();
    for server in [4480, 4481, 4482] {
        pcap.open(50_000, server);
    }
    for vector in &vectors {
        let server = match vector.protocol() {
            "basic" => 4480,
            "flex" => 4481,
            _ => 4482,
        };
        let event = vector.form["message"].as_str().unwrap().starts_with("Event");
        let (from, to) = if event { (server, 50_000) } else { (50_000, server) };
        // Frames and packets need not begin together.
        let bytes = vector.bytes();
        let (first, second) = bytes.split_at(bytes.len() / 3);
        pcap.send(from, to, first);
        pcap.send(from, to, second);
    }
    assert_forms(&json(&pcap.file), &vectors);
}

#[test]
fn invalid_vectors() {
    for vector in vectors("invalid.json") {
        let args = [JSON, &["--port", vector.form["port"].as_str().unwrap()]].concat();
        let run = run_with(&args, vector.hex.as_bytes());
        let [answer] = &run.json()[..] else { panic!("{}: {run:?}", vector.title) };
        let reason = vector.form["reason"].as_str().unwrap();
        assert!(answer["error"].as_str().unwrap().contains(reason), "{}: {answer}", vector.title);
        assert!(answer["offset"].as_u64().unwrap() <= vector.hex.len() as u64 / 2);
        assert_eq!(answer.as_object().unwrap().len(), 2);
        assert_eq!(run.status, 1, "{}", vector.title);
    }
}

#[test]
fn invalid_vectors_among_good_lines_lose_nothing() {
    let mut vectors = vectors("invalid.json");
    vectors.retain(|vector| vector.form["port"] == "basic");
    let input: String =
        vectors.iter().map(|vector| format!("{}\n{UNREGISTER}\n", vector.hex)).collect();
    let run = run_with(&[JSON, &["--port", "basic"]].concat(), input.as_bytes());
    let answers = run.json();
    assert_eq!(answers.len(), 2 * vectors.len());
    for pair in answers.chunks(2) {
        assert!(pair[0]["error"].is_string() && pair[1]["message"] == "RequestUnregister");
    }
}

#[test]
fn an_error_says_where() {
    for (line, error, offset) in [
        // Whoever sent it: a request without reference, an event without its mandatory attribute.
        ("000000084201000200000000", "malformed message 2: a request needs a reference", 8),
        ("000000084201006500000001", "malformed message 101: UserId is missing", 12),
        ("000000084201004d00000001", "malformed message 77: unknown message", 6),
        ("0000000f420100030000000100090100000009", "Visibility is out of range", 15),
        // Not exactly one frame.
        ("000000084201", "runs past", 6),
        ("0000", "runs past", 2),
        ("000000084201000200000003ff", "frame length: 1 byte more", 0),
        // Not hex.
        ("zz", "not a line of hex: column 1: found 'z'", 0),
        ("00:00 0x", "not a line of hex: column 8: found 'x'", 2),
        ("000000084", "not a line of hex: column 10", 4),
    ] {
        let run = json(line.as_bytes());
        let [answer] = &run.json()[..] else { panic!("{line}: {run:?}") };
        assert!(answer["error"].as_str().unwrap().contains(error), "{line}: {answer}");
        assert_eq!(answer["offset"], offset, "{line}");
        assert_eq!(run.status, 1);

        let people = run_with(&["decode"], line.as_bytes());
        assert_eq!((people.out.as_str(), people.status), ("", 1));
        assert!(people.notes.starts_with("confer: line 1: ") && people.notes.contains(error));
    }
}

#[test]
fn lines_may_be_spelled_and_remarked() {
    let input = "\n# a remark\n  0x00:00:00:08 42 01 0002 00000003\r\n\n000000084201000200000003";
    let run = json(input.as_bytes());
    assert_eq!(run.json(), vec![bare("basic", "RequestUnregister", 3); 2]);
    let people = run_with(&["decode"], input.as_bytes());
    assert_eq!(
        people.out,
        "line 3: basic RequestUnregister, reference 3, 12 bytes\n\n\
         line 5: basic RequestUnregister, reference 3, 12 bytes\n"
    );
}

#[test]
fn a_line_is_answered_before_the_next_one_comes() {
    for args in [&["decode"][..], JSON] {
        let mut child = command().args(args).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, answers) = mpsc::channel();
        let reader = std::thread::spawn(move || {
            for line in stdout.lines().map(Result::unwrap) {
                sender.send(line).unwrap();
            }
        });
        for _ in 0..3 {
            writeln!(stdin, "{UNREGISTER}").unwrap();
            stdin.flush().unwrap();
            // Only a program that does not answer takes this long.
            let answer = loop {
                let line = answers.recv_timeout(Duration::from_secs(60)).unwrap();
                if !line.is_empty() {
                    break line;
                }
            };
            assert!(answer.contains("RequestUnregister"));
        }
        drop(stdin);
        reader.join().unwrap();
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn a_reader_who_leaves_ends_it_quietly() {
    let mut child = command().args(JSON).spawn().unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    // Until it ends, it takes its input; more than a pipe holds, so that it must have written.
    while writeln!(stdin, "{UNREGISTER}").is_ok() {}
    let mut notes = String::new();
    child.stderr.take().unwrap().read_to_string(&mut notes).unwrap();
    assert_eq!((notes.as_str(), child.wait().unwrap().code()), ("", Some(0)));
}

#[test]
fn texts_are_for_those_who_ask() {
    let vectors = vectors("valid.json");
    let hidden = run_with(&["decode"], lines(&vectors).as_bytes());
    let shown = run_with(&["decode", "--show-text"], lines(&vectors).as_bytes());
    assert_eq!((hidden.status, hidden.notes.as_str()), (0, ""));
    let mut count = 0;
    let blocks = hidden.out.split("\n\n").zip(shown.out.split("\n\n"));
    for (vector, (hidden, shown)) in vectors.iter().zip(blocks) {
        let mut words = Vec::new();
        covered(&vector.form["attributes"], &mut words);
        count += words.len();
        for word in &words {
            // The same word may stand where everybody may see it, such as an id.
            let covered = words.iter().filter(|other| *other == word).count();
            let word = format!("\"{}\"", word.escape_debug()).replace("\\'", "'");
            let seen = |block: &str| block.matches(&word).count();
            assert_eq!(seen(shown), seen(hidden) + covered, "{word} in {shown} or {hidden}");
        }
    }
    assert!(count > 50, "the vectors have texts");
    assert!(hidden.out.contains("MessageText  [15 characters]"));
    assert!(hidden.out.contains("SecureKey   [hidden]"));
}

/// Collects the words under these attributes that may not be seen.
fn covered(attributes: &Value, words: &mut Vec<String>) {
    const COVERED: &[&str] = &[
        "Subject",
        "MessageText",
        "NoticeText",
        "ReasonText",
        "UserNickname",
        "PersonId",
        "SecureKey",
        "AccessToken",
    ];
    for (name, value) in attributes.as_object().unwrap() {
        if let Some(text) = value.as_str().filter(|_| COVERED.contains(&name.as_str())) {
            words.push(text.to_owned());
        }
        if let Some(inside) = value.get("struct") {
            covered(inside, words);
        }
        for item in value.get("list").and_then(Value::as_array).into_iter().flatten() {
            covered(item, words);
        }
        // Of Extensions some entries are the protocol's own words.
        if name != "Extensions" {
            entries(value, words);
        }
    }
}

/// Collects the words in a key-value list.
fn entries(list: &Value, words: &mut Vec<String>) {
    for pair in list.get("kvl").and_then(Value::as_array).into_iter().flatten() {
        words.extend(pair[1].as_str().map(str::to_owned));
        entries(&pair[1], words);
    }
}

#[test]
fn people_see_names_and_places() {
    let mut pcap = Pcap::new();
    pcap.open(50_000, 4480);
    let vectors = vectors("valid.json");
    pcap.send(50_000, 4480, &vectors[0].bytes());
    let run = run_with(&["decode", "--show-text"], &pcap.file);
    assert_eq!(
        run.out,
        "\
2024-01-15T10:00:00.000003Z 127.0.0.1:50000 → 127.0.0.1:4480, stream 1, packet 3
basic RequestRegister, reference 1, 60 bytes
    UserNickname    \"Robin\"
    UserType        2 AGENT
    PersonId        \"agent.07\"
    TimeZoneOffset  60 min
    ClientVersion   106
"
    );
}

#[test]
fn tcp_ports_select_connections_and_protocols() {
    let unregister = vectors("valid.json")[2].bytes();
    let poll = [0, 0, 0, 8, b'E', 1, 0xff, 0xfe, 0, 0, 0, 0];
    let mut pcap = Pcap::new();
    for (server, bytes) in [(7001, &unregister[..]), (4480, &unregister), (7002, &poll)] {
        pcap.open(50_000, server);
        pcap.send(50_000, server, bytes);
    }
    let basic = bare("basic", "RequestUnregister", 3);
    let esp = bare("esp", "AddpPoll", 0);
    for (args, expected) in [
        (&[][..], vec![basic.clone()]),
        (&["--tcp-port", "7002"], vec![esp.clone()]),
        (&["--tcp-port", "7001=basic", "--tcp-port", "7002=esp"], vec![basic.clone(), esp]),
        (&["--tcp-port", "7001", "--port", "basic"], vec![basic]),
        (&["--port", "flex"], vec![]),
    ] {
        let run = run_with(&[JSON, args].concat(), &pcap.file);
        assert_eq!((run.json(), run.status), (expected, 0), "{args:?}");
    }
    let none = run_with(&["decode", "--port", "flex"], &pcap.file);
    assert_eq!(none.notes, "confer: no frame on TCP port 4481; --tcp-port names others\n");

    let run = run_with(&[JSON, &["--tcp-port", "7002=basic"]].concat(), &pcap.file);
    assert!(run.json()[0]["error"].as_str().unwrap().contains("protocol"));
    assert_eq!(run.status, 1);
}

#[test]
fn an_undecodable_frame_ends_its_stream_only() {
    let unregister = vectors("valid.json")[2].bytes();
    let unknown_type = [0, 0, 0, 11, b'B', 1, 0, 4, 0, 0, 0, 7, 0, 3, 99];
    let mut pcap = Pcap::new();
    pcap.open(50_000, 4480);
    pcap.open(50_001, 4480);
    pcap.send(50_000, 4480, &unknown_type);
    pcap.send(50_000, 4480, &unregister);
    pcap.send(50_001, 4480, &unregister);
    let run = json(&pcap.file);
    let error = json!({ "error": "unknown type", "offset": 14 });
    assert_eq!(run.json(), [error, bare("basic", "RequestUnregister", 3)]);
    assert_eq!(run.status, 1);
    let place = "127.0.0.1:50000 → 127.0.0.1:4480, stream 1, packet 5";
    assert!(run.notes.ends_with(&format!("{place}: the rest of this stream is skipped\n")));

    let run = json(&[&unregister[..], &unknown_type, &unregister].concat());
    assert_eq!(run.json().len(), 2);
    assert_eq!(run.notes, "confer: byte 12: the rest of this stream is skipped\n");
}

#[test]
fn a_message_that_makes_no_sense_ends_nothing() {
    let unregister = vectors("valid.json")[2].bytes();
    let unknown = [0, 0, 0, 8, b'B', 1, 0, 77, 0, 0, 0, 7];
    let run = json(&[&unregister[..], &unknown, &unregister].concat());
    let [_, error, after] = &run.json()[..] else { panic!("{run:?}") };
    assert_eq!(error["error"], "malformed message 77: unknown message");
    assert_eq!(*after, bare("basic", "RequestUnregister", 3));
    assert_eq!((run.notes.as_str(), run.status), ("", 1));
}

#[test]
fn a_stream_that_ends_inside_a_frame_is_told() {
    let unregister = vectors("valid.json")[2].bytes();
    let error = json!({ "error": "field runs past the end of what holds it", "offset": 5 });
    let run = json(&[&unregister[..], &unregister[..5]].concat());
    assert_eq!(run.json(), [bare("basic", "RequestUnregister", 3), error.clone()]);
    assert_eq!(run.status, 1);

    let mut pcap = Pcap::new();
    pcap.open(50_000, 4480);
    pcap.send(50_000, 4480, &unregister[..5]);
    pcap.finish(50_000, 4480);
    let run = json(&pcap.file);
    assert_eq!((run.json(), run.status), (vec![error], 1));
    let people = run_with(&["decode"], &pcap.file);
    let place = "127.0.0.1:50000 → 127.0.0.1:4480, stream 1";
    assert!(people.notes.starts_with(&format!("confer: {place}: field runs past")));
    assert!(people.notes.ends_with("at byte 5 of the frame\n"));
}

#[test]
fn what_a_capture_lacks_is_told() {
    let unregister = vectors("valid.json")[2].bytes();
    let mut pcap = Pcap::new();
    pcap.open(50_000, 4480);
    pcap.send(50_000, 4480, &unregister);
    pcap.lose(50_000, 4480, 12);
    pcap.send(50_000, 4480, &unregister);
    pcap.finish(50_000, 4480);
    let run = json(&pcap.file);
    assert_eq!((run.json().len(), run.status), (1, 1));
    assert!(run.notes.contains("gap: 12 bytes are not in the capture"), "{}", run.notes);

    let cut = run_with(JSON, &pcap.file[..pcap.file.len() - 1]);
    assert_eq!((cut.json().len(), cut.status), (1, 2), "what could be read was printed");
    assert!(cut.notes.contains("cannot read the capture: the file ends inside"), "{}", cut.notes);
}

#[test]
fn frames_have_a_limit() {
    let large = vectors("valid.json")[0].hex.clone();
    for (limit, good) in [("60", true), ("59", false)] {
        let run = run_with(&[JSON, &["--max-frame", limit]].concat(), large.as_bytes());
        assert_eq!(run.status == 0, good);
        assert_eq!(run.out.contains("frame length"), !good);
    }
    let announced = |length: u32| format!("{length:08x}420100020000000300");
    // As soon as the length shows, whatever else comes.
    let refused = |length| json(announced(length).as_bytes()).out.contains("frame length");
    assert!(refused(524_285) && !refused(524_284));
    // The usual limit has room for a line with every byte apart.
    let long = format!("{}\n{UNREGISTER}\n", "00 ".repeat(1_000_000));
    let answers = json(long.as_bytes()).json();
    assert!(answers[0]["error"].as_str().unwrap().contains("frame length"));
    assert_eq!(answers[1], bare("basic", "RequestUnregister", 3));
}

#[test]
fn the_kind_of_input_can_be_given() {
    let hex = run_with(&[JSON, &["--input", "raw"]].concat(), UNREGISTER.as_bytes());
    assert!(hex.json()[0]["error"].as_str().unwrap().contains("frame length"));
    let raw = vectors("valid.json")[2].bytes();
    let raw = run_with(&[JSON, &["--input", "hex"]].concat(), &raw);
    assert!(raw.json()[0]["error"].as_str().unwrap().contains("hex"));
    let capture = run_with(&["decode", "--input", "capture"], UNREGISTER.as_bytes());
    assert_eq!(capture.status, 2);
    assert_eq!(capture.notes, "confer: cannot read the capture: not a pcap or pcapng file\n");
}

#[test]
fn files_are_read_by_name() {
    let path = format!("{}/unregister.hex", env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(&path, UNREGISTER).unwrap();
    let ran = run(&[JSON, &[&path]].concat());
    assert_eq!(ran.json(), [bare("basic", "RequestUnregister", 3)]);
    let ran = run_with(&[JSON, &["-"]].concat(), UNREGISTER.as_bytes());
    assert_eq!(ran.json(), [bare("basic", "RequestUnregister", 3)]);

    let missing = run(&["decode", "no/such/file"]);
    assert_eq!((missing.out.as_str(), missing.status), ("", 2));
    assert!(missing.notes.starts_with("confer: cannot open \"no/such/file\": "));
    let directory = run(&["decode", env!("CARGO_TARGET_TMPDIR")]);
    assert_eq!(directory.status, 2);
}

#[test]
fn an_empty_input_holds_no_frame() {
    for input in ["", "\n", "# nothing\n"] {
        let run = run_with(&["decode"], input.as_bytes());
        assert_eq!((run.out.as_str(), run.status), ("", 0));
        assert_eq!(run.notes, "confer: the input holds no frame\n");
    }
}

#[test]
fn the_program_explains_itself() {
    let help = run(&["--help"]);
    assert_eq!((help.status, help.notes.as_str()), (0, ""));
    for part in ["Usage: confer", "decode", "serve", "Examples:", "--version"] {
        assert!(help.out.contains(part), "{part}");
    }

    let decode = run(&["decode", "--help"]);
    assert_eq!(decode.status, 0);
    for part in ["Usage: confer decode", "--max-frame", "Exit status:", "Examples:"] {
        assert!(decode.out.contains(part), "{part}");
    }
    let version = run(&["--version"]);
    assert_eq!(version.out, concat!("confer ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn a_wrong_command_line_is_told() {
    for (args, part) in [
        (&["dekode"][..], "unknown command 'dekode'; the nearest is 'decode'"),
        (&["decode", "--fromat", "json"], "unknown option '--fromat'; the nearest is '--format'"),
        (&["decode", "--port", "http"], "'http'"),
        (&["decode", "--tcp-port", "7001"], "needs a capture"),
    ] {
        let run = run_with(args, UNREGISTER.as_bytes());
        assert_eq!((run.status, run.out.as_str()), (2, ""));
        assert!(run.notes.contains(part), "{}", run.notes);
    }
}
