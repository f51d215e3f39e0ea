"""A ledger in memory that goes through the past of a table, day by day, and answers as QuickBooks
does: the product's own client reads it, but nothing leaves the process.
"""

from __future__ import annotations

import hashlib
import json
import operator
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from itertools import count
from typing import Any

import httpx

from jobs.reports.backtest.table import PastInvoice
from qbo.models import AN_ID
from qbo.query import Select, where

ENTERED = time(8)
"""When a payment is in the books on its day: after the morning's sweep. So whoever approves later
in the morning acts on a card that does not know of it, and the last check has to."""
PDF = b"%PDF-1.4\n"
Row = dict[str, Any]
Condition = Callable[[Row], bool]


class UnknownRequest(Exception):
    """The client asked for something that this ledger does not have; the text says what."""


class PastLedger:
    """The books as they stood at a moment; `advance` moves it. Threads may read meanwhile."""

    def __init__(self, invoices: Sequence[PastInvoice]) -> None:
        self.home = Counter(one.currency for one in invoices).most_common(1)[0][0]
        self._tables: dict[str, dict[str, Row]] = defaultdict(dict)
        self._by_customer: dict[tuple[str, str], list[Row]] = defaultdict(list)
        self._customers: dict[tuple[str, str], str] = {}
        self._addresses: dict[str, str] = {}
        for one in invoices:
            self._add_customer(one)
        self._ahead = sorted(_events(invoices), key=lambda event: (event[0], event[1].line))
        self._next = 0

    def customer_of(self, one: PastInvoice) -> str:
        """The id of the record that an invoice belongs to: one for each currency of a customer."""
        return self._customers[one.customer, one.currency]

    def advance(self, now: datetime) -> None:
        """Let everything up to `now` (UTC) happen: invoices are issued, and paid."""
        while self._next < len(self._ahead) and self._ahead[self._next][0] <= now:
            at, one, paid = self._ahead[self._next]
            self._next += 1
            if paid:
                self._pay(one, at)
            else:
                self._issue(one, at)

    def _add_customer(self, one: PastInvoice) -> None:
        """A text that could be an id of QuickBooks is the id, so that a policy's lines hold."""
        key = one.customer, one.currency
        if key in self._customers:
            return
        new = one.customer not in self._addresses
        own = new and re.fullmatch(AN_ID, one.customer)
        id = one.customer if own else hashlib.sha256("\n".join(key).encode()).hexdigest()[:32]
        number = len(self._addresses) + 1
        address = f"accounts@customer{number}.example"
        self._customers[key] = id
        self._tables["Customer"][id] = {
            "Id": id,
            "DisplayName": one.customer,
            "PrimaryEmailAddr": {"Address": self._addresses.setdefault(one.customer, address)},
            "CurrencyRef": {"value": one.currency},
            "Balance": "0",
        }

    def _issue(self, one: PastInvoice, at: datetime) -> None:
        row = {
            "Id": str(one.line),
            "DocNumber": one.number,
            "TxnDate": one.issued.isoformat(),
            "DueDate": one.due.isoformat(),
            "TotalAmt": str(one.amount),
            "Balance": str(one.amount),
            "EmailStatus": "EmailSent",
        }
        self._put("Invoice", one, at, row)
        self._owe(one, one.amount, at)

    def _pay(self, one: PastInvoice, at: datetime) -> None:
        line = {"TxnId": str(one.line), "TxnType": "Invoice"}
        row = {
            "Id": f"p{one.line}",
            "TxnDate": at.date().isoformat(),
            "TotalAmt": str(one.amount),
            "Line": [{"Amount": str(one.amount), "LinkedTxn": [line]}],
        }
        self._put("Payment", one, at, row)
        invoice = self._tables["Invoice"][str(one.line)]
        invoice |= {"Balance": "0", "SyncToken": "1", "MetaData": _changed(at)}
        self._owe(one, -one.amount, at)

    def _put(self, entity: str, one: PastInvoice, at: datetime, row: Row) -> None:
        id = self.customer_of(one)
        row |= {
            "CustomerRef": {"value": id},
            "CurrencyRef": {"value": one.currency},
            "SyncToken": "0",
            "MetaData": _changed(at),
        }
        self._tables[entity][row["Id"]] = row
        self._by_customer[entity, id].append(row)

    def _owe(self, one: PastInvoice, amount: Decimal, at: datetime) -> None:
        customer = self._tables["Customer"][self.customer_of(one)]
        balance = str(Decimal(customer["Balance"]) + amount)
        customer |= {"Balance": balance, "MetaData": _changed(at)}

    def is_open(self, id: str) -> bool:
        """Whether an invoice that was issued is unpaid."""
        return Decimal(self.invoice(id)["Balance"]) > 0

    def invoice(self, id: str) -> Row:
        """One invoice."""
        return self._tables["Invoice"][id]

    def select(self, statement: str) -> tuple[str, list[Row]]:
        """The entity and the rows of a query. Raises UnknownRequest."""
        parsed = STATEMENT.fullmatch(statement)
        if parsed is None:
            raise UnknownRequest(statement)
        entity, start, size = parsed["entity"], int(parsed["start"]), int(parsed["size"])
        tests = (parsed["conditions"] or "").split(" AND ")
        rows = self._rows(entity, [test for test in tests if test])
        return entity, rows[start - 1 : start - 1 + size]

    def _rows(self, entity: str, tests: list[str]) -> list[Row]:
        """Looked up where the query names ids or customers, which nearly all of them do."""
        found: Iterable[Row] = self._tables[entity].values()
        conditions = []
        for test in tests:
            among = AMONG.fullmatch(test)
            ids = IN_QUOTES.findall(among["values"]) if among else []
            if among and among["field"] == "Id":
                found = [self._tables[entity][id] for id in ids if id in self._tables[entity]]
            elif among and among["field"] == "CustomerRef":
                found = [row for id in ids for row in self._by_customer[entity, id]]
            elif not among:
                conditions.append(_condition(test))
        return [row for row in found if all(fits(row) for fits in conditions)]


