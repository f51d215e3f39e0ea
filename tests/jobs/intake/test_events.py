"""Detection: what QuickBooks tells us, as often and in whatever order it comes."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from jobs.rules.states import State
from jobs.sources import quickbooks
from jobs.store.database.tables import assessments, events, invoices, schedule
from jobs.store.intake.events import Notice, store
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import CompanyHarness, books, customer, invoice
from tests.sandbox.faults import Kind
from tests.sandbox.quickbooks.books import Change
from tests.sandbox.quickbooks.webhooks import cloud_events, legacy_events

FAULTS: list[tuple[Kind, int | None]] = [
    ("refuse", None),
    ("reset", None),
    ("late", None),
    ("status", 500),
    ("status", 429),
    ("html", 502),
    ("garbage", None),
]


def mirrored(harness: CompanyHarness, id: str = "71") -> str:
    """What the mirror says of an invoice: its status and what is open."""
    row = harness.rows(select(invoices).where(invoices.c.id == id))[0]
    return f"{row.status} {row.open:.2f}"


def waiting(harness: CompanyHarness) -> int:
    """How many events are still to be looked at."""
    due = select(func.count()).select_from(events).where(events.c.due_at.is_not(None))
    return int(harness.rows(due)[0][0])


def test_an_invoice_event_opens_a_case(open_harness: OpenHarness) -> None:
    """The first notice of an overdue invoice is enough, no sweep is needed."""
    harness = open_harness()
    harness.notify(Change("Invoice", "71", "created"))
    assert [case.state for case in harness.cases()] == [State.WAITING]
    assert harness.case().row.trigger.startswith("event:")


@pytest.mark.parametrize("legacy", [False, True])
def test_five_deliveries_are_one_case(open_harness: OpenHarness, legacy: bool) -> None:
    """The same notification five times, before and after the work, is one case and one card."""
    harness = open_harness()
    shape = legacy_events if legacy else cloud_events
    body = json.dumps(
        shape(harness.realm, [Change("Invoice", "71", "updated")], harness.now)
    ).encode()
    for _ in range(2):
        for _ in range(5):
            harness.deliver(body)
        harness.run("detect", "triage")
    harness.sweep()
    assert len(harness.cases()) == len(harness.cards()) == 1
    assert harness.versions() == 1


def test_sweep_and_event_together_are_one_case(open_harness: OpenHarness) -> None:
    """Whoever notices first opens the case; the other joins it."""
    harness = open_harness()
    body = json.dumps(
        cloud_events(harness.realm, [Change("Invoice", "71", "updated")], harness.now)
    )
    harness.deliver(body.encode())
    harness.run("detect", "sweep", "triage")
    assert len(harness.cases()) == 1


def test_events_may_come_in_any_order(a_harness: CompanyHarness) -> None:
    """An event only says what to read again: an old "created" after a payment changes nothing."""
    payment = a_harness.pay("71", "840.00")
    a_harness.notify(
        payment, Change("Invoice", "71", "updated"), Change("Invoice", "71", "created")
    )
    assert mirrored(a_harness) == "paid 0.00"
    assert a_harness.state() is State.CANCELLED


def test_a_payment_cancels_the_card(a_harness: CompanyHarness) -> None:
    """A payment that arrives while a card waits ends the case and says so."""
    a_harness.notify(a_harness.pay("71", "840.00"))
    assert a_harness.state() is State.CANCELLED
    assert a_harness.view().end_reason == "Invoice 171 was paid."


def test_a_part_payment_redraws_the_card(a_harness: CompanyHarness) -> None:
    """The card asks for what is still open, and says what changed."""
    a_harness.notify(a_harness.pay("71", "340.00"))
    view = a_harness.view()
    assert view.state is State.WAITING
    assert view.letter is not None
    assert "$500.00   ($340.00 of $840.00 already paid" in view.letter.body
    assert view.changed == ("Invoice 171: $500.00 is open now, $840.00 before.",)


def test_a_credit_memo_stops_the_card(a_harness: CompanyHarness) -> None:
    """A credit memo that may cover it takes the draft off the card."""
    a_harness.notify(a_harness.credit("1", "840.00"))
    assert "covered_by_credits" in a_harness.rules()
    assert a_harness.case().draft is None


def test_a_changed_address_is_seen(a_harness: CompanyHarness) -> None:
    """A customer whose address was changed gets no message before somebody looked."""
    a_harness.notify(
        a_harness.change("Customer", "1", PrimaryEmailAddr={"Address": "new@elsewhere.example"})
    )
    assert "address_changed" in a_harness.rules()


@pytest.mark.parametrize(
    ("kind", "said"), [("void", "was voided"), ("delete", "was deleted in QuickBooks")]
)
def test_what_is_taken_out_of_the_books_ends_the_case(
    a_harness: CompanyHarness, kind: str, said: str
) -> None:
    """A voided or deleted invoice cancels its case with the reason."""
    change = a_harness.void("71") if kind == "void" else a_harness.books.delete("Invoice", "71")[0]
    a_harness.notify(change)
    assert a_harness.state() is State.CANCELLED
    assert said in a_harness.view().end_reason


def test_a_deleted_payment_is_no_trouble(a_harness: CompanyHarness) -> None:
    """A payment that is gone when we look is simply gone; the sweep sees what is open again."""
    payment = a_harness.pay("71", "840.00")
    a_harness.books.delete("Payment", payment.ident)
    a_harness.notify(payment, Change("CreditMemo", "999", "deleted"))
    assert waiting(a_harness) == 0
    assert a_harness.state() is State.WAITING


def test_an_echo_writes_nothing(a_harness: CompanyHarness) -> None:
    """Being told of an invoice that has not changed leaves no trace beside the event itself."""
    before = a_harness.logged()
    judged = a_harness.rows(select(func.count()).select_from(assessments))
    for _ in range(3):
        a_harness.notify(Change("Invoice", "71", "updated"))
    assert a_harness.logged() == before
    assert a_harness.rows(select(func.count()).select_from(assessments)) == judged


def test_an_exchange_rate_of_many_digits_is_no_news(open_harness: OpenHarness) -> None:
    """Rates finer than the mirror keeps them do not make every reading a change."""
    euro: dict[str, Any] = {"CurrencyRef": {"value": "EUR", "name": "Euro"}}
    bill = invoice("71", "1", "840.00", 12, ExchangeRate="1.186731")
    harness = open_harness(books({**customer("1"), **euro}, bill), swept=True)
    read_at = harness.rows(select(invoices.c.read_at))
    harness.time.later(hours=1)
    harness.notify(Change("Invoice", "71", "updated"))
    assert harness.rows(select(invoices.c.read_at)) == read_at


def test_a_merged_customer_ends_its_case(open_harness: OpenHarness) -> None:
    """When two customers become one, the case of the one that is gone ends; the other has one."""
    harness = open_harness(
        books(customer("1"), customer("2"), invoice("71", "1", "840.00", 12)), swept=True
    )
    change = harness.books.merge("1", "2")
    harness.notify(*change)
    harness.refresh(harness.case("1"))
    harness.sweep()
    assert harness.case("1").state is State.CANCELLED
    assert harness.case("2").state is State.WAITING


def test_an_unknown_company_is_told_once(open_harness: OpenHarness) -> None:
    """Events of a company that is not connected are kept, told once a day, and do no harm."""
    harness = open_harness()
    for number in range(3):
        changes = [Change("Invoice", str(number), "updated")]
        harness.deliver(json.dumps(cloud_events("9130001", changes, harness.now)).encode())
    harness.run("detect")
    assert sum("not connected here" in text for text in harness.said("notice")) == 1
    assert waiting(harness) == 0
    assert not harness.cases()


@pytest.mark.parametrize("body", [b"{", b"[1, 2]", b'{"eventNotifications": 5}', b'"text"'])
def test_malformed_content_is_told(open_harness: OpenHarness, body: bytes) -> None:
    """What cannot be read is one event, one alarm, and nothing else."""
    harness = open_harness()
    harness.deliver(body)
    harness.deliver(body)
    harness.run("detect")
    assert sum("could not be read" in text for text in harness.said("notice")) == 1
    assert len(harness.logged("event.unusable")) == 1


def test_a_strange_entity_is_told(open_harness: OpenHarness) -> None:
    """A record we did not ask for is recorded and told; the rest of the delivery counts."""
    harness = open_harness()
    harness.notify(Change("Vendor", "5", "updated"), Change("Invoice", "71", "updated"))
    assert any("do not read (vendor)" in text.lower() for text in harness.said("notice"))
    assert harness.state() is State.WAITING


def test_changed_preferences_are_read_in_silence(a_harness: CompanyHarness) -> None:
    """The closing date stands there: the daily upkeep reads it now, and nobody is told anything."""
    a_harness.run("upkeep")
    a_harness.time.later(hours=1)
    a_harness.notify(Change("Preferences", "1", "updated"))
    assert not [text for text in a_harness.said() if "do not read" in text]
    row = a_harness.rows(select(schedule).where(schedule.c.kind == "upkeep"))[0]
    assert row.due_at == a_harness.now
    assert waiting(a_harness) == 0


def test_a_second_change_of_a_second_is_read(a_harness: CompanyHarness) -> None:
    """The old format has the same id for both; the later one is not lost if the first was read."""
    for amount, left in (("40.00", "open 800.00"), ("50.00", "open 750.00")):
        a_harness.pay("71", amount)
        change = [Change("Invoice", "71", "updated")]
        body = json.dumps(legacy_events(a_harness.realm, change, a_harness.now)).encode()
        a_harness.deliver(body)
        a_harness.run("detect")
        assert mirrored(a_harness) == left
    assert len(a_harness.rows(select(events))) == 1
    a_harness.time.later(hours=2)
    a_harness.deliver(body)
    assert waiting(a_harness) == 0  # an old repetition is no news


@pytest.mark.parametrize(("kind", "status"), FAULTS)
def test_an_event_survives_bad_answers(
    a_harness: CompanyHarness, kind: Kind, status: int | None
) -> None:
    """Whatever QuickBooks does instead of answering, the event is tried again and then counts."""
    payment = a_harness.pay("71", "840.00")
    a_harness.fault("quickbooks", "/payment/", kind, 1, status)
    a_harness.notify(payment)
    assert a_harness.state() is State.WAITING
    assert waiting(a_harness) == 1
    a_harness.time.later(seconds=61)
    a_harness.run("detect", "triage")
    assert a_harness.state() is State.CANCELLED
    assert waiting(a_harness) == 0


def test_a_stalled_answer_holds_up_only_its_event(a_harness: CompanyHarness) -> None:
    """A server that never answers costs one attempt; the event stays due."""
    payment = a_harness.pay("71", "840.00")
    a_harness.fault("quickbooks", "/payment/", "stall")
    a_harness.be_impatient()
    a_harness.notify(payment)
    assert waiting(a_harness) == 1
    a_harness.time.later(seconds=61)
    a_harness.run("detect", "triage")
    assert a_harness.state() is State.CANCELLED


def test_many_edits_of_one_invoice_are_one_reading(a_harness: CompanyHarness) -> None:
    """However often it was notified before anybody looked: it and its customer are read once."""
    for n in range(12):
        change = a_harness.change("Invoice", "71", CustomerMemo={"value": f"No. {n}"})
        a_harness.deliver(
            json.dumps(cloud_events(a_harness.realm, [change], a_harness.now)).encode()
        )
        a_harness.time.later(seconds=1)
    before = a_harness.asked("quickbooks")
    a_harness.run("detect")
    assert a_harness.asked("quickbooks") == before + 2
    assert waiting(a_harness) == 0


def test_a_bulk_edit_is_few_readings(open_harness: OpenHarness) -> None:
    """Many invoices that changed together are asked for together; a deleted one is gone."""
    more = [invoice(str(80 + n), "1", "840.00", 12) for n in range(9)]
    harness = open_harness(books(customer("1"), *more), swept=True)
    for n in range(8):
        harness.pay(str(80 + n), "40.00")
    changes = [Change("Invoice", str(80 + n), "updated") for n in range(9)]
    harness.books.delete("Invoice", "88")
    before = harness.asked("quickbooks")
    harness.deliver(json.dumps(cloud_events(harness.realm, changes, harness.now)).encode())
    harness.run("detect")
    assert harness.asked("quickbooks") == before + 3  # the list, the one that is gone, the customer
    assert [mirrored(harness, str(80 + n)) for n in range(8)] == ["open 800.00"] * 8
    assert mirrored(harness, "88").startswith("gone")
    assert waiting(harness) == 0


def test_a_record_that_poisons_the_list_of_a_bulk_edit_hurts_nobody(
    open_harness: OpenHarness,
) -> None:
    """The others of the list count, and it is asked for by itself."""
    more = [invoice(str(80 + n), "1", "840.00", 12) for n in range(5)]
    harness = open_harness(books(customer("1"), *more), swept=True)
    for n in range(5):
        harness.pay(str(80 + n), "40.00")
    harness.outside.quickbooks.poison({"realm": harness.realm, "entity": "Invoice", "id": "82"})
    changes = [Change("Invoice", str(80 + n), "updated") for n in range(5)]
    harness.deliver(json.dumps(cloud_events(harness.realm, changes, harness.now)).encode())
    harness.run("detect")
    found = [mirrored(harness, str(80 + n)) for n in range(5)]
    assert found == ["open 800.00"] * 5
    assert waiting(harness) == 0


def test_a_poisoned_customer_hurts_only_its_own_invoices(open_harness: OpenHarness) -> None:
    """Where a list of invoices leads to somebody who cannot be read, each is read by itself."""
    harness = open_harness(
        books(
            customer("1"),
            customer("2"),
            invoice("71", "1", "840.00", 12),
            invoice("72", "2", "840.00", 12),
        ),
        swept=True,
    )
    for id in ("71", "72"):
        harness.pay(id, "40.00")
    harness.outside.quickbooks.poison({"realm": harness.realm, "entity": "Customer", "id": "2"})
    changes = [Change("Invoice", id, "updated") for id in ("71", "72")]
    harness.deliver(json.dumps(cloud_events(harness.realm, changes, harness.now)).encode())
    harness.run("detect")
    assert (mirrored(harness, "71"), mirrored(harness, "72")) == ("open 800.00", "open 840.00")


def test_five_failures_are_told_and_the_sweep_helps(a_harness: CompanyHarness) -> None:
    """An event that cannot be read in five tries is told; the next sweep finds it out."""
    payment = a_harness.pay("71", "840.00")
    a_harness.fault("quickbooks", "/payment/", "status", None, 500)
    a_harness.notify(payment)
    for _ in range(6):
        a_harness.time.later(minutes=11)
        a_harness.run("detect")
    assert (
        sum("could not be read after five tries" in text for text in a_harness.said("notice")) == 1
    )
    assert waiting(a_harness) == 0
    a_harness.sweep()
    assert a_harness.state() is State.CANCELLED


def test_an_outage_is_told_once_an_hour_not_once_an_event(a_harness: CompanyHarness) -> None:
    """However many changes are missed in it: the sweep reads them all."""
    changes = [a_harness.change("Customer", "1", CompanyName=f"No. {n}") for n in range(9)]
    a_harness.fault("quickbooks", "query", "status", None, 401)
    a_harness.notify(*changes)
    while waiting(a_harness):
        a_harness.time.later(seconds=31)
        a_harness.run("detect")
    assert (
        sum("could not be read after five tries" in text for text in a_harness.said("notice")) == 1
    )


def test_a_disconnected_company_keeps_its_events(a_harness: CompanyHarness) -> None:
    """While a company has to be connected again its events wait; nothing is lost."""
    with a_harness.database.writing() as conn:
        conn.exec_driver_sql("UPDATE companies SET status = 'reauth_required'")
    a_harness.notify(a_harness.pay("71", "840.00"))
    assert waiting(a_harness) == 1
    a_harness.connect()
    a_harness.run("detect", "triage")
    assert a_harness.state() is State.CANCELLED


def test_news_while_a_case_is_read_is_not_lost(
    open_harness: OpenHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A payment that is noticed between reading the ledger and drawing the card still counts."""
    harness = open_harness()
    read, news = quickbooks.read, [Decimal("340.00")]

    def slowly(*given: Any) -> quickbooks.Books:
        found = read(*given)
        if news:
            payment = harness.books.pay("71", news.pop())
            harness.deliver(json.dumps(cloud_events(harness.realm, payment, harness.now)).encode())
            harness.run("detect")
        return found

    monkeypatch.setattr(quickbooks, "read", slowly)
    harness.notify(Change("Invoice", "71", "created"))
    assert harness.view().facts.total_open.amount == 500
    assert harness.versions() == 1


def test_words_from_outside_call_nobody(a_harness: CompanyHarness) -> None:
    """What a notification says of itself is shown as text."""
    evil = Notice("test", "1", a_harness.realm, "Bill<!channel>", "1", "create", None)
    with a_harness.database.writing() as conn:
        store(conn, [evil], a_harness.now)
    a_harness.run("detect")
    assert any("Bill&lt;!channel&gt;" in text for text in a_harness.said("notice"))
    assert not any("<!channel>" in text for text in a_harness.said())
