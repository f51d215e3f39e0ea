"""The sweep: it reads everything, concludes nothing from silence, and can be killed anywhere."""

from __future__ import annotations

import gc
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from jobs import opening
from jobs.engine.turns import Turn
from jobs.intake.sweep import Sweep
from jobs.rules.facts.past import HoldKind
from jobs.rules.states import State
from jobs.store import work
from jobs.store.customers import history
from jobs.store.database.tables import addresses, crossings, customers, invoices, schedule, sweeping
from qbo import QuickBooks
from qbo.models import Invoice
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import CompanyHarness, books, customer, invoice
from tests.sandbox.faults import Kind

NOT_TESTS = tracemalloc.Filter(False, "*/tests/*")
MANY = books(
    *(customer(str(n)) for n in range(1, 7)),
    *(invoice(str(70 + n), str(n), f"{100 * n}.00", 12) for n in range(1, 7)),
)


def statuses(harness: CompanyHarness) -> dict[str, str]:
    """What the mirror says of each invoice."""
    return {row.id: row.status for row in harness.rows(select(invoices))}


def next_sweep(harness: CompanyHarness) -> Any:
    """When the sweep is due again."""
    return harness.rows(select(schedule.c.due_at).where(schedule.c.kind == "sweep"))[0][0]


def test_the_first_sweep_follows_the_connection(open_harness: OpenHarness) -> None:
    """Connecting a company makes its sweep due at once; the next is tomorrow at five, there."""
    harness = open_harness()
    harness.run()
    assert harness.state() is State.WAITING
    local = next_sweep(harness).astimezone(harness.company.zone)
    assert (local.date() - harness.today, local.hour) == (timedelta(days=1), 5)


def test_the_first_sweep_knows_the_addresses(open_harness: OpenHarness) -> None:
    """Addresses in the ledger at connection count as known; later ones do not."""
    harness = open_harness(swept=True)
    harness.change("Customer", "1", PrimaryEmailAddr={"Address": "new@elsewhere.example"})
    harness.sweep()
    known = {row.address for row in harness.rows(select(addresses))}
    assert known == {"billing@customer1.example"}


def test_an_address_of_a_job_is_known_to_whoever_is_billed(open_harness: OpenHarness) -> None:
    """On the invoice or on its record: the mail would go to the parent's name."""
    job = customer("2", ParentRef={"value": "1"}, Job=True, BillWithParent=True)
    mail = {"Address": "site@job.example"}
    harness = open_harness(
        books(customer("1"), job, invoice("71", "2", "840.00", 12, BillEmail=mail)), swept=True
    )
    known = {(row.customer, row.address) for row in harness.rows(select(addresses))}
    theirs = ("billing@customer1.example", "billing@customer2.example", "site@job.example")
    assert known == {("1", address) for address in theirs}


