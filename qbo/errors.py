"""What can go wrong between us and QuickBooks.

QuickBooksError                 message, permanent, action, code, status, intuit_tid
 ├── Unreachable                no readable answer; whether a write happened is unknown
 ├── Throttled                  too many requests, or the month's quota is used up: retry_after
 ├── TokenExpired               the access token is not accepted
 ├── ReauthRequired             a person has to connect the company again
 │    └── InvalidGrant          the refresh token itself was refused
 ├── Gone                       deleted, inactive, merged away or never there
 ├── Stale                      someone changed the object since we read it
 ├── BooksClosed                the accounting period is closed
 ├── ReadOnly                   the subscription lapsed
 ├── PoisonedPage               one bad record broke a whole answer
 ├── Refused                    a business rule said no: a person has to look
 │    └── Doubtful              perhaps only for now: once more, then a person
 └── OurBug                     we asked for something that does not exist
      ├── BadQuery              a statement QuickBooks cannot read
      └── NotAllowed            a call that is not on our own list

`permanent` means that the very same call cannot succeed later; `action` says what to do.
Messages are our own sentences. QuickBooks' details are shown only for the few codes about the
query language: others repeat parts of a token (3200) or the name of a person (5010).
"""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple

ROWS = b'{"QueryResponse"'  # how the answer to a query begins
LONGEST_FAULT = 10_000  # bytes
QUOTA_BACK_OFF = 60.0  # seconds; the documented wait, since no Retry-After is sent


class Action(StrEnum):
    """What the caller should do about an error."""

    REFRESH = "refresh the access token and try once more"
    REAUTH = "stop this company's work and ask a person to connect it again"
    GONE = "treat the object as deleted"
    STALE = "read the object again and decide again"
    WAIT = "wait, then try again"
    RETRY = "try again, a write with the same requestid"
    BISECT = "ask for less at a time until the bad record is found"
    PERSON = "tell a person"


