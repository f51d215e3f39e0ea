"""What a case knew: facts that come back as they were, and texts that are read once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError

from jobs.rules.case import Proposal, Reason
from jobs.rules.facts.evidence import Document, Evidence, Reading, Stance
from jobs.rules.facts.facts import (
    Company,
    Credit,
    Customer,
    Facts,
    Gap,
    Habit,
    Invoice,
    InvoiceStatus,
)
from jobs.rules.facts.findings import Context, Findings, Fresh
from jobs.rules.figures import Money
from jobs.rules.policy.sections import Mark
from jobs.rules.rulings import RULINGS, Kind, Ruling
from jobs.rules.states import CaseClass, Stage
from jobs.store import assessments, cases, drafts
from jobs.store.assessments import Judgement
from jobs.store.customers import families
from jobs.store.database import tables
from jobs.store.database.engine import Database
from jobs.store.intake import ledger
from tests.jobs.rules.world import facts, invoice, usd
from tests.jobs.store.record import NOW, REALM, case, company, judge, letter, read

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


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(FACTS)
def test_facts_survive_as_json(said: Facts) -> None:
    """Every field, every type: what is read again is equal."""
    stored = assessments.FACTS.dump_json(said)
    assert assessments.FACTS.validate_json(stored) == said


@settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(said=FACTS)
def test_facts_survive_the_record(database: Database, said: Facts) -> None:
    """Through both databases, whatever characters a ledger holds."""
    ours = judge(database, case(database), facts=said)
    with database.reading() as conn:
        assert assessments.facts(conn, ours) == said
        assert assessments.gaps(conn, ours) == said.gaps


def test_an_assessment_comes_back_as_it_was_made(database: Database) -> None:
    """What was read, ruled and proposed; a letter's words and a document's text are elsewhere."""
    mail = document("mail:1", "It never came.\0")
    found = Findings(Fresh(NOW), documents=(mail,), marks=(Mark(kind="key_account", source="CRM"),))
    reason = Reason("A line says so.", ("mail:1",))
    words = ("Hello.",), "model-1/p3"
    made = Judgement(
        Stage.FIRM,
        (Ruling(Kind.GATE, "dispute", "They dispute it.", ("mail:1",)),),
        sha256="f" * 64,
        policy_sha256="b" * 64,
        context=Context(facts(), {"mailbox": found}),
        readings=(Reading("mail:1", Stance.DISPUTE, (1,), "model-1"),),
        evidence=(Evidence("mail:1", "mail", "Mail of 2 October", "never came", Stance.DISPUTE),),
        proposal=Proposal(CaseClass.LIKELY_DISPUTE, "high", (reason,), "Late.", "Hi", *words),
        failure="The model's text broke a rule.",
        record={"model": "model-1", "prompt": "p3", "tokens_in": 12},
    )
    ours = case(database)
    with database.writing() as conn:
        id = assessments.put(conn, ours.id, made, NOW)
        conn.execute(update(tables.cases).values(assessment=id))
        kept = assessments.present(conn, cases.get(conn, ours.id))
        row = conn.execute(select(tables.assessments)).one()
        stored = conn.execute(select(tables.documents)).one()
    assert made.proposal
    assert (kept.id, kept.sha256, kept.rulings) == (id, made.sha256, made.rulings)
    assert (kept.evidence, kept.proposal) == (
        made.evidence,
        replace(made.proposal, subject="", sentences=()),
    )
    assert (row.model, row.prompt, row.record, row.failure) == (
        *("model-1", "p3"),
        *(made.record, made.failure),
    )
    assert (row.stage, row.made_at, row.policy_sha256) == (Stage.FIRM, NOW, "b" * 64)
    assert row.documents == {"mail:1": stored.sha256}
    assert (stored.text, stored.first_seen_at) == (mail.text, NOW)
    assert row.readings[0]["lines"] == [1]
    restored = assessments.FINDINGS.validate_python(row.findings)
    assert restored == {"mailbox": replace(found, documents=())}


def test_an_assessment_never_changes(database: Database) -> None:
    """Nor does it go; only the texts it is based on can be pruned, which leaves their hashes."""
    ours = judge(
        database, case(database), facts=facts(), documents=(document("mail:1", "We dispute this."),)
    )
    pruned = "pruned_at = '2027-01-01 00:00:00', summary = '', evidence = '[]', findings = '{}'"
    for change in (
        "UPDATE assessments SET stage = 9",
        "UPDATE assessments SET summary = ''",
        f"UPDATE assessments SET {pruned}, stage = 9",
        f"UPDATE assessments SET {pruned}, facts = NULL",
        "UPDATE assessments SET pruned_at = '2027-01-01 00:00:00'",
        "DELETE FROM assessments",
    ):
        with pytest.raises(DBAPIError, match="never changes"), database.writing() as conn:
            conn.execute(text(change))
    with database.writing() as conn:
        conn.execute(text(f"UPDATE assessments SET {pruned}, rulings = '[]'"))
    with pytest.raises(DBAPIError, match="never changes"), database.writing() as conn:
        conn.execute(text(f"UPDATE assessments SET {pruned}, rulings = '[1]'"))
    with database.writing() as conn:
        conn.execute(tables.documents.delete())
        assert not assessments.new_documents(conn, ours, [document("mail:1", "We dispute this.")])
        assert assessments.new_documents(conn, ours, [document("mail:1", "We paid this.")])


def test_a_case_that_was_never_judged_has_no_assessment(database: Database) -> None:
    """No rulings, no class, and nothing that equals what is found next."""
    ours = case(database)
    with database.reading() as conn:
        assert assessments.present(conn, ours) == assessments.NOT_YET
        assert assessments.rulings(conn, [ours]) == {ours.id: ()}
        assert assessments.facts(conn, ours) is None


def test_a_case_that_could_not_be_prepared_keeps_its_facts(database: Database) -> None:
    """The card shows the last ones; those of a later judgement that does not count are not used."""
    ours = judge(database, case(database), facts=facts())
    look = Ruling(Kind.STOP, "needs_a_look", "Unreadable.")
    ours = judge(database, ours, look)
    with database.writing() as conn:
        later = facts(as_of=NOW + timedelta(hours=1))
        assessments.put(conn, ours.id, Judgement(Stage.REMINDER, (), context=Context(later)), NOW)
        assert assessments.facts_of_case(conn, ours, NOW) == facts()
        assert assessments.present(conn, ours).rulings == (look,)
        history = assessments.of_case(conn, ours.id)
        assert [one.rulings for one in history] == [(), (look,), ()]
        assert {one.made_at for one in history} == {NOW}


def test_rulings_on_a_drafts_words_come_first(database: Database) -> None:
    """They belong to the draft: without it they are gone, and the others stay."""
    wording, gap = Ruling(Kind.GATE, "wording", "Odd."), Ruling(Kind.GATE, "gap", "Large.")
    ours = judge(database, case(database), gap)
    with database.writing() as conn:
        said = RULINGS.dump_python((wording,), mode="json")
        written = drafts.write_draft(conn, ours.id, letter(), NOW, rulings=said)
        conn.execute(update(tables.cases).values(draft=written.id))
        with_draft = cases.get(conn, ours.id)
        assert assessments.present(conn, with_draft).rulings == (wording, gap)
        assert assessments.rulings(conn, [with_draft]) == {ours.id: (wording, gap)}
        assert assessments.present(conn, ours).rulings == (gap,)


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
        families.put_customers(conn, REALM, people, NOW)
        ledger.put_invoices(conn, REALM, some, NOW)
    with database.reading() as conn:
        found = assessments.facts_of_case(conn, read(database, ours.id), NOW)
    assert [i.id for i in found.invoices] == ["late", "job"]
    assert (found.customer.name, found.as_of) == ("Cooper & Sons", NOW)
    assert set(found.stages) == {"late", "job"}


def document(id: str, text: str) -> Document:
    return Document(id, "mailbox", "mail", NOW, text)


def known(
    database: Database, *documents: Document, reader: str = "model-1"
) -> dict[str, tuple[Reading, ...]]:
    with database.reading() as conn:
        return assessments.known_readings(conn, documents, reader, "phrases")


def keep(database: Database, documents: list[Document], made: list[Reading], reader: str) -> None:
    with database.writing() as conn:
        assessments.put_readings(conn, documents, made, reader, NOW)


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


def test_a_time_in_any_zone_is_the_same_fact(database: Database) -> None:
    """Equality is of the instant."""
    there = facts(as_of=datetime(2026, 10, 14, 11, 30, tzinfo=ZoneInfo("America/New_York")))
    ours = judge(database, case(database), facts=there)
    with database.reading() as conn:
        assert assessments.facts_of_case(conn, ours, NOW).as_of == NOW