def test_a_sweep_holds_no_more_of_a_large_ledger(
    open_harness: OpenHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it has met is kept in the database: its memory does not grow with the ledger."""
    finish = Sweep._finish
    held: list[int] = []

    def weighing(self: Sweep, *given: Any) -> None:
        gc.collect()
        ours = [tracemalloc.Filter(True, f"*/{folder}/*") for folder in ("jobs", "qbo")]
        found = tracemalloc.take_snapshot().filter_traces([*ours, NOT_TESTS])
        held.append(sum(trace.size for trace in found.traces))
        finish(self, *given)

    monkeypatch.setattr(Sweep, "_finish", weighing)
    for count in (100, 100, 1200):
        owners = [customer(str(n)) for n in range(1, count // 10)]
        many = [
            invoice(str(7000 + n), owners[n % len(owners)]["Id"], "10.00", -20)
            for n in range(count)
        ]
        harness = open_harness(books(*owners, *many))
        tracemalloc.start()
        harness.run("sweep")
        tracemalloc.stop()
        harness.close()
    assert held[2] - held[1] < 50_000


def test_absence_is_not_payment(open_harness: OpenHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """An invoice that the list left out is read by its id, and is open as it was."""
    harness = open_harness(MANY, swept=True)
    listed = QuickBooks.open_invoices

    def forgetful(self: QuickBooks, *more: Any) -> Iterator[list[Invoice]]:
        for page in listed(self, *more):
            yield [i for i in page if i.id not in ("72", "74")]

    monkeypatch.setattr(QuickBooks, "open_invoices", forgetful)
    harness.sweep()
    assert set(statuses(harness).values()) == {"open"}
    assert {case.state for case in harness.cases()} == {State.WAITING}


@pytest.mark.parametrize("first", ["deleted", "edited"])
def test_a_deletion_among_many_changes_during_a_sweep(
    open_harness: OpenHarness, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    """It comes with the last changes, or the sweep that follows an hour later finds it."""
    many = [invoice(str(1000 + n), "2", "10.00", -20) for n in range(1100)]
    content = books(customer("1"), customer("2"), invoice("71", "1", "840.00", 12), *many)
    harness = open_harness(content, swept=True)
    listed = QuickBooks.open_invoices

    def meanwhile(self: QuickBooks, *more: Any) -> Iterator[list[Invoice]]:
        yield from listed(self, *more)
        for what in ("deleted", "edited") if first == "deleted" else ("edited", "deleted"):
            harness.time.later(minutes=8)
            if what == "deleted":
                harness.books.delete("Invoice", "71")
            for n in range(1100) if what == "edited" else ():
                harness.books.edit("Invoice", str(1000 + n), {"Notes": "seen"})

    with monkeypatch.context() as patched:
        patched.setattr(QuickBooks, "open_invoices", meanwhile)
        with harness.database.writing() as conn:
            work.hurry(conn, harness.realm, "sweep", harness.now)
        harness.run("sweep")
    assert statuses(harness)["71"] == ("open" if first == "deleted" else "gone")
    assert next_sweep(harness) == harness.now + timedelta(hours=1)
    harness.time.later(hours=1)
    harness.run("sweep", "triage")
    assert "was deleted in QuickBooks" in harness.view(harness.case("1")).end_reason
    assert next_sweep(harness) > harness.now + timedelta(hours=1)


def test_what_has_left_is_told_apart(open_harness: OpenHarness) -> None:
    """Paid, voided and deleted invoices each end their case with their own reason."""
    harness = open_harness(MANY, swept=True)
    harness.pay("71", "100.00")
    harness.void("72")
    harness.books.delete("Invoice", "73")
    harness.sweep()
    found = statuses(harness)
    assert [found[id] for id in ("71", "72", "73", "74")] == ["paid", "voided", "gone", "open"]
    ends = [harness.view(harness.case(c)).end_reason for c in ("1", "2", "3")]
    assert [end.split(".")[0] for end in ends] == [
        "Invoice 171 was paid",
        "Invoice 172 was voided",
        "Invoice 173 was deleted in QuickBooks",
    ]


def test_page_after_page_is_met(open_harness: OpenHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """However little is asked for at once, all is found, and afterwards all is forgotten."""
    for name in ("IDS_AT_ONCE", "KNOWN_AT_ONCE", "FORGOTTEN_AT_ONCE"):
        monkeypatch.setattr(f"jobs.intake.sweep.{name}", 2)
    job = customer("9", ParentRef={"value": "8"}, Job=True, BillWithParent=True)
    more = [invoice(str(80 + n), "9", "50.00", 12) for n in range(3)]
    content = dict(MANY)
    content["customers"] = [*MANY["customers"], customer("8"), job]
    content["invoices"] = [*MANY["invoices"], *more]
    harness = open_harness(content, swept=True)
    assert sorted(case.customer for case in harness.cases()) == ["1", "2", "3", "4", "5", "6", "8"]
    assert harness.logged("sweep.done")[-1]["data"] == {"open": 9, "left": 0, "gone": 0}
    assert harness.rows(select(sweeping)) == []
    harness.pay("71", "100.00")
    for id in ("74", "75", "76", "80"):
        harness.books.delete("Invoice", id)
    harness.sweep()
    found = statuses(harness)
    assert [id for id, status in found.items() if status == "gone"] == ["74", "75", "76", "80"]
    assert harness.logged("sweep.done")[-1]["data"] == {"open": 4, "left": 1, "gone": 4}
    assert harness.rows(select(sweeping)) == []


def test_a_part_payment_that_nobody_told_is_found(open_harness: OpenHarness) -> None:
    """Without any webhook, the card is drawn anew when the sweep sees another balance."""
    harness = open_harness(swept=True)
    harness.pay("71", "340.00")
    harness.time.later(hours=3)
    harness.sweep()
    assert harness.view().facts.total_open.amount == 500


def test_a_poisoned_record_is_told_and_hides_nobody(open_harness: OpenHarness) -> None:
    """A record that QuickBooks could not return is named; all others are read."""
    harness = open_harness(MANY)
    harness.outside.quickbooks.poison({"realm": harness.realm, "entity": "Invoice", "id": "73"})
    harness.sweep()
    assert sorted(case.customer for case in harness.cases()) == ["1", "2", "4", "5", "6"]
    harness.pay("71", "100.00")
    harness.sweep()  # its place in the list is another one
    assert sum("could not return Invoice no. 3" in text for text in harness.said("notice")) == 1
    assert sum("could not return" in text for text in harness.said("notice")) == 1


def test_all_poisoned_records_of_a_reading_are_one_notice(open_harness: OpenHarness) -> None:
    """Each is named; when there is another one all are told again, otherwise after a week."""
    harness = open_harness(MANY)
    for id in ("72", "74"):
        harness.outside.quickbooks.poison({"realm": harness.realm, "entity": "Invoice", "id": id})
    harness.sweep()
    harness.sweep()
    both = "could not return Invoice no. 2 of the list and Invoice no. 4 of the list."
    assert [both in text for text in harness.said("notice") if "could not return" in text] == [True]
    harness.outside.quickbooks.poison({"realm": harness.realm, "entity": "Invoice", "id": "75"})
    harness.sweep()
    assert sum("could not return" in text for text in harness.said("notice")) == 2
    harness.time.later(days=7)
    harness.sweep()
    assert sum("could not return" in text for text in harness.said("notice")) == 3


def test_a_poisoned_customer_is_named_and_holds_up_nobody(open_harness: OpenHarness) -> None:
    """Its own case cannot be prepared, and ends with a person; those of the others can."""
    harness = open_harness(MANY)
    harness.outside.quickbooks.poison({"realm": harness.realm, "entity": "Customer", "id": "3"})
    harness.sweep()
    assert sum("could not return Customer 3." in text for text in harness.said("notice")) == 1
    assert harness.company.swept_at == harness.now
    assert harness.case("1").draft is not None
    assert "cannot be read" in harness.case("3").last_error


def test_a_record_that_several_readings_meet_is_named_once(open_harness: OpenHarness) -> None:
    """In the list, among the changes and by itself; what we refuse is not QuickBooks' fault."""
    harness = open_harness(MANY, swept=True)
    harness.change("Invoice", "72", TotalAmt="61.00")
    harness.change("Invoice", "74", DocNumber="N" * 41)
    del harness.books.tables["Invoice"]["72"]["TotalAmt"]
    harness.outside.quickbooks.poison({"realm": harness.realm, "entity": "Invoice", "id": "73"})
    harness.sweep()
    (told,) = [text for text in harness.said("notice") if "All others were read" in text]
    assert told.count("172") == told.count("173") == told.count("174") == 1
    assert "QuickBooks could not return Invoice 173. " in told
    assert "Overdue cannot use Invoice 172 (TotalAmt) and Invoice 174 (DocNumber): " in told


def test_a_record_poisoned_later_is_not_gone(open_harness: OpenHarness) -> None:
    """What was open yesterday and breaks the list today is asked for by itself."""
    harness = open_harness(MANY, swept=True)
    harness.outside.quickbooks.poison({"realm": harness.realm, "entity": "Invoice", "id": "73"})
    harness.books.delete("Invoice", "74")
    harness.sweep()
    found = statuses(harness)
    assert (found["73"], found["74"]) == ("open", "gone")
    assert harness.logged("sweep.done")[-1]["data"]["gone"] == 1
    harness.sweep()
    assert [text for text in harness.said("notice") if "Invoice 173" in text]
    assert sum("could not return" in text for text in harness.said("notice")) == 1


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("refuse", None),
        ("reset", None),
        ("status", 500),
        ("status", 429),
        ("html", 502),
        ("garbage", None),
        ("late", None),
    ],
)
def test_a_sweep_survives_bad_answers(
    open_harness: OpenHarness, kind: Kind, status: int | None
) -> None:
    """A sweep that was answered badly concludes nothing and runs again."""
    harness = open_harness(MANY, swept=True)
    harness.fault("quickbooks", "/query", kind, 1, status)
    harness.sweep()
    assert set(statuses(harness).values()) == {"open"}
    harness.time.later(seconds=61)
    harness.run("sweep")
    assert len(harness.logged("sweep.done")) == 2


