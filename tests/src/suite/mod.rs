//! What every server shell must do on real sockets, whatever drives it: written once, held against
//! each of them by `tests/tests/sockets_*.rs`.
//!
//! Nothing here knows how a shell works. What the chat does is proved in the simulated world; here
//! are bytes that come in pieces, peers that misbehave, and servers that end.

pub mod authority;
pub mod conversation;
pub mod crowd;
pub mod ending;
pub mod frames;
pub mod limits;
mod people;
pub mod secure;

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use confer_core::config::Config;
use confer_core::frame::Protocol;
use confer_core::id::PortId;
use confer_link::Tally;

/// More than anything here takes: who waits so long for one thing has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A server that runs on sockets.
pub trait Shell: Sized {
    /// Starts one.
    ///
    /// # Errors
    ///
    /// What the operator is told, if it does not start.
    fn start(config: Arc<Config>) -> Result<Self, String>;

    /// Where a port listens.
    ///
    /// # Panics
    ///
    /// If it is not open.
    fn address(&self, port: PortId) -> SocketAddr;

    /// What happened to its connections so far.
    ///
    /// # Panics
    ///
    /// If it has ended.
    fn tally(&self) -> Tally;

    /// Tells it to take nothing new, and to end when empty or after so long.
    fn drain(&self, patience: Duration);

    /// Tells it to end at once.
    fn stop(&self);

    /// Waits until it has ended.
    ///
    /// # Panics
    ///
    /// If it ended because of an error.
    fn join(self);
}

/// Holds a shell against the whole suite, a test for each part of it.
#[macro_export]
macro_rules! sockets {
    ($shell:ty) => {
        $crate::sockets! { $shell;
            conversation {
                a_chat_over_all_three_protocols,
                a_dormant_session_keeps_its_words,
                one_byte_a_write,
                many_frames_in_one_write,
                a_transcript_longer_than_the_sockets_hold,
            }
            frames {
                an_oversized_frame_is_answered_and_the_connection_closed,
                garbage_is_answered_and_the_connection_closed,
                frames_of_another_port_are_answered_and_the_connection_closed,
                a_truncated_frame_is_answered_and_the_connection_closed,
                half_a_frame_and_no_more,
                a_malformed_request_costs_nothing_but_an_answer,
                mutated_frames_on_port_default,
                mutated_frames_on_port_webapi,
                mutated_frames_on_port_esp,
            }
            limits {
                whoever_does_not_register_in_time_is_closed,
                a_byte_now_and_then_does_not_keep_a_connection,
                a_byte_now_and_then_is_a_request_in_the_end,
                one_connection_more_than_there_may_be_is_closed,
                the_access_token_opens_a_port,
                a_wrong_access_token_or_none_is_refused,
                a_silent_peer_is_polled_and_given_up,
                a_peer_that_does_not_read_is_cut_and_the_others_go_on,
                a_storm_of_connections_leaves_nothing_behind,
            }
            secure {
                a_chat_over_tls,
                a_long_answer_passes_tls_whole,
                many_requests_at_once_over_tls,
                a_port_for_known_clients_takes_no_others,
                a_server_that_is_not_trusted_hears_nothing,
                tls_on_a_port_without,
                whoever_speaks_plainly_to_a_port_with_tls_is_closed,
                a_handshake_that_never_ends_is_cut,
                a_file_that_is_not_what_it_should_be_is_named,
            }
            ending {
                a_server_without_sessions_drains_at_once,
                a_draining_server_waits_for_its_sessions,
                a_server_that_may_not_wait_closes_its_sessions,
                the_last_words_are_whole_however_slowly_they_are_read,
                a_stopped_server_leaves_nobody_waiting,
            }
        }
    };
    ($shell:ty; $($subject:ident { $($test:ident),+ $(,)? })+) => {$($(
        #[test]
        fn $test() {
            $crate::suite::in_time($crate::suite::$subject::$test::<$shell>);
        }
    )+)+};
}

/// Runs a test that must end, for it waits for others.
///
/// # Panics
///
/// As the test does, or if it does not end.
pub fn in_time(test: impl FnOnce() + Send + 'static) {
    let limit = Duration::from_secs(crate::cases(300, 7200));
    let (ending, ended) = channel();
    let running = thread::spawn(move || {
        let result = catch_unwind(AssertUnwindSafe(test));
        // Nobody may be waiting any more.
        let _ = ending.send(());
        result
    });
    match ended.recv_timeout(limit) {
        Ok(()) | Err(RecvTimeoutError::Disconnected) => {}
        Err(RecvTimeoutError::Timeout) => panic!("still waiting after {limit:?}"),
    }
    let result = running.join().unwrap_or_else(Err);
    result.unwrap_or_else(|panic| resume_unwind(panic));
}

/// The port of a protocol.
const fn port(protocol: Protocol) -> PortId {
    match protocol {
        Protocol::Basic => PortId::Default,
        Protocol::Flex => PortId::Webapi,
        Protocol::Esp => PortId::Esp,
    }
}
