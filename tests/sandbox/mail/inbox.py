"""A stand-in for the finance mailbox: pymap, a real IMAP server, behind a line that misbehaves.

It obeys the world's faults for the service "imap". The lines to match are `IMAP CONNECT` and
`IMAP ` with the name of a command: `LOGIN`, `AUTHENTICATE`, `EXAMINE`, `SEARCH`, `FETCH`,
`APPEND`:

    refuse, reset   the connection is cut there
    late            the command is carried out, and the connection is cut within the answer
    stall           no answer until released; then it goes on as if nothing had been
    status          the server says NO
    html, garbage   an answer that is no IMAP
"""

import asyncio
import contextlib
import re
import ssl
import threading
from argparse import ArgumentParser, Namespace
from collections.abc import Coroutine, Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import quote

from proxyprotocol.reader import ProxyProtocolReader
from pymap.backend.dict import DictBackend
from pymap.imap import IMAPServer, IMAPService
from pymap.mime import MessageContent
from pymap.parsing.message import AppendMessage
from pymap.parsing.specials.flag import Flag
from pymap.search import EnvelopeSearchCriteria
from pysasl.hashing import BuiltinHash
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.sandbox.company import Company, moment, zone_of
from tests.sandbox.control import NotPossibleError, body_of, wanted
from tests.sandbox.faults import Fault
from tests.sandbox.world import World

ADDRESS = "accounts@brass-fern.example"
PASSWORD = "fern-and-brass"
LITERAL = re.compile(rb"\{(\d+)\+?\}\r\n$")
"""At the end of a command: so many bytes follow that are no commands."""
COMMAND = re.compile(rb"(?P<tag>\w+) (?:UID )?(?P<name>[A-Z]+)")
NONSENSE = b"<html><body>502 Bad Gateway</body></html>\r\n"
QUICK = BuiltinHash(rounds=1)
"""The password is no secret, and every reading logs in."""
BROKEN_OFF = 60
"""Bytes of an answer that come before the line is cut."""

T = TypeVar("T")


