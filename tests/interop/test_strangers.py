"""Nobody reaches the chat or the file of another, whatever they combine."""

import itertools
import socket
import unittest

import confer
from chat_api import BASE, SERVICE, Chat, Web

OPERATIONS = [
    ("send", [("message", "it is me")]),
    ("refresh", [("transcriptPosition", "1")]),
    ("startTyping", []),
    ("stopTyping", []),
    ("readReceipt", [("transcriptPosition", "1")]),
    ("disconnect", []),
    ("pushUrl", [("pushUrl", "https://example.com/")]),
    ("updateNickname", [("nickname", "Somebody")]),
    ("customNotice", [("message", "it is me")]),
    ("updateData", [("userData[a]", "b")]),
    ("file/limits", []),
]


class Strangers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = confer.serve("--set", "settings/flex-disconnect-timeout=600")
        cls.addClassCleanup(cls.server.stop)

    def setUp(self):
        self.web = Web(self.server.address("web"))
        self.addCleanup(self.web.close)

    def test_foreign_ids_and_keys(self):
        casey = Chat(self.web, [("nickname", "Casey")])
        casey.send("nobody else may read this")
        file = casey.keep(casey.upload("secret.txt", b"nor this"))["userData"]["file-id"]
        dana = Chat(self.web, [("nickname", "Dana")])
        before = casey.refresh(1)
        files = [(f"file/{file}/download", []), (f"file/{file}/delete", [])]
        chats = [casey.id, dana.id, "0000000000000000", casey.id.lower() + "x"]
        users = [casey.user, dana.user, "0000000000000000", ""]
        keys = [casey.key, dana.key, casey.key[:-1], casey.key.upper() + "0", "", "0" * 64]
        honest = {(casey.id, casey.user, casey.key), (dana.id, dana.user, dana.key)}
        for chat, user, key in itertools.product(chats, users, keys):
            if (chat, user, key) in honest:
                continue
            for operation, fields in [*OPERATIONS, *files]:
                path = f"{BASE}{SERVICE}/{chat}/{operation}"
                who = [("userId", user), ("secureKey", key), ("alias", casey.alias)]
                answer = self.web.post(path, [*who, *fields])
                with self.subTest(operation=operation, chat=chat, user=user, key=len(key)):
                    self.assertNotEqual(answer.json["statusCode"], 0)
                    self.assertNotIn(b"may read", answer.body)
                    self.assertNotIn(b"nor this", answer.body)
        # Honestly in one's own chat, a file of another is as good as none.
        for operation, fields in files:
            answer = dana.tries(operation, *fields)
            self.assertEqual((answer.status, answer.json["statusCode"]), (404, 2))
        self.assertEqual(casey.refresh(1), before)
        self.assertEqual(casey.tries(f"file/{file}/download").body, b"nor this")

    def test_no_secret_in_the_log(self):
        chat = Chat(self.web, [("nickname", "Casey"), ("userData[pin]", "a-private-number")])
        chat.send("words of a customer")
        self.web.post(chat.path("send"), [("userId", chat.user), ("secureKey", chat.key[1:])])
        log = self.server.words()
        for secret in [chat.key, chat.key[1:], "words of a customer", "a-private-number", "Casey"]:
            self.assertNotIn(secret, log)

    def test_a_body_over_the_limit_is_refused_early(self):
        host, port = self.server.address("web")
        with socket.create_connection((host, port), timeout=confer.PATIENCE) as raw:
            head = (
                f"POST {BASE}{SERVICE} HTTP/1.1\r\nHost: {host}\r\n"
                "Content-Type: application/x-www-form-urlencoded\r\n"
                "Content-Length: 1000000000\r\n\r\n"
            )
            raw.sendall(head.encode())
            # Not a byte of the body is sent, and yet there is an answer.
            self.assertIn(b" 413 ", raw.recv(4096).split(b"\r\n")[0])

    def test_garbage(self):
        host, port = self.server.address("web")
        for garbage in [
            b"\r\n\r\n\r\n\r\n",
            b"\x00\x00\x00\x10" + bytes(range(256)),
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xff" * 500,
            b"GET / HTTP/9.9\r\n\r\n",
            b"POST /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n",
            b"POST / HTTP/1.1\r\n" + b"a: b\r\n" * 10_000 + b"\r\n",
        ]:
            with self.subTest(garbage=garbage[:30]):
                with socket.create_connection((host, port), timeout=confer.PATIENCE) as raw:
                    try:
                        raw.sendall(garbage)
                        raw.shutdown(socket.SHUT_WR)
                        while raw.recv(65536):
                            pass
                    except ConnectionError:
                        pass
        self.assertEqual(Chat(self.web, [("nickname", "Casey")]).begun["statusCode"], 0)


if __name__ == "__main__":
    unittest.main()
