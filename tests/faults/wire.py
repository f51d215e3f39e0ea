"""A line between the product and a mail server that breaks after so many bytes, either way.

Wherever it breaks, the sender's answer has to be true: "sent" only where the server has the mail,
"not sent" only where it has none and never will. Where nobody can know, it says so.
"""

from __future__ import annotations

import contextlib
import random
import selectors
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from jobs.mail.compose import File
from jobs.mail.results import NotSent, Result, Sent
from jobs.mail.smtp import Smtp
from tests.jobs.mail.letters import CUSTOMER, PDF, SENDER, built, letter, ours
from tests.sandbox.mail.mailbox import Mailbox, running
from tests.sandbox.world import World

Way = Literal["to the server", "from the server"]
How = Literal["closed", "reset", "silent"]
WAYS: tuple[Way, Way] = ("to the server", "from the server")
HOWS: tuple[How, ...] = ("closed", "reset", "silent")
PATIENCE = 0.15
"""Seconds that the sender waits for a server that has fallen silent."""
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
MAIL = built(letter(), files=[File(PDF.name, b"%PDF-1.4 a short one")])


@dataclass(frozen=True)
class Break:
    """After so many bytes one way, the line is closed, reset, or carries nothing any more."""

    way: Way
    after: int
    how: How

    def __str__(self) -> str:
        return f"SMTP {self.how} after {self.after} bytes {self.way}"


@dataclass(frozen=True)
class Ended:
    """How it ended, in a word, and what must not be."""

    outcome: str
    wrong: list[str]


@dataclass
class _Line:
    """One connection through to a server. `passed` counts the bytes each way."""

    port: int
    breaks: Break | None = None
    passed: dict[Way, int] = field(default_factory=lambda: dict.fromkeys(WAYS, 0))

    @contextlib.contextmanager
    def open(self) -> Iterator[int]:
        """Listen; the port to connect to, once."""
        with socket.create_server(("127.0.0.1", 0)) as door:
            thread = threading.Thread(target=self._carry, args=(door,), daemon=True)
            thread.start()
            yield door.getsockname()[1]
            thread.join(10)

    def _carry(self, door: socket.socket) -> None:
        with contextlib.suppress(OSError), door.accept()[0] as client:
            server = socket.create_connection(("127.0.0.1", self.port))
            with server, selectors.DefaultSelector() as ends:
                ends.register(client, selectors.EVENT_READ, (client, server, WAYS[0]))
                ends.register(server, selectors.EVENT_READ, (server, client, WAYS[1]))
                while all(self._passed_on(*key.data) for key, _ in ends.select()):
                    pass
                if self.breaks and self.breaks.how == "reset":
                    for end in (client, server):
                        linger = struct.pack("ii", 1, 0)
                        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    def _passed_on(self, source: socket.socket, target: socket.socket, way: Way) -> bool:
        """Whether the line goes on."""
        some = source.recv(65_536)
        if self.breaks is None or self.breaks.way != way:
            target.sendall(some)
            self.passed[way] += len(some)
            return bool(some)
        left = max(0, self.breaks.after - self.passed[way])
        target.sendall(some[:left])
        self.passed[way] += len(some[:left])
        return bool(some) and (len(some) < left or self.breaks.how == "silent")


def all_breaks(mailbox: Mailbox) -> list[Break]:
    """After each byte of a mail that went through whole, in each way of breaking."""
    line = _Line(mailbox.port)
    assert not _handed(mailbox, line).wrong
    assert len(mailbox.mails) == 1
    ends = [(way, after) for way in WAYS for after in range(line.passed[way] + 1)]
    return [Break(way, after, how) for way, after in ends for how in HOWS]


def handed_over(mailbox: Mailbox, breaks: Break) -> Ended:
    """Hand a mail over on a line that breaks there."""
    return _handed(mailbox, _Line(mailbox.port, breaks))


def _handed(mailbox: Mailbox, line: _Line) -> Ended:
    mailbox.mails.clear()
    mailbox.world.requests.clear()
    patience: dict[str, Any] = {"command_seconds": PATIENCE, "final_reply_seconds": PATIENCE}
    if line.breaks is None or line.breaks.how != "silent":
        patience = {}
    with line.open() as port:
        smtp = Smtp.from_url(f"smtp://127.0.0.1:{port}", tls=NO_TLS, **patience)
        result = smtp.send(SENDER, [CUSTOMER], MAIL, ours)
    return Ended(type(result).__name__, list(_wrong(result, mailbox)))


def _wrong(result: Result, mailbox: Mailbox) -> Iterator[str]:
    """What is not as the sender says."""
    asked = {seen.path for seen in mailbox.world.requests}
    if len(mailbox.mails) > 1 or any(mail.raw != MAIL for mail in mailbox.mails):
        yield "the server has another mail than was handed over"
    match result:
        case Sent() if not mailbox.mails:
            yield "called sent, and the server has nothing"
        case NotSent() if mailbox.mails:
            yield "called not sent, and the server has it"
        case NotSent() if result.permanent:
            yield "a broken line is no refusal for good"
        case Sent() | NotSent():
            pass
        case _ if "RCPT" not in asked:
            yield "called unknown before the server knew for whom it is"


def sampled(seed: int, count: int | None, match: str = "") -> Iterator[tuple[Break, Ended]]:
    """So many breaks, or all of them, in the order of this seed."""
    with running(Mailbox(World())) as mailbox:
        chosen = [breaks for breaks in all_breaks(mailbox) if match in str(breaks)]
        for breaks in random.Random(seed).sample(chosen, min(count or len(chosen), len(chosen))):
            yield breaks, handed_over(mailbox, breaks)
