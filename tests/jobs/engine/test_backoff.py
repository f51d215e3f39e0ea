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
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import UNUSED_TLS, CompanyHarness, books, customer, invoice
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
    prepare: Callable[[CompanyHarness], object]
    done: Callable[[CompanyHarness], bool]
    calls: tuple[str, ...]
    """What each of its requests can be told by."""


def _notified(change: Callable[[CompanyHarness], Change]) -> Callable[[CompanyHarness], None]:
    def prepare(harness: CompanyHarness) -> None:
        body = json.dumps(cloud_events(harness.realm, [change(harness)], harness.now)).encode()
        harness.deliver(body)

    return prepare


def _to_poll(harness: CompanyHarness) -> None:
    """After an outage of weeks, when changes are asked for and listed."""
    harness.pay("72", "20.00")
    harness.time.later(minutes=1)
    _hurry(harness, "poll")
    with harness.database.writing() as conn:
        companies.change(conn, harness.realm, changes_since=harness.now - timedelta(days=40))


def _to_sweep(harness: CompanyHarness) -> None:
    """In a job of its own, whose client has read no types of customers yet."""
    harness.services.quickbooks(harness.realm)._types = None
    harness.pay("72", "120.00")
    harness.time.later(minutes=30)
    _hurry(harness, "sweep")


def _hurry(harness: CompanyHarness, kind: str) -> None:
    with harness.database.writing() as conn:
        work.hurry(conn, harness.realm, kind, harness.now)


def _to_triage(harness: CompanyHarness) -> None:
    harness.pay("72", "120.00")
    with harness.database.writing() as conn:
        conn.execute(update(cases).values(due_at=harness.now))


def _to_send(harness: CompanyHarness) -> None:
    harness.approve(harness.click("UCOLLECT", harness.case("1")))
    harness.time.later(seconds=harness.services.policy.undo_seconds)


def _to_write_back(harness: CompanyHarness) -> None:
    _to_send(harness)
    harness.run("send")


def _to_take_back(harness: CompanyHarness) -> None:
    _to_write_back(harness)
    harness.run("write_back")
    harness.take_back(harness.click("ULEAD1", harness.case("1")))


def _renamed(harness: CompanyHarness) -> Change:
    return harness.change("Customer", "1", DisplayName="Customer Renamed")


def _redated(harness: CompanyHarness) -> Change:
    return harness.change("Invoice", "71", DueDate="today-13")


def _paid(harness: CompanyHarness) -> Change:
    return harness.pay("71", "40.00")


def _credited(harness: CompanyHarness) -> Change:
    return harness.credit("1", "5.00")


def read(harness: CompanyHarness) -> bool:
    return all(not row.due_at and not row.last_error for row in harness.rows(select(events)))


def looked_at(harness: CompanyHarness) -> bool:
    return all(
        (each.due_at is None or each.due_at > harness.now) and not each.last_error
        for each in harness.rows(select(cases))
    )


def sent(harness: CompanyHarness) -> bool:
    return harness.case("1").state in (State.SENT, State.DONE) and len(harness.mails) == 1


def note(harness: CompanyHarness) -> str:
    """What our own record says of the note."""
    return str(harness.rows(select(notes.c.state))[0].state)


def written(harness: CompanyHarness) -> bool:
    return note(harness) == "written" and [each["deleted"] for each in harness.notes] == [False]


def taken_back(harness: CompanyHarness) -> bool:
    return note(harness) == "taken_back" and [each["deleted"] for each in harness.notes] == [True]


def scheduled(kind: str) -> Callable[[CompanyHarness], bool]:
    def done(harness: CompanyHarness) -> bool:
        row = entry(harness, kind)
        return row.due_at > harness.now and not row.last_error

    return done


def entry(harness: CompanyHarness, kind: str) -> Row[Any]:
    """The row of the schedule."""
    found: Row[Any] = harness.rows(select(schedule).where(schedule.c.kind == kind))[0]
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
def harness(open_harness: OpenHarness) -> CompanyHarness:
    """A live company whose one case waits for an approval, wired as in a worker."""
    harness = open_harness(LEDGER, swept=True)
    harness.add_to_policy('[marks]\ncustomer_types = { "Rare Accounts" = "key_account" }')
    wire(harness)
    harness.run("poll")
    return harness


def wire(harness: CompanyHarness) -> None:
    """Let the steps sign as they do in a worker; the pace is another test's."""
    client = QuickBooks(
        harness.realm,
        harness.process.ledgers.auth(harness.realm),
        base_url=harness.process.settings.qbo_api_url,
        clock=harness.time,
        sleep=lambda seconds: _pass_by(harness, seconds),
        transport=httpx.HTTPTransport(verify=UNUSED_TLS),
    )
    harness._clients.append(client)
    harness.services = replace(harness.services, quickbooks=lambda _: client)
    harness.process.services = harness.services


def _pass_by(harness: CompanyHarness, seconds: float) -> None:
    harness.time.later(seconds=seconds)


