//! The options of the fixed sections, in the order of the documentation.
//!
//! Sizes and numbers of section `settings` are [`Limits`](crate::limits::Limits).

use alloc::vec;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::ops::{Index, IndexMut};
use core::time::Duration;

use super::choices::{
    AttachStatistics, AutoSave, DeleteFile, IncludeNotices, PushIdentifier, RestorationMode,
    RestoreBy, SaveNotices, SaveOnError, StatisticsMoment, StatisticsPlace, StopAbandoned,
};
use super::table::options;
use crate::id::PortId;
use crate::pii::Secret;
use crate::text::{Str, Text};

options! {
    /// Section `server`: who this instance is.
    pub struct Server in "server";

    /// Name of this instance, its `ChatServerAppName`; unset: `hostname:port`, with the port of
    /// `default` (B20.12).
    name: Option<Str> = None, Kind::OrEmpty(&Kind::SHORT_TEXT), "name", Restart;
    /// Number of this instance; unset: what the store's instance table gives to its name (B20.12).
    app_dbid: Option<u32> = None, Kind::OrEmpty(&Kind::integer(1, 65_535, "")),
        "app-dbid", Restart;
}

options! {
    /// Section `ports.<id>`: a port.
    pub struct Port in "ports.<id>";

    /// Where the port listens; unset: where the program that opens it decides (B2.1).
    listen: Option<Listen> = None, Kind::OrEmpty(&Kind::Address), "listen", Restart;
    /// If set, the token every connection must show first, or get 8307 and be closed (B2.7).
    access_token: Option<Secret> = None, Kind::Secret { max: 1024 },
        "access-token", NewConnections;
    /// The server's certificate chain, in PEM; set: the port speaks TLS.
    certificate_file: Option<Str> = None, Kind::FILE_OR_EMPTY, "certificate-file", Restart;
    /// The certificate's key, in PEM; both are set or neither.
    private_key_file: Option<Str> = None, Kind::FILE_OR_EMPTY, "private-key-file", Restart;
    /// If set, every client must show a certificate signed by one of these, in PEM (B2.7, B9.1).
    client_ca_file: Option<Str> = None, Kind::FILE_OR_EMPTY, "client-ca-file", Restart;
    /// Silence this side bears before it sends AddpPoll; 0: any (B2.6).
    addp_timeout: Duration = Duration::ZERO, Kind::seconds(0, 86_400),
        "addp-timeout", NewConnections;
    /// Silence the peer is asked to bear before it polls; 0: it does not poll (B2.6).
    addp_remote_timeout: Duration = Duration::ZERO, Kind::seconds(0, 86_400),
        "addp-remote-timeout", NewConnections;
}

