"""Files over real HTTP: what is sent comes back to the byte, and to nobody else."""

import hashlib
import os
import unittest

import confer
from chat_api import Chat, Web, told

LIMITS = [
    "upload-max-files",
    "upload-max-file-size",
    "upload-max-total-size",
    "download-attempts",
    "used-upload-max-files",
    "used-upload-max-total-size",
    "used-download-attempts",
]


class Files(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = confer.serve("--set", "settings/flex-disconnect-timeout=600")
        cls.addClassCleanup(cls.server.stop)

    def setUp(self):
        self.web = Web(self.server.address("web"))
        self.addCleanup(self.web.close)

    def begins(self, name="Casey"):
        return Chat(self.web, [("nickname", name)])

    def test_the_script_of_the_vendors_client(self):
        chat = self.begins()
        limits = chat.does("file/limits")
        notice = limits["messages"][0]
        self.assertEqual((notice["type"], notice["text"]), ("Notice", "file-client-cfg-get"))
        self.assertNotIn("index", notice)
        for data in (notice["userData"], limits["userData"]):
            for name in LIMITS:
                self.assertTrue(data[name].isdecimal(), f"{name}: {data.get(name)}")
            self.assertIn(data["upload-need-agent"], ("true", "false"))
            self.assertIsInstance(data["delete-file"], str)
            self.assertIsInstance(data["upload-file-types"], str)

        content = os.urandom(1_000_003)
        answer = chat.upload("a cat.png", content, ("userData[file-description]", "my cat"))
        self.assertEqual(answer.status, 200, answer.body)
        file = chat.keep(answer)["userData"]["file-id"]
        everything = chat.refresh(1)
        self.assertIn(("FileUploaded", file), told(everything))
        event = next(one for one in everything["messages"] if one["type"] == "FileUploaded")
        self.assertEqual(event["userData"]["file-name"], "a cat.png")
        self.assertEqual(event["userData"]["file-size"], str(len(content)))
        self.assertEqual(event["userData"]["file-description"], "my cat")
        self.assertNotIn("file-upload-path", event["userData"])

        got = chat.tries(f"file/{file}/download")
        self.assertEqual(got.status, 200)
        self.assertEqual(hashlib.sha256(got.body).digest(), hashlib.sha256(content).digest())
        self.assertTrue(got.headers["content-disposition"].startswith("attachment"))
        self.assertEqual(got.headers["x-content-type-options"], "nosniff")

        used = chat.does("file/limits")["userData"]
        self.assertEqual(used["used-upload-max-files"], "1")
        self.assertEqual(used["used-upload-max-total-size"], str(len(content)))
        self.assertEqual(used["used-download-attempts"], "1")

        chat.does(f"file/{file}/delete")
        everything = chat.refresh(1)
        deleted = next(one for one in everything["messages"] if one["type"] == "FileDeleted")
        self.assertEqual(deleted["from"]["type"], "Client")
        gone = chat.tries(f"file/{file}/download")
        self.assertNotEqual(gone.status, 200)
        self.assertNotEqual(gone.json["statusCode"], 0)

    def test_empty_files_and_odd_names(self):
        chat = self.begins()
        for name, content in [
            ("../../etc/passwd.txt", b""),
            ("Grüße und Küsse.txt", b"x"),
            ("a%22b; filename=c.txt", b"quoted"),
        ]:
            answer = chat.upload(name, content, kind="text/html")
            self.assertEqual(answer.status, 200, answer.body)
            file = chat.keep(answer)["userData"]["file-id"]
            got = chat.tries(f"file/{file}/download")
            self.assertEqual((got.status, got.body), (200, content))
            # Nothing that a browser would run, and no way out of the folder of downloads.
            self.assertNotIn("html", got.headers["content-type"])
            self.assertNotIn("/", got.headers["content-disposition"].split("filename*")[0])

    def test_a_file_too_large_is_refused_before_it_is_read(self):
        chat = self.begins()
        limit = int(chat.does("file/limits")["userData"]["upload-max-file-size"])
        fits = chat.upload("fits.png", b"x" * limit)
        self.assertEqual(fits.status, 200, fits.body)
        large = chat.upload("large.png", b"x" * (limit + 1))
        self.assertEqual(large.status, 413, large.body)
        self.assertEqual(large.json["errors"][0]["code"], 201)
        kind = chat.upload("program.exe", b"x")
        self.assertEqual((kind.status, kind.json["errors"][0]["code"]), (403, 203))

    def test_one_file_too_many(self):
        chat = self.begins()
        allowed = int(chat.does("file/limits")["userData"]["upload-max-files"])
        for number in range(allowed):
            self.assertEqual(chat.upload(f"{number}.png", b"x").status, 200)
        answer = chat.upload("one too many.png", b"x")
        self.assertEqual((answer.status, answer.json["errors"][0]["code"]), (403, 202))


if __name__ == "__main__":
    unittest.main()
