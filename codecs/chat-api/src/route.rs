//! Paths: which operation of which service is meant.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use percent_encoding::percent_decode_str;

/// The longest target of a request, in bytes.
pub const MAX_TARGET: usize = 4096;

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// The description of the API.
    OpenApi,
    /// An operation of a service.
    Service { service: String, what: What, chat_id: String, file_id: String },
}

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident = $path:literal, $id:literal;)+) => {
        /// The operations of a service.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum What {
            $($(#[$doc])* $name),+
        }

        impl What {
            /// All of them, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The path behind the service, with `{chatId}` and `{fileId}` where they stand.
            pub const fn path(self) -> &'static str {
                match self {
                    $(Self::$name => $path),+
                }
            }

            /// The name of the operation in the description of the API.
            pub const fn id(self) -> &'static str {
                match self {
                    $(Self::$name => $id),+
                }
            }
        }
    };
}

operations! {
    /// Begins a chat.
    RequestChat = "", "requestChat";
    /// Says something.
    Send = "/{chatId}/send", "send";
    /// Asks what is new.
    Refresh = "/{chatId}/refresh", "refresh";
    /// Tells that the customer types.
    StartTyping = "/{chatId}/startTyping", "startTyping";
    /// Tells that the customer no longer types.
    StopTyping = "/{chatId}/stopTyping", "stopTyping";
    /// Tells up to where the customer has read.
    ReadReceipt = "/{chatId}/readReceipt", "readReceipt";
    /// Leaves.
    Disconnect = "/{chatId}/disconnect", "disconnect";
    /// Shows the others a web address.
    PushUrl = "/{chatId}/pushUrl", "pushUrl";
    /// Takes another nickname.
    UpdateNickname = "/{chatId}/updateNickname", "updateNickname";
    /// Gives a notice of the customer's own making.
    CustomNotice = "/{chatId}/customNotice", "customNotice";
    /// Adds to the session's user data.
    UpdateData = "/{chatId}/updateData", "updateData";
    /// Asks what files may be sent.
    FileLimits = "/{chatId}/file/limits", "fileLimits";
    /// Sends a file.
    Upload = "/{chatId}/file", "upload";
    /// Wants a file.
    Download = "/{chatId}/file/{fileId}/download", "download";
    /// Takes a file back.
    Delete = "/{chatId}/file/{fileId}/delete", "delete";
}

/// What stands in front of a service's name.
pub(crate) const BASE: &str = "/genesys/2/chat/";
/// Where the description of the API is.
pub(crate) const OPEN_API: &str = "/openapi.json";

impl Route {
    /// Where a target leads; `None`: nowhere. What stands behind a question mark says nothing.
    pub(crate) fn find(target: &str) -> Option<Self> {
        if target.len() > MAX_TARGET {
            return None;
        }
        let path = target.split(['?', '#']).next()?;
        if path == OPEN_API {
            return Some(Self::OpenApi);
        }
        let rest = path.strip_prefix(BASE)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let mut segments = rest.split('/').map(|segment| {
            let decoded = percent_decode_str(segment).decode_utf8().ok()?;
            Some(decoded.to_string()).filter(|decoded| !decoded.is_empty())
        });
        let service = segments.next()??;
        let segments: Vec<String> = segments.collect::<Option<_>>()?;
        let what = What::ALL.iter().copied().find(|what| what.is(&segments))?;
        let mut segments = segments.into_iter();
        let chat_id = segments.next().unwrap_or_default();
        // Behind the chat and `file`, where there is one.
        let file_id = segments.nth(1).filter(|_| what.path().contains("{fileId}"));
        let file_id = file_id.unwrap_or_default();
        Some(Self::Service { service, what, chat_id, file_id })
    }
}

impl What {
    /// Whether a path behind the service is this operation's.
    fn is(self, segments: &[String]) -> bool {
        let wanted = self.path().split('/').skip(1);
        let mut found = segments.iter();
        let fits = wanted.into_iter().all(|wanted| {
            found.next().is_some_and(|found| wanted.starts_with('{') || wanted == found)
        });
        fits && found.next().is_none()
    }
}
