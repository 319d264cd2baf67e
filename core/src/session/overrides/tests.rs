use super::*;

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

/// These overrides after a call with these parameters.
fn after(overrides: &Overrides, parameters: &[(&str, &str)]) -> Result<Overrides, ErrorId> {
    let mut list = KvList::new();
    for (key, value) in parameters {
        list.push(key, *value);
    }
    overrides.configured(&list, 10).map_err(|refusal| refusal.id)
}

#[test]
fn b11_6_overrides_beat_the_options_and_leave_the_rest() {
    let set = [("timeout-alert", "10"), ("enabled", "true"), ("include-notices", "typing")];
    let overrides = after(&Overrides::NONE, &set).unwrap();
    let mut options = InactivityControl::default();
    let settings = overrides.over(&options);
    assert!(settings.enabled);
    assert_eq!(settings.timeout_alert, seconds(10));
    assert_eq!(settings.include_notices, IncludeNotices::Typing);
    assert_eq!(settings.timeout_close, options.timeout_close);

    options.timeout_alert = seconds(20);
    options.timeout_close = seconds(21);
    let settings = overrides.over(&options);
    assert_eq!((settings.timeout_alert, settings.timeout_close), (seconds(10), seconds(21)));
}

#[test]
fn b14_6_a_reset_comes_before_the_others() {
    let set = [("timeout-alert", "10"), ("timeout-close", "11")];
    let overrides = after(&Overrides::NONE, &set).unwrap();
    let reset = [("timeout-close", "12"), ("reset-parameters", "true")];
    let expected = Overrides { timeout_close: Some(seconds(12)), ..Overrides::NONE };
    assert_eq!(after(&overrides, &reset), Ok(expected));
    assert_eq!(after(&overrides, &[("reset-parameters", "true")]), Ok(Overrides::NONE));
    // Only `true` is true.
    assert_eq!(after(&overrides, &[("reset-parameters", "yes")]), Ok(overrides));
}

#[test]
fn b14_6_what_may_be_written() {
    for (name, value) in [
        ("timeout-alert", "1"),
        ("timeout-alert", "86400"),
        ("timeout-alert2", "0"),
        ("timeout-close", "86400"),
        ("include-notices", "major2"),
        ("enabled", "yes"),
        ("enabled", ""),
        ("message-alert", ""),
        ("message-close", "0123456789"),
    ] {
        assert!(after(&Overrides::NONE, &[(name, value)]).is_ok(), "{name} {value}");
    }
    for (name, value) in [
        ("timeout-alert", "0"),
        ("timeout-alert", "86401"),
        ("timeout-alert", ""),
        ("timeout-alert2", "-1"),
        ("timeout-alert2", "+1"),
        ("timeout-alert2", "1.5"),
        ("timeout-close", "0"),
        ("timeout-close", "soon"),
        ("include-notices", "Major"),
        ("include-notices", ""),
    ] {
        let outcome = after(&Overrides::NONE, &[(name, value)]);
        assert_eq!(outcome, Err(ErrorId::Malformed), "{name} {value}");
    }
    let long = [("message-alert", "0123456789é")];
    assert_eq!(after(&Overrides::NONE, &long), Err(ErrorId::TextTooLong));
    for nothing in [&[][..], &[("timeout", "1")]] {
        assert_eq!(after(&Overrides::NONE, nothing), Err(ErrorId::Malformed));
    }
    let enabled = after(&Overrides::NONE, &[("enabled", "yes")]).unwrap();
    assert_eq!(enabled.enabled, Some(false));
    let list = KvList::from([("enabled", KvList::new().into())]);
    let outcome = Overrides::NONE.configured(&list, 10).map_err(|refusal| refusal.id);
    assert_eq!(outcome, Err(ErrorId::Malformed));
}
