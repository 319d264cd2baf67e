use super::*;
use crate::testing::{
    BIN, INT, KVL, LIST, LONG, STR, STRUCT, TEXT, attribute, block, entry, frame, int, utf16,
};
use alloc::format;
use alloc::vec::Vec;
use confer_core::frame::{KvEntry, KvValue};
use confer_core::text::Str;

/// The frame that is written, behind bytes that were there before.
fn written_within(limit: u32, write: impl FnOnce(&mut Writer<'_>)) -> Result<Vec<u8>, EncodeError> {
    let mut out = BytesMut::from(&b"before"[..]);
    let mut writer = Writer::begin(&mut out, Protocol::Basic, 4, 7, limit);
    write(&mut writer);
    let outcome = writer.finish();
    assert!(outcome.is_ok() || out == "before", "a frame that failed leaves nothing behind");
    assert!(out.starts_with(b"before"));
    outcome.map(|()| out[6..].to_vec())
}

fn written(write: impl FnOnce(&mut Writer<'_>)) -> Result<Vec<u8>, EncodeError> {
    written_within(MAX_FRAME, write)
}

fn list(value: KvValue) -> Result<Vec<u8>, EncodeError> {
    list_of(&KvList::from([("k", value)]))
}

fn list_of(list: &KvList) -> Result<Vec<u8>, EncodeError> {
    written(|writer| writer.kvl(Attribute::UserData, list))
}

#[test]
fn every_type_is_written() {
    let frames = [
        (written(|writer| writer.int(Attribute::UserType, -2)), int(5, -2)),
        (
            written(|writer| writer.long(Attribute::RemoteTimeout, i64::MIN)),
            attribute(46, LONG, &i64::MIN.to_be_bytes()),
        ),
        (
            written(|writer| writer.str(Attribute::UserId, "é👋")),
            attribute(1, STR, &block("é👋".as_bytes())),
        ),
        (
            written(|writer| writer.text(Attribute::Subject, &Text::new("é👋"))),
            attribute(11, TEXT, &block(&utf16("é👋"))),
        ),
        (
            written(|writer| {
                writer.structure(Attribute::ChatTranscript, |writer| {
                    writer.list(Attribute::EventList, |writer| {
                        writer.item(|writer| writer.int(Attribute::EventId, 1));
                        writer.item(|writer| writer.int(Attribute::Visibility, 2));
                    });
                    writer.int(Attribute::IdleTimeExpire, 3);
                });
                writer.int(Attribute::SessionStatus, 1);
            }),
            {
                let items = [block(&int(25, 1)), block(&int(9, 2))].concat();
                let inside = [attribute(23, LIST, &block(&items)), int(32, 3)].concat();
                [attribute(21, STRUCT, &block(&inside)), int(31, 1)].concat()
            },
        ),
    ];
    for (outcome, attributes) in frames {
        assert_eq!(outcome, Ok(frame(&attributes)));
    }
}

#[test]
fn every_type_of_entry_is_written() {
    let frames = [
        (list(7.into()), entry(INT, b"k", &[0, 0, 0, 7])),
        (list((-7_i64).into()), entry(LONG, b"k", &(-7_i64).to_be_bytes())),
        (list("é".into()), entry(STR, b"k", &block("é".as_bytes()))),
        (list(KvValue::from(&[0, 0xff][..])), entry(BIN, b"k", &block(&[0, 0xff]))),
        (list(KvList::new().into()), entry(KVL, b"k", &block(&[]))),
    ];
    for (outcome, entry) in frames {
        assert_eq!(outcome, Ok(frame(&attribute(12, KVL, &block(&entry)))));
    }
}

#[test]
fn a_frame_is_as_large_as_its_limit() {
    let write = |writer: &mut Writer<'_>| writer.str(Attribute::UserId, &"x".repeat(4077));
    assert_eq!(written_within(4096, write).map(|frame| frame.len()), Ok(4096));
    assert_eq!(written_within(4095, write), {
        Err(EncodeError::TooLarge { size: 4096, limit: 4095 })
    });
    let huge = "x".repeat(MAX_FRAME as usize - 19);
    let write = |writer: &mut Writer<'_>| writer.str(Attribute::UserId, &huge);
    assert_eq!(written_within(u32::MAX, write).map(|frame| frame.len()), Ok(huge.len() + 19));
    let write = |writer: &mut Writer<'_>| writer.str(Attribute::NodeName, &format!("{huge}x"));
    let limit = MAX_FRAME as usize;
    assert_eq!(written_within(u32::MAX, write), {
        Err(EncodeError::TooLarge { size: limit + 1, limit })
    });
}

#[test]
fn a_list_has_1024_entries_and_one_inside_has_its_own() {
    let entries = |count| {
        let one = KvEntry { key: Str::new("k"), value: 1.into() };
        core::iter::repeat_n(one, count).collect::<KvList>()
    };
    assert!(list_of(&entries(1024)).is_ok());
    assert_eq!(list_of(&entries(1025)), Err(EncodeError::TooMany));
    assert!(list(entries(1024).into()).is_ok());
    assert_eq!(list(entries(1025).into()), Err(EncodeError::TooMany));
}

#[test]
fn lists_nest_16_levels_counted_from_the_frame() {
    let nested =
        |levels| (1..levels).fold(KvList::new(), |list, _| KvList::from([("k", list.into())]));
    assert!(list_of(&nested(16)).is_ok());
    assert_eq!(list_of(&nested(17)), Err(EncodeError::TooDeep));
    let in_an_item = |list: &KvList| {
        written(|writer| {
            writer.structure(Attribute::ChatTranscript, |writer| {
                writer.list(Attribute::EventList, |writer| {
                    writer.item(|writer| writer.kvl(Attribute::UserData, list));
                });
            });
        })
    };
    assert!(in_an_item(&nested(14)).is_ok());
    assert_eq!(in_an_item(&nested(15)), Err(EncodeError::TooDeep));
}

/// A list that follows a structure nests as deep as one that stands alone.
#[test]
fn what_is_closed_does_not_count() {
    let list = (1..16).fold(KvList::new(), |list, _| KvList::from([("k", list.into())]));
    let outcome = written(|writer| {
        writer.structure(Attribute::ChatTranscript, |writer| {
            writer.list(Attribute::EventList, |_| {});
        });
        writer.kvl(Attribute::Extensions, &list);
    });
    assert!(outcome.is_ok(), "{outcome:?}");
}

/// A codec that lists its attributes in another order is a mistake that tests find.
#[cfg(debug_assertions)]
mod an_attribute_out_of_order {
    use super::*;

    #[test]
    #[should_panic = "UserId is out of order"]
    fn is_found() {
        let _ = written(|writer| {
            writer.int(Attribute::UserType, 1);
            writer.str(Attribute::UserId, "");
        });
    }

    #[test]
    #[should_panic = "UserType is out of order"]
    fn is_found_behind_a_structure() {
        let _ = written(|writer| {
            writer.structure(Attribute::ChatTranscript, |writer| {
                writer.int(Attribute::UserType, 1);
            });
            writer.int(Attribute::UserType, 1);
        });
    }
}

#[test]
fn a_key_has_1_to_255_bytes() {
    for (length, fits) in [(0, false), (1, true), (255, true), (256, false), (65_536, false)] {
        let list = KvList::from([(&*"k".repeat(length), 1.into())]);
        let outcome = list_of(&list).map(|_| ());
        assert_eq!(outcome, if fits { Ok(()) } else { Err(EncodeError::KeyLength) });
    }
}

#[test]
fn u0000_is_not_written() {
    let nul = Err(EncodeError::Nul);
    assert_eq!(written(|writer| writer.str(Attribute::UserId, "a\0b")), nul);
    assert_eq!(written(|writer| writer.text(Attribute::Subject, &Text::new("\0"))), nul);
    assert_eq!(list("ab\0".into()), nul);
    assert_eq!(list_of(&KvList::from([("\0", 1.into())])), nul);
    assert!(list(KvValue::from(&[0][..])).is_ok(), "bytes are no characters");
}

#[test]
fn the_first_error_counts() {
    let outcome = written(|writer| {
        writer.fail(EncodeError::OutOfRange(Attribute::UserType));
        writer.str(Attribute::NodeName, "\0");
    });
    assert_eq!(outcome, Err(EncodeError::OutOfRange(Attribute::UserType)));
}
