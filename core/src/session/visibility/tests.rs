use super::*;

use UserType::{Agent, Client, External, Supervisor, System};
use Visibility::{All, Int, Vip};

const SENDER: PartyNo = PartyNo(0);
const OTHER: PartyNo = PartyNo(1);
const THIRD: PartyNo = PartyNo(2);

#[test]
fn everybody_of_a_type_sees_what_is_for_the_type() {
    // B3.2, B3.3: the rows are written out, so that a change of the rule must change them.
    for (visibility, viewers) in
        [(All, &[Client, Agent, Supervisor][..]), (Int, &[Agent, Supervisor]), (Vip, &[Supervisor])]
    {
        for user_type in [Client, Agent, Supervisor] {
            let audience = Audience { sender: SENDER, receiver: None, visibility };
            assert_eq!(sees(OTHER, user_type, audience), viewers.contains(&user_type));
        }
    }
}

#[test]
fn a_sender_always_sees_its_own() {
    // B3.4
    for visibility in [All, Int, Vip] {
        for receiver in [None, Some(OTHER)] {
            for user_type in [Client, Agent, Supervisor, External, System] {
                assert!(sees(SENDER, user_type, Audience { sender: SENDER, receiver, visibility }));
            }
        }
    }
}

#[test]
fn a_direct_event_is_for_two() {
    // B3.3, B7.6
    for visibility in [All, Int, Vip] {
        let audience = Audience { sender: SENDER, receiver: Some(OTHER), visibility };
        for user_type in [Client, Agent, Supervisor] {
            assert!(sees(OTHER, user_type, audience));
            assert!(!sees(THIRD, user_type, audience));
        }
    }
}

#[test]
fn joining_and_saying_stay_within_the_levels() {
    // B3.1, B3.4: (type, joined with) and what may be said then.
    for (user_type, own, allowed) in [
        (Client, All, &[All][..]),
        (Agent, All, &[All, Int]),
        (Agent, Int, &[Int]),
        (Supervisor, All, &[All, Int, Vip]),
        (Supervisor, Int, &[Int, Vip]),
        (Supervisor, Vip, &[Vip]),
    ] {
        assert!(may_join(user_type, own));
        for visibility in [All, Int, Vip] {
            assert_eq!(may_say(user_type, own, visibility), allowed.contains(&visibility));
        }
    }
    for (user_type, visibility) in [(Client, Int), (Client, Vip), (Agent, Vip)] {
        assert!(!may_join(user_type, visibility));
    }
}
