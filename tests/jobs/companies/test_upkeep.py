"""Tokens are renewed each day, and nobody is surprised by the end of a connection."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Row, delete, select, update

from jobs.companies import upkeep
from jobs.engine import loop
from jobs.store import work
from jobs.store.database.tables import companies, schedule, usage
from tests.jobs.harness import CompanyHarness
from tests.jobs.troubles import Trouble, broken

TOKENS = "oauth2/v1/tokens/bearer"


@pytest.fixture
def kept(a_harness: CompanyHarness) -> CompanyHarness:
    """A company whose upkeep is due."""
    with a_harness.process.database.writing() as conn:
        work.ensure(conn, a_harness.realm, upkeep.KIND, a_harness.now)
    return a_harness


def run(harness: CompanyHarness, ledger: upkeep.Ledger | None = None) -> None:
    step = upkeep.step(harness.process.ledgers.renew, ledger or harness.services.quickbooks)
    harness.time.begin()
    loop.run(harness.database, [step], harness.time)


def row(harness: CompanyHarness) -> Row[Any]:
    found: Row[Any] = harness.rows(select(schedule).where(schedule.c.kind == upkeep.KIND))[0]
    return found


def company(harness: CompanyHarness) -> Row[Any]:
    found: Row[Any] = harness.rows(select(companies))[0]
    return found


def refreshes(harness: CompanyHarness) -> int:
    return sum(TOKENS in request.path for request in harness.outside.world.requests)


def said(harness: CompanyHarness, about: str) -> list[str]:
    return [text for text in harness.said("notice") if about in text]


def day_by_day(harness: CompanyHarness, days: int, each: int = 1) -> None:
    for _ in range(0, days, each):
        harness.time.later(days=each)
        run(harness)


def test_a_company_that_moves_is_followed(kept: CompanyHarness) -> None:
    """Name, zone and closing date are read each day: a due date is meant in the company's zone."""
    info, preferences = kept.books.company.info, kept.books.company.preferences
    info |= {"CompanyName": "Fern & Brass", "DefaultTimeZone": "Pacific/Auckland"}
    preferences["AccountingInfoPrefs"] = {"BookCloseDate": "2026-09-30"}
    run(kept)
    found = kept.company
    assert (found.name, found.zone.key) == ("Fern & Brass", "Pacific/Auckland")
    assert found.book_close == date(2026, 9, 30)


def test_a_zone_that_nobody_knows_changes_nothing(kept: CompanyHarness) -> None:
    """The old one counts, and a person hears where to set it, once in a week."""
    before = kept.company.zone
    kept.books.company.info["DefaultTimeZone"] = "Mars/Olympus"
    day_by_day(kept, 2)
    assert kept.company.zone == before
    (told,) = said(kept, "Mars/Olympus")
    assert "Set it in QuickBooks" in told


def test_a_look_that_fails_blames_no_tokens(kept: CompanyHarness) -> None:
    """They were renewed: a person hears what could not be read, and no try renews them again."""
    before = refreshes(kept)
    with broken(kept, "/preferences", Trouble("status", 500)):
        for _ in range(8):
            run(kept)
            kept.time.later(minutes=5)
    (told,) = said(kept, "could not be read")
    assert "tokens" not in told
    assert refreshes(kept) == before + 1
    kept.time.later(hours=1)
    run(kept)
    assert (row(kept).last_error, "renewed" in row(kept).body) == ("", False)


def test_used_up_reads_stop_the_look_and_not_the_tokens(kept: CompanyHarness) -> None:
    """The daily reading can wait for the next month; the tokens cannot."""
    before, name = refreshes(kept), kept.company.name
    kept.books.company.info["CompanyName"] = "Fern & Brass"
    month = f"{kept.now:%Y-%m}"
    with kept.database.writing() as conn:
        used = {"month": month, "company": "other", "metered": 450_000, "free": 0}
        conn.execute(usage.insert().values(**used))
    for _ in range(2):
        run(kept, kept.process.ledgers.of)  # these count what they ask
        kept.time.later(days=1)
    assert (refreshes(kept), kept.company.name) == (before + 2, name)
    assert said(kept, "could not be") == []


