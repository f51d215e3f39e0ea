"""Reads folders over IMAP and changes nothing: EXAMINE and BODY.PEEK leave every flag as it is.

Every failure is a SourceError whose text is for a person. An answer that is cut off, late, refused
or not IMAP is an error too: it is never mistaken for an empty mailbox.
"""

from __future__ import annotations

import contextlib
import imaplib
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from jobs.mail.oauth import AccessTokens, NoAccessToken
from jobs.rules.plain import one_line
from jobs.sources.source import SourceError

PORTS = {"imap": 143, "imaps": 993}
COMMAND_SECONDS = 30.0
LONGEST_SECONDS = 150.0
"""The longest that one session may take, however slow the server is."""
LARGEST_SESSION = 200_000_000
"""The most bytes of mail that one session reads."""
AT_ONCE = 50
"""The most mails in one FETCH."""
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
SENT = re.compile(
    r"(?:.*[/.])?(?:sent(?: items| messages| mail)?|gesendet(?:e elemente|e objekte)?)",
    re.IGNORECASE,
)
"""How servers without special-use flags (RFC 6154) name the folder of sent mail."""

_LISTED = re.compile(rb'\((?P<flags>[^)]*)\) (?:"(?:[^"\\]|\\.)*"|NIL) (?P<name>.+)', re.DOTALL)
_UID = re.compile(rb"\bUID (\d+)")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d+)")
_AT = re.compile(rb'\bINTERNALDATE "([^"]+)"')
_SHORT = re.compile(rb'\bBODY\[(?:HEADER)?\](?:<\d+>)? (?:NIL|"((?:[^"\\]|\\.)*)")')
_NO_IMAP = (ValueError, LookupError, TypeError, AttributeError)
"""What the standard library's client raises for answers that make no sense."""


@dataclass(frozen=True)
class Fetched:
    """The beginning of one mail. `size` is that of the whole."""

    uid: int
    at: datetime
    """When the server received it (UTC); a sender cannot choose that."""
    size: int
    raw: bytes

    @property
    def cut(self) -> bool:
        """Whether only its beginning was read."""
        return len(self.raw) < self.size


@dataclass(frozen=True)
class ImapServer:
    """One mailbox, as named by an IMAP URL. Opens a connection per session."""

    host: str
    port: int
    encrypted: bool
    folder: str = "INBOX"
    user: str = ""
    password: str = field(default="", repr=False)
    tokens: AccessTokens | None = field(default=None, repr=False)
    command_seconds: float = COMMAND_SECONDS
    longest_seconds: float = LONGEST_SECONDS
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context, repr=False)

    @classmethod
    def from_url(cls, url: str, tokens: AccessTokens | None = None, **limits: Any) -> Self:
        """`imap://` or `imaps://` `user:password@host[:port][/Folder]`, percent-encoded.

        With `tokens` there is no need for a password. The settings have checked the form.
        """
        split = urlsplit(url)
        return cls(
            split.hostname or "",
            split.port or PORTS[split.scheme],
            split.scheme == "imaps",
            unquote(split.path.strip("/")) or "INBOX",
            unquote(split.username or ""),
            unquote(split.password or ""),
            tokens,
            **limits,
        )

    @property
    def place(self) -> str:
        return f"{self.host}:{self.port}"

    @contextlib.contextmanager
    def session(self) -> Iterator[ImapSession]:
        """A session that is logged in. Raises SourceError, also from the session's methods."""
        with self._speaking("was not reached"):
            client = self._connected()
        watch = threading.Timer(self.longest_seconds, _cut, [client])
        watch.daemon = True
        watch.start()
        try:
            self._log_in(client)
            yield ImapSession(client, self._speaking)
            _leave(client)
        finally:
            watch.cancel()
            with contextlib.suppress(OSError):
                client.shutdown()

    def _connected(self) -> imaplib.IMAP4:
        if self.encrypted:
            return _Tls(self.host, self.port, ssl_context=self.tls, timeout=self.command_seconds)
        return _Plain(self.host, self.port, timeout=self.command_seconds)

    def _log_in(self, client: imaplib.IMAP4) -> None:
        if self.tokens is None and not self.password:
            words = "IMAP_URL has no password, and MAIL_OAUTH_REFRESH_TOKEN is not set."
            raise SourceError(words)
        try:
            with self._speaking("refused the login"):
                if self.tokens is None:
                    client.login(self.user, self.password)
                else:
                    client.authenticate("XOAUTH2", _bearer(self.user, self.tokens.current()))
        except NoAccessToken as error:
            raise SourceError(str(error)) from error
        except SourceError:
            if self.tokens is not None:
                self.tokens.forget()
            raise

    @contextlib.contextmanager
    def _speaking(self, failed: str) -> Iterator[None]:
        """Whatever goes wrong inside is a SourceError that names the server.

        Its words stay the same as long as the cause does.
        """
        try:
            yield
        except ssl.SSLError as error:
            raise self._failure(f"cannot be trusted: {_words(error)}") from error
        except TimeoutError as error:
            raise self._failure("took too long to answer") from error
        except imaplib.IMAP4.abort as error:
            raise self._failure("broke off the connection") from error
        except OSError as error:
            raise self._failure(f"was not reached: {_words(error)}") from error
        except imaplib.IMAP4.error as error:
            raise self._failure(f"{failed}: {_words(error)}") from error
        except _NO_IMAP as error:
            raise self._failure("gave an answer that is not IMAP") from error

    def _failure(self, what: str) -> SourceError:
        return SourceError(f"The mail server {self.place} {what}.")


