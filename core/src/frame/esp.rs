//! ESP: calls of the workflow (wire §4.3).

use super::KvList;
use crate::text::Str;

/// What a workflow asks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Request {
    /// A call.
    Request3rdServer(Request3rdServer),
}

/// What the server tells.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Event {
    /// The call's result.
    Event3rdServerResponse(Envelope),
    /// The call's refusal.
    Event3rdServerFault(Envelope),
}

/// A call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Request3rdServer {
    /// What is called, with which inputs.
    pub envelope: Envelope,
    /// The interaction's context, `InteractionId` among it.
    pub user_data: Option<KvList>,
}

/// What is called, and with what; a response repeats it round the outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Envelope {
    /// The application, by name.
    pub app_name: Option<Str>,
    /// The application, by type (`ChatServer`).
    pub app_type: Option<Str>,
    /// The service (`Chat`).
    pub service: Str,
    /// The method (§14 of the behaviour).
    pub method: Str,
    /// The version of the protocol (`1.0`).
    pub version: Str,
    /// Inputs or outputs. A fault has `FaultCode` and `FaultString`.
    pub parameters: KvList,
}

impl Envelope {
    /// The only version there is.
    pub const VERSION: &'static str = "1.0";

    /// A call that could not be read, and so has no name to repeat, round these parameters.
    pub fn nameless(parameters: KvList) -> Self {
        Self {
            app_name: None,
            app_type: None,
            service: Str::default(),
            method: Str::default(),
            version: Str::new(Self::VERSION),
            parameters,
        }
    }

    /// The same call round other parameters: a response, or a fault.
    #[must_use]
    pub fn answer(&self, parameters: KvList) -> Self {
        Self { parameters, ..self.clone() }
    }
}
