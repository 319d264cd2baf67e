use super::*;

fn act(line: &str) -> Act {
    match read(line) {
        Ok(Typed::Act(act)) => act,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn words_are_words() {
    assert_eq!(act(" hello / there "), Act::Say(" hello / there ".into()));
    assert_eq!(act("//etc/hosts"), Act::Say("/etc/hosts".into()));
    assert_eq!(read("  \t"), Ok(Typed::Nothing));
}

#[test]
fn commands_are_commands() {
    assert_eq!(act("/to INT  what now?"), Act::SayTo("INT  what now?".into()));
    assert_eq!(act("/nick Anna Maria"), Act::Nick("Anna Maria".into()));
    assert_eq!(act("/typing"), Act::Type(String::new()));
    assert_eq!(act("/quit"), act("/leave"));
    assert_eq!(act("/close "), Act::Leave(AfterAction::ForceClose));
    assert_eq!(act("/file ask plan.pdf 1000"), Act::AskUpload("plan.pdf".into(), 1000));
    let announced = Act::Announce {
        name: "plan.pdf".into(),
        size: 1,
        document: Some("D".into()),
        permit: None,
    };
    assert_eq!(act("/file announce plan.pdf 1 D"), announced);
    assert_eq!(read("/wait 0.5"), Ok(Typed::Wait(Duration::from_millis(500))));
    let expect = |text: &str, seconds| {
        Ok(Typed::Expect { text: text.into(), patience: Duration::from_secs(seconds) })
    };
    assert_eq!(read("/expect hello there"), expect("hello there", PATIENCE));
    assert_eq!(read("/expect hello there 3"), expect("hello there", 3));
    // A number alone is what is expected.
    assert_eq!(read("/expect 42"), expect("42", PATIENCE));
}

#[test]
fn what_is_wrong_is_said() {
    let wrong = |line: &str| read(line).unwrap_err();
    assert_eq!(wrong("/nik Ana"), "unknown command '/nik'; the nearest is '/nick'");
    assert_eq!(wrong("/nick"), "say '/nick NAME'");
    assert_eq!(wrong("/who is there"), "say '/who'");
    assert_eq!(wrong("/wait long"), "say '/wait SECONDS'");
    for odd in ["-1", "1.25", ".5", "1.", "86401", "99999999999999999999", "1e3"] {
        assert!(read(&format!("/wait {odd}")).is_err(), "{odd}");
    }
    assert!(wrong("/file").contains("'/file limits' or '/file ask NAME SIZE'"));
    assert_eq!(wrong("/file ask plan.pdf big"), "'big' is no size in bytes");
    assert!(wrong("/file announce a 1 b c d").starts_with("say "));
}

#[test]
fn help_knows_every_command_and_every_command_is_known() {
    for (name, ..) in COMMANDS {
        assert!(help().contains(name));
        assert!(
            read(&format!("{name} x 1")).is_ok()
                || !read(name).is_err_and(|error| error.starts_with("unknown")),
            "{name}"
        );
    }
    assert!(help().lines().all(|line| line.len() <= 120));
}
