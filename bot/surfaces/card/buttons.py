"""Which buttons a card offers in each state; a button that does not apply is left out.

At most four in a row: the likely decision, Edit, Reject and ⋯. What resolves a stop stands beside
that stop.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from bot.blockkit import ids
from bot.blockkit.blocks import Block, button, confirm, option, overflow
from bot.blockkit.ids import (
    ALSO,
    AS_PAGE,
    CUSTOMER,
    ELSEWHERE,
    MORE,
    AboutCustomerButton,
    Binding,
)
from bot.surfaces import wording
from jobs.decide.verbs import Verb
from jobs.rules.case import CaseView
from jobs.rules.facts.addresses import is_address, ledger_addresses
from jobs.rules.gates.about_history import NEVER_EMAILED
from jobs.rules.gates.about_ledger import ON_ACCOUNT
from jobs.rules.gates.about_texts import NAME_LIKE_A_LINK, TO_READ
from jobs.rules.gates.heard import to_settle
from jobs.rules.plain import shortened
from jobs.rules.rulings import Kind, Ruling, disputing_holds, strictest
from jobs.rules.states import RejectReason, Stage, State

BY_ADDRESS = frozenset(
    {
        *("several_recipients", "address_not_in_ledger", "address_changed"),
        *("address_bounced", "address_left", "wrong_contact"),
    }
)
"""Rules that end when a person confirms one of the ledger's addresses."""

BY_PAYMENT = ON_ACCOUNT | {"paid_claim"}
"""Rules whose likely explanation is that it was paid."""

BY_HAND = frozenset(
    {
        *("above_stop_limit", "bank_details_mentioned", "dispute", "consumer", "do_not_chase"),
        *("hardship_wording", "too_many_invoices"),
    }
)
"""Rules that no new reading changes: somebody talks to the customer."""

MOST_OPTIONS = 5
ABOUT_CUSTOMER = "About this customer…"
PAGE = "As a page"
OPEN_IN_QUICKBOOKS = "Open in QuickBooks"
MOST_BODY = 30_000
"""Characters of a letter that a card can show; what it cannot show cannot be approved on it."""


BY_VERB = {
    NAME_LIKE_A_LINK: Verb.CONFIRM_NAME,
    "promise_mentioned": Verb.PROMISE,
    "plan_request": Verb.PLAN,
    **dict.fromkeys(TO_READ, Verb.HAVE_READ),
}
"""Gates that a verb of their own settles."""


def buttons(view: CaseView, now: datetime, link: str = "") -> list[Block]:
    """The elements below the card; empty if nothing is left to do.

    `link` is where the invoice is in QuickBooks.
    """
    if view.state is State.WAITING:
        return _draft(view, now, link) if view.letter else _stopped(view, link)
    if view.state is State.APPROVED:
        return _undo(view, now)
    if view.state is State.UNKNOWN:
        return [_make(view, Verb.WENT), _make(view, Verb.DID_NOT_GO)]
    if view.state in (State.SENT, State.DONE):
        return _sent(view, link)
    if view.state is State.REJECTED and not view.taken_up:
        return _rejected(view)
    if view.state is State.HELD and not view.taken_up:
        return [_make(view, Verb.LIFT, "Lift the hold")]
    return [_make(view, Verb.LOOK_AGAIN)] if view.state is State.SNOOZED else []


def ways_out(view: CaseView) -> dict[str, Block]:
    """The button that resolves a ruling, by its fingerprint; each button once."""
    if view.state is not State.WAITING:
        return {}
    stops = [] if view.letter else _stops(view)
    gates = [r for r in view.rulings if r.rule in BY_VERB]
    first = {_resolving(view, ruling): ruling for ruling in reversed([*stops, *gates])}
    return {
        ruling.fingerprint: _make(view, verb, asks=_TAKEOVER if verb is Verb.TAKEOVER else None)
        for verb, ruling in first.items()
    }


def _stops(view: CaseView) -> list[Ruling]:
    return [r for r in view.rulings if r.kind in (Kind.NEVER, Kind.STOP)]


def _resolving(view: CaseView, ruling: Ruling) -> Verb:
    if ruling.rule in BY_VERB:
        return BY_VERB[ruling.rule]
    if ruling.rule in BY_PAYMENT:
        return Verb.WAS_PAID
    if ruling.rule in BY_ADDRESS and addresses(view):
        return Verb.CONFIRM_ADDRESS
    if disputing_holds([ruling]):
        return Verb.LIFT
    return Verb.TAKEOVER if ruling.rule in BY_HAND else Verb.LOOK_AGAIN


def whole(view: CaseView) -> bool:
    """Whether the card can show the whole letter."""
    return view.letter is None or len(view.letter.body) <= MOST_BODY


def blocked(view: CaseView) -> bool:
    """Whether a rule forbids the message, even if there is a text to be corrected."""
    return strictest(view.rulings) in (Kind.NEVER, Kind.STOP)


def addresses(view: CaseView) -> list[str]:
    """The ledger's own addresses that a person may confirm."""
    return [one for one in ledger_addresses(view.facts) if is_address(one)]


def fired(view: CaseView, rules: frozenset[str]) -> bool:
    """Whether there is a stop or never with one of these names."""
    return any(r.rule in rules for r in _stops(view))


def gated(view: CaseView, rule: str) -> bool:
    """Whether there is a gate with this name."""
    return any(ruling.rule == rule for ruling in view.rulings)


def opens_later(view: CaseView, now: datetime) -> bool:
    """Whether approval waits for the account manager."""
    return view.approvals is not None and not view.approvals.open(now)


def binding(view: CaseView) -> Binding:
    """What every button of this card is bound to."""
    return Binding(view.id, view.draft_id, view.draft_hash, view.reply.id if view.reply else "")


