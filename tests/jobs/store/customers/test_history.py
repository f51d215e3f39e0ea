"""Our own record of a customer: contacts, holds, addresses, and where a day begins."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from jobs.rules.facts.facts import Customer
from jobs.rules.facts.past import AddressContact, HoldKind, Past
from jobs.rules.states import Stage, State
from jobs.store.customers import families, history
from jobs.store.database.engine import Database
from jobs.store.database.tables import holds
from tests.jobs.rules.world import usd
from tests.jobs.store.record import NOW, REALM, case, company, draft, send

NEW_YORK = ZoneInfo("America/New_York")
TO = "ap@cooper.example"
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def a_company(database: Database) -> None:
    company(database)


def past(database: Database, customer: str = "58", address: str = TO) -> Past:
    with database.reading() as conn:
        return history.past(conn, REALM, customer, (address.lower(),))


def sent(database: Database, state: str = "sent", at: datetime = NOW, customer: str = "58") -> None:
    send(database, draft(database, case(database, State.DONE, customer)), state, at)


def test_what_may_have_arrived_is_a_contact(database: Database) -> None:
    """Sent, unknown and under way count, oldest first; what definitely did not go does not."""
    sent(database, "in_flight", NOW)
    sent(database, "sent", NOW - 9 * DAY)
    sent(database, "unknown", NOW - 3 * DAY)
    sent(database, "refused", NOW - DAY)
    sent(database, "not_sent", NOW - DAY)
    sent(database, "sent", NOW - DAY, customer="59")
    found = past(database).contacts
    assert [contact.at for contact in found] == [NOW - 9 * DAY, NOW - 3 * DAY, NOW]
    first = found[0]
    assert (first.stage, first.to, first.invoices) == (Stage.REMINDER, TO, ("742",))
    assert (first.subject, first.message_id[-16:]) == ("Invoice 1037", "@harbor.example>")


def test_an_address_remembers_its_last_contact(database: Database) -> None:
    """Whoever the customer was, and however the address is written."""
    sent(database, "sent", NOW - 2 * DAY, customer="59")
    sent(database, "refused", NOW, customer="59")
    bakery = Customer("59", "Bo's Bakery", TO, usd(0))
    with database.writing() as conn:
        families.put_customers(conn, REALM, [bakery], NOW)
    seen = past(database, "58", "AP@Cooper.example").last_contact_to_address
    assert seen == AddressContact(NOW - 2 * DAY, TO, "Bo's Bakery")
    company(database, "another")
    with database.reading() as conn:
        elsewhere = history.past(conn, "another", "58", (TO,)).last_contact_to_address
    assert elsewhere == AddressContact(NOW - 2 * DAY, TO, "")
    assert past(database, "58", "new@cooper.example").last_contact_to_address is None


def test_the_days_messages_are_counted_from_midnight(database: Database) -> None:
    """The company's midnight (04:00 UTC in October), not that of UTC; other companies apart."""
    began = datetime(2026, 10, 14, 4, tzinfo=UTC)
    for number, at in enumerate((began - timedelta(seconds=1), began, NOW)):
        sent(database, at=at, customer=str(number))
    sent(database, "refused", customer="9")
    with database.reading() as conn:
        assert history.sent_since(conn, REALM, began) == 2
        assert history.sent_since(conn, "another", began) == 0


def test_a_hold_takes_out_invoices_or_the_whole_customer(database: Database) -> None:
    """A row per invoice, or one for all; each with who, why and until when."""
    until = date(2026, 10, 28)
    with database.writing() as conn:
        arguments = (HoldKind.DISPUTE, until, "ULEAD1", "says it never came", NOW)
        history.hold(conn, REALM, "58", ("742", "743"), *arguments)
        history.hold(conn, REALM, "58", (), HoldKind.QUIET, until, "ULEAD2", "", NOW)
        history.hold(conn, REALM, "59", (), HoldKind.QUIET, until, "ULEAD2", "", NOW)
    found = past(database).holds
    assert [(h.kind, h.invoice) for h in found] == [
        (HoldKind.DISPUTE, "742"),
        (HoldKind.DISPUTE, "743"),
        (HoldKind.QUIET, ""),
    ]
    assert (found[0].until, found[0].set_by) == (until, "ULEAD1")
    assert found[0].reason == "says it never came"


