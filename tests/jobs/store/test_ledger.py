"""The mirror of invoices, and their rounds."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from jobs.rules.facts.facts import NO_DUE_DATE, Invoice, InvoiceStatus
from jobs.store.database.engine import Database
from jobs.store.intake import ledger
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
