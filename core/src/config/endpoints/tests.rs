use super::*;
use crate::config::{Config, ConfigError};
use alloc::string::ToString;
use alloc::vec::Vec;

fn configured(endpoints: &[(&str, &str, &str)]) -> Config {
    let mut config = Config::default();
    for (section, name, queue) in endpoints {
        config.set(section, name, queue).unwrap();
    }
    config
}

fn found(tenant: &'static str, name: &'static str, queue: &'static str) -> Endpoint<'static> {
    Endpoint { tenant, name, queue }
}

#[test]
fn b4_2_a_queue_key_names_tenant_and_endpoint_or_less() {
    let config = configured(&[
        ("endpoints:1", "default", "main"),
        ("endpoints:1", "sales", "sales-queue"),
        ("endpoints:Environment", "default", "other-main"),
    ]);
    let sales = found("1", "sales", "sales-queue");
    assert_eq!(config.queue(Some("1:sales")), Ok(sales));
    assert_eq!(config.queue(Some("sales")), Ok(sales));
    assert_eq!(config.queue(Some("1:default")), Ok(found("1", "default", "main")));
    assert_eq!(config.queue(None), Ok(found("1", "default", "main")));
    assert_eq!(
        config.queue(Some("Environment:default")),
        Ok(found("Environment", "default", "other-main"))
    );
    for unknown in
        ["", ":", "1:", ":sales", "2:default", "1:Sales", "Environment:sales", "1:sales:x", "1"]
    {
        assert_eq!(config.queue(Some(unknown)), Err(UnknownEndpoint), "{unknown}");
    }
}

#[test]
fn b4_2_without_a_tenant_it_is_the_default_tenants() {
    let mut config =
        configured(&[("endpoints:1", "default", "main"), ("endpoints:2", "sales", "sales-queue")]);
    config.set("settings", "default-tenant", "2").unwrap();
    assert_eq!(config.queue(Some("sales")), Ok(found("2", "sales", "sales-queue")));
    assert_eq!(config.queue(None), Err(UnknownEndpoint), "that tenant has no default");
}

#[test]
fn b4_2_without_any_configuration_there_is_one_endpoint() {
    let mut config = Config::default();
    let built_in = found("1", "default", "default");
    for key in [None, Some("default"), Some("1:default")] {
        assert_eq!(config.queue(key), Ok(built_in), "{key:?}");
    }
    assert_eq!(config.queue(Some("sales")), Err(UnknownEndpoint));
    assert_eq!(config.value("endpoints:1", "default").as_deref(), Some("default"));

    config.set("endpoints:2", "sales", "sales-queue").unwrap();
    assert_eq!(config.queue(None), Err(UnknownEndpoint), "now there is a configuration");
    assert_eq!(config.value("endpoints:1", "default"), None);
}

#[test]
fn the_number_of_endpoints_is_limited() {
    let mut config = Config::default();
    for number in 0..Config::MAX_ENDPOINTS {
        let section = alloc::format!("endpoints:{}", number % 3000);
        config.set(&section, &number.to_string(), "main").unwrap();
    }
    // One that is there may still get another queue.
    config.set("endpoints:0", "0", "other").unwrap();
    let before = config.clone();
    let error = config.set("endpoints:0", "one-more", "main").unwrap_err();
    assert_eq!(error.to_string(), "[endpoints:0] one-more: more than 4096 of these");
    assert_eq!(config, before);
    assert_eq!(config.queue(Some("0:0")).map(|it| it.queue), Ok("other"));
}

#[test]
fn names_and_queues_have_1_to_255_characters() {
    let mut config = Config::default();
    let (most, more) = ("é".repeat(255), "é".repeat(256));
    let tenant = |name: &str| alloc::format!("endpoints:{name}");
    config.set(&tenant(&most), &most, &most).unwrap();
    let key = alloc::format!("{most}:{most}");
    assert_eq!(config.queue(Some(&key)).map(|it| it.queue), Ok(&*most));

    let refused = [(&more, &most, &most), (&most, &more, &most), (&most, &most, &more)];
    for (section, name, queue) in refused {
        let error: ConfigError = config.set(&tenant(section), name, queue).unwrap_err();
        assert!(error.to_string().contains("1 to 255 characters"), "{error}");
    }
    let error = config.set("endpoints:1", "default", "").unwrap_err();
    assert_eq!(
        error.to_string(),
        "[endpoints:1] default = \"\": not valid; valid: 1 to 255 characters"
    );
}

#[test]
fn differences_know_the_built_in_endpoint() {
    let list = |old: &Config, newer: &Config| {
        old.differences(newer).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let none = Config::default();
    let same = configured(&[("endpoints:1", "default", "default")]);
    assert_eq!(list(&none, &same), [""; 0]);
    let other = configured(&[("endpoints:1", "sales", "q"), ("endpoints:2", "default", "q")]);
    assert_eq!(
        list(&none, &other),
        [
            "[endpoints:1] default (acts: now)",
            "[endpoints:1] sales (acts: now)",
            "[endpoints:2] default (acts: now)",
        ]
    );
}