Speaking = Callable[[str], contextlib.AbstractContextManager[None]]


class ImapSession:
    """A connection that is logged in. Every method raises SourceError."""

    def __init__(self, client: imaplib.IMAP4, speaking: Speaking) -> None:
        self._client, self._speaking = client, speaking

    def open(self, folder: str, *, encoded: bool = False) -> int:
        """Open a folder for reading only; gives how many mails are in it."""
        name = folder if encoded else folder_name(folder)
        with self._speaking(f"cannot open the folder {one_line(folder)}"):
            answer = _ok(self._client.select(name, readonly=True))
            return int(answer[0] or 0)

    def sent_folder(self) -> str:
        """The folder of sent mail, encoded as the server names it; empty if there is none."""
        with self._speaking("did not list its folders"):
            listed = [_LISTED.fullmatch(_joined(one)) for one in _ok(self._client.list()) if one]
        folders = [
            (found["flags"].lower(), found["name"].decode("ascii")) for found in listed if found
        ]
        by_flag = (name for flags, name in folders if b"\\sent" in flags.split())
        by_name = (name for _, name in folders if SENT.fullmatch(name.strip('"')))
        return next(by_flag, next(by_name, ""))

    def uid_validity(self) -> int:
        """Under which number the UIDs of the open folder are valid; 0 if the server keeps none."""
        with self._speaking("did not say which mails are new"):
            return int((self._client.response("UIDVALIDITY")[1] or [b""])[0] or 0)

    def last_uid(self) -> int:
        """The UID of the last mail in the open folder, which must not be empty."""
        return max(self.search("UID *"), default=0)

    def search(self, criteria: str) -> list[int]:
        """The UIDs of the mails in the open folder that meet the criteria, oldest first."""
        with self._speaking("did not search"):
            found = _ok(self._client.uid("SEARCH", criteria))
            return sorted({int(uid) for line in found if line for uid in line.split()})

    def holds(self, message_id: str) -> bool:
        """Whether a mail with this Message-ID is in the open folder."""
        return bool(self.search(key("HEADER Message-ID", message_id)))

    def append(self, folder: str, message: bytes) -> None:
        """Put these bytes, with CRLF, into a folder (encoded) as a mail that has been read.

        After an error nobody can tell whether they are there.
        """
        with self._speaking("did not take the copy"):
            _ok(self._client.append(folder, r"(\Seen)", None, message))

    def fetch(self, uids: Sequence[int], octets: int, part: str = "") -> Iterator[Fetched]:
        """The first `octets` of each of these mails, or of its `part` ("HEADER").

        Raises SourceError if any of them is not there.
        """
        what = f"(UID INTERNALDATE RFC822.SIZE BODY.PEEK[{part}]<0.{octets}>)"
        for first in range(0, len(uids), AT_ONCE):
            wanted = uids[first : first + AT_ONCE]
            with self._speaking("did not give its mails"):
                answer = self._client.uid("FETCH", ",".join(map(str, wanted)), what)
                got = {one.uid: one for one in _fetched(_ok(answer))}
                if not got.keys() >= set(wanted):
                    raise imaplib.IMAP4.error("some that it had found are missing")
            yield from (got[uid] for uid in wanted)

    def oldest(self) -> date | None:
        """The day of the first mail in the open folder."""
        with self._speaking("did not say how old its mails are"):
            found = _AT.search(_joined(_ok(self._client.fetch("1", "(INTERNALDATE)"))[0] or b""))
            return _time(found[1]).date() if found else None


