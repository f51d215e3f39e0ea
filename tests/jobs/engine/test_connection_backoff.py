"""Connecting, renewing and disconnecting, whatever Intuit answers."""

from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest
from sqlalchemy import Row, select

from bot.process import Process
from jobs.companies import connect
from jobs.companies.connect import Intuit, NotConnected
from jobs.companies.disconnect import Broker, Ended, disconnect
from jobs.store import work
from jobs.store.companies import ConnectedCompany
from jobs.store.database.tables import companies, schedule
from qbo import QuickBooks, Tokens
from tests.jobs.harness import ONE, CompanyHarness
from tests.jobs.troubles import HASTY, PASSING, REFUSED, THROTTLED, Trouble, broken, leaks, shown
from tests.sandbox import company

TOKENS = "tokens/bearer"
CALLS = (TOKENS, "/companyinfo/", "/preferences")


def follow_link(harness: CompanyHarness, intuit: Intuit, realm: str) -> ConnectedCompany:
    """A person follows a fresh link, chooses this company and comes back."""
    with harness.database.writing() as conn:
        state = connect.open_link(conn, "ULEAD1", "", harness.now)
    harness.outside.quickbooks.choose({"realm": realm})
    answer = httpx.get(harness.process.oauth.authorize_url(state))
    code = httpx.URL(answer.headers["location"]).params["code"]
    return connect.connect(harness.database, intuit, code, realm, state, harness.now)


def _hasty(process: Process) -> Callable[[str, Tokens], QuickBooks]:
    """The first look at a company as the product takes it, by somebody who waits for nothing."""

    def look(realm: str, tokens: Tokens) -> QuickBooks:
        client = process._open(realm, tokens)
        client._http.timeout = httpx.Timeout(HASTY)
        return client

    return look


@pytest.mark.parametrize("call", CALLS)
def test_connecting_says_what_went_wrong(a_harness: CompanyHarness, call: str) -> None:
    """Nothing is half connected: a sentence for the person, and a new link does it."""
    realm = a_harness.outside.quickbooks.add_company(company.build(ONE, a_harness.now))
    hasty, patient = (
        replace(a_harness.process.intuit, open=look, channel="CSECOND")
        for look in (_hasty(a_harness.process), a_harness.process._open)
    )
    for trouble in (*PASSING, REFUSED, THROTTLED, Trouble("status", 403, "3100")):
        with broken(a_harness, call, trouble), pytest.raises(NotConnected) as caught:
            follow_link(a_harness, hasty if trouble.kind == "stall" else patient, realm)
        a_harness.time.later(minutes=2)  # a pause that QuickBooks asks for is over then
        said = str(caught.value)
        assert said.endswith("."), trouble
        assert not leaks(said), trouble
    assert len(a_harness.rows(select(companies))) == 1
    assert follow_link(a_harness, patient, realm).connected


def upkeep(harness: CompanyHarness) -> Row[object]:
    """Let the daily upkeep run now; its row afterwards."""
    with harness.database.writing() as conn:
        work.hurry(conn, harness.realm, "upkeep", harness.now)
    harness.run("upkeep")
    found: Row[object] = harness.rows(select(schedule).where(schedule.c.kind == "upkeep"))[0]
    return found


@pytest.mark.parametrize("call", CALLS)
def test_a_renewal_that_fails_is_tried_again(a_harness: CompanyHarness, call: str) -> None:
    """The row says why it waits, and the next try has all it needs."""
    for trouble in PASSING:
        if (trouble.kind, call) == ("late", TOKENS):
            continue  # the next test is about it
        with broken(a_harness, call, trouble):
            waiting = upkeep(a_harness)
        assert waiting.last_error, trouble
        assert waiting.due_at > a_harness.now, trouble
    assert upkeep(a_harness).last_error == ""
    assert not leaks(shown(a_harness))


def test_a_renewal_whose_answer_never_came_ends_with_a_person(a_harness: CompanyHarness) -> None:
    """Where Intuit rotates each time, the pair that was lost is the only good one."""
    with broken(a_harness, TOKENS, Trouble("late")):
        assert upkeep(a_harness).last_error
    upkeep(a_harness)
    assert a_harness.company.status == "reauth_required"
    assert sum("connected again.*" in text for text in a_harness.said("notice")) == 1


def test_a_disconnection_that_intuit_did_not_hear_is_said(a_harness: CompanyHarness) -> None:
    """The company stands still at once; the same wish again does what is left."""
    broker, match = Broker(a_harness.process.oauth, a_harness.process.seal), "tokens/revoke"

    def wish() -> Ended:
        return disconnect(a_harness.database, broker, a_harness.realm, "ULEAD1", a_harness.now)

    def told() -> list[str]:
        return a_harness.said("notice")

    for trouble in PASSING:
        if trouble.status == 400 or trouble.kind == "garbage":
            continue  # 400 is "not known any more", and whatever comes with a 200 is "done"
        with broken(a_harness, match, trouble):
            assert wish() is Ended.NOT_REVOKED, trouble
        assert a_harness.company.status == "disconnected"
        # who it was is on record before Intuit is asked, and is said once
        assert len(a_harness.logged("company.disconnected")) == 1
        assert sum("disconnected from QuickBooks by Ulead1" in t for t in told()) == 1
    assert [wish(), wish()] == [Ended.DONE, Ended.BEFORE]
    assert len(a_harness.logged("company.disconnected")) == 1