def test_a_sweep_that_is_throttled_goes_on_where_it_was(open_harness: OpenHarness) -> None:
    """However often QuickBooks wants a pause, no page is asked for twice."""
    many = [invoice(str(1000 + n), "1", "10.00", -20) for n in range(2500)]
    harness = open_harness(books(customer("1"), *many))
    harness.fault("quickbooks", "STARTPOSITION 991", "status", 3, 429)
    harness.fault("quickbooks", "STARTPOSITION 1981", "status", 3, 429)
    harness.run("sweep")
    assert len(harness.logged("sweep.done")) == 1
    listed = [
        s for s in harness.outside.quickbooks.realms[harness.realm].statements if "> '0'" in s
    ]
    assert [statement.split()[-3] for statement in listed] == ["1", "991", "1981"]


def test_five_failures_are_told_and_tried_again(open_harness: OpenHarness) -> None:
    """A sweep is never dropped: after five failures it is told, and tried every hour."""
    harness = open_harness()
    harness.fault("quickbooks", "/query", "status", None, 500)
    harness.run()
    for _ in range(6):
        harness.time.later(minutes=11)
        harness.run("sweep")
    assert sum("could not be read after five tries" in text for text in harness.said()) == 1
    harness.heal()
    harness.time.later(hours=1)
    harness.run()
    assert harness.state() is State.WAITING