def waiting(harness: CompanyHarness, at: Work) -> list[Row[Any]]:
    """The rows of work that say why they wait."""
    return harness.rows(select(at.table).where(at.table.c.last_error != ""))


def due_again(harness: CompanyHarness, at: Work) -> None:
    """As if it were the first try."""
    harness.time.later(minutes=1)
    with harness.database.writing() as conn:
        troubled = at.table.c.last_error != ""
        conn.execute(update(at.table).where(troubled).values(due_at=harness.now, attempts=0))


def carry_on(harness: CompanyHarness, at: Work, minutes: int = 11) -> None:
    """Let time pass and the step run, as the clock would have it."""
    harness.time.later(minutes=minutes)
    harness.run(at.step)


@at(*EVERY)
def test_what_passes_by_itself_is_waited_for(
    harness: CompanyHarness, at: Work, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whichever call it meets: the row says why it waits, and in the end the work is done once."""
    at.prepare(harness)
    for call, trouble in product(at.calls, PASSING):
        if call == LINK and trouble.status == 400:
            continue  # that speaks of the link, and the next version goes without it
        with broken(harness, call, trouble):
            harness.run(at.step)
        rows = waiting(harness, at)
        assert rows, (call, trouble)
        assert all(row.due_at > harness.now for row in rows), (call, trouble)
        assert not leaks(" ".join(row.last_error for row in rows)), (call, trouble)
        assert not at.done(harness), (call, trouble)
        due_again(harness, at)
    harness.outside.quickbooks.oauth.expire(harness.realm)
    harness.run(at.step)
    assert at.done(harness)
    assert not leaks(shown(harness) + capsys.readouterr().out)


@at(*EACH_STEP)
def test_a_pause_is_waited_for_and_is_no_failure(harness: CompanyHarness, at: Work) -> None:
    """The documented minute and a little, however often: never a reason to give up."""
    at.prepare(harness)
    for _ in range(7):
        with broken(harness, at.calls[0], THROTTLED):
            harness.run(at.step)
        rows = waiting(harness, at)
        assert {row.attempts for row in rows} == {0}
        assert all(60 <= (row.due_at - harness.now).total_seconds() < 70 for row in rows)
        assert all("slow down" in row.last_error for row in rows)
        harness.time.later(seconds=70)
    harness.run(at.step)
    assert at.done(harness)


@at(*EACH_STEP)
def test_a_lost_connection_pauses_the_company(harness: CompanyHarness, at: Work) -> None:
    """One alert with the way back; nothing is lost or counted; reconnecting is enough."""
    at.prepare(harness)
    for alerts, lose in enumerate((forbid, forbid_kindly, end_grant), 1):
        lose(harness)
        for _ in range(3):
            harness.run(at.step)
            harness.time.later(minutes=30)
        assert harness.company.status == "reauth_required"
        told = [text for text in harness.said("notice") if "connected again.*" in text]
        assert len(told) == alerts
        assert "`overdue connect`" in told[-1]
        assert "*Connect again* in the Home tab" in told[-1]
        assert {row.attempts for row in waiting(harness, at)} == {0}
        assert not at.done(harness)
        harness.heal()
        harness.connect()
        due_again(harness, at)
    harness.run(at.step)
    assert harness.company.status == "connected"
    assert at.done(harness)


def forbid(harness: CompanyHarness) -> None:
    """The app is revoked, or whoever connected lost access."""
    harness.outside.world.faults.add(Fault("quickbooks", API, "status", None, 403, "120"))


def forbid_kindly(harness: CompanyHarness) -> None:
    """The same in an answer whose status says that all is well."""
    harness.outside.world.faults.add(Fault("quickbooks", API, "status", None, 200, "3100"))


def end_grant(harness: CompanyHarness) -> None:
    """An administrator disconnects inside QuickBooks: no token works, and none can be had."""
    harness.outside.quickbooks.oauth.disconnect(harness.realm)


@at(*EACH_STEP)
def test_what_is_refused_for_good_is_told(
    harness: CompanyHarness, at: Work, capsys: pytest.CaptureFixture[str]
) -> None:
    """At once, since asking five times would be answered alike. A send waits, and says why."""
    at.prepare(harness)
    said = len(harness.said())
    with broken(harness, at.calls[0], REFUSED):
        harness.run(at.step)
    case = harness.case("1")
    told = len(harness.said()) > said or "needs_a_look" in harness.rules(case)
    assert told or "changed in QuickBooks" in f"{case.last_error} {harness.view(case).note_detail}"
    assert not any("five tries" in text for text in harness.said())
    assert not leaks(shown(harness) + capsys.readouterr().out)


def test_a_refusal_can_be_traced_at_intuit(
    harness: CompanyHarness, capsys: pytest.CaptureFixture[str]
) -> None:
    """Their support asks for the name of the request, which stands in our log."""
    INVOICE.prepare(harness)
    with broken(harness, INVOICE.calls[0], Trouble("status", 400, "6000")):
        harness.run("detect")
    logged = capsys.readouterr().out
    assert "code=6000" in logged
    assert re.search(r"intuit_tid=1-\w+", logged)


@at(INVOICE, SWEEP, NOTE)
def test_the_word_for_any_refusal_is_tried_twice(harness: CompanyHarness, at: Work) -> None:
    """QuickBooks says 6000 for what may pass and for what will not: a person is told soon."""
    at.prepare(harness)
    said = len(harness.said())
    with broken(harness, at.calls[0], Trouble("status", 400, "6000")):
        harness.run(at.step)
        assert waiting(harness, at)
        assert len(harness.said()) == said
        carry_on(harness, at)
    assert "business reason" in harness.said()[-1]
    assert "five tries" not in harness.said()[-1]


@at(INVOICE, SWEEP, TRIAGE)
def test_a_lapsed_subscription_waits_to_be_paid(harness: CompanyHarness, at: Work) -> None:
    """Where QuickBooks refuses even to be read, it is told once, and costs no attempt."""
    at.prepare(harness)
    with broken(harness, API, Trouble("status", 400, "6190")):
        for _ in range(7):
            harness.run(at.step)
            harness.time.later(minutes=61)
    assert sum("has lapsed" in text for text in harness.said("notice")) == 1
    assert {row.attempts for row in waiting(harness, at)} == {0}
    harness.run(at.step)
    assert at.done(harness)


def test_a_broken_customer_type_hides_no_customer(harness: CompanyHarness) -> None:
    """A notification and a sweep are dealt with; the sweep names the type, nobody else."""
    harness.books.tables["CustomerType"]["5"]["Name"] = ["no", "text"]
    harness.services.quickbooks(harness.realm)._types = None
    CUSTOMER.prepare(harness)
    harness.run("detect")
    assert CUSTOMER.done(harness)
    SWEEP.prepare(harness)
    harness.run("sweep")
    assert SWEEP.done(harness)
    (told,) = [text for text in harness.said("notice") if "Overdue cannot use" in text]
    assert "cannot use CustomerType 5 (Name):" in told


ELSEWHERE = {("GET", "companyinfo/{id}"), ("GET", "preferences")}
"""They belong to connecting."""


def template(request: httpx.Request) -> tuple[str, str]:
    """The call of the client's list that a request is."""
    path = request.url.path.split(API)[1].partition("/")[2]
    path = re.sub(r"^(companyinfo|invoice|payment|creditmemo)/\w+", r"\1/{id}", path)
    operation = request.url.params.get("operation", "")
    return request.method, f"{path}?operation={operation}" if operation else path


def test_every_request_of_every_step_is_among_these(harness: CompanyHarness) -> None:
    """Whatever a step asks for is broken above, and so is each call that the client has."""
    asked = list[httpx.Request]()
    harness.services.quickbooks(harness.realm)._http.event_hooks = {"request": [asked.append]}
    for at in EVERY:
        harness.run("triage")
        if at not in (SEND, NOTE):  # taking a note back goes through both
            at.prepare(harness)
            harness.run(at.step)
    matches = [call for at in EVERY for call in at.calls]
    for request in asked:
        line = unquote(str(request.url))
        assert any(match in line for match in matches), line
    assert {template(request) for request in asked} == CALLS.keys() - ELSEWHERE


def test_an_approval_waits_for_the_connection_until_it_lapses(harness: CompanyHarness) -> None:
    """Then it ends with a reason, as every approval does."""
    _to_send(harness)
    harness.outside.quickbooks.oauth.disconnect(harness.realm)
    harness.run("send")
    assert (harness.company.status, harness.case("1").state) == ("reauth_required", State.APPROVED)
    harness.time.later(hours=23)
    harness.run("send")
    assert harness.case("1").state is State.APPROVED
    harness.time.later(hours=2)
    harness.run("send")
    assert harness.case("1").state is State.WAITING
    assert harness.logged("approval.lapse")


def test_tokens_that_no_key_opens_wait_for_the_key(harness: CompanyHarness) -> None:
    """An administrator can help without QuickBooks: told once a day, and it heals by itself."""
    _to_sweep(harness)
    with harness.database.writing() as conn:
        sealed = companies_sealed(harness)
        companies.change(conn, harness.realm, sealed_tokens="rubbish")
    for _ in range(3):
        harness.run("sweep")
        harness.time.later(minutes=10)
    (told,) = [text for text in harness.said("notice") if "TOKEN_KEYS" in text]
    assert "Put the old key back" in told
    assert (harness.company.status, entry(harness, "sweep").attempts) == ("connected", 0)
    with harness.database.writing() as conn:
        companies.change(conn, harness.realm, sealed_tokens=sealed)
    harness.run("sweep")
    assert scheduled("sweep")(harness)


def companies_sealed(harness: CompanyHarness) -> str:
    (found,) = harness.rows(select(companies_table.c.sealed_tokens))
    return str(found.sealed_tokens)
