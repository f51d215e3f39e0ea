"""Asks an outside service for JSON, with limits on time, size and pace; faults become sentences.

Only for reading: an unanswered request may be repeated.
"""

from __future__ import annotations

import json
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import httpx
import structlog
from pydantic import BaseModel, ValidationError

from jobs.sources.source import SourceError
from qbo.oauth import certificates

TIMEOUT = httpx.Timeout(connect=5, write=10, read=20, pool=30)
LONGEST_ANSWER = 30.0
"""Seconds until an answer must be complete, however steadily it trickles."""
LONGEST_READING = 180.0
"""Seconds for all requests of one reading, pauses included."""
LARGEST = 16 * 1024 * 1024
"""Bytes of one answer."""
MOST_TRIES = 3
MOST_PAGES = 200
PAUSE = 1.0
"""Seconds before the second attempt; twice as long before the third."""
PAUSE_ASKED = 10.0
"""Seconds without requests where a service permits no more and does not say for how long."""
LONGEST_PAUSE = 70.0
"""The longest pause a service may ask for: limits are counted by the minute."""

Raw = dict[str, Any]
Headers = Mapping[str, str]
T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

slog = structlog.get_logger()


class ServiceError(SourceError):
    """The service refused or failed; `status` is 0 where there was no answer."""

    def __init__(self, message: str, status: int = 0, pause: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.pause = pause
        """Seconds to wait before another attempt, 0 if the service does not say; None: another
        attempt would not help."""


@dataclass(frozen=True)
class RequestRate:
    """How often a service may be asked: so many requests at once, and so many a second."""

    per_second: float
    at_once: int


class RequestPace:
    """How soon the next request may go. Thread-safe."""

    def __init__(self, rate: RequestRate, sleep: Callable[[float], None]) -> None:
        self._gap, self._ahead, self._sleep = 1 / rate.per_second, rate.at_once - 1, sleep
        self._next = 0.0
        self._lock = threading.Lock()

    def take(self, before: float) -> bool:
        """Wait for a turn; False, at once, if it would come later than `before` (monotonic)."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next - self._ahead * self._gap)
            if turn > before:
                return False
            self._next = max(now, self._next) + self._gap
        if turn > now:
            self._sleep(turn - now)
        return True

    def hold(self, seconds: float) -> None:
        """No request for so many seconds from now, by any thread."""
        with self._lock:
            until = time.monotonic() + seconds + self._ahead * self._gap
            self._next = max(self._next, until)


@dataclass(frozen=True)
class Wording:
    """How a service is called in sentences, and what helps against a status."""

    name: str
    remedies: Mapping[int, str]


class Service:
    """The HTTP side of one source. Thread-safe."""

    def __init__(
        self,
        wording: Wording,
        base_url: str,
        rates: Mapping[str, RequestRate],
        sleep: Callable[[float], None] = time.sleep,
        timeout: httpx.Timeout = TIMEOUT,
    ) -> None:
        """`rates` are by kind of request; the usual kind is ""."""
        self.wording = wording
        self._paces = {kind: RequestPace(rate, sleep) for kind, rate in rates.items()}
        self._http = httpx.Client(
            base_url=base_url, timeout=timeout, verify=certificates(), follow_redirects=False
        )

    def reading(self) -> ServiceReading:
        """A new reading, whose time begins now."""
        return ServiceReading(self, time.monotonic() + LONGEST_READING)

    def close(self) -> None:
        self._http.close()

    def ask(self, request: Request, headers: Headers, ends: float) -> Raw:
        """The JSON object that answers. Raises ServiceError."""
        for attempt in range(MOST_TRIES):
            if not self._paces[request.kind].take(ends):
                break
            try:
                return self._once(request, headers)
            except ServiceError as error:
                last = attempt == MOST_TRIES - 1
                if error.pause is None or last or error.pause > LONGEST_PAUSE:
                    raise
                for pace in self._paces.values():
                    pace.hold(error.pause or PAUSE * 2**attempt)
        raise ServiceError(f"{self.wording.name} takes too long to answer everything.")

    def _once(self, request: Request, headers: Headers) -> Raw:
        try:
            response, content = self._exchange(request, headers)
        except httpx.HTTPError as error:
            slog.warning("source_unreachable", source=self.wording.name, error=type(error).__name__)
            raise self._no_answer(error) from error
        parsed = _parsed(content)
        if response.status_code in (200, 207) and parsed is not None:
            return parsed
        raise self._refusal(request, response, parsed)

    def _exchange(self, request: Request, headers: Headers) -> tuple[httpx.Response, bytes]:
        began, content = time.monotonic(), bytearray()
        with self._http.stream(
            request.method,
            request.path,
            params=request.params,
            json=request.body,
            headers={"Accept": "application/json", **headers},
        ) as response:
            for piece in response.iter_bytes():
                content += piece
                if len(content) > LARGEST:
                    raise ServiceError(f"{self.wording.name} sent an answer that is too large.")
                if time.monotonic() - began > LONGEST_ANSWER:
                    raise ServiceError(f"{self.wording.name} takes too long to answer.")
        return response, bytes(content)

    def _no_answer(self, error: httpx.HTTPError) -> ServiceError:
        name = self.wording.name
        if isinstance(error, httpx.TimeoutException):
            return ServiceError(f"{name} does not answer in time.")
        if isinstance(error, httpx.DecodingError):
            return ServiceError(f"{name} sent an answer that cannot be read.")
        if any(isinstance(cause, ssl.SSLError) for cause in _causes(error)):
            return ServiceError(f"{name} cannot be reached over a trusted TLS connection.")
        if isinstance(error, httpx.ConnectError):
            return ServiceError(f"{name} cannot be reached.", pause=0)
        return ServiceError(f"{name} broke off the connection.", pause=0)

    def _refusal(
        self, request: Request, response: httpx.Response, body: Raw | None
    ) -> ServiceError:
        name, status = self.wording.name, response.status_code
        slog.warning(
            "source_refused",
            source=name,
            path=request.path,
            status=status,
            trace=_trace(response.headers, body),
        )
        if status == 429:
            wait = _seconds(response.headers.get("Retry-After", "")) or PAUSE_ASKED
            return ServiceError(f"{name} permits no more requests for now.", status, wait)
        if status >= 500:
            return ServiceError(f"{name} has a fault of its own ({status}).", status, 0)
        if status in (200, 207):
            return ServiceError(f"{name} sent an answer that cannot be read.")
        remedy = self.wording.remedies.get(status)
        return ServiceError(remedy or f"{name} refused the request ({status}).", status)


@dataclass(frozen=True)
class Request:
    """One question. `path` has ids of the service in it and nothing that somebody wrote."""

    method: str
    path: str
    params: Mapping[str, str] | None = None
    body: Raw | None = None
    kind: str = ""


@dataclass(frozen=True)
class ServiceReading:
    """The requests of one reading, with one limit of time for all of them. Thread-safe."""

    service: Service
    ends: float

    def ask(self, request: Request, headers: Headers) -> Raw:
        """The JSON object that answers. Raises ServiceError."""
        return self.service.ask(request, headers, self.ends)

    def unreadable(self) -> ServiceError:
        """The error for an answer that is JSON, but not what was asked for."""
        return ServiceError(f"{self.service.wording.name} sent an answer that cannot be read.")

    def parsed(self, kind: type[M], raw: object) -> M:
        """An object of this kind. Raises ServiceError."""
        try:
            return kind.model_validate(raw)
        except ValidationError:
            raise self.unreadable() from None  # it would repeat what it could not read

    def rows(self, kind: type[M], raws: Iterable[object]) -> tuple[list[M], list[object]]:
        """Those that are objects of this kind, and those that cannot be read."""
        found: list[M] = []
        odd: list[object] = []
        for raw in raws:
            try:
                found.append(kind.model_validate(raw))
            except ValidationError:
                odd.append(raw)
        return found, odd

    def listed(self, page: Raw, name: str) -> list[Any]:
        """The list of this name in an answer. Raises ServiceError if there is none."""
        found = page.get(name)
        if not isinstance(found, list):
            raise self.unreadable()
        return found

    def pages(
        self, ask: Callable[[str], Raw], after: Callable[[Raw], str], first: str = ""
    ) -> Iterator[Raw]:
        """Every page; `after` gives the cursor of the next one, empty at the end.

        Raises ServiceError where the list has no end: a cursor that comes again, too many pages.
        """
        cursor, seen = first, {first}
        for _ in range(MOST_PAGES):
            page = ask(cursor)
            yield page
            cursor = after(page)
            if not cursor:
                return
            if cursor in seen:
                break
            seen.add(cursor)
        raise ServiceError(f"{self.service.wording.name} sent a list that has no end.")


def chunks(values: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    """The values in groups of at most `size`."""
    rest = iter(values)
    while group := tuple(islice(rest, size)):
        yield group


def _parsed(content: bytes) -> Raw | None:
    """The object in it; None for anything else."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _seconds(text: str) -> float:
    """What Retry-After asks for; 0 where it says nothing that is understood."""
    return float(text) if re.fullmatch(r"\d{1,6}(\.\d{1,3})?", text) else 0


def _trace(headers: httpx.Headers, body: Raw | None) -> str:
    """The service's own id for this request, for its support."""
    found = str((body or {}).get("correlationId") or headers.get("x-request-id", ""))
    return found if re.fullmatch(r"[\w-]{1,64}", found) else ""
