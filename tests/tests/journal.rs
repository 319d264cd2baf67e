//! Journals: what was recorded can be read, whatever happened to the file, and run again to the same
//! end.

use std::sync::Arc;

use confer_core::config::Config;
use confer_core::door::{Action, Input};
use confer_core::frame::{Frame, KvEntry, KvList, KvValue, Request, UserType, basic, flex};
use confer_core::id::LinkId;
use confer_core::machine::{Machine, Progress};
use confer_core::pii::{Pii, Secret};
use confer_core::server::Server;
use confer_core::text::{Str, Text};
use confer_core::time::{Instant, Wall};
use confer_journal::{
    CHECKPOINT_CALLS, CHECKPOINT_MILLIS, Damage, Difference, Hide, Lost, MAX_PENDING, MAX_RECORD,
    PREAMBLE, Reader, Record, Recorder, Replay, Start, Tail, VERSION,
};
use confer_tests::arbitrary::{INPUTS, config, input, wall};
use confer_tests::model::{self, Script};
use confer_tests::world::Chance;
use confer_tests::{cases, fuzz, seeds};
use quickcheck::Gen;

/// What was recorded of a script, and every record of it.
fn recorded(seed: u64) -> (Vec<u8>, Vec<Record>) {
    let script = Script::seeded(seed, 60);
    let bytes = model::run(&script).unwrap_or_else(|error| panic!("{error}")).record(true);
    let records = read(&bytes).0;
    (bytes, records)
}

/// The records of a journal, and what is in the way of the next.
fn read(bytes: &[u8]) -> (Vec<Record>, Result<Tail, Damage>) {
    let mut reader = Reader::new();
    reader.push(bytes);
    let mut records = Vec::new();
    loop {
        match reader.poll() {
            Ok(Some(record)) => records.push(record),
            Ok(None) => return (records, Ok(reader.tail())),
            Err(damage) => return (records, Err(damage)),
        }
    }
}

fn server(start: &Start) -> Server {
    let seed = *start.seed.expect("texts are there").reveal();
    Server::new(Arc::clone(&start.config), seed, start.wall, start.now)
}

/// Runs records; the actions each gave.
fn replay(records: &[Record]) -> Result<Vec<Vec<Action>>, Difference> {
    let Some(Record::Start(start)) = records.first() else { panic!("{:?}", records.first()) };
    let mut replay = Replay::new(server(start));
    let mut actions = Vec::new();
    for record in records {
        let mut given = Vec::new();
        replay.apply(record.clone(), |action| given.push(action.clone()))?;
        actions.push(given);
    }
    assert_eq!(replay.verified(), replay.calls(), "it ends with a checkpoint");
    Ok(actions)
}

fn start() -> Start {
    Start::new("a test", Arc::new(Config::default()), [7; 32], Wall::new(Instant::ZERO, 0))
}

/// A machine that does nothing; what is done to it is all that matters.
struct Idle;

impl Machine for Idle {
    type Input = Input;
    type Action = Action;

    fn handle(&mut self, _: Input, _: Instant) {}

    fn handle_timeout(&mut self, _: Instant, _: usize) -> Progress {
        Progress::Idle
    }

