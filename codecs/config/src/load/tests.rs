use super::*;
use confer_core::config::Listen;
use confer_core::id::PortId;
use confer_core::pii::Secret;
use core::time::Duration;
use quickcheck::{Arbitrary, Gen, QuickCheck};

fn good(text: &str) -> Config {
    parse(text, "confer.toml").unwrap_or_else(|errors| panic!("{errors}\nin\n{text}")).config
}

fn complaint(text: &str) -> String {
    let errors = parse(text, "c.toml").unwrap_err();
    assert!(errors.iter().count() > 0);
    errors.to_string()
}

/// What `text` sets beyond the defaults, as core writes it.
fn set(text: &str) -> Vec<(String, String, String)> {
    let config = good(text);
    let all = Config::default().differences(&config).into_iter();
    all.map(|it| {
        let value = config.value(&it.section, &it.option).unwrap_or_default();
        (it.section, it.option, value)
    })
    .collect()
}

/// A file of its own, gone with the value.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new(name: &str, content: &[u8]) -> Self {
        let name = format!("confer-config-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, content).unwrap();
        Self(path)
    }

    fn told(&self, errors: &Errors) -> String {
        errors.to_string().replace(&self.0.display().to_string(), "FILE")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

const NONE: &[&str] = &[];

#[test]
fn a_section_is_a_table_and_an_option_a_key() {
    let config = good(
        r#"
        [server]
        name = "chat-1"

        [ports.default]
        listen = "127.0.0.1:4480"

        [ports.ESP]
        access-token = "frog-prince"

        [settings]
        flex-disconnect-timeout = 90
        flex-push-enabled = false

        [inactivity-control]
        message-alert = "Still there?"

        [languages.German]
        language = "DE"

        ["endpoints:acme"]
        sales = "sales-queue"
        "#,
    );
    assert_eq!(config.server.name.as_deref(), Some("chat-1"));
    assert_eq!(
        config.ports[PortId::Default].listen,
        Some(Listen::At("127.0.0.1:4480".parse().unwrap()))
    );
    assert_eq!(config.ports[PortId::Esp].access_token, Some(Secret::new("frog-prince")));
    assert_eq!(config.settings.flex_disconnect_timeout, Duration::from_secs(90));
    assert!(!config.settings.flex_push_enabled);
    assert_eq!(config.inactivity_control.message_alert.reveal(), "Still there?");
    assert_eq!(&*config.language_for(Some("German"), None).unwrap().language, "de");
    assert_eq!(config.queue(Some("acme:sales")).unwrap().queue, "sales-queue");
    assert_eq!(good(""), Config::default());
}

#[test]
fn a_section_may_be_written_in_every_way_toml_has() {
    for text in [
        "[ports.web]\naddp-timeout = 5",
        "['ports.web']\naddp-timeout = 5",
        "[ports]\nweb = { addp-timeout = 5 }",
        "[ports]\nweb.addp-timeout = 5",
        "ports.web.addp-timeout = 5",
        "ports = { web = { addp-timeout = 5 } }",
        "\u{feff}[ports.web]\r\naddp-timeout = 5\r\n",
    ] {
        assert_eq!(set(text), [("ports.web".into(), "addp-timeout".into(), "5".into())], "{text}");
    }
    for text in [
        "['endpoints:1.2']\n'sales.eu' = 'q'",
        "[endpoints.'1.2']\n'sales.eu' = 'q'",
        "endpoints.'1.2'.'sales.eu' = 'q'",
    ] {
        assert_eq!(good(text).queue(Some("1.2:sales.eu")).unwrap().queue, "q", "{text}");
    }
    let config = good("[languages.'Norsk (bokmål)']\nlanguage = 'nb'");
    assert!(config.language_for(Some("Norsk (bokmål)"), None).is_some());
}

#[test]
fn a_value_may_be_a_number_a_boolean_or_a_string_that_holds_one() {
    let expect = |text: &str, value: &str| {
        let got = set(text);
        assert_eq!(got.len(), 1, "{text}");
        assert_eq!(got[0].2, value, "{text}");
    };
    for value in ["1200", "'1200'", "\"1200\"", "+1200", "1_200"] {
        expect(&format!("[settings]\nsession-linger = {value}"), "1200");
    }
    for value in ["true", "'true'", "'Yes'", "'ON'", "1", "'1'"] {
        expect(&format!("[settings]\nflex-push-on-join = {value}"), "true");
    }
    expect("[settings]\ntranscript-auto-save = 2", "2");
    expect("[settings]\nstop-abandoned-interaction = true", "noanswer");
    expect("[settings]\ndefault-tenant = 7", "7");
    expect("[settings]\nattach-stats-rep-events = 'leave, hold'", "hold, leave");
    expect("[settings]\nattach-stats-rep-events = ['leave', 'hold']", "hold, leave");
    expect("[settings]\nflex-push-content = []", "");
    expect("[client-file-transfer]\nupload-file-types = ['png', 'pdf']", "png:pdf");
}

#[test]
fn whatever_is_wrong_is_told_with_its_line() {
    for (text, complaint_of_it) in [
        (
            "\n[settings]\n\nflex-disconnect-timeout = 'abc'",
            "c.toml:4: [settings] flex-disconnect-timeout = \"abc\": not valid; \
             valid: integer 1 to 1728000, seconds",
        ),
        (
            "[settings]\nsession-linger = 86401",
            "c.toml:2: [settings] session-linger = \"86401\": not valid; \
             valid: integer 1 to 86400, seconds",
        ),
        (
            "[settings]\nsession-linger = -1",
            "c.toml:2: [settings] session-linger = \"-1\": not valid; \
             valid: integer 1 to 86400, seconds",
        ),
        (
            "[settings]\n\nsesion-linger = 60",
            "c.toml:3: [settings] sesion-linger: no such option; \
             did you mean [settings] session-linger?",
        ),
        (
            "# first\n[setings]\nsession-linger = 0\nfrog = 1",
            "c.toml:2: [setings]: no such section; did you mean [settings]?",
        ),
        ("[setings]", "c.toml:1: [setings]: no such section; did you mean [settings]?"),
        ("[frogs.green]", "c.toml:1: [frogs.green]: no such section"),
        ("[port.web]", "c.toml:1: [port.web]: no such section; did you mean [ports.web]?"),
        ("[ports.esp]", "c.toml:1: [ports.esp]: no such section; did you mean [ports.ESP]?"),
        (
            "[endpoints.'a:b']\nsales = 'q'",
            "c.toml:1: [endpoints:a:b]: not a name; valid: 1 to 255 characters, no :",
        ),
        (
            "[endpoints.a]\n'b:c' = 'q'",
            "c.toml:2: [endpoints:a] b:c: not a name; valid: 1 to 255 characters, no :",
        ),
        (
            "[languages.German]",
            "c.toml:1: [languages.German] language: must be given; \
             valid: ISO 639 code, 2 or 3 letters",
        ),
        (
            "\n\n[languages.German]\nname = 'Deutsch'",
            "c.toml:3: [languages.German] language: must be given; \
             valid: ISO 639 code, 2 or 3 letters",
        ),
        (
            "[settings]\nsession-linger = 1.5",
            "c.toml:2: [settings] session-linger: a float cannot stand here; \
             valid: integer 1 to 86400, seconds",
        ),
        (
            "[settings]\nsession-linger = 0x10",
            "c.toml:2: [settings] session-linger: an integer that is not decimal cannot stand \
             here; valid: integer 1 to 86400, seconds",
        ),
        (
            "[server]\nname = 2024-01-15",
            "c.toml:2: [server] name: a date or time cannot stand here; \
             valid: empty, or 1 to 255 characters",
        ),
        (
            "[settings]\nsession-linger = [60]",
            "c.toml:2: [settings] session-linger: a list cannot stand here; \
             valid: integer 1 to 86400, seconds",
        ),
        (
            "[settings]\nflex-push-content = ['user-id', ['session-id']]",
            "c.toml:2: [settings] flex-push-content: a list cannot stand here; \
             valid: list of any of app-dbid, secure-key, session-id, user-id",
        ),
        (
            "[settings]\n[settings.session-linger]\nseconds = 60",
            "c.toml:2: [settings] session-linger: a table (a name with a dot must be quoted) \
             cannot stand here; valid: integer 1 to 86400, seconds",
        ),
        (
            "[endpoints.acme]\nsales.eu = 'q'",
            "c.toml:2: [endpoints:acme] sales: a table (a name with a dot must be quoted) cannot \
             stand here; valid: 1 to 255 characters",
        ),
        (
            "['endpoints:acme']\nsales.eu = 'q'",
            "c.toml:2: [endpoints:acme] sales: a table (a name with a dot must be quoted) cannot \
             stand here; valid: 1 to 255 characters",
        ),
        (
            "[[settings]]\nsession-linger = 60",
            "c.toml:1: [settings]: a list of tables, where a section belongs",
        ),
        ("settings = 5", "c.toml:1: [settings]: an integer, where a section belongs"),
        ("ports = 'all'", "c.toml:1: [ports]: a string, where a section belongs"),
        (
            "[ports]\nlisten = '127.0.0.1:1'",
            "c.toml:2: [ports.listen]: a string, where a section belongs",
        ),
        (
            "session-linger = 60\n[settings]",
            "c.toml:1: session-linger: stands in no section; \
             did you mean [settings] session-linger?",
        ),
        ("frog = 60", "c.toml:1: frog: stands in no section"),
        (
            "[settings]\nsession-linger = 60\nsave-wait-max = 3\nsession-linger = 70",
            "c.toml:4: [settings] session-linger: given already in line 2",
        ),
        (
            "['ports.web']\naddp-timeout = 1\n[ports.web]\naddp-timeout = 1",
            "c.toml:4: [ports.web] addp-timeout: given already in line 2",
        ),
        (
            "[settings]\nrequest-max-size = 2048\n\nxml-request-max-size = 4096",
            "c.toml:4: [settings] xml-request-max-size = \"4096\": \
             means the same as request-max-size = \"2048\"",
        ),
        (
            "[settings]\nsession-linger = soon",
            "c.toml:2: [settings] session-linger: not TOML: \
             string values must be quoted, expected literal string",
        ),
        ("[settings\nsession-linger = 60", "c.toml:1: not TOML: unclosed table, expected `]`"),
        (
            "[settings]\nlimit-for-sessions = 1002",
            "c.toml:2: [settings] limit-for-sessions = \"1002\": must not be above, unless one of \
             them is 0, limit-for-flex-users = \"1001\"",
        ),
        (
            "[settings]\n\nlimit-for-flex-users = 999",
            "c.toml:3: [settings] limit-for-sessions = \"1000\": must not be above, unless one of \
             them is 0, limit-for-flex-users = \"999\"",
        ),
        (
            "[ports.web]\nprivate-key-file = 'key.pem'",
            "c.toml:2: [ports.web] certificate-file = \"\": goes only together with \
             private-key-file = \"key.pem\"",
        ),
        (
            "[languages.A]\nlanguage = 'de'\nname = 'X'\n[languages.X]\nlanguage = 'en'",
            "c.toml:3: [languages.X] name = \"X\": the same as in [languages.A]",
        ),
    ] {
        assert_eq!(complaint(text), complaint_of_it, "{text}");
    }
}

#[test]
fn everything_is_told_at_once_in_the_order_of_the_file() {
    let text = "frog = 1\n\
                [settings]\n\
                session-linger = 0\n\
                save-wait-max = soon\n\
                limit-for-flex-users = 'few'\n\
                limit-for-sessions = 5000\n\
                [ports.web]\n\
                listen = 'here'\n\
                [frogs]\n";
    let errors = parse(text, "c.toml").unwrap_err();
    let lines: Vec<_> = errors
        .iter()
        .map(|error| match error.place {
            Place::File { line, .. } => line.unwrap(),
            Place::Set => 0,
        })
        .collect();
    // Line 6 is only wrong as long as line 5 is.
    assert_eq!(lines, [1, 3, 4, 5, 8, 9], "{errors}");
}

#[test]
fn what_is_not_toml_comes_first_if_nobody_knows_how_far_it_goes() {
    let rest = "session-linger = 0\n[frogs]\n";
    assert_eq!(complaint(&format!("[settings\n{rest}")).lines().count(), 1);
    assert_eq!(complaint(&format!("[settings]\nsave-wait-max = soon\n{rest}")).lines().count(), 3);
}

#[test]
fn what_breaks_together_is_told_apart() {
    let text = "[settings]\nlimit-for-sessions = 5000\n[ports.web]\ncertificate-file = 'c'\n\
                [ports.ESP]\nclient-ca-file = 'c'\n[languages.A]\nname = 'B'";
    let told = complaint(text);
    let begins = ["c.toml:2: ", "c.toml:4: ", "c.toml:6: ", "c.toml:7: "];
    assert_eq!(told.lines().count(), begins.len(), "{told}");
    for (line, begin) in told.lines().zip(begins) {
        assert!(line.starts_with(begin), "{told}");
    }
}

#[test]
fn the_list_of_errors_is_bounded() {
    let many: String = (0..150).map(|n| format!("frog-{n} = 1\n")).collect();
    let told = complaint(&format!("[settings]\n{many}"));
    assert_eq!(told.lines().count(), Errors::MAX + 1);
    assert!(told.ends_with("\nand 50 more"), "{told}");

    let broken = "= 1\n".repeat(150);
    let told = complaint(&broken);
    assert_eq!(told.lines().count(), Errors::MAX + 1);
    assert!(told.contains("and "), "{told}");
}

#[test]
fn a_withdrawn_name_warns_and_is_not_counted() {
    let text = "[inactivity-control]\nenable = true\ntimeout-alert = 60\n";
    let loaded = parse(text, "c.toml").unwrap();
    assert_eq!(loaded.set, 1);
    let warnings: Vec<_> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        ["c.toml:2: warning: [inactivity-control] enable has no effect; \
          the name is [inactivity-control] enabled"]
    );
}

