"""The record was brought back from a backup: what it says may have been overtaken since.

Its approvals may have become mails, its notes may stand in QuickBooks, its lines may stand in
Slack. So sending pauses, a person says what became of each approved message, and whatever else may
have been done is looked for before it is done.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from jobs.approvals import unknown
from jobs.mail import compose
from jobs.mail.addresses import named
from jobs.pipeline import AT_CONNECTION
from jobs.rules.case import Decided, Decision
from jobs.rules.figures import day
from jobs.rules.states import State
from jobs.store import cases, companies, drafts, log, outbox, sends, work
from jobs.store.cases import Case, Move
from jobs.store.companies import ConnectedCompany
from jobs.store.customers import families
from jobs.store.outbox import MessageKind

ACTOR = "system:restored"
ACTION = "company.restored"
PERHAPS_GONE = "The record was brought back from a backup that was made before it was sent."


@dataclass(frozen=True)
class Restored:
    """What a person has to look after in one company."""

    company: ConnectedCompany
    last: datetime
    """When the last thing on record happened (UTC); whatever was done later is not known."""
    doubtful: tuple[tuple[str, str], ...] = ()
    """The case and the customer's name of each message that may have gone since."""
    waiting: int = 0
    """How many messages wait for approval and may have been approved and sent since."""
    before: bool = False
    """This was called before, and nothing has happened since: nothing was changed."""


def restored(conn: Connection, company: ConnectedCompany, now: datetime) -> Restored:
    """Take back what the record knows for certain; no process may be running.

    Called again before anything else has happened, it changes nothing.
    """
    realm, last = company.realm, log.last(conn, company.realm)
    at = datetime.fromisoformat(last.fields["at"]) if last else company.connected_at
    if last and last.fields["action"] == ACTION:
        return Restored(company, at, before=True)
    if company.paused_at is None:
        companies.change(conn, realm, paused_at=now, paused_by=ACTOR)
    outbox.doubt(conn, realm, now)
    sends.doubt_notes(conn, realm)
    drafts.doubt_copies(conn, realm, now)
    approved = cases.in_states(conn, realm, State.APPROVED, State.SENDING)
    real = [case for case in approved if not case.shadow]
    names = families.names(conn, realm, [case.customer for case in real])
    doubtful = tuple((case.id, names.get(case.customer, "")) for case in real)
    for case in real:
        _perhaps_gone(conn, case, now)
    waiting = [c for c in cases.in_states(conn, realm, State.WAITING) if c.draft and not c.shadow]
    for case in waiting:
        _warn(conn, company, case, at, now)
    for kind in AT_CONNECTION:
        work.hurry(conn, realm, kind, now)
    found = Restored(company, at, doubtful, len(waiting))
    _tell(conn, found, now)
    return found


def _perhaps_gone(conn: Connection, case: Case, now: datetime) -> None:
    """Nobody can tell whether the mail went. It counts as a contact until a person has said so."""
    assert case.draft is not None
    draft = drafts.draft(conn, case.draft)
    letter = draft.letter
    if case.state is State.APPROVED:
        domain = named(letter.sender).domain
        sends.begin(
            conn,
            case.id,
            draft.id,
            secrets.token_hex(16),
            now,
            cc=letter.cc,
            message_id=compose.message_id(case.id, draft.sha256, domain),
            recipient=letter.to.lower(),
            bytes_sha256="",
            attachments=[],
            ended_at=now,  # its sender is no longer running
        )
    sends.abandon(conn, case.id, PERHAPS_GONE)
    unknown(conn, case, draft, now)


def _warn(
    conn: Connection, company: ConnectedCompany, case: Case, last: datetime, now: datetime
) -> None:
    """The card says, with this draft and the next ones, that it may have been sent meanwhile."""
    there = last.astimezone(company.zone)
    why = (
        f"The record was brought back from a backup; its last entry is of {day(there.date())}, "
        f"{there:%H:%M}. If this message was approved and sent after that, it is not on record: "
        "look into the Sent folder before you approve it."
    )
    move = Move(State.WAITING, "case.restored", ACTOR, now)
    if cases.move(conn, case, move, now, end_reason=why):
        decision = Decision(Decided.RESTORED, ACTOR, now, why)
        drafts.record(conn, case, decision, None, "")


def _tell(conn: Connection, found: Restored, now: datetime) -> None:
    """The channel, and the log, whose last line of this company this is."""
    company = found.company
    ids = [case for case, _ in found.doubtful]
    data = {
        "last": found.last.isoformat(),
        "doubtful": [{"case": case, "customer": name} for case, name in found.doubtful],
        "waiting": found.waiting,
    }
    key = f"{ACTION}:{company.realm}:{now.isoformat()}"
    outbox.say(conn, company, MessageKind.RESTORED, key, data, now)
    said = {"last": found.last, "doubtful": ids, "waiting": found.waiting}
    log.note(conn, log.Entry(company.realm, ACTION, ACTOR, now, data=said))
