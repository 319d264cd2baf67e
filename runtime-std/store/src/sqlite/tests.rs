use std::collections::BTreeSet;

use confer_core::id::SessionId;
use confer_core::time::Stamp;
use rusqlite::Connection;

use super::heads::{Head, Heads, MAX_KNOWN};
use super::log::{Due, Pace};
use super::records::document;
use super::schema::{APPLICATION, Found, STEPS, found, migrate};

/// Everything that has a query in it.
const SOURCES: &[&str] = &[
    include_str!("contacts.rs"),
    include_str!("documents.rs"),
    include_str!("heads.rs"),
    include_str!("instances.rs"),
    include_str!("interactions.rs"),
    include_str!("records.rs"),
    include_str!("../view.rs"),
    include_str!("../purge.rs"),
];

fn database() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    migrate(&connection, 0, STEPS).unwrap();
    super::prepare_statements(&connection).unwrap();
    connection
}

/// The queries among the string literals of a source.
fn queries(source: &str) -> impl Iterator<Item = String> {
    let literals = source.split('"').skip(1).step_by(2);
    let verbs = ["SELECT ", "UPDATE ", "DELETE ", "INSERT "];
    literals.filter(move |it| verbs.iter().any(|verb| it.starts_with(verb))).map(str::to_owned)
}

#[test]
fn the_log_is_carried_by_stretches_and_by_everybody_when_it_is_long() {
    let mut pace = Pace::default();
    let told: Vec<_> = (1..15_000).filter(|pages| pace.due(*pages) == Due::Tell).collect();
    assert_eq!(told, (1..15).map(|thousand| thousand * 1000).collect::<Vec<_>>());
    assert_eq!(pace.due(15_000), Due::Help);
    assert_eq!(pace.due(15_001), Due::Help, "until there is less");
    // It begins anew.
    assert_eq!(
        (pace.due(999), pace.due(1000), pace.due(1001)),
        (Due::Nothing, Due::Tell, Due::Nothing)
    );
    assert_eq!((pace.due(7), pace.due(1100)), (Due::Nothing, Due::Tell));
    // One transaction may write more than is to be there.
    assert_eq!(pace.due(40_000), Due::Help);
}

#[test]
fn no_query_reads_a_whole_table() {
    let connection = database();
    let queries: BTreeSet<_> = SOURCES.iter().flat_map(|source| queries(source)).collect();
    assert!(queries.len() > 40, "{} queries were found", queries.len());
    for query in queries {
        let mut explain = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {query}"))
            .unwrap_or_else(|error| panic!("{query}: {error}"));
        let count = explain.parameter_count();
        let nothing = (0..count).map(|_| rusqlite::types::Null);
        let mut plan = explain.query(rusqlite::params_from_iter(nothing)).unwrap();
        while let Some(step) = plan.next().unwrap() {
            let step: String = step.get(3).unwrap();
            let scans = step.starts_with("SCAN") && step != "SCAN CONSTANT ROW";
            assert!(!scans, "{step}: {query}");
            // Sorting reads everything first.
            assert!(!step.contains("TEMP B-TREE"), "{step}: {query}");
        }
    }
}

#[test]
fn an_old_file_is_brought_up_to_date() {
    let connection = Connection::open_in_memory().unwrap();
    assert_eq!(found(&connection, 1).unwrap(), Found::Empty);
    migrate(&connection, 0, &STEPS[..1]).unwrap();
    assert_eq!(found(&connection, STEPS.len()).unwrap(), Found::Version(1));
    let insert = "INSERT INTO document (document, session, size, begun_at, complete)
        VALUES ('D', 'S', 7, 1, 1)";
    connection.execute(insert, []).unwrap();
    migrate(&connection, 1, STEPS).unwrap();
    assert_eq!(found(&connection, STEPS.len()).unwrap(), Found::Version(STEPS.len()));
    let query = "SELECT size, upload FROM document";
    let document = connection.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?)));
    assert_eq!(document, Ok((7, 0)), "what is there stays");
    let insert =
        "INSERT INTO instance (name, app_dbid, live, beat, beat_at) VALUES ('a', 1, 1, 1, 1)";
    connection.execute(insert, []).unwrap();
    // As if there were a next version.
    let mut steps = STEPS.to_vec();
    steps.push("ALTER TABLE instance ADD COLUMN place TEXT NOT NULL DEFAULT 'here'");
    migrate(&connection, STEPS.len(), &steps).unwrap();
    let place = connection.query_row("SELECT place FROM instance", [], |row| row.get(0));
    assert_eq!(place, Ok("here".to_owned()));
    assert_eq!(found(&connection, steps.len()).unwrap(), Found::Version(steps.len()));
    // Which this version does not know.
    let newer = i64::try_from(steps.len()).unwrap();
    assert_eq!(found(&connection, STEPS.len()).unwrap(), Found::Newer(newer));
    connection.pragma_update(None, "application_id", APPLICATION + 1).unwrap();
    assert_eq!(found(&connection, STEPS.len()).unwrap(), Found::Foreign);
}

#[test]
fn the_first_schema_never_changes() {
    // Files of it are out there; what changes is another step.
    let sum = STEPS[0].bytes().fold(0xcbf2_9ce4_8422_2325, |sum: u64, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    assert_eq!(sum, 0x85e4_f2d6_1f7d_5b55, "{sum:#x}");
}

#[test]
fn only_so_many_records_are_known() {
    let connection = database();
    let mut heads = Heads::default();
    heads.begin(&connection).unwrap();
    let session = |number: usize| SessionId::new(&format!("SESSION{number}"));
    let head = Head { id: 1, owner: None, generation: 1, closed: false, newest: None };
    (1..MAX_KNOWN).for_each(|number| heads.learn(&session(number), head));
    heads.begin(&connection).unwrap();
    assert!(heads.get(&session(1)).is_some());
    heads.learn(&session(MAX_KNOWN), head);
    heads.begin(&connection).unwrap();
    assert!(heads.get(&session(1)).is_none() && heads.get(&session(MAX_KNOWN)).is_none());
}

#[test]
fn only_documents_of_so_many_bytes_are_kept() {
    let session = SessionId::new("00K7EXAMPLE42QZ9");
    let written = confer_transcript::write(&session, Stamp::MIN, &[]).unwrap();
    let kept = |limit| document(limit, &session, Stamp::MIN, &[]);
    assert_eq!(kept(written.len()), Some(written.clone()));
    assert_eq!(kept(written.len() - 1), None);
}
