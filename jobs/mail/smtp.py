"""Hands a mail to an SMTP server, phase by phase, so that we know what a failure means.

The standard library raises the same exception for every lost connection. What it means depends on
the phase: before DATA nothing was sent; inside DATA nobody can tell, because the server may have
accepted the mail before its answer was lost (RFC 1047); after the final 250 it is sent.
"""

from __future__ import annotations

import contextlib
import ipaddress
import smtplib
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote, urlsplit

from jobs.mail.addresses import Unsendable, bare
from jobs.mail.oauth import AccessTokens, NoAccessToken
from jobs.mail.results import HELD_UP, Fence, MailerCheck, NotSent, Result, Sent, Unknown
from jobs.rules.plain import shortened

PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
COMMAND_SECONDS = 30.0
FINAL_REPLY_SECONDS = 600.0
"""RFC 5321 4.5.3.2.6: a shorter wait after the final dot would make slow servers "unknown"."""
LONGEST_REPLY = 200


class BadUrl(ValueError):
    """The SMTP URL cannot be used; the text says why without showing the password."""


class _Refused(Exception):
    """The server answered a command with anything but success."""

    def __init__(self, asked: str, code: int, text: bytes, address: str = "") -> None:
        super().__init__(asked)
        self.asked, self.code, self.text, self.address = asked, code, text, address