def test_tokens_are_renewed_once_a_day(kept: CompanyHarness) -> None:
    """However often one looks."""
    before = refreshes(kept)
    run(kept)
    run(kept)
    assert refreshes(kept) == before + 1
    assert row(kept).due_at == kept.now + timedelta(days=1)
    kept.time.later(days=1)
    run(kept)
    assert refreshes(kept) == before + 2


def test_the_ends_of_a_connection_stand_in_the_record(kept: CompanyHarness) -> None:
    """They are shown without opening the sealed tokens."""
    run(kept)
    found = company(kept)
    assert found.refresh_expires_at == kept.now + timedelta(seconds=8_726_400)
    assert found.hard_expires_at == kept.now + timedelta(seconds=157_680_000)


def test_any_refresh_writes_the_ends_and_plans_the_upkeep(a_harness: CompanyHarness) -> None:
    """Whoever renews: a company with tokens is never left without upkeep."""
    with a_harness.process.database.writing() as conn:
        conn.execute(delete(schedule).where(schedule.c.kind == "upkeep"))
    a_harness.process.ledgers.renew(a_harness.realm)
    assert company(a_harness).refresh_expires_at > a_harness.now
    assert row(a_harness).due_at == a_harness.now + timedelta(days=1)


def test_the_end_of_five_years_is_told_three_times(kept: CompanyHarness) -> None:
    """60, 30 and 7 days before, once each, with the date and the way."""
    day_by_day(kept, 1740, each=60)
    assert said(kept, "ends on") == []
    day_by_day(kept, 84)
    told = said(kept, "ends on")
    assert len(told) == 3
    assert all("five years" in text and "`overdue connect`" in text for text in told)
    assert "*Connect again* in the Home tab" in told[0]


def test_tokens_that_cannot_be_renewed_are_told_before_they_die(kept: CompanyHarness) -> None:
    """Intuit is away for months: the ends draw nearer, and each mark is told once."""
    run(kept)
    kept.fault("quickbooks", TOKENS, "status", times=None, status=503)
    for _ in range(25):
        kept.time.later(days=4)
        for _ in range(6):
            run(kept)
            kept.time.later(minutes=3)
    assert len(said(kept, "have not been renewed lately")) == 3
    assert len(said(kept, "could not be renewed")) == 25


def test_marks_begin_anew_after_a_new_connection(kept: CompanyHarness) -> None:
    """Connected again, the next five years have their own three notices."""
    with kept.database.writing() as conn:
        soon = kept.now + timedelta(days=5)
        conn.execute(
            update(schedule)
            .where(schedule.c.kind == upkeep.KIND)
            .values(body={"warned": {"hard": 7, "refresh": None}})
        )
        conn.execute(update(companies).values(hard_expires_at=soon))
    run(kept)
    assert row(kept).body["warned"] == {"refresh": None, "hard": None}


def test_a_refusal_for_good_is_told_at_once(kept: CompanyHarness) -> None:
    """Wrong keys of the app: one try, one notice, and another try in an hour."""
    kept.outside.quickbooks.oauth.client_secret = "another"
    before = refreshes(kept)
    try:
        run(kept)
    finally:
        kept.outside.quickbooks.oauth.client_secret = (
            kept.process.settings.qbo_client_secret.get_secret_value()
        )
    assert refreshes(kept) == before + 1
    (told,) = said(kept, "could not be renewed")
    assert "client id and secret" in told
    assert row(kept).due_at == kept.now + timedelta(hours=1)


def test_an_ended_connection_is_found_by_the_upkeep(kept: CompanyHarness) -> None:
    """Disconnected inside QuickBooks: paused, told once, and never asked again by a machine."""
    kept.outside.quickbooks.oauth.disconnect(kept.realm)
    run(kept)
    before = refreshes(kept)
    day_by_day(kept, 5)
    assert company(kept).status == "reauth_required"
    assert len(said(kept, "connected again.*")) == 1
    assert refreshes(kept) == before
    kept.connect()
    kept.time.later(days=1)
    run(kept)
    assert row(kept).last_error == ""
    kept.outside.quickbooks.oauth.disconnect(kept.realm)
    kept.time.later(days=1)
    run(kept)
    assert len(said(kept, "connected again.*")) == 2
