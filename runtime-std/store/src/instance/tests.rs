use std::net::SocketAddr;

use confer_core::config::Config;
use confer_core::id::PortId;

use crate::store::{Options, Sync};

#[test]
fn a_server_has_the_name_it_was_given_or_that_of_its_door() {
    // B20.12
    let address = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
    let open = [(PortId::Webapi, address(4481)), (PortId::Default, address(4480))];
    let mut config = Config::default();
    let usual = Options::of(&config, &open, Sync::Normal);
    assert!(usual.instance.ends_with(":4480") && usual.instance.len() > 5, "{usual:?}");
    assert!(Options::of(&config, &open[..1], Sync::Normal).instance.ends_with(":4481"));
    assert!(!Options::of(&config, &[], Sync::Normal).instance.is_empty());
    config.set("server", "name", "desk-1").unwrap();
    config.set("server", "app-dbid", "7").unwrap();
    let given = Options::of(&config, &open, Sync::Full);
    assert_eq!(
        (given.instance.as_str(), given.app_dbid, given.sync),
        ("desk-1", Some(7), Sync::Full)
    );
}
