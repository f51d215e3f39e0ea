"""A stand-in for the mail server: takes mail by SMTP, keeps it, and misbehaves when told.

It obeys the world's faults for the service "mail". The lines to match are `SMTP CONNECT`, `EHLO`,
`MAIL`, `RCPT`, `COPY` (each RCPT after the first), `DATA` (the command), `BODY` (in the middle of
the text), `END` (after the final dot) and `QUIT`:

    refuse, reset   the connection is cut there, nothing is kept
    status          the server answers with that code
    stall           no answer until released; then it goes on as if nothing had been
    late            at END: the mail is kept, then the connection is cut; elsewhere a cut
    html, garbage   an answer that is no SMTP; at END the mail is kept
"""

import asyncio
import base64
import contextlib
import hashlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import getaddresses, parseaddr
from functools import cached_property
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.real_processes import PATIENCE
from tests.sandbox.control import NotPossibleError
from tests.sandbox.faults import Fault
from tests.sandbox.world import World

LARGEST_MAIL = 25 * 1024 * 1024
AFTER_KEEPING = ("late", "html", "garbage")
LOOKED_AT = {"Content-Disposition": "inline", "X-Content-Type-Options": "nosniff"}
NONSENSE = "<html><body>502 Bad Gateway</body></html>"


@dataclass(frozen=True)
class Mail:
    """One accepted mail; all but `raw` is of the envelope."""

    sender: str
    recipient: str
    raw: bytes
    copied: tuple[str, ...] = ()
    begun: float = field(default_factory=time.monotonic, compare=False)
    """When its sender came, by `time.monotonic`."""

    @cached_property
    def message(self) -> EmailMessage:
        """The mail, parsed."""
        return message_from_bytes(self.raw, policy=policy.default)

    def shown(self) -> dict[str, Any]:
        """As `GET /_/world` lists it."""
        return dict(self._shown)

    @cached_property
    def _shown(self) -> dict[str, Any]:
        """Made once: at each change of the world all mails are listed again."""
        body = self.message.get_body(("plain",))
        return {
            "from": self.sender,
            "to": self.recipient,
            "cc": list(self.copied),
            "subject": str(self.message["Subject"]).lstrip(),  # a long one begins on a new line
            "text": str(body.get_content()).replace("\r\n", "\n") if body else "",
            "message_id": str(self.message["Message-ID"]),
            "attachments": [_attachment(part) for part in self.message.iter_attachments()],
        }