options! {
    /// Section `settings`, but for the [`Limits`](crate::limits::Limits).
    pub struct Settings in "settings";

    /// Master switch of the three `limit-for-*` (B17.1).
    limits_control_enabled: bool = false, Kind::Boolean, "limits-control-enabled", Now;
    /// At this number of sessions none is created or restored; 0: no limit (B17.1).
    limit_for_sessions: u32 = 1000, Kind::integer(0, 1_000_000, "sessions"),
        "limit-for-sessions", Now;
    /// At this number of flex users no session is created or restored, nor a Login taken; 0: no
    /// limit (B17.1).
    limit_for_flex_users: u32 = 1001, Kind::integer(0, 1_000_000, "users"),
        "limit-for-flex-users", Now;
    /// At this mean delay of answers no session is created or restored; 0: no limit (B17.1).
    limit_for_reply_delay: Duration = Duration::from_secs(1),
        Kind::Milliseconds { min: 0, max: 1_000_000 },
        "limit-for-reply-delay", Now;
    /// Window over which the mean of `limit-for-reply-delay` is taken (B17.1).
    limit_average_interval: Duration = seconds(15), Kind::seconds(1, 3600),
        "limit-average-interval", Now;
    /// Full service returns when every tripped metric is at or below this share of its limit
    /// (B17.2).
    limits_restore_threshold: u32 = 80, Kind::integer(0, 100, "percent"),
        "limits-restore-threshold", Now;
    /// Whether `GET /health` answers 503 while limited (B18.1).
    limits_reached_report_scs: bool = true, Kind::Boolean, "limits-reached-report-scs", Now;

    /// How long a connection may stay without Register or a flex request (B2.2).
    user_register_timeout: Duration = seconds(30), Kind::seconds(1, 86_400),
        "user-register-timeout", Now;
    /// A flex user that sent no request for so long is removed, reason 3 (B9.2).
    flex_disconnect_timeout: Duration = seconds(45), Kind::seconds(1, 1_728_000),
        "flex-disconnect-timeout", Now;
    /// Whether push may be subscribed to (B10.1).
    flex_push_enabled: bool = true, Kind::Boolean, "flex-push-enabled", Now;
    /// Replaces `flex-disconnect-timeout` for a subscribed user, who is asked for first (B10.2).
    flex_push_timeout: Duration = seconds(45), Kind::seconds(1, 1_728_000),
        "flex-push-timeout", Now;
    /// Whether the user data of Login or Join may subscribe (B10.1).
    flex_push_on_join: bool = false, Kind::Boolean, "flex-push-on-join", Now;
    /// Identifiers put into the user data of a push (B10.4).
    flex_push_content: Vec<PushIdentifier> =
        vec![PushIdentifier::SessionId, PushIdentifier::UserId],
        Kind::AnyOf(PushIdentifier::NAMES), "flex-push-content", Now;
    /// How long a push without a refresh waits before it is sent again (B10.4).
    flex_push_resend_delay: Duration = seconds(15), Kind::seconds(1, 86_400),
        "flex-push-resend-delay", Now;
    /// How often one push is sent again; 0: never (B10.4).
    flex_push_resend_attempts: u32 = 3, Kind::integer(0, 1000, ""),
        "flex-push-resend-attempts", Now;
    /// Whether each new session gets a password that every later Join must carry (B3.7).
    session_password_enforce: bool = false, Kind::Boolean, "session-password-enforce", Now;
    /// Whether repeated keys of key-value lists are kept, instead of the first of each only.
    allow_duplicated_kvp: bool = true, Kind::Boolean, "allow-duplicated-kvp", Now;
    /// Tenant of a QueueKey that names none (B4.2).
    default_tenant: Str = Str::new("1"), Kind::Name, "default-tenant", Now;
    /// How long a closed session, or a removed flex user, can still be asked for its last events
    /// (B8.6, B9.2).
    session_linger: Duration = seconds(60), Kind::seconds(1, 86_400), "session-linger", Now;

    /// SubmittedBy of this instance at the interaction server; the same text at all instances:
    /// all are told that an interaction was stopped (B19.4).
    ixn_submittedby_name: Str = Str::default(), Kind::ANY_TEXT, "ixn-submittedby-name", Restart;
    /// What happens to the interaction when its session closes (B8.6).
    stop_abandoned_interaction: StopAbandoned = StopAbandoned::Never,
        Kind::OneOf(StopAbandoned::NAMES), "stop-abandoned-interaction", Now;
    /// Whether the contact store is used at all (B19.1).
    use_contact_server: bool = true, Kind::Boolean, "use-contact-server", Restart;
    /// Whether the loss of a needed connection is reported to operators as service unavailable.
    connection_down_report_scs: bool = true, Kind::Boolean, "connection-down-report-scs", Now;

    /// Idle time of an async session before the alert, agent or not (B12.2).
    async_idle_alert: Duration = seconds(86_400), Kind::seconds(1, 1_728_000),
        "async-idle-alert", Now;
    /// Idle time of an async session from the alert to the close (B12.2).
    async_idle_close: Duration = seconds(3600), Kind::seconds(1, 1_728_000),
        "async-idle-close", Now;
    /// Notices that count as activity in an async session (B12.2, B12.3).
    async_idle_notices: IncludeNotices = IncludeNotices::Major,
        Kind::OneOf(IncludeNotices::NAMES), "async-idle-notices", Now;

    /// Whether requests for sessions held elsewhere restore them, if every event is saved (B20.1).
    session_restoration_mode: RestorationMode = RestorationMode::Simple,
        Kind::OneOf(RestorationMode::NAMES), "session-restoration-mode", Now;
    /// Who besides a flex customer may cause a restoration (B20.2).
    session_restore_extend_by: RestoreBy = RestoreBy::Both,
        Kind::OneOf(RestoreBy::NAMES), "session-restore-extend-by", Now;
    /// Whether a restoration by agent or workflow resumes push (B20.10).
    session_restore_push_send: bool = false, Kind::Boolean, "session-restore-push-send", Now;
    /// Whether the former owner of a restored session is told to drop its copy (B20.5).
    session_restore_do_purge: bool = true, Kind::Boolean, "session-restore-do-purge", Now;
    /// Whether only the close saves the transcript (0), or every event (1), with word to basic
    /// clients when that fails (2) (B20.1, B20.6).
    transcript_auto_save: AutoSave = AutoSave::EveryEvent,
        Kind::OneOf(AutoSave::NAMES), "transcript-auto-save", Now;
    /// What happens when an intermediate save fails for good (B20.6).
    transcript_save_on_error: SaveOnError = SaveOnError::Continue,
        Kind::OneOf(SaveOnError::NAMES), "transcript-save-on-error", Now;
    /// How long an event waits for its save before the session runs unsaved (B20.6).
    save_wait_max: Duration = seconds(2), Kind::seconds(1, 3600), "save-wait-max", Now;
    /// How often a failed or unanswered save is tried again (B20.6).
    transcript_resend_attempts: u32 = 10, Kind::integer(0, 1000, ""),
        "transcript-resend-attempts", Now;
    /// Pause before each retry of a save (B20.6).
    transcript_resend_delay: Duration = seconds(15), Kind::seconds(1, 86_400),
        "transcript-resend-delay", Now;
    /// Which notices are stored (B5.4).
    transcript_save_notices: SaveNotices = SaveNotices::Major,
        Kind::OneOf(SaveNotices::NAMES), "transcript-save-notices", Now;
    /// After how long a session whose owner is silent is restored and closed; unset:
    /// `flex-disconnect-timeout`, or the check-at of an async session (B20.13).
    orphan_timeout: Option<Duration> = None, Kind::OrEmpty(&Kind::seconds(1, 1_728_000)),
        "orphan-timeout", Now;

    /// Statistics put on the interaction at the close (B21.7).
    attach_session_statistics: AttachStatistics = AttachStatistics::None,
        Kind::OneOf(AttachStatistics::NAMES), "attach-session-statistics", Now;
    /// Moments of an async session that cause an intermediate update of statistics (B21.5).
    attach_stats_rep_events: Vec<StatisticsMoment> = Vec::new(),
        Kind::AnyOf(StatisticsMoment::NAMES), "attach-stats-rep-events", Now;
    /// Where that intermediate update is written (B21.5).
    attach_stats_rep_place: StatisticsPlace = StatisticsPlace::None,
        Kind::OneOf(StatisticsPlace::NAMES), "attach-stats-rep-place", Now;

    /// How much of each message, from its start, the log shows (B15.7).
    message_log_print_size: u32 = 0, Kind::integer(0, 7000, "characters"),
        "message-log-print-size", Now;
    /// Whether user data is kept out of the log.
    hide_attached_data: bool = true, Kind::Boolean, "hide-attached-data", Now;
}