    fn poll_action(&mut self) -> Option<Action> {
        None
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}

fn kind(input: &Input) -> u8 {
    match input {
        Input::Link { .. } => 0,
        Input::Frame { .. } => 1,
        Input::Malformed { .. } => 2,
        Input::Done { .. } => 3,
        Input::External(_) => 4,
        Input::Wall(_) => 5,
        Input::ReplyDelay(_) => 6,
        Input::Config(_) => 7,
        Input::Drain => 8,
        Input::CloseSessions => 9,
    }
}

#[test]
fn every_input_comes_back_as_it_was() {
    let mut seen = [0; INPUTS as usize];
    seeds::each("journal", cases(300, 20_000), |seed| {
        let mut source = Gen::from_size_and_seed(100, seed);
        let mut begin =
            Start::new("a test", Arc::new(config(&mut source)), [7; 32], wall(&mut source));
        begin.now = Instant::from_millis(seed);
        let mut recorder = Recorder::new(Idle, &begin);
        let mut expected = vec![Record::Start(begin)];
        for index in 0..20 {
            let now = Instant::from_millis(seed.saturating_add(index));
            let input = input(&mut source);
            seen[usize::from(kind(&input))] += 1;
            recorder.handle(input.clone(), now);
            let _ = recorder.handle_timeout(now, 64);
            expected.extend([Record::Handle { now, input }, Record::Timeout { now, budget: 64 }]);
        }
        // In two pieces, wherever they are cut.
        let bytes = recorder.output();
        let (first, second) = bytes.split_at(usize::try_from(seed % 1000).unwrap_or(0));
        let mut reader = Reader::new();
        let mut records = Vec::new();
        for piece in [first, second] {
            reader.push(piece);
            while let Some(record) = reader.poll().expect("what was recorded can be read") {
                records.push(record);
            }
        }
        assert!(records == expected, "{records:?}\nis not\n{expected:?}");
        assert_eq!(reader.tail(), Tail::Open);
    });
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
}

#[test]
fn a_recorded_run_gives_the_same_actions() {
    // B25.1
    seeds::each("journal", cases(60, 5000), |seed| {
        let (bytes, records) = recorded(seed);
        assert_eq!(read(&bytes).1, Ok(Tail::Whole));
        if let Err(difference) = replay(&records) {
            panic!("{difference}");
        }
    });
}

#[test]
fn another_input_gives_other_actions() {
    seeds::each("journal", cases(60, 2000), |seed| {
        let (_, mut records) = recorded(seed);
        let actions = replay(&records).unwrap_or_else(|difference| panic!("{difference}"));
        // A request that is answered at once, asked under another reference.
        let answered: Vec<_> = (0..records.len())
            .filter(|&at| {
                let Record::Handle { input: Input::Frame { link: asked, frame: request }, .. } =
                    &records[at]
                else {
                    return false;
                };
                actions[at].iter().any(|action| {
                    matches!(action, Action::Send { link, frame }
                        if link == asked && frame.reference == request.reference)
                })
            })
            .collect();
        let Some(&at) = answered.get(usize::try_from(seed).unwrap_or(0) % answered.len().max(1))
        else {
            return;
        };
        let calls = records[..=at]
            .iter()
            .filter(|record| matches!(record, Record::Handle { .. } | Record::Timeout { .. }))
            .count() as u64;
        let Record::Handle { input: Input::Frame { frame, .. }, .. } = &mut records[at] else {
            panic!("it is a frame");
        };
        frame.reference ^= 1 << 30;
        let difference = replay(&records).expect_err("the answer has another reference");
        assert!(difference.after < calls, "{difference}");
        assert!(difference.recorded.calls >= calls, "{difference}");
    });
}

#[test]
fn another_seed_gives_other_actions() {
    let (_, mut records) = recorded(1);
    let Some(Record::Start(start)) = records.first_mut() else { panic!("it has a start") };
    start.seed = Some(Pii::new([8; 32]));
    assert!(replay(&records).is_err());
}

#[test]
fn a_torn_tail_is_told_and_all_before_it_read() {
    // B25.4
    let (bytes, records) = recorded(2);
    for length in 0..bytes.len() {
        let (whole, tail) = read(&bytes[..length]);
        assert!(records.starts_with(&whole), "{length}");
        match tail.unwrap_or_else(|damage| panic!("{length}: {damage}")) {
            Tail::Whole => panic!("{length}: the end is missing"),
            Tail::Open => assert!(!whole.is_empty()),
            Tail::Torn { position, bytes } => {
                assert_eq!(usize::try_from(position).unwrap_or(usize::MAX) + bytes, length);
            }
        }
    }
}

#[test]
fn a_changed_byte_is_noticed() {
    // B25.4
    let (mut bytes, records) = recorded(3);
    let last = bytes.len() - bytes.len() / 3;
    for at in (0..last).step_by(7).chain(last..bytes.len()) {
        for bit in [0, 7] {
            bytes[at] ^= 1 << bit;
            let (whole, end) = read(&bytes);
            // The record it is in, or the first that comes to be behind it, is not read.
            assert!(whole.len() < records.len(), "{at}");
            assert!(records.starts_with(&whole), "{at}");
            assert_ne!(end, Ok(Tail::Whole), "{at}");
            bytes[at] ^= 1 << bit;
        }
    }
}

#[test]
fn a_record_that_is_left_out_is_missed() {
    let (bytes, records) = recorded(4);
    let mut reader = Reader::new();
    reader.push(&bytes);
    let mut ends = Vec::new();
    while let Ok(Some(_)) = reader.poll() {
        ends.push(usize::try_from(reader.position()).unwrap_or(usize::MAX));
    }
    for pair in ends.windows(2).take(ends.len() - 2) {
        let cut = [&bytes[..pair[0]], &bytes[pair[1]..]].concat();
        let (whole, end) = read(&cut);
        assert!(records.starts_with(&whole));
        assert_eq!(end, Err(Damage::Checksum { position: pair[0] as u64 }));
    }
}

#[test]
fn what_is_no_journal_is_told_apart() {
    let (bytes, _) = recorded(5);
    let mut other = bytes.clone();
    other[8..PREAMBLE].copy_from_slice(&(VERSION + 1).to_le_bytes());
    assert_eq!(read(&other).1, Err(Damage::Version { found: VERSION + 1 }));
    assert_eq!(read(b"\x7fELF").1, Err(Damage::NoJournal));
    assert_eq!(read(b"CONF").1, Ok(Tail::Torn { position: 0, bytes: 4 }));
    let more = [&bytes[..], b"x"].concat();
    assert_eq!(read(&more).1, Err(Damage::AfterEnd { position: bytes.len() as u64 }));
    let mut long = bytes[..PREAMBLE].to_vec();
    let length = u32::try_from(MAX_RECORD).unwrap_or(u32::MAX);
    long.extend((length + 1).to_le_bytes());
    let position = PREAMBLE as u64;
    assert_eq!(read(&long).1, Err(Damage::TooLarge { position, length: length + 1 }));
    let mut longest = bytes[..PREAMBLE].to_vec();
    longest.extend(length.to_le_bytes());
    assert_eq!(read(&longest).1, Ok(Tail::Torn { position, bytes: 4 }));
}

fn message(words: &str) -> Input {
    let request = basic::RequestMessage {
        session_id: "session".into(),
        message_text: Text::new(words),
        message_type: None,
        treat_as: None,
        visibility: None,
        receiver_id: None,
        user_data: None,
        event_attributes: None,
        request_key: None,
    };
    let body = Request::Basic(basic::Request::RequestMessage(request));
    Input::Frame { link: LinkId(1), frame: Frame::new(1, body) }
}

#[test]
fn an_input_larger_than_a_record_ends_the_journal() {
    let mut recorder = Recorder::new(Idle, &start());
    recorder.handle(message(&"x".repeat(MAX_RECORD - 100)), Instant::ZERO);
    assert_eq!(recorder.lost(), None);
    let before = recorder.output().len();
    recorder.handle(message(&"x".repeat(MAX_RECORD)), Instant::ZERO);
    assert_eq!(recorder.lost(), Some(Lost::TooLarge));
    recorder.handle(Input::Drain, Instant::ZERO);
    recorder.finish();
    assert_eq!(recorder.output().len(), before, "nothing more, and nothing half");
    assert_eq!(read(recorder.output()).1, Ok(Tail::Open));
}

#[test]
fn a_shell_that_takes_nothing_ends_the_journal() {
    let mut recorder = Recorder::new(Idle, &start());
    let large = message(&"x".repeat(1 << 20));
    let mut count = 0;
    while recorder.lost().is_none() {
        recorder.handle(large.clone(), Instant::ZERO);
        count += 1;
        assert!(recorder.output().len() < MAX_PENDING + (2 << 20));
    }
    assert_eq!(recorder.lost(), Some(Lost::Overflow));
    assert_eq!(count, 65, "the one that finds more than the limit");

    // Whoever takes what there is can go on without end.
    let mut recorder = Recorder::new(Idle, &start());
    for _ in 0..2 * count {
        recorder.handle(large.clone(), Instant::ZERO);
        recorder.sent(recorder.output().len());
    }
    assert_eq!(recorder.lost(), None);
}

#[test]
fn checkpoints_come_by_number_and_by_time() {
    let checkpoints = |calls: u64, step: u64| {
        let mut recorder = Recorder::new(Idle, &start());
        for call in 1..=calls {
            recorder.handle(Input::Drain, Instant::from_millis(call * step));
            assert_eq!(recorder.poll_action(), None);
        }
        let (records, _) = read(recorder.output());
        records.iter().filter(|record| matches!(record, Record::Checkpoint(_))).count()
    };
    assert_eq!(checkpoints(CHECKPOINT_CALLS - 1, 0), 0);
    assert_eq!(checkpoints(CHECKPOINT_CALLS, 0), 1);
    assert_eq!(checkpoints(2 * CHECKPOINT_CALLS - 1, 0), 1);
    assert_eq!(checkpoints(1, CHECKPOINT_MILLIS - 1), 0);
    assert_eq!(checkpoints(1, CHECKPOINT_MILLIS), 1);
    assert_eq!(checkpoints(3, CHECKPOINT_MILLIS), 3);
}

#[test]
fn a_recorder_that_is_off_or_stopped_holds_nothing() {
    let mut off = Recorder::off(Idle);
    off.handle(message("word"), Instant::ZERO);
    off.finish();
    assert!(off.output().is_empty() && off.lost().is_none());
    let mut stopped = Recorder::new(Idle, &start());
    stopped.stop();
    stopped.handle(message("word"), Instant::ZERO);
    assert!(stopped.output().is_empty());
    assert_eq!(stopped.lost(), Some(Lost::Stopped));
}

/// Inputs with words that must not be seen wherever there can be some.
fn telling() -> Vec<Input> {
    let list = KvList::from([
        ("key", KvValue::from("geheim")),
        ("number", KvValue::from(0x5A5A_5A5A)),
        ("long", KvValue::from(0x5A5A_5A5A_5A5A_5A5A_i64)),
        ("bytes", KvValue::from(&b"geheim"[..])),
        ("list", KvValue::from(KvList::from([("inside", KvValue::from("geheim"))]))),
    ]);
    let register = basic::RequestRegister {
        user_nickname: Pii::new(Str::new("geheim")),
        user_type: UserType::Agent,
        person_id: Some(Pii::new(Str::new("geheim"))),
        time_zone_offset: None,
        client_version: None,
        user_data: Some(list.clone()),
        max_frame: None,
    };
    let join = flex::RequestJoin {
        user_id: "user".into(),
        secure_key: Secret::new("geheim"),
        session_id: None,
        queue_key: None,
        subject: Some(Text::new("geheim")),
        message_text: Some(Text::new("ein geheimer Größenwahn")),
        user_data: Some(list),
        request_key: None,
    };
    let frame = |body: Request| Input::Frame { link: LinkId(1), frame: Frame::new(1, body) };
    vec![
        frame(basic::Request::RequestRegister(register).into()),
        frame(flex::Request::RequestJoin(join).into()),
        message("geheim"),
    ]
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

#[test]
fn without_text_there_is_no_word_and_no_seed() {
    // B25.5
    let mut recorder = Recorder::new(Idle, &start().without_text());
    for input in telling() {
        recorder.handle(input, Instant::ZERO);
    }
    recorder.finish();
    let bytes = recorder.output();
    for word in ["geheim", "Größenwahn", "ZZZZ"] {
        assert!(!contains(bytes, word.as_bytes()), "{word}");
        let wide: Vec<u16> = word.encode_utf16().collect();
        let little: Vec<u8> = wide.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let big: Vec<u8> = wide.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        assert!(!contains(bytes, &little) && !contains(bytes, &big), "{word}");
    }
    assert!(!contains(bytes, &[7; 32]), "the seed");
    let (records, end) = read(bytes);
    assert_eq!(end, Ok(Tail::Whole));
    let Some(Record::End(end)) = records.last() else { panic!("it has an end") };
    assert_eq!(end.digest, None, "a digest of short words betrays them");
    // Types and lengths are those of the words.
    let Record::Handle { input: Input::Frame { frame, .. }, .. } = &records[2] else {
        panic!("{:?}", records[2]);
    };
    let Request::Flex(flex::Request::RequestJoin(join)) = &frame.body else {
        panic!("{frame:?}");
    };
    assert_eq!(join.message_text, Some(Text::new("***********************")));
    assert_eq!(join.secure_key, Secret::new("******"));
    let list = join.user_data.as_ref().map(KvList::entries).unwrap_or_default();
    let entry = |key: &str, value| KvEntry { key: key.into(), value };
    let inside = KvList::from([("inside", KvValue::from("******"))]);
    let expected = [
        entry("key", "******".into()),
        entry("number", 0.into()),
        entry("long", 0_i64.into()),
        entry("bytes", (&[0; 6][..]).into()),
        entry("list", inside.into()),
    ];
    assert_eq!(list, expected);
}

#[test]
fn any_record_is_survived() {
    seeds::each("journal", cases(300, 100_000), |seed| {
        let mut source = Gen::from_size_and_seed(100, seed);
        let begin = Start::new("a test", Arc::new(config(&mut source)), [7; 32], wall(&mut source));
        let mut recorder = Recorder::new(Idle, &begin);
        recorder.sent(recorder.output().len());
        recorder.handle(input(&mut source), Instant::from_millis(seed));
        // Its bytes without length and checksum, some of them changed, in a sound frame.
        let mut chance = Chance::new(seed);
        let output = recorder.output();
        let mut record = [&[u8::MAX, 1], &output[4..output.len() - 4]].concat();
        for _ in 0..chance.below(4) {
            let at = 2 + chance.index(record.len() - 2);
            record[at] = u8::try_from(chance.below(256)).unwrap_or_default();
        }
        fuzz::decode_journal(&record);
    });
}

#[test]
fn a_configuration_comes_back_as_it_was_and_without_secrets() {
    let read = |settings: &[[&str; 3]]| -> Result<Config, serde_json::Error> {
        serde_json::from_value(serde_json::to_value(settings)?)
    };
    let again = |config: &Config| -> Config {
        let written = serde_json::to_value(config).expect("it can be written");
        serde_json::from_value(written).expect("it can be read")
    };
    for settings in [
        &[["settings", "request-max-size", "524288"]][..],
        &[["settings", "xml-request-max-size", "4096"]],
        &[["languages.German", "country", ""]],
        &[["languages.German", "name", "Deutsch"], ["languages.German", "message-alert", ""]],
        &[["endpoints:1", "default", "default"]],
        &[["endpoints:1", "sales", "sales-queue"]],
    ] {
        let config = read(settings).expect("it is legal");
        assert_eq!(again(&config), config, "{settings:?}");
    }
    let mut secret = Config::default();
    let set = secret.set("ports.webapi", "access-token", "geheim");
    assert_eq!(set, Ok(None));
    assert_eq!(again(&secret), Config::default());
    assert!(read(&[["ports.webapi", "access-token", "geheim"]]).is_err());
    assert!(read(&[["settings", "session-linger", "0"]]).is_err());
}

#[test]
fn whatever_is_hidden_hides_again_as_the_same() {
    seeds::each("journal", cases(200, 10_000), |seed| {
        let input = input(&mut Gen::from_size_and_seed(100, seed));
        let hidden = serde_json::to_value(Hide(&input)).expect("it can be written");
        let read: Input = serde_json::from_value(hidden.clone()).expect("it has its type");
        assert_eq!(kind(&read), kind(&input));
        assert_eq!(serde_json::to_value(&read).expect("it can be written"), hidden);
        let shown = serde_json::to_value(&input).expect("it can be written");
        let again: Input = serde_json::from_value(shown).expect("it has its type");
        assert!(again == input, "{input:?}");
    });
}
