"""A client of the Chat API, written from the vendor's description and from nothing of the server's.

It is as strict as the strictest client there is: a reply that lacks a field, or has a value of
another type than promised, or an event of a kind that nobody knows, is an error.
"""

import dataclasses
import http.client
import json
import urllib.parse
import uuid

BASE = "/genesys/2/chat/"
SERVICE = "customer-support"
FORM = "application/x-www-form-urlencoded"
EVENTS = {
    "ParticipantJoined",
    "ParticipantLeft",
    "Message",
    "TypingStarted",
    "TypingStopped",
    "NicknameUpdated",
    "PushUrl",
    "FileUploaded",
    "FileDeleted",
    "CustomNotice",
    "Notice",
    "IdleAlert",
    "IdleClose",
}
PARTIES = {"Client", "Agent", "Supervisor", "External", "System"}


class Broken(AssertionError):
    """A reply that a strict client cannot read."""


def need(condition, what, reply):
    if not condition:
        raise Broken(f"{what}: {json.dumps(reply, ensure_ascii=False)[:2000]}")


def is_int(value):
    return isinstance(value, int) and not isinstance(value, bool)


def check_texts(value, what, reply):
    need(isinstance(value, dict), what, reply)
    for text in value.values():
        need(isinstance(text, str), f"{what} holds only texts", reply)


def check_event(event, reply):
    need(event.get("type") in EVENTS, "a known type", reply)
    origin = event.get("from")
    need(isinstance(origin, dict), "from", reply)
    need(isinstance(origin.get("nickname"), str), "from.nickname", reply)
    need(is_int(origin.get("participantId")), "from.participantId", reply)
    need(origin.get("type") in PARTIES, "from.type", reply)
    need(is_int(event.get("utcTime")), "utcTime", reply)
    if "index" in event:
        need(is_int(event["index"]) and event["index"] > 0, "index", reply)
    for name in ("text", "messageType"):
        need(isinstance(event.get(name, ""), str), name, reply)
    if "userData" in event:
        check_texts(event["userData"], "an event's userData", reply)


def check_reply(reply):
    """Fails unless the strictest client can read this."""
    need(isinstance(reply, dict), "an object", reply)
    need(reply.get("statusCode") in (0, 1, 2), "statusCode", reply)
    for name in ("chatId", "userId", "secureKey", "alias"):
        need(isinstance(reply.get(name), str), name, reply)
    need(is_int(reply.get("nextPosition")), "nextPosition", reply)
    for name in ("chatEnded", "monitored"):
        need(isinstance(reply.get(name), bool), name, reply)
    need(isinstance(reply.get("messages"), list), "messages", reply)
    if "userData" in reply:
        check_texts(reply["userData"], "userData", reply)
    indexes = []
    for event in reply["messages"]:
        check_event(event, reply)
        if "index" in event:
            indexes.append(event["index"])
    need(indexes == sorted(set(indexes)), "indexes grow", reply)
    if reply["statusCode"] == 0:
        need("errors" not in reply, "no errors where all is well", reply)
    else:
        errors = reply.get("errors")
        need(isinstance(errors, list) and errors, "errors", reply)
        for error in errors:
            need(is_int(error.get("code")), "errors.code", reply)
            need(isinstance(error.get("message"), str), "errors.message", reply)
            need(isinstance(error.get("advice"), str), "errors.advice", reply)
    return reply


@dataclasses.dataclass
class Answer:
    """What came back over HTTP."""

    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        return check_reply(json.loads(self.body))


class Web:
    """One connection to a web port, kept alive, made again if it was closed."""

    def __init__(self, address, timeout=30):
        self.address = address
        self.timeout = timeout
        self.connection = None

    def request(self, method, path, body=b"", headers=None):
        for attempt in (1, 2):
            fresh = self.connection is None
            if fresh:
                self.connection = http.client.HTTPConnection(*self.address, timeout=self.timeout)
            try:
                self.connection.request(method, path, body, headers or {})
                answer = self.connection.getresponse()
                read = answer.read()
                told = {name.lower(): value for name, value in answer.getheaders()}
                if answer.will_close:
                    self.close()
                return Answer(answer.status, told, read)
            except (ConnectionError, http.client.RemoteDisconnected):
                self.close()
                # One that was kept may have been closed meanwhile; that is everybody's right.
                if fresh or attempt == 2:
                    raise

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def post(self, path, fields, headers=None):
        body = urllib.parse.urlencode(fields).encode()
        return self.request("POST", path, body, {"Content-Type": FORM, **(headers or {})})

    def post_parts(self, path, fields, files=(), headers=None):
        body, kind = multipart(fields, files)
        return self.request("POST", path, body, {"Content-Type": kind, **(headers or {})})


def multipart(fields, files=()):
    """A body of parts, and its type. Files are (name of the part, file name, type, bytes)."""
    boundary = uuid.uuid4().hex
    parts = []
    for name, value in fields:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
        parts += [head.encode(), value.encode(), b"\r\n"]
    for name, file_name, kind, content in files:
        head = (
            f"--{boundary}\r\nContent-Disposition: form-data; "
            f'name="{name}"; filename="{file_name}"\r\nContent-Type: {kind}\r\n\r\n'
        )
        parts += [head.encode(), content, b"\r\n"]
    parts.append(f"--{boundary}--\r\n".encode())
    return b"".join(parts), f"multipart/form-data; boundary={boundary}"


class Chat:
    """One customer in one chat: keeps what the newest answer said, as the description asks for."""

    def __init__(self, web, fields, service=SERVICE, headers=None):
        self.web, self.service, self.headers = web, service, headers
        self.begun = self.keep(web.post(BASE + service, fields, headers))

    def keep(self, answer):
        reply = answer.json
        if answer.status != 200 or reply["statusCode"] != 0:
            raise AssertionError(f"HTTP {answer.status}: {reply}")
        self.id, self.user, self.key = reply["chatId"], reply["userId"], reply["secureKey"]
        self.alias, self.position = reply["alias"], reply["nextPosition"]
        return reply

    def identity(self):
        return [("userId", self.user), ("secureKey", self.key), ("alias", self.alias)]

    def path(self, operation):
        return f"{BASE}{self.service}/{self.id}/{operation}"

    def tries(self, operation, *fields):
        """An operation whose answer may be anything."""
        fields = [*self.identity(), *fields]
        return self.web.post(self.path(operation), fields, self.headers)

    def does(self, operation, *fields):
        """An operation that must succeed."""
        return self.keep(self.tries(operation, *fields))

    def send(self, text, *fields):
        return self.does("send", ("message", text), *fields)

    def refresh(self, position):
        return self.does("refresh", ("transcriptPosition", str(position)))

    def upload(self, name, content, *fields, kind="application/octet-stream"):
        fields = [*self.identity(), *fields]
        files = [("file", name, kind, content)]
        return self.web.post_parts(self.path("file"), fields, files, self.headers)


def told(reply):
    """The events of a reply as pairs of type and text."""
    return [(event["type"], event.get("text")) for event in reply["messages"]]