def since_day(day: date) -> str:
    """The search key for mails from this day on. It has no time of day and no zone."""
    return f"SINCE {day.day}-{MONTHS[day.month - 1]}-{day.year}"


def key(field: str, value: str) -> str:
    """The search key for mails in whose `field` a value stands ("FROM", "HEADER References").

    Raises ValueError for what no quoted string can carry.
    """
    return f"{field} {_quoted(value)}"


def any_of(keys: Sequence[str]) -> str:
    """One key that is met if one of these is; balanced, for servers that nest only so deep."""
    if len(keys) == 1:
        return keys[0]
    half = len(keys) // 2
    return f"OR {any_of(keys[:half])} {any_of(keys[half:])}"


class _Plain(imaplib.IMAP4):
    """A client that refuses to read more than a session may."""

    received = 0

    def read(self, size: int) -> bytes:
        self.received += _allowed(self.received, size)
        return super().read(size)


class _Tls(imaplib.IMAP4_SSL):
    received = 0

    def read(self, size: int) -> bytes:
        self.received += _allowed(self.received, size)
        return super().read(size)


def _allowed(received: int, size: int) -> int:
    if received + size > LARGEST_SESSION:
        raise imaplib.IMAP4.abort("it sends more than was asked for")
    return size


def _cut(client: imaplib.IMAP4) -> None:
    """End whatever waits for the server; closing alone would not wake it."""
    with contextlib.suppress(OSError):
        client.sock.shutdown(socket.SHUT_RDWR)


def _leave(client: imaplib.IMAP4) -> None:
    with contextlib.suppress(OSError, imaplib.IMAP4.error, *_NO_IMAP):
        client.sock.settimeout(2.0)
        client.logout()


def _bearer(user: str, token: str) -> Callable[[bytes], bytes]:
    """The answer to the server's first prompt, and an empty one to the reason of a refusal."""
    answers = iter([f"user={user}\x01auth=Bearer {token}\x01\x01".encode()])
    return lambda _prompt: next(answers, b"")


def _ok(answer: tuple[str, list[Any]]) -> list[Any]:
    status, lines = answer
    if status != "OK":
        raise imaplib.IMAP4.error(lines[0] if lines else status)
    return lines


def _fetched(answer: Sequence[Any]) -> Iterator[Fetched]:
    """Servers may give the attributes in any order, and news of other mails in between."""
    for place, item in enumerate(answer):
        if isinstance(item, tuple):
            after = answer[place + 1] if place + 1 < len(answer) else b""
            about, raw = item[0] + b" " + (after if isinstance(after, bytes) else b""), item[1]
        elif item and (short := _SHORT.search(item)):
            about, raw = item, re.sub(rb"\\(.)", rb"\1", short[1] or b"")
        else:
            continue
        uid, at, size = _UID.search(about), _AT.search(about), _SIZE.search(about)
        if not (uid and at and size):
            raise ValueError("a mail without its attributes")
        yield Fetched(int(uid[1]), _time(at[1]), int(size[1]), raw)


def _time(text: bytes) -> datetime:
    return parsedate_to_datetime(text.decode("ascii").strip()).astimezone(UTC)


def _joined(item: Any) -> bytes:
    """A line of an answer; a literal in it stands beside it."""
    return b" ".join(item) if isinstance(item, tuple) else bytes(item)


def _quoted(text: str) -> str:
    if not text.isascii() or not text.isprintable():
        raise ValueError("a character that cannot be searched for")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def folder_name(name: str) -> str:
    """A folder's name as a server reads it. Raises ValueError for what none can have."""
    return _quoted(_utf7(name))


def _utf7(name: str) -> str:
    """A folder's name in the encoding of RFC 3501 5.1.3."""
    runs = re.split(r"([^\x20-\x7e]+)", name.replace("&", "&-"))
    return "".join(_shifted(run) if index % 2 else run for index, run in enumerate(runs))


def _shifted(run: str) -> str:
    coded = run.encode("utf-7").decode("ascii").removeprefix("+").removesuffix("-")
    return f"&{coded.replace('/', ',')}-"


def _words(error: Exception) -> str:
    """The server's words or the system's, on one line; they are outside text."""
    said = error.args[-1] if error.args else ""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return one_line(text, 120).rstrip(".") or type(error).__name__
