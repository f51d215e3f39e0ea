"""`python -m tests.bench.outside CUSTOMERS`: every source and the model, as slow as real ones.

A process of its own, so that what is measured holds nothing of it. It prints one line of JSON, the
product's settings that point at it, and ends when its standard input does. Each customer has one
overdue invoice with a memo, three CRM notes, one ticket and three mails, of 1,500 characters each.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from tests.bench.big_ledger import AN_HOUR
from tests.sandbox import company, hubspot, zendesk
from tests.sandbox.company import Company
from tests.sandbox.quickbooks.limits import Limits
from tests.sandbox.stand_ins import StandIns, stand_ins
from tests.sandbox.world import serve

SECONDS = {"/quickbooks/v3/": 0.2, "/hubspot/": 0.2, "/zendesk/": 0.2, "/model/v1/": 2.0}
"""How long each of them takes to answer, by the beginning of the path."""
IMAP_SECONDS = 0.2
LENGTH = 1500
SENTENCES = (
    "Thank you for the goods that came last week, they are on the shelves now.",
    "Our warehouse has moved to the second floor of the building by the river.",
    "The new colleague at the desk is called Morgan and takes over from Sam.",
    "We would like to talk about the spring collection when the season is over.",
    "The pallets stand behind the gate, the driver can take them back at any time.",
    "Please use the side entrance while the street in front of the shop is closed.",
    "The samples were well received, and the team has chosen the lighter of the two.",
    "Our opening hours change with the month, mornings only from Monday to Friday.",
)


def text(number: int) -> str:
    """A harmless text of that length, unlike any other, broken into lines as in a mail."""
    said = [f"Dear all, this is letter number {number}."]
    for n in count(number):
        if sum(map(len, said)) + len(said) >= LENGTH:
            return "\n".join(said)[:LENGTH]
        said.append(SENTENCES[n * 7 % len(SENTENCES)])
    raise AssertionError("never")


def books(customers: int) -> dict[str, Any]:
    """The company's file."""
    everybody = range(1, customers + 1)
    return {
        "company": {"CompanyName": "Brass Fern Supply", "DefaultTimeZone": "America/New_York"},
        "customers": [_customer(n) for n in everybody],
        "invoices": [_invoice(n) for n in everybody],
        "crm": [_contact(n) for n in everybody],
        "tickets": [_ticket(n) for n in everybody],
        "mails": [_mail(n, which) for n in everybody for which in range(3)],
    }


def _address(n: int) -> str:
    return f"billing@customer{n}.example"


def _customer(n: int) -> dict[str, Any]:
    return {
        "Id": str(n),
        "DisplayName": f"Customer {n} Trading",
        "PrimaryEmailAddr": {"Address": _address(n)},
    }


def _invoice(n: int) -> dict[str, Any]:
    return {
        "Id": str(100_000 + n),
        "DocNumber": f"A-{n}",
        "CustomerRef": {"value": str(n)},
        "TotalAmt": f"{50 + n % 900}.25",
        "TxnDate": f"today-{40 + n % 9}",
        "DueDate": f"today-{10 + n % 9}",
        "CustomerMemo": {"value": text(10 * n)[: LENGTH // 2] + text(10 * n + 9)[LENGTH // 2 :]},
    }


def _contact(n: int) -> dict[str, Any]:
    notes = [{"at": f"today-{8 + k}", "text": text(10 * n + 1 + k)} for k in range(3)]
    return {"email": _address(n), "name": f"Ada {n}", "company": f"Customer {n}", "notes": notes}


def _ticket(n: int) -> dict[str, Any]:
    said = {"at": "today-9", "author": _address(n), "public": True, "text": text(10 * n + 4)}
    return {
        "id": 5000 + n,
        "requester": _address(n),
        "subject": "Opening hours",
        "status": "open",
        "created": "today-9",
        "comments": [said],
    }


def _mail(n: int, which: int) -> dict[str, Any]:
    return {
        "from": _address(n),
        "to": "accounts@brass-fern.example",
        "subject": f"Hello {which}",
        "at": f"today-{8 + which}",
        "text": text(10 * n + 5 + which),
        "message_id": f"<{n}-{which}@customer{n}.example>",
    }


class Slow:
    """Answers each request only after a while, as a service far away does."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait, then serve."""
        if scope["type"] == "http":
            found = (s for start, s in SECONDS.items() if scope["path"].startswith(start))
            await asyncio.sleep(next(found, 0.0))
        await self._app(scope, receive, send)


@contextlib.contextmanager
def started(customers: int) -> Iterator[dict[str, str]]:
    """Run it for the length of the block; gives the settings."""
    command = [sys.executable, "-m", "tests.bench.outside", str(customers)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            settings: dict[str, str] = json.loads(process.stdout.readline())
            yield settings
        finally:
            process.stdin.close()
            process.wait(AN_HOUR)


def _fill(outside: StandIns, made: Company) -> str:
    generous = Limits(per_second=10_000, per_minute=100_000)
    realm = outside.quickbooks.add_company(made, limits=generous)
    outside.hubspot.load(made)
    outside.hubspot.limits = hubspot.Limits(searches_per_second=5)
    outside.zendesk.load(made)
    outside.zendesk.limits = zendesk.Limits(per_minute=2500)
    outside.inbox.load(made)
    outside.inbox.seconds = IMAP_SECONDS
    return realm


def main(customers: int) -> None:
    """Serve until standard input ends."""
    with stand_ins(None) as outside:
        realm = _fill(outside, company.build(books(customers)))
        with serve(Slow(outside.world.app())) as url:
            there = {n: v.replace(outside.url, url) for n, v in outside.settings().items()}
            print(json.dumps(there | {"realm": realm, "control": url}), flush=True)
            sys.stdin.read()


if __name__ == "__main__":
    main(int(sys.argv[1]))
