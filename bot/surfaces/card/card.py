"""A case as a card in the finance channel: what it is, why, what would be sent, and the buttons.

Every part says itself twice: as blocks, and as a line of the plain text that screen readers and
notifications get instead of the blocks. Once a case is decided its card shrinks to its head, one
line of state and the message, folded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.blockkit.blocks import Block, actions, context, mrkdwn_of, paragraph, rich, section, text
from bot.blockkit.escaping import cap, mrkdwn
from bot.blockkit.ids import block_id
from bot.blockkit.lint import MOST_TEXT
from bot.surfaces.card import amounts, footer, message
from bot.surfaces.card.buttons import buttons, ways_out
from bot.surfaces.card.parts import Line, Part, ShownTo, below, dotted
from bot.surfaces.card.status import status_of, told
from bot.surfaces.card.why import changes, set_aside, stops, why
from jobs.rules.case import CaseView
from jobs.rules.states import OPEN, State

UNDECIDED = frozenset({State.NEW, State.WAITING})
_UNDRAWN = (
    "This card could not be shown in full, so it has no buttons. Where the case stands now is "
    "below. It is drawn again at the next change."
)


@dataclass(frozen=True)
class Card:
    """What chat.postMessage and chat.update take. Without blocks it is a plain text card."""

    text: str
    blocks: list[Block]


def card(
    view: CaseView,
    now: datetime,
    *,
    people: Mapping[str, str],
    folds: bool = False,
    books: str = "",
) -> Card:
    """The card of `view` at `now`.

    `people` are display names by Slack user id. `folds`: Slack takes containers. `books` is the
    base URL of QuickBooks' pages.
    """
    reader = ShownTo(people, view.facts.company.zone, folds, books)
    made = list(_parts(view, now, reader))
    return Card(story([part.said for part in made]), [b for part in made for b in part.blocks])


def plain(view: CaseView, now: datetime, *, people: Mapping[str, str]) -> Card:
    """The same story without blocks or buttons, for when Slack has refused the card."""
    reader = ShownTo(people, view.facts.company.zone)
    made = [*_told(view, now, reader, []), _last(view, reader)]
    return Card(story([_UNDRAWN, *(part.said for part in made)]), [])


def case_in_modal(view: CaseView, now: datetime, reader: ShownTo) -> list[Block]:
    """The whole case for a modal, which takes neither tables nor containers.

    Buttons and footer are up to the modal.
    """
    told = [amounts.title(view), _state(view, now, reader, [])]
    told += _undecided(view, reader, {}, tables=False)
    told += _given(footer.background(view, replace(reader, folds=False)))
    return [block for part in told for block in part.blocks]


def _parts(view: CaseView, now: datetime, reader: ShownTo) -> Iterator[Part]:
    offered = buttons(view, now, amounts.linked(view, reader.books))
    yield from _told(view, now, reader, offered)
    in_a_row = offered and (view.state in UNDECIDED or len(offered) > 1)
    row = (actions(offered, block_id("actions", view.version)),) if in_a_row else ()
    yield Part(row, _labelled([*ways_out(view).values(), *offered]))
    if view.state in UNDECIDED:
        yield from _given(footer.background(view, reader))
    yield _last(view, reader)


def _told(
    view: CaseView, now: datetime, reader: ShownTo, offered: Sequence[Block]
) -> Iterator[Part]:
    yield amounts.title(view)
    yield _state(view, now, reader, offered)
    if view.state in UNDECIDED:
        yield from _undecided(view, reader, ways_out(view))
    else:
        yield from message.letter_folded(view, reader)


def _undecided(
    view: CaseView, reader: ShownTo, beside: Mapping[str, Block], *, tables: bool = True
) -> Iterator[Part]:
    """Everything that somebody has to have seen before deciding."""
    yield from _given(changes(view, reader), stops(view, beside, reader))
    yield from _given(why(view, reader), set_aside(view, reader))
    yield amounts.invoices(view, tables=tables)
    if view.state is State.WAITING:
        yield from message.letter(view)
        yield from _given(message.violations(view, reader), message.unusual(view))


def _last(view: CaseView, reader: ShownTo) -> Part:
    return footer.footer(view, reader) if view.state in UNDECIDED else footer.short_footer(view)


def _given(*some: Part | None) -> list[Part]:
    return [part for part in some if part is not None]


def _state(view: CaseView, now: datetime, reader: ShownTo, offered: Sequence[Block]) -> Part:
    """One line of state with the one thing that can still be done, then what explains it."""
    shown, undecided = status_of(view, now), view.state in UNDECIDED
    if undecided:
        shown = replace(shown, tail=(*shown.tail, *amounts.lateness(view)))
    top = dotted([[text(f"{shown.mark} "), text(shown.title, bold=True)], *shown.tail])
    invoice = amounts.only_invoice(view) if undecided else []
    blocks = [_lines([top, *shown.lines, invoice], reader, () if undecided else offered)]
    said = told(shown, reader)
    if view.shadow and view.state in OPEN:  # a closed card says itself what became of it
        blocks.append(context("*Shadow mode: nothing will be sent* or written to QuickBooks."))
        said = f"Shadow mode: nothing will be sent. {said}"
    return Part(tuple(blocks), said)


def _lines(lines: Sequence[Line], reader: ShownTo, offered: Sequence[Block]) -> Block:
    """Rich text, or a section where one button stands beside it."""
    pieces = reader.line(below(lines))
    if len(offered) == 1:
        return section(mrkdwn_of(pieces), offered[0])
    return rich(paragraph(*pieces))


def _labelled(offered: Sequence[Block]) -> str:
    labels = [one["text"] for one in offered if one["type"] == "button"]
    labels += [o["text"] for one in offered for o in one.get("options", ())]
    named = ", ".join(mrkdwn(label["text"]) for label in labels)
    return f"Buttons: {named}." if named else ""


def story(said: Sequence[str]) -> str:
    """The lines as one text of at most 4000 characters; the longest is shortened, and says so."""
    lines = [line for line in said if line]
    too_much = len("\n".join(lines)) - MOST_TEXT
    if too_much > 0:
        longest = max(range(len(lines)), key=lambda n: len(lines[n]))
        lines[longest] = cap(lines[longest], max(len(lines[longest]) - too_much, 40))
    return cap("\n".join(lines), MOST_TEXT)
