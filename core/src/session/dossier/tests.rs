use super::*;
use crate::pii::Secret;

fn id(number: u32) -> EventId {
    EventId::new(number).expect("small")
}

#[test]
fn b20_8_ids_are_reserved_in_blocks_and_renewed_at_half() {
    let mut dossier = Dossier::default();
    assert!(!dossier.may_hand_out(id(1)));
    assert_eq!(dossier.reserve(id(1)), (id(1025), true));
    // Reserved is what a save has reserved that is done.
    assert!(!dossier.may_hand_out(id(1)));
    dossier.reserved(id(1025));
    assert!(dossier.may_hand_out(id(1025)) && !dossier.may_hand_out(id(1026)));
    assert_eq!(dossier.reserve(id(513)), (id(1025), false));
    assert_eq!(dossier.reserve(id(514)), (id(1538), true));
    assert_eq!(dossier.reserve(id(514)), (id(1538), false), "asked once");
    // An answer that comes late takes nothing back.
    dossier.reserved(id(1538));
    dossier.reserved(id(1025));
    assert!(dossier.may_hand_out(id(1538)));
    assert_eq!(dossier.reserve(EventId::MAX), (EventId::MAX, true));
}

#[test]
fn b20_9_so_many_changes_are_listed() {
    let mut session = Session::new("S".into(), crate::time::Stamp::MIN);
    session.dossier.is_saved();
    assert!(!session.dossier.has_changed() && session.take_changed().is_empty());
    let limit = u32::try_from(MAX_CHANGED).expect("small");
    for index in 0..limit {
        session.dossier.mark(LeafKind::File, index);
        session.dossier.mark(LeafKind::File, index);
    }
    assert_eq!(session.take_changed().len(), MAX_CHANGED);
    assert!(!session.dossier.has_changed());
    for index in 0..=limit {
        session.dossier.mark(LeafKind::File, index);
    }
    // One more, and all there is is written: here, the session.
    let all = session.take_changed();
    assert_eq!(all, [LeafKey { kind: LeafKind::Session, index: 0 }]);
}

#[test]
fn b20_4_so_many_former_ids_are_remembered() {
    let key = Fingerprint::of(&Secret::new("key"));
    let mut guest = Guest { party: PartyNo(0), key, former: Vec::new(), removed: false };
    for number in 0..=MAX_FORMER {
        guest.had(UserId::new(&alloc::format!("{number}")));
    }
    assert_eq!(guest.former.len(), MAX_FORMER);
    assert_eq!(guest.former[0].as_str(), "1");
}
