use super::*;
use crate::MAX_FRAME;
use crate::testing::{
    BIN, ID_AT, INT, KVL, LIST, LONG, REFERENCE, STR, STRUCT, TEXT, TYPE_AT, UNKNOWN, VALUE_AT,
    attribute, block, entry, frame, int, utf16,
};
use alloc::{format, vec};

const USER_ID: u16 = 1;
const USER_DATA: u16 = 12;
const MESSAGE_TEXT: u16 = 15;
const CHAT_TRANSCRIPT: u16 = 21;
const EVENT_LIST: u16 = 23;

fn parse(bytes: &[u8]) -> Result<RawFrame<'_>, DecodeError> {
    RawFrame::parse(bytes, Some(Protocol::Basic), MAX_FRAME)
}

/// The frame with these attributes is sound.
#[track_caller]
fn accepted(attributes: &[u8]) {
    if let Err(error) = parse(&frame(attributes)) {
        panic!("refused: {error}");
    }
}

/// The frame with these attributes is refused for this reason, at this byte.
#[track_caller]
fn refused(attributes: &[u8], reason: Reason, offset: u32) {
    let error = parse(&frame(attributes)).map(|_| "accepted").unwrap_err();
    assert_eq!(error, DecodeError { reason, offset, reference: REFERENCE });
}

/// Where the `n`th thing of `size` bytes begins, the first at `at`.
fn nth(at: u32, n: usize, size: usize) -> u32 {
    at + u32::try_from(n * size).unwrap()
}

mod whole_frames {
    use super::*;

    #[track_caller]
    fn refused(bytes: &[u8], limit: u32, reason: Reason, offset: u32, reference: u32) {
        let error = RawFrame::parse(bytes, Some(Protocol::Basic), limit).map(|_| "accepted");
        assert_eq!(error.unwrap_err(), DecodeError { reason, offset, reference });
    }

    #[test]
    fn the_smallest_has_no_attributes() {
        let RawFrame { header, attributes } = parse(b"\0\0\0\x08B\x01\0\x04\0\0\0\x07").unwrap();
        assert_eq!(
            header,
            Header { size: 12, protocol: Protocol::Basic, message: 4, reference: 7 }
        );
        assert_eq!((attributes.entries().len(), attributes.at()), (0, ID_AT));
        refused(b"\0\0\0\x07B\x01\0\x04\0\0\0", MAX_FRAME, Reason::FrameLength, 0, 0);
        refused(b"\0\0\0\0", MAX_FRAME, Reason::FrameLength, 0, 0);
    }

    #[test]
    fn the_largest_is_as_large_as_the_limit() {
        let bytes = frame(&int(5, 2));
        assert_eq!(bytes.len(), 19);
        assert!(RawFrame::parse(&bytes, None, 19).is_ok());
        refused(&bytes, 18, Reason::FrameLength, 0, 0);
    }

    #[test]
    fn no_limit_is_above_16_mib() {
        let mut bytes = frame(&[]);
        bytes[..4].copy_from_slice(&(MAX_FRAME - 4).to_be_bytes());
        refused(&bytes, u32::MAX, Reason::RunsPast, 12, REFERENCE);
        bytes[..4].copy_from_slice(&(MAX_FRAME - 3).to_be_bytes());
        refused(&bytes, u32::MAX, Reason::FrameLength, 0, 0);
        bytes[..4].copy_from_slice(&[0xff; 4]);
        refused(&bytes, u32::MAX, Reason::FrameLength, 0, 0);
    }

    #[test]
    fn bytes_are_neither_missing_nor_left_over() {
        let mut bytes = frame(&int(5, 2));
        for length in 0..bytes.len() {
            let reference = if length < 12 { 0 } else { REFERENCE };
            let offset = u32::try_from(length).unwrap();
            refused(&bytes[..length], MAX_FRAME, Reason::RunsPast, offset, reference);
        }
        bytes.push(0);
        refused(&bytes, MAX_FRAME, Reason::FrameLength, 0, REFERENCE);
    }

