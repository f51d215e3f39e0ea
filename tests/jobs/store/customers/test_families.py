"""The mirror of customers: what follows the ledger, and who is billed for whom."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from jobs.rules.facts.facts import Customer
from jobs.rules.figures import Money
from jobs.store.customers import families
from jobs.store.database.engine import Database
from jobs.store.database.tables import customers
from tests.jobs.store.record import NOW, REALM, company

LATER = NOW + timedelta(days=1)


@pytest.fixture(autouse=True)
def a_company(database: Database) -> None:
    company(database)


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