#[test]
fn a_secret_is_never_told() {
    let long = "frog".repeat(300);
    for value in ["frog", "'frog", "\"frog\\q\"", "1.5e", "{frog = 1}", "['frog']", &long] {
        for option in ["access-token", "acess-token"] {
            let text = format!("[ports.ESP]\n{option} = {value}\n");
            let errors = parse(&text, "c.toml").unwrap_err();
            assert!(!format!("{errors} {errors:?}").contains("frog"), "{errors}");
        }
    }
    let long = format!("ports.ESP/access-token={long}");
    for pair in [long.as_str(), "ports.ESP/acess-token=frog", "ports.ESP/access-token:frog"] {
        let errors = apply(&mut Config::default(), pair).unwrap_err();
        assert!(!format!("{errors} {errors:?}").contains("frog"), "{errors}");
    }
    let loaded = parse("[ports.ESP]\naccess-token = 'frog'", "c.toml").unwrap();
    assert!(!format!("{loaded:?} {}", crate::write(&loaded.config)).contains("frog"));
}

#[test]
fn pairs_win_over_the_file_and_later_ones_over_earlier_ones() {
    let file = Scratch::new("pairs", b"[settings]\nsession-linger = 10\nsave-wait-max = 9\n");
    let sets = ["settings/session-linger=20", "settings/session-linger=30", "endpoints:a/b/c=q=1"];
    let loaded = load(Some(&file.0), &sets).unwrap();
    let settings = &loaded.config.settings;
    assert_eq!(settings.session_linger, Duration::from_secs(30));
    assert_eq!(settings.save_wait_max, Duration::from_secs(9));
    assert_eq!(loaded.config.queue(Some("a/b:c")).unwrap().queue, "q=1", "the last / divides");
    assert_eq!(loaded.set, 3);
}

