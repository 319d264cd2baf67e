//! What the workflow changes in a session that goes on (B14.6, B14.7).

use alloc::boxed::Box;

use crate::ask::LeafKind;
use crate::frame::{ErrorId, KvList, NoticeType};
use crate::refusal::Refusal;
use crate::session::Session;
use crate::session::asynchrony::AsyncStatus;
use crate::session::language::Language;
use crate::session::overrides::Overrides;
use crate::session::transcript::{More, Words};
use crate::slab::Key;
use crate::text::Text;

use super::Server;
use super::idle::Which;

/// Parameter that restarts the control of an async session (B14.7).
const ASYNC_IDLE_RESET: &str = "async-idle-reset";

impl Server {
    /// Changes a session's inactivity control, restarts it, and tells everybody what is in force by
    /// now if that is anything else than before (B11.6, B14.6).
    pub(super) fn configure_idle_control(
        &mut self,
        key: Key<Session>,
        parameters: &KvList,
    ) -> Result<(), Refusal> {
        let longest = self.config.limits.notice_max_size as usize;
        let Some(session) = self.sessions.get(key) else { return Ok(()) };
        let before = session.overrides.as_deref().unwrap_or(&Overrides::NONE);
        let overrides = before.configured(parameters, longest)?;
        let overrides = (overrides != Overrides::NONE).then(|| Box::new(overrides));
        let settings = self.idle_settings(session);
        let [alert, alert2, close] = self.idle_texts(session);
        let Some(session) = self.sessions.get_mut(key) else { return Ok(()) };
        session.overrides = overrides;
        session.dossier.mark(LeafKind::Session, 0);
        self.restart(key, Which::Regular);
        let Some(session) = self.sessions.get(key) else { return Ok(()) };
        let now = self.idle_settings(session);
        if settings != now || [alert, alert2, close] != self.idle_texts(session) {
            let more = More { user_data: Some(now.user_data()), ..More::default() };
            let words = Words::new(Text::new(""), more);
            self.announce(key, NoticeType::IdleControlSet, Some(words));
        }
        Ok(())
    }

    fn idle_texts(&self, session: &Session) -> [Text; 3] {
        let messages = self.idle_messages(session);
        [messages.alert.clone(), messages.alert2.clone(), messages.close.clone()]
    }

    /// Changes a session's language, and restarts the control of an async one (B14.7, B16.3).
    pub(super) fn configure_session(
        &mut self,
        key: Key<Session>,
        parameters: &KvList,
    ) -> Result<(), Refusal> {
        let language = Language::configured(parameters)?;
        let resets = match parameters.value(ASYNC_IDLE_RESET) {
            None => false,
            Some(_) if parameters.text(ASYNC_IDLE_RESET).as_deref() == Some("1") => true,
            Some(_) => {
                return Err(Refusal::because(ErrorId::Malformed, "async-idle-reset is not 1"));
            }
        };
        if language.is_none() && !resets {
            return Err(Refusal::because(ErrorId::Malformed, "nothing to configure"));
        }
        let Some(session) = self.sessions.get_mut(key) else { return Ok(()) };
        if resets && session.asynchrony.is_none() {
            return Err(ErrorId::AsyncOnly.into());
        }
        if let Some(language) = language {
            session.language = language;
            session.dossier.mark(LeafKind::Session, 0);
        }
        if resets {
            self.reset_async_control(key);
        }
        Ok(())
    }

    /// Restarts the control of an async session, as activity does.
    fn reset_async_control(&mut self, key: Key<Session>) {
        self.restart(key, Which::Async);
        let Some(session) = self.sessions.get(key) else { return };
        let Some(state) = session.asynchrony else { return };
        let is_answered = state.status == AsyncStatus::IdleAlert && session.roster.has_agent();
        let status = if is_answered { AsyncStatus::Working } else { state.status };
        self.set_async_status(key, status, true);
    }
}
