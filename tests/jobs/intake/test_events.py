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
from jobs.store.events import Notice, store
from tests.jobs.house import House, books, customer, invoice
from tests.jobs.houses import OpenHouse
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


def mirrored(house: House, id: str = "71") -> str:
    """What the mirror says of an invoice: its status and what is open."""
    row = house.rows(select(invoices).where(invoices.c.id == id))[0]
    return f"{row.status} {row.open:.2f}"


def waiting(house: House) -> int:
    """How many events are still to be looked at."""
    due = select(func.count()).select_from(events).where(events.c.due_at.is_not(None))
    return int(house.rows(due)[0][0])


def test_an_invoice_event_opens_a_case(open_house: OpenHouse) -> None:
    """The first notice of an overdue invoice is enough, no sweep is needed."""
    house = open_house()
    house.notify(Change("Invoice", "71", "created"))
    assert [case.state for case in house.cases()] == [State.WAITING]
    assert house.case().row.trigger.startswith("event:")


@pytest.mark.parametrize("legacy", [False, True])
def test_five_deliveries_are_one_case(open_house: OpenHouse, legacy: bool) -> None:
    """The same notification five times, before and after the work, is one case and one card."""
    house = open_house()
    shape = legacy_events if legacy else cloud_events
    body = json.dumps(shape(house.realm, [Change("Invoice", "71", "updated")], house.now)).encode()
    for _ in range(2):
        for _ in range(5):
            house.deliver(body)
        house.run("detect", "triage")
    house.sweep()
    assert len(house.cases()) == len(house.cards()) == 1
    assert house.versions() == 1


def test_sweep_and_event_together_are_one_case(open_house: OpenHouse) -> None:
    """Whoever notices first opens the case; the other joins it."""
    house = open_house()
    body = json.dumps(cloud_events(house.realm, [Change("Invoice", "71", "updated")], house.now))
    house.deliver(body.encode())
    house.run("detect", "sweep", "triage")
    assert len(house.cases()) == 1


def test_events_may_come_in_any_order(a_house: House) -> None:
    """An event only says what to read again: an old "created" after a payment changes nothing."""
    payment = a_house.pay("71", "840.00")
    a_house.notify(payment, Change("Invoice", "71", "updated"), Change("Invoice", "71", "created"))
    assert mirrored(a_house) == "paid 0.00"
    assert a_house.state() is State.CANCELLED


def test_a_payment_cancels_the_card(a_house: House) -> None:
    """A payment that arrives while a card waits ends the case and says so."""
    a_house.notify(a_house.pay("71", "840.00"))
    assert a_house.state() is State.CANCELLED
    assert a_house.view().end_reason == "Invoice 171 was paid."


def test_a_part_payment_redraws_the_card(a_house: House) -> None:
    """The card asks for what is still open, and says what changed."""
    a_house.notify(a_house.pay("71", "340.00"))
    view = a_house.view()
    assert view.state is State.WAITING
    assert view.letter is not None
    assert "$500.00   ($340.00 of $840.00 already paid" in view.letter.body
    assert view.changed == ("Invoice 171: $500.00 is open now, $840.00 before.",)


def test_a_credit_memo_stops_the_card(a_house: House) -> None:
    """A credit memo that may cover it takes the draft off the card."""
    a_house.notify(a_house.credit("1", "840.00"))
    assert "covered_by_credits" in a_house.rules()
    assert a_house.case().draft is None


def test_a_changed_address_is_seen(a_house: House) -> None:
    """A customer whose address was changed gets no message before somebody looked."""
    a_house.notify(
        a_house.change("Customer", "1", PrimaryEmailAddr={"Address": "new@elsewhere.example"})
    )
    assert "address_changed" in a_house.rules()


@pytest.mark.parametrize(
    ("kind", "said"), [("void", "was voided"), ("delete", "was deleted in QuickBooks")]
)
def test_what_is_taken_out_of_the_books_ends_the_case(a_house: House, kind: str, said: str) -> None:
    """A voided or deleted invoice cancels its case with the reason."""
    change = a_house.void("71") if kind == "void" else a_house.books.delete("Invoice", "71")[0]
    a_house.notify(change)
    assert a_house.state() is State.CANCELLED
    assert said in a_house.view().end_reason


