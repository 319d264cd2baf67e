//! Inactivity control, regular and async (§11 and §12 of the behaviour).

use crate::ask::{Interaction, Request};
use crate::config::{IdleMessages, IncludeNotices};
use crate::frame::{KvList, NoticeType, UserType, Visibility};
use crate::id::EventId;
use crate::pii::Pii;
use crate::session::Session;
use crate::session::aside::SYSTEM;
use crate::session::asynchrony::AsyncStatus;
use crate::session::idle::{Control, Periods, Stage};
use crate::session::language::Language;
use crate::session::outbox::Step;
use crate::session::overrides::{Overrides, Settings};
use crate::session::phase::Phase;
use crate::session::roster::Participant;
use crate::session::transcript::{Entry, More, Reason, What, Words};
use crate::session::visibility::Audience;
use crate::slab::Key;
use crate::text::Str;

use super::asks::Purpose;
use super::{Server, Timer};

/// User data of a creation that makes a session async (B12.1).
const ASYNC_MODE: &str = "GCTI_Chat_AsyncMode";

/// Which of a session's two controls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// Runs while customer and agent are both there (B11.1).
    Regular,
    /// Runs in async sessions, from their creation (B12.2).
    Async,
}

impl Session {
    /// Whether agents may come and go for days (B12.1).
    pub(crate) fn is_async(&self) -> bool {
        self.user_data.text(ASYNC_MODE).as_deref() == Some("true")
    }

    const fn control(&self, which: Which) -> &Control {
        match which {
            Which::Regular => &self.regular,
            Which::Async => &self.asynchronous,
        }
    }

    const fn control_mut(&mut self, which: Which) -> &mut Control {
        match which {
            Which::Regular => &mut self.regular,
            Which::Async => &mut self.asynchronous,
        }
    }
}

impl Server {
    /// Something happened in a session: its controls start, go on from the beginning, or stop.
    pub(super) fn watch(&mut self, key: Key<Session>, after: EventId, to: EventId) {
        for which in [Which::Regular, Which::Async] {
            let Some(session) = self.sessions.get(key) else { return };
            let stage = session.control(which).stage;
            if stage == Stage::Off && !self.may_run(session, which) {
                continue;
            }
            let notices = self.notices(session, which);
            let active = || {
                let mut entries = session.transcript.between(after, to);
                entries.any(|entry| {
                    is_activity(entry, session.roster.party(entry.audience.sender), notices)
                })
            };
            // An async session is watched from its creation, whoever creates it (B12.2).
            let begins = which == Which::Async && stage == Stage::Off;
            if !self.applies(session, which) {
                self.stop(key, which);
            } else if begins || active() {
                self.restart(key, which);
            }
        }
    }

    /// A control goes on from the beginning, or stops if it is switched off by now (B11.6).
    pub(super) fn restart(&mut self, key: Key<Session>, which: Which) {
        let Some(session) = self.sessions.get(key) else { return };
        if self.may_run(session, which) {
            self.begin(key, which, Stage::Quiet);
        } else {
            self.stop(key, which);
        }
    }

