//! What the server machine allocates for a message: nothing but the text, which the codec has
//! allocated already, and a place in the transcript, which grows by doubling.

use super::{Count, counted};

#[path = "../../../core/benches/relay/scene.rs"]
mod scene;

use scene::{Customers, Saves, Scene};

/// A text of 60 characters: two counts and the bytes, in whole words.
const TEXT: usize = 80;
/// An event of a session, as it is stored in memory.
const ENTRY: usize = 48;

/// One session with six events, two newParties and four messages, in a transcript that has room for
/// eight.
fn settled(customers: Customers, saves: Saves) -> Scene {
    let mut scene = Scene::new(1, customers, saves);
    scene.rounds(4);
    scene
}

/// What the next so many messages allocate, each of them made, relayed, saved and told.
fn relayed(scene: &mut Scene, messages: usize) -> Count {
    counted(|| scene.rounds(messages)).0
}

#[test]
fn a_message_allocates_its_text_and_nothing_else() {
    for saves in [Saves::AtClose, Saves::EveryEvent] {
        let count = relayed(&mut settled(Customers::Basic, saves), 1);
        assert_eq!((count.number, count.total), (1, TEXT), "{saves:?}: {count:?}");
    }
}

#[test]
fn a_transcript_grows_by_doubling() {
    for saves in [Saves::AtClose, Saves::EveryEvent] {
        let mut scene = settled(Customers::Basic, saves);
        relayed(&mut scene, 2);
        // The ninth event needs room for sixteen.
        let count = relayed(&mut scene, 1);
        assert_eq!((count.number, count.total), (2, TEXT + 16 * ENTRY), "{saves:?}: {count:?}");
        // Nine and a thousand events take six more: for 32, 64, …, 1024.
        let count = relayed(&mut scene, 1000);
        assert_eq!(count.number, 1000 + 6, "{saves:?}: {count:?}");
    }
}

/// A refresh that brings two events allocates a list for them; one that brings one does not.
#[test]
fn an_answer_with_several_events_allocates_one_list() {
    for saves in [Saves::AtClose, Saves::EveryEvent] {
        let mut scene = settled(Customers::Flex, saves);
        let agent = relayed(&mut scene, 1);
        assert_eq!((agent.number, agent.total), (1, TEXT), "{saves:?}: {agent:?}");
        // Beside that: the text, and the client's own copy of its key.
        let customer = relayed(&mut scene, 1);
        assert_eq!(customer.number, 3, "{saves:?}: {customer:?}");
    }
}
