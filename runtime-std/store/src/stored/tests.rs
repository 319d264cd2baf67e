use std::collections::BTreeMap;

use confer_core::ask::Beginning;
use confer_core::frame::{KvList, KvValue};
use confer_core::text::Str;
use confer_core::time::Stamp;

use super::{Damaged, MAX_DEPTH, read_end, read_events, read_list, write_end, write_list};

fn sample() -> KvList {
    let mut inside = KvList::new();
    inside.push("", i32::MIN);
    inside.push("schlüssel", i64::MAX);
    let mut list = KvList::new();
    list.push("a", "text");
    list.push("a", "again");
    list.push("bytes", &[0, 255, 7][..]);
    list.push("list", inside);
    list.push("long", i64::MIN);
    list.push("long", -1_i64);
    list
}

fn deep(levels: usize) -> KvList {
    (1..levels).fold(KvList::new(), |list, _| KvList::from([("k", KvValue::List(list))]))
}

#[test]
fn what_was_written_is_read() {
    for list in [KvList::new(), sample(), deep(MAX_DEPTH)] {
        assert_eq!(read_list(&write_list(&list)), Ok(list));
    }
    // More than any frame could hold.
    let full: KvList = (0..5000).map(|_| sample().entries()[0].clone()).collect();
    assert_eq!(read_list(&write_list(&full)), Ok(full));
}

#[test]
fn what_is_deeper_than_anything_is_damaged() {
    assert_eq!(read_list(&write_list(&deep(MAX_DEPTH + 1))), Err(Damaged));
}

#[test]
fn what_is_damaged_is_no_more_than_that() {
    let beginning = Beginning {
        contact: Some("C".into()),
        start_at: Stamp::MIN,
        subject: None,
        user_data: sample(),
        tenant: Str::new("1"),
        queue: Str::new("q"),
        interaction: "I".into(),
    };
    let end = write_end(&beginning, ("S", u64::MAX, Stamp::MAX), &[]);
    let read = read_end(&end).map(|end| (end.session, end.generation, end.end_at, end.beginning));
    assert_eq!(read, Ok(("S".to_owned(), u64::MAX, Stamp::MAX, beginning)));
    let whole = write_list(&sample());
    for length in 0..whole.len() {
        // A list begins with its length: a part of it never is one.
        assert_eq!(read_list(&whole[..length]), Err(Damaged));
        for byte in [0, 1, 5, 0x7f, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[length] = byte;
            let _ = read_list(&bytes);
            let _ = read_events(&bytes, &mut BTreeMap::new());
            let _ = read_end(&bytes);
        }
    }
    // A number of eleven bytes, a length of everything, a newer form.
    for bytes in [&[1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1][..], &[2, 0], &[]] {
        assert_eq!(read_list(bytes), Err(Damaged));
    }
    let lies = [1, 1, 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
    assert_eq!(read_list(&lies), Err(Damaged));
}