def test_a_deleted_payment_is_no_trouble(a_house: House) -> None:
    """A payment that is gone when we look is simply gone; the sweep sees what is open again."""
    payment = a_house.pay("71", "840.00")
    a_house.books.delete("Payment", payment.ident)
    a_house.notify(payment, Change("CreditMemo", "999", "deleted"))
    assert waiting(a_house) == 0
    assert a_house.state() is State.WAITING


def test_an_echo_writes_nothing(a_house: House) -> None:
    """Being told of an invoice that has not changed leaves no trace beside the event itself."""
    before = a_house.logged()
    judged = a_house.rows(select(func.count()).select_from(assessments))
    for _ in range(3):
        a_house.notify(Change("Invoice", "71", "updated"))
    assert a_house.logged() == before
    assert a_house.rows(select(func.count()).select_from(assessments)) == judged


def test_an_exchange_rate_of_many_digits_is_no_news(open_house: OpenHouse) -> None:
    """Rates finer than the mirror keeps them do not make every reading a change."""
    euro: dict[str, Any] = {"CurrencyRef": {"value": "EUR", "name": "Euro"}}
    bill = invoice("71", "1", "840.00", 12, ExchangeRate="1.186731")
    house = open_house(books({**customer("1"), **euro}, bill))
    house.sweep()
    read_at = house.rows(select(invoices.c.read_at))
    house.time.later(hours=1)
    house.notify(Change("Invoice", "71", "updated"))
    assert house.rows(select(invoices.c.read_at)) == read_at


def test_a_merged_customer_ends_its_case(open_house: OpenHouse) -> None:
    """When two customers become one, the case of the one that is gone ends; the other has one."""
    house = open_house(books(customer("1"), customer("2"), invoice("71", "1", "840.00", 12)))
    house.sweep()
    change = house.books.merge("1", "2")
    house.notify(*change)
    house.refresh(house.case("1"))
    house.sweep()
    assert house.case("1").state is State.CANCELLED
    assert house.case("2").state is State.WAITING


def test_an_unknown_company_is_told_once(open_house: OpenHouse) -> None:
    """Events of a company that is not connected are kept, told once a day, and do no harm."""
    house = open_house()
    for number in range(3):
        changes = [Change("Invoice", str(number), "updated")]
        house.deliver(json.dumps(cloud_events("9130001", changes, house.now)).encode())
    house.run("detect")
    assert sum("not connected here" in text for text in house.said("notice")) == 1
    assert waiting(house) == 0
    assert not house.cases()


@pytest.mark.parametrize("body", [b"{", b"[1, 2]", b'{"eventNotifications": 5}', b'"text"'])
def test_malformed_content_is_told(open_house: OpenHouse, body: bytes) -> None:
    """What cannot be read is one event, one alarm, and nothing else."""
    house = open_house()
    house.deliver(body)
    house.deliver(body)
    house.run("detect")
    assert sum("could not be read" in text for text in house.said("notice")) == 1
    assert len(house.logged("event.unusable")) == 1


def test_a_strange_entity_is_told(open_house: OpenHouse) -> None:
    """A record we did not ask for is recorded and told; the rest of the delivery counts."""
    house = open_house()
    house.notify(Change("Vendor", "5", "updated"), Change("Invoice", "71", "updated"))
    assert any("do not read (vendor)" in text.lower() for text in house.said("notice"))
    assert house.state() is State.WAITING


def test_changed_preferences_are_read_in_silence(a_house: House) -> None:
    """The closing date stands there: the daily upkeep reads it now, and nobody is told anything."""
    a_house.run("upkeep")
    a_house.time.later(hours=1)
    a_house.notify(Change("Preferences", "1", "updated"))
    assert not [text for text in a_house.said() if "do not read" in text]
    row = a_house.rows(select(schedule).where(schedule.c.kind == "upkeep"))[0]
    assert row.due_at == a_house.now
    assert waiting(a_house) == 0


