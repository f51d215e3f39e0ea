"""Whatever QuickBooks answers, at each step: mended, waiting with a reason, or told to a person."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import Row, select, update

from jobs.rules.states import State
from jobs.store import agenda, companies
from jobs.store.companies import Company
from jobs.store.tables import cases, events, schedule
from jobs.store.tables import companies as companies_table
from qbo import QuickBooks
from tests.jobs.house import UNUSED_TLS, House
from tests.sandbox.faults import Kind
from tests.sandbox.quickbooks.webhooks import cloud_events

API = "/v3/company/"
LATER = ("refuse", "reset", "late", "html", "garbage", 500, 504, 400)
"""What passes by itself: asked again, more slowly each time."""


@dataclass(frozen=True)
class Case:
    """A step with something to do: its row, how it comes about, and how one sees it done."""

    step: str
    table: Any
    prepare: Callable[[House], object]
    done: Callable[[House], bool]


def _notified(house: House) -> None:
    change = house.change("Customer", "1", DisplayName="Customer Renamed")
    house.deliver(json.dumps(cloud_events(house.realm, [change], house.now)).encode())


def _to_sweep(house: House) -> None:
    house.time.later(minutes=1)
    with house.database.writing() as conn:
        agenda.hurry(conn, house.realm, "sweep", house.now)


def _to_triage(house: House) -> None:
    with house.database.writing() as conn:
        conn.execute(update(cases).values(due_at=house.now))


def _to_send(house: House) -> None:
    house.approve()
    house.time.later(seconds=house.office.policy.undo_seconds)


def _to_write_back(house: House) -> None:
    _to_send(house)
    house.run("send")


STEPS = [
    Case("detect", events, _notified, lambda house: row(house, events).due_at is None),
    Case("sweep", schedule, _to_sweep, lambda house: swept(house) == house.now),
    Case("triage", cases, _to_triage, lambda house: looked_at(house)),
    Case("send", cases, _to_send, lambda house: house.state() in (State.SENT, State.DONE)),
    Case("write_back", cases, _to_write_back, lambda house: written(house)),
]
everywhere = pytest.mark.parametrize("at", STEPS, ids=lambda case: case.step)


def row(house: House, table: Any) -> Row[Any]:
    """The row of work that the step is about."""
    found = select(table).order_by(table.c.id.desc())
    found = found.where(schedule.c.kind == "sweep") if table is schedule else found
    first: Row[Any] = house.rows(found)[0]
    return first


def looked_at(house: House) -> bool:
    case = row(house, cases)
    return case.due_at > house.now and not case.last_error


def written(house: House) -> bool:
    return house.state() is State.DONE and len(house.notes) == 1


def swept(house: House) -> datetime | None:
    return house.company.swept_at


def status(house: House) -> str:
    found: Company = house.company
    return found.status


def wire(house: House, transport: httpx.BaseTransport | None = None) -> None:
    """Let the steps sign as they do in a worker; the pace is another test's."""
    client = QuickBooks(
        house.realm,
        house.kit.ledgers.auth(house.realm),
        base_url=house.kit.settings.qbo_api_url,
        clock=house.time,
        transport=transport or httpx.HTTPTransport(verify=UNUSED_TLS),
    )
    house._clients.append(client)
    house.office = replace(house.office, quickbooks=lambda _: client)
    house.kit.office = house.office


def break_it(house: House, fault: str | int, times: int | None = None, match: str = API) -> None:
    kind: Kind = "status" if isinstance(fault, int) else fault  # type: ignore[assignment]
    house.fault("quickbooks", match, kind, times, fault if isinstance(fault, int) else None)


def carry_on(house: House, at: Case, minutes: int = 11) -> None:
    """Let time pass and the step run, as the clock would have it."""
    house.time.later(minutes=minutes)
    house.run(at.step)


@everywhere
@pytest.mark.parametrize("fault", LATER)
def test_what_passes_by_itself_is_tried_again(a_house: House, at: Case, fault: str | int) -> None:
    """The row says why it waits; when QuickBooks answers again, the work is done, once."""
    wire(a_house)
    at.prepare(a_house)
    break_it(a_house, fault)
    a_house.run(at.step)
    waiting = row(a_house, at.table)
    assert not at.done(a_house)
    assert waiting.last_error
    assert waiting.due_at is not None
    assert waiting.due_at > a_house.now
    a_house.heal()
    carry_on(a_house, at)
    assert at.done(a_house)


@everywhere
def test_a_refused_access_token_is_renewed_unseen(a_house: House, at: Case) -> None:
    """QuickBooks may end one at any time: renewed, asked again, and nobody notices."""
    wire(a_house)
    at.prepare(a_house)
    a_house.outside.quickbooks.oauth.expire(a_house.realm)
    a_house.run(at.step)
    assert at.done(a_house)
    assert row(a_house, at.table).last_error == ""


