//! The options that are one of a few words, as enumerations.

use alloc::string::{String, ToString as _};

use super::kind::Kind;
use super::value::{Choice, Value};

macro_rules! choices {
    (
        $(#[$doc:meta])*
        $name:ident {
            $($(#[$variant_doc:meta])* $variant:ident = $written:literal $(or $legacy:literal)?,)+
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant),+
        }

        impl $name {
            /// Every value, in the documented order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            pub(crate) const NAMES: &'static [&'static str] = &[$($written),+];

            /// The word as it stands in the configuration.
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

        impl Choice for $name {
            const ALL: &'static [Self] = Self::ALL;

            fn named(name: &str) -> Option<Self> {
                match name {
                    $($written $(| $legacy)? => Some(Self::$variant),)+
                    _ => None,
                }
            }

            fn name(self) -> &'static str {
                self.name()
            }
        }

        impl Value for $name {
            fn parse(text: &str, _: &Kind) -> Option<Self> {
                Self::named(text)
            }

            fn fits(&self, _: &Kind) -> bool {
                true
            }

            fn text(&self, _: &Kind) -> Option<String> {
                Some(self.to_string())
            }
        }
    };
}

choices! {
    /// Which notices count as activity (B11.4, B12.2).
    IncludeNotices {
        /// None.
        None = "none",
        /// A pushed URL, an uploaded file, a deleted file.
        Major = "major",
        /// Those and custom notices.
        Major2 = "major2",
        /// The major ones and the beginning of typing.
        Typing = "typing",
        /// All, the end of typing and a change of nickname too.
        All = "all",
    }
}

choices! {
    /// What becomes of the interaction of a session that closes (B8.6).
    StopAbandoned {
        /// It goes on.
        Never = "never" or "false",
        /// It is stopped if no agent ever joined; bots are no agents.
        NoAnswer = "noanswer" or "true",
        /// It is stopped if no agent or supervisor is in the session at the close.
        NoAgents = "noagents",
        /// It is stopped.
        Always = "always",
    }
}

choices! {
    /// Whether sessions held elsewhere are restored on request (B20.1, B20.2).
    RestorationMode {
        /// They are not.
        None = "none",
        /// They are, if every event is saved.
        Simple = "simple",
    }
}

choices! {
    /// Who besides a flex customer may cause a restoration (B20.2).
    RestoreBy {
        /// Nobody.
        None = "none",
        /// An agent.
        Agent = "agent",
        /// The workflow.
        Esp = "esp",
        /// Both.
        Both = "both",
    }
}

choices! {
    /// When a transcript is saved (B20.1, B20.6).
    AutoSave {
        /// At the close only.
        AtClose = "0",
        /// Every event before it is answered or delivered.
        EveryEvent = "1",
        /// Likewise, and basic clients hear when saving fails and works again.
        EveryEventAndTell = "2",
    }
}

choices! {
    /// What happens when an intermediate save fails for good (B20.6).
    SaveOnError {
        /// The session closes.
        Close = "close",
        /// The session goes on unsaved.
        Continue = "continue",
    }
}

choices! {
    /// Which notices are stored (B5.4).
    SaveNotices {
        /// Those about files.
        None = "none",
        /// All but typing and `read-confirm`.
        Major = "major",
        /// All.
        All = "all",
    }
}

choices! {
    /// Which statistics are attached at the close (§21).
    AttachStatistics {
        /// The four that always are (B21.7).
        None = "none",
        /// Those that are not zero.
        Fired = "fired",
        /// All.
        All = "all",
    }
}

choices! {
    /// A moment of an async session that causes an intermediate update of statistics (B21.5).
    StatisticsMoment {
        /// None; means nothing beside others.
        None = "none",
        /// The session is put on hold.
        Hold = "hold",
        /// The idle alert.
        Alert = "alert",
        /// An agent joins.
        Join = "join",
        /// An agent leaves.
        Leave = "leave",
    }
}

choices! {
    /// Where an intermediate update of statistics is written (B21.5).
    StatisticsPlace {
        /// Nowhere.
        None = "none",
        /// Into the user data of the interaction.
        UserData = "userdata",
    }
}

choices! {
    /// An identifier that a push may carry (B10.4).
    PushIdentifier {
        /// The number of this instance.
        AppDbid = "app-dbid",
        /// The customer's secure key, if the customer has presented it to this instance.
        SecureKey = "secure-key",
        /// The session.
        SessionId = "session-id",
        /// The customer's user id.
        UserId = "user-id",
    }
}

choices! {
    /// What customers may do with their files (B22.3).
    DeleteFile {
        /// Delete nothing.
        None = "none",
        /// Delete; the used count stays.
        Odd = "odd",
        /// Delete; the used count is freed.
        Even = "even",
    }
}