#[test]
fn a_pair_sets_an_option() {
    let mut config = Config::default();
    for pair in ["settings/session-linger=20", "endpoints:1/sales=q=1", "endpoints.2/sales=x"] {
        assert_eq!(apply(&mut config, pair), Ok(None));
    }
    assert_eq!(config.settings.session_linger, Duration::from_secs(20));
    assert_eq!(config.queue(Some("1:sales")).unwrap().queue, "q=1");
    assert_eq!(config.queue(Some("2:sales")).unwrap().queue, "x");
    let warning = apply(&mut config, "inactivity-control/enable=true").unwrap().unwrap();
    assert!(warning.to_string().starts_with("--set: warning: [inactivity-control] enable has no"));

    let before = config.clone();
    for (pair, told) in [
        ("settings/session-linger=0", "[settings] session-linger = \"0\": not valid; valid: "),
        ("settings/sesion-linger=1", "[settings] sesion-linger: no such option; did you mean "),
        ("settings.session-linger=1", "settings.session-linger…: must be SECTION/OPTION=VALUE"),
        ("settings/session-linger", "settings…: must be SECTION/OPTION=VALUE"),
        ("", "…: must be SECTION/OPTION=VALUE"),
    ] {
        let errors = apply(&mut config, pair).unwrap_err().to_string();
        assert!(errors.starts_with(&format!("--set: {told}")), "{errors}");
    }
    assert_eq!(config, before);
}

