"""The note in QuickBooks: one Attachable on every invoice of the letter.

It is written after the mail is out, with a request id that derives from what was approved, so a
repetition after a cut is answered with the first result. Closed or read-only books keep the note
in our own record.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, exists, select

from jobs.office import Office
from jobs.rules.states import State
from jobs.step import Round, Step
from jobs.store import cases, companies, notes, posts, standing
from jobs.store import drafts as draft_store
from jobs.store.cases import Case, Move
from jobs.store.tables import cases as cases_table
from jobs.store.tables import companies as companies_table
from jobs.store.work import Claim
from qbo.errors import BooksClosed, QuickBooksError, ReadOnly, ReauthRequired

ACTOR = "system:write_back"


def step(office: Office) -> Step:
    """The write-back step. It goes on while a company is paused: the mail is out already."""
    return Step(
        name="write_back",
        table=cases_table,
        ready=_ready,
        load=lambda conn, claim, now: _load(office, conn, claim, now),
        give_up=_give_up,
        width=4,
    )


def _ready(_now: datetime) -> ColumnElement[bool]:
    connected = select(companies_table.c.realm).where(
        companies_table.c.realm == cases_table.c.company, companies_table.c.status == "connected"
    )
    return cases_table.c.state.in_((State.SENT, State.DONE)) & exists(connected)


def _load(office: Office, conn: Connection, claim: Claim, now: datetime) -> Round | None:
    case = cases.of_row(claim.row)
    note = cases.note_of(conn, case.id)
    assert note is not None
    if note.state == "taking_back":
        return TakeBack(office, case, note)
    company = companies.need(conn, case.company)
    if company.read_only:
        _conclude(conn, case, "kept", "the QuickBooks subscription is read-only", now)
        return None
    return Write(office, case, note)


@dataclass(frozen=True)
class Kept:
    """QuickBooks takes no note; ours stays."""

    reason: str
    lapsed: bool = False


@dataclass(frozen=True)
class Refused:
    """QuickBooks said no for good."""

    reason: str


@dataclass(frozen=True)
class Write:
    """Attach the note."""

    office: Office
    case: Case
    note: Any

    def act(self) -> str | Kept | Refused:
        """The Attachable's id. Raises QuickBooksError where trying again can help."""
        quickbooks = self.office.quickbooks(self.case.company)
        try:
            return quickbooks.attach_note(self.note.text, self.note.invoices, self.note.request_id)
        except (BooksClosed, ReadOnly) as error:
            return Kept(str(error), lapsed=isinstance(error, ReadOnly))
        except QuickBooksError as error:
            if not error.permanent or isinstance(error, ReauthRequired):
                raise
            return Refused(str(error))

    def settle(
        self, conn: Connection, claim: Claim, outcome: str | Kept | Refused, now: datetime
    ) -> None:
        """Write down what became of the note; the case is done either way."""
        match outcome:
            case Kept():
                if outcome.lapsed:
                    standing.lapse(conn, self.case.company, now)
                _conclude(conn, self.case, "kept", outcome.reason, now)
            case Refused():
                _conclude(conn, self.case, "failed", outcome.reason, now)
            case attachable:
                _conclude(conn, self.case, "written", "", now, attachable)


@dataclass(frozen=True)
class TakeBack:
    """Remove exactly the Attachable that we wrote; one that is gone already counts as removed."""

    office: Office
    case: Case
    note: Any

    def act(self) -> Refused | None:
        """Raises QuickBooksError where trying again can help."""
        try:
            self.office.quickbooks(self.case.company).delete_note(self.note.attachable)
        except QuickBooksError as error:
            if not error.permanent or isinstance(error, ReauthRequired):
                raise
            return Refused(str(error))
        return None

    def settle(
        self, conn: Connection, claim: Claim, outcome: Refused | None, now: datetime
    ) -> None:
        """Say on the card that the note is gone, or why it is not."""
        state, detail = ("written", outcome.reason) if outcome else ("taken_back", "")
        data = {"note": state, "attachable": self.note.attachable}
        action = "note.not_taken_back" if outcome else "note.taken_back"
        move = Move(State.DONE, action, ACTOR, data=data)
        if cases.move(conn, self.case, move, now):
            notes.conclude(conn, self.case.id, state, now, detail=detail)


def _conclude(
    conn: Connection, case: Case, state: str, detail: str, now: datetime, attachable: str = ""
) -> None:
    assert case.draft is not None
    text = draft_store.draft(conn, case.draft).letter.note
    data = {"note": state, "attachable": attachable}
    if not cases.move(conn, case, Move(State.DONE, f"note.{state}", ACTOR, data=data), now):
        return
    notes.conclude(conn, case.id, state, now, detail=detail, attachable=attachable)
    if state == "failed":
        channel = companies.need(conn, case.company).channel
        told, note = posts.escaped(detail), html.escape(text, quote=False)
        said = f"The note could not be written to QuickBooks: {told} Its text: {note}"
        posts.thread(conn, case.company, channel, case.id, "note", said, now)


def _give_up(conn: Connection, claim: Claim, now: datetime) -> None:
    """The mail is out, so nothing is sent again: a person sees to the note."""
    case = cases.of_row(claim.row)
    if case.state is State.DONE:
        cases.move(conn, case, Move(State.DONE, "note.not_taken_back", ACTOR), now)
        notes.conclude(conn, case.id, "written", now, detail=f"still there: {case.last_error}")
        return
    _conclude(conn, case, "failed", f"It was given up{claim.tried}. {case.last_error}", now)
