"""The morning's digest: once a business day, before its cards, with what needs somebody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from jobs.decide import assign
from jobs.decide.assign import Assignment
from jobs.reports import digest
from jobs.rules.facts.past import HoldKind
from jobs.rules.policy.business_days import card_at, last_digest, next_digest
from jobs.rules.policy.policy import load
from jobs.store.customers import history, marks
from jobs.store.database.tables import messages
from jobs.store.reports import case_lists
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import CompanyHarness, books, customer, invoice

THERE = ZoneInfo("America/New_York")
OFFICE = load('[calendar]\nholiday_country = ""\n')
EVERY_DAY = load("[calendar]\nbusiness_days_only = false\ndigest_hour = 0\n")


def at(day: int, hour: int) -> datetime:
    """A moment of November 2026 there; the 20th is a Friday."""
    return datetime(2026, 11, day, hour, tzinfo=THERE).astimezone(UTC)


def test_a_digest_comes_on_business_days_at_its_hour() -> None:
    """Friday's is followed by Monday's, and new cards of a morning by its digest."""
    assert next_digest(at(20, 7), THERE, OFFICE) == at(20, 8)
    assert next_digest(at(20, 8), THERE, OFFICE) == at(23, 8)
    assert last_digest(at(22, 12), THERE, OFFICE) == at(20, 8)
    assert last_digest(at(23, 7), THERE, OFFICE) == at(20, 8)
    assert card_at(at(20, 5), THERE, OFFICE) == at(20, 8) + timedelta(minutes=1)
    assert card_at(at(20, 9), THERE, OFFICE) == at(20, 9)
    assert card_at(at(21, 5), THERE, EVERY_DAY) == at(21, 5)
    assert next_digest(at(21, 5), THERE, EVERY_DAY) == at(22, 0)


def digests(harness: CompanyHarness) -> list[dict[str, Any]]:
    """What each digest was made of."""
    rows = harness.rows(select(messages.c.body).where(messages.c.kind == "notice"))
    return [row.body["data"] for row in rows if row.body["kind"] == "digest"]


FOUR = books(
    *(customer(id) for id in "124"),
    customer("3", email=None),
    invoice("71", "1", "840.00", 12),
    invoice("72", "2", "12000.00", 12),
    invoice("73", "3", "70.00", 20),
    invoice("74", "4", "700.00", 30),
)
KEY_ACCOUNT = {
    "account_manager": [{"slack": "UMANAGER", "name": "Marc Oduya", "customers": ["1"]}],
    "customer": [{"id": "1", "key_account": True}],
    "pace": {"manager_hours": 80},
}


def decide_and_wait(harness: CompanyHarness) -> None:
    """A first approval, an assignment, a hold and a mark to look at again; then a day passes."""
    harness.approve(harness.click("UCOLLECT", harness.case("2")))
    lead = harness.click("ULEAD1", harness.case("3"))
    harness.go(assign.assign, lead, Assignment("UCOLLECT", ""))
    with harness.database.writing() as conn:
        on = conn, harness.realm, "4", ("74",), HoldKind.DISPUTE
        history.hold(*on, harness.today + timedelta(1), "ULEAD1", "", harness.now)
        until = {"consumer": harness.today + timedelta(1)}
        marks.change(conn, harness.realm, "3", until, "", "ULEAD1", harness.now)
    harness.time.later(days=1, hours=1)
    harness.greet()


def shortened(harness: CompanyHarness, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The digest as of now, read in small pages and with one line in each list."""
    monkeypatch.setattr(case_lists, "PAGE", 2)
    monkeypatch.setattr(digest, "MOST_LINES", 1)
    with harness.database.reading() as conn:
        return digest.Morning(conn, harness.policy, harness.company, harness.now).told()


def test_the_digest_says_what_needs_somebody(
    open_harness: OpenHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cases by what they bring forward, stops, holds to review, and who is waited for, by name."""
    harness = open_harness(FOUR, KEY_ACCOUNT)
    harness.sweep()
    harness.run("digest")
    assert digests(harness) == []
    harness.run("habits", "outlook")
    harness.time.later(seconds=10)
    harness.run("digest")
    (first,) = digests(harness)
    assert [one["customer"] for one in first["top"]] == ["Customer C", "Customer E", "Customer B"]
    assert first["to_decide"] == 3
    assert [one["customer"] for one in first["stopped"]] == ["Customer D"]
    assert first["outlook"]["currencies"][0]["currency"] == "USD"
    assert first["waited_for"] == []
    harness.run("digest")
    assert len(digests(harness)) == 1

    decide_and_wait(harness)
    harness.run("digest")
    assert len(digests(harness)) == 1, "the ledger is to be read first"
    harness.sweep()
    harness.time.later(seconds=10)
    harness.run("digest")
    harness.run("outlook")
    harness.time.later(seconds=10)
    harness.run("digest")
    _, second = digests(harness)
    waits = {one["customer"]: (one["for"], one["user"]) for one in second["waited_for"]}
    assert waits == {
        "Customer B": ("manager", "UMANAGER"),
        "Customer C": ("lead", ""),
        "Customer D": ("assigned", "UCOLLECT"),
    }
    assert second["stopped_before"] == 1
    assert [one["invoice"] for one in second["to_review"]] == ["174"]
    assert [(one["customer"], one["mark"]) for one in second["marks"]] == [
        ("Customer D", "consumer")
    ]
    assert first["marks"] == first["calls"] == []
    assert "*Marc Oduya*" not in str(second)
    short = shortened(harness, monkeypatch)
    assert (short["to_decide"], short["waited_for"]) == (3, second["waited_for"][:1])
    more = {name: count for name, count in short["more"].items() if count}
    assert more == {"waited_for": 2}
    assert any(
        "Waits for somebody for over a working day" in said for said in harness.said("notice")
    )
