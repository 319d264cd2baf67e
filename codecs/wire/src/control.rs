//! The messages every connection knows (wire §4.4).

use core::time::Duration;

use confer_core::frame::{Attribute, Control, Flaw};
use confer_core::pii::Secret;

use crate::attributes::{Entry, Level, Value};
use crate::fields::{FromValue, Group, Misfit, misfit};
use crate::map;
use crate::write::Writer;

/// The number of a control message.
pub(crate) const fn message(control: &Control) -> u16 {
    match control {
        Control::Authenticate { .. } => map::AUTHENTICATE,
        Control::AddpSetup { .. } => map::ADDP_SETUP,
        Control::AddpPoll => map::ADDP_POLL,
        Control::AddpReply => map::ADDP_REPLY,
    }
}

/// The control message with this number.
pub(crate) fn read(message: u16, attributes: Level<'_>) -> Result<Control, Misfit> {
    let mut group = Group::new(attributes);
    match message {
        map::AUTHENTICATE => group
            .required::<Secret>(Attribute::AccessToken)
            .map(|access_token| Control::Authenticate { access_token }),
        map::ADDP_SETUP => group
            .optional::<Millis>(Attribute::RemoteTimeout)
            .map(Option::unwrap_or_default)
            .map(|Millis(remote_timeout)| Control::AddpSetup { remote_timeout }),
        map::ADDP_POLL => Ok(Control::AddpPoll),
        map::ADDP_REPLY => Ok(Control::AddpReply),
        _ => Err(Misfit::UNKNOWN_MESSAGE),
    }
}

pub(crate) fn write(control: &Control, writer: &mut Writer<'_>) {
    match control {
        Control::Authenticate { access_token } => {
            writer.required(Attribute::AccessToken, access_token);
        }
        Control::AddpSetup { remote_timeout } => {
            let millis = i64::try_from(remote_timeout.as_millis()).unwrap_or(i64::MAX);
            writer.long(Attribute::RemoteTimeout, millis);
        }
        Control::AddpPoll | Control::AddpReply => {}
    }
}

/// A number of milliseconds, never negative.
#[derive(Default)]
struct Millis(Duration);

impl FromValue<'_> for Millis {
    fn from_entry(entry: Entry<'_>) -> Result<Self, Misfit> {
        let Value::Long(millis) = entry.value else { return misfit(&entry) };
        match u64::try_from(millis) {
            Ok(millis) => Ok(Self(Duration::from_millis(millis))),
            Err(_) => {
                Err(Misfit { what: Flaw::OutOfRange(Attribute::RemoteTimeout), offset: entry.at })
            }
        }
    }
}
