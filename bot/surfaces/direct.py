"""The direct message to an account manager: what their customers are about to read. Pure.

It needs no access to the finance channel. What is decided meanwhile shrinks to a line.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.blockkit.blocks import Block, actions, button, context, divider, section, stamp
from bot.blockkit.escaping import cap, mrkdwn, one_line
from bot.blockkit.ids import block_id
from bot.surfaces import wording
from bot.surfaces.card.amounts import title
from bot.surfaces.card.buttons import binding, buttons
from bot.surfaces.card.card import Card, story
from bot.surfaces.card.message import letter
from bot.surfaces.card.parts import Part, ShownTo
from bot.surfaces.card.status import status_of
from bot.surfaces.card.why import stops, why
from jobs.decide.verbs import Verb
from jobs.rules.case import CaseView
from jobs.rules.plain import lower_first
from jobs.rules.policy.rights import looks_after
from jobs.rules.states import State

MOST_BLOCKS = 45
"""Of the fifty that Slack takes; the rest is for the first line and for what does not fit."""
MOST_LINES = 20
"""How many cases that are decided, or do not fit, are named."""


@dataclass(frozen=True)
class Shown:
    """A case in the message, and the line of plain text that says the same."""

    blocks: Sequence[Block]
    said: str


def direct(
    views: Iterable[CaseView],
    person: str,
    now: datetime,
    people: Mapping[str, str],
    approves: Collection[str] = (),
) -> Card:
    """The message to this person about these cases, the first the most valuable.

    `approves` are the cases that the policy lets them approve themselves now.
    """
    found = list(views)
    asked = [view for view in found if _asked(view, person)]
    done = [view for view in found if not _asked(view, person)]
    may = {view.id: view.id in approves for view in asked}
    whole = (_whole(one, person, now, people, one is asked[0], may[one.id]) for one in asked)
    shown = _that_fit(list(whole))
    left = [_named(view) for view in asked[len(shown) :]]
    over = [f"{_named(view)}: {_said(view, person, now)}" for view in done]
    blocks = [section(_head(asked))]
    for one in shown:
        blocks += [divider(), *one.blocks]
    blocks += [context(_list("Also waiting, shown once these are done", left))] if left else []
    blocks += [context(_list("No longer waiting for you", over))] if over else []
    said = [_head(asked), *(one.said for one in shown), *left, *over]
    return Card(story(said), blocks)


def _asked(view: CaseView, person: str) -> bool:
    return view.state is State.WAITING and looks_after(person, view.manager)


def _head(asked: Sequence[CaseView]) -> str:
    """What waits for them: messages being prepared, and customers to whom none is."""
    drafts = sum(view.letter is not None for view in asked)
    stopped = len(asked) - drafts
    told = []
    if drafts:
        what = _counted(drafts, "message")
        told.append(f"*{what}* to your customers: nothing is sent before finance approves it.")
    if stopped:
        told.append(f"*{_counted(stopped, 'customer')}* of yours: no message for now.")
    return " ".join(told) or "Nothing waits for you here any more."


def _counted(count: int, what: str) -> str:
    return f"One {what}" if count == 1 else f"{count} {what}s"


def _that_fit(found: Sequence[Shown]) -> list[Shown]:
    """The first ones, as many as fit into one message."""
    shown: list[Shown] = []
    room = MOST_BLOCKS
    for one in found:
        room -= len(one.blocks) + 1
        if room < 0:
            break
        shown.append(one)
    return shown


def _whole(
    view: CaseView,
    person: str,
    now: datetime,
    people: Mapping[str, str],
    first: bool,
    may_approve: bool,
) -> Shown:
    reader = ShownTo(people, view.facts.company.zone)
    offered = {one["action_id"]: one for one in buttons(view, now)} if may_approve else {}
    approving = offered.get(Verb.APPROVE)
    told = _told(view, person, now, people) if approving is None else _YOURS
    reasons = [part for part in (stops(view, {}, reader), why(view, reader)) if part]
    made = [title(view), Part((section(told),), told), *reasons, *letter(view)]
    blocks = [block for part in made for block in part.blocks]
    row = _buttons(view, "" if first else f":{view.id}", approving)
    blocks.append(actions(row, block_id(f"direct-{view.id}", view.version)))
    return Shown(blocks, " ".join(part.said for part in made if part.said))


_YOURS = "You can approve it yourself. Edit or hold it if it should not go like this."


def _told(view: CaseView, person: str, now: datetime, people: Mapping[str, str]) -> str:
    """What this person's word is needed for, and until when."""
    if view.letter is None:
        return "No message is drafted while this stands. Can you resolve it with the customer?"
    asked = view.approvals
    if asked and asked.looks_good:
        name = mrkdwn(one_line(people.get(asked.looks_good, ""))) or "Somebody else"
        who = "You have" if asked.looks_good == person else f"{name} has"
        return f"{who} said that it looks good. It waits for finance to approve it."
    if asked and not asked.open(now):
        latest = f", or {stamp(asked.opens_at)}" if asked.opens_at else ""
        return f"Finance can approve it once you press *Looks good*{latest}."
    return "Finance can approve it already. Edit or hold it if it should not go like this."


def _buttons(view: CaseView, mark: str, approving: Block | None) -> list[Block]:
    """What this person can do; the card's own button (`approving`) if they may approve.

    `mark` tells the buttons of several cases apart: in a message each action id is unique.
    """
    verbs = [Verb.EDIT, Verb.HOLD] if view.letter else [Verb.HOLD, Verb.REJECT]
    said = view.approvals is not None and bool(view.approvals.looks_good)
    if view.letter and not said and approving is None:
        verbs.insert(0, Verb.FINE)
    first = [approving | {"action_id": f"{Verb.APPROVE}{mark}"}] if approving else []
    return first + [_make(view, verb, mark) for verb in verbs]


def _make(view: CaseView, verb: Verb, mark: str) -> Block:
    label, style = verb.row.button, "primary" if verb is Verb.FINE else ""
    says = f"{label}: case {view.id}, {view.facts.customer.name}"
    return button(f"{verb}{mark}", label, binding(view).encode(), style=style, says=says)


def _named(view: CaseView) -> str:
    name = mrkdwn(wording.customer(view.facts.customer.name))
    return f"{name} ({wording.money(view.facts.asked)})"


def _said(view: CaseView, person: str, now: datetime) -> str:
    if view.state is State.WAITING and not looks_after(person, view.manager):
        return "somebody else looks after this customer now"
    return lower_first(status_of(view, now).title)


def _list(title: str, lines: Sequence[str]) -> str:
    rest = len(lines) - MOST_LINES
    more = [f"and {rest} more"] if rest > 0 else []
    return cap("\n".join([f"*{title}:*", *lines[:MOST_LINES], *more]), 2900)
