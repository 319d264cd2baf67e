"""A running server, and the programs beside it, for the tests of this folder."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("CONFER", ROOT / "target" / "debug" / "confer"))

#: Seconds after which a program that says nothing is taken for dead.
PATIENCE = 30


class Ended(Exception):
    """A program ended before it was ready."""


class Program:
    """`confer` with some arguments, which says in one line that it is ready."""

    def __init__(self, *arguments, home=None, log=None):
        self.home = pathlib.Path(home or tempfile.mkdtemp(prefix="confer-interop-"))
        self.owns_home = home is None
        self.log = open(log or self.home / f"{arguments[0]}-{id(self):x}.log", "a+b")
        self.process = subprocess.Popen(
            [BINARY, *arguments], cwd=self.home, stdout=subprocess.PIPE, stderr=self.log, text=True
        )
        line = self.process.stdout.readline()
        if " ready " not in line:
            self.process.wait(PATIENCE)
            raise Ended(f"exit status {self.process.returncode}: {self.words()}")
        self.ports = dict(pair.split("=", 1) for pair in line.split(" ready ")[1].split())

    def words(self):
        """Everything it logged."""
        self.log.seek(0)
        return self.log.read().decode()

    def address(self, port):
        """Host and number of one of its ports."""
        host, number = self.ports[port].rsplit(":", 1)
        return host, int(number)

    def memory(self):
        """What it holds of the machine's memory, in bytes."""
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise Ended("no such process")

    def kill(self):
        """As a crash would end it."""
        self.process.kill()
        self.process.wait(PATIENCE)

    def stop(self):
        """Tells it to end, and returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(PATIENCE)
        self.process.stdout.close()
        self.log.close()
        if self.owns_home:
            shutil.rmtree(self.home)
        return status


def serve(*options, home=None, store=True):
    """A server on free ports, with a store of its own."""
    ports = ["default", "webapi", "ESP", "health", "web"]
    listen = [word for port in ports for word in ("--listen", f"{port}=127.0.0.1:0")]
    kept = ["--store", "sqlite:confer.db"] if store else ["--store", "memory:"]
    return Program("serve", *listen, *kept, "--drain-timeout", "0", *options, home=home)
