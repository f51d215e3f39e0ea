"""The status of a case: what its state means, who acted and when, and what comes next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.blockkit.blocks import TIME_ONLY, Block, date, person, text
from bot.blockkit.escaping import cap, one_line
from bot.surfaces import wording
from bot.surfaces.card.buttons import MOST_BODY, blocked, opens_later, whole
from bot.surfaces.card.parts import Line, ShownTo, dotted
from bot.surfaces.card.reasons import held_as, rejected_as
from jobs.decide.verbs import DECISIONS, Verb
from jobs.rules.case import Approvals, CaseView, Decision, HeldUp
from jobs.rules.facts.evidence import BOUNCE
from jobs.rules.gates.about_ledger import ON_ACCOUNT
from jobs.rules.plain import lower_first
from jobs.rules.rulings import Kind, Ruling, strictest
from jobs.rules.states import State


@dataclass(frozen=True)
class Status:
    """`mark` is an emoji next to the words of `title`, never instead of them."""

    mark: str
    title: str
    tail: tuple[Line, ...] = ()
    """What follows on the same line: who, when, what next."""
    lines: tuple[Line, ...] = ()
    """What has to be explained below it."""


def status_of(view: CaseView, now: datetime) -> Status:
    """What the top of the card says about `view` at `now`."""
    return _STATUSES[view.state](view, now)


def told(shown: Status, reader: ShownTo) -> str:
    """The status as escaped text, in sentences."""
    top = dotted([[text(shown.title)], *shown.tail])
    return " ".join(wording.sentence(reader.spoken(line)) for line in (top, *shown.lines))


def stands(view: CaseView, now: datetime, reader: ShownTo) -> str:
    """Where a case stands, as escaped text."""
    return told(status_of(view, now), reader)


def _waiting(view: CaseView, now: datetime) -> Status:
    if view.letter is None or blocked(view):
        return _stopped(view)
    lines = [*_approvals(view, now), *_voided(view), *_too_long(view)]
    return Status("📝", _awaited(view, now), _assigned(view), tuple(lines))


def _assigned(view: CaseView) -> tuple[Line, ...]:
    who = view.assigned_to
    return ([text("assigned to "), person(who)],) if who else ()


def _awaited(view: CaseView, now: datetime) -> str:
    """Whom the case waits for."""
    asked = view.approvals
    if asked is None or (asked.missing <= 1 and not asked.given and not asked.lead_needed):
        return "Waiting for the account manager" if opens_later(view, now) else _FOR_ONE
    if opens_later(view, now):
        return "Waiting for the account manager"
    if asked.given or asked.needed == 1:
        return f"Waiting for {missing(asked)}"
    return f"Waiting for {asked.needed} people{_AMONG if asked.lead_needed else ''}"


_FOR_ONE = "Waiting for approval"
_AMONG = ", one of them a finance lead"


def _approvals(view: CaseView, now: datetime) -> list[Line]:
    asked = view.approvals
    if asked is None:
        return []
    lines = [_acted("Approved", one) for one in asked.given]
    return lines + ([_opening(view, asked)] if opens_later(view, now) else [])


def missing(asked: Approvals) -> str:
    """Whose approval is still needed, as words: "a finance lead", "another person"."""
    lead = asked.lead_needed and not asked.lead_given
    if asked.missing > 1:
        return f"{asked.missing} more people{_AMONG if lead else ''}"
    return "a finance lead" if lead else "another person"


def _opening(view: CaseView, asked: Approvals) -> Line:
    manager = view.manager.user if view.manager else ""
    who = [person(manager)] if manager else [text("a finance lead")]
    line = [text("Approval opens when "), *who, text(f" presses “{Verb.FINE.row.button}”")]
    if asked.opens_at:
        line += [text(", or "), date(asked.opens_at), text(" at the latest")]
    return [*line, text(".")]


def _voided(view: CaseView) -> list[Line]:
    return [_told(view.end_reason)] if view.end_reason else []


def _too_long(view: CaseView) -> list[Line]:
    if whole(view):
        return []
    return [[text(_TOO_LONG)]]


_TOO_LONG = (
    f"The message is longer than the {MOST_BODY:,} characters a card can show, so it cannot be "
    "approved here. Shorten it with Edit."
)


def _stopped(view: CaseView) -> Status:
    if any(ruling.rule == "needs_a_look" for ruling in view.rulings):
        return Status("⚠️", "Needs a look", _assigned(view), ([text(_AGAIN)], *_voided(view)))
    kind = strictest(view.rulings)
    mark, title = _STOPS.get(kind, _ON_ITS_WAY if view.allowed_anyway else _NO_DRAFT)
    if view.letter:
        mark, title = "⛔", "Stopped: this text cannot be sent"
    elif kind is Kind.NEVER:
        title = _cause(view.rulings)
    lines = _voided(view) + ([_until(view.rulings)] if kind is Kind.WAIT else [])
    return Status(mark, title, _assigned(view), tuple(lines))


def _cause(rulings: Sequence[Ruling]) -> str:
    """Why nothing can be sent, as far as a rule alone says it; its reason is told below."""
    return f"Cannot be sent: {next(wording.rule(r.rule) for r in rulings if r.kind is Kind.NEVER)}"


_AGAIN = "It is tried again within the hour; press “Look again” to try now."
_NO_DRAFT = ("📝", "No draft yet")
_ON_ITS_WAY = ("⏳", "A draft is being prepared")
_STOPS: dict[Kind | None, tuple[str, str]] = {
    Kind.NEVER: ("⛔", "Cannot be sent"),
    Kind.STOP: ("⛔", "Stopped: no draft"),
    Kind.WAIT: ("⏳", "Waiting: no draft yet"),
}


def _until(rulings: Sequence[Ruling], word: str = "Until ") -> Line:
    ends = [ruling.until for ruling in rulings if ruling.until is not None]
    return [text(word), date(max(ends)), text(".")] if ends else [text("No date is set.")]


def _approved(view: CaseView, now: datetime) -> Status:
    late = view.held_up or view.last_error
    by = _by(view, "by ")
    tail = [by] if late or not view.send_at else [by, *_going(view, now)]
    lines: list[Line] = []
    if view.held_up:
        lines.append([text(wording.HELD_UP[view.held_up])])
    elif view.send_at and view.last_error:
        lines.append([text("Not sent yet; next try "), date(view.send_at), text(".")])
    if view.last_error:
        lines.append(_told(f"Reason: {view.last_error}"))
    if late:
        lines.append([text("Undo is possible until it is sent.")])
    if view.last_error and view.lapses_at:
        lines.append([text("The approval lapses "), date(view.lapses_at), text(".")])
    return Status("⏳", "Approved", tuple(tail), tuple(lines))


def _going(view: CaseView, now: datetime) -> list[Line]:
    """When it is sent, and until when that can be undone."""
    assert view.send_at is not None
    verb, undo = "shadow run starts " if view.shadow else "sends ", view.undo_until
    if undo is None or now >= undo:
        return [[text(verb), date(view.send_at)]]
    if undo == view.send_at:
        return [[text(f"{verb}at "), date(view.send_at, TIME_ONLY)], [text("undo until then")]]
    return [[text(verb), date(view.send_at)], [text("undo until "), date(undo, TIME_ONLY)]]


def _sending(view: CaseView, _now: datetime) -> Status:
    return Status("⏳", "Sending", (_by(view),))


def _unknown(view: CaseView, _now: datetime) -> Status:
    ask = (
        "We cannot tell whether the message was sent. Please check the Sent folder or the mail "
        "server's log, then press “It was sent” or “It was not sent”. Nothing is sent again until "
        "then."
    )
    why = [_told(view.outcome.detail)] if view.outcome and view.outcome.detail else []
    return Status("⚠️", "Unknown: was it sent?", (_by(view),), ([text(ask)], *why))


def _sent(view: CaseView, _now: datetime) -> Status:
    if view.outcome and view.outcome.state == BOUNCE and view.letter:
        told = [text(f"mail to {one_line(view.letter.to)} was returned, "), date(view.outcome.at)]
        lines = (_told("It counts as not delivered; a new case asks for another address."),)
        return Status("⛔", "Came back", (told,), (*lines, *_note(view)))
    tail = [*_delivery(view), _by(view), [text(_NOTE_SHORT.get(view.note_state, ""))]]
    return Status("✅", "Sent", tuple(filter(_says, tail)), tuple(_note(view)))


def _says(line: Line) -> bool:
    return any(piece.get("text", "x") not in ("", "–") for piece in line)


def _delivery(view: CaseView) -> list[Line]:
    """When; sent means that the mail server has accepted it."""
    settled = _last(view, Verb.WENT)
    if settled:
        return [_acted("confirmed", settled)[:-1]]
    if view.outcome is None:
        return []
    return [[date(view.outcome.at)]]


def _note(view: CaseView) -> list[Line]:
    """What went otherwise with the note than expected."""
    words, detail = _NOTE.get(view.note_state, ""), one_line(view.note_detail)
    if view.note_state == "written" and detail:
        words = "The QuickBooks note could not be taken back"
    lines = [_told(f"{words}: {detail}" if detail else words)] if words else []
    again = [_told(f"It will be tried again: {view.last_error}")] if view.last_error else []
    return [*lines, *again] if lines or view.note_state == "" else lines


_NOTE_SHORT = {
    "": "QuickBooks note follows",
    "written": "QuickBooks note written",
    "taken_back": "QuickBooks note taken back",
}
_NOTE = {
    "kept": "The note is kept in our record and is not in QuickBooks",
    "failed": "The QuickBooks note could not be written",
    "taking_back": "The QuickBooks note is being taken back",
}
"""What happened to the note, if that needs a line of its own."""


def _rejected(view: CaseView, _now: datetime) -> Status:
    made = _last(view, Verb.REJECT)
    if view.taken_up:
        again = _acted("another address was confirmed", view.decisions[-1])
        return Status("◻️", "Rejected, then resumed", (again[:-1],), tuple(_ended(view)))
    words = rejected_as(made.reason if made else "", view.stage)
    title = f"Rejected: {lower_first(words.label)}" if words.label else "Rejected"
    tail = [_who_and_when(made)] if made else []
    tail += [[text(lower_first(_clause(words.consequence)))]] if words.consequence else []
    return Status("↩️", cap(title, 200), tuple(tail), tuple(_ended(view)))


PUT_OFF = frozenset(kind for kind, words in DECISIONS.items() if words.by)
"""The decisions that snooze a case or put it on hold."""


def _held(view: CaseView, _now: datetime) -> Status:
    if view.taken_up:
        lifted = _who_and_when(view.decisions[-1])
        return Status("◻️", "Hold lifted", (lifted,), tuple(_ended(view)))
    made = _last(view, *PUT_OFF)
    kind = f": {_kind(made).lower()}" if made and made.reason else ""
    return _put_off(view, f"On hold{kind}", made)


def _kind(made: Decision) -> str:
    return DECISIONS[made.kind].holds or held_as(made.reason)


def _snoozed(view: CaseView, _now: datetime) -> Status:
    if any(ruling.kind is Kind.WAIT for ruling in view.rulings):
        waits = [r.reason for r in view.rulings if r.kind is Kind.WAIT]
        until = "; ".join(waits)
        return Status("⏳", "Waiting", (_until(view.rulings, "until ")[:-1],), (_told(until),))
    made = _last(view, *PUT_OFF)
    title = _payment(view) if made and made.kind == Verb.REJECT else "Snoozed"
    return _put_off(view, title, made)


def _payment(view: CaseView) -> str:
    applied = " to be applied" if any(r.rule in ON_ACCOUNT for r in view.rulings) else ""
    return f"Waiting for the payment{applied}"


def _cancelled(view: CaseView, _now: datetime) -> Status:
    if view.outcome and view.outcome.state == "shadow":
        told = "Everything was done except the e-mail and the QuickBooks note."
        title = "Shadow run finished: nothing was sent"
        return Status("◻️", title, (_by(view),), ([text(told)],))
    reason = _clause(view.end_reason) or "nothing is due any more"
    tail = [[text(reason)], *([[date(view.closed_at)]] if view.closed_at else []), _by(view)]
    return Status("◻️", "Closed: nothing to do", tuple(filter(_says, tail)))


def _new(view: CaseView, _now: datetime) -> Status:
    if waits := [ruling for ruling in view.rulings if ruling.kind is Kind.WAIT]:
        lines = (*(_told(r.reason) for r in waits), _until(waits))
        return Status("⏳", "No card yet", (), lines)
    if view.capped:
        told = "Today's limit of new cards is reached. Cases are ranked again every morning."
        return Status("⏳", "No card yet", (), ([text(told)],))
    stuck = view.held_up is HeldUp.NOT_CONNECTED
    lines = ([text(wording.HELD_UP[HeldUp.NOT_CONNECTED])],) if stuck else ()
    return Status("⏳", "Being prepared", (), lines)


_STATUSES: dict[State, Callable[[CaseView, datetime], Status]] = {
    State.NEW: _new,
    State.WAITING: _waiting,
    State.SNOOZED: _snoozed,
    State.APPROVED: _approved,
    State.SENDING: _sending,
    State.UNKNOWN: _unknown,
    State.SENT: _sent,
    State.DONE: _sent,
    State.REJECTED: _rejected,
    State.HELD: _held,
    State.CANCELLED: _cancelled,
}


def _by(view: CaseView, verb: str = "approved by ") -> Line:
    """Who approved it; empty if nobody has."""
    given = view.approvals.given if view.approvals else ()
    people = [piece for one in given for piece in (text(" and "), _actor(one))][1:]
    return [text(verb), *people] if people else []


def _put_off(view: CaseView, title: str, made: Decision | None) -> Status:
    """Who put it off and why, and until when."""
    if made is None:
        return Status("⏸️", title, (), tuple(_ended(view)))
    row = DECISIONS[made.kind]
    why = made.reason if made.kind == Verb.SNOOZE or row.holds else ""
    if made.kind == Verb.REJECT:
        why = lower_first(rejected_as(made.reason).label)
    tail = [[text(row.by), _actor(made), text(", "), date(made.at)]]
    until = lower_first(_clause(view.end_reason).removeprefix("On hold "))
    tail += [[text(words)] for words in (_clause(why), until) if words]
    lines = [_told(made.comment)] if made.comment else []
    return Status("⏸️", title, tuple(tail), tuple(lines))


def _ended(view: CaseView) -> list[Line]:
    return [_told(view.end_reason)] if view.end_reason else []


def _acted(verb: str, made: Decision) -> Line:
    return [text(f"{verb} by "), _actor(made), text(", "), date(made.at), text(".")]


def _who_and_when(made: Decision) -> Line:
    return [text("by "), _actor(made), text(", "), date(made.at)]


def _actor(made: Decision) -> Block:
    return text("Overdue itself") if made.actor.startswith("system") else person(made.actor)


def _told(words: str) -> Line:
    return [text(cap(wording.sentence(one_line(words)), 1000))]


def _clause(words: str) -> str:
    """A sentence as part of a line: without its full stop."""
    return cap(one_line(words), 500).removesuffix(".")


def _last(view: CaseView, *kinds: str) -> Decision | None:
    return next((made for made in reversed(view.decisions) if made.kind in kinds), None)
