"""Whatever QuickBooks answers, at each call: mended, waiting with a reason, or told to a person."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from itertools import product
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from sqlalchemy import Row, select, update

from jobs.rules.states import State
from jobs.store import companies, work
from jobs.store.database.tables import cases, events, notes, schedule
from jobs.store.database.tables import companies as companies_table
from qbo import QuickBooks
from qbo.transport import CALLS
from tests.jobs.house import UNUSED_TLS, House, books, customer, invoice
from tests.jobs.houses import OpenHouse
from tests.jobs.troubles import PASSING, REFUSED, THROTTLED, Trouble, broken, leaks, shown
from tests.sandbox.faults import Fault
from tests.sandbox.quickbooks.books import Change
from tests.sandbox.quickbooks.webhooks import cloud_events

API = "/v3/company/"
CUSTOMERS = ("FROM Customer WHERE Id", "FROM CustomerType", "FROM Customer WHERE Balance")
"""In the order in which they are asked: types are read once in a job."""
LEDGER = books(
    customer("1", CustomerTypeRef={"value": "5"}),
    invoice(
        *("71", "1", "840.00", 12),
        AllowOnlineCreditCardPayment=True,
        BillEmail={"Address": "billing@customer1.example"},
    ),
    customer("2"),
    invoice("72", "2", "120.00", 15),
    customer_types=[{"Id": "5", "Name": "Plain Accounts", "Active": True}],
)


@dataclass(frozen=True)
class Work:
    """Something for a step to do: how it comes about, what it asks for, how one sees it done."""

    name: str
    step: str
    table: Any
    prepare: Callable[[House], object]
    done: Callable[[House], bool]
    calls: tuple[str, ...]
    """What each of its requests can be told by."""


def _notified(change: Callable[[House], Change]) -> Callable[[House], None]:
    def prepare(house: House) -> None:
        body = json.dumps(cloud_events(house.realm, [change(house)], house.now)).encode()
        house.deliver(body)

    return prepare


def _to_poll(house: House) -> None:
    """After an outage of weeks, when changes are asked for and listed."""
    house.pay("72", "20.00")
    house.time.later(minutes=1)
    _hurry(house, "poll")
    with house.database.writing() as conn:
        companies.change(conn, house.realm, changes_since=house.now - timedelta(days=40))


def _to_sweep(house: House) -> None:
    """In a job of its own, whose client has read no types of customers yet."""
    house.services.quickbooks(house.realm)._types = None
    house.pay("72", "120.00")
    house.time.later(minutes=30)
    _hurry(house, "sweep")


def _hurry(house: House, kind: str) -> None:
    with house.database.writing() as conn:
        work.hurry(conn, house.realm, kind, house.now)


def _to_triage(house: House) -> None:
    house.pay("72", "120.00")
    with house.database.writing() as conn:
        conn.execute(update(cases).values(due_at=house.now))


def _to_send(house: House) -> None:
    house.approve(house.click("UCOLLECT", house.case("1")))
    house.time.later(seconds=house.services.policy.undo_seconds)


def _to_write_back(house: House) -> None:
    _to_send(house)
    house.run("send")


def _to_take_back(house: House) -> None:
    _to_write_back(house)
    house.run("write_back")
    house.take_back(house.click("ULEAD1", house.case("1")))


def _renamed(house: House) -> Change:
    return house.change("Customer", "1", DisplayName="Customer Renamed")


def _redated(house: House) -> Change:
    return house.change("Invoice", "71", DueDate="today-13")


def _paid(house: House) -> Change:
    return house.pay("71", "40.00")


def _credited(house: House) -> Change:
    return house.credit("1", "5.00")


def read(house: House) -> bool:
    return all(not row.due_at and not row.last_error for row in house.rows(select(events)))


def looked_at(house: House) -> bool:
    return all(
        (each.due_at is None or each.due_at > house.now) and not each.last_error
        for each in house.rows(select(cases))
    )


def sent(house: House) -> bool:
    return house.case("1").state in (State.SENT, State.DONE) and len(house.mails) == 1


def note(house: House) -> str:
    """What our own record says of the note."""
    return str(house.rows(select(notes.c.state))[0].state)


def written(house: House) -> bool:
    return note(house) == "written" and [each["deleted"] for each in house.notes] == [False]


def taken_back(house: House) -> bool:
    return note(house) == "taken_back" and [each["deleted"] for each in house.notes] == [True]


def scheduled(kind: str) -> Callable[[House], bool]:
    def done(house: House) -> bool:
        row = entry(house, kind)
        return row.due_at > house.now and not row.last_error

    return done


def entry(house: House, kind: str) -> Row[Any]:
    """The row of the schedule."""
    found: Row[Any] = house.rows(select(schedule).where(schedule.c.kind == kind))[0]
    return found


_detect = partial(Work, step="detect", table=events, done=read)
INVOICE = _detect("invoice", prepare=_notified(_redated), calls=("/invoice/71",))
PAYMENT = _detect("payment", prepare=_notified(_paid), calls=("/payment/", "FROM Invoice"))
MEMO = _detect("memo", prepare=_notified(_credited), calls=("/creditmemo/",))
CUSTOMER = _detect("customer", prepare=_notified(_renamed), calls=("FROM Customer WHERE",))
POLL = Work("poll", "poll", schedule, _to_poll, scheduled("poll"), ("/cdc", "LastUpdatedTime"))
SWEEP = Work(
    *("sweep", "sweep", schedule, _to_sweep, scheduled("sweep")),
    ("FROM Invoice WHERE Balance", "/cdc", "FROM Invoice WHERE Id", *CUSTOMERS),
)
TRIAGE = Work(
    *("triage", "triage", cases, _to_triage, looked_at),
    ("Balance > '0'", "Balance = '0'", "Id IN", "FROM Customer", "FROM Payment", "FROM CreditMemo"),
)
LINK = "include=invoiceLink"
SEND = Work(
    *("send", "send", cases, _to_send, sent),
    ("/batch", "/invoice/71/pdf", LINK),
)
NOTE = Work("note", "write_back", cases, _to_write_back, written, ("/attachable",))
TAKE_BACK = Work("take back", "write_back", cases, _to_take_back, taken_back, ("operation=delete",))
EVERY = (INVOICE, PAYMENT, MEMO, CUSTOMER, POLL, SWEEP, TRIAGE, SEND, NOTE, TAKE_BACK)
EACH_STEP = (INVOICE, POLL, SWEEP, TRIAGE, SEND, NOTE, TAKE_BACK)


def at(*works: Work) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("at", works, ids=lambda work: work.name)


@pytest.fixture
def house(open_house: OpenHouse) -> House:
    """A live house whose one case waits for an approval, wired as in a worker."""
    house = open_house(LEDGER)
    house.add_to_policy('[marks]\ncustomer_types = { "Rare Accounts" = "key_account" }')
    wire(house)
    house.sweep()
    house.run("poll")
    return house


def wire(house: House) -> None:
    """Let the steps sign as they do in a worker; the pace is another test's."""
    client = QuickBooks(
        house.realm,
        house.process.ledgers.auth(house.realm),
        base_url=house.process.settings.qbo_api_url,
        clock=house.time,
        sleep=lambda seconds: _pass_by(house, seconds),
        transport=httpx.HTTPTransport(verify=UNUSED_TLS),
    )
    house._clients.append(client)
    house.services = replace(house.services, quickbooks=lambda _: client)
    house.process.services = house.services


