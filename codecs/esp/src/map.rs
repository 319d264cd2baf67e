//! The numbers of ESP's messages, and the keys of its envelope.

confer_wire::messages! {
    REQUEST_3RD_SERVER = 149 "Request3rdServer",
    EVENT_3RD_SERVER_RESPONSE = 150 "Event3rdServerResponse",
    EVENT_3RD_SERVER_FAULT = 151 "Event3rdServerFault",
}

/// The one entry of Extensions.
pub const ENVELOPE: &str = "Envelope3rdServer";
/// The application, by name.
pub const APP_NAME: &str = "AppName";
/// The application, by type.
pub const APP_TYPE: &str = "AppType";
/// The service.
pub const SERVICE: &str = "Service";
/// The method.
pub const METHOD: &str = "Method";
/// The version of the protocol.
pub const VERSION: &str = "Version";
/// Inputs or outputs.
pub const PARAMETERS: &str = "Parameters";
/// The error's number, in a fault.
pub const FAULT_CODE: &str = "FaultCode";
/// The error in words, in a fault.
pub const FAULT_STRING: &str = "FaultString";
