"""A case as a card in the finance channel: what it is, why, what would be sent, and the buttons.

Every part says itself twice: as blocks, and as a line of the plain text that screen readers and
notifications get instead of the blocks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.blockkit.blocks import Block, actions
from bot.blockkit.escaping import cap, mrkdwn
from bot.blockkit.ids import block_id
from bot.blockkit.lint import MOST_TEXT
from bot.surfaces.card import parts
from bot.surfaces.card.buttons import buttons
from bot.surfaces.card.parts import Part, ShownTo
from jobs.rules.case import CaseView
from jobs.rules.states import State

BEFORE_SENDING = frozenset(
    {State.NEW, State.WAITING, State.APPROVED, State.SENDING, State.UNKNOWN, State.SNOOZED}
)
WITH_LETTER = frozenset(
    {State.WAITING, State.APPROVED, State.SENDING, State.UNKNOWN, State.SENT, State.DONE}
)
_UNDRAWN = (
    "This card could not be shown in full, so it has no buttons. Where the case stands now is "
    "below. It is drawn again at the next change."
)


@dataclass(frozen=True)
class Card:
    """What chat.postMessage and chat.update take. Without blocks it is a plain text card."""

    text: str
    blocks: list[Block]


def card(view: CaseView, now: datetime, *, people: Mapping[str, str]) -> Card:
    """The card of `view` at `now`; `people` are display names by Slack user id, for the text."""
    made = list(_parts(view, now, ShownTo(people, view.facts.company.zone)))
    return Card(story([part.said for part in made]), [b for part in made for b in part.blocks])


def plain(view: CaseView, now: datetime, *, people: Mapping[str, str]) -> Card:
    """The same story without blocks or buttons, for when Slack has refused the card."""
    reader = ShownTo(people, view.facts.company.zone)
    made = [*_told(view, now, reader), parts.footer(view, reader)]
    return Card(story([_UNDRAWN, *(part.said for part in made)]), [])


def _parts(view: CaseView, now: datetime, reader: ShownTo) -> Iterator[Part]:
    yield from _told(view, now, reader)
    yield from _given(_buttons(view, now))
    yield parts.footer(view, reader)


def _told(view: CaseView, now: datetime, reader: ShownTo) -> Iterator[Part]:
    yield parts.title(view)
    yield parts.status(view, now, reader)
    yield from _given(parts.changes(view, reader), parts.why(view, reader))
    yield from _given(parts.set_aside(view, reader))
    yield parts.invoices(view) if view.state in BEFORE_SENDING else parts.invoices_named(view)
    yield from _given(parts.background(view, reader))
    if view.state in WITH_LETTER:
        yield from parts.letter(view)
        yield from _given(parts.violations(view, reader), parts.unusual(view))


def _given(*some: Part | None) -> list[Part]:
    return [part for part in some if part is not None]


def _buttons(view: CaseView, now: datetime) -> Part | None:
    made = buttons(view, now)
    if not made:
        return None
    labels = ", ".join(mrkdwn(one["text"]["text"]) for one in made)
    return Part((actions(made, block_id("actions", view.version)),), f"Buttons: {labels}.")


def story(said: Sequence[str]) -> str:
    """The lines as one text of at most 4000 characters; the longest is shortened, and says so."""
    lines = [line for line in said if line]
    too_much = len("\n".join(lines)) - MOST_TEXT
    if too_much > 0:
        longest = max(range(len(lines)), key=lambda n: len(lines[n]))
        lines[longest] = cap(lines[longest], max(len(lines[longest]) - too_much, 40))
    return cap("\n".join(lines), MOST_TEXT)