class Mailbox:
    """The server. `start` binds a free port on loopback in a thread of its own.

    `users` (name → password) offers a login, `tokens` (name → access token) one by XOAUTH2. `tls`
    offers STARTTLS, or wraps every connection where `implicit_tls` is set. A `permissive` one takes
    whatever comes, as many servers do; it may stand beside a strict one, which then shows its mails
    too.
    """

    def __init__(
        self,
        world: World,
        *,
        users: dict[str, str] | None = None,
        tokens: dict[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        permissive: bool = False,
        beside: "Mailbox | None" = None,
    ) -> None:
        self.world = world
        self.name = "permissive" if permissive else "mail"
        self.permissive, self.beside = permissive, beside
        self.users, self.tokens = users or {}, tokens or {}
        self.mails: list[Mail] = []
        self.logins: list[str] = []
        self.port = 0
        self._tls, self._implicit_tls = tls, implicit_tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="mailbox", daemon=True)
        self._connections: set[_Connection] = set()

    @property
    def url(self) -> str:
        """What SMTP_URL has to be to reach it without a login."""
        return f"smtp://127.0.0.1:{self.port}"

    def app(self) -> Starlette | None:
        """It speaks SMTP only."""
        return None

    def snapshot(self) -> dict[str, Any]:
        """The mails of a strict server, oldest first."""
        if self.permissive:
            return {}
        return {"mails": [mail.shown() for mail in list(self.mails)]}

    def control(self) -> list[Route]:
        """`/mail/file?mail=ID&place=N`: an attachment; `/sent/ID`: a mail's bytes."""
        if self.permissive:
            return []
        return [Route("/mail/file", self._file), Route("/sent/{mail}", self._sent)]

    def _sent(self, request: Request) -> Response:
        """The raw bytes of a mail, by its Message-ID without brackets; `?sink=permissive`."""
        wanted = f"<{request.path_params['mail']}>"
        sink = self.beside if request.query_params.get("sink") == "permissive" else self
        for mail in sink.mails if sink else ():
            if mail.message["Message-ID"] == wanted:
                return Response(mail.raw, media_type="message/rfc822")
        raise NotPossibleError("no mail of this id was accepted")

    def _file(self, request: Request) -> Response:
        wanted, place = request.query_params.get("mail"), request.query_params.get("place", "")
        mail = next((m for m in self.mails if m.message["Message-ID"] == wanted), None)
        parts = list(mail.message.iter_attachments()) if mail else []
        if not place.isdigit() or int(place) >= len(parts):
            raise NotPossibleError("there is no such attachment")
        part = parts[int(place)]
        content = part.get_payload(decode=True)
        return Response(content, media_type=part.get_content_type(), headers=LOOKED_AT)

    def start(self) -> None:
        """Listen. The port can be read as soon as this returns."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        # in its own thread: the caller's may run a loop already, as a browser's driver does
        self._thread.start()
        tls = self._tls if self._implicit_tls else None
        serving = self._loop.create_server(self._connection, sock=listener, ssl=tls)
        self._server = asyncio.run_coroutine_threadsafe(serving, self._loop).result(PATIENCE)

    def stop(self) -> None:
        """Close every connection and end the thread."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    def keep(self, envelope: Envelope, begun: float) -> None:
        """Add an accepted mail to the box; its sender came at `begun`."""
        raw = envelope.original_content
        assert isinstance(raw, bytes)
        assert envelope.mail_from is not None
        first, *others = envelope.rcpt_tos
        self.take(Mail(envelope.mail_from, first, raw, tuple(others), begun))

    def take(self, mail: Mail) -> None:
        """Add a mail, whichever way it came."""
        self.mails.append(mail)
        self.world.changed.bump()

    def login(self, given: LoginPassword) -> AuthResult:
        """Is it one of our users?"""
        user, password = given.login.decode(), given.password.decode()
        self.logins.append(user)
        # "Not handled" leaves the answer, 235 or 535, to the library.
        return AuthResult(success=self.users.get(user) == password, handled=False)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _connection(self) -> "_Connection":
        return _Connection(self, None if self._implicit_tls else self._tls)

    def came(self, connection: "_Connection") -> None:
        """A connection to close at the end."""
        self._connections.add(connection)

    def went(self, connection: "_Connection") -> None:
        """It has closed by itself."""
        self._connections.discard(connection)

    async def _close(self) -> None:
        self._server.close()
        for connection in list(self._connections):
            connection.abort()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.contextmanager
def running(mailbox: Mailbox) -> Iterator[Mailbox]:
    """A mailbox that is open inside the block."""
    mailbox.start()
    try:
        yield mailbox
    finally:
        mailbox.stop()


class _Rules:
    """What the server says to each command, beside what the protocol itself asks."""

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox

    async def handle_MAIL(  # noqa: N802 - the library looks for this name
        self,
        server: "_Connection",
        _: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        """Remember who sends."""
        if (odd := await server.obey("MAIL")) is not None:
            return odd
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - the library looks for this name
        self,
        server: "_Connection",
        _: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        """Each recipient once."""
        if (odd := await server.obey("COPY" if envelope.rcpt_tos else "RCPT")) is not None:
            return odd
        if address in envelope.rcpt_tos and not self.mailbox.permissive:
            return "452 4.5.3 each recipient once"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - the library looks for this name
        self, server: "_Connection", _: Session, envelope: Envelope
    ) -> str:
        """Keep the mail, or refuse what a careful server would refuse."""
        fault = server.fault("END")
        after = fault is not None and fault.kind in AFTER_KEEPING
        if fault is not None and not after and (odd := await server.misbehave(fault)) is not None:
            return odd
        if not self.mailbox.permissive and (complaint := _complaint(envelope)):
            return f"554 5.6.0 {complaint}"
        self.mailbox.keep(envelope, server.begun)
        odd = await server.misbehave(fault) if fault is not None and after else None
        return odd or "250 2.0.0 kept"

    async def handle_QUIT(  # noqa: N802 - the library looks for this name
        self, server: "_Connection", _: Session, __: Envelope
    ) -> str:
        """Say good-bye."""
        return await server.obey("QUIT") or "221 Bye"


def _not_offered(mailbox: Mailbox) -> set[str]:
    return (set() if mailbox.users else {"PLAIN", "LOGIN"}) | (
        set() if mailbox.tokens else {"XOAUTH2"}
    )