    #[test]
    fn protocol_and_version_are_known() {
        let mut bytes = frame(&[]);
        for protocol in [b'F', b'E', b'Z', b'b', 0] {
            bytes[4] = protocol;
            refused(&bytes, MAX_FRAME, Reason::Protocol, 4, 0);
        }
        for (protocol, known) in [(b'F', true), (b'E', true), (b'B', true), (b'Z', false)] {
            bytes[4] = protocol;
            assert_eq!(RawFrame::parse(&bytes, None, MAX_FRAME).is_ok(), known);
        }
        bytes[4] = b'B';
        for version in [0, 2, 0xff] {
            bytes[5] = version;
            refused(&bytes, MAX_FRAME, Reason::Version, 5, 0);
        }
    }
}

mod fields_that_run_past {
    use super::*;

    #[test]
    fn an_attribute_cut_anywhere_names_the_cut_field() {
        let long = attribute(46, LONG, &[0; 8]);
        for (attribute, fixed) in [(int(5, 2), true), (long, true), (string("abc"), false)] {
            for length in 1..attribute.len() {
                let at = match length {
                    ..2 => ID_AT,
                    2 => TYPE_AT,
                    _ => VALUE_AT,
                };
                refused(&attribute[..length], Reason::RunsPast, at);
            }
            // The second attribute is cut, not the first.
            let both = [&int(9, 1)[..], &attribute[..attribute.len() - 1]].concat();
            refused(&both, Reason::RunsPast, VALUE_AT + 7);
            assert_eq!(fixed, attribute.len() != 10);
        }
    }

    fn string(string: &str) -> Vec<u8> {
        attribute(USER_ID, STR, &block(string.as_bytes()))
    }

    #[test]
    fn a_length_that_lies_is_named() {
        for (id, kind) in [
            (USER_ID, STR),
            (MESSAGE_TEXT, TEXT),
            (UNKNOWN, BIN),
            (USER_DATA, KVL),
            (CHAT_TRANSCRIPT, STRUCT),
            (EVENT_LIST, LIST),
        ] {
            refused(&attribute(id, kind, &[0, 0, 0, 1]), Reason::RunsPast, VALUE_AT);
            refused(&attribute(id, kind, &[0xff; 4]), Reason::RunsPast, VALUE_AT);
            accepted(&attribute(id, kind, &[0; 4]));
        }
    }

    /// Bytes that follow the container do not help.
    #[test]
    fn a_container_is_a_wall() {
        let inside = attribute(UNKNOWN, STR, &[0, 0, 0, 1]);
        let tail = int(UNKNOWN + 1, 0);
        let within = [attribute(CHAT_TRANSCRIPT, STRUCT, &block(&inside)), tail.clone()].concat();
        refused(&within, Reason::RunsPast, VALUE_AT + 4 + 3);

        let item = [0, 0, 0, 7];
        let within = [attribute(EVENT_LIST, LIST, &block(&item)), tail].concat();
        refused(&within, Reason::RunsPast, VALUE_AT + 4);
    }

    #[test]
    fn an_item_cut_anywhere_names_its_length() {
        for length in 1..4 {
            let cut = attribute(EVENT_LIST, LIST, &block(&[0, 0, 0, 0][..length]));
            refused(&cut, Reason::RunsPast, VALUE_AT + 4);
        }
    }

    #[test]
    fn an_entry_cut_anywhere_names_the_cut_field() {
        let first = VALUE_AT + 4;
        let whole = entry(STR, b"key", &block(b"abc"));
        for length in 1..whole.len() {
            let at = match length {
                // The key's length: missing, cut, or lying about the key.
                ..6 => first + 1,
                _ => first + 6,
            };
            let cut = attribute(USER_DATA, KVL, &block(&whole[..length]));
            refused(&cut, Reason::RunsPast, at);
        }
        for (kind, size) in [(INT, 4), (LONG, 8)] {
            let cut = entry(kind, b"key", &vec![0; size - 1]);
            refused(&attribute(USER_DATA, KVL, &block(&cut)), Reason::RunsPast, first + 6);
        }
    }
}

mod types {
    use super::*;

