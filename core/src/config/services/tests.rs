//! Services of the web API, as an operator configures them.

use crate::config::{Config, Problem};

use super::Services;

fn config(options: &[(&str, &str, &str)]) -> Config {
    let mut config = Config::default();
    for (section, option, value) in options {
        config.set(section, option, value).expect("legal");
    }
    config.validate().expect("valid");
    config
}

fn queue_key(config: &Config, name: &str) -> Option<String> {
    config.chat_service(name).map(|service| service.queue_key().to_string())
}

use alloc::string::{String, ToString};

#[test]
fn one_is_there_until_others_are_configured() {
    let plain = Config::default();
    assert_eq!(queue_key(&plain, "customer-support").as_deref(), Some("default"));
    assert_eq!(queue_key(&plain, "sales"), None);

    let configured = config(&[
        ("chat.sales", "endpoint", "sales"),
        ("chat.vip", "tenant", "acme"),
        ("chat.vip", "endpoint", "default"),
    ]);
    assert_eq!(queue_key(&configured, "sales").as_deref(), Some("sales"));
    assert_eq!(queue_key(&configured, "vip").as_deref(), Some("acme:default"));
    assert_eq!(queue_key(&configured, "customer-support"), None);
    assert_eq!(configured.value("chat.vip", "tenant").as_deref(), Some("acme"));
}

#[test]
fn one_that_is_switched_off_is_not_there() {
    let off = config(&[("chat.sales", "enabled", "no"), ("chat.sales", "endpoint", "sales")]);
    assert_eq!(queue_key(&off, "sales"), None);
}

#[test]
fn one_without_an_endpoint_is_no_service() {
    let mut newer = Config::default();
    newer.set("chat.sales", "tenant", "acme").expect("legal");
    let error = newer.validate().unwrap_err();
    assert_eq!(
        error.to_string(),
        "[chat.sales] endpoint: must be given; valid: 1 to 255 characters, no :"
    );
    // At a reload it is left out.
    newer.keep(&Config::default(), &error);
    newer.validate().expect("valid");
    assert_eq!(newer, Config::default());
}

#[test]
fn there_may_be_so_many_and_no_more() {
    let mut config = Config::default();
    for number in 0..Services::MAX {
        config.set(&alloc::format!("chat.{number}"), "enabled", "yes").expect("legal");
    }
    let error = config.set("chat.one-more", "enabled", "yes").unwrap_err();
    assert_eq!(error.problem, Problem::TooMany { limit: Services::MAX });
    config.set("chat.0", "enabled", "no").expect("one that is there may change");
}

#[test]
fn a_reload_brings_and_takes_services() {
    let running = config(&[("chat.sales", "endpoint", "sales")]);
    let newer = config(&[
        ("chat.support", "tenant", "acme"),
        ("chat.support", "endpoint", "default"),
        ("web", "max-calls", "10"),
    ]);
    let differences: alloc::vec::Vec<_> =
        running.differences(&newer).iter().map(ToString::to_string).collect();
    assert_eq!(
        differences,
        [
            "[web] max-calls (acts: restart)",
            "[chat.sales] endpoint (acts: now)",
            "[chat.support] tenant (acts: now)",
            "[chat.support] endpoint (acts: now)",
        ]
    );
    let merged = running.merge_now(&newer);
    assert_eq!(queue_key(&merged, "sales"), None);
    assert_eq!(queue_key(&merged, "support").as_deref(), Some("acme:default"));
    assert_eq!(merged.web.max_calls, running.web.max_calls);
}