class _Connection(SMTP):
    """One connection, obeying the world's faults."""

    def __init__(self, mailbox: Mailbox, tls: ssl.SSLContext | None) -> None:
        self.mailbox, self.begun = mailbox, time.monotonic()
        self._line: asyncio.Transport | None = None
        super().__init__(
            _Rules(mailbox),
            hostname="mail.sandbox.example",
            ident="sandbox",
            data_size_limit=LARGEST_MAIL,
            tls_context=tls,
            auth_require_tls=tls is not None,
            authenticator=self._authenticate,
            auth_exclude_mechanism=_not_offered(mailbox),
            timeout=600,
        )

    async def auth_XOAUTH2(self, _: SMTP, args: list[str]) -> AuthResult:  # noqa: N802
        """The login of Microsoft 365 and Gmail; a wrong token gets a challenge with the reason."""
        told = base64.b64decode(args[1]).decode() if len(args) > 1 else ""
        user = told.partition("user=")[2].partition("\x01")[0]
        self.mailbox.logins.append(user)
        token = self.mailbox.tokens.get(user)
        if token and told == f"user={user}\x01auth=Bearer {token}\x01\x01":
            return AuthResult(success=True, handled=False)
        await self.challenge_auth('{"status":"401","schemes":"bearer"}')
        return AuthResult(success=False, handled=False)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the mailbox know the connection; STARTTLS comes here a second time."""
        if self._line is None and isinstance(transport, asyncio.Transport):
            self._line, self._socket = transport, transport.get_extra_info("socket")
        self.mailbox.came(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Let the mailbox forget it."""
        self.mailbox.went(self)
        super().connection_lost(error)

    def abort(self) -> None:
        """Cut the connection at once, with a reset."""
        if self._line is not None:
            with contextlib.suppress(OSError):
                linger = struct.pack("ii", 1, 0)
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            # a TLS line that has ended is an AttributeError in Python before 3.11.5
            with contextlib.suppress(AttributeError):
                self._line.abort()

    def fault(self, command: str) -> Fault | None:
        """What was ordered for this command; the command is on the world's record."""
        self.mailbox.world.see(self.mailbox.name, "SMTP", command)
        return self.mailbox.world.faults.take(self.mailbox.name, f"SMTP {command}")

    async def obey(self, command: str) -> str | None:
        """The wrong answer that was ordered for this command, or None: go on."""
        fault = self.fault(command)
        return None if fault is None else await self.misbehave(fault)

    async def misbehave(self, fault: Fault) -> str | None:
        """Cut, stall, or give the wrong answer."""
        if fault.kind == "status":
            return f"{fault.status or 451} ordered by the sandbox"
        if fault.kind in ("html", "garbage"):
            return NONSENSE
        if fault.kind == "stall":
            while not fault.released.is_set():
                await asyncio.sleep(0.02)
            return None
        if fault.kind == "refuse" and self.transport is not None:
            self.transport.close()
        else:
            self.abort()
        return await asyncio.Event().wait() and None  # the loss of the line cancels us

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802 - the library's name
        """Greet, or not."""
        if (odd := await self.obey("EHLO")) is not None:
            await self.push(odd)
        else:
            await super().smtp_EHLO(hostname)

    async def smtp_HELO(self, hostname: str) -> None:  # noqa: N802 - the library's name
        """The same in the old way, which clients try next."""
        if (odd := await self.obey("EHLO")) is not None:
            await self.push(odd)
        else:
            await super().smtp_HELO(hostname)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - the library's name
        """Take the text, or not, or break off in its middle."""
        if (odd := await self.obey("DATA")) is not None:
            await self.push(odd)
            return
        if (fault := self.fault("BODY")) is not None:
            await self.push("354 go on")
            await self._reader.read(1)
            await self.misbehave(fault)
        await super().smtp_DATA(arg)

    async def _handle_client(self) -> None:
        if (odd := await self.obey("CONNECT")) is not None:
            await self.push(odd)
            self.abort()
        else:
            await super()._handle_client()

    def _authenticate(self, *given: Any) -> AuthResult:
        return self.mailbox.login(given[-1])


def _complaint(envelope: Envelope) -> str:
    """What is wrong with the mail itself, or nothing."""
    assert isinstance(envelope.original_content, bytes)
    mail = message_from_bytes(envelope.original_content, policy=policy.default)
    missing = [name for name in ("Date", "From", "Message-ID", "Subject") if not mail[name]]
    if missing:
        return f"{', '.join(missing)} missing"
    if not envelope.original_content.isascii():
        return "8-bit text without BODY=8BITMIME"
    if parseaddr(str(mail["From"]))[1] != envelope.mail_from:
        return "From is not the sender"
    told = [str(mail["To"]), *(mail.get_all("Cc") or ())]
    if [address for _, address in getaddresses(told)] != envelope.rcpt_tos or mail["Bcc"]:
        return "To and Cc are not the recipients"
    return ""


def _attachment(part: Any) -> dict[str, Any]:
    content = part.get_payload(decode=True)
    return {
        "name": part.get_filename(),
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
    }
