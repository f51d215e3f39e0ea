"""What must hold at any moment, whatever happened before: one function looks for what does not.

`violations` compares the record with what the stand-ins saw: the mails that both servers accepted,
the notes in every company's books, and what stands in Slack. The promises are numbered in its
sentences:

    I1  one mail for each invoice, round and stage      I6  a card shows what the record says
    I2  approved before, byte for byte                  I7  the log verifies, a line for each move
    I3  no approval ends in silence                     I8  addresses and figures are on record
    I4  the ledger said so when it was sent             I9  no secret and no text of a mail in logs
    I5  one note for each mail that was sent
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Executable, Row, Select, String, func, or_, select

from bot.surfaces.card.card import card, plain
from jobs.mail import draft_copy
from jobs.reports import picture
from jobs.rules import drafts as letters
from jobs.rules.letters.letter import Letter
from jobs.rules.policy import policy as policies
from jobs.rules.policy.policy import Policy
from jobs.rules.states import OPEN, State
from jobs.rules.verification.verify import verify
from jobs.store import assessments, cases, companies, drafts, log, people, texts
from jobs.store import sends as attempts
from jobs.store.cases import Case
from jobs.store.customers import history
from jobs.store.database.engine import Database, time_of
from jobs.store.database.tables import (
    addresses,
    carbon_copies,
    crossings,
    decisions,
    draft_copies,
    messages,
    metadata,
    notes,
    sends,
)
from jobs.store.database.tables import cases as cases_table
from jobs.store.drafts import Draft
from tests.sandbox.mail.mailbox import Mail
from tests.sandbox.quickbooks.books import Books
from tests.sandbox.stand_ins import StandIns

PAY_LINK = re.compile(r"https://\S*\.intuit\.com/\S+")
BEGUN = ("in_flight", "sent", "unknown")
ENDINGS = (
    *("approval.undone", "approval.lapse", "approval.differs", "send.caught", "send.sent"),
    *("send.unknown", "send.refused", "send.begun", "case.shadow_run", "case.shadow_ended"),
)
"""Actions after an approval that say what became of it."""
LAST_LOOK = 10.0
"""Seconds between the last look at the ledger and the mail, where nobody knows it better."""
NOTABLE = 25
"""A line of a letter that is longer than this says something, so it is not in a log by accident."""
SECRET = re.compile("TOKEN|SECRET|KEY|PASSWORD")
"""Settings that nobody may read in a log."""


@dataclass(frozen=True)
class _Look:
    """The record, the world around it, and what else is known."""

    conn: Connection
    outside: StandIns
    now: datetime
    policy: Policy
    handed: Mapping[str, float]

    def books(self, case: Case) -> Books:
        return self.outside.quickbooks.realms[case.company].books


@dataclass(frozen=True)
class _Accepted:
    """A mail that a server has, with what our record says of it."""

    mail: Mail
    send: Row[Any]
    draft: Draft
    case: Case


def violations(
    database: Database,
    outside: StandIns,
    *,
    policy: Policy | None = None,
    handed: Mapping[str, float] | None = None,
    now: datetime | None = None,
    logs: str = "",
    secrets: Mapping[str, str] | None = None,
) -> list[str]:
    """A sentence with ids for each thing that must not be; empty where all is well.

    `policy` is the one in force (by default the newest on record), `now` the present of the record
    (by default by its own clock). `handed` says when a mail was handed over, by its Message-ID and
    `time.monotonic`, where somebody watched. `logs` is what the processes wrote, and `secrets` are
    settings none of whose values may stand there.
    """
    with database.reading() as conn:
        rules = policy or _policy(conn)
        look = _Look(conn, outside, now or time_of(conn), rules, handed or {})
        accepted = list[_Accepted]()
        found = [
            *_on_record(look, accepted),
            *_one_mail_each(conn, accepted),
            *(wrong for each in accepted for wrong in _approved(conn, each)),
            *(wrong for each in accepted for wrong in _true(look, each)),
            *_silent(conn),
            *_one_note_each(look),
            *_cards_as_recorded(look),
            *_log_is_whole(conn),
            *_too_long_for_postgresql(conn),
            *_said_in_logs(conn, logs, secrets or {}),
        ]
    return found + [f"our linter: {fault}" for fault in outside.slack.space.lint]


def _policy(conn: Connection) -> Policy:
    known = [texts.policies_in_force(conn, one.realm) for one in companies.all_of_them(conn)]
    newest = next((versions[0].text for versions in known if versions), policies.default_text())
    return policies.load(newest)


def _on_record(look: _Look, accepted: list[_Accepted]) -> Iterator[str]:
    """Adds the mails that are on record to `accepted`; what remains is a violation."""
    conn = look.conn
    known = {row.message_id: row for row in conn.execute(select(sends).order_by(sends.c.id))}
    own = {row.message_id: row for row in conn.execute(select(draft_copies)) if row.message_id}
    mailbox = look.outside.mailbox
    for mail in [*mailbox.mails, *(mailbox.beside.mails if mailbox.beside else ())]:
        if copy := own.pop(_id(mail), None):
            yield from _draft_copy(look, mail, copy)
        elif (send := known.get(_id(mail))) is None:
            yield f"I2: mail {_id(mail)} to {mail.recipient} is not on record"
        else:
            draft, case = drafts.draft(conn, send.draft), cases.get(conn, send.case_id)
            accepted.append(_Accepted(mail, send, draft, case))


def _draft_copy(look: _Look, mail: Mail, copy: Row[Any]) -> Iterator[str]:
    """The one exception: a draft that one of us asked for, once, marked, to no customer."""
    told = f"test copy {copy.id}"
    if mail.recipient.lower() != copy.address:
        yield f"I8: {told} went to {mail.recipient}, not to {copy.address}"
    if not str(mail.message["Subject"]).startswith(draft_copy.MARK):
        yield f"I2: {told} is not marked as a test"
    if PAY_LINK.search(str(mail.shown())):
        yield f"I2: {told} can be paid"
    case = cases.get(look.conn, copy.case_id)
    records = str(list(look.books(case).tables["Customer"].values()))
    if f"@{copy.address.partition('@')[2]}" in records:
        yield f"I8: {told} went to a customer's domain, {copy.address}"


def _id(mail: Mail) -> str:
    return str(mail.message["Message-ID"])


def _one_mail_each(conn: Connection, accepted: list[_Accepted]) -> Iterator[str]:
    """I1, counted by Message-ID and by what the mail is about."""
    for id, count in Counter(_id(each.mail) for each in accepted).items():
        if count > 1:
            yield f"I1: mail {id} was accepted {count} times"
    about = Counter(
        (row.company, row.invoice, row.round, row.stage)
        for each in accepted
        if not each.send.bounced_at  # nobody has got that one
        for row in conn.execute(select(crossings).where(crossings.c.case_id == each.case.id))
    )
    for (company, invoice, round, stage), count in about.items():
        if count > 1:
            where = f"in round {round} at stage {stage}"
            yield f"I1: {count} mails about invoice {invoice} of {company} {where}"
    begun = Counter(conn.scalars(select(sends.c.case_id).where(sends.c.state.in_(BEGUN))))
    yield from (f"I1: {n} sends of case {case} are alive" for case, n in begun.items() if n > 1)


def _approved(conn: Connection, each: _Accepted) -> Iterator[str]:
    """I2: somebody approved exactly these bytes before they went."""
    told = f"mail {_id(each.mail)} of case {each.case.id}"
    names = [part.get_filename() for part in each.mail.message.iter_attachments()]
    if names != [file.file_name for file in each.draft.letter.attachments]:
        yield f"I2: {told} has other files than were approved: {names}"
    received = _received(each).sha256()
    wanted = (decisions.c.draft == each.draft.id) & (decisions.c.kind == "approve")
    given = conn.execute(select(decisions).where(wanted)).all()
    if not given:
        yield f"I2: nobody approved {told}"
    for decision in given:
        if decision.draft_sha256 != received:
            yield f"I2: {told} has another text than decision {decision.id} approved"
        if decision.at > each.send.began_at:
            yield f"I2: {told} went before decision {decision.id} approved it"


def _received(each: _Accepted) -> Letter:
    """The letter as it can be read off the mail; pay links go back into their slots."""
    message, letter = each.mail.message, each.draft.letter
    body = message.get_body(("plain",))
    assert body is not None
    text = str(body.get_content()).replace("\r\n", "\n").removesuffix("\n")
    for key in letters.pay_links_in(letter.body):
        text = PAY_LINK.sub(f"[pay link {key}]", text, count=1)
    return replace(
        letter,
        sender=str(message["From"]).replace('"', ""),
        reply_to=str(message["Reply-To"]),
        to=str(message["To"]),
        cc=each.mail.copied,
        subject=str(message["Subject"]).lstrip(),  # a long one is folded before its first word
        body=text,
    )


def _true(look: _Look, each: _Accepted) -> Iterator[str]:
    """I4 and I8: what it said stood in the ledger, and it went to an address we know."""
    told = f"mail {_id(each.mail)} of case {each.case.id}"
    handed = look.handed.get(_id(each.mail))
    since = each.mail.begun - LAST_LOOK if handed is None else handed
    until = each.mail.begun if handed is None else handed
    for stated in each.draft.letter.invoices:
        said = stated.open.amount, stated.due.isoformat()
        stood = look.books(each.case).stood(stated.id, since, until)
        if said not in stood:
            yield f"I4: {told} says {said} of invoice {stated.id}, the ledger said {stood}"
    if each.mail.recipient.lower() not in _known_addresses(look, each):
        yield f"I8: {told} went to {each.mail.recipient}, whom nobody knows"
    owner = carbon_copies.c.customer == each.case.customer
    chosen = set(look.conn.scalars(select(carbon_copies.c.address).where(owner)))
    if unchosen := set(each.mail.copied) - chosen:
        yield f"I8: {told} was copied to {unchosen}, whom nobody chose"
    if each.draft.letter.body != texts.GONE:
        untrue = set(_wrong(look, each)) - set(each.draft.violations)
        yield from (f"I8: {told} has an untrue text: {wrong}" for wrong in untrue)


def _known_addresses(look: _Look, each: _Accepted) -> set[str]:
    owner = addresses.c.customer == each.case.customer
    known = set(look.conn.scalars(select(addresses.c.address).where(owner)))
    tables = look.books(each.case).tables
    for invoice in each.draft.letter.invoices:
        found = tables["Invoice"].get(invoice.id, {})
        known.add(found.get("BillEmail", {}).get("Address", "").lower())
    billed = tables["Customer"].get(each.case.customer, {})
    return known | {billed.get("PrimaryEmailAddr", {}).get("Address", "").lower()}


def _wrong(look: _Look, each: _Accepted) -> list[str]:
    draft, case = each.draft, each.case
    facts = assessments.facts_of_case(look.conn, case, look.now)
    past = history.past(look.conn, case.company, case.customer)
    policy, letter = look.policy.for_company(case.company), draft.letter
    found = verify(letter, facts, policy, past, deadline=draft.deadline, marked=draft.marked)
    return [violation.sentence for violation in found]


def _silent(conn: Connection) -> Iterator[str]:
    """I3: each approval that was given has an end, or an hour at which it is looked at."""
    for row in conn.execute(select(cases_table)):
        case = cases.of_row(row)
        actions = [line.fields["action"] for line in log.lines(conn, case=case.id)]
        if "approval.given" in actions:
            after = actions[len(actions) - actions[::-1].index("approval.given") :]
            waits = case.state is State.APPROVED and row.due_at and case.lapses_at
            if not waits and not set(after) & set(ENDINGS):
                yield f"I3: case {case.id} ({case.state}) fell silent after its approval: {actions}"
        if case.state not in OPEN and case.state is not State.SENT and not row.closed_at:
            yield f"I3: case {case.id} is {case.state}, and nobody knows since when"
        if case.state is State.SENDING and not row.due_at:
            yield f"I3: nobody will look at case {case.id} any more, which is being sent"
        if case.state is State.APPROVED and not case.lapses_at:
            yield f"I3: the approval of case {case.id} never lapses"


def _one_note_each(look: _Look) -> Iterator[str]:
    """I5: a note for a sent letter, word for word, and never two."""
    conn = look.conn
    kept = conn.execute(select(notes)).all()
    known = {row.text for row in kept}
    for realm in (one.realm for one in companies.all_of_them(conn)):
        outside = look.outside.quickbooks.realms[realm]
        yield from (f"I5: {realm} refused {write}" for write in outside.refused_writes)
        for (text, about), count in Counter(_note(note) for note in outside.notes).items():
            if count > 1:
                yield f"I5: {count} notes in {realm} about {about} with the same text: {text[:60]}"
            if text not in known:
                yield f"I5: a note in {realm} about {about} is not on record: {text[:60]}"
    for row in kept:
        begun = attempts.alive(conn, row.case_id)
        if begun is None or begun.state not in attempts.ACCEPTED:
            yield f"I5: note {row.id} of case {row.case_id} without a mail that was sent"
        if row.text != drafts.draft(conn, row.draft).letter.note:
            yield f"I5: note {row.id} of case {row.case_id} is not the one that was approved"


def _note(note: Any) -> tuple[str, tuple[str, ...]]:
    return note["Note"], tuple(ref["EntityRef"]["value"] for ref in note["AttachableRef"])


def _cards_as_recorded(look: _Look) -> Iterator[str]:
    """I6: each row once in Slack, and a card that nobody is about to redraw is up to date."""
    there = [m for m in look.outside.slack.space.messages if not m.deleted and m.metadata]
    keys = Counter(_key(message) for message in there)
    yield from (f"I6: message {key} was posted {n} times" for key, n in keys.items() if n > 1)
    names, books = people.names(look.conn), look.outside.settings()["QBO_APP_URL"]
    shown = {_key(message): message.text for message in there}
    drawn = (messages.c.kind == "card") & messages.c.ts.is_not(None)
    for row in look.conn.execute(select(messages).where(drawn)):
        if row.id not in shown or (row.due_at and row.due_at <= look.now):
            continue  # deleted by a person, or on its way
        view = picture.case_view(
            look.conn, look.policy.for_company(row.company), row.case_id, look.now
        )
        drawn_now = (
            card(view, look.now, people=names, books=books),
            plain(view, look.now, people=names),
        )
        if shown[row.id] not in {one.text for one in drawn_now}:
            yield f"I6: the card of case {row.case_id} shows something else than the record says"


def _key(message: Any) -> str:
    return str(message.metadata["event_payload"]["card_id"])


def _log_is_whole(conn: Connection) -> Iterator[str]:
    """I7: the chain verifies, and each move of a case has exactly one line."""
    _, broken = log.verify(conn)
    yield from (f"I7: the log is broken: {row}" for row in broken)
    for row in conn.execute(select(cases_table.c.id, cases_table.c.version)):
        lines = log.lines(conn, case=row.id)
        told = [line.fields["data"].get("version") for line in lines]
        versions = [version for version in told if version is not None]
        if versions != list(range(2, row.version + 1)):
            yield f"I7: case {row.id} is at version {row.version}, its log tells of {versions}"
    for line in log.lines(conn):
        if "@customer" in json.dumps(line.fields):
            yield f"I9: an address in the decision log: {line.body}"


def _too_long_for_postgresql(conn: Connection) -> Iterator[str]:
    """SQLite takes a value that is longer than its column; PostgreSQL would refuse the outcome."""
    if any(conn.execute(_any_too_long()).one()):
        rows = [row for query in _too_long() if (row := conn.execute(query).first())]
        yield f"rows that PostgreSQL would refuse: {rows}"


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


def _said_in_logs(conn: Connection, logs: str, secrets: Mapping[str, str]) -> Iterator[str]:
    """I9: what the processes wrote names neither a secret nor what a letter says."""
    if not logs:
        return
    for name, value in secrets.items():
        if SECRET.search(name) and value and value in logs:
            yield f"I9: the logs show {name}"
    for draft in conn.execute(select(sends.c.draft, sends.c.recipient).distinct()):
        letter = drafts.draft(conn, draft.draft).letter
        lines = [line for line in letter.body.splitlines() if len(line) > NOTABLE]
        if any(words in logs for words in (*lines, draft.recipient)):
            yield f"I9: the logs show a letter, or to whom it went (draft {draft.draft})"
