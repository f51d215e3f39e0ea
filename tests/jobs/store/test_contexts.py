"""What a case knew: facts that come back as they were, and texts that are read once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.rules.case import Proposal, Reason
from jobs.rules.evidence import Document, Evidence, Reading, Stance
from jobs.rules.facts import Company, Credit, Customer, Facts, Gap, Habit, Invoice, InvoiceStatus
from jobs.rules.money import Money
from jobs.rules.states import CaseClass, Stage
from jobs.store import contexts, ledger
from jobs.store.engine import Database
from tests.jobs.rules.world import facts, invoice, usd
from tests.jobs.store.record import NOW, REALM, case, company, read

Draw = Callable[..., Any]
TEXT = st.text(max_size=12)
DAYS = st.dates()
AMOUNTS = st.decimals(-(10**9), 10**9, places=4)
MONEY = st.builds(Money, AMOUNTS, st.sampled_from(["USD", "EUR", "JPY"]))
CUSTOMERS = st.builds(Customer, TEXT, TEXT, TEXT, MONEY, TEXT, st.booleans(), st.booleans(), TEXT)
INVOICES = st.builds(
    Invoice,
    id=TEXT,
    number=TEXT,
    customer=TEXT,
    txn_date=DAYS,
    due=DAYS | st.just(date.max),
    total=MONEY,
    open=MONEY,
    email=TEXT,
    po_number=TEXT,
    online=st.booleans(),
    status=st.sampled_from(InvoiceStatus),
    exchange_rate=st.decimals(0, 1000, places=7),
)
FACTS = st.builds(
    Facts,
    company=st.builds(
        Company,
        id=TEXT,
        name=TEXT,
        zone=st.sampled_from([ZoneInfo("America/New_York"), ZoneInfo("Asia/Kathmandu")]),
        home_currency=TEXT,
        country=TEXT,
        book_close=st.none() | DAYS,
    ),
    customer=CUSTOMERS,
    currency=TEXT,
    as_of=st.datetimes(timezones=st.just(UTC)),
    invoices=st.lists(INVOICES, max_size=3).map(tuple),
    stages=st.dictionaries(TEXT, st.sampled_from(Stage), max_size=3),
    other_open=st.lists(INVOICES, max_size=2).map(tuple),
    credits=st.lists(st.builds(Credit, TEXT, TEXT, TEXT, TEXT, DAYS, MONEY), max_size=2).map(tuple),
    members=st.lists(CUSTOMERS, max_size=2).map(tuple),
    gaps=st.lists(st.builds(Gap, TEXT, MONEY, MONEY), max_size=1).map(tuple),
    habit=st.none() | st.builds(Habit, st.integers(1, 99), st.integers(0, 9), st.integers(-9, 9)),
)


@pytest.fixture(autouse=True)
def a_company(database: Database) -> None:
    company(database)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(FACTS)
def test_facts_survive_as_json(said: Facts) -> None:
    """Every field, every type: what is read again is equal."""
    stored = contexts.FACTS.dump_json(said)
    assert contexts.FACTS.validate_json(stored) == said


@settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(said=FACTS)
def test_facts_survive_the_record(database: Database, said: Facts) -> None:
    """Through both databases, whatever characters a ledger holds."""
    ours = case(database)
    with database.writing() as conn:
        id = contexts.put_facts(conn, ours.id, said, "f" * 64)
        assert contexts.facts(conn, id) == said
        assert contexts.sha256(conn, id) == "f" * 64


def test_a_case_without_a_context_has_no_fingerprint(database: Database) -> None:
    """Nothing gathered is the empty fingerprint, which equals no other."""
    with database.reading() as conn:
        assert contexts.sha256(conn, None) == ""


def test_a_case_knows_its_latest_facts(database: Database) -> None:
    """The context it names, else the last one gathered."""
    ours = case(database)
    with database.writing() as conn:
        first = contexts.put_facts(conn, ours.id, facts(), "a")
        contexts.put_facts(conn, ours.id, facts(as_of=NOW + timedelta(hours=1)), "b")
        assert contexts.facts_of_case(conn, ours, NOW).as_of == NOW + timedelta(hours=1)
    named = case(database, context=first)
    with database.reading() as conn:
        assert contexts.facts_of_case(conn, named, NOW).as_of == facts().as_of


def test_a_case_that_gathered_nothing_shows_the_mirror(database: Database) -> None:
    """What is overdue in its currency, of its customer and those billed through it."""
    ours = case(database)
    people = [
        Customer("58", "Cooper & Sons", "", usd(0)),
        Customer("59", "Job", "", usd(0), parent="58", bills_parent=True),
    ]
    due = {"late": date(2026, 10, 2), "job": date(2026, 10, 3), "today": date(2026, 10, 14)}
    some = [
        invoice(id="late", due=due["late"]),
        invoice(id="job", due=due["job"], customer="59"),
        invoice(id="today", due=due["today"]),
        invoice(id="euro", total=Money(Decimal(9), "EUR"), open=Money(Decimal(9), "EUR")),
        invoice(id="other", customer="77"),
    ]
    with database.writing() as conn:
        ledger.put_customers(conn, REALM, people, NOW)
        ledger.put_invoices(conn, REALM, some, NOW)
    with database.reading() as conn:
        found = contexts.facts_of_case(conn, read(database, ours.id), NOW)
    assert [i.id for i in found.invoices] == ["late", "job"]
    assert (found.customer.name, found.as_of) == ("Cooper & Sons", NOW)
    assert set(found.stages) == {"late", "job"}


def document(id: str, text: str) -> Document:
    return Document(id, "mailbox", "mail", NOW, text)


def known(
    database: Database, *documents: Document, reader: str = "model-1"
) -> dict[str, tuple[Reading, ...]]:
    with database.reading() as conn:
        return contexts.known_readings(conn, documents, reader, "phrases")


def keep(database: Database, documents: list[Document], made: list[Reading], reader: str) -> None:
    with database.writing() as conn:
        contexts.put_readings(conn, documents, made, reader, NOW)


def test_a_text_is_read_once(database: Database) -> None:
    """The same words in another document are known, with the lines they were found in."""
    first, second = document("mail:1", "We dispute this."), document("mail:2", "We dispute this.")
    made = [
        Reading("mail:1", Stance.DISPUTE, (1,), "model-1"),
        Reading("mail:1", Stance.UNHAPPY, (1, 2), "phrases"),
    ]
    keep(database, [first], made, "model-1")
    found = known(database, second, document("mail:3", "Another text."))
    assert set(found) == {"mail:2"}
    stances = {(r.document, r.stance, r.lines, r.reader) for r in found["mail:2"]}
    assert ("mail:2", Stance.DISPUTE, (1,), "model-1") in stances
    assert ("mail:2", Stance.UNHAPPY, (1, 2), "phrases") in stances


def test_finding_nothing_is_also_a_reading(database: Database) -> None:
    """A harmless text is not read again either."""
    harmless = document("mail:1", "Thank you.")
    keep(database, [harmless], [], "model-1")
    assert {r.stance for r in known(database, harmless)["mail:1"]} == {Stance.NONE}


def test_another_reader_reads_anew(database: Database) -> None:
    """A new model or prompt has not read what the old one read."""
    text = document("mail:1", "Thank you.")
    keep(database, [text], [], "model-1")
    assert known(database, text, reader="model-2") == {}


def test_what_an_old_reader_found_goes_with_it(database: Database) -> None:
    """Once a new model has read a text, only its findings count, and those of the phrase rules."""
    text = document("mail:1", "Thank you, we dispute this.")
    phrase = Reading("mail:1", Stance.UNHAPPY, (1,), "phrases")
    keep(database, [text], [Reading("mail:1", Stance.DISPUTE, (1,), "model-1"), phrase], "model-1")
    keep(database, [text], [phrase], "model-2")
    found = known(database, text, reader="model-2")["mail:1"]
    assert {(r.reader, r.stance) for r in found} == {
        ("model-2", Stance.NONE),
        ("phrases", Stance.UNHAPPY),
    }


def test_keeping_a_reading_twice_changes_nothing(database: Database) -> None:
    """Two workers may read the same text at once."""
    text = document("mail:1", "We dispute this.")
    made = [Reading("mail:1", Stance.DISPUTE, (1,), "model-1")]
    keep(database, [text], made, "model-1")
    before = known(database, text)
    keep(database, [text, document("mail:2", text.text)], made, "model-1")
    assert known(database, text) == before


def test_a_proposal_is_kept_with_its_record(database: Database) -> None:
    """The card says who wrote the summary: the latest model that answered, else the template."""
    ours = case(database)
    made = Proposal(
        CaseClass.LIKELY_DISPUTE,
        "high",
        (Reason("A line says so.", ("mail:1",)),),
        "Says the goods never came.",
        "",
        (),
        "model-1/p3",
    )
    with database.writing() as conn:
        assert contexts.summed_up_by(conn, ours.id) == "template"
        contexts.put_proposal(conn, ours.id, made, "", {"tokens": 12}, NOW)
        assert contexts.summed_up_by(conn, ours.id) == "model-1/p3"
        contexts.put_proposal(conn, ours.id, None, "the model is away", None, NOW)
        assert contexts.summed_up_by(conn, ours.id) == "template"


def test_evidence_comes_back_from_a_case(database: Database) -> None:
    """What a card shows as reasons is what was found."""
    found = (Evidence("mail:1", "mail", "Mail of 2 October", "never came", Stance.DISPUTE),)
    stored = contexts.EVIDENCE.dump_python(found, mode="json")
    ours = case(database, evidence=stored)
    assert contexts.evidence(ours.row.evidence) == found
    assert contexts.evidence(None) == ()


def test_a_time_in_any_zone_is_the_same_fact(database: Database) -> None:
    """Equality is of the instant."""
    ours = case(database)
    there = facts(as_of=datetime(2026, 10, 14, 11, 30, tzinfo=ZoneInfo("America/New_York")))
    with database.writing() as conn:
        id = contexts.put_facts(conn, ours.id, there, "a")
        assert contexts.facts(conn, id).as_of == NOW
