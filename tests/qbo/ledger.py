"""A little QuickBooks in memory: rows, the queries we make, and faults on demand."""

import json
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import httpx

from qbo import QuickBooks

REALM = "4620816365000000001"
Row = dict[str, Any]
Answer = Callable[[httpx.Request], httpx.Response]


def invoice(number: int, customer: str = "311", balance: object = 10, **more: object) -> Row:
    """One row as a query would return it."""
    return {
        "Id": str(number),
        "SyncToken": "0",
        "CustomerRef": {"value": customer, "name": "Lantern Row Printers"},
        "TxnDate": "2026-09-02",
        "TotalAmt": 845,
        "Balance": balance,
        **more,
    }


def fault(code: str, status: int = 400, message: str = "m", detail: str = "d") -> httpx.Response:
    error = {"Message": message, "Detail": detail, "code": code}
    return httpx.Response(status, json={"Fault": {"Error": [error], "type": "ValidationFault"}})


class Purse:
    """A Budget that answers with the `waits` it was given, then with none, and keeps a diary."""

    def __init__(self, *waits: float) -> None:
        self._waits = list(waits)
        self.taken: list[int] = []
        self.held: list[tuple[str, float]] = []

    def take(self, realm: str, metered: int, clock: Callable[[], datetime]) -> float:
        wait = self._waits.pop(0) if self._waits else 0.0
        self.taken += [] if wait else [metered]
        return wait

    def hold(self, realm: str, seconds: float, now: datetime) -> None:
        self.held.append((realm, seconds))


class Ledger:
    """Answers requests from `rows`; `answers` overrides a path, `poisoned` ids break a page."""

    def __init__(self, **rows: Iterable[Row]) -> None:
        self.rows: dict[str, list[Row]] = {name: list(some) for name, some in rows.items()}
        self.poisoned: set[str] = set()
        self.answers: dict[str, Answer] = {}
        self.requests: list[httpx.Request] = []
        self.largest_answer = 1000

    def client(self, **options: Any) -> QuickBooks:
        return QuickBooks(
            REALM,
            httpx.BasicAuth("any", "thing"),
            base_url="https://quickbooks.example",
            transport=httpx.MockTransport(self),
            **options,
        )

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        path = request.url.path.removeprefix(f"/v3/company/{REALM}/")
        if path in self.answers:
            return self.answers[path](request)
        return {"query": self._query, "batch": self._batch}[path](request)

    @property
    def statements(self) -> list[str]:
        return [request.url.params.get("query", "") for request in self.requests]

    def _query(self, request: httpx.Request) -> httpx.Response:
        entity, rows = self._select(request.url.params["query"])
        if any(row["Id"] in self.poisoned for row in rows):
            return fault("4002", 400, "Processing error", "To email address entered is invalid")
        return httpx.Response(200, json={"QueryResponse": {entity: rows} if rows else {}})

    def _batch(self, request: httpx.Request) -> httpx.Response:
        items = []
        for asked in json.loads(request.content)["BatchItemRequest"]:
            entity, rows = self._select(asked["Query"])
            bad = any(row["Id"] in self.poisoned for row in rows)
            answer = fault("4002").json() if bad else {"QueryResponse": {entity: rows}}
            items.append({**answer, "bId": asked["bId"]})
        return httpx.Response(200, json={"BatchItemResponse": items[::-1], "time": "t"})

    def _select(self, statement: str) -> tuple[str, list[Row]]:
        form = r"SELECT \* FROM (\w+)(?: WHERE (.*?))? STARTPOSITION (\d+) MAXRESULTS (\d+)"
        match = re.fullmatch(form, statement)
        assert match, statement
        entity, conditions, start, size = match.groups()
        rows = [row for row in self.rows.get(entity, []) if _meets(row, conditions or "")]
        return entity, rows[int(start) - 1 :][: min(int(size), self.largest_answer)]


def _meets(row: Row, conditions: str) -> bool:
    some_ids = {"Id": row.get("Id"), "CustomerRef": row.get("CustomerRef", {}).get("value")}
    for field, listed in re.findall(r"(Id|CustomerRef) IN \(([^)]*)\)", conditions):
        if f"'{some_ids[field]}'" not in listed.split(","):
            return False
    return "Balance > '0'" not in conditions or row["Balance"] > 0
