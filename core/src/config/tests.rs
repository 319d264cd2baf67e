use super::*;
use crate::id::PortId;
use crate::pii::Secret;
use crate::text::Str;
use alloc::format;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;
use quickcheck::QuickCheck;

/// Sections as an operator writes them, for one that the documentation writes like this.
fn written(family: &str) -> Vec<String> {
    match family {
        "ports.<id>" => PortId::ALL.iter().map(|port| format!("ports.{port}")).collect(),
        "languages.<NAME>" => vec!["languages.German".into()],
        "chat.<name>" => vec!["chat.sales".into()],
        "endpoints:<tenant>" => vec!["endpoints:1".into()],
        fixed => vec![fixed.into()],
    }
}

/// Both ends of what is legal, and one past each.
pub(super) fn ends(kind: Kind) -> (Vec<String>, Vec<String>) {
    let texts = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    // Two bytes each, so that counting bytes would be noticed.
    let long = |characters: u32| "é".repeat(characters as usize);
    match kind {
        Kind::Boolean => (
            texts(&["true", "Yes", "oN", "1", "false", "NO", "off", "0"]),
            texts(&["", "2", "truth", " true", "y"]),
        ),
        Kind::Integer { min, max, .. }
        | Kind::Seconds { min, max }
        | Kind::Milliseconds { min, max } => (
            vec![min.to_string(), max.to_string(), format!("000{min}")],
            vec![
                (i64::from(min) - 1).to_string(),
                (i64::from(max) + 1).to_string(),
                format!("+{max}"),
                format!("{max}.0"),
                format!(" {max}"),
                "18446744073709551617".into(),
                "".into(),
            ],
        ),
        Kind::OneOf(words) => (
            texts(words),
            vec![format!("{} ", words[0]), format!("{},{}", words[0], words[1]), "".into()],
        ),
        Kind::AnyOf(words) => (
            vec!["".into(), words[0].into(), words.join(" ,"), format!("{0},{0}", words[1])],
            vec![format!("{},", words[0]), format!("{};{}", words[0], words[1]), "frog".into()],
        ),
        Kind::Text { min, max } => {
            let mut past = vec![long(max + 1), "a\0".into()];
            past.extend(min.checked_sub(1).map(long));
            (vec![long(min), long(max)], past)
        }
        Kind::Name => {
            (vec![long(1), long(255)], vec!["".into(), long(256), "a:b".into(), "\0".into()])
        }
        Kind::LanguageCode | Kind::CountryCode => {
            (texts(&["de", "DEU"]), texts(&["d", "germ", "d1", "dé", ""]))
        }
        Kind::Address => (
            texts(&["192.0.2.1:0", "[2001:db8::1]:65535"]),
            texts(&["192.0.2.1", "192.0.2.1:65536", "2001:db8::1:80", ":80"]),
        ),
        Kind::File => (vec![long(1), long(4096)], vec![long(4097), "a\0".into()]),
        Kind::Extensions => (texts(&["a", "jpeg:7z"]), texts(&["", "a:", "a::b", ".a", "a,b"])),
        Kind::Secret { max } => {
            let exact = "k".repeat(max as usize);
            (vec!["".into(), exact.clone()], vec![exact.clone() + "k", "k\0".into()])
        }
        Kind::OrEmpty(kind) => {
            let (mut legal, mut past) = ends(*kind);
            past.retain(|text| !text.is_empty());
            legal.push("".into());
            (legal, past)
        }
    }
}

#[test]
fn every_option_takes_both_ends_of_its_range_and_nothing_past_them() {
    let mut walked = 0;
    for info in Config::options() {
        let option = info.name;
        let (legal, past) = ends(info.kind);
        for section in written(info.section) {
            for text in &legal {
                let mut config = Config::default();
                assert_eq!(config.set(&section, option, text), Ok(None), "[{section}] {option}");

                // What it says of itself means the same.
                let said = config.value(&section, option).unwrap_or_default();
                if !info.kind.is_secret() {
                    let mut again = config.clone();
                    again.set(&section, option, &said).unwrap();
                    assert_eq!(again, config, "[{section}] {option} = {said}");
                }
            }
            for text in &past {
                let mut config = Config::default();
                let error = config.set(&section, option, text).unwrap_err();
                assert_eq!(config, Config::default(), "an error changes nothing: {error}");
                assert_eq!((&*error.section, &*error.option), (&*section, option));
                let shown: String = text.chars().take(80).collect();
                let value = if info.kind.is_secret() {
                    "[secret]".into()
                } else {
                    format!("\"{}", shown.escape_debug())
                };
                let start = format!("[{section}] {option} = {value}");
                let message = error.to_string();
                assert!(message.starts_with(&start), "{message}");
                assert!(message.ends_with(&format!("valid: {}", info.kind)), "{message}");
                assert!(message.chars().count() < 500, "{message}");
            }
        }
        walked += 1;
    }
    assert_eq!(walked, rows().count() + 2, "the options of the endpoints come on top");
}

