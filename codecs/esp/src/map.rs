//! The numbers of ESP's messages, and the keys of its envelope.

use confer_core::frame::EnvelopeEntry;

confer_wire::messages! {
    REQUEST_3RD_SERVER = 149 "Request3rdServer",
    EVENT_3RD_SERVER_RESPONSE = 150 "Event3rdServerResponse",
    EVENT_3RD_SERVER_FAULT = 151 "Event3rdServerFault",
}

/// The one entry of Extensions.
pub const ENVELOPE: &str = EnvelopeEntry::Envelope.name();
/// The application, by name.
pub const APP_NAME: &str = EnvelopeEntry::AppName.name();
/// The application, by type.
pub const APP_TYPE: &str = EnvelopeEntry::AppType.name();
/// The service.
pub const SERVICE: &str = EnvelopeEntry::Service.name();
/// The method.
pub const METHOD: &str = EnvelopeEntry::Method.name();
/// The version of the protocol.
pub const VERSION: &str = EnvelopeEntry::Version.name();
/// Inputs or outputs.
pub const PARAMETERS: &str = EnvelopeEntry::Parameters.name();
/// The error's number, in a fault.
pub const FAULT_CODE: &str = "FaultCode";
/// The error in words, in a fault.
pub const FAULT_STRING: &str = "FaultString";
