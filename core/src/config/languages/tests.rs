use super::*;
use alloc::format;
use alloc::string::ToString as _;

/// Sections, each with its language, its country and `use-language-as-default`.
fn configured(languages: &[(&str, &str, &str, &str)]) -> Config {
    let mut config = Config::default();
    for (name, language, country, as_default) in languages {
        let section = format!("languages.{name}");
        config.set(&section, "language", language).unwrap();
        config.set(&section, "country", country).unwrap();
        config.set(&section, "use-language-as-default", as_default).unwrap();
    }
    config.validate().unwrap();
    config
}

fn several() -> Config {
    configured(&[
        ("Austrian", "DE", "at", "no"),
        ("Brazilian", "pt", "BR", "yes"),
        ("English", "en", "", "no"),
        ("Portuguese", "pt", "PT", "no"),
        ("Swiss", "de", "CH", "yes"),
        ("US", "en", "US", "yes"),
    ])
}

#[test]
fn b16_1_codes_are_folded_and_the_name_is_the_sections_unless_given() {
    let mut config = several();
    let austrian = config.language_for(Some("Austrian"), None).unwrap();
    assert_eq!(&*austrian.language, "de");
    assert_eq!(austrian.country.as_deref(), Some("AT"));
    assert_eq!(&*austrian.name, "Austrian");

    config.set("languages.Austrian", "name", "Österreichisch").unwrap();
    assert_eq!(config.language_for(Some("Austrian"), None), None);
    let renamed = config.language_for(Some("Österreichisch"), None).unwrap();
    assert_eq!(&*renamed.language, "de");
}

#[test]
fn b16_2_a_name_decides_alone() {
    let config = several();
    let name = |name, code| config.language_for(name, code).map(|language| &*language.name);
    assert_eq!(name(Some("US"), Some("de-AT")), Some("US"));
    assert_eq!(name(Some("Klingon"), Some("de-AT")), None, "unknown: the server's own texts");
    assert_eq!(name(Some(""), Some("de-AT")), None);
    assert_eq!(name(None, None), None);
}

#[test]
fn b16_2_a_code_matches_exactly_then_without_country_then_as_default() {
    let config = several();
    for (code, found) in [
        ("de-AT", Some("Austrian")),
        ("de_AT", Some("Austrian")),
        ("DE_at", Some("Austrian")),
        ("en-US", Some("US")),
        ("en", Some("English")),
        // No such country: the language without one comes before one to be used as default.
        ("en-GB", Some("English")),
        ("de-DE", Some("Swiss")),
        ("de", Some("Swiss")),
        ("de-", Some("Swiss")),
        ("pt-AO", Some("Brazilian")),
        ("pt-PT", Some("Portuguese")),
        ("fr-FR", None),
        ("fr", None),
        ("", None),
        ("-", None),
        ("-AT", None),
        ("d", None),
    ] {
        let name = config.language_for(None, Some(code)).map(|language| &*language.name);
        assert_eq!(name, found, "{code}");
    }
    assert_eq!(Config::default().language_for(None, Some("en")), None);
}

#[test]
fn b16_2_of_equal_matches_the_first_section_wins() {
    let config = configured(&[("Formal", "de", "", "no"), ("Familiar", "de", "", "no")]);
    let language = config.language_for(None, Some("de")).unwrap();
    assert_eq!(&*language.name, "Familiar");
}

#[test]
fn b16_4_texts_fall_back_option_by_option() {
    let mut config = several();
    config.set("inactivity-control", "message-close", "Bye").unwrap();
    config.set("languages.English", "message-alert", "Still there? 🐸").unwrap();
    // Empty is a text too: nothing is sent (B11.3).
    config.set("languages.English", "message-alert2", "").unwrap();

    let english = config.language_for(Some("English"), None);
    let messages = config.idle_messages(english);
    assert_eq!(messages.alert.reveal(), "Still there? 🐸");
    assert!(messages.alert2.is_empty());
    assert_eq!(messages.close.reveal(), "Bye");

    let own = config.idle_messages(None);
    assert_eq!(own.alert, &config.inactivity_control.message_alert);
    assert!(!own.alert2.is_empty());
    assert_eq!(config.value("languages.English", "message-alert2").as_deref(), Some(""));
    assert_eq!(config.value("languages.English", "message-close"), None);
}

#[test]
fn the_number_of_languages_is_limited() {
    let mut config = Config::default();
    for number in 0..Config::MAX_LANGUAGES {
        config.set(&format!("languages.{number}"), "language", "en").unwrap();
    }
    config.set("languages.0", "country", "GB").unwrap();
    config.validate().unwrap();
    let before = config.clone();
    let error = config.set("languages.one-more", "language", "en").unwrap_err();
    assert_eq!(error.to_string(), "[languages.one-more] language: more than 1024 of these");
    assert_eq!(config, before);
}

#[test]
fn a_bad_value_makes_no_language() {
    let mut config = Config::default();
    config.set("languages.German", "country", "D").unwrap_err();
    assert_eq!(config, Config::default());
    assert_eq!(config.value("languages.German", "name"), None);

    let long = "é".repeat(255);
    config.set(&format!("languages.{long}"), "language", "de").unwrap();
    config.set(&format!("languages.{long}é"), "language", "de").unwrap_err();
}
