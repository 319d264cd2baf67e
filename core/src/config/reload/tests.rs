use super::*;
use crate::config::tests::ends;
use alloc::vec;
use core::time::Duration;
use quickcheck::QuickCheck;

fn configured(options: &[(&str, &str, &str)]) -> Config {
    let mut config = Config::default();
    for (section, option, value) in options {
        config.set(section, option, value).unwrap();
    }
    config.validate().unwrap();
    config
}

fn list(differences: &[Difference]) -> Vec<String> {
    differences.iter().map(ToString::to_string).collect()
}

#[test]
fn what_changed_is_told_in_the_order_of_the_documentation() {
    let old = configured(&[
        ("languages.German", "language", "de"),
        ("languages.Dutch", "language", "nl"),
    ]);
    let newer = configured(&[
        ("endpoints:1", "default", "main"),
        ("languages.German", "language", "de"),
        ("languages.German", "message-alert", ""),
        ("languages.Czech", "language", "cs"),
        ("inactivity-control", "enabled", "yes"),
        ("settings", "use-contact-server", "no"),
        ("settings", "request-max-size", "1024"),
        ("ports.web", "listen", "192.0.2.1:80"),
        ("ports.webapi", "access-token", "open sesame"),
        ("server", "name", "north"),
    ]);
    assert_eq!(
        list(&old.differences(&newer)),
        [
            "[server] name (acts: restart)",
            "[ports.webapi] access-token (acts: now, for new connections)",
            "[ports.web] listen (acts: restart)",
            "[settings] request-max-size (acts: now, for new connections)",
            "[settings] use-contact-server (acts: restart)",
            "[inactivity-control] enabled (acts: now)",
            "[languages.Czech] name (acts: now)",
            "[languages.Czech] language (acts: now)",
            "[languages.Dutch] name (acts: now)",
            "[languages.Dutch] language (acts: now)",
            "[languages.German] message-alert (acts: now)",
            "[endpoints:1] default (acts: now)",
        ]
    );
    assert_eq!(newer.differences(&newer), []);
}

#[test]
fn a_running_server_takes_over_what_acts_now_and_nothing_else() {
    let old = configured(&[("languages.Dutch", "language", "nl")]);
    let newer = configured(&[
        ("languages.German", "language", "de"),
        ("settings", "flex-disconnect-timeout", "90"),
        ("settings", "max-connections", "5"),
        ("ports.ESP", "addp-timeout", "60"),
        ("endpoints:1", "default", "main"),
    ]);
    let merged = old.merge_now(&newer);
    assert_eq!(merged.settings.flex_disconnect_timeout, Duration::from_secs(90));
    assert_eq!(merged.limits.max_connections, 32_768);
    assert_eq!(merged.language_for(Some("Dutch"), None), None);
    assert!(merged.language_for(Some("German"), None).is_some());
    assert_eq!(merged.queue(None).map(|endpoint| endpoint.queue), Ok("main"));
    assert_eq!(list(&merged.differences(&newer)), ["[settings] max-connections (acts: restart)"]);
    assert_eq!(merged.value("ports.ESP", "addp-timeout").as_deref(), Some("60"));
}

#[test]
fn every_option_is_taken_over_exactly_if_it_acts_now() {
    let old = Config::default();
    for row in crate::config::rows() {
        let section = match row.info.section {
            "ports.<id>" => "ports.default",
            "languages.<NAME>" => "languages.German",
            fixed => fixed,
        };
        let mut newer = old.clone();
        let change = ends(row.info.kind).0.into_iter().find(|value| {
            newer.set(section, row.info.name, value).unwrap();
            !(row.same)(&old, &newer, Section::parse(section).unwrap())
        });
        assert!(change.is_some(), "{:?}", row.info);
        let merged = old.merge_now(&newer);
        let taken = (row.same)(&merged, &newer, Section::parse(section).unwrap());
        assert_eq!(taken, row.info.effect != Effect::Restart, "{:?}", row.info);
        assert!(!old.differences(&newer).is_empty());
    }
}