#[test]
fn the_defaults_are_legal_and_say_of_themselves_what_is_documented() {
    let config = Config::default();
    assert_eq!(config.validate(), Ok(()));
    for row in rows() {
        let mut changed = config.clone();
        for section in written(row.info.section) {
            let default = row.info.default_text();
            if !["languages.<NAME>", "chat.<name>"].contains(&row.info.section) {
                let value = config.value(&section, row.info.name).unwrap_or_default();
                assert_eq!(value, default, "{:?}", row.info);
                changed.set(&section, row.info.name, &default).unwrap();
            }
        }
        assert_eq!(config.differences(&changed), [], "{:?}", row.info);
    }
}

/// One line of a table of the options page.
struct Documented {
    section: &'static str,
    name: &'static str,
    alias: Option<&'static str>,
    default: &'static str,
    valid: String,
    acts: &'static str,
}

/// What stands in back quotes.
fn quoted(cell: &'static str) -> impl Iterator<Item = &'static str> {
    cell.split('`').skip(1).step_by(2)
}

/// The lines of all tables, each with the section of its heading.
fn table_lines() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    let mut section = "";
    include_str!("../../../docs/options.md").lines().filter_map(move |line| {
        if line.starts_with("## ") {
            section = quoted(line).next().unwrap_or("");
        }
        let inner = line.strip_prefix("| ")?.strip_suffix(" |")?;
        let cells: Vec<_> = inner.split(" | ").map(str::trim).collect();
        cells[0].starts_with('`').then_some((section, cells))
    })
}

fn documented() -> Vec<Documented> {
    let mut options = vec![];
    for (section, cells) in table_lines() {
        let (section, cells) = match cells.len() {
            5 => (section, &cells[..]),
            6 => (quoted(cells[0]).next().unwrap(), &cells[1..]),
            _ => continue,
        };
        let &[names, default, valid, _, acts] = cells else { panic!("{cells:?}") };
        let default =
            if default.starts_with('`') { quoted(default).next().unwrap_or("") } else { "" };
        let valid = valid.replace(['`'], "").replace(" ▲", "").replace('–', " to ");
        let option =
            |name, alias| Documented { section, name, alias, default, valid: valid.clone(), acts };
        if names.contains("alias") {
            let mut names = quoted(names);
            options.push(option(names.next().unwrap(), names.next()));
        } else {
            options.extend(quoted(names).map(|name| option(name, None)));
        }
    }
    options
}

/// The documented sections that come with a later feature: masking, the counters' door, the log
/// and the cluster store.
const LATER: [&str; 7] = [
    "transcript-cleanup",
    "health-service",
    "log-filter-data",
    "log-filter",
    "log",
    "cassandra",
    "encryption",
];

#[test]
#[expect(clippy::wildcard_enum_match_arm, reason = "the rest is said alike")]
fn the_options_are_those_of_the_options_page_in_its_order() {
    let mut page = documented();
    assert!(LATER.iter().all(|later| page.iter().any(|option| option.section == *later)));
    page.retain(|option| !LATER.contains(&option.section));

    let names = |section: &'static str, name: &'static str| format!("[{section}] {name}");
    let documented: Vec<_> = page.iter().map(|it| names(it.section, it.name)).collect();
    let known: Vec<_> = Config::options().map(|it| names(it.section, it.name)).collect();
    assert_eq!(known, documented);

    for (info, page) in Config::options().zip(&page) {
        assert_eq!(info.alias, page.alias, "{info:?}");
        assert_eq!(info.default_text(), page.default, "{info:?}");
        let acts = if page.acts == "now, see text" { "now" } else { page.acts };
        assert_eq!(info.effect.to_string(), acts, "{info:?}");
        let (kind, valid) = (info.kind.to_string(), &*page.valid);
        // For people, the page says some of it in words of its own.
        let said = match info.kind.if_set() {
            Kind::Boolean => "boolean",
            Kind::Text { min: 0, .. } => "any text",
            Kind::LanguageCode => "ISO 639 code of 2 or 3 letters",
            Kind::CountryCode => "ISO 3166 code of 2 or 3 letters, or empty",
            Kind::Address => "address:port, off, or empty",
            Kind::File => "PEM file, or empty",
            _ => &kind,
        };
        assert!(valid.contains(said), "{info:?} stands against {valid}");
        assert!(info.meaning.ends_with('.') && !info.meaning.contains('\n'), "{}", info.meaning);
    }
}

