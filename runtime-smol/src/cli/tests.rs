use confer_core::frame::Protocol;
use confer_wire::{HEADER_SIZE, MAX_FRAME};

use crate::decode::{Format, Kind, Options};
use crate::options::Format as Shown;

use crate::people::bot::Answer;
use crate::people::{BASIC, Chat, ESP, Entrance, FLEX, Format as Lines, Who};

use super::args::distance;
use super::check_config::CHECK_CONFIG;
use super::decode::DECODE;
use super::options::OPTIONS as SHOW_OPTIONS;
use super::*;

fn parsed(line: &str) -> Result<Command, UsageError> {
    parse(line.split_whitespace().map(OsString::from).collect())
}

fn options(line: &str) -> Options {
    let command = parsed(&format!("decode {line}")).unwrap();
    let Command::Decode(options) = command else { panic!("{command:?}") };
    options
}

fn refusal(line: &str) -> String {
    parsed(line).unwrap_err().to_string()
}

#[test]
fn help_is_found_wherever_it_is_looked_for() {
    for line in ["-h", "--help", "help", "help help"] {
        assert!(matches!(parsed(line).unwrap(), Command::Help(text) if text == HELP), "{line}");
    }
    for line in ["decode -h", "decode --help", "help decode", "decode --port esp file --help"] {
        assert!(
            matches!(parsed(line).unwrap(), Command::Help(text) if text == DECODE.help),
            "{line}"
        );
    }
    for line in ["check-config -h", "help check-config", "check-config --set a/b=c --help"] {
        assert!(
            matches!(parsed(line).unwrap(), Command::Help(text) if text == CHECK_CONFIG.help),
            "{line}"
        );
    }
    for line in ["options -h", "options --help", "help options"] {
        assert!(
            matches!(parsed(line).unwrap(), Command::Help(text) if text == SHOW_OPTIONS.help),
            "{line}"
        );
    }
    assert!(matches!(parsed("").unwrap(), Command::Missing));
    for line in ["-V", "--version"] {
        assert!(matches!(parsed(line).unwrap(), Command::Version));
    }
}

#[test]
fn help_tells_every_command_and_option() {
    for known in COMMANDS.iter().map(|known| &known.name).chain(OPTIONS) {
        assert!(HELP.contains(known), "{known}");
    }
    for known in COMMANDS {
        for option in known.options {
            assert!(known.help.contains(option), "{}: {option}", known.name);
        }
    }
    for help in COMMANDS.iter().map(|known| known.help).chain([HELP]) {
        for line in help.lines() {
            assert!(line.len() <= 100, "too wide: {line}");
        }
    }
}

#[test]
fn commands_stand_in_the_order_of_their_names() {
    assert!(COMMANDS.is_sorted_by_key(|known| known.name));
}

#[test]
fn help_tells_the_defaults() {
    let options = Options::default();
    assert!(DECODE.help.contains(&format!("the default is {}", options.max_frame)));
    assert!(DECODE.help.contains(&format!("{HEADER_SIZE} to {MAX_FRAME} bytes")));
}

#[test]
fn every_option_is_taken() {
    let options = options(
        "--input hex -f json --port=flex --tcp-port 7001 --tcp-port=7002=flex --max-frame 12 \
         --show-text some.file",
    );
    assert_eq!(options.file.unwrap().to_str(), Some("some.file"));
    assert_eq!(options.input, Some(Kind::Hex));
    assert_eq!(options.format, Format::Json);
    assert_eq!(options.port, Some(Protocol::Flex));
    let ports = [(7001, Some(Protocol::Flex)), (7002, Some(Protocol::Flex))];
    assert_eq!(options.tcp_ports, ports.into());
    assert_eq!(options.max_frame, 12);
    assert!(options.show_text);
}

#[test]
fn a_check_takes_a_file_and_pairs_in_their_order() {
    let command = parsed("check-config --set a/b=1 some.toml --set=a/b=2").unwrap();
    let Command::CheckConfig(options) = command else { panic!("{command:?}") };
    assert_eq!(options.file.to_str(), Some("some.toml"));
    assert_eq!(options.sets, ["a/b=1", "a/b=2"]);
}

#[test]
fn options_are_shown_of_a_section_in_a_format() {
    let shown = |line: &str| {
        let command = parsed(line).unwrap();
        let Command::Options(options) = command else { panic!("{command:?}") };
        (options.section, options.format)
    };
    assert_eq!(shown("options"), (None, Shown::Text));
    let section = Some("ports.web".to_owned());
    assert_eq!(shown("options --section ports.web -f json"), (section, Shown::Json));
    assert_eq!(shown("options --format toml"), (None, Shown::Toml));
}

