use super::*;
use alloc::format;

fn data() -> KvList {
    KvList::from([
        ("FirstName", "Ana".into()),
        ("age", 41.into()),
        ("FirstName", "Ana María".into()),
        ("inner", KvList::from([("k", 7_i64.into())]).into()),
    ])
}

#[test]
fn order_and_repeats_are_kept_and_the_first_wins() {
    let mut list = data();
    list.push("FirstName", "third");
    let keys: Vec<&str> = list.into_iter().map(|entry| &*entry.key).collect();
    assert_eq!(keys, ["FirstName", "age", "FirstName", "inner", "FirstName"]);
    assert_eq!(list.text("FirstName").as_deref(), Some("Ana"));
}

#[test]
fn numbers_read_as_text_and_lists_do_not() {
    let list = data();
    assert_eq!(list.text("age").as_deref(), Some("41"));
    assert_eq!(list.list("inner").and_then(|inner| inner.text("k")).as_deref(), Some("7"));
    assert_eq!(list.text("inner"), None);
    assert_eq!(list.text("absent"), None);
    assert_eq!(list.list("age"), None);
}

#[test]
fn a_change_does_not_reach_the_clones() {
    let before = data();
    let mut after = before.clone();
    after.retain(|entry| &*entry.key != "FirstName");
    assert_eq!((before.len(), after.len()), (4, 2));
    after.retain(|_| false);
    assert_eq!(after, KvList::new());
}

#[test]
fn depth_counts_lists() {
    assert_eq!(KvList::new().depth(), 1);
    assert_eq!(data().depth(), 2);
}

#[test]
fn values_are_never_printed() {
    let mut list = data();
    list.push("GCTI_Chat_SessionPassword", "p4ss");
    list.push("bytes", KvValue::from(&b"secret"[..]));
    let printed = format!("{list:?} {list:#?}");
    for hidden in ["Ana", "41", "p4ss", "secret"] {
        assert!(!printed.contains(hidden), "{printed}");
    }
    assert!(printed.contains("GCTI_Chat_SessionPassword"));
}