@everywhere
def test_a_token_that_is_refused_for_ever_is_told(a_house: House, at: Case) -> None:
    """Renewed, refused again: waits with a reason that holds no piece of the token."""
    wire(a_house)
    at.prepare(a_house)
    break_it(a_house, 401)
    a_house.run(at.step)
    assert "does not accept the access token" in row(a_house, at.table).last_error
    assert "eyJ" not in row(a_house, at.table).last_error


@everywhere
def test_a_pause_is_waited_for_and_is_no_failure(a_house: House, at: Case) -> None:
    """The documented minute, however often: never a reason to give up."""
    wire(a_house)
    at.prepare(a_house)
    break_it(a_house, 429)
    for _ in range(8):
        a_house.run(at.step)
        waiting = row(a_house, at.table)
        assert (waiting.attempts, waiting.due_at) == (0, a_house.now + timedelta(seconds=60))
        a_house.time.later(seconds=60)
    assert "slow down" in waiting.last_error
    a_house.heal()
    carry_on(a_house, at)
    assert at.done(a_house)


@everywhere
@pytest.mark.parametrize("how", ["3100", "invalid_grant"])
def test_a_lost_connection_pauses_the_company(a_house: House, at: Case, how: str) -> None:
    """One alert with the way back; nothing is lost or counted; reconnecting is enough."""
    wire(a_house)
    at.prepare(a_house)
    if how == "3100":
        break_it(a_house, 403)
    else:
        a_house.outside.quickbooks.oauth.disconnect(a_house.realm)
    for _ in range(7):
        a_house.run(at.step)
        a_house.time.later(minutes=30)
    assert status(a_house) == "reauth_required"
    (alert,) = [text for text in a_house.said("notice") if "connected again.*" in text]
    assert "`overdue connect`" in alert
    assert "/quickbooks/connect" in alert
    assert row(a_house, at.table).attempts == 0
    assert not at.done(a_house)
    a_house.heal()
    a_house.connect()
    carry_on(a_house, at)
    assert status(a_house) == "connected"
    assert at.done(a_house)


@pytest.mark.parametrize("at", [s for s in STEPS if s.step != "send"], ids=lambda s: s.step)
def test_what_is_refused_for_good_is_told_at_once(a_house: House, at: Case) -> None:
    """Asking five times would be answered five times alike."""
    at.prepare(a_house)
    said, asked = len(a_house.said()), []

    def refuse(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        error = {"Message": "m", "Detail": "d", "code": "5020"}
        return httpx.Response(400, json={"Fault": {"Error": [error]}})

    wire(a_house, httpx.MockTransport(refuse))
    a_house.run(at.step)
    assert len(asked) == 1
    assert len(a_house.said()) > said or "needs_a_look" in a_house.rules()
    assert not any("five tries" in text for text in a_house.said())


def test_an_approval_waits_for_the_connection_until_it_lapses(a_house: House) -> None:
    """Then it ends with a reason, as every approval does."""
    wire(a_house)
    _to_send(a_house)
    a_house.outside.quickbooks.oauth.disconnect(a_house.realm)
    a_house.run("send")
    assert (status(a_house), a_house.state()) == ("reauth_required", State.APPROVED)
    a_house.time.later(hours=23)
    a_house.run("send")
    assert a_house.state() is State.APPROVED
    a_house.time.later(hours=2)
    a_house.run("send")
    assert a_house.state() is State.WAITING
    assert a_house.logged("approval.lapse")


def test_tokens_that_no_key_opens_wait_for_the_key(a_house: House) -> None:
    """An administrator can help without QuickBooks: told once a day, and it heals by itself."""
    wire(a_house)
    _to_sweep(a_house)
    with a_house.database.writing() as conn:
        sealed = companies_sealed(a_house)
        companies.change(conn, a_house.realm, sealed_tokens="rubbish")
    for _ in range(3):
        a_house.run("sweep")
        a_house.time.later(minutes=10)
    (told,) = [text for text in a_house.said("notice") if "TOKEN_KEYS" in text]
    assert "Put the old key back" in told
    assert (status(a_house), row(a_house, schedule).attempts) == ("connected", 0)
    with a_house.database.writing() as conn:
        companies.change(conn, a_house.realm, sealed_tokens=sealed)
    a_house.run("sweep")
    assert swept(a_house) == a_house.now


def companies_sealed(house: House) -> str:
    (found,) = house.rows(select(companies_table.c.sealed_tokens))
    return str(found.sealed_tokens)