#[test]
fn nothing_is_shown_or_fixed_unless_asked_for() {
    let options = options("");
    assert!(options.file.is_none() && options.input.is_none() && options.port.is_none());
    assert!(options.tcp_ports.is_empty() && !options.show_text);
    assert_eq!((options.format, options.max_frame), (Format::Text, 524_288));
    assert_eq!(self::options("--input hex --input auto").input, None, "the last one counts");
}

#[test]
fn a_protocol_belongs_to_a_tcp_port_or_to_all() {
    assert_eq!(options("--tcp-port 1").tcp_ports, [(1, None)].into());
    let both = options("--tcp-port 1=esp --tcp-port 65535=basic").tcp_ports;
    assert_eq!(both, [(1, Some(Protocol::Esp)), (65535, Some(Protocol::Basic))].into());
    assert!(refusal("decode --tcp-port 1=esp --port basic").contains("contradicts"));
    assert!(refusal("decode --port basic --tcp-port 1=esp").contains("contradicts"));
}

#[test]
fn what_is_unknown_is_named_with_the_nearest() {
    for (line, name, nearest, help) in [
        ("dekode", "'dekode'", "'decode'", "'confer --help'"),
        ("halp", "'halp'", "'help'", "'confer --help'"),
        ("help dcode", "'dcode'", "'decode'", "'confer --help'"),
        ("--versoin", "'--versoin'", "'--version'", "'confer --help'"),
        ("-v", "'-v'", "'-V'", "'confer --help'"),
        ("decode --fromat json", "'--fromat'", "'--format'", "'confer decode --help'"),
        ("decode --showtext", "'--showtext'", "'--show-text'", "'confer decode --help'"),
        ("decode --maxframe=5", "'--maxframe'", "'--max-frame'", "'confer decode --help'"),
        ("check-config --sett a/b=c", "'--sett'", "'--set'", "'confer check-config --help'"),
        ("options --sektion web", "'--sektion'", "'--section'", "'confer options --help'"),
        ("options --section setings", "'setings'", "'settings'", "'confer options --help'"),
        ("decode --tcpport 5", "'--tcpport'", "'--tcp-port'", "'confer decode --help'"),
    ] {
        let text = refusal(line);
        for part in [name, nearest, help] {
            assert!(text.contains(part), "{line}: {text}");
        }
    }
    assert!(refusal("--format json decode").contains("behind the command"));
}

#[test]
fn wrong_values_are_named() {
    for (line, part) in [
        ("decode --port baisc", "'baisc' of option '--port': it is one of basic, flex, esp"),
        ("decode --tcp-port 80=http", "'http' of option '--tcp-port'"),
        ("decode -f xml", "'xml' of option '-f': it is one of text, json"),
        ("decode --input pcap", "auto, raw, hex, capture"),
        ("decode --tcp-port 0", "'0' is no TCP port"),
        ("decode --tcp-port 65536", "'65536' is no TCP port"),
        ("decode --tcp-port =basic", "'' is no TCP port"),
        ("decode --max-frame 11", "12 to 16777216"),
        ("decode --max-frame 16777217", "'16777217' is no frame size"),
        ("decode --max-frame 1k", "'1k' is no frame size"),
        ("decode --format", "'--format'"),
        ("decode --show-text=yes", "'--show-text'"),
        ("decode one two", "one FILE"),
        ("check-config", "which FILE?"),
        ("check-config one two", "one FILE"),
        ("check-config one --set", "'--set'"),
        ("options settings", "'settings'"),
        ("options --format xml", "'xml'"),
        ("options --section settings --format toml", "every section"),
        ("--set a/b=c", "belongs behind the command"),
    ] {
        let text = refusal(line);
        assert!(text.contains(part), "{line}: {text}");
    }
}

#[test]
fn a_file_may_look_like_an_option() {
    assert_eq!(options("-- --port").file.unwrap().to_str(), Some("--port"));
    assert_eq!(options("-").file.unwrap().to_str(), Some("-"));
}

#[test]
fn distance_counts_edits() {
    for (from, to, expected) in [
        ("", "", 0),
        ("", "abc", 3),
        ("abc", "", 3),
        ("abc", "abc", 0),
        ("abc", "abd", 1),
        ("abc", "bc", 1),
        ("kitten", "sitting", 3),
        ("né", "ne", 1),
    ] {
        assert_eq!(distance(from, to), expected, "{from} {to}");
    }
}

fn chat(line: &str) -> Chat {
    let command = parsed(line).unwrap();
    let Command::Chat(chat) = command else { panic!("{command:?}") };
    *chat
}

