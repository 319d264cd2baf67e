//! The numbers of the basic protocol's messages.

confer_wire::messages! {
    REQUEST_REGISTER = 1 "RequestRegister",
    REQUEST_UNREGISTER = 2 "RequestUnregister",
    REQUEST_JOIN = 3 "RequestJoin",
    REQUEST_MESSAGE = 4 "RequestMessage",
    REQUEST_NOTIFY = 5 "RequestNotify",
    REQUEST_RELEASE_PARTY = 6 "RequestReleaseParty",
    EVENT_REGISTERED = 101 "EventRegistered",
    EVENT_UNREGISTERED = 102 "EventUnregistered",
    EVENT_SESSION_INFO = 103 "EventSessionInfo",
    EVENT_ERROR = 104 "EventError",
}
