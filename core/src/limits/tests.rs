use super::*;
use alloc::string::ToString as _;

#[test]
fn every_limit_can_be_set_to_its_ends_and_not_past_them() {
    for limit in Limits::ALL {
        assert!((limit.min..=limit.max).contains(&limit.default), "{limit:?}");
        let mut limits = Limits::default();
        assert_eq!(*(limit.field)(&mut limits), limit.default);
        for value in [limit.min, limit.max] {
            limits.set(limit.option, value).unwrap();
            assert_eq!(*(limit.field)(&mut limits), value);
        }
        for value in [limit.min - 1, limit.max + 1] {
            let before = limits.clone();
            let error = limits.set(limit.option, value).unwrap_err().to_string();
            assert!(
                error.contains(limit.option) && error.contains(&limit.max.to_string()),
                "{error}"
            );
            assert_eq!(limits, before);
        }
    }
}

#[test]
fn an_unknown_limit_is_refused() {
    let error = Limits::default().set("max-frogs", 1).unwrap_err();
    assert_eq!(error.to_string(), "no limit of this name");
}
