"""What follows from one mail of a customer: its cases are looked at again, and its thread says so.

A mail that came back is no contact: its address is not used again, and its case goes on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from jobs import opening
from jobs.reasoning.cleaning import lines
from jobs.reasoning.phrases.dates import says_when
from jobs.reasoning.phrases.promised import Offer, offer
from jobs.reasoning.reading import quote, takes_back
from jobs.rules.facts.evidence import AUTOMATIC, BOUNCE, DELAY, Document, Reading, Stance
from jobs.rules.plain import shortened
from jobs.rules.policy.policy import Policy
from jobs.rules.replies import CustomerReply, ReplyKind, kind_of, stances_of
from jobs.store import assessments, cases, crossings, drafts, log, outbox
from jobs.store.cases import Case
from jobs.store.companies import ConnectedCompany
from jobs.store.customers import heard, history, replies
from jobs.store.outbox import MessageKind

ACTOR = "system:replies"


@dataclass(frozen=True)
class Noticed:
    """A mail, whose it is, and what was read in it."""

    customer: str
    document: Document
    readings: tuple[Reading, ...]
    failed: frozenset[str]
    """The addresses of this customer that do not work, according to mail that came back."""
    left: frozenset[str]
    """The addresses that nobody reads any more, according to their own automatic replies."""
    case: Case | None
    """The case in whose thread it belongs."""

    @property
    def by_machine(self) -> bool:
        return self.document.kind in (AUTOMATIC, BOUNCE, DELAY)

    def shown(self, stance: Stance, count: int = 1) -> str:
        """The line that says this, word for word; `count` lines if it may go on."""
        said = next((r for r in self.readings if r.stance is stance), None)
        return quote(self.document, said, count) if said else ""

    @property
    def quote(self) -> str:
        """The line that matters most, or else how the mail begins."""
        found = (self.shown(stance) for stance in stances_of(self.readings))
        beginning = shortened(" ".join(lines(self.document.text)[:3]), 300)
        return next(filter(None, found), beginning)


def take(
    conn: Connection, policy: Policy, company: ConnectedCompany, noticed: Noticed, now: datetime
) -> None:
    """Do once what this mail leads to; nothing if it was noticed before."""
    document, realm = noticed.document, company.realm
    case = replies.case_for(conn, realm, noticed.customer, document)
    reply = replies.record(
        conn,
        _reply(company, noticed, case),
        document.sha256,
        now,
    )
    if reply is None:
        return
    assessments.put_documents(conn, [document], now)
    heard.note(conn, reply, [document], noticed.readings, takes_back)
    _note(conn, reply, document.sha256, now)
    came_back = False
    if reply.kind is ReplyKind.BOUNCE and case:
        came_back = _came_back(conn, policy, company, case, noticed, now)
    if reply.kind not in (ReplyKind.AWAY, ReplyKind.DELAYED):
        cases.look_again(conn, realm, [noticed.customer], now)
    if case:
        _say(conn, case, reply, noticed, came_back, now)


def take_unread(
    conn: Connection, company: ConnectedCompany, noticed: Noticed, now: datetime
) -> None:
    """A mail that `take` failed at: its case looks for itself, and a person is told of the mail."""
    wordless = replace(noticed.document, text="", sender="", doubt="")
    bare = replace(noticed, document=wordless, readings=(), failed=frozenset())
    stances = stances_of(noticed.readings)  # a dispute in it has to be settled all the same
    case = replies.case_for(conn, company.realm, noticed.customer, wordless)
    sha256 = noticed.document.sha256
    told = replace(_reply(company, bare, case), kind=ReplyKind.NONE, stances=stances)
    reply = replies.record(conn, told, sha256, now)
    if reply is None:
        return
    _note(conn, reply, sha256, now)
    cases.look_again(conn, company.realm, [noticed.customer], now)
    if case:
        _say(conn, case, reply, bare, False, now)


def _reply(company: ConnectedCompany, noticed: Noticed, case: Case | None) -> CustomerReply:
    document = noticed.document
    stances = stances_of(noticed.readings)
    promised = _promised(company, noticed, case)
    return CustomerReply(
        id="",
        company=company.realm,
        customer=noticed.customer,
        document=document.id,
        kind=kind_of(document, stances, noticed.left),
        stances=stances,
        case=case.id if case else None,
        came_at=document.at,
        promised_on=promised.on,
        promised=promised.amount,
    )


def _promised(company: ConnectedCompany, noticed: Noticed, case: Case | None) -> Offer:
    line = noticed.shown(Stance.PROMISE)
    if not line or case is None:
        return Offer(None, None)
    if not says_when(line):
        line = noticed.shown(Stance.PROMISE, 2)
    return offer(line, company.today(noticed.document.at), company.country, case.currency)


def _came_back(
    conn: Connection,
    policy: Policy,
    company: ConnectedCompany,
    case: Case,
    noticed: Noticed,
    now: datetime,
) -> bool:
    """Whoever was written to has not been: what those cases crossed crosses again.

    False if only a copy came back: the message itself may have arrived.
    """
    failed = noticed.failed
    for address in sorted(failed):
        history.bounced(conn, case.company, case.customer, address, ACTOR, now)
    returned = replies.bounce(conn, case, noticed.document.answers, failed, now)
    for attempt in returned:
        crossings.release(conn, attempt.case_id, now)
        cases.redraw(conn, attempt.case_id, now)
    trigger = f"bounce:{noticed.document.id}"
    opening.open_cases(conn, policy, company, [case.customer], trigger, now)
    return bool(returned)


def _note(conn: Connection, reply: CustomerReply, sha256: str, now: datetime) -> None:
    data = {
        "reply": reply.id,
        "document": reply.document,
        "sha256": sha256,
        "kind": reply.kind,
        "stances": list(reply.stances),
    }
    log.note(conn, log.Entry(reply.company, "reply.noticed", ACTOR, now, reply.case, data))


def _say(
    conn: Connection,
    case: Case,
    reply: CustomerReply,
    noticed: Noticed,
    came_back: bool,
    now: datetime,
) -> None:
    """In the thread of the card, with the quoted line; whoever approved is called to decide."""
    latest = drafts.latest(conn, case.id)
    approved = drafts.decided_on(conn, latest.id, "approve") if latest else ()
    called = [decision.actor for decision in approved] if reply.unsettled else []
    data = {
        "reply": reply.id,
        "kind": reply.kind,
        "promised_on": reply.promised_on.isoformat() if reply.promised_on else "",
        "amount": str(reply.promised.amount) if reply.promised else "",
        "currency": case.currency,
        "sender": noticed.document.sender,
        "author": noticed.document.author,
        "quote": noticed.quote,
        "doubt": noticed.document.doubt,
        "failed": sorted(noticed.failed),
        "came_back": came_back,
        "called": called,
    }
    outbox.say(conn, case, MessageKind.REPLY, outbox.reply_key(reply.id), data, now)
