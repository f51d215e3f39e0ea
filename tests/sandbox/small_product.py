"""A product of a few lines, for tests of the launcher: it answers, waits and forks.

    python -m tests.sandbox.small_product PIDS db upgrade|connect …|web|work QUEUE|clock

What lasts writes its pid to the file PIDS; the clock adds the pid of the queue's server.
"""

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NoReturn

import httpx
import redis

from jobs.engine import parent_pipe


class Handler(BaseHTTPRequestHandler):
    """Says yes to everything, and to a command what it was."""

    def do_GET(self) -> None:
        """Healthy, and connected."""
        self._answer("text/plain", b"fine")

    def do_POST(self) -> None:
        """A command of Slack."""
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        self._answer("application/json", json.dumps({"text": f"heard {body}"}).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is given
        """Keep quiet."""

    def _answer(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main(pids: Path, word: str, *more: str) -> None:
    """Do what the words say."""
    parent_pipe.hold()
    if word == "connect":
        say("This company's reminders are no worry. Confirmed as off by nobody.")
        print(f"Open {os.environ['PUBLIC_URL']}/quickbooks/connect?state=1")
    elif word == "web":
        note(pids, os.getpid())
        ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
    elif word == "clock":
        with redis.Redis.from_url(os.environ["REDIS_URL"]) as queue:
            note(pids, queue.info("server")["process_id"])
        wait(pids)
    elif word == "work":
        if os.fork() == 0:  # a job, as a worker forks it: in a group of its own, deaf to Ctrl-C
            os.setpgid(0, 0)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        wait(pids)


def say(words: str) -> None:
    """In the finance channel."""
    httpx.post(
        f"{os.environ['SLACK_API_URL']}/chat.postMessage",
        json={"channel": os.environ["SLACK_CHANNEL"], "text": words},
        headers={"authorization": f"Bearer {os.environ['SLACK_BOT_TOKEN']}"},
        trust_env=False,
    ).raise_for_status()


def wait(pids: Path) -> NoReturn:
    """Hang, as at a mail server that does not answer."""
    note(pids, os.getpid())
    while True:
        signal.pause()


def note(pids: Path, pid: int) -> None:
    """Add a pid to the file."""
    with pids.open("a") as file:
        file.write(f"{pid}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