    /// A value of this type, with nothing in it.
    fn empty(kind: u8) -> &'static [u8] {
        match kind {
            LONG => &[0; 8],
            _ => &[0; 4],
        }
    }

    #[test]
    fn there_are_eight() {
        for id in [USER_ID, UNKNOWN] {
            for kind in [0, 9, 42, 255] {
                refused(&attribute(id, kind, &[0; 4]), Reason::UnknownType, TYPE_AT);
            }
        }
    }

    #[test]
    fn an_attribute_has_its_own_and_no_other() {
        for &attribute in Attribute::ALL {
            let own = map::attribute_type(attribute) as u8;
            for kind in INT..=LIST {
                let bytes = super::attribute(map::attribute_id(attribute), kind, empty(kind));
                if kind == own {
                    accepted(&bytes);
                } else {
                    refused(&bytes, Reason::WrongType, TYPE_AT);
                }
            }
        }
    }

    #[test]
    fn an_unknown_id_may_have_any_and_is_left_out() {
        for kind in INT..=LIST {
            let bytes = frame(&attribute(UNKNOWN, kind, empty(kind)));
            assert_eq!(parse(&bytes).unwrap().attributes.entries().len(), 0);
        }
    }

    #[test]
    fn an_unknown_attribute_is_checked_inside() {
        let inside = attribute(UNKNOWN, STR, &block(&[0xff]));
        refused(&attribute(UNKNOWN, STRUCT, &block(&inside)), Reason::Utf8, VALUE_AT + 4 + 7);
        let wrong = attribute(USER_ID, INT, &[0; 4]);
        let item = block(&wrong);
        refused(&attribute(UNKNOWN, LIST, &block(&item)), Reason::WrongType, VALUE_AT + 4 + 4 + 2);
        refused(&attribute(UNKNOWN, KVL, &block(&entry(STR, b"", b""))), Reason::KeyLength, 20);
    }

    #[test]
    fn entries_have_five() {
        for kind in [0, TEXT, STRUCT, LIST, 9, 255] {
            let list = block(&entry(kind, b"k", &[0; 4]));
            refused(&attribute(USER_DATA, KVL, &list), Reason::UnknownType, VALUE_AT + 4);
            // Seen before the rest of the entry is looked at.
            refused(&attribute(USER_DATA, KVL, &block(&[kind])), Reason::UnknownType, 19);
        }
        for kind in [INT, LONG, STR, BIN, KVL] {
            accepted(&attribute(USER_DATA, KVL, &block(&entry(kind, b"k", empty(kind)))));
        }
    }
}

mod duplicates {
    use super::*;

    #[test]
    fn no_id_stands_twice_on_one_level() {
        for id in [9, UNKNOWN] {
            let twice = [int(id, 1), int(id, 1)].concat();
            refused(&twice, Reason::Duplicate, ID_AT + 7);
            // Whatever stands between and whichever order: the second of the two is named.
            let apart = [int(id, 1), int(5, 2), int(id, 1)].concat();
            refused(&apart, Reason::Duplicate, ID_AT + 14);
            let inside = attribute(CHAT_TRANSCRIPT, STRUCT, &block(&twice));
            refused(&inside, Reason::Duplicate, VALUE_AT + 4 + 7);
            let item = attribute(EVENT_LIST, LIST, &block(&block(&twice)));
            refused(&item, Reason::Duplicate, VALUE_AT + 8 + 7);
        }
    }

    #[test]
    fn it_is_one_even_if_its_rest_is_wrong() {
        let twice = [int(9, 1), attribute(9, 255, &[])].concat();
        refused(&twice, Reason::Duplicate, ID_AT + 7);
    }

    #[test]
    fn order_is_free_and_levels_are_apart() {
        accepted(&[int(9, 1), int(5, 2), int(7, 3), int(6_000, 3)].concat());
        let inner = block(&int(9, 1));
        let items = block(&[inner.clone(), inner.clone()].concat());
        let levels = [
            int(9, 1),
            attribute(CHAT_TRANSCRIPT, STRUCT, &inner),
            attribute(EVENT_LIST, LIST, &items),
        ];
        accepted(&levels.concat());
    }
}

mod counts {
    use super::*;

    fn attributes(ids: impl Iterator<Item = u16>) -> Vec<u8> {
        ids.flat_map(|id| int(id, 0)).collect()
    }

