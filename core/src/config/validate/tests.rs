use crate::config::{Config, Problem};
use crate::id::PortId;
use crate::pii::Secret;
use alloc::string::{String, ToString as _};
use core::time::Duration;

fn verdict(options: &[(&str, &str, &str)]) -> Result<(), String> {
    let mut config = Config::default();
    for (section, option, value) in options {
        config.set(section, option, value).unwrap();
    }
    config.validate().map_err(|error| error.to_string())
}

#[test]
fn b17_2_limit_for_sessions_must_not_exceed_limit_for_flex_users() {
    let limits = |sessions, users| {
        verdict(&[
            ("settings", "limit-for-sessions", sessions),
            ("settings", "limit-for-flex-users", users),
        ])
    };
    for (sessions, users) in [("400", "400"), ("0", "400"), ("400", "0"), ("0", "0")] {
        assert_eq!(limits(sessions, users), Ok(()), "{sessions} and {users}");
    }
    let error = "[settings] limit-for-sessions = \"401\": must not be above, unless one of them \
                 is 0, limit-for-flex-users = \"400\"";
    assert_eq!(limits("401", "400"), Err(error.into()));
    // The default counts too.
    assert!(verdict(&[("settings", "limit-for-sessions", "1002")]).is_err());
}

#[test]
fn certificates_come_with_their_keys_and_clients_with_certificates() {
    let chain = ("ports.webapi", "certificate-file", "chain.pem");
    let key = ("ports.webapi", "private-key-file", "key.pem");
    let clients = ("ports.webapi", "client-ca-file", "clients.pem");
    assert_eq!(verdict(&[chain, key]), Ok(()));
    assert_eq!(verdict(&[chain, key, clients]), Ok(()));
    let error = "[ports.webapi] certificate-file = \"chain.pem\": goes only together with \
                 private-key-file = \"\"";
    assert_eq!(verdict(&[chain]), Err(error.into()));
    assert!(verdict(&[key]).is_err());
    assert!(verdict(&[clients]).is_err());
    assert!(verdict(&[chain, ("ports.web", "private-key-file", "key.pem")]).is_err());
}

#[test]
fn b16_1_a_language_has_a_code_and_a_name_of_its_own() {
    assert_eq!(
        verdict(&[("languages.German", "country", "DE")]),
        Err("[languages.German] language: must be given; valid: ISO 639 code, 2 or 3 letters"
            .into())
    );
    let two = [("languages.A", "language", "de"), ("languages.B", "language", "de")];
    assert_eq!(verdict(&two), Ok(()));
    assert_eq!(
        verdict(&[two[0], two[1], ("languages.A", "name", "B")]),
        Err("[languages.B] name = \"B\": the same as in [languages.A]".into())
    );
}

#[test]
fn a_value_that_was_not_read_from_text_is_checked_too() {
    let mut config = Config::default();
    config.limits.max_participants = 1;
    assert_eq!(
        config.validate().unwrap_err().to_string(),
        "[settings] max-participants = \"1\": not valid; valid: integer 2 to 1000"
    );

    let mut config = Config::default();
    config.settings.session_linger = Duration::from_millis(86_400_001);
    assert!(config.validate().is_err());

    let mut config = Config::default();
    config.ports[PortId::Web].access_token = Some(Secret::new(&"k".repeat(1025)));
    let error = config.validate().unwrap_err();
    assert!(matches!(error.problem, Problem::BadValue { value: None, .. }), "{error:?}");
}