#[test]
fn the_withdrawn_names_are_those_of_the_options_page() {
    let page: Vec<_> = table_lines()
        .filter(|(_, cells)| cells.len() == 3)
        .map(|(_, cells)| {
            let [section, name] = [cells[0], cells[1]].map(|cell| quoted(cell).next().unwrap());
            let right: Vec<_> = quoted(cells[2]).collect();
            (section, name, *right.get(1).unwrap_or(&section), right[0])
        })
        .filter(|(section, ..)| !LATER.contains(section))
        .collect();
    let known: Vec<_> = Withdrawn::ALL
        .iter()
        .map(|it| (it.section, it.name, it.right_section, it.right_name))
        .collect();
    assert_eq!(known, page);
}

#[test]
fn a_withdrawn_name_warns_names_the_right_one_and_is_read_as_nothing() {
    for withdrawn in Withdrawn::ALL {
        let mut config = Config::default();
        let note = config.set(withdrawn.section, withdrawn.name, "whatever").unwrap();
        assert_eq!(note, Some(*withdrawn));
        assert_eq!(config, Config::default());
    }
    let note = Config::default().set("settings", "session-restore-dopurge", "false").unwrap();
    assert_eq!(
        note.unwrap().to_string(),
        "[settings] session-restore-dopurge has no effect; \
         the name is [settings] session-restore-do-purge"
    );
}

#[test]
fn an_unknown_name_is_refused_with_the_nearest_known_one() {
    for (section, option, message) in [
        ("setings", "session-linger", "no such section; did you mean [settings]?"),
        ("Settings", "session-linger", "no such section; did you mean [settings]?"),
        ("ports.esp", "listen", "no such section; did you mean [ports.ESP]?"),
        ("ports.", "listen", "no such section; did you mean [ports.ESP]?"),
        ("endpoint:1", "default", "no such section; did you mean [endpoints:<tenant>]?"),
        ("", "", "no such section"),
        ("frogs", "green", "no such section"),
        ("languages.", "name", "not a name; valid: 1 to 255 characters"),
        ("endpoints:", "default", "not a name; valid: 1 to 255 characters, no :"),
        ("endpoints:1:2", "default", "not a name; valid: 1 to 255 characters, no :"),
        ("endpoints:1", "a:b", "not a name; valid: 1 to 255 characters, no :"),
        (
            "settings",
            "flex_disconnect_timeout",
            "no such option; did you mean [settings] flex-disconnect-timeout?",
        ),
        (
            "settings",
            "include-notices",
            "no such option; did you mean [inactivity-control] include-notices?",
        ),
        ("ports.web", "adp-timeout", "no such option; did you mean [ports.<id>] addp-timeout?"),
        ("settings", "frogs", "no such option"),
    ] {
        let mut config = Config::default();
        let error = config.set(section, option, "my-secret").unwrap_err().to_string();
        assert_eq!(error, format!("[{section}] {option}: {message}"));
        assert_eq!(config, Config::default());
        assert_eq!(config.value(section, option), None);
    }
    let long = "x".repeat(100_000);
    let error = Config::default().set(&long, &long, &long).unwrap_err().to_string();
    assert!(error.len() < 300, "{error}");
}

#[test]
fn xml_request_max_size_is_another_name_of_request_max_size() {
    const BOTH: [&str; 2] = ["request-max-size", "xml-request-max-size"];
    for [one, other] in [BOTH, [BOTH[1], BOTH[0]]] {
        let mut config = Config::default();
        config.set("settings", one, "2048").unwrap();
        assert_eq!(config.limits.request_max_size, 2048);
        assert_eq!(config.value("settings", other).as_deref(), Some("2048"));
        config.set("settings", one, "4096").unwrap();

        // Both at once are fine as long as they agree.
        config.set("settings", other, "4096").unwrap();
        let before = config.clone();
        let error = config.set("settings", one, "2048").unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("[settings] {one} = \"2048\": means the same as {other} = \"4096\"")
        );
        assert_eq!(config, before);
    }
    let error = Config::default().set("settings", BOTH[1], "1023").unwrap_err();
    assert!(error.to_string().contains("xml-request-max-size = \"1023\""), "{error}");
}

#[test]
fn an_access_token_is_never_shown() {
    let mut config = Config::default();
    assert_eq!(config.value("ports.ESP", "access-token"), None);
    config.set("ports.ESP", "access-token", "frog-prince").unwrap();
    assert_eq!(config.ports[PortId::Esp].access_token, Some(Secret::new("frog-prince")));
    assert_eq!(config.ports[PortId::Default].access_token, None);
    assert_eq!(config.value("ports.ESP", "access-token").as_deref(), Some("[secret]"));
    assert!(!format!("{config:?}").contains("frog-prince"));

    let error = config.set("ports.ESP", "access-token", &"frog".repeat(257)).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("frog"), "{error:?}");

    config.set("ports.ESP", "access-token", "").unwrap();
    assert_eq!(config.ports[PortId::Esp].access_token, None);
}