def _draft(view: CaseView, now: datetime, link: str) -> list[Block]:
    may_go = whole(view) and not blocked(view)
    if may_go and opens_later(view, now):
        made = [_make(view, Verb.FINE)]
    else:
        made = [_approve(view)] if may_go else []
    made += [_make(view, Verb.EDIT), _make(view, Verb.REJECT)]
    return [*made, _more(view, [Verb.HOLD, Verb.SNOOZE, Verb.ASSIGN, Verb.TAKEOVER], link)]


def _stopped(view: CaseView, link: str) -> list[Block]:
    beside = {one["action_id"] for one in ways_out(view).values()}
    made = [] if Verb.TAKEOVER in beside else [_make(view, Verb.TAKEOVER, asks=_TAKEOVER)]
    if strictest(view.rulings) is Kind.STOP:
        made.append(_make(view, Verb.DRAFT_ANYWAY))
    more = [] if Verb.LOOK_AGAIN in beside else [Verb.LOOK_AGAIN]
    if to_settle(_stops(view), view.evidence):
        if strictest(view.rulings) is Kind.NEVER:
            made.append(_make(view, Verb.SETTLE))
        else:
            more.insert(0, Verb.SETTLE)
    return [*made, _make(view, Verb.REJECT), _more(view, [*more, Verb.HOLD, Verb.ASSIGN], link)]


def _sent(view: CaseView, link: str) -> list[Block]:
    done = view.state is State.DONE
    told = any(one.kind == Verb.WAS_WRONG for one in view.decisions)
    verbs = [Verb.WAS_WRONG] if done and not told else []
    verbs += [Verb.TAKE_BACK] if done and view.note_state == "written" else []
    return [_more(view, verbs, link)]


def _more(view: CaseView, verbs: Iterable[Verb], link: str) -> Block:
    """The menu behind ⋯. Slack takes five entries: what does not fit is behind the last one."""
    bound = binding(view)
    options = [option(verb.row.button, ids.choice(verb, bound)) for verb in verbs]
    rest = [option(ABOUT_CUSTOMER, f"{CUSTOMER} {about(view).encode()}")]
    rest += [option(PAGE, ids.choice(AS_PAGE, bound))]
    rest += [option(OPEN_IN_QUICKBOOKS, ELSEWHERE, link)] if link else []
    if len(options) + len(rest) > MOST_OPTIONS:
        rest = [option("More…", ids.choice(ALSO, bound))]
    return overflow(MORE, [*options, *rest])


def about(view: CaseView) -> AboutCustomerButton:
    """What a button about the customer of this case is bound to."""
    return AboutCustomerButton(view.facts.company.id, view.facts.customer.id)


def _approve(view: CaseView) -> Block:
    asks = _confirm(view) if _delicate(view) else None
    return _make(view, Verb.APPROVE, _approval(view), style="primary", asks=asks)


def _approval(view: CaseView) -> str:
    """Only the last approval that is needed sends anything."""
    asked = view.approvals
    if asked and asked.missing > 1:
        return f"Approve, {len(asked.given) + 1} of {asked.needed}"
    return "Approve (nothing is sent)" if view.shadow else Verb.APPROVE.row.button


def _delicate(view: CaseView) -> bool:
    """Everywhere else the undo window is the safeguard."""
    two = view.approvals is not None and view.approvals.needed > 1
    return two or view.stage >= Stage.FIRM or bool(view.edited_by) or gated(view, NEVER_EMAILED)


def _confirm(view: CaseView) -> Block:
    assert view.letter is not None
    # 300 characters: the name and the address leave room for each other and for the amount
    name = shortened(view.facts.customer.name, 100)
    to = shortened(view.letter.to, 120)
    amount = wording.money(view.facts.asked)
    words = f"To {to}, for {name}: {amount} due, {wording.stage(view.stage)}."
    received = _RECEIVED if gated(view, NEVER_EMAILED) else ""
    said = " ".join(filter(None, [words, received, _follows(view)]))
    return confirm("Approve this message?", said, "Approve", "Not yet")


def _follows(view: CaseView) -> str:
    """What this approval will do."""
    if view.shadow:
        return "Nothing is sent: the company is in shadow mode."
    asked = view.approvals
    if asked and asked.missing > 1:
        return "It is sent once another person has approved it too."
    return "This is the last approval needed." if asked and asked.given else ""


_RECEIVED = "QuickBooks never e-mailed one of the invoices: did the customer get it?"
_TAKEOVER = confirm(
    "Handle it yourself?",
    "The customer is put on hold in your name, and the case leaves the list. To resume it, press "
    "“Lift the hold” on this card.",
    "I'll handle it",
    "Not now",
)


def _rejected(view: CaseView) -> list[Block]:
    """The undo button of a rejection, until something else has happened."""
    wrong = view.decisions and view.decisions[-1].reason == RejectReason.WRONG_CONTACT
    made = [_make(view, Verb.UNDO)] if view.may_return else []
    if wrong and view.may_return and addresses(view):
        made.append(_make(view, Verb.CONFIRM_ADDRESS))
    return made


def _undo(view: CaseView, now: datetime) -> list[Block]:
    """In its window, and as long as something keeps the message from going."""
    in_time = view.undo_until is not None and now < view.undo_until
    waits = view.held_up is not None or view.last_error
    return [_make(view, Verb.UNDO)] if in_time or waits else []


def _make(
    view: CaseView, verb: Verb, label: str = "", *, style: str = "", asks: Block | None = None
) -> Block:
    label = label or verb.row.button
    says = f"{label}: case {view.id}, {view.facts.customer.name}"
    value = binding(view).encode()
    return button(verb, label, value, style=style, says=says, confirm=asks)