def test_a_second_change_of_a_second_is_read(a_house: House) -> None:
    """The old format has the same id for both; the later one is not lost if the first was read."""
    for amount, left in (("40.00", "open 800.00"), ("50.00", "open 750.00")):
        a_house.pay("71", amount)
        change = [Change("Invoice", "71", "updated")]
        body = json.dumps(legacy_events(a_house.realm, change, a_house.now)).encode()
        a_house.deliver(body)
        a_house.run("detect")
        assert mirrored(a_house) == left
    assert len(a_house.rows(select(events))) == 1
    a_house.time.later(hours=2)
    a_house.deliver(body)
    assert waiting(a_house) == 0  # an old repetition is no news


@pytest.mark.parametrize(("kind", "status"), FAULTS)
def test_an_event_survives_bad_answers(a_house: House, kind: Kind, status: int | None) -> None:
    """Whatever QuickBooks does instead of answering, the event is tried again and then counts."""
    payment = a_house.pay("71", "840.00")
    a_house.fault("quickbooks", "/payment/", kind, 1, status)
    a_house.notify(payment)
    assert a_house.state() is State.WAITING
    assert waiting(a_house) == 1
    a_house.time.later(seconds=61)
    a_house.run("detect", "triage")
    assert a_house.state() is State.CANCELLED
    assert waiting(a_house) == 0


def test_a_stalled_answer_holds_up_only_its_event(a_house: House) -> None:
    """A server that never answers costs one attempt; the event stays due."""
    payment = a_house.pay("71", "840.00")
    a_house.fault("quickbooks", "/payment/", "stall")
    a_house.be_impatient()
    a_house.notify(payment)
    assert waiting(a_house) == 1
    a_house.time.later(seconds=61)
    a_house.run("detect", "triage")
    assert a_house.state() is State.CANCELLED


def test_many_edits_of_one_invoice_are_one_reading(a_house: House) -> None:
    """However often it was notified before anybody looked: it and its customer are read once."""
    for n in range(12):
        change = a_house.change("Invoice", "71", CustomerMemo={"value": f"No. {n}"})
        a_house.deliver(json.dumps(cloud_events(a_house.realm, [change], a_house.now)).encode())
        a_house.time.later(seconds=1)
    before = a_house.asked("quickbooks")
    a_house.run("detect")
    assert a_house.asked("quickbooks") == before + 2
    assert waiting(a_house) == 0


def test_a_bulk_edit_is_few_readings(open_house: OpenHouse) -> None:
    """Many invoices that changed together are asked for together; a deleted one is gone."""
    more = [invoice(str(80 + n), "1", "840.00", 12) for n in range(9)]
    house = open_house(books(customer("1"), *more))
    house.sweep()
    for n in range(8):
        house.pay(str(80 + n), "40.00")
    changes = [Change("Invoice", str(80 + n), "updated") for n in range(9)]
    house.books.delete("Invoice", "88")
    before = house.asked("quickbooks")
    house.deliver(json.dumps(cloud_events(house.realm, changes, house.now)).encode())
    house.run("detect")
    assert house.asked("quickbooks") == before + 3  # the list, the one that is gone, the customer
    assert [mirrored(house, str(80 + n)) for n in range(8)] == ["open 800.00"] * 8
    assert mirrored(house, "88").startswith("gone")
    assert waiting(house) == 0


def test_a_record_that_poisons_the_list_of_a_bulk_edit_hurts_nobody(open_house: OpenHouse) -> None:
    """The others of the list count, and it is asked for by itself."""
    more = [invoice(str(80 + n), "1", "840.00", 12) for n in range(5)]
    house = open_house(books(customer("1"), *more))
    house.sweep()
    for n in range(5):
        house.pay(str(80 + n), "40.00")
    house.outside.quickbooks.poison({"realm": house.realm, "entity": "Invoice", "id": "82"})
    changes = [Change("Invoice", str(80 + n), "updated") for n in range(5)]
    house.deliver(json.dumps(cloud_events(house.realm, changes, house.now)).encode())
    house.run("detect")
    found = [mirrored(house, str(80 + n)) for n in range(5)]
    assert found == ["open 800.00"] * 5
    assert waiting(house) == 0


