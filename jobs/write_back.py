"""The note in QuickBooks: one Attachable on every invoice of the letter.

It is written after the mail is out, with a request id derived from what was approved, so that
repeating it after a lost connection returns the first result; and as nobody knows how long Intuit
remembers a request id, a note that may be there is looked for before it is written. If the books
are closed or read-only, the note stays in our own database only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from jobs.engine.services import Services
from jobs.engine.step import Round, Step
from jobs.rules.case import Decided
from jobs.rules.plain import shortened
from jobs.rules.states import State
from jobs.store import cases, companies, outbox, sends, work
from jobs.store import drafts as draft_store
from jobs.store.cases import Case, Move
from jobs.store.outbox import MessageKind
from jobs.store.services import outages
from jobs.store.work import LEASE, Claim
from qbo.errors import (
    BooksClosed,
    PoisonedPage,
    QuickBooksError,
    ReadOnly,
    ReauthRequired,
    Unreachable,
)
from qbo.pacing import boot_time

ACTOR = "system:write_back"
OUTAGE = tuple(timedelta(minutes=m) for m in (1, 10, 60, 240, 720))
"""The pauses while QuickBooks is away: seventeen hours in all, then a person takes over."""
HELD_UP = "The process that writes the note was held up for too long."
PERHAPS = "It may have worked all the same: check QuickBooks first."


def step(services: Services) -> Step:
    """The write-back step. It runs even while a company is paused: the mail is already out."""
    return Step(
        name="write_back",
        table=work.CASES,
        ready=sends.note_pending(),
        load=lambda conn, claim, now: _load(services, conn, claim, now),
        give_up=_give_up,
        width=4,
    )


def _load(services: Services, conn: Connection, claim: Claim, now: datetime) -> Round | None:
    begun = boot_time()
    if not work.renew(conn, claim, now):
        return None  # this process was frozen, and another one has taken over the note
    case = cases.of_row(claim.row)
    note = cases.note_of(conn, case.id)
    assert note is not None
    if note.state == "taking_back":
        return TakeBack(services, case, note)
    company = companies.need(conn, case.company)
    if company.read_only:
        _conclude(conn, case, "kept", "the QuickBooks subscription is read-only", now)
        return None
    perhaps_there = note.state == sends.UNSURE or claim.attempts > 1
    return Write(services, case, note, begun, perhaps_there)


@dataclass(frozen=True)
class Kept:
    """QuickBooks does not accept the note; ours stays."""

    reason: str
    lapsed: bool = False


@dataclass(frozen=True)
class NoteRefused:
    """QuickBooks said no for good."""

    reason: str


@dataclass(frozen=True)
class BooksAway:
    """QuickBooks is away; the request may have been carried out."""

    reason: str


@dataclass(frozen=True)
class Write:
    """Attach the note."""

    services: Services
    case: Case
    note: Any
    begun: float
    """When the claim was last known to be ours, by `boot_time`."""
    perhaps_there: bool = False
    """An earlier attempt may have written it."""

    def act(self) -> str | Kept | NoteRefused | BooksAway:
        """The Attachable's id, or why there is none. Raises QuickBooksError.

        A process that was frozen for longer than its lease writes nothing: Intuit does not say
        how long QuickBooks remembers a request id, so a note that another process has written,
        or that was taken back since, might be written a second time.
        """
        if boot_time() - self.begun >= LEASE.total_seconds():
            return BooksAway(HELD_UP)
        quickbooks = self.services.quickbooks(self.case.company)
        text, invoices = self.note.text, self.note.invoices
        try:
            there = quickbooks.find_note(text, invoices[0]) if self.perhaps_there else ""
            return there or quickbooks.attach_note(text, invoices, self.note.request_id)
        except (BooksClosed, ReadOnly) as error:
            return Kept(str(error), lapsed=isinstance(error, ReadOnly))
        except QuickBooksError as error:
            return _setback(error)

    def settle(
        self,
        conn: Connection,
        claim: Claim,
        outcome: str | Kept | NoteRefused | BooksAway,
        now: datetime,
    ) -> None:
        """Record what happened to the note; the case is done unless QuickBooks is away."""
        match outcome:
            case BooksAway():
                _put_off(conn, claim, self.case, outcome, now)
            case Kept():
                if outcome.lapsed:
                    outages.lapse(conn, self.case.company, now)
                _conclude(conn, self.case, "kept", outcome.reason, now)
            case NoteRefused():
                _conclude(conn, self.case, "failed", outcome.reason, now)
            case attachable:
                _conclude(conn, self.case, "written", "", now, attachable)


@dataclass(frozen=True)
class TakeBack:
    """Remove exactly the Attachable that we wrote; one already gone counts as removed."""

    services: Services
    case: Case
    note: Any

    def act(self) -> NoteRefused | BooksAway | None:
        """None when it is gone. Raises QuickBooksError."""
        try:
            self.services.quickbooks(self.case.company).delete_note(self.note.attachable)
        except QuickBooksError as error:
            return _setback(error)
        return None

    def settle(
        self, conn: Connection, claim: Claim, outcome: NoteRefused | BooksAway | None, now: datetime
    ) -> None:
        """Show on the card that the note is gone, or why it is not."""
        match outcome:
            case BooksAway():
                _put_off(conn, claim, self.case, outcome, now)
            case NoteRefused():
                _still_there(conn, self.case, outcome.reason, now)
            case None:
                data = {"note": "taken_back", "attachable": self.note.attachable}
                move = Move(State.DONE, "note.taken_back", ACTOR, data=data)
                if cases.move(conn, self.case, move, now):
                    sends.conclude_note(conn, self.case.id, "taken_back", now, detail="")


def _setback(error: QuickBooksError) -> NoteRefused | BooksAway:
    """What this error means for a note; errors that every step handles alike are raised again."""
    if isinstance(error, Unreachable | PoisonedPage):
        return BooksAway(str(error))
    if not error.permanent or isinstance(error, ReauthRequired):
        raise error
    return NoteRefused(str(error))


def _put_off(conn: Connection, claim: Claim, case: Case, later: BooksAway, now: datetime) -> None:
    """Count the attempt and wait longer each time: the mail is out, so there is no hurry."""
    pause = OUTAGE[min(claim.attempts, len(OUTAGE)) - 1]
    told = shortened(later.reason, 300)
    if work.settle(conn, claim, now + pause, last_error=told, attempts=claim.attempts):
        cases.redraw(conn, case.id, now)


def _still_there(conn: Connection, case: Case, why: str, now: datetime) -> None:
    """Keep the note as it was, and tell the person who wanted it removed."""
    move = Move(State.DONE, "note.not_taken_back", ACTOR, data={"note": "written"})
    if not cases.move(conn, case, move, now):
        return
    sends.conclude_note(conn, case.id, "written", now, detail=why)
    asked = [d.actor for d in draft_store.decided(conn, case.id) if d.kind == Decided.TAKE_BACK]
    told = {"called": asked[-1:], "reason": why}
    outbox.say(conn, case, MessageKind.NOTE_KEPT, f"still_there:{case.version}", told, now)


def _conclude(
    conn: Connection, case: Case, state: str, detail: str, now: datetime, attachable: str = ""
) -> None:
    assert case.draft is not None
    text = draft_store.draft(conn, case.draft).letter.note
    data = {"note": state, "attachable": attachable}
    if not cases.move(conn, case, Move(State.DONE, f"note.{state}", ACTOR, data=data), now):
        return
    sends.conclude_note(conn, case.id, state, now, detail=detail, attachable=attachable)
    if state == "failed":
        told = {"reason": detail, "note": text}
        outbox.say(conn, case, MessageKind.NOTE_FAILED, "note", told, now)


def _give_up(conn: Connection, claim: Claim, now: datetime) -> None:
    """Nothing is sent again, since the mail is out: a person takes care of the note."""
    case = cases.of_row(claim.row)
    doubt = f" {PERHAPS}" if claim.hopeless else ""
    why = f"Given up{claim.tried}. {case.last_error}{doubt}"
    if case.state is State.DONE:
        _still_there(conn, case, why, now)
    else:
        _conclude(conn, case, "failed", why, now)
