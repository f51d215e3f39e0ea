"""What a sweep has met: on both databases, page by page, and forgotten in the end."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from jobs.rules.facts.facts import Customer
from jobs.store.customers import families, history
from jobs.store.database.engine import Database
from jobs.store.database.tables import addresses
from jobs.store.database.tables import sweeping as table
from jobs.store.intake import ledger, sweeping
from tests.jobs.rules.world import invoice, usd
from tests.jobs.store.record import NOW, REALM, company

OTHER = "4620816365000000002"


@pytest.fixture(autouse=True)
def a_ledger(database: Database) -> None:
    """Job 2 is billed with customer 1; 3 stands alone; five invoices are open."""
    company(database)
    people = [Customer(id, f"Customer {id}", "", usd(0)) for id in ("1", "3")]
    job = Customer("2", "Job 2", "", usd(0), parent="1", bills_parent=True)
    owners = {"71": "1", "72": "2", "73": "2", "74": "3", "75": "3"}
    open_ones = [replace(invoice(), id=id, customer=owner) for id, owner in owners.items()]
    with database.writing() as conn:
        families.put_customers(conn, REALM, [*people, job], NOW)
        ledger.put_invoices(conn, REALM, open_ones, NOW)


def test_what_was_met_is_not_absent(database: Database) -> None:
    """An id is new once in a sweep, and the others are found some at a time."""
    with database.writing() as conn:
        sweeping.remember(conn, REALM, sweeping.INVOICE, ["71"])
        assert sweeping.unmet(conn, REALM, sweeping.INVOICE, ["74", "71", "74"]) == ["74"]
        sweeping.remember(conn, REALM, sweeping.INVOICE, ["71", "73", "74"])
        assert sweeping.unmet(conn, REALM, sweeping.INVOICE, {"71", "73"}) == []
        for company, kind, ids in ((REALM, sweeping.CUSTOMER, ["72"]), (OTHER, "invoice", ["72"])):
            assert sweeping.unmet(conn, company, kind, ids) == ids
            sweeping.remember(conn, company, kind, ids)
        assert sweeping.absent(conn, REALM, "", 3) == (["72"], "73")
        assert sweeping.absent(conn, REALM, "73", 3) == (["75"], None)
        assert [sweeping.forget(conn, REALM, 3) for _ in range(2)] == [True, False]
        assert {row.company for row in conn.execute(select(table))} == {OTHER}


def test_whoever_is_billed_has_the_sum(database: Database) -> None:
    """However the records of a family fall into pages."""
    with database.writing() as conn:
        first = sweeping.owners(conn, REALM, "", 1)
        rest = sweeping.owners(conn, REALM, "1", 5)
        assert (first, list(rest.items())) == ({"1": 1}, [("2", 2), ("3", 2)])
        sweeping.bill(conn, REALM, first)
        sweeping.bill(conn, REALM, rest)
        assert sweeping.payers(conn, REALM, "", 1) == {"1": 3}
        assert sweeping.payers(conn, REALM, "1", 5) == {"3": 2}
        assert sweeping.payers(conn, REALM, "3", 5) == {}


def test_addresses_go_to_whoever_is_billed(database: Database) -> None:
    """Those that the ledger had; what a person or a mail server has said of one stays."""
    found = {"1": ["a@one.example"], "2": ["a@one.example", "b@two.example"], "3": ["c@x.example"]}
    with database.writing() as conn:
        history.know_addresses(conn, REALM, found, "system:sweep", NOW)
        history.confirm_address(conn, REALM, "2", "d@two.example", "UCOLLECT", NOW)
        last: str | None = ""
        while last is not None:
            last = history.pass_on_addresses(conn, REALM, last, 1)
        rows = conn.execute(select(addresses.c.customer, addresses.c.address)).all()
        assert {(row.customer, row.address) for row in rows} == {
            ("1", "a@one.example"),
            ("1", "b@two.example"),
            ("2", "d@two.example"),
            ("3", "c@x.example"),
        }
