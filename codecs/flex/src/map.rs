//! The numbers of the flex protocol's messages.

confer_wire::messages! {
    REQUEST_LOGIN = 1 "RequestLogin",
    REQUEST_JOIN = 2 "RequestJoin",
    REQUEST_REFRESH = 3 "RequestRefresh",
    REQUEST_LOGOUT = 4 "RequestLogout",
    REQUEST_NOTIFY = 5 "RequestNotify",
    REQUEST_NODE = 6 "RequestNode",
    REQUEST_PUSH = 7 "RequestPush",
    REQUEST_ALIVE = 8 "RequestAlive",
    EVENT_STATUS = 101 "EventStatus",
    EVENT_PUSH = 102 "EventPush",
    EVENT_PUSH_QUERY = 103 "EventPushQuery",
}
