use super::*;
use alloc::string::String;

#[test]
fn the_newest_word_counts_and_only_a_text_is_one() {
    let list = |value: KvValue| KvList::from([("a", "true".into()), ("a", value)]);
    assert!(is_true(&list("true".into()), "a"));
    assert!(!is_true(&list("false".into()), "a"));
    // Not the older text behind what makes no sense.
    for garbage in [1.into(), 1_i64.into(), KvValue::from(&b"true"[..]), KvList::new().into()] {
        assert!(!is_true(&list(garbage), "a"));
    }
    for text in ["", "True", "TRUE", "true ", "1", "yes"] {
        assert!(!is_true(&KvList::from([("a", text.into())]), "a"), "{text:?}");
    }
    assert!(!is_true(&KvList::new(), "a"));
}

#[test]
fn a_subscription_takes_what_it_knows() {
    let mut user_data = KvList::from([
        (NODE_GROUP, "web".into()),
        (RESEND, "true".into()),
        ("GCTI_GMS_PushDeviceId", "old".into()),
        ("GCTI_GMS_PushDebug", 1.into()),
        ("GCTI_GMS_Other", "other".into()),
        ("FirstName", "Casey".into()),
    ]);
    user_data.push("GCTI_GMS_PushDeviceId", "new");
    let subscription = Subscription::new(&user_data).expect("small");
    assert_eq!(subscription.group.as_deref(), Some("web"));
    assert_eq!((subscription.resends, subscription.own_activity), (true, false));
    assert_eq!(subscription.carried, KvList::from([("GCTI_GMS_PushDeviceId", "new".into())]));
    user_data.push(NODE_GROUP, "");
    assert_eq!(Subscription::new(&user_data).expect("small").group, None);
}

#[test]
fn what_is_carried_is_limited_as_a_whole() {
    // B10.7
    let keys: usize = CARRIED.iter().map(|key| key.len()).sum();
    let spare = Limits::MAX_PUSH_DATA - keys;
    let data = |more: usize| -> KvList {
        let value = |index: usize| if index == 0 { spare % 6 + more } else { 0 } + spare / 6;
        let entries = CARRIED.iter().enumerate().map(|(index, key)| KvEntry {
            key: Str::new(key),
            value: (&*String::from_iter(core::iter::repeat_n('x', value(index)))).into(),
        });
        entries.collect()
    };
    let fits = Subscription::new(&data(0)).expect("as much as may");
    assert_eq!(fits.carried.size(), Limits::MAX_PUSH_DATA);
    assert!(Subscription::new(&data(1)).is_none());
}
