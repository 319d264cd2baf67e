//! What the server says to somebody beside the transcript: a command with the EventId 0, which is no
//! event of the session, and which nobody else hears (B20.6, B22.2).

use crate::frame::{
    EventBody, KvList, Notice, NoticeType, Open, Party, TranscriptEvent, UserType, Visibility,
};
use crate::id::{EventId, UserId};
use crate::pii::Pii;
use crate::session::Session;
use crate::text::{Str, Text};
use crate::time::Stamp;

/// What the server is called when it speaks (B11.2).
pub(crate) const SYSTEM: &str = "System";
/// Who speaks beside the transcript: no participation of any session.
const NOBODY: &str = "0000000000000000";

impl Session {
    /// A command from SYSTEM, for somebody on flex or not.
    pub(crate) fn aside(
        &self,
        flex: bool,
        command: &str,
        user_data: Option<KvList>,
        stamp: Stamp,
    ) -> TranscriptEvent {
        TranscriptEvent {
            event_id: EventId::NONE,
            user_id: UserId::new(NOBODY),
            time_shift: self.time_shift(stamp),
            visibility: Open::Known(Visibility::All),
            party: Some(Party {
                user_nickname: Pii::new(Str::new(SYSTEM)),
                user_type: Open::Known(UserType::System),
            }),
            participant_no: flex.then_some(0),
            event_attributes: None,
            body: EventBody::Notice(Notice {
                notice_type: Open::Known(NoticeType::SysCommand),
                notice_text: Some(Text::new(command)),
                receiver_id: None,
                user_data,
            }),
        }
    }
}
