//! What the server says to somebody beside the transcript: a command with the EventId 0, which is no
//! event of the session, and which nobody else hears (B20.6, B22.2).

use crate::frame::{
    EventBody, KvList, Notice, NoticeType, Open, Party, TranscriptEvent, UserType, Visibility,
};
use crate::id::{EventId, UserId};
use crate::pii::Pii;
use crate::session::Session;
use crate::session::view::Viewer;
use crate::text::{Str, Text};

/// What the server is called when it speaks (B11.2).
pub(crate) const SYSTEM: &str = "System";

impl Session {
    /// A command from SYSTEM to one viewer; `system` is who SYSTEM is where it never spoke before.
    pub(crate) fn aside(
        &self,
        viewer: Viewer,
        command: &str,
        user_data: Option<KvList>,
        system: &UserId,
    ) -> TranscriptEvent {
        let voice = self.roster.voice(UserType::System, SYSTEM, Visibility::All);
        let user_id = voice.map_or(system, |voice| &self.roster.party(voice).user_id).clone();
        TranscriptEvent {
            event_id: EventId::NONE,
            user_id,
            time_shift: self.last_time_shift,
            visibility: Open::Known(Visibility::All),
            party: viewer.on_flex().then(|| Party {
                user_nickname: Pii::new(Str::new(SYSTEM)),
                user_type: Open::Known(UserType::System),
            }),
            participant_no: viewer.on_flex().then_some(0),
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