class QuickBooksError(Exception):
    """The base class. `message` is for a person; `permanent`: repeating the call is useless."""

    action: ClassVar[Action] = Action.PERSON
    permanent: ClassVar[bool] = True

    def __init__(
        self,
        message: str,
        *,
        code: int = 0,
        status: int = 0,
        intuit_tid: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.intuit_tid = intuit_tid

    def __str__(self) -> str:
        facts = {"code": self.code, "status": self.status, "intuit_tid": self.intuit_tid}
        known = ", ".join(f"{name} {value}" for name, value in facts.items() if value)
        return f"{self.message} ({known})" if known else self.message


class Unreachable(QuickBooksError):
    """No answer, or none that is readable. A write may or may not have happened."""

    action = Action.RETRY
    permanent = False


class Throttled(QuickBooksError):
    """Too many requests, or the month's free reads are used up; wait `retry_after` seconds."""

    action = Action.WAIT
    permanent = False

    def __init__(self, message: str, *, retry_after: float = QUOTA_BACK_OFF, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.retry_after = retry_after


class TokenExpired(QuickBooksError):
    """The access token is not accepted, not even after a refresh."""

    action = Action.REFRESH
    permanent = False


class ReauthRequired(QuickBooksError):
    """The connection has ended until a person connects the company again."""

    action = Action.REAUTH


class InvalidGrant(ReauthRequired):
    """The refresh token was refused; another process may hold a newer one."""


class Gone(QuickBooksError):
    """The id is deleted, inactive, merged away or was never there (610, not 404)."""

    action = Action.GONE


class Stale(QuickBooksError):
    """Somebody changed the object since its SyncToken was read."""

    action = Action.STALE


class BooksClosed(QuickBooksError):
    """The accounting period is closed; nothing may be written into it."""


class ReadOnly(QuickBooksError):
    """The company's subscription lapsed: it can be read, not written."""


class PoisonedPage(QuickBooksError):
    """One bad record broke a whole answer; smaller requests find it."""

    action = Action.BISECT
    permanent = False


class Refused(QuickBooksError):
    """A business rule of QuickBooks said no."""


class Doubtful(Refused):
    """QuickBooks' catch-all refusal, sometimes a passing one: worth a second try, but no third.

    A refused write was not made, so the second try uses the same requestid.
    """

    action = Action.RETRY
    permanent = False


class OurBug(QuickBooksError):
    """The request itself is wrong: only we can fix it."""


class BadQuery(OurBug):
    """QuickBooks cannot read the statement."""


class NotAllowed(OurBug):
    """The call is not on the client's list; nothing was sent."""


class Meaning(NamedTuple):
    """What a code means: the error it becomes, and our sentence for a person."""

    error: type[QuickBooksError]
    sentence: str


REFUSED_TOKEN = "QuickBooks does not accept the access token"  # noqa: S105 - a sentence
LOST_ACCESS = "QuickBooks no longer accepts this connection; connect the company again"
PAGE_BROKEN = "QuickBooks could not put this answer together; one record in it may be damaged"
BAD_STATEMENT = "QuickBooks cannot read our query"
BAD_REQUEST = "QuickBooks does not know something in our request"

MEANINGS: Mapping[int, Meaning] = {
    100: Meaning(TokenExpired, REFUSED_TOKEN),
    120: Meaning(ReauthRequired, "The person who connected QuickBooks lost access; connect again"),
    500: Meaning(OurBug, BAD_REQUEST),
    610: Meaning(Gone, "QuickBooks no longer has this object, or it is inactive"),
    620: Meaning(Refused, "QuickBooks does not accept the link between these transactions"),
    2010: Meaning(OurBug, BAD_REQUEST),
    2020: Meaning(OurBug, BAD_REQUEST),
    2030: Meaning(OurBug, BAD_REQUEST),
    2050: Meaning(OurBug, BAD_REQUEST),
    2170: Meaning(OurBug, BAD_REQUEST),
    2210: Meaning(OurBug, BAD_REQUEST),
    2500: Meaning(OurBug, BAD_REQUEST),
    3001: Meaning(Throttled, "QuickBooks asks us to slow down; we try again in a minute"),
    3100: Meaning(ReauthRequired, LOST_ACCESS),
    3200: Meaning(TokenExpired, REFUSED_TOKEN),
    3201: Meaning(TokenExpired, REFUSED_TOKEN),
    4000: Meaning(BadQuery, BAD_STATEMENT),
    4001: Meaning(BadQuery, BAD_STATEMENT),
    4002: Meaning(PoisonedPage, PAGE_BROKEN),
    5010: Meaning(Stale, "The object was changed in QuickBooks in the meantime"),
    5020: Meaning(Refused, "QuickBooks does not permit this, or the feature is switched off"),
    6000: Meaning(Doubtful, "QuickBooks refused the request for a business reason"),
    6002: Meaning(Unreachable, "QuickBooks' gateway did not answer in time"),
    6140: Meaning(Refused, "QuickBooks already has a document with this number"),
    6190: Meaning(ReadOnly, "The QuickBooks subscription lapsed; the company is read-only"),
    6210: Meaning(BooksClosed, "The accounting period is closed in QuickBooks"),
    6240: Meaning(Refused, "QuickBooks already has an object with this name"),
    6540: Meaning(Refused, "The transaction was deposited and is locked in QuickBooks"),
    10000: Meaning(PoisonedPage, PAGE_BROKEN),
}
"""QuickBooks' error codes; what to do about each is the `action` of its error."""

COMPANY_WIDE = frozenset(
    code
    for code, meaning in MEANINGS.items()
    if issubclass(meaning.error, TokenExpired | ReauthRequired | Throttled)
)
"""Errors that hold for every call of a company, even if only one item of an answer has them."""

# The details of these codes name properties, positions or paths, never people or tokens.
DETAIL_IS_HARMLESS = frozenset({500, 2010, 2020, 4000, 4001})


class _Fault(NamedTuple):
    code: int
    words: str
    detail: str


def parse_fault(
    status: int, content_type: str, body: bytes, intuit_tid: str = ""
) -> QuickBooksError | None:
    """The error in an answer, or None (even a 2xx may have one).

    Understands `Fault` and `fault` in JSON, Intuit's XML, and HTML or nothing from a gateway. The
    fault of a single item among several counts only if it is COMPANY_WIDE.
    """
    fault = _json_fault(body) if _may_hold_fault(content_type, body) else None
    fault = fault or _xml_fault(body)
    if fault:
        return _error(fault, status, intuit_tid)
    return None if 200 <= status < 300 else _by_status(status, intuit_tid)


def fault_in(answer: Mapping[str, Any], intuit_tid: str = "") -> QuickBooksError | None:
    """The error in a parsed JSON object: a whole answer, or one item of a batch."""
    fault = _fault_of(answer)
    return _error(fault, 0, intuit_tid) if fault else None


def _may_hold_fault(content_type: str, body: bytes) -> bool:
    """Whether a fault is possible. Megabytes of rows are not searched: it would be at the end."""
    searched = body[-LONGEST_FAULT:] if body.startswith(ROWS) else body
    named = b'"Fault"' in searched or b'"fault"' in searched
    return named and ("json" in content_type.lower() or body.lstrip()[:1] == b"{")


def _json_fault(body: bytes) -> _Fault | None:
    try:
        answer = json.loads(body, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None
    return _fault_of(answer) or _company_wide(answer) if isinstance(answer, dict) else None


def _company_wide(answer: Mapping[str, Any]) -> _Fault | None:
    listed = (answer.get(name) for name in ("BatchItemResponse", "CDCResponse"))
    items = [item for some in listed if isinstance(some, list) for item in some]
    faults = [fault for item in items if isinstance(item, dict) and (fault := _fault_of(item))]
    return next((fault for fault in faults if fault.code in COMPANY_WIDE), None)


def _fault_of(answer: Mapping[str, Any]) -> _Fault | None:
    fault = _lowered(answer.get("Fault") or answer.get("fault"))
    if not fault:
        return None
    errors = fault.get("error")
    first = _lowered(errors[0]) if isinstance(errors, list) and errors else {}
    words, detail = str(first.get("message") or ""), str(first.get("detail") or "")
    return _Fault(_code(str(first.get("code") or ""), words), words, detail)


def _lowered(thing: object) -> dict[str, Any]:
    return {str(k).lower(): v for k, v in thing.items()} if isinstance(thing, dict) else {}


# Patterns, not an XML parser: the text is untrusted, and only three pieces of it matter.
_XML_ERROR = re.compile(r"<(?:\w+:)?Error\b([^>]*)>", re.IGNORECASE)
_XML_CODE = re.compile(r"""\bcode\s*=\s*["'](\d+)""", re.IGNORECASE)
_XML_WORDS = re.compile(r"<(?:\w+:)?Message>([^<]*)<", re.IGNORECASE)
_XML_DETAIL = re.compile(r"<(?:\w+:)?Detail>([^<]*)<", re.IGNORECASE)
_CODE_IN_WORDS = re.compile(r"errorCode=(\d+)")


def _xml_fault(body: bytes) -> _Fault | None:
    text = body.decode("utf-8", "replace") if body.lstrip()[:1] == b"<" else ""
    error = _XML_ERROR.search(text) if "<Fault" in text else None
    if not error:
        return None
    words, code = _first(_XML_WORDS, text), _first(_XML_CODE, error[1])
    return _Fault(_code(code, words), words, _first(_XML_DETAIL, text))


def _first(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match[1] if match else ""


def _code(code: str, words: str) -> int:
    """`003001` is 3001; if the code is 0 or missing, the message often still names it."""
    number = int(code) if code.isascii() and code.isdigit() and len(code) < 9 else 0
    return number or int(_first(_CODE_IN_WORDS, words)[:9] or 0)


def _error(fault: _Fault, status: int, intuit_tid: str) -> QuickBooksError:
    meaning = MEANINGS.get(fault.code)
    if meaning is None or (status >= 500 and issubclass(meaning.error, OurBug)):
        return _by_status(status, intuit_tid, fault.code)
    kind, sentence = _closer_look(fault, meaning)
    return kind(sentence, code=fault.code, status=status, intuit_tid=intuit_tid)


def _closer_look(fault: _Fault, meaning: Meaning) -> Meaning:
    if fault.code == 5010 and "period closed" in f"{fault.words} {fault.detail}".lower():
        return MEANINGS[6210]
    if fault.code in DETAIL_IS_HARMLESS and fault.detail.isprintable():
        return Meaning(meaning.error, f"{meaning.sentence}: {fault.detail[:200]}")
    return meaning


def _by_status(status: int, intuit_tid: str, code: int = 0) -> QuickBooksError:
    kind, sentence = _meaning_of_status(status, code)
    return kind(sentence, code=code, status=status, intuit_tid=intuit_tid)


def _meaning_of_status(status: int, code: int) -> Meaning:
    if status == 401:
        return MEANINGS[3200]
    if status == 429:
        return MEANINGS[3001]
    if status in {0, 200, 400} or (code and status < 500):
        return Meaning(Refused, "QuickBooks refused the request for a reason we do not know")
    return Meaning(Unreachable, "QuickBooks did not answer in a form we can read")