#[test]
fn a_file_is_read_before_the_pairs_and_checked_after_them() {
    let file = Scratch::new("order", b"[settings]\nlimit-for-sessions = 2000\n");
    assert!(load(Some(&file.0), NONE).is_err());
    let loaded = load(Some(&file.0), &["settings/limit-for-flex-users=2000"]).unwrap();
    assert_eq!((loaded.config.settings.limit_for_sessions, loaded.set), (2000, 2));

    let sets = ["settings/limit-for-sessions=1", "settings/limit-for-sessions=2"];
    let loaded = load(Some(&file.0), &sets).unwrap();
    assert_eq!((loaded.config.settings.limit_for_sessions, loaded.set), (2, 1));

    let loaded = load(None, NONE).unwrap();
    assert_eq!((loaded.config, loaded.set), (Config::default(), 0));
    let errors = load(None, &["languages.German/name=Deutsch"]).unwrap_err().to_string();
    assert!(errors.starts_with("--set: [languages.German] language: must be given"), "{errors}");
}

#[test]
fn a_file_that_cannot_be_read_says_so() {
    let missing = std::env::temp_dir().join("confer-config-there-is-none");
    let errors = load(Some(&missing), NONE).unwrap_err();
    assert!(errors.is_unreadable());
    assert!(errors.to_string().contains(": cannot be read: "), "{errors}");

    let file = Scratch::new("latin", b"[settings]\n# caf\xe9\n");
    let errors = load(Some(&file.0), NONE).unwrap_err();
    assert_eq!(file.told(&errors), "FILE:2: not UTF-8 text");
    assert!(!errors.is_unreadable());

    let mut comment = vec![b'#'; MAX_SIZE];
    let file = Scratch::new("large", &comment);
    assert_eq!(load(Some(&file.0), NONE).unwrap().config, Config::default());
    comment.push(b'#');
    let file = Scratch::new("larger", &comment);
    let errors = load(Some(&file.0), NONE).unwrap_err();
    assert_eq!(file.told(&errors), "FILE: larger than 1048576 bytes");
    let text = str::from_utf8(&comment).unwrap();
    assert_eq!(complaint(text), "c.toml: larger than 1048576 bytes");
}

