"""A ledger that changes while it is read, and notifications that are lost, doubled or late.

Whatever happened, the sweep or poll after it leaves the mirror as the ledger is, and every overdue
invoice has crossed once in its round.
"""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from jobs.engine import loop
from jobs.rules.states import OPEN, Stage
from jobs.store import cases, work
from jobs.store.customers import families
from jobs.store.database.tables import cases as cases_table
from jobs.store.database.tables import crossings, invoices
from jobs.store.intake import ledger
from qbo import QuickBooks, query
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import CompanyHarness, books, customer, invoice
from tests.sandbox.quickbooks.books import Change
from tests.sandbox.quickbooks.webhooks import cloud_events, legacy_events

CUSTOMERS = [str(n) for n in range(1, 7)]
SMALLEST = 25


def while_reading(monkeypatch: pytest.MonkeyPatch, happen: Callable[[], None]) -> None:
    """Let something happen after each answer of QuickBooks'."""
    asked = QuickBooks._asked

    def asked_and_then(self: QuickBooks, *request: Any) -> httpx.Response:
        response = asked(self, *request)
        happen()
        return response

    monkeypatch.setattr(QuickBooks, "_asked", asked_and_then)


def in_small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages and chunks of a few, so that much can happen between them."""
    monkeypatch.setattr("qbo.client.pages", partial(query.pages, size=5))
    for name in ("INVOICES", "CUSTOMERS", "CROSSINGS", "PAYERS"):
        monkeypatch.setattr(f"jobs.intake.crossing.{name}_A_CHUNK", 3)


def test_rows_that_move_up_are_not_missed(
    open_harness: OpenHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who pays between two pages of the first sweep moves all others up; none slips through."""
    in_small_pieces(monkeypatch)
    harness = open_harness(
        books(customer("1"), *(invoice(str(80 + n), "1", "9.00", 12) for n in range(19)))
    )
    paying = iter(range(80, 87))

    def pay() -> None:
        for id in [next(paying, 0), next(paying, 0)]:
            if id:
                harness.pay(str(id), "9.00")

    while_reading(monkeypatch, pay)
    harness.run("sweep")
    assert {row.id for row in harness.rows(select(invoices))} >= {str(n) for n in range(87, 99)}


