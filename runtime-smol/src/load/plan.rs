//! What a run is to do.

use std::fmt;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use confer_core::limits::Limits;
use confer_core::pii::Secret;

use super::words;

/// Sessions at most, dormant ones included: a reference has room for so many.
pub const MAX_SESSIONS: u32 = (1 << 24) - 2;

/// How long a text may be, in characters: it has to say whose it is.
pub const TEXT_LENGTHS: RangeInclusive<u32> = words::HEAD..=65_535;

/// How long the vendor's sessions take.
pub const GUIDE_LENGTH: Duration = Duration::from_secs(35);

/// What a run is to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What everybody does.
    pub scenario: Scenario,
    /// How customers come.
    pub customers: Customers,
    /// Active sessions at a time.
    pub sessions: u32,
    /// Where port `default` is, or the relay.
    pub default: SocketAddr,
    /// Where port `webapi` is.
    pub webapi: SocketAddr,
    /// Where port `web` is.
    pub web: SocketAddr,
    /// The service customers ask for on port `web`.
    pub service: String,
    /// Shown on every connection.
    pub access_token: Option<Secret>,
    /// Sessions over one connection of an agent.
    pub per_agent: u32,
    /// Customers over one connection of a gateway.
    pub per_gateway: u32,
    /// Characters in a message.
    pub text_length: u32,
    /// What is not measured, once everybody is there.
    pub warm_up: Duration,
    /// What is measured.
    pub measure: Duration,
    /// How long an answer or a message may take; beyond, it is an error.
    pub patience: Duration,
    /// What chance there is follows from this.
    pub seed: u64,
    /// The server's process, whose CPU time is reported.
    pub server_pid: Option<u32>,
}

/// What everybody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// In every session the two speak in turn, as soon as the other was heard.
    Closed {
        /// So many messages a second over all sessions, instead of as many as possible.
        rate: Option<u32>,
    },
    /// The vendor's: sessions of 35 s with three messages of each side.
    Guide {
        /// How long a session takes, where not [`GUIDE_LENGTH`].
        length: Duration,
        /// How often a customer asks for news; `None`: news are pushed.
        poll: Option<Duration>,
        /// Dormant sessions for each active one.
        dormant: u32,
    },
}

/// How customers come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Customers {
    /// On port `webapi`, through gateways.
    Flex,
    /// On port `default`, each over a connection of their own.
    Basic,
    /// On port `web`, with the web API, each over a connection of their own.
    Web,
    /// The other end is no server but a relay, which passes frames of the sizes of basic from each
    /// connection to the one accepted before or after it.
    Relayed,
}

impl Customers {
    /// Whether they hear of others only by asking, or by pushes.
    pub(super) const fn poll(self) -> bool {
        match self {
            Self::Flex | Self::Web => true,
            Self::Basic | Self::Relayed => false,
        }
    }
}

/// Why a plan cannot be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanError {
    /// No session, or too many.
    Sessions(u64),
    /// More gateways that take pushes than a server knows.
    Nodes(u64),
    /// More sessions over one agent's connection than a server takes by default.
    PerAgent(u32),
    /// A text that is too short or too long.
    TextLength(u32),
    /// An interval or a rate of nothing.
    Nothing(&'static str),
    /// The scenario is made for customers who poll or are pushed to.
    NeedsPolls,
    /// Nobody is pushed to over HTTP, and nobody is told there that a session is dormant.
    NoPushes,
    /// Fewer servers than one that dies and one that lives, or too many.
    Servers(usize),
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sessions(sessions) => {
                write!(f, "{sessions} sessions, dormant ones included, are not 1 to {MAX_SESSIONS}")
            }
            Self::Nodes(nodes) => write!(
                f,
                "{nodes} gateways would take pushes, and a server knows {} at most: let more \
                 customers share one (--per-gateway)",
                Limits::MAX_NODES
            ),
            Self::PerAgent(sessions) => write!(
                f,
                "{sessions} sessions of one agent are not 1 to {}",
                Limits::default().max_sessions_per_connection
            ),
            Self::TextLength(length) => write!(
                f,
                "a text of {length} characters is not one of {} to {}",
                TEXT_LENGTHS.start(),
                TEXT_LENGTHS.end()
            ),
            Self::Nothing(what) => write!(f, "{what} cannot be 0"),
            Self::NeedsPolls => f.write_str("the guide's customers come on flex or web"),
            Self::NoPushes => {
                f.write_str("customers on web poll: there are no pushes and no dormant sessions")
            }
            Self::Servers(servers) => {
                write!(f, "{servers} servers are not 2 to {}", super::failover::MAX_SERVERS)
            }
        }
    }
}

