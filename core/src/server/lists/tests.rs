use super::*;

use alloc::format;
use alloc::string::ToString as _;
use core::fmt::Write as _;

use quickcheck::{Arbitrary, Gen, QuickCheck};

fn read(text: &str) -> Result<KvList, &'static str> {
    parse(text, &mut { MAX_ENTRIES }).map_err(|refusal| {
        assert_eq!(refusal.id, ErrorId::Malformed);
        refusal.text.unwrap()
    })
}

/// A list of texts.
fn texts<const N: usize>(entries: [(&str, &str); N]) -> KvList {
    entries
        .into_iter()
        .map(|(key, value)| KvEntry { key: key.into(), value: value.into() })
        .collect()
}

#[test]
fn b14_8_list_style() {
    // Split at the first colon; dots nest, and what nests under one key stands together.
    let list = read("k:v|k2.sub:v: w|other:|k2.more.deep:x|k:again").unwrap();
    let deep = texts([("deep", "x")]);
    let k2 = KvList::from([("sub", "v: w".into()), ("more", deep.into())]);
    let expected = KvList::from([
        ("k", "v".into()),
        ("k2", k2.into()),
        ("other", "".into()),
        ("k", "again".into()),
    ]);
    assert_eq!(list, expected);
    assert_eq!(read(" a . b :  words stay  | \n c:1 |"), read("a.b:words stay|c:1"));
    assert_eq!(read(""), Ok(KvList::new()));
    // A key may have a text and a list.
    let both = read("a:1|a.b:2").unwrap();
    assert_eq!(both, KvList::from([("a", "1".into()), ("a", texts([("b", "2")]).into())]));
}

#[test]
fn b14_8_json_style() {
    let text = r#" {"text": "\"é\" \ud83d\udc38", "number": -5, "long": 5000000000, "half": 0.5,
        "huge": 123456789012345678901, "yes": true, "no": false, "nothing": null,
        "inside": {"again": {}, "k|l:m.n": ""}} "#;
    let inside = KvList::from([("again", KvList::new().into()), ("k|l:m.n", "".into())]);
    let expected = KvList::from([
        ("text", "\"é\" 🐸".into()),
        ("number", (-5).into()),
        ("long", 5_000_000_000_i64.into()),
        ("half", "0.5".into()),
        ("huge", "123456789012345678901".into()),
        ("yes", "true".into()),
        ("no", "false".into()),
        ("inside", inside.into()),
    ]);
    assert_eq!(read(text), Ok(expected));
    assert_eq!(read("{}"), Ok(KvList::new()));
}

#[test]
fn b14_8_what_is_no_list() {
    for (text, reason) in [
        ("v", "an entry of a {l} parameter has no colon"),
        ("k:v|v", "an entry of a {l} parameter has no colon"),
        (":v", "a key of a {l} parameter needs 1 to 255 bytes"),
        ("a..b:v", "a key of a {l} parameter needs 1 to 255 bytes"),
        (".a:v", "a key of a {l} parameter needs 1 to 255 bytes"),
        ("a.:v", "a key of a {l} parameter needs 1 to 255 bytes"),
        ("{\"\":1}", "a key of a {l} parameter needs 1 to 255 bytes"),
        ("{", "a {l} parameter is neither JSON nor a list"),
        ("{\"a\":1} b", "a {l} parameter is neither JSON nor a list"),
        ("{a:1}", "a {l} parameter is neither JSON nor a list"),
        ("[]", "a {l} parameter has a JSON array"),
        ("{\"a\":[1]}", "a {l} parameter has a JSON array"),
        ("{\"a\":\"\\u0000\"}", "a {l} parameter has a character that is none"),
        ("{\"a\":\"\\ud83d\"}", "a {l} parameter has a character that is none"),
    ] {
        assert_eq!(read(text), Err(reason), "{text}");
    }
}

#[test]
fn b14_8_bounds() {
    let key = "é".repeat(127);
    let long = format!("{key}x");
    assert!(read(&format!("{long}:v")).is_ok());
    assert!(read(&format!("{long}x:v")).is_err());

    let dots = |levels: usize| format!("{}k:v", "k.".repeat(levels - 1));
    let json = |levels| format!("{}1{}", "{\"k\":".repeat(levels), "}".repeat(levels));
    for style in [&dots as &dyn Fn(usize) -> String, &json] {
        assert_eq!(read(&style(MAX_DEPTH)).unwrap().depth(), MAX_DEPTH);
        let reason = "a {l} parameter nests more than 14 levels deep";
        for levels in [MAX_DEPTH + 1, 10_000] {
            assert_eq!(read(&style(levels)), Err(reason));
        }
    }

    let many = |count: usize| "k:v|".repeat(count);
    let objects = |count: usize| format!("{{{}}}", ["\"k\":{}"].repeat(count).join(","));
    for style in [&many as &dyn Fn(usize) -> String, &objects] {
        assert_eq!(read(&style(MAX_ENTRIES)).unwrap().len(), MAX_ENTRIES);
        let reason = "{l} parameters have more than 1024 entries";
        assert_eq!(read(&style(MAX_ENTRIES + 1)), Err(reason));
    }
    // Those on the way count too.
    let mut room = 3;
    assert!(parse("a.b.c:v", &mut room).is_ok());
    assert_eq!(room, 0);
}