#[test]
fn people_are_found_at_the_ports_of_their_protocols() {
    let of = |line: &str| chat(line).server.addresses;
    assert_eq!(of("visitor"), [FLEX]);
    assert_eq!(of("agent --create"), [BASIC]);
    assert_eq!(of("supervisor --join S --server chat.example:5000"), ["chat.example:5000"]);
    // B22.13
    assert_eq!(of("visitor --server a.example:1,b.example:2"), ["a.example:1", "b.example:2"]);
    let command = parsed("workflow PlaceOnHold").unwrap();
    assert!(matches!(&command, Command::Workflow(call) if call.server.addresses == [ESP]));
    for (known, address) in [
        ("visitor", FLEX),
        ("agent", BASIC),
        ("supervisor", BASIC),
        ("bot", BASIC),
        ("workflow", ESP),
    ] {
        let known = known_help(known);
        assert!(known.contains(&format!("default {address}")), "{known}");
    }
    for wrong in [
        "chat.example",
        "chat.example:",
        ":80",
        "chat.example:70000",
        "chat.example:0",
        "a:1,",
        "a:1,b",
    ] {
        assert!(
            refusal(&format!("visitor --server {wrong}")).contains("is no HOST:PORT"),
            "{wrong}"
        );
    }
}

fn known_help(name: &str) -> &'static str {
    known(name).unwrap().help
}

#[test]
fn people_say_who_they_are_and_where_they_go() {
    let ana = chat("agent --name Ana --join S --visibility INT --user-data a=b=c --format json");
    assert_eq!((ana.name.as_str(), ana.format), ("Ana", Lines::Json));
    assert_eq!(ana.user_data, [("a".to_owned(), "b=c".to_owned())]);
    let Who::Employee { user_type, visibility, into: Entrance::Session(session) } = ana.who else {
        panic!("{ana:?}")
    };
    assert_eq!((user_type.name(), visibility.name(), &*session), ("AGENT", "INT", "S"));
    // Whoever supervises watches first.
    let Who::Employee { user_type, visibility, .. } = chat("supervisor --join S").who else {
        panic!("no supervisor")
    };
    assert_eq!((user_type.name(), visibility.name()), ("SUPERVISOR", "VIP"));
    let casey = chat("visitor --async --subject parcel --queue-key sales");
    assert_eq!(casey.user_data, [("GCTI_Chat_AsyncMode".to_owned(), "true".to_owned())]);
    assert!(refusal("agent --join S --visibility VIP").contains("it is one of ALL, INT"));
    assert!(refusal("agent").contains("which session?"));
    assert!(refusal("agent --join S --create").contains("one too many"));
    assert!(refusal("agent --join S --queue-key sales").contains("with '--create' only"));
    assert!(refusal("visitor --user-data odd").contains("'odd' is no KEY=VALUE"));
    assert!(refusal("visitor --nmae Casey").contains("the nearest is '--name'"));
}

#[test]
fn a_bot_answers_in_one_way() {
    let bot = |line: &str| {
        let command = parsed(line).unwrap();
        let Command::Bot(bot) = command else { panic!("{command:?}") };
        *bot
    };
    let loud = bot("bot --command tr S1 S2 --timeout 3");
    assert_eq!(loud.answer, Answer::Command("tr".into()));
    assert_eq!(
        (loud.sessions, loud.patience.as_secs()),
        (vec!["S1".to_owned(), "S2".to_owned()], 3)
    );
    assert_eq!(bot("bot --echo").answer, Answer::Echo);
    assert!(
        known_help("bot").contains(&format!("default {}", bot("bot --echo").patience.as_secs()))
    );
    assert!(refusal("bot S1").contains("what to answer?"));
    assert!(refusal("bot --echo --reply hello").contains("is enough"));
}

#[test]
fn a_workflow_calls_a_method_that_there_is() {
    let command = parsed("workflow Message MessageText=hello=there --interaction S").unwrap();
    let Command::Workflow(call) = command else { panic!("{command:?}") };
    assert_eq!(call.parameters, [("MessageText".to_owned(), "hello=there".to_owned())]);
    assert_eq!((call.method.as_str(), call.interaction.as_deref()), ("Message", Some("S")));
    assert!(refusal("workflow Mesage").contains("the nearest is 'Message'"));
    assert!(refusal("workflow Message hello").contains("'hello' is no KEY=VALUE"));
    assert!(refusal("workflow").contains("which METHOD?"));
    for method in crate::people::workflow::METHODS {
        assert!(known_help("workflow").contains(method), "{method}");
    }
}
