use confer_core::frame::Attribute;
use confer_wire::map::Type;

use super::super::frame::read;
use super::super::tests::build;
use super::*;

#[test]
fn attributes_keep_the_order_they_came_in() {
    let bytes = build::frame(
        b'F',
        3,
        7,
        &[
            build::int(Attribute::LastPosition, -0),
            build::string(Attribute::SecureKey, "k"),
            build::string(Attribute::UserId, "u"),
        ],
    );
    let bytes = read(&bytes, None, 1024).map(|read| frame(&read)).unwrap();
    assert_eq!(
        bytes,
        r#"{"protocol":"flex","message":"RequestRefresh","reference":7,"attributes":{"LastPosition":0,"SecureKey":"k","UserId":"u"}}"#
    );
}

#[test]
fn every_kind_of_entry_has_its_form() {
    let inside = build::entry(Type::Str, "in", &build::block(b"side"));
    let bytes = build::frame(
        b'B',
        3,
        7,
        &[build::holder(
            Attribute::UserData,
            &[
                build::entry(Type::Int, "i", &(-1_i32).to_be_bytes()),
                build::entry(Type::Long, "l", &(1_i64 << 40).to_be_bytes()),
                build::entry(Type::Str, "s", &build::block("é".as_bytes())),
                build::entry(Type::Bin, "b", &build::block(&[0, 255])),
                build::entry(Type::Kvl, "k", &build::block(&inside)),
                build::entry(Type::Str, "s", &build::block(b"")),
            ],
        )],
    );
    let read = read(&bytes, None, 1024).unwrap();
    assert_eq!(
        level(&read.raw.attributes)["UserData"].to_string(),
        r#"{"kvl":[["i",-1],["l",{"long":1099511627776}],["s","é"],["b",{"bin":"00ff"}],["k",{"kvl":[["in","side"]]}],["s",""]]}"#
    );
}

#[test]
fn no_control_character_comes_out_as_it_is() {
    let controls: String = (1..0x20).chain([0x7f, 0x80, 0x9b, 0x9f]).map(char::from).collect();
    let bytes = build::frame(b'B', 3, 7, &[build::text(Attribute::MessageText, &controls)]);
    let line = frame(&read(&bytes, None, 1024).unwrap());
    assert!(!line.contains(char::is_control), "{line:?}");
    let json: Json = line.parse().unwrap();
    assert_eq!(json["attributes"]["MessageText"], controls, "and none is lost");
}