def test_a_poisoned_customer_hurts_only_its_own_invoices(open_house: OpenHouse) -> None:
    """Where a list of invoices leads to somebody who cannot be read, each is read by itself."""
    house = open_house(
        books(
            customer("1"),
            customer("2"),
            invoice("71", "1", "840.00", 12),
            invoice("72", "2", "840.00", 12),
        )
    )
    house.sweep()
    for id in ("71", "72"):
        house.pay(id, "40.00")
    house.outside.quickbooks.poison({"realm": house.realm, "entity": "Customer", "id": "2"})
    changes = [Change("Invoice", id, "updated") for id in ("71", "72")]
    house.deliver(json.dumps(cloud_events(house.realm, changes, house.now)).encode())
    house.run("detect")
    assert (mirrored(house, "71"), mirrored(house, "72")) == ("open 800.00", "open 840.00")


def test_five_failures_are_told_and_the_sweep_helps(a_house: House) -> None:
    """An event that cannot be read in five tries is told; the next sweep finds it out."""
    payment = a_house.pay("71", "840.00")
    a_house.fault("quickbooks", "/payment/", "status", None, 500)
    a_house.notify(payment)
    for _ in range(6):
        a_house.time.later(minutes=11)
        a_house.run("detect")
    assert sum("could not be read after five tries" in text for text in a_house.said("notice")) == 1
    assert waiting(a_house) == 0
    a_house.sweep()
    assert a_house.state() is State.CANCELLED


def test_an_outage_is_told_once_an_hour_not_once_an_event(a_house: House) -> None:
    """However many changes are missed in it: the sweep reads them all."""
    changes = [a_house.change("Customer", "1", CompanyName=f"No. {n}") for n in range(9)]
    a_house.fault("quickbooks", "query", "status", None, 401)
    a_house.notify(*changes)
    while waiting(a_house):
        a_house.time.later(seconds=31)
        a_house.run("detect")
    assert sum("could not be read after five tries" in text for text in a_house.said("notice")) == 1


def test_a_disconnected_company_keeps_its_events(a_house: House) -> None:
    """While a company has to be connected again its events wait; nothing is lost."""
    with a_house.database.writing() as conn:
        conn.exec_driver_sql("UPDATE companies SET status = 'reauth_required'")
    a_house.notify(a_house.pay("71", "840.00"))
    assert waiting(a_house) == 1
    a_house.connect()
    a_house.run("detect", "triage")
    assert a_house.state() is State.CANCELLED


def test_news_while_a_case_is_read_is_not_lost(
    open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A payment that is noticed between reading the ledger and drawing the card still counts."""
    house = open_house()
    read, news = quickbooks.read, [Decimal("340.00")]

    def slowly(*given: Any) -> quickbooks.Books:
        found = read(*given)
        if news:
            payment = house.books.pay("71", news.pop())
            house.deliver(json.dumps(cloud_events(house.realm, payment, house.now)).encode())
            house.run("detect")
        return found

    monkeypatch.setattr(quickbooks, "read", slowly)
    house.notify(Change("Invoice", "71", "created"))
    assert house.view().facts.total_open.amount == 500
    assert house.versions() == 1


def test_words_from_outside_call_nobody(a_house: House) -> None:
    """What a notification says of itself is shown as text."""
    evil = Notice("test", "1", a_house.realm, "Bill<!channel>", "1", "create", None)
    with a_house.database.writing() as conn:
        store(conn, [evil], a_house.now)
    a_house.run("detect")
    assert any("Bill&lt;!channel&gt;" in text for text in a_house.said("notice"))
    assert not any("<!channel>" in text for text in a_house.said())
