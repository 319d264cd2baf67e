use confer_core::ask::{Beginning, Failure, Outcome, Record, RecordName, Request};
use confer_core::frame::KvList;
use confer_core::id::{InteractionId, SessionId};
use confer_core::text::Str;
use confer_core::time::Stamp;

use super::Memory;

fn session() -> SessionId {
    SessionId::new("000AB3CD5EF6GH7J")
}

fn create() -> Request {
    Request::Record(Record::Create {
        session: session(),
        beginning: Box::new(Beginning {
            contact: None,
            start_at: Stamp::from_unix_seconds(1_800_000_000),
            subject: None,
            user_data: KvList::new(),
            tenant: Str::new("1"),
            queue: Str::new("default"),
            interaction: InteractionId::new("000AB3CD5EF6GH7J"),
        }),
    })
}

fn release(generation: u64) -> Request {
    Request::Record(Record::Release { session: session(), generation })
}

#[test]
fn only_the_owner_of_a_record_may_touch_it() {
    let mut store = Memory::default();
    assert_eq!(store.perform(release(1)), Outcome::Failed(Failure::NotFound));
    assert_eq!(store.perform(create()), Outcome::Done);
    assert_eq!(store.perform(release(2)), Outcome::Failed(Failure::Fenced));
}

#[test]
fn what_was_let_go_cannot_be_loaded_again() {
    let mut store = Memory::default();
    store.perform(create());
    assert_eq!(store.perform(release(1)), Outcome::Done);
    let name = RecordName::Session(session());
    let load = Request::Record(Record::Load { name, events: true });
    assert_eq!(store.perform(load), Outcome::Failed(Failure::NotFound));
    assert_eq!(store.perform(release(1)), Outcome::Failed(Failure::NotFound));
}
