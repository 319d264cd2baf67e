use confer_core::ask::{Document, Failure};
use confer_core::id::DocumentId;

use super::*;

fn shared() -> Shared {
    Shared {
        queue: Mutex::default(),
        work: Condvar::new(),
        events: Mutex::default(),
        wake: Box::new(|| {}),
        name: "sqlite:nowhere".to_owned(),
    }
}

fn put(shared: &Shared, number: usize, bytes: usize) {
    let request = Request::Document(Document::Stat { document: DocumentId::new("D") });
    shared.put(Job::Ask { op: OpId(number as u64), request, bytes });
}

/// The next that was refused.
fn refused(shared: &Shared) -> Option<u64> {
    match locked(&shared.events).pop_front()? {
        Event::Done { op, outcome } => {
            assert_eq!(outcome, Outcome::Failed(Failure::Unavailable));
            Some(op.0)
        }
        Event::External(_) => None,
    }
}

#[test]
fn only_so_many_requests_wait() {
    let shared = shared();
    (0..MAX_REQUESTS).for_each(|number| put(&shared, number, 1));
    assert_eq!(refused(&shared), None);
    put(&shared, MAX_REQUESTS, 1);
    assert_eq!(refused(&shared), Some(MAX_REQUESTS as u64));
    // Whoever takes some makes room for as many.
    assert_eq!(shared.take(Duration::ZERO).map(|jobs| jobs.len()), Some(BATCH));
    (0..BATCH).for_each(|number| put(&shared, number, 1));
    assert_eq!(refused(&shared), None);
    put(&shared, 7, 1);
    assert_eq!(refused(&shared), Some(7));
}

#[test]
fn only_so_many_bytes_wait() {
    let shared = shared();
    put(&shared, 1, MAX_BYTES - 10);
    put(&shared, 2, 10);
    assert_eq!(refused(&shared), None);
    put(&shared, 3, 1);
    assert_eq!(refused(&shared), Some(3));
    assert_eq!(shared.take(Duration::ZERO).map(|jobs| jobs.len()), Some(1));
    put(&shared, 4, MAX_BYTES - 10);
    assert_eq!(refused(&shared), None);
    put(&shared, 5, 1);
    assert_eq!(refused(&shared), Some(5));
    // A single one may hold more than all together.
    while locked(&shared.queue).jobs.pop_front().is_some() {}
    locked(&shared.queue).bytes = 0;
    put(&shared, 6, MAX_BYTES + 1);
    assert_eq!(refused(&shared), None);
    put(&shared, 7, 0);
    assert_eq!(refused(&shared), Some(7));
}

#[test]
fn nothing_is_taken_once_it_is_closed() {
    let shared = shared();
    locked(&shared.queue).closed = true;
    put(&shared, 1, 1);
    assert_eq!(refused(&shared), Some(1));
    assert!(shared.take(Duration::from_secs(3600)).is_none());
}
