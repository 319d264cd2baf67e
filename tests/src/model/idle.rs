//! Inactivity control and async status (§11 and §12 of the behaviour).

use std::borrow::Cow;

use confer_core::config::IncludeNotices;
use confer_core::frame::{ErrorId, KvList, NoticeType, UserType, Visibility};

use super::setting::{ASYNC_ALERT, ASYNC_CLOSE};
use super::state::{Control, Kind, Model, Phase, Purpose, Texts, What};

/// The options of inactivity control that the workflow set for one session, as they are written.
pub(super) type Overrides = Vec<(String, String)>;

impl Model {
    /// B11.4: whether an event counts as activity, with the notices that one of the controls admits.
    fn is_activity(&self, session: usize, id: u32, is_async: bool) -> bool {
        let it = &self.sessions[session];
        let event = it.event(id);
        let sender = &it.parties[event.sender];
        if event.visibility != Visibility::All
            || event.receiver.is_some()
            || sender.bot
            || sender.who.user_type == UserType::System
        {
            return false;
        }
        let What::Notice(notice, text, _) = &event.what else { return true };
        let file = matches!(text.as_deref(), Some("file-uploaded" | "file-deleted"));
        let major =
            *notice == NoticeType::UserPushedUrl || (*notice == NoticeType::SysCommand && file);
        let admitted = if is_async {
            self.setting.include_notices
        } else {
            let name = self.option(session, "include-notices");
            let mut all = IncludeNotices::ALL.iter().copied();
            all.find(|notices| notices.name() == name).expect("what was checked")
        };
        match admitted {
            IncludeNotices::None => false,
            IncludeNotices::Major => major,
            IncludeNotices::Major2 => major || *notice == NoticeType::UserCustom,
            IncludeNotices::Typing => major || *notice == NoticeType::UserTypingStarted,
            IncludeNotices::All => major || *notice != NoticeType::SysCommand,
        }
    }

    /// Whether a control is for a session with these people in it (B11.1, B12.2).
    fn applies(&self, session: usize, is_async: bool) -> bool {
        let it = &self.sessions[session];
        let both = || {
            it.has(|party| party.who.user_type == UserType::Client)
                && it.has(super::state::Party::is_agent)
        };
        it.phase == Phase::Open && if is_async { it.is_async } else { both() }
    }

    /// Whether it may run, too (B11.1).
    fn may_run(&self, session: usize, is_async: bool) -> bool {
        let enabled = is_async || self.option(session, "enabled") == "true";
        enabled && self.applies(session, is_async)
    }