#[test]
fn b14_8_only_marked_parameters_are_read() {
    let given = KvList::from([
        ("a", "k:v".into()),
        ("{l}b", "k:v".into()),
        ("{l}c", texts([("k", "v")]).into()),
        ("x{l}", "k:v".into()),
    ]);
    let read = KvList::from([
        ("a", "k:v".into()),
        ("b", texts([("k", "v")]).into()),
        ("c", texts([("k", "v")]).into()),
        ("x{l}", "k:v".into()),
    ]);
    assert_eq!(read_lists(&given).unwrap(), read);
    assert!(read_lists(&texts([("{l}", "k:v")])).is_err());
    assert!(read_lists(&KvList::from([("{l}a", 1.into())])).is_err());
    // The bound is on all together.
    let half = "k:v|".repeat(MAX_ENTRIES / 2);
    assert!(read_lists(&texts([("{l}a", &half), ("{l}b", &half)])).is_ok());
    assert!(read_lists(&texts([("{l}a", &half), ("{l}b", &half), ("{l}c", "k:v")])).is_err());
}

/// A list, and whether keys and texts are such that list style can write them.
#[derive(Clone, Debug)]
struct Written {
    list: KvList,
    plain: bool,
}

impl Arbitrary for Written {
    fn arbitrary(g: &mut Gen) -> Self {
        let plain = bool::arbitrary(g);
        Self { list: some_list(g, plain, 3), plain }
    }
}

/// In list style a list is never empty, and its key stands once.
fn some_list(g: &mut Gen, plain: bool, levels: usize) -> KvList {
    let mut list = KvList::new();
    for number in 0..g.choose(&[1, 2, 5]).copied().unwrap() {
        let mut word = || {
            let mut word = String::arbitrary(g);
            word.retain(|c| c != '\0' && (!plain || c.is_alphanumeric()));
            word
        };
        let mut key: String = word().chars().take(20).collect();
        write!(key, "{number}").unwrap();
        let text = word();
        let value: KvValue = match u8::arbitrary(g) % 4 {
            0 if levels > 0 => some_list(g, plain, levels - 1).into(),
            1 if !plain => i32::arbitrary(g).into(),
            2 if !plain => (i64::from(i32::MAX) + 1 + i64::from(u32::arbitrary(g))).into(),
            _ => text.as_str().into(),
        };
        list.push(&key, value);
    }
    list
}

fn in_list_style(list: &KvList, path: &str, out: &mut Vec<String>) {
    for KvEntry { key, value } in list {
        match value {
            KvValue::Str(text) => out.push(format!("{path}{key}:{}", &**text.reveal())),
            KvValue::List(list) => in_list_style(list, &format!("{path}{key}."), out),
            KvValue::Int(_) | KvValue::Long(_) | KvValue::Bin(_) => unreachable!("{value:?}"),
        }
    }
}

fn in_json(list: &KvList) -> String {
    let quoted = |text: &str| {
        let mut quoted = String::from("\"");
        for c in text.chars() {
            match c {
                '"' | '\\' => quoted.extend(['\\', c]),
                _ if c.is_control() || (c as u32).is_multiple_of(3) => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        write!(quoted, "\\u{unit:04x}").unwrap();
                    }
                }
                _ => quoted.push(c),
            }
        }
        quoted + "\""
    };
    let entry = |KvEntry { key, value }: &KvEntry| {
        let value = match value {
            KvValue::Int(number) => number.to_string(),
            KvValue::Long(number) => number.to_string(),
            KvValue::Str(text) => quoted(text.reveal()),
            KvValue::List(list) => in_json(list),
            KvValue::Bin(_) => unreachable!("{value:?}"),
        };
        format!("{} : {value}", quoted(key))
    };
    let entries: Vec<_> = list.into_iter().map(entry).collect();
    format!("{{ {}}}", entries.join(" ,\n"))
}

#[test]
fn b14_8_what_is_written_is_read() {
    fn property(Written { list, plain }: Written) -> bool {
        let mut pieces = Vec::new();
        if plain {
            in_list_style(&list, "", &mut pieces);
        }
        read(&in_json(&list)).as_ref() == Ok(&list)
            && (!plain || read(&pieces.join("|")).as_ref() == Ok(&list))
    }
    QuickCheck::new().tests(2000).quickcheck(property as fn(Written) -> bool);
}

/// Text that often almost means something.
#[derive(Clone, Debug)]
struct Garbage(String);

impl Arbitrary for Garbage {
    fn arbitrary(g: &mut Gen) -> Self {
        const PIECES: [&str; 20] = [
            "{", "}", "{\"k\":", "\"k\":", "\"v\"", ",", "[", "]", ":", "|", ".", "k", "k.k:v|",
            "\\", "\\u", "\\ud83d", "\"", "1", "é🐸", " ",
        ];
        let pieces: Vec<u8> = Arbitrary::arbitrary(g);
        let piece = |n: &u8| PIECES[usize::from(*n) % PIECES.len()];
        Self(pieces.iter().map(piece).collect())
    }

    fn shrink(&self) -> alloc::boxed::Box<dyn Iterator<Item = Self>> {
        alloc::boxed::Box::new(self.0.shrink().map(Self))
    }
}

#[test]
fn b14_8_garbage_does_no_harm() {
    fn keys_fit(list: &KvList) -> bool {
        list.into_iter().all(|KvEntry { key, value }| {
            let inside = match value {
                KvValue::List(list) => keys_fit(list),
                KvValue::Int(_) | KvValue::Long(_) | KvValue::Str(_) | KvValue::Bin(_) => true,
            };
            inside && (1..=MAX_KEY).contains(&key.len())
        })
    }
    #[expect(clippy::needless_pass_by_value, reason = "quickcheck hands out values")]
    fn property(text: Garbage) -> bool {
        match read(&text.0) {
            Ok(list) => {
                list.depth() <= MAX_DEPTH && keys_fit(&list) && list.size() <= 4 * text.0.len()
            }
            Err(reason) => !reason.is_empty(),
        }
    }
    QuickCheck::new().tests(20_000).quickcheck(property as fn(Garbage) -> bool);
}