options! {
    /// Section `inactivity-control` (B11.1). The workflow may change any of it for one session
    /// (B11.6).
    pub struct InactivityControl in "inactivity-control";

    /// Master switch; a living session feels the change at its next activity or expiry (B11.6).
    enabled: bool = false, Kind::Boolean, "enabled", Now;
    /// First idle period, ended by the first alert (B11.2).
    timeout_alert: Duration = seconds(255), Kind::seconds(1, 86_400), "timeout-alert", Now;
    /// Second idle period, ended by the second alert; 0: skipped (B11.2).
    timeout_alert2: Duration = Duration::ZERO, Kind::seconds(0, 86_400), "timeout-alert2", Now;
    /// Last idle period, ended by the close, reason 7 (B11.2).
    timeout_close: Duration = seconds(45), Kind::seconds(1, 86_400), "timeout-close", Now;
    /// Notices that count as activity (B11.4).
    include_notices: IncludeNotices = IncludeNotices::Major,
        Kind::OneOf(IncludeNotices::NAMES), "include-notices", Now;
    /// Text of the first alert, of the async one too; empty: nothing is sent (B11.3).
    message_alert: Text =
        Text::new("Chat session will be closed soon due to inactivity of chat participants."),
        Kind::ANY_TEXT, "message-alert", Now;
    /// Text of the second alert; empty: nothing is sent (B11.3).
    message_alert2: Text =
        Text::new("Chat session will be closed very soon due to inactivity of chat participants."),
        Kind::ANY_TEXT, "message-alert2", Now;
    /// Text of the close, of the async one too; empty: nothing is sent (B11.3).
    message_close: Text =
        Text::new("Chat session closed due to inactivity of chat participants."),
        Kind::ANY_TEXT, "message-close", Now;
}

