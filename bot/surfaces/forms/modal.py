"""The frame of every modal: how it opens, what it is bound to, and what comes back with it.

It is opened light and at once (`loading`) and then replaced, because a trigger lives three seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.blockkit.blocks import Block, context, paragraph, plain, rich, text
from bot.blockkit.escaping import cap, one_line
from bot.blockkit.ids import Opened
from bot.surfaces.card.buttons import binding
from bot.surfaces.forms.fields import Values
from jobs.decide.verbs import Verb
from jobs.rules.case import CaseView
from jobs.rules.policy.policy import Policy
from jobs.rules.states import State

LOADING = "loading"
"""The name of a modal that asks for nothing."""
SLOW = "If nothing happens within a minute, please close this and press the button again."


@dataclass(frozen=True)
class Submission:
    """What came back with a form."""

    values: Values
    seen: str
    """The fingerprint of what the person was shown; empty where nothing has one."""
    view: Callable[[], CaseView]
    """The case as it is now; for somebody who may not work on it, this ends the submission."""


@dataclass(frozen=True)
class Form:
    """What a verb asks before it decides."""

    draw: Callable[[CaseView, Policy], Block]
    read: Callable[[Submission], object]
    """What the verb's function takes; None if it only asks to confirm. Raises UnusableError."""
    states: frozenset[State] = frozenset({State.WAITING})
    """In which states of the case there is something to enter."""


def loading(name: str) -> Block:
    """What is shown until the case is read; `name` is its external id."""
    blocks = [rich(paragraph(text("Reading the case…"))), context(SLOW)]
    return modal(LOADING, "One moment", blocks, "") | {"external_id": name}


def gone(words: str) -> Block:
    """Instead of a modal that no longer makes sense; `words`, our own, say why."""
    return modal(LOADING, "Not possible", [rich(paragraph(text(words)))], "")


def not_taken(submitted: Mapping[str, Any], words: str) -> Block:
    """The answer to a form that could not be looked at: it stays open, with what was typed.

    `words` stand at its first field; a form without fields is replaced.
    """
    values = (submitted.get("state") or {}).get("values") or {}
    if values:
        return {"response_action": "errors", "errors": {next(iter(values)): words}}
    return {"response_action": "update", "view": gone(words)}


def done(words: str) -> Block:
    """Instead of a modal whose button was pressed; `words`, our own, say what happened."""
    return modal(LOADING, "Noted", [rich(paragraph(text(words)))], "")


def about(view: CaseView, told: str) -> Block:
    """The first lines of a form about a case: whose it is, and `told`."""
    name = cap(one_line(view.facts.customer.name), 600)
    top = [text(name, bold=True), text(f" · case {view.id}\n{told}")]
    return rich(paragraph(*top))


def bound(view: CaseView, seen: str = "") -> str:
    """The private metadata of a form about a case; `seen` is the fingerprint of what it shows."""
    return Opened(binding(view), seen).encode()


def asking(verb: Verb, blocks: list[Block], meta: str, submit: str, title: str = "") -> Block:
    """The form of a verb; `submit` is the label of its button."""
    return modal(verb.value, title or verb.row.button.removesuffix("…"), blocks, meta, submit)


def modal(name: str, title: str, blocks: list[Block], meta: str, submit: str = "") -> Block:
    """Any modal; without `submit` it can only be closed."""
    made: Block = {"type": "modal", "callback_id": name, "blocks": blocks}
    made |= {"title": plain(title, 24), "close": plain("Cancel" if submit else "Close", 24)}
    made |= {"private_metadata": meta}
    return made | ({"submit": plain(submit, 24)} if submit else {})
