//! What was said and has no answer yet.

use alloc::collections::VecDeque;

use crate::frame::{AfterAction, KvList, NoticeType, Visibility};
use crate::id::UserId;
use crate::text::{Str, Text};

use super::chance::Chance;
use super::{Habits, SayError};

/// Something said, as its client numbers it: in the order of the verbs, never again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EchoId(pub(super) u64);

/// A message to be sent. A text alone is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saying {
    /// The words.
    pub text: Text,
    /// Free text, passed through.
    pub message_type: Option<Str>,
    /// Data of the message.
    pub user_data: Option<KvList>,
    /// Attributes of the event, such as a rich message's (B7.7).
    pub event_attributes: Option<KvList>,
}

impl From<Text> for Saying {
    fn from(text: Text) -> Self {
        Self { text, message_type: None, user_data: None, event_attributes: None }
    }
}

impl From<&str> for Saying {
    fn from(text: &str) -> Self {
        Self::from(Text::new(text))
    }
}

/// A notice to be given. A type alone is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// What it is about.
    pub notice_type: NoticeType,
    /// A web address, a nickname, the name of a command.
    pub text: Option<Text>,
    /// Data of the notice.
    pub user_data: Option<KvList>,
    /// Attributes of the event (B7.7).
    pub event_attributes: Option<KvList>,
}

impl Notification {
    /// A notice with a text.
    pub fn new(notice_type: NoticeType, text: &str) -> Self {
        Self { text: Some(Text::new(text)), ..Self::from(notice_type) }
    }

    /// A command with its data (B7.4).
    pub fn command(name: &str, user_data: KvList) -> Self {
        Self { user_data: Some(user_data), ..Self::new(NoticeType::SysCommand, name) }
    }
}

impl From<NoticeType> for Notification {
    fn from(notice_type: NoticeType) -> Self {
        Self { notice_type, text: None, user_data: None, event_attributes: None }
    }
}

/// Something said that has no answer yet, to be shown where its event will stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Echo {
    /// Its number.
    pub id: EchoId,
    /// What was said.
    pub said: Said,
    pub(super) key: Str,
    /// How often it was asked.
    pub(super) attempts: u32,
}

/// What was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// A message.
    Message {
        /// It.
        saying: Saying,
        /// To whom; `None`: to all who may see the sender (B3.4).
        visibility: Option<Visibility>,
        /// To this participant only (B7.6).
        receiver_id: Option<UserId>,
    },
    /// A notice.
    Notice(Notification),
    /// Somebody is to be removed (B8.1).
    Removal {
        /// Who.
        user_id: UserId,
        /// What becomes of the session.
        after: AfterAction,
    },
    /// One leaves.
    Leave {
        /// What becomes of the session.
        after: AfterAction,
        /// Parting words.
        parting: Option<Text>,
    },
}

/// What waits in one chat, in the order in which it was said.
#[derive(Debug, Default)]
pub(super) struct Echoes {
    waiting: VecDeque<Echo>,
}

impl Echoes {
    /// Adds something, if there is room and it is not too long.
    pub(super) fn push(
        &mut self,
        (id, said): (EchoId, Said),
        habits: &Habits,
        chance: &mut Chance,
    ) -> Result<EchoId, SayError> {
        if self.is_leaving() {
            return Err(SayError::Over);
        }
        if self.waiting.len() >= habits.max_waiting {
            return Err(SayError::Full);
        }
        let text = match &said {
            Said::Message { saying, .. } => Some(&saying.text),
            Said::Notice(notification) => notification.text.as_ref(),
            Said::Leave { parting, .. } => parting.as_ref(),
            Said::Removal { .. } => None,
        };
        if text.is_some_and(|text| text.chars() > habits.max_text) {
            return Err(SayError::TooLong);
        }
        self.waiting.push_back(Echo { id, said, key: chance.key(), attempts: 0 });
        Ok(id)
    }

    /// Adds that one leaves, for which there is always room.
    pub(super) fn push_leave(&mut self, id: EchoId, said: Said, chance: &mut Chance) {
        self.waiting.push_back(Echo { id, said, key: chance.key(), attempts: 0 });
    }

    pub(super) fn front(&self) -> Option<&Echo> {
        self.waiting.front()
    }

    pub(super) fn front_mut(&mut self) -> Option<&mut Echo> {
        self.waiting.front_mut()
    }

    pub(super) fn pop(&mut self) -> Option<Echo> {
        self.waiting.pop_front()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Echo> {
        self.waiting.iter()
    }

    /// Whether the last thing said is that one leaves.
    pub(super) fn is_leaving(&self) -> bool {
        matches!(self.waiting.back(), Some(Echo { said: Said::Leave { .. }, .. }))
    }
}