    #[test]
    fn a_level_has_256_attributes() {
        let last = UNKNOWN + 256;
        accepted(&attributes(UNKNOWN..last));
        accepted(&attributes((UNKNOWN..last).rev()));
        let at = nth(ID_AT, 256, 7);
        refused(&attributes(UNKNOWN..=last), Reason::TooMany, at);
        refused(&attributes((UNKNOWN..=last).rev()), Reason::TooMany, at);

        let structure = block(&attributes(UNKNOWN..=last));
        refused(&attribute(CHAT_TRANSCRIPT, STRUCT, &structure), Reason::TooMany, at + 7);
        let item = block(&structure);
        refused(&attribute(EVENT_LIST, LIST, &item), Reason::TooMany, at + 11);
    }

    #[test]
    fn a_257th_that_is_a_duplicate_is_one() {
        let mut bytes = attributes(UNKNOWN..UNKNOWN + 256);
        bytes.extend(int(UNKNOWN, 0));
        refused(&bytes, Reason::Duplicate, nth(ID_AT, 256, 7));
    }

    #[test]
    fn a_list_has_1024_entries() {
        let one = entry(INT, b"k", &[0; 4]);
        accepted(&attribute(USER_DATA, KVL, &block(&one.repeat(1024))));
        let over = attribute(USER_DATA, KVL, &block(&one.repeat(1025)));
        refused(&over, Reason::TooMany, nth(VALUE_AT + 4, 1024, one.len()));
        // A list inside has its own count.
        let inner = entry(KVL, b"k", &block(&one.repeat(1024)));
        accepted(&attribute(USER_DATA, KVL, &block(&[&inner[..], &one.repeat(1023)].concat())));
    }

    #[test]
    fn a_list_has_65536_items() {
        let items = |count: usize| attribute(EVENT_LIST, LIST, &block(&vec![0; count * 4]));
        accepted(&items(65_536));
        refused(&items(65_537), Reason::TooMany, nth(VALUE_AT + 4, 65_536, 4));
    }
}

mod depth {
    use super::*;

    /// `levels` key-value lists in one another, as a value.
    fn lists(levels: usize) -> Vec<u8> {
        (1..levels).fold(block(&[]), |inside, _| block(&entry(KVL, b"k", &inside)))
    }

    /// `levels` structures in one another round `inside`, as a value.
    fn structures(levels: usize, inside: &[u8]) -> Vec<u8> {
        let inside = block(inside);
        (1..levels).fold(inside, |inside, _| block(&attribute(UNKNOWN, STRUCT, &inside)))
    }

    /// `levels` lists of one item in one another, as a value.
    fn items(levels: usize) -> Vec<u8> {
        let inside = block(&block(&[]));
        (1..levels).fold(inside, |inside, _| block(&block(&attribute(EVENT_LIST, LIST, &inside))))
    }

    #[test]
    fn key_value_lists_nest_16_levels() {
        accepted(&attribute(USER_DATA, KVL, &lists(16)));
        // The first list's entry stands behind its length; so does every list's inside it, four
        // bytes of entry in between.
        let at = nth(VALUE_AT + 4, 15, 8);
        refused(&attribute(USER_DATA, KVL, &lists(17)), Reason::TooDeep, at);
        refused(&attribute(USER_DATA, KVL, &lists(18)), Reason::TooDeep, at);
    }

    #[test]
    fn structures_nest_16_levels() {
        for id in [CHAT_TRANSCRIPT, UNKNOWN] {
            accepted(&attribute(id, STRUCT, &structures(16, &[])));
            let over = attribute(id, STRUCT, &structures(17, &[]));
            refused(&over, Reason::TooDeep, nth(TYPE_AT, 16, 7));
        }
    }

    #[test]
    fn item_lists_nest_16_levels() {
        accepted(&attribute(EVENT_LIST, LIST, &items(16)));
        let over = attribute(EVENT_LIST, LIST, &items(17));
        refused(&over, Reason::TooDeep, nth(TYPE_AT, 16, 11));
    }

    #[test]
    fn all_kinds_count_together() {
        // 14 structures, in the innermost of them a key-value list.
        let in_structures = |lists_inside| {
            let list = attribute(USER_DATA, KVL, &lists(lists_inside));
            attribute(CHAT_TRANSCRIPT, STRUCT, &structures(14, &list))
        };
        accepted(&in_structures(2));
        let list_at = nth(ID_AT, 14, 7);
        refused(&in_structures(3), Reason::TooDeep, list_at + 7 + 8);
        // 16 leave room for none at all.
        let list = attribute(USER_DATA, KVL, &lists(1));
        let full = attribute(CHAT_TRANSCRIPT, STRUCT, &structures(16, &list));
        refused(&full, Reason::TooDeep, nth(TYPE_AT, 16, 7));
    }