class Inbox:
    """The server. `start` binds a free port on loopback in a thread of its own."""

    name = "imap"

    def __init__(self, world: World, *, tls: ssl.SSLContext | None = None) -> None:
        self.world = world
        self.port = 0
        self.folder = "INBOX"
        self.seconds = 0.0
        """How long it takes before it carries out a command."""
        self._shown: list[tuple[datetime, dict[str, Any]]] = []
        self._coming: list[tuple[datetime, bytes]] = []
        """What arrives once the world's clock says so."""
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="inbox", daemon=True)

    @property
    def url(self) -> str:
        """What IMAP_URL has to be to read it."""
        scheme = "imaps" if self._tls else "imap"
        user = f"{quote(ADDRESS, safe='')}:{PASSWORD}"
        return f"{scheme}://{user}@127.0.0.1:{self.port}/{quote(self.folder)}"

    def app(self) -> Starlette | None:
        """It speaks IMAP only."""
        return None

    def snapshot(self) -> dict[str, Any]:
        """What came in by now, oldest first."""
        now = self.world.clock()
        with self.world.lock:
            here = [(at, mail) for at, mail in self._shown if at <= now]
        return {"inbox": [mail for _, mail in sorted(here, key=lambda one: one[0])]}

    def control(self) -> list[Route]:
        """`/mail/receive`: somebody writes to the finance mailbox."""
        return [Route("/mail/receive", self._receive, methods=["POST"])]

    def load(self, company: Company) -> None:
        """Take over what a company's file says of the mailbox. Raises ValueError."""
        zone, now = zone_of(company), self.world.clock()
        for mail in company.mails:
            try:
                self.receive(mail, moment(mail["at"], zone, now))
            except (KeyError, TypeError, AttributeError) as error:
                raise ValueError(f"an entry of mails cannot be read: {error!r}") from error

    def start(self) -> None:
        """Listen. The port can be read as soon as this returns."""
        self._thread.start()
        self._do(self._open())

    def stop(self) -> None:
        """Close every connection and end the thread."""
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def receive(self, mail: dict[str, Any], at: datetime | None = None) -> str:
        """A mail as in a company's file, which is here at that time; gives its Message-ID."""
        at = at or self.world.clock()
        message = _message(mail, at)
        body = message.get_body(("plain", "html"))
        shown = {
            "from": str(message["From"]),
            "to": str(message["To"]),
            "subject": str(message["Subject"]),
            "text": str(body.get_content()) if body else "",
            "message_id": str(message["Message-ID"]),
            "in_reply_to": str(message["In-Reply-To"] or ""),
            "at": at.isoformat(),
        }
        with self.world.lock:
            self._shown.append((at, shown))
            self._coming.append((at, message.as_bytes()))
        self.world.changed.bump()
        return str(shown["message_id"])

    def put(
        self, raw: bytes, at: datetime | None = None, folder: str = "", *, seen: bool = False
    ) -> None:
        """Put these bytes in a folder, or in the one that is read, as received at that time."""
        flags = frozenset({Flag(b"\\Seen")} if seen else ())
        self._do(self._append(raw, at or self.world.clock(), folder or self.folder, flags))

    def make(self, folder: str) -> None:
        """An empty folder, if there is none of that name."""
        self._do(self._make(folder))

    def empty(self, folder: str) -> None:
        """Nothing is in this folder any more."""
        self._do(self._remove(folder))
        self.make(folder)

    async def _receive(self, request: Request) -> Response:
        body = await body_of(request)
        wanted(body, "from")
        if not body.get("text") and not body.get("html"):
            raise NotPossibleError("text or html is missing")
        return JSONResponse({"message_id": self.receive(body)})

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _open(self) -> None:
        self._backend, self._config = await DictBackend.init(_arguments(), hash_context=QUICK)
        self._config.apply_context()
        EnvelopeSearchCriteria.matches = _matches  # type: ignore[assignment]
        reader = ProxyProtocolReader(self._config.proxy_protocol)
        imap = reader.get_callback(IMAPServer(self._backend.login, self._config))
        self._behind = await asyncio.start_server(imap, "127.0.0.1", 0)
        self._front = await asyncio.start_server(self._line, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._front.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._front.close()
        self._behind.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _append(self, raw: bytes, at: datetime, folder: str, flags: frozenset[Flag]) -> None:
        await self._make(folder)
        async with self._backend.login.demo_user_identity.new_session() as session:
            mailbox = await session.mailbox_set.get_mailbox(folder)
            await mailbox.append(AppendMessage(raw, at.astimezone(UTC), flags))

    async def _arrive(self) -> None:
        """Put what has come by now where it is read."""
        now = self.world.clock()
        with self.world.lock:
            here = [(at, raw) for at, raw in self._coming if at <= now]
            self._coming = [one for one in self._coming if one not in here]
        await self._make(self.folder)
        for at, raw in here:
            await self._append(raw, at, self.folder, frozenset())

    async def _make(self, folder: str) -> None:
        async with self._backend.login.demo_user_identity.new_session() as session:
            if folder != "INBOX":
                with contextlib.suppress(ValueError):  # it is there already
                    await session.mailbox_set.add_mailbox(folder)

    async def _remove(self, folder: str) -> None:
        async with self._backend.login.demo_user_identity.new_session() as session:
            await session.mailbox_set.delete_mailbox(folder)

    async def _line(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._arrive()
        port = self._behind.sockets[0].getsockname()[1]
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", port)
        line = _Line(self.world, self.seconds, reader, writer, server_reader, server_writer)
        try:
            await line.run()
        finally:
            writer.close()
            server_writer.close()


class _Line:
    """One connection through to the server, obeying the world's faults."""

    def __init__(
        self,
        world: World,
        seconds: float,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        server_reader: asyncio.StreamReader,
        server_writer: asyncio.StreamWriter,
    ) -> None:
        self.world, self.reader, self.writer = world, reader, writer
        self.seconds = seconds
        self.server_reader, self.server_writer = server_reader, server_writer
        self._left: int | None = None
        """How many bytes of the answer still pass; None: all."""

    async def run(self) -> None:
        """Until one side ends, or a fault cuts the line."""
        if not await self._obeyed("CONNECT", b"*"):
            return
        ways = [asyncio.create_task(way) for way in (self._commands(), self._answers())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _commands(self) -> None:
        while command := await self.reader.readline():
            found = COMMAND.match(command)
            if found and not await self._obeyed(found["name"].decode(), found["tag"]):
                return
            if found and self.seconds:
                await asyncio.sleep(self.seconds)
            self.server_writer.write(command)
            await self.server_writer.drain()
            if literal := LITERAL.search(command):
                self.server_writer.write(await self.reader.readexactly(int(literal[1])))
                await self.server_writer.drain()

    async def _answers(self) -> None:
        while some := await self.server_reader.read(65_536):
            self.writer.write(some if self._left is None else some[: self._left])
            await self.writer.drain()
            if self._left is not None:
                self._left -= len(some)
                if self._left <= 0:
                    return

    async def _obeyed(self, name: str, tag: bytes) -> bool:
        """Whether the line goes on with this command."""
        self.world.see("imap", "IMAP", name)
        fault = self.world.faults.take("imap", f"IMAP {name}")
        return fault is None or await self._misbehave(fault, tag)

    async def _misbehave(self, fault: Fault, tag: bytes) -> bool:
        if fault.kind == "late":
            self._left = BROKEN_OFF
            return True
        if fault.kind == "stall":
            while not fault.released.is_set():
                await asyncio.sleep(0.02)
            return True
        if fault.kind == "status":
            self.writer.write(tag + b" NO [UNAVAILABLE] ordered by the sandbox\r\n")
        elif fault.kind in ("html", "garbage"):
            self.writer.write(NONSENSE)
        with contextlib.suppress(ConnectionError):
            await self.writer.drain()
        return False


def _matches(key: EnvelopeSearchCriteria, _seq: int, _message: Any, loaded: Any) -> bool:
    """Whether a header of a mail has the words of this key.

    pymap parses all headers again for each key of a search, which takes minutes with 3,000 mails.
    """
    return key.value.lower() in _headers(loaded.content)[key.key]


@lru_cache(10_000)
def _headers(content: MessageContent) -> dict[bytes, str]:
    """The headers that have keys of their own, in small letters."""
    parsed = content.header.parsed
    return {
        name: "\n".join(map(str, parsed.get(name.lower(), ()))).lower()
        for name in (b"FROM", b"TO", b"CC", b"BCC", b"SUBJECT")
    }


@contextlib.contextmanager
def running(inbox: Inbox) -> Iterator[Inbox]:
    """An inbox that is open inside the block."""
    inbox.start()
    try:
        yield inbox
    finally:
        inbox.stop()


def _arguments() -> Namespace:
    """What pymap's command line would be."""
    parser = ArgumentParser()
    DictBackend.add_subparser("dict", parser.add_subparsers())
    IMAPService.add_arguments(parser)
    user = ["--demo-user", ADDRESS, "--demo-password", PASSWORD]
    return parser.parse_args(["--no-tls", "dict", *user], Namespace(debug=False, passlib_cfg=None))


def _message(mail: dict[str, Any], at: datetime) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["From"] = mail["from"]
    message["To"] = mail.get("to") or ADDRESS
    message["Subject"] = mail.get("subject", "")
    message["Date"] = at
    domain = str(mail["from"]).rpartition("@")[2].strip("> ")
    message["Message-ID"] = mail.get("message_id") or make_msgid(domain=domain)
    if earlier := mail.get("in_reply_to"):
        message["In-Reply-To"] = message["References"] = earlier
    for name, value in (mail.get("headers") or {}).items():
        message[name] = value
    message.set_content(mail["text"]) if mail.get("text") else None
    if mail.get("html"):
        add = message.add_alternative if mail.get("text") else message.set_content
        add(mail["html"], subtype="html")
    return message