@dataclass
class Bookkeeper:
    """Changes the ledger at random, and remembers what gives an invoice a new round."""

    harness: CompanyHarness
    chance: Random
    rounds: Counter[str] = field(default_factory=Counter)

    def act(self) -> list[Change]:
        """One change of some kind, with all that QuickBooks would notify."""
        before = self._standing()
        changes: list[Change] = self.chance.choice(self._acts())()
        for id, (balance, due) in self._standing().items():
            old = before.get(id)
            reopened = old is not None and not old[0] and balance > 0
            self.rounds[id] += bool(old and (reopened or due > old[1]))
        return changes

    def _standing(self) -> dict[str, tuple[Decimal, str]]:
        return {id: (i["Balance"], i["DueDate"]) for id, i in self._table("Invoice").items()}

    def _acts(self) -> Sequence[Callable[[], list[Change]]]:
        return (
            *(self._enter, self._enter, self._pay, self._pay, self._pay_part, self._reverse),
            *(self._void, self._restore, self._delete, self._postpone, self._advance),
            *(self._give, self._credit, self._take_credit, self._merge, self._below),
        )

    def _table(self, kind: str) -> dict[str, Any]:
        return self.harness.books.tables[kind]

    def _some(self, kind: str, *, owing: bool | None = None) -> dict[str, Any] | None:
        found = [e for e in self._table(kind).values() if owing in (None, bool(e.get("Balance")))]
        return self.chance.choice(found) if found else None

    def _enter(self) -> list[Change]:
        """A new invoice, like another one."""
        if (like := self._some("Invoice")) is None:
            return []
        made, found = copy.deepcopy(like), self.harness.books
        made |= found._stamped() | {"Id": found._next_id(), "LinkedTxn": []}
        made["TotalAmt"] = made["Balance"] = Decimal(self.chance.randrange(30, 900))
        with found._balanced(made["CustomerRef"]["value"]):
            self._table("Invoice")[made["Id"]] = made
        return [Change("Invoice", made["Id"], "created")]

    def _pay(self) -> list[Change]:
        found = self._some("Invoice", owing=True)
        return self.harness.books.pay(found["Id"], found["Balance"]) if found else []

    def _pay_part(self) -> list[Change]:
        found = self._some("Invoice", owing=True)
        return self.harness.books.pay(found["Id"], Decimal(1)) if found else []

    def _reverse(self) -> list[Change]:
        found = self._some("Payment")
        return self.harness.books.delete("Payment", found["Id"]) if found else []

    def _void(self) -> list[Change]:
        found = self._some("Invoice", owing=True)
        return self.harness.books.void(found["Id"]) if found else []

    def _restore(self) -> list[Change]:
        found = self._some("Invoice", owing=False)
        if found is None or found["TotalAmt"]:
            return []
        return self.harness.books.edit("Invoice", found["Id"], {"TotalAmt": "70"})

    def _delete(self) -> list[Change]:
        found = self._some("Invoice")
        return self.harness.books.delete("Invoice", found["Id"]) if found else []

    def _postpone(self) -> list[Change]:
        return self._move_due(self.chance.choice((1, 40)))

    def _advance(self) -> list[Change]:
        return self._move_due(-self.chance.choice((1, 40)))

    def _move_due(self, days: int) -> list[Change]:
        if (found := self._some("Invoice", owing=True)) is None:
            return []
        due = date.fromisoformat(found["DueDate"]) + timedelta(days=days)
        return self.harness.books.edit("Invoice", found["Id"], {"DueDate": str(due)})

    def _give(self) -> list[Change]:
        """An invoice goes to another customer."""
        found, to = self._some("Invoice", owing=True), self._some("Customer")
        if found is None or to is None:
            return []
        ref = {"value": to["Id"], "name": to["DisplayName"]}
        return self.harness.books.edit("Invoice", found["Id"], {"CustomerRef": ref})

    def _credit(self) -> list[Change]:
        found = self._some("Customer")
        return self.harness.books.credit(found["Id"], Decimal(40)) if found else []

    def _take_credit(self) -> list[Change]:
        found = self._some("CreditMemo")
        return self.harness.books.delete("CreditMemo", found["Id"]) if found else []

    def _merge(self) -> list[Change]:
        people = sorted(self._table("Customer"))
        if len(people) < 3:
            return []
        loser, survivor = self.chance.sample(people, 2)
        if any(
            c.get("ParentRef", {}).get("value") == loser for c in self._table("Customer").values()
        ):
            return []
        return self.harness.books.merge(loser, survivor)

    def _has_jobs(self, id: str) -> bool:
        people = self._table("Customer").values()
        return any(one.get("ParentRef", {}).get("value") == id for one in people)

    def _below(self) -> list[Change]:
        """Somebody is billed with somebody else from now on, or no longer."""
        found, above = self._some("Customer"), self._some("Customer")
        if found is None or above is None or found is above or above.get("ParentRef"):
            return []
        if any(
            c.get("ParentRef", {}).get("value") == found["Id"]
            for c in self._table("Customer").values()
        ):
            return []
        fields: dict[str, Any] = {"ParentRef": {"value": above["Id"]}, "Job": True}
        fields |= {"BillWithParent": self.chance.random() < 0.7}
        return self.harness.books.edit("Customer", found["Id"], fields)


@dataclass
class Post:
    """Loses, doubles, delays and reorders notifications."""

    harness: CompanyHarness
    chance: Random
    waiting: list[bytes] = field(default_factory=list)

    def announce(self, changes: list[Change]) -> None:
        """What comes of them is kept for later."""
        if not changes or self.chance.random() < 0.4:
            return
        shape = self.chance.choice((cloud_events, legacy_events))
        body = json.dumps(shape(self.harness.realm, changes, self.harness.now)).encode()
        self.waiting += [body] * self.chance.choice((1, 1, 2))

    def deliver(self) -> None:
        """Some of what waits, in any order."""
        self.chance.shuffle(self.waiting)
        for body in self.waiting[: self.chance.randrange(len(self.waiting) + 1)]:
            self.waiting.remove(body)
            self.harness.deliver(body)