#[test]
fn texts_become_typed_values() {
    let mut config = Config::default();
    for (section, option, value) in [
        ("settings", "limit-for-reply-delay", "1500"),
        ("settings", "stop-abandoned-interaction", "true"),
        ("settings", "attach-stats-rep-events", " leave,hold , leave"),
        ("settings", "flex-push-content", ""),
        ("settings", "transcript-auto-save", "2"),
        ("settings", "orphan-timeout", "7"),
        ("ports.health", "listen", "[::1]:4806"),
        ("inactivity-control", "enabled", "ON"),
        ("inactivity-control", "message-alert", ""),
        ("server", "app-dbid", "65535"),
    ] {
        config.set(section, option, value).unwrap();
    }
    let settings = &config.settings;
    assert_eq!(settings.limit_for_reply_delay, Duration::from_millis(1500));
    assert_eq!(settings.stop_abandoned_interaction, StopAbandoned::NoAnswer);
    assert_eq!(settings.attach_stats_rep_events, [StatisticsMoment::Hold, StatisticsMoment::Leave]);
    assert_eq!(settings.flex_push_content, []);
    assert_eq!(settings.transcript_auto_save, AutoSave::EveryEventAndTell);
    assert_eq!(settings.orphan_timeout, Some(Duration::from_secs(7)));
    assert_eq!(
        config.ports[PortId::Health].listen,
        Some(Listen::At("[::1]:4806".parse().unwrap()))
    );
    assert!(config.inactivity_control.enabled);
    assert!(config.inactivity_control.message_alert.is_empty());
    assert_eq!(config.server.app_dbid, Some(65_535));
    assert_eq!(config.value("settings", "attach-stats-rep-events").as_deref(), Some("hold, leave"));
    assert_eq!(config.value("settings", "stop-abandoned-interaction").as_deref(), Some("noanswer"));

    config.set("settings", "orphan-timeout", "").unwrap();
    assert_eq!(config.settings.orphan_timeout, None);
    config.set("settings", "stop-abandoned-interaction", "false").unwrap();
    assert_eq!(config.settings.stop_abandoned_interaction, StopAbandoned::Never);
}

#[test]
fn b20_11_a_server_that_nobody_configured_keeps_what_it_acknowledged() {
    let settings = Config::default().settings;
    assert_eq!(settings.session_restoration_mode, RestorationMode::Simple);
    assert_eq!(settings.transcript_auto_save, AutoSave::EveryEvent);
    assert_eq!(settings.session_restore_extend_by, RestoreBy::Both);
    assert!(settings.session_restore_do_purge);
}

#[test]
fn any_text_is_refused_or_read_as_what_it_says_afterwards() {
    #[expect(clippy::needless_pass_by_value, reason = "quickcheck hands out values")]
    fn property(option: usize, section: usize, value: String) -> bool {
        let infos: Vec<_> = Config::options().collect();
        let info = infos[option % infos.len()];
        let sections = written(info.section);
        let section = &sections[section % sections.len()];
        let mut config = Config::default();
        if config.set(section, info.name, &value).is_err() {
            return config == Config::default();
        }
        let said = config.value(section, info.name).unwrap_or_default();
        let mut again = config.clone();
        info.kind.is_secret() || again.set(section, info.name, &said).is_ok() && again == config
    }
    QuickCheck::new().tests(5000).quickcheck(property as fn(usize, usize, String) -> bool);
}

#[test]
fn any_names_are_refused_or_known() {
    #[expect(clippy::needless_pass_by_value, reason = "quickcheck hands out values")]
    fn property(section: String, option: String, value: String) -> bool {
        let mut config = Config::default();
        match config.set(&section, &option, &value) {
            Ok(_) => config.value(&section, &option).is_some(),
            Err(error) => config == Config::default() && !error.to_string().is_empty(),
        }
    }
    let endpoint = |name: String, value: String| {
        property("endpoints:1".into(), name.clone(), value.clone())
            && property(format!("languages.{name}"), "name".into(), value)
    };
    QuickCheck::new().tests(1000).quickcheck(property as fn(String, String, String) -> bool);
    QuickCheck::new().tests(1000).quickcheck(endpoint as fn(String, String) -> bool);
}

#[test]
fn a_name_may_be_long_in_bytes_as_long_as_it_is_short_in_characters() {
    let mut config = Config::default();
    let name = "語".repeat(255);
    config.set("settings", "default-tenant", &name).unwrap();
    assert_eq!(config.settings.default_tenant, Str::new(&name));
}
