"""The calls that reach QuickBooks Online: a fixed list, each paced, and its faults raised.

There is no client library underneath: the known ones refresh tokens behind our back, have no
timeouts and read money as floats. Intuit's accounting scope permits reading and writing everything,
so CALLS is what narrows it. The only kind of write is an Attachable note, which can be taken back;
no call changes, voids or deletes an accounting record.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote as percent_encode
from urllib.parse import urlencode

import httpx

from qbo import pacing
from qbo.answers import Raw
from qbo.errors import NotAllowed, QuickBooksError, Throttled, Unreachable, parse_fault
from qbo.models import AN_ID
from qbo.oauth import certificates
from qbo.pacing import Budget, Patience, utc_now

MINOR_VERSION = "75"
TIMEOUT = httpx.Timeout(connect=5, write=10, read=60, pool=10)  # seconds; pages of 1000 are slow
LONGEST_PACE = 10.0  # seconds to wait for the budget before giving up the thread
MOST_TRIES = 3  # attempts for an unanswered call, if the caller is patient
PAUSE = 5.0  # seconds before the second attempt, and as many more before each further one

CALLS: Mapping[tuple[str, str], int] = {
    ("GET", "companyinfo/{id}"): 1,
    ("GET", "preferences"): 1,
    ("GET", "query"): 1,
    ("GET", "cdc"): 1,
    ("POST", "batch"): 1,  # of queries only; each query counts
    ("GET", "invoice/{id}"): 1,
    ("GET", "invoice/{id}/pdf"): 1,
    ("GET", "payment/{id}"): 1,
    ("GET", "creditmemo/{id}"): 1,
    ("POST", "attachable"): 0,
    ("POST", "attachable?operation=delete"): 0,
}
"""Every call the client can make, and how many metered reads it costs.

The key is (method, path under /v3/company/{realm}/).
"""


class Transport:
    """One company's way to QuickBooks. Thread-safe; close it, or use it as a context manager."""

    def __init__(
        self,
        realm: str,
        auth: httpx.Auth,
        *,
        base_url: str,
        budget: Budget | None = None,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.realm = an_id(realm)
        self._budget = budget
        self._clock = clock
        self._sleep = sleep
        self._http = httpx.Client(
            auth=auth,
            base_url=f"{base_url.rstrip('/')}/v3/company/{realm}/",
            timeout=TIMEOUT,
            verify=certificates(),
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def _call(
        self,
        method: str,
        path: str,
        *,
        wanted: str = "",
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        accept: str = "application/json",
        times: int = 1,
    ) -> httpx.Response:
        """The only way to the network; raises NotAllowed for calls that are not in CALLS.

        A fault is raised as its QuickBooksError, even if it came with a 200.

        `wanted` fills the path's `{id}`; `times` is how many times the call counts as metered.
        """
        if (method, path) not in CALLS:
            raise NotAllowed(f"{method} {path} is not among the calls we make")
        url = _address(path, wanted, params or {})
        tries = 0
        while True:
            self._pace(CALLS[method, path] * times)
            try:
                return self._asked(method, url, body, accept)
            except Throttled as error:
                self._wait_out(error, error.retry_after)
            except Unreachable as error:
                tries += 1
                if tries == MOST_TRIES:
                    raise
                self._wait_out(error, PAUSE * tries)

    def _wait_out(self, error: QuickBooksError, seconds: float) -> None:
        """Sleep if the caller is patient, so that a long reading need not start over; or raise."""
        patience = pacing.patience()
        if patience is None or not patience.spend(seconds):
            raise error
        self._sleep(seconds)

    def _asked(
        self, method: str, url: str, body: Mapping[str, Any] | None, accept: str
    ) -> httpx.Response:
        response = self._send(method, url, body, accept)
        if error := _fault(response):
            raise error
        return response

    def _send(
        self, method: str, url: str, body: Mapping[str, Any] | None, accept: str
    ) -> httpx.Response:
        try:
            return self._http.request(method, url, json=body, headers={"Accept": accept})
        except httpx.RequestError as error:
            raise Unreachable(f"QuickBooks cannot be reached ({type(error).__name__})") from error

    def _pace(self, metered: int) -> None:
        patience = pacing.patience() or Patience(LONGEST_PACE)
        while self._budget:
            wait = self._budget.take(self.realm, metered, self._clock)
            if wait <= 0:
                return
            if not patience.spend(wait):
                raise Throttled("This company has used up its requests", retry_after=wait)
            self._sleep(wait)


def parsed(response: httpx.Response) -> Raw:
    """The JSON object in an answer, amounts exact. Raises Unreachable if it has none."""
    try:
        answer = json.loads(response.content, parse_float=Decimal)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise Unreachable("QuickBooks sent an answer we cannot read")
    return answer


def _address(path: str, wanted: str, params: Mapping[str, str]) -> str:
    """Percent-encode everything, spaces too: QuickBooks does not read `+` as a space in a query."""
    bare, _, fixed = path.replace("{id}", an_id(wanted) if "{id}" in path else "").partition("?")
    query = urlencode({**params, "minorversion": MINOR_VERSION}, quote_via=percent_encode, safe="")
    return f"{bare}?{fixed}&{query}" if fixed else f"{bare}?{query}"


def an_id(text: str) -> str:
    """Check an id, since it comes from outside and becomes part of a path: letters, digits, `-`."""
    if not re.fullmatch(AN_ID, text):
        raise NotAllowed("This is not an id of QuickBooks")
    return text


def _fault(response: httpx.Response) -> QuickBooksError | None:
    kind = response.headers.get("Content-Type", "")
    return parse_fault(response.status_code, kind, response.content, _tid(response))


def _tid(response: httpx.Response) -> str:
    """Intuit's id of the request, to quote to their support; gateway pages have none."""
    return str(response.headers.get("intuit_tid") or response.headers.get("Intuit-Tid") or "")
