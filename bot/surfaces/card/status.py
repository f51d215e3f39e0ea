"""The status of a case: what its state means, who acted and when, and what comes next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.blockkit.blocks import TIME_ONLY, Block, date, person, text
from bot.blockkit.escaping import cap, one_line
from bot.surfaces import wording
from bot.surfaces.card.buttons import MOST_BODY, blocked, opens_later, whole
from bot.surfaces.card.reasons import held_as, rejected_as
from jobs.decide.verbs import Verb
from jobs.rules.case import Approvals, CaseView, Decision, HeldUp
from jobs.rules.gates.about_ledger import ON_ACCOUNT
from jobs.rules.rulings import Kind, Ruling, strictest
from jobs.rules.states import State

Line = list[Block]


@dataclass(frozen=True)
class Status:
    """`mark` is an emoji next to the words of `title`, never instead of them."""

    mark: str
    title: str
    lines: tuple[Line, ...] = ()


def status_of(view: CaseView, now: datetime) -> Status:
    """What the top of the card says about `view` at `now`."""
    return _STATUSES[view.state](view, now)


def _waiting(view: CaseView, now: datetime) -> Status:
    if view.letter is None or blocked(view):
        return _stopped(view)
    lines = [*_approvals(view, now), *_voided(view), *_too_long(view)]
    given = view.approvals.given if view.approvals else ()
    title = "Waiting for a second approval" if given else "Waiting for approval"
    return Status("📝", title, tuple(lines))


def _approvals(view: CaseView, now: datetime) -> list[Line]:
    asked = view.approvals
    if asked is None:
        return []
    lines = [[text(_who(asked))]]
    lines += [_acted("Approved", one) for one in asked.given]
    if asked.given:
        lines.append([text(f"Still needed: {missing(asked)}.")])
    return lines + ([_opening(view, asked)] if opens_later(view, now) else [])


def _who(asked: Approvals) -> str:
    if asked.needed > 1:
        one = ", one of them a finance lead" if asked.lead_needed else ""
        return f"{_number(asked.needed)} different people must approve{one}."
    return "A finance lead approves." if asked.lead_needed else "One person approves."


def missing(asked: Approvals) -> str:
    """Whose approval is still needed, as words: "a finance lead", "another person"."""
    lead = asked.lead_needed and not asked.lead_given
    if asked.missing > 1:
        among = ", one of them a finance lead" if lead else ""
        return f"{_number(asked.missing).lower()} more people{among}"
    return "a finance lead" if lead else "another person"


def _number(count: int) -> str:
    return {2: "Two", 3: "Three"}.get(count, str(count))


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
    return [
        [
            text(
                f"The message is longer than the {MOST_BODY:,} characters a card can show, so it "
                "cannot be approved here. Shorten it with Edit."
            )
        ]
    ]


def _stopped(view: CaseView) -> Status:
    if any(ruling.rule == "needs_a_look" for ruling in view.rulings):
        return Status("⚠️", "Needs a look", ([text(_AGAIN)], *_voided(view)))
    kind = strictest(view.rulings)
    mark, title = _STOPS.get(kind, _ON_ITS_WAY if view.allowed_anyway else _NO_DRAFT)
    if view.letter:
        mark, title = "⛔", "Stopped: this text cannot be sent"
    elif kind is Kind.NEVER:
        title = _cause(view.rulings)
    lines = _voided(view) + ([_until(view.rulings)] if kind is Kind.WAIT else [])
    return Status(mark, title, tuple(lines))


def _cause(rulings: Sequence[Ruling]) -> str:
    """Why nothing can be sent, as far as a rule alone says it; its reason is told below."""
    causes = (_CAUSES.get(r.rule) for r in rulings if r.kind is Kind.NEVER)
    return ": ".join(filter(None, ["Cannot be sent", next(filter(None, causes), "")]))


_CAUSES = {
    "no_recipient": "QuickBooks has no e-mail address",
    "several_recipients": "QuickBooks has several e-mail addresses",
    "address_not_in_ledger": "QuickBooks no longer has the confirmed address",
    "address_changed": "the e-mail address has changed",
    "address_bounced": "mail to the address came back",
    "address_left": "nobody reads the address any more",
    "wrong_contact": "wrong contact",
    "consumer": "private person",
    "do_not_chase": "do not chase",
    "hardship_wording": "insolvency, hardship or legal steps mentioned",
    "too_many_invoices": "too many invoices for one message",
}
_AGAIN = "It is tried again within the hour; press “Look again” to try now."
_NO_DRAFT = ("📝", "No draft yet")
_ON_ITS_WAY = ("⏳", "A draft is being prepared")
_STOPS: dict[Kind | None, tuple[str, str]] = {
    Kind.NEVER: ("⛔", "Cannot be sent"),
    Kind.STOP: ("⛔", "Stopped: no draft"),
    Kind.WAIT: ("⏳", "Waiting: no draft yet"),
}


def _until(rulings: Sequence[Ruling]) -> Line:
    ends = [ruling.until for ruling in rulings if ruling.until is not None]
    return [text("Until "), date(max(ends)), text(".")] if ends else [text("No date is set.")]


def _approved(view: CaseView, now: datetime) -> Status:
    lines = [*_approvers(view)]
    if view.held_up:
        lines.append([text(wording.HELD_UP[view.held_up])])
    elif view.send_at and view.last_error:
        lines.append([text("Not sent yet; next try "), date(view.send_at), text(".")])
    elif view.send_at:
        lines.append(_going(view, view.send_at, now))
    if view.last_error:
        lines.append(_told(f"Reason: {view.last_error}"))
    if view.held_up or view.last_error:
        lines.append([text("Undo is possible until it is sent.")])
    if view.last_error and view.lapses_at:
        lines.append([text("The approval lapses "), date(view.lapses_at), text(".")])
    return Status("⏳", "Approved", tuple(lines))


def _going(view: CaseView, send_at: datetime, now: datetime) -> Line:
    """When it is sent, and until when that can be undone."""
    verb, undo = "Shadow run starts " if view.shadow else "Sends ", view.undo_until
    if undo is None or now >= undo:
        return [text(verb), date(send_at), text(".")]
    if undo == send_at:
        return [text(f"{verb}at "), date(send_at, TIME_ONLY), text("; undo until then.")]
    return [text(verb), date(send_at), text("; undo until "), date(undo, TIME_ONLY), text(".")]


def _sending(view: CaseView, _now: datetime) -> Status:
    return Status("⏳", "Sending", tuple(_approvers(view)))


def _unknown(view: CaseView, _now: datetime) -> Status:
    ask = (
        "We cannot tell whether the message was sent. Please check the Sent folder or the mail "
        "server's log, then press “It was sent” or “It was not sent”. Nothing is sent again until "
        "then."
    )
    why = [_told(view.outcome.detail)] if view.outcome and view.outcome.detail else []
    return Status("⚠️", "Unknown: was it sent?", ([text(ask)], *why, *_approvers(view)))


def _sent(view: CaseView, _now: datetime) -> Status:
    return Status("✅", "Sent", (*_delivery(view), *_approvers(view), *_note(view)))


def _done(view: CaseView, _now: datetime) -> Status:
    title = "Sent, QuickBooks note written" if view.note_state == "written" else "Sent"
    return Status("✅", title, (*_delivery(view), *_approvers(view), *_note(view)))


def _delivery(view: CaseView) -> list[Line]:
    settled = _last(view, Verb.WENT)
    if settled:
        return [_acted("Confirmed as sent", settled)]
    if view.outcome is None or view.letter is None:
        return []
    to = one_line(view.letter.to)
    return [[text(f"Accepted by the mail server for {to}, "), date(view.outcome.at), text(".")]]


def _note(view: CaseView) -> list[Line]:
    words = _NOTE.get(view.note_state, "")
    detail = one_line(view.note_detail)
    if view.note_state == "written":
        words = "The QuickBooks note could not be taken back" if detail else ""
    if not words:
        return []
    lines = [_told(f"{words}: {detail}" if detail else words)]
    if view.last_error:
        lines.append(_told(f"It will be tried again: {view.last_error}"))
    return lines


_NOTE = {
    "": "The QuickBooks note follows",
    "kept": "The note is kept in our record and is not in QuickBooks",
    "failed": "The QuickBooks note could not be written",
    "taking_back": "The QuickBooks note is being taken back",
    "taken_back": "The QuickBooks note was taken back",
}
"""What happened to the note, if the title of the card does not say it."""


def _rejected(view: CaseView, _now: datetime) -> Status:
    made = _last(view, Verb.REJECT)
    if view.taken_up:
        again = _acted("Another address was confirmed", view.decisions[-1])
        return Status("◻️", "Rejected, then resumed", (again, *_ended(view)))
    words = rejected_as(made.reason if made else "", view.stage)
    title = f"Rejected: {_first_lower(words.label)}" if words.label else "Rejected"
    told = [_told(words.consequence)] if words.consequence else []
    lines = [_acted("Rejected", made)] if made else []
    return Status("↩️", cap(title, 200), (*lines, *told, *_ended(view)))


def _held(view: CaseView, _now: datetime) -> Status:
    if view.taken_up:
        lifted = _acted("Lifted", view.decisions[-1])
        return Status("◻️", "Hold lifted", (lifted, *_ended(view)))
    made = _last(view, *PUT_OFF)
    kind = f": {_kind(made).lower()}" if made and made.reason else ""
    return Status("⏸️", f"On hold{kind}", (*_put_off(made), *_ended(view)))


def _kind(made: Decision) -> str:
    if made.kind == Verb.REJECT:
        return "dispute"  # the only reason to reject that sets a hold
    return held_as(made.reason)


def _snoozed(view: CaseView, _now: datetime) -> Status:
    if any(ruling.kind is Kind.WAIT for ruling in view.rulings):
        return Status("⏳", "Waiting", (_until(view.rulings),))
    made = _last(view, *PUT_OFF)
    title = _payment(view) if made and made.kind == Verb.REJECT else "Snoozed"
    return Status("⏸️", title, (*_put_off(made), *_ended(view)))


def _payment(view: CaseView) -> str:
    applied = " to be applied" if any(r.rule in ON_ACCOUNT for r in view.rulings) else ""
    return f"Waiting for the payment{applied}"


def _cancelled(view: CaseView, _now: datetime) -> Status:
    if view.outcome and view.outcome.state == "shadow":
        told = "Everything was done except the e-mail and the QuickBooks note."
        return Status(
            "◻️", "Shadow run finished: nothing was sent", ([text(told)], *_approvers(view))
        )
    lines = _ended(view) or [[text("Nothing is due any more.")]]
    when = [[text("Closed "), date(view.closed_at), text(".")]] if view.closed_at else []
    return Status("◻️", "Closed: nothing to do", (*lines, *when, *_approvers(view)))


def _new(view: CaseView, _now: datetime) -> Status:
    if waits := [ruling for ruling in view.rulings if ruling.kind is Kind.WAIT]:
        return Status("⏳", "No card yet", (*(_told(r.reason) for r in waits), _until(waits)))
    if view.capped:
        told = "Today's limit of new cards is reached. Cases are ranked again every morning."
        return Status("⏳", "No card yet", ([text(told)],))
    stuck = view.held_up is HeldUp.NOT_CONNECTED
    lines = ([text(wording.HELD_UP[HeldUp.NOT_CONNECTED])],) if stuck else ()
    return Status("⏳", "Being prepared", lines)


_STATUSES: dict[State, Callable[[CaseView, datetime], Status]] = {
    State.NEW: _new,
    State.WAITING: _waiting,
    State.SNOOZED: _snoozed,
    State.APPROVED: _approved,
    State.SENDING: _sending,
    State.UNKNOWN: _unknown,
    State.SENT: _sent,
    State.DONE: _done,
    State.REJECTED: _rejected,
    State.HELD: _held,
    State.CANCELLED: _cancelled,
}


def _approvers(view: CaseView) -> list[Line]:
    given = view.approvals.given if view.approvals else ()
    return [_acted("Approved", one) for one in given]


PUT_OFF: dict[str, str] = {
    Verb.SNOOZE: "Snoozed",
    Verb.HOLD: "Held",
    Verb.REJECT: "Rejected",
    Verb.TAKEOVER: "Taken over",
}
"""What snoozed a case or put it on hold, as a word for the card."""


def _put_off(made: Decision | None) -> list[Line]:
    if made is None:
        return []
    said: dict[str, str] = {Verb.SNOOZE: made.reason, Verb.REJECT: rejected_as(made.reason).label}
    why = said.get(made.kind)
    lines = [_acted(PUT_OFF[made.kind], made), *([_told(why)] if why else [])]
    return [*lines, *_comment(made)]


def _comment(made: Decision | None) -> list[Line]:
    return [_told(made.comment)] if made and made.comment else []


def _ended(view: CaseView) -> list[Line]:
    return [_told(view.end_reason)] if view.end_reason else []


def _acted(verb: str, made: Decision) -> Line:
    who = text("Overdue itself") if made.actor.startswith("system") else person(made.actor)
    return [text(f"{verb} by "), who, text(", "), date(made.at), text(".")]


def _told(words: str) -> Line:
    return [text(cap(wording.sentence(one_line(words)), 1000))]


def _last(view: CaseView, *kinds: str) -> Decision | None:
    return next((made for made in reversed(view.decisions) if made.kind in kinds), None)


def _first_lower(words: str) -> str:
    return words[:1].lower() + words[1:]
