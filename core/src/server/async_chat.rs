//! What the interaction is told of an async session (B12.3, B12.4).

use core::time::Duration;

use crate::ask::LeafKind;
use crate::frame::{KvList, UserType};
use crate::id::EventId;
use crate::session::Session;
use crate::session::asynchrony::AsyncStatus;
use crate::session::transcript::{Reason, What};
use crate::slab::Key;
use crate::time::Stamp;

use super::Server;

/// Property of the interaction: where the session stands.
pub(super) const ASYNC_STATUS: &str = "GCTI_Chat_AsyncStatus";
/// Property of the interaction: when the workflow should look whether the session still lives.
pub(super) const ASYNC_CHECK_AT: &str = "GCTI_Chat_AsyncCheckAt";
/// User data of a release, and its value for a transfer (B12.3).
pub(super) const LEAVE_REASON: &str = "GCTI_Chat_LeaveReason";
pub(super) const TRANSFER: &str = "transfer";

/// How often the time to look again is written at most, unless the status changes (B12.4).
const CHECK_EVERY: Duration = Duration::from_secs(60);
/// How much later than the end of both periods to look (B12.4).
const CHECK_LATER: Duration = Duration::from_secs(60);

impl Server {
    /// Follows what happened in an async session; what the interaction is to be told of it.
    pub(super) fn track(
        &mut self,
        key: Key<Session>,
        after: EventId,
        to: EventId,
    ) -> Option<KvList> {
        let session = self.sessions.get(key)?;
        let state = session.asynchrony?;
        let agent_there = session.roster.has_agent();
        let mut status = state.status;
        let mut active = false;
        for entry in session.transcript.between(after, to) {
            let sender = session.roster.party(entry.audience.sender);
            let counts =
                super::idle::is_activity(entry, sender, self.config.settings.async_idle_notices);
            active |= counts;
            status = match &entry.what {
                What::NewParty(_) if sender.is_agent() => AsyncStatus::Working,
                What::PartyLeft(left) if sender.is_agent() && !agent_there => match left.reason {
                    Reason::Plain | Reason::CloseIfNoAgents | Reason::ForceClose
                        if state.transfer =>
                    {
                        AsyncStatus::Transferred
                    }
                    Reason::Plain | Reason::CloseIfNoAgents | Reason::ForceClose => {
                        AsyncStatus::Hold
                    }
                    Reason::Disconnect
                    | Reason::OtherParty
                    | Reason::Server
                    | Reason::WrongSecureKey
                    | Reason::Inactivity
                    | Reason::Restoration => AsyncStatus::AgentLost,
                },
                What::Message(_) | What::Notice(..)
                    if counts && sender.user_type == UserType::Client && !agent_there =>
                {
                    if status == AsyncStatus::New { status } else { AsyncStatus::CustomerActive }
                }
                _ if counts && agent_there && status == AsyncStatus::IdleAlert => {
                    AsyncStatus::Working
                }
                What::NewParty(_) | What::Message(_) | What::Notice(..) | What::PartyLeft(_) => {
                    status
                }
            };
        }
        self.note_async_status(key, status, active)
    }

    /// Tells the interaction where an async session stands, if that has changed, and when to look
    /// again, if that has or something happened.
    pub(super) fn set_async_status(
        &mut self,
        key: Key<Session>,
        status: AsyncStatus,
        active: bool,
    ) {
        if let Some(properties) = self.note_async_status(key, status, active) {
            self.change_properties(key, properties);
        }
    }

    /// Where an async session stands from now on; what the interaction is to be told, if anything.
    fn note_async_status(
        &mut self,
        key: Key<Session>,
        status: AsyncStatus,
        active: bool,
    ) -> Option<KvList> {
        let (now, stamp) = (self.now, self.stamp());
        let check_at = self.async_check_at();
        let session = self.sessions.get_mut(key)?;
        let shift = session.time_shift(stamp);
        let state = session.asynchrony.as_mut()?;
        state.transfer = false;
        let changed = state.status != status;
        let due = active && state.told + CHECK_EVERY <= now;
        if !changed && !due {
            return None;
        }
        state.status = status;
        state.told = now;
        state.check_at = check_at;
        let mut properties = KvList::new();
        if changed {
            let number = alloc::string::ToString::to_string(&status.number());
            properties.push(ASYNC_STATUS, &*number);
            session.dossier.status_shift = shift;
        }
        properties.push(ASYNC_CHECK_AT, &*check_at.written());
        session.dossier.mark(LeafKind::Session, 0);
        Some(properties)
    }

    /// When to look again (B12.4).
    pub(super) fn async_check_at(&self) -> Stamp {
        let settings = &self.config.settings;
        let later = settings.async_idle_alert + settings.async_idle_close + CHECK_LATER;
        self.wall.stamp(self.now + later)
    }
}
