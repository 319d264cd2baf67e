//! The closed lists of the protocols. Their numbers on the wire are the codecs' business.

/// A value of an enumeration as an *event* carries it: a newer server may send one this build does
/// not know, which a client skips (wire §6). Requests carry the plain enumeration instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Open<T> {
    /// A value of the list.
    Known(T),
    /// Any other number.
    Unknown(i32),
}

impl<T> Open<T> {
    /// The value, if it is one of the list.
    pub fn known(self) -> Option<T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }
}

impl<T> From<T> for Open<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

macro_rules! list {
    (
        $(#[$doc:meta])*
        $name:ident {
            $($(#[$variant_doc:meta])* $variant:ident = $written:literal),+ $(,)?
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        pub enum $name {
            $($(#[$variant_doc])* $variant),+
        }

        impl $name {
            /// Every value, in the order of the wire profile.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name as the protocols spell it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $written),+
                }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.pad(self.name())
            }
        }
    };
}

list! {
    /// Who somebody is (B3.1).
    UserType {
        /// A customer.
        Client = "CLIENT",
        /// An agent, or a bot.
        Agent = "AGENT",
        /// A supervisor, or a bot.
        Supervisor = "SUPERVISOR",
        /// A workflow; appears when it first speaks.
        External = "EXTERNAL",
        /// The server itself; appears when it first speaks.
        System = "SYSTEM",
    }
}

list! {
    /// Who an event is for (B3.2). The order is from wide to narrow (B3.4).
    Visibility {
        /// Everybody: conference.
        All = "ALL",
        /// Agents and supervisors: coaching.
        Int = "INT",
        /// Supervisors: monitoring.
        Vip = "VIP",
    }
}

list! {
    /// How a message wants to be shown.
    TreatAs {
        /// As somebody's words.
        Normal = "NORMAL",
        /// As a notice of the system.
        System = "SYSTEM",
    }
}

list! {
    /// What becomes of the session when somebody is released (B8.2, B8.3).
    AfterAction {
        /// It goes on.
        KeepAlive = "KeepAlive",
        /// It closes unless another agent who talks to the customer remains.
        CloseIfNoAgents = "CloseIfNoAgents",
        /// It closes.
        ForceClose = "ForceClose",
    }
}

list! {
    /// The four kinds of event a transcript holds (B5.1).
    EventKind {
        /// Somebody came.
        NewParty = "NewParty",
        /// Somebody said something.
        Message = "Message",
        /// Something happened beside the words.
        Notice = "Notice",
        /// Somebody went.
        PartyLeft = "PartyLeft",
    }
}

list! {
    /// How a participant takes part.
    ProtocolType {
        /// By the basic protocol.
        Basic = "BASIC",
        /// By the flex protocol.
        Flex = "FLEX",
        /// By ESP.
        Esp = "ESP",
        /// By none: made by the server.
        None = "NONE",
    }
}

list! {
    /// Whether a session goes on.
    SessionStatus {
        /// It does.
        Alive = "Alive",
        /// It is closed; what there is can still be read for a while (B8.6).
        Closed = "Closed",
    }
}

list! {
    /// How a flex request ended.
    RequestResult {
        /// Well.
        Success = "Success",
        /// With an error id.
        Error = "Error",
    }
}

list! {
    /// What a notice is about (§7 of the behaviour).
    NoticeType {
        /// Whatever sender and receiver agreed on.
        UserCustom = "USER_CUSTOM",
        /// A web address to open.
        UserPushedUrl = "USER_PUSHED_URL",
        /// Somebody is typing, perhaps with a preview.
        UserTypingStarted = "USER_TYPING_STARTED",
        /// Somebody stopped typing.
        UserTypingStopped = "USER_TYPING_STOPPED",
        /// Somebody changed nickname.
        UserUpdateNick = "USER_UPDATE_NICK",
        /// The session is about to be closed for inactivity.
        IdleControlAlert = "IDLE_CONTROL_ALERT",
        /// The session is being closed for inactivity.
        IdleControlClose = "IDLE_CONTROL_CLOSE",
        /// The settings of inactivity control changed.
        IdleControlSet = "IDLE_CONTROL_SET",
        /// A command of the system, named by the notice's text.
        SysCommand = "SYS_COMMAND",
    }
}

list! {
    /// What a gateway node wants with a user's pushes (B10.1, B10.3).
    PushMode {
        /// To receive them.
        Subscribe = "subscribe",
        /// To receive them no longer.
        Unsubscribe = "unsubscribe",
    }
}

list! {
    /// The three protocols a chat server speaks.
    Protocol {
        /// Persistent, for people and bots inside the contact center.
        Basic = "basic",
        /// Request and reply, for the gateways customers come through.
        Flex = "flex",
        /// For workflow engines.
        Esp = "esp",
    }
}

list! {
    /// The entries of an ESP envelope (wire §4.3).
    EnvelopeEntry {
        /// The envelope itself, the one entry of Extensions.
        Envelope = "Envelope3rdServer",
        /// The application, by name.
        AppName = "AppName",
        /// The application, by type.
        AppType = "AppType",
        /// The service.
        Service = "Service",
        /// The method.
        Method = "Method",
        /// The version of the protocol.
        Version = "Version",
        /// Inputs or outputs.
        Parameters = "Parameters",
    }
}