def test_lifting_ends_these_holds_and_no_others(database: Database) -> None:
    """They stay on record, and who lifted them first stays so."""
    with database.writing() as conn:
        for customer in ("58", "58", "59"):
            history.hold(conn, REALM, customer, (), HoldKind.PLAN, NOW.date(), "ULEAD1", "", NOW)
        first, _ = found = history.unlifted(conn, REALM, "58")
        history.lift(conn, [first], "ULEAD1", NOW)
        history.lift(conn, found, "ULEAD2", NOW)
        by = select(holds.c.lifted_by).where(holds.c.customer == "58").order_by(holds.c.id)
        assert conn.scalars(by).all() == ["ULEAD1", "ULEAD2"]
    assert past(database).holds == ()
    assert len(past(database, "59").holds) == 1


def know(database: Database, *addresses: str) -> None:
    with database.writing() as conn:
        history.know_addresses(conn, REALM, {"58": addresses}, "system:sweep", NOW)


def test_addresses_at_connection_are_known(database: Database) -> None:
    """In lower case, and for this customer only."""
    know(database, TO, "CFO@cooper.example")
    assert past(database).known_addresses == {TO, "cfo@cooper.example"}
    assert past(database).confirmed_address == ""
    assert past(database, "59").known_addresses == frozenset()


def test_what_is_no_address_is_not_remembered(database: Database) -> None:
    """However long: an e-mail field takes any text, and one of them must not hide the others."""
    know(database, TO, "call the services", "x" * 400 + "@cooper.example")
    assert past(database).known_addresses == {TO}


def test_the_address_a_person_picks_is_the_only_chosen_one(database: Database) -> None:
    """A later choice replaces it; both stay known, and a bounce is forgiven by a choice."""
    with database.writing() as conn:
        history.confirm_address(conn, REALM, "58", "One@cooper.example", "ULEAD1", NOW)
        history.bounced(conn, REALM, "58", "two@cooper.example", "system:send", NOW)
        assert history.past(conn, REALM, "58").bounced == {"two@cooper.example"}
        history.confirm_address(conn, REALM, "58", "two@cooper.example", "ULEAD1", NOW)
    found = past(database)
    assert found.confirmed_address == "two@cooper.example"
    assert found.known_addresses == {"one@cooper.example", "two@cooper.example"}
    assert found.bounced == frozenset()


def test_a_bounce_ends_a_choice(database: Database) -> None:
    """An address that does not take mail is not the chosen one any more."""
    with database.writing() as conn:
        history.confirm_address(conn, REALM, "58", TO, "ULEAD1", NOW)
        history.bounced(conn, REALM, "58", TO.upper(), "system:send", NOW)
    found = past(database)
    assert found.confirmed_address == ""
    assert found.bounced == {TO}
    assert found.wrong == frozenset()


def test_a_person_may_say_that_an_address_is_wrong(database: Database) -> None:
    """It is not used again either, and it is known who said so: no mail server."""
    with database.writing() as conn:
        history.bounced(conn, REALM, "58", TO, "ULEAD1", NOW)
    assert past(database).bounced == past(database).wrong == {TO}


def test_connecting_again_forgets_no_bounce_and_no_choice(database: Database) -> None:
    """What the ledger still lists does not overrule what we learned."""
    with database.writing() as conn:
        history.bounced(conn, REALM, "58", "old@cooper.example", "system:send", NOW)
        history.confirm_address(conn, REALM, "58", TO, "ULEAD1", NOW)
    know(database, TO, "old@cooper.example", "new@cooper.example")
    found = past(database)
    assert found.bounced == {"old@cooper.example"}
    assert found.confirmed_address == TO
    assert "new@cooper.example" in found.known_addresses
