"""The worklist: one case after the other in a modal, each as whole as its card. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.blockkit.blocks import (
    Block,
    actions,
    button,
    context,
    divider,
    paragraph,
    rich,
    section,
    text,
)
from bot.blockkit.escaping import cap, mrkdwn
from bot.blockkit.ids import WorklistButton, WorklistPlace, block_id, of_company
from bot.surfaces import answers, wording
from bot.surfaces.card.buttons import buttons
from bot.surfaces.card.card import case_in_modal
from bot.surfaces.card.footer import footer
from bot.surfaces.card.parts import ShownTo
from bot.surfaces.card.status import status_of
from bot.surfaces.forms.modal import modal
from jobs.decide.verbs import Verb
from jobs.rules.case import CaseView
from jobs.store.companies import ConnectedCompany

NAME = "worklist"
"""The callback id of the modal."""
SHOWN = (Verb.APPROVE, Verb.FINE, Verb.EDIT, Verb.REJECT)
"""The verbs that it offers; everything else is on the card."""
MOST_PASSED = 5
NOTHING = "No case is waiting for your decision just now."
AFTER = {Verb.EDIT: "Saved as a new version. Please read it once more."}
"""What is told above the case after its form was submitted."""


@dataclass(frozen=True)
class WorklistHead:
    """What stands above a case: the last decision, what others decided meanwhile, and an answer."""

    last: CaseView | None = None
    passed: Sequence[CaseView] = ()
    words: str = ""


def start(company: ConnectedCompany, count: int) -> Block:
    """The button that opens the worklist of a company, in which `count` cases are."""
    label = f"Start · {count} to decide" if count else "Start"
    says = f"Go through the cases of {company.name} that wait for your decision"
    value = of_company(company.realm)
    return button(WorklistButton.START, label, value, style="primary", says=says)


def case(
    view: CaseView,
    place: WorklistPlace,
    head: WorklistHead,
    now: datetime,
    people: Mapping[str, str],
) -> Block:
    """The modal with this case, at its place in the worklist."""
    reader = ShownTo(people, view.facts.company.zone)
    blocks = [*_head(head, now), *case_in_modal(view, now, reader), *_buttons(view, now)]
    blocks += footer(view, reader).blocks
    title = f"{place.at + 1} of {len(place.cases)}"
    return modal(NAME, title, blocks, place.encode())


def end(place: WorklistPlace, head: WorklistHead, now: datetime) -> Block:
    """The modal after the last case."""
    told = "That was the last one. Cases that you skipped wait in the channel and in App Home."
    blocks = [*_head(head, now), rich(paragraph(text("All done. ", bold=True), text(told)))]
    return modal(NAME, "All done", blocks, place.encode())


def _head(head: WorklistHead, now: datetime) -> list[Block]:
    """The last decision with its Undo, what was passed over, and the answer to the last click."""
    found = [section(cap(head.words, 2000))] if head.words else []
    passed = [_passed(view) for view in head.passed[:MOST_PASSED]]
    if rest := len(head.passed) - MOST_PASSED:
        passed += [f"and {rest} more"] if rest > 0 else []
    found += [context(*passed)] if passed else []
    if head.last:
        found.append(_last(head.last, now))
    return [*found, divider()] if found else []


def _last(view: CaseView, now: datetime) -> Block:
    undo = [one for one in buttons(view, now) if one["action_id"] == Verb.UNDO]
    told = f"{status_of(view, now).title}: {_named(view)}"
    return section(told, undo[0] if undo else None)


def _passed(view: CaseView) -> str:
    last = view.decisions[-1] if view.decisions else None
    if last is None:
        return f"{_named(view)}: {answers.STATE_WORDS[view.state]}"
    return f"{_named(view)}: {answers.decided(last.kind, last.actor, last.at, view.state)}"


def _named(view: CaseView) -> str:
    name = mrkdwn(wording.customer(view.facts.customer.name, 120))
    return f"*{name}* · {wording.money(view.facts.asked)} · case {view.id}"


def _buttons(view: CaseView, now: datetime) -> list[Block]:
    """The card's own buttons for a decision, and Skip."""
    offered = {one["action_id"]: one for one in buttons(view, now)}
    row = [offered[verb] for verb in SHOWN if verb in offered]
    says = "Leave this case as it is and show the next one"
    row.append(button(WorklistButton.SKIP, "Skip", view.id, says=says))
    return [actions(row, block_id(f"worklist-{view.id}", view.version))]