#[test]
fn a_reload_takes_what_is_good_and_keeps_the_rest() {
    let running = good(
        "[settings]\nsession-linger = 10\nsave-wait-max = 9\nflex-push-timeout = 8\n\
         [languages.German]\nlanguage = 'de'",
    );
    let file = Scratch::new(
        "reload",
        b"[settings]\nsession-linger = 0\nsave-wait-max = 1.5\nsession-password-enforce = true\n\
          limit-for-sessions = 5000\n[languages.German]\nname = 'Deutsch'\n[frogs]\n",
    );
    let reloaded = reload(&running, Some(&file.0), NONE).unwrap();
    assert_eq!(reloaded.config.validate(), Ok(()));
    let settings = &reloaded.config.settings;
    assert_eq!(settings.session_linger, Duration::from_secs(10), "kept");
    assert_eq!(settings.save_wait_max, Duration::from_secs(9), "kept");
    assert_eq!(settings.limit_for_sessions, 1000, "kept");
    assert!(settings.session_password_enforce, "new");
    assert_eq!(settings.flex_push_timeout, Duration::from_secs(45), "no longer given");
    let german = reloaded.config.language_for(Some("German"), None).unwrap();
    assert_eq!(&*german.language, "de", "kept");
    assert_eq!(reloaded.errors.iter().count(), 5, "{}", reloaded.errors);
}