    #[test]
    fn a_level_too_deep_is_refused_whatever_its_inside() {
        let lying = attribute(UNKNOWN, STRUCT, &[0xff; 4]);
        let over = attribute(UNKNOWN, STRUCT, &structures(16, &lying));
        refused(&over, Reason::TooDeep, nth(TYPE_AT, 16, 7));
    }
}

mod keys {
    use super::*;

    #[test]
    fn a_key_has_1_to_255_bytes() {
        let with = |key: &[u8]| attribute(USER_DATA, KVL, &block(&entry(INT, key, &[0; 4])));
        accepted(&with(b"k"));
        accepted(&with(&[b'k'; 255]));
        refused(&with(b""), Reason::KeyLength, VALUE_AT + 5);
        refused(&with(&[b'k'; 256]), Reason::KeyLength, VALUE_AT + 5);
    }

    #[test]
    fn a_key_is_a_string() {
        let with = |key: &[u8]| attribute(USER_DATA, KVL, &block(&entry(INT, key, &[0; 4])));
        accepted(&with("ключ🔑".as_bytes()));
        refused(&with(b"ab\xff"), Reason::Utf8, VALUE_AT + 9);
        refused(&with(b"ab\0c"), Reason::Nul, VALUE_AT + 9);
    }
}

mod strings {
    use super::*;

    #[test]
    fn utf8_is_strict_and_the_character_at_fault_is_named() {
        let faults: [(&[u8], u32); 8] = [
            (b"\xff", 0),
            (b"ab\xc3\x28", 2),
            (b"\xc0\x80", 0),
            (b"a\xed\xa0\x80", 1),
            (b"a\xf4\x90\x80\x80", 1),
            (b"\xe2\x82", 0),
            ("é".as_bytes().split_last().unwrap().1, 0),
            (b"\xf0\x9f\x91\x8bab\x80", 6),
        ];
        for (bytes, at) in faults {
            let string = attribute(USER_ID, STR, &block(bytes));
            refused(&string, Reason::Utf8, VALUE_AT + 4 + at);
            let value = attribute(USER_DATA, KVL, &block(&entry(STR, b"k", &block(bytes))));
            refused(&value, Reason::Utf8, VALUE_AT + 4 + 4 + 4 + at);
        }
    }

    #[test]
    fn u0000_is_refused_and_named() {
        for (bytes, at) in [(&b"\0"[..], 0), (b"ab\0", 2), (b"a\0\0", 1)] {
            let string = attribute(USER_ID, STR, &block(bytes));
            refused(&string, Reason::Nul, VALUE_AT + 4 + at);
            let value = attribute(USER_DATA, KVL, &block(&entry(STR, b"k", &block(bytes))));
            refused(&value, Reason::Nul, VALUE_AT + 4 + 4 + 4 + at);
        }
        // Bytes are no characters.
        accepted(&attribute(USER_DATA, KVL, &block(&entry(BIN, b"k", &block(&[0, 0xff])))));
        accepted(&attribute(UNKNOWN, BIN, &block(&[0, 0xff])));
    }

    #[test]
    fn what_xml_cannot_carry_the_wire_can() {
        for text in ["\u{1}\u{1f}\u{7f}", "\u{fffe}\u{ffff}", "\t\r\n", "\u{10ffff}\u{feff}"] {
            accepted(&attribute(USER_ID, STR, &block(text.as_bytes())));
            accepted(&attribute(MESSAGE_TEXT, TEXT, &block(&utf16(text))));
        }
    }
}

mod texts {
    use super::*;

    #[test]
    fn utf16_is_read() {
        // Every length of a character in either form, and every place next to another one.
        for text in ["", "a", "é€👋", "👋🏽a", "\u{d7ff}\u{e000}\u{10000}\u{10ffff}", "ab👋cd\u{ff}"]
        {
            let bytes = frame(&attribute(MESSAGE_TEXT, TEXT, &block(&utf16(text))));
            let mut level = parse(&bytes).unwrap().attributes;
            let entry = level.take(Attribute::MessageText).unwrap();
            let Value::Text(read) = entry.value else { panic!("{entry:?}") };
            assert_eq!((read.reveal(), entry.at), (text, VALUE_AT));
        }
    }

