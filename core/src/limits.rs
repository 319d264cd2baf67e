//! How much of anything there may be while the server runs. What is fixed when it is built is in
//! the types themselves.

use crate::config::table::options;

options! {
    /// The run-time limits (B2.3, B2.5, B5.6, B17.4, wire §1): one field for each option of section
    /// `settings` that bounds a size or a number.
    pub struct Limits in "settings";

    /// Largest frame a peer may send, counted with its length field (wire §1).
    request_max_size: u32 = 524_288, Kind::integer(1024, 16_777_216, "bytes"),
        "request-max-size" | "xml-request-max-size", NewConnections;
    /// Open connections; one more is accepted and closed at once (B2.3).
    max_connections: u32 = 32_768, Kind::integer(1, 1_048_576, ""),
        "max-connections", Restart;
    /// Output that may wait for one connection; above it the connection is lost (B2.5).
    output_max_size: u32 = 4_194_304, Kind::integer(1_048_576, 1_073_741_824, "bytes"),
        "output-max-size", Now;
    /// Longest message text (B5.6).
    message_max_size: u32 = 65_535, Kind::integer(1, 1_048_576, "characters"),
        "message-max-size", Now;
    /// Longest notice text (B17.4).
    notice_max_size: u32 = 65_535, Kind::integer(1, 1_048_576, "characters"),
        "notice-max-size", Now;
    /// Longest subject (B17.4).
    subject_max_size: u32 = 1024, Kind::integer(1, 65_535, "characters"),
        "subject-max-size", Now;
    /// User data in one request (B17.4).
    user_data_max_size: u32 = 131_072, Kind::integer(1024, 16_777_216, "bytes"),
        "user-data-max-size", Now;
    /// Event attributes in one request (B17.4).
    event_attributes_max_size: u32 = 131_072, Kind::integer(1024, 16_777_216, "bytes"),
        "event-attributes-max-size", Now;
    /// User data of one session (B17.4).
    session_user_data_max_size: u32 = 262_144, Kind::integer(1024, 16_777_216, "bytes"),
        "session-user-data-max-size", Now;
    /// Participants present in one session (B17.4).
    max_participants: u32 = 100, Kind::integer(2, 1000, ""),
        "max-participants", Now;
    /// Sessions one basic connection may be in (B17.4).
    max_sessions_per_connection: u32 = 1024, Kind::integer(1, 65_535, ""),
        "max-sessions-per-connection", Now;
    /// Nicknames a workflow may speak under in one session (B14.1, B17.4).
    max_external_names: u32 = 64, Kind::integer(1, 1024, ""),
        "max-external-names", Now;
    /// Events of one session, unsaved ones included (B17.4).
    max_events_per_session: u32 = 1_000_000, Kind::integer(1000, 10_000_000, ""),
        "max-events-per-session", Now;
}

impl Limits {
    /// Participations one session may ever have (B17.4).
    pub const MAX_PARTICIPATIONS: u32 = 10_000;
    /// Gateway nodes there may be at once (B10.7).
    pub const MAX_NODES: usize = 256;
    /// Groups they may be in (B10.7).
    pub const MAX_NODE_GROUPS: usize = 64;
    /// Bytes of user data that go with every push to one user, keys included (B10.7).
    pub const MAX_PUSH_DATA: usize = 8192;
}