    /// B11.6: what is in force in a session: what was set for it, else the option.
    fn option(&self, session: usize, name: &str) -> String {
        let overrides = &self.sessions[session].overrides;
        let options = self.setting.inactivity_control();
        let own = overrides.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let general = || options.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value);
        own.or_else(general).expect("an option of the section")
    }

    /// The periods of a control, in milliseconds (B11.2, B12.2).
    fn periods(&self, session: usize, is_async: bool) -> Vec<u64> {
        if is_async {
            return vec![ASYNC_ALERT, ASYNC_CLOSE];
        }
        let period = |name| self.option(session, name).parse::<u64>().expect("seconds") * 1000;
        let (alert, alert2) = (period("timeout-alert"), period("timeout-alert2"));
        let second = Some(alert2).filter(|alert2| *alert2 > 0);
        [Some(alert), second, Some(period("timeout-close"))].into_iter().flatten().collect()
    }

    fn control(&mut self, session: usize, is_async: bool) -> &mut Control {
        let it = &mut self.sessions[session];
        if is_async { &mut it.asynchronous } else { &mut it.regular }
    }

    /// Something happened: controls start, begin anew, or stop.
    pub(super) fn watch(&mut self, session: usize, after: u32, to: u32) {
        for is_async in [false, true] {
            let active = (after + 1..=to).any(|id| self.is_activity(session, id, is_async));
            // B12.2: from creation, agent or not.
            let begins = is_async && self.sessions[session].asynchronous.expired.is_none();
            if !self.applies(session, is_async) {
                *self.control(session, is_async) = Control::default();
            } else if active || begins {
                self.restart(session, is_async);
            }
        }
    }

    /// A control begins anew, or stops if it is switched off by now (B11.6).
    pub(super) fn restart(&mut self, session: usize, is_async: bool) {
        if self.may_run(session, is_async) {
            self.wait(session, is_async, 0);
        } else {
            *self.control(session, is_async) = Control::default();
        }
    }

    /// Waits for a control to expire after so many expiries.
    fn wait(&mut self, session: usize, is_async: bool, expired: usize) {
        let periods = self.periods(session, is_async);
        let due = self.after(periods[expired]);
        let closes_at = self.now + periods[expired..].iter().sum::<u64>();
        *self.control(session, is_async) =
            Control { expired: Some(expired), due: Some(due), closes_at: Some(closes_at) };
    }

    /// A control has expired (B11.2): an alert, or the end.
    pub(super) fn expired(&mut self, session: usize, is_async: bool) {
        self.control(session, is_async).due = None;
        let Some(before) = self.control(session, is_async).expired else { return };
        // Switched off meanwhile (B11.6).
        if !self.may_run(session, is_async) {
            *self.control(session, is_async) = Control::default();
            return;
        }
        let expiries = self.periods(session, is_async).len();
        if before + 1 == expiries {
            let text = self.option(session, "message-close");
            self.announce(session, NoticeType::IdleControlClose, &text);
            return self.close(session, 7);
        }
        self.wait(session, is_async, before + 1);
        let text = if before == 0 { "message-alert" } else { "message-alert2" };
        let text = self.option(session, text);
        self.announce(session, NoticeType::IdleControlAlert, &text);
        if is_async {
            // B12.3: 3 at the idle alert.
            self.set_status(session, 3, true);
            self.keep(session);
        }
    }

    /// B14.6, B11.6: the workflow changes the regular control of a session.
    pub(super) fn configure(&mut self, session: usize, given: &KvList) -> Result<(), ErrorId> {
        let options = self.setting.inactivity_control();
        let given_text = |name: &str| given.text(name).map(Cow::into_owned);
        let reset = given_text("reset-parameters");
        let set: Overrides = options
            .iter()
            .filter_map(|(name, _)| Some(((*name).to_owned(), given_text(name)?)))
            .collect();
        if reset.is_none() && set.is_empty() {
            return Err(ErrorId::Malformed);
        }
        let mut overrides = self.sessions[session].overrides.clone();
        if reset.as_deref() == Some("true") {
            overrides.clear();
        }
        for (name, value) in set {
            let in_range =
                |least| value.parse().is_ok_and(|it: u64| (least..=86_400).contains(&it));
            let fine = match &*name {
                "timeout-alert" | "timeout-close" => in_range(1),
                "timeout-alert2" => in_range(0),
                "include-notices" => IncludeNotices::ALL.iter().any(|it| it.name() == value),
                _ => true,
            };
            if !fine {
                return Err(ErrorId::Malformed);
            }
            let value = if name == "enabled" { (value == "true").to_string() } else { value };
            overrides.retain(|(known, _)| *known != name);
            overrides.push((name, value));
        }
        let in_force = |model: &Self| options.each_ref().map(|(it, _)| model.option(session, it));
        let before = in_force(self);
        self.sessions[session].overrides = overrides;
        self.sessions[session].changed = true;
        self.restart(session, false);
        let now = in_force(self);
        if now != before {
            let told =
                options.iter().zip(now).filter(|((name, _), _)| !name.starts_with("message"));
            let mut user_data = KvList::new();
            for ((name, _), value) in told {
                user_data.push(name, &*value);
            }
            let what =
                What::Notice(NoticeType::IdleControlSet, Some(String::new()), Some(user_data));
            self.says(session, what);
        }
        Ok(())
    }

    /// B14.7: the workflow changes the session. No script has languages.
    pub(super) fn configure_session(
        &mut self,
        session: usize,
        given: &KvList,
    ) -> Result<(), ErrorId> {
        let language = given.value("GCTI_LanguageName").is_some();
        let reset = given.text("async-idle-reset");
        match reset.as_deref() {
            None if language => {
                self.sessions[session].changed = true;
                return Ok(());
            }
            Some("1") => {}
            None | Some(_) => return Err(ErrorId::Malformed),
        }
        let it = &self.sessions[session];
        if !it.is_async {
            return Err(ErrorId::AsyncOnly);
        }
        let is_back = it.status == 3 && it.has(super::state::Party::is_agent);
        let status = if is_back { -1 } else { it.status };
        self.sessions[session].changed |= language;
        self.restart(session, true);
        self.set_status(session, status, true);
        Ok(())
    }

    /// B11.2, B11.3: the server speaks; an empty text sends nothing.
    fn announce(&mut self, session: usize, notice: NoticeType, text: &str) {
        if text.is_empty() {
            return;
        }
        self.says(session, What::Notice(notice, Some(text.to_owned()), None));
    }

    fn says(&mut self, session: usize, what: What) {
        let before = self.sessions[session].last();
        self.speak(session, UserType::System, "System", Visibility::All, what);
        self.happened(session, before, None);
    }

    /// B12.3: where an async session stands after this.
    pub(super) fn track(&mut self, session: usize, after: u32, to: u32) -> Texts {
        let it = &self.sessions[session];
        if !it.is_async {
            return Vec::new();
        }
        let agent_there = it.has(super::state::Party::is_agent);
        let mut status = it.status;
        let mut active = false;
        for id in after + 1..=to {
            let counts = self.is_activity(session, id, true);
            active |= counts;
            let event = it.event(id);
            let sender = &it.parties[event.sender];
            match event.what {
                // −1 an agent joins.
                What::NewParty(_) if sender.is_agent() => status = -1,
                // The last agent gone, by itself, or by being lost or removed.
                What::PartyLeft(_, reason, _) if sender.is_agent() && !agent_there => {
                    status = match reason {
                        None | Some(1 | 2) if it.transfer => 5,
                        None | Some(1 | 2) => -2,
                        Some(_) => 4,
                    };
                }
                // 2 on a customer's words with no agent present; 1 stays.
                What::Message(..) | What::Notice(..)
                    if counts
                        && sender.who.user_type == UserType::Client
                        && !agent_there
                        && status != 1 =>
                {
                    status = 2;
                }
                // Back from 3 with an agent present.
                _ if counts && agent_there && status == 3 => status = -1,
                What::NewParty(_) | What::Message(..) | What::Notice(..) | What::PartyLeft(..) => {}
            }
        }
        self.stands(session, status, active)
    }

    /// B12.3: written only when it changes. B12.4: and when to look again with it, else at most once
    /// a minute.
    pub(super) fn set_status(&mut self, session: usize, status: i32, active: bool) {
        let properties = self.stands(session, status, active);
        self.change(session, properties);
    }

    /// Changes these properties of the interaction, if there are any.
    pub(super) fn change(&mut self, session: usize, properties: Texts) {
        if !properties.is_empty() {
            self.ask(session, Purpose::Change, Kind::Change(properties));
        }
    }

    fn stands(&mut self, session: usize, status: i32, active: bool) -> Texts {
        let now = self.now;
        let check_at = self.stamp_in(ASYNC_ALERT + ASYNC_CLOSE + 60_000).to_string();
        let it = &mut self.sessions[session];
        it.transfer = false;
        let mut properties = Vec::new();
        if it.status != status {
            properties.push(("GCTI_Chat_AsyncStatus".to_owned(), status.to_string()));
        } else if !active || it.status_told + 60_000 > now {
            return properties;
        }
        properties.push(("GCTI_Chat_AsyncCheckAt".to_owned(), check_at));
        it.status = status;
        it.status_told = now;
        it.changed = true;
        properties
    }
}
