"""What must hold in every company at any moment, whatever happened before: one function checks it.

One mail per invoice, round and stage; each mail approved beforehand, byte for byte; no approval
that ends in silence; no mail about what the ledger no longer says; one note per mail; a log that
verifies and has a line for each move; recipients and figures that are on record.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import Connection, Executable, Select, String, func, or_, select

from jobs.mail import draft_copy
from jobs.rules import drafts as letters
from jobs.rules.letters.letter import Letter
from jobs.rules.states import OPEN, State
from jobs.rules.verification.verify import verify
from jobs.store import assessments, cases, drafts, log, texts
from jobs.store import sends as attempts
from jobs.store.cases import Case
from jobs.store.customers import history
from jobs.store.database.tables import (
    addresses,
    carbon_copies,
    crossings,
    decisions,
    draft_copies,
    metadata,
    notes,
    sends,
)
from jobs.store.database.tables import cases as cases_table
from jobs.store.drafts import Draft
from tests.jobs.harness import CompanyHarness
from tests.sandbox.mail.mailbox import Mail

PAY_LINK = re.compile(r"https://\S*\.intuit\.com/\S+")
BEGUN = ("in_flight", "sent", "unknown")
ENDINGS = (
    *("approval.undone", "approval.lapse", "approval.differs", "send.caught", "send.sent"),
    *("send.unknown", "send.refused", "send.begun", "case.shadow_run", "case.shadow_ended"),
)
"""Actions after an approval that say what became of it."""


@dataclass(frozen=True)
class Accepted:
    """A mail that the server has, with what our record says of it."""

    mail: Mail
    send: Any
    draft: Draft
    case: Case
    ledger: dict[str, tuple[Decimal, str]]
    """Invoice id → balance and due date when it was handed over."""


def check(harness: CompanyHarness) -> None:
    """Raises AssertionError for the first thing that must not be."""
    with harness.database.reading() as conn:
        accepted = list(_accepted(harness, conn))
        _one_mail_each(conn, accepted)
        for each in accepted:
            _was_approved(conn, each)
            _was_true(harness, conn, each)
        _no_silence(conn, harness.now)
        _one_note_each(harness, conn)
        _log_is_whole(conn)
        _fits(conn)
    _nothing_odd_was_said(harness)


def _nothing_odd_was_said(harness: CompanyHarness) -> None:
    """Our linter has found no fault in anything that went to Slack."""
    space = harness.outside.slack.space
    found, space.lint = space.lint, []
    assert not found


def _accepted(harness: CompanyHarness, conn: Connection) -> Iterator[Accepted]:
    known = {row.message_id: row for row in conn.execute(select(sends).order_by(sends.c.id))}
    own = {row.message_id: row for row in conn.execute(select(draft_copies)) if row.message_id}
    for mail in harness.mails:
        if _id(mail) in own:
            _is_a_draft_copy(harness, mail, own.pop(_id(mail)))
            continue
        send = known.get(_id(mail))
        assert send is not None, f"a mail that is not on record: {mail.shown()}"
        draft = drafts.draft(conn, send.draft)
        case = cases.get(conn, send.case_id)
        yield Accepted(mail, send, draft, case, harness.mailer.seen[_id(mail)])


def _is_a_draft_copy(harness: CompanyHarness, mail: Mail, copy: Any) -> None:
    """The one exception: a draft that one of us asked for, once, marked, to no customer."""
    assert mail.recipient.lower() == copy.address
    assert str(mail.message["Subject"]).startswith(draft_copy.MARK)
    assert not PAY_LINK.search(str(mail.shown())), "a test copy that can be paid"
    records = str(list(harness.books.tables["Customer"].values()))
    assert f"@{copy.address.partition('@')[2]}" not in records, "a test copy to a customer"


def _id(mail: Mail) -> str:
    return str(mail.message["Message-ID"])


def _one_mail_each(conn: Connection, accepted: list[Accepted]) -> None:
    """I1, counted by Message-ID and by what the mail is about."""
    ids = Counter(_id(each.mail) for each in accepted)
    assert all(count == 1 for count in ids.values()), f"the same mail twice: {ids}"
    about = Counter(
        (row.invoice, row.round, row.stage)
        for each in accepted
        if not each.send.bounced_at  # nobody has got that one
        for row in conn.execute(select(crossings).where(crossings.c.case_id == each.case.id))
    )
    assert all(n == 1 for n in about.values()), f"an invoice twice at one stage: {about}"
    begun = Counter(conn.scalars(select(sends.c.case_id).where(sends.c.state.in_(BEGUN))))
    assert all(count == 1 for count in begun.values()), f"two sends of one case: {begun}"


def _was_approved(conn: Connection, each: Accepted) -> None:
    """I2: somebody approved exactly these bytes before they went."""
    received = _received(each).sha256()
    wanted = (decisions.c.draft == each.draft.id) & (decisions.c.kind == "approve")
    given = conn.execute(select(decisions).where(wanted)).all()
    assert given, f"nobody approved the mail of case {each.case.id}"
    for decision in given:
        assert decision.draft_sha256 == received, "another text went out than was approved"
        assert decision.at <= each.send.began_at, "the mail went before it was approved"


def _received(each: Accepted) -> Letter:
    """The letter as it can be read off the mail; pay links go back into their slots."""
    message, letter = each.mail.message, each.draft.letter
    body = message.get_body(("plain",))
    assert body is not None
    text = str(body.get_content()).replace("\r\n", "\n").removesuffix("\n")
    for key in letters.pay_links_in(letter.body):
        text = PAY_LINK.sub(f"[pay link {key}]", text, count=1)
    names = [part.get_filename() for part in message.iter_attachments()]
    assert names == [a.file_name for a in letter.attachments], "other files than were approved"
    return replace(
        letter,
        sender=str(message["From"]).replace('"', ""),
        reply_to=str(message["Reply-To"]),
        to=str(message["To"]),
        cc=each.mail.copied,
        subject=str(message["Subject"]).lstrip(),  # a long one is folded before its first word
        body=text,
    )


def _was_true(harness: CompanyHarness, conn: Connection, each: Accepted) -> None:
    """I4 and I8: what it said stood in the ledger, and it went to an address we know."""
    customer = each.case.customer
    for stated in each.draft.letter.invoices:
        balance, due = each.ledger[stated.id]
        assert balance == stated.open.amount, f"invoice {stated.id} was not open like that"
        assert due == stated.due.isoformat(), f"invoice {stated.id} was due on another day"
    assert each.mail.recipient.lower() in _allowed(harness, conn, each), "nobody knows the address"
    chosen = set(
        conn.scalars(select(carbon_copies.c.address).where(carbon_copies.c.customer == customer))
    )
    assert set(each.mail.copied) <= chosen, "somebody got a copy whom nobody chose"
    if each.draft.letter.body != texts.GONE:
        assert not set(_wrong(harness, conn, each)) - set(each.draft.violations), "an untrue text"


def _allowed(harness: CompanyHarness, conn: Connection, each: Accepted) -> set[str]:
    owner = addresses.c.customer == each.case.customer
    known = set(conn.scalars(select(addresses.c.address).where(owner)))
    tables = harness.books.tables
    for invoice in each.draft.letter.invoices:
        found = tables["Invoice"][invoice.id]
        known.add(found.get("BillEmail", {}).get("Address", "").lower())
    billed = tables["Customer"].get(each.case.customer, {})
    return known | {billed.get("PrimaryEmailAddr", {}).get("Address", "").lower()}


def _wrong(harness: CompanyHarness, conn: Connection, each: Accepted) -> list[str]:
    letter, case = each.draft.letter, each.case
    facts = assessments.facts_of_case(conn, case, harness.now)
    past = history.past(conn, case.company, case.customer)
    draft, policy = each.draft, harness.services.policy
    found = verify(letter, facts, policy, past, deadline=draft.deadline, marked=draft.marked)
    return [violation.sentence for violation in found]


def _no_silence(conn: Connection, now: datetime) -> None:
    """I3: each approval that was given has an end, or an hour at which it is looked at."""
    for row in conn.execute(select(cases_table)):
        case = cases.of_row(row)
        actions = [line.fields["action"] for line in log.lines(conn, case=case.id)]
        if "approval.given" in actions:
            after = actions[len(actions) - actions[::-1].index("approval.given") :]
            waits = case.state is State.APPROVED and row.due_at and case.lapses_at
            assert waits or set(after) & set(ENDINGS), f"case {case.id} fell silent: {actions}"
        if case.state not in OPEN and case.state is not State.SENT:
            assert row.closed_at, f"case {case.id} is over, and nobody knows since when"
        if case.state is State.SENDING:
            assert row.due_at, f"nobody will look at case {case.id} any more"
        if case.state is State.APPROVED:
            assert case.lapses_at, f"the approval of case {case.id} never lapses"


def _one_note_each(harness: CompanyHarness, conn: Connection) -> None:
    """I5: a note for a sent letter, word for word, and never two."""
    written = Counter(note["text"] for note in harness.notes)
    assert all(count == 1 for count in written.values()), f"a note twice: {written}"
    assert not harness.outside.quickbooks.realms[harness.realm].refused_writes
    for row in conn.execute(select(notes)):
        begun = attempts.alive(conn, row.case_id)
        assert begun is not None, f"a note without a mail: {row}"
        assert begun.state in attempts.ACCEPTED, f"a note before the mail was sent: {row}"
        assert row.text == drafts.draft(conn, row.draft).letter.note
    texts = set(conn.scalars(select(notes.c.text)))
    assert set(written) <= texts, f"a note that is not on record: {written}"


def _log_is_whole(conn: Connection) -> None:
    """I7: the chain verifies, and each move of a case has exactly one line."""
    _, broken = log.verify(conn)
    assert not broken, f"the log is broken: {broken}"
    for row in conn.execute(select(cases_table.c.id, cases_table.c.version)):
        lines = log.lines(conn, case=row.id)
        told = [line.fields["data"].get("version") for line in lines]
        versions = [version for version in told if version is not None]
        assert versions == list(range(2, row.version + 1)), f"case {row.id}: {versions}"
    for line in log.lines(conn):
        assert "@customer" not in json.dumps(line.fields), f"an address in the log: {line.body}"


def _fits(conn: Connection) -> None:
    """SQLite takes a value that is longer than its column; PostgreSQL would refuse the outcome."""
    if any(conn.execute(_any_too_long()).one()):
        rows = [row for query in _too_long() if (row := conn.execute(query).first())]
        raise AssertionError(f"rows that PostgreSQL would refuse: {rows}")


@cache
def _any_too_long() -> Executable:
    """One column for each table: whether it has a row with a value longer than its column."""
    return select(*(query.exists() for query in _too_long()))


@cache
def _too_long() -> list[Select[Any]]:
    """The queries for such a row, table by table."""
    queries = []
    for table in metadata.sorted_tables:
        limited = [(c, c.type.length) for c in table.c if isinstance(c.type, String)]
        longer = [func.length(column) > length for column, length in limited if length]
        if longer:
            queries.append(select(table).where(or_(*longer)).limit(1))
    return queries