def test_a_sweep_killed_in_the_middle_runs_again(
    open_harness: OpenHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever chunk it was at, the next run ends with the same cases, once each."""
    monkeypatch.setattr("jobs.intake.crossing.PAYERS_A_CHUNK", 2)
    harness = open_harness(MANY)
    open_cases, calls = opening.open_cases, [0]

    def dying(*given: Any, **more: Any) -> str | None:
        calls[0] += 1
        if calls[0] == 2:
            raise SystemExit("the process is killed")
        return open_cases(*given, **more)

    monkeypatch.setattr(opening, "open_cases", dying)
    with pytest.raises(SystemExit):
        harness.run("sweep")
    assert len(harness.cases()) == 2
    harness.time.later(seconds=31)  # the lease of the dead one ends
    harness.run("sweep", "triage")
    assert sorted(case.customer for case in harness.cases()) == ["1", "2", "3", "4", "5", "6"]
    assert len(harness.logged("case.opened")) == 6
    assert len(harness.logged("sweep.done")) == 1


def test_what_was_written_and_not_told_is_written_again(
    open_harness: OpenHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit whose answer is lost is made once more: nobody is passed over for it."""
    settle = Turn.settle

    def twice(turn: Turn, *given: Any) -> Turn | None:
        settle(turn, *given)
        return settle(turn, *given)

    harness = open_harness(MANY)
    monkeypatch.setattr(Turn, "settle", twice)
    harness.run("sweep")
    everybody = ["1", "2", "3", "4", "5", "6"]
    assert sorted(row.id for row in harness.rows(select(customers))) == everybody
    assert sorted(case.customer for case in harness.cases()) == everybody
    assert len(harness.logged("case.opened")) == 6


def test_a_customer_with_thousands_is_one_case(
    open_harness: OpenHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is too much for one transaction crosses in several, into the one case."""
    monkeypatch.setattr("jobs.intake.crossing.CROSSINGS_A_CHUNK", 3)
    more = [invoice(str(80 + n), "1", "10.00", 12) for n in range(11)]
    harness = open_harness(
        books(customer("1"), customer("2"), *more, invoice("71", "2", "90.00", 5)), swept=True
    )
    crossed = harness.rows(select(crossings.c.case_id, crossings.c.invoice))
    assert Counter(row.case_id for row in crossed) == {
        harness.case("1").id: 11,
        harness.case("2").id: 1,
    }
    letter = harness.view(harness.case("1")).letter
    assert letter is not None
    assert len(letter.invoices) == 11
    assert [line["data"] for line in harness.logged("case.opened")] == [
        {"by": "sweep:2026-11-18"}
    ] * 2


def test_little_sums_are_judged_as_a_whole(
    open_harness: OpenHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether too little is owed to ask for it is seen over all invoices, held ones left out."""
    monkeypatch.setattr("jobs.intake.crossing.CROSSINGS_A_CHUNK", 3)
    small = [invoice(str(80 + n), "1", "4.00", 12) for n in range(7)]
    held = [invoice(str(90 + n), "2", "4.00", 12) for n in range(7)]
    harness = open_harness(books(customer("1"), customer("2"), *small, *held))
    with harness.database.writing() as conn:
        until, ids = harness.today + timedelta(days=3), ("90", "93")
        kind = HoldKind.DISPUTE
        history.hold(conn, harness.realm, "2", ids, kind, until, "UCOLLECT", "", harness.now)
    harness.sweep()
    assert [case.customer for case in harness.cases()] == ["1"]
    assert len(harness.rows(select(crossings))) == 7


@pytest.mark.parametrize(
    ("given", "rule"), [("credit", "covered_by_credits"), ("receive", "possibly_paid")]
)
def test_a_credit_that_was_deleted_is_missed(
    open_harness: OpenHarness, given: str, rule: str
) -> None:
    """No invoice changes with a credit memo or money on account; the customer's balance does."""
    harness = open_harness()
    (change,) = getattr(harness.books, given)("1", Decimal("840.00"))
    harness.sweep()
    assert rule in harness.rules()
    harness.books.delete(change.kind, change.ident)
    harness.sweep()
    assert rule not in harness.rules()
    assert harness.case().draft is not None
    assert len(harness.cases()) == 1


def test_a_credit_of_a_job_that_is_gone_is_missed(open_harness: OpenHarness) -> None:
    """Also of a sub-customer that owes nothing, and so is listed nowhere once its credit is."""
    job = customer("2", ParentRef={"value": "1"}, Job=True, BillWithParent=True)
    harness = open_harness(books(customer("1"), job, invoice("71", "1", "840.00", 12)))
    (given,) = harness.books.credit("2", Decimal("840.00"))
    harness.sweep()
    assert "covered_by_credits" in harness.rules(harness.case("1"))
    harness.books.delete(given.kind, given.ident)
    harness.sweep()
    assert "covered_by_credits" not in harness.rules(harness.case("1"))


def test_a_sweep_of_the_same_writes_nothing(open_harness: OpenHarness) -> None:
    """A second sweep of an unchanged ledger leaves one line in the log and no other trace."""
    harness = open_harness(MANY, swept=True)
    before = [line for line in harness.logged() if line["action"] != "sweep.done"]
    harness.sweep()
    after = [line for line in harness.logged() if line["action"] != "sweep.done"]
    assert after == before


def test_a_wish_during_a_sweep_is_not_lost(open_harness: OpenHarness) -> None:
    """A sweep that is under way may have read too early: it loses its row, which is due again."""
    harness = open_harness(swept=True)
    with harness.database.writing() as conn:
        work.hurry(conn, harness.realm, "sweep", harness.now)
        sweeps = schedule.c.kind == "sweep"
        running = work.claim(conn, schedule, harness.now, 1, where=sweeps)[0]
        work.hurry(conn, harness.realm, "sweep", harness.now)
        assert not work.renew(conn, running, harness.now)
        assert work.due(conn, [(schedule, sweeps)], harness.now) == [True]