    #[test]
    fn an_odd_length_is_refused() {
        for length in [1, 3, 61] {
            let odd = attribute(MESSAGE_TEXT, TEXT, &block(&vec![0x20; length]));
            refused(&odd, Reason::Odd, VALUE_AT);
        }
        // Before anything else about the text.
        refused(&attribute(MESSAGE_TEXT, TEXT, &block(&[0xdc, 0, 0])), Reason::Odd, VALUE_AT);
    }

    #[test]
    fn surrogates_come_in_pairs_and_the_one_at_fault_is_named() {
        let faults: [(&[u16], u32); 7] = [
            (&[0xd83d], 0),
            (&[0x61, 0xd83d], 2),
            (&[0xdc4b], 0),
            (&[0x61, 0xdc4b, 0x61], 2),
            (&[0xd83d, 0x61], 0),
            (&[0xd83d, 0xd83d, 0xdc4b], 0),
            (&[0xd83d, 0xdc4b, 0xdc4b], 4),
        ];
        for (units, at) in faults {
            let bytes: Vec<u8> = units.iter().copied().flat_map(u16::to_be_bytes).collect();
            let text = attribute(MESSAGE_TEXT, TEXT, &block(&bytes));
            refused(&text, Reason::Utf16, VALUE_AT + 4 + at);
        }
    }

    #[test]
    fn u0000_is_refused_and_named() {
        for (text, at) in [("\0", 0), ("ab\0", 4), ("👋\0👋", 4)] {
            let text = attribute(MESSAGE_TEXT, TEXT, &block(&utf16(text)));
            refused(&text, Reason::Nul, VALUE_AT + 4 + at);
        }
    }

    /// Faults at every place of texts of many lengths, for a reader that takes several at a time.
    #[test]
    fn the_place_of_a_fault_does_not_matter() {
        for length in 1..40 {
            for place in 0..length {
                for (unit, reason) in [(0, Reason::Nul), (0xdc00, Reason::Utf16)] {
                    for other in [0x61_u16, 0x20ac] {
                        let mut units = vec![other; length];
                        units[place] = unit;
                        let bytes: Vec<u8> =
                            units.iter().copied().flat_map(u16::to_be_bytes).collect();
                        let text = attribute(MESSAGE_TEXT, TEXT, &block(&bytes));
                        refused(&text, reason, nth(VALUE_AT + 4, place, 2));
                    }
                }
            }
        }
    }
}

#[test]
fn reasons_are_called_what_the_profile_calls_them() {
    for (reason, name) in [
        (Reason::FrameLength, "frame length"),
        (Reason::Protocol, "protocol"),
        (Reason::Version, "version"),
        (Reason::RunsPast, "runs past"),
        (Reason::UnknownType, "unknown type"),
        (Reason::WrongType, "wrong type"),
        (Reason::Duplicate, "duplicate"),
        (Reason::Utf8, "utf-8"),
        (Reason::Utf16, "utf-16"),
        (Reason::Nul, "U+0000"),
        (Reason::Odd, "odd"),
        (Reason::KeyLength, "key length"),
        (Reason::TooDeep, "too deep"),
        (Reason::TooMany, "too many"),
    ] {
        let printed = format!("{}", DecodeError { reason, offset: 99, reference: 0 });
        assert!(printed.contains(name) && printed.ends_with("at byte 99"), "{printed}");
    }
}

#[test]
fn nothing_a_customer_says_is_printed() {
    let bytes = frame(
        &[
            attribute(USER_ID, STR, &block(b"Ana")),
            attribute(USER_DATA, KVL, &block(&entry(STR, b"FirstName", &block(b"Ana")))),
            attribute(MESSAGE_TEXT, TEXT, &block(&utf16("Ana"))),
        ]
        .concat(),
    );
    let printed = format!("{:?}", parse(&bytes).unwrap());
    assert!(printed.contains("FirstName") && !printed.contains("Ana"), "{printed}");
}