impl std::error::Error for PlanError {}

impl Plan {
    /// Whether it can be run at all.
    pub(super) fn check(&self) -> Result<(), PlanError> {
        let all = u64::from(self.sessions) + self.dormant();
        if self.sessions == 0 || all > MAX_SESSIONS.into() {
            return Err(PlanError::Sessions(all));
        }
        let nodes = self.gateways();
        if self.has_nodes() && nodes > Limits::MAX_NODES as u64 {
            return Err(PlanError::Nodes(nodes));
        }
        let most = Limits::default().max_sessions_per_connection;
        if self.per_agent == 0 || self.per_agent > most {
            return Err(PlanError::PerAgent(self.per_agent));
        }
        if !TEXT_LENGTHS.contains(&self.text_length) {
            return Err(PlanError::TextLength(self.text_length));
        }
        if self.per_gateway == 0 {
            return Err(PlanError::Nothing("the number of customers of a gateway"));
        }
        if self.measure.is_zero() {
            return Err(PlanError::Nothing("the time to measure"));
        }
        match self.scenario {
            Scenario::Closed { rate: Some(0) } => Err(PlanError::Nothing("the rate")),
            Scenario::Guide { poll: Some(Duration::ZERO), .. } => {
                Err(PlanError::Nothing("the time between polls"))
            }
            Scenario::Guide { length: Duration::ZERO, .. } => {
                Err(PlanError::Nothing("the length of a session"))
            }
            Scenario::Guide { .. } if !self.customers.poll() => Err(PlanError::NeedsPolls),
            Scenario::Guide { .. } if self.has_nodes() && self.customers == Customers::Web => {
                Err(PlanError::NoPushes)
            }
            Scenario::Closed { .. } | Scenario::Guide { .. } => Ok(()),
        }
    }

    /// Dormant sessions.
    pub(super) fn dormant(&self) -> u64 {
        match self.scenario {
            Scenario::Guide { dormant, .. } => u64::from(self.sessions) * u64::from(dormant),
            Scenario::Closed { .. } => 0,
        }
    }

    /// Whether gateways take pushes.
    pub(super) fn has_nodes(&self) -> bool {
        match self.scenario {
            Scenario::Guide { poll, dormant, .. } => poll.is_none() || dormant > 0,
            Scenario::Closed { .. } => false,
        }
    }

    /// Whether messages are said at a rate.
    pub(super) const fn has_rate(&self) -> bool {
        matches!(self.scenario, Scenario::Closed { rate: Some(_) })
    }

    /// Connections of agents.
    pub(super) fn agents(&self) -> u64 {
        match self.customers {
            Customers::Flex | Customers::Basic | Customers::Web => {
                u64::from(self.sessions).div_ceil(self.per_agent.into())
            }
            Customers::Relayed => self.sessions.into(),
        }
    }

    /// Connections of gateways.
    pub(super) fn gateways(&self) -> u64 {
        match self.customers {
            Customers::Flex => u64::from(self.sessions).div_ceil(self.per_gateway.into()),
            Customers::Basic | Customers::Web | Customers::Relayed => 0,
        }
    }

    /// All connections.
    pub(super) fn connections(&self) -> u64 {
        let customers = match self.customers {
            Customers::Flex => self.gateways(),
            Customers::Basic | Customers::Web | Customers::Relayed => self.sessions.into(),
        };
        self.agents() + customers
    }

    /// What the people of a scenario share unless somebody says otherwise: sessions of an agent and
    /// customers of a gateway.
    pub const fn sharing(scenario: Scenario) -> (u32, u32) {
        match scenario {
            Scenario::Closed { .. } => (1, 1),
            Scenario::Guide { .. } => (10, 250),
        }
    }
}
