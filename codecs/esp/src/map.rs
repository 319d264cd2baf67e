//! The numbers of ESP's messages, and the keys of its envelope.

use confer_core::frame::EnvelopeEntry;

confer_wire::messages! {
    REQUEST_3RD_SERVER = 149 "Request3rdServer",
    EVENT_3RD_SERVER_RESPONSE = 150 "Event3rdServerResponse",
    EVENT_3RD_SERVER_FAULT = 151 "Event3rdServerFault",
}

/// The one entry of Extensions.
pub const ENVELOPE: EnvelopeEntry = EnvelopeEntry::Envelope;
/// The application, by name.
pub const APP_NAME: EnvelopeEntry = EnvelopeEntry::AppName;
/// The application, by type.
pub const APP_TYPE: EnvelopeEntry = EnvelopeEntry::AppType;
/// The service.
pub const SERVICE: EnvelopeEntry = EnvelopeEntry::Service;
/// The method.
pub const METHOD: EnvelopeEntry = EnvelopeEntry::Method;
/// The version of the protocol.
pub const VERSION: EnvelopeEntry = EnvelopeEntry::Version;
/// Inputs or outputs.
pub const PARAMETERS: EnvelopeEntry = EnvelopeEntry::Parameters;
/// The error's number, in a fault.
pub const FAULT_CODE: &str = "FaultCode";
/// The error in words, in a fault.
pub const FAULT_STRING: &str = "FaultString";