class Life:
    """A company in which everything happens at once."""

    def __init__(self, harness: CompanyHarness, chance: Random) -> None:
        self.harness, self.chance = harness, chance
        self.keeper, self.post = Bookkeeper(harness, chance), Post(harness, chance)
        self.calm = False

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Nothing happens in between."""
        before, self.calm = self.calm, True
        yield
        self.calm = before

    def happen(self) -> None:
        """While QuickBooks is read: people work, and another worker deals with what is notified."""
        self.harness.time.later(microseconds=1)  # no two readings begin at one moment
        if self.calm:
            return
        self.harness.time.later(seconds=self.chance.choice((0, 0, 1, 5)))
        if self.chance.random() < 0.5:
            self.post.announce(self.keeper.act())
        if self.chance.random() < 0.2:
            with self.quiet():
                self.post.deliver()
                self.run("detect")

    def run(self, *names: str) -> None:
        """These steps, one row at a time, so that a seed tells the whole story."""
        steps = [replace(s, width=1) for s in self.harness.process.steps() if s.name in names]
        loop.run(self.harness.database, steps, self.harness.time)

    def pass_an_hour(self) -> None:
        """Time goes on, and with it whatever is due."""
        for _ in range(self.chance.randrange(4)):
            self.post.announce(self.keeper.act())
            self.harness.time.later(seconds=self.chance.randrange(90))
        match self.chance.randrange(5):
            case 0:
                self.sweep()
            case 1 | 2:
                self.post.deliver()
                self.run("detect")
            case _:
                self.harness.time.later(minutes=self.chance.choice((5, 40, 61)))
                self.run("poll")
        if self.chance.random() < 0.4:
            self.run("triage")

    def sweep(self) -> None:
        with self.harness.database.writing() as conn:
            work.hurry(conn, self.harness.realm, "sweep", self.harness.now)
        self.run("sweep")


@pytest.mark.parametrize("seed", range(3))
def test_in_the_end_the_mirror_is_the_ledger(
    open_harness: OpenHarness, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """After a day on which everything went wrong, one quiet sweep and poll put all in order."""
    chance = Random(seed)
    in_small_pieces(monkeypatch)
    some = [
        invoice(str(100 + n), chance.choice(CUSTOMERS), f"{30 + n}.00", chance.choice((2, 5, 12)))
        for n in range(14)
    ]
    harness = open_harness(books(*map(customer, CUSTOMERS), *some), model=False)
    life = Life(harness, chance)
    while_reading(monkeypatch, life.happen)
    harness.time.begin()
    for _ in range(9):
        harness.time.begin()
        life.pass_an_hour()
    with life.quiet():
        harness.time.later(minutes=61)
        life.run("poll", "detect")
        life.sweep()
        life.run("triage")
        life.sweep()  # what a case that has just ended gave back
        life.run("triage")
    as_it_is(harness)
    crossed_once(harness)
    rounds = {row.id: row.round for row in harness.rows(select(invoices))}
    assert all(n <= 1 + life.keeper.rounds[id] for id, n in rounds.items())


def as_it_is(harness: CompanyHarness) -> None:
    """The mirror holds what the ledger holds."""
    books = harness.books.tables["Invoice"]
    mirror = {row.id: row for row in harness.rows(select(invoices))}
    for id, found in books.items():
        if id in mirror or found["Balance"]:
            row = mirror[id]
            said = (row.open, str(row.due), row.customer, row.status == "open")
            there = (found["Balance"], found["DueDate"], found["CustomerRef"]["value"])
            assert said == (*there, found["Balance"] > 0), f"invoice {id}"
    assert {row.status for id, row in mirror.items() if id not in books} <= {"gone"}


def crossed_once(harness: CompanyHarness) -> None:
    """Each overdue invoice has one crossing in its round, in the open case of who is billed."""
    with harness.database.reading() as conn:
        still = ledger.open_ids(conn, harness.realm)
        mirror = ledger.mirrored(conn, harness.realm, still)
        payers = families.billed_by(
            conn, harness.realm, {m.invoice.customer for m in mirror.values()}
        )
        alive = [cases.of_row(r) for r in conn.execute(select(cases_table)) if r.state in OPEN]
    owed: Counter[str] = Counter()
    for m in mirror.values():
        late = m.invoice.due < harness.today
        owed[payers[m.invoice.customer]] += int(m.invoice.open.amount) if late else 0
    expected = {
        (id, m.round, min(Stage.FOLLOW_UP, 1 if days < 10 else 2), payers[m.invoice.customer])
        for id, m in mirror.items()
        if (days := m.invoice.days_overdue(harness.today)) >= 3
        and owed[payers[m.invoice.customer]] >= SMALLEST
    }
    of_case = {case.id: case.customer for case in alive}
    assert len(set(of_case.values())) == len(of_case), "two open cases of one customer"
    held = crossings.c.released_at.is_(None) & crossings.c.case_id.in_(of_case)
    rows = harness.rows(select(crossings).where(held))
    found = {(r.invoice, r.round, r.stage, of_case[r.case_id]) for r in rows}
    highest = {key for key in found if key[0] in mirror and key[1] == mirror[key[0]].round}
    assert {k for k in highest if k in expected} == expected
