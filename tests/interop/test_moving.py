"""A chat server dies behind a gateway of its own process: customers see a pause, and lose nothing."""

import os
import pathlib
import random
import shutil
import tempfile
import threading
import time
import unittest

import confer
from chat_api import Chat, Web

CHATS = int(os.environ.get("INTEROP_CHATS", "20"))
ROUNDS = int(os.environ.get("INTEROP_ROUNDS", "2"))
SECRETS = ["--set", "settings/flex-disconnect-timeout=600"]


class Page(threading.Thread):
    """A page that says something, polls, and goes on whatever happens."""

    def __init__(self, address, number):
        super().__init__(daemon=True)
        self.web = Web(address, timeout=60)
        self.chat = Chat(self.web, [("nickname", f"Customer {number}")])
        self.number = number
        self.acknowledged, self.doubtful, self.aliases = [], [], {self.chat.alias}
        self.over = threading.Event()
        self.moves = 0
        self.trouble = None

    def run(self):
        try:
            count = 0
            while not self.over.is_set():
                count += 1
                self.says(f"{self.number}: {count}")
                self.patiently("refresh", ("transcriptPosition", str(self.chat.position)))
        except Exception as trouble:  # noqa: BLE001 - it is raised by whoever waits for this thread
            self.trouble = trouble

    def says(self, text):
        reply = self.patiently("send", ("message", text), ("requestKey", text.replace(": ", "-")))
        (self.acknowledged if reply["statusCode"] == 0 else self.doubtful).append(text)

    def patiently(self, operation, *fields):
        """Makes the same request again for as long as the answer says that this may help."""
        until = time.monotonic() + 90
        while True:
            answer = self.chat.tries(operation, *fields)
            reply = answer.json
            if reply["statusCode"] == 0:
                if reply["alias"] not in self.aliases or reply["userId"] != self.chat.user:
                    self.moves += 1
                self.aliases.add(reply["alias"])
                return self.chat.keep(answer)
            if reply["chatEnded"] or time.monotonic() > until:
                raise AssertionError(f"{operation} of {self.number}: {reply}")
            if reply["statusCode"] == 2:
                return reply
            time.sleep(0.2)

    def transcript(self):
        """What the customer is told of everything that was said."""
        seen, position = [], 1
        while True:
            reply = self.patiently("refresh", ("transcriptPosition", str(position)))
            if not reply["messages"]:
                return seen
            seen += [event["text"] for event in reply["messages"] if event["type"] == "Message"]
            position = reply["nextPosition"]


class Moving(unittest.TestCase):
    def start(self, port=None):
        """A chat server on the common store, perhaps on the port of one that died."""
        ports = {"webapi": port or "127.0.0.1:0", "default": "127.0.0.1:0"}
        listen = [f"{name}={address}" for name, address in ports.items()]
        listen += ["health=off", "ESP=off", "web=off"]
        words = [word for address in listen for word in ("--listen", address)]
        store = ["--store", "sqlite:confer.db"]
        server = confer.Program("serve", *words, *store, *SECRETS, home=self.home)
        self.addCleanup(server.stop)
        return server

    def setUp(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="confer-interop-"))
        self.addCleanup(shutil.rmtree, self.home)
        self.servers = [self.start(), self.start()]
        addresses = ",".join(server.ports["webapi"] for server in self.servers)
        self.gateway = confer.Program(
            "gateway", "--chat-server", addresses, "--listen", "web=127.0.0.1:0",
            "--store", "sqlite:confer.db", home=self.home,
        )
        self.addCleanup(self.gateway.stop)

    def test_nobody_loses_what_was_acknowledged(self):
        chance = random.Random(os.environ.get("INTEROP_SEED", "1"))
        pages = [Page(self.gateway.address("web"), number) for number in range(CHATS)]
        for page in pages:
            page.start()
        for _ in range(ROUNDS):
            time.sleep(chance.uniform(0.2, 1.0))
            victim = chance.randrange(2)
            before = [len(page.acknowledged) for page in pages]
            self.servers[victim].kill()
            # Everybody goes on, with the other server, before the dead one comes back.
            until = time.monotonic() + 120
            while any(len(page.acknowledged) < had + 2 for page, had in zip(pages, before)):
                self.assertLess(time.monotonic(), until, "somebody does not get on")
                self.assertEqual([page.trouble for page in pages if page.trouble], [])
                time.sleep(0.1)
            address = self.servers[victim].ports["webapi"]
            self.servers[victim] = self.start(address)
        for page in pages:
            page.over.set()
        for page in pages:
            page.join(120)
            self.assertFalse(page.is_alive())
            self.assertIsNone(page.trouble)
        lost = twice = 0
        for page in pages:
            texts = page.transcript()
            lost += sum(texts.count(text) == 0 for text in page.acknowledged)
            twice += sum(texts.count(text) > 1 for text in page.acknowledged + page.doubtful)
            spoken = [text for text in texts if text in set(page.acknowledged)]
            self.assertEqual(spoken, page.acknowledged, "in the order in which they were said")
            page.web.close()
        said = sum(len(page.acknowledged) for page in pages)
        moved = sum(page.moves > 0 for page in pages)
        print(f"{CHATS} chats, {ROUNDS} servers killed: {said} messages acknowledged, "
              f"{moved} chats moved, {lost} lost, {twice} twice")
        self.assertEqual((lost, twice), (0, 0))
        self.assertGreater(moved, 0, "nobody had to move: nothing was tested")


class WithoutStore(unittest.TestCase):
    def test_files_need_a_store(self):
        server = confer.serve()
        self.addCleanup(server.stop)
        gateway = confer.Program(
            "gateway", "--chat-server", server.ports["webapi"], "--listen", "web=127.0.0.1:0"
        )
        self.addCleanup(gateway.stop)
        web = Web(gateway.address("web"))
        self.addCleanup(web.close)
        chat = Chat(web, [("nickname", "Casey")])
        limits = chat.does("file/limits")["userData"]
        for name in ["upload-max-files", "upload-max-file-size", "upload-max-total-size"]:
            self.assertEqual(limits[name], "0")
        answer = chat.upload("a cat.png", b"x")
        self.assertNotEqual(answer.json["statusCode"], 0)
        self.assertIn(answer.status, (403, 413))
        chat.send("and yet we talk")


if __name__ == "__main__":
    unittest.main()