#[test]
fn a_reload_of_what_is_not_toml_changes_nothing() {
    let running = good("[settings]\nsession-linger = 10");
    // Nobody knows what else the text was meant to swallow.
    for text in ["[settings]\nsession-linger = '''", "[settings", "[settings]\na = 1\na = 2"] {
        let file = Scratch::new("broken", text.as_bytes());
        assert!(reload(&running, Some(&file.0), NONE).is_err(), "{text}");
    }
    let gone = std::env::temp_dir().join("confer-config-there-is-none");
    assert!(reload(&running, Some(&gone), NONE).unwrap_err().is_unreadable());
}

/// Text that is often nearly a configuration.
#[derive(Clone, Debug)]
struct Scribble(String);

impl Arbitrary for Scribble {
    fn arbitrary(g: &mut Gen) -> Self {
        const PIECES: &[&str] = &[
            "[settings]",
            "[ports.web]",
            "[ports]",
            "['endpoints:1']",
            "[endpoints.x]",
            "[[",
            "]]",
            "[languages.German]",
            "language",
            "name",
            "session-linger",
            "access-token",
            "=",
            " = ",
            ".",
            "\n",
            "\n",
            "\n",
            "\r\n",
            "'",
            "\"",
            "'''",
            "\"\"\"",
            "\\u0000",
            "60",
            "0x1",
            "1e9",
            "1979-05-27",
            "true",
            "{",
            "}",
            "[",
            "]",
            ",",
            "#",
            "frog",
            "ä",
            "\u{0}",
            "\u{feff}",
        ];
        let count = usize::arbitrary(g) % 40;
        let piece = |g: &mut Gen| {
            if u8::arbitrary(g) < 16 {
                String::arbitrary(g)
            } else {
                (*g.choose(PIECES).unwrap()).to_owned()
            }
        };
        Self((0..count).map(|_| piece(g)).collect())
    }
}

#[test]
fn any_text_is_a_valid_configuration_or_a_list_of_errors() {
    fn property(Scribble(text): Scribble) -> bool {
        let running = good("[settings]\nsession-linger = 10");
        let parsed = match parse(&text, "c.toml") {
            Ok(loaded) => loaded.config.validate().is_ok(),
            Err(errors) => !errors.is_empty() && !errors.to_string().contains('\u{0}'),
        };
        let reading = read(&running, "c.toml", &text, NONE);
        parsed && reading.config.validate().is_ok()
    }
    QuickCheck::new().tests(3000).quickcheck(property as fn(Scribble) -> bool);
}

#[test]
fn any_pair_is_taken_or_refused() {
    #[expect(clippy::needless_pass_by_value, reason = "quickcheck hands out values")]
    fn property(pair: String) -> bool {
        let mut config = Config::default();
        match apply(&mut config, &pair) {
            Ok(_) => true,
            Err(errors) => config == Config::default() && !errors.to_string().is_empty(),
        }
    }
    QuickCheck::new().tests(1000).quickcheck(property as fn(String) -> bool);
}
