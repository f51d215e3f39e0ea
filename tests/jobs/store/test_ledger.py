"""The mirror: rounds, customers and who is billed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from jobs.rules.facts.facts import NO_DUE_DATE, Customer, Invoice, InvoiceStatus
from jobs.rules.figures import Money
from jobs.store import ledger
from jobs.store.customers import families
from jobs.store.database.engine import Database
from jobs.store.database.tables import customers
from tests.jobs.rules.world import invoice, usd
from tests.jobs.store.record import NOW, REALM, company

LATER = NOW + timedelta(days=1)
DUE = date(2026, 10, 2)
OPEN = invoice()
PAID = replace(OPEN, open=usd(0), status=InvoiceStatus.PAID)
VOIDED = replace(OPEN, total=usd(0), open=usd(0), status=InvoiceStatus.VOIDED)
GONE = replace(OPEN, open=usd(0), status=InvoiceStatus.GONE)


@pytest.fixture(autouse=True)
def a_company(database: Database) -> None:
    company(database)


def put(database: Database, *read: Invoice) -> list[str]:
    """Bring the mirror up to this; returns the ids that changed."""
    with database.writing() as conn:
        return [i.id for i in ledger.put_invoices(conn, REALM, read, LATER)]


def round_of(database: Database, id: str) -> int:
    with database.reading() as conn:
        return ledger.mirrored(conn, REALM, [id])[id].round


STORIES: list[tuple[list[Invoice], int]] = [
    ([OPEN], 1),
    ([OPEN, OPEN], 1),
    ([OPEN, PAID], 1),
    ([OPEN, PAID, OPEN], 2),
    ([OPEN, VOIDED, OPEN], 2),
    ([OPEN, GONE, OPEN], 2),
    ([OPEN, PAID, VOIDED, OPEN, PAID, OPEN], 3),
    ([PAID, OPEN], 2),
    ([OPEN, replace(OPEN, due=DUE + timedelta(days=9))], 2),
    ([OPEN, replace(OPEN, due=DUE - timedelta(days=9))], 1),
    ([OPEN, replace(OPEN, due=DUE - timedelta(days=9)), OPEN], 2),
    ([OPEN, replace(PAID, due=DUE + timedelta(days=9)), OPEN], 3),
    ([OPEN, replace(OPEN, open=usd("400"))], 1),
    ([OPEN, replace(OPEN, number="1038", customer="59")], 1),
]


def test_a_round_rises_only_on_evidence(database: Database) -> None:
    """Settled or voided and open again, or due later: nothing else lets a stage happen twice."""
    for number, (story, round) in enumerate(STORIES):
        for read in story:
            put(database, replace(read, id=f"s{number}"))
        assert round_of(database, f"s{number}") == round, f"story {number}"


def test_the_same_again_writes_nothing(database: Database) -> None:
    """A second sweep that read what the first one read returns no change and leaves the as-of."""
    fine = Decimal("0.0000381234")
    some = [OPEN, replace(OPEN, id="2", exchange_rate=fine), replace(OPEN, id="3", due=NO_DUE_DATE)]
    assert put(database, *some) == [i.id for i in some]
    assert put(database, *some) == []
    with database.reading() as conn:
        assert ledger.mirrored(conn, REALM, ["2"])["2"].invoice.exchange_rate == fine


def test_what_the_mirror_does_not_keep_is_no_change(database: Database) -> None:
    """E-mail and PO number are read fresh whenever they matter."""
    put(database, OPEN)
    assert put(database, replace(OPEN, email="new@cooper.example", po_number="PO 7")) == []


def test_a_change_replaces_the_row(database: Database) -> None:
    """Amounts, dates and numbers follow the ledger; other invoices stay."""
    put(database, OPEN, replace(OPEN, id="2"))
    partly = replace(OPEN, open=usd("400.55"), number="1037a")
    assert put(database, partly, replace(OPEN, id="2")) == [partly.id]
    with database.reading() as conn:
        found = ledger.mirrored(conn, REALM, [OPEN.id, "2", "nobody"])
    assert found[OPEN.id].invoice.open == usd("400.55")
    assert found[OPEN.id].invoice.number == "1037a"
    assert set(found) == {OPEN.id, "2"}


def test_an_invoice_read_twice_in_one_sweep_is_one(database: Database) -> None:
    """A page that shifted may show it again: the later reading counts."""
    assert len(put(database, OPEN, PAID)) == 1
    with database.reading() as conn:
        assert not ledger.open_ids(conn, REALM)


def test_only_open_invoices_are_listed(database: Database) -> None:
    """Of those customers that are asked for, the oldest due date first."""
    old = replace(OPEN, id="2", due=DUE - timedelta(days=40), customer="59")
    put(database, OPEN, old, replace(PAID, id="3"), replace(VOIDED, id="4"))
    with database.reading() as conn:
        both = ledger.open_of(conn, REALM, ["58", "59"])
        assert [m.invoice.id for m in both] == ["2", OPEN.id]
        assert [m.invoice.id for m in ledger.open_of(conn, REALM, ["58", "60"])] == [OPEN.id]
        assert ledger.open_of(conn, REALM, []) == []
        assert set(ledger.open_ids(conn, REALM)) == {"2", OPEN.id}
        assert not ledger.open_ids(conn, "another")


def test_a_big_ledger_is_read_in_pieces(database: Database) -> None:
    """More ids than a statement takes parameters."""
    many = [replace(OPEN, id=str(n)) for n in range(1201)]
    assert len(put(database, *many)) == 1201
    with database.reading() as conn:
        assert len(ledger.mirrored(conn, REALM, [i.id for i in many])) == 1201


def customer(id: str, parent: str = "", bills_parent: bool = True) -> Customer:
    return Customer(
        id, f"Customer {id}", "", Money(Decimal(0), "USD"), parent, bills_parent and bool(parent)
    )


def test_the_nearest_ancestor_that_pays_is_billed(database: Database) -> None:
    """Down a chain of jobs, up to the first one that is not billed through its parent."""
    read = [
        customer("1"),
        customer("2", "1", bills_parent=False),
        customer("3", "2"),
        customer("4", "3"),
    ]
    with database.writing() as conn:
        families.put_customers(conn, REALM, read, NOW)
        parents = families.parents(conn, REALM)
        assert families.names(conn, REALM, ["4", "9"]) == {"4": "Customer 4"}
    assert [families.billed(id, parents) for id in "1234"] == ["1", "2", "2", "2"]
    assert families.members("2", parents) == {"2", "3", "4"}
    assert families.members("1", parents) == {"1"}


def test_a_customer_follows_the_ledger(database: Database) -> None:
    """A new name and a new parent replace the old ones."""
    with database.writing() as conn:
        families.put_customers(conn, REALM, [customer("1"), customer("2", "1")], NOW)
        families.put_customers(conn, REALM, [replace(customer("2"), name="Moved")], LATER)
        assert families.names(conn, REALM, ["2"]) == {"2": "Moved"}
        assert families.parents(conn, REALM) == {}


def test_an_older_reading_of_a_customer_changes_nothing(database: Database) -> None:
    """A sweep that began earlier does not undo who gets the bill since."""
    with database.writing() as conn:
        families.put_customers(conn, REALM, [customer("1"), customer("2", "1")], LATER)
        old = replace(customer("2"), balance=Money(Decimal(9), "USD"))
        assert families.put_customers(conn, REALM, [old, customer("3", "1")], NOW) == set()
        assert families.parents(conn, REALM) == {"2": "1", "3": "1"}


def test_a_balance_that_moved_is_told(database: Database) -> None:
    """Not the first one, and not the same again, which writes nothing."""
    owing = replace(customer("1"), balance=Money(Decimal("60.5"), "USD"))
    with database.writing() as conn:
        assert families.put_customers(conn, REALM, [customer("1"), customer("2")], NOW) == set()
        assert families.put_customers(conn, REALM, [owing, customer("2")], NOW) == {"1"}
        assert families.put_customers(conn, REALM, [owing], LATER) == set()
        times = conn.execute(select(customers.c.id, customers.c.read_at)).all()
        assert set(times) == {("1", NOW), ("2", NOW)}


IDS = st.sampled_from("abcdef")


@given(st.dictionaries(IDS, IDS))
def test_whoever_is_billed_has_the_customer_among_its_members(parents: dict[str, str]) -> None:
    """Also where records point at each other in a circle: the search ends, nobody is lost."""
    for id in "abcdef":
        assert id in families.members(families.billed(id, parents), parents)
