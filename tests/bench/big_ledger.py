"""`python -m tests.bench.big_ledger INVOICES CUSTOMERS [keep]`: the stand-in with a large company.

A process of its own, so that what is measured holds nothing of it. It prints one line of JSON, the
product's settings that point at it, and ends when its standard input does.
"""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.sandbox import company
from tests.sandbox.quickbooks.limits import Limits
from tests.sandbox.quickbooks.service import QuickBooks
from tests.sandbox.world import World, serve

AN_HOUR = 3600
ADDRESS = {
    "Id": "7",
    "Line1": "Accounts payable",
    "Line2": "12 Mill Lane",
    "City": "Astoria",
    "CountrySubDivisionCode": "OR",
    "PostalCode": "97103",
    "Lat": "INVALID",
    "Long": "INVALID",
}
TAX = {
    "Amount": 0,
    "DetailType": "TaxLineDetail",
    "TaxLineDetail": {"TaxRateRef": {"value": "3"}, "PercentBased": True, "TaxPercent": 0},
}
SUBTOTAL = {"Amount": 75, "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}}


@contextlib.contextmanager
def started(invoices: int, customers: int, *more: str) -> Iterator[dict[str, str]]:
    """Run it for the length of the block; gives the settings. `keep` makes it keep its answers."""
    command = [sys.executable, "-m", "tests.bench.big_ledger", str(invoices), str(customers), *more]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            settings: dict[str, str] = json.loads(process.stdout.readline())
            yield settings
        finally:
            process.stdin.close()
            process.wait(AN_HOUR)


def books(invoices: int, customers: int) -> dict[str, Any]:
    """Open invoices spread evenly, all overdue, each with all that a real one carries."""
    return {
        "company": {"CompanyName": "Brass Fern Supply", "DefaultTimeZone": "America/New_York"},
        "customers": [_customer(n) for n in range(1, customers + 1)],
        "invoices": [_invoice(n, 1 + n % customers) for n in range(invoices)],
    }


def _customer(n: int) -> dict[str, Any]:
    address = {"Address": f"billing@customer{n}.example"}
    return {"Id": str(n), "DisplayName": f"Customer {n}", "PrimaryEmailAddr": address}


def _invoice(n: int, customer: int) -> dict[str, Any]:
    return {
        "Id": str(100_000 + n),
        "DocNumber": f"A-{n}",
        "CustomerRef": {"value": str(customer), "name": f"Customer {customer}"},
        "TotalAmt": f"{50 + n % 900}.25",
        "TxnDate": f"today-{40 + n % 50}",
        "DueDate": f"today-{4 + n % 50}",
        "BillEmail": {"Address": f"billing@customer{customer}.example"},
        "BillAddr": ADDRESS,
        "ShipAddr": ADDRESS,
        "ShipFromAddr": ADDRESS,
        "FreeFormAddress": True,
        "SalesTermRef": {"value": "3", "name": "Net 30"},
        "CustomerMemo": {"value": ""},
        "TxnTaxDetail": {"TotalTax": 0, "TaxLine": [TAX]},
        "Line": [*(_line(n, number) for number in range(1, 4)), SUBTOTAL],
    }


def _line(n: int, number: int) -> dict[str, Any]:
    item = {"value": str(number), "name": "Design:Rock Fountain"}
    account = {"value": "79", "name": "Sales of Product Income"}
    detail = {"ItemRef": item, "UnitPrice": 25, "Qty": n % 9, "TaxCodeRef": {"value": "NON"}}
    return {
        "Id": str(number),
        "LineNum": number,
        "Description": "Rock fountain, delivered and set up",
        "Amount": 25,
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {**detail, "ItemAccountRef": account},
        "CustomExtensions": [],
    }


class Kept(QuickBooks):
    """Keeps the answers to queries once they are made: its own work is not what is measured."""

    def app(self) -> Any:
        served, answers = super().app(), dict[tuple[bytes, bytes, bytes], list[Message]]()

        async def kept(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or not scope["path"].endswith("/query"):
                await served(scope, receive, send)
                return
            asked = await Request(scope, receive).body()
            key = (scope["raw_path"], scope["query_string"], asked)
            if key not in answers:
                answers[key] = await _answer(served, scope, asked)
            for message in answers[key]:
                await send(message)

        return kept


async def _answer(app: ASGIApp, scope: Scope, asked: bytes) -> list[Message]:
    """What `app` sends for this request."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": asked, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


def _settings(quickbooks: QuickBooks, url: str, realm: str) -> dict[str, str]:
    base, oauth = f"{url}/quickbooks", quickbooks.oauth
    return {
        "QBO_CLIENT_ID": oauth.client_id,
        "QBO_CLIENT_SECRET": oauth.client_secret,
        "QBO_WEBHOOK_TOKENS": quickbooks.webhooks.verifier_token,
        "QBO_API_URL": base,
        "QBO_OAUTH_URL": f"{base}/oauth2/v1/tokens/bearer",
        "QBO_AUTHORIZE_URL": f"{base}/connect/oauth2",
        "QBO_REVOKE_URL": f"{base}/v2/oauth2/tokens/revoke",
        "realm": realm,
        "control": f"{url}/_/quickbooks",
    }


def main(invoices: int, customers: int, *, keep: bool) -> None:
    """Serve until standard input ends."""
    world = World()
    quickbooks = Kept(world) if keep else QuickBooks(world)
    limits = Limits(per_second=10_000, per_minute=100_000)
    made = company.build(books(invoices, customers))
    realm = quickbooks.add_company(made, limits=limits)
    world.add(quickbooks)
    with contextlib.closing(quickbooks), serve(world.app(), 0) as url:
        print(json.dumps(_settings(quickbooks, url, realm)), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), keep="keep" in sys.argv)
