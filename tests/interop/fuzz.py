"""Lets schemathesis make up requests from /openapi.json: no HTTP 5xx, no hang, no growth.

Usage: fuzz.py [SECONDS [SEED]], by default 20 s and any seed. schemathesis is found beside this Python.
"""

import pathlib
import random
import subprocess
import sys
import time

import confer
from chat_api import Chat, Web

#: What a server may hold more after all of it than before, in bytes.
GROWTH = 64 << 20

# What a server of this API promises beyond the schema, and what not: any method but POST is refused,
# a wrong body gets a reply that says so, and every reply is as the schema has it.
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "unsupported_method",
]


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    # Chats are made by the thousand, and nobody comes back to them.
    server = confer.serve("--set", "settings/flex-disconnect-timeout=10")
    try:
        web = Web(server.address("web"))
        Chat(web, [("nickname", "Casey")])
        before = server.memory()
        host, port = server.address("web")
        tool = pathlib.Path(sys.executable).with_name("schemathesis")
        begin = time.monotonic()
        seed = sys.argv[2] if len(sys.argv) > 2 else str(random.getrandbits(32))
        command = [tool, "run", f"http://{host}:{port}/openapi.json", "--no-color"]
        command += ["--checks", ",".join(CHECKS), "--request-timeout", "10", "--seed", seed]
        command += ["--max-time", str(seconds), "--phases", "examples,coverage,fuzzing"]
        # Fuzzing gets what time the other phases leave; one that never ends is a finding, too.
        status = subprocess.run(command, cwd=server.home, timeout=10 * seconds + 600).returncode
        if status != 0:
            sys.exit(f"fuzz: schemathesis found something; its seed was {seed}")
        # And the server is as well as before.
        chat = Chat(web, [("nickname", "Dana")])
        chat.send("still there?")
        grown = server.memory() - before
        print(f"fuzz: {time.monotonic() - begin:.0f} s, memory grew by {grown >> 20} MiB")
        if grown > GROWTH:
            sys.exit(f"fuzz: more than {GROWTH >> 20} MiB")
    finally:
        if (status := server.stop()) != 0:
            sys.exit(f"fuzz: the server ended with {status}")


if __name__ == "__main__":
    main()
