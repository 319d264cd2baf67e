use super::*;
use crate::frame::Visibility;
use crate::id::{EventId, UserId};
use crate::pii::Pii;
use crate::session::roster::Seat;
use crate::session::transcript::More;
use crate::session::visibility::Audience;
use crate::text::Str;

/// A roster of one flex customer.
fn casey() -> (Roster, PartyNo) {
    let mut roster = Roster::default();
    let party = roster.add(Participant {
        user_id: UserId::new("00E1B7C6D8F90A12"),
        user_type: UserType::Client,
        visibility: Visibility::All,
        protocol: ProtocolType::Flex,
        nickname: Pii::new(Str::new("Casey")),
        person_id: None,
        time_zone_offset: None,
        client_version: Some(NEWEST),
        user_data: KvList::new(),
        bot: false,
        seat: Seat::Voice,
        number: 0,
        joined: EventId::NONE,
        fetched: EventId::NONE,
        left: None,
    });
    (roster, party)
}

#[test]
fn what_is_masked_goes_unmasked_to_nobody_else() {
    // B15.7: whoever is entitled to a text gets it, but not through a third party.
    let (roster, party) = casey();
    let original = Some((Text::new("my number is 123"), [party].into()));
    let words = Words::new(Text::new("my number is ***"), More { original, ..More::default() });
    let viewer = Viewer::new(party, roster.party(party));
    for (viewer, expected) in [(viewer, "my number is 123"), (viewer.masked(), "my number is ***")]
    {
        let audience = Audience { sender: party, receiver: None, visibility: Visibility::All };
        let (id, what) = (EventId::NONE, What::Message(words.clone()));
        let entry = Entry { id, audience, time_shift: 0, what };
        let event = viewer.event(&entry, &roster).expect("its own");
        let EventBody::Message(message) = event.body else { panic!("{event:?}") };
        assert_eq!(message.message_text.reveal(), expected);
    }
}
