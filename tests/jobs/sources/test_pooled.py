"""Reading together: few statements for many cases, and to each its own answer or error."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Protocol, TypeVar, cast

import pytest

from jobs.rules.facts.evidence import Document
from jobs.rules.facts.findings import Account, Down, Findings, Fresh
from jobs.rules.policy.policy import Policy
from jobs.sources.configured import SOURCES, absent
from jobs.sources.pooled import (
    AT_ONCE,
    InLine,
    Inquiry,
    Line,
    Pooled,
    PooledSource,
    Together,
    ask_all,
)
from jobs.sources.quickbooks import Asked, Records, fetch
from qbo import PoisonedPage, QuickBooks, QuickBooksError, Unreachable
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import WEDNESDAY, CompanyHarness, books, customer, invoice
from tests.jobs.rules.world import policy
from tests.jobs.sources.help_desk import HelpDesk
from tests.real_processes import PATIENCE

Q = TypeVar("Q", contravariant=True)
A = TypeVar("A", covariant=True)

TODAY = {"TxnDate": "today"}
PEOPLE = [str(n) for n in range(1, 41)]
MANY = books(
    *(customer(id) for id in PEOPLE),
    *(invoice(f"{700 + int(id)}", id, f"{100 + int(id)}.00", 12) for id in PEOPLE),
    *(invoice(f"{800 + int(id)}", id, "10.00", 90, Balance="0.00") for id in PEOPLE),
    payments=[{"Id": "901", "CustomerRef": {"value": "3"}, "TotalAmt": "50.00", **TODAY}],
    credit_memos=[{"Id": "902", "CustomerRef": {"value": "4"}, "TotalAmt": "7.00", **TODAY}],
)
SINCE = date(2024, 11, 18)


def asked(*members: str, expected: Sequence[str] = ()) -> Asked:
    return Asked(frozenset(members), frozenset(expected), SINCE)


def ids(records: Records) -> dict[str, list[str]]:
    """What came, by kind."""
    return {kind: sorted(r.id for r in found) for kind, found in vars(records).items()}


def statements(harness: CompanyHarness) -> list[str]:
    return list(harness.outside.quickbooks.realms[harness.realm].statements)


class Reads(Protocol[Q, A]):
    """Anything that is asked for one case."""

    def about(self, what: Q, /) -> A: ...


@dataclass(frozen=True)
class OnlySource:
    """A source that is the only one there is."""

    source: PooledSource

    def about(self, inquiry: Inquiry) -> Findings:
        return ask_all([self.source], inquiry)[self.source.name]


def all_at_once(line: Reads[Q, A], wanted: Sequence[Q]) -> list[Future[A]]:
    """Every case in a thread of its own, all let go at the same moment."""
    gate = threading.Barrier(len(wanted))

    def one(what: Q) -> A:
        gate.wait()
        return line.about(what)

    with ThreadPoolExecutor(len(wanted)) as pool:
        return [pool.submit(one, what) for what in wanted]


@pytest.fixture
def harness(open_harness: OpenHarness) -> CompanyHarness:
    return open_harness(MANY)


def test_each_gets_what_it_would_get_alone(harness: CompanyHarness) -> None:
    """Forty cases that ask together get forty different answers, each complete."""
    quickbooks = harness.quickbooks()
    wanted = [asked(id, expected=[f"{700 + int(id)}", f"{800 + int(id)}"]) for id in PEOPLE]
    line = Pooled(lambda: quickbooks, patience=30)
    line_of_forty = [*wanted, *(asked(id) for id in PEOPLE), *(asked("1", "2") for _ in range(20))]
    found = [future.result() for future in all_at_once(line, line_of_forty)]
    alone = [fetch(quickbooks, what) for what in line_of_forty]
    assert [ids(records) for records in found] == [ids(records) for records in alone]


def test_many_cases_cost_few_statements(harness: CompanyHarness) -> None:
    """A hundred cases in one reading are six statements."""
    quickbooks = harness.quickbooks()
    before = len(statements(harness))
    wanted = [asked(PEOPLE[n % 40], expected=[f"{801 + n % 40}"]) for n in range(100)]
    for future in all_at_once(Pooled(lambda: quickbooks, patience=30), wanted):
        future.result()
    assert len(statements(harness)) - before == 6


def test_one_alone_does_not_wait_for_others(harness: CompanyHarness) -> None:
    """Nobody else comes, so after a moment the one who is there is served."""
    quickbooks = harness.quickbooks()
    assert ids(Pooled(lambda: quickbooks).about(asked("3")))["payments"] == ["901"]


def test_an_invoice_that_moved_within_the_group(harness: CompanyHarness) -> None:
    """Expected here and listed at another customer of the same reading: it is not gone."""
    quickbooks = harness.quickbooks()
    harness.change("Invoice", "701", CustomerRef={"value": "2"})
    wanted = [asked("1", expected=["701"]), *[asked("2")] * 99]
    first = all_at_once(Pooled(lambda: quickbooks, patience=30), wanted)[0].result()
    assert ids(first)["by_id"] == ["701"]
    assert ids(first)["open"] == []


def test_a_poisoned_record_hurts_only_its_own_case(harness: CompanyHarness) -> None:
    """One record that cannot be read is an error for one case; the others are answered."""
    quickbooks = harness.quickbooks()
    del harness.books.tables["Customer"]["7"]["Balance"]
    wanted = [asked(PEOPLE[n % 40]) for n in range(100)]
    futures = all_at_once(Pooled(lambda: quickbooks, patience=30), wanted)
    for n, future in enumerate(futures):
        if PEOPLE[n % 40] == "7":
            assert isinstance(future.exception(), PoisonedPage)
        else:
            assert len(future.result().open) == 1


def test_an_outage_reaches_everybody(harness: CompanyHarness) -> None:
    """Where QuickBooks is away, nobody waits in vain; the next reading is a new one."""
    quickbooks = harness.quickbooks()
    line = Pooled(lambda: quickbooks, patience=30)
    harness.fault("quickbooks", "/query", "status", 1, 503)
    errors = [f.exception() for f in all_at_once(line, [asked("1")] * 100)]
    assert {type(error) for error in errors} == {Unreachable}
    assert [len(f.result().open) for f in all_at_once(line, [asked("1")] * 100)] == [1] * 100


def failing(with_: BaseException, times: int) -> Callable[[], Any]:
    """A company whose client cannot be had at first."""
    left = [with_] * times

    def make() -> Any:
        if left:
            raise left.pop()
        raise Unreachable("and then it is away")

    return make


def test_a_reading_that_is_stopped_leaves_nobody_behind() -> None:
    """Whoever stood in line has an answer, and the next reading is a new one."""
    line = Pooled(failing(SystemExit("killed"), 1), patience=30)
    for kind in (SystemExit, Unreachable):
        futures = all_at_once(line, [asked("1")] * 100)
        assert [type(future.exception()) for future in futures] == [kind] * 100


def test_a_reading_counts_as_what_its_case_is() -> None:
    """Bulk work stays bulk work in the thread that reads for it."""
    told = ContextVar("told", default="urgent")

    def serve(group: Sequence[InLine[str, str]]) -> None:
        for place in group:
            place.answer.set_result(told.get())

    line = Line[str, str](serve)
    assert line.ask("now").result(PATIENCE) == "urgent"
    told.set("bulk")
    assert line.ask("later").result(PATIENCE) == "bulk"


def test_companies_do_not_wait_for_each_other() -> None:
    """Each company has a line of its own, and always the same one."""

    def client(realm: str) -> QuickBooks:
        raise QuickBooksError(f"company {realm} is away")

    together = Together(client)
    assert together.of("1") is together.of("1")
    for realm in ("1", "2"):
        with pytest.raises(QuickBooksError, match=f"company {realm} is away"):
            together.of(realm).about(asked("1"))


def no_ledger(realm: str) -> QuickBooks:
    """Nobody asks for it here."""
    raise AssertionError(realm)


def inquiries(count: int) -> list[Inquiry]:
    """One for each of so many cases, two of each customer."""
    accounts = [Account(str(n // 2), "", frozenset({f"{n}@a.example"})) for n in range(count)]
    return [Inquiry(account, WEDNESDAY, policy()) for account in accounts]


def test_a_source_is_asked_once_about_many_customers() -> None:
    """A hundred cases of fifty customers are one reading, which knows all addresses of each."""
    desk = HelpDesk()
    desk.texts["7"] = "Where is my order?"
    (line,) = Together(no_ledger, [desk], patience=30).sources("1")
    found = [f.result() for f in all_at_once(OnlySource(line), inquiries(AT_ONCE))]
    (reading,) = desk.readings
    addresses = {account.id: account.addresses for account in reading}
    assert (len(reading), len(addresses)) == (50, 50)
    assert addresses["7"] == {"14@a.example", "15@a.example"}
    assert [len(one.documents) for one in found] == [int(n // 2 == 7) for n in range(100)]
    assert {type(one.freshness) for one in found} == {Fresh}


class Meeting(HelpDesk):
    """It answers only while others are being read too."""

    def __init__(self, name: str, others: threading.Barrier) -> None:
        super().__init__()
        self.name, self.others = name, others

    def read(
        self, customers: Sequence[Account], since: datetime, now: datetime, policy: Policy
    ) -> Mapping[str, Findings]:
        self.others.wait(PATIENCE)
        return super().read(customers, since, now, policy)


def test_a_case_asks_all_its_sources_at_the_same_time() -> None:
    """None waits for another; asked one after the other, these two would be down."""
    others = threading.Barrier(2)
    sources = [Meeting(name, others) for name in ("CRM", "mailbox")]
    found = ask_all(Together(no_ledger, sources).sources("1"), inquiries(1)[0])
    assert {name: type(f.freshness) for name, f in found.items()} == {
        "CRM": Fresh,
        "mailbox": Fresh,
    }


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(ZeroDivisionError("secret"), "Reading it failed (ZeroDivisionError)."), ({}, "no answer")],
)
def test_a_source_that_breaks_its_promise_is_down(
    answer: Exception | dict[str, Findings], reason: str
) -> None:
    """It raises, or leaves a customer out: nobody is taken for clean, and nothing ends."""
    desk = HelpDesk()
    desk.answer = answer
    (line,) = Together(no_ledger, [desk], patience=30).sources("1")
    for future in all_at_once(OnlySource(line), inquiries(AT_ONCE)):
        down = future.result().freshness
        assert isinstance(down, Down)
        assert reason in down.reason
        assert "secret" not in down.reason


def test_a_text_that_cannot_be_read_is_down_for_its_customer_alone() -> None:
    """Another customer of the same reading is read as ever."""
    desk = HelpDesk()
    odd = Document("note:1", "CRM", "note", WEDNESDAY, cast("str", None))
    found = Findings(Fresh(WEDNESDAY))
    desk.answer = {"0": replace(found, documents=(odd,)), "1": found}
    (line,) = Together(no_ledger, [desk]).sources("1")
    first, _, second, _ = [future.result() for future in map(line.ask, inquiries(4))]
    assert isinstance(down := first.freshness, Down)
    assert down.reason == "Reading a text of this customer failed (TypeError)."
    assert second.freshness == Fresh(WEDNESDAY)


def test_a_source_that_is_not_configured_is_absent_by_choice() -> None:
    """The card names the known sources that are not among those present."""
    assert absent([]) == tuple(SOURCES) == ("CRM", "help desk", "mailbox")
    assert absent(["CRM", "mailbox"]) == ("help desk",)
