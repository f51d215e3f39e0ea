"""`python -m tests.bench.reading ours|theirs`: fetch and parse every open invoice, in a process.

It reads the settings of a stand-in on standard input. Both readers hold all invoices in the end,
both through the same address; theirs is python-quickbooks as its own README uses it.
"""

import importlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from qbo import QuickBooks
from tests.bench import memory

PAGE = 1000
Outside = dict[str, str]
Reader = Callable[[Outside, str], Callable[[], list[Any]]]
"""Settings and a token → what reads; whatever is made once per process is made by then."""


class _Signed(httpx.Auth):
    """Signs with one token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override]
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


def ours(outside: Outside, token: str) -> Callable[[], list[Any]]:
    """Every open invoice, by the product's client."""
    client = QuickBooks(outside["realm"], _Signed(token), base_url=outside["QBO_API_URL"])
    return lambda: [invoice for page in client.open_invoices() for invoice in page]


def theirs(outside: Outside, token: str) -> Callable[[], list[Any]]:
    """The same, by python-quickbooks."""
    client = importlib.import_module("quickbooks.client").QuickBooks
    invoice = importlib.import_module("quickbooks.objects.invoice").Invoice
    signing = importlib.import_module("requests_oauthlib").OAuth2Session
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # plain http, which only loopback may speak
    session = signing(outside["QBO_CLIENT_ID"], token={"access_token": token})
    made = client(company_id=outside["realm"], minorversion=75, use_decimal=True)
    made.session, made.api_url_v3 = session, f"{outside['QBO_API_URL']}/v3"
    return lambda: _by_pages(invoice, made)


def _by_pages(invoice: Any, client: Any) -> list[Any]:
    found: list[Any] = []
    while True:
        page = invoice.where("Balance > '0'", "", 1 + len(found), PAGE, qb=client)
        found += page
        if len(page) < PAGE:
            return found


READERS: dict[str, Reader] = {"ours": ours, "theirs": theirs}


def token(outside: Outside) -> str:
    """Consent as a person would, and exchange the code."""
    back = "http://127.0.0.1:9/quickbooks/callback"
    query = {"client_id": outside["QBO_CLIENT_ID"], "redirect_uri": back, "state": "bench"}
    query |= {"response_type": "code", "scope": "com.intuit.quickbooks.accounting"}
    seen = httpx.get(outside["QBO_AUTHORIZE_URL"], params=query)
    code = httpx.URL(seen.headers["location"]).params["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back}
    auth = (outside["QBO_CLIENT_ID"], outside["QBO_CLIENT_SECRET"])
    answer = httpx.post(outside["QBO_OAUTH_URL"], data=form, auth=auth)
    return str(answer.json()["access_token"])


def main(reader: Reader) -> None:
    """Measure one reading; the stand-in keeps its answers from the reading before."""
    outside: Outside = json.loads(sys.stdin.readline())
    read = reader(outside, token(outside))
    before = memory.peak()
    began, cpu = time.perf_counter(), time.process_time()
    found = read()
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    grown = memory.peak() - before
    said = {"count": len(found), "seconds": took, "cpu": cpu, "megabytes": grown}
    print(json.dumps(said))


if __name__ == "__main__":
    main(READERS[sys.argv[1]])
