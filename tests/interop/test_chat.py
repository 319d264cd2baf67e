"""A chat from its beginning to its end over real HTTP, as the vendor's own client tests it."""

import json
import subprocess
import unittest

import confer
from chat_api import BASE, SERVICE, Chat, Web, told


class Chats(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = confer.serve("--set", "settings/flex-disconnect-timeout=600")
        cls.addClassCleanup(cls.server.stop)

    def setUp(self):
        self.web = Web(self.server.address("web"))
        self.addCleanup(self.web.close)

    def test_the_script_of_the_vendors_client(self):
        chat = Chat(
            self.web,
            [
                ("nickname", "Casey"),
                ("firstName", "Casey"),
                ("lastName", "Moss"),
                ("subject", "a question"),
                ("emailAddress", "casey@example.com"),
                ("userData[TimeZone]", "-480"),
                ('userData["Product"]', "kettle"),
            ],
        )
        self.assertEqual(told(chat.begun), [("ParticipantJoined", None)])
        self.assertEqual(chat.begun["messages"][0]["index"], 1)
        self.assertFalse(chat.begun["chatEnded"])

        said = chat.send(
            "Grüße, is anybody there? 🙂", ("messageType", "greeting"), ("transcriptPosition", "1")
        )
        first, second = said["messages"]
        self.assertEqual(first["type"], "ParticipantJoined")
        self.assertEqual(
            (second["type"], second["text"], second["messageType"]),
            ("Message", "Grüße, is anybody there? 🙂", "greeting"),
        )
        self.assertEqual(
            second["from"], {"nickname": "Casey", "participantId": 1, "type": "Client"}
        )
        chat.does("updateNickname", ("nickname", "Casey M"))
        chat.does("pushUrl", ("pushUrl", "https://example.com/?a=1&b=2"))
        chat.does("customNotice", ("message", "a notice of our own"))
        chat.does("startTyping")
        chat.does("stopTyping", ("message", "half a wo"))
        chat.send("That was all.")
        everything = chat.refresh(1)
        for line in [
            ("Message", "Grüße, is anybody there? 🙂"),
            ("NicknameUpdated", "Casey M"),
            ("PushUrl", "https://example.com/?a=1&b=2"),
            ("CustomNotice", "a notice of our own"),
            ("Message", "That was all."),
        ]:
            self.assertIn(line, told(everything))
        names = {event["from"]["nickname"] for event in everything["messages"]}
        self.assertEqual(names, {"Casey M"})
        self.assertTrue(chat.does("disconnect")["chatEnded"])

        # A page that was open comes back: it learns that all is over, and cleanly.
        late = chat.tries("refresh", ("transcriptPosition", "1"))
        self.assertEqual((late.status, late.json["statusCode"]), (200, 2))
        self.assertTrue(late.json["chatEnded"])

    def test_positions(self):
        chat = Chat(self.web, [("nickname", "Casey")])
        for text in ["one", "two", "three"]:
            chat.send(text)
        self.assertEqual(chat.refresh(0)["messages"], [])
        self.assertEqual(chat.does("refresh")["messages"], [])
        everything = chat.refresh(1)
        indexes = [event["index"] for event in everything["messages"]]
        self.assertEqual(everything["nextPosition"], indexes[-1] + 1)
        for index, event in zip(indexes, everything["messages"]):
            part = chat.refresh(index)
            self.assertEqual(part["messages"][0], event)
            self.assertEqual([event["index"] for event in part["messages"]], [
                later for later in indexes if later >= index
            ])
        self.assertEqual(chat.refresh(indexes[-1] + 1)["messages"], [])
        self.assertEqual(chat.refresh(2**31 - 1)["messages"], [])

    def test_what_real_clients_send(self):
        # A slash at the end, a text to begin with, empty messages, and parameters nobody knows.
        fields = [("nickname", "Casey"), ("text", "hello"), ("userData[_genesys_source]", "web")]
        answer = self.web.post(f"{BASE}{SERVICE}/", [*fields, ("tenantName", "Environment")])
        self.assertEqual((answer.status, answer.json["statusCode"]), (200, 0))
        chat = Chat(self.web, [("nickname", "Casey")])
        before = chat.refresh(1)
        chat.does("refresh", ("message", ""), ("transcriptPosition", "1"))
        self.assertEqual(told(chat.refresh(1)), told(before))
        chat.does("disconnect", ("message", ""))
        # Request Chat as parts, too.
        parts = [("firstName", "Dana"), ("lastName", "Rowe"), ("userData[a]", "b")]
        answer = self.web.post_parts(BASE + SERVICE, parts)
        self.assertEqual((answer.status, answer.json["statusCode"]), (200, 0))
        self.assertEqual(answer.json["messages"][0]["from"]["nickname"], "Dana Rowe")

    def test_what_is_wrong_is_said(self):
        chat = Chat(self.web, [("nickname", "Casey")])
        for path, fields, status, code in [
            (BASE + SERVICE, [], 400, 161),
            (BASE + SERVICE, [("firstName", "Casey")], 400, 161),
            (BASE + "nowhere", [("nickname", "Casey")], 404, 404),
            (chat.path("send"), chat.identity(), 400, 400),
            (chat.path("sing"), chat.identity(), 404, 404),
            (chat.path("pushUrl"), [*chat.identity(), ("pushUrl", "javascript:x()")], 400, 400),
            (chat.path("send"), [("message", "who am I?")], 400, 400),
        ]:
            with self.subTest(path=path.removeprefix(BASE), fields=len(fields)):
                answer = self.web.post(path, fields)
                reply = answer.json
                self.assertEqual((answer.status, reply["statusCode"]), (status, 2))
                self.assertEqual(reply["errors"][0]["code"], code)
                self.assertFalse(reply["chatEnded"])
        for method in ["GET", "PUT", "DELETE"]:
            answer = self.web.request(method, chat.path("refresh"))
            self.assertEqual(answer.status, 405)
            self.assertIn("POST", answer.headers["allow"])
        answer = self.web.request(
            "POST", chat.path("send"), b"{}", {"Content-Type": "application/json"}
        )
        self.assertEqual(answer.status, 415)

    def test_an_agent_answers(self):
        chat = Chat(self.web, [("nickname", "Casey")])
        chat.send("Hello?")
        host, port = self.server.address("default")
        agent = subprocess.Popen(
            [confer.BINARY, "agent", "--join", chat.id, "--name", "Ana", "--format", "json"]
            + ["--server", f"{host}:{port}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        with agent:
            agent.stdin.write("/expect Hello? 30\nGood morning!\n/expect bye 30\n/close\n")
            agent.stdin.close()
            position, seen = 1, []
            while ("Message", "Good morning!") not in told({"messages": seen}):
                reply = chat.refresh(position)
                seen += reply["messages"]
                position = reply["nextPosition"]
            answers = [event for event in seen if event["from"]["type"] == "Agent"]
            self.assertEqual({event["from"]["nickname"] for event in answers}, {"Ana"})
            chat.send("bye")
            lines = [json.loads(line) for line in agent.stdout]
            self.assertEqual(agent.wait(confer.PATIENCE), 0)
        self.assertIn("bye", [line.get("text") for line in lines])
        ended = chat.tries("refresh", ("transcriptPosition", str(position))).json
        self.assertTrue(ended["chatEnded"])


if __name__ == "__main__":
    unittest.main()