@dataclass(frozen=True)
class Smtp:
    """One server, as named by an SMTP URL. Opens a connection per mail."""

    host: str
    port: int
    security: str  # a key of PORTS
    user: str = ""
    password: str = field(default="", repr=False)
    command_seconds: float = COMMAND_SECONDS
    final_reply_seconds: float = FINAL_REPLY_SECONDS
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context, repr=False)
    tokens: AccessTokens | None = None
    """For a server that takes an access token instead of a password (XOAUTH2)."""

    @classmethod
    def from_url(
        cls,
        url: str,
        *,
        command_seconds: float = COMMAND_SECONDS,
        final_reply_seconds: float = FINAL_REPLY_SECONDS,
        tls: ssl.SSLContext | None = None,
    ) -> Self:
        """`smtp://`, `smtp+starttls://` or `smtps://` `[user:password@]host[:port]`.

        Raises BadUrl. User and password are percent-decoded.
        """
        host, port, security, user, password = _parts(url)
        context = tls or ssl.create_default_context()
        return cls(
            host, port, security, user, password, command_seconds, final_reply_seconds, context
        )

    def send(self, sender: str, to: Sequence[str], message: bytes, fence: Fence) -> Result:
        """Give `message` to the server for its recipients; takes minutes if the server is slow.

        If the server refuses one of them, nobody gets it.

        `fence` is asked before connecting and again before DATA. Problems with the connection or
        the login are temporary: they say nothing about this mail.
        """
        try:
            envelope = bare(sender), [bare(address) for address in to]
        except Unsendable as error:
            return NotSent(str(error), permanent=True)
        if not fence():
            return HELD_UP
        try:
            with self._session() as session:
                self._envelope(session, *envelope)
                return self._data(session, message) if fence() else HELD_UP
        except _Refused as refused:
            return _not_sent(refused)
        except OSError as error:
            return NotSent(f"The mail server was not reached: {_words(error)}", permanent=False)
        except NoAccessToken as error:
            return NotSent(str(error), permanent=False)

    def check(self) -> MailerCheck:
        """Connect, greet, secure and log in as for a mail, and leave."""
        try:
            with self._session() as session:
                _leave(session)
        except _Refused as refused:
            return MailerCheck(False, _not_sent(refused).reason)
        except OSError as error:
            return MailerCheck(False, f"{self._place} was not reached: {_words(error)}")
        except NoAccessToken as error:
            return MailerCheck(False, str(error))
        return MailerCheck(True, f"{self._place} answers{self._caution}")

    @property
    def _place(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def _caution(self) -> str:
        if self.security == "smtp" and self.user and not _is_loopback(self.host):
            return ", but the password travels unencrypted: use smtp+starttls:// or smtps://"
        return ""

    @contextlib.contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        session = self._connect()
        try:
            self._greet(session)
            yield session
        finally:
            session.close()

    def _connect(self) -> smtplib.SMTP:
        # A host name of our own, because looking one up may take seconds; see _greet.
        try:
            if self.security == "smtps":
                return smtplib.SMTP_SSL(
                    self.host,
                    self.port,
                    "localhost",
                    timeout=self.command_seconds,
                    context=self.tls,
                )
            return smtplib.SMTP(self.host, self.port, "localhost", timeout=self.command_seconds)
        except smtplib.SMTPConnectError as error:
            raise _Refused("connection", error.smtp_code, _bytes(error.smtp_error)) from error

    def _greet(self, session: smtplib.SMTP) -> None:
        session.local_hostname = _literal(session)
        try:
            session.ehlo_or_helo_if_needed()
            if self.security == "smtp+starttls":
                session.starttls(context=self.tls)
                session.ehlo()
            if self.tokens is not None:
                self._authorize(session, self.tokens)
            elif self.user:
                session.login(self.user, self.password)
        except smtplib.SMTPResponseException as error:
            raise _Refused("greeting", error.smtp_code, _bytes(error.smtp_error)) from error

    def _authorize(self, session: smtplib.SMTP, tokens: AccessTokens) -> None:
        """Log in with an access token, as Microsoft 365 and Gmail ask for (XOAUTH2)."""
        told = f"user={self.user}\x01auth=Bearer {tokens.current()}\x01\x01"
        try:
            # a refused token is answered with a challenge, to which an empty line is the answer
            session.auth("XOAUTH2", lambda challenge=None: told if challenge is None else "")
        except smtplib.SMTPAuthenticationError:
            tokens.forget()
            raise

    def _envelope(self, session: smtplib.SMTP, sender: str, to: Sequence[str]) -> None:
        code, text = session.mail(sender)
        if code != 250:
            raise _Refused("sender", code, text)
        for address in to:
            code, text = session.rcpt(address)
            if code not in (250, 251):
                what = "recipient" if address == to[0] else f"copy to {address}"
                raise _Refused(what, code, text, address)

    def _data(self, session: smtplib.SMTP, message: bytes) -> Result:
        _wait_longer(session, self.final_reply_seconds)
        try:
            code, text = session.data(message)
        except smtplib.SMTPDataError as error:  # the DATA command itself was refused
            raise _Refused("mail", error.smtp_code, _bytes(error.smtp_error)) from error
        except OSError as error:
            return Unknown(f"The connection was lost while the mail was sent: {_words(error)}")
        if 400 <= code <= 599:
            raise _Refused("mail", code, text)
        if code != 250:
            return Unknown("The mail server's answer to the mail made no sense.")
        _leave(session)
        return Sent(f"Accepted by {self.host}: {_shown(text)}")


def _parts(url: str) -> tuple[str, int, str, str, str]:
    try:
        split = urlsplit(url)
        port = split.port or PORTS.get(split.scheme, 0)
    except ValueError as error:
        raise BadUrl("SMTP_URL has no valid host and port") from error
    if split.scheme not in PORTS:
        raise BadUrl(f"SMTP_URL must begin with {', '.join(f'{name}://' for name in PORTS)}")
    if not split.hostname or split.path.strip("/") or split.query or split.fragment:
        raise BadUrl("SMTP_URL must be scheme://user:password@host:port and nothing else")
    user, password = unquote(split.username or ""), unquote(split.password or "")
    if not (user + password).isascii():
        # smtplib encodes both as ASCII.
        raise BadUrl("SMTP_URL has a user or password with characters beyond ASCII")
    return split.hostname, port, split.scheme, user, password


def _wait_longer(session: smtplib.SMTP, seconds: float) -> None:
    if session.sock is not None:
        session.sock.settimeout(seconds)


def _leave(session: smtplib.SMTP) -> None:
    # The mail was accepted or none was sent: the answer to QUIT cannot change that.
    with contextlib.suppress(OSError):
        session.quit()


def _literal(session: smtplib.SMTP) -> str:
    """Our own address as a literal, for use without a host name (RFC 5321 4.1.3)."""
    if session.sock is None:
        return "localhost"
    address = ipaddress.ip_address(session.sock.getsockname()[0].partition("%")[0])
    return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _not_sent(refused: _Refused) -> NotSent:
    # Only an answer about this mail can be permanent; a login can be corrected.
    about_mail = bool(refused.address) or refused.asked in ("sender", "mail")
    reason = f"The mail server refused the {refused.asked}: {refused.code} {_shown(refused.text)}"
    permanent = about_mail and 500 <= refused.code <= 599
    # RFC 3463: 5.7 is about policy, such as a server that refuses to relay, not about the address.
    nobody = permanent and not refused.text.lstrip().startswith(b"5.7.")
    return NotSent(reason, permanent, refused.code, refused.address if nobody else "")


def _words(error: OSError) -> str:
    return _shown(str(error).encode()) or type(error).__name__


def _bytes(text: bytes | str) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def _shown(text: bytes) -> str:
    """The server's words on one line, shortened; they are outside text."""
    line = " ".join(text.decode("utf-8", "replace").split())
    return shortened("".join(filter(str.isprintable, line)), LONGEST_REPLY)