STATEMENT = re.compile(
    r"SELECT \* FROM (?P<entity>\w+)(?: WHERE (?P<conditions>.+))?"
    r" STARTPOSITION (?P<start>\d+) MAXRESULTS (?P<size>\d+)"
)
AMONG = re.compile(r"(?P<field>\w+) IN \((?P<values>.*)\)")
IN_QUOTES = re.compile(r"'([^']*)'")
COMPARED = re.compile(r"(?P<field>[\w.]+) (?P<operator>=|<=|>=|<|>) '(?P<value>[^']*)'")
OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
READ: Mapping[str, tuple[Callable[[Row], str], Callable[[str], Any]]] = {
    "Balance": (lambda row: row["Balance"], Decimal),
    "TxnDate": (lambda row: row["TxnDate"], str),
    "MetaData.LastUpdatedTime": (lambda row: row["MetaData"]["LastUpdatedTime"], str),
}
"""Field → where its value is, and what it is compared as; dates and times are in ISO order."""


def _condition(test: str) -> Condition:
    parsed = COMPARED.fullmatch(test)
    if parsed is None or parsed["field"] not in READ:
        raise UnknownRequest(test)
    (value_of, made), compare = READ[parsed["field"]], OPERATORS[parsed["operator"]]
    wanted = made(parsed["value"])
    return lambda row: compare(made(value_of(row)), wanted)


def _changed(at: datetime) -> Row:
    return {"LastUpdatedTime": at.isoformat(timespec="seconds")}


def _events(invoices: Iterable[PastInvoice]) -> Iterator[tuple[datetime, PastInvoice, bool]]:
    """When each invoice is issued and, with True, when its payment is entered."""
    for one in invoices:
        yield _at(one.issued, time()), one, False
        if one.settled:
            yield _at(one.settled, ENTERED), one, True


def _at(day: date, hour: time) -> datetime:
    return datetime.combine(day, hour, UTC)


class LedgerTransport(httpx.BaseTransport):
    """Answers the requests of QuickBooks' client from a ledger in memory."""

    def __init__(self, ledger: PastLedger, clock: Callable[[], datetime]) -> None:
        self._ledger, self._clock, self._notes = ledger, clock, count(1)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Raises UnknownRequest for what the steps that are played never ask."""
        _, _, _, _, *path = request.url.path.split("/")  # /v3/company/REALM/…
        params = request.url.params
        match request.method, path:
            case "GET", ["query"]:
                return _json({"QueryResponse": self._found(params["query"])})
            case "GET", ["cdc"]:
                return _json(self._changes(params["entities"], params["changedSince"]))
            case "POST", ["batch"]:
                asked = json.loads(request.read())["BatchItemRequest"]
                return _json({"BatchItemResponse": [self._item(one) for one in asked]})
            case "GET", ["invoice", id]:
                return _json({"Invoice": self._ledger.invoice(id)})
            case "GET", ["invoice", _, "pdf"]:
                return httpx.Response(200, headers={"Content-Type": "application/pdf"}, content=PDF)
            case "POST", ["attachable"]:
                return _json({"Attachable": {"Id": f"n{next(self._notes)}"}})
        raise UnknownRequest(f"{request.method} {request.url.path}")

    def _item(self, one: Row) -> Row:
        return {"bId": one["bId"], "QueryResponse": self._found(one["Query"])}

    def _found(self, statement: str) -> Row:
        entity, rows = self._ledger.select(statement)
        return {entity: rows}

    def _changes(self, entities: str, since: str) -> Row:
        changed = where("MetaData.LastUpdatedTime", ">=", since)
        selects = (Select(name, (changed,)) for name in entities.split(","))
        groups = [self._found(select.page()) for select in selects]
        now = self._clock().isoformat(timespec="seconds")
        return {"CDCResponse": [{"QueryResponse": groups}], "time": now}


def _json(body: Row) -> httpx.Response:
    content = json.dumps(body).encode()
    return httpx.Response(200, headers={"Content-Type": "application/json"}, content=content)
