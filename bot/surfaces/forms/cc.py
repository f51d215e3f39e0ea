"""The part of the Edit form that says who gets a copy, now and of later messages to this customer.

Addresses of the customer are chosen from those that are known; only a colleague's is typed.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.blockkit.blocks import Block
from bot.blockkit.escaping import one_line
from bot.blockkit.ids import Field
from bot.surfaces.card.reasons import ReasonOption
from bot.surfaces.forms import fields
from bot.surfaces.forms.fields import Values, unusable
from bot.surfaces.forms.modal import Submission
from jobs.rules.case import CaseView
from jobs.rules.facts.addresses import own_domain
from jobs.rules.gates.cc import MOST_CC, is_colleague

MOST_ADDRESSES = 10
"""Checkboxes hold no more."""
REMEMBERED = f"Also of later messages to this customer; at most {MOST_CC} addresses."


def cc_inputs(view: CaseView, cc: Sequence[str]) -> list[Block]:
    """Checkboxes for known addresses, those in `cc` ticked, and a line for a colleague of ours."""
    made = []
    if options := {one: _option(one) for one in _offered(view, cc)}:
        element: Block = {"type": "checkboxes", "action_id": Field.CC.value}
        element["options"] = list(options.values())
        ticked = [option for one, option in options.items() if one in cc]
        element |= {"initial_options": ticked} if ticked else {}
        made.append(_labelled(view, Field.CC, "Copy to", element, REMEMBERED))
    if home := own_domain(_ours(view)):
        line = fields.line(Field.COLLEAGUE, "")
        made.append(_labelled(view, Field.COLLEAGUE, f"Copy to a colleague, at {home}", line))
    return made


def chosen_cc(sent: Submission) -> tuple[str, ...] | None:
    """The chosen addresses, in lower case; None if the form did not ask.

    Raises UnusableError for a typed one that is none of ours, and for too many.
    """
    if not fields.asked(sent.values, Field.CC, Field.COLLEAGUE):
        return None
    view, keys = sent.view(), fields.several(sent.values, Field.CC)
    cc = view.letter.cc if view.letter else ()
    ticked = [one for one in _offered(view, cc) if fields.address_key(one) in keys]
    found = tuple(dict.fromkeys([*ticked, *_typed(view, sent.values)]))
    if len(found) > MOST_CC:
        raise unusable(sent.values, Field.CC, f"Please choose at most {MOST_CC}.")
    return found


def _typed(view: CaseView, values: Values) -> list[str]:
    typed = fields.typed(values, Field.COLLEAGUE).lower()
    if typed and not is_colleague(typed, _ours(view)):
        told = f"Please give an address at {own_domain(_ours(view))}, or leave this empty."
        raise unusable(values, Field.COLLEAGUE, told)
    return [typed] if typed else []


def _offered(view: CaseView, cc: Sequence[str]) -> list[str]:
    """Those that get a copy now, and as many others as there is room for."""
    return [*cc, *(one for one in view.people if one not in cc)][:MOST_ADDRESSES]


def _option(address: str) -> Block:
    return fields.option(fields.address_key(address), ReasonOption(one_line(address), ""))


def _labelled(view: CaseView, field: Field, label: str, element: Block, hint: str = "") -> Block:
    return fields.labelled(field, view.draft_version, label, element, hint=hint, optional=True)


def _ours(view: CaseView) -> str:
    """The address that the message comes from, or empty."""
    return view.letter.sender_address if view.letter else ""