#[test]
fn a_bad_value_leaves_the_old_one_and_the_others_are_applied() {
    let old = configured(&[
        ("settings", "session-linger", "90"),
        ("endpoints:1", "sales", "old-queue"),
        ("languages.German", "language", "de"),
        ("languages.German", "country", "DE"),
    ]);
    let (newer, errors) = reloaded(
        &old,
        &[
            ("settings", "session-linger", "soon"),
            ("settings", "save-wait-max", "3"),
            ("settings", "limit-for-sessions", "2000"),
            ("endpoints:1", "sales", ""),
            ("endpoints:1", "support", "new-queue"),
            ("languages.German", "language", "de"),
            ("languages.German", "country", "Germany"),
            ("languages.German", "message-alert", "Noch da?"),
            ("languages.Dutch", "country", "NL"),
            ("frogs", "green", "yes"),
        ],
    );
    let settings = &newer.settings;
    assert_eq!(settings.session_linger, Duration::from_secs(90));
    assert_eq!(settings.save_wait_max, Duration::from_secs(3));
    assert_eq!((settings.limit_for_sessions, settings.limit_for_flex_users), (1000, 1001));
    assert_eq!(newer.queue(Some("sales")).map(|endpoint| endpoint.queue), Ok("old-queue"));
    assert_eq!(newer.queue(Some("support")).map(|endpoint| endpoint.queue), Ok("new-queue"));
    assert_eq!(newer.value("languages.German", "country").as_deref(), Some("DE"));
    assert_eq!(newer.value("languages.German", "message-alert").as_deref(), Some("Noch da?"));
    assert_eq!(newer.value("languages.Dutch", "name"), None, "it has no code");
    assert_eq!(errors.len(), 6, "{errors:?}");
}

/// What a shell does at a reload, and what it tells the operator.
fn reloaded(old: &Config, options: &[(&str, &str, &str)]) -> (Config, Vec<ConfigError>) {
    let mut newer = Config::default();
    let mut errors = vec![];
    for (section, option, value) in options {
        if let Err(error) = newer.set(section, option, value) {
            newer.keep(old, &error);
            errors.push(error);
        }
    }
    while let Err(error) = newer.validate() {
        newer.keep(old, &error);
        errors.push(error);
        assert!(errors.len() < 1000, "comes to no end: {:?}", &errors[990..]);
    }
    (newer, errors)
}

#[test]
fn whatever_is_reloaded_the_server_goes_on_with_a_valid_configuration() {
    const OPTIONS: [(&str, &str, &[&str]); 16] = [
        ("settings", "limit-for-sessions", &["0", "5", "10", "-"]),
        ("settings", "limit-for-flex-users", &["0", "5", "10"]),
        ("settings", "request-max-size", &["1024", "2048"]),
        ("settings", "xml-request-max-size", &["1024", "2048"]),
        ("settings", "enable", &["1"]),
        ("ports.web", "certificate-file", &["", "a"]),
        ("ports.web", "private-key-file", &["", "a"]),
        ("ports.web", "client-ca-file", &["", "a"]),
        ("languages.A", "language", &["de", "1"]),
        ("languages.B", "language", &["de", "1"]),
        ("languages.C", "language", &["de", "1"]),
        ("languages.A", "name", &["A", "B", "X"]),
        ("languages.B", "name", &["A", "B", "X"]),
        ("languages.C", "name", &["A", "B", "X"]),
        ("endpoints:1", "default", &["", "a", "b"]),
        ("endpoints:2", "default", &["", "a", "b"]),
    ];
    fn options(choices: &[(u8, u8)]) -> Vec<(&'static str, &'static str, &'static str)> {
        let choose = |&(option, value): &(u8, u8)| {
            let (section, option, values) = OPTIONS[usize::from(option) % OPTIONS.len()];
            (section, option, values[usize::from(value) % values.len()])
        };
        choices.iter().map(choose).collect()
    }
    #[expect(clippy::needless_pass_by_value, reason = "quickcheck hands out values")]
    fn property(first: Vec<(u8, u8)>, second: Vec<(u8, u8)>) -> bool {
        let (old, _) = reloaded(&Config::default(), &options(&first));
        let (newer, _) = reloaded(&old, &options(&second));
        let merged = old.merge_now(&newer);
        merged.validate().is_ok()
            && merged.differences(&newer).iter().all(|it| it.effect == Effect::Restart)
            && old.differences(&merged).iter().all(|it| it.effect != Effect::Restart)
    }
    type Choices = Vec<(u8, u8)>;
    QuickCheck::new().tests(3000).quickcheck(property as fn(Choices, Choices) -> bool);
}
