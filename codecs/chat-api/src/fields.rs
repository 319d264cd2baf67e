//! Parameters, from whatever kind of body they come.

use alloc::string::String;

use confer_core::frame::KvList;
use confer_core::gateway::Customer;
use confer_core::id::{SessionId, UserId};
use confer_core::pii::{Pii, Secret};
use confer_core::text::{Str, Text};

use crate::problem::Problem;

/// Entries of user data one request may have.
const MAX_USER_DATA: usize = 512;
/// The longest key of user data, in bytes (wire §3).
const MAX_KEY: usize = 255;
/// The longest short value: an id, a key, a name, in bytes.
const MAX_SHORT: usize = 1024;
/// The longest key that makes a request once-only, in bytes.
const MAX_REQUEST_KEY: usize = 64;

macro_rules! known {
    ($($field:ident = $name:literal,)+) => {
        /// What was given. Of a parameter that is given twice, the first counts.
        #[derive(Default)]
        pub(crate) struct Fields {
            $($field: Option<String>,)+
            pub(crate) user_data: KvList,
        }

        impl Fields {
            /// Takes a parameter; one that nobody knows says nothing.
            fn known(&mut self, name: &str, value: &str) {
                let field = match name {
                    $($name => &mut self.$field,)+
                    _ => return,
                };
                field.get_or_insert_with(|| value.into());
            }
        }
    };
}

known! {
    nickname = "nickname",
    first_name = "firstName",
    last_name = "lastName",
    email_address = "emailAddress",
    subject = "subject",
    text = "text",
    message = "message",
    message_type = "messageType",
    position = "transcriptPosition",
    push_url = "pushUrl",
    user_id = "userId",
    secure_key = "secureKey",
    alias = "alias",
    request_key = "requestKey",
}

impl Fields {
    /// Takes a parameter: one with brackets is user data.
    pub(crate) fn take(&mut self, name: &str, value: &str) -> Result<(), Problem> {
        let Some(rest) = name.strip_prefix("userData") else {
            self.known(name, value);
            return Ok(());
        };
        let rest = rest.trim();
        let Some(key) = rest.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
            return Ok(());
        };
        let key = unquoted(key);
        if key.is_empty() || key.len() > MAX_KEY {
            return Err(Problem::BadValue("userData"));
        }
        if self.user_data.len() >= MAX_USER_DATA {
            return Err(Problem::TooLarge);
        }
        self.user_data.push(key, value);
        Ok(())
    }

    /// Who asks. An empty id is none.
    pub(crate) fn customer(&self, chat_id: &str) -> Result<Customer, Problem> {
        Ok(Customer {
            chat_id: SessionId::new(chat_id),
            user_id: UserId::new(short(&self.user_id, "userId")?),
            secure_key: Secret::new(short(&self.secure_key, "secureKey")?),
        })
    }

    /// Whether it is known who asks.
    pub(crate) fn has_customer(&self) -> bool {
        self.user_id.is_some() && self.secure_key.is_some() && self.alias.is_some()
    }

    pub(crate) fn alias(&self) -> Str {
        let alias = self.alias.as_deref().unwrap_or_default();
        Str::new(if alias.len() <= MAX_SHORT { alias } else { "" })
    }

    /// The position; absent or empty: 0.
    pub(crate) fn position(&self) -> Result<u32, Problem> {
        match self.position.as_deref().map(str::trim) {
            None | Some("") => Ok(0),
            Some(position) => {
                let digits = position.bytes().all(|byte| byte.is_ascii_digit());
                let number = position.parse::<u64>().ok().filter(|_| digits);
                let number = number.ok_or(Problem::BadValue("transcriptPosition"))?;
                Ok(u32::try_from(number).unwrap_or(u32::MAX))
            }
        }
    }

    pub(crate) fn request_key(&self) -> Result<Option<Str>, Problem> {
        match self.request_key.as_deref() {
            None | Some("") => Ok(None),
            Some(key) if key.len() <= MAX_REQUEST_KEY => Ok(Some(Str::new(key))),
            Some(_) => Err(Problem::BadValue("requestKey")),
        }
    }

    /// What is said; empty: nothing.
    pub(crate) fn message(&self) -> Option<Text> {
        text(&self.message)
    }

    pub(crate) fn greeting(&self) -> Option<Text> {
        text(&self.text)
    }

    pub(crate) fn subject(&self) -> Option<Text> {
        text(&self.subject)
    }

    pub(crate) fn push_url(&self) -> Result<Text, Problem> {
        text(&self.push_url).ok_or(Problem::Missing("pushUrl"))
    }

    pub(crate) fn new_nickname(&self) -> Result<Text, Problem> {
        text(&self.nickname).ok_or(Problem::Missing("nickname"))
    }

    pub(crate) fn message_type(&self) -> Result<Option<Str>, Problem> {
        match self.message_type.as_deref() {
            None | Some("") => Ok(None),
            Some(kind) if kind.len() <= MAX_SHORT => Ok(Some(Str::new(kind))),
            Some(_) => Err(Problem::BadValue("messageType")),
        }
    }

    /// Nickname, first name, last name, address.
    pub(crate) fn names(&self) -> Result<[Pii<Str>; 4], Problem> {
        let name = |field: &Option<String>, what| {
            let value = field.as_deref().unwrap_or_default();
            if value.len() > MAX_SHORT {
                Err(Problem::BadValue(what))
            } else {
                Ok(Pii::new(Str::new(value)))
            }
        };
        Ok([
            name(&self.nickname, "nickname")?,
            name(&self.first_name, "firstName")?,
            name(&self.last_name, "lastName")?,
            name(&self.email_address, "emailAddress")?,
        ])
    }
}

fn short<'a>(field: &'a Option<String>, name: &'static str) -> Result<&'a str, Problem> {
    match field.as_deref() {
        None | Some("") => Err(Problem::Missing(name)),
        Some(value) if value.len() <= MAX_SHORT => Ok(value),
        Some(_) => Err(Problem::BadValue(name)),
    }
}

fn text(field: &Option<String>) -> Option<Text> {
    field.as_deref().filter(|text| !text.is_empty()).map(Text::new)
}

/// Some clients write a key with quotes inside the brackets.
fn unquoted(key: &str) -> &str {
    let key = key.trim();
    for quote in ['"', '\''] {
        if let Some(inside) = key.strip_prefix(quote).and_then(|key| key.strip_suffix(quote)) {
            return inside;
        }
    }
    key
}
