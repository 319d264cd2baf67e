//! Who may see what, and who may say what to whom (B3.1–B3.4): the one place that decides it.

use crate::frame::{UserType, Visibility};
use crate::session::roster::PartyNo;

/// Whom an event is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Audience {
    pub(crate) sender: PartyNo,
    /// A direct event's only other (B7.6).
    pub(crate) receiver: Option<PartyNo>,
    pub(crate) visibility: Visibility,
}

/// Whether `viewer`, of type `user_type`, may see an event (B3.3). Its sender always may (B3.4).
pub(crate) fn sees(viewer: PartyNo, user_type: UserType, audience: Audience) -> bool {
    if viewer == audience.sender {
        return true;
    }
    match audience.receiver {
        Some(receiver) => viewer == receiver,
        None => reaches(user_type, audience.visibility),
    }
}

/// Whether events of this visibility are for people of this type.
pub(crate) fn reaches(user_type: UserType, visibility: Visibility) -> bool {
    match visibility {
        Visibility::All => true,
        Visibility::Int => matches!(user_type, UserType::Agent | UserType::Supervisor),
        Visibility::Vip => user_type == UserType::Supervisor,
    }
}

/// Whether somebody of this type may join with this visibility (B3.1). EXTERNAL and SYSTEM are not
/// joined by anybody; the server lets them appear with whatever their event needs.
pub(crate) fn may_join(user_type: UserType, visibility: Visibility) -> bool {
    match user_type {
        UserType::Client => visibility == Visibility::All,
        UserType::Agent => visibility != Visibility::Vip,
        UserType::Supervisor | UserType::External | UserType::System => true,
    }
}

/// Whether somebody of this type, who joined with `own`, may say something with `visibility`: as
/// narrow as its own or narrower, and never beyond its type's levels (B3.4).
pub(crate) fn may_say(user_type: UserType, own: Visibility, visibility: Visibility) -> bool {
    visibility >= own && may_join(user_type, visibility)
}

#[cfg(test)]
mod tests;