    /// A control has expired: the next alert, or the end (B11.2).
    pub(super) fn idle(&mut self, key: Key<Session>, which: Which) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let control = session.control_mut(which);
        control.timer = None;
        let stage = control.stage;
        // Switched off meanwhile: felt now (B11.6).
        let Some(session) = self.sessions.get(key) else { return };
        if !self.may_run(session, which) {
            return self.stop(key, which);
        }
        let messages = self.idle_messages(session);
        let (notice, text) = match stage {
            Stage::Off => return,
            Stage::Quiet => (NoticeType::IdleControlAlert, messages.alert.clone()),
            Stage::Alerted => (NoticeType::IdleControlAlert, messages.alert2.clone()),
            Stage::Closing => (NoticeType::IdleControlClose, messages.close.clone()),
        };
        let next = self.periods(session, which).after(stage);
        let words = (!text.is_empty()).then(|| Words::new(text, More::default()));
        if next == Stage::Off {
            self.announce(key, notice, words);
            self.close(key, Reason::Inactivity);
        } else {
            self.begin(key, which, next);
            self.announce(key, notice, words);
            if which == Which::Async {
                self.set_async_status(key, AsyncStatus::IdleAlert, true);
                self.keep(key);
            }
        }
    }

    /// Lets a control run from the beginning of a stage.
    fn begin(&mut self, key: Key<Session>, which: Which, stage: Stage) {
        let Some(session) = self.sessions.get(key) else { return };
        let (lasts, more) = self.periods(session, which).lasts(stage);
        let (now, until) = (self.now, self.now + lasts);
        let Some(session) = self.sessions.get_mut(key) else { return };
        let control = session.control_mut(which);
        control.stage = stage;
        control.closes_at = Some(now + (lasts + more));
        match control.timer {
            Some(timer) if self.timers.re_arm(timer, until) => {}
            Some(_) | None => control.timer = self.timers.arm(until, Timer::Idle(key, which)).ok(),
        }
    }

    pub(super) fn stop(&mut self, key: Key<Session>, which: Which) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let control = core::mem::take(session.control_mut(which));
        control.timer.map(|timer| self.timers.cancel(timer));
    }

    /// Whether a control is for a session with these people in it (B11.1, B12.2).
    fn applies(&self, session: &Session, which: Which) -> bool {
        session.phase == Phase::Open
            && match which {
                Which::Regular => session.roster.has_client() && session.roster.has_agent(),
                Which::Async => session.asynchrony.is_some(),
            }
    }

    /// Whether a control runs in a session as it is now.
    fn may_run(&self, session: &Session, which: Which) -> bool {
        let enabled = match which {
            Which::Regular => self.idle_settings(session).enabled,
            Which::Async => true,
        };
        enabled && self.applies(session, which)
    }

    /// The inactivity control of a session (B11.6).
    pub(super) fn idle_settings(&self, session: &Session) -> Settings {
        session
            .overrides
            .as_deref()
            .unwrap_or(&Overrides::NONE)
            .over(&self.config.inactivity_control)
    }

    /// The texts of a session's idle notices: its own, its language's or the server's, each by
    /// itself (B11.6, B16.4).
    pub(super) fn idle_messages<'a>(&'a self, session: &'a Session) -> IdleMessages<'a> {
        let Language { name, code } = &session.language;
        let language = self.config.language_for(name.as_deref(), code.as_deref());
        let overrides = session.overrides.as_deref().unwrap_or(&Overrides::NONE);
        overrides.messages(self.config.idle_messages(language))
    }

    fn periods(&self, session: &Session, which: Which) -> Periods {
        match which {
            Which::Regular => {
                let settings = self.idle_settings(session);
                Periods {
                    alert: settings.timeout_alert,
                    alert2: settings.timeout_alert2,
                    close: settings.timeout_close,
                }
            }
            Which::Async => {
                let options = &self.config.settings;
                Periods {
                    alert: options.async_idle_alert,
                    alert2: core::time::Duration::ZERO,
                    close: options.async_idle_close,
                }
            }
        }
    }

    fn notices(&self, session: &Session, which: Which) -> IncludeNotices {
        match which {
            Which::Regular => self.idle_settings(session).include_notices,
            Which::Async => self.config.settings.async_idle_notices,
        }
    }

    /// The server says something in a session; nothing if it has no words (B11.3).
    pub(super) fn announce(&mut self, key: Key<Session>, notice: NoticeType, words: Option<Words>) {
        let Some(words) = words else { return };
        let stamp = self.stamp();
        let Some(session) = self.sessions.get(key) else { return };
        if !session.has_room(&self.config.limits) {
            return;
        }
        let before = session.transcript.last();
        let voice = session.roster.voice(UserType::System, SYSTEM, Visibility::All);
        let nickname = Pii::new(Str::new(SYSTEM));
        let party = match voice {
            Some(party) => party,
            None => match self.new_voice(key, UserType::System, nickname, Visibility::All) {
                Ok(party) => party,
                // A session without room for the server's own voice is closed in silence.
                Err(_) => return,
            },
        };
        let Some(session) = self.sessions.get_mut(key) else { return };
        let audience = Audience { sender: party, receiver: None, visibility: Visibility::All };
        let what = What::Notice(notice, Some(words));
        let to = session.happen(self.masker.as_ref(), audience, what, stamp);
        self.commit(key, Step::new(before, to, None));
    }

    /// Changes properties of a session's interaction.
    pub(super) fn change_properties(&mut self, key: Key<Session>, properties: KvList) {
        let Some(session) = self.sessions.get(key) else { return };
        let interaction = session.interaction.clone();
        let change = Interaction::Change { interaction, properties };
        self.ask(key, |_| Purpose::Change, Request::Interaction(change));
    }
}

/// Whether an event restarts a control that counts these notices (B11.4).
pub(super) fn is_activity(entry: &Entry, sender: &Participant, notices: IncludeNotices) -> bool {
    let Audience { receiver, visibility, .. } = entry.audience;
    if visibility != Visibility::All
        || receiver.is_some()
        || sender.bot
        || sender.user_type == UserType::System
    {
        return false;
    }
    match &entry.what {
        What::NewParty(_) | What::Message(_) | What::PartyLeft(_) => true,
        What::Notice(notice, words) => {
            let text = words.as_ref().map_or("", |words| words.text().reveal());
            admits(notices, *notice, text)
        }
    }
}

/// Whether a notice counts as activity.
fn admits(notices: IncludeNotices, notice: NoticeType, text: &str) -> bool {
    let major = match notice {
        NoticeType::UserPushedUrl => true,
        NoticeType::SysCommand => matches!(text, "file-uploaded" | "file-deleted"),
        NoticeType::UserCustom
        | NoticeType::UserTypingStarted
        | NoticeType::UserTypingStopped
        | NoticeType::UserUpdateNick
        | NoticeType::IdleControlAlert
        | NoticeType::IdleControlClose
        | NoticeType::IdleControlSet => false,
    };
    match notices {
        IncludeNotices::None => false,
        IncludeNotices::Major => major,
        IncludeNotices::Major2 => major || notice == NoticeType::UserCustom,
        IncludeNotices::Typing => major || notice == NoticeType::UserTypingStarted,
        IncludeNotices::All => {
            major
                || matches!(
                    notice,
                    NoticeType::UserCustom
                        | NoticeType::UserTypingStarted
                        | NoticeType::UserTypingStopped
                        | NoticeType::UserUpdateNick
                )
        }
    }
}