options! {
    /// Section `client-file-transfer`: what customers may do (B22.2). Any of the first three set
    /// to 0 forbids their uploads.
    pub struct ClientFileTransfer in "client-file-transfer";

    /// Uploads per session.
    upload_max_files: u32 = 3, Kind::integer(0, 1000, ""), "upload-max-files", Now;
    /// Largest single file.
    upload_max_file_size: u32 = 2_097_152, Kind::integer(0, 1_073_741_823, "bytes"),
        "upload-max-file-size", Now;
    /// Sum of all files of a session.
    upload_max_total_size: u32 = 5_242_880, Kind::integer(0, 1_073_741_823, "bytes"),
        "upload-max-total-size", Now;
    /// Accepted file types.
    upload_file_types: Str =
        Str::new("bmp:csv:doc:docx:gif:htm:jpg:pdf:png:ppt:pptx:tif:txt:xls:xlsx"),
        Kind::Extensions, "upload-file-types", Now;
    /// Whether uploads need an agent in the session.
    upload_need_agent: bool = false, Kind::Boolean, "upload-need-agent", Now;
    /// Downloads per session; 0 forbids them.
    download_attempts: u32 = 10, Kind::integer(0, 1000, ""), "download-attempts", Now;
    /// What customers may do with what they uploaded (B22.3).
    delete_file: DeleteFile = DeleteFile::Odd, Kind::OneOf(DeleteFile::NAMES), "delete-file", Now;
}

options! {
    /// Section `web`: the web API, for customers' clients, wherever its gateway runs.
    pub struct Web in "web";

    /// Origins whose pages may use the API, such as `https://www.example.com`, separated by commas; `*`:
    /// all; empty: only those of the same origin.
    allowed_origins: Str = Str::default(), Kind::ANY_TEXT, "allowed-origins", Now;
    /// If set, the key every request must show in the header `apikey` or `x-api-key`, or get 401.
    api_key: Option<Secret> = None, Kind::Secret { max: 1024 }, "api-key", Now;
    /// Calls in flight; one more is answered with 503 at once.
    max_calls: u32 = 16_384, Kind::integer(1, 1_048_576, ""), "max-calls", Restart;
    /// Longest time a call may take, but for the bytes of a file.
    call_max: Duration = seconds(30), Kind::seconds(1, 600), "call-max", Now;
    /// Longest time the bytes of a file may take to be stored.
    file_max: Duration = seconds(600), Kind::seconds(1, 86_400), "file-max", Now;
    /// How long a call waits while no chat server can be reached.
    server_wait: Duration = seconds(5), Kind::seconds(1, 600), "server-wait", Now;
    /// Connections of clients at a time. One more: the one that was idle for longest is closed, or
    /// the new one if none is idle.
    max_connections: u32 = 4096, Kind::integer(1, 1_048_576, ""), "max-connections", Restart;
    /// Longest time the head of a request may take, and a handshake.
    head_max: Duration = seconds(10), Kind::seconds(1, 600), "head-max", Now;
    /// Longest time the parameters of a request may take, and the longest time a client that sends a
    /// file, or is sent an answer, may stand still.
    body_max: Duration = seconds(30), Kind::seconds(1, 600), "body-max", Now;
    /// How long a connection may be idle between two requests.
    idle_max: Duration = seconds(60), Kind::seconds(1, 3600), "idle-max", Now;
}

const fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

/// Where a port listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listen {
    /// Here.
    At(SocketAddr),
    /// Nowhere: the port is not opened.
    Off,
}

/// The ports, by their ids: `config.ports[PortId::Webapi].addp_timeout`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ports([Port; PortId::ALL.len()]);

impl Index<PortId> for Ports {
    type Output = Port;

    fn index(&self, id: PortId) -> &Port {
        &self.0[id as usize]
    }
}

impl IndexMut<PortId> for Ports {
    fn index_mut(&mut self, id: PortId) -> &mut Port {
        &mut self.0[id as usize]
    }
}