def _pass_by(house: House, seconds: float) -> None:
    house.time.later(seconds=seconds)


def waiting(house: House, at: Work) -> list[Row[Any]]:
    """The rows of work that say why they wait."""
    return house.rows(select(at.table).where(at.table.c.last_error != ""))


def due_again(house: House, at: Work) -> None:
    """As if it were the first try."""
    house.time.later(minutes=1)
    with house.database.writing() as conn:
        troubled = at.table.c.last_error != ""
        conn.execute(update(at.table).where(troubled).values(due_at=house.now, attempts=0))


def carry_on(house: House, at: Work, minutes: int = 11) -> None:
    """Let time pass and the step run, as the clock would have it."""
    house.time.later(minutes=minutes)
    house.run(at.step)


@at(*EVERY)
def test_what_passes_by_itself_is_waited_for(
    house: House, at: Work, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whichever call it meets: the row says why it waits, and in the end the work is done once."""
    at.prepare(house)
    for call, trouble in product(at.calls, PASSING):
        if call == LINK and trouble.status == 400:
            continue  # that speaks of the link, and the next version goes without it
        with broken(house, call, trouble):
            house.run(at.step)
        rows = waiting(house, at)
        assert rows, (call, trouble)
        assert all(row.due_at > house.now for row in rows), (call, trouble)
        assert not leaks(" ".join(row.last_error for row in rows)), (call, trouble)
        assert not at.done(house), (call, trouble)
        due_again(house, at)
    house.outside.quickbooks.oauth.expire(house.realm)
    house.run(at.step)
    assert at.done(house)
    assert not leaks(shown(house) + capsys.readouterr().out)


@at(*EACH_STEP)
def test_a_pause_is_waited_for_and_is_no_failure(house: House, at: Work) -> None:
    """The documented minute and a little, however often: never a reason to give up."""
    at.prepare(house)
    for _ in range(7):
        with broken(house, at.calls[0], THROTTLED):
            house.run(at.step)
        rows = waiting(house, at)
        assert {row.attempts for row in rows} == {0}
        assert all(60 <= (row.due_at - house.now).total_seconds() < 70 for row in rows)
        assert all("slow down" in row.last_error for row in rows)
        house.time.later(seconds=70)
    house.run(at.step)
    assert at.done(house)


@at(*EACH_STEP)
def test_a_lost_connection_pauses_the_company(house: House, at: Work) -> None:
    """One alert with the way back; nothing is lost or counted; reconnecting is enough."""
    at.prepare(house)
    for alerts, lose in enumerate((forbid, forbid_kindly, end_grant), 1):
        lose(house)
        for _ in range(3):
            house.run(at.step)
            house.time.later(minutes=30)
        assert house.company.status == "reauth_required"
        told = [text for text in house.said("notice") if "connected again.*" in text]
        assert len(told) == alerts
        assert "`overdue connect`" in told[-1]
        assert "*Connect again* in the Home tab" in told[-1]
        assert {row.attempts for row in waiting(house, at)} == {0}
        assert not at.done(house)
        house.heal()
        house.connect()
        due_again(house, at)
    house.run(at.step)
    assert house.company.status == "connected"
    assert at.done(house)


def forbid(house: House) -> None:
    """The app is revoked, or whoever connected lost access."""
    house.outside.world.faults.add(Fault("quickbooks", API, "status", None, 403, "120"))


def forbid_kindly(house: House) -> None:
    """The same in an answer whose status says that all is well."""
    house.outside.world.faults.add(Fault("quickbooks", API, "status", None, 200, "3100"))


def end_grant(house: House) -> None:
    """An administrator disconnects inside QuickBooks: no token works, and none can be had."""
    house.outside.quickbooks.oauth.disconnect(house.realm)


@at(*EACH_STEP)
def test_what_is_refused_for_good_is_told(
    house: House, at: Work, capsys: pytest.CaptureFixture[str]
) -> None:
    """At once, since asking five times would be answered alike. A send waits, and says why."""
    at.prepare(house)
    said = len(house.said())
    with broken(house, at.calls[0], REFUSED):
        house.run(at.step)
    case = house.case("1")
    told = len(house.said()) > said or "needs_a_look" in house.rules(case)
    assert told or "changed in QuickBooks" in f"{case.last_error} {house.view(case).note_detail}"
    assert not any("five tries" in text for text in house.said())
    assert not leaks(shown(house) + capsys.readouterr().out)


def test_a_refusal_can_be_traced_at_intuit(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    """Their support asks for the name of the request, which stands in our log."""
    INVOICE.prepare(house)
    with broken(house, INVOICE.calls[0], Trouble("status", 400, "6000")):
        house.run("detect")
    logged = capsys.readouterr().out
    assert "code=6000" in logged
    assert re.search(r"intuit_tid=1-\w+", logged)


@at(INVOICE, SWEEP, NOTE)
def test_the_word_for_any_refusal_is_tried_twice(house: House, at: Work) -> None:
    """QuickBooks says 6000 for what may pass and for what will not: a person is told soon."""
    at.prepare(house)
    said = len(house.said())
    with broken(house, at.calls[0], Trouble("status", 400, "6000")):
        house.run(at.step)
        assert waiting(house, at)
        assert len(house.said()) == said
        carry_on(house, at)
    assert "business reason" in house.said()[-1]
    assert "five tries" not in house.said()[-1]


@at(INVOICE, SWEEP, TRIAGE)
def test_a_lapsed_subscription_waits_to_be_paid(house: House, at: Work) -> None:
    """Where QuickBooks refuses even to be read, it is told once, and costs no attempt."""
    at.prepare(house)
    with broken(house, API, Trouble("status", 400, "6190")):
        for _ in range(7):
            house.run(at.step)
            house.time.later(minutes=61)
    assert sum("has lapsed" in text for text in house.said("notice")) == 1
    assert {row.attempts for row in waiting(house, at)} == {0}
    house.run(at.step)
    assert at.done(house)


def test_a_broken_customer_type_hides_no_customer(house: House) -> None:
    """A notification and a sweep are dealt with; the sweep names the type, nobody else."""
    house.books.tables["CustomerType"]["5"]["Name"] = ["no", "text"]
    house.services.quickbooks(house.realm)._types = None
    CUSTOMER.prepare(house)
    house.run("detect")
    assert CUSTOMER.done(house)
    SWEEP.prepare(house)
    house.run("sweep")
    assert SWEEP.done(house)
    (told,) = [text for text in house.said("notice") if "Overdue cannot use" in text]
    assert "cannot use CustomerType 5 (Name):" in told


ELSEWHERE = {("GET", "companyinfo/{id}"), ("GET", "preferences")}
"""They belong to connecting."""


def template(request: httpx.Request) -> tuple[str, str]:
    """The call of the client's list that a request is."""
    path = request.url.path.split(API)[1].partition("/")[2]
    path = re.sub(r"^(companyinfo|invoice|payment|creditmemo)/\w+", r"\1/{id}", path)
    operation = request.url.params.get("operation", "")
    return request.method, f"{path}?operation={operation}" if operation else path


def test_every_request_of_every_step_is_among_these(house: House) -> None:
    """Whatever a step asks for is broken above, and so is each call that the client has."""
    asked = list[httpx.Request]()
    house.services.quickbooks(house.realm)._http.event_hooks = {"request": [asked.append]}
    for at in EVERY:
        house.run("triage")
        if at not in (SEND, NOTE):  # taking a note back goes through both
            at.prepare(house)
            house.run(at.step)
    matches = [call for at in EVERY for call in at.calls]
    for request in asked:
        line = unquote(str(request.url))
        assert any(match in line for match in matches), line
    assert {template(request) for request in asked} == CALLS.keys() - ELSEWHERE


def test_an_approval_waits_for_the_connection_until_it_lapses(house: House) -> None:
    """Then it ends with a reason, as every approval does."""
    _to_send(house)
    house.outside.quickbooks.oauth.disconnect(house.realm)
    house.run("send")
    assert (house.company.status, house.case("1").state) == ("reauth_required", State.APPROVED)
    house.time.later(hours=23)
    house.run("send")
    assert house.case("1").state is State.APPROVED
    house.time.later(hours=2)
    house.run("send")
    assert house.case("1").state is State.WAITING
    assert house.logged("approval.lapse")


def test_tokens_that_no_key_opens_wait_for_the_key(house: House) -> None:
    """An administrator can help without QuickBooks: told once a day, and it heals by itself."""
    _to_sweep(house)
    with house.database.writing() as conn:
        sealed = companies_sealed(house)
        companies.change(conn, house.realm, sealed_tokens="rubbish")
    for _ in range(3):
        house.run("sweep")
        house.time.later(minutes=10)
    (told,) = [text for text in house.said("notice") if "TOKEN_KEYS" in text]
    assert "Put the old key back" in told
    assert (house.company.status, entry(house, "sweep").attempts) == ("connected", 0)
    with house.database.writing() as conn:
        companies.change(conn, house.realm, sealed_tokens=sealed)
    house.run("sweep")
    assert scheduled("sweep")(house)


def companies_sealed(house: House) -> str:
    (found,) = house.rows(select(companies_table.c.sealed_tokens))
    return str(found.sealed_tokens)
